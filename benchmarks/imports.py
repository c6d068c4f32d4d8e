"""What a new process pays: the import, and the first save and load."""

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
    firsts = [fresh(FIRST_SAVE, bench.folder / f"first-{i}") for i in range(ROUNDS)]
    bench.table.limit("first save and load in a fresh process", firsts)
    bench.table.check("scipy modules after import", f"{fresh(IMPORTED):g}", expected="0")
    after = fresh(IMPORTED, bench.folder / "scipy")
    bench.table.check("scipy modules after first save and load", f"{after:g}", expected="0")
