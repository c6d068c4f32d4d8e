"""One column of a table: numbers, or categories."""

import datetime as dt
import numbers
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.errors import InvalidDataError

__all__ = [
    "Batch",
    "Categories",
    "Column",
    "all_missing",
    "categories",
    "is_from",
    "moving_time",
    "read_array",
    "read_items",
    "unusable",
]

_TIMES: Final = (dt.date, dt.time, dt.timedelta, np.datetime64, np.timedelta64)
_NO_LABELS: Final = (bytes, bytearray, complex, list, tuple, dict, set, np.ndarray)


@final
@attrs.frozen
class Categories:
    """Texts, booleans or categories of n rows.

    Attributes:
        codes: of each row the place of its label, -1 where it is missing; shape ``(n,)``.
        labels: the distinct values as text, "false" and "true" for booleans; not all need occur.

    Example:
        >>> read_items(["buy", None, "sell", "buy"], "side").labels
        ('buy', 'sell')
    """

    codes: NDArray[np.int32] = attrs.field(eq=attrs.cmp_using(eq=np.array_equal))
    labels: tuple[str, ...]


Column: TypeAlias = NDArray[np.float64] | Categories
"""Numbers of shape ``(n,)``, NaN where they are missing and infinities as they are; or categories."""
Batch: TypeAlias = Mapping[str, Column]
"""Some rows of a table: columns of the same length."""


def all_missing(column: Column) -> bool:
    """Return whether no row has a value, so that nothing tells numbers from categories."""
    if isinstance(column, Categories):
        return not bool((column.codes >= 0).any())
    return not len(column) or bool(np.isnan(column[0]) and np.isnan(column).all())


def read_array(values: NDArray[Any], name: str) -> Column:
    """Return a numpy array as a column; without a copy if it is contiguous and of float64.

    Args:
        values: of shape ``(n,)``; what is masked is missing.
        name: of the column, for messages.

    Raises:
        InvalidDataError: if it has another shape, or holds times, bytes, complex, nested or mixed values.
    """
    if values.ndim != 1:
        shape = "a single value" if not values.ndim else f"an array of shape {values.shape}"
        raise InvalidDataError(f"column {shorten(name)} is {shape}: give one value per row, shape (n,)")
    if isinstance(values, np.ma.MaskedArray):
        is_masked = np.broadcast_to(np.asarray(values.mask, np.bool_), values.shape)
        return _without(read_array(values.data, name), is_masked)
    match values.dtype.kind:
        case "f" | "i" | "u":
            with np.errstate(over="ignore"):  # a long double may be more than a double holds: infinite
                return np.ascontiguousarray(values, np.float64)
        case "b":
            return Categories(values.astype(np.int32), ("false", "true"))
        case "O" | "U" | "T":
            return read_items(values.tolist(), name)
        case "M" | "m":
            raise moving_time(name, values.dtype)
        case _:
            raise unusable(name, values.dtype)


def read_items(items: Sequence[Any], name: str) -> Column:
    """Return Python objects as a column: all numbers, all texts or all booleans, None or NaN where missing.

    Raises:
        InvalidDataError: if they are anything else, or mixed, or too large for a float.
    """
    kinds = set(map(type, items))
    present = {kind for kind in kinds if not _is_nothing(kind)}
    if all(map(_is_number, present)):
        return _numbers(items, name)
    for kind in present:
        if issubclass(kind, _TIMES):
            raise moving_time(name, kind.__name__)
        if not (_is_number(kind) or issubclass(kind, str | bool | np.bool_)):
            raise unusable(name, kind.__name__)
    words = {kind for kind in present if not issubclass(kind, float)}  # a NaN among texts: a missing one
    is_mixed = len({issubclass(kind, str) for kind in words}) > 1 or any(map(_is_number, words))
    if is_mixed or (words != present and any(item == item for item in items if isinstance(item, float))):  # noqa: PLR0124 - false for NaN alone
        raise InvalidDataError(
            f"column {shorten(name)} mixes {', '.join(sorted(kind.__name__ for kind in present))}: "
            "make all of its values numbers, or all of them texts"
        )
    distinct = list(dict.fromkeys(items))
    places = dict(zip(distinct, range(len(distinct)), strict=True))
    codes = np.fromiter(map(places.__getitem__, items), np.int32, len(items))
    return categories(codes, distinct, name)


def categories(codes: NDArray[Any], values: Sequence[Any], name: str) -> Categories:
    """Return categories from places in a list of values, among which may be None, NaN or a value twice.

    Args:
        codes: of each row a place in `values`, -1 where it is missing; integers, shape ``(n,)``.
        values: what the places stand for.
        name: of the column, for messages.

    Raises:
        InvalidDataError: if the values are times, bytes or nested, or text that UTF-8 cannot encode.
    """
    labels: dict[str, int] = {}
    places = [
        labels.setdefault(label, len(labels)) if (label := _label(value, name)) is not None else -1
        for value in values
    ]
    try:
        "".join(labels).encode()
    except UnicodeEncodeError as error:
        raise InvalidDataError(
            f"column {shorten(name)} holds text that is not valid (a lone surrogate): "
            "decode it with errors='replace' where it is read"
        ) from error
    if len(labels) < len(values):
        codes = np.array([*places, -1])[codes]  # the place -1 is the last
    return Categories(np.ascontiguousarray(codes, np.int32), tuple(labels))


def is_from(value: object, library: str) -> bool:
    """Return whether the type of a value, or one it derives from, is a library's; nothing is imported."""
    return any(kind.__module__.partition(".")[0] == library for kind in type(value).__mro__)


def moving_time(name: str, kind: object) -> InvalidDataError:
    """Return the error for a column of times."""
    return InvalidDataError(
        f"column {shorten(name)} holds times ({kind}), which always move on: give what the model sees of "
        "them, such as the hour or the weekday, or leave the column out"
    )


def unusable(name: str, kind: object) -> InvalidDataError:
    """Return the error for a column of something that no column can hold."""
    return InvalidDataError(
        f"column {shorten(name)} holds {kind}: a column is of numbers, texts, booleans or categories; "
        "give what the model sees of it, or leave it out"
    )


def _without(column: Column, is_masked: NDArray[np.bool_]) -> Column:
    if isinstance(column, Categories):
        return attrs.evolve(column, codes=np.where(is_masked, np.int32(-1), column.codes))
    return np.where(is_masked, np.nan, column)


def _is_nothing(kind: type) -> bool:
    return kind is type(None) or kind.__name__ == "NAType"  # of pandas, which is not imported to look


def _is_number(kind: type) -> bool:
    return issubclass(kind, numbers.Real | Decimal) and not issubclass(kind, bool | np.bool_ | np.timedelta64)


def _numbers(items: Sequence[Any], name: str) -> NDArray[np.float64]:
    if any(kind.__name__ == "NAType" for kind in set(map(type, items))):
        items = [None if _is_nothing(type(item)) else item for item in items]
    try:
        return np.array(items, np.float64)  # in which None is NaN
    except (OverflowError, ValueError) as error:  # an integer of hundreds of digits, a signalling NaN
        raise InvalidDataError(
            f"column {shorten(name)} holds a number that no float can hold ({error}): clip or rescale it"
        ) from error


def _label(value: object, name: str) -> str | None:
    """Return a category as text, None for a missing one."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if _is_nothing(type(value)) or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, _TIMES):
        raise moving_time(name, type(value).__name__)
    if isinstance(value, _NO_LABELS):
        raise unusable(name, type(value).__name__)
    return str(value)
