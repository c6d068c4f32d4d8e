"""What the records of a stream look like: fixed-size, packed by `struct`, read by numpy."""

import functools
from struct import Struct
from typing import Any, Final, Literal, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten

__all__ = ["MARK", "Column", "ColumnType", "Layout", "is_text", "layout_of", "missing"]

ColumnType: TypeAlias = Literal["float", "int", "id", "flags", "text"]

MARK: Final = 1
"""The last byte that is written of a record; a record without it was never finished."""

_STRUCT_CODES: Final = {"float": "d", "int": "q", "id": "Q", "flags": "B", "text": "I"}
_NUMPY_CODES: Final = {"float": "<f8", "int": "<i8", "id": "<u8", "flags": "u1", "text": "<u4"}
_MISSING: Final = {"float": float("nan"), "int": 0, "id": 0, "flags": 0, "text": 0}
_SECTOR_BYTES = 512


def missing(column_type: ColumnType) -> float:
    """Return what stands for a value that was not given."""
    return _MISSING[column_type]


def is_text(value: object) -> bool:
    """Return whether this is text that can be written: JSON can spell half of a character."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_name(_instance: object, _attribute: object, name: str) -> None:
    if not name or not is_text(name):
        raise ValueError(f"{shorten(name)} is no name of a column")


@final
@attrs.frozen
class Column:
    """One field of a record.

    Attributes:
        name: what it is called.
        type: ``float`` (missing: NaN), ``int``, ``id`` (64-bit hash; missing: 0), ``flags`` (8 bits) or
            ``text`` (a code into the dictionary beside the records; missing: 0).
        is_indexed: whether blocks keep the order of its values, to find records by it.
    """

    name: str = attrs.field(validator=_is_name)
    type: ColumnType = attrs.field(validator=attrs.validators.in_(_STRUCT_CODES))
    is_indexed: bool = attrs.field(default=False, eq=False)

    @property
    def dtype(self) -> np.dtype[Any]:
        """How numpy reads it."""
        return np.dtype(_NUMPY_CODES[self.type])


@final
@attrs.frozen
class Layout:
    """The fields of a record, between its time (nanoseconds since 1970, UTC) and its mark.

    A record of up to 512 bytes is padded until a whole number of them fills a disk sector, so that none
    straddles two.

    Attributes:
        columns: the fields in the order in which they are packed.
    """

    columns: tuple[Column, ...]
    struct: Struct = attrs.field(init=False, eq=False, repr=False)
    dtype: np.dtype[Any] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Work out the packed forms."""
        codes = "".join(_STRUCT_CODES[column.type] for column in self.columns)
        packed = Struct(f"<q{codes}B")
        size = _padded(packed.size)
        fields = [("time", "<i8"), *((column.name, column.dtype) for column in self.columns), ("mark", "u1")]
        names, formats = zip(*fields, strict=True)
        offsets = np.cumsum([0, *(np.dtype(code).itemsize for code in formats[:-1])]).tolist()
        shape: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": size}
        object.__setattr__(self, "struct", packed)
        object.__setattr__(self, "dtype", np.dtype(shape))

    @property
    def size(self) -> int:
        """Bytes of a record."""
        return self.dtype.itemsize

    @property
    def has_text(self) -> bool:
        """Whether records refer to a dictionary."""
        return any(column.type == "text" for column in self.columns)

    def has(self, name: str) -> bool:
        """Return whether records have a column of this name."""
        return any(column.name == name for column in self.columns)

    def empty(self, column: Column, rows: int) -> NDArray[Any]:
        """Return the column of so many records in which it is missing."""
        return np.full(rows, missing(column.type), column.dtype)


@functools.lru_cache(maxsize=256)
def layout_of(columns: tuple[Column, ...]) -> Layout:
    """Return the layout of these columns; thousands of files have the same few."""
    return Layout(columns)


def _padded(size: int) -> int:
    if size > _SECTOR_BYTES:
        return -(-size // _SECTOR_BYTES) * _SECTOR_BYTES
    return int(max(32, 1 << (size - 1).bit_length()))
