"""Quantiles of latencies in each of many steps at once."""

from collections.abc import Sequence
from typing import Final, Self, final

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod._brief import Brief
from mlprod.stats import _buckets
from mlprod.stats._sketch import LatencySketch

__all__ = ["LatencySteps"]

_SPAN: Final = 1 << 20  # more than there are buckets
_ZERO: Final = 0  # the bucket of what is as good as zero, below all others


@final
@attrs.frozen(eq=False)
class LatencySteps(Brief):
    """What a `LatencySketch` is for one stretch of time, for many: the same buckets, all in one array.

    Attributes:
        keys: step and bucket of each count, ascending; shape ``(k,)``.
        counts: how many values; shape ``(k,)``.
        minimum: the least value of each step, infinite without data; shape ``(n,)``.
        maximum: the largest, minus infinity without data; shape ``(n,)``.

    Example:
        >>> steps = LatencySteps.of(np.array([5.0, 12.0, 15.0]), np.array([0, 2, 2]), 3)
        >>> steps.quantiles([1.0])[0].tolist()
        [5.0, nan, 15.0]
    """

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]

    @classmethod
    def none(cls, steps: int) -> Self:
        """Return that of no values."""
        empty = np.empty(0, np.int64)
        return cls(empty, empty, np.full(steps, np.inf), np.full(steps, -np.inf))

    @classmethod
    def of(cls, values: NDArray[np.float64], step: NDArray[np.intp], steps: int) -> Self:
        """Return that of values.

        Args:
            values: finite and not negative; shape ``(m,)``.
            step: to which step each belongs, ascending; shape ``(m,)``.
            steps: how many there are.
        """
        if not len(values):
            return cls.none(steps)
        is_zero = values <= LatencySketch.zero_threshold
        bucket = np.where(is_zero, _ZERO, _shifted(_buckets.find(np.where(is_zero, 1.0, values))))
        keys, counts = np.unique(step * _SPAN + bucket, return_counts=True)
        minimum, maximum = np.full(steps, np.inf), np.full(steps, -np.inf)
        starts = np.flatnonzero(np.diff(step, prepend=-1))
        minimum[step[starts]] = np.minimum.reduceat(values, starts)
        maximum[step[starts]] = np.maximum.reduceat(values, starts)
        return cls(keys, counts, minimum, maximum)

    @classmethod
    def of_sketches(cls, sketches: Sequence[tuple[int, LatencySketch]], steps: int) -> Self:
        """Return that of sketches, each with the step that it belongs to."""
        return cls.merge([cls.none(steps), *(cls._of_sketch(steps, *one) for one in sketches)])

    @classmethod
    def merge(cls, many: Sequence[Self]) -> Self:
        """Return the sum of some, one at least."""
        keys, places = np.unique(np.concatenate([part.keys for part in many]), return_inverse=True)
        counts = np.zeros(len(keys), np.int64)
        np.add.at(counts, places, np.concatenate([part.counts for part in many]))
        return cls(
            keys,
            counts,
            np.min([part.minimum for part in many], axis=0),
            np.max([part.maximum for part in many], axis=0),
        )

    def quantiles(self, qs: ArrayLike) -> NDArray[np.float64]:
        """Return quantiles of each step, as `LatencySketch.quantiles` gives them.

        Args:
            qs: probabilities, 0 to 1; shape ``(q,)``.

        Returns:
            In the unit of the values; NaN without data; shape ``(q, n)``.
        """
        qs = np.asarray(qs, np.float64)
        steps = len(self.minimum)
        counted = np.cumsum(self.counts)
        ends = np.searchsorted(self.keys, np.arange(steps + 1) * _SPAN)
        before = np.append(0, counted)[ends]
        sizes = np.diff(before)
        found = np.full((len(qs), steps), np.nan)
        held = np.flatnonzero(sizes)
        if len(held):
            ranks = before[held] + np.maximum(np.ceil(qs[:, np.newaxis] * sizes[held]), 1)
            bucket = self.keys[np.searchsorted(counted, ranks)] % _SPAN
            middles = np.where(bucket == _ZERO, 0.0, _buckets.middles(_unshifted(bucket)))
            found[:, held] = middles.clip(self.minimum[held], self.maximum[held])
        return found

    @classmethod
    def _of_sketch(cls, steps: int, step: int, sketch: LatencySketch) -> Self:
        minimum, maximum = np.full(steps, np.inf), np.full(steps, -np.inf)
        minimum[step], maximum[step] = sketch.minimum, sketch.maximum
        buckets, counts = _shifted(sketch.indexes.astype(np.int64)), sketch.counts
        if sketch.zero_count:
            buckets, counts = np.append(_ZERO, buckets), np.append(sketch.zero_count, counts)
        return cls(step * _SPAN + buckets, counts, minimum, maximum)


def _shifted(index: NDArray[np.int64]) -> NDArray[np.int64]:
    return index - _buckets.LOWEST + 1


def _unshifted(bucket: NDArray[np.int64]) -> NDArray[np.int32]:
    return (bucket + _buckets.LOWEST - 1).astype(np.int32)
