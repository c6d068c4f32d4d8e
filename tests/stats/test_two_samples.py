"""Two means: their difference and the relative lift."""

import functools
import math
import operator

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mlprod.stats import Estimate, Interval, Moments, relative_lift, welch

RNG = np.random.default_rng(0)

CONTROL = [3.1, 0.0, 5.2, 2.2, 8.1, 1.0, 4.4, 2.9, 0.0, 6.3]
TREATMENT = [4.2, 1.3, 7.7, 3.0, 9.9, 0.0, 5.1, 6.2, 2.8, 3.5, 8.0, 1.9]
UNBOUNDED = Interval(-math.inf, math.inf)

estimates = st.builds(
    Estimate,
    st.floats(-100, 100).map(lambda value: round(value, 3)),
    st.floats(0.01, 100),
    st.integers(2, 1000),
    st.just(1000),
)
confidences = st.floats(0.5, 0.999)


def of(values):
    return Estimate.of_moments(Moments.of(values))


class TestWelch:
    @pytest.mark.parametrize("sizes", [(2, 2), (2, 40), (15, 3), (5000, 80), (10**5, 10**5)])
    @pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
    @pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
    def test_scipy_agrees(self, sizes, spread, confidence):
        x, y = RNG.normal(3, 1, size=sizes[0]), RNG.normal(3.2, spread, size=sizes[1])
        expected = stats.ttest_ind(y, x, equal_var=False)
        low, high = expected.confidence_interval(confidence)
        actual = welch(of(x), of(y), confidence=confidence)
        assert np.allclose(
            [expected.pvalue, expected.statistic, expected.df, low, high],
            [actual.p_value, actual.statistic, actual.dof, actual.interval.low, actual.interval.high],
            rtol=1e-8,
        )
        assert math.isclose(y.mean() - x.mean(), actual.effect, rel_tol=1e-9)

    def test_tea_tasting_agrees(self):
        """Version 1.14.0 printed these for `Mean`."""
        actual = welch(of(CONTROL), of(TREATMENT))
        expected = [
            1.1466666666666674, 0.355831016557531, 0.9453825713699241, -1.3846634891934424, 3.677996822526777
        ]  # fmt: skip
        assert np.allclose(
            expected,
            [actual.effect, actual.p_value, actual.statistic, actual.interval.low, actual.interval.high],
            rtol=1e-12,
        )

    @given(estimates, estimates, confidences)
    def test_the_interval_excludes_zero_where_the_p_value_says_so(self, control, treatment, confidence):
        result = welch(control, treatment, confidence=confidence)
        assume(abs(result.p_value - (1 - confidence)) > 1e-9)
        assert (result.p_value > 1 - confidence) == (0.0 in result.interval)

    @pytest.mark.parametrize(
        ("control", "treatment"),
        [([], [1.0, 2.0]), ([1.0, 2.0], []), ([], []), ([1.0], [2.0, 3.0]), ([1.0], [2.0])],
    )
    def test_too_few_numbers_tell_nothing(self, control, treatment):
        actual = welch(of(control), of(treatment))
        assert (1.0, 0.0, 0.0, UNBOUNDED) == (
            actual.p_value,
            actual.statistic,
            actual.dof,
            actual.interval,
        )
        assert (not control or not treatment) == math.isnan(actual.effect)

    @pytest.mark.parametrize("other", [0.1, 0.3, 0.0])
    def test_numbers_without_variance_tell_nothing(self, other):
        actual = welch(of([0.1] * 1001), of([other] * 999))
        assert (1.0, UNBOUNDED) == (actual.p_value, actual.interval)
        assert math.isclose(other - 0.1, actual.effect, rel_tol=1e-12, abs_tol=1e-15)

    def test_variance_from_rounding_alone_tells_nothing(self):
        """The means of parts of 0.1 are rounded each in its way."""
        parts = [Moments.of([0.1] * size) for size in range(1, 60)]
        control = Estimate.of_moments(functools.reduce(operator.add, parts))
        assert control.variance > 0
        assert 1.0 == welch(control, of([0.1 + 1e-15] * 50)).p_value

    def test_one_group_without_variance_is_compared_with_the_other(self):
        """A test of one sample against a constant."""
        expected = stats.ttest_1samp(TREATMENT, 2.0)
        actual = welch(of([2.0] * 7), of(TREATMENT))
        assert np.allclose(
            [expected.pvalue, expected.statistic, expected.df],
            [actual.p_value, actual.statistic, actual.dof],
        )

    @pytest.mark.parametrize("scale", [1e-145, 1e145])
    def test_the_unit_does_not_matter(self, scale):
        expected, actual = (
            welch(of(np.array(CONTROL) * unit), of(np.array(TREATMENT) * unit)) for unit in (1.0, scale)
        )
        assert math.isclose(expected.p_value, actual.p_value, rel_tol=1e-6)
        assert math.isclose(expected.dof, actual.dof, rel_tol=1e-6)

    @pytest.mark.parametrize("confidence", [0.0, 1.0, 95, math.nan])
    def test_confidence_lies_between_0_and_1(self, confidence):
        for function in (welch, relative_lift):
            with pytest.raises(ValueError, match=r"confidence must lie between 0 and 1"):
                function(of(CONTROL), of(TREATMENT), confidence=confidence)


class TestRelativeLift:
    def test_the_delta_method_is_close_where_control_is_clear_of_zero(self):
        """Its interval is that of the delta method for the logarithm of the ratio."""
        control, treatment = Estimate(10.0, 0.01, 9999, 10_000), Estimate(9.95, 0.01, 9999, 10_000)
        half_width = 1.96 * math.sqrt(0.01 / 9.95**2 + 0.01 / 10.0**2)
        expected = [0.995 * math.exp(sign * half_width) - 1 for sign in (-1, 1)]
        actual = relative_lift(control, treatment)
        assert np.allclose(expected, [actual.low, actual.high], atol=5e-5)

    @given(estimates, estimates, confidences)
    def test_its_ends_are_where_fieller_puts_them(self, control, treatment, confidence):
        """There, the treatment is just as far from that multiple of control as the t quantile."""
        lift = relative_lift(control, treatment, confidence=confidence)
        t = stats.t.isf((1 - confidence) / 2, welch(control, treatment).dof)
        assume(abs(control.value) / control.standard_error > t * 1.01)
        for end in (lift.low, lift.high):
            ratio = 1 + math.copysign(1, control.value) * end
            distance = abs(treatment.value - ratio * control.value)
            error = math.sqrt(treatment.variance + ratio**2 * control.variance)
            assert math.isclose(t, distance / error, rel_tol=1e-5)

    @given(estimates, estimates, confidences)
    def test_it_excludes_zero_where_the_test_of_the_difference_does(self, control, treatment, confidence):
        result = welch(control, treatment, confidence=confidence)
        assume(abs(result.p_value - (1 - confidence)) > 1e-9)
        assert (0.0 in result.interval) == (0.0 in relative_lift(control, treatment, confidence=confidence))

    @given(estimates, estimates)
    def test_less_is_better_gives_the_mirror_image(self, control, treatment):
        def negated(estimate):
            return Estimate(-estimate.value, estimate.variance, estimate.dof, estimate.count)

        lift, mirrored = (
            relative_lift(control, treatment),
            relative_lift(negated(control), negated(treatment)),
        )
        assert np.allclose([-lift.high, -lift.low], [mirrored.low, mirrored.high], rtol=1e-9)

    def test_it_is_unbounded_where_neither_mean_is_clear_of_zero(self):
        assert UNBOUNDED == relative_lift(Estimate(0.1, 1.0, 99, 100), Estimate(0.5, 1.0, 99, 100))
        assert UNBOUNDED == relative_lift(Estimate(0.0, 0.0, 99, 100), Estimate(0.5, 0.1, 99, 100))
        assert UNBOUNDED == relative_lift(Estimate(1.9, 1.0, 99, 100), Estimate(1.9, 0.01, 99, 100))

    def test_it_is_unbounded_on_one_side_where_only_the_difference_is_clear(self):
        control = Estimate(0.5, 1.0, 99, 100)
        more = relative_lift(control, Estimate(20.0, 1.0, 99, 100))
        assert 1 < more.low < more.high == math.inf
        less = relative_lift(control, Estimate(-20.0, 1.0, 99, 100))
        assert -math.inf == less.low < less.high < -1
        for end, mean in ((more.low, 20.0), (less.high, -20.0)):
            distances = [
                abs(mean - (1 + sign * end) * 0.5) / math.sqrt(1 + (1 + sign * end) ** 2) for sign in (-1, 1)
            ]
            t = stats.t.isf(0.025, welch(control, Estimate(mean, 1.0, 99, 100)).dof)
            assert any(math.isclose(t, distance, rel_tol=1e-9) for distance in distances)
        nothing = relative_lift(Estimate(0.0, 1.0, 99, 100), Estimate(20.0, 1.0, 99, 100))
        mirrored = relative_lift(Estimate(0.0, 1.0, 99, 100), Estimate(-20.0, 1.0, 99, 100))
        assert (nothing.low, nothing.high) == (-mirrored.high, -mirrored.low)

    @pytest.mark.parametrize("treatment", [[], [1.0], [5.0, 6.0]])
    def test_too_few_numbers_tell_nothing(self, treatment):
        assert UNBOUNDED == relative_lift(of([1.0]), of(treatment))

    @pytest.mark.slow
    @pytest.mark.parametrize("mean", [0.5, 2.0, 20.0, -2.0])
    def test_it_covers_the_lift_as_often_as_it_says(self, mean):
        """Also where control's mean is hardly clear of zero, where the delta method fails."""
        size, trials, rng = 30, 10_000, np.random.default_rng(1)
        control = rng.normal(mean, 5, size=(trials, size))
        treatment = rng.normal(mean * 1.2, 5, size=(trials, size))
        lift = 0.2 * math.copysign(1, mean)
        covered = sum(lift in relative_lift(of(x), of(y)) for x, y in zip(control, treatment, strict=True))
        assert covered / trials > 0.95 - 2 * math.sqrt(0.95 * 0.05 / trials)


def test_results_are_ready_for_json():
    result = welch(of([1.0]), of([2.0]))
    expected = {
        "effect": 1.0,
        "p_value": 1.0,
        "statistic": 0.0,
        "dof": 0.0,
        "interval": {"low": None, "high": None},
    }
    assert expected == result.to_dict()
