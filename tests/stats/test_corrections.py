"""Several p-values at once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlprod.stats import benjamini_hochberg, holm

P_VALUES = [0.01, 0.04, 0.03, 0.005, 0.8, 0.04]

p_values = st.lists(st.floats(0, 1), max_size=20)


def brute_force_holm(p_values):
    """Step down: each is multiplied by how many are left, and none is below the one before."""
    adjusted, largest = {}, 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(p_values[index] * (len(p_values) - rank), 1.0))
        adjusted[index] = largest
    return [adjusted[index] for index in range(len(p_values))]


def test_holm_agrees_with_statsmodels():
    """Version 0.15.0 printed this for `multipletests(method="holm")`."""
    assert np.allclose([0.05, 0.12, 0.12, 0.03, 0.8, 0.12], holm(P_VALUES), rtol=1e-12)


def test_benjamini_hochberg_agrees_with_statsmodels():
    """Version 0.15.0 printed this for `multipletests(method="fdr_bh")`."""
    assert np.allclose([0.03, 0.048, 0.048, 0.03, 0.8, 0.048], benjamini_hochberg(P_VALUES), rtol=1e-12)


@given(p_values)
def test_holm_steps_down(p_values):
    assert np.allclose(brute_force_holm(p_values), holm(p_values), rtol=1e-12)


@given(p_values.filter(bool))
def test_benjamini_hochberg_agrees_with_scipy(p_values):
    assert np.allclose(stats.false_discovery_control(p_values), benjamini_hochberg(p_values), rtol=1e-12)


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_what_was_not_tested_is_not_counted(correct):
    with_gaps = correct([math.nan, 0.01, math.nan, 0.04, 0.03])
    assert np.isnan(with_gaps[[0, 2]]).all()
    assert correct([0.01, 0.04, 0.03]).tolist() == with_gaps[[1, 3, 4]].tolist()
    assert np.isnan(correct([math.nan])).all()


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_the_argument_is_left_alone(correct):
    p_values = np.array(P_VALUES)
    correct(p_values)
    assert p_values.tolist() == P_VALUES


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
@pytest.mark.parametrize("bad", [-0.1, 1.1, math.inf])
def test_p_values_lie_between_0_and_1(correct, bad):
    with pytest.raises(ValueError, match="between 0 and 1"):
        correct([0.5, bad])
