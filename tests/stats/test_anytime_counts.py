"""Evidence about proportions: closed forms, another program, and what it is made to withstand."""

import math
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, gammaln
from scipy.stats import beta, binom

from mlprod.errors import InvalidConfigError
from mlprod.stats import (
    Interval,
    half_width_mean,
    interval_proportions,
    log_e_labels,
    log_e_mean,
    log_e_proportions,
)

trials = st.integers(0, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def is_close(expected, actual):
    return math.isclose(expected, actual, rel_tol=1e-8, abs_tol=1e-8)


@pytest.fixture(scope="module")
def best():
    from scipy.special import lambertw

    return float(-lambertw(-(0.05**2) / math.e, -1).real - 1)


class TestProportions:
    @pytest.mark.parametrize(
        ("control", "treatment"),
        [((560, 1000), (480, 1000)), ((300, 900), (20, 100)), ((5000, 10_000), (5, 10)), ((3, 5), (5, 6))],
    )
    def test_it_is_gunel_and_dickeys_bayes_factor(self, control, treatment, best):
        """That of a table with a Dirichlet prior, against tables with independent margins."""
        cells = [treatment[0], treatment[1] - treatment[0], control[0], control[1] - control[0]]
        n = sum(cells)
        rate = (cells[0] + cells[2] + 0.5) / (n + 1)
        share = (cells[0] + cells[1] + 0.5) / (n + 1)
        chances = [share * rate, share * (1 - rate), (1 - share) * rate, (1 - share) * (1 - rate)]
        weight = max(2000 / best, 1 / min(chances))

        def dirichlet(counts, parts):
            of_all = gammaln(weight) - gammaln(sum(counts) + weight)
            return of_all + sum(
                gammaln(x + weight * p) - gammaln(weight * p) for x, p in zip(counts, parts, strict=True)
            )

        outcomes = dirichlet([cells[0] + cells[2], cells[1] + cells[3]], [rate, 1 - rate])
        labels = dirichlet([cells[0] + cells[1], cells[2] + cells[3]], [share, 1 - share])
        expected = dirichlet(cells, chances) - outcomes - labels
        assert is_close(expected, log_e_proportions(control, treatment, planned=2000))

    @pytest.mark.parametrize("wins", [49_000, 49_500, 50_500, 51_000])
    def test_in_large_samples_it_is_that_of_means(self, wins):
        variance = 0.25 * 2 / 100_000
        expected = log_e_mean(wins / 1e5 - 0.5, variance, 200_000, math.inf, planned=100_000)
        actual = log_e_proportions((50_000, 100_000), (wins, 100_000), planned=100_000)
        assert math.isclose(expected, actual, rel_tol=0.02, abs_tol=0.02)

    @given(trials, trials)
    def test_neither_the_names_of_variants_nor_those_of_outcomes_matter(self, control, treatment):
        def failures(trials):
            return trials[1] - trials[0], trials[1]

        expected = log_e_proportions(control, treatment, planned=1000)
        assert is_close(expected, log_e_proportions(treatment, control, planned=1000))
        assert is_close(expected, log_e_proportions(failures(control), failures(treatment), planned=1000))

    @pytest.mark.parametrize("wins", [0, 5, 10])
    def test_a_variant_without_trials_is_no_evidence(self, wins):
        assert 0.0 == log_e_proportions((wins, 10), (0, 0), planned=100)
        assert 0.0 == log_e_proportions((0, 0), (wins, 10), planned=100)
        assert 0.0 == log_e_proportions((0, 0), (0, 0), planned=100)

    @pytest.mark.parametrize("rate", [0, 1])
    def test_one_outcome_alone_is_no_evidence(self, rate):
        """What is left is the quarter that is added to each cell."""
        assert abs(log_e_proportions((500 * rate, 500), (50 * rate, 50), planned=1000)) < 0.05

    @pytest.mark.parametrize("planned", [0, -1, math.nan])
    def test_a_plan_is_needed(self, planned):
        with pytest.raises(InvalidConfigError, match="planned must be a positive number"):
            log_e_proportions((1, 2), (1, 2), planned=planned)

    def test_ten_million_trials_cancel_nothing(self):
        """A normal approximation is good there to a thousandth."""
        control, treatment = (5_000_000, 10_000_000), (5_010_000, 10_000_000)
        expected = log_e_mean(0.001, 0.25 * 2 / 1e7, 20_000_000, math.inf, planned=20_000_000)
        actual = log_e_proportions(control, treatment, planned=20_000_000)
        assert math.isclose(expected, actual, rel_tol=1e-3)


class TestInterval:
    @settings(max_examples=30)
    @given(st.lists(st.tuples(trials, trials), min_size=1, max_size=3))
    def test_it_excludes_no_lift_exactly_with_enough_evidence(self, phases):
        log_e = sum(log_e_proportions(*phase, planned=1000) for phase in phases)
        interval = interval_proportions(phases, alpha=0.05, planned=1000)
        assert (log_e < math.log(20)) == (interval.low < 0 < interval.high)

    @settings(max_examples=30)
    @given(trials, trials)
    def test_it_covers_the_estimate(self, control, treatment):
        interval = interval_proportions([(control, treatment)], alpha=0.05, planned=1000)
        assert -1 <= interval.low <= interval.high
        if control[0] and treatment[1]:
            lift = treatment[0] / treatment[1] * control[1] / control[0] - 1
            assert interval.low <= lift <= interval.high

    @pytest.mark.parametrize("lift", [-0.05, 0.02])
    def test_in_large_samples_it_is_that_of_the_logarithm(self, lift):
        """Its variance is (1 - p) / (n p), summed over the variants (Katz et al., Biometrics 34, 1978)."""
        n, rate = 100_000, 0.5
        wins = round(n * rate * (1 + lift))
        variance = (1 - rate) / (n * rate) + (n - wins) / (n * wins)
        width = half_width_mean(variance, 2 * n, math.inf, alpha=0.05, planned=2 * n)
        interval = interval_proportions([((n // 2, n), (wins, n))], alpha=0.05, planned=2 * n)
        assert math.isclose(math.log1p(lift) - width, math.log1p(interval.low), rel_tol=0.01)
        assert math.isclose(math.log1p(lift) + width, math.log1p(interval.high), rel_tol=0.01)

    def test_phases_add(self):
        """Two alike are as good as one with twice the trials, but for the second mixture."""
        phase = ((5000, 10_000), (4500, 10_000))
        one, two = (interval_proportions([phase] * k, alpha=0.05, planned=20_000) for k in (1, 2))
        assert one.low < two.low < -0.1 < two.high < one.high

    def test_a_rate_that_differs_between_phases_is_no_lift(self):
        """Simpson's paradox: the treatment had more of the phase that went badly."""
        phases = [((5400, 9000), (600, 1000)), ((400, 2000), (1600, 8000))]
        interval = interval_proportions(phases, alpha=0.05, planned=20_000)
        assert interval.low < 0 < interval.high
        pooled = interval_proportions([((5800, 11_000), (2200, 9000))], alpha=0.05, planned=20_000)
        assert pooled.high < -0.5

    def test_a_single_success_means_that_there_are_some(self):
        interval = interval_proportions([((50, 10_000), (1, 10_000))], alpha=0.05, planned=20_000)
        assert -1 < interval.low < -0.98 < interval.high < 0

    def test_it_is_unbounded_where_nothing_succeeded(self):
        assert Interval(-1.0, math.inf) == interval_proportions(
            [((0, 100), (0, 10))], alpha=0.05, planned=100
        )
        assert Interval(-1.0, math.inf) == interval_proportions([((5, 10), (0, 0))], alpha=0.05, planned=100)
        never = interval_proportions([((500, 1000), (0, 1000))], alpha=0.05, planned=2000)
        assert -1.0 == never.low
        assert never.high < -0.9
        only = interval_proportions([((0, 1000), (500, 1000))], alpha=0.05, planned=2000)
        assert math.inf == only.high
        assert only.low > 9


class TestLabels:
    # `beta_binomial_log_mixture` of confseq 0.0.11, two-sided, g = p, h = 1 - p, v_opt = 100 p (1 - p):
    # the sum over n of label - p, n, p.
    CONFSEQ = (
        (20, 300, 0.1, 4.171346417985955),
        (-10, 300, 0.1, 0.450305902332655),
        (40, 120, 0.5, 25.090562620863604),
    )

    @pytest.mark.parametrize(("s", "n", "p", "expected"), CONFSEQ)
    def test_confseq_agrees(self, s, n, p, expected, best):
        c = 2 * math.log(20)
        concentration = 100 / (c + math.log1p(c)) - 1
        treatment = round(s + n * p)
        actual = log_e_labels(n - treatment, treatment, p, planned=concentration * best)
        assert is_close(expected, actual)

    @pytest.mark.parametrize(("treatment", "control", "share"), [(3, 5, 0.5), (0, 20, 0.1), (40, 10, 0.7)])
    def test_it_is_a_beta_mixture(self, treatment, control, share, best):
        weight = 100 / best
        prior = beta(weight * share, weight * (1 - share))
        chance, _ = quad(
            lambda p: binom.pmf(treatment, treatment + control, p) * prior.pdf(p), 0, 1, limit=200
        )
        expected = math.log(chance / binom.pmf(treatment, treatment + control, share))
        assert math.isclose(expected, log_e_labels(control, treatment, share, planned=100), rel_tol=1e-6)

    @given(st.integers(0, 50), st.floats(0.05, 0.95))
    def test_its_mean_is_one_under_the_null_hypothesis(self, n, share):
        """That is what makes it an e-value, exactly and for any number of events."""
        chances = binom.pmf(np.arange(n + 1), n, share).tolist()
        ratios = [math.exp(log_e_labels(n - k, k, share, planned=100)) for k in range(n + 1)]
        mean = math.fsum(map(operator.mul, chances, ratios))
        assert math.isclose(1.0, mean, rel_tol=1e-9)

    def test_no_events_are_no_evidence(self):
        assert 0.0 == log_e_labels(0, 0, 0.3, planned=100)

    @pytest.mark.parametrize("share", [0, 1, -0.1, math.nan])
    def test_a_share_lies_between_zero_and_one(self, share):
        with pytest.raises(InvalidConfigError, match="share must be between 0 and 1"):
            log_e_labels(1, 1, share, planned=100)

    @pytest.mark.parametrize("planned", [0, -1, math.nan])
    def test_a_plan_is_needed(self, planned):
        with pytest.raises(InvalidConfigError, match="planned must be a positive number"):
            log_e_labels(1, 1, 0.5, planned=planned)

    def test_the_closed_form(self, best):
        a, b = 100 / best * 0.3, 100 / best * 0.7
        expected = betaln(30 + a, 20 + b) - betaln(a, b) - 30 * math.log(0.3) - 20 * math.log(0.7)
        assert is_close(expected, log_e_labels(20, 30, 0.3, planned=100))
