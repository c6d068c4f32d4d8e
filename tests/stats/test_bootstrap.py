"""The bootstrap of means: scipy's interval, reproducible, and honest where there is nothing to resample."""

import functools
import math

import numpy as np
import pytest
from scipy import stats

from mlprod.stats import ClusterSums, Estimate, Interval, _bootstrap, bootstrap, bootstrap_means, welch

RNG = np.random.default_rng(0)

X, Y = RNG.lognormal(0, 1, size=120), RNG.lognormal(0.3, 1, size=90)
UNBOUNDED = Interval(-math.inf, math.inf)


def difference(x, y, axis):
    return y.mean(axis) - x.mean(axis)


def lift(x, y, axis):
    return difference(x, y, axis) / np.abs(x.mean(axis))


class TestInterval:
    @pytest.mark.parametrize(("x", "y"), [(X, Y), (-X, -Y), (X[:5], Y[:8])], ids=["skewed", "below 0", "few"])
    @pytest.mark.parametrize("relative", [False, True])
    def test_scipy_agrees(self, x, y, relative):
        """Both resample at random: the ends are within a twentieth of the width."""
        statistic = lift if relative else difference
        rng = np.random.default_rng(0)
        expected = stats.bootstrap(
            (x, y), statistic, n_resamples=20_000, method="BCa", batch=1000, random_state=rng
        )
        low, high = expected.confidence_interval
        actual = bootstrap_means(x, y, seed=1, resamples=20_000, relative=relative)
        assert math.isclose(statistic(x, y, 0), actual.effect, rel_tol=1e-12)
        assert abs(actual.interval.low - low) < (high - low) / 20
        assert abs(actual.interval.high - high) < (high - low) / 20

    def test_normal_outcomes_give_the_interval_of_welch(self):
        x, y = RNG.normal(size=20_000), RNG.normal(0.02, 2, size=30_000)
        sums = ClusterSums.of_rows(x, 1), ClusterSums.of_rows(y, 2)
        expected = welch(*map(Estimate.of_clusters, sums))
        actual = bootstrap(*sums, seed=3, resamples=20_000)
        width = expected.interval.high - expected.interval.low
        assert abs(actual.interval.low - expected.interval.low) < width / 20
        assert abs(actual.interval.high - expected.interval.high) < width / 20
        assert math.isclose(expected.p_value, actual.p_value, abs_tol=0.02)

    def test_outcomes_that_repeat_count_once(self):
        hashes = RNG.integers(2**64, size=210, dtype=np.uint64)
        once = [ClusterSums.of(X, hashes[:120]), ClusterSums.of(Y, hashes[120:])]
        often = [functools.reduce(ClusterSums.__add__, [sums] * 30) for sums in once]
        expected, actual = bootstrap(*once, seed=1), bootstrap(*often, seed=1)
        ends = [expected.interval.low, expected.interval.high]
        assert np.allclose(ends, [actual.interval.low, actual.interval.high], rtol=1e-9)

    @pytest.mark.parametrize("acceleration", [1.0, -1.0])
    def test_it_is_that_of_percentiles_where_bca_is_undefined(self, acceleration):
        """One outcome far out would pull the accelerated ends past each other."""
        found = RNG.normal(3, 1, size=999)
        actual = _bootstrap._interval(found, 0.95, 0.0, acceleration)
        assert np.allclose(np.quantile(found, [0.025, 0.975]), [actual.low, actual.high], rtol=1e-12)
        expected = 2 * max(float((found < 0).mean()), 1 / 1000)
        assert math.isclose(expected, _bootstrap._p_value(found, 0.0, abs(acceleration)), rel_tol=1e-9)

    def test_the_acceleration_of_a_difference_of_means_is_that_of_its_formula(self):
        """A sixth of its skewness: Efron and Tibshirani, An Introduction to the Bootstrap, (14.15)."""
        dx, dy = (X - X.mean()) / len(X), (Y - Y.mean()) / len(Y)
        expected = ((dy**3).sum() - (dx**3).sum()) / ((dx**2).sum() + (dy**2).sum()) ** 1.5 / 6
        left_out = [_bootstrap._without_one(np.ones(len(rows)), rows) for rows in (X, Y)]
        found, value = np.array([0.0, 1.0]), 0.5
        _, actual = _bootstrap._bias_and_acceleration(found, value, -left_out[0], left_out[1])
        assert math.isclose(expected, actual, rel_tol=1e-9)

    @pytest.mark.parametrize("value", [0.0, 9.0])
    def test_an_effect_beyond_all_resamples_has_no_bias_that_could_be_corrected(self, value):
        assert (0.0, 0.0) == _bootstrap._bias_and_acceleration(np.arange(1.0, 9.0), value, X)
        assert (0.0, 0.0) == _bootstrap._bias_and_acceleration(np.arange(1.0, 9.0), 5.0, np.ones(9))


class TestPValue:
    @pytest.mark.parametrize("shift", [0.0, 0.3, 0.6, -0.4])
    @pytest.mark.parametrize("relative", [False, True])
    def test_it_is_the_level_at_which_the_interval_ends_at_zero(self, shift, relative):
        y = Y - Y.mean() + X.mean() + shift
        p_value = bootstrap_means(X, y, seed=1, resamples=5000, relative=relative).p_value
        for confidence in (1 - p_value - 0.01, 1 - p_value + 0.003):
            if 0 < confidence < 1:
                actual = bootstrap_means(
                    X, y, seed=1, resamples=5000, relative=relative, confidence=confidence
                )
                assert (confidence > 1 - p_value) == (0.0 in actual.interval)

    def test_it_is_never_less_than_resampling_can_tell(self):
        p_values = [bootstrap_means(X, Y + 100, seed=seed, resamples=500).p_value for seed in range(20)]
        assert 1 / 501 == min(p_values) <= max(p_values) < 0.01

    def test_equal_groups_do_not_differ(self):
        assert bootstrap_means(X, X, seed=1).p_value > 0.9

    @pytest.mark.slow
    def test_false_findings_are_as_many_as_it_says(self):
        rng = np.random.default_rng(2)
        found = [
            bootstrap_means(
                rng.exponential(size=400), rng.exponential(size=300), seed=i, resamples=500
            ).p_value
            <= 0.05
            for i in range(2000)
        ]
        assert math.isclose(0.05, np.mean(found), abs_tol=3 * math.sqrt(0.05 * 0.95 / 2000))


class TestLittleData:
    @pytest.mark.parametrize(
        ("x", "y"),
        [([], [1.0, 2.0]), ([1.0, 2.0], []), ([], []), ([1.0], [1.0, 2.0]), ([1.0, 2.0], [3.0])],
    )
    @pytest.mark.parametrize("relative", [False, True])
    def test_too_few_outcomes_tell_nothing(self, x, y, relative):
        actual = bootstrap_means(x, y, seed=1, relative=relative)
        assert (1.0, UNBOUNDED) == (actual.p_value, actual.interval)
        assert (not x or not y) == math.isnan(actual.effect)

    @pytest.mark.parametrize(("one", "other"), [(0.1, 0.1), (0.1, 0.3), (0.0, 0.0)])
    def test_outcomes_without_variance_tell_nothing(self, one, other):
        actual = bootstrap_means([one] * 700, [other] * 300, seed=1)
        assert (1.0, UNBOUNDED) == (actual.p_value, actual.interval)

    def test_one_group_without_variance_is_compared_with_the_other(self):
        actual = bootstrap_means([1.0] * 50, Y, seed=1)
        assert math.isclose(Y.mean() - 1, actual.effect)
        assert actual.interval.low < actual.effect < actual.interval.high

    def test_a_lift_is_unbounded_where_control_is_not_clear_of_zero(self):
        x = np.append(np.ones(50), -np.ones(49))
        actual = bootstrap_means(x, x + 5, seed=1, relative=True)
        assert UNBOUNDED == actual.interval
        assert actual.p_value < 0.002
        assert math.isclose(5 / x.mean(), actual.effect, rel_tol=1e-12)
        nothing = bootstrap_means([-1.0, 1.0] * 20, [1.0, 2.0] * 20, seed=1, relative=True)
        assert (UNBOUNDED, math.inf) == (nothing.interval, nothing.effect)


class TestOptions:
    def test_a_seed_makes_it_reproducible(self):
        assert bootstrap_means(X, Y, seed=1) == bootstrap_means(X, Y, seed=1)
        assert bootstrap_means(X, Y, seed=1) != bootstrap_means(X, Y, seed=2)

    @pytest.mark.parametrize("resamples", [0, 99, -1])
    def test_a_few_resamples_are_too_few(self, resamples):
        with pytest.raises(ValueError, match="resamples must be 100 or more"):
            bootstrap_means(X, Y, seed=1, resamples=resamples)

    def test_confidence_lies_between_0_and_1(self):
        with pytest.raises(ValueError, match="confidence must lie"):
            bootstrap_means(X, Y, seed=1, confidence=0.0)
