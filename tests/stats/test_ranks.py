"""Ranks: ties, shifts, and where there is nothing to estimate a variance from."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlprod.stats import Interval, brunner_munzel, mann_whitney

RNG = np.random.default_rng(0)

whole = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12)
samples = [
    (RNG.normal(size=50), RNG.normal(0.5, 3, size=70)),
    (RNG.integers(0, 9, size=50), RNG.integers(1, 12, size=70)),
    (RNG.integers(0, 2, size=3000), RNG.integers(0, 3, size=2000)),
    (RNG.exponential(size=5), RNG.exponential(size=100_000)),
]


def probability(x, y):
    """Compare all pairs."""
    differences = np.subtract.outer(np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64))
    return float((np.sign(differences) + 1).mean() / 2)


class TestMannWhitney:
    @pytest.mark.parametrize(("x", "y"), samples, ids=["normal", "ties", "many ties", "unequal"])
    def test_scipy_agrees(self, x, y):
        expected = stats.mannwhitneyu(x, y, method="asymptotic")
        actual = mann_whitney(x, y)
        assert math.isclose(expected.pvalue, actual.p_value, rel_tol=1e-10)
        assert math.isclose(1 - expected.statistic / (len(x) * len(y)), actual.effect, rel_tol=1e-12)

    @given(whole, whole)
    def test_scipy_agrees_on_any_few(self, x, y):
        actual = mann_whitney(x, y)
        assert math.isclose(probability(x, y), actual.effect, abs_tol=1e-12)
        if len({*x, *y}) > 1:
            expected = stats.mannwhitneyu(x, y, method="asymptotic")
            assert math.isclose(expected.pvalue, actual.p_value, rel_tol=1e-10)

    def test_many_ties_do_not_overflow(self):
        """The cube of 2,200,000 is more than a 64-bit integer holds."""
        x, y = np.zeros(1_100_000), np.append(np.zeros(1_099_999), 1.0)
        expected = 2 * stats.norm.sf(1 - 1 / 1_100_000)
        assert math.isclose(expected, mann_whitney(x, y).p_value, rel_tol=1e-6)

    def test_equal_outcomes_tell_nothing(self):
        actual = mann_whitney([2.0] * 5, [2.0] * 7)
        assert (0.5, 1.0, 0.0) == (actual.effect, actual.p_value, actual.statistic)

    @pytest.mark.parametrize(("x", "y"), [([], [1.0]), ([1.0], []), ([], [])])
    def test_an_empty_group_tells_nothing(self, x, y):
        for actual in (mann_whitney(x, y), brunner_munzel(x, y)):
            assert 1.0 == actual.p_value
            assert math.isnan(actual.effect)

    def test_infinite_outcomes_have_a_rank(self):
        assert mann_whitney([1.0, 2.0], [3.0, 1e9]) == mann_whitney([1.0, 2.0], [3.0, math.inf])


class TestBrunnerMunzel:
    @pytest.mark.parametrize(("x", "y"), samples, ids=["normal", "ties", "many ties", "unequal"])
    def test_scipy_agrees(self, x, y):
        expected = stats.brunnermunzel(x, y)
        actual = brunner_munzel(x, y)
        assert math.isclose(expected.statistic, actual.statistic, rel_tol=1e-9)
        assert math.isclose(expected.pvalue, actual.p_value, rel_tol=1e-8)

    def test_the_interval_is_that_of_the_paper(self):
        """Their pain scores; R's brunnermunzel prints 0.789 and the interval 0.595 to 0.983."""
        x = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1]
        y = [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4]
        actual = brunner_munzel(x, y)
        assert (0.789, 0.595, 0.983) == (
            round(actual.effect, 3),
            round(actual.interval.low, 3),
            round(actual.interval.high, 3),
        )
        assert (3.1375, 17.683, 0.005786) == (
            round(actual.statistic, 4),
            round(actual.dof, 3),
            round(actual.p_value, 6),
        )

    @given(whole, whole)
    def test_any_few_outcomes_have_a_result(self, x, y):
        actual = brunner_munzel(x, y)
        assert math.isclose(probability(x, y), actual.effect, abs_tol=1e-12)
        assert 0 <= actual.p_value <= 1
        assert 0 <= actual.interval.low <= actual.effect + 1e-12
        assert 1 >= actual.interval.high >= actual.effect - 1e-12
        assert (actual.p_value > 0.05 + 1e-9) <= (0.5 in actual.interval)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            expected = stats.brunnermunzel(x, y)
        if math.isfinite(expected.statistic) and min(len(x), len(y)) > 1:
            assert math.isclose(expected.pvalue, actual.p_value, rel_tol=1e-8)

    @pytest.mark.parametrize("pairs", [1, 2, 5, 20])
    def test_separate_groups_are_compared_by_the_sign_of_pairs(self, pairs):
        """The test and the interval of Clopper and Pearson for that many successes of as many."""
        below, above = np.arange(pairs), 100 + np.arange(pairs + 3)
        expected = stats.binomtest(pairs, pairs)
        interval = expected.proportion_ci(0.95)
        actual = brunner_munzel(below, above)
        assert (1.0, math.inf) == (actual.effect, actual.statistic)
        assert math.isclose(expected.pvalue, actual.p_value)
        assert np.allclose([interval.low, 1.0], [actual.interval.low, actual.interval.high])
        mirrored = brunner_munzel(above, below)
        assert (0.0, actual.p_value) == (mirrored.effect, mirrored.p_value)
        assert Interval(0.0, 1 - actual.interval.low) == mirrored.interval

    @pytest.mark.parametrize(("x", "y"), [([2.0] * 5, [2.0] * 7), ([2.0], [1.0, 3.0]), ([1.0, 3.0], [2.0])])
    def test_without_a_variance_nothing_is_told(self, x, y):
        actual = brunner_munzel(x, y)
        assert (0.5, 1.0, Interval(0.0, 1.0)) == (actual.effect, actual.p_value, actual.interval)

    def test_confidence_lies_between_0_and_1(self):
        with pytest.raises(ValueError, match="confidence must lie"):
            brunner_munzel([1.0], [2.0], confidence=1.0)
