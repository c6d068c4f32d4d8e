"""Real processes: killed, forked, many at once, and on a disk that fills."""

import contextlib
import os
import random
import signal
import struct
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from mlprod.errors import StoreError
from mlprod.storage import LocalStore
from mlprod.storage.journal import MARK, Change, Column, Journal, Layout, Table, in_time_order

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")

NUMBERED = Layout((Column("number", "int"), Column("worker", "int")))
NAMED = Layout((Column("number", "int"), Column("worker", "int"), Column("name", "text")))
SEQUENCE = struct.Struct("<q")


def record_until_killed(folder, worker, acknowledged):
    """Record numbers to two streams in turn, and tell each after the call has returned."""
    journal = Journal(LocalStore(folder))
    plain, named = journal.appender("s/plain", NUMBERED), journal.appender("s/named", NAMED)
    pack_into = NUMBERED.struct.pack_into
    for number in range(1 << 62):
        if number % 3:
            segment = plain.segment
            while (offset := next(segment.offsets, -1)) < 0:
                segment = plain.roll(segment)
            pack_into(segment.buffer, offset, number, number, worker, MARK)
        else:
            named.append(number, number, worker, f"number {number}")
        os.write(acknowledged, SEQUENCE.pack(number))


def in_child(work, *args):
    """Run a function in a forked child of this process, which does nothing else; return its process id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that threads run is what the test is about
        child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(60)  # a deadlock is a failure, not a hang
        work(*args)
        status = 0
    finally:
        os._exit(status)


def read_by_worker(journal):
    """Return the numbers of each worker in time order, having checked each text."""
    found = {}

    def ask(reading):
        assert {} == reading.damaged
        found.clear()
        for stream, layout in (("s/plain", NUMBERED), ("s/named", NAMED)):
            for table in in_time_order(layout, reading.of(stream)):
                for worker in np.unique(table["worker"]).tolist():
                    is_of_worker = table["worker"] == worker
                    found.setdefault(worker, {}).setdefault(stream, []).append(table["number"][is_of_worker])
                if layout is NAMED:
                    texts = [f"number {number}" for number in table["number"].tolist()]
                    assert texts == table.text("name").tolist()

    journal.query("s", ask)
    return {
        worker: np.sort(np.concatenate([piece for pieces in streams.values() for piece in pieces]))
        for worker, streams in found.items()
    }


def compact(journal, *, once=True):
    """Move what is sealed into blocks; return whether anything was done."""
    with journal.sealed("s") as reading:
        changes = []
        for stream, parts in reading.parts.items():
            layout = NAMED if stream == "s/named" else NUMBERED
            sources = [part for part in parts if once or not part.is_block]
            table = Table.joined(layout, [part.load() for part in sources]).in_time_order()
            if any(not part.is_block for part in sources):
                changes.append(Change(stream=stream, sources=sources, tables=[table] if len(table) else []))
        return bool(changes) and journal.replace(changes)


@needs_fork
@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_what_was_acknowledged_outlives_kill_9(tmp_path, rounds):
    """Each number of which a killed process was told is found once; at most one more was on its way."""
    chance = random.Random(20260302 + rounds)  # noqa: S311 - reproducible
    journal = Journal(LocalStore(tmp_path))
    told = {}
    for worker in range(rounds):
        receiving, sending = os.pipe()
        child = in_child(record_until_killed, tmp_path, worker, sending)
        os.close(sending)
        with os.fdopen(receiving, "rb") as pipe:
            wanted = int(10 ** chance.uniform(0, 4.3))
            received = pipe.read(SEQUENCE.size * wanted)
            os.kill(child, signal.SIGKILL)
            received += pipe.read()
        _, status = os.waitpid(child, 0)
        assert signal.SIGKILL == os.WTERMSIG(status)
        told[worker] = len(received) // SEQUENCE.size
        if chance.random() < 0.3:
            compact(journal)
    found = read_by_worker(Journal(LocalStore(tmp_path)))
    for worker, count in told.items():
        numbers = found[worker]
        assert np.array_equal(np.arange(len(numbers)), numbers)
        assert len(numbers) in {count, count + 1}
    assert rounds == len(found)


def compact_until_killed(folder, begun):
    os.write(begun, b"x")
    journal = Journal(LocalStore(folder))
    while True:
        compact(journal)


def write_many(journal, worker, first, files):
    for number in range(first, first + files):
        table = {"time": np.array([number]), "number": np.array([number]), "worker": np.array([worker])}
        journal.write("s/plain", Table(NUMBERED, table))


@needs_fork
@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_a_compaction_can_be_killed_at_any_moment(tmp_path, rounds, monkeypatch):
    """While it runs, and after it was killed, everything is read once; what is left over goes in the end."""
    journal = Journal(LocalStore(tmp_path))
    chance = random.Random(rounds)  # noqa: S311 - reproducible
    for number in range(rounds):
        write_many(journal, 0, number * 10, 10)
        receiving, sending = os.pipe()
        child = in_child(compact_until_killed, tmp_path, sending)
        os.close(sending)
        os.read(receiving, 1)
        os.close(receiving)
        for _ in range(chance.randrange(4)):
            assert np.array_equal(np.arange(number * 10 + 10), read_by_worker(journal)[0])
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert np.array_equal(np.arange(number * 10 + 10), read_by_worker(Journal(LocalStore(tmp_path)))[0])
    while compact(journal):
        pass
    hours_later = time.monotonic() + 7200
    monkeypatch.setattr(time, "monotonic", lambda: hours_later)
    journal._sweeper.sweep()
    assert np.array_equal(np.arange(rounds * 10), read_by_worker(journal)[0])
    assert 1 == len(journal._files.listed("journal"))


def record_many(folder, worker, count):
    journal = Journal(LocalStore(folder))
    appender = journal.appender("s/plain", NUMBERED)
    pack_into = NUMBERED.struct.pack_into
    for number in range(count):
        segment = appender.segment
        while (offset := next(segment.offsets, -1)) < 0:
            segment = appender.roll(segment)
        pack_into(segment.buffer, offset, number, number, worker, MARK)


def test_8_processes_lose_and_double_nothing(tmp_path, processes):
    """8 x 100,000 records, compacted by a ninth while they record: exactly those are read."""
    workers = [processes.Process(target=record_many, args=(tmp_path, n, 100_000)) for n in range(8)]
    for worker in workers:
        worker.start()
    journal = Journal(LocalStore(tmp_path))
    while any(worker.is_alive() for worker in workers):
        compact(journal, once=False)
    for worker in workers:
        worker.join()
        assert 0 == worker.exitcode
    while compact(journal, once=False):
        pass
    found = read_by_worker(journal)
    assert list(range(8)) == sorted(found)
    assert all(np.array_equal(np.arange(100_000), numbers) for numbers in found.values())
    assert [] == [path for path in journal._files.listed("journal/raw") if path.endswith(".seg")]


def fork_in_the_middle(folder):
    """Fork twenty times while four threads record; return what each of them and of the children recorded."""
    journal = Journal(LocalStore(folder))
    plain, named = journal.appender("s/plain", NUMBERED), journal.appender("s/named", NAMED)
    stop, counts = threading.Event(), [0] * 4

    def record(thread):
        while not stop.is_set():
            number = counts[thread]
            if number % 2:
                plain.append(number, number, thread)
            else:
                named.append(number, number, thread, f"number {number}")
            counts[thread] = number + 1

    def go_on(worker):
        for number in range(300):
            plain.append(number, number, worker)
        for number in range(300, 600):
            named.append(number, number, worker, f"number {number}")
        journal.flush()
        journal.close()

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    children = [in_child(go_on, worker) for worker in range(10, 30)]
    assert [0] * 20 == [os.waitpid(child, 0)[1] for child in children]
    stop.set()
    for thread in threads:
        thread.join()
    return {**dict(enumerate(counts)), **dict.fromkeys(range(10, 30), 600)}


@needs_fork
def test_fork_in_the_middle_of_recording(tmp_path, unmeasured):
    """Threads record while their process forks; the children record and flush; nobody waits for ever."""
    counted = unmeasured(__file__, "fork_in_the_middle", tmp_path)
    expected = {int(worker): count for worker, count in counted.items()}
    found = read_by_worker(Journal(LocalStore(tmp_path)))
    assert expected == {worker: len(numbers) for worker, numbers in found.items()}
    assert all(np.array_equal(np.arange(len(numbers)), numbers) for numbers in found.values())


@needs_fork
def test_a_child_does_not_hold_the_segments_of_its_parent(tmp_path):
    """A parent that has died is compacted while its child lives on."""
    told, tell = os.pipe()
    wait, go = os.pipe()

    def parent():
        journal = Journal(LocalStore(tmp_path))
        record = journal.appender("s/plain", NUMBERED)
        record.append(0, 0, 0)
        in_child(child, record)

    def child(record):
        record.append(1, 1, 0)
        os.write(tell, b"x")
        os.read(wait, 1)

    parents = in_child(parent)
    os.waitpid(parents, 0)
    os.read(told, 1)
    journal = Journal(LocalStore(tmp_path))
    with journal.sealed("s") as reading:
        assert [[0]] == [part.load()["number"].tolist() for part in reading.of("s/plain")]
    assert [0, 1] == read_by_worker(journal)[0].tolist()
    os.write(go, b"x")
    for descriptor in (told, tell, wait, go):
        os.close(descriptor)


@needs_fork
def test_a_forked_child_does_not_go_on_holding_the_lock_of_a_compaction(tmp_path):
    """The thread that compacts in the parent does not exist in the child."""
    journal = Journal(LocalStore(tmp_path))
    write_many(journal, 0, 0, 3)
    told, tell = os.pipe()
    wait, go = os.pipe()

    def child():
        os.write(tell, b"x")
        os.read(wait, 1)

    with journal.sealed("s"):
        in_child(child)
    os.read(told, 1)
    assert compact(journal)
    os.write(go, b"x")
    os.wait()
    for descriptor in (told, tell, wait, go):
        os.close(descriptor)


@pytest.mark.slow
def test_threads_record_while_another_flushes_and_compacts(tmp_path):
    """4 threads x 20,000 records on one appender, in memory and on a disk."""
    from mlprod.storage import MemoryStore

    for store in (MemoryStore(), LocalStore(tmp_path)):
        journal = Journal(store)
        appender = journal.appender("s/plain", NUMBERED)

        def record(worker, appender=appender):
            for number in range(20_000):
                appender.append(number, number, worker)

        threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                journal.flush()
                compact(journal, once=False)
        finally:
            sys.setswitchinterval(interval)
        journal.close()
        found = read_by_worker(journal)
        assert dict.fromkeys(range(4), 20_000) == {worker: len(numbers) for worker, numbers in found.items()}
        assert all(np.array_equal(np.arange(20_000), numbers) for numbers in found.values())


def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk):
    """A real filesystem of 1 MiB: an error says what to do, and recording goes on when there is room."""
    (small_disk / "ballast").write_bytes(bytes(200_000))
    journal = Journal(LocalStore(small_disk))
    appender = journal.appender("s/plain", NUMBERED)
    acknowledged = 0

    def record():
        nonlocal acknowledged
        while True:
            appender.append(acknowledged, acknowledged, 0)
            acknowledged += 1

    with pytest.raises(StoreError, match=r"nothing was recorded: .*the disk is full: free some space"):
        record()
    assert acknowledged > 2000
    assert np.array_equal(np.arange(acknowledged), read_by_worker(journal)[0])
    names = [path.name for path in (small_disk / "journal").rglob("*.seg")]
    many = Table(NUMBERED, dict.fromkeys(("time", "number", "worker"), np.arange(1 << 17)))
    with pytest.raises(StoreError, match=r"could not record events .*the disk is full"):
        journal.write("s/plain", many)
    assert names == [path.name for path in (small_disk / "journal").rglob("*") if path.is_file()]
    assert np.array_equal(np.arange(acknowledged), read_by_worker(journal)[0])
    (small_disk / "ballast").unlink()
    with contextlib.suppress(StoreError):
        appender.append(acknowledged, acknowledged, 0)
        acknowledged += 1
    assert np.array_equal(np.arange(acknowledged), read_by_worker(journal)[0])
