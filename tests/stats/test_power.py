"""Sample size and power: those of statsmodels 0.15.0, whose figures stand here."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.stats import Estimate, Moments, chi_square, power, sample_size, welch


class TestMeans:
    @pytest.mark.parametrize(
        ("effect", "count", "ratio", "alpha", "expected"),
        [
            (0.1, 1000, 1.0, 0.05, 0.6083667058091785),
            (0.5, 20, 1.0, 0.05, 0.3379390289250411),
            (0.3, 50, 2.0, 0.05, 0.4056096657763756),
            (0.08, 1000, 1.0, 0.05, 0.4318199117187825),
            (0.02, 50_000, 0.25, 0.01, 0.2823497139179653),
        ],
    )
    def test_statsmodels_agrees(self, effect, count, ratio, alpha, expected):
        """`TTestIndPower.power`."""
        for sign in (-1, 1):
            actual = power(sign * effect * 3, count, std=3.0, ratio=ratio, confidence=1 - alpha)
            assert math.isclose(expected, actual, rel_tol=1e-6)

    @pytest.mark.parametrize(
        ("effect", "wanted", "ratio", "comparisons", "expected"),
        [
            (0.1, 0.8, 1.0, 1, 1570.7330430520037),
            (0.5, 0.9, 1.0, 1, 85.0312841157341),
            (0.3, 0.8, 2.0, 1, 131.45765662688444),
            (0.125, 0.8, 1.0, 2, 1217.9014230855264),
            (0.01, 0.8, 1.0, 1, 156978.17055570384),
        ],
    )
    def test_sample_sizes_are_those_of_statsmodels_rounded_up(
        self, effect, wanted, ratio, comparisons, expected
    ):
        """`TTestIndPower.solve_power`; two comparisons are a level of 2.5%."""
        actual = sample_size(effect, std=1.0, power=wanted, ratio=ratio, comparisons=comparisons)
        assert (math.ceil(expected), math.ceil(math.ceil(expected) * ratio)) == actual

    def test_a_relative_effect_is_a_fraction_of_the_mean(self):
        expected = power(0.5, 1000, std=4.0)
        assert expected == power(0.1, 1000, mean=5.0, std=4.0, relative=True)
        assert expected == power(-0.1, 1000, mean=-5.0, std=4.0, relative=True)
        assert sample_size(0.5, std=4.0) == sample_size(0.1, mean=5.0, std=4.0, relative=True)

    def test_without_an_effect_it_is_the_level(self):
        assert math.isclose(0.05, power(0.0, 100, std=1.0), rel_tol=1e-9)
        assert math.isclose(0.05 / 3, power(0.0, 100, std=1.0, comparisons=3), rel_tol=1e-9)

    @pytest.mark.slow
    def test_welch_finds_it_as_often(self):
        rng = np.random.default_rng(1)
        expected = power(0.8, 60, std=2.0, ratio=0.5)
        found = sum(
            welch(
                Estimate.of_moments(Moments.of(rng.normal(0, 2, size=60))),
                Estimate.of_moments(Moments.of(rng.normal(0.8, 2, size=30))),
            ).p_value
            <= 0.05
            for _ in range(8000)
        )
        assert math.isclose(expected, found / 8000, abs_tol=3 * math.sqrt(0.25 / 8000))


class TestRates:
    @pytest.mark.parametrize(
        ("effect", "count", "options", "expected"),
        [
            (0.02, 10_000, {"rate": 0.5}, 0.8076327597769558),
            (-0.01, 3000, {"rate": 0.05}, 0.46352089312736844),
            (0.05, 400, {"rate": 0.1, "ratio": 2.0}, 0.6805604024251163),
            (0.01, 20_000, {"rate": 0.3, "ratio": 0.25, "confidence": 0.99}, 0.11672083329881641),
        ],
    )
    def test_statsmodels_agrees(self, effect, count, options, expected):
        """`power_proportions_2indep`, with treatment as its first sample."""
        assert math.isclose(expected, power(effect, count, **options), rel_tol=1e-9)

    @pytest.mark.parametrize(
        ("effect", "rate", "ratio", "wanted", "expected"),
        [
            (0.02, 0.5, 1.0, 0.8, 9805.996208738694),
            (-0.01, 0.05, 1.0, 0.9, 9029.05285394167),
            (0.05, 0.1, 2.0, 0.8, 1050.663634225134),
        ],
    )
    def test_sample_sizes_are_those_of_statsmodels_rounded_up(self, effect, rate, ratio, wanted, expected):
        """`samplesize_proportions_2indep_onetail` gives that of its second sample, control, over ratio."""
        control = math.ceil(expected / ratio)
        actual = sample_size(effect, rate=rate, ratio=ratio, power=wanted)
        assert (control, math.ceil(control * ratio)) == actual

    def test_a_relative_effect_is_a_fraction_of_the_rate(self):
        assert power(-0.05, 1000, rate=0.5) == power(-0.1, 1000, rate=0.5, relative=True)

    def test_chi_square_finds_it_as_often(self):
        expected = power(0.1, 300, rate=0.3, comparisons=2)
        control, treatment = np.random.default_rng(1).binomial(300, [[0.3], [0.4]], size=(2, 4000))
        found = [chi_square(won, (300, 300)).p_value <= 0.025 for won in zip(control, treatment, strict=True)]
        assert math.isclose(expected, np.mean(found), abs_tol=3 * math.sqrt(0.25 / 4000))


@given(st.floats(0.05, 2.0), st.floats(0.2, 0.99), st.floats(0.2, 5), st.integers(1, 5))
def test_a_sample_size_is_the_smallest_with_that_power(effect, wanted, ratio, comparisons):
    options = {"std": 1.0, "ratio": ratio, "comparisons": comparisons}
    control, treatment = sample_size(effect, power=wanted, **options)
    assert power(effect, control, **options) >= wanted
    assert control == 2 or power(effect, control - 1, **options) < wanted
    assert control * ratio - 1e-6 <= treatment <= max(control * ratio + 1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give rate="),
        ({"rate": 0.5, "std": 1.0}, "give rate="),
        ({"std": 1.0, "relative": True}, "needs mean="),
        ({"std": 0.0}, "std must be a positive number"),
        ({"std": math.nan}, "std must be a positive number"),
        ({"rate": 0.95}, "rates must lie between 0 and 1"),
        ({"rate": 0.0}, "rates must lie between 0 and 1"),
        ({"std": 1.0, "ratio": 0.0}, "ratio must be a positive number"),
        ({"std": 1.0, "comparisons": 0}, "comparisons must be 1 or more"),
        ({"std": 1.0, "confidence": 95}, "confidence must lie"),
    ],
    ids=repr,
)
def test_options_must_make_sense(options, message):
    with pytest.raises(ValueError, match=message):
        power(0.1, 100, **options)
    with pytest.raises(ValueError, match=message):
        sample_size(0.1, **options)


@pytest.mark.parametrize("wanted", [0.04, 1.0, 80, math.nan])
def test_power_lies_between_the_level_and_1(wanted):
    with pytest.raises(ValueError, match=r"power must lie between 0\.05"):
        sample_size(0.1, std=1.0, power=wanted)


def test_an_effect_too_small_to_be_found_is_refused():
    for effect in (0.0, 1e-9):
        with pytest.raises(ValueError, match="takes more than"):
            sample_size(effect, std=1.0)


@pytest.mark.parametrize("effect", [math.nan, math.inf])
def test_an_effect_is_a_number(effect):
    with pytest.raises(ValueError, match="effect must be a finite number"):
        power(effect, 100, std=1.0)


def test_power_takes_two_outcomes():
    with pytest.raises(ValueError, match="count must be 2 or more"):
        power(0.1, 1, std=1.0)
