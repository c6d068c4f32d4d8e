"""A loop of `scipy.stats.ks_2samp` and a population stability index written with numpy."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # noqa: TID253 - the peer

from benchmarks.drift_peers._peer import as_mapping, run

BINS = 10
LEVEL = 0.05

Named = Mapping[str, NDArray[np.float64]]


def check(reference: Named, current: Named) -> int:
    """Return in how many features the KS test finds drift."""
    results = [
        (stats.ks_2samp(reference[name], current[name]), psi(reference[name], current[name]))
        for name in reference
    ]
    return sum(test.pvalue < LEVEL for test, _ in results)


def psi(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """Return the population stability index on the quantile bins of the reference."""
    edges = np.quantile(reference, np.linspace(0, 1, BINS + 1))
    edges[0], edges[-1] = -np.inf, np.inf
    expected, actual = (
        np.clip(np.histogram(values, edges)[0] / len(values), 1e-6, None) for values in (reference, current)
    )
    return float(((actual - expected) * np.log(actual / expected)).sum())


if __name__ == "__main__":
    run(as_mapping, lambda reference: reference, check)
