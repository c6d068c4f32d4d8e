"""The immutable files of a journal: how they are read, written and deleted."""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.errors import StoreError
from mlprod.schema import RecordType
from mlprod.storage._store import Store, explained
from mlprod.storage.journal._appender import new_name, stream_of
from mlprod.storage.journal._block import Block, encode_block
from mlprod.storage.journal._disk import Unsynced, mapped
from mlprod.storage.journal._reading import Part
from mlprod.storage.journal._segment import read_rest, read_segment
from mlprod.storage.journal._state import BlockRef
from mlprod.storage.journal._table import Table
from mlprod.typing import Buffer

__all__ = ["SUMMARY", "SUMMARY_SUFFIX", "Files", "Summarize", "made_ns"]

Summarize: TypeAlias = Callable[[Table], Mapping[str, Any]]
"""Returns what is kept beside a block, as JSON under keys, so that readers need not read its records."""

_log = logging.getLogger("mlprod.storage")

SUMMARY_SUFFIX: Final = ".sum"
_MAPPED_FROM_BYTES = 1 << 20  # a mapping costs a descriptor; thousands of small files must not use them up


@attrs.frozen
class _Summary:
    values: Mapping[str, Any]


SUMMARY: Final = RecordType("journal.summary", _Summary)


@final
class Files:
    """Segments and blocks of one store."""

    def __init__(self, store: Store) -> None:
        """Name the store."""
        self._store = store
        self._unsynced = Unsynced()
        self._known_as_damaged: set[str] = set()

    def listed(self, folder: str) -> list[str]:
        """Return the paths of all segments and blocks below a folder, sorted."""
        return [path for path in self.everything(folder) if path.endswith((".seg", ".col"))]

    def everything(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder, sorted."""
        with explained(f"list {folder}", self._store):
            return self._store.list(folder)

    def size(self, path: str) -> int | None:
        """Return the number of bytes of a file; None if it is gone."""
        try:
            return self._store.size(path)
        except FileNotFoundError:
            return None

    def block(self, path: str) -> Block:
        """Return a block; the columns of a large one on a local store are read when they are asked for."""
        local = self._store.local_path(path)
        is_mapped = local is not None and self._store.size(path) >= _MAPPED_FROM_BYTES
        raw = mapped(local) if local is not None and is_mapped else self._store.get(path)
        return Block(raw, self._where(path))

    def block_part(self, ref: BlockRef, stream: str) -> Part:
        """Return a block that is known to be one, without looking at it."""
        return self._part(ref.path, stream, ref.rows, ref.since, ref.until, is_block=True)

    def raw_part(self, path: str, read: Callable[[], Buffer] | None = None) -> tuple[Part, int] | None:
        """Return what was recorded in a file, and how many records in it are torn.

        Args:
            path: the file.
            read: how to read it, if it may not lie in the store.

        Returns:
            None if its writer never began.

        Raises:
            StoreError: if it is damaged.
        """
        if path.endswith(".col"):
            block = self.block(path)
            self._check_stream(path, block.stream)
            return self._part(path, block.stream, block.rows, block.since, block.until, is_block=False), 0
        raw = self._raw(path) if read is None else read()
        local = self._store.local_path(path) if read is None and len(raw) >= _MAPPED_FROM_BYTES else None
        segment = read_segment(raw, self._where(path), only_times=local is not None)
        if segment is None:
            return None
        header, stream, table = segment.header, segment.header.stream, segment.table
        self._check_stream(path, stream)
        times: NDArray[np.int64] = table["time"] if len(table) else np.zeros(1, np.int64)
        part = Part(
            path=path,
            stream=stream,
            rows=len(table),
            since=int(times.min()),
            until=int(times.max()),
            is_block=False,
            load=functools.partial(_same, table)
            if local is None or header.layout.has_text
            else functools.partial(read_rest, local, header, segment.finished),
            summary=lambda _: None,
        )
        return part, segment.torn

    def damaged(self, path: str, error: StoreError) -> str:
        """Say, the first time aloud, that a file cannot be read."""
        if path not in self._known_as_damaged:
            self._known_as_damaged.add(path)
            _log.warning("left out of all figures: %s", error)
        return str(error)

    def write_recorded(self, path: str, stream: str, table: Table) -> None:
        """Write records that are new: they outlive the process now, and the loss of power after `sync`.

        Raises:
            StoreError: if they could not be written; none of them will be read then.
        """
        pieces = encode_block(stream, table)
        with explained("record events", self._store):
            try:
                self._put(path, pieces)
            except OSError:
                if not self._is_whole(path, sum(map(len, pieces))):
                    self.delete(path)
                    raise

    def write_block(
        self,
        path: str,
        stream: str,
        table: Table,
        sources: NDArray[np.uint64] | None,
        summarize: Summarize | None,
    ) -> BlockRef:
        """Write records that lie elsewhere still, durably: what they were made from is deleted next."""
        self.summarize(path, table, summarize)
        with explained(f"compact {stream}", self._store):
            self._store.put(path, encode_block(stream, table, sources))
        times = table["time"]
        return BlockRef(path=path, rows=len(table), since=int(times[0]), until=int(times[-1]))

    def summarize(self, path: str, table: Table, summarize: Summarize | None) -> None:
        """Write what is to be kept beside a block."""
        values = {} if summarize is None else summarize(table)
        if values:
            with explained(f"compact into {path}", self._store):
                self._store.put(path + SUMMARY_SUFFIX, SUMMARY.dump(_Summary(values)))

    def delete(self, path: str) -> None:
        """Delete what is not counted any more; if that fails, it is still not counted."""
        for target in (path, path + SUMMARY_SUFFIX):
            try:
                self._store.delete(target)
            except OSError as error:
                _log.warning("could not delete %s: %s", self._where(target), error)

    def sync(self) -> None:
        """Have the system write to the disk what was recorded."""
        self._unsynced.sync()

    def _raw(self, path: str) -> Buffer:
        """Return a segment, which its writer may be filling."""
        local = self._store.local_path(path)
        return self._store.get(path) if local is None else mapped(local)

    def _is_whole(self, path: str, size: int) -> bool:
        """Return whether a file was written though it was said that it was not: the answer was lost."""
        with contextlib.suppress(OSError):
            return self._store.size(path) == size
        return False

    def _check_stream(self, path: str, stream: str) -> None:
        if stream != stream_of(path):
            raise StoreError(
                f"{self._where(path)} is damaged, or not where it belongs: it holds records of "
                f"{shorten(stream)}"
            )

    def _part(self, path: str, stream: str, rows: int, since: int, until: int, *, is_block: bool) -> Part:
        return Part(
            path=path,
            stream=stream,
            rows=rows,
            since=since,
            until=until,
            is_block=is_block,
            load=lambda: self._table(path, rows),
            summary=lambda key: self._summary(path).get(key),
        )

    def _table(self, path: str, rows: int) -> Table:
        block = self.block(path)
        if block.rows != rows:
            raise StoreError(f"{self._where(path)} holds {block.rows:,} records where {rows:,} were written")
        return block.table

    def _summary(self, path: str) -> Mapping[str, Any]:
        path += SUMMARY_SUFFIX
        try:
            return SUMMARY.load(self._store.get(path), self._where(path)).values
        except (FileNotFoundError, StoreError) as error:  # it only saves reading the records
            _log.debug("no summary: %s", error)
            return {}

    def _put(self, path: str, pieces: Iterable[Buffer]) -> None:
        """Write a file whole: with its name, or not at all."""
        local = self._store.local_path(path)
        if local is None:
            self._store.put(path, pieces)
            return
        temporary = local.with_name(f".partial-{new_name()[-16:]}")
        try:
            local.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb", buffering=0) as file:
                for piece in pieces:
                    rest = memoryview(piece)
                    while rest:
                        rest = rest[file.write(rest) :]
            temporary.replace(local)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        self._unsynced.add(local)

    def _where(self, path: str) -> str:
        return f"{path} in {self._store.url}"


def _same(table: Table) -> Table:
    return table


def made_ns(path: str) -> int:
    """Return when a file was begun, as its name says, in nanoseconds since 1970; 0 if it does not."""
    try:
        return int(path.rpartition("/")[2][:16], 16)
    except ValueError:
        return 0
