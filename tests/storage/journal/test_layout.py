"""How records are packed: as numpy reads them, and none in two sectors of a disk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.storage.journal import MARK, Column, Layout
from mlprod.storage.journal._layout import layout_of

TYPES = {
    "float": st.floats(allow_nan=False),
    "int": st.integers(-(1 << 63), (1 << 63) - 1),
    "id": st.integers(0, (1 << 64) - 1),
    "flags": st.integers(0, 255),
    "text": st.integers(0, (1 << 32) - 1),
}


@given(
    st.lists(st.sampled_from(sorted(TYPES)), max_size=100).flatmap(
        lambda types: st.tuples(st.just(types), st.tuples(TYPES["int"], *(TYPES[name] for name in types)))
    )
)
def test_numpy_reads_what_struct_packs(drawn):
    types, (time, *values) = drawn
    layout = Layout(tuple(Column(f"c{number}", name) for number, name in enumerate(types)))
    buffer = bytearray(3 * layout.size)
    layout.struct.pack_into(buffer, layout.size, time, *values, MARK)
    rows = np.frombuffer(buffer, layout.dtype)
    assert [time, *values, MARK] == [rows[name][1] for name in layout.dtype.names]
    assert not any(buffer[: layout.size])
    assert not any(buffer[2 * layout.size :])


@pytest.mark.parametrize(
    ("floats", "expected"), [(0, 32), (2, 32), (3, 64), (6, 64), (7, 128), (62, 512), (63, 1024), (128, 1536)]
)
def test_a_record_straddles_no_sector(floats, expected):
    """Its size divides 512, or is a multiple of it; 8 bytes of time and 1 of mark come in addition."""
    size = Layout(tuple(Column(f"c{number}", "float") for number in range(floats))).size
    assert expected == size
    assert 0 in {512 % size, size % 512}


def test_layouts_are_equal_whatever_is_indexed():
    """The index is made by compaction; records with and without are the same."""
    assert Layout((Column("a", "id", is_indexed=True),)) == Layout((Column("a", "id"),))
    assert Layout((Column("a", "id"),)) != Layout((Column("a", "int"),))
    assert layout_of((Column("a", "id"),)) is layout_of((Column("a", "id"),))


def test_an_unknown_type_is_refused():
    with pytest.raises(ValueError, match="'complex'"):
        Column("a", "complex")


@pytest.mark.parametrize(("name", "expected"), [("float", "nan"), ("int", "0"), ("id", "0"), ("text", "0")])
def test_what_is_missing(name, expected):
    column = Column("a", name)
    assert [expected] * 2 == [f"{value:.0f}" for value in Layout((column,)).empty(column, 2)]
    assert (name == "text") == Layout((column,)).has_text
