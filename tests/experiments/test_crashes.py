"""Whatever goes wrong at whatever operation: the old state or the new, whole; and a retry succeeds."""

import contextlib
import functools
from datetime import UTC, datetime

import pytest

from mlprod.errors import ConflictError, ExperimentStateError, StoreError
from mlprod.experiments import ABTestingManager
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore, FrozenClock, SimulatedCrashError

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 3, tzinfo=UTC)
UNSEEN = (Fault.TORN_LISTING, Fault.DELAYED_LISTING)

MUTATIONS = {
    "create": lambda manager: manager.create_experiment(
        "new", "", "a@1", "b@1", {"salt": "s"}, id="new", check_models=False
    ),
    "start": lambda manager: manager.start_experiment("draft"),
    "set_traffic": lambda manager: manager.set_traffic("running", [0.5, 0.5], reason="ramp"),
    "pause": lambda manager: manager.pause_experiment("running", reason="news"),
    "resume": lambda manager: manager.resume_experiment("paused"),
    "end": lambda manager: manager.end_experiment("running", reason="enough"),
    "end by time": lambda manager: manager.get_experiment("due"),
}


@pytest.fixture(autouse=True)
def short(monkeypatch, no_pauses):
    """Let snapshots be due often, so that a short history has some."""
    monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 4)


@functools.cache
def files():
    """Return the files of a store with experiments in all states, and a snapshot due at the next decision."""
    store, clock = MemoryStore(), FrozenClock(BEGINNING)
    with ABTestingManager(store, clock=clock) as manager:
        for name in ("draft", "running", "paused", "due"):
            config = {"salt": name, "max_duration": 24 if name == "due" else 168}
            manager.create_experiment(name, "", "a@1", "b@1", config, id=name, check_models=False)
        for name in ("running", "paused", "due"):
            manager.start_experiment(name)
            for number in range(20):
                manager.record_trade(name, ("control", "treatment")[number % 2], pnl=number % 3 - 1.0)
        manager.pause_experiment("paused")
        for percent in (10, 20, 30):
            manager.set_traffic("running", [1 - percent / 100, percent / 100])
    found = {path: store.get(path) for folder in ("experiments", "journal") for path in store.list(folder)}
    assert 11 == sum("/commits/" in path for path in found if path.startswith("experiments"))
    return found


def prepared():
    """Return a new store with those files."""
    store = MemoryStore()
    for path, data in files().items():
        store.put(path, data)
    return store


def opened(store):
    return ABTestingManager(store, clock=FrozenClock(NOW))


def seen(store):
    """Return all that was decided, read anew, and all that was recorded; to look decides nothing."""
    manager = ABTestingManager(store, clock=FrozenClock(BEGINNING))
    decided = [experiment.to_dict() for experiment in manager.list_experiments()]
    return decided, {path: store.get(path) for path in store.list("journal")}


def run(mutation, store):
    """Run it in a new "process"; return whether it came back."""
    try:
        MUTATIONS[mutation](opened(store))
    except (SimulatedCrashError, StoreError):  # nothing else may come out
        return False
    return True


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_operation(mutation, fault):
    before = seen(prepared())
    clean = prepared()
    assert run(mutation, clean)
    after = seen(clean)
    assert before != after
    at = 1
    while True:
        inner = prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        succeeded = run(mutation, store)
        if store.operations < at:
            break
        found = seen(inner)
        if store.log[at - 1].startswith("list journal/") and fault in UNSEEN:
            found = with_conclusion_of(found, after)
        assert found in ([after] if succeeded else [before, after]), store.log
        commits = inner.list("experiments/ledger/commits")
        if found == after:  # a retry changes nothing, or is refused: it was done
            with contextlib.suppress(ExperimentStateError, ConflictError):
                MUTATIONS[mutation](opened(inner))
            assert commits == inner.list("experiments/ledger/commits"), store.log
        else:
            MUTATIONS[mutation](opened(inner))
            assert after == seen(inner), store.log
        at += 1
    assert at > 3


def with_conclusion_of(found, after):
    """Take the conclusion for that of `after`: who is not shown what was recorded concludes without it."""
    decided, recorded = found
    return [
        {**one, "conclusion": one["conclusion"] and other["conclusion"]}
        for one, other in zip(decided, after[0], strict=True)
    ], recorded
