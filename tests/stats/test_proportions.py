"""Rates: Pearson's, Boschloo's and Fisher's tests."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from mlprod.stats import boschloo, chi_square, proportions

RNG = np.random.default_rng(0)


class TestChiSquare:
    @pytest.mark.parametrize(
        ("successes", "trials"),
        [
            ([50, 70], [100, 100]),
            ([1, 0], [3, 8]),
            ([10**6, 10**6 + 2000], [3 * 10**6, 3 * 10**6]),
            ([3, 90, 40], [20, 200, 100]),
            (RNG.integers(1, 50, size=12).tolist(), [50] * 12),
        ],
    )
    def test_scipy_agrees(self, successes, trials):
        table = [successes, np.subtract(trials, successes)]
        expected = stats.chi2_contingency(table, correction=False)
        actual = chi_square(successes, trials)
        assert np.allclose(
            [expected.pvalue, expected.statistic, expected.dof],
            [actual.p_value, actual.statistic, actual.dof],
            rtol=1e-10,
        )
        assert successes[-1] / trials[-1] - successes[0] / trials[0] == actual.effect
        assert actual.interval is None

    @pytest.mark.parametrize("successes", [[0, 0, 0], [10, 20, 5]])
    def test_rates_of_0_or_1_tell_nothing(self, successes):
        actual = chi_square(successes, [10, 20, 5])
        assert (0.0, 1.0, 0.0, 2.0) == (actual.effect, actual.p_value, actual.statistic, actual.dof)

    def test_groups_without_trials_are_left_out(self):
        some, all_of_them = chi_square([5, 9], [20, 20]), chi_square([5, 0, 9], [20, 0, 20])
        assert some == all_of_them

    @pytest.mark.parametrize(("successes", "trials"), [([], []), ([3], [10]), ([3, 0], [10, 0]), ([0], [0])])
    def test_fewer_than_two_groups_tell_nothing(self, successes, trials):
        actual = chi_square(successes, trials)
        assert (1.0, 0.0, 0.0) == (actual.p_value, actual.statistic, actual.dof)
        assert math.isnan(actual.effect) or [3] == successes

    @pytest.mark.parametrize(
        ("successes", "trials", "message"),
        [([3, 4], [10, 3], "there cannot be 4"), ([-1, 4], [10, 5], "-1"), ([1], [2, 3], "1 groups")],
    )
    def test_counts_must_fit(self, successes, trials, message):
        with pytest.raises(ValueError, match=message):
            chi_square(successes, trials)


class TestBoschloo:
    def test_scipy_agrees_on_small_tables(self):
        for n, m in [(1, 3), (4, 3)]:
            for a, b in itertools.product(range(n + 1), range(m + 1)):
                table = [[a, b], [n - a, m - b]]
                with np.errstate(all="ignore"):
                    expected = stats.boschloo_exact(table, n=16)
                actual = boschloo(a, n, b, m)
                assert math.isclose(expected.pvalue, actual.p_value, rel_tol=1e-6), table

    @pytest.mark.parametrize(
        "table",
        [
            (7, 10, 2, 10),
            (3, 30, 12, 40),
            (74, 100, 31, 100),
            (2, 150, 11, 120),
            (29, 30, 12, 40),
            (7, 8, 2, 8),
        ],
    )
    def test_scipy_agrees_on_larger_ones(self, table):
        a, n, b, m = table
        expected = stats.boschloo_exact([[a, b], [n - a, m - b]])
        actual = boschloo(a, n, b, m)
        assert math.isclose(expected.pvalue, actual.p_value, rel_tol=1e-6)
        assert math.isclose(expected.statistic, actual.statistic, rel_tol=1e-9)
        assert math.isclose(b / m - a / n, actual.effect)

    def test_neither_order_nor_naming_matters(self):
        for table in [(3, 30, 12, 40), (9, 10, 2, 7)]:
            a, n, b, m = table
            expected = boschloo(a, n, b, m).p_value
            assert math.isclose(expected, boschloo(b, m, a, n).p_value, rel_tol=1e-9)
            assert math.isclose(expected, boschloo(n - a, n, m - b, m).p_value, rel_tol=1e-9)

    @pytest.mark.parametrize("rate", [0.02, 0.2, 0.5])
    def test_false_findings_are_no_more_than_it_says(self, rate):
        """Summed over all tables of two groups of 12 and 9, not simulated."""
        found = sum(
            stats.binom.pmf(a, 12, rate) * stats.binom.pmf(b, 9, rate)
            for a, b in itertools.product(range(13), range(10))
            if boschloo(a, 12, b, 9).p_value <= 0.05
        )
        assert found <= 0.05

    @pytest.mark.parametrize("table", [(0, 0, 3, 10), (3, 10, 0, 0), (0, 0, 0, 0)])
    def test_an_empty_group_tells_nothing(self, table):
        actual = boschloo(*table)
        assert 1.0 == actual.p_value
        assert math.isnan(actual.effect)

    @pytest.mark.parametrize("table", [(0, 10, 0, 500), (10, 10, 500, 500), (0, 1, 0, 1)])
    def test_rates_of_0_or_1_tell_nothing(self, table):
        assert 1.0 == boschloo(*table).p_value

    def test_it_takes_no_more_than_500_in_a_group(self):
        with pytest.raises(ValueError, match="at most 500 trials"):
            boschloo(1, 10, 5, 501)
        with pytest.raises(ValueError, match="there cannot be"):
            boschloo(11, 10, 5, 50)


class TestProportions:
    def test_it_is_chi_square_where_five_are_expected(self):
        assert chi_square([5, 5], [10, 10]) == proportions(5, 10, 5, 10)
        assert chi_square([700, 650], [1000, 1000]) == proportions(700, 1000, 650, 1000)

    def test_it_is_boschloo_where_fewer_are(self):
        assert boschloo(4, 10, 5, 10) == proportions(4, 10, 5, 10)
        assert boschloo(6, 10, 5, 10) == proportions(6, 10, 5, 10)

    @pytest.mark.parametrize(
        "table", [(3, 10_000, 0, 8000), (0, 700, 8, 900), (699, 700, 603, 610), (2, 10**6, 1, 20)]
    )
    def test_it_is_fisher_where_few_are_expected_of_many(self, table):
        a, n, b, m = table
        sides = [stats.fisher_exact([[a, b], [n - a, m - b]], side).pvalue for side in ("less", "greater")]
        actual = proportions(*table)
        assert math.isclose(min(1.0, 2 * min(sides)), actual.p_value, rel_tol=1e-6)
        assert math.isclose(min(sides), actual.statistic, rel_tol=1e-6)
        assert b / m - a / n == actual.effect

    @pytest.mark.parametrize("table", [(0, 0, 0, 0), (0, 0, 5, 10), (0, 0, 300, 1000), (0, 700, 0, 900)])
    def test_nothing_to_compare_tells_nothing(self, table):
        assert 1.0 == proportions(*table).p_value

    def test_counts_must_fit(self):
        with pytest.raises(ValueError, match="there cannot be 11"):
            proportions(11, 10, 5, 10)
