"""Readers at every moment of what moves records, and what crashes leave behind."""

import contextlib
import functools
import shutil

import pytest

from mlprod.errors import StoreError
from mlprod.storage import LocalStore, MemoryStore
from mlprod.storage.journal import Journal
from mlprod.testing import Fault, FaultyStore, SimulatedCrashError

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture(params=["memory", "spool"])
def backend(request, remote):
    """Give a way to make the store behind the faults: one in memory, or one with a spool."""
    return MemoryStore if request.param == "memory" else type(remote)


@pytest.fixture(scope="module")
def files(kit):
    """Give the files of a store with a block, an adopted block, a segment and a raw block."""
    store = MemoryStore()
    journal = Journal(store)
    for first in (0, 10):
        kit.record(journal, [first])
        journal.write("s/a", kit.table(range(first + 1, first + 5)))
        journal.flush()
        if not first:
            kit.compact(journal, adopt=True)
    return {path: store.get(path) for path in store.list("journal")}


def prepared(backend, files):
    """Return a new store with those files."""
    store = backend()
    for path, data in files.items():
        store.put(path, data)
    return store


BEFORE = [*range(5), *range(10, 15)]


class Watched(FaultyStore):
    """Lets somebody look before and after each operation."""

    look = staticmethod(lambda: None)

    def _do(self, what, operation):
        self.look()
        try:
            return FaultyStore._do(self, what, operation)
        finally:
            self.look()


@pytest.mark.parametrize("fault", [Fault.CRASH_AFTER, Fault.LOST_ANSWER], ids=lambda fault: fault.name)
@pytest.mark.slow
def test_readers_see_every_record_once_at_every_moment_of_a_compaction(backend, fault, files, kit):
    """A second journal reads before and after each operation, whether it went wrong or not."""
    seen, at = [], 1
    while True:
        inner = prepared(backend, files)
        reader = Journal(inner)
        store = Watched(inner, at=at, fault=fault)
        store.look = lambda reader=reader: seen.append(kit.numbers(reader))
        with contextlib.suppress(StoreError, SimulatedCrashError):
            kit.compact(Journal(store))
        if store.operations < at:
            break
        kit.compact(reader)
        seen.append(kit.numbers(Journal(inner)))
        at += 1
    assert at > 8
    assert [BEFORE] * len(seen) == seen


@pytest.mark.parametrize("what", ["upload", "compaction", "both"])
def test_a_reader_is_overtaken_at_any_of_its_steps(remote, spool, files, kit, what):
    """Records move on, from the spool to the store to a block, while it looks: it finds each in one place."""
    moment, moments = 0, 1
    while moment < moments:
        inner = prepared(type(remote), files)
        writer, other = Journal(inner), Journal(inner)
        kit.record(writer, [20, 21])
        compact = functools.partial(kit.compact, other, with_blocks=False)
        moves = {"upload": [writer.flush], "compaction": [compact], "both": [writer.flush, compact]}[what]
        store, steps = Watched(inner), iter(range(1 << 30))

        def look(moment=moment, steps=steps, moves=moves):
            if next(steps) == moment:
                for move in moves:
                    move()

        store.look = look
        assert [*BEFORE, 20, 21] == kit.numbers(Journal(store))
        moment, moments = moment + 1, max(moments, next(steps))
        kit.die(writer)
        shutil.rmtree(spool)
    assert moment > 8


def test_a_crash_between_commit_and_deletion_counts_nothing_twice(tmp_path, kit, monkeypatch):
    """Also where what was to be deleted is a raw block that had been adopted, and then merged."""
    store = LocalStore(tmp_path)
    journal = Journal(store)
    journal.write("s/a", kit.table(range(5)))
    kit.compact(journal, adopt=True)
    monkeypatch.setattr(store, "delete", lambda _path: None)
    journal.write("s/a", kit.table(range(5, 9)))
    kit.compact(journal)
    assert 3 == len(list(tmp_path.rglob("*.col")))
    assert list(range(9)) == kit.numbers(Journal(LocalStore(tmp_path)))


def test_a_slot_that_was_never_filled_is_no_record(tmp_path, kit):
    """A process may die between taking a slot and writing there; the records around it are read."""
    journal = Journal(LocalStore(tmp_path))
    kit.record(journal, [1])
    next(journal.appender("s/a", kit.numbered).segment.offsets)
    kit.record(journal, [3])
    assert [1, 3] == kit.numbers(journal)
    journal.close()
    assert kit.compact(Journal(LocalStore(tmp_path)))
    assert [1, 3] == kit.numbers(Journal(LocalStore(tmp_path)))
