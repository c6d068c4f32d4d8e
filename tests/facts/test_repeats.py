"""Records that were made twice under one id count once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod._facts._repeats import without_repeats
from mlprod.storage.journal import Column, Layout, Table

LAYOUT = Layout((Column("id", "id", is_indexed=True), Column("value", "float")))
ids = st.lists(st.integers(0, 6), max_size=30)


class Elsewhere:
    """A part of a journal that holds some ids."""

    def __init__(self, *found):
        self.found = found

    def load(self):
        return table(self.found)


def table(found):
    columns = {
        "time": np.arange(len(found)),
        "id": np.array(found, np.uint64),
        "value": np.arange(float(len(found))),
    }
    return Table(LAYOUT, columns)


@given(ids, st.lists(ids, max_size=3))
def test_the_first_of_each_id_is_kept_unless_it_is_elsewhere(found, others):
    """As a loop with a set does it; 0 is no id."""
    seen = {identity for other in others for identity in other}
    expected = []
    for place, identity in enumerate(found):
        if not identity or identity not in seen:
            expected.append(place)
        seen.add(identity)
    kept = without_repeats(table(found), "id", [Elsewhere(*other) for other in others])
    assert expected == kept["value"].tolist()


@pytest.mark.parametrize("found", [[], [0, 0, 0], [1, 2, 0, 3]])
def test_without_repeats_the_table_is_the_same_one(found):
    whole = table(found)
    assert whole is without_repeats(whole, "id")
    assert whole is without_repeats(whole, "id", [Elsewhere(0, 4)])


def test_a_part_without_that_column_repeats_nothing():
    """What lies in a folder by mistake must not keep the others from being read."""
    other = Layout((Column("value", "float"),))
    strange = Elsewhere(1)
    strange.load = lambda: Table(other, {"time": np.arange(1), "value": np.zeros(1)})
    whole = table([1, 2])
    assert whole is without_repeats(whole, "id", [strange])


def test_a_table_without_that_column_has_no_repeats():
    whole = Table(LAYOUT, {"time": np.arange(3)})
    assert whole is without_repeats(whole, "id", [Elsewhere(1)])


def test_ids_of_all_64_bits_are_told_apart():
    largest = 2**64 - 1
    kept = without_repeats(table([largest, largest - 1, largest]), "id", [Elsewhere(largest - 1)])
    assert [largest] == kept["id"].tolist()
