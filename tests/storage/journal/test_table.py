"""Records in memory: joined, ordered, found."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlprod.storage.journal import Column, Layout, Table

NUMBERED = Layout((Column("number", "int"),))
NAMED = Layout((Column("number", "int"), Column("name", "text")))


def named(numbers, names, texts):
    numbers = np.array(numbers, np.int64)
    codes = np.array([0 if name is None else texts.index(name) + 1 for name in names], np.uint32)
    return Table(NAMED, {"time": numbers, "number": numbers, "name": codes}, tuple(texts))


def test_an_absent_column_is_missing():
    """A table that was written before there was such a column."""
    layout = Layout((Column("number", "int"), Column("price", "float"), Column("name", "text")))
    table = Table(layout, {"time": np.arange(3), "number": np.arange(3)})
    assert ["nan"] * 3 == [f"{price}" for price in table["price"]]
    assert [None] * 3 == table.text("name").tolist()
    assert 3 == len(table)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(-9, 9), st.sampled_from(["", "a", "b", "ü", None]))),
        max_size=4,
    )
)
def test_joined_tables_keep_every_record_and_text(tables):
    """Each has a dictionary of its own, in an order of its own."""
    made = [
        named(
            [number for number, _ in rows],
            [name for _, name in rows],
            sorted({n for _, n in rows if n is not None}),
        )
        for rows in tables
    ]
    joined = Table.joined(NAMED, made)
    expected = [row for rows in tables for row in rows]
    assert expected == list(zip(joined["number"].tolist(), joined.text("name").tolist(), strict=True))


def test_joining_with_tables_of_another_layout():
    """What one has not, or has as something else, is missing in its records."""
    other = Table(Layout((Column("name", "float"),)), {"time": np.array([7]), "name": np.array([1.5])})
    without = Table(NUMBERED, {"time": np.array([8]), "number": np.array([8])})
    joined = Table.joined(NAMED, [named([1], ["x"], ["x"]), other, without])
    assert [1, 0, 8] == joined["number"].tolist()
    assert ["x", None, None] == joined.text("name").tolist()
    assert [1, 7, 8] == joined["time"].tolist()
    assert "name" not in Table.joined(NAMED, [other, without]).columns


def test_joining_nothing():
    assert 0 == len(Table.joined(NAMED, []))
    assert [] == Table.joined(NAMED, [])["number"].tolist()


def test_joining_says_what_is_indexed():
    """Also of one table alone, which was read from a file that does not say it."""
    indexed = Layout((Column("number", "int", is_indexed=True),))
    table = Table(NUMBERED, {"time": np.arange(2), "number": np.arange(2)})
    for count in (1, 2):
        assert [True] == [
            column.is_indexed for column in Table.joined(indexed, [table] * count).layout.columns
        ]


@given(st.lists(st.integers(0, 5)))
def test_time_order_is_stable(times):
    table = Table(NUMBERED, {"time": np.array(times, np.int64), "number": np.arange(len(times))})
    ordered = table.in_time_order()
    expected = sorted(enumerate(times), key=lambda pair: pair[1])
    assert expected == list(zip(ordered["number"].tolist(), ordered["time"].tolist(), strict=True))


@given(st.lists(st.integers(-5, 5)), st.sets(st.integers(-7, 7)))
def test_find_is_a_join(column, wanted):
    values = np.array(sorted(wanted), np.int64)
    table = Table(NUMBERED, {"time": np.arange(len(column)), "number": np.array(column, np.int64)})
    positions, rows = table.find("number", values)
    expected = sorted((number, row) for row, number in enumerate(column) if number in wanted)
    assert expected == sorted(zip(values[positions].tolist(), rows.tolist(), strict=True))
