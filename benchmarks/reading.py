"""What reading costs: metrics of many predictions, a replay of events, and what dead writers left."""

import multiprocessing
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks._measure import Bench, fresh, race, timed
from benchmarks.recording import MODEL, VERSION, make_columns, save_columns
from mlprod import PerformanceMonitor, open_store
from mlprod.storage.journal import MARK, Column, Journal, Layout, in_time_order

ROUNDS = 7
BATCHES = 10
DAYS = 30
STREAM = "replayed"
EVENT = Layout((*(Column(name, "float") for name in ("bid", "ask", "size", "fee")), Column("flags", "flags")))
REPLAY_PER_SECOND = 20_000_000
LIVES = 10_000
PROCESSES = 4
EVENTS_OF_A_LIFE = 10

METRICS = """
import sys, time
from mlprod import PerformanceMonitor
begun = time.perf_counter()
metrics = PerformanceMonitor(sys.argv[1]).get_latest_metrics("har"{})
seconds = time.perf_counter() - begun
assert metrics.predictions_total {}, metrics
print(seconds)
"""
WITH_NUMPY = """
import sys, time
from pathlib import Path
import numpy as np
begun = time.perf_counter()
correct, confidence, latency = (
    np.load(Path(sys.argv[1], f"{name}.npy")) for name in ("correct", "confidence", "latency_ms")
)
correct.mean(), confidence.mean(), latency.mean(), np.percentile(latency, (50, 95, 99))
print(time.perf_counter() - begun)
"""


def run(bench: Bench) -> None:
    """Read a long history, replay it, and read what many short lives left."""
    metrics(bench)
    replay(bench)
    dead_writers(bench)


def metrics(bench: Bench) -> None:
    """Ask for metrics in fresh processes, whose imports do not count."""
    store, raw = bench.folder / "metrics", bench.folder / "columns"
    raw.mkdir()
    columns = make_columns(bench.events)
    save_columns(raw, columns)
    seconds = np.arange(bench.events) * (DAYS * 86_400 / bench.events)
    now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "ms")
    columns["timestamp"] = now - (1000 * seconds[::-1]).astype("timedelta64[ms]")
    with PerformanceMonitor(store) as monitor:
        for rows in np.array_split(np.arange(bench.events), BATCHES):
            batch = slice(rows[0], rows[-1] + 1)
            monitor.record_predictions(
                MODEL, VERSION, **{name: column[batch] for name, column in columns.items()}
            )
    times = race(
        {
            "mlprod": partial(fresh, METRICS.format("", f"== {bench.events}"), store),
            "day": partial(fresh, METRICS.format(", window='24h'", "> 0"), store),
            "numpy": partial(fresh, WITH_NUMPY, raw),
        },
        rounds=ROUNDS,
    )
    peer = "numpy.load and compute"
    work = f"get_latest_metrics of {bench.events:,}"
    bench.table.compare(work, times["mlprod"], peer, times["numpy"], at_most=0.1)
    bench.table.compare("  of the last 24 hours of 30 days", times["day"], peer, times["numpy"])
    shutil.rmtree(raw)
    shutil.rmtree(store)


def replay(bench: Bench) -> None:
    """Read events one after the other from the segments of one writer, as nobody has compacted them."""
    store = open_store(bench.folder / "replay")
    journal = Journal(store)
    write_events(journal, bench.events)
    files = [bench.folder / "replay" / path for path in store.list("journal/raw")]

    def ours() -> None:
        slices = journal.query(STREAM, lambda reading: in_time_order(EVENT, reading.of(STREAM)))
        count, last = 0, -1
        for table in slices:
            count += len(table)
            last = int(table["time"][-1])
        assert (count, last) == (bench.events, bench.events - 1)  # noqa: S101 - else it is no replay

    def theirs() -> None:
        for file in files:
            file.read_bytes()

    times = race({"mlprod": partial(timed, ours), "bytes": partial(timed, theirs)}, rounds=ROUNDS)
    work = f"replay of {bench.events:,} raw events"
    bench.table.limit(work, times["mlprod"], below=bench.events / REPLAY_PER_SECOND)
    bench.table.compare("  the same", times["mlprod"], "read_bytes of the files", times["bytes"])
    shutil.rmtree(bench.folder / "replay")


def write_events(journal: Journal, count: int) -> None:
    """Record events one by one, as the hot path of the monitor does."""
    appender = journal.appender(STREAM, EVENT)
    pack_into, segment = EVENT.struct.pack_into, appender.segment
    for number in range(count):
        while (offset := next(segment.offsets, -1)) < 0:
            segment = appender.roll(segment)
        pack_into(segment.buffer, offset, number, 101.5, 101.6, 3.0, 0.01, 0, MARK)


def dead_writers(bench: Bench) -> None:
    """Read segments of many short lives, before and after they were compacted."""
    store = bench.folder / "dead"
    lives = min(LIVES, bench.events // EVENTS_OF_A_LIFE)
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=live_and_die, args=(store, lives // PROCESSES)) for _ in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    written = lives // PROCESSES * PROCESSES
    asked = partial(fresh, METRICS.format("", f"== {written * EVENTS_OF_A_LIFE}"), store)
    before = [asked() for _ in range(3)]
    monitor = PerformanceMonitor(store)
    compaction = timed(lambda: compact_all(monitor))
    after = [asked() for _ in range(ROUNDS)]
    bench.table.limit(f"metrics over {written:,} dead writers, fresh process", before)
    bench.table.limit("  compacting them", [compaction])
    bench.table.limit("  metrics after that, fresh process", after)


def live_and_die(store: Path, lives: int) -> None:
    """Record a few events many times over, each time as a writer of its own that never closes."""
    for _ in range(lives):
        monitor = PerformanceMonitor(store)
        for _ in range(EVENTS_OF_A_LIFE):
            monitor.record_prediction(MODEL, VERSION, correct=True, confidence=0.82, latency_ms=5.3)


def compact_all(monitor: PerformanceMonitor) -> None:
    """Compact until nothing is left to do."""
    while monitor.compact(MODEL):
        pass
