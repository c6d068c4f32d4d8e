"""Sums in buckets of units: whole units, evenly spread, and those of the whole however it was divided."""

import json
import math

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlprod.stats import ClusterSums

RNG = np.random.default_rng(0)

# Whole numbers, so that sums are exact in any order.
outcomes = st.lists(st.tuples(st.integers(-1000, 1000).map(float), st.integers(0, 2**64 - 1)), max_size=8)


def sums(outcomes):
    values, hashes = zip(*outcomes, strict=True) if outcomes else ((), ())
    return ClusterSums.of(values, np.array(hashes, dtype=np.uint64))


class TestOf:
    @given(outcomes)
    def test_everything_is_counted_once(self, outcomes):
        actual = sums(outcomes)
        assert (len(outcomes), sum(value for value, _ in outcomes)) == (actual.count, actual.total)

    @given(st.integers(0, 2**64 - 1))
    def test_the_bucket_is_the_top_of_a_product(self, unit):
        bucket = unit * 0x9E3779B97F4A7C15 % 2**64 >> 56
        assert [bucket] == np.flatnonzero(sums([(1.0, unit)]).counts)

    def test_all_outcomes_of_a_unit_are_in_one_bucket(self):
        hashes = np.repeat(np.uint64(xxhash.xxh3_64_intdigest(b"a unit")), 50)
        actual = ClusterSums.of(np.arange(50.0), hashes)
        assert [50] == actual.counts[actual.counts > 0].tolist()
        assert [1225.0] == actual.totals[actual.counts > 0].tolist()

    @pytest.mark.parametrize("low_bits", [slice(None), slice(0, 2**31), slice(2**31, 2**31 + 2**27)])
    def test_units_of_every_variant_are_spread_evenly(self, low_bits):
        """A variant is a range of the lower half of the hash."""
        hashes = np.array([xxhash.xxh3_64_intdigest(b"unit %d" % i) for i in range(60_000)], dtype=np.uint64)
        lower = hashes & np.uint64(0xFFFFFFFF)
        chosen = hashes[(lower >= (low_bits.start or 0)) & (lower < (low_bits.stop or 2**32))]
        counts = ClusterSums.of(np.ones(len(chosen)), chosen).counts
        assert stats.chisquare(counts).pvalue > 1e-4

    def test_every_outcome_needs_a_hash(self):
        with pytest.raises(ValueError, match="every outcome needs a hash of its unit"):
            ClusterSums.of([1.0, 2.0], np.zeros(1, dtype=np.uint64))


class TestOfRows:
    @pytest.mark.parametrize(("size", "largest"), [(0, 0), (1, 1), (256, 1), (257, 2), (1000, 4)])
    def test_buckets_are_equally_large(self, size, largest):
        actual = ClusterSums.of_rows(np.ones(size), seed=1)
        assert (size, largest, float(size)) == (actual.count, actual.counts.max(), actual.total)
        assert size < 256 or largest - actual.counts.min() <= 1

    def test_the_order_of_rows_does_not_stay(self):
        """Sorted rows in blocks would make the buckets differ much more than rows do."""
        actual = ClusterSums.of_rows(np.arange(256_000.0), seed=1)
        spread = (actual.totals / actual.counts).std() * math.sqrt(1000)
        assert math.isclose(256_000 / math.sqrt(12), spread, rel_tol=0.15)

    def test_a_seed_makes_it_reproducible(self):
        values = RNG.normal(size=1000)
        assert ClusterSums.of_rows(values, 3) == ClusterSums.of_rows(values, 3)
        assert ClusterSums.of_rows(values, 3) != ClusterSums.of_rows(values, 4)


class TestMerge:
    @given(st.lists(outcomes, max_size=4))
    def test_any_split_equals_the_whole_exactly(self, parts):
        whole = sums([outcome for part in parts for outcome in part])
        assert whole == ClusterSums.merge(map(sums, parts))
        assert whole == sum(map(sums, parts), start=ClusterSums())

    @given(outcomes, outcomes, outcomes)
    def test_neither_grouping_nor_order_matters(self, a, b, c):
        a, b, c = sums(a), sums(b), sums(c)
        assert (a + b) + c == a + (b + c)
        assert a + b == b + a


class TestState:
    @given(outcomes)
    def test_it_comes_back_exactly(self, outcomes):
        actual = sums(outcomes)
        assert actual == ClusterSums.from_state(json.loads(json.dumps(actual.to_state(), allow_nan=False)))

    @pytest.mark.parametrize(
        "change",
        [
            {"counts": [1] * 255},
            {"totals": [1.0] * 257},
            {"counts": [-1] + [0] * 255, "totals": [0.0] * 256},
            {"counts": [0] * 256},
            {"counts": None},
            {"totals": [math.inf] * 256},
        ],
        ids=["too few", "too many", "negative", "sums of none", "missing", "infinite"],
    )
    def test_a_bad_state_is_refused(self, change):
        state = ClusterSums.of_rows(np.ones(300), seed=0).to_state()
        with pytest.raises(ValueError, match="state"):
            ClusterSums.from_state(state | change)
