"""Outcomes that arrive later: which prediction they belong to."""

from collections.abc import Sequence
from typing import Final, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._facts._flags import TEXT
from mlprod.storage.journal import Column, Layout, Part, Table

__all__ = ["ACTUAL", "Outcomes"]

ACTUAL: Final = Layout((Column("actual", "float"), Column("prediction_id", "id"), Column("flags", "flags")))


@final
@attrs.frozen(eq=False)
class Outcomes:
    """One actual value for each prediction id: the latest that was recorded.

    Attributes:
        table: records of the layout `ACTUAL`, sorted by id, each id once.
    """

    table: Table

    @classmethod
    def of(cls, parts: Sequence[Part]) -> "Outcomes":
        """Read outcomes that are not yet with their predictions."""
        table = Table.joined(ACTUAL, [part.load() for part in parts])
        order = np.lexsort((table["time"], table["prediction_id"]))
        ids = table["prediction_id"][order]
        is_last = np.append(ids[1:] != ids[:-1], [True]) if len(ids) else np.empty(0, np.bool_)
        return cls(table.take(order[is_last]))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.table)

    def matches(self, predictions: Table) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which predictions have an outcome here: their rows, and the rows of the outcomes."""
        ids = self.table["prediction_id"]
        outcomes, rows = predictions.find("prediction_id", ids)
        return rows, outcomes

    def applied_to(self, predictions: Table) -> Table:
        """Return the predictions with their outcomes; the latest outcome of each stands."""
        rows, outcomes = self.matches(predictions)
        if not len(rows):
            return predictions
        columns = {name: np.array(column) for name, column in predictions.columns.items()}
        for name in ("actual", "actual_time"):
            columns.setdefault(name, np.array(predictions[name]))
        held_since, arrived = columns["actual_time"][rows], self.table["time"][outcomes]
        is_newer = (held_since == 0) | (arrived >= held_since)  # 0: there was none
        rows, outcomes = rows[is_newer], outcomes[is_newer]
        # A text compares only with a text: an outcome of another kind than its prediction tells nothing.
        is_text = (self.table["flags"][outcomes] & TEXT) == (columns["flags"][rows] & TEXT)
        columns["actual"][rows] = np.where(is_text, self.table["actual"][outcomes], np.nan)
        columns["actual_time"][rows] = self.table["time"][outcomes]
        return Table(predictions.layout, columns, predictions.texts)

    def without(self, ids: NDArray[np.uint64]) -> "Outcomes":
        """Return the outcomes of other predictions than these."""
        return Outcomes(self.table.take(~np.isin(self.table["prediction_id"], ids)))
