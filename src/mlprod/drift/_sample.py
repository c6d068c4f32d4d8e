"""A random sample of whole rows: what counts per feature cannot tell is how features go together."""

from collections.abc import Sequence
from typing import Final, TypeAlias, final

import attrs
import numpy as np
import xxhash
from numpy.typing import NDArray

from mlprod._brief import Brief
from mlprod.drift._column import Categories, Column

__all__ = ["Draw", "RowSample"]

_Floats: TypeAlias = NDArray[np.float64]
_Keys: TypeAlias = NDArray[np.uint64]

_ROWS: Final = 512


@final
@attrs.frozen
class RowSample(Brief):
    """Up to 512 rows: those with the smallest random keys, so that samples of parts make that of the whole.

    Attributes:
        keys: ascending; shape ``(s,)``.
        rows: the numeric features of these rows, NaN where missing; shape ``(s, d)``.
    """

    keys: _Keys = attrs.field(eq=attrs.cmp_using(eq=np.array_equal))
    rows: _Floats = attrs.field(
        eq=attrs.cmp_using(eq=lambda one, other: np.array_equal(one, other, equal_nan=True))
    )

    def __add__(self, other: "RowSample") -> "RowSample":
        keys, rows = np.concatenate((self.keys, other.keys)), np.concatenate((self.rows, other.rows))
        chosen = _smallest(keys)
        if len(np.unique(keys)) < len(keys):  # of parts with the same first column: their rows decide
            chosen = np.lexsort((*rows.T[::-1], keys))[:_ROWS]
        return RowSample(keys[chosen], rows[chosen])

    def __len__(self) -> int:
        return len(self.keys)


@final
@attrs.frozen
class Draw:
    """Which rows of a batch are its sample: one column decides, so that the others can be read in turn.

    Attributes:
        keys: of the rows drawn, ascending; shape ``(s,)``.
        places: where they are; shape ``(s,)``.
    """

    keys: _Keys = attrs.field(eq=False)
    places: NDArray[np.intp] = attrs.field(eq=False)

    @classmethod
    def of(cls, column: Column) -> "Draw":
        """Draw; the same data give the same sample."""
        values = column.codes if isinstance(column, Categories) else column
        seed = xxhash.xxh3_64_intdigest(np.ascontiguousarray(values).data)
        keys = np.random.default_rng(seed).integers(1 << 64, size=len(values), dtype=np.uint64)
        places = _smallest(keys)
        return cls(keys[places], places)

    def rows_of(self, column: Column) -> list[_Floats]:
        """Return what a column holds in these rows; nothing for categories."""
        return [] if isinstance(column, Categories) else [column[self.places]]

    def sample(self, columns: Sequence[_Floats]) -> RowSample:
        """Return the sample, from what `rows_of` returned."""
        return RowSample(self.keys, np.column_stack(columns) if columns else np.empty((len(self.keys), 0)))


def _smallest(keys: _Keys) -> NDArray[np.intp]:
    """Return where the smallest keys are, ascending."""
    if len(keys) <= _ROWS:
        return np.argsort(keys, kind="stable")
    candidates = np.argpartition(keys, _ROWS)[:_ROWS]
    found: NDArray[np.intp] = candidates[np.argsort(keys[candidates], kind="stable")]
    return found
