"""Two samples of rows: the distance and the correlation that broke, against all ways to divide the rows."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from mlprod.stats._mmd import MultivariateComparison, multivariate_test

NOTHING = (1.0, 1.0, 1.0)


def normal(rng, *, rows, columns, correlation=0.0):
    """Draw rows whose first two columns are correlated."""
    sample = rng.normal(size=(rows, columns))
    sample[:, 1] = correlation * sample[:, 0] + math.sqrt(1 - correlation**2) * sample[:, 1]
    return sample


def squared_discrepancy(x, y):
    """Compute it by its definition, pair by pair, with the width that the mean squared distance gives."""
    both = [*x, *y]
    width = np.mean([((one - other) ** 2).sum() for one in both for other in both]) / 4

    def similarity(these, those):
        return np.mean([math.exp(-((one - other) ** 2).sum() / width) for one in these for other in those])

    return similarity(x, x) + similarity(y, y) - 2 * similarity(x, y)


def largest_change(x, y):
    """Compute the largest difference of mean products, in units of their spread."""
    both = np.concatenate((x, y))
    x, y = ((sample - both.mean(axis=0)) / both.std(axis=0) for sample in (x, y))
    changes = []
    for i, j in combinations(range(x.shape[1]), 2):
        of_x, of_y = x[:, i] * x[:, j], y[:, i] * y[:, j]
        changes.append(abs(of_x.mean() - of_y.mean()) / np.append(of_x, of_y).std())
    return max(changes)


def exact_p_value(statistic, x, y):
    """Let scipy try every division of the rows into two groups."""
    rows = np.concatenate((x, y))
    result = stats.permutation_test(
        (np.arange(len(x)), np.arange(len(x), len(rows))),
        lambda these, those: statistic(rows[these], rows[those]),
        n_resamples=math.inf,
        alternative="greater",
        vectorized=False,
    )
    return result.pvalue


def p_values(result):
    return result.p_value, result.distance_p_value, result.correlation_p_value


class TestDistance:
    def test_two_points_by_hand(self):
        """The mean squared distance is 1/2, so that the kernel is exp(-8) between the points."""
        result = multivariate_test([[0.0], [0.0]], [[1.0], [1.0]])
        assert math.isclose(math.sqrt(2 - 2 * math.exp(-8)), result.distance, rel_tol=1e-12)

    @pytest.mark.parametrize(("n", "m", "columns"), [(2, 2, 1), (5, 9, 3), (20, 10, 12)])
    def test_the_definition_agrees(self, n, m, columns):
        rng = np.random.default_rng(n)
        x, y = rng.normal(size=(n, columns)), rng.normal(1, 2, size=(m, columns))
        expected = math.sqrt(squared_discrepancy(x, y))
        assert math.isclose(expected, multivariate_test(x, y).distance, rel_tol=1e-9)

    def test_it_neither_cancels_far_from_zero_nor_depends_on_the_unit(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, 20, 3))
        expected = multivariate_test(x, y).distance
        assert math.isclose(expected, multivariate_test(1e9 + 100 * x, 1e9 + 100 * y).distance, rel_tol=1e-6)

    def test_far_apart_it_is_nearly_the_root_of_two_and_between_equal_samples_zero(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, 50, 2))
        assert 1.4 < multivariate_test(x / 1e6, y / 1e6 + 100).distance <= math.sqrt(2)
        assert math.isclose(0, multivariate_test(x, x).distance, abs_tol=1e-7)


class TestPValue:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize(("n", "m"), [(4, 4), (3, 6)])
    def test_all_divisions_agree(self, seed, n, m):
        """A permutation p-value of 50,000 is within 3% of the exact one: it rests on 2,500 hits or more."""
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(n, 3)), rng.normal(0.7, 1.5, size=(m, 3))
        actual = multivariate_test(x, y, permutations=50_000, seed=seed)
        expected = exact_p_value(squared_discrepancy, x, y), exact_p_value(largest_change, x, y)
        assert np.allclose(expected, p_values(actual)[1:], rtol=0.15)

    def test_the_smaller_of_two_counts_twice(self):
        rng = np.random.default_rng(1)
        related = normal(rng, rows=200, columns=20, correlation=0.8)
        broken = multivariate_test(related, rng.normal(size=(200, 20)))
        assert 0.001 == broken.correlation_p_value < broken.distance_p_value
        assert 0.002 == broken.p_value
        shifted = multivariate_test(rng.normal(size=(200, 5)), rng.normal(0.5, 1, size=(200, 5)))
        assert 0.001 == shifted.distance_p_value < shifted.correlation_p_value
        assert 0.002 == shifted.p_value
        alike = multivariate_test(broken_rows := rng.normal(size=(50, 5)), broken_rows)
        assert NOTHING == p_values(alike)

    def test_one_column_is_one_test(self):
        rng = np.random.default_rng(1)
        result = multivariate_test(rng.normal(size=(100, 1)), rng.normal(2, 1, size=(100, 1)))
        assert (0.001, 0.001, 1.0, None) == (*p_values(result), result.pair)
        assert math.isnan(result.correlation_change)

    @pytest.mark.parametrize("permutations", [1, 19, 128, 129, 999])
    def test_the_least_is_one_in_all_divisions_tried(self, permutations):
        x, y = np.arange(100.0).reshape(50, 2), 1000 + np.arange(100.0).reshape(50, 2)
        result = multivariate_test(x, y, permutations=permutations)
        assert 1 / (permutations + 1) == result.distance_p_value

    def test_the_seed_decides(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, 30, 3))
        results = [multivariate_test(x, y, seed=seed) for seed in (0, 0, 1)]
        assert results[0] == results[1] != results[2]

    @pytest.mark.slow
    @pytest.mark.parametrize(("n", "m", "columns"), [(40, 40, 2), (100, 30, 10)])
    def test_false_alarms_are_as_rare_as_they_should_be(self, n, m, columns):
        """At 5% and 20% by 300 pairs of samples, heavy-tailed and correlated, within 3 standard errors."""
        rng = np.random.default_rng(2)
        mix = np.eye(columns) + 0.5
        samples = [rng.standard_t(3, size=(n + m, columns)) @ mix for _ in range(300)]
        results = np.array([p_values(multivariate_test(s[:n], s[n:], permutations=199)) for s in samples])
        for level in (0.05, 0.2):
            shares = (results <= level).mean(axis=0)
            error = math.sqrt(level * (1 - level) / len(samples))
            assert (shares <= level + 3 * error).all()
            assert (shares[1:] >= level - 3 * error).all()


class TestPower:
    @pytest.mark.parametrize("columns", [2, 10, 50])
    def test_a_broken_correlation_is_found_among_any_number_of_columns(self, columns):
        rng = np.random.default_rng(columns)
        related, unrelated = (
            normal(rng, rows=200, columns=columns, correlation=0.8),
            rng.normal(size=(200, columns)),
        )
        for reference, current in [(related, unrelated), (unrelated, related)]:
            result = multivariate_test(reference, current)
            before, after = (stats.pearsonr(*sample[:, :2].T)[0] for sample in (reference, current))
            assert (0.002, (0, 1)) == (result.p_value, result.pair)
            assert math.isclose(after - before, result.correlation_change, rel_tol=1e-9)

    def test_a_dependence_without_correlation_is_found(self):
        """The second column is the square of the first, and noise; all columns keep their distributions."""
        rng = np.random.default_rng(0)
        square = rng.normal(size=(300, 2))
        square[:, 1] = square[:, 0] ** 2 + square[:, 1] / 2
        independent = np.column_stack([rng.permutation(column) for column in square.T])
        result = multivariate_test(independent, square)
        assert result.p_value < 0.01
        assert result.correlation_p_value > 0.05

    @pytest.mark.slow
    def test_three_in_four_weaker_breaks_are_found(self):
        """One of 45 falls from 0.6 to 0.1, in normal rows: 5.9 standard errors of Fisher's z."""
        rng = np.random.default_rng(0)
        found = sum(
            multivariate_test(
                normal(rng, rows=200, columns=10, correlation=0.6),
                normal(rng, rows=200, columns=10, correlation=0.1),
                permutations=199,
            ).p_value
            <= 0.05
            for _ in range(100)
        )
        assert found >= 75


class TestBadInput:
    @pytest.mark.parametrize(("n", "m", "columns"), [(0, 0, 3), (0, 9, 3), (9, 1, 3), (1, 9, 1), (9, 9, 0)])
    def test_too_little_tells_nothing(self, n, m, columns):
        result = multivariate_test(np.ones((n, columns)), np.zeros((m, columns)))
        assert (*NOTHING, None) == (*p_values(result), result.pair)
        assert np.isnan([result.distance, result.correlation_change]).all()

    def test_equal_rows_tell_nothing(self):
        result = multivariate_test(np.full((5, 3), 0.1), np.full((7, 3), 0.1))
        assert (*NOTHING, 0.0) == (*p_values(result), result.distance)
        assert math.isnan(result.correlation_change)

    def test_a_constant_column_changes_no_correlation(self):
        """Though its mean is rounded, and the other column has shifted."""
        rng = np.random.default_rng(0)
        shift = np.repeat([0.0, 5.0], 60)
        rows = np.column_stack((np.full(120, 0.1), rng.normal(size=120) + shift))
        result = multivariate_test(rows[:60], rows[60:])
        assert (0.001, 1.0) == (result.distance_p_value, result.correlation_p_value)

    def test_a_constant_product_changes_no_correlation(self):
        """Two columns of equal signs, as of two flags that agree: their product is always one."""
        signs = np.repeat([1.0, -1.0, 1.0, -1.0], [41, 9, 9, 41])[:, None] / 3
        result = multivariate_test(np.tile(signs[:50], 2), np.tile(signs[50:], 2))
        assert (0.001, 1.0) == (result.distance_p_value, result.correlation_p_value)

    @pytest.mark.parametrize(
        ("x", "y"),
        [([1.0, 2.0], [1.0]), (np.ones((3, 2)), np.ones((3, 4))), (np.ones((2, 2, 2)), np.ones((2, 2)))],
    )
    def test_tables_must_have_the_same_columns(self, x, y):
        with pytest.raises(ValueError, match=r"both must be tables of shape \(rows, columns\)"):
            multivariate_test(x, y)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_rows_must_be_finite(self, value):
        with pytest.raises(ValueError, match="not finite"):
            multivariate_test([[1.0], [2.0]], [[3.0], [value]])

    def test_there_must_be_permutations(self):
        with pytest.raises(ValueError, match="permutations must be 1 or more"):
            multivariate_test([[1.0], [2.0]], [[3.0], [4.0]], permutations=0)

    def test_the_result_is_ready_for_json(self):
        assert {"p_value": 0.5, "pair": [0, 1], "correlation_change": None}.items() <= MultivariateComparison(
            0.5, 0.1, 0.5, math.nan, 1.0, (0, 1)
        ).to_dict().items()
