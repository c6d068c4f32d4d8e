"""Records in memory, column by column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod.storage.journal._layout import Column, Layout

__all__ = ["Table"]


@final
@attrs.frozen(eq=False)
class Table:
    """Columns of equal length, ``time`` among them.

    Attributes:
        layout: what the columns are; one that is absent from `columns` is missing in every record.
        columns: arrays of shape ``(n,)``; ``time`` is int64, nanoseconds since 1970, UTC.
        texts: what the codes of text columns mean: code 1 is ``texts[0]``; code 0 is no text.
    """

    layout: Layout
    columns: Mapping[str, NDArray[Any]]
    texts: tuple[str, ...] = ()
    _find: Callable[[str, NDArray[Any]], tuple[NDArray[np.intp], NDArray[np.intp]]] | None = None

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.columns["time"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a column, or what stands for its absence."""
        found = self.columns.get(name)
        if found is not None:
            return found
        column = next(column for column in self.layout.columns if column.name == name)
        return self.layout.empty(column, len(self))

    def text(self, name: str) -> NDArray[Any]:
        """Return a text column as strings (an object array; None where there is none)."""
        meanings: NDArray[Any] = np.array([None, *self.texts], dtype=object)
        return meanings[self[name]]  # type: ignore[no-any-return]

    def find(self, name: str, values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where values, sorted and each once, occur in a column.

        Returns:
            Positions in `values`, and the records that have these values; shapes ``(k,)``.
        """
        if self._find is not None and name in self.columns:
            return self._find(name, values)
        column = self[name]
        if not len(values):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        positions = np.minimum(np.searchsorted(values, column), len(values) - 1)
        rows = np.flatnonzero(values[positions] == column)
        return positions[rows], rows

    def take(self, rows: NDArray[Any] | slice) -> "Table":
        """Return some of the records."""
        return Table(self.layout, {name: column[rows] for name, column in self.columns.items()}, self.texts)

    def in_time_order(self) -> "Table":
        """Return the records by time; those of the same time keep their order."""
        times = self["time"]
        if len(times) < 2 or times.strides == (0,) or bool((times[1:] >= times[:-1]).all()):  # noqa: PLR2004
            return self
        return self.take(np.argsort(times, kind="stable"))

    @classmethod
    def joined(cls, layout: Layout, tables: Sequence["Table"]) -> "Table":
        """Return the records of all tables, one table after the other, in the given layout.

        A column that a table has not, or has with another type, is missing in its records.
        """
        if len(tables) == 1 and tables[0].layout == layout:
            return attrs.evolve(tables[0], layout=layout)  # which also says what is indexed
        texts = tuple(dict.fromkeys(text for table in tables for text in table.texts))
        columns: dict[str, NDArray[Any]] = {
            "time": np.concatenate([np.empty(0, np.int64), *(table["time"] for table in tables)])
        }
        for column in layout.columns:
            pieces = [_piece(table, column, texts) for table in tables]
            if any(piece is not None for piece in pieces):
                filled = (
                    layout.empty(column, len(table)) if piece is None else piece
                    for table, piece in zip(tables, pieces, strict=True)
                )
                columns[column.name] = np.concatenate(list(filled))
        return cls(layout, columns, texts)


def _piece(table: Table, column: Column, texts: Iterable[str]) -> NDArray[Any] | None:
    """Return a column of one table for use in a joined one, its codes pointing to the joined texts."""
    found = table.columns.get(column.name)
    if found is None or column not in table.layout.columns:
        return None
    if column.type != "text":
        return found
    codes = {text: code for code, text in enumerate(texts, start=1)}
    renumbered = np.array([0, *(codes[text] for text in table.texts)], np.uint32)
    return renumbered[found]  # type: ignore[no-any-return]
