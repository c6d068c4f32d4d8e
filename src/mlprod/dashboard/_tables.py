"""Tables that readers sort and filter."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias, final

import attrs

from mlprod._html import isolated, scrolling
from mlprod._svg import NO_DATA, escaped
from mlprod._value import isoformat

__all__ = ["Cell", "Column", "Row", "number_cell", "sortable", "text_cell", "time_cell"]

Kind: TypeAlias = Literal["number", "text", "wordy"]

_LOOKS: Final[Mapping[Kind, str]] = {"number": "", "text": "text", "wordy": "text wordy"}


@final
@attrs.frozen
class Column:
    """A column: its title, and how its cells stand.

    Attributes:
        title: what it holds; markup.
        kind: numbers stand on the right; what is wordy gets room.
        is_sortable: whether it has a button to sort by it.
    """

    title: str
    kind: Kind = "number"
    is_sortable: bool = True


@final
@attrs.frozen
class Cell:
    """A cell.

    Attributes:
        markup: what it shows.
        key: what it is sorted by; what has none comes last.
    """

    markup: str
    key: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it shows that there is nothing."""
        return self.markup == NO_DATA


@final
@attrs.frozen
class Row:
    """A row.

    Attributes:
        cells: the first one is its head.
        groups: what it can be filtered by.
        id: by which it is found on the page, if it is.
    """

    cells: Sequence[Cell]
    groups: Sequence[str] = ()
    id: str = ""


def text_cell(text: str, markup: str = "") -> Cell:
    """Return a cell of text; what it shows may be more than it is sorted by."""
    return Cell(markup or isolated(text), text)


def number_cell(value: float, shown: str, more: str = "") -> Cell:
    """Return a cell of a number, with markup behind it."""
    return Cell(f"{escaped(shown)}{more}", "" if math.isnan(value) else f"{value:.12g}")


def time_cell(moment: datetime | None) -> Cell:
    """Return a cell of a time."""
    if moment is None:
        return Cell(NO_DATA)
    at = moment.astimezone(UTC)
    shown = f'{at:%Y-%m-%d}<span class="sub">{at:%H:%M} UTC</span>'
    return Cell(f'<time datetime="{isoformat(at)}">{shown}</time>', f"{moment.timestamp():.6f}")


def sortable(
    table_id: str,
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Row],
    *,
    groups: Mapping[str, str] | None = None,
    group_label: str = "State",
) -> str:
    """Return a table with buttons to sort it and, if there are groups, with what filters it.

    A column that is empty in every row is left out.

    Args:
        table_id: by which the page knows it.
        caption: what it shows, as text.
        columns: from left to right.
        rows: from top to bottom, as they stand before anybody sorts them.
        groups: what rows can be filtered by, and its name; None: no filters.
        group_label: what the groups are.
    """
    columns, rows = _without_empty_ones(columns, list(rows))
    heads = "".join(_head(column) for column in columns)
    body = "".join(_row(row, columns) for row in rows)
    table = (
        f'<table class="sortable" id="{table_id}"><caption><span>{escaped(caption)}</span></caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )
    filters = "" if groups is None else _filters(table_id, groups, group_label)
    return filters + scrolling(caption, table)


def _without_empty_ones(
    columns: Sequence[Column], rows: Sequence[Row]
) -> tuple[Sequence[Column], Sequence[Row]]:
    """Leave out columns in which no row has anything; the first one is the head of each row."""
    kept = [at for at in range(len(columns)) if at == 0 or not all(row.cells[at].is_empty for row in rows)]
    if len(kept) == len(columns):
        return columns, rows
    shorter = [attrs.evolve(row, cells=[row.cells[at] for at in kept]) for row in rows]
    return [columns[at] for at in kept], shorter


def _head(column: Column) -> str:
    look = "" if column.kind == "number" else ' class="text"'
    if not column.is_sortable:
        return f'<th scope="col"{look}><span class="title">{column.title}</span></th>'
    return f'<th scope="col"{look} aria-sort="none"><button type="button">{column.title}</button></th>'


def _row(row: Row, columns: Sequence[Column]) -> str:
    head, *cells = row.cells
    anchor = f' id="{escaped(row.id)}"' if row.id else ""
    groups = f' data-group="{escaped(" ".join(row.groups))}"' if row.groups else ""
    return (
        f'<tr{anchor}{groups}><th scope="row"{_key(head)}>{head.markup}</th>'
        + "".join(map(_cell, cells, columns[1:]))
        + "</tr>"
    )


def _cell(cell: Cell, column: Column) -> str:
    look = f"{_LOOKS[column.kind]}{' empty' if cell.is_empty else ''}".strip()
    named = f' class="{look}"' if look else ""
    return f"<td{named}{_key(cell)}>{cell.markup}</td>"


def _key(cell: Cell) -> str:
    return f' data-v="{escaped(cell.key)}"' if cell.key else ""


def _filters(table_id: str, groups: Mapping[str, str], group_label: str) -> str:
    options = "".join(
        f'<option value="{escaped(key)}">{escaped(name)}</option>' for key, name in groups.items()
    )
    return (
        '<div class="filters">'
        f'<label>Filter <input type="search" id="{table_id}-words" data-filter="{table_id}" '
        'autocomplete="off" spellcheck="false"></label>'
        f'<label>{escaped(group_label)} <select id="{table_id}-group" data-filter="{table_id}">'
        f'<option value="">All</option>{options}</select></label>'
        f'<output id="{table_id}-count" for="{table_id}-words {table_id}-group"></output></div>'
    )
