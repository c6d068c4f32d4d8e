"""Payloads that are missing, changed, or nobody's."""

import json

import pytest
import xxhash

from mlprod import ModelSerializer, Trust, fsck
from mlprod.errors import InvalidConfigError
from mlprod.schema import dump
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore

ORPHAN = "models/payloads/har/20250101T000000.000000Z-0123456789abcdef.json"


def payloads(store):
    return sorted(ModelSerializer(store)._registry().blobs(living=True))


def test_a_missing_payload(whole, check):
    """Of every living version, the examples, too."""
    paths = payloads(whole)
    for path in paths:
        data = whole.get(path)
        whole.delete(path)
        expected = [("missing_payload", path)]
        assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)
        whole.put(path, data)
    assert [] == check(whole)
    assert any(".examples." in path for path in paths)


def test_it_says_whose_payload_it_is_and_what_to_do(whole):
    (path,) = (path for path in payloads(whole) if ".examples." in path)
    whole.delete(path)
    (finding,) = fsck(whole).findings
    assert f"the examples of signed@1.0.0 is missing in {whole.url}" in finding.detail
    assert f"Restore {path} from a backup" in finding.detail


@pytest.mark.parametrize("how", ["cut", "longer", "empty"])
def test_a_payload_of_another_size(whole, check, how):
    path = payloads(whole)[0]
    data = whole.get(path)
    whole.put(path, {"cut": data[:-1], "longer": data + b"\0", "empty": b""}[how])
    expected = [("changed_payload", path)]
    assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)


def test_a_flipped_bit_is_found_when_all_is_read(whole, check):
    for path in payloads(whole):
        data = whole.get(path)
        changed = bytearray(data)
        changed[len(data) // 2] ^= 4
        whole.put(path, bytes(changed))
        assert ([], [("changed_payload", path)]) == (check(whole), check(whole, deep=True))
        whole.put(path, data)


def test_a_signed_payload_whose_checksum_was_made_to_fit(store, clock, check):
    """The hash that was signed tells, also without the key."""
    saved = ModelSerializer(store, clock=clock, trust=Trust(key=b"a secret of 16 bytes or more")).save(
        [1], "a"
    )
    (path,) = store.list("models/payloads")
    commit = "models/ledger/commits/00000000000000000001.json"
    document = json.loads(store.get(commit))["data"]
    store.put(path, b"[2]")
    forged = f"xxh3_128:{xxhash.xxh3_128_hexdigest(b'[2]')}"
    document["events"][0]["data"]["payload"]["checksum"] = forged
    store.put(commit, dump("ledger.commit", 1, document))
    assert forged != saved.checksum
    assert ([], [("changed_payload", path)]) == (check(store), check(store, deep=True))


def test_an_orphan_is_removed_past_the_grace_period(whole, clock, check):
    """By a decision, as cleanup does: a writer that is slower than the grace period learns of it."""
    whole.put(ORPHAN, b"[1]")
    young = f"models/payloads/har/{clock().strftime('%Y%m%dT%H%M%S.%fZ')}-0123456789abcdef.json"
    whole.put(young, b"[1]")
    expected = [("orphan_payload", ORPHAN)]
    decisions = whole.list("models/ledger/commits")
    report = fsck(whole, clock=clock)
    assert expected == [(finding.kind, finding.path) for finding in report.findings]
    assert decisions == whole.list("models/ledger/commits")
    assert (False, True) == (report.ok, report.findings[0].repairable)
    report = fsck(whole, clock=clock, repair=True)
    assert (True, 1, True) == (report.ok, report.repaired, report.findings[0].repaired)
    assert 1 + len(decisions) == len(whole.list("models/ledger/commits"))
    assert () == fsck(whole, clock=clock, repair=True).findings
    assert (ORPHAN in whole.list("models"), young in whole.list("models")) == (False, True)
    assert [("orphan_payload", young)] == check(whole)


def test_a_payload_of_a_deleted_version(store, clock, later):
    """It was to be deleted with its version, and could not be; what happens right now is no finding."""
    models = ModelSerializer(store, clock=clock)
    models.save([1], "a")
    clock.advance(minutes=1)
    models.save([2], "a")
    (path, _) = store.list("models/payloads")
    data = store.get(path)
    models.delete("a@1.0.0")
    store.put(path, data)
    assert () == fsck(store, clock=clock).findings
    assert [("deleted_payload", path)] == [
        (finding.kind, finding.path) for finding in fsck(store, clock=later, repair=True).findings
    ]
    assert () == fsck(store, clock=later, repair=True).findings
    assert path not in store.list("models")
    assert [2] == models.load("a")


def test_a_version_deleted_during_the_look_is_not_missed(clock, later):
    """Its payload is gone because of a decision that came after the others were read."""
    store = MemoryStore()
    models = ModelSerializer(store, clock=clock)
    models.save([1], "a")
    models.save([2], "a")

    class Deleting:
        def __getattr__(self, name):
            return getattr(store, name)

        def size(self, path):
            if "a@1.0.0" in [version.id for version in models.list_models()]:
                models.delete("a@1.0.0")
            return store.size(path)

    assert () == fsck(Deleting(), clock=later).findings
    assert ["a@1.0.1"] == [version.id for version in models.list_models()]


def test_one_file_that_cannot_be_read_is_a_finding(whole, check):
    """Of the disk, or of permissions; the rest is looked at, and nothing is mended that depends on it."""
    for deep in (False, True):
        watched = FaultyStore(whole)
        fsck(watched, deep=deep)
        of_files = [
            at
            for at, line in enumerate(watched.log, 1)
            if line.startswith(("get ", "size ")) and "ledger" not in line
        ]
        for at in of_files[:3]:
            found = check(FaultyStore(whole, at=at, fault=Fault.ERROR), deep=deep)
            assert [("unreadable_file", watched.log[at - 1].partition(" ")[2])] == found


@pytest.mark.parametrize("hours", [-1, float("nan"), 1e7, "1", None])
def test_a_grace_period_that_is_none(store, hours):
    with pytest.raises(InvalidConfigError, match="grace_hours must be a number from 0 to 1e6"):
        fsck(store, grace_hours=hours)
