"""How many rows fell where: what a profile holds of each feature. All counts of parts add up exactly."""

import math
from typing import TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._brief import Brief
from mlprod.stats import Moments, SerialSums

__all__ = ["CategoricalCounts", "Counts", "NumericCounts"]

_SAME = attrs.cmp_using(eq=np.array_equal)


@final
@attrs.frozen
class NumericCounts(Brief):
    """Those of a numeric feature.

    Attributes:
        cells: rows in each cell of the grid; shape ``(2 * k + 1,)``.
        missing: rows without a value.
        moments: of the values from -1e140 to 1e140, in the unit of the feature.
        minimum: the least finite value; infinite without one.
        maximum: the largest finite value; minus infinity without one.
        serial: how much rows resemble those before them.
    """

    cells: NDArray[np.int64] = attrs.field(eq=_SAME)
    missing: int
    moments: Moments
    minimum: float = math.inf
    maximum: float = -math.inf
    serial: SerialSums = attrs.field(factory=SerialSums)

    def __add__(self, other: "NumericCounts") -> "NumericCounts":
        return NumericCounts(
            self.cells + other.cells,
            self.missing + other.missing,
            self.moments + other.moments,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
            self.serial + other.serial,
        )

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return int(self.cells.sum())

    def is_like(self, other: object) -> bool:
        """Return whether these are counts on the same bins."""
        return isinstance(other, NumericCounts) and _are_counts(other.cells, other.missing, self.cells)


@final
@attrs.frozen
class CategoricalCounts(Brief):
    """Those of a categorical feature.

    Attributes:
        cells: rows of each category that has a bin of its own, and last of all others; shape ``(c + 1,)``.
        missing: rows without a value.
        serial: how much rows resemble those before them.
    """

    cells: NDArray[np.int64] = attrs.field(eq=_SAME)
    missing: int
    serial: SerialSums = attrs.field(factory=SerialSums)

    def __add__(self, other: "CategoricalCounts") -> "CategoricalCounts":
        return CategoricalCounts(
            self.cells + other.cells, self.missing + other.missing, self.serial + other.serial
        )

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return int(self.cells.sum())

    def is_like(self, other: object) -> bool:
        """Return whether these are counts on the same bins."""
        return isinstance(other, CategoricalCounts) and _are_counts(other.cells, other.missing, self.cells)


def _are_counts(cells: NDArray[np.int64], missing: int, expected: NDArray[np.int64]) -> bool:
    return (
        cells.shape == expected.shape
        and cells.dtype == np.int64
        and bool((cells >= 0).all())
        and type(missing) is int
        and missing >= 0
    )


Counts: TypeAlias = NumericCounts | CategoricalCounts
