"""A store with a history: everything that the four classes write, kept between tests."""

import atexit
import functools
import shutil
import tempfile
from datetime import UTC, datetime

import numpy as np

from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor, Trust
from mlprod.models import LatestN
from mlprod.storage import LocalStore, MemoryStore
from mlprod.testing import FrozenClock

AREAS = ("models", "experiments", "alerts", "drift", "journal")
KEY = Trust(key=b"a secret of at least 16 bytes")


def flipped(data, at=-20):
    """Return the bytes with one bit of them changed."""
    changed = bytearray(data)
    changed[at] ^= 4
    return bytes(changed)


class Remote:
    """A store that is durable, and not on this machine."""

    def __init__(self):
        self.inner = MemoryStore("remote")

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def guarantees(self):
        """As those of a bucket."""
        return type(self.inner.guarantees())(
            atomic_create=True, durable=True, multi_writer=True, note="for tests"
        )


def models_of(store, clock):
    """Save, promote, tag, roll back, delete, and let a policy delete."""
    models = ModelSerializer(store, clock=clock)
    signing = ModelSerializer(store, clock=clock, trust=KEY)
    for number in range(4):
        models.save({"w": np.full(30, number)}, "har", {"sharpe": float("nan")}, activate=True)
        clock.advance(minutes=1)
    signing.save([1.5], "signed", examples=([1], [2]), aliases=["best"], tags=["a"])
    models.save([1], "other", config={"b": 1, "a": [None, 2.5]}, parent="har")
    models.save([2], "other", bump="major")
    models.promote("other@1.0.0", "staging")
    models.rollback("har")
    models.tag("har@1.0.0", "x", "y")
    models.untag("har@1.0.0", "x")
    models.remove_alias("signed", "best")
    models.delete("har@1.0.1")
    models.cleanup("har", policy=LatestN(2))
    models.cleanup()


def records_of(store, clock):
    """Record with several monitors and compact; raise, acknowledge and resolve an alert."""
    for number in range(5):
        with PerformanceMonitor(store, clock=clock) as monitor:
            for place in range(40):
                monitor.record_prediction("har", "1.0.0", prediction=place, prediction_id=f"{number}-{place}")
            monitor.record_predictions("har", "1.0.0", correct=True, confidence=np.linspace(0, 1, 50))
            monitor.record_actual("har", f"{number}-7", 7)
            monitor.record_trade("har", "1.0.0", pnl=2.5, symbol="EURUSD", trade_id=number)
            monitor.record_drift("har", "1.0.0", feature_drift=0.4 * (number % 3 < 2))
            monitor.record_prediction("har", "1.0.0", features={"rsi": 50.0 + number, "side": "buy"})
            for alert in monitor.get_active_alerts():
                monitor.acknowledge_alert(alert.id, by="tests")
            monitor._evaluate(["har"])
        clock.advance(hours=13)
    monitor = PerformanceMonitor(store, clock=clock)
    for place in range(20):  # what is not compacted stays a segment
        monitor.record_trade("har", "1.0.0", pnl=-1.0, symbol="GBPUSD", side="sell", trade_id=100 + place)
    monitor._keeper.stop()
    monitor._journal.close()


def experiments_of(store, clock):
    """Run one to its end, and leave one running."""
    with ABTestingManager(store, clock=clock) as manager:
        for name in ("ended", "running"):
            manager.create_experiment(name, "", "har@1.0.0", "other@1.0.0", id=name, check_models=False)
            manager.start_experiment(name)
            for place in range(30):
                variant = manager.get_variant(name, f"unit-{place}").id
                manager.record_prediction(name, variant, prediction=1, prediction_id=place)
                manager.record_trade(name, variant, id=place, symbol="EURUSD", pnl=place - 15.0)
                manager.record_metric(name, variant, "slippage", 0.5)
                manager.record_actual(name, place, place % 2)
            clock.advance(minutes=10)
        manager.pause_experiment("running")
        manager.resume_experiment("running")
        manager.set_traffic("running", [0.9, 0.1])
        manager.end_experiment("ended")
        manager.compact("ended")


def drift_of(store, clock):
    """Set references, replace one, check, and watch until there is an alarm."""
    rng = np.random.default_rng(20260302)
    detector = DriftDetector(store, clock=clock, ordered=False, false_alarm_days=1, rows_per_day=1000)
    for subject in ("har", "har@1.0.0", "loose", "har@1.0.0"):
        detector.set_reference(subject, {"x": rng.normal(size=400), "side": ["buy", "sell"] * 200})
        clock.advance(minutes=1)
    for subject in ("har", "har@1.0.0", "loose"):
        detector.check(subject, {"x": rng.normal(2, size=300), "side": ["buy", "sell"] * 150})
    assert detector.observe("har", {"x": [900.0] * 60, "side": ["buy", "sell"] * 30}) is not None
    detector.flush()


def built(store, clock):
    """Let the four classes write everything that they write."""
    models_of(store, clock)
    records_of(store, clock)
    experiments_of(store, clock)
    drift_of(store, clock)


@functools.cache
def built_in_memory(kind):
    """Return what a store of a kind in memory holds then, and what time it is there."""
    store, clock = kind(), FrozenClock(datetime.now(UTC))
    built(store, clock)
    return {path: store.get(path) for area in AREAS for path in store.list(area)}, clock()


@functools.cache
def built_in_folder():
    """Return such a folder, and what time it is there."""
    folder, clock = tempfile.mkdtemp(), FrozenClock(datetime.now(UTC))
    atexit.register(shutil.rmtree, folder)
    built(LocalStore(folder), clock)
    return folder, clock()
