"""Many processes save one model at once: every save is a version of its own, and it holds what was saved."""

import multiprocessing
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import attrs

from benchmarks._measure import Bench, timed
from mlprod import ModelSerializer

PROCESSES = 8
SAVES = 100
NAME = "momentum"

Saved = tuple[str, list[int]]
"""An acknowledged version and what was saved as it: the number of the process, the number of the save."""


def run(bench: Bench) -> None:
    """Save from eight processes, then as often from one."""
    total = PROCESSES * SAVES
    many = contend(bench.folder / "many", processes=PROCESSES, saves=SAVES)
    one = contend(bench.folder / "one", processes=1, saves=total)
    work = f"{PROCESSES} processes x {SAVES} saves of a model"
    bench.table.compare(work, [many.seconds], f"1 process x {total} saves", [one.seconds])
    bench.table.check("  versions stored", str(many.stored), expected=str(total))
    bench.table.check("  saves lost", str(many.lost), expected="0")
    bench.table.check("  versions given twice", str(many.doubled), expected="0")


@attrs.frozen
class Outcome:
    """How it went: `lost` are acknowledged saves whose version does not hold what was saved."""

    seconds: float
    stored: int
    lost: int
    doubled: int


def contend(folder: Path, *, processes: int, saves: int) -> Outcome:
    """Let processes save at once and compare what they were told with what is stored."""
    context = multiprocessing.get_context("spawn")
    start, saved = context.Barrier(processes + 1), context.SimpleQueue()
    workers = [
        context.Process(target=save_many, args=(folder, number, saves, start, saved))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    start.wait()
    acknowledged = list[Saved]()
    seconds = timed(lambda: acknowledged.extend(each for _ in workers for each in saved.get()))
    for worker in workers:
        worker.join()
    models = ModelSerializer(folder)
    return Outcome(
        seconds=seconds,
        stored=len({each.version for each in models.get_versions(NAME)}),
        lost=sum(models.load(f"{NAME}@{version}") != content for version, content in acknowledged),
        doubled=len(acknowledged) - len(dict(acknowledged)),
    )


def save_many(
    folder: Path, number: int, saves: int, start: Barrier, saved: "SimpleQueue[list[Saved]]"
) -> None:
    """Save as fast as possible, once all others are ready."""
    models = ModelSerializer(folder)
    start.wait()
    saved.put([(models.save([number, i], NAME).version, [number, i]) for i in range(saves)])
