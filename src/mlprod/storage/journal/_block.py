"""A block: many records in one immutable file, column by column, in time order.

::

    magic, length and checksum of the header, the header as JSON, zeros up to a multiple of 64
    the columns, each beginning at a multiple of 64

A column that has the same value in every record takes no room; that of the time always does, so that
no file holds more records than bytes. An indexed column has beside it the order that would sort it.
Every column carries a checksum, verified when it is read.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final, final

import attrs
import numpy as np
import xxhash
from numpy.typing import NDArray

from mlprod.errors import NewerSchemaError, StoreError
from mlprod.storage.journal._layout import Column, Layout
from mlprod.storage.journal._table import Table
from mlprod.typing import Buffer

__all__ = ["Block", "encode_block"]

VERSION: Final = 1
_MAGIC = b"mlprblk\n"
_FRAME = struct.Struct("<8sIQ")
_ALIGNMENT = 64
_TIME: Final = Column("time", "int")
_ORDER = "~order"
_SOURCES = "~sources"


def encode_block(stream: str, table: Table, sources: NDArray[np.uint64] | None = None) -> list[Buffer]:
    """Return the file of these records, which are in time order, in pieces.

    Args:
        stream: to which they belong.
        table: the records; at least one.
        sources: hash and time of the segments that they came from, shape ``(n, 2)``.
    """
    arrays: dict[str, NDArray[Any]] = {}
    columns: list[list[Any]] = []
    for column in (*table.layout.columns, _TIME):
        values = _one(table, column)
        constant = _constant(values)
        if column is _TIME and not arrays:  # one column at least shows how many records there are
            values, constant = np.array(table["time"]), None
        columns.append([column.name, column.type, constant])
        if constant is None:
            arrays[column.name] = values
            if column.is_indexed:
                arrays[column.name + _ORDER] = np.argsort(values, kind="stable").astype(np.uint32)
    if sources is not None and len(sources):
        arrays[_SOURCES] = np.ascontiguousarray(sources)
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
        position += _aligned(array.nbytes)
    body = json.dumps(document, separators=(",", ":")).encode()
    head = _FRAME.pack(_MAGIC, len(body), xxhash.xxh3_64_intdigest(body)) + body
    pieces: list[Buffer] = [head.ljust(_aligned(len(head)), b"\0")]
    for array in arrays.values():
        pieces.append(_bytes(array))
        pieces.append(bytes(_aligned(array.nbytes) - array.nbytes))
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
        self._verified: set[str] = set()
        self._broadcast: dict[str, NDArray[Any]] = {}
        try:
            document = self._document()
            self._dtypes = {name: Column(name, kind).dtype for name, kind, _ in document["columns"]}
            self._constants: dict[str, int | None] = {
                name: constant for name, _, constant in document["columns"]
            }
            self._arrays: dict[str, tuple[int, int, int]] = {
                name: (int(start), int(length), int(checksum))
                for name, (start, length, checksum) in document["arrays"].items()
            }
            self.stream: Final = str(document["stream"])
            self.rows: Final = int(document["rows"])
            self.since: Final = int(document["since"])
            self.until: Final = int(document["until"])
            self.layout: Final = Layout(
                tuple(
                    Column(name, kind, name + _ORDER in self._arrays)
                    for name, kind, _ in document["columns"][1:]
                )
            )
            self.texts: Final = tuple(map(str, document["texts"]))
            self._check_sizes()
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error) as error:
            raise StoreError(f"{where} is damaged: {error!r}") from error

    @property
    def table(self) -> Table:
        """All records; a column is read, and verified, when it is asked for."""
        return Table(self.layout, _Columns(self), self.texts, self.find)

    @property
    def sources(self) -> NDArray[np.uint64]:
        """Hash and time of the segments that the records came from, shape ``(n, 2)``."""
        if _SOURCES not in self._arrays:
            return np.empty((0, 2), np.uint64)
        return self._array(_SOURCES, np.dtype(np.uint64)).reshape(-1, 2)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column, shape ``(rows,)``.

        Raises:
            StoreError: if it is damaged.
        """
        constant = self._constants[name]
        if constant is None:
            return self._array(name, self._dtypes[name])
        found = self._broadcast.get(name)
        if found is None:
            dtype = self._dtypes[name]
            bits = np.array([constant], np.uint64).astype(f"<u{dtype.itemsize}").view(dtype)
            found = self._broadcast[name] = np.broadcast_to(bits, (self.rows,))
        return found

    def find(self, name: str, values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where the values occur in an indexed column.

        Returns:
            Positions in `values` and the records in which they stand; shapes ``(k,)``.
        """
        column = self.column(name)
        if name + _ORDER not in self._arrays:
            return Table(self.layout, {"time": column, name: column}).find(name, values)
        order = self._array(name + _ORDER, np.dtype(np.uint32))
        left = np.searchsorted(column, values, "left", sorter=order)
        right = np.searchsorted(column, values, "right", sorter=order)
        lengths = right - left
        position = np.repeat(np.arange(len(values)), lengths)
        before = np.cumsum(lengths) - lengths
        return position, order[np.repeat(left - before, lengths) + np.arange(len(position))].astype(np.intp)

    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(self._constants)

    def _document(self) -> Any:  # noqa: ANN401 - JSON
        magic, length, checksum = _FRAME.unpack_from(self._raw)
        body = bytes(self._raw[_FRAME.size : _FRAME.size + length])
        if magic != _MAGIC or checksum != xxhash.xxh3_64_intdigest(body):
            raise ValueError("its header is not whole")
        self._first = _aligned(_FRAME.size + length)
        document = json.loads(body)
        if document["version"] > VERSION:
            raise NewerSchemaError(
                f"{self._where} is a block of version {document['version']}; this mlprod reads up to version "
                f"{VERSION}. Upgrade mlprod in this process to the version that wrote it"
            )
        if document["version"] != VERSION:
            raise ValueError("there is no such version")
        return document

    def _check_sizes(self) -> None:
        """Refuse a header that promises what the file does not hold, before anything is allocated for it."""
        room = len(self._raw) - self._first
        if any(min(start, length, room - start - length) < 0 for start, length, _ in self._arrays.values()):
            raise ValueError("it is cut short")
        for name, constant in self._constants.items():
            size = self._dtypes[name].itemsize
            if constant is None:
                is_right = self._arrays[name][1] == self.rows * size
            else:
                is_right = 0 <= constant < 1 << 8 * size
            if not is_right or self._arrays.get(name + _ORDER, (0, 4 * self.rows, 0))[1] != 4 * self.rows:
                raise ValueError(f"its header contradicts itself about {name}")
        if self._arrays.keys().isdisjoint(self._constants):
            raise ValueError("no column shows how many records it holds")
        if self._dtypes[_TIME.name] != _TIME.dtype or self._arrays.get(_SOURCES, (0, 0, 0))[1] % 16:
            raise ValueError("its header contradicts itself")

    def _array(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        start, length, checksum = self._arrays[name]
        raw = self._raw[self._first + start : self._first + start + length]
        if name not in self._verified:
            if len(raw) != length or xxhash.xxh3_64_intdigest(raw) != checksum:
                raise StoreError(
                    f"{self._where} is damaged: the checksum of its column {name} does not match"
                )
            self._verified.add(name)
        return np.frombuffer(raw, dtype)


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


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
