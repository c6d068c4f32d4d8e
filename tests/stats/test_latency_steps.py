"""Quantiles of many steps at once are those of a sketch of each."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlprod.stats import LatencySketch, LatencySteps

QS = (0.0, 0.5, 0.95, 1.0)
LATENCIES = st.one_of(st.just(0.0), st.floats(0.0, 1e6))
STEPS = st.lists(st.lists(LATENCIES, max_size=8), min_size=1, max_size=5)


def of(steps):
    values = np.array([value for step in steps for value in step], np.float64)
    numbers = np.repeat(np.arange(len(steps)), [len(step) for step in steps])
    return LatencySteps.of(values, numbers, len(steps))


def expected(steps):
    return np.array([LatencySketch.of(step).quantiles(QS) for step in steps]).T


@given(STEPS)
def test_of_values(steps):
    np.testing.assert_array_equal(expected(steps), of(steps).quantiles(QS))


@given(STEPS)
def test_of_sketches(steps):
    sketches = [(at, LatencySketch.of(step)) for at, step in enumerate(steps) if step]
    found = LatencySteps.of_sketches(sketches, len(steps))
    np.testing.assert_array_equal(expected(steps), found.quantiles(QS))


@given(STEPS, STEPS)
def test_they_add_up(some, others):
    size = max(len(some), len(others))
    some, others = (steps + [[]] * (size - len(steps)) for steps in (some, others))
    both = [one + other for one, other in zip(some, others, strict=True)]
    merged = LatencySteps.merge([of(some), of(others), LatencySteps.none(size)])
    np.testing.assert_array_equal(expected(both), merged.quantiles(QS))
