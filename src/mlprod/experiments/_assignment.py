"""Which unit gets which variant: a hash, and ranges of it.

A unit is hashed with XXH3 (64 bits) over the UTF-8 text ``salt:experiment:unit``. The upper 32 bits say
whether it is enrolled, the lower 32 bits which variant it gets: two independent questions. Nothing else
plays a part, so that every process, platform and language answers alike. Specified in docs/assignment.md,
with test vectors.
"""

import contextlib
import itertools
import operator
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Final, Self, TypeAlias, final
from uuid import UUID

import attrs
import numpy as np
import xxhash
from numpy.typing import NDArray

from mlprod._names import check_name, shorten
from mlprod.errors import InvalidConfigError, InvalidDataError

__all__ = ["FULL", "LONGEST_UNIT", "MOST_VARIANTS", "Assigner", "Namespace", "Ranges", "whole_part"]

FULL: Final = 1 << 32
"""How many values 32 bits have: shares and weights are whole numbers of these."""

LONGEST_UNIT: Final = 4096
MOST_VARIANTS: Final = 64

_Pieces: TypeAlias = list[tuple[int, int]]
"""Ranges as pairs of end and owner."""

_LOWER = FULL - 1
_INTEGERS = (int, np.integer)
_NO_INTEGERS = (bool, np.timedelta64)  # integers to Python and numpy, but nobody's id
_LENGTHS = frozenset(range(1, LONGEST_UNIT + 1))
_TOLERANCE = Fraction(1, 10**9)  # of the sum of weights


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


@final
@attrs.frozen
class Namespace:
    """A share of a namespace: of the experiments in it, each unit can be in one whose share holds it.

    Attributes:
        name: of the namespace; letters, digits and ``. _ -``.
        start: where the share begins, from 0 to 1.
        end: where it ends, exclusive; above `start`, at most 1.

    Raises:
        InvalidNameError: if the name is not a name; it is a ValueError.
        InvalidConfigError: if this is no share; it is a ValueError.

    Example:
        >>> first, second = Namespace("sizing", 0, 0.4), Namespace("sizing", 0.4, 1)
        >>> first.holds("user-1"), second.holds("user-1")
        (False, True)
    """

    name: str
    start: float
    end: float
    _prefix: bytes = attrs.field(init=False, eq=False, repr=False)
    _first: int = attrs.field(init=False, eq=False, repr=False)
    _after: int = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        name = check_name(self.name, "a namespace")
        first = whole_part(self.start, "the start of a share")
        after = whole_part(self.end, "the end of a share")
        if not self.start < self.end:
            raise InvalidConfigError(
                f"the share of namespace {name!r} must end above its start {self.start}, not at {self.end}"
            )
        object.__setattr__(self, "_prefix", f"namespace::{name}:".encode())
        object.__setattr__(self, "_first", first)
        object.__setattr__(self, "_after", after)

    def holds(self, unit: object) -> bool:
        """Say whether a unit falls into this share."""
        return self._first <= _hash(self._prefix, unit) >> 32 < self._after

    def hold(self, units: Sequence[object]) -> NDArray[np.bool_]:
        """Say which of many units fall into this share, shape ``(n,)``."""
        upper = _hashes(self._prefix, units) >> 32
        return (upper >= self._first) & (upper < self._after)


@final
@attrs.frozen
class Assigner:
    """Which variant of one experiment a unit gets, if any.

    A unit is text, bytes (alike if they are its UTF-8 encoding), an integer (like its decimal digits) or
    a UUID (like its text form), of 1 to 4,096 characters or bytes.

    Attributes:
        salt: another salt is another assignment; letters, digits and ``. _ -``.
        experiment: the id of the experiment.
        ranges: which values of the lower 32 bits get which variant.
        enrolled: units whose upper 32 bits are below this are enrolled: 0 is none, 2³² all.
        namespace: only units in this share are enrolled; None does not ask.

    Raises:
        InvalidNameError: if the salt or the id is not a name; it is a ValueError.

    Example:
        >>> assigner = Assigner("2026", "exits", Ranges.of([0.5, 0.5], variants=2))
        >>> assigner.index("user-1"), assigner.index(42)
        (0, 1)
        >>> assigner.indices(["user-1", "42"])
        array([0, 1])
    """

    salt: str
    experiment: str
    ranges: Ranges
    enrolled: int = FULL
    namespace: Namespace | None = None
    _prefix: bytes = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        salt, experiment = check_name(self.salt, "a salt"), check_name(self.experiment, "an experiment id")
        object.__setattr__(self, "_prefix", f"{salt}:{experiment}:".encode())

    def index(self, unit: object) -> int:
        """Return the index of the variant of a unit, or -1 if it is not enrolled.

        Raises:
            InvalidDataError: if this cannot be a unit; it is a ValueError.
        """
        if self.namespace is not None and not self.namespace.holds(unit):
            return -1
        bits = _hash(self._prefix, unit)
        if bits >> 32 >= self.enrolled:
            return -1
        return self.ranges.owners[bisect_right(self.ranges.ends, bits & _LOWER)]

    def indices(self, units: Iterable[object]) -> NDArray[np.intp]:
        """Return for many units what `index` returns for each.

        Args:
            units: a list or an array of text, bytes, integers or objects; shape ``(n,)``.

        Returns:
            Indices of variants, -1 for units that are not enrolled; shape ``(n,)``.

        Raises:
            InvalidDataError: if one of them cannot be a unit; it is a ValueError.
        """
        units = _listed(units)
        bits = _hashes(self._prefix, units)
        enrolled = bits >> 32 < self.enrolled
        if self.namespace is not None:
            enrolled &= self.namespace.hold(units)
        return np.where(enrolled, self.ranges.variants_of(bits & np.uint64(_LOWER)), -1)


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


def _hash(prefix: bytes, unit: object) -> int:
    """Return the 64 bits of a unit."""
    if type(unit) is str and 0 < len(unit) <= LONGEST_UNIT:
        try:
            return xxhash.xxh3_64_intdigest(prefix + unit.encode())
        except UnicodeEncodeError:
            pass  # below it is said what is wrong
    return xxhash.xxh3_64_intdigest(prefix + _content(unit))


def _hashes(prefix: bytes, units: Sequence[object]) -> NDArray[np.uint64]:
    """Return the 64 bits of many units, shape ``(n,)``."""
    digest = xxhash.xxh3_64_intdigest
    with contextlib.suppress(TypeError, ValueError):  # not all are text, or can be units: see below
        texts: Sequence[Any] = list(map(str, units)) if _are_integers(units) else units
        if set(map(len, texts)) <= _LENGTHS:
            contents = map(partial(operator.add, prefix), map(str.encode, texts))  # no call of ours for each
            return np.fromiter(map(digest, contents), np.uint64, len(texts))
    return np.fromiter((digest(prefix + _content(unit)) for unit in units), np.uint64, len(units))


def _are_integers(units: Sequence[object]) -> bool:
    return len(units) > 0 and type(units[0]) is int and set(map(type, units)) == {int}


def _listed(units: Iterable[object]) -> list[object]:
    """Return units as a list of Python objects."""
    if isinstance(units, list):
        return units
    if isinstance(units, str | bytes) or not isinstance(units, Iterable):
        raise InvalidDataError(f"units must be a list or an array of them, not {shorten(units)}")
    if not isinstance(units, np.ndarray):
        return list(units)
    if units.ndim != 1 or units.dtype.kind not in "iuOSTU":
        raise InvalidDataError(
            "units must be an array of one dimension that holds text, bytes, integers or objects, "
            f"not of shape {units.shape} and dtype {units.dtype}"
        )
    items: list[object] = units.tolist()
    return items


def _content(unit: object) -> bytes:
    """Return the bytes that stand for a unit."""
    if isinstance(unit, str):
        content, size = _encoded(unit), len(unit)
    elif isinstance(unit, bytes):
        content, size = bytes(unit), len(unit)
    elif isinstance(unit, _INTEGERS) and not isinstance(unit, _NO_INTEGERS):
        content = _digits(int(unit))
        size = len(content)
    elif isinstance(unit, UUID):
        content = str(unit).encode()
        size = len(content)
    else:
        raise InvalidDataError(f"a unit must be text, bytes, an integer or a UUID, not {shorten(unit)}")
    if not 0 < size <= LONGEST_UNIT:
        raise InvalidDataError(
            f"a unit must have 1 to {LONGEST_UNIT:,} characters or bytes, not {size:,}: {shorten(unit)}"
        )
    return content


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidDataError(
            f"a unit is not valid text (it holds a lone surrogate): {shorten(text)}"
        ) from error


def _digits(number: int) -> bytes:
    try:
        return str(number).encode()
    except ValueError as error:  # more than Python writes
        raise InvalidDataError(f"an integer of more than {LONGEST_UNIT:,} digits cannot be a unit") from error
