"""Thresholds: what they accept, what they take for bad, and by what an alert belongs to one."""

import enum
import json
import pickle
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import InvalidConfigError
from mlprod.monitoring._duration import as_duration, duration_text
from mlprod.monitoring._threshold import DEFAULT_THRESHOLDS, METRICS, AlertThreshold, as_thresholds

CENTURY = timedelta(days=36525)

BELOW = [
    "accuracy",
    "predictions_total",
    "predictions_known",
    "predictions_correct",
    "win_rate",
    "trades_total",
    "trades_win",
    "total_pnl",
    "avg_trade_pnl",
    "profit_factor",
    "sharpe_ratio",
    "avg_confidence",
    "high_confidence_accuracy",
    "directional_accuracy",
]
ABOVE = [
    "max_drawdown",
    "max_drawdown_amount",
    "avg_latency_ms",
    "p50_latency_ms",
    "p95_latency_ms",
    "p99_latency_ms",
    "feature_drift_score",
    "prediction_drift_score",
    "performance_drift_score",
    "error_rate",
    "mae",
    "rmse",
    "mape",
    "calibration_error",
    "brier_score",
]


def threshold(metric="accuracy", value=0.5, severity="warning", **options):
    return AlertThreshold("drop", metric, value, severity, **options)


class TestDurations:
    @pytest.mark.parametrize(
        ("written", "seconds"),
        [
            ("90s", 90),
            ("15m", 900),
            ("1h", 3600),
            ("1.5h", 5400),
            ("24h", 86400),
            ("7d", 604800),
            ("1w", 604800),
            ("0.000001s", 1e-6),
            (timedelta(minutes=2), 120),
            (60, 60),
            (0.5, 0.5),
            (np.int64(60), 60),
            (np.float32(0.5), 0.5),
            (Fraction(1, 2), 0.5),
            (CENTURY, 36525 * 86400),
            ("36525d", 36525 * 86400),
        ],
    )
    def test_what_people_write(self, written, seconds):
        assert timedelta(seconds=seconds) == as_duration(written, "the step")

    @pytest.mark.parametrize(
        "written",
        [
            *["", "1", "h", "1 h", "1H", "-1h", "+1h", "1e3s", "1h30m", "5min", "1ms", "1.h", ".5h", "1h\n"],
            *["0s", "0.0000001s", "36526d", "999999999999999w", "1" * 400 + "s", "\u0661h", b"1h"],
            *[0, -1, 1e-9, float("nan"), float("inf"), 10**400, True, np.True_, 1j, None, [], np.ones(2)],
            *[timedelta(0), timedelta(seconds=-1), timedelta.max, CENTURY + timedelta.resolution],
        ],
    )
    def test_everything_else_is_refused_naming_what_is_accepted(self, written):
        with pytest.raises(
            InvalidConfigError, match=r"cannot be the step: .*'15m'.* a timedelta, or seconds"
        ):
            as_duration(written, "the step")

    @given(st.timedeltas(timedelta.resolution, CENTURY))
    def test_the_text_of_a_duration_means_the_duration(self, duration):
        assert duration == as_duration(duration_text(duration), "the step")

    @pytest.mark.parametrize(
        ("duration", "text"),
        [("7d", "7d"), ("24h", "1d"), ("36h", "36h"), ("90m", "90m"), ("60s", "1m"), (1.25, "1.25s")],
    )
    def test_the_text_is_in_the_largest_whole_unit(self, duration, text):
        assert text == duration_text(as_duration(duration, "the step"))


class TestMetrics:
    def test_every_number_of_the_metrics_is_one(self):
        assert sorted(BELOW + ABOVE) == sorted(METRICS)

    @pytest.mark.parametrize("metric", BELOW)
    def test_of_the_good_too_little_is_bad(self, metric):
        made = threshold(metric, 10)
        assert ("below", True, False, False) == (
            made.comparison,
            made.is_bad(9.9),
            made.is_bad(10.0),
            made.is_bad(10.1),
        )

    @pytest.mark.parametrize("metric", ABOVE)
    def test_of_the_bad_too_much_is_bad(self, metric):
        made = threshold(metric, 10)
        assert ("above", False, False, True) == (
            made.comparison,
            made.is_bad(9.9),
            made.is_bad(10.0),
            made.is_bad(10.1),
        )

    def test_the_side_can_be_chosen(self):
        """An accuracy that is too good to be true, for one."""
        made = threshold("accuracy", 0.9, comparison="above")
        assert ("above", True, False) == (made.comparison, made.is_bad(0.95), made.is_bad(0.5))

    @pytest.mark.parametrize("comparison", ["below", "above"])
    def test_nan_is_never_bad(self, comparison):
        assert not threshold(comparison=comparison).is_bad(float("nan"))

    def test_infinity_is_bad_on_its_side(self):
        """A profit factor without a loss is infinite."""
        assert threshold("profit_factor", 5, comparison="above").is_bad(float("inf"))
        assert not threshold("profit_factor", 1).is_bad(float("inf"))

    @pytest.mark.parametrize(
        ("spelling", "metric"),
        [
            ("winRate", "win_rate"),
            ("p99LatencyMs", "p99_latency_ms"),
            ("predictionDriftScore", "prediction_drift_score"),
            ("totalPnL", "total_pnl"),
            ("totalPnl", "total_pnl"),
            ("avgTradePnL", "avg_trade_pnl"),
            ("maxDrawdownAmount", "max_drawdown_amount"),
            ("accuracy", "accuracy"),
        ],
    )
    def test_camel_case_means_snake_case(self, spelling, metric):
        assert threshold(metric) == threshold(spelling)
        assert metric == threshold(spelling).metric

    @pytest.mark.parametrize(
        ("unknown", "nearest"),
        [
            ("acuracy", "accuracy"),
            ("p99_latency", "p99_latency_ms"),
            ("winrate", "win_rate"),
            ("maxDrawDown", "max_drawdown"),
            ("modelId", ""),
            (None, ""),
            ([], ""),
        ],
    )
    def test_an_unknown_metric_is_refused_naming_the_nearest(self, unknown, nearest):
        with pytest.raises(InvalidConfigError, match=rf"is no metric; there are: {nearest}"):
            threshold(unknown)

    def test_facts_are_not_averages(self):
        """Few samples make an average doubtful, but not a fact."""
        facts = [
            "max_drawdown",
            "max_drawdown_amount",
            "feature_drift_score",
            "prediction_drift_score",
            "performance_drift_score",
            "total_pnl",
            "predictions_total",
            "predictions_known",
            "predictions_correct",
            "trades_total",
            "trades_win",
        ]
        assert sorted(facts) == sorted(metric for metric in METRICS if threshold(metric).is_fact)


class TestChecks:
    @pytest.mark.parametrize("name", ["", "a/b", ".hidden", "x" * 129, "two words", None, 1])
    def test_a_type_is_a_name(self, name):
        with pytest.raises(InvalidConfigError, match="cannot be the type of a threshold"):
            AlertThreshold(name, "accuracy", 0.5, "warning")

    @pytest.mark.parametrize(
        "value",
        [
            float("nan"),
            float("inf"),
            -float("inf"),
            10**400,
            Decimal("sNaN"),
            True,
            np.True_,
            "0.5",
            None,
            1j,
        ],
    )
    def test_a_value_is_a_finite_number(self, value):
        with pytest.raises(InvalidConfigError, match="the threshold of accuracy must be a finite number"):
            threshold(value=value)

    @pytest.mark.parametrize("value", [1, 1.0, np.float64(1), np.int32(1), Fraction(1), Decimal(1)], ids=repr)
    def test_every_kind_of_number_is_a_float(self, value):
        made = threshold(value=value).value
        assert (1.0, float) == (made, type(made))

    @pytest.mark.parametrize("severity", ["info", "Warning", "", None, 1, ["warning"]])
    def test_a_severity_is_warning_or_critical(self, severity):
        with pytest.raises(InvalidConfigError, match=r"is not a severity; there are: .*critical"):
            threshold(severity=severity)

    @pytest.mark.parametrize("comparison", ["<", "under", "", 0, False])
    def test_a_comparison_is_below_or_above(self, comparison):
        with pytest.raises(InvalidConfigError, match=r"is not a comparison; there are: above, below"):
            threshold(comparison=comparison)

    @pytest.mark.parametrize("seconds", [-1, -1e-9, float("nan"), float("inf"), "15m", True, None])
    def test_for_seconds_is_finite_and_not_negative(self, seconds):
        with pytest.raises(InvalidConfigError, match="for_seconds must be a finite number, 0 or more"):
            threshold(for_seconds=seconds)

    @pytest.mark.parametrize("samples", [-1, 1.0, float("nan"), "30", True, None])
    def test_min_samples_is_a_count(self, samples):
        with pytest.raises(InvalidConfigError, match="min_samples must be a whole number, 0 or more"):
            threshold(min_samples=samples)

    def test_numbers_of_numpy_are_numbers(self):
        made = threshold(for_seconds=np.float32(1.5), min_samples=np.int64(3))
        assert (1.5, float, 3, int) == (
            made.for_seconds,
            type(made.for_seconds),
            made.min_samples,
            type(made.min_samples),
        )

    @pytest.mark.parametrize("window", ["yesterday", "ALL", "", 0, -1, True, timedelta(0), []])
    def test_a_window_is_a_duration_or_all(self, window):
        with pytest.raises(InvalidConfigError, match="cannot be a window"):
            threshold(window=window)

    def test_members_of_an_enum_are_their_values(self):
        class Kind(enum.StrEnum):
            WARNING = "warning"
            DROP = "drop"
            ACCURACY = "accuracy"
            BELOW = "below"
            ALL = "all"

        made = AlertThreshold(
            Kind.DROP, Kind.ACCURACY, 0.5, Kind.WARNING, comparison=Kind.BELOW, window=Kind.ALL
        )
        assert threshold(window="all") == made
        texts = (made.type, made.metric, made.severity, made.comparison, made.window)
        assert {str} == set(map(type, texts))

    def test_it_cannot_be_changed_but_copied(self):
        made = threshold()
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            made.value = 0.1
        assert threshold(value=0.1) == attrs.evolve(made, value=0.1)
        with pytest.raises(InvalidConfigError, match="must be a finite number"):
            attrs.evolve(made, value=float("nan"))
        assert made == pickle.loads(pickle.dumps(made))
        assert {made} == {threshold(), made}


class TestWindow:
    @pytest.mark.parametrize(
        ("metric", "window", "lookback"),
        [
            ("accuracy", None, timedelta(hours=24)),
            ("feature_drift_score", None, timedelta(hours=24)),
            ("max_drawdown", None, None),
            ("max_drawdown_amount", None, None),
            ("max_drawdown", "7d", timedelta(days=7)),
            ("accuracy", "15m", timedelta(minutes=15)),
            ("accuracy", 90, timedelta(seconds=90)),
            ("accuracy", timedelta(days=1, microseconds=1), timedelta(days=1, microseconds=1)),
            ("accuracy", "all", None),
        ],
    )
    def test_how_far_back_a_metric_looks(self, metric, window, lookback):
        assert lookback == threshold(metric, window=window).lookback

    def test_it_has_one_spelling(self):
        spellings = ["60m", "1h", 3600, 3600.0, timedelta(hours=1)]
        assert {"1h"} == {threshold(window=window).window for window in spellings}
        assert 1 == len({threshold(window=window) for window in spellings})


class TestKey:
    def test_it_is_stable(self):
        """It is stored with every open alert: a change of it would orphan them all."""
        assert (
            "drop:accuracy:below:0.5:warning:1d",
            "drop:max_drawdown:above:0.2:critical:all",
            "drop:p99_latency_ms:above:1000.0:warning:15m",
        ) == (
            threshold().key,
            threshold("max_drawdown", 0.2, "critical").key,
            threshold("p99LatencyMs", 1000, window="15m").key,
        )

    def test_what_is_watched_is_in_it(self):
        variants = [
            threshold(),
            attrs.evolve(threshold(), type="other"),
            threshold("win_rate"),
            threshold(value=0.4),
            threshold(severity="critical"),
            threshold(comparison="above"),
            threshold(window="1h"),
            threshold(window="all"),
        ]
        assert len(variants) == len({variant.key for variant in variants})

    def test_how_patiently_is_not(self):
        """More patience does not make it another alert."""
        assert threshold().key == threshold(for_seconds=60, min_samples=1).key

    def test_what_means_the_same_is_the_same(self):
        assert threshold().key == threshold(window="24h", comparison="below").key
        assert threshold(value=0.0).key == threshold(value=-0.0).key


class TestSeveral:
    def test_the_defaults(self):
        """Those of the seed document, and one for the drift of features."""
        assert [
            ("accuracy_drop", "accuracy", "below", 0.5, "warning"),
            ("accuracy_drop", "accuracy", "below", 0.4, "critical"),
            ("win_rate_drop", "win_rate", "below", 0.4, "warning"),
            ("high_latency", "p99_latency_ms", "above", 1000.0, "warning"),
            ("prediction_drift", "prediction_drift_score", "above", 0.3, "warning"),
            ("drawdown_exceeded", "max_drawdown", "above", 0.2, "critical"),
            ("feature_drift", "feature_drift_score", "above", 0.3, "warning"),
        ] == [
            (each.type, each.metric, each.comparison, each.value, each.severity)
            for each in DEFAULT_THRESHOLDS
        ]
        assert DEFAULT_THRESHOLDS == as_thresholds(DEFAULT_THRESHOLDS)
        assert {(0.0, 30, None)} == {
            (each.for_seconds, each.min_samples, each.window) for each in DEFAULT_THRESHOLDS
        }

    def test_mappings_in_either_spelling(self):
        common = {"type": "slow", "metric": "p99LatencyMs", "value": 250, "severity": "critical"}
        expected = AlertThreshold(
            "slow",
            "p99_latency_ms",
            250,
            "critical",
            comparison="above",
            window="1h",
            for_seconds=60,
            min_samples=5,
        )
        camel = {**common, "comparison": "above", "window": "1h", "forSeconds": 60, "minSamples": 5}
        snake = {**common, "comparison": "above", "window": "60m", "for_seconds": 60, "min_samples": 5}
        assert (expected,) == as_thresholds([camel]) == as_thresholds([snake])

    def test_the_dict_of_a_threshold_makes_the_threshold(self):
        """Also after a journey through JSON."""
        several = (*DEFAULT_THRESHOLDS, threshold("mae", 2.5, window="90m", for_seconds=1.5, min_samples=0))
        assert several == as_thresholds(json.loads(json.dumps([each.to_dict() for each in several])))

    def test_any_iterable_will_do_and_none_is_none(self):
        assert (threshold(),) == as_thresholds(iter([threshold()]))
        assert () == as_thresholds([])

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"forSecond": 1}, r"has no 'forSecond'; there are: for_seconds"),
            ({"windows": "1h"}, r"has no 'windows'; there are: window"),
            ({1: 2}, r"has no 1; there are: "),
            ({"forSeconds": 1, "for_seconds": 1}, "gives for_seconds in two spellings"),
            ({"value": float("nan")}, "must be a finite number"),
        ],
    )
    def test_a_mapping_that_is_wrong_is_refused(self, change, message):
        good = {"type": "drop", "metric": "accuracy", "value": 0.5, "severity": "warning"}
        with pytest.raises(InvalidConfigError, match=message):
            as_thresholds([{**good, **change}])

    @pytest.mark.parametrize("missing", ["type", "metric", "value", "severity"])
    def test_a_mapping_that_lacks_something_is_refused(self, missing):
        good = {"type": "drop", "metric": "accuracy", "value": 0.5, "severity": "warning"}
        del good[missing]
        with pytest.raises(InvalidConfigError, match=rf"the threshold .* lacks {missing}$"):
            as_thresholds([good])

    def test_two_of_a_kind_are_refused(self):
        """An alert could not say to which of them it belongs."""
        for twin in (threshold(), threshold(for_seconds=60), {**threshold().to_dict(), "window": "24h"}):
            with pytest.raises(InvalidConfigError, match=r"two thresholds drop:accuracy:below"):
                as_thresholds([threshold(), twin])
        same = threshold()
        with pytest.raises(InvalidConfigError, match="two thresholds"):
            as_thresholds([same, same])

    @pytest.mark.parametrize("several", [threshold(), {"type": "drop"}, "accuracy", None, 1])
    def test_what_is_not_several_is_refused(self, several):
        with pytest.raises(InvalidConfigError, match="thresholds must be several"):
            as_thresholds(several)

    @pytest.mark.parametrize("each", ["accuracy", None, 0.5, ["accuracy"]])
    def test_what_is_no_threshold_is_refused(self, each):
        with pytest.raises(InvalidConfigError, match="a threshold is an AlertThreshold or a mapping"):
            as_thresholds([each])
