"""What a reader of a journal sees: the parts that together hold every record once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod.storage.journal._appender import stream_of
from mlprod.storage.journal._layout import Layout
from mlprod.storage.journal._table import Table

__all__ = ["Part", "Reading", "gathered", "in_time_order"]

_SLICE_ROWS = 1 << 20
_SMALL_ROWS = 1 << 12


@final
@attrs.frozen(eq=False)
class Part:
    """The records of one file.

    Attributes:
        path: the file.
        stream: the stream.
        rows: how many records.
        since: the earliest time among them, nanoseconds since 1970, UTC.
        until: the latest.
        is_block: whether it is one of the blocks that compaction made.
        load: returns the records.
        summary: returns what was summarised of them under a key, or None.
    """

    path: str
    stream: str
    rows: int
    since: int
    until: int
    is_block: bool
    load: Callable[[], Table] = attrs.field(repr=False)
    summary: Callable[[str], Any] = attrs.field(repr=False)

    def table(self, layout: Layout) -> Table:
        """Return the records in a layout: a column that the file has not is missing in all of them."""
        return Table.joined(layout, [self.load()])


@final
@attrs.frozen(eq=False)
class Reading:
    """The streams below a prefix, as they stood at one moment.

    Attributes:
        parts: the parts of each stream.
        torn: how many records were begun by a process that died, and are left out.
        damaged: which files cannot be read and are left out, and why, by path.
    """

    parts: Mapping[str, Sequence[Part]]
    torn: int
    damaged: Mapping[str, str]

    def of(self, stream: str) -> Sequence[Part]:
        """Return the parts of a stream; none if nothing was recorded."""
        return self.parts.get(stream, ())

    def by_owner(self) -> dict[str, "Reading"]:
        """Return a reading of each model, or experiment, of many: the second part of the names of streams."""
        found: dict[str, dict[str, Sequence[Part]]] = {}
        damaged: dict[str, dict[str, str]] = {}
        for stream, parts in self.parts.items():
            found.setdefault(stream.split("/")[1], {})[stream] = parts
        for path, why in self.damaged.items():
            damaged.setdefault(stream_of(path).split("/")[1], {})[path] = why
        return {
            owner: Reading(found.get(owner, {}), self.torn, damaged.get(owner, {}))
            for owner in (*found, *(damaged.keys() - found.keys()))
        }


def gathered(layout: Layout, parts: Iterable[Part]) -> list[Part]:
    """Return the same records in fewer parts: what thousands of writers left behind is looked at as one."""
    found = list(parts)
    small = [part for part in found if not part.is_block and 0 < part.rows <= _SMALL_ROWS]
    if len(small) <= 1:
        return found
    table = Table.joined(layout, [part.load() for part in small])
    together = attrs.evolve(
        small[0],
        rows=len(table),
        since=min(part.since for part in small),
        until=max(part.until for part in small),
        load=lambda: table,
        summary=lambda _: None,
    )
    return [*(part for part in found if part.is_block or part.rows > _SMALL_ROWS), together]


def in_time_order(
    layout: Layout, parts: Sequence[Part], *, since: int | None = None, until: int | None = None
) -> Iterator[Table]:
    """Give all records of all parts in time order, in slices of bounded size.

    Args:
        layout: what the slices look like.
        parts: from any number of writers; within a part the clock may have stepped back.
        since: leave out what is earlier; nanoseconds since 1970, UTC.
        until: leave out what is at this time or later.
    """
    waiting = sorted(
        (
            part
            for part in parts
            if part.rows and (since is None or part.until >= since) and (until is None or part.since < until)
        ),
        key=lambda part: part.since,
    )
    tables: list[Table] = []
    while waiting or tables:
        while waiting and (not tables or waiting[0].since <= _frontier(tables)):
            table = _between(waiting.pop(0).load().in_time_order(), since, until)
            if len(table):
                tables.append(table)
        if tables:
            limit = _frontier(tables)
            cuts = [int(np.searchsorted(table["time"], limit, "right")) for table in tables]
            ready = [table.take(slice(cut)) for table, cut in zip(tables, cuts, strict=True)]
            rest = [table.take(slice(cut, None)) for table, cut in zip(tables, cuts, strict=True)]
            tables = [table for table in rest if len(table)]
            yield Table.joined(layout, ready).in_time_order()


def _frontier(tables: Sequence[Table]) -> int:
    """Return up to which time records are given out next: about a slice of the table that is there first."""
    return min(int(table["time"][min(_SLICE_ROWS, len(table)) - 1]) for table in tables)


def _between(table: Table, since: int | None, until: int | None) -> Table:
    times: NDArray[np.int64] = table["time"]
    first = 0 if since is None else int(np.searchsorted(times, since, "left"))
    last = len(times) if until is None else int(np.searchsorted(times, until, "left"))
    return table if last - first == len(times) else table.take(slice(first, last))
