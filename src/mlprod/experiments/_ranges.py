"""The 2³² values of a hash, cut into ranges that belong to variants. Specified in docs/assignment.md."""

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, Self, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.errors import InvalidConfigError

__all__ = ["FULL", "MOST_VARIANTS", "Ranges", "whole_part"]

FULL: Final = 1 << 32
"""How many values 32 bits have: shares and weights are whole numbers of these."""

MOST_VARIANTS: Final = 64

_Pieces: TypeAlias = list[tuple[int, int]]
"""Ranges as pairs of end and owner."""

_TOLERANCE = Fraction(1, 10**9)  # of the sum of weights
_INTEGERS = (int, np.integer)
_NO_INTEGERS = (bool, np.timedelta64)


@final
@attrs.frozen
class Ranges:
    """The 2³² values of the lower bits, cut into ranges that belong to variants.

    Attributes:
        variants: how many variants there are; some may have no range.
        ends: where each range ends, exclusive; ascending, the last is 2³².
        owners: the index of the variant that each range belongs to; never twice the same in a row.

    Example:
        >>> half = Ranges.of([0.5, 0.5], variants=2)
        >>> half.variant(0), half.variant(2**32 - 1)
        (0, 1)
        >>> more = half.moved_to([0.25, 0.75])
        >>> [size / 2**32 for size in more.sizes()]
        [0.25, 0.75]
    """

    variants: int
    ends: tuple[int, ...]
    owners: tuple[int, ...]

    def __attrs_post_init__(self) -> None:
        """Refuse ranges that leave a value without an owner: they may come from a file.

        Raises:
            InvalidConfigError: if they do; it is a ValueError.
        """
        is_ascending = all(one < other for one, other in itertools.pairwise((0, *self.ends)))
        is_owned = len(self.owners) == len(self.ends) and set(self.owners) <= set(range(self.variants))
        if not is_ascending or not is_owned or self.ends[-1:] != (FULL,):
            raise InvalidConfigError(
                f"these are no ranges of the 2³² values among {self.variants} variants: they end at "
                f"{shorten(self.ends)} and belong to {shorten(self.owners)}"
            )

    @classmethod
    def of(cls, weights: Iterable[float], *, variants: int) -> Self:
        """Return one range for each variant, in order.

        Args:
            weights: the share of each variant, from 0 to 1, together 1.
            variants: how many there are, 2 to 64.

        Raises:
            InvalidConfigError: if these are no such weights; it is a ValueError.
        """
        ends = itertools.accumulate(_parts(weights, variants))
        return cls._joined(variants, list(zip(ends, range(variants), strict=True)))

    def variant(self, bits: int) -> int:
        """Return the index of the variant that a value below 2³² belongs to."""
        return self.owners[bisect_right(self.ends, bits)]

    def variants_of(self, bits: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return the indices of the variants that many values belong to, shape ``(n,)``."""
        found = np.searchsorted(np.array(self.ends, np.uint64), bits, side="right")
        return np.array(self.owners, np.intp)[found]

    def sizes(self) -> tuple[int, ...]:
        """Return how many of the 2³² values each variant has."""
        sizes = [0] * self.variants
        for start, end, owner in zip((0, *self.ends[:-1]), self.ends, self.owners, strict=True):
            sizes[owner] += end - start
        return tuple(sizes)

    def moved_to(self, weights: Iterable[float]) -> Self:
        """Return ranges of other weights that move as few units as these weights allow.

        A unit only ever moves from a variant that shrinks to one that grows. Boundaries between such two
        are moved first, so that a ramp that is taken back moves the same units back, as far as it can.

        Raises:
            InvalidConfigError: as `of` does.
        """
        wanted = _parts(weights, self.variants)
        changes = [want - have for want, have in zip(wanted, self.sizes(), strict=True)]
        pieces = list(zip(self.ends, self.owners, strict=True))
        return self._joined(self.variants, _ends_given_up(_boundaries_moved(pieces, changes), changes))

    @classmethod
    def _joined(cls, variants: int, pieces: _Pieces) -> Self:
        pieces = _joined(pieces)
        return cls(variants, tuple(end for end, _ in pieces), tuple(owner for _, owner in pieces))


def _boundaries_moved(pieces: _Pieces, changes: list[int]) -> _Pieces:
    """Return ranges with boundaries between what shrinks and what grows moved; count down the changes."""
    index = 0
    while index + 1 < len(pieces):
        start = pieces[index - 1][0] if index else 0
        (middle, left), (end, right) = pieces[index : index + 2]
        if changes[left] * changes[right] < 0:
            if changes[left] > 0:
                step = min(changes[left], -changes[right], end - middle)
            else:
                step = max(changes[left], -changes[right], start - middle)
            changes[left] -= step
            changes[right] += step
            pieces = _joined([*pieces[:index], (middle + step, left), *pieces[index + 1 :]])
            index = 0  # new neighbours
        else:
            index += 1
    return pieces


def _ends_given_up(pieces: _Pieces, changes: Sequence[int]) -> _Pieces:
    """Return ranges of which those that shrink gave up their ends, from the last to the first."""
    given = [max(-change, 0) for change in changes]
    takers = [(index, change) for index, change in enumerate(changes) if change > 0]
    result: _Pieces = []
    starts = (0, *(end for end, _ in pieces[:-1]))
    for start, (end, owner) in zip(reversed(starts), reversed(pieces), strict=True):
        kept_until = end - min(given[owner], end - start)
        given[owner] -= end - kept_until
        position = end
        while position > kept_until:
            taker, wanted = takers.pop()
            taken = min(wanted, position - kept_until)
            result.append((position, taker))
            position -= taken
            if taken < wanted:
                takers.append((taker, wanted - taken))
        result.append((position, owner))
    return result[::-1]


def _joined(pieces: _Pieces) -> _Pieces:
    """Return ranges without empty ones, neighbours of one owner as one."""
    kept: _Pieces = []
    for end, owner in pieces:
        if kept and kept[-1][1] == owner:
            kept[-1] = (end, owner)
        elif end > (kept[-1][0] if kept else 0):
            kept.append((end, owner))
    return kept


def whole_part(share: float, what: str) -> int:
    """Return a share of 2³², rounded down.

    Raises:
        InvalidConfigError: unless the share is a number from 0 to 1; it is a ValueError.
    """
    return int(_share(share, what) * FULL)


def _share(value: object, what: str) -> float:
    number: object = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
        raise InvalidConfigError(f"{what} must be a number from 0 to 1, not {shorten(value)}")
    return float(number)


def _parts(weights: Iterable[float], variants: int) -> list[int]:
    """Return the weights as parts of 2³², which add up to it: by largest remainder, the first of equals."""
    if not 2 <= variants <= MOST_VARIANTS:  # noqa: PLR2004 - control and treatment
        raise InvalidConfigError(f"an experiment has 2 to {MOST_VARIANTS} variants, not {variants}")
    if not isinstance(weights, Iterable):
        raise InvalidConfigError(f"weights must be {variants} numbers, not {shorten(weights)}")
    given = [_share(weight, "a weight") for weight in weights]
    total = sum(map(Fraction, given), Fraction())
    if len(given) != variants:
        raise InvalidConfigError(
            f"{variants} variants need {variants} weights, not {len(given)} (which sum to {float(total)})"
        )
    if abs(total - 1) > _TOLERANCE:
        raise InvalidConfigError(f"weights must sum to 1; {shorten(given)} sum to {float(total)}")
    exact = [Fraction(weight) * FULL / total for weight in given]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(variants), key=lambda index: parts[index] - exact[index])
    for index in by_remainder[: FULL - sum(parts)]:
        parts[index] += 1
    return parts
