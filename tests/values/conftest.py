"""A store in which everything was used, with texts that are after the reader; and all that it gives."""

from datetime import UTC, datetime, timedelta

import attrs
import numpy as np
import pytest

import mlprod
from mlprod import (
    ABTestingManager,
    AlertThreshold,
    DriftDetector,
    ModelSerializer,
    PerformanceMonitor,
    Trust,
    drift,
    formats,
    stats,
)
from mlprod import models as registry
from mlprod.monitoring import HealthThresholds
from mlprod.storage import MemoryStore, RetryPolicy
from mlprod.testing import FrozenClock

NOW = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
HOSTILE = "<script>hacked=1</script>\"'&<img src=x onerror=hacked=1><!--\u202egnp\u2066\u200f"
MANY = 300


@attrs.frozen
class World:
    """The classes that do I/O, all on one store, and a clock that moves when it is told to."""

    store: MemoryStore
    clock: FrozenClock
    models: ModelSerializer
    monitor: PerformanceMonitor
    manager: ABTestingManager
    detector: DriftDetector


@pytest.fixture(scope="module")
def world():
    store, clock = MemoryStore(), FrozenClock(NOW - timedelta(hours=72))
    thresholds = [
        AlertThreshold("accuracy_drop", "accuracy", 0.9, "critical", window="30d"),
        AlertThreshold("slow", "p99_latency_ms", 1.0, "warning", window="30d", for_seconds=300),
    ]
    monitor = PerformanceMonitor(store, clock=clock, thresholds=thresholds, initial_capital=1e5)
    with monitor, ABTestingManager(store, clock=clock) as manager:
        yield World(
            store=store,
            clock=clock,
            models=ModelSerializer(store, clock=clock),
            monitor=monitor,
            manager=manager,
            detector=DriftDetector(store, clock=clock),
        )


@pytest.fixture(scope="module")
def values(world):
    """Give all that the public methods return, under its name; several of a kind as they come, in lists."""
    found = {"registry": saved(world)}
    found["drift"] = checked(world)
    found["use"] = used(world)
    found["numbers"] = computed()
    return {name: value for part in found.values() for name, value in part.items()}


def saved(world):
    """Save, promote, validate, compare and clean up, with few and with many of everything."""
    models = world.models
    inputs = np.arange(6.0).reshape(3, 2)
    first = models.save(
        {"w": np.arange(2000.0)},
        "har",
        {"rmse": 0.0123456789, HOSTILE: 0.07},
        {
            "lookback": 22,
            HOSTILE: [HOSTILE] * 40,
            "grid": [list(range(500))] * 20,
            "nested": {"a": {"b": {}}},
        },
        tags=[f"{number} {HOSTILE}"[:60] for number in range(90)],
        aliases=["champion"],
        examples=(inputs, inputs.sum(axis=1)),
    )
    many = {f"metric_{number:03}": number / 7 for number in range(MANY)}
    models.save([2.0], "har", many, {"lookback": 20, **many}, bump="minor", parent=first.id)
    models.set_active("har@1.0.0", reason="passed")
    models.set_active("har@1.1.0", reason=HOSTILE * 3)
    models.rollback("har", reason="too many orders")
    models.save([0], "idle")
    for number in range(8):
        models.save([number], "retrained", {"gain": number / 100})
    handle = models.watch("har", interval_seconds=3600)
    handle.close()
    return {
        "metadata": models.get_metadata("har@1.0.0"),
        "metadata of many metrics": models.get_metadata("har@1.1.0"),
        "plain metadata": models.get_metadata("idle"),
        "models": models.list_models(),
        "history": models.history("har"),
        "validation": models.validate("har@1.0.0", predict=lambda _, rows: rows.sum(axis=1) + 1),
        "checks": list(models.validate("har@1.0.0").checks),
        "comparison of models": models.compare("har@1.0.0", "har@1.1.0"),
        "comparison of a metric": models.compare("har@1.0.0", "har@1.1.0").metrics["rmse"],
        "cleanup": models.cleanup("retrained", policy=registry.LatestN(1)),
        "handle": handle,
        "policies": [
            registry.LatestN(3),
            registry.BestN("accuracy"),
            registry.OlderThan(timedelta(days=30)),
            registry.AnyOf(registry.LatestN(3), registry.BestN("accuracy")),
            registry.AllOf(registry.LatestN(3), registry.OlderThan(timedelta(days=30))),
        ],
        "trust": Trust(key=b"a key of sixteen bytes or more"),
        "formats": [
            getattr(formats, name)() for name in formats.__all__ if name not in {"Format", "Formats", "Trust"}
        ],
    }


def checked(world):
    """Set a reference of many features, check against it in every way, and watch row by row."""
    detector, rng = world.detector, np.random.default_rng(5)
    wide = {HOSTILE[:60]: rng.normal(50, 10, 600), "side": [HOSTILE, "sell", "hold"] * 200}
    wide |= {f"feature_{number:03}": rng.normal(0, 1, 600) for number in range(40)}
    moved = {name: column[::-1] if name == "side" else column + 2 for name, column in wide.items()}
    right = rng.random(600) < 0.7
    detector.set_reference(
        "har", wide, predictions=rng.normal(0, 1, 600), errors=np.abs(rng.normal(0, 1, 600))
    )
    small = {"rsi": rng.normal(50, 10, 600), "atr": rng.normal(1, 0.2, 600)}
    detector.set_reference(
        "idle",
        small,
        predictions=["up", "down"] * 300,
        errors=~right,
        confidence=rng.random(600),
        correct=right,
    )
    series = np.concatenate([rng.normal(0, 1, 300), rng.normal(0, 3, 300)])
    source = DriftDetector(
        world.store,
        clock=world.clock,
        data_source=lambda _, __: drift.RecentData(features={**moved, HOSTILE[:50]: right}, series=series),
    )
    report = source.comprehensive_drift_check(
        "SPX", "har", recent_predictions=rng.normal(3, 1, 600), note=HOSTILE
    )
    quiet = detector.check("idle", small)
    errors = detector.check_performance("har", np.abs(rng.normal(0, 3, 600)))
    detector.observe("idle", small)
    alarm = detector.observe("idle", {name: column + 40 for name, column in small.items()})
    assert alarm is not None
    profile = detector.profile("har", moved)
    reference = detector.get_reference("har")
    return {
        "reference": reference,
        "small reference": detector.get_reference("idle"),
        "profile": profile,
        "drift report": report,
        "quiet report": quiet,
        "drift history": detector.history("idle"),
        "drift verdict": report.overall,
        "checked data": report.data,
        "limits of drift": report.limits,
        "findings of drift": list(report.overall.evidence),
        "drift of a feature": report.features["feature_000"],
        "drift of a category": report.features["side"],
        "drift of all features": report.multivariate,
        "drift of errors": errors,
        "drift of calibration": detector.check_calibration("idle", rng.random(600), ~right),
        "drift of the concept": report.concept,
        "alarm of drift": alarm,
        "alarms": detector.alarms("idle"),
        "two samples": drift.ks_test(small["rsi"], moved["feature_000"]),
        "recent data": drift.RecentData(features=moved, series=series),
        "bins": [feature.bins for feature in reference.features.values()][:3],
        "counts": list(profile.features.values())[:3],
        "feature": reference.features["feature_000"],
        "sample": reference.sample,
    }


def used(world):
    """Record three days of everything, and ask for all that can be asked for."""
    models, monitor, manager, clock = world.models, world.monitor, world.manager, world.clock
    rng = np.random.default_rng(7)
    guarded = {"primary_metric": "win_rate", "min_sample_size": 20, "guardrail_metrics": ["latency_ms"]}
    same = {"salt": "values"}  # else it stops by itself in one of many runs
    manager.create_experiment(HOSTILE, HOSTILE, "har@1.0.0", "har@1.1.0", {**guarded, **same}, id="newer")
    manager.create_experiment(
        "Draft", "", "har@1.0.0", ["har@1.1.0", "idle"], {"trades_per_year": 900}, id="draft"
    )
    manager.create_experiment("Done", HOSTILE, "har@1.0.0", "idle", {"min_sample_size": 5, **same}, id="done")
    for name in ("newer", "done"):
        manager.start_experiment(name)
    for hour in range(72):
        is_right = hour % 3 > 0
        monitor.record_prediction(
            "har",
            "1.0.0",
            correct=is_right,
            confidence=0.5 + hour / 200,
            latency_ms=5.0 + hour % 7,
            features={"rsi": float(hour)},
        )
        monitor.record_trade("har", "1.0.0", pnl=120.0 if is_right else -150.0, symbol=HOSTILE)
        monitor.record_prediction("idle", "1.0.0", correct=True, latency_ms=0.5)
        for name in ("newer", "done"):
            variant = manager.get_variant(name, hour)
            manager.record_prediction(
                name, variant.id, symbol=HOSTILE, confidence=0.6, prediction_id=f"{hour}"
            )
            manager.record_trade(name, variant.id, id=f"{hour}", symbol=HOSTILE, pnl=float(rng.normal()))
        clock.advance(hours=1)
    monitor.record_drift("har", "1.0.0", feature_drift=0.4)
    manager.set_traffic("newer", [0.3, 0.7], reason=HOSTILE)
    conclusion = manager.end_experiment("done", reason=HOSTILE)
    alerts = monitor.get_active_alerts()
    clock.advance(minutes=10)
    monitor.acknowledge_alert(alerts[0].id, by=HOSTILE, note=HOSTILE * 3)
    analysis = manager.analyze("newer")
    report = monitor.generate_report("har")
    experiment = manager.get_experiment("newer")
    overview = manager.get_overview()
    progress = [lift for each in overview for lift in each.progress]
    assert progress
    return {
        "metrics": monitor.get_latest_metrics("har"),
        "metrics of nothing": monitor.get_latest_metrics("har", "9.9.9"),
        "metrics history": [monitor.get_metrics_history("har", step=step) for step in ("1h", "5m")],
        "alerts": monitor.get_active_alerts(),
        "alert history": monitor.get_alert_history(),
        "health": monitor.get_model_health("har"),
        "good health": monitor.get_model_health("idle"),
        "report": report,
        "overviews": monitor.get_overview(),
        "threshold": AlertThreshold("slow", "p99_latency_ms", 250, "warning", window="60m", for_seconds=300),
        "thresholds": list(mlprod.monitoring.DEFAULT_THRESHOLDS),
        "health thresholds": HealthThresholds(),
        "experiment": experiment,
        "ended experiment": manager.get_experiment("done"),
        "experiments": manager.list_experiments(),
        "config": experiment.config,
        "default config": mlprod.ExperimentConfig(),
        "phase": experiment.phases[-1],
        "variant": manager.get_variant("newer", 7),
        "variant metrics": list(manager.get_metrics("newer").values()),
        "analysis": analysis,
        "conclusion": conclusion,
        "comparisons": list(analysis.comparisons),
        "sample ratio": analysis.srm,
        "maturity": analysis.maturity,
        "audit": manager.audit("newer", repetitions=100),
        "experiment overviews": overview,
        "progress": progress,
        "fsck": fsck_of(world),
        "guarantees": world.store.guarantees(),
        "retry": RetryPolicy(),
        "stores": [world.store, mlprod.open_store("/srv/models"), mlprod.open_store("memory://desk")],
        "classes": [models, monitor, manager, world.detector],
    }


def fsck_of(world):
    """Leave something behind, and look."""
    for number in range(130):
        world.store.put(f"models/payloads/orphan-{number}", b"left")
    world.store.put("notes.txt", b"not ours")
    found = mlprod.fsck(world.store)
    return [found, *found.findings[:3]]


def computed():
    """Make what the statistics return, and the sums that they are made of."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(2000, 2))
    values, positive = rows[:, 0], np.abs(rows[:, 1])
    correct = rng.random(2000) < 0.5
    watch = stats.Adwin()
    for value in values:
        watch, _ = watch.step(value)
    return {
        "estimate": stats.Estimate.of_moments(stats.Moments.of(values)),
        "interval": stats.Interval(-0.1234567, float("inf")),
        "comparison": stats.proportions(60, 100, 45, 100),
        "multivariate comparison": stats.multivariate_test(rows[:100], rows[100:200] + 0.1),
        "sums": [
            watch,
            stats.Calibration.of(rng.random(2000), correct),
            stats.ClusterSums.of(values, np.arange(2000, dtype=np.uint64)),
            stats.Drawdown.of(values),
            stats.FrequentItems.of(np.zeros(2000, np.int32), (HOSTILE,)),
            stats.JointMoments.of(values, positive),
            stats.LatencySketch.of(positive),
            stats.LatencySteps.of(positive, np.arange(2000), 2000),
            stats.Moments.of(values),
            stats.QuantileSketch.of(values),
            stats.SerialSums.of(np.sort(values), centre=0.0, low=-1.0, high=1.0),
        ],
    }
