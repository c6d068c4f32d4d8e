"""Decisions that are missing, damaged, or not what a snapshot says, in each of the five ledgers."""

import json

import pytest

from mlprod import ModelSerializer, fsck
from mlprod.consistency._ledger import gaps
from mlprod.models._fold import MODELS
from mlprod.schema import dump
from mlprod.storage import Ledger
from mlprod.storage._ledger import COMMIT, SNAPSHOT
from mlprod.testing import FaultyStore
from tests.consistency.history import flipped

LEDGERS = ("models", "experiments", "alerts", "drift", "journal")


def commits(store, area):
    return store.list(f"{area}/ledger/commits")


def snapshots(store, area):
    return store.list(f"{area}/ledger/snapshots")


@pytest.mark.parametrize(
    ("numbers", "last", "expected"),
    [
        ([], 0, []),
        ([1, 2, 3], 3, []),
        ([2, 5], 7, [(1, 1), (3, 4), (6, 7)]),
        ([3, 1], 3, [(2, 2)]),
        ([], 2, [(1, 2)]),
    ],
)
def test_gaps(numbers, last, expected):
    assert expected == gaps(numbers, last)


@pytest.mark.parametrize("area", LEDGERS)
def test_a_missing_decision(whole, check, area):
    """Also one before the snapshots, which nobody reads any more: history asks for it."""
    path = commits(whole, area)[0]
    whole.delete(path)
    expected = [("missing_decision", path)]
    assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)


def test_missing_decisions_in_a_row_are_one_finding(whole, check):
    first, second = commits(whole, "models")[:2]
    for path in (first, second):
        whole.delete(path)
    assert [("missing_decision", first)] == check(whole)
    (finding,) = fsck(whole).findings
    assert "decisions 1 to 2 of models/ledger are missing" in finding.detail
    assert (False, "error") == (finding.repairable, finding.severity)


def test_decisions_that_a_snapshot_knows_and_the_folder_does_not(whole, check):
    """A backup brought back the snapshots, and older decisions."""
    newest = int(snapshots(whole, "models")[-1][-25:-5])
    gone = [path for path in commits(whole, "models") if int(path[-25:-5]) >= newest - 1]
    for path in gone:
        whole.delete(path)
    assert ("missing_decision", gone[0]) == check(whole)[0]


@pytest.mark.parametrize("area", LEDGERS)
@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "another"])
def test_a_damaged_decision(whole, check, area, how):
    """What only its state would tell is not asked: nothing is an orphan, nothing is deleted."""
    path = commits(whole, area)[-1]
    data = whole.get(path)
    changed = {
        "flipped": flipped(data),
        "cut": data[:-3],
        "empty": b"",
        "another": whole.get(commits(whole, area)[0]),
    }
    whole.put(path, changed[how])
    expected = [("damaged_decision", path)]
    before = {name: whole.get(name) for top in LEDGERS for name in whole.list(top)}
    assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)
    assert before == {name: whole.get(name) for top in LEDGERS for name in whole.list(top)}


def test_a_damaged_decision_before_the_snapshots_is_found_when_all_is_read(whole, check):
    path = commits(whole, "models")[0]
    whole.put(path, flipped(whole.get(path)))
    assert ([], [("damaged_decision", path)]) == (check(whole), check(whole, deep=True))


@pytest.mark.parametrize("area", LEDGERS)
def test_a_newer_mlprod_has_decided(whole, check, area):
    """Whoever does not know what was decided says so, and removes nothing anywhere."""
    path = commits(whole, area)[-1]
    document = json.loads(whole.get(path))["data"]
    document["events"][0]["version"] = 99
    whole.put(path, dump("ledger.commit", 1, document))
    orphan = "models/payloads/har/20250101T000000.000000Z-0123456789abcdef.json"
    whole.put(orphan, b"[]")
    report = fsck(whole, repair=True, grace_hours=0)
    assert "newer_schema" == report.findings[0].kind
    assert "error" == report.findings[0].severity
    assert "Upgrade mlprod" in report.findings[0].detail
    assert (path, 0) == (report.findings[0].path, report.repaired)
    assert orphan in whole.list("models")
    assert area == "models" or ("orphan_payload", orphan) in check(whole, repair=True)


def test_decisions_that_do_not_follow_from_each_other(store, check, clock):
    models = ModelSerializer(store, clock=clock)
    models.save([1], "a", activate=True)
    path = "models/ledger/commits/00000000000000000001.json"
    commit = COMMIT.load(store.get(path), path)
    document = {
        "kind": "model.promoted",
        "version": 1,
        "data": {"name": "a", "version": "9.9.9", "stage": "staging"},
    }
    wrong = {"number": 2, "nonce": "0" * 32, "time": commit.time.isoformat(), "events": [document]}
    store.put("models/ledger/commits/00000000000000000002.json", dump("ledger.commit", 1, wrong))
    assert [("contradictory_decision", "models/ledger")] == check(store) == check(store, repair=True)
    assert "does not follow from the decisions before it" in fsck(store).findings[0].detail


@pytest.mark.parametrize("area", LEDGERS)
@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "another"])
def test_a_damaged_snapshot(whole, check, area, how):
    """It only saves reading, and goes."""
    path = snapshots(whole, area)[-1]
    data = whole.get(path)
    other = whole.get(snapshots(whole, "drift" if area == "models" else "models")[-1])
    changed = {"flipped": flipped(data), "cut": data[:-3], "empty": b"", "another": other}
    whole.put(path, changed[how])
    expected = [("damaged_snapshot", path)]
    assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)
    assert [] == check(whole, repair=True)
    assert path not in whole.list(area)


def test_a_snapshot_under_another_number(whole, check):
    (older, newest) = snapshots(whole, "models")
    path = newest.replace(newest[-25:], f"{int(newest[-25:-5]) - 1:020}.json")
    whole.put(path, whole.get(older))
    assert [("damaged_snapshot", path)] == check(whole) == check(whole, repair=True)


@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize("deep", [False, True])
def test_a_snapshot_that_is_whole_and_wrong(whole, check, clock, which, deep):
    """The beginning tells that it is the snapshot, and which of two: decisions are right."""
    path = snapshots(whole, "models")[which]
    snapshot = SNAPSHOT.load(whole.get(path), path)
    snapshot.state["data"]["models"]["har"]["production"] = "1.0.0"
    snapshot.state["data"]["models"]["har"]["aliases"]["forged"] = "1.0.0"
    whole.put(path, SNAPSHOT.dump(snapshot))
    report = fsck(whole, repair=True, deep=deep, clock=clock)
    assert [("wrong_snapshot", path, "error", True)] == [
        (finding.kind, finding.path, finding.severity, finding.repaired) for finding in report.findings
    ]
    assert [] == check(whole, repair=True)
    assert path not in whole.list("models")


def test_where_decisions_are_lost_every_snapshot_is_kept(whole, check):
    """It may be the last trace of them."""
    whole.delete(commits(whole, "models")[0])
    path = snapshots(whole, "models")[-1]
    whole.put(path, flipped(whole.get(path)))
    report = fsck(whole, repair=True)
    assert {"missing_decision": 1, "damaged_snapshot": 1} == report.counts
    assert {(False, False)} == {(finding.repairable, finding.repaired) for finding in report.findings}
    assert path in whole.list("models")


def test_each_decision_is_read_once(whole):
    """Also where the snapshots are gone, or contradict, so that all are read."""
    for path in snapshots(whole, "models"):
        whole.delete(path)
    for deep in (False, True):
        watched = FaultyStore(whole)
        fsck(watched, deep=deep)
        reads = [line for line in watched.log if "/ledger/" in line]
        assert sorted(set(reads)) == sorted(reads)


def test_a_decision_made_after_the_listing_is_no_gap(whole, check):
    """A listing shows what it had come to: the rest is asked for."""
    newest = Ledger(whole, MODELS).head().number

    class Behind:
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def list(self, folder):
            return [
                path
                for path in self.inner.list(folder)
                if not path.endswith((f"{newest - 1:020}.json", f"{newest - 2:020}.json"))
            ]

    assert [] == check(Behind(whole)) == check(Behind(whole), deep=True)
