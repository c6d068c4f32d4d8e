"""Many parts are read as one: all records, each once, in time order, a slice at a time."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.storage.journal import Column, Layout, Part, Reading, Table, _reading, gathered, in_time_order

LAYOUT = Layout((Column("number", "int"),))


def part_of(times, numbers=None, *, loads=None, is_block=False):
    times = np.array(times, np.int64)
    table = Table(LAYOUT, {"time": times, "number": np.arange(len(times)) if numbers is None else numbers})

    def load():
        if loads is not None:
            loads.append(int(times.min()))
        return table

    return Part(
        path="p",
        stream="s",
        rows=len(times),
        since=int(times.min()) if len(times) else 0,
        until=int(times.max()) if len(times) else 0,
        is_block=is_block,
        load=load,
        summary=lambda _: None,
    )


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(_reading, "_SLICE_ROWS", 3)


WRITERS = st.lists(st.lists(st.integers(-20, 20), max_size=12), max_size=6)


@given(WRITERS, st.none() | st.integers(-25, 25), st.none() | st.integers(-25, 25))
def test_any_writers_merge_into_the_sorted_whole(writers, since, until):
    """However their clocks went, back and forth."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_reading, "_SLICE_ROWS", 3)
        expected, parts = [], []
        for writer, times in enumerate(writers):
            numbers = np.arange(len(times)) + 1000 * writer
            parts.append(part_of(times, numbers))
            expected.extend(zip(times, numbers.tolist(), strict=True))
        slices = list(in_time_order(LAYOUT, parts, since=since, until=until))
    found = [pair for t in slices for pair in zip(t["time"].tolist(), t["number"].tolist(), strict=True)]
    inside = [
        pair
        for pair in expected
        if (since is None or pair[0] >= since) and (until is None or pair[0] < until)
    ]
    assert sorted(inside) == sorted(found)
    assert sorted(time for time, _ in inside) == [time for time, _ in found]
    assert all(len(table) for table in slices)


def test_records_of_one_time_keep_the_order_of_their_writer(small_slices):
    slices = in_time_order(LAYOUT, [part_of([5] * 10)])
    assert list(range(10)) == [number for table in slices for number in table["number"].tolist()]


def test_no_more_is_held_than_what_overlaps(small_slices):
    """A part is loaded when its time has come; one outside of what is wanted, never."""
    loads = []
    parts = [part_of(range(first, first + 10), loads=loads) for first in range(0, 100, 10)]
    slices = in_time_order(LAYOUT, reversed(parts), since=20, until=45)
    assert [20, 21, 22] == next(slices)["time"].tolist()
    assert [20] == loads
    rest = [time for table in slices for time in table["time"].tolist()]
    assert list(range(23, 45)) == rest
    assert [20, 30, 40] == loads


def test_a_slice_is_bounded(small_slices):
    """However many writers there are: about a slice of each."""
    parts = [part_of(range(writer, 1000, 7)) for writer in range(7)]
    lengths = [len(table) for table in in_time_order(LAYOUT, parts)]
    assert 1000 == sum(lengths)
    assert max(lengths) <= 3 * 7


def test_a_part_without_records_is_none(small_slices):
    assert [] == list(in_time_order(LAYOUT, [part_of([])]))


def test_a_reading_knows_its_streams():
    part = part_of([1])
    reading = Reading({"s/a": [part]}, 0, {})
    assert [part] == reading.of("s/a")
    assert () == reading.of("s/b")


def test_small_parts_are_gathered():
    """Thousands of small files are looked at as one; blocks and large files stay what they are."""
    block, large = part_of([0], is_block=True), part_of(range(5000))
    small = [part_of([7, 3], np.array([1, 2])), part_of([5], np.array([3])), part_of([])]
    found = gathered(LAYOUT, [block, small[0], large, *small[1:]])
    assert [block, large] == [part for part in found if part.rows != 3 and part.rows]
    (together,) = (part for part in found if part.rows == 3)
    assert (3, 7, None) == (together.since, together.until, together.summary("x"))
    assert [1, 2, 3] == together.load()["number"].tolist()
    assert small[:1] == gathered(LAYOUT, small[:1])
    assert [block, large] == gathered(LAYOUT, [block, large])
    assert attrs.asdict(together)["is_block"] is False
