"""Distances of shares, and what of them is chance: against closed forms, scipy and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import spatial
from scipy import stats as scipy_stats

from mlprod.errors import InvalidDataError
from mlprod.stats import detectable_psi, homogeneity, jensen_shannon, psi_lower_bound, psi_of_counts

COUNTS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=2, max_size=12).filter(
    lambda pairs: any(a for a, _ in pairs) and any(b for _, b in pairs)
)


class TestPSI:
    def test_of_a_quarter_each_against_a_tenth_and_four_tenths(self):
        """The closed form 0.15 · ln 4."""
        assert 0.15 * math.log(4) == pytest.approx(psi_of_counts([5, 5, 5, 5], [2, 5, 5, 8]), rel=1e-12)

    def test_a_bin_that_is_empty_in_one_sample_counts_as_half_a_row_there(self):
        expected = (0.5 - 0.005) * math.log(0.5 / 0.005) + (1.0 - 0.5) * math.log(1.0 / 0.5)
        assert expected == pytest.approx(psi_of_counts([50, 50], [0, 100]), rel=1e-12)

    def test_a_bin_that_is_empty_in_both_adds_nothing(self):
        assert psi_of_counts([3, 7], [5, 5]) == psi_of_counts([3, 0, 7], [5, 0, 5])

    @given(COUNTS)
    def test_it_is_never_negative(self, pairs):
        assert psi_of_counts(*zip(*pairs, strict=True)) >= 0

    def test_it_is_zero_for_the_same_shares(self):
        assert 0.0 == psi_of_counts([1, 2, 3], [10, 20, 30])

    def test_without_rows_there_is_none(self):
        assert math.isnan(psi_of_counts([0, 0], [1, 2]))

    def test_different_bins_are_an_error(self):
        with pytest.raises(InvalidDataError, match=r"shapes are \(2,\), \(3,\)"):
            psi_of_counts([1, 2], [1, 2, 3])


class TestJensenShannon:
    @given(COUNTS)
    def test_it_is_scipys_distance_to_the_base_two(self, pairs):
        p, q = (np.array(side, float) for side in zip(*pairs, strict=True))
        assert spatial.distance.jensenshannon(p, q, base=2) == pytest.approx(
            jensen_shannon(p, q), rel=1e-6, abs=1e-7
        )

    def test_without_rows_there_is_none(self):
        assert math.isnan(jensen_shannon([0, 0], [1, 2]))


class TestHomogeneity:
    def test_it_is_pearsons_test_of_the_table(self):
        reference, current = [30, 25, 45, 60], [50, 20, 40, 30]
        expected = scipy_stats.chi2_contingency([reference, current], correction=False)
        assert (expected.statistic, expected.pvalue, expected.dof) == pytest.approx(
            homogeneity(reference, current), rel=1e-12
        )

    def test_effective_sizes_take_the_place_of_the_counts(self):
        """A tenth of the rows, with the same shares."""
        assert homogeneity([30, 25, 45], [50, 20, 30]) == pytest.approx(
            homogeneity([300, 250, 450], [500, 200, 300], reference_size=100, current_size=100)
        )

    def test_neighbours_are_pooled_until_five_rows_are_expected(self):
        expected = scipy_stats.chi2_contingency([[40, 8, 5], [30, 3, 20]], correction=False)
        assert (expected.statistic, expected.pvalue, expected.dof) == pytest.approx(
            homogeneity([40, 4, 4, 5], [30, 2, 1, 20]), rel=1e-12
        )

    def test_a_tail_that_is_too_small_joins_what_is_before_it(self):
        assert 1 == homogeneity([50, 50, 1], [50, 50, 1])[2]

    def test_one_unseen_row_is_no_evidence(self):
        """Pearson's statistic alone would be 2,000."""
        assert homogeneity([50_000, 50_000, 0], [25, 24, 1])[1] > 0.5

    @pytest.mark.parametrize(("reference", "current"), [([0, 0], [5, 5]), ([5, 5], [0, 0]), ([9], [9])])
    def test_without_rows_or_with_one_bin_it_tells_nothing(self, reference, current):
        assert (0.0, 1.0, 0) == homogeneity(reference, current)

    @pytest.mark.slow
    @pytest.mark.parametrize(("m", "n"), [(50, 50), (1000, 50), (200, 200), (2000, 2000)])
    def test_it_keeps_its_false_alarms_on_quantile_bins(self, m, n):
        """The shares of quantile bins are those of gaps of uniform numbers: Dirichlet, and so the counts."""
        rng = np.random.default_rng(1)
        gaps = np.full(10, m / 10)
        gaps[-1] += 1
        counts = rng.multinomial(n, rng.dirichlet(gaps, size=2000))
        alarms = np.mean([homogeneity(np.full(10, m / 10), row)[1] < 0.05 for row in counts])
        assert alarms <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 2000)


class TestBounds:
    @pytest.mark.parametrize("statistic", [20.0, 100.0, 1e4, 1e6])
    def test_the_lower_bound_is_where_the_noncentral_law_gives_five_percent(self, statistic):
        bound = psi_lower_bound(statistic, 1000, 3000, 9)
        size = 1000 * 3000 / 4000
        assert 0.05 == pytest.approx(scipy_stats.ncx2.sf(statistic, 9, size * bound), rel=1e-6)

    def test_what_is_no_more_than_chance_has_the_bound_zero(self):
        """16.919 is the 5% point of chi-square with 9 degrees of freedom."""
        assert 0.0 == psi_lower_bound(16.91, 1000, 1000, 9)
        assert psi_lower_bound(16.93, 1000, 1000, 9) > 0

    @pytest.mark.parametrize("power", [0.5, 0.8, 0.99])
    def test_the_smallest_detectable_index_has_the_power(self, power):
        found = detectable_psi(400, 600, 9, alpha=0.01, power=power)
        critical = scipy_stats.chi2.isf(0.01, 9)
        assert power == pytest.approx(scipy_stats.ncx2.sf(critical, 9, 240 * found), rel=1e-6)

    def test_without_rows_or_bins_nothing_can_be_found(self):
        assert math.inf == detectable_psi(0, 100, 9) == detectable_psi(100, 100, 0)
        assert math.isnan(psi_lower_bound(0.3, 0, 100, 9))
        assert math.isnan(psi_lower_bound(0.0, 100, 100, 0))

    @pytest.mark.slow
    def test_the_true_index_is_above_the_lower_bound_as_often_as_it_says(self):
        """Normal values, moved by half a standard deviation, in ten bins."""
        rng = np.random.default_rng(2)
        p = np.full(10, 0.1)
        q = np.diff(scipy_stats.norm.cdf(scipy_stats.norm.ppf(np.linspace(0, 1, 11)), 0.5))
        true = float(((q - p) * np.log(q / p)).sum())
        before, now = rng.multinomial(1000, p, size=4000), rng.multinomial(500, q, size=4000)
        bounds = [
            psi_lower_bound(homogeneity(a, b)[0], 1000, 500, 9) for a, b in zip(before, now, strict=True)
        ]
        assert np.mean(np.array(bounds) <= true) >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 4000)
