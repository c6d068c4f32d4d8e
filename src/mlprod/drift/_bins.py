"""The bins of a feature: chosen once, from the reference, and frozen."""

import itertools
import math
from collections.abc import Sequence
from typing import Final, TypeAlias, final

import attrs
import numpy as np
import xxhash
from numpy.typing import ArrayLike, NDArray

from mlprod._brief import Brief
from mlprod.drift._column import Categories
from mlprod.drift._counts import CategoricalCounts, NumericCounts
from mlprod.stats import Moments, SerialSums

__all__ = ["CATEGORIES", "FEWEST", "OTHER", "Bins", "CategoricalBins", "NumericBins", "moments_of"]

_Floats: TypeAlias = NDArray[np.float64]
_Integers: TypeAlias = NDArray[np.int64]

OTHER: Final = "(other)"
CATEGORIES: Final = 100  # so many have bins of their own at most
FEWEST: Final = 25  # rows of a category that has a bin where there are more categories than bins

_POINTS = 500  # of the finer grid, about: 0.2% of the reference between neighbours
_TWENTIETHS = np.array([1, 10, 19])
_LARGEST = 1e140  # sums of squares of larger numbers overflow
_OUTSTANDING = 2.0  # between roots of counts, whose standard deviation is 1/2 whatever they are
_SURE = 10  # times the error of a count
_FINITE: Final = float(np.finfo(np.float64).max)
_SAME = attrs.cmp_using(eq=np.array_equal)


@final
@attrs.frozen
class NumericBins(Brief):
    """A fine grid of values of the reference, and which of its cells make up each bin of the PSI.

    Cell ``2 * i`` holds what lies between two points of the grid, or beyond its ends; cell ``2 * i + 1`` what
    is exactly at point ``i``. With at most 500 distinct values in the reference, all of them are points, and
    whatever is computed from the counts is exact.

    Attributes:
        grid: distinct finite values, ascending; shape ``(k,)``.
        ends: the first cell after each bin but the last; shape ``(b - 1,)``.
        limits: the 5% quantile of the reference, its median, and the 95% quantile: how `SerialSums` sees it.
    """

    grid: _Floats = attrs.field(eq=_SAME)
    ends: _Integers = attrs.field(eq=_SAME)
    limits: tuple[float, float, float]

    @classmethod
    def of(cls, values: _Floats, weights: _Integers | None = None, *, count: int = 10) -> "NumericBins":
        """Choose bins that hold equal shares of the reference.

        Args:
            values: of the reference, ascending, without NaN; shape ``(n,)``.
            weights: how often each occurred; None: once.
            count: how many bins. A value that would fill one alone gets one more, of its own.
        """
        held = np.isfinite(values)
        finite = values[held]
        counted = np.cumsum(np.ones(len(finite), np.int64) if weights is None else weights[held])
        if not len(finite):
            return cls(np.empty(0), np.empty(0, np.int64), (0.0, 0.0, 0.0))
        total = int(counted[-1])

        def quantiles(numerators: ArrayLike, denominator: int) -> _Floats:
            """Return the smallest values that at least these shares do not exceed."""
            ranks = -(-total * np.asarray(numerators) // denominator)
            found: _Floats = finite[np.searchsorted(counted, ranks)]
            return found

        starts = np.flatnonzero(np.append(True, finite[1:] != finite[:-1]))  # of runs of equal values
        grid = finite[starts]
        repeats = np.diff(counted[np.append(starts[1:] - 1, -1)], prepend=0)
        heavy = np.flatnonzero(repeats * count >= total)
        if len(grid) > _POINTS:
            points = count * max(_POINTS // count, 1)
            heavy_values = grid[heavy]
            grid = np.unique(np.concatenate((quantiles(np.arange(1, points + 1), points), heavy_values)))
            heavy = np.searchsorted(grid, heavy_values)
        edges = np.searchsorted(grid, quantiles(np.arange(1, count), count))
        ends = np.unique(np.concatenate((2 * edges + 2, 2 * heavy + 1, 2 * heavy + 2)))
        low, centre, high = map(float, quantiles(_TWENTIETHS, 20))
        return cls(grid, ends.astype(np.int64), (low, centre, high))

    def measure(self, column: _Floats) -> NumericCounts:
        """Count values on these bins.

        Args:
            column: numbers in the order of time, NaN where missing; shape ``(n,)``.
        """
        missing = np.isnan(column)
        present = column[~missing] if missing.any() else column
        ordered = np.sort(present)
        finite = _between(ordered, -_FINITE, _FINITE)
        low, centre, high = self.limits
        return NumericCounts(
            self.cells(ordered),
            len(column) - len(present),
            Moments.of(_between(finite, -_LARGEST, _LARGEST)),
            float(finite[0]) if len(finite) else math.inf,
            float(finite[-1]) if len(finite) else -math.inf,
            SerialSums.of(present, centre=centre, low=low, high=high),
        )

    def cells(self, ordered: _Floats, weights: _Integers | None = None) -> _Integers:
        """Return how many of some values, in ascending order, are in each cell."""
        bounds = np.empty(2 * len(self.grid) + 2, np.int64)
        bounds[0], bounds[-1] = 0, len(ordered)
        bounds[1:-1:2] = np.searchsorted(ordered, self.grid, "left")
        bounds[2:-1:2] = np.searchsorted(ordered, self.grid, "right")
        counted = bounds if weights is None else np.append(0, np.cumsum(weights))[bounds]
        return np.diff(counted)

    def binned(self, cells: _Integers) -> _Integers:
        """Return how many rows are in each bin of the PSI; shape ``(b,)``."""
        return np.add.reduceat(cells, np.append(0, self.ends))

    def places(self, values: _Floats) -> _Integers:
        """Return the cell of each value; shape ``(n,)``."""
        left = np.searchsorted(self.grid, values, "left")
        return left + np.searchsorted(self.grid, values, "right")

    def labels(self) -> tuple[str, ...]:
        """Return what each bin of the PSI holds, in words."""
        points = [f"{self.grid[(end - 1) // 2]:.6g}" for end in self.ends.tolist()]
        is_in_bin_below = [end % 2 == 0 for end in self.ends.tolist()]
        if not points:
            return ("any number",)
        found = [f"{'≤' if is_in_bin_below[0] else '<'} {points[0]}"]
        for (low, low_is_below), (high, high_is_in) in itertools.pairwise(
            zip(points, is_in_bin_below, strict=True)
        ):
            between = f"{'(' if low_is_below else '['}{low}, {high}{']' if high_is_in else ')'}"
            found.append(between if low != high else low)
        return (*found, f"{'>' if is_in_bin_below[-1] else '≥'} {points[-1]}")


def _between(ordered: _Floats, low: float, high: float) -> _Floats:
    """Return those of ascending values that are within bounds."""
    first, last = np.searchsorted(ordered, low, "left"), np.searchsorted(ordered, high, "right")
    return ordered[first:last]


def moments_of(finite: _Floats) -> Moments:
    """Return the moments of finite numbers, those beyond 1e140 left out."""
    return Moments.of(finite[np.abs(finite) <= _LARGEST])


@final
@attrs.frozen
class CategoricalBins(Brief):
    """Categories of the reference, one bin each, and one for all others.

    Up to 100 categories all have a bin. Of more, those that stand out have one, and of the others that
    occurred often enough some that are chosen by the hash of their names: a choice of the most frequent ones
    would be of those that happened to be frequent in just this sample, and would look like drift in the next.

    Attributes:
        categories: those with a bin, the most frequent first; at most 100.
        ranks: where each category, and last the others, stand in that order: the middle of the shares of the
            reference that it spans, 0 to 1; shape ``(c + 1,)``. How `SerialSums` sees it.
    """

    categories: tuple[str, ...]
    ranks: _Floats = attrs.field(eq=_SAME)

    @classmethod
    def of(cls, frequent: Sequence[tuple[str, int]], total: int, *, error: int = 0) -> "CategoricalBins":
        """Choose the bins.

        Args:
            frequent: all categories and how often each occurred, the most frequent first.
            total: rows that have a category.
            error: how much more often a category may have occurred.
        """
        kept = frequent if len(frequent) <= CATEGORIES else _chosen(frequent, max(FEWEST, _SURE * error))
        shares = np.array([count for _, count in kept], np.float64) / max(total, 1)
        shares = np.append(shares, max(1 - shares.sum(), 0.0))
        ranks = np.minimum(np.cumsum(shares) - shares / 2, 1.0)  # the sum of shares may be rounded up
        return cls(tuple(category for category, _ in kept), ranks)

    def measure(self, column: Categories) -> CategoricalCounts:
        """Count categories on these bins."""
        positions = {category: index for index, category in enumerate(self.categories)}
        other = len(positions)
        places = np.array([positions.get(label, other) for label in column.labels] or [other], np.int64)
        missing = column.codes < 0
        present = places[column.codes[~missing] if missing.any() else column.codes]
        return CategoricalCounts(
            np.bincount(present, minlength=other + 1),
            int(missing.sum()),
            SerialSums.of(self.ranks[present], centre=0.5, low=0.0, high=1.0),
        )

    def labels(self) -> tuple[str, ...]:
        """Return what each bin holds."""
        return (*self.categories, OTHER)


Bins: TypeAlias = NumericBins | CategoricalBins


def _chosen(frequent: Sequence[tuple[str, int]], least: int) -> list[tuple[str, int]]:
    """Return the categories that get a bin where there are too many, the most frequent first."""
    outstanding = (math.sqrt(frequent[CATEGORIES][1]) + _OUTSTANDING) ** 2
    often = [item for item in frequent if item[1] >= least]

    def rank(item: tuple[str, int]) -> tuple[bool, int]:
        return item[1] < outstanding, xxhash.xxh3_64_intdigest(item[0].encode())

    return sorted(sorted(often, key=rank)[:CATEGORIES], key=lambda item: (-item[1], item[0]))
