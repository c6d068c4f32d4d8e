"""Many processes record about one model: every event is counted, once."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks._measure import Bench, timed
from benchmarks.recording import MODEL, VERSION
from mlprod import PerformanceMonitor

PROCESSES = 8
EVENTS = 100_000


def run(bench: Bench) -> None:
    """Record from eight processes, then as much from one."""
    each = min(EVENTS, bench.events // PROCESSES)
    total = PROCESSES * each
    many, one = bench.folder / "many", bench.folder / "one"
    bench.table.compare(
        f"{PROCESSES} processes x {each:,} predictions",
        [contend(many, processes=PROCESSES, events=each)],
        f"1 process x {total:,}",
        [contend(one, processes=1, events=total)],
    )
    found = PerformanceMonitor(many).get_latest_metrics(MODEL)
    bench.table.check("  predictions counted", f"{found.predictions_total}", expected=f"{total}")
    correct = PROCESSES * len(range(0, each, 4))
    bench.table.check("  of them correct", f"{found.predictions_correct}", expected=f"{correct}")
    latency = sum(range(each)) / each
    bench.table.check("  their mean latency", f"{found.avg_latency_ms}", expected=f"{latency}")


def contend(folder: Path, *, processes: int, events: int) -> float:
    """Return how long processes take that record at once."""
    context = multiprocessing.get_context("spawn")
    start, done = context.Barrier(processes + 1), context.Barrier(processes + 1)
    workers = [
        context.Process(target=record_many, args=(folder, events, start, done)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    start.wait()
    seconds = timed(done.wait)
    for worker in workers:
        worker.join()
    return seconds


def record_many(folder: Path, events: int, start: Barrier, done: Barrier) -> None:
    """Record as fast as possible, once all others are ready; every fourth prediction is correct."""
    with PerformanceMonitor(folder) as monitor:
        start.wait()
        for number in range(events):
            monitor.record_prediction(MODEL, VERSION, correct=number % 4 == 0, latency_ms=float(number))
        done.wait()
