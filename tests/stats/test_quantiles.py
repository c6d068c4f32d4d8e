"""Quantiles of any number of numbers: exact while few, then within a bound that always holds."""

import functools
import math
import operator
import pickle
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.stats._quantiles import QuantileSketch

RNG = np.random.default_rng(0)
INF = math.inf

numbers = st.lists(st.integers(0, 9).map(float) | st.floats(allow_nan=False), max_size=60)
probabilities = [0.0, 0.01, 0.1, 0.25, 0.5, 0.9, 0.999, 1.0]

small = functools.partial(mock.patch.object, QuantileSketch, "capacity")


def assert_ranks_within_bound(sketch, everything):
    """Compare the ranks of all values that there are, of those at most and of those below each."""
    everything = np.sort(everything)
    values, weights = sketch.weighted()
    counted = np.append(0, np.cumsum(weights))
    assert (values[1:] >= values[:-1]).all()
    assert len(everything) == sketch.count == weights.sum()
    for side in ("left", "right"):
        expected = np.searchsorted(everything, everything, side)
        actual = counted[np.searchsorted(values, everything, side)]
        assert (actual - expected).max(initial=0) <= sketch.over <= sketch.rank_error
        assert (expected - actual).max(initial=0) <= sketch.under <= sketch.rank_error


class TestWhileFew:
    @given(numbers.filter(len))
    def test_numpy_agrees(self, values):
        sketch = QuantileSketch.of(values)
        expected = np.quantile(values, probabilities, method="inverted_cdf")
        assert expected.tolist() == sketch.quantiles(probabilities).tolist()
        assert (min(values), max(values), len(values), 0) == (
            sketch.minimum,
            sketch.maximum,
            sketch.count,
            sketch.rank_error,
        )

    def test_as_many_as_the_capacity_are_all_kept(self):
        values = RNG.normal(size=QuantileSketch.capacity)
        sketch = QuantileSketch.of(values)
        assert (65_536, 0) == (sketch.kept, sketch.rank_error)
        kept, weights = sketch.weighted()
        assert np.array_equal(np.sort(values), kept)
        assert (weights == 1).all()
        assert 0 < (sketch + QuantileSketch.of([0.0])).rank_error

    def test_infinities_are_values(self):
        sketch = QuantileSketch.of([1.0, INF, -INF, 2.0])
        assert (-INF, INF) == (sketch.minimum, sketch.maximum)
        assert [-INF, 1.0, 2.0, INF] == sketch.quantiles([0.25, 0.5, 0.75, 1.0]).tolist()

    @pytest.mark.parametrize("values", [[math.nan], [1.0, -math.nan, INF]])
    def test_nan_is_refused(self, values):
        with pytest.raises(ValueError, match="NaN has no rank"):
            QuantileSketch.of(values)

    def test_without_data_quantiles_are_nan_in_the_shape_asked_for(self):
        sketch = QuantileSketch.of([])
        assert QuantileSketch() == sketch
        assert (INF, -INF, 0, 0) == (sketch.minimum, sketch.maximum, sketch.count, sketch.rank_error)
        assert np.isnan(sketch.quantiles([[0.1, 0.5]])).all()
        assert (1, 2) == sketch.quantiles([[0.1, 0.5]]).shape
        values, weights = sketch.weighted()
        assert (0, 0, np.int64) == (len(values), len(weights), weights.dtype)

    @pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
    def test_a_probability_lies_between_0_and_1(self, q):
        with pytest.raises(ValueError, match="between 0 and 1"):
            QuantileSketch.of([1.0]).quantiles([0.5, q])


class TestBeyond:
    def test_two_thinnings_by_hand(self):
        """Of 2, 3, 4, 5 the first of each pair is kept, then of 1, 6, 7, 8 the second."""
        with small(4):
            one = QuantileSketch.of([5, 4, 3, 2, 1])
            two = one + QuantileSketch.of([8, 7, 6])
        assert ([1, 2, 4], [1, 2, 2]) == tuple(part.tolist() for part in one.weighted())
        assert (1, 0) == (one.over, one.under)
        assert ([2, 4, 6, 8], [2, 2, 2, 2]) == tuple(part.tolist() for part in two.weighted())
        assert (1, 1) == (two.over, two.under)
        assert (1, 8) == (two.minimum, two.maximum)
        assert [1, 4, 8] == two.quantiles([0, 0.5, 1]).tolist()

    @given(st.lists(numbers, max_size=12), st.integers(16, 40))
    def test_the_bound_holds_for_any_numbers_in_any_parts(self, parts, capacity):
        everything = [value for part in parts for value in part]
        with small(capacity):
            sketches = [QuantileSketch.of(part) for part in parts]
            merged = QuantileSketch.merge(sketches)
            added = functools.reduce(operator.add, sketches, QuantileSketch())
        for sketch in (merged, added):
            assert sketch.kept <= capacity
            assert_ranks_within_bound(sketch, np.array(everything))

    @pytest.mark.parametrize("order", ["random", "ascending", "descending", "alternating", "constant"])
    def test_a_million_in_any_order_are_within_a_five_hundredth_of_a_percent(self, order):
        values = RNG.lognormal(size=1_000_000) if order == "random" else np.arange(1_000_000.0)
        if order == "descending":
            values = values[::-1]
        if order == "alternating":
            values *= np.where(np.arange(len(values)) % 2, 1.0, -1.0)
        if order == "constant":
            values = np.ones(len(values))
        sketch = QuantileSketch.merge(map(QuantileSketch.of, np.array_split(values, 30)))
        assert sketch.rank_error <= 200
        assert sketch.kept <= QuantileSketch.capacity
        assert_ranks_within_bound(sketch, values)

    def test_quantiles_have_nearly_the_rank_asked_for(self):
        values = RNG.permutation(1_000_000).astype(np.float64)
        sketch = functools.reduce(operator.add, map(QuantileSketch.of, np.split(values, 10)))
        qs = np.linspace(0, 1, 1001)
        assert np.abs(sketch.quantiles(qs) - qs * 1e6).max() <= sketch.rank_error + 1
        assert [0.0, 999_999.0] == sketch.quantiles([0, 1]).tolist()

    @pytest.mark.slow
    def test_a_hundred_million_are_within_a_twenty_fifth_of_a_percent_in_half_a_mebibyte(self):
        """They are 0, 1, 2, …, so that the rank of each is known without keeping them."""
        sketch = QuantileSketch()
        for start in range(1000):
            sketch += QuantileSketch.of(np.arange(start, 100_000_000, 1000))
            assert sketch.kept * 8 <= 1 << 19
        values, weights = sketch.weighted()
        assert 100_000_000 == weights.sum()
        assert np.abs(np.cumsum(weights) - (values + 1)).max() <= sketch.rank_error <= 40_000


class TestMerge:
    @given(numbers, numbers, numbers)
    def test_grouping_and_order_do_not_matter_while_all_are_kept(self, a, b, c):
        expected = QuantileSketch.of(a + b + c)
        a, b, c = map(QuantileSketch.of, (a, b, c))
        assert expected == (a + b) + c == a + (b + c) == c + b + a == QuantileSketch.merge(iter([b, a, c]))

    @given(numbers, st.integers(16, 40))
    def test_no_numbers_are_the_identity(self, values, capacity):
        with small(capacity):
            sketch = QuantileSketch.of(values)
            assert sketch == sketch + QuantileSketch() == QuantileSketch() + sketch
        assert QuantileSketch() == QuantileSketch.merge(iter([]))

    def test_parts_are_taken_from_an_iterator_as_they_come(self):
        """What is held at one time never is the whole."""
        alive = []
        with small(100), mock.patch.object(QuantileSketch, "_join", wraps=QuantileSketch._join) as join:
            merged = QuantileSketch.merge(QuantileSketch.of(RNG.normal(size=90)) for _ in range(1000))
            alive = [sum(part.kept for part in call.args[0]) for call in join.call_args_list]
        assert 90_000 == merged.count
        assert max(alive) <= 4 * 100 + 90
        assert merged.kept <= 100

    def test_the_same_numbers_give_the_same_sketch(self):
        values = RNG.normal(size=200_000)
        assert QuantileSketch.of(values) == QuantileSketch.of(values[::-1])

    def test_different_numbers_are_not_equal(self):
        sketch = QuantileSketch.of([1.0, 2.0, 4.0])
        assert sketch != QuantileSketch.of([1.0, 3.0, 4.0])
        assert sketch != QuantileSketch()

    def test_it_may_come_from_another_process(self):
        sketch = QuantileSketch.of(RNG.normal(size=100_000))
        assert sketch == pickle.loads(pickle.dumps(sketch))
