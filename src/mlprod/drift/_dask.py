"""Dask DataFrames: each partition is measured where it is, and the measures are merged in a tree."""

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from mlprod._extras import require
from mlprod._progress import SILENT, Tracker
from mlprod.drift._column import is_from

__all__ = ["fold_partitions", "is_dask"]

T = TypeVar("T")

_FAN_IN: Final = 8  # so many measures are merged at a time: no worker holds those of all partitions


def is_dask(data: object) -> bool:
    """Return whether this is a Dask DataFrame; Dask is not imported to look."""
    return is_from(data, "dask") and hasattr(data, "columns") and getattr(data, "ndim", 0) == 2  # noqa: PLR2004 - a series has one


def fold_partitions(
    frame: Any,  # noqa: ANN401 - Dask has no types
    measure: Callable[[Any], T],
    merge: Callable[[Sequence[T]], T],
    *,
    tracker: Tracker = SILENT,
) -> T:
    """Measure each partition of a Dask DataFrame and merge the measures.

    It is computed wherever the caller's Dask computes: in threads of this process, or on the cluster of
    the client that is active. Only measures travel, so they should be small.

    Args:
        frame: a Dask DataFrame.
        measure: from a partition, a pandas DataFrame, to its measure; must be picklable, as must be `merge`.
        merge: from at least two measures, in the order of the partitions, to that of all their rows.
        tracker: counts the partitions that are measured.

    Returns:
        The measure of all rows.

    Raises:
        MissingExtraError: if Dask is not installed.
    """
    dask = require("dask", extra="dask", purpose="computing with a Dask DataFrame")
    measures = leaves = [dask.delayed(measure)(partition) for partition in frame.to_delayed()]
    while len(measures) > 1:
        groups = [measures[start : start + _FAN_IN] for start in range(0, len(measures), _FAN_IN)]
        measures = [dask.delayed(merge)(group) if len(group) > 1 else group[0] for group in groups]
    tracker.begin("partitions", len(leaves))
    result: T = _followed(measures[0], leaves, tracker) if tracker.is_watched else measures[0].compute()
    return result


def _followed(root: Any, leaves: Sequence[Any], tracker: Tracker) -> Any:  # noqa: ANN401
    """Compute, and count the leaves as they are done."""
    scheduler = importlib.import_module("dask.base").get_scheduler(collections=[root])
    client: Any = getattr(scheduler, "__self__", None)
    distributed = sys.modules.get("distributed")
    if distributed is not None and isinstance(client, distributed.Client):
        future, *measured = client.compute([root, *leaves])
        completed = distributed.as_completed(measured)
        measured.clear()  # nobody holds a measure any more once it was merged
        for _ in completed:
            tracker.count()
        return future.result()
    waiting = {leaf.key for leaf in leaves}

    def finished(key: object, *_: object) -> None:
        if key in waiting:  # others may compute at the same time
            waiting.discard(key)
            tracker.count()

    with importlib.import_module("dask.callbacks").Callback(posttask=finished):
        result = root.compute()
    tracker.count(len(waiting))  # of a scheduler that does not say what it has done
    return result
