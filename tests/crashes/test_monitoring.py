"""`PerformanceMonitor`: what was recorded is there once, alerts fire once; and a retry succeeds."""

import contextlib
import functools
from datetime import UTC, datetime

import attrs
import pytest

from mlprod.errors import StoreError
from mlprod.monitoring import AlertThreshold, PerformanceMonitor
from mlprod.storage import MemoryStore
from mlprod.testing import FaultyStore, FrozenClock, SimulatedCrashError
from tests.crashes.driver import (
    UNSEEN,
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
NOW = datetime(2026, 1, 1, 6, tzinfo=UTC)
THRESHOLDS = (
    AlertThreshold("losing", "total_pnl", -100, "critical"),
    AlertThreshold("moved", "feature_drift_score", 0.3, "warning"),
)


def flush(monitor):
    monitor.flush()


def leave_behind(monitor):
    """Let another process record, and die."""
    other = opened(getattr(monitor._store, "_inner", monitor._store))  # nothing goes wrong there
    other.record_trade("m", "1", pnl=7.0)
    let_die(other)


def tend(monitor):
    """Do what the keeper does once a minute: everything."""
    monitor._ticks = 59
    monitor._tend()


def predict(monitor, **fields):
    monitor.record_prediction("m", "1", confidence=0.75, latency_ms=4.0, **fields)


FACTS = {
    "record_prediction": (lambda monitor: predict(monitor, correct=True), flush),
    "record_prediction, with features": (
        lambda monitor: predict(monitor, prediction=1, prediction_id="new", features={"x": 1.5}),
        flush,
    ),
    "record_predictions": (
        lambda monitor: monitor.record_predictions("m", "1", correct=True, confidence=[0.5, 0.25]),
        flush,
    ),
    "record_actual, after its prediction": (lambda monitor: monitor.record_actual("m", "p-0", 1), flush),
    "record_actual, before its prediction": (
        lambda monitor: monitor.record_actual("m", "early", 1),
        lambda monitor: predict(monitor, prediction=1, prediction_id="early"),
        flush,
    ),
    "record_trade": (lambda monitor: monitor.record_trade("m", "1", pnl=250.0, symbol="EURUSD"), flush),
    "record_trade, under an id": (
        lambda monitor: monitor.record_trade("m", "1", pnl=8.0, trade_id="u"),
        flush,
    ),
    "record_drift": (lambda monitor: monitor.record_drift("m", "2", feature_drift=0.25), flush),
    "compact": (lambda monitor: monitor.compact("m"),),
    "compact, with an outcome": (
        lambda monitor: monitor.record_actual("m", "p-1", 1),
        flush,
        lambda monitor: monitor.compact("m"),
    ),
    "flush": (predict, lambda monitor: monitor.record_trade("m", "2", pnl=1.0), flush),
    "flush, of what a dead process left": (leave_behind, flush),
    "close": (predict, lambda monitor: monitor.close()),
}
ALERTS = {  # decided first, then told of: if that fails, to look again is safe
    "acknowledge_alert": (lambda monitor: monitor.acknowledge_alert("a1-0", by="me", note="seen"),),
    "get_active_alerts, which fire": (lambda monitor: monitor.get_active_alerts("m"),),
    "get_active_alerts, which resolve": (
        lambda monitor: monitor.record_trade("m", "1", pnl=1000.0),
        flush,
        lambda monitor: monitor.get_active_alerts(),
    ),
    "get_alert_history": (lambda monitor: monitor.get_alert_history("m"),),
    "get_pending_alerts": (lambda monitor: monitor.get_pending_alerts("m"),),
    "generate_report": (lambda monitor: monitor.generate_report("m"),),
    "get_model_health": (lambda monitor: monitor.get_model_health("m"),),
    "the keeper": (predict, tend),
}
READERS = {
    "get_latest_metrics": lambda monitor: monitor.get_latest_metrics("m").to_dict(),
    "get_metrics_history": lambda monitor: monitor.get_metrics_history("m", "1").to_dict(),
    "get_overview": lambda monitor: [found.to_dict() for found in monitor.get_overview()],
    "get_active_alerts, as they stand": lambda monitor: [
        found.to_dict() for found in monitor.get_active_alerts(evaluate=False)
    ],
    "get_alert_history, as it stands": lambda monitor: [
        found.to_dict() for found in monitor.get_alert_history(evaluate=False)
    ],
    "get_pending_alerts, as they stand": lambda monitor: [
        found.to_dict() for found in monitor.get_pending_alerts(evaluate=False)
    ],
    "get_features": lambda monitor: listed(monitor.get_features("m")),
    "on_alert": lambda monitor: monitor.on_alert(print)(),
}


def listed(columns):
    return {name: column.tolist() for name, column in columns.items()}


@functools.cache
def files():
    """Return the files of a store with blocks, raw files of all streams and a firing alert."""
    store, clock = MemoryStore(), FrozenClock(BEGINNING)
    monitor = PerformanceMonitor(store, thresholds=THRESHOLDS, clock=clock)
    for _ in range(2):
        for number in range(3):
            identity = f"p-{number}"
            predict(monitor, prediction=1, prediction_id=identity, features={"x": float(number)})
        monitor.record_trade("m", "1", pnl=-500.0, trade_id="t")
        monitor.record_actual("m", "p-2", 1)
        monitor.record_drift("m", "2", feature_drift=0.125)
        monitor.record_predictions("m", "2", correct=[True, False])
        monitor.flush()
        monitor.get_active_alerts()
        monitor.compact("m")
        clock.advance(hours=1)
        predict(monitor, correct=True)
        monitor.record_trade("m", "1", pnl=-1.0)
        monitor.flush()
    monitor.record_drift("m", "1", feature_drift=0.5)
    monitor.flush()
    return contents(store)


def opened(store):
    return PerformanceMonitor(store, thresholds=THRESHOLDS, clock=FrozenClock(NOW))


def seen(store):
    """Return all figures and alerts; without thresholds, to look decides nothing."""
    monitor = PerformanceMonitor(store, thresholds=(), clock=FrozenClock(NOW))
    alerts = monitor._watch.book
    return (
        [monitor.get_latest_metrics("m", version).to_dict() for version in (None, "2")],
        listed(monitor.get_features("m")),
        [alert.to_dict() for alert in (*alerts.pending(), *alerts.history())],
    )


@pytest.fixture
def scene(backend):
    return Scene(
        about=PerformanceMonitor,
        files=files,
        opened=opened,
        seen=seen,
        die=let_die,
        facts=lambda found: found[:2],  # alerts are decided by what was shown; the next look puts them right
        **backend,
    )


@pytest.mark.parametrize("mutation", FACTS)
def test_every_operation_of_what_is_recorded(mutation, fault, scene, count):
    count(scene, try_mutation(scene, FACTS[mutation], fault))


@pytest.mark.parametrize("backend", ["spool"], indirect=True)  # decisions die with no process
@pytest.mark.parametrize("mutation", ALERTS)
def test_every_operation_of_a_look_at_the_thresholds(mutation, fault, scene, count):
    scene = attrs.evolve(scene, is_honest=False)
    count(scene, try_mutation(scene, ALERTS[mutation], fault))


@pytest.mark.parametrize("backend", ["spool"], indirect=True)
@pytest.mark.parametrize("reader", READERS)
def test_every_operation_of_a_reader(reader, fault, scene, count):
    count(scene, try_reader(scene, READERS[reader], fault))


def test_every_operation_of_an_alert_that_somebody_is_told_of(fault, count):
    """Once, though the look failed; what a listing did not show in time is made good by the next look."""
    scene = Scene(about=PerformanceMonitor, files=files, opened=opened, seen=seen)
    clean = FaultyStore(scene.prepared())
    told, monitor = [], opened(clean)
    monitor.on_alert(told.append)
    active = [alert.type for alert in monitor.get_active_alerts()]
    assert ["moved"] == [alert.type for alert in told]
    tried = 0
    for at in scene.operations(clean.log, fault):
        tried += 1
        inner, told = scene.prepared(), []
        store = FaultyStore(inner, at=at, fault=fault)
        monitor = opened(store)
        with contextlib.suppress(SimulatedCrashError):
            retried(monitor.on_alert, told.append)
            retried(monitor.get_active_alerts)
            assert fault in UNSEEN or ["moved"] == [alert.type for alert in told], store.log
        assert active == [alert.type for alert in opened(inner).get_active_alerts()], store.log
    count(scene, tried)


def retried(call, *arguments):
    """Call; where the store failed, call again."""
    try:
        call(*arguments)
    except StoreError:
        call(*arguments)


def test_all_of_them_change_something():
    scene = Scene(about=PerformanceMonitor, files=files, opened=opened, seen=seen, die=let_die)
    assert ["compact"] == [name for name, steps in {**FACTS, **ALERTS}.items() if not changes(scene, steps)]


def test_nothing_public_is_left_out():
    assert public_names(PerformanceMonitor) == names_in(FACTS, ALERTS, READERS) - {"the keeper"}
