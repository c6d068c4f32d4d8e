"""A feature of a reference: its bins, and what the reference itself counted on them."""

from typing import Any, Final, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._brief import Brief
from mlprod._names import shorten
from mlprod.drift._bins import Bins, CategoricalBins, NumericBins
from mlprod.drift._column import Categories, Column
from mlprod.drift._counts import Counts
from mlprod.errors import InvalidDataError

__all__ = ["MISSING", "Feature"]

MISSING: Final = "(missing)"

_Floats: TypeAlias = NDArray[np.float64]
_Integers: TypeAlias = NDArray[np.int64]


@final
@attrs.frozen
class Feature(Brief):
    """A feature of a reference.

    Attributes:
        bins: frozen.
        counts: of the reference, on them.
        rank_error: by how many rows a count up to a point of the grid may be wrong at most: 0 unless the
            reference was larger than memory.
    """

    bins: Bins
    counts: Counts
    rank_error: int = 0

    @property
    def kind(self) -> str:
        """Either ``"numeric"`` or ``"categorical"``."""
        return "numeric" if isinstance(self.bins, NumericBins) else "categorical"

    @property
    def rows(self) -> int:
        """How many rows the reference has, those without a value included."""
        return self.counts.present + self.counts.missing

    def accept(self, name: str, column: Column) -> Column:
        """Return the column as one of this feature's kind: without any value, it is of either.

        Raises:
            InvalidDataError: if it is of the other kind.
        """
        match self.bins, column:
            case (NumericBins(), Categories()) if column.labels and (column.codes >= 0).any():
                raise InvalidDataError(
                    f"feature {shorten(name)} is numeric in the reference and holds categories now, such as "
                    f"{shorten(column.labels[0])}: turn it into numbers, or set a new reference"
                )
            case (NumericBins(), Categories()):
                return np.full(len(column.codes), np.nan)
            case (CategoricalBins(), np.ndarray()) if not np.isnan(column).all():
                raise InvalidDataError(
                    f"feature {shorten(name)} is categorical in the reference and holds numbers now: turn "
                    "them into texts, or set a new reference"
                )
            case (CategoricalBins(), np.ndarray()):
                return Categories(np.full(len(column), -1, np.int32), ())
            case _:
                return column

    def measure(self, column: Column) -> Counts:
        """Count a column that `accept` returned on the bins."""
        match self.bins, column:
            case NumericBins() as bins, np.ndarray() as numbers:
                return bins.measure(numbers)
            case CategoricalBins() as bins, Categories() as categories:
                return bins.measure(categories)
            case _:  # pragma: no cover - `accept` returns one of the feature's kind
                raise TypeError

    def binned(self, counts: Counts) -> _Integers:
        """Return the rows in each bin of the PSI; shape ``(b + 1,)``, the missing ones last."""
        cells = self.bins.binned(counts.cells) if isinstance(self.bins, NumericBins) else counts.cells
        return np.append(cells, counts.missing)

    def mid_ranks(self) -> _Floats:
        """Return the middle of the shares of the reference that each cell spans, missing rows last.

        Shape ``(c + 1,)``. Under the reference, their mean is exactly 1/2.
        """
        counts = np.append(self.counts.cells, self.counts.missing)
        found: _Floats = (2 * np.cumsum(counts) - counts) / (2 * max(self.rows, 1))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the bins and the shares of the rows in each, ready for `json.dumps`."""
        rows = self.binned(self.counts) / max(self.rows, 1)
        return {
            "kind": self.kind,
            "bins": [*self.bins.labels(), MISSING],
            "shares": rows.tolist(),
            "missing": self.counts.missing,
        }
