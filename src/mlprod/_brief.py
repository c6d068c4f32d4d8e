"""A value in a line: what `repr` says of it, however much it holds."""

import math
import numbers
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from pathlib import PurePath
from types import FunctionType
from typing import Any, Final

import attrs

from mlprod._names import type_name
from mlprod._text import in_utc

__all__ = ["Brief", "brief", "says_nothing"]

_WHOLE: Final = 500  # characters that a value takes at most
_PART: Final = 110  # that one of its fields does
_TEXT: Final = 60  # that one string does
_ITEMS: Final = 4
_DIGITS: Final = 6
_EXACT: Final = 1e5  # from here on a number is an amount: its cents matter
_ENDLESS: Final = 1e15
_MORE: Final = "\N{HORIZONTAL ELLIPSIS}"
_TIMES: Final = " \N{MULTIPLICATION SIGN} "


class Brief:
    """Base of what shows itself in one line of at most 500 characters, without reading or computing anything.

    A field with ``repr=False`` is left out, and ``…`` says so; one with ``repr=function`` is written by it.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Let attrs find a `__repr__` that is the class's own, so that it writes none."""
        super().__init_subclass__()
        if "__repr__" not in vars(cls):  # a new one: attrs 23 takes the very one of a base for inherited
            cls.__repr__ = FunctionType(_CODE, globals(), "__repr__")  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return _fields(self, _WHOLE)


_CODE: Final = Brief.__repr__.__code__


def brief(value: object, room: int = _PART) -> str:
    """Return a value in one line of so many characters, or few more.

    Example:
        >>> brief({"rmse": 0.0123456789, "trades": [7] * 90})
        "{'rmse': 0.0123457, 'trades': [7, 7, 7, 7, … 86 more]}"
    """
    match value:
        case str():
            return _text(value, min(room, _TEXT))
        case bytes() | bytearray() | memoryview():
            return f"<{len(value):,} bytes>"
        case Mapping():
            side = room // 2 - 4
            return _several(
                (f"{brief(key, side)}: {brief(item, side)}" for key, item in value.items()), value, room
            )
        case Sequence() | AbstractSet():
            return _several((brief(item, room // 2) for item in value), value, room)
        case Brief() if getattr(type(value).__repr__, "__code__", None) is not _CODE:
            return _shortened(repr(value), room)
        case _ if attrs.has(type(value)):
            return _fields(value, room)
        case _:
            return _single(value, room)


def says_nothing(field: "attrs.Attribute[Any]", value: object) -> bool:
    """Return whether a field is as empty as it is unless something is known: None, NaN, or without items."""
    default = field.default
    is_empty_at_first = isinstance(default, attrs.Factory) or _is_nothing(default)  # type: ignore[arg-type]
    return default is not attrs.NOTHING and is_empty_at_first and _is_nothing(value)


def _fields(value: object, room: int) -> str:
    name = type(value).__name__
    left = room - len(name) - 5
    parts: list[str] = []
    is_whole = True
    for field in attrs.fields(type(value)):  # type: ignore[arg-type]  # the caller has looked
        item = getattr(value, field.name)
        if says_nothing(field, item):
            continue
        label = f"{field.name.rstrip('_')}="
        part = label + _written(field, item, left - len(label)) if field.repr else ""
        if part and len(part) <= left:
            parts.append(part)
            left -= len(part) + 2
        else:
            is_whole = False
    return f"{name}({', '.join(parts if is_whole else [*parts, _MORE])})"


def _written(field: "attrs.Attribute[Any]", value: object, room: int) -> str:
    return field.repr(value) if callable(field.repr) else brief(value, min(_PART, room))


def _single(value: object, room: int) -> str:
    match value:
        case None | bool():
            return str(value)
        case numbers.Integral():
            return _shortened(_whole(int(value)), room)
        case numbers.Real():
            return _rounded(float(value))
        case datetime():
            return in_utc(value)
        case timedelta() | PurePath():
            return _shortened(repr(value), room)
        case _:
            return _shape(value)


def _shape(value: object) -> str:
    """Return what an array or a table is like, not what it holds; of anything else, what type it is of."""
    kind = getattr(value, "dtype", None)
    sizes = getattr(value, "shape", None)
    if not isinstance(sizes, tuple) or not all(isinstance(size, int) for size in sizes):
        return f"<{type_name(value)}>"
    size = _TIMES.join(map(str, sizes)) or "1"
    if getattr(kind, "kind", "") == "M" and len(sizes) == 1 and sizes[0]:
        times: Any = value
        first, last = (str(times[at].astype("datetime64[s]")).replace("T", " ") for at in (0, -1))
        return f"<{size} times from {first} to {last} UTC>"
    return f"<{size} {kind or type(value).__name__}>"


def _several(items: Iterable[str], of: Collection[object], room: int) -> str:
    """Join as many items as fit, and say how many do not."""
    left = room - 2
    parts: list[str] = []
    for item in items:
        left -= len(item) + 2
        if left < 0 or len(parts) == _ITEMS:
            break
        parts.append(item)
    rest = len(of) - len(parts)
    if rest:
        parts.append(f"{_MORE} {rest:,} more" if parts else f"{_MORE} {rest:,}")
    joined = ", ".join(parts)
    match of:
        case tuple():
            return f"({joined},)" if len(of) == 1 and not rest else f"({joined})"
        case Sequence():
            return f"[{joined}]"
        case _:
            return f"{{{joined}}}"


def _text(text: str, room: int) -> str:
    quoted = repr(text[: room + 1])
    return quoted if len(quoted) <= room else _shortened(quoted, room - 1) + quoted[0]


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(room - 1, 0)]}{_MORE}"


def _whole(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # of more digits than Python prints
        return "<int>"


def _rounded(value: float) -> str:
    if _EXACT <= abs(value) < _ENDLESS:
        return str(round(value, 2))
    return str(float(f"{value:.{_DIGITS}g}"))


def _is_nothing(value: object) -> bool:
    match value:
        case None:
            return True
        case float():
            return math.isnan(value)
        case str() | tuple() | Mapping():
            return not value
        case _:
            return False
