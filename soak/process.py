"""One process of the soak: it works for so many seconds, and watches its own time, memory and files."""

import ctypes
import os
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any, final

import attrs

from mlprod.errors import ConflictError, ExperimentStateError, ModelNotFoundError
from soak.chores import EXPERIMENT, MODEL, Chore, Chores

__all__ = ["Diary", "work"]

_BURST = 40
_PAUSE_SECONDS = 0.005
_SECOND = 1.0
_MOST_TIMES = 200_000  # a kind, so that what is remembered does not look like a leak for long
_CONFLICTS = (ConflictError, ModelNotFoundError, ExperimentStateError)  # what others did first, as documented


@final
@attrs.define
class Diary:
    """What a process did, and how it went.

    Attributes:
        done: how often each kind of thing was done.
        sums: what the numbers of their receipts add up to.
        conflicts: how often others were faster.
        errors: what should not have happened.
        times: nanoseconds that calls took: of records, decisions, and readers.
        memory: bytes that are its own alone, each second.
        files: how many are open, each second.
    """

    done: Counter[str] = attrs.field(factory=Counter)
    sums: Counter[str] = attrs.field(factory=Counter)
    conflicts: int = 0
    errors: list[str] = attrs.field(factory=list)
    times: dict[str, list[int]] = attrs.field(factory=dict)
    memory: list[int] = attrs.field(factory=list)
    files: list[int] = attrs.field(factory=list)

    def do(self, kind: str, chore: Chore) -> None:
        """Do a chore, and note how it went."""
        begun = time.perf_counter_ns()
        try:
            what, _, number = chore()
        except _CONFLICTS:
            self.conflicts += 1
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            self.errors.append(traceback.format_exc())
        else:
            self._time(kind, time.perf_counter_ns() - begun)
            self.done[what] += 1
            self.sums[what] += number

    def look(self, chores: Chores) -> None:
        """Read what all have recorded, and take one's own measure."""
        begun = time.perf_counter_ns()
        chores.monitor.get_latest_metrics(MODEL, window="1m")
        self._time("metrics of a minute", time.perf_counter_ns() - begun)
        begun = time.perf_counter_ns()
        chores.manager.get_metrics(EXPERIMENT)
        self._time("metrics of an experiment", time.perf_counter_ns() - begun)
        self.memory.append(_own_memory())
        self.files.append(len(list(Path("/proc/self/fd").iterdir())) if os.name == "posix" else 0)

    def _time(self, kind: str, nanoseconds: int) -> None:
        times = self.times.setdefault(kind, [])
        if len(times) < _MOST_TIMES:
            times.append(nanoseconds)
        else:
            times[nanoseconds % _MOST_TIMES] = nanoseconds  # which one it replaces is as good as random


def work(folder: Path, number: int, seconds: float, start: Any, diaries: Any) -> None:  # noqa: ANN401
    """Do everything in turn until the time is over, close, and hand in the diary."""
    chores, diary = Chores(folder, f"p{number}"), Diary()
    start.wait()
    begun = time.monotonic()
    second = 0
    while (now := time.monotonic() - begun) < seconds:
        for _ in range(_BURST):
            for chore in chores.records:
                diary.do("record", chore)
            diary.do("observe", chores.observe)
        if now >= second * _SECOND:
            second += 1
            diary.do("decision", chores.decisions[(second + number) % len(chores.decisions)])
            diary.look(chores)
            if (second + number) % 10 == 0:
                for chore in chores.upkeep:
                    diary.do("upkeep", chore)
        time.sleep(_PAUSE_SECONDS)
    try:
        chores.close()
    except Exception:  # noqa: BLE001 - as above
        diary.errors.append(traceback.format_exc())
    diaries.put(diary)


def _own_memory() -> int:
    """Return the bytes of memory that are held and no file's, 0 where the system does not tell.

    What is free is given back before: how much of it an allocator keeps is its own affair.
    """
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if give_back is not None:
        give_back(0)
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)
