"""Appending: from segment to segment, as long as there is room."""

import errno
import os
import threading

import pytest

from mlprod.errors import ClosedError, InvalidDataError, StoreError
from mlprod.storage.journal import Appender, Column, Layout, _appender
from mlprod.storage.journal._appender import new_name
from mlprod.storage.journal._segment import read_segment

NUMBERED = Layout((Column("number", "int"),))
NAMED = Layout((Column("number", "int"), Column("name", "text")))


@pytest.fixture
def left():
    """Give the list of segments that were let go of."""
    return []


def appender_of(left, layout=NUMBERED, root=None, opened=lambda: None):
    return Appender("s/a", layout, root, left.append, opened)


def numbers_of(segments):
    tables = [read_segment(segment.contents(), "segment").table for segment in segments]
    return [number for table in tables for number in table["number"].tolist()]


def test_nothing_is_opened_before_the_first_record(left, tmp_path):
    appender = appender_of(left, root=tmp_path)
    appender.leave()
    appender.close()
    assert ([], []) == (left, os.listdir(tmp_path))


def test_full_segments_are_let_go_of_in_order(left):
    """They grow, so that there are not too many of them; and each time it is told."""
    opened = []
    appender = appender_of(left, opened=lambda: opened.append(1))
    for number in range(100_000):
        appender.append(number, number)
    rows = [len(read_segment(segment.contents(), "segment").table) for segment in left]
    assert [2048, 8192, 32768] == rows
    assert len(opened) == len(left) + 1
    appender.leave()
    assert list(range(100_000)) == numbers_of(left)
    assert len({segment.path for segment in left}) == len(left)


def test_a_segment_is_kept_before_the_next_takes_its_place(left):
    """Else a reader that looks in between would find it nowhere."""
    appender = appender_of(left)
    appender._leaving = lambda segment: seen.append((segment.path, appender.segment.path))
    seen = []
    appender.append(1, 1)
    path = appender.segment.path
    list(appender.segment.offsets)
    appender.append(2, 2)
    appender.leave()
    assert (path, path) == seen[0]
    assert seen[1][0] == seen[1][1]


def test_a_slot_that_was_taken_before_letting_go_is_kept(left):
    """The record that is written into it later is in the file."""
    appender = appender_of(left)
    appender.append(1, 1)
    segment = appender.segment
    offset = next(segment.offsets)
    appender.leave()
    assert not left[0].is_settled
    NUMBERED.struct.pack_into(segment.buffer, offset, 2, 2, 1)
    del segment
    assert left[0].is_settled
    assert [1, 2] == numbers_of(left)


def test_of_several_threads_one_opens_the_next(left):
    appender = appender_of(left)
    appender.append(0, 0)
    full = appender.segment
    list(full.offsets)
    barrier = threading.Barrier(4)
    found = []

    def roll():
        barrier.wait()
        found.append(appender.roll(full))

    threads = [threading.Thread(target=roll) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [appender.segment] * 4 == found
    assert 1 == len(left)


def test_after_closing_nothing_is_recorded(left):
    appender = appender_of(left)
    appender.append(1, 1)
    appender.close()
    with pytest.raises(ClosedError, match="nothing was recorded to s/a: it was closed"):
        appender.append(2, 2)
    assert [1] == numbers_of(left)


def test_more_texts_than_one_dictionary_holds(left):
    """The dictionary grows, and the room for records does not; all texts come back."""
    appender = appender_of(left, NAMED)
    texts = [f"{number:050}" for number in range(3000)]
    for number, text in enumerate(texts):
        appender.append(number, number, text)
    appender.leave()
    tables = [read_segment(segment.contents(), "segment").table for segment in left]
    assert texts == [text for table in tables for text in table.text("name").tolist()]
    assert len(left) < 5
    assert sum(len(segment.contents()) for segment in left) < 1 << 20


def test_a_record_whose_texts_need_more_than_a_dictionary(left, tmp_path):
    """A hundred features with long texts: one segment, as large as they need."""
    layout = Layout(tuple(Column(f"c{number}", "text") for number in range(100)))
    appender = appender_of(left, layout, tmp_path)
    texts = [f"{number:0500}" for number in range(100)]
    appender.append(1, *texts)
    appender.append(2, *reversed(texts))
    appender.append(3, *[None] * 100)
    appender.append(4, *[f"x{text}" for text in texts])
    table = read_segment(bytes(appender.segment.buffer), "segment").table
    assert [f"x{text}" for text in texts] == [table.text(f"c{number}")[-1] for number in range(100)]
    assert len(list(tmp_path.rglob("*.seg"))) <= 2


def test_the_largest_dictionary_is_bounded(left, monkeypatch):
    monkeypatch.setattr(_appender, "_LARGEST_DICTIONARY_BYTES", 1 << 15)
    appender = appender_of(left, NAMED)
    for number in range(3000):
        appender.append(number, number, f"{number:050}")
    assert 1 << 15 == appender.segment.header.dictionary_bytes


@pytest.mark.parametrize(
    ("values", "error"),
    [((1, "x" * 70_000), InvalidDataError), ((1,), ValueError), ((1, "a", "b"), ValueError)],
    ids=["a text too long", "too few", "too many"],
)
def test_what_cannot_be_is_not_recorded(left, values, error):
    """The next record is."""
    appender = appender_of(left, NAMED)
    appender.append(0, 0, "before")
    with pytest.raises(error):
        appender.append(1, *values)
    appender.append(2, 2, "after")
    appender.leave()
    assert [0, 2] == numbers_of(left)


class TestFiles:
    def test_a_record_is_in_its_file_at_once(self, left, tmp_path):
        appender = appender_of(left, root=tmp_path)
        appender.append(1, 5)
        (file,) = tmp_path.rglob("*.seg")
        assert file == tmp_path / appender.segment.path
        assert [5] == read_segment(file.read_bytes(), "file").table["number"].tolist()

    def test_a_folder_that_cannot_be_made_is_told(self, left, tmp_path):
        """With what to do about it; and when it is done, recording goes on."""
        (tmp_path / "journal").write_bytes(b"in the way")
        appender = appender_of(left, root=tmp_path)
        for _ in range(5):
            with pytest.raises(
                StoreError, match=r"nothing was recorded: .*check that the folder can be written"
            ):
                appender.append(1, 1)
        (tmp_path / "journal").unlink()
        appender.append(2, 2)
        appender.leave()
        assert [2] == numbers_of(left)
        assert len(left[0].contents()) < 10_000

    def test_a_disk_that_fills_up_does_not_ask_for_more_each_time(self, left, tmp_path, monkeypatch):
        """A segment that could not be made is no reason to want a larger one."""
        appender = appender_of(left, root=tmp_path)
        appender.append(1, 1)
        wanted = []

        def full(_descriptor, _start, size):
            wanted.append(size)
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
        list(appender.segment.offsets)
        for _ in range(3):
            with pytest.raises(StoreError, match="the disk is full: free some space"):
                appender.append(2, 2)
        assert 1 == len(set(wanted))
        assert 1 == len(list(tmp_path.rglob("*.seg")))

    @pytest.mark.parametrize(("times", "is_made"), [(2, True), (3, False)])
    def test_somebody_who_cleans_up_at_the_same_time(self, left, tmp_path, monkeypatch, times, is_made):
        """A few times it is tried again."""
        real, calls = _appender.map_file, []

        def meddled(*args):
            calls.append(args)
            if len(calls) <= times:
                raise FileNotFoundError(errno.ENOENT, "deleted by another process")
            return real(*args)

        monkeypatch.setattr(_appender, "map_file", meddled)
        appender = appender_of(left, root=tmp_path)
        if is_made:
            appender.append(1, 1)
        else:
            with pytest.raises(StoreError, match="deleted by another process"):
                appender.append(1, 1)
        assert 3 == len(calls)

    def test_a_deleted_file_is_noticed(self, left, tmp_path):
        appender = appender_of(left, root=tmp_path)
        assert not appender.is_deleted()
        appender.append(1, 1)
        assert not appender.is_deleted()
        (tmp_path / appender.segment.path).unlink()
        assert appender.is_deleted()

    def test_a_child_begins_a_segment_of_its_own(self, left, tmp_path):
        """In memory there is nothing to share: what it had, it keeps."""
        in_file, in_memory = appender_of(left, root=tmp_path), appender_of(left)
        for appender in (in_file, in_memory):
            appender.append(1, 1)
            appender._lock.acquire()
        before = in_file.segment.path, in_memory.segment.path
        for appender in (in_file, in_memory):
            appender.renew()
            appender.append(2, 2)
        assert before[0] != in_file.segment.path
        assert before[1] == in_memory.segment.path
        assert [] == left


def test_a_signal_handler_may_record_while_a_segment_is_opened(left, monkeypatch):
    """It runs in the same thread, in the middle of everything: neither a deadlock, nor a record lost."""
    appender = appender_of(left)
    real = Appender._open

    def interrupted(self, *args):
        monkeypatch.setattr(Appender, "_open", real)
        appender.append(1, 1)
        return real(self, *args)

    monkeypatch.setattr(Appender, "_open", interrupted)
    appender.append(2, 2)
    appender.leave()
    assert [1, 2] == numbers_of(left)


def test_names_are_sorted_by_time_and_nobody_elses():
    names = [new_name() for _ in range(1000)]
    assert 1000 == len(set(names))
    times = [name.partition("-")[0] for name in names]
    assert times == sorted(times)
    assert {33} == set(map(len, names))


def test_streams_that_nobody_writes_to_share_their_room(left):
    """A process may have met thousands of experiments that have ended."""
    first, second = appender_of(left), appender_of(left)
    assert first.segment.buffer is second.segment.buffer
    first.append(1, 1)
    assert not any(second.segment.buffer)
    assert first.segment.buffer is not second.segment.buffer
    first.leave()
    assert first.segment.buffer is second.segment.buffer
