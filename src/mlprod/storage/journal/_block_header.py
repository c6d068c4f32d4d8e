"""What a block says about itself: nothing of it is believed before it fits the file."""

import functools
import json
import struct
from collections.abc import Mapping
from typing import Any, Final, final

import attrs
import xxhash

from mlprod._names import shorten
from mlprod.errors import NewerSchemaError, StoreError
from mlprod.storage.journal._layout import Column, Layout, is_text

__all__ = ["ORDER", "SOURCES", "TIME", "VERSION", "BlockHeader", "aligned", "framed"]

VERSION: Final = 1
TIME: Final = Column("time", "int")
ORDER: Final = "~order"
SOURCES: Final = "~sources"

_MAGIC = b"mlprblk\n"
_FRAME = struct.Struct("<8sIQ")
_ALIGNMENT = 64
_TIMES = range(-(1 << 63), 1 << 63)


@final
@attrs.frozen(eq=False)
class BlockHeader:
    """The header of a block.

    Attributes:
        stream: to which stream the records belong.
        rows: how many there are, at least one.
        since: the time of the first, nanoseconds since 1970, UTC.
        until: the time of the last.
        columns: all columns, the time first.
        constants: for each column the bits of the value that all records share, or None if it has an array.
        texts: what the codes of text columns mean; code 1 is the first.
        arrays: where each array begins, how many bytes it has, and their checksum.
        first: where the arrays begin.
        layout: the columns other than the time.
    """

    stream: str
    rows: int
    since: int
    until: int
    columns: tuple[Column, ...]
    constants: Mapping[str, int | None]
    texts: tuple[str, ...]
    arrays: Mapping[str, tuple[int, int, int]]
    first: int
    layout: Layout

    @classmethod
    def decode(cls, raw: memoryview, where: str) -> "BlockHeader":
        """Read the first bytes of a file.

        Raises:
            StoreError: if it is no block, or its header is damaged.
            NewerSchemaError: if a newer version of the library wrote it.
        """
        try:
            document, first = _document(raw, where)
            arrays = {
                name: (_count(start), _count(length), _count(checksum))
                for name, (start, length, checksum) in _exactly(dict, document["arrays"]).items()
            }
            given = _exactly(list, document["columns"])
            columns, layout = _layout(
                tuple((_text(name), kind, name + ORDER in arrays) for name, kind, _ in given)
            )
            header = cls(
                stream=_text(document["stream"]),
                rows=_count(document["rows"]),
                since=_time(document["since"]),
                until=_time(document["until"]),
                columns=columns,
                constants={name: None if value is None else _count(value) for name, _, value in given},
                texts=tuple(map(_text, _exactly(list, document["texts"]))),
                arrays=arrays,
                first=first,
                layout=layout,
            )
            header._check_sizes(len(raw) - first)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error) as error:
            raise StoreError(f"{where} is damaged: {error!r:.300}") from error
        return header

    def _check_sizes(self, room: int) -> None:
        """Refuse what the file does not hold, before anything is allocated for it."""
        if any(start + length > room for start, length, _ in self.arrays.values()):
            raise ValueError("it is cut short")
        if sum(length for _, length, _ in self.arrays.values()) > room:
            raise ValueError("its columns overlap")
        for column in self.columns:
            name, constant, size = column.name, self.constants[column.name], column.dtype.itemsize
            if constant is None:
                is_right = self.arrays[name][1] == self.rows * size
            else:
                is_right = constant < 1 << 8 * size
            if not is_right or self.arrays.get(name + ORDER, (0, 4 * self.rows, 0))[1] != 4 * self.rows:
                raise ValueError(f"its header contradicts itself about {shorten(name)}")
        if None not in self.constants.values():
            raise ValueError("no column shows how many records it holds")
        if not self.rows or self.columns[:1] != (TIME,) or self.arrays.get(SOURCES, (0, 0, 0))[1] % 16:
            raise ValueError("its header contradicts itself")


@functools.lru_cache(maxsize=256)
def _layout(columns: tuple[tuple[str, Any, bool], ...]) -> tuple[tuple[Column, ...], Layout]:
    """Return the columns, and the layout without the time; thousands of files have the same few."""
    found = tuple(Column(*column) for column in columns)
    return found, Layout(found[1:])


def framed(document: Mapping[str, Any]) -> bytes:
    """Return the bytes before the arrays."""
    body = json.dumps(document, separators=(",", ":")).encode()
    head = _FRAME.pack(_MAGIC, len(body), xxhash.xxh3_64_intdigest(body)) + body
    return head.ljust(aligned(len(head)), b"\0")


def aligned(size: int) -> int:
    """Return the size with the padding after it."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _document(raw: memoryview, where: str) -> tuple[Any, int]:
    magic, length, checksum = _FRAME.unpack_from(raw)
    body = bytes(raw[_FRAME.size : _FRAME.size + length])
    if magic != _MAGIC or checksum != xxhash.xxh3_64_intdigest(body):
        raise ValueError("its header is not whole")
    document = json.loads(body)
    version = document["version"]
    if _count(version) > VERSION:
        raise NewerSchemaError(
            f"{where} is a block of version {shorten(version)}; this mlprod reads up to version {VERSION}. "
            "Upgrade mlprod in this process to the version that wrote it"
        )
    if version != VERSION:
        raise ValueError("there is no such version")
    return document, aligned(_FRAME.size + length)


def _exactly(kind: type, value: object) -> Any:  # noqa: ANN401 - of that type
    if type(value) is not kind:
        raise TypeError(f"{shorten(value)} stands where a {kind.__name__} should")
    return value


def _count(value: object) -> int:
    count: int = _exactly(int, value)
    if count < 0:
        raise ValueError(f"{shorten(value)} is no count")
    return count


def _time(value: object) -> int:
    if _exactly(int, value) not in _TIMES:
        raise ValueError(f"{shorten(value)} is no time")
    return int(value)  # type: ignore[call-overload, no-any-return]


def _text(value: object) -> str:
    if not is_text(value):
        raise TypeError(f"{shorten(value)} is no text")
    return str(value)
