"""The harness: contestants take turns in one run, medians are compared, a table says how it went."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TypeAlias, final

import attrs

__all__ = ["Bench", "Seconds", "Table", "fresh", "race", "timed"]

Seconds: TypeAlias = Sequence[float]
"""What one contestant took, round by round."""

_WIDTHS = (46, 7, 37, 18, 8, 7)
_HEADINGS = ("work", "mlprod", "peer", "ratio (per round)", "to reach", "reached")


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds the action takes; what it returns is disposed of after the clock stopped."""
    begun = time.perf_counter()
    result = action()
    seconds = time.perf_counter() - begun
    del result
    return seconds


def fresh(code: str, *arguments: object) -> float:
    """Return the number that a program prints, run by a new interpreter."""
    command = [sys.executable, "-I", "-c", code, *map(str, arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def race(
    contestants: Mapping[str, Callable[[], float]], *, rounds: int, warm_up: int = 1
) -> dict[str, Seconds]:
    """Let each contestant run once per round, so that whatever else the machine does meets all alike.

    Every round starts with another one and every second one runs backwards: none always follows the same.

    Args:
        contestants: by name, functions that return the seconds that counted.
        rounds: how many rounds count.
        warm_up: how many rounds before them do not.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warm_up + rounds):
        first = number % len(contestants)
        order = [*contestants][first:] + [*contestants][:first]
        for name in order if number % 2 else reversed(order):
            took = contestants[name]()
            if number >= warm_up:
                seconds[name].append(took)
    return dict(seconds)


@final
class Table:
    """Rows are printed as soon as they are known."""

    def __init__(self) -> None:
        self._missed: list[str] = []

    def head(self) -> None:
        """Print the names of the columns."""
        _print(*_HEADINGS)
        _print(*("-" * width for width in _WIDTHS))

    def compare(
        self, work: str, ours: Seconds, peer: str, theirs: Seconds, *, at_most: float | None = None
    ) -> None:
        """Print medians and their ratio, which is to be at most this; None is for information only."""
        ratio = median(ours) / median(theirs)
        ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
        cells = (
            work,
            _unit(median(ours)),
            f"{_unit(median(theirs)):>7} {peer}",
            f"{ratio:.2f}x" if len(ratios) == 1 else f"{ratio:.2f}x ({min(ratios):.2f}-{max(ratios):.2f})",
        )
        if at_most is None:
            self._inform(*cells)
        else:
            self._judge(*cells, f"<= {at_most:g}x", reached=ratio <= at_most)

    def limit(self, work: str, ours: Seconds, *, below: float | None = None) -> None:
        """Print a median that is to be below so many seconds; None is for information only."""
        cells = (work, _unit(median(ours)), f"({_unit(min(ours))} to {_unit(max(ours))})", "")
        if below is None:
            self._inform(*cells)
        else:
            self._judge(*cells, f"< {_unit(below)}", reached=median(ours) < below)

    def show(self, work: str, found: str, beside: str = "") -> None:
        """Print something else for information."""
        self._inform(work, found, beside, "")

    def check(self, work: str, found: str, *, expected: str) -> None:
        """Print whether something is exactly as it must be."""
        self._judge(work, found, "", "", expected, reached=found == expected)

    def foot(self) -> int:
        """Print what was missed and return how the process is to end."""
        print(f"\nnot reached: {'; '.join(self._missed)}" if self._missed else "\nall reached")
        return 1 if self._missed else 0

    def _judge(self, *cells: str, reached: bool) -> None:
        if not reached:
            self._missed.append(f"{cells[0].strip()} ({cells[1]}; {cells[2].strip() or 'alone'})")
        _print(*cells, "yes" if reached else "NO")

    def _inform(self, *cells: str) -> None:
        _print(*cells, "", "")


@final
@attrs.frozen
class Bench:
    """What a theme runs with: the table, an empty folder on a real disk, and sizes."""

    table: Table
    folder: Path
    mib: int = attrs.field(kw_only=True)
    saves: int = attrs.field(kw_only=True)
    events: int = attrs.field(kw_only=True)


def _print(*cells: str) -> None:
    print(
        " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip(),
        flush=True,
    )


def _unit(seconds: float) -> str:
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
