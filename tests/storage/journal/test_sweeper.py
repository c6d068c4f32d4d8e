"""What a crash left behind is deleted, when it has surely become nobody's."""

import time
from datetime import UTC, datetime

import pytest

from mlprod.errors import StoreError
from mlprod.storage import MemoryStore
from mlprod.storage.journal import Journal


@pytest.fixture
def later(monkeypatch):
    """Give a way to let hours go by."""
    real, hours = time.monotonic, [0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + 3600 * hours[0])

    def wait(count):
        hours[0] += count

    return wait


@pytest.fixture
def left_over(kit):
    """Give a store in which every kind of file is left over, and the paths of those."""
    store = MemoryStore()
    journal = Journal(store)
    journal.write("s/a", kit.table(range(4)))
    (raw,) = store.list("journal/raw")
    data = store.get(raw)
    kit.compact(journal, summarize=lambda table: {"rows": len(table)})
    journal.write("s/a", kit.table([4]))
    lost = [
        raw,  # was covered, and could not be deleted
        "journal/raw/s/a/1.col.sum",  # of nothing
        "journal/blocks/s/a/1.col",  # never decided on
        "journal/blocks/s/a/2.col.sum",
    ]
    for path in lost:
        store.put(path, data)
    return store, sorted(lost)


def test_who_does_not_see_all_decisions_deletes_nothing(left_over, kit):
    """Something between here and the store says that a decision is not there, and the store lists it."""

    class Forgetful:
        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

        def get(self, path):
            if "/ledger/commits/" in path:
                raise FileNotFoundError(path)
            return self._inner.get(path)

    store, lost = left_over
    before = store.list("journal")
    horizon = datetime(3000, 1, 1, tzinfo=UTC)
    assert [] == Journal(Forgetful(store))._sweeper.sweep_aged(horizon)
    assert before == store.list("journal")
    assert set(Journal(store)._sweeper.sweep_aged(horizon)) <= set(lost)
    assert list(range(5)) == kit.numbers(Journal(store))


def test_what_was_nobodys_for_an_hour_is_deleted(left_over, later, kit):
    """By a journal that has seen it so; what counts stays, with its summary."""
    store, lost = left_over
    before = set(store.list("journal"))
    sweeper = Journal(store)._sweeper
    assert 0 == sweeper.sweep()
    later(0.5)
    assert 0 == sweeper.sweep()
    later(0.6)
    assert len(lost) == sweeper.sweep()
    assert lost == sorted(before - set(store.list("journal")))
    assert list(range(5)) == kit.numbers(Journal(store))
    later(2)
    assert 0 == sweeper.sweep()


def test_what_became_somebodys_is_not_deleted(later, kit):
    """A compaction that was slow decides before the hour is over."""
    store = MemoryStore()
    journal, other = Journal(store), Journal(store)
    journal.write("s/a", kit.table(range(4)))
    seen = []
    kit.compact(journal, summarize=lambda _: seen.append(other._sweeper.sweep()) or {"x": 1})
    later(1.1)
    other._sweeper.sweep()
    assert list(range(4)) == kit.numbers(Journal(store))
    assert [0] == seen


def test_it_is_seen_for_an_hour_without_a_break(left_over, later, kit):
    """Another file of the same name would have an hour of its own."""
    store, lost = left_over
    sweeper = Journal(store)._sweeper
    sweeper.sweep()
    later(0.9)
    saved = {path: store.get(path) for path in lost}
    for path in lost:
        store.delete(path)
    later(0.2)
    assert 0 == sweeper.sweep()
    for path, data in saved.items():
        store.put(path, data)
    later(1.1)
    assert 0 == sweeper.sweep()
    later(1.1)
    assert len(lost) == sweeper.sweep()


def test_compaction_sweeps_now_and_then(left_over, later, kit):
    store, lost = left_over
    journal = Journal(store)
    kit.compact(journal)
    later(1.1)
    journal.write("s/a", kit.table([5]))
    kit.compact(journal)
    assert not set(lost) & set(store.list("journal"))
    assert list(range(6)) == kit.numbers(journal)


def test_a_failure_to_look_is_no_failure_to_compact(left_over, kit, monkeypatch, caplog):
    store, _ = left_over
    journal = Journal(store)

    def fail(_folder):
        raise StoreError("cannot be reached")

    monkeypatch.setattr(journal._files, "everything", fail)
    assert 0 == journal._sweeper.sweep()
    assert "could not look for files that are nobody's: cannot be reached" in caplog.text
