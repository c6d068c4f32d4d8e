"""How one process writes to one stream."""

import errno
import functools
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, final

from mlprod.errors import ClosedError, StoreError
from mlprod.storage._store import join
from mlprod.storage.journal._disk import identity_of
from mlprod.storage.journal._forking import renew_in_children
from mlprod.storage.journal._layout import MARK, Layout
from mlprod.storage.journal._open_segment import FinishedSegment, OpenSegment, map_file
from mlprod.storage.journal._segment import SegmentHeader, encode_text

__all__ = ["RAW", "Appender", "closed", "new_name", "stream_of"]

RAW: Final = "journal/raw"
_SMALLEST_BYTES = 1 << 16
_LARGEST_BYTES = 1 << 22
_SMALLEST_DICTIONARY_BYTES = 1 << 14
_LARGEST_DICTIONARY_BYTES = 1 << 20
_PAGE_BYTES = 1 << 12
_GROWTH = 4
_ATTEMPTS = 3
_LEAST_RECORDS = 64


def new_name() -> str:
    """Return a name that nobody else uses, sorted by time."""
    return f"{time.time_ns():016x}-{secrets.token_hex(8)}"


def stream_of(path: str) -> str:
    """Return the stream to which a segment or raw block belongs by its place."""
    return path.removeprefix(f"{RAW}/").rpartition("/")[0]


def closed(stream: str) -> ClosedError:
    """Return what is raised where nothing may be recorded any more."""
    return ClosedError(f"nothing was recorded to {stream}: it was closed; make a new instance to go on")


@final
class Appender:
    """Appends records to one stream.

    On the hot path, a caller may do by hand what `append` does::

        segment = appender.segment
        while (offset := next(segment.offsets, -1)) < 0:
            segment = appender.roll(segment)
        pack_into(segment.buffer, offset, time, ..., MARK)

    Attributes:
        segment: the one being filled.
        is_closed: whether it refuses further records.
    """

    __slots__ = (
        "__weakref__",
        "_dictionary_bytes",
        "_leaving",
        "_lock",
        "_on_open",
        "_root",
        "_size",
        "is_closed",
        "layout",
        "segment",
        "stream",
    )

    def __init__(
        self,
        stream: str,
        layout: Layout,
        root: Path | None,
        leaving: Callable[[FinishedSegment], None],
        on_open: Callable[[], None],
    ) -> None:
        """Name the stream; nothing is opened before the first record.

        Args:
            stream: its name, a path.
            layout: its records.
            root: the folder of the store or of its spool; None: memory.
            leaving: given every segment that is full, before another one takes its place.
            on_open: called whenever a segment was opened.
        """
        self.stream: Final = stream
        self.layout: Final = layout
        self._root = root
        self._leaving = leaving
        self._on_open = on_open
        self.is_closed = False
        self._size = _SMALLEST_BYTES
        self._dictionary_bytes = _SMALLEST_DICTIONARY_BYTES if layout.has_text else 0
        self._lock = threading.RLock()
        self.segment = self._nowhere()
        renew_in_children(self)

    def renew(self) -> None:
        """Begin a segment of one's own: the open file belongs to the parent of this process."""
        self._lock = threading.RLock()
        if self._root is not None:
            self.segment = self._nowhere()

    def append(self, time_ns: int, *values: float | str | None) -> None:
        """Append a record; it outlives the process once this returns.

        Args:
            time_ns: nanoseconds since 1970, UTC.
            *values: one for each column of the layout; text, or None, for a text column.

        Raises:
            ClosedError: if nothing may be recorded any more.
            InvalidDataError: if a text is too long.
            StoreError: if no segment can be made, e.g. because the disk is full.
        """
        while True:
            segment = self.segment
            packed = self._coded(segment, values) if self.layout.has_text else values
            if packed is None:
                self.roll(segment, for_texts=(value for value in values if isinstance(value, str)))
            elif (offset := next(segment.offsets, -1)) >= 0:
                self.layout.struct.pack_into(segment.buffer, offset, time_ns, *packed, MARK)
                return
            else:
                self.roll(segment)

    def roll(self, segment: OpenSegment, *, for_texts: Iterable[str] = ()) -> OpenSegment:
        """Return the segment after this one.

        Args:
            segment: the one that is full.
            for_texts: what its dictionary has no room for.

        Raises:
            ClosedError: if nothing may be recorded any more.
            StoreError: if no segment can be made, e.g. because the disk is full.
        """
        with self._lock:
            if self.segment is not segment:
                return self.segment
            if self.is_closed:
                raise closed(self.stream)
            opened = self._open(segment, sum(len(encode_text(text)) for text in for_texts))
            if self.segment is segment:  # unless a signal handler has just recorded, too
                self._let_go(segment)
                self.segment = opened
        self._on_open()
        return self.segment

    def leave(self) -> None:
        """Let go of the open segment, so that the next record begins a new one."""
        with self._lock:
            self._let_go(self.segment)
            self.segment = self._nowhere()

    def close(self) -> None:
        """Let go of the open segment, and refuse further records."""
        self.is_closed = True
        self.leave()

    def is_deleted(self) -> bool:
        """Return whether the file of the open segment has been removed by somebody."""
        segment = self.segment
        return (
            self._root is not None
            and segment.identity is not None
            and identity_of(self._root / segment.path) != segment.identity
        )

    def _let_go(self, segment: OpenSegment) -> None:
        """Have it kept in its next place before it leaves this one: a reader must find it in one of them."""
        finished = segment.finish()
        if finished is not None:
            self._leaving(finished)

    def _coded(self, segment: OpenSegment, values: tuple[Any, ...]) -> list[Any] | None:
        """Return the values with codes for texts; None if the dictionary of the segment is full."""
        packed: list[Any] = []
        for column, value in zip(self.layout.columns, values, strict=True):
            if column.type != "text":
                packed.append(value)
            elif (code := segment.codes.get(value)) is not None:
                packed.append(code)
            else:
                with self._lock:
                    learned = segment.learn(value)
                if learned is None:
                    return None
                packed.append(learned)
        return packed

    def _open(self, before: OpenSegment, texts_bytes: int) -> OpenSegment:
        """Open a segment with more room for what the one before had too little of."""
        size, dictionary = self._size, max(self._dictionary_bytes, _whole_pages(texts_bytes))
        if before.path and texts_bytes:
            dictionary = max(dictionary, min(self._dictionary_bytes * _GROWTH, _LARGEST_DICTIONARY_BYTES))
        elif before.path:
            size = min(size * _GROWTH, _LARGEST_BYTES)
        header = SegmentHeader(self.stream, self.layout, dictionary)
        room = header.first + max(size, _LEAST_RECORDS * self.layout.size)
        opened = self._memory(header, room) if self._root is None else self._file(self._root, header, room)
        self._size, self._dictionary_bytes = size, dictionary
        return opened

    def _file(self, root: Path, header: SegmentHeader, size: int) -> OpenSegment:
        for attempt in range(_ATTEMPTS):
            path = self._new_path()
            try:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                return map_file(root, path, header, size)
            except (FileExistsError, FileNotFoundError) as error:  # somebody cleans up right now
                if attempt == _ATTEMPTS - 1:
                    raise self._failed(root, error) from error
            except OSError as error:
                raise self._failed(root, error) from error
        raise AssertionError  # pragma: no cover - the loop ends in one of its ways

    def _failed(self, root: Path, error: OSError) -> StoreError:
        advice = (
            "the disk is full: free some space"
            if error.errno in {errno.ENOSPC, errno.EDQUOT}
            else "check that the folder can be written; MLPROD_SPOOL names another spool for a remote store"
        )
        return StoreError(
            f"nothing was recorded: no segment of {self.stream} could be made in {root}: {error}; {advice}"
        )

    def _memory(self, header: SegmentHeader, size: int) -> OpenSegment:
        buffer = bytearray(size)
        encoded = header.encoded
        buffer[: len(encoded)] = encoded
        return OpenSegment(self._new_path(), header, buffer, None)

    def _new_path(self) -> str:
        return join(RAW, self.stream, f"{new_name()}.seg")

    def _nowhere(self) -> OpenSegment:
        """Return a segment without room."""
        header = SegmentHeader(self.stream, self.layout, 0)
        return OpenSegment("", header, _no_records(header.first), None)


@functools.lru_cache(maxsize=16)
def _no_records(size: int) -> bytearray:
    """Return a buffer that is never written to; all streams that nobody writes to share it."""
    return bytearray(size)


def _whole_pages(size: int) -> int:
    return -(-size // _PAGE_BYTES) * _PAGE_BYTES
