"""The one cattrs converter: attrs values to plain JSON data and back, nothing guessed.

By itself cattrs makes of a value whatever is asked for: of ``"7"`` a number, of a text its letters.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from mlprod._clock import aware
from mlprod._names import shorten
from mlprod._value import isoformat

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["converter"]

_DEEPEST: Final = 256  # more than the library writes, and little enough to be walked through
_YEARS: Final = range(1000, 9000)  # room on both sides for durations
_INTEGER_BITS: Final = 63
_LEAVES: Final = frozenset({str, int, float, bool, type(None)})


@functools.cache
def converter() -> Converter:
    """Return the converter; cattrs is imported at the first record, not with the library."""
    from cattrs import Converter

    result = Converter(forbid_extra_keys=True, detailed_validation=False)
    result.register_unstructure_hook(datetime, isoformat)
    result.register_unstructure_hook_func(_is_json, lambda document: document)
    result.register_structure_hook(datetime, lambda value, _: _moment(value))
    result.register_structure_hook(bool, lambda value, _: _flag(value))
    result.register_structure_hook(int, lambda value, _: _integer(value))
    result.register_structure_hook(float, lambda value, _: _number(value))
    result.register_structure_hook(str, lambda value, _: _text(value))
    result.register_structure_hook_func(_is_tuple, _tuple)
    result.register_structure_hook_func(_is_document, lambda value, _: _document(value))
    return result


def _is_json(field_type: Any) -> bool:  # noqa: ANN401 - a type
    """Return whether a field holds what is JSON already and need not be walked through."""
    return field_type in (Mapping[str, Any], dict[str, Any])


def _is_tuple(field_type: Any) -> bool:  # noqa: ANN401 - a type
    origin: Any = get_origin(field_type)
    return origin is tuple


def _is_document(field_type: Any) -> bool:  # noqa: ANN401 - a type
    """Return whether a field holds a document of the application's own."""
    return bool(field_type == Mapping[str, Any])


def _expected(kind: str, value: object) -> TypeError:
    return TypeError(f"{shorten(value)} stands where {kind} should")


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _expected("true or false", value)
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value.bit_length() > _INTEGER_BITS:
        raise _expected("an integer of 64 bits", value)
    return int(value)


def _number(value: object) -> float:
    if type(value) is float:
        return value
    if not isinstance(value, int | float) or isinstance(value, bool):  # other writers of JSON write 1.0 as 1
        raise _expected("a number", value)
    return float(value)


def _text(value: object) -> str:
    if type(value) is str:
        return value
    if not isinstance(value, str):
        raise _expected("a text", value)
    return str.__str__(value)


def _moment(value: object) -> datetime:
    moment = aware(datetime.fromisoformat(_text(value)), "the time")
    if moment.year not in _YEARS:
        raise ValueError(f"{shorten(value)} is no time at which anything was recorded")
    return moment


def _tuple(value: object, kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type
    if not isinstance(value, list | tuple):
        raise _expected("a list", value)
    first, *rest = get_args(kind)
    if rest == [...]:
        hook: Callable[[Any, Any], Any] = converter().get_structure_hook(first)
        return tuple(hook(item, first) for item in value)
    return tuple(converter().structure(item, of) for item, of in zip(value, (first, *rest), strict=True))


def _document(value: object) -> dict[str, Any]:
    """Return a document as it is; one that is nested very deeply would overflow the stack of who reads it."""
    if not isinstance(value, dict):
        raise _expected("an object", value)
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        inner = (part.values() if isinstance(part, dict) else part for part in level)
        level = [
            item
            for items in inner
            if not _LEAVES.issuperset(map(type, items))  # rows of numbers are most of what is read
            for item in items
            if isinstance(item, dict | list | tuple)
        ]
        if not level:
            return value
    raise ValueError(f"a document is nested more than {_DEEPEST} deep")
