"""Count, means, variances and covariance of an outcome and a covariate."""

import math
from collections.abc import Iterable
from typing import Self, final

import attrs
import numpy as np
from numpy.typing import ArrayLike

from mlprod._brief import Brief
from mlprod.errors import InvalidDataError
from mlprod.stats._moments import Moments
from mlprod.stats._state import State, check, integer, number
from mlprod.typing import JSON

__all__ = ["JointMoments"]

_CHUNK = 1 << 13  # pairs at a time: 64 KiB a column, so that temporary arrays stay in the cache
_ROUNDING = 1e-9  # by how much a covariance may exceed what the variances allow


@final
@attrs.frozen
class JointMoments(Brief):
    """Second moments of pairs of numbers, an outcome and a covariate, or of many parts together.

    Deviations are taken from the means of each part; parts are joined as by Chan, Golub and LeVeque,
    "Algorithms for computing the sample variance", The American Statistician 37 (1983), as in `Moments`.
    ``JointMoments()`` is that of no pairs, the identity of ``+``.

    Attributes:
        count: how many pairs.
        total: the sum of the outcomes, in their unit.
        covariate_total: the sum of the covariates, in theirs.
        m2: the sum of the squared deviations of the outcomes from their mean.
        covariate_m2: the same of the covariates.
        comoment: the sum of the products of both deviations.

    Example:
        >>> morning, evening = JointMoments.of([1.0, 2.0], [0.5, 1.5]), JointMoments.of([6.0], [4.0])
        >>> day = morning + evening
        >>> day.outcome.mean, day.covariate.mean, day.covariance()
        (3.0, 2.0, 4.75)
    """

    count: int = 0
    total: float = 0.0
    covariate_total: float = 0.0
    m2: float = 0.0
    covariate_m2: float = 0.0
    comoment: float = 0.0

    @classmethod
    def of(cls, values: ArrayLike, covariate: ArrayLike) -> Self:
        """Return the moments of pairs.

        Args:
            values: outcomes, finite, in any unit; shape ``(n,)``.
            covariate: one finite number for each; shape ``(n,)``.

        Raises:
            InvalidDataError: if their shapes differ; it is a ValueError.
        """
        x, c = np.asarray(values, dtype=np.float64), np.asarray(covariate, dtype=np.float64)
        if x.shape != c.shape:
            raise InvalidDataError(
                f"every outcome needs a covariate; their shapes are {x.shape} and {c.shape}"
            )
        count = len(x)
        if not count:
            return cls()
        total, covariate_total = float(x.sum()), float(c.sum())
        x_mean, c_mean = total / count, covariate_total / count
        x_drift = c_drift = m2 = covariate_m2 = comoment = 0.0
        for start in range(0, count, _CHUNK):
            dx, dc = x[start : start + _CHUNK] - x_mean, c[start : start + _CHUNK] - c_mean
            x_drift += float(dx.sum())
            c_drift += float(dc.sum())
            m2 += float(dx @ dx)
            covariate_m2 += float(dc @ dc)
            comoment += float(dx @ dc)
        return cls(
            count,
            total,
            covariate_total,
            max(m2 - x_drift * x_drift / count, 0.0),  # the means were rounded
            max(covariate_m2 - c_drift * c_drift / count, 0.0),
            comoment - x_drift * c_drift / count,
        )

    @classmethod
    def merge(cls, values: Iterable[Self]) -> Self:
        """Return the sum of many, at once."""
        parts = [value for value in values if value.count]
        if not parts:
            return cls()
        counts, totals, covariate_totals, m2s, covariate_m2s, comoments = np.array(
            [attrs.astuple(part) for part in parts]
        ).T
        count = sum(part.count for part in parts)
        total, covariate_total = float(totals.sum()), float(covariate_totals.sum())
        dx, dc = totals / counts - total / count, covariate_totals / counts - covariate_total / count
        x_drift, c_drift = float(counts @ dx), float(counts @ dc)
        return cls(
            count,
            total,
            covariate_total,
            float(m2s.sum()) + max(float(counts @ (dx * dx)) - x_drift * x_drift / count, 0.0),
            float(covariate_m2s.sum()) + max(float(counts @ (dc * dc)) - c_drift * c_drift / count, 0.0),
            float(comoments.sum()) + float(counts @ (dx * dc)) - x_drift * c_drift / count,
        )

    def __add__(self, other: Self) -> Self:
        if not self.count:
            return other
        if not other.count:
            return self
        count = self.count + other.count
        weight = self.count * other.count / count
        dx = other.total / other.count - self.total / self.count
        dc = other.covariate_total / other.count - self.covariate_total / self.count
        return type(self)(
            count,
            self.total + other.total,
            self.covariate_total + other.covariate_total,
            self.m2 + other.m2 + dx * dx * weight,
            self.covariate_m2 + other.covariate_m2 + dc * dc * weight,
            self.comoment + other.comoment + dx * dc * weight,
        )

    @property
    def outcome(self) -> Moments:
        """The moments of the outcomes alone."""
        return Moments(self.count, self.total, self.m2)

    @property
    def covariate(self) -> Moments:
        """The moments of the covariates alone."""
        return Moments(self.count, self.covariate_total, self.covariate_m2)

    def covariance(self, ddof: int = 1) -> float:
        """Return the covariance; NaN unless there are more pairs than `ddof`.

        Args:
            ddof: 1 for the unbiased estimate from a sample, 0 for the covariance of just these pairs.
        """
        return self.comoment / (self.count - ddof) if self.count > ddof else math.nan

    def to_state(self) -> dict[str, JSON]:
        """Return what `from_state` takes, ready for `json.dumps`."""
        return attrs.asdict(self)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return what `to_state` was called on, exactly.

        Raises:
            InvalidDataError: if this is no such state; it is a ValueError.
        """
        count = integer(state, "count")
        total, covariate_total = number(state, "total"), number(state, "covariate_total")
        m2, covariate_m2 = number(state, "m2"), number(state, "covariate_m2")
        comoment = number(state, "comoment")
        check(min(m2, covariate_m2) >= 0, "squares have a negative sum")
        bound = math.sqrt(m2) * math.sqrt(covariate_m2)
        slack = _ROUNDING * (bound + m2 + covariate_m2 + abs(total * covariate_total))
        check(abs(comoment) <= bound + slack, "it covaries more than it varies")
        check(
            count > 0 or total == covariate_total == m2 == covariate_m2 == comoment == 0,
            "no pairs have a sum",
        )
        return cls(count, total, covariate_total, m2, covariate_m2, comoment)
