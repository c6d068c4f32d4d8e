"""Sharpe ratios of returns that depend on earlier ones: the block lengths of `arch`, and error rates."""

import math

import numpy as np
import pytest

from mlprod.stats import Interval, _sharpe, block_length, long_run_variance, sharpe_difference

RNG = np.random.default_rng(0)

UNBOUNDED = Interval(-math.inf, math.inf)


def autoregression(size, phi, rng=RNG, columns=1):
    steps = rng.standard_t(5, size=(size, columns))
    for i in range(1, size):
        steps[i] += phi * steps[i - 1]
    return steps if columns > 1 else steps[:, 0]


class TestBlockLength:
    @pytest.mark.parametrize("size", [200, 1000, 5000])
    @pytest.mark.parametrize("phi", [-0.5, 0.0, 0.3, 0.9])
    def test_arch_agrees(self, size, phi):
        """For shorter series it may not, as it leaves out the ends from its autocorrelations."""
        bootstrap = pytest.importorskip("arch.bootstrap")
        values = autoregression(size, phi, np.random.default_rng(size))
        expected = float(bootstrap.optimal_block_length(values)["circular"].iloc[0])
        assert math.isclose(max(expected, 1.0), block_length(values), rel_tol=1e-9)

    @pytest.mark.parametrize("values", [[], [1.0], [1.0] * 9, list(range(9)), [0.1] * 500])
    def test_too_little_has_no_memory(self, values):
        assert 1.0 == block_length(values)

    @pytest.mark.parametrize("size", [50, 1000])
    def test_arch_agrees_on_a_trend(self, size):
        """Its autocorrelation never is small."""
        bootstrap = pytest.importorskip("arch.bootstrap")
        expected = float(bootstrap.optimal_block_length(np.arange(size))["circular"].iloc[0])
        assert math.isclose(expected, block_length(np.arange(size)), rel_tol=1e-9)

    @pytest.mark.parametrize("size", range(10, 40))
    def test_any_short_series_has_one(self, size):
        assert 1 <= block_length(np.tile([1.0, -1.0, 3.0], 14)[:size]) <= math.ceil(size / 3)


class TestLongRunVariance:
    @pytest.mark.parametrize("phi", [-0.5, 0.3, 0.8])
    def test_arch_agrees(self, phi):
        """Given the bandwidth by formulas (6.2) and (6.4) of Andrews (1991)."""
        kernel = pytest.importorskip("arch.covariance.kernel")
        values = autoregression(400, phi)
        centred = values - values.mean()
        rho = centred[1:] @ centred[:-1] / (centred @ centred)
        bandwidth = 1.3221 * (4 * rho**2 / (1 - rho) ** 4 * 400) ** (1 / 5)
        expected = kernel.QuadraticSpectral(values, bandwidth=bandwidth, center=True).cov.long_run
        assert math.isclose(float(np.asarray(expected).item()), long_run_variance(values), rel_tol=1e-9)

    @pytest.mark.parametrize("phi", [-0.5, 0.0, 0.5, 0.8])
    def test_an_autoregression_has_that_of_its_formula(self, phi):
        """The variance of the steps, 5/3 for t with 5 degrees of freedom, over (1 - φ)²."""
        values = autoregression(100_000, phi, np.random.default_rng(1))
        assert math.isclose(5 / 3 / (1 - phi) ** 2, long_run_variance(values), rel_tol=0.1)

    def test_a_series_without_correlation_at_lag_one_has_its_variance(self):
        assert 0.5 == long_run_variance([1.0, 0.0, -1.0, 0.0])

    @pytest.mark.parametrize(("values", "expected"), [([5.0], 0.0), ([5.0, 5.0], 0.0)])
    def test_constants_have_none(self, values, expected):
        assert expected == long_run_variance(values)

    def test_without_data_it_is_nan(self):
        assert math.isnan(long_run_variance([]))


class TestSharpeDifference:
    def test_the_effect_is_the_difference_of_the_ratios(self):
        a, b = RNG.normal(0.05, 1, size=300), RNG.normal(0.2, 3, size=300)
        actual = sharpe_difference(a, b, seed=1, resamples=100)
        assert math.isclose(b.mean() / b.std() - a.mean() / a.std(), actual.effect, rel_tol=1e-9)

    def test_independent_normal_returns_have_the_error_of_its_formula(self):
        """Memmel, "Performance hypothesis testing with the Sharpe ratio", Finance Letters 1 (2003)."""
        rng = np.random.default_rng(1)
        a = rng.normal(0.3, 1, size=50_000)
        b = 0.5 * a + rng.normal(0.1, 1, size=50_000)
        one, other, rho = a.mean() / a.std(), b.mean() / b.std(), np.corrcoef(a, b)[0, 1]
        variance = 2 - 2 * rho + (one**2 + other**2 - 2 * one * other * rho**2) / 2
        error = math.sqrt(variance / len(a))
        actual = sharpe_difference(a, b, seed=1, resamples=500, block=50)
        assert math.isclose((other - one) / error, actual.statistic, rel_tol=0.02)
        assert math.isclose(1.96 * error, actual.interval.high - actual.effect, rel_tol=0.1)

    def test_dependent_returns_have_the_error_of_theirs(self):
        """Sums of an autoregression with φ = ½ vary (1 + φ)/(1 - φ) = 3 times as much."""
        a, b = autoregression(40_000, 0.5, np.random.default_rng(2), columns=2).T
        actual = sharpe_difference(a, b, seed=1, resamples=100, block=100)
        assert math.isclose(math.sqrt(2 * 3 / 40_000), actual.effect / actual.statistic, rel_tol=0.1)

    def test_order_and_scale_do_not_matter(self):
        a, b = autoregression(400, 0.3, columns=2).T + 0.1
        expected = sharpe_difference(a, b, seed=1)
        swapped, scaled = sharpe_difference(b, a, seed=1), sharpe_difference(a * 1e-9, b * 1e9, seed=1)
        assert (expected.p_value, expected.p_value) == (swapped.p_value, scaled.p_value)
        ends = [expected.interval.low, expected.interval.high]
        assert np.allclose(ends, [-swapped.interval.high, -swapped.interval.low])
        assert np.allclose(ends, [scaled.interval.low, scaled.interval.high])

    @pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99])
    def test_the_interval_excludes_zero_where_the_p_value_says_so(self, confidence):
        for shift in np.linspace(0, 0.25, 11):
            a, b = np.random.default_rng(3).normal(size=(2, 200))
            actual = sharpe_difference(a, b + shift, seed=1, resamples=199, confidence=confidence)
            assert (actual.p_value > 1 - confidence + 1e-12) == (0.0 in actual.interval)

    def test_confidence_that_resampling_cannot_tell_has_no_bounds(self):
        a, b = RNG.normal(size=(2, 100))
        assert UNBOUNDED == sharpe_difference(a, b, seed=1, resamples=100, confidence=0.995).interval

    def test_dependence_widens_the_interval(self):
        """Returns that go on for days tell less than as many that do not."""
        a, b = autoregression(5000, 0.8, np.random.default_rng(1), columns=2).T
        blocks, single = (sharpe_difference(a, b, seed=1, resamples=300, block=block) for block in (None, 1))
        assert 1.05 * (single.interval.high - single.effect) < blocks.interval.high - blocks.effect

    def test_the_block_may_be_chosen(self):
        a, b = autoregression(500, 0.5, columns=2).T
        assert sharpe_difference(a, b, seed=1, block=20) != sharpe_difference(a, b, seed=1, block=5)

    def test_a_seed_makes_it_reproducible(self):
        a, b = RNG.normal(size=(2, 100))
        assert sharpe_difference(a, b, seed=1) == sharpe_difference(a, b, seed=1)
        assert sharpe_difference(a, b, seed=1) != sharpe_difference(a, b, seed=2)

    def test_many_resamples_are_drawn_in_parts(self):
        a, b = RNG.normal(size=(2, 3000))
        actual = sharpe_difference(a, b, seed=1, block=1, resamples=200)
        assert actual.interval.low < actual.effect < actual.interval.high

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ([], []),
            ([1.0, 2.0] * 4, [1.0, 3.0] * 4),
            ([0.1] * 50, [1.0, 2.0] * 25),
            ([1.0, 2.0] * 25, [0.0] * 50),
        ],
        ids=["none", "few", "a constant", "b constant"],
    )
    def test_too_little_tells_nothing(self, a, b):
        actual = sharpe_difference(a, b, seed=1)
        assert (1.0, UNBOUNDED) == (actual.p_value, actual.interval)
        assert math.isnan(actual.effect)

    def test_equal_ratios_do_not_differ(self):
        a = RNG.normal(size=100)
        actual = sharpe_difference(a, 3 * a, seed=1)
        assert (1.0, UNBOUNDED) == (actual.p_value, actual.interval)
        assert math.isclose(0.0, actual.effect, abs_tol=1e-12)

    def test_the_p_value_is_never_less_than_resampling_can_tell(self):
        a, b = RNG.normal(0, 1, size=(2, 500))
        assert 1 / 200 == sharpe_difference(a, b + 2, seed=1, resamples=199).p_value

    def test_resamples_without_a_ratio_are_as_far_as_can_be(self):
        """Blocks that hold no return but zero."""
        columns = np.zeros((40, 4))
        columns[0], columns[20] = [1, 0, 1, 0], [0, 1, 0, 1]
        distances = _sharpe._distances(columns, 0.123, 5, 200, np.random.default_rng(1))
        assert 0 < np.isinf(distances).sum()
        assert distances.min() > 0

    def test_resamples_that_do_not_vary_are_no_evidence(self):
        """Returns of two values: some resamples hold only one of them."""
        a, b = np.zeros((2, 12))
        a[0], b[5] = 1.0, 1.0
        actual = sharpe_difference(a, b, seed=1, block=6, resamples=100)
        assert actual.p_value > 0.3

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"resamples": 99}, "resamples must be 100 or more"),
            ({"block": 0}, "block must be 1 to half"),
            ({"block": 51}, "block must be 1 to half"),
            ({"confidence": 2.0}, "confidence must lie"),
        ],
        ids=repr,
    )
    def test_options_must_make_sense(self, options, message):
        a, b = RNG.normal(size=(2, 100))
        with pytest.raises(ValueError, match=message):
            sharpe_difference(a, b, seed=1, **options)

    def test_both_need_a_return_in_every_period(self):
        with pytest.raises(ValueError, match="a return in every period"):
            sharpe_difference([1.0, 2.0], [1.0], seed=1)

    @pytest.mark.slow
    @pytest.mark.parametrize("phi", [0.0, 0.3])
    def test_false_findings_are_about_as_many_as_it_says(self, phi):
        rng, trials = np.random.default_rng(4), 500
        found = 0
        for trial in range(trials):
            returns = autoregression(500, phi, rng, columns=2) @ [[1, 0.6], [0, 0.8]] + 0.1
            found += sharpe_difference(*returns.T, seed=trial, resamples=199).p_value <= 0.05
        assert 0.02 < found / trials < 0.09
