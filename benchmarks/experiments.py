"""What an experiment costs: recording with auto-stop, deciding, resampling, analysing."""

from collections.abc import Callable

import numpy as np
from scipy import stats  # noqa: TID253 - the peer

from benchmarks._measure import Bench, race, timed
from mlprod import ABTestingManager, PerformanceMonitor, open_store
from mlprod.experiments._config import ExperimentConfig
from mlprod.experiments._metric import metric_of
from mlprod.experiments._stopping import Guard
from mlprod.experiments._streams import TRADE, trades
from mlprod.stats import Moments, bootstrap_means
from mlprod.storage.journal import Journal, Table

CALLS = 100_000
DECISIONS = 20_000
ROUNDS = 9
SAMPLES = 200_000
RESAMPLES = 2000
BATCH = 20  # resamples that scipy holds in memory at once
FEW = 100_000
BLOCK = 1_000_000


def run(bench: Bench) -> None:
    """Record, decide, resample, analyse."""
    recording(bench)
    deciding(bench)
    resampling(bench)
    analysing(bench)


def recording(bench: Bench) -> None:
    """Record trades with auto-stop on, beside predictions of the monitor: both outlive the process."""
    folder = bench.folder / "recording"
    pnl = np.random.default_rng(0).normal(0, 1, CALLS).tolist()
    with ABTestingManager(folder) as manager, PerformanceMonitor(folder) as monitor:
        manager.create_experiment("Recording", "", "old", "new", id="recording", check_models=False)
        manager.start_experiment("recording")

        def trading() -> None:
            record = manager.record_trade
            for number in range(CALLS):
                record("recording", "treatment" if number & 1 else "control", pnl=pnl[number])

        def detailed() -> None:
            record = manager.record_trade
            for number in range(CALLS):
                variant = "treatment" if number & 1 else "control"
                record("recording", variant, id=number, symbol="BTCUSDT", side="BUY", pnl=pnl[number])

        def predicting() -> None:
            record = monitor.record_prediction
            for _ in range(CALLS):
                record("har", "1.0.0", correct=True, confidence=0.82, latency_ms=5.3)

        times = race({"trade": _per_call(trading), "prediction": _per_call(predicting)}, rounds=ROUNDS)
        bench.table.compare(
            "record_trade, auto-stop on",
            times["trade"],
            "record_prediction",
            times["prediction"],
            at_most=2,
        )
        bench.table.limit("  with id, symbol and side", [_per_call(detailed)() for _ in range(3)])


def _per_call(action: Callable[[], None]) -> Callable[[], float]:
    return lambda: timed(action) / CALLS


def deciding(bench: Bench) -> None:
    """Decide whether a treatment is worse, at any time, beside a t-test from the same sums."""
    guard = Guard.of(metric_of("pnl"), ExperimentConfig(), 2)
    control = Moments(10_000, 1000.0, 10_000.0)
    treatment, bad = Moments(10_000, 800.0, 10_000.0), Moments(10_000, 500.0, 10_000.0)

    def ours() -> None:
        for _ in range(DECISIONS):
            guard.is_worse(control, treatment)

    def stopping() -> None:
        for _ in range(DECISIONS):
            guard.is_worse(control, bad)

    def theirs() -> None:
        for _ in range(DECISIONS // 20):
            stats.ttest_ind_from_stats(0.1, 1.0, 10_000, 0.08, 1.0, 10_000, equal_var=False)

    times = race(
        {
            "mlprod": lambda: timed(ours) / DECISIONS,
            "stop": lambda: timed(stopping) / DECISIONS,
            "scipy": lambda: timed(theirs) / (DECISIONS // 20),
        },
        rounds=ROUNDS,
    )
    bench.table.compare(
        "decision from running sums",
        times["mlprod"],
        "scipy ttest_ind_from_stats",
        times["scipy"],
        at_most=0.05,
    )
    bench.table.limit("  one that stops", times["stop"])


def resampling(bench: Bench) -> None:
    """Resample a difference of means, beside scipy."""
    rng = np.random.default_rng(0)
    control, treatment = rng.exponential(1.0, SAMPLES), rng.exponential(1.02, SAMPLES)

    def theirs() -> object:
        return stats.bootstrap(
            (treatment, control),
            lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
            n_resamples=RESAMPLES,
            batch=BATCH,
            method="percentile",
            vectorized=True,
            rng=rng,
        )

    times = race(
        {
            "mlprod": lambda: timed(lambda: bootstrap_means(control, treatment, seed=1, resamples=RESAMPLES)),
            "scipy": lambda: timed(theirs),
        },
        rounds=3,
        warm_up=0,
    )
    bench.table.compare(
        f"bootstrap, 2 x {SAMPLES:,}",
        times["mlprod"],
        "scipy.stats.bootstrap",
        times["scipy"],
        at_most=0.008,
    )


def analysing(bench: Bench) -> None:
    """Analyse many outcomes once they are rolled up, beside few."""
    with ABTestingManager(bench.folder / "analysing") as manager:
        for name, rows in (("few", FEW), ("many", bench.events)):
            manager.create_experiment(name, "", "old", "new", id=name, check_models=False)
            manager.start_experiment(name)
            record_many(bench, name, rows)
            manager.compact(name)
        times = race(
            {name: lambda name=name: timed(lambda: manager.analyze(name)) for name in ("few", "many")},
            rounds=5,
        )
    bench.table.compare(
        f"analyze {bench.events:,} outcomes", times["many"], f"{FEW:,} outcomes", times["few"], at_most=2
    )


def record_many(bench: Bench, name: str, rows: int) -> None:
    """Write trades as they would be after compaction of many processes' files."""
    rng = np.random.default_rng(0)
    journal = Journal(open_store(bench.folder / "analysing"))
    for first in range(0, rows, BLOCK):
        size = min(BLOCK, rows - first)
        columns = {
            "time": np.arange(first, first + size, dtype=np.int64) * 1_000_000,
            "pnl": rng.normal(0, 1, size),
            "variant": rng.integers(0, 2, size).astype(np.uint8),
        }
        journal.write(trades(name), Table(TRADE, columns))
    journal.close()
