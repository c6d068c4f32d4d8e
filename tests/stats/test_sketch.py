"""Quantiles of latencies: the buckets of Prometheus, the quantiles of numpy within 0.55%."""

import functools
import hashlib
import json
import math
import operator
from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.stats import LatencySketch, _buckets

RNG = np.random.default_rng(0)
ERROR = 0.0055

# Of schema 6 in `nativeHistogramBounds`, prometheus/client_golang, prometheus/histogram.go.
PUBLISHED = {
    0: 0.5,
    1: 0.5054446430258502,
    32: 0.7071067811865475,
    38: 0.7545822137967112,
    63: 0.9892280131939752,
}
PUBLISHED_SHA256 = "2ecd534c4abe11b2b4cecae0290f89b50b187e0da78a143b55b11b6fb9612a6d"  # all 64, little-endian
BOUNDS = (_buckets._bounds()[:-1] / 2).tolist()

# Whole numbers, so that sums are exact in any order.
whole = st.lists(st.integers(0, 2**40).map(float), max_size=30)
positive = st.floats(1e-30, 1e30)


def bucket(value):
    """Say where Prometheus counts a value: https://prometheus.io/docs/specs/native_histograms/."""
    fraction, exponent = math.frexp(value)
    return bisect_left(BOUNDS, fraction) + (exponent - 1) * len(BOUNDS)


class TestBuckets:
    def test_the_bounds_are_those_that_prometheus_published(self):
        assert PUBLISHED == {index: BOUNDS[index] for index in PUBLISHED}
        assert PUBLISHED_SHA256 == hashlib.sha256(np.array(BOUNDS, dtype="<f8").tobytes()).hexdigest()

    @given(st.floats(LatencySketch.zero_threshold, 1.7e308, exclude_min=True))
    def test_every_value_is_counted_where_prometheus_counts_it(self, value):
        sketch = LatencySketch.of([value])
        assert ([bucket(value)], [1]) == (sketch.indexes.tolist(), sketch.counts.tolist())

    def test_many_values_are_counted_where_prometheus_counts_them(self):
        values = 10.0 ** RNG.uniform(-30, 30, size=20_000)
        indexes, counts = np.unique([bucket(value) for value in values.tolist()], return_counts=True)
        sketch = LatencySketch.of(values)
        assert (indexes.tolist(), counts.tolist()) == (sketch.indexes.tolist(), sketch.counts.tolist())

    def test_every_bound_belongs_to_the_bucket_below_it(self):
        """So bucket 0 ends with 1.0, and bucket 64 with 2.0."""
        bounds = np.ldexp(np.array(BOUNDS), np.arange(-126, 1001)[:, np.newaxis]).ravel()
        sketch = LatencySketch.of(bounds)
        assert list(range(-127 * 64, 1000 * 64)) == sketch.indexes.tolist()
        assert {1} == set(sketch.counts.tolist())
        above = LatencySketch.of(np.nextafter(bounds, np.inf))
        assert (sketch.indexes + 1).tolist() == above.indexes.tolist()
        assert [[0], [64]] == [LatencySketch.of([value]).indexes.tolist() for value in (1.0, 2.0)]

    def test_the_largest_float_has_a_bucket(self):
        largest = np.finfo(np.float64).max
        sketch = LatencySketch.of([largest])
        assert [1024 * 64] == sketch.indexes.tolist()
        assert largest == sketch.quantile(0.5)

    def test_the_zero_bucket_ends_with_its_threshold(self):
        threshold = 2.938735877055719e-39  # DefNativeHistogramZeroThreshold of client_golang
        assert (6, threshold) == (LatencySketch.schema, LatencySketch.zero_threshold)
        sketch = LatencySketch.of([0.0, -0.0, 5e-324, 1e-40, threshold])
        assert (5, 5, []) == (sketch.count, sketch.zero_count, sketch.indexes.tolist())
        sketch = LatencySketch.of([threshold, math.nextafter(threshold, 1), 1.0])
        assert (3, 1, [-128 * 64 + 1, 0]) == (sketch.count, sketch.zero_count, sketch.indexes.tolist())

    def test_the_arrays_are_small(self):
        sketch = LatencySketch.of(RNG.lognormal(size=100))
        assert (np.int32, np.int64) == (sketch.indexes.dtype, sketch.counts.dtype)

    @pytest.mark.parametrize("size", [8191, 8192, 8193, 100_000])
    def test_all_values_are_counted(self, size):
        values = RNG.lognormal(size=size)
        sketch = LatencySketch.of(values)
        assert (size, size) == (sketch.count, sketch.counts.sum())
        assert (values.min(), values.max()) == (sketch.minimum, sketch.maximum)
        assert math.isclose(math.fsum(values), sketch.total, rel_tol=1e-14)
        assert math.isclose(values.mean(), sketch.mean, rel_tol=1e-14)

    def test_columns_of_records_are_counted_alike(self):
        """They are neither contiguous nor aligned; and integers are values, too."""
        records = np.zeros(20_000, dtype=[("flag", "u1"), ("value", "f8")])
        records["value"] = RNG.integers(0, 500, size=len(records))
        sketch = LatencySketch.of(records["value"])
        assert LatencySketch.of(records["value"].copy()) == sketch
        assert LatencySketch.of(records["value"].astype(np.int32)) == sketch


class TestQuantiles:
    @pytest.mark.parametrize(
        "values",
        [
            RNG.lognormal(1, 2, size=30_001),
            RNG.exponential(1e-6, size=10_000),
            RNG.uniform(size=1000),
            RNG.pareto(1, size=5000) * 1e12,
            np.concatenate([RNG.normal(10, 0.1, size=500), RNG.normal(1000, 1, size=500)]),
            np.full(100, 12.5),
            np.arange(7.0),
            np.array([0.0, 0.0, 0.0, 5.0]),
            np.array([3.0]),
        ],
        ids=["lognormal", "exponential", "uniform", "pareto", "two modes", "constant", "few", "zeros", "one"],
    )
    def test_they_are_within_the_error_of_the_sample_quantile(self, values):
        qs = np.concatenate([np.linspace(0, 1, 501), [0.999, 0.9999], np.arange(11) / 10, np.arange(8) / 7])
        expected = np.quantile(values, qs, method="inverted_cdf")
        actual = LatencySketch.of(values).quantiles(qs)
        assert (np.abs(actual - expected) <= ERROR * expected).all()

    @given(st.lists(positive, min_size=1, max_size=50), st.floats(0, 1))
    def test_any_quantile_of_any_values_is(self, values, q):
        expected = np.quantile(values, q, method="inverted_cdf")
        assert abs(LatencySketch.of(values).quantile(q) - expected) <= ERROR * expected

    def test_the_error_is_reached_at_both_ends_of_a_bucket_and_nowhere_exceeded(self):
        """It is (g - 1) / (g + 1) for buckets that grow by g."""
        lower, upper = math.nextafter(1.0, 2), BOUNDS[1] * 2
        sketch = LatencySketch.of(np.linspace(lower, upper, 101))
        assert 1 == len(sketch.indexes)
        worst = (2 ** (1 / 64) - 1) / (2 ** (1 / 64) + 1)
        assert worst < ERROR
        middle = sketch.quantile(0.5)
        assert math.isclose(worst, middle / lower - 1, rel_tol=1e-9)
        assert math.isclose(worst, 1 - middle / upper, rel_tol=1e-9)

    def test_they_stay_between_the_least_and_the_largest_value(self):
        sketch = LatencySketch.of([1.0001, 1.0002])
        assert (1.0001, 1.0002) == (sketch.minimum, sketch.maximum)
        assert {1.0002} == set(sketch.quantiles([0.0, 0.5, 1.0]).tolist())
        assert [7.3, 7.3] == LatencySketch.of([7.3]).quantiles([0, 1]).tolist()

    def test_values_up_to_the_threshold_count_as_zero(self):
        assert [0.0, 0.0] == LatencySketch.of([0.0, 1e-40, 1.0]).quantiles([0.3, 0.6]).tolist()

    def test_the_shape_is_that_of_the_question(self):
        sketch = LatencySketch.of([1.0, 2.0])
        assert (2, 3) == sketch.quantiles(np.full((2, 3), 0.5)).shape
        assert () == sketch.quantiles(0.5).shape
        assert (0,) == sketch.quantiles([]).shape
        assert float is type(sketch.quantile(0.5))

    @pytest.mark.parametrize("q", [-0.001, 1.001, math.nan, math.inf])
    @pytest.mark.parametrize("values", [[], [1.0]], ids=["empty", "not empty"])
    def test_what_is_no_probability_is_refused(self, q, values):
        with pytest.raises(ValueError, match="between 0 and 1"):
            LatencySketch.of(values).quantiles([0.5, q])

    def test_without_data_all_is_nan(self):
        sketch = LatencySketch.of([])
        assert LatencySketch() == sketch
        assert np.isnan([sketch.mean, sketch.quantile(0.5), *sketch.quantiles([0, 1])]).all()
        assert (2, 3) == sketch.quantiles(np.full((2, 3), 0.5)).shape
        assert (0, math.inf, -math.inf) == (sketch.count, sketch.minimum, sketch.maximum)


class TestMerge:
    @given(st.lists(whole, max_size=8))
    def test_any_split_equals_the_whole_exactly(self, parts):
        expected = LatencySketch.of([value for part in parts for value in part])
        assert expected == LatencySketch.merge(map(LatencySketch.of, parts))

    @given(st.lists(st.lists(st.floats(0, 1e300), max_size=10), max_size=8))
    def test_only_the_sum_of_fractions_is_rounded(self, parts):
        expected = LatencySketch.of([value for part in parts for value in part]).to_state()
        actual = LatencySketch.merge(map(LatencySketch.of, parts)).to_state()
        assert math.isclose(expected.pop("total"), actual.pop("total"), rel_tol=1e-13)
        assert expected == actual

    @given(st.lists(whole, max_size=8))
    def test_merge_equals_a_chain_of_sums(self, parts):
        sketches = [LatencySketch.of(part) for part in parts]
        assert functools.reduce(operator.add, sketches, LatencySketch()) == LatencySketch.merge(sketches)

    @given(whole, whole, whole)
    def test_the_grouping_and_the_order_do_not_matter(self, a, b, c):
        a, b, c = LatencySketch.of(a), LatencySketch.of(b), LatencySketch.of(c)
        assert (a + b) + c == a + (b + c) == c + (b + a)

    @given(whole)
    def test_no_values_are_the_identity(self, values):
        sketch = LatencySketch.of(values)
        assert sketch == sketch + LatencySketch() == LatencySketch() + sketch

    def test_of_none_is_the_identity(self):
        assert LatencySketch() == LatencySketch.merge(iter([]))

    def test_different_values_are_not_equal(self):
        """Nor are those with the same count, sum, least and largest value."""
        assert LatencySketch.of([1.0, 1.0, 4.0, 6.0]) != LatencySketch.of([1.0, 2.0, 3.0, 6.0])

    def test_a_thousand_parts(self):
        values = RNG.integers(1, 10_000, size=(1000, 50)).astype(np.float64)
        assert LatencySketch.of(values.ravel()) == LatencySketch.merge(map(LatencySketch.of, values))


class TestState:
    @given(st.lists(st.floats(0, 1e300), max_size=30))
    def test_it_comes_back_exactly(self, values):
        sketch = LatencySketch.of(values)
        loaded = LatencySketch.from_state(json.loads(json.dumps(sketch.to_state(), allow_nan=False)))
        assert sketch == loaded
        assert (np.int32, np.int64) == (loaded.indexes.dtype, loaded.counts.dtype)

    @pytest.mark.parametrize(
        "change",
        [
            {"count": 4},
            {"zero_count": 2},
            {"zero_count": -1, "count": 1},
            {"minimum": -1.0},
            {"minimum": 3.0},
            {"maximum": 7.0},
            {"maximum": None},
            {"total": 1.0},
            {"indexes": [0]},
            {"indexes": [64, 0]},
            {"indexes": [0, 0]},
            {"indexes": [-128 * 64, 0]},
            {"indexes": [0, 1024 * 64 + 1]},
            {"indexes": [0, 2**32]},
            {"indexes": [0, 2**64]},
            {"indexes": [0.0, 64.0]},
            {"indexes": [False, 64]},
            {"indexes": [[0], [64]]},
            {"indexes": None},
            {"counts": [1]},
            {"counts": [2, 0]},
            {"counts": [3, -1]},
            {"counts": (1, 1)},
            {"counts": {"0": 1}},
            {"zero_count": 0, "count": 0, "indexes": [], "counts": [], "minimum": 0.0, "maximum": 0.0},
        ],
        ids=lambda change: repr(change)[:50],
    )
    def test_a_bad_state_is_refused(self, change):
        state = LatencySketch.of([0.0, 1.0, 2.0]).to_state()
        assert [0, 64] == state["indexes"]
        with pytest.raises(ValueError, match="state"):
            LatencySketch.from_state(state | change)

    def test_buckets_that_exist_are_taken(self):
        """The lowest and the highest one."""
        values = [math.nextafter(LatencySketch.zero_threshold, 1), np.finfo(np.float64).max]
        sketch = LatencySketch.of(values)
        assert sketch == LatencySketch.from_state(sketch.to_state())
