"""Count, mean and variance."""

import math
from collections.abc import Iterable
from typing import Self, final

import attrs
import numpy as np
from numpy.typing import ArrayLike

from mlprod._brief import Brief
from mlprod.stats._state import State, check, integer, number
from mlprod.typing import JSON

__all__ = ["Moments"]

_CHUNK = 1 << 13  # numbers at a time: 64 KiB, so that temporary arrays stay in the cache


@final
@attrs.frozen
class Moments(Brief):
    """Count, mean and variance of numbers, or of many parts together.

    Deviations are taken from the mean of each part, so that numbers far from zero do not cancel; parts
    are joined as by Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American
    Statistician 37 (1983). ``Moments()`` is that of no numbers, the identity of ``+``.

    Attributes:
        count: how many numbers.
        total: their sum, in their unit.
        m2: the sum of the squared deviations from their mean, in their unit squared.

    Example:
        >>> morning, evening = Moments.of([1.0, 2.0]), Moments.of([6.0])
        >>> day = morning + evening
        >>> day.mean, day.variance()
        (3.0, 7.0)
    """

    count: int = 0
    total: float = 0.0
    m2: float = 0.0

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """Return the moments of numbers.

        Args:
            values: finite numbers in any unit; shape ``(n,)``.
        """
        values = np.asarray(values, dtype=np.float64)
        count = len(values)
        if not count:
            return cls()
        total = float(values.sum())
        mean = total / count
        squares = drift = 0.0
        for start in range(0, count, _CHUNK):
            deviations = values[start : start + _CHUNK] - mean
            drift += float(deviations.sum())
            squares += float(np.square(deviations, out=deviations).sum())
        return cls(count, total, max(squares - drift * drift / count, 0.0))  # the mean was rounded

    @classmethod
    def merge(cls, values: Iterable[Self]) -> Self:
        """Return the sum of many, at once."""
        parts = [value for value in values if value.count]
        if not parts:
            return cls()
        counts, totals, m2s = np.array([(part.count, part.total, part.m2) for part in parts]).T
        count, total = sum(part.count for part in parts), float(totals.sum())
        shifts = totals / counts - total / count
        drift = float((counts * shifts).sum())
        between = float((counts * shifts * shifts).sum()) - drift * drift / count
        return cls(count, total, float(m2s.sum()) + max(between, 0.0))

    def __add__(self, other: Self) -> Self:
        if not self.count:
            return other
        if not other.count:
            return self
        count = self.count + other.count
        shift = other.total / other.count - self.total / self.count
        between = shift * shift * self.count * other.count / count
        return type(self)(count, self.total + other.total, self.m2 + other.m2 + between)

    @property
    def mean(self) -> float:
        """The mean; NaN without data."""
        return self.total / self.count if self.count else math.nan

    def variance(self, ddof: int = 1) -> float:
        """Return the variance, in the unit squared; NaN unless there are more numbers than `ddof`.

        Args:
            ddof: 1 for the unbiased estimate from a sample, 0 for the variance of just these numbers.
        """
        return self.m2 / (self.count - ddof) if self.count > ddof else math.nan

    def std(self, ddof: int = 1) -> float:
        """Return the standard deviation, the root of the `variance`."""
        return math.sqrt(self.variance(ddof))

    def to_state(self) -> dict[str, JSON]:
        """Return what `from_state` takes, ready for `json.dumps`."""
        return {"count": self.count, "total": self.total, "m2": self.m2}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return what `to_state` was called on, exactly.

        Raises:
            InvalidDataError: if this is no such state; a ValueError.
        """
        count, total, m2 = integer(state, "count"), number(state, "total"), number(state, "m2")
        check(m2 >= 0, "squares have a negative sum")
        check(count > 0 or total == m2 == 0, "no numbers have a sum")
        return cls(count, total, m2)
