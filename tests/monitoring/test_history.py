"""Metrics over consecutive steps of time, and the reports made of them: they add up to the whole."""

import datetime as dt
import json
import math

import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.errors import InvalidConfigError, InvalidDataError

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def at(monitor, *minutes_ago, version="1"):
    for minutes in minutes_ago:
        moment = NOW - minutes * MINUTE
        monitor.record_prediction(
            "har", version, correct=minutes % 2 == 0, latency_ms=minutes, timestamp=moment
        )
        monitor.record_trade("har", version, pnl=float(minutes), timestamp=moment)


def test_steps_begin_at_multiples_and_hold_their_first_moment(monitor):
    at(monitor, 90, 60, 31, 30, 0)  # 8:00, 8:30, 8:59, 9:00, 9:30
    history = monitor.get_metrics_history("har")
    assert ["2026-03-02T08:00:00.000000", "2026-03-02T09:00:00.000000"] == history.times.astype(str).tolist()
    assert (2, 3600.0, None) == (len(history), history.step_seconds, history.version)
    assert [3.0, 2.0] == history["predictions_total"].tolist()
    assert [181 / 3, 15.0] == history["avg_latency_ms"].tolist()
    assert [181.0, 211.0] == history.equity.tolist()
    assert [181.0, 30.0] == history["total_pnl"].tolist()


def test_steps_may_begin_at_a_moment(monitor):
    """Then they begin there, whatever multiples say; the equity includes what was earned before."""
    at(monitor, 90, 31, 30, 0)
    for since in (NOW - 45 * MINUTE, (NOW - 45 * MINUTE).astimezone(dt.timezone(dt.timedelta(hours=9)))):
        history = monitor.get_metrics_history("har", step="30m", since=since)
        assert ["08:45", "09:15"] == [str(time)[11:16] for time in history.times]
        assert [2.0, 1.0] == history["trades_total"].tolist()
        assert [151.0, 151.0] == history.equity.tolist()


@pytest.mark.parametrize("since", ["1h", dt.timedelta(hours=1), 3600], ids=repr)
def test_steps_may_begin_some_time_ago(monitor, since):
    at(monitor, 90, 31, 30, 0)
    history = monitor.get_metrics_history("har", step="30m", since=since)
    assert ["08:30", "09:00", "09:30"] == [str(time)[11:16] for time in history.times]
    assert [1.0, 1.0, 1.0] == history["trades_total"].tolist()


def test_the_steps_add_up_to_the_whole(monitor):
    """All versions, or one; also what is a few minutes ahead of the clock."""
    rng = np.random.default_rng(4)
    for version in ("1", "2"):
        at(monitor, *rng.integers(-4, 500, 50).tolist(), version=version)
    for version in (None, "1", "2"):
        history, whole = (
            monitor.get_metrics_history("har", version, step="7m"),
            monitor.get_latest_metrics("har", version),
        )
        for name in ("predictions_total", "predictions_correct", "trades_total", "trades_win"):
            assert getattr(whole, name) == history[name].sum()
        assert whole.total_pnl == np.nansum(history["total_pnl"]) == history.equity[-1]
        assert version == history.version


def test_a_step_without_data_is_nan(monitor):
    at(monitor, 180, 0)
    history = monitor.get_metrics_history("har")
    assert [False, True, True, False] == np.isnan(history["accuracy"]).tolist()
    assert [180.0, 180.0, 180.0, 180.0] == history.equity.tolist()
    written = json.loads(json.dumps(history.to_dict(), allow_nan=False))
    assert [1.0, None, None, 1.0] == written["accuracy"]


def test_trades_without_money_leave_equity_as_it_is(monitor):
    monitor.record_trade("har", "1", pnl=5.0)
    monitor.record_trade("har", "1", outcome="win")
    assert [5.0] == monitor.get_metrics_history("har").equity.tolist()


def test_nothing_recorded_is_one_empty_step(monitor):
    history = monitor.get_metrics_history("nobody")
    assert (1, [0.0]) == (len(history), history.equity.tolist())
    assert math.isnan(history["accuracy"][0])
    at(monitor, 0)
    tomorrow = monitor.get_metrics_history("har", since=NOW + dt.timedelta(days=1))
    assert (1, 0.0) == (len(tomorrow), tomorrow["predictions_total"][0])


def test_too_many_steps_are_refused(monitor):
    monitor.record_prediction("har", "1", correct=True, timestamp=NOW - dt.timedelta(days=400))
    with pytest.raises(
        InvalidConfigError, match=r"576,001 steps are more than 100,000; take longer steps, or"
    ):
        monitor.get_metrics_history("har", step="1m")
    assert 401 == len(monitor.get_metrics_history("har", step="1d"))


@pytest.mark.parametrize(
    "since", [dt.datetime.min.replace(tzinfo=dt.UTC), NOW.replace(tzinfo=None), True, "x"], ids=repr
)
def test_what_is_no_beginning_is_refused(monitor, since):
    with pytest.raises((InvalidConfigError, InvalidDataError)):
        monitor.get_metrics_history("har", since=since)


@pytest.mark.parametrize("period", ["hourly", "daily", "weekly", "monthly"])
def test_a_report_is_consistent(monitor, period):
    """Its figures are those of its history and of its versions; what is of this moment belongs to it."""
    at(monitor, 0, 5, 59, 61, 119, 2000)
    at(monitor, 0, 30, 61, 1500, version="2")
    report = monitor.generate_report("har", period)
    length = {"hourly": 60, "daily": 1440, "weekly": 10_080, "monthly": 43_200}[period]
    inside = [m for m in (0, 5, 59, 61, 119, 2000, 0, 30, 61, 1500) if m <= length]
    before = [m for m in (0, 5, 59, 61, 119, 2000, 0, 30, 61, 1500) if length < m <= 2 * length]
    assert (len(inside), float(sum(inside))) == (report.metrics.predictions_total, report.metrics.total_pnl)
    assert len(before) == report.previous.predictions_total
    assert ["1", "2"] == [each.version for each in report.versions]
    assert len(inside) == sum(each.predictions_total for each in report.versions)
    assert len(inside) == report.history["predictions_total"].sum()
    assert (NOW, NOW) == (report.until, report.generated_at)
    one = monitor.generate_report("har", period, version="2")
    assert report.versions[1].predictions_total == one.metrics.predictions_total
    assert () == one.versions


def test_a_report_of_a_calendar_day_ends_with_it(monitor):
    day = dt.date(2026, 3, 1)
    at(monitor, 570, 571, 9 * 60 + 30 + 24 * 60, 9 * 60 + 31 + 24 * 60)  # 0:00, 23:59, 0:00, 23:59
    report = monitor.generate_report("har", "daily", at=day)
    assert (2, 1) == (report.metrics.predictions_total, report.previous.predictions_total)
    assert 24 == len(report.history)


def test_a_report_holds_the_alerts_of_its_period_and_version(monitor, clock):
    """Those of this moment, too; not those that came after it was over, nor those of other versions."""
    monitor.record_drift("har", "1", feature_drift=0.9)
    found = {version: monitor.generate_report("har", version=version).alerts for version in (None, "1", "2")}
    assert {None: 1, "1": 1, "2": 0} == {version: len(alerts) for version, alerts in found.items()}
    assert 0 == len(monitor.generate_report("har", "daily", at=dt.date(2026, 3, 1)).alerts)
    assert 1 == len(monitor.generate_report("har", "daily", at=dt.date(2026, 3, 2)).alerts)
    clock.advance(days=2)
    assert 0 == len(monitor.generate_report("har", "daily", at=dt.date(2026, 3, 1)).alerts)


def test_a_report_refuses_what_it_cannot_be_about(monitor):
    with pytest.raises(InvalidConfigError, match="the period 'yearly' is not known"):
        monitor.generate_report("har", "yearly")
    for moment in (dt.date(1, 1, 1), dt.date(9999, 12, 31), NOW.replace(tzinfo=None)):
        with pytest.raises(InvalidDataError):
            monitor.generate_report("har", at=moment)


def test_a_first_record_at_the_epoch_is_the_first_step(monitor):
    """Moment 0 is a moment."""
    monitor.record_prediction("har", "1", correct=True, timestamp=dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
    history = monitor.get_metrics_history("har", step="365d")
    assert ("1970-01-01", 1.0) == (str(history.times[0])[:10], history["predictions_total"][0])


def test_a_report_of_a_store_on_disk_is_that_of_every_process(tmp_path, clock):
    with PerformanceMonitor(tmp_path, clock=clock) as one, PerformanceMonitor(tmp_path, clock=clock) as other:
        at(one, 0, 1)
        at(other, 2)
        assert 3 == one.generate_report("har").metrics.predictions_total
