"""References that are missing, changed, or nobody's, and what was found with them."""

import functools
import json
import time

import numpy as np
import pytest

from mlprod import DriftDetector, fsck
from mlprod.errors import StoreError
from mlprod.schema import dump
from mlprod.storage import MemoryStore
from mlprod.testing import FaultyStore
from tests.consistency.history import flipped

ORPHAN = "drift/references/har/20250101T000000.000000Z-0123456789abcdef.safetensors"


def standing(store):
    detector = DriftDetector(store)
    state = detector._archive._ledger.head().state
    return sorted(event.path for event in state.by_subject.values())


def test_a_missing_reference(whole, check):
    path = standing(whole)[0]
    whole.delete(path)
    expected = [("missing_reference", path)]
    assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)
    assert "call set_reference again" in fsck(whole).findings[0].detail


def test_one_that_was_replaced_may_be_gone(whole, check):
    (replaced,) = set(whole.list("drift/references")) - set(standing(whole))
    whole.delete(replaced)
    assert [] == check(whole) == check(whole, deep=True)


def test_a_reference_of_another_size(whole, check):
    path = standing(whole)[0]
    whole.put(path, whole.get(path)[:-8])
    expected = [("changed_reference", path)]
    assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)


def test_a_flipped_bit_is_found_when_all_is_read(whole, check):
    path = standing(whole)[0]
    whole.put(path, flipped(whole.get(path), len(whole.get(path)) // 2))
    assert ([], [("changed_reference", path)]) == (check(whole), check(whole, deep=True))


def test_a_reference_that_no_decision_names(whole, check, clock, later):
    """A crash came before it was decided on; another one is being written right now."""
    whole.put(ORPHAN, b"x")
    young = f"drift/references/har/{clock().strftime('%Y%m%dT%H%M%S.%fZ')}-0123456789abcdef.safetensors"
    whole.put(young, b"x")
    assert [("orphan_reference", ORPHAN)] == [
        (finding.kind, finding.path) for finding in fsck(whole, clock=clock, grace_hours=0).findings
    ]
    assert [("orphan_reference", ORPHAN), ("orphan_reference", young)] == check(whole, repair=True)
    assert [] == check(whole, repair=True)
    assert {ORPHAN, young}.isdisjoint(whole.list("drift"))
    for subject in ("har", "har@1.0.0", "loose"):
        assert 400 == DriftDetector(whole).get_reference(subject).rows


def test_all_decisions_are_read_only_where_some_file_is_in_doubt(store, clock, later):
    detector = DriftDetector(store, clock=clock)
    for number in range(13):
        detector.set_reference(f"m{number}", {"x": np.arange(200.0)})
    watched = FaultyStore(store)
    assert () == fsck(watched, clock=later).findings
    first = "get drift/ledger/commits/00000000000000000001.json"
    assert first not in watched.log
    detector.set_reference("m0", {"x": np.arange(200.0)})
    watched = FaultyStore(store)
    assert () == fsck(watched, clock=later).findings
    assert first in watched.log


def test_with_a_damaged_beginning_nothing_is_said_to_be_nobodys(store, clock, check):
    detector = DriftDetector(store, clock=clock)
    for number in range(13):
        detector.set_reference(f"m{number}", {"x": np.arange(200.0)})
    path = "drift/ledger/commits/00000000000000000001.json"
    store.put(path, b"")
    store.put(ORPHAN, b"x")
    assert [] == check(store, repair=True)
    assert ORPHAN in store.list("drift")
    assert [("damaged_decision", path)] == check(store, deep=True, repair=True)


def test_a_reference_is_not_decided_on_when_it_may_have_been_taken_for_nobodys(clock, monkeypatch):
    """After an hour between its writing and the decision."""
    store = MemoryStore()
    detector = DriftDetector(store, clock=clock)
    detector.set_reference("m", {"x": np.arange(200.0)})
    real, calls = time.time, []

    def passing():
        calls.append(1)
        return real() + 3600 * (len(calls) > 1)

    monkeypatch.setattr("mlprod.drift._archive.time.time", passing)
    with pytest.raises(StoreError, match="to write it and to decide took more than an hour; set it again"):
        detector.set_reference("m", {"x": np.arange(300.0)})
    monkeypatch.undo()
    assert 200 == DriftDetector(store).get_reference("m").rows


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("reports", "damaged_report"), ("alarms", "damaged_report"), ("observers", "damaged_observer")],
)
@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "another"])
def test_a_damaged_record(whole, check, folder, kind, how):
    """On a bucket, where each costs a request, it is found when all is read."""
    path = whole.list(f"drift/{folder}")[0]
    data = whole.get(path)
    changed = {
        "flipped": functools.partial(flipped, data),
        "cut": lambda: data[:-1],
        "empty": lambda: b"",
        "another": lambda: dump("ledger.commit", 1, {}),
    }
    whole.put(path, changed[how]())
    found = [(kind, path)]
    is_near = whole.local_path("drift") is not None or not whole.guarantees().durable
    assert (found if is_near else []) == check(whole)
    assert found == check(whole, deep=True) == check(whole, deep=True, repair=True)
    assert path in whole.list("drift")


def test_records_of_a_newer_mlprod(whole, check):
    path = whole.list("drift/reports")[0]
    document = json.loads(whole.get(path))
    whole.put(path, dump("drift.report", 99, document["data"]))
    assert [("newer_schema", path)] == check(whole, deep=True)


def test_what_is_about_a_model_that_never_had_a_reference(whole, check):
    """Its decisions are lost, or it came from elsewhere: nobody but a person knows."""
    for path in (*whole.list("drift/reports/har"), *whole.list("drift/observers")):
        whole.put(path.replace("/har/", "/stranger/"), whole.get(path))
    expected = [("orphan_report", "drift/observers/stranger"), ("orphan_report", "drift/reports/stranger")]
    assert expected == check(whole) == check(whole, repair=True) == check(whole, deep=True)
