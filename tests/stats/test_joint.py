"""Variances and covariance of pairs: those of the whole, however it was divided."""

import functools
import json
import math
import operator

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.stats import JointMoments, Moments

RNG = np.random.default_rng(0)

pairs = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=30)


def joint(pairs):
    return JointMoments.of(*(zip(*pairs, strict=True) if pairs else ((), ())))


def assert_close(expected, actual):
    """Compare what was rounded in another order."""
    assert expected.count == actual.count
    tolerance = 1e-13 * max(expected.count, 1) * 1e6
    totals = [(expected.total, actual.total), (expected.covariate_total, actual.covariate_total)]
    assert all(math.isclose(one, other, abs_tol=tolerance) for one, other in totals)
    for name in ("m2", "covariate_m2", "comoment"):
        one, other = getattr(expected, name), getattr(actual, name)
        assert math.isclose(one, other, rel_tol=1e-9, abs_tol=tolerance * 1e6), name


class TestOf:
    @pytest.mark.parametrize("size", [2, 1000, 8191, 8192, 8193, 100_000])
    @pytest.mark.parametrize("offset", [0.0, 1e6])
    def test_numpy_agrees(self, size, offset):
        x = offset + RNG.lognormal(size=size)
        c = x / 2 + RNG.normal(size=size)
        moments = JointMoments.of(x, c)
        expected = np.cov(x, c)
        assert size == moments.count
        assert math.isclose(x.mean(), moments.outcome.mean, rel_tol=1e-13)
        assert math.isclose(c.mean(), moments.covariate.mean, rel_tol=1e-13)
        assert math.isclose(expected[0, 0], moments.outcome.variance(), rel_tol=1e-9)
        assert math.isclose(expected[1, 1], moments.covariate.variance(), rel_tol=1e-9)
        assert math.isclose(expected[0, 1], moments.covariance(), rel_tol=1e-9)
        assert math.isclose(np.cov(x, c, ddof=0)[0, 1], moments.covariance(ddof=0), rel_tol=1e-9)

    def test_the_rounding_of_means_is_made_up_for(self):
        """At 10¹² a mean is off by up to a ten-thousandth; subtracting the offset is exact."""
        x, c = 1e12 + RNG.normal(size=(2, 20_000)) * [[1], [2]]
        expected = np.cov(x - 1e12, c - 1e12)
        moments = JointMoments.of(x, c + x - 1e12)
        assert math.isclose(expected[0, 0], moments.outcome.variance(), rel_tol=1e-11)
        expected = np.cov(x - 1e12, c + x - 1e12 - 1e12)
        assert math.isclose(expected[0, 1], moments.covariance(), rel_tol=1e-10)

    def test_its_columns_are_those_of_the_moments_of_each(self):
        x, c = RNG.normal(size=(2, 100))
        moments = JointMoments.of(x, c)
        assert math.isclose(Moments.of(x).m2, moments.outcome.m2, rel_tol=1e-12)
        assert math.isclose(Moments.of(c).m2, moments.covariate.m2, rel_tol=1e-12)

    def test_without_pairs_all_is_nan(self):
        assert JointMoments() == JointMoments.of([], [])
        assert np.isnan([JointMoments().covariance(), JointMoments().outcome.mean]).all()

    def test_one_pair_has_no_covariance(self):
        assert math.isnan(JointMoments.of([1.0], [2.0]).covariance())
        assert 0.0 == JointMoments.of([1.0], [2.0]).covariance(ddof=0)

    @pytest.mark.parametrize("covariate", [[], [1.0], [[1.0, 2.0]]])
    def test_every_outcome_needs_a_covariate(self, covariate):
        with pytest.raises(ValueError, match="every outcome needs a covariate"):
            JointMoments.of([1.0, 2.0], covariate)


class TestMerge:
    @given(st.lists(pairs, max_size=8))
    def test_any_split_equals_the_whole(self, parts):
        whole = joint([pair for part in parts for pair in part])
        assert_close(whole, JointMoments.merge(map(joint, parts)))
        assert_close(whole, functools.reduce(operator.add, map(joint, parts), JointMoments()))

    @given(pairs, pairs, pairs)
    def test_neither_grouping_nor_order_matters(self, a, b, c):
        a, b, c = joint(a), joint(b), joint(c)
        assert_close((a + b) + c, a + (b + c))
        assert_close(a + b, b + a)

    @given(pairs)
    def test_no_pairs_are_the_identity(self, values):
        moments = joint(values)
        assert moments == moments + JointMoments()
        assert moments == JointMoments() + moments
        assert moments == JointMoments.merge([JointMoments(), moments])

    def test_nothing_cancels_far_from_zero(self):
        x = 1e9 + RNG.normal(size=10_000)
        c = 1e9 + (x - 1e9) + RNG.normal(size=10_000)
        expected = np.cov(x - 1e9, c - 1e9)[0, 1]
        parts = [JointMoments.of(*part) for part in zip(np.split(x, 50), np.split(c, 50), strict=True)]
        assert math.isclose(expected, JointMoments.merge(parts).covariance(), rel_tol=1e-6)
        assert math.isclose(expected, functools.reduce(operator.add, parts).covariance(), rel_tol=1e-6)


class TestState:
    @given(pairs)
    def test_it_comes_back_exactly(self, values):
        moments = joint(values)
        assert moments == JointMoments.from_state(json.loads(json.dumps(moments.to_state(), allow_nan=False)))

    @given(pairs)
    def test_sums_come_back_too(self, values):
        moments = functools.reduce(operator.add, [joint([pair]) for pair in values], JointMoments())
        assert moments == JointMoments.from_state(moments.to_state())

    @pytest.mark.parametrize(
        "change",
        [
            {"count": -1},
            {"count": 0},
            {"total": None},
            {"covariate_total": math.nan},
            {"m2": -1.0},
            {"covariate_m2": -1.0},
            {"comoment": 10.0},
            {"comoment": -10.0},
            {"comoment": "1"},
        ],
        ids=repr,
    )
    def test_a_bad_state_is_refused(self, change):
        state = JointMoments.of([1.0, 2.0], [0.0, 1.0]).to_state()
        with pytest.raises(ValueError, match="state"):
            JointMoments.from_state(state | change)

    @pytest.mark.parametrize("key", [field.name for field in attrs.fields(JointMoments)])
    def test_a_state_that_lacks_something_is_refused(self, key):
        state = JointMoments.of([1.0, 2.0], [0.0, 1.0]).to_state()
        del state[key]
        with pytest.raises(ValueError, match=f"{key} of a state"):
            JointMoments.from_state(state)
