"""The segment that a writer is filling: a shared mapping of a file, or plain memory."""

import contextlib
import errno
import mmap
import operator
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

import attrs
import numpy as np

from mlprod.storage.journal._disk import identity_of
from mlprod.storage.journal._lock import try_lock
from mlprod.storage.journal._segment import SegmentHeader, encode_text

__all__ = ["FinishedSegment", "OpenSegment", "map_file"]

_NO_PREALLOCATION = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@final
class OpenSegment:
    """Room for records, handed out slot by slot.

    Any number of threads may take the next of `offsets`, which is atomic, and pack a record into
    `buffer` there. A thread that still holds a segment while others have gone on to the next one
    keeps it open, and its writer's lock held.

    Attributes:
        path: where its file lies, or will lie, in the store; unique among all writers.
        header: what it says about itself.
        buffer: the whole file.
        identity: what tells its file from another one of that name; None: it is none.
        codes: what stands for the texts that it knows.
        offsets: where the next records go; exhausted when it is full.
    """

    __slots__ = (
        "__weakref__",
        "_end",
        "_text_end",
        "buffer",
        "codes",
        "header",
        "identity",
        "offsets",
        "path",
    )

    def __init__(
        self,
        path: str,
        header: SegmentHeader,
        buffer: mmap.mmap | bytearray,
        identity: tuple[int, int] | None,
    ) -> None:
        """Take the buffer, which is zero behind its header."""
        self.path: Final = path
        self.header: Final = header
        self.buffer: Final = buffer
        self.identity: Final = identity
        self.codes: dict[str | None, int] = {None: 0}
        self._text_end = header.dictionary
        size, first = header.layout.size, header.first
        self._end = first + (len(buffer) - first) // size * size
        self.offsets: Iterator[int] = iter(range(first, self._end, size))

    @property
    def is_touched(self) -> bool:
        """Whether a slot was handed out."""
        return operator.length_hint(self.offsets) * self.header.layout.size < self._end - self.header.first

    def learn(self, text: str) -> int | None:
        """Return the code of a text, which is in the file when this returns; None if there is no room.

        Only one thread at a time may call this.
        """
        found = self.codes.get(text)
        if found is not None:
            return found
        entry = encode_text(text)
        start, end, code = self._text_end, self._text_end + len(entry), len(self.codes)
        if end > self.header.first:
            return None
        self.buffer[start + 2 : end] = entry[2:]
        # The length last: it makes the text valid. No call from here on: an interrupt comes before or after.
        self.buffer[start : start + 2] = entry[:2]
        self._text_end = end
        self.codes[text] = code
        return code

    def finish(self) -> "FinishedSegment | None":
        """Hand out no more slots; return what must be kept of it, None if no slot was ever taken."""
        rest = list(self.offsets)  # atomic: from here on nobody gets one
        if rest:
            self._end = rest[0]
        if not self.is_touched:
            return None
        return FinishedSegment(
            self.path, self.identity, self.header, self.buffer, self._end, weakref.ref(self)
        )


@final
@attrs.frozen(eq=False)
class FinishedSegment:
    """A segment of which no more slots are handed out.

    Attributes:
        path: where it lies, or will lie, in the store.
        identity: what tells its file from another one of that name; None: it is none.
    """

    path: str
    identity: tuple[int, int] | None
    _header: SegmentHeader
    _buffer: mmap.mmap | bytearray
    _end: int
    _segment: weakref.ref[OpenSegment]

    @property
    def is_settled(self) -> bool:
        """Whether all threads that took a slot are done: each has left its mark, or nobody holds the segment.

        Without its mark a slot may belong to a thread that was interrupted for good. That nobody holds the
        segment is no use alone: an error keeps the frames it came through, and all that they hold.
        """
        if self._segment() is None:
            return True
        layout = self._header.layout
        records = np.frombuffer(self._buffer, np.uint8, self._end - self._header.first, self._header.first)
        return bool(records.reshape(-1, layout.size)[:, layout.struct.size - 1].all())

    def contents(self) -> bytes:
        """Return the file up to its last record."""
        return bytes(self._buffer[: self._end])

    def is_deleted(self, root: Path) -> bool:
        """Return whether its file has been removed, or replaced, by somebody."""
        return self.identity is not None and identity_of(root / self.path) != self.identity


def map_file(root: Path, path: str, header: SegmentHeader, size: int) -> OpenSegment:
    """Create a file, take the writer's lock, give it all its blocks, and map it.

    Raises:
        OSError: if the folder is missing, the disk is full, or the file was taken by somebody else.
    """
    file = root / path
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        if not try_lock(descriptor):
            raise FileExistsError(errno.EEXIST, "taken by another process", str(file))  # noqa: TRY301
        _allocate(descriptor, size)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, header.encoded)
        status = os.fstat(descriptor)
        if not status.st_nlink:
            raise FileNotFoundError(errno.ENOENT, "deleted by another process", str(file))  # noqa: TRY301
        buffer = mmap.mmap(descriptor, size)  # keeps a descriptor of its own, and with it the lock
    except BaseException:
        with contextlib.suppress(OSError):
            file.unlink()
        raise
    finally:
        os.close(descriptor)
    return OpenSegment(path, header, buffer, (status.st_dev, status.st_ino))


def _allocate(descriptor: int, size: int) -> None:
    """Reserve every block now: a disk that fills up later must not kill the process at a write to memory."""
    if hasattr(os, "posix_fallocate"):  # pragma: no branch - macOS and Windows lack it
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in _NO_PREALLOCATION:
                raise
        else:
            return
    zeros = bytes(1 << 16)
    written = 0
    while written < size:
        written += os.write(descriptor, zeros[: size - written])
