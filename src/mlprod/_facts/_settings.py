"""What a monitor is configured with, checked when it is made."""

import math

from mlprod._facts import _checks
from mlprod._names import shorten
from mlprod.errors import InvalidConfigError, InvalidDataError

__all__ = ["configured", "optional"]


def configured(value: object, what: str, *, high: float = math.inf, positive: bool = False) -> float:
    """Return a number that is not negative.

    Raises:
        InvalidConfigError: if it is none, is above `high`, or is zero where it must be positive.
    """
    try:
        number = _checks.number(value, what, low=0, high=high)
    except InvalidDataError:
        number = -1.0
    if number < 0 or (positive and not number):
        above = "above 0" if positive else "of at least 0"
        limit = "" if math.isinf(high) else f" and at most {high:g}"
        raise InvalidConfigError(f"{what} must be a finite number {above}{limit}, not {shorten(value)}")
    return number


def optional(value: object, what: str, *, positive: bool = False) -> float | None:
    """Return such a number, None for None."""
    return None if value is None else configured(value, what, positive=positive)
