"""Lengths of time, as people write them."""

import numbers
import re
from datetime import timedelta
from typing import Any, TypeAlias

from mlprod._names import shorten
from mlprod.errors import InvalidConfigError

__all__ = ["Duration", "as_duration", "duration_text"]

Duration: TypeAlias = str | timedelta | float
"""``"15m"``, ``"24h"``, ``"7d"``; a `timedelta`; or a number of seconds."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WRITTEN = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)([smhdw])")
_LONGEST = timedelta(days=36525)  # a century before any sensible time is a time, too
_SMALLEST = timedelta(microseconds=1)


def as_duration(value: object, what: str) -> timedelta:
    """Return the duration that is meant.

    Args:
        value: a number with a unit (``s m h d w``), e.g. ``"15m"``; a `timedelta`; or a number of seconds.
        what: how to call it in an error message.

    Raises:
        InvalidConfigError: unless it is one of these, positive, and at most 100 years.
    """
    match value:
        case timedelta():
            duration = value
        case str() if written := _WRITTEN.fullmatch(value):
            duration = _from_seconds(float(written[1]) * _UNITS[written[2]])
        case numbers.Real() if not isinstance(value, bool):
            duration = _from_seconds(value)
        case _:
            duration = timedelta(0)
    if not timedelta(0) < duration <= _LONGEST:
        raise InvalidConfigError(
            f"{shorten(value)} cannot be {what}: use a number with a unit such as '90s', '15m', '24h', '7d' "
            "or '1w', a timedelta, or seconds; more than nothing, and at most 100 years"
        )
    return duration


def duration_text(duration: timedelta) -> str:
    """Return what `as_duration` reads, in the largest unit that gives a whole number: ``"36h"``."""
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(duration, timedelta(seconds=_UNITS[unit]))
        if not rest:
            return f"{count}{unit}"
    seconds, rest = divmod(duration, timedelta(seconds=1))
    return f"{seconds}.{rest // _SMALLEST:06}".rstrip("0") + "s"


def _from_seconds(seconds: Any) -> timedelta:  # noqa: ANN401 - a number of any kind
    """Return no time at all for what is too long, or NaN."""
    return timedelta(seconds=float(seconds)) if 0 < seconds <= _LONGEST.total_seconds() else timedelta(0)
