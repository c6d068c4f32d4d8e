"""Blocks and segments that are missing, damaged or cut short, and files that nobody needs any more."""

import json

import numpy as np
import pytest
import xxhash

from mlprod import PerformanceMonitor, fsck
from mlprod._clock import to_ns
from mlprod.storage import Ledger, MemoryStore
from mlprod.storage.journal._segment import SegmentHeader
from mlprod.storage.journal._state import JOURNAL
from tests.consistency.history import flipped

DAY_NS = 86_400 * 10**9


def blocks(store):
    streams = Ledger(store, JOURNAL).head().state.streams.values()
    return sorted(ref.path for stream in streams for ref in stream.blocks)


@pytest.fixture
def named(later):
    """Give the name of a file that was begun some days before the time at which it is looked at."""

    def named(days, suffix=".col"):
        return f"{to_ns(later()) - round(days * DAY_NS):016x}-0123456789abcdef{suffix}"

    return named


def is_near(store):
    return store.local_path("journal") is not None or not store.guarantees().durable


def segment(store):
    (path,) = (path for path in store.list("journal/raw/monitoring/har") if path.endswith(".seg"))
    return path


def test_a_missing_block(whole, check):
    paths = blocks(whole)
    for path in paths:
        data = whole.get(path)
        whole.delete(path)
        found = [("missing_block", path)]
        found += [("orphan_summary", f"{path}.sum")] if f"{path}.sum" in whole.list("journal") else []
        assert found == check(whole) == check(whole, deep=True)
        whole.put(path, data)
    assert len(paths) > 5
    assert [] == check(whole)


def test_it_says_how_much_is_missing(whole):
    for path in blocks(whole):
        if "/drift/" in path:
            whole.delete(path)
    details = [finding.detail for finding in fsck(whole).findings]
    assert all(" records of monitoring/har/drift/1.0.0 are missing in " in detail for detail in details)
    assert 5 == sum(int(detail.partition(" ")[0]) for detail in details)


@pytest.mark.parametrize("how", ["header", "cut", "empty", "another"])
def test_a_damaged_block(whole, check, how):
    """On a bucket, where a look is a download, it is found when all is read."""
    first, second = blocks(whole)[:2]
    data = whole.get(first)
    changed = {"header": flipped(data, 30), "cut": data[:-64], "empty": b"", "another": whole.get(second)}
    whole.put(first, changed[how])
    found = [("damaged_block", first)]
    assert (found if is_near(whole) else []) == check(whole)
    assert found == check(whole, deep=True) == check(whole, deep=True, repair=True)
    assert first in whole.list("journal")


def test_a_flipped_bit_is_found_when_all_is_read(whole, check):
    """In columns, in their order, and in what says which segments are in it."""
    for path in (path for path in blocks(whole) if "/monitoring/har/predictions/" in path):
        data = whole.get(path)
        length = int.from_bytes(data[8:12], "little")
        header = json.loads(data[20 : 20 + length])
        base = -(-(20 + length) // 64) * 64
        for start, _, _ in header["arrays"].values():
            whole.put(path, flipped(data, base + start))
            assert ([], [("damaged_block", path)]) == (check(whole), check(whole, deep=True))
        whole.put(path, data)


def test_a_damaged_segment(whole, check):
    """Nobody can read it, and nobody deletes it."""
    path = segment(whole)
    whole.put(path, flipped(whole.get(path), 30))
    expected = [("damaged_segment", path)]
    assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)
    assert "left out of all figures" in fsck(whole).findings[0].detail


def test_a_segment_of_another_stream(whole, check):
    path = segment(whole)
    moved = path.replace("/har/", "/other/")
    whole.put(moved, whole.get(path))
    assert [("damaged_segment", moved)] == check(whole)


def test_a_damaged_batch(whole, check, clock):
    """Records that were recorded at once, and are not compacted yet."""
    monitor = PerformanceMonitor(whole, clock=clock)
    monitor.record_predictions("har", "2.0.0", correct=True, confidence=np.linspace(0, 1, 50))
    monitor._keeper.stop()
    (path,) = (path for path in whole.list("journal/raw") if path.endswith(".col"))
    data = whole.get(path)
    assert [] == check(whole) == check(whole, deep=True)
    whole.put(path, flipped(data, len(data) - 70))
    assert ([], [("damaged_segment", path)]) == (check(whole), check(whole, deep=True))
    whole.put(path, flipped(data, 30))
    found = [("damaged_segment", path)]
    assert (found if is_near(whole) else [], found) == (check(whole), check(whole, deep=True))


def test_records_that_a_kill_cut_short_are_normal(whole, check):
    path = segment(whole)
    data = whole.get(path)
    header = SegmentHeader.decode(data, path)
    size = header.layout.size
    torn = bytearray(b"\7" * size)
    torn[header.layout.dtype.fields["mark"][1]] = 0
    place = header.first + 20 * size
    whole.put(path, data[:place] + bytes(2 * torn) + data[place + 2 * size :])
    report = fsck(whole)
    assert ({"torn_records": 1}, True) == (report.counts, report.ok)
    assert (path, "info") == (report.findings[0].path, report.findings[0].severity)
    assert "2 records were begun and never finished" in report.findings[0].detail
    assert [("torn_records", path)] == check(whole, repair=True) == check(whole, repair=True)


def test_what_a_writer_has_not_begun_is_nothing(whole, check, named):
    whole.put(f"journal/raw/monitoring/har/actuals/{named(9, '.seg')}", bytes(1 << 16))
    assert [] == check(whole, deep=True)


@pytest.fixture
def covered(whole):
    """Give a raw file whose records are in a block, and that is still there."""
    streams = Ledger(whole, JOURNAL).head().state.streams
    path = next(path for stream in streams.values() for path in stream.covered if path.endswith(".seg"))
    whole.put(path, whole.get(segment(whole)))
    return path


def test_what_compaction_left_behind(whole, covered, check, named):
    """It goes by the rules of the sweeper, when it has been nobody's for longer than the grace period."""
    folder = blocks(whole)[0].rpartition("/")[0]
    block, summary, young = (f"{folder}/{named(days)}" for days in (3, 4, 0.5))
    for path in (
        block,
        f"{block}.sum",
        f"{summary}.sum",
        young,
        f"{young}.sum",
        f"{folder}/{named(0.6)}.sum",
    ):
        whole.put(path, b"x")
    expected = [("covered_file", covered), ("orphan_block", block), ("orphan_summary", f"{summary}.sum")]
    assert expected == check(whole) == check(whole, deep=True) == check(whole, repair=True)
    assert [] == check(whole, repair=True)
    here = set(whole.list("journal"))
    assert here.isdisjoint([covered, block, f"{block}.sum", f"{summary}.sum"])
    assert {young, f"{young}.sum", f"{folder}/{named(0.6)}.sum", *blocks(whole)} <= here


def test_no_grace_period_is_shorter_than_the_hour_in_which_a_compaction_may_decide(whole, check, named):
    folder = blocks(whole)[0].rpartition("/")[0]
    old, young = f"{folder}/{named(1.1 / 24)}", f"{folder}/{named(0.9 / 24)}"
    for path in (old, young):
        whole.put(path, b"x")
    assert [("orphan_block", old)] == check(whole, grace_hours=0, repair=True)
    assert [] == check(whole, grace_hours=0)
    assert young in whole.list("journal")


def test_a_file_whose_name_tells_no_time_is_left_alone(whole, check):
    folder = blocks(whole)[0].rpartition("/")[0]
    whole.put(f"{folder}/copy.col", b"x")
    assert [] == check(whole, repair=True)
    assert f"{folder}/copy.col" in whole.list("journal")


def test_a_damaged_summary(whole, check):
    """It only saves reading, and goes; on a bucket it is found when all is read."""
    path = next(path for path in whole.list("journal") if path.endswith(".sum"))
    whole.put(path, whole.get(path)[:-1])
    found = [("damaged_summary", path)]
    assert (found if is_near(whole) else []) == check(whole)
    assert found == check(whole, deep=True, repair=True)
    assert [] == check(whole, deep=True, repair=True)
    assert path not in whole.list("journal")


def test_a_large_batch_that_became_a_block_where_it_lies(store, check, clock):
    """It is raw by its place, and a block by decision; without that it would be a raw file again."""
    with PerformanceMonitor(store, clock=clock) as monitor:
        monitor.record_predictions("har", "1", correct=True, confidence=np.linspace(0, 1, 131_072))
    (path,) = (path for path in blocks(store) if path.startswith("journal/raw/"))
    assert [] == check(store) == check(store, deep=True)
    data = store.get(path)
    store.put(path, flipped(data, len(data) - 70))
    assert ([], [("damaged_block", path)]) == (check(store), check(store, deep=True))
    store.delete(path)
    assert [("missing_block", path), ("orphan_summary", f"{path}.sum")] == check(store)


def test_a_block_merged_during_the_look_is_not_missed(clock, later):
    """It is gone because of a decision that came after the others were read."""
    store = MemoryStore()
    monitor = PerformanceMonitor(store, clock=clock)

    def record():
        monitor.record_predictions("har", "1", correct=True, confidence=np.linspace(0, 1, 50))
        monitor.compact("har")

    class Merging:
        merged = False

        def __getattr__(self, name):
            return getattr(store, name)

        def get(self, path):
            if path.startswith("journal/blocks") and not self.merged:
                self.merged = True
                record()
            return store.get(path)

    record()
    before = blocks(store)
    monitor._keeper.stop()
    looked = Merging()
    assert () == fsck(looked, clock=later).findings
    assert looked.merged
    assert set(before).isdisjoint(blocks(store))


def test_records_of_an_experiment_that_nobody_drew_up(whole, check):
    """Compacted or not: its decisions are lost, or it came from elsewhere."""
    raw = "journal/raw/experiments/lost/trades/1.seg"
    block = "journal/blocks/experiments/gone/trades/1.col"
    data = whole.get(segment(whole)).replace(b"monitoring/har/trades/1.0.0", b"experiments/lost/trades")
    for path in (raw, block):
        whole.put(path, data)
    found = [pair for pair in check(whole, repair=True) if pair[0] == "unknown_experiment"]
    assert [raw.rpartition("/trades")[0], block.rpartition("/trades")[0]] == [path for _, path in found][::-1]
    assert {raw, block} <= set(whole.list("journal"))


def test_a_newer_mlprod_has_recorded(whole, check):
    path = segment(whole)
    data = whole.get(path)
    length = int.from_bytes(data[8:12], "little")
    body = data[20 : 20 + length].replace(b'"version":1', b'"version":9')
    checksum = xxhash.xxh3_64_intdigest(body).to_bytes(8, "little")
    whole.put(path, data[:12] + checksum + body + data[20 + length :])
    assert [("newer_schema", path)] == check(whole) == check(whole, repair=True)
