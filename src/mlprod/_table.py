"""A value as a table in a notebook: small, in the colours of any theme, without a script."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

import attrs

from mlprod._brief import brief, says_nothing
from mlprod._text import MINUS, NO_DATA, escaped, in_utc, isolated, number

__all__ = ["as_table"]

_ROWS: Final = 8
_COLUMNS: Final = 8
_ITEMS: Final = 6
_SHORT: Final = 60  # characters of what may share a line with others
_TEXT: Final = 600  # of a text that stands alone
_CELL: Final = 200  # of one among many
_DIGITS: Final = 6
_ENDLESS: Final = 10**15

# Colours are those of what is around; also where a notebook has striped rows and right-aligned cells.
_STYLE: Final = """
.mlprod-value { overflow-x: auto }
.mlprod-value.mlprod-value table {
  border-collapse: collapse; border: 0; margin: 0; table-layout: auto;
  font-variant-numeric: tabular-nums }
.mlprod-value.mlprod-value caption {
  caption-side: top; text-align: left; color: inherit; font-weight: 600; padding: .2em 0 }
.mlprod-value.mlprod-value thead { border: 0 }
.mlprod-value.mlprod-value tbody tr { background: none }
.mlprod-value.mlprod-value th, .mlprod-value.mlprod-value td {
  text-align: left; vertical-align: top; font-weight: 400; padding: .2em 1em .2em 0;
  border: 0; border-bottom: 1px solid rgba(128, 128, 128, .25); background: none }
.mlprod-value.mlprod-value th { opacity: .75; white-space: nowrap }
.mlprod-value.mlprod-value td td, .mlprod-value.mlprod-value td th { padding: 0 1em 0 0 }
.mlprod-value bdi { display: inline-block; max-width: 44em; overflow-wrap: anywhere; white-space: normal }
.mlprod-value td td bdi, .mlprod-value td th bdi { max-width: 22em }
.mlprod-value.mlprod-value td tr:last-child > * { border-bottom: 0 }
"""


def as_table(value: object) -> str:
    """Return a frozen value as a table of its fields, nested values as tables within it."""
    caption = f"<caption>{escaped(type(value).__name__)}</caption>"
    return (
        f'<div class="mlprod-value"><style>{_STYLE}</style>'
        f"<table>{caption}{_body(value, _fields(value), depth=0)}</table></div>"
    )


def _body(value: object, fields: "Iterable[attrs.Attribute[Any]]", *, depth: int) -> str:
    rows = (
        _row(field.name.rstrip("_"), _field(field, getattr(value, field.name), depth=depth))
        for field in fields
        if not says_nothing(field, getattr(value, field.name))
    )
    return f"<tbody>{''.join(rows)}</tbody>"


def _field(field: "attrs.Attribute[Any]", value: object, *, depth: int) -> str:
    return isolated(field.repr(value)) if callable(field.repr) else _cell(value, depth)


def _cell(value: object, depth: int) -> str:
    """Return a value in a cell of a table in so many other tables."""
    match value:
        case None:
            return NO_DATA
        case bool():
            return str(value)
        case str():
            return isolated(_cut(value, _CELL if depth else _TEXT)) if value else NO_DATA
        case int() if abs(value) < _ENDLESS and not depth:  # what users count by may be a year
            return f"{value:,}".replace("-", MINUS)
        case float():
            return number(value, _DIGITS)
        case datetime():
            return escaped(in_utc(value))
        case Mapping() | Sequence() | AbstractSet() if not isinstance(value, bytes | bytearray | memoryview):
            return _many(value, depth)
        case _ if attrs.has(type(value)):
            return _nested(value, depth)
        case _:
            return isolated(brief(value))


def _nested(value: object, depth: int) -> str:
    if _has_words(value):
        return isolated(str(value))
    if depth:
        return isolated(brief(value))
    essential = (field for field in _fields(value) if field.repr)
    return f"<table>{_body(value, essential, depth=1)}</table>"


def _many(value: Any, depth: int) -> str:  # noqa: ANN401 - a mapping, a sequence or a set
    items = list(value.values()) if isinstance(value, Mapping) else list(value)
    if not items:
        return NO_DATA
    if depth:
        return isolated(brief(value))
    names = [_cut(str(key), _CELL) for key in value] if isinstance(value, Mapping) else None
    if all(attrs.has(type(item)) and not _has_words(item) for item in items):
        return _records(items, names)
    if names is not None:
        rows = "".join(
            _row(isolated(name), _cell(item, 1)) for name, item in zip(names[:_ROWS], items, strict=False)
        )
        return f"<table><tbody>{rows}{_more(len(items), 2)}</tbody></table>"
    sentences = any(isinstance(item, str) and len(item) > _SHORT for item in items[:_ITEMS])
    between, depth = ("<br>", 0) if sentences else (", ", 1)
    rest = len(items) - _ITEMS
    more = [f"and {rest:,} more"] if rest > 0 else []
    return between.join([*(_cell(item, depth) for item in items[:_ITEMS]), *more])


def _records(items: Sequence[object], names: Sequence[str] | None) -> str:
    """Return values of one kind as rows, their fields as columns; what none of them has is left out."""
    shown = items[:_ROWS]
    fields = [
        field
        for field in _fields(items[0])
        if field.repr and not all(says_nothing(field, getattr(item, field.name)) for item in shown)
    ][:_COLUMNS]
    titles = [escaped(field.name.rstrip("_")) for field in fields]
    rows = [[_field(field, getattr(item, field.name), depth=1) for field in fields] for item in shown]
    if names is not None:
        titles = ["name", *titles]
        rows = [[isolated(name), *row] for name, row in zip(names, rows, strict=False)]
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    body = "".join(_row(*row) for row in rows) + _more(len(items), len(titles))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(head: str, *cells: str) -> str:
    return f'<tr><th scope="row">{head}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _more(count: int, columns: int) -> str:
    rest = count - _ROWS
    return f'<tr><td colspan="{columns}">and {rest:,} more</td></tr>' if rest > 0 else ""


def _fields(value: object) -> "tuple[attrs.Attribute[Any], ...]":
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(type(value))  # type: ignore[arg-type]  # who calls has looked
    return fields


def _has_words(value: object) -> bool:
    """Return whether a class has its own way to say what its values are, as an interval does."""
    return any("__str__" in vars(each) for each in type(value).__mro__[:-1])


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[:room]}\N{HORIZONTAL ELLIPSIS}"
