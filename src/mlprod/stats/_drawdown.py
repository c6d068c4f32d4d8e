"""The largest fall of equity from its peak, for any capital."""

import math
from collections.abc import Iterable
from typing import Self, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod._brief import Brief
from mlprod.errors import InvalidConfigError
from mlprod.stats._state import State, check, integer, number, numbers
from mlprod.typing import JSON

__all__ = ["Drawdown"]

_Money: TypeAlias = NDArray[np.float64]

_SAME = attrs.cmp_using(eq=np.array_equal)
_CHUNK = 1 << 13  # trades at a time: 64 KiB, so that temporary arrays stay in the cache


@final
@attrs.frozen
class Drawdown(Brief):
    """How deep equity fell from its running peak (the maximum drawdown), in money and as a fraction.

    Equity begins at the initial capital, which is the first peak, and moves with the profit and loss
    of each trade. Trades are in the order of time: ``a + b`` is `a` followed by `b`, which is not
    ``b + a``. ``Drawdown()`` is that of no trades, the identity of ``+``.

    What is kept of the curve is what may matter for some capital, however large or small; for random
    trades a dozen points.

    Attributes:
        count: how many trades.
        total: the sum of profit and loss, in money.
        peak: the highest point of the curve of cumulated profit and loss, 0 or more, in money.
        peaks: running peaks of that curve from which some fall may be the largest, ascending; shape ``(h,)``.
        troughs: the lowest point of each of these falls, ascending; shape ``(h,)``.

    Example:
        >>> january, february = Drawdown.of([100.0, -30.0]), Drawdown.of([-20.0, 60.0])
        >>> year = january + february
        >>> year.total, year.amount
        (110.0, 50.0)
        >>> year.fraction(initial_capital=900.0)  # 1,000 fell to 950
        0.05
    """

    # Let (p, m) be a running peak and the equity at some time, both without the capital c. The fall
    # in money is p - m, and as a fraction it is (p - m) / (c + p) = 1 - (c + m) / (c + p), or 1 where
    # that is more.
    #
    # A point is worth less than another, whatever c > 0,
    #   (1) if that one's peak is as high or higher and its equity as low or lower,
    #   (2) if that one's fall is as deep or deeper, from a peak as low or lower,
    # and less than one of two others if
    #   (3) it is worth less, by (1), than a point between them: on a line a ratio of linear functions has
    #       its extremes at the ends.
    # What is left are points whose peaks, troughs and falls all ascend, on a convex curve.
    #
    # To follow another part, a point moves to (max(p + t, q), m + t): t is the total and q the peak
    # of what came before. The map keeps (1), as it is increasing in p; it keeps (2), as no peak moves
    # up more than a lower one; and it keeps (3), as it is convex in p: the image of a point between
    # two has at most the peak of the point between their images. So what was dropped would be
    # dropped later, too, and parts may be joined in any grouping.

    count: int = 0
    total: float = 0.0
    peak: float = 0.0
    peaks: _Money = attrs.field(factory=lambda: np.zeros(1), eq=_SAME)
    troughs: _Money = attrs.field(factory=lambda: np.zeros(1), eq=_SAME)

    @classmethod
    def of(cls, pnl: ArrayLike) -> Self:
        """Return the drawdown of trades.

        Args:
            pnl: profit and loss of each trade in money, in the order of time; finite; shape ``(n,)``.
        """
        pnl = np.asarray(pnl, dtype=np.float64)
        if len(pnl) <= _CHUNK:
            return cls._of_chunk(pnl)
        return cls.merge(cls._of_chunk(pnl[at : at + _CHUNK]) for at in range(0, len(pnl), _CHUNK))

    @classmethod
    def merge(cls, values: Iterable[Self]) -> Self:
        """Return the sum of many in the order of time, at once."""
        parts: list[Self] = [cls(), *values]
        sizes = [len(part.peaks) for part in parts]
        totals = np.cumsum([part.total for part in parts])
        before = np.append(0.0, totals[:-1])
        peak = np.maximum.accumulate(before + [part.peak for part in parts])
        shifts, floors = np.repeat(before, sizes), np.repeat(np.append(0.0, peak[:-1]), sizes)
        peaks = np.maximum(np.concatenate([part.peaks for part in parts]) + shifts, floors)
        troughs = np.concatenate([part.troughs for part in parts]) + shifts
        count = sum(part.count for part in parts)
        return cls(count, float(totals[-1]), float(peak[-1]), *_essential(peaks, troughs))

    def __add__(self, other: Self) -> Self:
        return self.merge((self, other))

    @property
    def amount(self) -> float:
        """The largest fall from a peak, in money; 0.0 if equity never fell, NaN without trades."""
        return float((self.peaks - self.troughs).max()) if self.count else math.nan

    def fraction(self, initial_capital: float) -> float:
        """Return the largest fall from a peak as a fraction of that peak, capital included.

        Args:
            initial_capital: equity before the first trade, in money.

        Returns:
            Between 0.0 (equity never fell) and 1.0 (it reached zero or less); NaN without trades.

        Raises:
            InvalidConfigError: if the capital is not a positive number; it is a ValueError.
        """
        if not 0 < initial_capital < math.inf:
            raise InvalidConfigError(f"initial_capital must be a positive amount, not {initial_capital}")
        if not self.count:
            return math.nan
        falls = (self.peaks - self.troughs) / (initial_capital + self.peaks)
        return min(float(falls.max()), 1.0)

    def to_state(self) -> dict[str, JSON]:
        """Return what `from_state` takes, ready for `json.dumps`."""
        return {
            "count": self.count,
            "total": self.total,
            "peak": self.peak,
            "peaks": self.peaks.tolist(),
            "troughs": self.troughs.tolist(),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return what `to_state` was called on, exactly.

        Raises:
            InvalidDataError: if this is no such state; it is a ValueError.
        """
        count, total, peak = integer(state, "count"), number(state, "total"), number(state, "peak")
        peaks, troughs = numbers(state, "peaks"), numbers(state, "troughs")
        check(len(peaks) == len(troughs) > 0, "not every peak has a trough")
        check(np.all(np.diff(peaks) > 0) and np.all(np.diff(troughs) > 0), "its peaks are not in order")
        check(np.all(troughs <= peaks), "a trough is above its peak")
        check(peaks[0] >= 0 and max(peaks[-1], total) <= peak, "its curve was higher than its peak")
        check(count > 0 or peak == total == troughs[0] == 0, "no trades have a sum")
        return cls(count, total, peak, peaks, troughs)

    @classmethod
    def _of_chunk(cls, pnl: _Money) -> Self:
        equity = np.append(0.0, np.cumsum(pnl))
        peaks = np.maximum.accumulate(equity)
        return cls(len(pnl), float(equity[-1]), float(peaks[-1]), *_essential(peaks, equity))


def _essential(peaks: _Money, troughs: _Money) -> tuple[_Money, _Money]:
    """Return the points that may matter, of points whose peaks never descend."""
    falls = peaks - troughs
    deeper = np.concatenate(([True], falls[1:] > np.maximum.accumulate(falls)[:-1]))
    peaks, troughs = peaks[deeper], troughs[deeper]
    lowest_from = np.minimum.accumulate(troughs[::-1])[::-1]
    lower = np.concatenate((troughs[:-1] < lowest_from[1:], [True]))
    curve: list[tuple[float, float]] = []
    for point in zip(peaks[lower].tolist(), troughs[lower].tolist(), strict=True):
        while len(curve) > 1 and not _is_below(curve[-1], curve[-2], point):
            curve.pop()
        curve.append(point)
    peaks, troughs = np.array(curve).T
    return peaks, troughs


def _is_below(point: tuple[float, float], left: tuple[float, float], right: tuple[float, float]) -> bool:
    """Say whether a point lies below the line through two others."""
    (p, m), (p1, m1), (p2, m2) = point, left, right
    return (m - m1) * (p2 - p1) < (m2 - m1) * (p - p1)
