"""What recording costs: one by one beside counters in memory, in batches beside `numpy.save`."""

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import prometheus_client
from numpy.typing import NDArray

from benchmarks._measure import Bench, race, timed
from mlprod import PerformanceMonitor

Columns = Mapping[str, NDArray[Any]]

BLOCK = 200_000  # calls of one side before the other has its turn
BLOCKS = 9
BATCHES = 7
MODEL, VERSION = "har", "1.0.0"
FEATURES = {"open": 101.5, "volume": 12_000.0, "spread": 0.02, "regime": "calm"}
MOMENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def run(bench: Bench) -> None:
    """Record events one by one, then many at once."""
    one_by_one(bench)
    at_once(bench)


def one_by_one(bench: Bench) -> None:
    """Record to a folder, where events outlive the process, beside metrics that only live in it."""
    calls = min(BLOCK, bench.events)
    with PerformanceMonitor(bench.folder / "one-by-one") as monitor:
        registry = prometheus_client.CollectorRegistry()
        names = ("model", "version")
        counter = prometheus_client.Counter("predictions", "made", names, registry=registry)
        histogram = prometheus_client.Histogram("latency_seconds", "taken", names, registry=registry)
        counted, observed = counter.labels(MODEL, VERSION), histogram.labels(MODEL, VERSION)

        def predictions() -> None:
            for _ in range(calls):
                monitor.record_prediction(MODEL, VERSION, correct=True, confidence=0.82, latency_ms=5.3)

        def prometheus() -> None:
            for _ in range(calls):
                counted.inc()
                observed.observe(0.0053)

        times = race(
            {"mlprod": _per_call(predictions, calls), "peer": _per_call(prometheus, calls)}, rounds=BLOCKS
        )
        bench.table.compare(
            "record_prediction, outlives kill -9",
            times["mlprod"],
            "prometheus_client, in memory",
            times["peer"],
            at_most=0.6,
        )
        for work, record in _others(monitor).items():

            def repeated(record: Callable[[int], None] = record) -> None:
                for number in range(calls):
                    record(number)

            bench.table.limit(f"  {work}", [_per_call(repeated, calls)() for _ in range(3)])


def _others(monitor: PerformanceMonitor) -> dict[str, Callable[[int], None]]:
    """Return calls that are shown for information, by name; each takes the number of the event."""
    predict, more = monitor.record_prediction, {"correct": True, "confidence": 0.82}
    trade = {"pnl": 12.5, "symbol": "EURUSD", "side": "BUY"}
    return {
        "with prediction and prediction_id": lambda i: predict(
            MODEL, VERSION, prediction=1.5, prediction_id=i
        ),
        "with a timestamp": lambda _: predict(MODEL, VERSION, timestamp=MOMENT, **more),
        "with four features": lambda _: predict(MODEL, VERSION, features=FEATURES, **more),
        "record_actual": lambda i: monitor.record_actual(MODEL, i, 2.5),
        "record_trade": lambda i: monitor.record_trade(MODEL, VERSION, trade_id=i, **trade),
    }


def _per_call(action: Callable[[], None], calls: int) -> Callable[[], float]:
    return lambda: timed(action) / calls


def at_once(bench: Bench) -> None:
    """Write the same columns, each round into a folder that is empty again."""
    columns = make_columns(bench.events)

    def ours() -> float:
        folder = emptied(bench.folder / "at-once")
        monitor = PerformanceMonitor(folder)
        return timed(lambda: monitor.record_predictions(MODEL, VERSION, **columns))

    def theirs() -> float:
        folder = emptied(bench.folder / "raw-columns")
        folder.mkdir()
        return timed(lambda: save_columns(folder, columns))

    def closed() -> float:
        monitor = PerformanceMonitor(emptied(bench.folder / "closed"))
        monitor.record_predictions(MODEL, VERSION, **columns)
        return timed(monitor.close)

    times = race({"mlprod": ours, "numpy": theirs}, rounds=BATCHES)
    work = f"record_predictions, {bench.events:,} rows"
    bench.table.compare(work, times["mlprod"], "numpy.save of the columns", times["numpy"], at_most=3)
    closing = [closed() for _ in range(3)]
    bench.table.limit("  close() after that: sync and summarise", closing)
    for name in ("at-once", "raw-columns", "closed"):
        emptied(bench.folder / name)


def make_columns(rows: int) -> dict[str, NDArray[Any]]:
    """Return outcomes, confidences and latencies of predictions."""
    random = np.random.default_rng(0)
    return {
        "correct": random.random(rows) < 0.6,  # noqa: PLR2004 - as good as any
        "confidence": random.random(rows),
        "latency_ms": random.lognormal(1.5, 0.5, rows),
    }


def save_columns(folder: Path, columns: Columns) -> None:
    """Write each column to a file of its own."""
    for name, column in columns.items():
        np.save(folder / f"{name}.npy", column)


def emptied(folder: Path) -> Path:
    """Delete what lies in a folder, so that its pages are there to be used again."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder
