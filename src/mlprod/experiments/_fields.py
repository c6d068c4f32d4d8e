"""What callers record about an experiment, checked before anything is written."""

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from mlprod._facts import _checks
from mlprod._facts._flags import TEXT
from mlprod._names import known, shorten
from mlprod.errors import InvalidDataError
from mlprod.experiments._streams import FLAT, LONG, SHORT

__all__ = ["SHADOW_FIELDS", "Score", "kind", "optional_number", "score", "signal"]

Score: TypeAlias = tuple[float, float, float, float, int, int]
"""What one variant said in shadow mode: prediction, confidence, latency, P&L, signal and flags."""

SHADOW_FIELDS: Final = ("prediction", "confidence", "latency_ms", "pnl", "direction", "correct")

_DIRECTIONS: Final = {
    "LONG": LONG,
    "BUY": LONG,
    "UP": LONG,
    "SHORT": SHORT,
    "SELL": SHORT,
    "DOWN": SHORT,
    "FLAT": FLAT,
    "HOLD": FLAT,
    "NEUTRAL": FLAT,
    "NONE": FLAT,
}
_SIGNS: Final = {1: LONG, -1: SHORT, 0: FLAT}


def signal(direction: object) -> int:
    """Return what a prediction said to do; 0 for None.

    Raises:
        InvalidDataError: if it is no direction.
    """
    if direction is None:
        return 0
    if isinstance(direction, str):
        found = _DIRECTIONS.get(direction.upper())
    else:
        is_sign = isinstance(direction, numbers.Integral) and not isinstance(direction, bool)
        found = _SIGNS.get(direction) if is_sign else None  # type: ignore[call-overload]
    if found is None:
        raise InvalidDataError(
            f"direction must be 1, -1, 0 or a word, not {shorten(direction)}; "
            f"{known(_DIRECTIONS, direction)}; nothing was recorded"
        )
    return found


def optional_number(value: object, what: str) -> float:
    """Return a number, NaN for None."""
    return math.nan if value is None else _checks.number(value, what)


def score(given: object, actual: object) -> Score:
    """Return what one variant said in shadow mode.

    Args:
        given: the fields `SHADOW_FIELDS` as a mapping, in either spelling.
        actual: what it turned out to be, None if that is not known yet.

    Raises:
        InvalidDataError: if a field cannot be.
    """
    fields: Mapping[str, Any] = _checks.event_fields(given, {}, SHADOW_FIELDS)
    predicted, _, flags = _checks.pair(fields.get("prediction"), actual)
    confidence, latency = fields.get("confidence"), fields.get("latency_ms")
    if fields.get("correct") is not None:
        flags |= _checks.verdict(fields["correct"])
    return (
        predicted,
        math.nan if confidence is None else _checks.confidence(confidence),
        math.nan if latency is None else _checks.latency(latency),
        optional_number(fields.get("pnl"), "pnl"),
        signal(fields.get("direction")),
        flags,
    )


def kind(scores: Sequence[Score]) -> int:
    """Return the flag of texts if that is what variants predict: an outcome is compared with all of them.

    Raises:
        InvalidDataError: if some predict texts and others numbers.
    """
    kinds = {flags & TEXT for predicted, *_, flags in scores if not math.isnan(predicted)}
    if len(kinds) > 1:
        raise InvalidDataError(
            "all variants must predict texts, or all of them numbers, to be compared; nothing was recorded"
        )
    return max(kinds, default=0)
