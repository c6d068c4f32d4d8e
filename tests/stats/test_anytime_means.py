"""Evidence about means: the published formulas, other programs, and the ends of what can be asked."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import lambertw
from scipy.stats import nct, norm, t

from mlprod.errors import InvalidConfigError
from mlprod.stats import Interval, Moments, half_width_mean, interval_of, log_e_lift, log_e_mean
from mlprod.stats._anytime_means import SMALLEST_SAMPLE

# Howard, Ramdas, McAuliffe and Sekhon 2021 have the best scale in terms of Lambert's function.
BEST = float(-lambertw(-(0.05**2) / math.e, -1).real - 1)

# Of `SequentialTwoSidedTTest` of gbstats 0.8.0, absolute, tuning parameter 5000:
# count, alpha, difference, variance, squared rho, half width, p-value (0.1 printed as 0.09999999999999964).
GBSTATS = [
    (
        10_000,
        0.05,
        0.3,
        0.004944444444444444,
        0.0015872309203475133,
        0.2152731089397233,
        0.0007857476631056678,
    ),
    (1000, 0.1, 0.1, 0.005833333333333334, 0.001265771921059247, 0.2379644035188419, 0.9325015049687655),
    (100_000, 0.01, 0.1, 0.0005, 0.0023067482681430446, 0.0857881374907566, 0.0007215068665133783),
]
CONFSEQ_RHO = 500 / (
    2 * math.log(20) + math.log1p(2 * math.log(20))
)  # its scale for v_opt=500, alpha_opt=0.05

RNG = np.random.default_rng(0)


def is_close(expected, actual):
    return math.isclose(expected, actual, rel_tol=1e-10, abs_tol=1e-12)


class TestMean:
    @pytest.mark.parametrize("z", [0.0, 0.5, 2.0, 5.0, -3.0])
    @pytest.mark.parametrize("count", [100, 1000, 5000])
    def test_it_is_a_normal_mixture(self, z, count):
        """The integral of the likelihood ratio over the effects."""
        scale = math.sqrt(BEST * count / 1000)
        expected, _ = quad(
            lambda a: math.exp(a * z - a * a / 2) * norm.pdf(a, scale=scale), -60, 60, limit=500
        )
        assert is_close(math.log(expected), log_e_mean(2 * z, 4.0, count, math.inf, planned=1000))

    @pytest.mark.parametrize(
        ("s", "v", "expected"),
        [(0, 100, -0.47529408052385175), (20, 100, 0.7516786708178171), (150, 2000, 3.708846734113578)],
    )
    def test_confseq_agrees(self, s, v, expected):
        """`normal_log_mixture` of confseq 0.0.11, two-sided, v_opt=500, of a sum whose variance is v."""
        assert is_close(expected, log_e_mean(s, v, v, math.inf, planned=BEST * CONFSEQ_RHO))

    @pytest.mark.parametrize("dof", [1, 3, 20, 500.5])
    @pytest.mark.parametrize("statistic", [0.0, 1.0, -4.0, 8.0])
    def test_with_few_degrees_of_freedom_it_is_a_ratio_of_t_densities(self, dof, statistic):
        """A mixture of noncentral t is a t that is wider: by the root of 1 + g."""
        wider = math.sqrt(1 + BEST / 2)
        expected = t.logpdf(statistic, dof, scale=wider) - t.logpdf(statistic, dof)
        assert is_close(expected, log_e_mean(statistic / 2, 0.25, 500, dof, planned=1000))

    def test_a_mixture_of_noncentral_t_is_that_wider_t(self):
        wider = math.sqrt(1 + BEST)
        mixture, _ = quad(
            lambda a: nct.pdf(2.5, 7, a) * norm.pdf(a, scale=math.sqrt(BEST)), -15, 15, limit=200
        )
        expected = math.log(mixture / t.pdf(2.5, 7))
        assert math.isclose(expected, log_e_mean(2.5, 1.0, 10, 7, planned=10), rel_tol=1e-6)
        assert math.isclose(mixture, t.pdf(2.5, 7, scale=wider), rel_tol=1e-6)

    @given(st.floats(-5, 5), st.integers(2, 10**6))
    def test_many_degrees_of_freedom_are_as_good_as_a_known_variance(self, difference, count):
        expected = log_e_mean(difference, 0.3, count, math.inf, planned=1000)
        actual = log_e_mean(difference, 0.3, count, 1e9, planned=1000)
        assert math.isclose(expected, actual, rel_tol=1e-5, abs_tol=1e-5)

    @pytest.mark.parametrize(
        ("variance", "dof"), [(0.0, 5), (-1.0, 5), (math.nan, 5), (1.0, 0), (1.0, math.nan), (0.0, math.inf)]
    )
    def test_what_cannot_be_judged_is_no_evidence(self, variance, dof):
        assert 0.0 == log_e_mean(3.0, variance, 10, dof, planned=10)
        assert math.inf == half_width_mean(variance, 10, dof, alpha=0.05, planned=10)

    @pytest.mark.parametrize("planned", [0, -1, math.nan])
    def test_a_plan_is_needed(self, planned):
        with pytest.raises(InvalidConfigError, match="planned must be a positive number"):
            log_e_mean(1.0, 1.0, 10, 5, planned=planned)
        with pytest.raises(InvalidConfigError, match="planned must be a positive number"):
            half_width_mean(1.0, 10, 5, alpha=0.05, planned=planned)


class TestHalfWidth:
    @pytest.mark.parametrize("case", GBSTATS)
    def test_gbstats_agrees_on_the_same_mixture(self, case):
        count, alpha, difference, variance, squared_rho, width, p_value = case
        planned = BEST / squared_rho
        assert is_close(width, half_width_mean(variance, count, math.inf, alpha=alpha, planned=planned))
        log_e = log_e_mean(difference, variance, count, math.inf, planned=planned)
        assert math.isclose(p_value, math.exp(-log_e), rel_tol=1e-9)

    @pytest.mark.parametrize(("v", "bound"), [(100, 33.638877257827815), (500, 67.86933628399808)])
    def test_confseq_agrees_on_the_boundary(self, v, bound):
        """`normal_mixture_bound` of confseq 0.0.11, v_opt=500, for a sum whose variance is v."""
        actual = half_width_mean(1 / v, v, math.inf, alpha=0.05, planned=BEST * CONFSEQ_RHO)
        assert is_close(bound / v, actual)

    def test_its_own_choice_of_mixture_is_nearly_the_best(self):
        """It approximates the scale by c + log(1 + c)."""
        _, _, _, variance, _, width, _ = GBSTATS[0]
        actual = half_width_mean(variance, 10_000, math.inf, alpha=0.05, planned=5000)
        assert math.isclose(width, actual, rel_tol=0.01)

    def test_it_is_least_at_the_planned_count(self):
        """Of all plans, for a variance that is known."""
        widths = [
            half_width_mean(1.0, 1000, math.inf, alpha=0.05, planned=planned)
            for planned in (500, 900, 999, 1000, 1001, 1100, 2000)
        ]
        assert 1000 == (500, 900, 999, 1000, 1001, 1100, 2000)[int(np.argmin(widths))]

    @given(st.floats(1, 1e6) | st.just(math.inf), st.integers(2, 10**6), st.floats(0.001, 0.3))
    def test_at_the_limit_the_evidence_is_just_enough(self, dof, count, alpha):
        width = half_width_mean(2.0, count, dof, alpha=alpha, planned=1000)
        if width < math.inf:
            log_e = log_e_mean(width, 2.0, count, dof, planned=1000)
            assert math.isclose(-math.log(alpha), log_e, rel_tol=1e-6)
        else:
            assert log_e_mean(1e9, 2.0, count, dof, planned=1000) < -math.log(alpha)

    def test_too_little_data_bounds_nothing(self):
        assert math.inf == half_width_mean(1.0, 2, 1, alpha=0.05, planned=1000)
        assert math.inf == half_width_mean(1.0, 0, math.inf, alpha=0.05, planned=1000)


class TestLift:
    CONTROL, TREATMENT = Moments.of(RNG.normal(2, 3, size=900)), Moments.of(RNG.normal(1, 4, size=100))

    def welch(self, difference, weight, planned=1000):
        c, v = weight * self.CONTROL.variance() / 900, self.TREATMENT.variance() / 100
        dof = (c + v) ** 2 / (c**2 / 899 + v**2 / 99)
        return log_e_mean(difference, c + v, 1000, dof, planned=planned)

    def test_a_treatment_that_varies_more_has_the_variance_of_welch(self):
        assert is_close(
            self.welch(self.TREATMENT.mean - self.CONTROL.mean, 1),
            log_e_lift(self.CONTROL, self.TREATMENT, planned=1000),
        )

    @pytest.mark.parametrize("lift", [-0.9, -0.2, 0.5])
    def test_the_control_is_weighted_as_by_fieller(self, lift):
        expected = self.welch(self.TREATMENT.mean - (1 + lift) * self.CONTROL.mean, (1 + lift) ** 2)
        assert is_close(expected, log_e_lift(self.CONTROL, self.TREATMENT, lift, planned=1000))

    @pytest.mark.parametrize("lift", [0.0, -0.2, 0.5])
    def test_a_treatment_that_varies_less_has_the_pooled_variance(self, lift):
        treatment = Moments.of(RNG.normal(1, 0.5, size=100))
        pooled = (self.CONTROL.m2 + treatment.m2) / 998
        expected = log_e_mean(
            treatment.mean - (1 + lift) * self.CONTROL.mean,
            pooled * ((1 + lift) ** 2 / 900 + 1 / 100),
            1000,
            998,
            planned=1000,
        )
        assert is_close(expected, log_e_lift(self.CONTROL, treatment, lift, planned=1000))

    def test_a_lift_is_upwards_for_a_control_that_loses(self):
        control = Moments.of([-2.0, -1.0, -3.0] * 200)
        better = Moments.of([-1.0, 0.0, -2.0] * 200)
        assert log_e_lift(control, better, 0.5, planned=1000) < 0 < log_e_lift(control, better, planned=1000)
        assert log_e_lift(control, better, -0.5, planned=1000) > math.log(20)

    def test_a_variant_without_enough_values_is_no_evidence(self):
        few = Moments.of([1e6] * (SMALLEST_SAMPLE - 1))
        assert 0.0 == log_e_lift(few, self.TREATMENT, planned=1000)
        assert 0.0 == log_e_lift(self.CONTROL, few, planned=1000)
        assert 0.0 == log_e_lift(Moments(), Moments(), planned=1000)

    def test_values_that_are_all_equal_are_no_evidence(self):
        assert 0.0 == log_e_lift(Moments.of([1.0] * 50), Moments.of([2.0] * 50), planned=100)

    def test_an_interval_of_the_lift_is_fiellers(self):
        """With `half_width_mean` in the place of the quantile of t; the treatment varies more."""
        control, treatment = (
            Moments.of(RNG.normal(2, 3, size=5000)),
            Moments.of(RNG.normal(1.5, 6, size=5000)),
        )
        interval = interval_of(
            lambda lift: log_e_lift(control, treatment, lift, planned=10_000), -0.1, 0.05, 0.05
        )
        c, v = control.variance() / 5000, treatment.variance() / 5000
        for limit in (interval.low, interval.high):
            factor = 1 + limit
            dof = (factor**2 * c + v) ** 2 / ((factor**4 * c**2 + v**2) / 4999)
            width = half_width_mean(factor**2 * c + v, 10_000, dof, alpha=0.05, planned=10_000)
            assert math.isclose(width, abs(treatment.mean - factor * control.mean), rel_tol=1e-9)
        assert interval.low < treatment.mean / control.mean - 1 < interval.high

    def test_the_lift_of_a_control_near_zero_is_unbounded(self):
        control, treatment = Moments.of([-1.0, 1.0] * 500), Moments.of([-1.0, 1.1] * 500)
        interval = interval_of(
            lambda lift: log_e_lift(control, treatment, lift, planned=2000), 0.0, 1.0, 0.05
        )
        assert Interval(-math.inf, math.inf) == interval
