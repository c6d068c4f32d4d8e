"""A store on which everything was done once: valid files of every kind, as the library itself writes them."""

import functools
import itertools
import secrets
import time
from datetime import UTC, datetime
from typing import Final
from unittest import mock

import numpy as np

from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor
from mlprod.drift._archive import REFERENCES
from mlprod.experiments._state import EXPERIMENTS
from mlprod.monitoring._alert_state import ALERTS
from mlprod.storage import Ledger, MemoryStore
from mlprod.storage.journal._state import JOURNAL
from mlprod.testing import FrozenClock

__all__ = ["NOW", "copied", "files"]

NOW: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@functools.cache
def files() -> dict[str, bytes]:
    """Return the files of the store by their paths."""
    store, clock = MemoryStore(), FrozenClock(NOW)
    ticks = itertools.count(1)
    # Names that are drawn are counted: an input that was found yesterday means the same tomorrow.
    drawn = mock.patch.object(secrets, "token_hex", lambda size: f"{next(ticks):0{2 * size}x}")
    begun = mock.patch.object(
        time, "time_ns", side_effect=(int(NOW.timestamp()) * 10**9 + at for at in ticks)
    )
    with drawn, begun:
        _models(store, clock)
        _monitoring(store, clock)
        _experiments(store, clock)
        _drift(store, clock)
        for ledger_type in (ALERTS, EXPERIMENTS, JOURNAL, REFERENCES):
            ledger = Ledger(store, ledger_type, clock=clock)
            ledger._snapshot(ledger.head())  # they would have one after 64 decisions
    folders = ("models", "alerts", "experiments", "drift", "journal")
    return {path: bytes(store.get(path)) for folder in folders for path in store.list(folder)}


def copied(files_by_path: dict[str, bytes]) -> MemoryStore:
    """Return a store with these files."""
    store = MemoryStore()
    for path, content in files_by_path.items():
        store.put(path, [content])
    return store


def _models(store: MemoryStore, clock: FrozenClock) -> None:
    models = ModelSerializer(store, clock=clock)
    weights = {"w": np.arange(6.0).reshape(2, 3), "steps": (1, 2.5, None)}
    examples = ({"x": np.ones(3)}, np.ones(2))
    models.save([0.5, -1.25], "momentum", {"accuracy": 0.6}, {"lookback": 20}, tags=["a"], activate=True)
    models.save(weights, "momentum", parent="momentum@1.0.0", examples=examples, aliases=["best"])
    clock.advance(seconds=1)
    models.save({1, 2}, "momentum", format="pickle")
    models.set_active("momentum@1.0.1", reason="better")
    models.rollback("momentum", reason="worse")
    models.promote("momentum@1.0.1", "staging")
    models.remove_alias("momentum", "best")
    models.tag("momentum@1.0.0", "b")
    models.untag("momentum@1.0.0", "b")
    models.delete("momentum@1.0.2")
    models.cleanup(grace_hours=0)
    models.save({"w": np.ones(2)}, "har", activate=True)
    for turn in range(55):  # until there is a snapshot
        models.set_alias("momentum@1.0.0", f"turn-{turn}")


def _monitoring(store: MemoryStore, clock: FrozenClock) -> None:
    monitor = PerformanceMonitor(store, initial_capital=1000.0, clock=clock)
    for at in range(40):
        clock.advance(minutes=1)
        monitor.record_prediction(
            "momentum", "1.0.0", prediction=1.0, confidence=0.8, latency_ms=2000.0, prediction_id=at,
            features={"rsi": float(at), "side": "up"},
        )  # fmt: skip
        monitor.record_actual("momentum", at, float(at % 3))
        monitor.record_trade("momentum", "1.0.0", pnl=-1.0, trade_id=at, symbol="EURUSD", side="BUY")
    monitor.record_drift("momentum", "1.0.0", feature_drift=0.9)
    for alert in monitor.get_active_alerts()[:1]:
        monitor.acknowledge_alert(alert.id, by="somebody", note="on it")
    monitor.flush()
    monitor.compact("momentum")
    monitor.record_predictions("momentum", "1.0.0", prediction=[1.0, 2.0], actual=[1.0, 1.0], latency_ms=1.0)
    monitor.record_trade("momentum", "1.0.0", pnl=2.0, trade_id="t", symbol="USDJPY", side="SELL")
    monitor.record_prediction("momentum", "1.0.0", prediction="up", prediction_id="p", confidence=0.4)
    monitor.flush()


def _experiments(store: MemoryStore, clock: FrozenClock) -> None:
    manager = ABTestingManager(store, clock=clock)
    fields = {"salt": "salt", "min_sample_size": 10, "custom_metrics": ["slippage"], "audience": {"s": ["x"]}}
    config = {**fields, "namespace": "desk", "namespace_range": (0.0, 0.5), "trades_per_year": 250}
    manager.create_experiment("A", "B", "momentum@1.0.0", "har@1.0.0", config, id="ended")
    manager.start_experiment("ended")
    _recorded(manager, "ended")
    manager.pause_experiment("ended")
    clock.advance(minutes=1)
    manager.resume_experiment("ended")
    manager.set_traffic("ended", [0.75, 0.25])
    _recorded(manager, "ended")
    manager.end_experiment("ended", winner="control")
    manager.compact("ended")
    manager.create_experiment("C", "", "momentum@1.0.0", "har@1.0.0", {"salt": "s"}, id="running")
    manager.start_experiment("running")
    _recorded(manager, "running")
    manager.create_experiment(
        "D", "", "momentum@1.0.0", "har@1.0.0", {"mode": "shadow", "salt": "s"}, id="shadow"
    )
    manager.start_experiment("shadow")
    for at in range(4):
        manager.record_shadow(
            "shadow",
            {"control": {"prediction": 1.0}, "treatment": {"prediction": 0.5, "pnl": 1.0}},
            prediction_id=at,
            symbol="x",
        )
        manager.record_actual("shadow", at, 1.0)
    manager.flush()


def _recorded(manager: ABTestingManager, id_: str) -> None:
    for at in range(12):
        for variant in ("control", "treatment"):
            manager.record_prediction(
                id_,
                variant,
                prediction=1.0,
                confidence=0.5,
                prediction_id=f"{variant}{at}",
                correct=bool(at % 2),
            )
            manager.record_trade(id_, variant, id=f"{variant}{at}", symbol="x", side="BUY", pnl=at - 5.0)
            if id_ == "ended":
                manager.record_metric(id_, variant, "slippage", at / 7, unit_id=at)
        manager.record_actual(id_, f"control{at}", 1.0)
    manager.flush()


def _drift(store: MemoryStore, clock: FrozenClock) -> None:
    source = np.random.default_rng(7)
    detector = DriftDetector(store, clock=clock)
    data = {"rsi": source.normal(50, 10, 400), "atr": source.gamma(2, size=400), "side": ["a", "b"] * 200}
    errors = np.abs(source.normal(size=400))
    detector.set_reference("momentum@1.0.0", data, predictions=source.normal(size=400), errors=errors)
    detector.set_reference("har@1.0.0", {"x": source.normal(size=400)})
    moved = {**data, "rsi": data["rsi"] + 8}
    detector.comprehensive_drift_check(
        model_id="momentum@1.0.0", data=moved, recent_predictions=source.normal(size=100)
    )
    detector.check_performance("momentum@1.0.0", errors + 1)
    detector.observe("momentum@1.0.0", {name: column[:100] for name, column in moved.items()})
    detector.observe("har@1.0.0", {"x": np.full(60, 9.0)})
    detector.flush()
