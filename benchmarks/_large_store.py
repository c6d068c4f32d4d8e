"""A store of 200 models, 50 experiments and 1,000 alerts, whose page has to be quick."""

from datetime import datetime, timedelta

import numpy as np

from mlprod import ABTestingManager, AlertThreshold, DriftDetector, ModelSerializer, PerformanceMonitor

__all__ = ["fill"]

MODELS, EXPERIMENTS, RUNNING, KINDS = 200, 50, 15, 5
HOURS, DAYS = 720, 30  # of predictions, one an hour; of trades, one a day


class _Clock:
    """A clock that is moved by hand; that of `mlprod.testing` comes with pytest."""

    def __init__(self, now: datetime) -> None:
        """Begin at a moment."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


def fill(store: str, now: datetime) -> None:
    """Use everything, as a desk of many models would have until now.

    Args:
        store: where to; a path or a URL.
        now: when the last prediction was made.
    """
    clock, rng = _Clock(now - timedelta(days=5)), np.random.default_rng(7)
    names = [f"model-{number:03}" for number in range(MODELS)]
    _save_and_check(store, names, clock, rng)
    _compare(store, names, clock, rng)
    clock.now += timedelta(hours=20)
    _watch(store, names, clock, rng)


def _save_and_check(store: str, names: list[str], clock: _Clock, rng: np.random.Generator) -> None:
    models, detector = ModelSerializer(store, clock=clock), DriftDetector(store, clock=clock)
    for name in names:
        models.save([0], name, {"accuracy": 0.6}, activate=True)
        detector.set_reference(name, {f"f{at}": rng.normal(0, 1, 300) for at in range(3)})
        detector.check(name, {f"f{at}": rng.normal(at / 3, 1, 200) for at in range(3)})


def _compare(store: str, names: list[str], clock: _Clock, rng: np.random.Generator) -> None:
    with ABTestingManager(store, clock=clock) as manager:
        for number in range(EXPERIMENTS):
            pair, on_time = names[number : number + 2], {"auto_stop_on_degradation": False}
            manager.create_experiment(f"Test {number}", "", *pair, on_time, id=f"test-{number}")
            manager.start_experiment(f"test-{number}")
        for hour in range(100):
            for number in range(EXPERIMENTS):
                variant = manager.get_variant(f"test-{number}", hour)
                manager.record_trade(f"test-{number}", variant.id, id=f"{hour}", pnl=float(rng.normal()))
            clock.now += timedelta(hours=1)
        for number in range(RUNNING, EXPERIMENTS):
            manager.end_experiment(f"test-{number}")


def _watch(store: str, names: list[str], clock: _Clock, rng: np.random.Generator) -> None:
    thresholds = [
        AlertThreshold(
            f"kind_{at}", "accuracy", 0.99, "warning" if at else "critical", comparison="below", window="60d"
        )
        for at in range(KINDS)
    ]
    now = clock()
    times = np.datetime64(now.replace(tzinfo=None)) - np.arange(HOURS)[::-1] * np.timedelta64(1, "h")
    with PerformanceMonitor(store, clock=clock, thresholds=thresholds) as monitor:
        for name in names:
            monitor.record_predictions(
                name,
                "1.0.0",
                correct=rng.random(HOURS) < 0.6,  # noqa: PLR2004 - a little better than chance
                confidence=rng.random(HOURS),
                latency_ms=rng.lognormal(2, 1, HOURS),
                timestamp=times,
            )
            for day in range(DAYS):
                moment = now - timedelta(days=day)
                monitor.record_trade(name, "1.0.0", pnl=float(rng.normal(1, 10)), timestamp=moment)
            monitor.record_drift(name, "1.0.0", feature_drift=float(rng.random() / 2))
        fired = len(monitor.get_active_alerts())
    if fired != MODELS * KINDS:
        raise RuntimeError(f"{fired:,} alerts fired, not {MODELS * KINDS:,}")
