"""Sums of outcomes in 256 buckets of whole units: what resampling and cluster-robust errors need."""

from collections.abc import Iterable
from typing import Self, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod._brief import Brief
from mlprod.errors import InvalidDataError
from mlprod.stats._state import State, check, integers, numbers
from mlprod.typing import JSON

__all__ = ["BUCKETS", "ClusterSums"]

_Counts: TypeAlias = NDArray[np.int64]
_Totals: TypeAlias = NDArray[np.float64]

BUCKETS = 256
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, 2**64 over the golden ratio: Knuth, volume 3, 6.4
_SHIFT = np.uint64(56)
_SAME = attrs.cmp_using(eq=np.array_equal)


@final
@attrs.frozen
class ClusterSums(Brief):
    """How many outcomes there were and what they sum to, in 256 buckets of units.

    All outcomes of one unit (a user, an account, a symbol) are in one bucket, however they depend on each
    other, and buckets are independent of each other if units are. So errors of a mean follow from
    the spread of the buckets, whatever the number of outcomes. ``ClusterSums()`` is that of none,
    the identity of ``+``.

    Attributes:
        counts: how many outcomes are in each bucket; shape ``(256,)``.
        totals: their sum, in their unit; shape ``(256,)``.

    Example:
        >>> hashes = np.array([11, 11, 5], dtype=np.uint64)  # of the units: the first has two outcomes
        >>> sums = ClusterSums.of([1.0, 2.0, 6.0], hashes)
        >>> sums.count, sums.total, sorted(sums.totals[sums.counts > 0].tolist())
        (3, 9.0, [3.0, 6.0])
    """

    counts: _Counts = attrs.field(factory=lambda: np.zeros(BUCKETS, np.int64), eq=_SAME)
    totals: _Totals = attrs.field(factory=lambda: np.zeros(BUCKETS), eq=_SAME)

    @classmethod
    def of(cls, values: ArrayLike, hashes: NDArray[np.uint64]) -> Self:
        """Return the sums of outcomes.

        Args:
            values: finite outcomes in any unit; shape ``(n,)``.
            hashes: a 64-bit hash of the unit of each; shape ``(n,)``. Hashes that are also used to assign
                units will do: the bucket depends on all their bits.

        Raises:
            InvalidDataError: if their shapes differ; it is a ValueError.
        """
        outcomes, units = np.asarray(values, dtype=np.float64), np.asarray(hashes, dtype=np.uint64)
        if outcomes.shape != units.shape:
            raise InvalidDataError(
                f"every outcome needs a hash of its unit; the shapes are {outcomes.shape} and {units.shape}"
            )
        return cls._of_buckets(outcomes, ((units * _MULTIPLIER) >> _SHIFT).astype(np.intp))

    @classmethod
    def of_rows(cls, values: ArrayLike, seed: int) -> Self:
        """Return the sums of outcomes that do not depend on each other: each is a unit of its own.

        Args:
            values: finite outcomes in any unit; shape ``(n,)``. Up to 256 of them have a bucket each;
                more are dealt to equally large ones at random.
            seed: makes the deal reproducible.
        """
        outcomes = np.asarray(values, dtype=np.float64)
        buckets = np.resize(np.arange(BUCKETS, dtype=np.uint8), len(outcomes))
        return cls._of_buckets(outcomes, np.random.default_rng(seed).permutation(buckets))

    @classmethod
    def merge(cls, values: Iterable[Self]) -> Self:
        """Return the sum of many, at once."""
        parts: list[Self] = [cls(), *values]
        return cls(
            np.sum([part.counts for part in parts], axis=0),
            np.sum([part.totals for part in parts], axis=0),
        )

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts, self.totals + other.totals)

    @property
    def count(self) -> int:
        """How many outcomes."""
        return int(self.counts.sum())

    @property
    def total(self) -> float:
        """The sum of the outcomes, in their unit."""
        return float(self.totals.sum())

    def to_state(self) -> dict[str, JSON]:
        """Return what `from_state` takes, ready for `json.dumps`."""
        return {"counts": self.counts.tolist(), "totals": self.totals.tolist()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return what `to_state` was called on, exactly.

        Raises:
            InvalidDataError: if this is no such state; it is a ValueError.
        """
        counts, totals = integers(state, "counts"), numbers(state, "totals")
        check(len(counts) == len(totals) == BUCKETS, f"it has not {BUCKETS} buckets")
        check(np.all(counts >= 0), "a bucket has less than no outcomes")
        check(np.all(totals[counts == 0] == 0), "no outcomes have a sum")
        return cls(counts, totals)

    @classmethod
    def _of_buckets(cls, values: _Totals, buckets: NDArray[np.integer]) -> Self:
        counts = np.bincount(buckets, minlength=BUCKETS).astype(np.int64)
        totals = np.bincount(buckets, weights=values, minlength=BUCKETS).astype(np.float64)
        return cls(counts, totals)
