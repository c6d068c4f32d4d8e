"""The Kolmogorov-Smirnov test, against scipy, closed forms and a hand count of paths."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from mlprod.stats import ks_bounds, ks_exact_p_value, ks_p_value, ks_statistic, wasserstein

SAMPLES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


def cells(values, grid):
    """Count below, at and between the points of a grid, the slow way."""
    edges = [-math.inf, *grid, math.inf]
    between = [sum(low < value < high for value in values) for low, high in itertools.pairwise(edges)]
    at = [values.count(point) for point in grid]
    return [between[0], *(count for pair in zip(at, between[1:], strict=True) for count in pair)]


class TestStatistic:
    @pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of scipy's own p-value
    @given(SAMPLES, SAMPLES)
    def test_it_is_scipys_with_ties_and_all(self, reference, current):
        assert scipy_stats.ks_2samp(reference, current, method="asymp").statistic == pytest.approx(
            ks_statistic(reference, current), abs=1e-12
        )

    def test_of_one_to_twenty_and_four_to_twenty_three(self):
        assert 0.15 == pytest.approx(ks_statistic(range(1, 21), range(4, 24)))

    def test_without_values_there_is_none(self):
        assert math.isnan(ks_statistic([], [1.0]))


class TestBounds:
    @given(SAMPLES, SAMPLES)
    def test_on_a_grid_of_all_values_both_are_the_statistic(self, reference, current):
        grid = sorted({*reference, *current})
        found = ks_bounds(cells(reference, grid), cells(current, grid))
        statistic = ks_statistic(reference, current)
        assert (statistic, statistic) == pytest.approx(found, abs=1e-12)

    @given(SAMPLES, SAMPLES, st.sets(st.integers(-5, 5).map(float), min_size=1, max_size=4))
    def test_on_any_grid_the_statistic_lies_between_them(self, reference, current, grid):
        low, high = ks_bounds(cells(reference, sorted(grid)), cells(current, sorted(grid)))
        assert low - 1e-12 <= ks_statistic(reference, current) <= high + 1e-12

    @given(SAMPLES, SAMPLES)
    def test_a_grid_of_the_reference_alone_is_enough_to_be_exact(self, reference, current):
        grid = sorted(set(reference))
        low, high = ks_bounds(cells(reference, grid), cells(current, grid))
        statistic = ks_statistic(reference, current)
        assert (statistic, statistic) == pytest.approx((low, high), abs=1e-12)

    def test_without_values_there_are_none(self):
        assert all(math.isnan(bound) for bound in ks_bounds([0, 0, 0], [1, 0, 2]))


class TestPValue:
    @pytest.mark.parametrize(("m", "n"), [(1, 1), (20, 3), (5, 7), (20, 20), (50, 31), (31, 50), (200, 300)])
    @pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
    def test_it_is_scipys_exact_one(self, m, n, shift):
        rng = np.random.default_rng(m * n)
        expected = scipy_stats.ks_2samp(rng.normal(size=m), rng.normal(shift, size=n), method="exact")
        assert expected.pvalue == pytest.approx(ks_exact_p_value(expected.statistic, m, n), rel=1e-9)

    @pytest.mark.parametrize("distance", [0.05, 0.1, 0.3])
    def test_of_many_values_it_is_kolmogorovs(self, distance):
        expected = scipy_stats.kstwobign.sf(distance * math.sqrt(500))
        assert expected == pytest.approx(ks_p_value(distance, 1000, 1000), rel=0.15)
        assert ks_exact_p_value(distance, 1000, 1000) == pytest.approx(
            ks_p_value(distance, 1000, 1000), rel=0.15
        )

    def test_stephens_correction_is_made(self):
        """His table has 1.358 as the 5% point of D times what the correction gives."""
        root = math.sqrt(40 * 40 / 80)
        assert 0.05 == pytest.approx(ks_p_value(1.358 / (root + 0.12 + 0.11 / root), 40, 40), rel=0.01)

    def test_samples_that_tell_nothing_have_the_p_value_one(self):
        assert 1.0 == ks_p_value(math.nan, 10, 10) == ks_p_value(0.9, 0, 10)

    def test_of_four_and_four_three_quarters_apart(self):
        """16 of the 70 paths through the lattice reach that far."""
        assert 16 / 70 == pytest.approx(ks_exact_p_value(0.75, 4, 4), rel=1e-12)

    @pytest.mark.parametrize(("distance", "m", "n"), [(0.5, 2, 1), (0.5, 1, 2), (1 / 3, 3, 2), (0.2, 5, 1)])
    def test_the_smallest_distance_there_can_be_is_certain(self, distance, m, n):
        assert 1.0 == ks_exact_p_value(distance, m, n)

    def test_no_distance_is_certain(self):
        assert 1.0 == ks_exact_p_value(0.0, 10, 10)

    def test_values_that_differ_in_all_are_as_rare_as_one_of_all_orders(self):
        assert 2 / math.comb(30, 10) == pytest.approx(ks_exact_p_value(1.0, 10, 20), rel=1e-9)


class TestWasserstein:
    @given(SAMPLES, SAMPLES)
    def test_it_is_scipys(self, reference, current):
        assert scipy_stats.wasserstein_distance(reference, current) == pytest.approx(
            wasserstein(reference, current), abs=1e-9
        )

    def test_without_values_there_is_none(self):
        assert math.isnan(wasserstein([], [1.0]))
