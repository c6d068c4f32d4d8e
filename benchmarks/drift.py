"""What watching for drift costs: a check beside other tools, a row at a time, endless tables, a cluster.

Every other tool runs in an environment of its own, made with uv (or venv and pip) in the folder that the
variable BENCHMARK_ENVIRONMENTS names, to be used again, or in a temporary one. All together take 5 GB.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dask.dataframe as dd  # noqa: TID253 - what a user has
import numpy as np
import pandas as pd  # noqa: TID253
from dask.distributed import Client, LocalCluster, wait  # noqa: TID253
from numpy.typing import NDArray

from benchmarks._measure import Bench, race, timed
from benchmarks.drift_peers import scipy as scipy_loop
from benchmarks.drift_peers._peer import as_mapping
from benchmarks.drift_peers._tools import ADWIN, OURS, TOOLS, Measured, Tool, measure, print_all
from benchmarks.drift_peers._tools import run as run_program
from mlprod import DriftDetector

MODEL = "har"

FEATURES = 100
ROWS = 100_000
SHIFTED, SHIFT = 10, 0.1  # features that moved, in standard deviations

WATCHED = 20  # features of a row
CALLS = 20_000
BATCH = 1000

POINTS = 6  # of a curve of memory
SLACK, SLACK_MIB = 1.10, 5.0

PARTITIONS = 16
PARTITIONED = 20  # columns of the partitioned table

Named = Mapping[str, NDArray[np.float64]]


def run(bench: Bench) -> None:
    """Check, watch, stream, spread."""
    rows = min(ROWS, bench.events)
    reference, current = make_columns(rows)
    for name, columns in (("reference", reference), ("current", current)):
        np.save(bench.folder / f"{name}.npy", columns)
    checking(bench, as_mapping(reference), as_mapping(current))
    environments = Path(os.environ.get("BENCHMARK_ENVIRONMENTS", bench.folder / "environments")).resolve()
    beside_tools(bench, environments, rows)
    watching(bench, environments, rows)
    streaming(bench, 10 * bench.events, 1)
    streaming(bench, bench.events, 10)
    spreading(bench)


def make_columns(rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a reference and current data of shape (features, rows), of which a few features moved."""
    rng = np.random.default_rng(0)
    reference, current = (rng.standard_normal((FEATURES, rows)) for _ in range(2))
    current[:SHIFTED] += SHIFT
    return reference, current


def checking(bench: Bench, reference: Named, current: Named) -> None:
    """Check against a stored reference, beside a loop of scipy's test and beside sorting alone."""
    DriftDetector(bench.folder / "drift").set_reference(MODEL, reference)
    detector = DriftDetector(bench.folder / "drift")
    times = race(
        {
            "mlprod": lambda: timed(lambda: detector.check(MODEL, current)),
            "scipy": lambda: timed(lambda: scipy_loop.check(reference, current)),
            "sort": lambda: timed(lambda: [np.sort(column) for column in current.values()]),
        },
        rounds=5,
    )
    rows = len(current["f0"])
    work = f"check, {FEATURES} features x {rows:,}"
    bench.table.compare(work, times["mlprod"], "scipy ks_2samp and numpy PSI", times["scipy"], at_most=0.06)
    bench.table.compare(work, times["mlprod"], "numpy.sort of the columns", times["sort"], at_most=2)


def beside_tools(bench: Bench, environments: Path, rows: int) -> None:
    """Check the same columns with each tool."""
    work = f"check, {FEATURES} features x {rows:,}, alone"
    ours = measure(OURS, bench.folder, environments)
    found = [ours]
    for tool in TOOLS:
        if theirs := attempt(bench, tool, environments):
            found.append(theirs)
            bench.table.compare(work, ours.seconds, tool.name, theirs.seconds, at_most=tool.at_most)
    print_all(found)


def attempt(bench: Bench, tool: Tool, environments: Path) -> Measured | None:
    """Measure a tool, or say in the table why it could not be."""
    try:
        return measure(tool, bench.folder, environments)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip() or "it gave no reason").splitlines()[-1]
        bench.table.check(f"  {tool.name}", f"failed: {reason}", expected="measured")
        return None


def watching(bench: Bench, environments: Path, rows: int) -> None:
    """Observe row by row and batch by batch, beside detectors of single values."""
    rng = np.random.default_rng(1)
    detector = DriftDetector(bench.folder / "watching")
    detector.set_reference(MODEL, as_mapping(rng.standard_normal((WATCHED, rows))))
    table = rng.standard_normal((WATCHED, CALLS))
    names = [*as_mapping(table)]
    singles = [dict(zip(names, row, strict=True)) for row in table.T.tolist()]
    batches = [as_mapping(table[:, first : first + BATCH]) for first in range(0, CALLS, BATCH)]

    def observed(data: Sequence[Mapping[str, Any]]) -> Callable[[], float]:
        def observe() -> None:
            for each in data:
                detector.observe(MODEL, each)

        return lambda: timed(observe) / (CALLS * WATCHED)

    times = race({"row": observed(singles), "batch": observed(batches)}, rounds=3)
    bench.table.limit(f"observe, a value of a row of {WATCHED}", times["row"], below=2e-6)
    bench.table.limit(f"  of a batch of {BATCH:,} rows", times["batch"])
    if theirs := attempt(bench, ADWIN, environments):
        each = [seconds / rows for seconds in theirs.seconds]
        bench.table.compare("  a value of a row", times["row"], ADWIN.name, each)


def streaming(bench: Bench, rows: int, columns: int) -> None:
    """Take an iterator for the reference, and one for the check; look at the peak of memory on the way."""
    printed = run_program(sys.executable, "-m", "benchmarks.drift_peers._stream", str(rows), str(columns))
    for work, curve in json.loads(printed.splitlines()[-1]).items():
        bench.table.show(f"{work}, {rows:,} rows x {columns}", "", "peak so far")
        for number in np.linspace(0, len(curve) - 1, min(POINTS, len(curve))).astype(int):
            reached, mib = curve[number]
            bench.table.show(f"  after {reached:,} rows", "", f"{mib:.0f} MiB")
        tenth = next(mib for reached, mib in curve if reached * 10 >= rows)
        is_flat = curve[-1][1] <= tenth * SLACK + SLACK_MIB
        bench.table.check("  memory after a tenth", "flat" if is_flat else "grows", expected="flat")


def spreading(bench: Bench) -> None:
    """Check a table in partitions on a cluster of two processes, beside one; the table is already there."""
    rows = max(1, bench.events // 4 // PARTITIONS)
    detector = DriftDetector(bench.folder / "cluster")
    detector.set_reference(MODEL, partition(PARTITIONS, rows))
    local = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        LocalCluster(n_workers=1, **local) as one,
        LocalCluster(n_workers=2, **local) as two,
        Client(one, set_as_default=False) as first,
        Client(two, set_as_default=False) as second,
    ):
        times = race(
            {"one": checked(detector, first, rows), "two": checked(detector, second, rows)}, rounds=5
        )
    work = f"check, Dask, {rows * PARTITIONS:,} rows x {PARTITIONED}"
    bench.table.compare(work, times["two"], "one worker", times["one"], at_most=1 / 1.5)


def checked(detector: DriftDetector, client: Client, rows: int) -> Callable[[], float]:
    """Put the table into the memory of a cluster; return what checks it there."""
    with client.as_current():
        frame = dd.from_map(partition, range(PARTITIONS), rows=rows, meta=partition(0, 1)).persist()
        wait(frame)

    def check() -> float:
        with client.as_current():
            return timed(lambda: detector.check(MODEL, frame))

    return check


def partition(number: int, rows: int) -> pd.DataFrame:
    """Return one partition of a table that is never in one place."""
    columns = np.random.default_rng(number).standard_normal((PARTITIONED, rows))
    return pd.DataFrame(as_mapping(columns))
