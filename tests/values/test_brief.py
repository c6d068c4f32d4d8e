"""A line about anything: what it says, and how much room it takes."""

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod._brief import Brief, brief

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers()),
    max_leaves=30,
)


@attrs.frozen
class Point(Brief):
    x: object
    y: object = None
    label: str = ""
    hidden: object = attrs.field(default=None, repr=False)
    size: int = attrs.field(default=0, repr=lambda size: f"{size:,} bytes")
    level: float = math.nan
    items: dict = attrs.field(factory=dict)


@attrs.frozen
class Own(Brief):
    x: int = 0

    def __repr__(self):
        return "of its own"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, "None"),
        (True, "True"),
        (12_345_678, "12345678"),
        (0.0123456789, "0.0123457"),
        (3.0, "3.0"),
        (1_234_567.891, "1234567.89"),  # money keeps its cents
        (-4.5e-133, "-4.5e-133"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (Decimal("1.5"), "<decimal.Decimal>"),
        (np.float64(0.5), "0.5"),
        (np.int64(7), "7"),
        (
            datetime(2026, 3, 2, 10, 30, 15, 999999, tzinfo=timezone(timedelta(hours=1))),
            "2026-03-02 09:30:15 UTC",
        ),
        (timedelta(days=30), "datetime.timedelta(days=30)"),
        (PurePosixPath("/srv/models"), "PurePosixPath('/srv/models')"),
        (b"secret", "<6 bytes>"),
        ("it's", '"it\'s"'),
        ("a\u202eb\n", "'a\\u202eb\\n'"),
        ("n" * 61, "'" + "n" * 57 + "…'"),
        ((), "()"),
        ((1,), "(1,)"),
        ([1, 2, 3, 4], "[1, 2, 3, 4]"),
        ([1, 2, 3, 4, 5, 6], "[1, 2, 3, 4, … 2 more]"),
        (frozenset({7}), "{7}"),
        ({"a": {"b": [1, {}]}}, "{'a': {'b': [1, {}]}}"),
        (range(3), "[0, 1, 2]"),
        (np.zeros((600, 41)), "<600 \N{MULTIPLICATION SIGN} 41 float64>"),
        (np.zeros(()), "<1 float64>"),
        (
            np.array(["2026-03-01", "2026-03-02"], "datetime64[us]"),
            "<2 times from 2026-03-01 00:00:00 to 2026-03-02 00:00:00 UTC>",
        ),
        (np.array([], "datetime64[us]"), "<0 datetime64[us]>"),
        (object, "<type>"),
        (Point(1), "Point(x=1, size=0 bytes)"),
        (
            Point(None, 2, "p", level=0.5, items={1: 2}, size=4096, hidden=3),
            "Point(x=None, y=2, label='p', size=4,096 bytes, level=0.5, items={1: 2}, …)",
        ),
        ([Own()], "[of its own]"),
    ],
)
def test_it_says_what_matters(value, line):
    assert line == brief(value)


def test_an_integer_that_python_refuses_to_print_is_named():
    assert "[<int>]" == brief([10**5000])


def test_a_class_may_have_words_of_its_own():
    assert "of its own" == repr(Own())


def test_what_does_not_fit_is_counted():
    assert "['nnnnnnn…', … 89 more]" == brief(["n" * 40] * 90, 20)
    assert "[… 90]" == brief([10**9] * 90, 5)
    assert "{'a': 'nnnnnnn…', … 8 more}" == brief(dict.fromkeys("abcdefghi", "n" * 40), 28)


def test_fields_that_do_not_fit_are_left_out():
    assert "Point(y=7, …)" == brief(Point([10**20] * 9, 7, "l" * 70, size=10**20), 20)


@given(ANYTHING, ANYTHING)
def test_a_value_takes_one_line_of_bounded_length_whatever_it_holds(one, other):
    line = repr(Point({"a": one, "b": [other]}, one, hidden=other))
    assert line.startswith("Point(x={")
    assert len(line) <= 500
    assert line.isprintable()
