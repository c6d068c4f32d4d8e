"""Every check leaves a report, which every instance on the store can read."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.drift import CheckedData, DriftDetector, Limits
from mlprod.drift._archive import REPORT
from mlprod.errors import InvalidDataError, StoreError
from mlprod.testing import FaultyStore

DATA = {"x": np.arange(100.0), "y": np.arange(100.0) % 7, "c": ["a", "b"] * 50}


@pytest.fixture
def checked(detector, clock):
    """Give a detector that has checked three times, an hour apart, and the reports."""
    detector.set_reference(
        "m", DATA, predictions=DATA["x"], errors=DATA["x"], confidence=[0.5] * 9, correct=[1] * 9
    )
    reports = []
    for shift in (0.0, 30.0, 60.0):
        reports.append(
            detector.comprehensive_drift_check(
                model_id="m",
                data={**DATA, "x": DATA["x"] + shift},
                recent_predictions=DATA["x"],
                errors=DATA["x"],
                confidence=[0.5] * 9,
                correct=[1] * 9,
                series=np.arange(20.0) % 5,
            )
        )
        clock.advance(hours=1)
    return detector, reports


def test_reports_come_back_whole_and_in_order(checked, store):
    detector, reports = checked
    for reader in (detector, DriftDetector(store)):
        assert list(map(repr, reports)) == list(map(repr, reader.history("m")))


def test_the_newest_report_of_each_model_is_read_alone(checked, store):
    detector, reports = checked
    detector.set_reference("other", DATA)
    other = detector.check("other", DATA)
    watched = FaultyStore(store)
    latest = DriftDetector(watched).latest_reports()
    assert {"m": repr(reports[-1]), "other": repr(other)} == {name: repr(one) for name, one in latest.items()}
    assert ["get", "get", "list"] == sorted(entry.split()[0] for entry in watched.log)


def test_a_report_that_cannot_be_read_hides_no_other(checked, store):
    detector, _ = checked
    detector.set_reference("other", DATA)
    detector.check("other", DATA)
    store.put(max(store.list("drift/reports/m")), b"{")
    with pytest.raises(StoreError, match="is damaged"):
        detector.latest_reports()
    told = []
    assert ["other"] == [*detector.latest_reports(on_unreadable=lambda *what: told.append(what))]
    assert [("m", True)] == [(model, "is damaged" in why) for model, why in told]


def test_the_newest_report_may_be_of_an_earlier_version(store, clock):
    """Whichever way versions sort, and whatever else lies beside the reports."""
    detector = DriftDetector(store, clock=clock)
    for version in ("2.0.0", "1.0.0"):
        detector.set_reference(f"m@{version}", DATA)
        clock.advance(hours=1)
        newest = detector.check(f"m@{version}", DATA)
    store.put("drift/reports/m/1.0.0/notes.txt", b"of somebody")
    assert {"m": repr(newest)} == {name: repr(one) for name, one in detector.latest_reports().items()}
    assert "1.0.0" == newest.version


def test_reports_before_a_time_are_left_out(checked):
    detector, reports = checked
    assert [reports[1].time, reports[2].time] == [
        report.time for report in detector.history("m", since=reports[1].time)
    ]
    elsewhere = (reports[1].time + dt.timedelta(microseconds=1)).astimezone(
        dt.timezone(dt.timedelta(hours=9))
    )
    assert [reports[2].time] == [report.time for report in detector.history("m", since=elsewhere)]


def test_a_time_without_a_zone_is_refused(checked):
    with pytest.raises(InvalidDataError, match=r"since .* has no timezone"):
        checked[0].history("m", since=dt.datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_models_do_not_mix(checked):
    detector, _ = checked
    detector.set_reference("m2", DATA)
    detector.check("m2", DATA)
    assert (3, 1) == (len(detector.history("m")), len(detector.history("m2")))


def test_a_bare_name_means_all_versions(detector, models, clock):
    """Also after another version has become the active one."""
    for number in range(2):
        models.save([number], "har", activate=True)
        detector.set_reference("har", DATA)
        detector.check("har", DATA)
        clock.advance(hours=1)
    assert ["1.0.0", "1.0.1"] == [report.version for report in detector.history("har")]
    assert ["1.0.0"] == [report.version for report in detector.history("har@1.0.0")]


def test_a_damaged_report_says_which(checked, store):
    detector, _ = checked
    path = store.list("drift/reports")[1]
    store.put(path, store.get(path)[:-20])
    with pytest.raises(StoreError, match=f"{path} in memory:// is damaged.*restore"):
        detector.history("m")


def test_what_is_no_report_is_not_read(checked, store):
    detector, _ = checked
    store.put("drift/reports/m/any~/notes.txt", b"mine")
    assert 3 == len(detector.history("m"))


def test_looking_at_parts_leaves_no_report(detector, store):
    detector.set_reference("m", DATA, errors=[1.0, 2.0], confidence=[0.5] * 9, correct=[1] * 9)
    detector.check_performance("m", [1.0, 2.0])
    detector.check_calibration("m", [0.5] * 9, [1] * 9)
    detector.check_concept("m", np.arange(20.0) % 5)
    detector.profile("m", DATA)
    assert [] == store.list("drift/reports")


def test_what_no_longer_stands_is_not_kept_in_memory(detector):
    """Who sets a new reference every day keeps one."""
    for _ in range(5):
        detector.set_reference("m", DATA)
        detector.set_reference("n", DATA)
    assert 2 == len(detector._archive._read)


def test_a_report_says_which_rows_it_is_about(detector, store, clock):
    detector.set_reference("m", DATA)
    detector.check("m", DATA, note="the same again")
    clock.advance(hours=1)
    detector.comprehensive_drift_check("AAPL", "m", DATA)
    given = CheckedData(origin="given", note="the same again")
    by_symbol = CheckedData(origin="given", symbol="AAPL")
    assert [given, by_symbol] == [report.data for report in DriftDetector(store).history("m")]


def test_one_of_fetched_rows_says_so(store, clock):
    detector = DriftDetector(store, clock=clock, data_source=lambda _, __: DATA)
    detector.set_reference("m", DATA)
    report = detector.comprehensive_drift_check("AAPL", "m")
    assert CheckedData(origin="fetched", symbol="AAPL") == report.data


def test_one_of_recorded_rows_says_from_when_to_when(detector, store, clock):
    detector.set_reference("m@1", DATA)
    with PerformanceMonitor(store, clock=clock) as monitor:
        for row in range(20):
            monitor.record_prediction("m", "1", features={"x": row, "y": 1.0, "c": "a"})
            clock.advance(minutes=1)
    since, until = clock() - dt.timedelta(minutes=20), clock() - dt.timedelta(minutes=1)
    expected = CheckedData(origin="recorded", since=since, until=until)
    assert expected == detector.check("m@1").data
    assert expected == detector.comprehensive_drift_check(model_id="m@1").data


def test_its_limits_are_those_of_the_detector_and_of_the_share_of_each_question(store, clock):
    detector = DriftDetector(store, clock=clock, psi_moderate=0.15, psi_threshold=0.3, drift_threshold=0.04)
    detector.set_reference("m", DATA, errors=DATA["x"])
    report = detector.comprehensive_drift_check(model_id="m", data=DATA, errors=DATA["x"])
    assert Limits(psi_moderate=0.15, psi_significant=0.3, p_value=0.02) == report.limits


def test_a_report_of_before_there_were_notes_is_read():
    raw = Path(__file__).with_name("fixtures").joinpath("report-v1.json").read_bytes()
    report = REPORT.load(raw, "the fixture")
    assert (50, None, None) == (report.rows, report.data, report.limits)
    assert "50 rows; against" in report.to_html()


def test_the_newest_of_what_acts_comes_before_newer_ones_of_others(detector, clock):
    for version in ("1", "2"):
        detector.set_reference(f"m@{version}", DATA)
        detector.check(f"m@{version}", DATA)
        clock.advance(hours=1)
    assert "2" == detector.latest_reports()["m"].version
    assert "1" == detector.latest_reports(acting={"m": "1"})["m"].version
    assert "2" == detector.latest_reports(acting={"m": "3"})["m"].version


def test_a_note_is_text(detector):
    detector.set_reference("m", DATA)
    with pytest.raises(InvalidDataError, match="the note of a check must be a string, not 7"):
        detector.check("m", DATA, note=7)


def test_a_reference_of_a_new_version_leaves_that_of_the_one_in_production_alone(detector, models):
    old = models.save([1], "momentum", activate=True)
    kept = detector.set_reference("momentum", DATA).id
    new = models.save([2], "momentum")
    detector.set_reference(new, {**DATA, "x": DATA["x"] + 30})
    assert (kept, kept) == (detector.get_reference("momentum").id, detector.get_reference(old).id)
    assert detector.get_reference(new).id == detector.get_reference("momentum@1.0.1").id != kept
