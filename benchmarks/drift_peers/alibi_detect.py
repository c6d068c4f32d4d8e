"""alibi-detect: `KSDrift` over a matrix, features corrected by false discovery rate."""

import numpy as np
from alibi_detect.cd import KSDrift

from benchmarks.drift_peers._peer import Columns, run

LEVEL = 0.05


def convert(columns: Columns) -> Columns:
    """Return the matrix with a row of memory for each row of data."""
    return np.ascontiguousarray(columns.T)


def check(detector: KSDrift, current: Columns) -> int:
    """Return how many features are below the threshold, which grows with their rank."""
    found = detector.predict(current)["data"]
    below = np.flatnonzero(np.sort(found["p_val"]) <= found["threshold"])
    return int(below[-1]) + 1 if below.size else 0


if __name__ == "__main__":
    run(convert, lambda reference: KSDrift(reference, p_val=LEVEL, correction="fdr"), check)
