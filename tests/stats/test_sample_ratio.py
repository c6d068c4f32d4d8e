"""Sample-ratio mismatch: the closed form, scipy's test, and an e-value that is one in the mean."""

import itertools
import math

import pytest
from scipy.special import gammaln
from scipy.stats import chisquare, multinomial

from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.stats import log_e_labels, log_e_sample_ratio, sample_ratio_p_value

SHARES = [0.7, 0.2, 0.1]


class TestEvidence:
    def test_its_mean_is_one_under_the_null_hypothesis(self):
        counts = [c for c in itertools.product(range(13), repeat=3) if sum(c) == 12]
        mean = math.fsum(
            multinomial.pmf(c, 12, SHARES) * math.exp(log_e_sample_ratio(c, SHARES, concentration=5))
            for c in counts
        )
        assert math.isclose(1.0, mean, rel_tol=1e-12)

    def test_two_variants_are_the_beta_mixture(self):
        """That of labels, whose weight is `planned` / 8.2 or so."""
        from scipy.special import lambertw

        best = float(-lambertw(-(0.05**2) / math.e, -1).real - 1)
        expected = log_e_labels(450, 80, 0.1, planned=200 * best)
        actual = log_e_sample_ratio([450, 80], [0.9, 0.1], concentration=200)
        assert math.isclose(expected, actual, rel_tol=1e-10)

    def test_the_closed_form(self):
        """Lindon and Malek 2020: a ratio of multivariate beta functions, over the likelihood."""
        counts, prior = [710, 180, 130], [1000 * share for share in SHARES]

        def log_beta(parts):
            return sum(gammaln(part) for part in parts) - gammaln(sum(parts))

        posterior = [count + part for count, part in zip(counts, prior, strict=True)]
        null = sum(count * math.log(share) for count, share in zip(counts, SHARES, strict=True))
        expected = log_beta(posterior) - log_beta(prior) - null
        assert math.isclose(expected, log_e_sample_ratio(counts, SHARES), rel_tol=1e-9)

    def test_no_units_are_no_evidence(self):
        assert 0.0 == log_e_sample_ratio([0, 0, 0], SHARES)

    def test_one_variant_gets_all(self):
        assert math.isclose(0.0, log_e_sample_ratio([10_000], [1.0]), abs_tol=1e-9)

    @pytest.mark.parametrize("concentration", [0, -1, math.nan])
    def test_a_concentration_is_positive(self, concentration):
        with pytest.raises(InvalidConfigError, match="concentration must be positive"):
            log_e_sample_ratio([1, 2, 3], SHARES, concentration=concentration)


class TestPValue:
    @pytest.mark.parametrize("counts", [[700, 200, 100], [650, 230, 120], [8, 1, 1], [0, 0, 5]])
    def test_scipy_agrees(self, counts):
        expected = chisquare(counts, [sum(counts) * share for share in SHARES]).pvalue
        assert math.isclose(expected, sample_ratio_p_value(counts, SHARES), rel_tol=1e-9)

    def test_without_units_or_with_one_variant_nothing_is_odd(self):
        assert 1.0 == sample_ratio_p_value([0, 0, 0], SHARES)
        assert 1.0 == sample_ratio_p_value([7], [1.0])


@pytest.mark.parametrize("function", [log_e_sample_ratio, sample_ratio_p_value])
class TestRefusals:
    @pytest.mark.parametrize("counts", [[], [1, 2], [1, 2, 3, 4]])
    def test_every_share_needs_a_count(self, function, counts):
        with pytest.raises(InvalidDataError, match="every share needs a count"):
            function(counts, SHARES)

    @pytest.mark.parametrize("shares", [[0.5, 0.4], [1.0, 0.0], [1.5, -0.5], [math.nan, 0.5]])
    def test_shares_are_positive_and_sum_to_one(self, function, shares):
        with pytest.raises(InvalidConfigError, match="shares must be positive and have a sum of 1"):
            function([1, 2], shares)

    def test_no_shares(self, function):
        with pytest.raises(InvalidConfigError, match="shares must be positive"):
            function([], [])
