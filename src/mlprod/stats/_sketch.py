"""Quantiles of latencies, however many there are."""

import math
from collections.abc import Iterable
from typing import ClassVar, Self, final

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod._brief import Brief
from mlprod.errors import InvalidConfigError
from mlprod.stats import _buckets
from mlprod.stats._state import State, check, integer, integers, number
from mlprod.typing import JSON

__all__ = ["LatencySketch"]

_SAME = attrs.cmp_using(eq=np.array_equal)


@final
@attrs.frozen
class LatencySketch(Brief):
    """The distribution of latencies: every quantile within 0.55%, from a few hundred counts.

    The counts are those of a Prometheus native histogram of schema 6, so that a sketch can be exported
    without loss: bucket ``i`` holds the values above ``2**((i - 1) / 64)``, up to and including
    ``2**(i / 64)``. Where a value is counted depends on nothing else, so that counts of parts add up to
    those of the whole. ``LatencySketch()`` is that of no values, the identity of ``+``.

    Attributes:
        count: how many values.
        total: their sum, in their unit.
        minimum: the least of them; infinite without data.
        maximum: the largest of them; minus infinity without data.
        zero_count: how many are in the zero bucket: at most `zero_threshold`.
        indexes: the buckets that hold values, ascending; shape ``(b,)``.
        counts: how many each of them holds; shape ``(b,)``.

    Example:
        >>> sketch = LatencySketch.of([12.0, 15.0, 11.0]) + LatencySketch.of([250.0])
        >>> sketch.count, sketch.mean, sketch.maximum
        (4, 72.0, 250.0)
        >>> round(sketch.quantile(0.5), 1)
        12.0
    """

    count: int = 0
    total: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    zero_count: int = 0
    indexes: NDArray[np.int32] = attrs.field(factory=lambda: np.empty(0, np.int32), eq=_SAME)
    counts: NDArray[np.int64] = attrs.field(factory=lambda: np.empty(0, np.int64), eq=_SAME)

    schema: ClassVar[int] = _buckets.SCHEMA
    """The resolution, in the numbering of Prometheus."""

    zero_threshold: ClassVar[float] = _buckets.ZERO_THRESHOLD
    """The largest value of the zero bucket: the default of Prometheus, 2.938735877055719e-39."""

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """Return the sketch of values.

        Args:
            values: finite and not negative, in any unit; shape ``(n,)``.
        """
        values = np.asarray(values, dtype=np.float64)
        if not len(values):
            return cls()
        minimum, maximum = float(values.min()), float(values.max())
        positive = values if minimum > cls.zero_threshold else values[values > cls.zero_threshold]
        zeros = len(values) - len(positive)
        return cls(len(values), float(values.sum()), minimum, maximum, zeros, *_buckets.count(positive))

    @classmethod
    def merge(cls, values: Iterable[Self]) -> Self:
        """Return the sum of many, at once."""
        parts: list[Self] = [cls(), *values]
        return cls(
            sum(part.count for part in parts),
            sum(part.total for part in parts),
            min(part.minimum for part in parts),
            max(part.maximum for part in parts),
            sum(part.zero_count for part in parts),
            *_buckets.add([(part.indexes, part.counts) for part in parts]),
        )

    def __add__(self, other: Self) -> Self:
        return self.merge((self, other))

    @property
    def mean(self) -> float:
        """The mean, which is exact; NaN without data."""
        return self.total / self.count if self.count else math.nan

    def quantile(self, q: float) -> float:
        """Return one quantile; see `quantiles`."""
        return float(self.quantiles(q))

    def quantiles(self, qs: ArrayLike) -> NDArray[np.float64]:
        """Return quantiles, each within 0.55% of the value of that rank in the sample.

        The value of that rank is ``numpy.quantile(values, q, method="inverted_cdf")``. Values up to
        `zero_threshold` count as zero.

        Args:
            qs: probabilities, 0 to 1; any shape.

        Returns:
            The quantiles, in the unit of the values and the shape of `qs`; NaN without data.

        Raises:
            InvalidConfigError: if a probability is not between 0 and 1; it is a ValueError.
        """
        qs = np.asarray(qs, dtype=np.float64)
        if not np.all((qs >= 0) & (qs <= 1)):
            raise InvalidConfigError(f"a quantile has a probability between 0 and 1, not {qs}")
        if not self.count:
            return np.full(qs.shape, math.nan)
        ranks = np.maximum(np.ceil(qs * self.count), 1)
        counted = np.cumsum(np.append(self.zero_count, self.counts))
        answers = np.append(0.0, _buckets.middles(self.indexes))
        found: NDArray[np.float64] = answers[np.searchsorted(counted, ranks)]
        return found.clip(self.minimum, self.maximum)

    def to_state(self) -> dict[str, JSON]:
        """Return what `from_state` takes, ready for `json.dumps`."""
        return {
            "count": self.count,
            "total": self.total,
            "minimum": self.minimum if self.count else 0.0,  # JSON has no infinities
            "maximum": self.maximum if self.count else 0.0,
            "zero_count": self.zero_count,
            "indexes": self.indexes.tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return what `to_state` was called on, exactly.

        Raises:
            InvalidDataError: if this is no such state; it is a ValueError.
        """
        count, zero_count = integer(state, "count"), integer(state, "zero_count")
        total, minimum, maximum = (number(state, key) for key in ("total", "minimum", "maximum"))
        indexes, counts = integers(state, "indexes"), integers(state, "counts")
        check(len(indexes) == len(counts), "not every bucket has a count")
        check(np.all(np.diff(indexes) > 0), "its buckets are not in order")
        check(np.all((indexes >= _buckets.LOWEST) & (indexes <= _buckets.HIGHEST)), "it has unknown buckets")
        check(np.all(counts > 0), "it has empty buckets")
        check(zero_count + int(counts.sum()) == count, "its buckets do not add up to its count")
        check(0 <= minimum <= maximum <= total, "its least and largest value do not fit its sum")
        if not count:
            check(total == 0, "no values have a sum")
            return cls()
        return cls(count, total, minimum, maximum, zero_count, indexes.astype(np.int32), counts)
