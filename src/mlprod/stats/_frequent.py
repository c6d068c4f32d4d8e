"""Counts of labels, however many different ones there are."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Self, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._brief import Brief
from mlprod.errors import InvalidDataError

__all__ = ["FrequentItems"]


@final
@attrs.frozen
class FrequentItems(Brief):
    """How often each label occurs; of very many labels, the frequent ones.

    Up to `capacity` different labels, all are counted exactly. Beyond that, the same number is taken from
    every count, the least that leaves no more than `capacity` above zero, and the others are dropped: Misra
    and Gries, "Finding repeated elements", Science of Computer Programming 2 (1982); sums as by Agarwal
    et al., "Mergeable summaries", PODS 2012. What was taken adds up to `error`. A label occurs at least as
    often as its count, and at most `error` times more; one without a count occurs at most `error` times. The
    error is never more than ``count / (capacity + 1)``.

    ``FrequentItems()`` is that of no labels, the identity of ``+``. While `error` is 0, sums do not depend on
    order or grouping; beyond that their counts do, within the error.

    Attributes:
        count: how many labels there are, each as often as it occurs; missing ones are not counted.
        counts: how often each label occurs at least, above zero, in no order.
        error: how much more often any label may occur; 0 while all are counted.
        distinct_at_least: how many different labels there are at least; exact while `error` is 0.

    Example:
        >>> monday = FrequentItems.of(np.array([0, 1, 0, -1], np.int32), ("buy", "sell"))
        >>> tuesday = FrequentItems.of(np.array([0, 1, 1], np.int32), ("hold", "buy"))
        >>> week = monday + tuesday
        >>> week.top(2), week.count, week.distinct_at_least
        ((('buy', 4), ('hold', 1)), 6, 3)
    """

    # The bound: taking c from every count, where more than `capacity` are above zero after c - 1 was taken,
    # takes at least (capacity + 1) * c from their sum, which never was more than `count`.

    count: int = 0
    counts: Mapping[str, int] = attrs.field(factory=dict[str, int])
    error: int = 0
    distinct_at_least: int = 0

    capacity: ClassVar[int] = 4096
    """How many labels are kept at most."""

    @classmethod
    def of(cls, codes: NDArray[np.int32], labels: tuple[str, ...]) -> Self:
        """Return the counts of labels.

        Args:
            codes: which label each row has, as an index into `labels`; -1 where it is missing; shape
                ``(n,)``.
            labels: all different; they need not occur.

        Raises:
            InvalidDataError: if a code is no index into `labels`; it is a ValueError.
        """
        if not len(codes):
            return cls()
        if codes.min() < -1 or codes.max() >= len(labels):
            raise InvalidDataError(
                f"codes run from {codes.min()} to {codes.max()}, but there are {len(labels):,} labels: "
                "a code is an index into the labels, or -1 for a missing value"
            )
        occurrences = np.bincount(codes + np.int64(1), minlength=len(labels) + 1)[1:]
        present = np.flatnonzero(occurrences)
        taken = _surplus(occurrences[present], cls.capacity)
        kept = present[occurrences[present] > taken]
        left = (occurrences[kept] - taken).tolist()
        counts = dict(zip([labels[at] for at in kept.tolist()], left, strict=True))
        return cls(int(occurrences.sum()), counts, taken, len(present))

    @classmethod
    def merge(cls, values: Iterable[Self]) -> Self:
        """Return the sum of many, in the memory of a few."""
        count = error = distinct = 0
        counts: dict[str, int] = {}
        for part in values:
            count, error = count + part.count, error + part.error
            for label, occurrences in part.counts.items():
                counts[label] = counts.get(label, 0) + occurrences
            distinct = max(distinct, part.distinct_at_least, len(counts))
            if taken := _surplus(np.fromiter(counts.values(), np.int64, len(counts)), cls.capacity):
                counts = {label: left - taken for label, left in counts.items() if left > taken}
                error += taken
        return cls(count, counts, error, distinct)

    def __add__(self, other: Self) -> Self:
        return self.merge((self, other))

    def top(self, k: int) -> tuple[tuple[str, int], ...]:
        """Return the `k` most frequent labels with their counts, or all if there are fewer.

        The most frequent first, those of one count in the order of their text. A label that is not among them
        occurs at most `error` times more than the last of them.
        """
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(ordered[:k])


def _surplus(counts: NDArray[np.int64], capacity: int) -> int:
    """Return the least that, taken from every count, leaves no more than the capacity above zero."""
    excess = len(counts) - capacity
    return int(np.partition(counts, excess - 1)[excess - 1]) if excess > 0 else 0
