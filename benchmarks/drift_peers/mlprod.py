"""The check of this library against a stored reference."""

import tempfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_peers._peer import as_mapping, run
from mlprod import DriftDetector

MODEL = "har"

Named = Mapping[str, NDArray[np.float64]]


def fit(reference: Named) -> DriftDetector:
    """Store the reference and return a detector that finds it there."""
    folder = tempfile.mkdtemp(prefix="drift-")
    DriftDetector(folder).set_reference(MODEL, reference)
    return DriftDetector(folder)


def check(detector: DriftDetector, current: Named) -> int:
    """Return in how many features there is drift."""
    report = detector.check(MODEL, current)
    return sum(feature.drifted for feature in report.features.values())


if __name__ == "__main__":
    run(as_mapping, fit, check)
