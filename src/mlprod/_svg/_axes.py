"""From values and moments to places on a chart, with ticks at round ones."""

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._text import MINUS

__all__ = ["FIRST", "LAST", "Floats", "Moments", "Scale", "TimeAxis"]

Floats: TypeAlias = NDArray[np.float64]
Moments: TypeAlias = NDArray[np.int64]
"""Microseconds since 1970, UTC."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND

_SECOND: Final = 1_000_000
_MINUTE, _HOUR, _DAY, _WEEK = 60 * _SECOND, 3_600 * _SECOND, 86_400 * _SECOND, 604_800 * _SECOND
_MONTH: Final = 2_629_746 * _SECOND  # the mean one
_MONDAY: Final = 4 * _DAY  # 5 January 1970
_STEPS: Final = (
    *(mantissa * 10**power for power in range(6) for mantissa in (1, 2, 5)),
    *(seconds * _SECOND for seconds in (1, 2, 5, 10, 15, 30)),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14)),
)
_MONTH_STEPS: Final = (1, 2, 3, 6, *(12 * m * 10**power for power in range(4) for m in (1, 2, 5)))
_MONTH_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS: Final[dict[str, Literal["D", "m", "s", "us"]]] = {
    "days": "D",
    "minutes": "m",
    "seconds": "s",
    "microseconds": "us",
}
_NONBREAKING: Final = "\N{NO-BREAK SPACE}"


@attrs.frozen
class Scale:
    """From values to fractions of the height, by way of a power of ten, so that no magnitude overflows."""

    low: float
    high: float
    exponent: int
    ticks: Sequence[tuple[float, str]]

    def __call__(self, values: Floats) -> Floats:
        """Return fractions of the height; NaN stays NaN."""
        with np.errstate(over="ignore"):  # what is far outside of a tiny range
            return np.clip((values / 10.0**self.exponent - self.low) / (self.high - self.low), 0, 1)

    @classmethod
    def of(cls, values: Floats, limits: tuple[float, float], *, rows: int) -> "Scale":
        """Return the scale on which the values fit, with ticks 1, 2 or 5 times a power of ten apart."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(0, 1, 0, ())
        most = float(np.abs(known).max())
        exponent = max(-300, math.floor(math.log10(most))) if most else 0
        low, high = (float(end) / 10.0**exponent for end in (known.min(), known.max()))
        floor, ceiling = min(limits[0] / 10.0**exponent, low), max(limits[1] / 10.0**exponent, high)
        if high - low <= 1e-9 * max(abs(low), abs(high)):  # apart by less than labels can say
            margin = abs(high) / 10 or 1.0
            low, high = max(low - margin, floor), min(high + margin, ceiling)

        mantissa, power = _nice_step((high - low) / rows)
        step = mantissa * 10.0**power
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        low, high = max(first * step, floor), min(last * step, ceiling)
        counts = [n for n in range(first, last + 1) if low - step * 1e-9 <= n * step <= high + step * 1e-9]
        labels = _labels([Decimal(n * mantissa).scaleb(power + exponent) for n in counts])
        fractions = [min(1.0, max(0.0, (n * step - low) / (high - low))) for n in counts]
        return cls(low, high, exponent, list(zip(fractions, labels, strict=True)))


def _nice_step(least: float) -> tuple[int, int]:
    """Return mantissa and power of the smallest 1, 2 or 5 times a power of ten that is no less."""
    power = math.floor(math.log10(least))
    for mantissa in (1, 2, 5):
        if mantissa * 10.0**power >= least * (1 - 1e-9):
            return mantissa, power
    return 1, power + 1


def _labels(values: Sequence[Decimal]) -> Iterator[str]:
    """Say exact values alike: all with the same decimals, or all with an exponent."""
    is_plain = all(abs(value) < 10**9 and int(value.as_tuple().exponent) > -7 for value in values)  # noqa: PLR2004
    for value in values:
        short = f"{value.normalize():e}".replace("e+", "e") if value else "0"
        yield (f"{value:,f}" if is_plain else short).replace("-", MINUS)


@attrs.frozen(eq=False)
class TimeAxis:
    """Moments in order, how far along the axis each of them is, and where the axis begins and ends."""

    moments: Moments
    positions: Floats
    precision: str
    ends: Moments

    @classmethod
    def of(cls, moments: Moments, ends: Moments | None = None) -> "TimeAxis":
        """Return the axis from the first moment to the last, or between given ends; no span: the middle."""
        bounds = moments[[0, -1]] if ends is None and len(moments) else moments if ends is None else ends
        span = int(bounds[1] - bounds[0]) if len(bounds) else 0
        positions = (moments - bounds[0]) / span if span else np.full(len(moments), 0.5)
        return cls(moments, positions, _precision(np.concatenate((moments, bounds)), span), bounds)

    def said(self) -> str:
        """Say from when to when, as precisely as tells the moments of the axis apart."""
        ends = (_said(end, self.precision) for end in self.ends.tolist())
        return " to ".join(dict.fromkeys(ends)) + " UTC"

    def each_said(self, begins: Iterable[int], ends: Iterable[int]) -> list[str]:
        """Say the same of many stretches at once."""
        known = np.datetime_as_string(self.moments.view("datetime64[us]"), unit=_UNITS[self.precision])
        said = [each.replace("T", " ") for each in known.tolist()]
        return [
            f"{said[begin]} UTC" if said[begin] == said[end] else f"{said[begin]} to {said[end]} UTC"
            for begin, end in zip(begins, ends, strict=True)
        ]

    def ticks(self, *, most: int) -> list[tuple[float, str]]:
        """Return positions and labels of round moments, with at most so many steps between them."""
        if not len(self.moments):
            return []
        first, last = self.ends.tolist()
        if first == last:
            return [(0.5, _said(first, self.precision))]
        return [((moment - first) / (last - first), label) for moment, label in _ticks(first, last, most)]


@functools.lru_cache(maxsize=64)  # charts of one page often have one axis
def _ticks(first: int, last: int, most: int) -> tuple[tuple[int, str], ...]:
    return tuple(_found_ticks(first, last, most))


def _found_ticks(first: int, last: int, most: int) -> Iterator[tuple[int, str]]:
    span = last - first
    if (step := next((step for step in _STEPS if span <= most * step), None)) is not None:
        begin = first + ((_MONDAY if step % _WEEK == 0 else 0) - first) % step
        yield from ((moment, _tick(moment, step)) for moment in range(begin, last + 1, step))
        return
    months = next((step for step in _MONTH_STEPS if span <= most * step * _MONTH), _MONTH_STEPS[-1])
    begin, end = (12 * at.year + at.month - 1 for at in map(_datetime, (first, last)))
    for month in range(begin + -begin % months, end + 1, months):
        at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        if (moment := (at - _EPOCH) // _MICROSECOND) >= first:
            yield moment, _MONTH_NAMES[at.month - 1] if at.month > 1 else str(at.year)


def _tick(moment: int, step: int) -> str:
    at = _datetime(moment)
    if moment % _DAY == 0:
        return f"{at.day}{_NONBREAKING}{_MONTH_NAMES[at.month - 1]}"
    if step % _MINUTE == 0:
        return f"{at:%H:%M}"
    return f"{at:%H:%M:%S}" + (f".{at.microsecond:06}".rstrip("0") if at.microsecond else "")


def _precision(moments: Moments, span: int) -> str:
    """Return the coarsest unit that says all of the moments, or is fine enough for their span."""
    if (moments % _DAY == 0).all():
        return "days"
    if span >= 10 * _MINUTE or (moments % _MINUTE == 0).all():
        return "minutes"
    if span >= 10 * _SECOND or (moments % _SECOND == 0).all():
        return "seconds"
    return "microseconds"


def _said(moment: int, precision: str) -> str:
    """Return ISO-8601 with a space."""
    at = _datetime(moment).replace(tzinfo=None)
    return at.date().isoformat() if precision == "days" else at.isoformat(sep=" ", timespec=precision)


def _datetime(moment: int) -> datetime:
    return _EPOCH + timedelta(microseconds=moment)
