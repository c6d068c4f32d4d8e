"""Dask DataFrames: each partition is measured where it is, and the measures are merged in a tree."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from mlprod._extras import require
from mlprod.drift._column import is_from

__all__ = ["fold_partitions", "is_dask"]

T = TypeVar("T")

_FAN_IN: Final = 8  # so many measures are merged at a time: no worker holds those of all partitions


def is_dask(data: object) -> bool:
    """Return whether this is a Dask DataFrame; Dask is not imported to look."""
    return is_from(data, "dask") and hasattr(data, "columns") and getattr(data, "ndim", 0) == 2  # noqa: PLR2004 - a series has one


def fold_partitions(frame: Any, measure: Callable[[Any], T], merge: Callable[[Sequence[T]], T]) -> T:  # noqa: ANN401 - Dask has no types
    """Measure each partition of a Dask DataFrame and merge the measures.

    It is computed wherever the caller's Dask computes: in threads of this process, or on the cluster of
    the client that is active. Only measures travel, so they should be small.

    Args:
        frame: a Dask DataFrame.
        measure: from a partition, a pandas DataFrame, to its measure; must be picklable, as must be `merge`.
        merge: from at least two measures, in the order of the partitions, to that of all their rows.

    Returns:
        The measure of all rows.

    Raises:
        MissingExtraError: if Dask is not installed.
    """
    dask = require("dask", extra="dask", purpose="computing with a Dask DataFrame")
    measures = [dask.delayed(measure)(partition) for partition in frame.to_delayed()]
    while len(measures) > 1:
        groups = [measures[start : start + _FAN_IN] for start in range(0, len(measures), _FAN_IN)]
        measures = [dask.delayed(merge)(group) if len(group) > 1 else group[0] for group in groups]
    result: T = measures[0].compute()
    return result
