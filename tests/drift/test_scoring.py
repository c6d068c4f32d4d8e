"""The score of a value is its mid-rank in the reference."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from mlprod.drift._column import Categories, read_items
from mlprod.drift._gathering import feature_of
from mlprod.drift._scoring import score_of, scores_of, spread_of
from mlprod.errors import InvalidDataError

RNG = np.random.default_rng(0)

values = st.one_of(st.none(), st.integers(-5, 5).map(float), st.floats(allow_nan=True))


def feature(items):
    return feature_of(read_items(items, "x"), bins=10)


def same(expected, actual):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-15)


class TestNumbers:
    def test_the_score_of_a_reference_value_is_the_rank_of_scipy(self):
        items = RNG.integers(50, size=400).astype(float).tolist()
        expected = (scipy.stats.rankdata(items) - 0.5) / len(items)
        score = score_of("x", feature(items))
        same(expected, [score(item) for item in items])

    def test_between_two_values_of_the_reference_it_is_the_share_below(self):
        score = score_of("x", feature([1.0, 2.0, 2.0, 4.0]))
        assert [0.0, 0.125, 0.25, 0.5, 0.75, 0.875, 1.0] == [
            score(value) for value in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
        ]

    def test_infinite_values_are_beyond_all(self):
        score = score_of("x", feature([1.0, 2.0]))
        assert (0.0, 1.0) == (score(-math.inf), score(math.inf))

    def test_missing_values_are_ranked_last(self):
        """Of four rows two are missing: their shares run from 0.5 to 1."""
        score = score_of("x", feature([1.0, None, 2.0, None]))
        assert (0.125, 0.375, 0.75, 0.75) == (score(1.0), score(2.0), score(None), score(math.nan))

    @pytest.mark.parametrize("value", [1, 1.0, np.float32(1), np.int8(1)])
    def test_whatever_kind_of_number_it_is(self, value):
        assert 0.25 == score_of("x", feature([1.0, 2.0]))(value)

    def test_without_finite_values_in_the_reference_all_that_is_alike_scores_alike(self):
        score = score_of("x", feature([None, None]))
        assert (0.5, 0.5, 0.0, 0.0) == (score(None), score(math.nan), score(7.0), score(math.inf))

    @given(st.lists(values, min_size=1, max_size=30), st.lists(values, min_size=1, max_size=30))
    def test_one_by_one_or_all_at_once(self, reference, current):
        found = feature(reference)
        column = np.array(current, np.float64)
        score = score_of("x", found)
        assert [score(value) for value in current] == scores_of(found, column).tolist()

    @given(st.lists(values, min_size=1, max_size=30))
    def test_the_mean_over_the_reference_is_one_half(self, reference):
        found = feature(reference)
        assert 0.5 == pytest.approx(scores_of(found, np.array(reference, np.float64)).mean(), abs=1e-12)

    @pytest.mark.parametrize("value", ["1", "", (1,), [1.0], {}])
    def test_what_is_no_number_is_refused(self, value):
        with pytest.raises(InvalidDataError, match=r"feature 'x' is a number in the reference, and .* now"):
            score_of("x", feature([1.0, 2.0]))(value)


class TestCategories:
    def test_the_score_is_the_middle_of_the_shares_the_most_frequent_first(self):
        score = score_of("x", feature(["b", "a", "b", None]))
        assert [0.25, 0.625, 0.75, 0.875] == [score(value) for value in ("b", "a", "new", None)]

    def test_booleans_are_scored_like_their_texts(self):
        score = score_of("x", feature([True, True, False, True]))
        assert (0.375, 0.875, 0.375) == tuple(map(score, (True, np.False_, "true")))

    def test_texts_of_numpy_are_texts(self):
        assert 0.25 == score_of("x", feature(["a", "b"]))(np.str_("a"))

    def test_nan_is_missing(self):
        assert 0.75 == score_of("x", feature(["a", None]))(math.nan)

    @pytest.mark.parametrize("value", [1, 1.5, b"a", ()])
    def test_what_is_no_category_is_refused(self, value):
        with pytest.raises(InvalidDataError, match="feature 'x' is a text or a boolean in the reference"):
            score_of("x", feature(["a"]))(value)

    @given(
        st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1),
        st.lists(st.sampled_from(["a", "b", "z", None]), min_size=1),
    )
    def test_one_by_one_or_all_at_once(self, reference, current):
        found = feature(["a", *reference])
        column = found.accept("x", read_items(current, "x"))
        score = score_of("x", found)
        assert isinstance(column, Categories)
        assert [score(value) for value in current] == scores_of(found, column).tolist()


class TestSpread:
    def test_without_ties_it_is_one_half(self):
        """The mean of |2 r - 1| over the ranks (i - 1/2) / n is exactly 1/2 for even n."""
        assert 0.5 == pytest.approx(spread_of(feature([float(i) for i in range(100)])), abs=1e-12)

    def test_a_constant_has_none(self):
        assert 0.0 == spread_of(feature([3.0] * 10))

    def test_of_two_equal_halves_it_is_one_half(self):
        assert 0.5 == spread_of(feature(["a", "b"] * 5))
