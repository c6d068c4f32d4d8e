"""A month of recording without a pause: what it takes of memory and disk, day by day.

A bot at 100 events a second records 260 million in a month, which would take minutes here. So the rate is
lower, and everything else as it would be: segments are filled, compacted and read every simulated hour.
"""

import multiprocessing
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import attrs

from benchmarks._measure import Bench
from benchmarks.recording import MODEL, VERSION
from mlprod import PerformanceMonitor

DAYS = 30
HOURS = 24
SECOND = timedelta(seconds=1)
SHOWN_DAYS = 5  # from one line of the table to the next
SLACK, SLACK_MIB = 1.10, 5.0


@attrs.frozen
class Day:
    """What the process took at the end of each of its hours.

    Attributes:
        memory: the most resident memory, in MiB.
        private: of this, what is not pages of files.
        disk: the size of the store at the end of the day, in MiB.
        alerts: how many alerts fired so far.
    """

    memory: float
    private: float
    disk: float
    alerts: int


def run(bench: Bench) -> None:
    """Live through a month in a fresh process, and look at its last week."""
    per_hour = max(1, bench.events // (DAYS * HOURS))
    days = live(bench.folder / "month", per_hour)
    work = f"{DAYS} days of {per_hour * HOURS:,} predictions"
    bench.table.show(work, "", "resident (private) memory, disk")
    for number in (*range(0, DAYS, SHOWN_DAYS), DAYS - 1):
        day = days[number]
        sizes = f"{day.memory:.0f} ({day.private:.0f}) MiB, {day.disk:.0f} MiB"
        bench.table.show(f"  day {number + 1}", "", sizes)
    bench.table.show("  alerts fired", f"{days[-1].alerts}")
    second, last = days[7:14], days[-7:]
    memory = max(day.memory for day in second), max(day.memory for day in last)
    is_flat = memory[1] <= memory[0] * SLACK + SLACK_MIB
    bench.table.show("  memory, last week and second week", "", f"{memory[1]:.1f} and {memory[0]:.1f} MiB")
    bench.table.check("  memory in the last week", "flat" if is_flat else "grows", expected="flat")
    growth = (last[-1].disk - last[0].disk) / 6, (second[-1].disk - second[0].disk) / 6
    is_even = growth[0] <= growth[1] * SLACK + SLACK_MIB
    bench.table.show(
        "  disk a day, last week and second week", "", f"{growth[0]:.1f} and {growth[1]:.1f} MiB"
    )
    bench.table.check("  disk in the last week", "even" if is_even else "faster", expected="even")


def live(folder: Path, per_hour: int) -> list[Day]:
    """Return the days of a bot that lives in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=bot, args=(folder, per_hour, theirs))
    worker.start()
    days = [Day(*ours.recv()) for _ in range(DAYS)]
    worker.join()
    return days


class Clock:
    """A clock that is moved by hand, and quick to read."""

    def __init__(self) -> None:
        """Begin a month ago."""
        self.time = datetime.now(UTC) - timedelta(days=DAYS)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.time


def bot(folder: Path, per_hour: int, results: Connection) -> None:
    """Record, compact and look at alerts; one day in seven is a bad one."""
    clock = Clock()
    pause = timedelta(hours=1) / per_hour
    with PerformanceMonitor(folder, clock=clock) as monitor:
        for day in range(DAYS):
            modulus = 3 if day % 7 == 6 else 10  # noqa: PLR2004 - the seventh day
            memory: list[tuple[float, float]] = []
            for _ in range(HOURS):
                for number in range(per_hour):
                    clock.time += pause
                    is_right = number % modulus > 1
                    monitor.record_prediction(
                        MODEL, VERSION, correct=is_right, confidence=0.82, latency_ms=float(number % 50)
                    )
                monitor.record_trade(MODEL, VERSION, pnl=1.0 if is_right else -1.0)
                monitor.compact(MODEL)
                monitor.get_active_alerts(MODEL)
                memory.append(resident_mib())
            most = max(memory)
            results.send((*most, disk_mib(folder), len(monitor.get_alert_history(MODEL))))


def resident_mib() -> tuple[float, float]:
    """Return the resident memory of this process, and what of it belongs to no file (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    sizes = dict(line.split(":", 1) for line in lines)
    return tuple(int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))


def disk_mib(folder: Path) -> float:
    """Return what the files of a folder take."""
    sizes = (file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return sum(sizes) / (1 << 20)
