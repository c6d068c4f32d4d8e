"""Count, mean and variance: those of the whole, however it was divided."""

import functools
import json
import math
import operator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import InvalidDataError
from mlprod.stats import Moments

RNG = np.random.default_rng(0)

numbers = st.lists(st.floats(-1e6, 1e6), max_size=30)


def assert_close(expected, actual, *, scale=1e6):
    """Compare what was rounded in another order; `scale` is the size of the numbers."""
    assert expected.count == actual.count
    tolerance = 1e-13 * max(expected.count, 1) * scale
    assert math.isclose(expected.total, actual.total, abs_tol=tolerance)
    assert math.isclose(expected.m2, actual.m2, rel_tol=1e-9, abs_tol=tolerance * scale)


class TestOf:
    @pytest.mark.parametrize("size", [2, 1000, 8191, 8192, 8193, 100_000])
    def test_numpy_agrees(self, size):
        values = RNG.lognormal(size=size)
        moments = Moments.of(values)
        assert size == moments.count
        assert math.isclose(np.mean(values), moments.mean, rel_tol=1e-14)
        assert math.isclose(np.var(values), moments.variance(ddof=0), rel_tol=1e-12)
        assert math.isclose(np.var(values, ddof=1), moments.variance(), rel_tol=1e-12)
        assert math.isclose(np.std(values, ddof=1), moments.std(), rel_tol=1e-12)
        assert math.isclose(np.std(values, ddof=0), moments.std(ddof=0), rel_tol=1e-12)

    @pytest.mark.parametrize("offset", [1e6, 1e9, -1e12])
    def test_nothing_cancels_far_from_zero(self, offset):
        """The expected variance is computed in exact fractions; the means of parts are rounded."""
        tolerance = 1e-17 * abs(offset)
        values = offset + RNG.normal(size=20_000)
        exact = [Fraction(value) for value in values.tolist()]
        mean = sum(exact) / len(exact)
        variance = float(sum((value - mean) ** 2 for value in exact) / (len(exact) - 1))
        assert math.isclose(variance, Moments.of(values).variance(), rel_tol=1e-11)
        parts = Moments.merge(map(Moments.of, np.split(values, 100)))
        assert math.isclose(variance, parts.variance(), rel_tol=tolerance)
        added = functools.reduce(operator.add, map(Moments.of, np.split(values, 100)))
        assert math.isclose(variance, added.variance(), rel_tol=tolerance)

    def test_the_numbers_from_1_to_n(self):
        """Their mean is (n + 1) / 2, their variance n (n + 1) / 12."""
        moments = Moments.of(np.arange(1, 1001))
        assert (1000, 500_500.0) == (moments.count, moments.total)
        assert 500.5 == moments.mean
        assert math.isclose(1000 * 1001 / 12, moments.variance(), rel_tol=1e-14)

    @given(st.floats(-1e9, 1e9), st.integers(1, 50))
    def test_equal_numbers_have_no_variance_and_never_a_negative_one(self, value, count):
        moments = Moments.of([value] * count)
        assert moments.m2 >= 0
        assert math.isclose(0, moments.m2, abs_tol=1e-28 * count * value * value)
        merged = Moments.merge([Moments.of([value])] * count)
        assert merged.m2 >= 0
        assert math.isclose(0, merged.m2, abs_tol=1e-28 * count * value * value)

    def test_columns_of_records_are_read_as_they_are(self):
        """They are neither contiguous nor aligned."""
        records = np.zeros(20_000, dtype=[("flag", "u1"), ("value", "f8")])
        records["value"] = RNG.normal(size=len(records))
        assert_close(Moments.of(records["value"].copy()), Moments.of(records["value"]), scale=1)


class TestTooFew:
    def test_without_data_all_is_nan(self):
        moments = Moments.of([])
        assert Moments() == moments
        assert np.isnan([moments.mean, moments.variance(), moments.variance(ddof=0), moments.std()]).all()

    def test_one_number_has_a_mean_but_no_unbiased_variance(self):
        moments = Moments.of([3.0])
        assert (3.0, 0.0) == (moments.mean, moments.variance(ddof=0))
        assert math.isnan(moments.variance())
        assert math.isnan(moments.std())

    def test_as_many_as_the_degrees_of_freedom_are_too_few(self):
        assert math.isnan(Moments.of([1.0, 2.0]).variance(ddof=2))


class TestMerge:
    @given(st.lists(numbers, max_size=8))
    def test_any_split_equals_the_whole(self, parts):
        whole = Moments.of([value for part in parts for value in part])
        assert_close(whole, Moments.merge(map(Moments.of, parts)))

    @given(st.lists(numbers, max_size=8))
    def test_merge_equals_a_chain_of_sums(self, parts):
        moments = [Moments.of(part) for part in parts]
        assert_close(functools.reduce(operator.add, moments, Moments()), Moments.merge(moments))

    @given(numbers, numbers, numbers)
    def test_the_grouping_does_not_matter(self, a, b, c):
        a, b, c = Moments.of(a), Moments.of(b), Moments.of(c)
        assert_close((a + b) + c, a + (b + c))

    @given(numbers)
    def test_no_numbers_are_the_identity(self, values):
        moments = Moments.of(values)
        assert moments == moments + Moments()
        assert moments == Moments() + moments
        assert moments == Moments.merge([Moments(), moments, Moments()])

    def test_of_none_is_the_identity(self):
        assert Moments() == Moments.merge(iter([]))

    def test_a_thousand_parts(self):
        values = RNG.normal(5, 2, size=(1000, 50))
        merged = Moments.merge(map(Moments.of, values))
        assert values.size == merged.count
        assert math.isclose(values.mean(), merged.mean, rel_tol=1e-13)
        assert math.isclose(values.var(ddof=1), merged.variance(), rel_tol=1e-12)


class TestState:
    @given(numbers)
    def test_it_comes_back_exactly(self, values):
        moments = Moments.of(values)
        text = json.dumps(moments.to_state(), allow_nan=False)
        assert moments == Moments.from_state(json.loads(text))

    def test_whole_numbers_may_lose_their_point(self):
        """Other writers of JSON write 3.0 as 3."""
        assert Moments(2, 3.0, 1.0) == Moments.from_state({"count": 2, "total": 3, "m2": 1})

    @pytest.mark.parametrize(
        "change",
        [
            {"count": None},
            {"count": -1},
            {"count": 2.0},
            {"count": True},
            {"count": "2"},
            {"total": None},
            {"total": "1"},
            {"total": True},
            {"total": [1.0]},
            {"total": math.nan},
            {"total": math.inf},
            {"total": 10**400},
            {"m2": -1.0},
            {"m2": {}},
            {"count": 0, "m2": 0.0},
            {"count": 0, "total": 0.0},
        ],
        ids=lambda change: repr(change)[:50],
    )
    def test_a_bad_state_is_refused(self, change):
        state = Moments.of([1.0, 2.0]).to_state()
        with pytest.raises(ValueError, match="state"):
            Moments.from_state(state | change)

    @pytest.mark.parametrize("key", ["count", "total", "m2"])
    def test_a_state_that_lacks_something_is_refused(self, key):
        state = Moments.of([1.0, 2.0]).to_state()
        del state[key]
        with pytest.raises(ValueError, match=f"{key} of a state"):
            Moments.from_state(state)


def test_a_count_beyond_64_bits_is_refused():
    """No sum of such counts could be a float."""
    with pytest.raises(InvalidDataError, match="count of a state must be a whole number"):
        Moments.from_state({"count": 1 << 63, "total": 1.0, "m2": 0.0})
