"""A block: many records in one immutable file, column by column, in time order.

::

    magic, length and checksum of the header, the header as JSON, zeros up to a multiple of 64
    the columns, each beginning at a multiple of 64

A column that has the same value in every record takes no room; that of the time always does, so that
no file holds more records than bytes. An indexed column has beside it the order that would sort it.
Every column carries a checksum, verified when it is read.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, final

import attrs
import numpy as np
import xxhash
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.errors import StoreError
from mlprod.storage.journal._block_header import ORDER, SOURCES, TIME, VERSION, BlockHeader, aligned, framed
from mlprod.storage.journal._layout import Column
from mlprod.storage.journal._table import Table
from mlprod.typing import Buffer

__all__ = ["Block", "encode_block"]


def encode_block(stream: str, table: Table, sources: NDArray[np.uint64] | None = None) -> list[Buffer]:
    """Return the file of these records, which are in time order, in pieces.

    Args:
        stream: to which they belong.
        table: the records; at least one.
        sources: hash and time of the segments that they came from, shape ``(n, 2)``.
    """
    arrays: dict[str, NDArray[Any]] = {}
    columns: list[list[Any]] = []
    for column in (*table.layout.columns, TIME):
        values = _one(table, column)
        constant = _constant(values)
        if column is TIME and not arrays:  # one column at least shows how many records there are
            values, constant = np.array(table["time"]), None
        columns.append([column.name, column.type, constant])
        if constant is None:
            arrays[column.name] = values
            if column.is_indexed:
                arrays[column.name + ORDER] = np.argsort(values, kind="stable").astype(np.uint32)
    if sources is not None and len(sources):
        arrays[SOURCES] = np.ascontiguousarray(sources)
    times = table["time"]
    document: dict[str, Any] = {
        "version": VERSION,
        "stream": stream,
        "rows": len(table),
        "since": int(times[0]),
        "until": int(times[-1]),
        "columns": [columns[-1], *columns[:-1]],
        "texts": list(table.texts),
        "arrays": {},
    }
    position = 0
    for name, array in arrays.items():
        checksum = xxhash.xxh3_64_intdigest(_bytes(array))
        document["arrays"][name] = [position, array.nbytes, checksum]
        position += aligned(array.nbytes)
    pieces: list[Buffer] = [framed(document)]
    for array in arrays.values():
        pieces.append(_bytes(array))
        pieces.append(bytes(aligned(array.nbytes) - array.nbytes))
    return pieces


@final
class Block:
    """A block that can be read column by column."""

    def __init__(self, raw: Buffer, where: str) -> None:
        """Read the header.

        Args:
            raw: the whole file; it may be mapped.
            where: how to call the file in an error message.

        Raises:
            StoreError: if it is no block, or its header is damaged.
            NewerSchemaError: if a newer version of the library wrote it.
        """
        self._raw = memoryview(raw)
        self._where = where
        self._header = BlockHeader.decode(self._raw, where)
        self._dtypes = {column.name: column.dtype for column in self._header.columns}
        self._texts = frozenset(column.name for column in self._header.columns if column.type == "text")
        self._verified: set[str] = set()
        self._meant: set[str] = set()
        self._broadcast: dict[str, NDArray[Any]] = {}
        self.stream: Final = self._header.stream
        self.rows: Final = self._header.rows
        self.since: Final = self._header.since
        self.until: Final = self._header.until
        self.layout: Final = self._header.layout
        self.texts: Final = self._header.texts

    @property
    def table(self) -> Table:
        """All records; a column is read, and verified, when it is asked for."""
        return Table(self.layout, _Columns(self), self.texts, self.find)

    @property
    def sources(self) -> NDArray[np.uint64]:
        """Hash and time of the segments that the records came from, shape ``(n, 2)``."""
        if SOURCES not in self._header.arrays:
            return np.empty((0, 2), np.uint64)
        return self._array(SOURCES, np.dtype(np.uint64)).reshape(-1, 2)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column, shape ``(rows,)``.

        Raises:
            StoreError: if it is damaged.
        """
        column = self._column(name)
        if name in self._texts and name not in self._meant:
            if int(column.max()) > len(self.texts):
                raise self._damaged(name, "its column {} names texts that the file does not hold")
            self._meant.add(name)
        return column

    def find(self, name: str, values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where the values occur in an indexed column.

        Returns:
            Positions in `values` and the records in which they stand; shapes ``(k,)``.
        """
        column = self.column(name)
        if name + ORDER not in self._header.arrays:
            return Table(self.layout, {"time": column, name: column}).find(name, values)
        order = self._array(name + ORDER, np.dtype(np.uint32))
        if int(order.max()) >= self.rows:
            raise self._damaged(name, "the order of its column {} names records that there are not")
        left = np.searchsorted(column, values, "left", sorter=order)
        right = np.searchsorted(column, values, "right", sorter=order)
        lengths = right - left
        if (lengths < 0).any():
            raise self._damaged(name, "the order of its column {} does not sort it")
        position = np.repeat(np.arange(len(values)), lengths)
        before = np.cumsum(lengths) - lengths
        rows = order[np.repeat(left - before, lengths) + np.arange(len(position))].astype(np.intp)
        is_next = (rows[1:] > rows[:-1]) | (position[1:] > position[:-1])  # equal ones keep their order
        if (column[rows] != values[position]).any() or not is_next.all():
            raise self._damaged(name, "the order of its column {} does not sort it")
        return position, rows

    def verify(self) -> None:
        """Read everything; `StoreError` if any of it is damaged."""
        for name in self._header.arrays:
            self._array(name, np.dtype(np.uint8))

    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(self._header.constants)

    def _column(self, name: str) -> NDArray[Any]:
        constant, dtype = self._header.constants[name], self._dtypes[name]
        if constant is None:
            return self._array(name, dtype)
        found = self._broadcast.get(name)
        if found is None:
            bits = np.array([constant], np.uint64).astype(f"<u{dtype.itemsize}").view(dtype)
            found = self._broadcast[name] = np.broadcast_to(bits, (self.rows,))
        return found

    def _array(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        start, length, checksum = self._header.arrays[name]
        first = self._header.first + start
        raw = self._raw[first : first + length]
        if name not in self._verified:
            if len(raw) != length or xxhash.xxh3_64_intdigest(raw) != checksum:
                raise self._damaged(name, "the checksum of its column {} does not match")
            self._verified.add(name)
        return np.frombuffer(raw, dtype)

    def _damaged(self, name: str, how: str) -> StoreError:
        return StoreError(f"{self._where} is damaged: {how.format(shorten(name))}")


@final
@attrs.frozen(eq=False)
class _Columns(Mapping[str, NDArray[Any]]):
    block: Block

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.block.column(name)

    def __contains__(self, name: object) -> bool:
        return name in self.block.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.block.names())

    def __len__(self) -> int:
        return len(self.block.names())


def _one(table: Table, column: Column) -> NDArray[Any]:
    """Return a column, or its first record alone where all share it by the way it lies in memory."""
    values = table.columns.get(column.name)
    if values is None:
        return table.layout.empty(column, 1)
    return np.ascontiguousarray(values[:1] if values.strides == (0,) else values, column.dtype)


def _constant(values: NDArray[Any]) -> int | None:
    """Return the bits of the value that all records share, if they do."""
    bits = values.view(f"<u{values.itemsize}")
    return int(bits[0]) if bits[0] == bits[-1] and bool((bits == bits[0]).all()) else None


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
