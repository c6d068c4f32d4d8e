"""Records that were made twice under one id count once."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mlprod.storage.journal import Part, Table

__all__ = ["without_repeats"]


def without_repeats(table: Table, column: str, others: Iterable[Part] = ()) -> Table:
    """Return the records whose id neither an earlier one has, nor any in the other parts.

    Args:
        table: records in time order.
        column: ids; 0 stands for none, and never repeats.
        others: where else to look; none of them is in the table.
    """
    ids: NDArray[np.uint64] = table[column]
    if not ids.any():
        return table
    distinct, first = np.unique(ids, return_index=True)
    is_kept = ids == 0
    is_kept[first] = True
    for part in others:
        other = part.load()
        if not other.layout.has(column):
            continue
        found, _ = other.find(column, distinct)
        is_kept &= ~np.isin(ids, distinct[found]) | (ids == 0)
    return table if is_kept.all() else table.take(is_kept)
