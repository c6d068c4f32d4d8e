"""Where data come from besides the caller: a data source, recent predictions, and the monitor's log."""

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.drift import DriftDetector, RecentData
from mlprod.errors import InvalidConfigError, InvalidDataError, ReferenceNotFoundError

ROWS = 400


@pytest.fixture
def data(rng):
    return {"x": rng.normal(size=ROWS), "side": rng.choice(["buy", "sell"], ROWS)}


def test_a_symbol_is_asked_for_since_the_days_to_look_back(store, clock, data):
    asked = []

    def source(symbol, since):
        asked.append((symbol, since))
        return data

    detector = DriftDetector(store, clock=clock, data_source=source, lookback_days=7)
    detector.set_reference("rf_v2_AAPL_20251018", data)
    results = detector.comprehensive_drift_check(symbol="AAPL", model_id="rf_v2_AAPL_20251018")
    assert [("AAPL", clock() - dt.timedelta(days=7))] == asked
    assert ROWS == results.rows
    assert not detector.should_retrain(results)
    assert results.time == detector.comprehensiveDriftCheck("AAPL", "rf_v2_AAPL_20251018").time
    assert 2 == len(detector.history("rf_v2_AAPL_20251018"))


def test_a_source_may_give_more_than_a_table(store, clock, data, rng):
    recent = RecentData(
        features={**data, "x": data["x"] + 2},
        series=rng.normal(size=100),
        errors=rng.normal(size=100),
        predictions=["up"] * ROWS,
    )
    detector = DriftDetector(store, clock=clock, ordered=False, data_source=lambda _symbol, _since: recent)
    detector.set_reference("m", data, predictions=["up", "down"] * 200, errors=rng.normal(size=100))
    report = detector.comprehensive_drift_check("AAPL", "m")
    assert report.features["x"].drifted
    assert report.predictions.drifted
    assert (100, 100) == (report.performance.count, report.concept.count)
    own = detector.comprehensive_drift_check(
        "AAPL", "m", data, recent_predictions=["up", "down"], errors=[1.0] * 5, series=np.arange(20.0)
    )
    assert (ROWS, 2, 5, 20) == (own.rows, own.predictions.count, own.performance.count, own.concept.count)


def test_a_symbol_needs_a_source_unless_there_are_data(detector, data, store):
    detector.set_reference("m", data)
    words = "nothing tells where the data of 'AAPL' are: make the detector with data_source="
    with pytest.raises(InvalidConfigError, match=words):
        detector.comprehensive_drift_check("AAPL", "m")
    assert [] == store.list("drift/reports")
    assert ROWS == detector.comprehensive_drift_check("AAPL", "m", data).rows


def test_a_source_that_fails_is_the_callers_to_know(store, data):
    def source(symbol, since):
        raise ConnectionError("no market data today")

    detector = DriftDetector(store, data_source=source)
    detector.set_reference("m", data)
    with pytest.raises(ConnectionError, match="no market data today"):
        detector.comprehensive_drift_check("AAPL", "m")
    assert [] == detector.history("m")


def test_a_check_needs_a_model(detector):
    with pytest.raises(InvalidConfigError, match="a check needs model_id="):
        detector.comprehensive_drift_check("AAPL")
    with pytest.raises(ReferenceNotFoundError):
        detector.comprehensive_drift_check("AAPL", "m")


PAIRS = [
    {"prediction": 150.5, "actual": 151.2},
    {"prediction": 151.0, "actual": None},
    {"prediction": 149.0},
    {"prediction": None, "actual": 150.0},
    {"prediction": 148.0, "actual": 150.0},
]


def test_predictions_with_outcomes_tell_how_wrong_they_were(detector, data):
    """Absolute errors of 0.7 and 2.0; the other outcomes are not known."""
    detector.set_reference("m", data, predictions=np.arange(140.0, 160.0), errors=[1.0, 1.0])
    report = detector.comprehensive_drift_check(model_id="m", data=data, recent_predictions=PAIRS)
    assert pytest.approx((2, 1.35)) == (report.performance.count, report.performance.current)
    assert (5, 0.2) == (report.predictions.count, report.predictions.missing_rate)


def test_errors_that_were_given_come_before_those_of_outcomes(detector, data):
    detector.set_reference("m", data, errors=[1.0, 1.0])
    report = detector.comprehensive_drift_check(
        model_id="m", data=data, recent_predictions=PAIRS, errors=[9.0, 9.0, 9.0]
    )
    assert (3, 9.0, None) == (report.performance.count, report.performance.current, report.predictions)


@pytest.mark.parametrize(
    ("yes", "no"),
    [("up", "down"), (True, False), (np.True_, np.False_), (np.str_("up"), np.str_("down"))],
    ids=["texts", "booleans", "booleans of numpy", "texts of numpy"],
)
def test_classes_with_outcomes_tell_whether_they_were_wrong(detector, data, yes, no):
    detector.set_reference("m", data, errors=[True, False])
    pairs = [{"prediction": yes, "actual": answer} for answer in (yes, yes, yes, no)]
    pairs.append({"prediction": None, "actual": yes})
    report = detector.comprehensive_drift_check(model_id="m", data=data, recent_predictions=pairs)
    assert ("error_rate", 0.25) == (report.performance.metric, report.performance.current)


def test_numbers_of_any_type_are_subtracted(detector, data):
    detector.set_reference("m", data, errors=[1.0, 1.0])
    pairs = [{"prediction": Decimal("1.5"), "actual": 1.0}, {"prediction": np.int64(3), "actual": 2}]
    report = detector.comprehensive_drift_check(model_id="m", data=data, recent_predictions=pairs)
    assert 0.75 == report.performance.current


def test_outcomes_of_another_kind_are_refused(detector, data, store):
    detector.set_reference("m", data, errors=[1.0, 1.0])
    words = r"recent_predictions are of another kind than their outcomes, such as \('up', 1\): both must be"
    with pytest.raises(InvalidDataError, match=words):
        detector.comprehensive_drift_check(
            model_id="m", data=data, recent_predictions=[{"prediction": "up", "actual": 1}]
        )
    assert [] == store.list("drift/reports")


@pytest.mark.parametrize("bad", [[{"actual": 1.0}], [{"prediction": 1.0}, 2.0], [3.0, {"prediction": 1.0}]])
def test_mappings_without_a_prediction_are_refused(detector, data, bad):
    detector.set_reference("m", data, predictions=[1.0])
    with pytest.raises(
        InvalidDataError, match="recent_predictions mixes mappings with other things, or lacks"
    ):
        detector.comprehensive_drift_check(model_id="m", data=data, recent_predictions=bad)


def test_outcomes_that_nobody_asked_about_are_left_alone(detector, data):
    detector.set_reference("m", data, predictions=np.arange(140.0, 160.0))
    report = detector.comprehensive_drift_check(model_id="m", data=data, recent_predictions=PAIRS)
    assert report.performance is None
    assert 5 == report.predictions.count


def test_predictions_that_cannot_be_compared_with_anything_are_refused(detector, data, store):
    detector.set_reference("m", data)
    for given in ([1.0, 2.0], PAIRS):
        with pytest.raises(
            InvalidDataError, match=r"nothing to compare recent_predictions with: .*Set it anew"
        ):
            detector.comprehensive_drift_check(model_id="m", data=data, recent_predictions=given)
    assert [] == store.list("drift/reports")


def test_predictions_may_come_without_any_outcome(detector, data):
    detector.set_reference("m", data, predictions=[1.0], errors=[1.0])
    pairs = [{"prediction": 1.0}, {"prediction": 2.0, "actual": None}]
    report = detector.comprehensive_drift_check(model_id="m", data=data, recent_predictions=pairs)
    assert (2, None) == (report.predictions.count, report.performance)


def test_predictions_may_be_no_list(detector, data):
    detector.set_reference("m", data, predictions=data["x"])
    report = detector.comprehensive_drift_check(model_id="m", data=data, recent_predictions=data["x"])
    assert 0.0 == report.predictions.psi
    assert math.isnan(report.predictions.unseen_rate)


def test_without_data_it_checks_what_was_recorded(detector, data, store, clock):
    """As `check` does; see the tests of the monitor's log."""
    detector.set_reference("m", {"x": data["x"]})
    with PerformanceMonitor(store, clock=clock) as monitor:
        for value in data["x"][:50]:
            monitor.record_prediction("m", "1", features={"x": value})
    assert 50 == detector.comprehensive_drift_check(model_id="m").rows
