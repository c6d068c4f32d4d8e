"""Which segments are in the store already, and at what cost that is known."""

import pytest

from mlprod.storage import MemoryStore
from mlprod.storage.journal import Journal
from mlprod.testing import FaultyStore


@pytest.fixture
def arrived(kit, clock):
    """Give a store, and the path of a segment in it that was compacted."""
    store = MemoryStore()
    journal = Journal(store, clock=clock)
    kit.record(journal, [1])
    journal.flush()
    (path,) = store.list("journal/raw")
    kit.compact(journal)
    return store, path


def has(store, path):
    """Return the answer, and which blocks had to be read for it."""
    watched = FaultyStore(store)
    answer = Journal(watched)._arrivals.has(path)
    return answer, [entry for entry in watched.log if entry.startswith("get journal/blocks")]


def test_a_segment_as_it_is(kit):
    store = MemoryStore()
    journal = Journal(store)
    kit.record(journal, [1])
    journal.flush()
    assert (True, []) == has(store, store.list("journal/raw")[0])


def test_one_that_was_compacted_lately(arrived):
    """The ledger remembers it for an hour: no block needs to be read."""
    assert (True, []) == has(*arrived)


def test_one_that_was_compacted_long_ago(arrived, kit, clock):
    """A block remembers it."""
    store, path = arrived
    clock.advance(hours=2)
    journal = Journal(store, clock=clock)
    journal.write("s/a", kit.table([2]))
    kit.compact(journal)
    answer, blocks = has(store, path)
    assert (True, 1) == (answer, len(blocks))


def test_one_that_never_arrived(arrived):
    store, path = arrived
    answer, blocks = has(store, path.replace(".seg", "0.seg"))
    assert (False, 1) == (answer, len(blocks))


def test_one_of_another_stream(arrived):
    store, path = arrived
    assert (False, []) == has(store, path.replace("s/a", "s/b"))
