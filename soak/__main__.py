"""Run the soak: ``python3 dev.py soak -- --seconds 60 --processes 8``."""

import argparse
import multiprocessing
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from mlprod.experiments import ABTestingManager
from mlprod.monitoring import PerformanceMonitor
from soak.chores import EXPERIMENT, MODEL, prepare
from soak.process import Diary, work
from soak.reckoning import differences, expected_of, found_in

_SETTLED_SECONDS = 10
_GROWTH = 1.25
_BYTES_OF_A_DECISION = 20 << 10  # every process holds the state of all decisions, and no facts
_MORE_FILES = 16


def main() -> int:
    """Print what was done, how long it took, and whether every count is exact; return 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=8, help="how many (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-", dir=".") as name:
        folder = Path(name).resolve()
        prepare(folder)
        diaries = run(folder, options.processes, options.seconds)
        findings = [error for diary in diaries for error in diary.errors]
        if len(diaries) < options.processes:
            findings.append(f"only {len(diaries)} of {options.processes} processes came to their end")
        findings += count(folder, diaries, options.seconds)
    findings += measure(diaries)
    print("\n" + ("\n".join(findings) if findings else "all counts exact, memory and files flat"))
    return 1 if findings else 0


def run(folder: Path, processes: int, seconds: float) -> list[Diary]:
    """Return the diaries of processes that worked at once."""
    context = multiprocessing.get_context("spawn")
    start, handed_in = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=work, args=(folder, number, seconds, start, handed_in))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    diaries = [handed_in.get(timeout=seconds + 300) for _ in workers]
    for worker in workers:
        worker.join()
    return diaries


def count(folder: Path, diaries: list[Diary], seconds: float) -> list[str]:
    """Print all counts; return those that are wrong, before and after everything is compacted."""
    done, sums = Counter[str](), Counter[str]()
    for diary in diaries:
        done += diary.done
        sums.update(diary.sums)
    expected = expected_of(done, sums)
    found = found_in(folder)
    print(f"{'what':24} {'expected':>12} {'found':>12} {'per second':>12}")
    for name, number in expected.items():
        print(f"{name:24} {number:12,} {found[name]:12,} {number / seconds:12,.1f}")
    print(f"{'conflicts':24} {'':12} {sum(diary.conflicts for diary in diaries):12,}")
    wrong = differences(expected, found)
    PerformanceMonitor(folder).compact(MODEL)
    ABTestingManager(folder).compact(EXPERIMENT)
    return wrong + [f"after compaction, {one}" for one in differences(expected, found_in(folder))]


def measure(diaries: list[Diary]) -> list[str]:
    """Print latencies, memory and files; return what has grown."""
    print(f"\n{'what':24} {'calls':>12} {'p50':>12} {'p99':>12} {'longest':>12}")
    for kind in sorted({kind for diary in diaries for kind in diary.times}):
        times = np.concatenate([diary.times.get(kind, []) for diary in diaries]) / 1e3
        middle, high = np.quantile(times, [0.5, 0.99])
        print(f"{kind:24} {len(times):12,} {middle:9,.1f} us {high:9,.1f} us {times.max():9,.0f} us")
    findings = []
    decisions = sum(len(diary.times.get("decision", ())) for diary in diaries)
    print(f"\n{'process':>7} {'MiB at 10 s':>12} {'at the end':>12} {'files at 10 s':>14} {'most after':>12}")
    for number, diary in enumerate(diaries):
        settled = min(_SETTLED_SECONDS, len(diary.memory) - 1)
        begun, end = diary.memory[settled], max(diary.memory[-3:])
        files, most = diary.files[settled], max(diary.files[settled:])
        print(f"{number:7} {begun / 2**20:12.1f} {end / 2**20:12.1f} {files:14} {most:12}")
        if end > _GROWTH * begun + decisions * _BYTES_OF_A_DECISION:
            findings.append(f"the memory of process {number} grew from {begun:,} to {end:,} bytes")
        if most > files + _MORE_FILES:
            findings.append(f"process {number} had {files} files open, later {most}")
    return findings


if __name__ == "__main__":
    sys.exit(main())
