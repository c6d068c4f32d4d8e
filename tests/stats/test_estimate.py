"""Means, rates and ratios with the variance of the estimate."""

import functools
import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlprod.stats import ClusterSums, Estimate, JointMoments, Moments, control_variate, welch

RNG = np.random.default_rng(0)

# Profit, trades and an earlier profit of 10 and of 12 units.
CONTROL = (
    [3.1, 0.0, 5.2, 2.2, 8.1, 1.0, 4.4, 2.9, 0.0, 6.3],
    [2, 1, 3, 2, 4, 1, 2, 2, 1, 3],
    [2.5, 0.4, 4.0, 2.0, 6.9, 1.2, 3.0, 2.1, 0.3, 5.5],
)
TREATMENT = (
    [4.2, 1.3, 7.7, 3.0, 9.9, 0.0, 5.1, 6.2, 2.8, 3.5, 8.0, 1.9],
    [2, 1, 4, 2, 4, 1, 2, 3, 1, 2, 3, 1],
    [3.2, 0.9, 6.0, 2.2, 7.7, 0.1, 3.9, 4.1, 2.0, 2.4, 6.1, 1.5],
)


def close(expected, actual, rel_tol=1e-12):
    return np.allclose(expected, actual, rtol=rel_tol, atol=0)


class TestOfMoments:
    def test_it_is_the_mean_and_its_squared_standard_error(self):
        values = RNG.lognormal(size=500)
        estimate = Estimate.of_moments(Moments.of(values))
        assert close([values.mean(), stats.sem(values)], [estimate.value, estimate.standard_error])
        assert (499, 500) == (estimate.dof, estimate.count)

    def test_one_number_does_not_tell_its_error(self):
        assert Estimate(3.0, math.inf, 0, 1) == Estimate.of_moments(Moments.of([3.0]))

    def test_without_data_there_is_no_mean(self):
        estimate = Estimate.of_moments(Moments())
        assert math.isnan(estimate.value)
        assert (math.inf, 0, 0) == (estimate.variance, estimate.dof, estimate.count)


class TestOfProportion:
    @given(st.integers(0, 50), st.integers(0, 50))
    def test_it_is_the_mean_of_ones_and_zeros(self, successes, failures):
        expected = Estimate.of_moments(Moments.of([1.0] * successes + [0.0] * failures))
        actual = Estimate.of_proportion(successes, successes + failures)
        assert (expected.dof, expected.count) == (actual.dof, actual.count)
        assert np.allclose(
            [expected.value, expected.variance], [actual.value, actual.variance], equal_nan=True, atol=1e-15
        )

    @pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3), (0, -1)])
    def test_there_are_no_more_successes_than_trials(self, successes, trials):
        with pytest.raises(ValueError, match="there cannot be"):
            Estimate.of_proportion(successes, trials)


class TestOfClusters:
    def test_buckets_of_one_outcome_give_the_plain_estimate(self):
        values = RNG.lognormal(size=200)
        expected = Estimate.of_moments(Moments.of(values))
        actual = Estimate.of_clusters(ClusterSums.of_rows(values, seed=1))
        assert close([expected.value, expected.variance], [actual.value, actual.variance])
        assert (199, 200) == (actual.dof, actual.count)

    def test_it_is_a_ratio_over_buckets(self):
        """Each bucket is what a unit is to a ratio metric."""
        counts, totals = np.zeros((2, 256))
        counts[:10], totals[:10] = CONTROL[1], CONTROL[0]
        actual = Estimate.of_clusters(ClusterSums(counts.astype(np.int64), totals))
        expected = Estimate.ratio_of(JointMoments.of(CONTROL[0], CONTROL[1]))
        assert close([expected.value, expected.variance], [actual.value, actual.variance])
        assert (expected.dof, 21) == (actual.dof, actual.count)

    def test_outcomes_that_repeat_count_once(self):
        """Of 100 units with 20 equal outcomes each, the error is that of 100 outcomes."""
        values, hashes = RNG.normal(size=100), RNG.integers(2**64, size=100, dtype=np.uint64)
        once = Estimate.of_clusters(ClusterSums.of(values, hashes))
        often = Estimate.of_clusters(ClusterSums.of(np.repeat(values, 20), np.repeat(hashes, 20)))
        assert close([once.value, once.variance, once.dof], [often.value, often.variance, often.dof])

    def test_one_bucket_does_not_tell_its_error(self):
        sums = ClusterSums.of([1.0, 2.0], np.zeros(2, dtype=np.uint64))
        assert Estimate(1.5, math.inf, 0, 2) == Estimate.of_clusters(sums)

    def test_without_data_there_is_no_mean(self):
        estimate = Estimate.of_clusters(ClusterSums())
        assert math.isnan(estimate.value)
        assert (math.inf, 0, 0) == (estimate.variance, estimate.dof, estimate.count)


class TestRatioOf:
    def test_tea_tasting_agrees(self):
        """Version 1.14.0 printed these for `RatioOfMeans` of profit and trades."""
        control = Estimate.ratio_of(JointMoments.of(CONTROL[0], CONTROL[1]))
        treatment = Estimate.ratio_of(JointMoments.of(TREATMENT[0], TREATMENT[1]))
        assert close([1.5809523809523807, 2.0615384615384618], [control.value, treatment.value])
        result = welch(control, treatment)
        assert close([0.060111270845815724, 2.0033564722149406], [result.p_value, result.statistic], 1e-9)
        expected = [-0.022665420170520312, 0.9838375813426825]
        assert close(expected, [result.interval.low, result.interval.high], 1e-9)

    def test_a_covariate_of_ones_gives_the_mean(self):
        values = RNG.normal(size=50)
        expected = Estimate.of_moments(Moments.of(values))
        actual = Estimate.ratio_of(JointMoments.of(values, np.ones(50)))
        assert close([expected.value, expected.variance], [actual.value, actual.variance])

    @pytest.mark.parametrize("covariate", [[0.0, 0.0], [1.0, -1.0]])
    def test_there_is_no_ratio_to_nothing(self, covariate):
        estimate = Estimate.ratio_of(JointMoments.of([1.0, 2.0], covariate))
        assert math.isnan(estimate.value)
        assert math.inf == estimate.variance

    def test_one_pair_does_not_tell_its_error(self):
        assert Estimate(2.0, math.inf, 0, 1) == Estimate.ratio_of(JointMoments.of([4.0], [2.0]))


class TestControlVariate:
    def test_the_difference_is_that_of_the_analysis_of_covariance(self):
        """The slope of the treatment in a regression on treatment and covariate."""
        group = np.repeat([0.0, 1.0], [10, 12])
        covariate = np.concatenate([CONTROL[2], TREATMENT[2]])
        design = np.column_stack([np.ones(22), group, covariate])
        slopes = np.linalg.lstsq(design, np.concatenate([CONTROL[0], TREATMENT[0]]))[0]
        control, treatment = control_variate(
            JointMoments.of(CONTROL[0], CONTROL[2]), JointMoments.of(TREATMENT[0], TREATMENT[2])
        )
        assert close(slopes[1], treatment.value - control.value)
        adjusted = [
            np.var(np.array(group[0]) - slopes[2] * np.array(group[2]), ddof=1) / len(group[0])
            for group in (CONTROL, TREATMENT)
        ]
        assert close(adjusted, [control.variance, treatment.variance])

    def test_tea_tasting_is_close(self):
        """Version 1.14.0 printed 0.43824 and ±0.33693; its slope is not within but across the groups."""
        result = welch(
            *control_variate(
                JointMoments.of(CONTROL[0], CONTROL[2]), JointMoments.of(TREATMENT[0], TREATMENT[2])
            )
        )
        assert close(0.43823539777546827, result.effect, 0.02)
        assert close(0.33692926515493965, result.interval.high - result.effect, 0.02)

    def test_many_outcomes_gain_what_the_covariate_explains(self):
        """The variance that remains is 1 - ρ²."""
        x, c = RNG.multivariate_normal([0, 5], [[1, 0.8], [0.8, 1]], size=200_000).T
        one, other = JointMoments.of(x[::2], c[::2]), JointMoments.of(x[1::2], c[1::2])
        control, _ = control_variate(one, other)
        assert close(1 - 0.8**2, control.variance * 100_000, 0.02)

    @pytest.mark.parametrize("constant", [0.0, 0.1, 1e12 / 3])
    def test_a_covariate_that_does_not_vary_changes_nothing(self, constant):
        one, other = RNG.normal(size=(2, 9000))
        control = JointMoments.of(one, np.full(9000, constant))
        treatment = JointMoments.of(other, np.full(9000, constant))
        expected = (Estimate.of_moments(control.outcome), Estimate.of_moments(treatment.outcome))
        assert expected == control_variate(control, treatment)

    def test_neither_does_one_that_varies_by_rounding_alone(self):
        """The means of parts of 0.1 are rounded each in its way."""
        parts = [JointMoments.of(RNG.normal(size=size), [0.1] * size) for size in range(1, 60)]
        control, treatment = (functools.reduce(operator.add, some) for some in (parts[::2], parts[1::2]))
        assert control.covariate_m2 > 0
        expected = (Estimate.of_moments(control.outcome), Estimate.of_moments(treatment.outcome))
        assert expected == control_variate(control, treatment)

    def test_an_empty_group_stays_empty(self):
        control = JointMoments.of(CONTROL[0], CONTROL[2])
        for pair in (
            control_variate(control, JointMoments()),
            control_variate(JointMoments(), JointMoments()),
        ):
            assert math.isnan(pair[1].value)
            assert math.inf == pair[1].variance

    def test_a_covariate_that_explains_all_leaves_no_variance(self):
        values = RNG.normal(size=50)
        control, treatment = control_variate(
            JointMoments.of(values[:25], 3 * values[:25]), JointMoments.of(values[25:] + 1, 3 * values[25:])
        )
        assert close(1.0, treatment.value - control.value, 1e-9)
        assert 0 <= control.variance < 1e-15  # what rounding leaves of a variance of about one
