"""The Kolmogorov-Smirnov test of two samples: from the samples, or from counts on a grid."""

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ks_bounds", "ks_exact_p_value", "ks_p_value", "ks_statistic", "wasserstein"]

_Array: TypeAlias = NDArray[np.float64]


def ks_statistic(reference: ArrayLike, current: ArrayLike) -> float:
    """Return the largest distance of the two empirical distribution functions.

    Args:
        reference: numbers in any order; shape ``(m,)``.
        current: numbers in any order; shape ``(n,)``.

    Returns:
        The statistic, 0 to 1; NaN if a sample is empty.

    Example:
        >>> round(ks_statistic(range(1, 21), range(4, 24)), 2)
        0.15
    """
    first, second = _sorted(reference), _sorted(current)
    if not len(first) or not len(second):
        return math.nan
    points = np.concatenate((first, second))
    return float(np.abs(_shares(first, points) - _shares(second, points)).max())


def ks_bounds(reference: ArrayLike, current: ArrayLike) -> tuple[float, float]:
    """Return between which values the statistic lies, from counts on a grid of points.

    Args:
        reference: how many values are below the first point, at it, between it and the second, at the second,
            and so on, to those above the last; shape ``(2 * k + 1,)`` for ``k`` points.
        current: those of the other sample.

    Returns:
        The largest distance at the points, and the largest that is possible between them. Both are the
        statistic itself where no cell between points holds values of one of the samples. NaN if a sample is
        empty.

    Example:
        >>> ks_bounds([0, 1, 0, 1, 0], [1, 0, 0, 1, 0])  # 1 and 2 against 0.5 and 2
        (0.5, 0.5)
    """
    counts = np.asarray([reference, current], dtype=np.float64)
    sizes = counts.sum(axis=1, keepdims=True)
    if not sizes.all():
        return math.nan, math.nan
    below = np.concatenate((np.zeros((2, 1)), np.cumsum(counts, axis=1) / sizes), axis=1)
    low = float(np.abs(below[0] - below[1]).max())
    starts, ends = below[:, :-1:2], below[:, 1::2]  # of the cells between points
    high = float(np.maximum(ends[0] - starts[1], ends[1] - starts[0]).max())
    return low, max(low, high)


def ks_p_value(statistic: float, reference_size: float, current_size: float) -> float:
    """Return the probability of a distance as large as this, or larger, if both are of one distribution.

    Kolmogorov's limit law, with the correction for small samples of Stephens, "Use of the Kolmogorov-Smirnov,
    Cramér-von Mises and related statistics without extensive tables", Journal of the Royal Statistical
    Society B 32 (1970). With ties it is an upper bound.

    Args:
        statistic: as measured, or a lower bound of it: then the answer is an upper bound.
        reference_size: how many independent rows the reference is worth; need not be whole.
        current_size: how many independent rows the current sample is worth.

    Returns:
        The p-value; 1.0 where the samples tell nothing.

    Example:
        >>> round(ks_p_value(0.15, 200, 200), 3)
        0.02
    """
    from scipy.special import kolmogorov

    if math.isnan(statistic) or min(reference_size, current_size) <= 0:
        return 1.0
    root = math.sqrt(reference_size * current_size / (reference_size + current_size))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * statistic))


def ks_exact_p_value(statistic: float, reference_size: int, current_size: int) -> float:
    """Return the probability of `ks_p_value`, exactly, for continuous distributions.

    Both samples in ascending order are a path through a lattice, and all paths are equally likely: Hodges,
    "The significance probability of the Smirnov two-sample test", Arkiv för Matematik 3 (1958). Counted are
    those that leave the band around the diagonal, by where they leave it, so that small probabilities are
    as precise as large ones. Takes time and memory like ``m * n`` and ``n``.

    Args:
        statistic: as measured.
        reference_size: values in the reference.
        current_size: values in the current sample.

    Returns:
        The p-value.

    Example:
        >>> round(ks_exact_p_value(0.75, 4, 4), 6)  # 16 of 70 paths
        0.228571
    """
    from scipy.special import gammaln

    m, n = reference_size, current_size
    reach = round(statistic * m * n)  # the distance is a multiple of 1 / (m * n)
    if reach <= 0:
        return 1.0

    def log_paths(up: NDArray[Any] | int, right: NDArray[Any] | int) -> _Array:
        found: _Array = gammaln(up + right + 1.0) - gammaln(up + 1.0) - gammaln(right + 1.0)
        return found

    all_paths = log_paths(m, n)
    columns = np.arange(n + 1)
    inside = np.ones(1)  # paths to (row, first), (row, first + 1), … that never left, over exp(scale)
    first, scale, left = 0, 0.0, 0.0
    for row in range(m + 1):
        in_band = np.abs(row * n - columns * m) < reach
        if not in_band.any():  # every path leaves
            return 1.0
        start = int(np.argmax(in_band))
        stop = start + int(in_band.sum())
        if row:
            gone = np.arange(first, min(start, first + len(inside)))  # left upwards
            ways = inside[: len(gone)]
            held = ways > 0
            left += float((ways[held] * np.exp(scale + log_paths(m - row, n - gone[held]) - all_paths)).sum())
        arrived = np.zeros(stop - start)
        kept = inside[start - first :] if row else inside
        arrived[: len(kept)] = kept[: len(arrived)]
        inside, first = np.cumsum(arrived), start
        if stop <= n:  # left to the right
            left += float(inside[-1] * np.exp(scale + log_paths(m - row, n - stop) - all_paths))
        largest = float(inside.max())
        if not largest:  # every path leaves
            return 1.0
        inside, scale = inside / largest, scale + math.log(largest)
    return min(left, 1.0)


def wasserstein(reference: ArrayLike, current: ArrayLike) -> float:
    """Return the Wasserstein distance of order 1: how far values must be moved, on average.

    The area between the empirical distribution functions: Vallender, "Calculation of the Wasserstein distance
    between probability distributions on the line", Theory of Probability and its Applications 18 (1974).

    Args:
        reference: finite numbers in any order; shape ``(m,)``.
        current: finite numbers in any order; shape ``(n,)``.

    Returns:
        The distance, in the unit of the values; NaN if a sample is empty.

    Example:
        >>> wasserstein([0.0, 1.0], [5.0, 6.0])
        5.0
    """
    first, second = _sorted(reference), _sorted(current)
    if not len(first) or not len(second):
        return math.nan
    points = np.sort(np.concatenate((first, second)))
    between = np.abs(_shares(first, points[:-1]) - _shares(second, points[:-1]))
    return float(between @ np.diff(points))


def _sorted(values: ArrayLike) -> _Array:
    return np.sort(np.asarray(values, dtype=np.float64))


def _shares(ordered: _Array, points: _Array) -> _Array:
    """Return which share of the values is at most each point."""
    return np.searchsorted(ordered, points, side="right") / len(ordered)
