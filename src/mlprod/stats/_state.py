"""Reading states back: whatever a state holds is checked before a statistic is built from it."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.errors import InvalidDataError
from mlprod.typing import JSON

__all__ = ["State", "check", "integer", "integers", "number", "numbers"]

State: TypeAlias = Mapping[str, JSON]
"""Plain integers, floats and lists of them, ready for `json.dumps`."""

_LARGEST = (1 << 63) - 1
_INTEGERS = frozenset({int})  # not bool, which is a subclass
_NUMBERS = frozenset({int, float})  # other writers of JSON write 1.0 as 1


def integer(state: State, key: str) -> int:
    """Return a whole number, 0 or more, of at most 63 bits.

    Raises:
        InvalidDataError: if there is none under that key.
    """
    value = state.get(key)
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise InvalidDataError(
            f"{key} of a state must be a whole number from 0 to {_LARGEST}, not {shorten(value)}"
        )
    return value


def number(state: State, key: str) -> float:
    """Return a finite number.

    Raises:
        InvalidDataError: if there is none under that key.
    """
    value = state.get(key)
    column = _column([value], _NUMBERS, np.float64)
    if column is None:
        raise InvalidDataError(f"{key} of a state must be a finite number, not {shorten(value)}")
    return float(column[0])


def integers(state: State, key: str) -> NDArray[np.int64]:
    """Return a list of whole numbers as an array of shape ``(n,)``.

    Raises:
        InvalidDataError: if there is none under that key.
    """
    value = state.get(key)
    column = _column(value, _INTEGERS, np.int64)
    if column is None:
        raise InvalidDataError(f"{key} of a state must be a list of whole numbers, not {shorten(value)}")
    return column


def numbers(state: State, key: str) -> NDArray[np.float64]:
    """Return a list of finite numbers as an array of shape ``(n,)``.

    Raises:
        InvalidDataError: if there is none under that key.
    """
    value = state.get(key)
    column = _column(value, _NUMBERS, np.float64)
    if column is None:
        raise InvalidDataError(f"{key} of a state must be a list of finite numbers, not {shorten(value)}")
    return column


def check(fits: bool | np.bool, what: str) -> None:  # noqa: FBT001 - reads like an assertion
    """Raise `InvalidDataError` unless the parts of a state fit together."""
    if not fits:
        raise InvalidDataError(f"the state contradicts itself: {what}; it was damaged or made elsewhere")


def _column(values: object, types: frozenset[type], dtype: type[Any]) -> NDArray[Any] | None:
    if not isinstance(values, list) or not types.issuperset(map(type, values)):
        return None
    try:
        column = np.array(values, dtype=dtype)
    except OverflowError:
        return None
    return column if np.isfinite(column).all() else None
