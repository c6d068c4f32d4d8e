"""How an experiment may be configured, and what every mistake is told."""

import math
import re

import attrs
import numpy as np
import pytest

from mlprod.errors import InvalidConfigError
from mlprod.experiments import ExperimentConfig
from mlprod.experiments._config import as_config

NAN, INF = math.nan, math.inf
LONG = "x" * 10**6


def test_everything_has_the_default_of_the_contract():
    found = as_config(None, 2)
    assert (
        ExperimentConfig(
            max_duration=168.0,
            min_sample_size=1000,
            primary_metric="win_rate",
            auto_stop_on_degradation=True,
            degradation_threshold=0.1,
            traffic_split=(0.5, 0.5),
            traffic_allocation=1.0,
            confidence_level=0.95,
            test="auto",
            guardrail_metrics=(),
            correction="holm",
            trades_per_year=None,
            salt=found.salt,
        )
        == found
    )


def test_a_salt_is_drawn_for_each_experiment():
    assert as_config(None, 2).salt != as_config(None, 2).salt
    assert "2026" == as_config({"salt": "2026"}, 2).salt


GIVEN = {
    "max_duration": 24,
    "min_sample_size": np.int64(50),
    "primary_metric": "pnl",
    "auto_stop_on_degradation": False,
    "degradation_threshold": 0.2,
    "traffic_split": [0.9, 0.1],
    "traffic_allocation": 0.5,
    "confidence_level": 0.9,
    "test": "t_test",
    "guardrail_metrics": ["latency_ms", "slippage"],
    "correction": "bh",
    "trades_per_year": 252,
    "salt": "2026",
    "mode": "split",
    "custom_metrics": ["fill"],
    "lower_is_better": ["slippage"],
    "namespace": "exits",
    "namespace_range": [0, 0.5],
    "audience": {"symbol": "BTCUSDT", "tier": (1, True)},
}
TAKEN = ExperimentConfig(
    max_duration=24.0,
    min_sample_size=50,
    primary_metric="pnl",
    auto_stop_on_degradation=False,
    degradation_threshold=0.2,
    traffic_split=(0.9, 0.1),
    traffic_allocation=0.5,
    confidence_level=0.9,
    test="t_test",
    guardrail_metrics=("latency_ms", "slippage"),
    correction="bh",
    trades_per_year=252.0,
    salt="2026",
    mode="split",
    custom_metrics=("fill", "slippage"),
    lower_is_better=("slippage",),
    namespace="exits",
    namespace_range=(0.0, 0.5),
    audience={"symbol": ["BTCUSDT"], "tier": [1, True]},
)


def camel(name):
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)


class TestSpellings:
    def test_every_field_is_taken(self):
        assert set(GIVEN) == {field.name for field in attrs.fields(ExperimentConfig)}
        assert as_config(GIVEN, 2) == TAKEN

    def test_in_camel_case(self):
        assert as_config({camel(name): value for name, value in GIVEN.items()}, 2) == TAKEN

    def test_as_a_value(self):
        assert as_config(ExperimentConfig(**GIVEN), 2) == TAKEN

    def test_what_was_taken_is_taken_again(self):
        assert as_config(TAKEN, 2) == TAKEN

    def test_none_stands_for_the_default(self):
        found = as_config(dict.fromkeys(GIVEN), 2)
        assert attrs.evolve(as_config(None, 2), salt=found.salt) == found

    def test_metrics_in_either_spelling(self):
        found = as_config({"primary_metric": "winRate", "guardrailMetrics": ("latencyMs", "latency_ms")}, 2)
        assert ("win_rate", ("latency_ms",)) == (found.primary_metric, found.guardrail_metrics)

    def test_numbers_are_plain_numbers(self):
        """So that what is written is JSON."""
        found = as_config({**GIVEN, "max_duration": np.float32(24), "traffic_split": np.array([0.9, 0.1])}, 2)
        assert [float, int, float] == [
            type(found.max_duration),
            type(found.min_sample_size),
            type(found.traffic_split[0]),
        ]

    def test_a_metric_of_ones_own_decides_if_it_is_named(self):
        found = as_config({"primary_metric": "slippage", "lower_is_better": ["slippage"]}, 2)
        assert ("slippage", "mean", True) == (found.primary.name, found.primary.kind, found.primary.is_error)


@pytest.mark.parametrize("variants", [2, 3, 7, 64])
def test_shares_are_equal_if_none_are_given(variants):
    assert (pytest.approx(1 / variants),) * variants == as_config(None, variants).traffic_split


WRONG = [
    ("traffic_split", [-0.5, 1.5], "from 0 to 1, not -0.5"),
    ("traffic_split", [0.5, 0.6], "must sum to 1; .* sum to 1.1"),
    ("traffic_split", [0.5, 0.4999999], "must sum to 1"),
    ("traffic_split", [0.0, 0.0], "must sum to 1"),
    ("traffic_split", [1.0], "2 variants need 2 weights, not 1"),
    ("traffic_split", [0.2, 0.3, 0.5], "2 variants need 2 weights, not 3"),
    ("traffic_split", [], "2 variants need 2 weights, not 0"),
    ("traffic_split", [NAN, 1.0], "not nan"),
    ("traffic_split", [INF, -INF], "not inf"),
    ("traffic_split", ["0.5", "0.5"], "not '0.5'"),
    ("traffic_split", [True, False], "not True"),
    ("traffic_split", [None, 1.0], "not None"),
    ("traffic_split", 0.5, "a sequence of shares, the control's first, not 0.5"),
    ("traffic_split", "0.5", "a sequence of shares"),
    ("traffic_split", {"control": 0.5, "treatment": 0.5}, "a sequence of shares"),
    ("traffic_allocation", -0.1, "at least 0 and at most 1, not -0.1"),
    ("traffic_allocation", 1.1, "at most 1"),
    ("traffic_allocation", NAN, "not nan"),
    ("traffic_allocation", True, "not True"),
    ("max_duration", 0, "hours.* above 0"),
    ("max_duration", -1, "above 0"),
    ("max_duration", INF, "not inf"),
    ("max_duration", 24 * 36525 + 1, "at most 876600"),
    ("max_duration", "24", "not '24'"),
    ("max_duration", 10**400, "not 1000"),
    ("min_sample_size", 0, "whole number from 1"),
    ("min_sample_size", 1.5, "not 1.5"),
    ("min_sample_size", True, "not True"),
    ("min_sample_size", "1000", "not '1000'"),
    ("min_sample_size", 10**12 + 1, "to 1,000,000,000,000"),
    ("min_sample_size", 10**5000, "not <int>"),
    ("degradation_threshold", -0.1, "at least 0"),
    ("degradation_threshold", 1.5, "at most 1"),
    ("degradation_threshold", NAN, "not nan"),
    ("confidence_level", 0.4, "from 0.5 to below 1"),
    ("confidence_level", 1.0, "from 0.5 to below 1"),
    ("confidence_level", 95, "at most 1, not 95"),
    ("confidence_level", NAN, "not nan"),
    ("auto_stop_on_degradation", 1, "True or False, not 1"),
    ("auto_stop_on_degradation", "yes", "True or False"),
    ("trades_per_year", 0, "above 0"),
    ("trades_per_year", NAN, "not nan"),
    ("test", "ttest", "'ttest' is no test; there are: t_test, "),
    ("test", "T-Test", "is no test; there are: "),
    ("test", ["t_test"], "is no test"),
    ("correction", "bonferroni", "is no correction; there are: bh, holm, none"),
    ("mode", "shadows", "'shadows' is no mode; there are: shadow, split"),
    ("primary_metric", "winrate", "'winrate' is no metric; there are: win_rate, .* custom_metrics"),
    ("primary_metric", "slippage", "is no metric"),
    ("primary_metric", "", "'' is no metric"),
    ("primary_metric", 0, "0 is no metric"),
    ("primary_metric", [], "is no metric"),
    ("primary_metric", LONG, "x… is no metric"),
    ("guardrail_metrics", ["latency"], "'latency' is no metric; there are: latency_ms"),
    ("guardrail_metrics", "latency_ms", "several names"),
    ("guardrail_metrics", 5, "several names"),
    ("guardrail_metrics", [None], "None is no metric"),
    ("custom_metrics", "slippage", "several names"),
    ("custom_metrics", ["pnl"], "pnl is computed from predictions or trades"),
    ("custom_metrics", ["a b"], "cannot be the name of a metric"),
    ("custom_metrics", [""], "cannot be the name of a metric"),
    ("lower_is_better", ["mae"], "mae is computed"),
    ("salt", "", "cannot be a salt"),
    ("salt", "a:b", "cannot be a salt"),
    ("salt", 5, "cannot be a salt"),
    ("salt", LONG, "x… cannot be a salt"),
    ("namespace", "a/b", "cannot be a namespace"),
    ("namespace", "", "cannot be a namespace"),
    ("namespace_range", (0.5, 0.5), "the lower first"),
    ("namespace_range", (0.7, 0.2), "the lower first"),
    ("namespace_range", (0.5,), "two shares"),
    ("namespace_range", (0.0, 0.5, 1.0), "two shares"),
    ("namespace_range", (0.0, 1.5), "at most 1"),
    ("namespace_range", (NAN, 1.0), "not nan"),
    ("namespace_range", "01", "two shares"),
    ("namespace_range", 0.5, "two shares"),
    ("audience", ["BTCUSDT"], "a mapping of context keys"),
    ("audience", {5: "x"}, "a mapping of context keys"),
    ("audience", {"symbol": []}, "1 to 1,000 texts"),
    ("audience", {"symbol": range(1001)}, "1 to 1,000 texts"),
    ("audience", {"symbol": None}, "1 to 1,000 texts"),
    ("audience", {"symbol": [1.5]}, "1 to 1,000 texts"),
    ("audience", {"symbol": [["BTCUSDT"]]}, "1 to 1,000 texts"),
]


@pytest.mark.parametrize("spelling", [str, camel])
@pytest.mark.parametrize(
    ("field", "value", "message"),
    WRONG,
    ids=[f"{field}-{number}" for number, (field, *_) in enumerate(WRONG)],
)
def test_a_wrong_value_is_refused_by_name(field, value, message, spelling):
    with pytest.raises(InvalidConfigError, match=message) as raised:
        as_config({spelling(field): value}, 2)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("given", [5, "auto", [("test", "auto")], True, ExperimentConfig])
def test_what_is_no_config_is_refused(given):
    with pytest.raises(InvalidConfigError, match="an ExperimentConfig or a mapping of its fields, not"):
        as_config(given, 2)


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("min_samples", "min_sample_size"),
        ("minSampelSize", "min_sample_size"),
        ("trafficSplitt", "traffic_split"),
        ("tests", "test"),
        ("primaryMetrics", "primary_metric"),
    ],
)
def test_an_unknown_key_names_the_nearest(key, nearest):
    with pytest.raises(InvalidConfigError, match=f"a config has no '{key}'; there are: {nearest}, "):
        as_config({key: 1}, 2)


@pytest.mark.parametrize("key", ["", 5, None, ("test",), LONG])
def test_what_can_be_no_key_is_refused(key):
    with pytest.raises(InvalidConfigError, match="a config has no ") as raised:
        as_config({key: 1}, 2)
    assert len(str(raised.value)) < 400


def test_a_field_in_two_spellings_is_refused():
    with pytest.raises(InvalidConfigError, match="min_sample_size in two spellings"):
        as_config({"min_sample_size": 5, "minSampleSize": 5}, 2)


def test_yes_and_no_is_not_what_a_mean_is_made_of():
    with pytest.raises(InvalidConfigError, match=r"pnl is a number: use 't_test', 'bootstrap' or 'mann"):
        as_config({"test": "chi_square", "primary_metric": "pnl"}, 2)


def test_in_shadow_mode_only_what_all_variants_have_decides():
    with pytest.raises(InvalidConfigError, match="only built-in metrics can decide; slippage is none"):
        as_config({"mode": "shadow", "primary_metric": "slippage", "custom_metrics": ["slippage"]}, 2)


@pytest.mark.parametrize(
    ("split", "variants", "expected"),
    [
        (None, 2, 2000),
        ((0.9, 0.1), 2, 10_000),
        ((0.5, 0.3, 0.2), 3, 4000),
        ((1.0, 0.0), 2, 1000),
        ((0.8, 0.2, 0.0), 3, 5000),
    ],
)
def test_as_many_outcomes_are_planned_as_both_need(split, variants, expected):
    """With a tenth of the traffic a thousand take ten thousand of both."""
    config = as_config({"traffic_split": split, "min_sample_size": 1000}, variants)
    assert expected == config.planned_outcomes


def test_in_shadow_mode_pairs_are_planned():
    assert 1000 == as_config({"mode": "shadow", "primary_metric": "mae"}, 2).planned_outcomes
