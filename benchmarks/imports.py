"""What a new process pays: the import, and the first save, load and record."""

from functools import partial

from benchmarks._measure import Bench, fresh, race

ROUNDS = 21
CLOCKED = """
import time
begun = time.perf_counter()
{}
print(time.perf_counter() - begun)
"""
IMPORTED = """
import sys
from mlprod import ModelSerializer
if len(sys.argv) > 1:
    models = ModelSerializer(sys.argv[1])
    models.save({"weights": __import__("numpy").ones(3)}, "momentum", {"accuracy": 0.7})
    models.load("momentum")
if len(sys.argv) > 2:
    from mlprod import PerformanceMonitor
    with PerformanceMonitor(sys.argv[2]) as monitor:
        monitor.record_prediction("momentum", "1.0.0", correct=True, confidence=0.8, latency_ms=5.3)
        monitor.get_latest_metrics("momentum"), monitor.get_model_health("momentum")
print(sum(name.partition(".")[0] == "scipy" for name in sys.modules))
"""
FIRST_SAVE = """
import sys, time
import numpy
from mlprod import ModelSerializer
begun = time.perf_counter()
models = ModelSerializer(sys.argv[1])
models.save({"weights": numpy.ones(3)}, "momentum", {"accuracy": 0.7})
models.load("momentum")
print(time.perf_counter() - begun)
"""
FIRST_RECORD = """
import sys, time
from mlprod import PerformanceMonitor
begun = time.perf_counter()
monitor = PerformanceMonitor(sys.argv[1])
monitor.record_prediction("momentum", "1.0.0", correct=True, confidence=0.8, latency_ms=5.3)
monitor.get_latest_metrics("momentum")
print(time.perf_counter() - begun)
"""


def run(bench: Bench) -> None:
    """Import in fresh interpreters, in turn."""
    times = race(
        {
            "mlprod": partial(fresh, CLOCKED.format("import mlprod")),
            "dependencies": partial(fresh, CLOCKED.format("import numpy, attrs, fsspec, xxhash")),
        },
        rounds=ROUNDS,
    )
    bench.table.compare(
        "import mlprod", times["mlprod"], "numpy, attrs, fsspec, xxhash", times["dependencies"], at_most=1.2
    )
    monitored = race(
        {
            "with": partial(fresh, CLOCKED.format("from mlprod import PerformanceMonitor")),
            "without": partial(fresh, CLOCKED.format("import mlprod")),
        },
        rounds=ROUNDS,
    )
    bench.table.compare("import PerformanceMonitor", monitored["with"], "import mlprod", monitored["without"])
    firsts = [fresh(FIRST_SAVE, bench.folder / f"first-{i}") for i in range(ROUNDS)]
    bench.table.limit("first save and load in a fresh process", firsts)
    records = [fresh(FIRST_RECORD, bench.folder / f"record-{i}") for i in range(ROUNDS)]
    bench.table.limit("first record and metrics in a fresh process", records)
    bench.table.check("scipy modules after import", f"{fresh(IMPORTED):g}", expected="0")
    after = fresh(IMPORTED, bench.folder / "scipy")
    bench.table.check("scipy modules after first save and load", f"{after:g}", expected="0")
    after = fresh(IMPORTED, bench.folder / "scipy-2", bench.folder / "scipy-3")
    bench.table.check("scipy modules after first record and health", f"{after:g}", expected="0")
