"""The bytes of models: written once under a name of their own, checked whenever they are read."""

import hashlib
import mmap as memory_map
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

import numpy as np
import xxhash

from mlprod._progress import SILENT, Tracker
from mlprod.errors import ChecksumError, StoreError, UntrustedModelError
from mlprod.models._events import Blob
from mlprod.storage import FsspecStore, Store, explained, join
from mlprod.storage._remote import HELD_BYTES, PART_BYTES
from mlprod.typing import Buffer, Chunks

__all__ = ["FOLDER", "Payloads", "begun_at", "size_of"]

FOLDER: Final = "models/payloads"

_SLICE_BYTES = 1 << 20  # small enough that what was hashed is still in the cache when it is written
_LARGE_BYTES = 4 << 20  # from here on numpy asks for huge pages
_ADVICE = "restore it from a backup, or use another version"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_FILE = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)-[0-9a-f]{16}")


def begun_at(path: str) -> datetime | None:
    """Return when the writing of a payload began, or None if this is not the path of one."""
    match = _FILE.match(path.rpartition("/")[2])
    return datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC) if match else None


def size_of(chunks: Chunks) -> int | None:
    """Return how many bytes chunks have, or None if that shows only when they are made."""
    size = getattr(chunks, "nbytes", None)
    if isinstance(size, int):
        return size
    if isinstance(chunks, tuple | list):
        return sum(memoryview(chunk).nbytes for chunk in chunks)
    return None


@final
class Payloads:
    """The payloads of one store."""

    def __init__(self, store: Store) -> None:
        """Name the store."""
        self._store = store

    def write(
        self,
        name: str,
        begun: datetime,
        suffix: str,
        chunks: Chunks,
        *,
        secure: bool,
        tracker: Tracker = SILENT,
    ) -> Blob:
        """Write bytes under a new name; `secure` adds the hash that a signature needs."""
        path = join(FOLDER, name, f"{begun.strftime(_STAMP)}-{secrets.token_hex(8)}{suffix}")
        meter = _Meter(secure=secure)
        pieces, held = meter.measured(chunks), 0
        if tracker.is_watched:
            held = 0 if self._store.local_path(path) is not None else HELD_BYTES
            pieces = _counted(pieces, tracker, held)
        with explained(f"write the payload {path}", self._store):
            self._store.put(path, pieces)
        blob = meter.blob(path)
        tracker.count(min(blob.size, held))
        return blob

    def read(
        self,
        blob: Blob,
        *,
        verify: bool = True,
        secure: bool = False,
        mmap: bool = False,
        tracker: Tracker = SILENT,
    ) -> memoryview:
        """Return the bytes, checked.

        Args:
            blob: what was saved.
            verify: compare the checksum; the size is always compared.
            secure: compare the hash that the signature covers, too.
            mmap: on a local store, return a read-only view of the file instead of a copy.
            tracker: counts the bytes, each when it was read or, where a file is mapped, verified.

        Raises:
            ChecksumError: if the bytes are not those that were saved.
            UntrustedModelError: if only the secure hash differs: somebody made them look right.
            StoreError: if they are missing, or cannot be read.
        """
        meter = _Meter(secure=secure)
        update = _followed(meter.update if verify else _ignore, tracker)
        local = self._store.local_path(blob.path)
        with explained(f"read the payload {blob.path}", self._store):
            try:
                if local is None:
                    payload = self._fetch(blob, update, in_parts=tracker.is_watched)
                elif mmap and blob.size:
                    _check_size(blob, local.stat().st_size)
                    payload = np.memmap(local, mode="r").data
                    _in_slices(payload, update)
                else:
                    payload = _read_file(local, blob, update)
            except FileNotFoundError as error:
                raise StoreError(
                    f"the payload {blob.path} is missing in {self._store.url}; {_ADVICE}"
                ) from error
        if verify:
            meter.compare(blob)
        return payload

    def _fetch(self, blob: Blob, update: Callable[[Buffer], None], *, in_parts: bool) -> memoryview:
        """Read what lies on no disk: at once, which is faster, or in parts that can be counted."""
        if not in_parts or not isinstance(self._store, FsspecStore) or blob.size <= PART_BYTES:
            payload = memoryview(bytearray(self._store.get(blob.path)))
            _check_size(blob, len(payload))
            _in_slices(payload, update)
            return payload
        _check_size(blob, self._store.size(blob.path))
        payload, position = _memory(blob.size), 0
        for part in self._store.get_parts(blob.path, blob.size):
            payload[position : position + len(part)] = part
            position += len(part)
            update(part)
        return payload


@final
class _Meter:
    """Measures bytes as they pass."""

    def __init__(self, *, secure: bool) -> None:
        self._size = 0
        self._checksum = xxhash.xxh3_128()
        self._sha256 = hashlib.sha256() if secure else None

    def update(self, piece: Buffer) -> None:
        self._size += len(piece)
        self._checksum.update(piece)
        if self._sha256 is not None:
            self._sha256.update(piece)

    def measured(self, chunks: Chunks) -> Iterator[Buffer]:
        """Pass the chunks on in slices, each measured just before it is written."""
        for chunk in chunks:
            view = memoryview(chunk).cast("B")
            for start in range(0, len(view), _SLICE_BYTES):
                piece = bytes(view[start : start + _SLICE_BYTES])  # another thread may change the array
                self.update(piece)
                yield piece

    def blob(self, path: str) -> Blob:
        return Blob(
            path=path,
            size=self._size,
            checksum=f"xxh3_128:{self._checksum.hexdigest()}",
            sha256=self._sha256.hexdigest() if self._sha256 else None,
        )

    def compare(self, saved: Blob) -> None:
        found = self.blob(saved.path)
        if found.checksum != saved.checksum:
            raise ChecksumError(
                f"the payload {saved.path} has changed since it was saved (its checksum is {found.checksum}, "
                f"it was saved with {saved.checksum}); {_ADVICE}"
            )
        if self._sha256 is not None and found.sha256 != saved.sha256:
            raise UntrustedModelError(f"the payload {saved.path} is not the one that was signed")


def _check_size(blob: Blob, size: int) -> None:
    if size != blob.size:
        raise ChecksumError(
            f"the payload {blob.path} has {size:,} bytes, but {blob.size:,} were saved; {_ADVICE}"
        )


def _read_file(path: Path, blob: Blob, update: Callable[[Buffer], None]) -> memoryview:
    """Read a file into writable memory, measuring each slice while it is still in the cache."""
    with path.open("rb", buffering=0) as file:
        _check_size(blob, path.stat().st_size)
        payload = _memory(blob.size)
        position = 0
        while position < blob.size:
            count = file.readinto(payload[position : position + _SLICE_BYTES])
            if not count:
                _check_size(blob, position)
            update(payload[position : position + count])
            position += count
    return payload


def _memory(size: int) -> memoryview:
    """Return writable memory.

    Large memory does not come from numpy, which asks Linux for huge pages: where the memory of the
    machine is fragmented, the search for them was measured taking two to five times the read.
    """
    if size < _LARGE_BYTES or not hasattr(memory_map, "MAP_ANONYMOUS"):
        return np.empty(size, dtype=np.uint8).data
    return memoryview(memory_map.mmap(-1, size, flags=memory_map.MAP_PRIVATE | memory_map.MAP_ANONYMOUS))


def _in_slices(payload: memoryview, update: Callable[[Buffer], None]) -> None:
    for start in range(0, len(payload), _SLICE_BYTES):
        update(payload[start : start + _SLICE_BYTES])


def _ignore(piece: Buffer) -> None:
    """Measure nothing."""


def _followed(update: Callable[[Buffer], None], tracker: Tracker) -> Callable[[Buffer], None]:
    """Count what was measured, too."""
    if not tracker.is_watched:
        return update

    def both(piece: Buffer) -> None:
        update(piece)
        tracker.count(len(piece))

    return both


def _counted(pieces: Iterator[Buffer], tracker: Tracker, held: int) -> Iterator[Buffer]:
    """Count pieces once they are written: when more is asked for, but for what the store may still hold."""
    written = -held
    for piece in pieces:
        yield piece
        written += len(piece)
        if written > 0:
            tracker.count(written)
            written = 0
