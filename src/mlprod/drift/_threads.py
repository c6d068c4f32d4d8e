"""Columns side by side: numpy sorts without holding the interpreter."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from mlprod._progress import SILENT, Tracker

__all__ = ["each"]

T = TypeVar("T")
R = TypeVar("R")

_ROWS: Final = 30_000  # from which a column takes longer than handing it to a thread
_MOST: Final = 8  # so many columns are in memory at once


def each(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    rows: int,
    in_threads: bool = True,
    tracker: Tracker = SILENT,
) -> list[R]:
    """Return what a function makes of each item, in order; in threads where columns have many rows.

    Args:
        function: of an item; must not change anything that the others see.
        items: for example the names of columns.
        rows: of each column.
        in_threads: False where a scheduler fills the cores already.
        tracker: counts the values of each column that is done.
    """

    def counted(item: T) -> R:
        result = function(item)
        tracker.count(rows)
        return result

    cores = min(os.cpu_count() or 1, _MOST)
    if rows < _ROWS or cores == 1 or not in_threads:
        return list(map(counted, items))
    with ThreadPoolExecutor(cores, thread_name_prefix="mlprod-drift") as threads:
        return list(threads.map(counted, items))
