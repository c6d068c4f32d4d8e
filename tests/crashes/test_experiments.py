"""`ABTestingManager`: decisions old or new, what was recorded there once; and a retry succeeds."""

import contextlib
import functools
import itertools
from datetime import UTC, datetime

import attrs
import pytest

from mlprod.errors import ConflictError, ExperimentStateError, StoreError
from mlprod.experiments import ABTestingManager
from mlprod.storage import MemoryStore
from mlprod.testing import FaultyStore, FrozenClock, SimulatedCrashError
from tests.crashes.driver import (
    Scene,
    changes,
    contents,
    let_die,
    names_in,
    public_names,
    try_mutation,
    try_reader,
)

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 3, tzinfo=UTC)


def create(manager, name, **config):
    given = {"salt": name, "auto_stop_on_degradation": False, **config}
    manager.create_experiment(name, "", "a@1", "b@1", given, id=name, check_models=False)


def flush(manager):
    manager.flush()


def leave_behind(manager):
    """Let another process record, and die."""
    other = opened(getattr(manager._store, "_inner", manager._store))  # nothing goes wrong there
    other.record_trade("running", "control", pnl=7.0)
    let_die(other)


def too_late(manager):
    with contextlib.suppress(ExperimentStateError):
        manager.record_trade("due", "control", pnl=1.0)


def predict(manager, **fields):
    manager.record_prediction("running", "treatment", prediction=1, confidence=0.75, **fields)


def tend(manager):
    """Do what the keeper does once a minute: everything."""
    manager._seconds = 60 - manager._interval
    manager._tend()


DECISIONS = {
    "create_experiment": (lambda manager: create(manager, "new"),),
    "start_experiment": (lambda manager: manager.start_experiment("draft"),),
    "set_traffic": (lambda manager: manager.set_traffic("running", [0.25, 0.75], reason="ramp"),),
    "pause_experiment": (lambda manager: manager.pause_experiment("running", reason="news"),),
    "resume_experiment": (lambda manager: manager.resume_experiment("paused"),),
    "end_experiment": (lambda manager: manager.end_experiment("running", reason="enough"),),
    "end_experiment, with a winner": (lambda manager: manager.end_experiment("running", "treatment"),),
    "get_experiment, whose time is over": (lambda manager: manager.get_experiment("due"),),
    "list_experiments, whose time is over": (lambda manager: manager.list_experiments(),),
    "get_variant, whose time is over": (lambda manager: manager.get_variant("due", "account-7"),),
    "analyze, whose time is over": (lambda manager: manager.analyze("due"),),
    "record_trade, too late": (too_late,),
}
FACTS = {
    "record_prediction": (lambda manager: predict(manager, actual=1, latency_ms=4.0), flush),
    "record_actual, after its prediction": (lambda manager: manager.record_actual("running", "p", 1), flush),
    "record_actual, before its prediction": (
        lambda manager: manager.record_actual("running", "early", 1),
        lambda manager: predict(manager, prediction_id="early"),
        flush,
    ),
    "record_trade": (lambda manager: manager.record_trade("running", "control", pnl=4.0, symbol="X"), flush),
    "record_trade, under an id": (
        lambda manager: manager.record_trade("running", "treatment", pnl=8.0, id="new"),
        flush,
    ),
    "record_metric": (lambda manager: manager.record_metric("running", "control", "slippage", 0.5), flush),
    "record_shadow": (
        lambda manager: manager.record_shadow("shadow", {"control": {"pnl": 1.0}, "treatment": {"pnl": 2.0}}),
        flush,
    ),
    "compact": (lambda manager: manager.compact("running"),),
    "compact, with an outcome": (
        lambda manager: manager.record_actual("running", "p", 1),
        flush,
        lambda manager: manager.compact("running"),
    ),
    "flush": (predict, lambda manager: manager.record_trade("running", "control", pnl=1.0), flush),
    "flush, of what a dead process left": (leave_behind, flush),
    "close": (predict, lambda manager: manager.close()),
    "the keeper": (predict, lambda manager: manager.get_variant("running", 7), tend),
}
READERS = {
    "get_experiment": lambda manager: manager.get_experiment("running").to_dict(),
    "list_experiments": lambda manager: [found.to_dict() for found in manager.list_experiments("running")],
    "get_variant": lambda manager: manager.get_variant("running", "account-7").to_dict(),
    "assign": lambda manager: manager.assign("running", range(9)).tolist(),
    "get_metrics": lambda manager: metrics(manager, "running"),
    "analyze": lambda manager: manager.analyze("running").to_dict(),
    "get_overview": lambda manager: [found.to_dict() for found in manager.get_overview()],
    "audit": lambda manager: manager.audit("running", repetitions=100).to_dict(),
    "required_sample_size": lambda manager: manager.required_sample_size(baseline=0.5, lift=0.1),
    "power": lambda manager: manager.power(baseline=0.5, lift=0.1, samples=1000),
}


def metrics(manager, name):
    return {variant: found.to_dict() for variant, found in manager.get_metrics(name).items()}


@functools.cache
def files():
    """Return the files of a store with experiments in all states, blocks and raw files."""
    store, clock = MemoryStore(), FrozenClock(BEGINNING)
    with ABTestingManager(store, clock=clock) as manager:
        for name in ("draft", "running", "paused", "due"):
            create(manager, name, max_duration=24 if name == "due" else 168)
        create(manager, "shadow", mode="shadow")
        for name in ("running", "paused", "due", "shadow"):
            manager.start_experiment(name)
        for name, number in itertools.product(("running", "due"), range(20)):
            manager.record_trade(name, ("control", "treatment")[number % 2], pnl=number % 3 - 1.0)
        predict(manager, prediction_id="p")
        manager.pause_experiment("paused")
    manager = ABTestingManager(store, clock=clock)
    manager.record_trade("running", "treatment", pnl=2.0, id="t")
    manager.flush()
    return contents(store)


def opened(store):
    return ABTestingManager(store, clock=FrozenClock(NOW))


def early(store):
    """Return an instance for which no experiment is over."""
    return ABTestingManager(store, clock=FrozenClock(BEGINNING))


def seen(store):
    """Return all that was decided and recorded, read anew; to look decides nothing."""
    manager = early(store)
    found = manager.list_experiments()
    return [one.to_dict() for one in found], [metrics(manager, name) for name in ("running", "shadow")]


def without_conclusions(found):
    """Who is not shown what was recorded concludes without it: the same decision for another reason."""
    decided, recorded = found
    return [{**one, "conclusion": None, "winner": None} for one in decided], recorded


SCENE = Scene(
    about=ABTestingManager,
    files=files,
    opened=opened,
    seen=seen,
    die=let_die,
    facts=without_conclusions,
    refusals=(ConflictError, ExperimentStateError),
)


@pytest.mark.parametrize("mutation", DECISIONS)
def test_every_operation_of_a_decision(mutation, fault, count):
    is_asked_more = mutation.startswith("analyze")  # after it was ended; to ask again is safe
    scene = attrs.evolve(SCENE, is_honest=not is_asked_more)
    count(scene, try_mutation(scene, DECISIONS[mutation], fault))


@pytest.mark.parametrize("mutation", FACTS)
def test_every_operation_of_what_is_recorded(mutation, fault, backend, count):
    scene = attrs.evolve(SCENE, **backend)
    count(scene, try_mutation(scene, FACTS[mutation], fault))


@pytest.mark.parametrize("reader", READERS)
def test_every_operation_of_a_reader(reader, fault, count):
    scene = attrs.evolve(SCENE, opened=early)
    count(scene, try_reader(scene, READERS[reader], fault))


def test_all_of_them_change_something():
    tables = {**DECISIONS, **FACTS}
    assert ["compact"] == [name for name, steps in tables.items() if not changes(SCENE, steps)]


def test_nothing_public_is_left_out():
    assert public_names(ABTestingManager) == names_in(DECISIONS, FACTS, READERS) - {"the keeper"}


def lose(manager, number):
    """Record the next trade of an experiment whose treatment loses."""
    variant = ("control", "treatment")[number % 2]
    manager.record_trade("losing", variant, pnl=1.0 if variant == "control" else -1.0, id=number)


def losing(store, trades):
    """Return a manager of a store with that experiment after so many trades."""
    manager = early(store)
    create(manager, "losing", auto_stop_on_degradation=True)
    manager.start_experiment("losing")
    for number in range(trades):
        lose(manager, number)
    return manager


@functools.cache
def most_trades():
    """Return after how many trades one more stops the experiment."""
    manager = losing(MemoryStore(), 0)
    for number in range(1000):
        lose(manager, number)
        if manager.get_experiment("losing").is_over:
            return number
    raise AssertionError


@functools.cache
def losing_files():
    """Return the files of a store in which one more trade stops the experiment."""
    store = MemoryStore()
    losing(store, most_trades()).flush()
    return contents(store)


def test_every_operation_of_a_trade_that_stops_an_experiment(fault, backend, count):
    """The trade is recorded first, then judged; if that fails, or is not shown all, by the keeper."""
    scene, last = attrs.evolve(SCENE, files=losing_files, opened=early, **backend), most_trades()
    clean = FaultyStore(scene.prepared())
    lose(early(clean), last)
    tried = 0
    for at in scene.operations(clean.log, fault):
        tried += 1
        inner = scene.prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        manager = early(store)
        try:
            lose(manager, last)
        except SimulatedCrashError:
            let_die(manager)
            manager = early(inner)
        except StoreError:  # nothing was recorded
            pass
        with contextlib.suppress(ExperimentStateError):  # where it was stopped already
            lose(manager, last)  # counted once, if it was recorded before
        for watcher in list(manager._watchers.values()):
            manager._look(watcher)
        found = early(inner).get_experiment("losing")
        assert ("stopped", "control") == (found.status, found.winner), store.log
        manager.flush()
        assert last + 1 == sum(one.trades for one in early(inner).get_metrics("losing").values()), store.log
        let_die(manager)
    count(scene, tried)
