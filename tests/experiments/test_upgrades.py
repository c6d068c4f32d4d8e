"""What was decided before conclusions said of which comparison their figures are."""

import math

import pytest

from mlprod.experiments._upgrades import ended_with_the_figures_it_is_about


def ended(**conclusion):
    """Return a decision of version 1 as it lies in a ledger, with as much of it as matters."""
    rows = [
        {"metric": metric, "variant_id": name, "lift": lift}
        for metric, name, lift in (
            ("mae", "treatment", 0.2),
            ("mae", "treatment_2", 0.6),
            ("pnl", "treatment", 0.6),
        )
    ]
    known = {
        "effect_size": 0.6,
        "interval": {"low": 0.017, "high": 1.99},
        "test": "anytime, one-sided",
        "comparisons": rows,
    }
    return {"id": "x", "conclusion": {**known, **conclusion}}


def upgraded(**conclusion):
    return ended_with_the_figures_it_is_about(ended(**conclusion))["conclusion"]


def test_its_figures_are_those_of_the_treatment_with_that_lift():
    found = upgraded()
    assert ("mae", "treatment_2", False) == (found["metric"], found["variant_id"], found["is_chosen"])


@pytest.mark.parametrize("effect_size", [0.3, math.nan])
def test_where_no_treatment_has_that_lift_they_are_those_of_the_first(effect_size):
    assert "treatment" == upgraded(effect_size=effect_size)["variant_id"]


def test_where_nothing_was_compared_they_are_of_nothing():
    found = upgraded(comparisons=[])
    assert ("", "") == (found["metric"], found["variant_id"])


@pytest.mark.parametrize(
    ("effect_size", "interval", "expected"),
    [
        (0.6, {"low": 0.017, "high": 1.99}, {"low": 0.017, "high": math.inf}),
        (-0.6, {"low": -0.9, "high": -0.01}, {"low": -math.inf, "high": -0.01}),
    ],
)
def test_of_a_one_sided_interval_the_limit_that_was_crossed_is_left(effect_size, interval, expected):
    assert expected == upgraded(effect_size=effect_size, interval=interval)["interval"]


def test_a_two_sided_interval_is_left_alone():
    assert {"low": 0.017, "high": 1.99} == upgraded(test="anytime")["interval"]
