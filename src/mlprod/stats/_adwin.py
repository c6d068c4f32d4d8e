"""ADWIN: a window that grows while its mean stays, and drops its older part when the mean has changed."""

import itertools
import math
from typing import Self, TypeAlias, final

import attrs
import numpy as np

from mlprod._brief import Brief
from mlprod._names import shorten
from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.stats._state import State, check, integer, integers, number, numbers
from mlprod.typing import JSON

__all__ = ["Adwin"]

_Bucket: TypeAlias = tuple[float, float]  # sum, and sum of squared deviations from the mean
_Row: TypeAlias = tuple[_Bucket, ...]  # oldest first

_PER_SIZE = 5  # buckets of one size; of one more, the two oldest become one of twice the size
_SHORTEST = 10  # values; a window as short as that is not cut
_LONGEST = 60  # sizes; a window of 2**60 values takes longer than anyone waits


@final
@attrs.frozen
class Adwin(Brief):
    """The adaptive window of Bifet and Gavalda: the values since their mean changed last.

    "Learning from time-changing data with adaptive windowing", SIAM International Conference on Data Mining
    (2007), in its second form, ADWIN2: an exponential histogram of at most five buckets of 1, 2, 4, …
    values, so that memory grows with the logarithm of the window. The window is cut where the means of its
    two parts differ by more than ``sqrt(2 / m * variance * log(2 / d)) + 2 / (3 * m) * log(2 / d)``, with m
    the harmonic sum ``1 / (1 / n0 + 1 / n1)`` of their sizes and ``d = delta / log(n)``.

    Values are independent and within a range of 1 (ranks, errors, probabilities); scale others before.
    `delta` bounds false alarms of one look at the window, and there is a look every few values: where the
    rate of false alarms matters, use `e_step`. Windows of several processes are not merged: they tell of an
    order in time.

    Attributes:
        delta: the confidence is 1 - delta, between 0 and 1.
        every: how many values there are from one look at the window to the next.
        seen: how many values there were, those no longer in the window included.
        rows: buckets of 1, 2, 4, … values: the sum of each and its squared deviations from its mean, the
            oldest first.

    Example:
        >>> window = Adwin()
        >>> for value in 200 * [0.0] + 200 * [1.0]:
        ...     window, changed = window.step(value)
        ...     if changed:
        ...         print(window.seen, window.count)
        224 48
        256 64
    """

    delta: float = 0.002
    every: int = 32
    seen: int = 0
    rows: tuple[_Row, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not 0 < self.delta < 1:
            raise InvalidConfigError(f"delta must be between 0 and 1, not {self.delta}")
        if type(self.every) is not int or self.every < 1:
            raise InvalidConfigError(f"every must be a whole number of values, 1 or more, not {self.every}")

    @property
    def count(self) -> int:
        """How many values are in the window."""
        return sum(len(row) << size for size, row in enumerate(self.rows))

    @property
    def mean(self) -> float:
        """The mean of the values in the window; NaN without values."""
        count = self.count
        return math.fsum(total for row in self.rows for total, _ in row) / count if count else math.nan

    @property
    def variance(self) -> float:
        """The variance of the values in the window, divided by their number; NaN without values."""
        count = self.count
        return _window(self.rows)[2] / count if count else math.nan

    def step(self, value: float) -> tuple[Self, bool]:
        """Return the window after one more value, and whether the mean was found to have changed.

        Args:
            value: a finite number.

        Raises:
            InvalidDataError: if it is not; it is a ValueError.
        """
        if not math.isfinite(value):
            raise InvalidDataError(f"a value must be a finite number, not {shorten(value)}: leave it out")
        rows, seen = _with(self.rows, float(value)), self.seen + 1
        changed = False
        if seen % self.every == 0:
            while _is_cut(rows, self.delta):
                rows, changed = _without_oldest(rows), True
        return type(self)(self.delta, self.every, seen, rows), changed

    def to_state(self) -> dict[str, JSON]:
        """Return what `from_state` takes, ready for `json.dumps`."""
        buckets = [bucket for row in self.rows for bucket in row]
        return {
            "delta": self.delta,
            "every": self.every,
            "seen": self.seen,
            "lengths": [len(row) for row in self.rows],
            "totals": [total for total, _ in buckets],
            "m2s": [m2 for _, m2 in buckets],
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return what `to_state` was called on, exactly.

        Raises:
            InvalidDataError: if this is no such state; it is a ValueError.
        """
        delta, every, seen = number(state, "delta"), integer(state, "every"), integer(state, "seen")
        lengths, totals, m2s = integers(state, "lengths"), numbers(state, "totals"), numbers(state, "m2s")
        check(0 < delta < 1 and every >= 1, "its delta or its pace is out of range")
        check(len(lengths) <= _LONGEST, "its window is longer than any")
        check(
            np.all((lengths >= 1) & (lengths <= _PER_SIZE)), "it has too many or too few buckets of one size"
        )
        check(lengths.sum() == len(totals) == len(m2s), "not every bucket has its sums")
        check(np.all(m2s >= 0), "squares have a negative sum")
        buckets = iter(zip(totals.tolist(), m2s.tolist(), strict=True))
        rows = tuple(tuple(itertools.islice(buckets, length)) for length in lengths.tolist())
        window = cls(delta, every, seen, rows)
        check(window.count <= seen, "its window holds more values than there were")
        return window


def _with(rows: tuple[_Row, ...], value: float) -> tuple[_Row, ...]:
    """Return the buckets after one more value."""
    after: list[_Row] = []
    bucket: _Bucket = (value, 0.0)
    for size, row in enumerate(rows):
        if len(row) < _PER_SIZE:
            return (*after, (*row, bucket), *rows[size + 1 :])
        after.append((*row[2:], bucket))
        bucket = _joined(1 << size, row[0], 1 << size, row[1])
    return (*after, (bucket,))


def _without_oldest(rows: tuple[_Row, ...]) -> tuple[_Row, ...]:
    """Return the buckets without the oldest, which is one of the largest."""
    left = rows[-1][1:]
    return (*rows[:-1], left) if left else rows[:-1]


def _joined(n: int, left: _Bucket, m: int, right: _Bucket) -> _Bucket:
    """Return the sums of two buckets together, as `Moments` are joined."""
    shift = right[0] / m - left[0] / n
    return left[0] + right[0], left[1] + right[1] + shift * shift * n * m / (n + m)


def _window(rows: tuple[_Row, ...]) -> tuple[int, float, float]:
    """Return how many values there are, their sum, and their squared deviations from their mean."""
    count, bucket = 0, (0.0, 0.0)
    for size in reversed(range(len(rows))):
        for added in rows[size]:
            bucket = _joined(count, bucket, 1 << size, added) if count else added
            count += 1 << size
    return count, *bucket


def _is_cut(rows: tuple[_Row, ...], delta: float) -> bool:
    """Return whether the means before and after some bucket differ by more than chance."""
    count, total, m2 = _window(rows)
    if count <= _SHORTEST:
        return False
    confidence = math.log(2 * math.log(count) / delta)
    spread = 2 * m2 / count * confidence
    older, sum_of_older = 0, 0.0
    for size in reversed(range(len(rows))):
        for added, _ in rows[size]:
            older += 1 << size
            sum_of_older += added
            newer = count - older
            if not newer:
                break
            inverse = 1 / older + 1 / newer
            shift = abs(sum_of_older / older - (total - sum_of_older) / newer)
            if shift > math.sqrt(inverse * spread) + 2 / 3 * inverse * confidence:
                return True
    return False
