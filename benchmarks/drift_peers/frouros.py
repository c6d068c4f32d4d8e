"""Frouros: a KS test for each feature."""

from frouros.detectors.data_drift import KSTest

from benchmarks.drift_peers._peer import Columns, run

LEVEL = 0.05


def fit(reference: Columns) -> list[KSTest]:
    """Return a test for each feature."""
    tests = [KSTest() for _ in reference]
    for test, column in zip(tests, reference, strict=True):
        test.fit(X=column)
    return tests


def check(tests: list[KSTest], current: Columns) -> int:
    """Return in how many features there is drift."""
    results = [test.compare(X=column)[0] for test, column in zip(tests, current, strict=True)]
    return sum(result.p_value < LEVEL for result in results)


if __name__ == "__main__":
    run(lambda columns: columns, fit, check)
