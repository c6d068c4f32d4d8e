"""Single values that callers record, checked before anything is written."""

import math
import numbers
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import numpy as np
import xxhash

from mlprod._clock import aware, to_ns
from mlprod._facts._flags import CORRECT, ERROR, KNOWN, LABEL, LARGEST_CLASS, LOST, TEXT, WON
from mlprod._names import check_text, known, shorten, snake_case
from mlprod.errors import InvalidDataError

__all__ = [
    "ERROR",
    "ID_CHARACTERS",
    "LARGEST",
    "LARGEST_SKEW_NS",
    "TEXT_CHARACTERS",
    "confidence",
    "event_fields",
    "failed",
    "identity",
    "latency",
    "moment",
    "number",
    "outcome_flags",
    "pair",
    "text",
    "verdict",
    "worth",
]

LARGEST: Final = 1e100
"""No amount of anything is larger; squares of what is not, and sums of them, are finite."""
LARGEST_SKEW_NS: Final = 300 * 10**9
ID_CHARACTERS: Final = 256
TEXT_CHARACTERS: Final = 200
_FIRST_LONG_ID = 10**ID_CHARACTERS


def number(value: object, what: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a number in the range, and at most `LARGEST` from zero.

    Raises:
        InvalidDataError: if it is none; a boolean is none, and neither is a length of time.
    """
    if type(value) is float:  # by far the most
        found = value
    elif isinstance(value, numbers.Real | Decimal) and not isinstance(value, bool | np.timedelta64):
        try:
            found = float(value)
        except (OverflowError, ValueError):  # an integer of hundreds of digits, a signalling NaN
            found = math.nan
    else:
        found = math.nan
    if max(low, -LARGEST) <= found <= min(high, LARGEST):  # never for NaN
        return found
    if low == 0 and high == math.inf:
        wanted = "a finite number that is not negative"
    else:
        wanted = "a finite number" if math.isinf(low) else f"a number from {low:g} to {high:g}"
    if math.isinf(high):
        wanted += f", at most {LARGEST:g}"
    raise InvalidDataError(f"{what} must be {wanted}, not {shorten(value)}; nothing was recorded")


def confidence(value: object) -> float:
    """Return a confidence, 0 to 1."""
    return number(value, "confidence", low=0, high=1)


def latency(value: object) -> float:
    """Return a latency in milliseconds."""
    return number(value, "latency_ms", low=0)


def verdict(value: object) -> int:
    """Return the flags of what the caller said about the outcome."""
    if isinstance(value, bool | np.bool_):
        return KNOWN | CORRECT if value else KNOWN
    raise InvalidDataError(f"correct must be True, False or None, not {shorten(value)}; nothing was recorded")


def failed(value: object) -> bool:
    """Return whether the prediction failed."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise InvalidDataError(f"error must be True or False, not {shorten(value)}; nothing was recorded")


def worth(value: object, what: str) -> tuple[float, int]:
    """Return a predicted or actual value as a number, with flags that say what it is.

    A class (a boolean, an integer, a text) can only be right or wrong; a float can also be close. Integers
    from 2**53 on are no classes: two of them may be one float.
    """
    if isinstance(value, bool | np.bool_):
        return float(value), LABEL
    if isinstance(value, str):
        encoded = check_text(value, what, limit=TEXT_CHARACTERS).encode()
        return float(xxhash.xxh3_64_intdigest(encoded) >> 11), LABEL | TEXT  # 53 bits: exact in a float
    if (
        isinstance(value, numbers.Integral)
        and not isinstance(value, np.timedelta64)
        and abs(int(value)) < LARGEST_CLASS
    ):
        return float(int(value)), LABEL
    return number(value, what), 0


def pair(prediction: object, actual: object) -> tuple[float, float, int]:
    """Return a predicted and an actual value as numbers (NaN for None), with the flags of the prediction."""
    predicted, kind = (math.nan, 0) if prediction is None else worth(prediction, "prediction")
    if actual is None:
        return predicted, math.nan, kind
    observed, observed_kind = worth(actual, "actual")
    if prediction is None:
        return predicted, observed, observed_kind & TEXT
    if (kind & TEXT) != (observed_kind & TEXT):
        raise InvalidDataError(
            f"prediction {shorten(prediction)} and actual {shorten(actual)} must both be texts, or both "
            "numbers; nothing was recorded"
        )
    return predicted, observed, kind


def text(value: object, what: str) -> str | None:
    """Return free text, None for None or nothing."""
    return None if value is None else check_text(value, what, limit=TEXT_CHARACTERS) or None


def identity(value: object, what: str) -> int:
    """Return the 64-bit hash of an id: a text, an integer (the same as its digits), or a UUID."""
    if isinstance(value, str):
        spelled = value
    elif type(value) is int or (
        isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)
    ):
        spelled = str(int(value)) if abs(int(value)) < _FIRST_LONG_ID else ""
    else:
        spelled = str(value) if isinstance(value, uuid.UUID) else ""
    if not spelled:  # many records with an empty id are not one
        raise InvalidDataError(
            f"{what} must be a string that is not empty, or an integer, not {shorten(value)}; "
            "nothing was recorded"
        )
    encoded = check_text(spelled, what, limit=ID_CHARACTERS).encode()
    return xxhash.xxh3_64_intdigest(encoded) or 1  # 0 stands for none


def moment(value: object, now_ns: int) -> int:
    """Return a timestamp as nanoseconds since 1970.

    Raises:
        InvalidDataError: if it has no timezone, or lies more than five minutes in the future: that is a
            wrong clock or a wrong unit. Any time in the past will do.
    """
    time_ns = to_ns(aware(value, "timestamp"))  # type: ignore[arg-type]  # it checks
    if time_ns > now_ns + LARGEST_SKEW_NS:
        raise InvalidDataError(
            f"timestamp {shorten(str(value))} lies in the future; check the clock and the timezone; "
            "nothing was recorded"
        )
    return time_ns


def outcome_flags(value: object) -> int:
    """Return the flags of how a trade ended."""
    if value is None:
        return 0
    match value if isinstance(value, str | bool) else None:
        case "win" | True:
            return WON
        case "loss" | "lose" | "breakeven" | False:
            return LOST
        case _:
            raise InvalidDataError(
                f"outcome must be 'win', 'loss' or 'breakeven', not {shorten(value)}; nothing was recorded"
            )


def event_fields(event: object, given: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Return the fields of an event: those in a mapping, in either spelling, and those given by name.

    None stands for a field that was not given, in a mapping, too: JSON has no other way to say so.

    Raises:
        InvalidDataError: if it is no mapping, holds an unknown field, or a field comes twice.
    """
    if not isinstance(event, Mapping):
        raise InvalidDataError(f"an event must be a mapping, not {shorten(event)}; nothing was recorded")
    allowed = tuple(fields)
    found = {name: value for name, value in given.items() if value is not None}
    for key, value in event.items():
        name = snake_case(key) if isinstance(key, str) else key
        if name not in allowed:
            raise InvalidDataError(
                f"{shorten(key)} is no field of this event, {known(allowed, name)}; nothing was recorded"
            )
        if value is None:
            continue
        if name in found:
            raise InvalidDataError(f"{name} was given twice; nothing was recorded")
        found[name] = value
    return found
