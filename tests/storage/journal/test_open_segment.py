"""The segment that is being filled: slots and texts, as a file that is locked and has all its blocks."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mlprod.storage.journal import MARK, Column, Layout, _open_segment
from mlprod.storage.journal._lock import alone, try_lock
from mlprod.storage.journal._open_segment import OpenSegment, map_file
from mlprod.storage.journal._segment import SegmentHeader, encode_text, read_segment

LAYOUT = Layout((Column("number", "int"), Column("name", "text")))
HEADER = SegmentHeader("s/a", LAYOUT, 4096)
PATH = "journal/raw/s/a/1-2.seg"


@pytest.fixture
def root(tmp_path):
    (tmp_path / PATH).parent.mkdir(parents=True)
    return tmp_path


def in_memory(records=3):
    buffer = bytearray(HEADER.first + records * LAYOUT.size)
    buffer[: len(HEADER.encoded)] = HEADER.encoded
    return OpenSegment("p", HEADER, buffer, None)


class TestSlots:
    def test_each_is_handed_out_once(self):
        """To any number of threads; then there are no more."""
        segment = in_memory(1000)
        with ThreadPoolExecutor(8) as threads:
            taken = list(threads.map(lambda _: next(segment.offsets, -1), range(1100)))
        assert [-1] * 100 + [HEADER.first + number * 32 for number in range(1000)] == sorted(taken)

    def test_a_segment_is_touched_when_a_slot_was_taken(self):
        segment = in_memory()
        assert not segment.is_touched
        next(segment.offsets)
        assert segment.is_touched
        list(segment.offsets)
        assert segment.is_touched

    def test_finishing_hands_out_no_more(self):
        """What is kept ends with the last slot that was taken."""
        segment = in_memory()
        offset = next(segment.offsets)
        LAYOUT.struct.pack_into(segment.buffer, offset, 1, 2, 0, MARK)
        finished = segment.finish()
        assert -1 == next(segment.offsets, -1)
        assert HEADER.first + 32 == len(finished.contents())
        assert [2] == read_segment(finished.contents(), "p").table["number"].tolist()
        assert finished.contents() == segment.finish().contents()
        assert not finished.is_deleted(None)

    def test_an_untouched_one_need_not_be_kept(self):
        segment = in_memory()
        assert segment.finish() is None
        assert segment.finish() is None
        assert -1 == next(segment.offsets, -1)

    def test_it_is_settled_when_every_record_is_whole(self):
        """Whoever holds it: an error keeps the frames that it came through, and what they hold, for long."""
        segment = in_memory()
        for number in range(3):
            LAYOUT.struct.pack_into(segment.buffer, next(segment.offsets), number, number, 0, MARK)
        assert segment.finish().is_settled
        late = in_memory()
        offsets = [next(late.offsets) for _ in range(2)]
        LAYOUT.struct.pack_into(late.buffer, offsets[1], 1, 1, 0, MARK)
        finished = late.finish()
        assert not finished.is_settled
        LAYOUT.struct.pack_into(late.buffer, offsets[0], 0, 0, 0, MARK)
        assert finished.is_settled

    def test_it_is_settled_when_nobody_holds_it(self):
        """Until then somebody may be about to write."""
        segment = in_memory()
        next(segment.offsets)
        finished = segment.finish()
        assert not finished.is_settled
        del segment
        assert finished.is_settled


class TestTexts:
    def test_each_is_learnt_once(self):
        segment = in_memory()
        assert [1, 2, 1, 0] == [
            segment.learn("a"),
            segment.learn(""),
            segment.learn("a"),
            segment.codes[None],
        ]
        assert ("a", "") == read_segment(bytes(segment.buffer), "p").table.texts

    def test_until_there_is_no_room(self):
        """One that has no room is not learnt in part."""
        segment = in_memory()
        texts = [f"{number:0100}" for number in range(100)]
        codes = [segment.learn(text) for text in texts]
        room = 4096 // len(encode_text(texts[0]))
        assert [*range(1, room + 1), *[None] * (100 - room)] == codes
        assert tuple(texts[:room]) == read_segment(bytes(segment.buffer), "p").table.texts
        assert room + 1 == segment.learn("short")

    def test_a_text_that_was_cut_short_is_overwritten(self):
        """Its length is written last: without it, it is not there."""
        segment = in_memory()
        segment.learn("a")
        start = HEADER.dictionary + len(encode_text("a"))
        segment.buffer[start + 2 : start + 30] = b"x" * 28
        assert ("a",) == read_segment(bytes(segment.buffer), "p").table.texts
        segment.learn("b")
        assert ("a", "b") == read_segment(bytes(segment.buffer), "p").table.texts


class TestFile:
    def test_it_is_whole_and_locked_from_the_beginning(self, root):
        """Every block is reserved; the lock is given up with the last reference."""
        segment = map_file(root, PATH, HEADER, 1 << 16)
        status = (root / PATH).stat()
        assert (1 << 16, (status.st_dev, status.st_ino)) == (status.st_size, segment.identity)
        assert status.st_blocks * 512 >= 1 << 16
        with alone(root / PATH) as descriptor:
            assert descriptor is None
        del segment
        with alone(root / PATH) as descriptor:
            assert descriptor is not None

    def test_what_is_written_is_in_the_file(self, root):
        segment = map_file(root, PATH, HEADER, 1 << 16)
        LAYOUT.struct.pack_into(segment.buffer, next(segment.offsets), 1, 7, segment.learn("x"), MARK)
        table = read_segment((root / PATH).read_bytes(), "p").table
        assert ([7], ["x"]) == (table["number"].tolist(), table.text("name").tolist())

    def test_a_deleted_or_replaced_file_is_noticed(self, root):
        segment = map_file(root, PATH, HEADER, 1 << 16)
        next(segment.offsets)
        finished = segment.finish()
        assert not finished.is_deleted(root)
        (root / PATH).rename(root / "other")
        assert finished.is_deleted(root)
        (root / PATH).write_bytes(b"")
        assert finished.is_deleted(root)

    def test_a_file_that_is_there_is_not_touched(self, root):
        (root / PATH).write_bytes(b"precious")
        with pytest.raises(FileExistsError):
            map_file(root, PATH, HEADER, 1 << 16)
        assert b"precious" == (root / PATH).read_bytes()

    @pytest.mark.parametrize("moment", ["before the lock", "after the lock"])
    def test_somebody_who_cleans_up_is_noticed(self, root, monkeypatch, moment):
        """Compaction may find the file before it is locked, or delete it as one that was never begun."""

        def meddle(descriptor):
            if moment == "before the lock":
                return False
            (root / PATH).unlink()
            return try_lock(descriptor)

        monkeypatch.setattr(_open_segment, "try_lock", meddle)
        with pytest.raises((FileExistsError, FileNotFoundError), match="by another process"):
            map_file(root, PATH, HEADER, 1 << 16)
        assert [] == os.listdir((root / PATH).parent)

    @pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
    def test_without_preallocation_zeros_are_written(self, root, monkeypatch, number):
        """A hole in the file would kill the process when the disk is full."""

        def unsupported(*_args):
            raise OSError(number, "not supported")

        monkeypatch.setattr(os, "posix_fallocate", unsupported, raising=False)
        monkeypatch.setattr(
            os, "write", lambda descriptor, data, write=os.write: write(descriptor, data[:5000])
        )
        segment = map_file(root, PATH, HEADER, (1 << 17) + 96)
        assert (1 << 17) + 96 == (root / PATH).stat().st_size
        assert (root / PATH).stat().st_blocks * 512 >= 1 << 17
        assert not np.frombuffer(segment.buffer, np.uint8)[HEADER.dictionary :].any()

    def test_a_full_disk_leaves_nothing(self, small_disk):
        (small_disk / PATH).parent.mkdir(parents=True)
        with pytest.raises(OSError, match="No space left"):
            map_file(small_disk, PATH, HEADER, 1 << 21)
        assert [] == os.listdir((small_disk / PATH).parent)
