"""A value as a table in a notebook: what stands where, and what is left out."""

import math
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod._text import NO_DATA
from mlprod._value import Value
from mlprod.stats import Interval

MINUS = "\N{MINUS SIGN}"
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


@attrs.frozen
class Leg(Value):
    symbol: str
    pnl: float = math.nan
    note: str = ""
    history: tuple = attrs.field(default=(), repr=False)


@attrs.frozen
class Held(Value):
    it: object
    size: int = attrs.field(default=0, repr=lambda size: f"{size:,} bytes")
    reason: str = ""


def table(value):
    """Return the outermost table, parsed strictly."""
    root = ET.fromstring(value._repr_html_().replace("<br>", "<br/>"))  # noqa: S314 - made by the code under test
    return root.find("table")


def cell(value):
    """Return the cell that shows a value."""
    return table(Held(value)).find("tbody/tr/td")


def text(element):
    return "".join(element.itertext())


def rows(element):
    """Return the texts of the cells of the one table within an element."""
    (inner,) = element.findall("table")
    return [[text(each) for each in row] for row in inner.iter("tr")]


def test_it_has_a_row_for_each_field_that_says_something():
    found = table(Leg("SPX", -1234.5, history=(1, 2)))
    assert "Leg" == found.findtext("caption")
    assert [["symbol", "SPX"], ["pnl", f"{MINUS}1,234.5"], ["history", "1, 2"]] == [
        [text(each) for each in row] for row in found.iter("tr")
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, NO_DATA),
        ("", NO_DATA),
        ([], NO_DATA),
        ({}, NO_DATA),
        (math.nan, NO_DATA),
        (True, "True"),
        (-12_345, f"{MINUS}12,345"),
        (10**40, str(10**40)),
        (0.0123456789, "0.0123457"),
        (math.inf, "\N{INFINITY}"),
        (datetime(2026, 3, 2, 9, 30, 15, 999999, tzinfo=UTC), "2026-03-02 09:30:15 UTC"),
        ("<b>&\u202e", "<b>&\\u202e"),
        ("n" * 601, "n" * 600 + "…"),
        (("a", "b"), "a, b"),
        (("s" * 61, "t"), "s" * 61 + "t"),  # with a line each
        (tuple(range(40)), "0, 1, 2, 3, 4, 5, and 34 more"),
        (np.zeros(7), "<7 float64>"),
        (b"secret", "<6 bytes>"),
        (Interval(-0.5, 0.25), "-0.5 to 0.25"),
        ([[1, 2], [3]], "[1, 2], [3]"),
    ],
)
def test_a_cell_shows_its_value_as_people_read_it(value, shown):
    assert shown == text(cell(value))


def test_what_users_wrote_cannot_reorder_what_is_beside_it():
    assert ["bdi"] == [each.tag for each in cell("<b>")]


def test_a_field_with_words_of_its_own_shows_them():
    assert ["0 bytes"] == [text(row.find("td")) for row in list(table(Held(1)).iter("tr"))[1:]]


def test_a_mapping_is_a_table_within_it():
    assert [["rmse", "0.25"], ["until", "2006"]] == rows(cell({"rmse": 0.25, "until": 2006}))
    many = rows(cell({f"m{at}": at for at in range(301)}))
    assert (["m7", "7"], ["and 293 more"]) == (many[7], many[8])


def test_a_value_within_it_shows_what_is_essential():
    assert [["symbol", "SPX"], ["pnl", "2"]] == rows(cell(Leg("SPX", 2.0, history=(1,))))


def test_values_of_one_kind_are_rows_and_their_fields_columns():
    legs = [Leg("SPX", 2.0, history=(1,)), Leg("<b>")]
    assert [["symbol", "pnl"], ["SPX", "2"], ["<b>", NO_DATA]] == rows(cell(legs))
    named = rows(cell({"long": legs[0], "short": legs[1]}))
    assert [["name", "symbol", "pnl"], ["long", "SPX", "2"], ["short", "<b>", NO_DATA]] == named
    assert ["and 12 more"] == rows(cell(legs * 10))[-1]


def test_deeper_than_that_it_is_a_line():
    assert [["a", "Leg(symbol='SPX', pnl=1.0)"], ["b", "1"]] == rows(cell({"a": Leg("SPX", 1.0), "b": 1}))
    assert [["it", "size"], ["{'x': 1}", "0 bytes"]] == rows(cell([Held({"x": 1})]))


@given(ANYTHING)
def test_anything_can_be_shown_and_is_small(value):
    source = Held(value)._repr_html_()
    table(Held(value))
    assert len(source.encode()) < 20_000
