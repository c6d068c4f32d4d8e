"""An endless table through a process of its own: after each batch, the most memory it took so far.

``python -m benchmarks.drift_peers._stream ROWS COLUMNS`` prints, as JSON, a curve for `set_reference` and
one for `check`: pairs of rows and MiB.
"""

import json
import sys
import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_peers._peer import as_mapping, forget_peak, resident_mib
from mlprod import DriftDetector

BATCH = 1_000_000
MODEL = "har"

Curve = list[tuple[int, float]]


def main(rows: int, columns: int) -> None:
    """Print both curves."""
    curves: dict[str, Curve] = {"set_reference": [], "check": []}
    with tempfile.TemporaryDirectory(prefix="drift-") as folder:
        detector = DriftDetector(folder)
        detector.set_reference(MODEL, batches(rows, columns, curves["set_reference"]))
        curves["set_reference"].append((rows, resident_mib("VmHWM")))
        forget_peak()
        detector.check(MODEL, batches(rows, columns, curves["check"]))
        curves["check"].append((rows, resident_mib("VmHWM")))
    print(json.dumps(curves))


def batches(rows: int, columns: int, curve: Curve) -> Iterator[dict[str, NDArray[np.float64]]]:
    """Yield batches, and note the peak when the next one is asked for."""
    rng = np.random.default_rng(0)
    for first in range(0, rows, BATCH):
        size = min(BATCH, rows - first)
        yield as_mapping(rng.standard_normal((columns, size)))
        curve.append((first + size, resident_mib("VmHWM")))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
