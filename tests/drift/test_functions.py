"""Measures of drift as plain functions: scipy agrees."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from mlprod.drift import TwoSampleTest, chi_square, js_divergence, ks_test, psi, wasserstein
from mlprod.errors import InvalidConfigError, InvalidDataError

RNG = np.random.default_rng(0)

numbers = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=40)
texts = st.lists(st.sampled_from("abcd"), min_size=1, max_size=40)


def shares(items, keys, floor=0.0):
    return np.array([max(list(items).count(key), floor) for key in keys]) / len(items)


class TestPsi:
    @pytest.mark.parametrize(("bins", "expected"), [(4, 0.15 * math.log(4)), (5, 0.15 * math.log(7))])
    def test_the_closed_form(self, bins, expected):
        assert expected == pytest.approx(psi(range(1, 21), range(4, 24), bins), rel=1e-12)

    @given(texts, texts)
    def test_of_categories_it_is_the_definition(self, reference, current):
        """What is empty in one sample counts as half a row; what is new falls into one bin."""
        current = [item if item in reference else "new" for item in current]
        keys = sorted({*reference, *current})
        p, q = shares(reference, keys, 0.5), shares(current, keys, 0.5)
        assert ((q - p) * np.log(q / p)).sum() == pytest.approx(psi(reference, current), abs=1e-12)

    @given(numbers)
    def test_the_same_rows_have_none(self, values):
        assert 0.0 == psi(values, values[::-1])

    def test_missing_values_are_a_bin(self):
        """A tenth of the rows is missing before, three tenths after."""
        before = [*[1.0] * 90, *[None] * 10]
        after = [*[1.0] * 70, *[math.nan] * 30]
        expected = 0.2 * math.log(3) - 0.2 * math.log(7 / 9)
        assert expected == pytest.approx(psi(before, after))

    def test_an_outlier_hides_nothing(self):
        """The shift is that of the closed form, whatever one row of the reference is."""
        reference, current = np.arange(100_000.0), np.arange(15_000.0, 115_000)
        expected = psi(reference, current, 4)
        reference[-1] = 1e12
        assert expected == pytest.approx(psi(reference, current, 4), rel=1e-3)

    def test_booleans_are_categories(self):
        assert 0.2 * math.log(1.5) * 2 == pytest.approx(
            psi([True] * 6 + [False] * 4, [True] * 4 + [False] * 6)
        )

    @pytest.mark.parametrize("bins", [1, 251, 2.0, True, "10", None])
    def test_there_cannot_be_such_bins(self, bins):
        with pytest.raises(InvalidConfigError, match="bins must be a whole number from 2 to 250"):
            psi([1.0], [1.0], bins)


class TestJensenShannon:
    @given(texts, texts)
    def test_scipy_agrees(self, reference, current):
        current = [item if item in reference else "new" for item in current]
        keys = sorted({*reference, *current})
        expected = jensenshannon(shares(reference, keys), shares(current, keys), 2) ** 2
        assert expected == pytest.approx(js_divergence(reference, current), abs=1e-12)

    def test_on_the_bins_of_numbers(self):
        """Shares of 5, 5, 5, 5 against 2, 5, 5, 8 of 20."""
        expected = jensenshannon([5, 5, 5, 5], [2, 5, 5, 8], 2) ** 2
        assert expected == pytest.approx(js_divergence(range(1, 21), range(4, 24), 4))

    def test_nothing_in_common(self):
        assert 1.0 == js_divergence([1.0, 2.0], [8.0, 9.0])


class TestKolmogorovSmirnov:
    @pytest.mark.parametrize(("m", "n"), [(3, 3), (10, 15), (200, 100), (1000, 2000)])
    def test_scipy_agrees_on_the_statistic_of_tied_values(self, m, n):
        one, other = RNG.integers(9, size=m), RNG.integers(2, 12, size=n)
        expected = scipy.stats.ks_2samp(one, other, method="asymp").statistic
        assert expected == pytest.approx(ks_test(one, other).statistic, abs=1e-12)

    @pytest.mark.parametrize(("m", "n"), [(6, 5), (8, 13), (20, 7), (30, 30)])
    def test_scipy_agrees_on_the_p_value(self, m, n):
        one, other = RNG.normal(size=m), RNG.normal(0.5, size=n)
        expected = scipy.stats.ks_2samp(one, other, method="exact").pvalue
        assert expected == pytest.approx(ks_test(one, other).p_value, rel=1e-9)

    def test_the_smallest_distance_that_ties_allow(self):
        """Of all orders of three values, each has a distance of at least 1/2."""
        assert TwoSampleTest(0.5, 1.0) == ks_test([0.0, 1.0], [0.0])

    def test_of_large_samples_it_is_the_limit_law(self):
        """Beyond ten million pairs; with the correction of Stephens, so slightly below scipy's."""
        one, other = RNG.normal(size=5000), RNG.normal(0.03, size=4000)
        expected = scipy.stats.ks_2samp(one, other, method="asymp")
        result = ks_test(one, other)
        assert expected.statistic == pytest.approx(result.statistic, abs=1e-12)
        assert expected.pvalue == pytest.approx(result.p_value, rel=0.05)

    def test_missing_values_are_left_out(self):
        assert ks_test([1.0, 2.0], [3.0]) == ks_test([1.0, math.nan, 2.0], [None, 3.0])

    def test_infinite_values_have_their_rank(self):
        assert 0.5 == ks_test([1.0, math.inf], [1.0, 2.0]).statistic

    def test_the_result_is_ready_for_json(self):
        assert {"statistic": 0.5, "p_value": 1.0} == TwoSampleTest(0.5, 1.0).to_dict()


class TestChiSquare:
    @pytest.mark.parametrize("sizes", [(60, 40, 40, 60), (500, 100, 450, 200), (12, 13, 30, 25)])
    def test_scipy_agrees(self, sizes):
        a, b, c, d = sizes
        expected = scipy.stats.chi2_contingency([[a, b], [c, d]], correction=False)
        result = chi_square(["x"] * a + ["y"] * b, ["x"] * c + ["y"] * d)
        assert expected.statistic == pytest.approx(result.statistic)
        assert expected.pvalue == pytest.approx(result.p_value)

    def test_of_several_categories_and_missing_values(self):
        before, after = [40, 30, 20, 10], [30, 30, 30, 30]
        expected = scipy.stats.chi2_contingency([before, after])

        def items(counts):
            return [
                item for item, count in zip(["a", "b", "c", None], counts, strict=True) for _ in range(count)
            ]

        result = chi_square(items(before), items(after))
        assert expected.statistic == pytest.approx(result.statistic)
        assert expected.pvalue == pytest.approx(result.p_value)

    def test_rare_categories_are_taken_together(self):
        before = ["a"] * 100 + ["b", "c", "d", "e", "f", "g"]
        after = ["a"] * 90 + ["b", "z", "y", "x"] * 4
        expected = scipy.stats.chi2_contingency([[100, 6], [90, 16]], correction=False)
        assert expected.statistic == pytest.approx(chi_square(before, after).statistic)

    def test_one_category_alone_tells_nothing(self):
        assert TwoSampleTest(0.0, 1.0) == chi_square(["a"] * 50, ["a"] * 70)

    def test_numbers_are_refused(self):
        with pytest.raises(InvalidDataError, match="chi_square compares categories, not numbers"):
            chi_square([1.0, 2.0], [1.0])


class TestWasserstein:
    @given(numbers, numbers)
    def test_scipy_agrees(self, reference, current):
        expected = scipy.stats.wasserstein_distance(reference, current)
        assert expected == pytest.approx(wasserstein(reference, current), abs=1e-12)

    @pytest.mark.parametrize("infinity", [math.inf, -math.inf])
    def test_infinite_values_are_refused(self, infinity):
        for pair in ([1.0, infinity], [1.0]), ([1.0], [infinity]):
            with pytest.raises(InvalidDataError, match="infinite"):
                wasserstein(*pair)


class TestBadInput:
    @pytest.mark.parametrize("function", [psi, js_divergence, ks_test, chi_square, wasserstein])
    @pytest.mark.parametrize(
        ("reference", "current"),
        [
            ([], [1.0]),
            ([1.0], []),
            ([1.0, "a"], [1.0]),
            ([1.0], ["a"]),
            (["a"], [1.0]),
            (np.array(["2026-01-01"], "M8[D]"), [1.0]),
            (np.zeros((2, 2)), [1.0]),
            (1.0, [1.0]),
            ([[1.0]], [1.0]),
            ([b"a"], [b"a"]),
        ],
        ids=str,
    )
    def test_it_is_refused_with_a_reason(self, function, reference, current):
        with pytest.raises(InvalidDataError):
            function(reference, current)

    @pytest.mark.parametrize("function", [ks_test, wasserstein])
    def test_categories_have_no_order(self, function):
        with pytest.raises(
            InvalidDataError, match="'reference' holds categories, not numbers: use chi_square"
        ):
            function(["a", "b"], ["a"])

    @pytest.mark.parametrize("function", [ks_test, wasserstein])
    def test_without_numbers_there_is_nothing_to_compare(self, function):
        with pytest.raises(InvalidDataError, match="'current' holds no numbers"):
            function([1.0], [math.nan, None])

    @pytest.mark.parametrize("function", [psi, js_divergence])
    def test_columns_without_a_value_are_of_any_kind(self, function):
        assert 0.0 == function([None], [None])
        assert function(["a"], [None]) == function([1.0], [None])
