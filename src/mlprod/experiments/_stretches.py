"""Sums over stretches of a large block: how a lift came about is told without reading its records again."""

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, final

import attrs

from mlprod.experiments._sums import Sums
from mlprod.storage.journal import Part, Table

__all__ = ["LARGE_ROWS", "Stretch", "stretches_in", "stretches_of"]

LARGE_ROWS: Final = 1 << 16
"""What has fewer records is quicker read than summed up."""

_COUNT: Final = 32
_KEY: Final = "experiment-stretches-1"
_MALFORMED: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@final
@attrs.frozen
class Stretch:
    """Consecutive records of a block.

    Attributes:
        until: the time of the last one; nanoseconds since 1970, UTC.
        sums: over all of them.
    """

    until: int
    sums: Sums


def stretches_of(table: Table, sum_up: Callable[[Table], Sums]) -> dict[str, str]:
    """Return what is to be kept of records in time order; nothing of few.

    It is a string, so that who asks for the sums over all of them need not parse it.

    Args:
        table: the records.
        sum_up: returns the sums over some of them.
    """
    if len(table) < LARGE_ROWS:
        return {}
    cuts = [len(table) * cut // _COUNT for cut in range(_COUNT + 1)]
    kept: list[tuple[int, int, dict[str, Any]]] = []
    for first, stop in itertools.pairwise(cuts):
        sums = sum_up(table.take(slice(first, stop)))
        kept.append((stop - first, int(table["time"][stop - 1]), sums.to_state()))
    return {_KEY: json.dumps(kept, separators=(",", ":"))}


def stretches_in(part: Part) -> Sequence[Stretch]:
    """Return what was kept beside a block, in time order; nothing if it was not, or cannot be read."""
    kept = part.summary(_KEY) if part.is_block and part.rows >= LARGE_ROWS else None
    if kept is None:
        return ()
    try:
        rows, untils, states = zip(*json.loads(kept), strict=True)
        found = tuple(map(Stretch, map(int, untils), map(Sums.from_state, states)))
        is_whole = sum(map(int, rows)) == part.rows
    except _MALFORMED:
        return ()
    return found if is_whole else ()
