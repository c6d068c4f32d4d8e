"""A thread that works as long as its owner lives, whatever happens to the work."""

import gc
import logging
import os
import queue
import threading
import weakref

import pytest

from mlprod._keeper import Keeper


class Owner:
    """Does something, and tells what thread did it; fails where it is told to."""

    def __init__(self, interval_seconds=0.0001):
        self.done = queue.Queue()
        self.failures = queue.Queue()
        self.name = f"kept-{id(self)}"  # threads of tests before this one may not have ended yet
        self.keeper = Keeper(self.work, interval_seconds=interval_seconds, name=self.name)

    def work(self):
        self.done.put(threading.current_thread())
        if not self.failures.empty():
            raise self.failures.get()


@pytest.fixture
def owner():
    owner = Owner()
    yield owner
    owner.keeper.stop()


def test_it_works_again_and_again(owner):
    owner.keeper.start()
    first, second = owner.done.get(), owner.done.get()
    assert first is second
    assert (owner.name, True) == (first.name, first.daemon)


def test_nothing_runs_before_the_start():
    before = set(threading.enumerate())
    owner = Owner()
    assert set(threading.enumerate()) <= before
    assert owner.done.empty()


def test_starting_twice_is_starting_once(owner, monkeypatch):
    """Also by several threads at once."""
    barrier, started = threading.Barrier(8), []

    def start():
        barrier.wait()
        owner.keeper.start()

    real = threading.Thread.start
    monkeypatch.setattr(
        threading.Thread, "start", lambda thread: (started.append(thread.name), real(thread))[1]
    )
    threads = [threading.Thread(target=start, name="starter") for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    owner.keeper.start()
    assert 1 == started.count(owner.name)


def test_of_two_threads_that_find_it_stopped_one_starts_it(owner, monkeypatch):
    """The other comes between its look and its start."""
    real = os.getpid
    calls = []

    def getpid():
        calls.append(1)
        if len(calls) == 2:
            monkeypatch.setattr(os, "getpid", real)
            owner.keeper.start()
        return real()

    monkeypatch.setattr(os, "getpid", getpid)
    owner.keeper.start()
    owner.done.get()
    assert 1 == [thread.name for thread in threading.enumerate()].count(owner.name)


def test_it_can_be_stopped_and_started_again(owner):
    owner.keeper.start()
    thread = owner.done.get()
    owner.keeper.stop()
    thread.join()
    owner.keeper.stop()
    while not owner.done.empty():
        owner.done.get()
    owner.keeper.start()
    assert thread is not owner.done.get()


def test_a_failure_is_logged_once_and_the_work_goes_on(owner, caplog):
    """The same failure every second would fill the log; another one, or the same after a success, is news."""
    for failure in (ValueError("a"), ValueError("a"), ValueError("b")):
        owner.failures.put(failure)
    with caplog.at_level(logging.ERROR, logger="mlprod"):
        owner.keeper.start()
        for _ in range(5):
            owner.done.get()
        owner.failures.put(ValueError("b"))
        while not owner.failures.empty():
            owner.done.get()
        owner.done.get()
        owner.done.get()
    assert ["a", "b", "b"] == [str(record.exc_info[1]) for record in caplog.records]
    assert "background work failed" in caplog.text


def test_the_thread_ends_with_its_owner():
    """It holds it only while it works."""
    owner = Owner()
    owner.keeper.start()
    done, alive = owner.done, weakref.ref(owner)
    thread = done.get()
    del owner
    gc.collect()
    thread.join()
    assert alive() is None


def test_where_no_thread_can_be_started_the_work_waits(owner, monkeypatch, caplog):
    """E.g. while the interpreter shuts down: what wanted it started goes on, and may try again."""

    def refuse(_thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        owner.keeper.start()
    assert f"no thread {owner.name} could be started: can't create new thread" in caplog.text
    owner.keeper.start()
    owner.done.get()


def test_a_child_starts_a_thread_of_its_own(owner, monkeypatch):
    """And does not touch what belongs to its parent, which may be locked for ever there."""
    owner.keeper.start()
    thread = owner.done.get()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        owner.keeper.stop()
        assert thread.is_alive()
        owner.keeper.start()
        while (other := owner.done.get()) is thread:
            pass
        owner.keeper.stop()
        other.join()
    assert thread.is_alive()
