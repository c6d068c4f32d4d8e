"""Which unit gets which variant: a hash, and ranges of it.

A unit is hashed with XXH3 (64 bits) over the UTF-8 text ``salt:experiment:unit``. The upper 32 bits say
whether it is enrolled, the lower 32 bits which variant it gets: two independent questions. Nothing else
plays a part, so that every process, platform and language answers alike. Specified in docs/assignment.md,
with test vectors.
"""

import contextlib
import operator
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, final
from uuid import UUID

import attrs
import numpy as np
import xxhash
from numpy.typing import NDArray

from mlprod._names import check_name, shorten
from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.experiments._ranges import FULL, Ranges, whole_part

__all__ = ["LONGEST_UNIT", "Assigner", "Namespace"]

LONGEST_UNIT: Final = 4096

_LOWER = FULL - 1
_INTEGERS = (int, np.integer)
_NO_INTEGERS = (bool, np.timedelta64)  # integers to Python and numpy, but nobody's id
_LENGTHS = frozenset(range(1, LONGEST_UNIT + 1))


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
