"""What the scripts here share: each reads the same columns and prints, as JSON, what a check of them took.

A script runs in an environment of its own: ``python -m benchmarks.drift_peers.scipy FOLDER``.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Columns: TypeAlias = NDArray[np.float64]
"""Of shape (features, rows)."""

ROUNDS = 3
FEW = 500


def run(
    convert: Callable[[Columns], Any], fit: Callable[[Any], Any], check: Callable[[Any, Any], int]
) -> None:
    """Check three times, after a first check of few rows that imports and compiles what is needed.

    Args:
        convert: makes of the columns what the tool takes; not counted.
        fit: takes the reference, returns what the checks need; counted by itself.
        check: takes this and the current data, returns in how many features it found drift.
    """
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    few = np.load(folder / "reference.npy", mmap_mode="r")[:, :FEW].copy()
    check(fit(convert(few)), convert(few))
    reference, current = (convert(np.load(folder / f"{name}.npy")) for name in ("reference", "current"))
    before = resident_mib("VmRSS")
    forget_peak()
    begun = time.perf_counter()
    fitted = fit(reference)
    fit_seconds = time.perf_counter() - begun
    seconds, drifted = [], 0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        drifted = check(fitted, current)
        seconds.append(time.perf_counter() - begun)
    result = {"seconds": seconds, "fit_seconds": fit_seconds, "drifted": int(drifted)}
    memory = {"data_mib": before, "peak_mib": resident_mib("VmHWM")}
    print(json.dumps(result | memory))


def resident_mib(name: str) -> float:
    """Return the resident memory of this process (VmRSS) or its peak (VmHWM); Linux.

    `getrusage` is of no use: it begins with the peak of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def forget_peak() -> None:
    """Let the peak of resident memory begin anew; Linux."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def as_frame(columns: Columns) -> Any:  # noqa: ANN401 - pandas is only where it is needed
    """Return a pandas DataFrame."""
    import pandas as pd

    return pd.DataFrame(as_mapping(columns))


def as_mapping(columns: Columns) -> dict[str, NDArray[np.float64]]:
    """Return the columns by name."""
    return {f"f{number}": column for number, column in enumerate(columns)}
