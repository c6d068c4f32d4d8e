"""Checks of the features that the monitor recorded with the predictions."""

import datetime as dt
import math

import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.drift import DriftDetector
from mlprod.errors import InvalidDataError

ROWS = 40


@pytest.fixture
def monitor(store, clock):
    with PerformanceMonitor(store, clock=clock) as monitor:
        yield monitor


def row(number):
    return {
        "spread": None if number % 4 == 0 else float(number),
        "regime": None if number % 10 == 0 else ("calm", "wild")[number % 2],
        "weekend": number % 7 > 4,
    }


def record(monitor, clock, version="1.0.0", count=ROWS, days=1 / 24):
    for number in range(count):
        monitor.record_prediction("har", version, features=row(number))
        clock.advance(days=days)


def columns(count=ROWS):
    rows = list(map(row, range(count)))
    return {name: [one[name] for one in rows] for name in ("spread", "regime", "weekend")}


def test_numbers_texts_booleans_and_what_is_missing_are_compared(detector, monitor, clock):
    """The log of a model is the table that was recorded."""
    detector.set_reference("har", columns())
    record(monitor, clock)
    report = detector.check("har")
    assert repr(detector.check("har", columns())) == repr(report)
    assert ROWS == report.rows
    assert [0.25, 0.1, 0.0] == [
        report.features[name].missing_rate for name in ("spread", "regime", "weekend")
    ]
    assert not any(feature.psi for feature in report.features.values())


def test_what_is_older_than_the_days_to_look_back_is_left_out(store, monitor, clock):
    """A row a day for 40 days, and the last was recorded a day ago: ten are of the last ten days."""
    record(monitor, clock, days=1)
    detector = DriftDetector(store, clock=clock, lookback_days=10)
    detector.set_reference("har", columns())
    assert 10 == detector.check("har").rows
    clock.advance(days=20)
    with pytest.raises(InvalidDataError, match="no features of 'har' were recorded in the last 10 days"):
        detector.check("har")


def test_the_days_to_look_back_may_be_a_part_of_one(store, monitor, clock):
    record(monitor, clock)
    detector = DriftDetector(store, clock=clock, lookback_days=0.25)
    detector.set_reference("har", columns())
    assert 6 == detector.check("har").rows


def test_each_version_is_compared_with_what_it_saw(detector, models, monitor, clock):
    models.save([1], "har", activate=True)
    models.save([2], "har")
    detector.set_reference("har@1.0.0", columns())
    detector.set_reference("har@1.0.1", columns())
    record(monitor, clock, count=30)
    record(monitor, clock, "1.0.1", count=7)
    assert 30 == detector.check("har").rows == detector.check("har@1.0.0").rows
    assert 7 == detector.check("har@1.0.1").rows


def test_without_a_registry_a_bare_name_means_all_versions(detector, monitor, clock):
    detector.set_reference("har", columns())
    record(monitor, clock, "1", count=30)
    record(monitor, clock, "2", count=7)
    assert 37 == detector.check("har").rows


def test_a_feature_that_was_never_recorded_is_named(detector, monitor, clock):
    detector.set_reference("har", {**columns(), "volume": np.arange(ROWS)})
    record(monitor, clock)
    with pytest.raises(
        InvalidDataError, match="the data lack 1 of the 4 features of the reference of 'har': volume"
    ):
        detector.check("har")


def test_a_feature_that_is_no_longer_recorded_is_missing(detector, monitor, clock):
    detector.set_reference("har", columns())
    record(monitor, clock)
    for _ in range(ROWS):
        monitor.record_prediction("har", "1.0.0", features={"regime": "calm", "weekend": False})
    found = detector.check("har").features["spread"]
    assert pytest.approx((0.25 * ROWS + ROWS) / (2 * ROWS)) == found.missing_rate


def test_a_feature_of_two_types_is_refused(detector, store, clock):
    """Two processes recorded it, one as text."""
    detector.set_reference("har", {"level": [1.0, 2.0]})
    for value in (1.0, "high"):
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_prediction("har", "1", features={"level": value})
    with pytest.raises(InvalidDataError, match="column 'level' mixes float, str"):
        detector.check("har")


def test_a_monitor_of_the_same_process_need_not_be_flushed(tmp_path, clock):
    """It is given to the detector, or writes to a folder."""
    with PerformanceMonitor(tmp_path, clock=clock) as monitor:
        record(monitor, clock)
        for detector in (
            DriftDetector(tmp_path, clock=clock),
            DriftDetector("memory://elsewhere", clock=clock, monitor=monitor),
        ):
            detector.set_reference("har", columns())
            assert ROWS == detector.check("har").rows


def test_a_drift_of_what_was_recorded_is_found(detector, monitor, clock, rng):
    detector.set_reference("har", {"x": rng.normal(size=1000)})
    for value in rng.normal(2.0, size=300):
        monitor.record_prediction(
            "har", "1.0.0", features={"x": value}, timestamp=clock() - dt.timedelta(hours=1)
        )
    report = detector.check("har")
    assert report.features["x"].drifted
    assert detector.should_retrain(report)
    monitor.record_drift("har", "1.0.0", report.scores)
    assert report.overall.score == monitor.get_latest_metrics("har").feature_drift_score
    assert math.isnan(monitor.get_latest_metrics("har").prediction_drift_score)
