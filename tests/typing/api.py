"""What a type checker must accept, and what it must know; never run."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from fsspec.callbacks import Callback
from numpy.typing import NDArray

import mlprod
from mlprod import (
    AlertThreshold,
    DriftDetector,
    ModelMetadata,
    ModelSerializer,
    PerformanceMonitor,
    Trust,
    configure,
    fsck,
    getActiveModel,
    getModelSerializer,
    getPerformanceMonitor,
    loadModel,
    open_store,
    saveModel,
)
from mlprod.consistency import Finding, FsckReport
from mlprod.dashboard import render, write
from mlprod.formats import BinaryFormat, Format, JSONFormat
from mlprod.models import (
    AnyOf,
    BestN,
    CleanupReport,
    LatestN,
    ModelEvent,
    ModelHandle,
    RetentionPolicy,
    ValidationReport,
)
from mlprod.monitoring import (
    Alert,
    HealthStatus,
    HealthThresholds,
    MetricsHistory,
    ModelPerformanceMetrics,
    PerformanceReport,
)
from mlprod.storage import FsspecStore, LocalStore, MemoryStore, Store
from mlprod.testing import FaultyStore, FrozenClock
from mlprod.typing import Progress, ProgressCallback

metadata: ModelMetadata = saveModel({"weights": [1.0]}, "name", {"accuracy": 0.5}, {"depth": 3}, bump="minor")
again: ModelMetadata = mlprod.save_model(
    [1], "name", format="json", tags=["a"], parent=metadata, activate=True
)
model = loadModel("name@production", mmap=True, trust=Trust(pickle=True), progress=True)
active = getActiveModel()

stores: list[Store] = [
    MemoryStore(),
    LocalStore("folder"),
    FsspecStore("s3", "bucket/prefix"),
    FaultyStore(MemoryStore()),
    open_store("s3://bucket/prefix", endpoint_url="http://localhost"),
]
formats: list[Format] = [JSONFormat(), BinaryFormat()]
policies: list[RetentionPolicy] = [LatestN(3), AnyOf(LatestN(3), BestN("accuracy"))]

serializer: ModelSerializer = getModelSerializer()
other = ModelSerializer(Path("folder"), retention=policies[1], clock=FrozenClock(), formats=formats)
promoted: ModelMetadata = other.setActive(metadata, expected="1.0.0", reason="better")
then: ModelMetadata | None = other.activeAt("name", datetime.now(UTC))
events: list[ModelEvent] = other.history("name")
report: ValidationReport = other.validate("name", predict=lambda loaded, inputs: loaded(inputs))
cleaned: CleanupReport = other.cleanup(dry_run=True)
with other.watch("name", interval_seconds=1.0) as handle:
    watched: ModelHandle = handle

with configure(store="memory://name", retention=LatestN(2), progress=False):
    pass

other.promote("name", "productoin")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
other.save([1], "name", bump="tiny")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

slow = AlertThreshold("slow", "p99_latency_ms", 250, "warning", window=timedelta(hours=1))
monitor: PerformanceMonitor = getPerformanceMonitor()
with PerformanceMonitor(
    "memory://name",
    thresholds=[slow, {"type": "losing", "metric": "totalPnl", "value": -5000, "severity": "critical"}],
    initial_capital=10_000,
    high_confidence=0.8,
    health=HealthThresholds(latency_ms=None),
    clock=FrozenClock(),
) as mine:
    mine.record_prediction("har", "1.0.0", {"correct": True, "latencyMs": 5.3})
    mine.record_prediction(
        "har",
        "1.0.0",
        confidence=0.8,
        prediction="up",
        prediction_id=7,
        features={"volume": 1, "regime": "calm", "gap": None},
        timestamp=datetime.now(UTC),
    )
    mine.record_predictions("har", "1.0.0", confidence=np.array([0.5]), prediction=[1])
    mine.record_actual("har", "7", "up", timestamp=datetime.now(UTC))
    mine.record_trade("har", "1.0.0", outcome="win", pnl=float(Decimal("2.5")), trade_id=1, symbol="EURUSD")
    mine.record_drift("har", "1.0.0", feature_drift=0.1)
    figures: ModelPerformanceMetrics = mine.get_latest_metrics("har", "1.0.0", window="24h")
    accuracy: float = figures.accuracy
    past: MetricsHistory = mine.get_metrics_history("har", step="1h", since=timedelta(days=1))
    equity: NDArray[np.float64] = past.equity
    drawdown: NDArray[np.float64] = past.drawdown
    logged: dict[str, NDArray[Any]] = mine.get_features("har", "1.0.0")
    stop: Callable[[], None] = mine.on_alert(lambda alert: alert.metric, states=("firing", "resolved"))
    alerts: list[Alert] = mine.getActiveAlerts()
    made: PerformanceReport = mine.generateReport("har", "weekly", at=date(2026, 3, 2))
    fitness: HealthStatus = mine.getModelHealth("har").status


def dashboards(monitor: PerformanceMonitor) -> None:
    """A page is written to a path or a URL, or returned."""
    place: str = write(
        Path("dashboard.html"), "memory://x", title="Desk 3", refresh_seconds=60, monitor=monitor
    )
    page: str = render()
    days: list[float] = [each.day.accuracy for each in monitor.get_overview(window="7d", steps=7)]
    waiting: list[Alert] = monitor.get_pending_alerts("har", evaluate=False)
    quiet: list[Alert] = monitor.get_active_alerts(evaluate=False)
    print(place, page, days, waiting, quiet)


def check() -> tuple[Finding, ...]:
    found: FsckReport = fsck("store", repair=False, deep=True, grace_hours=24, clock=None, progress=None)
    return found.findings


class Percent:
    """Callbacks of an application's own need no fsspec."""

    def set_size(self, size: int | None) -> None: ...

    def relative_update(self, inc: int = 1) -> None: ...


def progress(callback: ProgressCallback, detector: DriftDetector) -> bytes:
    wanted: list[Progress] = [True, False, None, Percent(), callback, Callback()]
    other.save([1], "name", progress=wanted[0])
    detector.set_reference("name", {"x": [1.0]}, progress=Percent())
    detector.comprehensive_drift_check(model_id="name", data={"x": [1.0]}, progress=callback)
    other.validate("name", progress="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return other.load_bytes("name", progress=Callback())
