"""How all models do, from one reading: the same figures as asked for one by one."""

import datetime as dt
import json

import numpy as np
import pytest

from mlprod import AlertThreshold, PerformanceMonitor, open_store
from mlprod.errors import InvalidConfigError, StoreError
from mlprod.monitoring._step_sums import StepSums
from mlprod.monitoring._summary import STRETCH_ROWS
from mlprod.testing import FaultyStore

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DRAWN = ("predictions_total", "accuracy", "error_rate", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms")
TRADED = ("win_rate", "total_pnl", "max_drawdown_amount")


def record(monitor, rng, count, *, model="har", version="1.0.0", hours=200):
    """Record predictions, trades and scores at random moments, some of them in the last minute."""
    ago = np.append(rng.integers(0, hours * 60, count - 1), 0)
    monitor.record_predictions(
        model,
        version,
        correct=rng.random(count) < 0.6,
        error=rng.random(count) < 0.1,
        confidence=rng.random(count),
        latency_ms=np.where(rng.random(count) < 0.1, 0.0, rng.lognormal(2, 1, count)),
        timestamp=np.datetime64(NOW.replace(tzinfo=None)) - ago * np.timedelta64(1, "m"),
    )
    for minutes in ago[:20].tolist():
        moment = NOW - dt.timedelta(minutes=minutes)
        monitor.record_trade(model, version, pnl=float(rng.normal()), timestamp=moment)
        monitor.record_drift(model, version, feature_drift=float(rng.random()), timestamp=moment)


@pytest.mark.parametrize("is_compacted", [False, True])
def test_every_step_is_what_a_history_says(store, clock, is_compacted):
    rng = np.random.default_rng(1)
    with PerformanceMonitor(store, clock=clock) as monitor:
        record(monitor, rng, 500)
        record(monitor, rng, 300, version="1.1.0")
        for minutes in range(0, 3000, 60):  # whose outcome is not known
            moment = NOW - dt.timedelta(minutes=minutes)
            monitor.record_prediction("har", "1.0.0", latency_ms=3.0, timestamp=moment)
        for hours in (1, 1, 150):  # which nobody knows what they earned
            monitor.record_trade("har", "1.0.0", outcome="win", timestamp=NOW - dt.timedelta(hours=hours))
        if is_compacted:
            monitor.compact("har")
        (overview,) = monitor.get_overview(window="9d", steps=30)
        history = monitor.get_metrics_history(
            "har", step=dt.timedelta(seconds=overview.history.step_seconds), since=first(overview.history)
        )
    assert len(history) == len(overview.history) <= 31
    assert history.times.tolist() == overview.history.times.tolist()
    for name in (*DRAWN, *TRADED, "feature_drift_score"):
        np.testing.assert_allclose(overview.history[name], history[name], rtol=1e-12, err_msg=name)
    np.testing.assert_allclose(overview.history.equity, history.equity, rtol=1e-12)


def first(history):
    return history.times[0].item().replace(tzinfo=dt.UTC)


def test_stretches_that_lie_within_a_step_are_not_read(store, clock, monkeypatch):
    """What is read is bounded by the number of steps, not by how much was ever recorded."""
    rng = np.random.default_rng(2)
    count = 4 * STRETCH_ROWS
    with PerformanceMonitor(store, clock=clock) as monitor:
        monitor.record_predictions(
            "har",
            "1.0.0",
            correct=rng.random(count) < 0.6,
            latency_ms=np.where(np.arange(count) % 7 == 0, 0.0, 1.0 + np.arange(count) % 50),
            timestamp=np.datetime64(NOW.replace(tzinfo=None))
            - np.arange(count)[::-1] * np.timedelta64(1, "s"),
        )
    summed, original = [], StepSums.of

    def watched(table, edges, rules):
        summed.append(len(table))
        return original(table, edges, rules)

    monkeypatch.setattr(StepSums, "of", watched)
    reading = PerformanceMonitor(store, clock=clock)
    (overview,) = reading.get_overview(window="7d", steps=3)
    step = dt.timedelta(seconds=overview.history.step_seconds)
    history = reading.get_metrics_history("har", step=step, since=first(overview.history))
    assert sum(summed) < count
    for name in DRAWN:
        np.testing.assert_allclose(overview.history[name], history[name], rtol=1e-12, err_msg=name)


def test_what_lies_before_the_window_is_left_out(store, clock):
    """A block of which all lies before it, and one of which only the last of its stretches do not."""
    monitor = PerformanceMonitor(store, clock=clock)
    rows = 3 * STRETCH_ROWS
    for days, step in ((9, "1ms"), (2, "800ms")):
        begin = np.datetime64(NOW.replace(tzinfo=None)) - np.timedelta64(days, "D")
        moments = begin + np.arange(rows) * np.timedelta64(int(step[:-2]), "ms")
        monitor.record_predictions("har", "1", correct=np.arange(rows) % 2 == 0, timestamp=moments)
    monitor.close()
    (found,) = PerformanceMonitor(store, clock=clock).get_overview(window="24h", steps=24)
    late = rows - 86_400 * 1000 // 800
    half_an_hour = 30 * 60 * 1000 // 800  # steps begin at full hours, and the window does not
    assert late + half_an_hour == found.history["predictions_total"].sum()
    assert (2 * rows, 0.5) == (found.whole.predictions_total, found.history["accuracy"][1])


def test_the_days_are_those_that_one_would_ask_for(monitor):
    record(monitor, np.random.default_rng(3), 400)
    (overview,) = monitor.get_overview()
    assert monitor.get_latest_metrics("har", window="24h").to_dict() == overview.day.to_dict()
    assert monitor.get_latest_metrics("har").accuracy == overview.whole.accuracy
    assert overview.day_before.until == overview.day.since == NOW - 24 * HOUR
    assert ("1.0.0",) == tuple(of.version for of in overview.versions)


def test_each_version_is_told_apart(monitor):
    rng = np.random.default_rng(4)
    record(monitor, rng, 50)
    record(monitor, rng, 70, version="1.1.0")
    (overview,) = monitor.get_overview()
    assert [50, 70] == [of.predictions_total for of in overview.versions]
    assert monitor.get_latest_metrics("har", "1.1.0").to_dict() == overview.versions[1].to_dict()


class TestWhatActs:
    """One version failed an hour ago; another one is right."""

    @pytest.fixture(autouse=True)
    def recorded(self, monitor, clock):
        monitor.record_predictions("har", "1.0.0", correct=[False] * 80)
        clock.advance(hours=1)
        monitor.record_predictions("har", "1.1.0", correct=[True] * 40)
        monitor.record_drift("har", "1.2.0", feature_drift=0.1)

    def test_alone_counts_for_health(self, monitor):
        asked = (None, {"har": "1.1.0"}, {"har": "1.0.0"}, {"har": "1.2.0"}, {"other": "1.1.0"})
        found = [monitor.get_overview(acting=acting)[0].health for acting in asked]
        assert ["critical", "healthy", "critical", "critical", "critical"] == [each.status for each in found]
        assert [None, "1.1.0", "1.0.0", None, None] == [each.metrics.version for each in found]

    def test_has_alerts_of_its_own(self, monitor):
        (alert,) = [each for each in monitor.get_active_alerts() if each.severity == "critical"]
        assert "1.0.0" == alert.version
        for acting, alerts in (("1.1.0", ()), ("1.0.0", (alert,))):
            (overview,) = monitor.get_overview(alerts=[alert], acting={"har": acting})
            assert alerts == overview.health.alerts

    def test_is_known_by_when_it_last_did(self, monitor, clock):
        (overview,) = monitor.get_overview()
        assert {"1.0.0": clock() - HOUR, "1.1.0": clock()} == dict(overview.acted)


def test_confidence_is_compared_with_accuracy(monitor):
    monitor.record_predictions("har", "1", confidence=[0.55, 0.57, 0.91], correct=[True, False, True])
    (overview,) = monitor.get_overview()
    assert [(pytest.approx(0.56), 0.5, 2), (0.91, 1.0, 1)] == list(overview.calibration)


def test_it_is_ready_for_json(monitor):
    record(monitor, np.random.default_rng(5), 30)
    document = json.loads(json.dumps(monitor.get_overview()[0].to_dict()))
    assert ("har", 30) == (document["model_id"], document["whole"]["predictions_total"])
    assert document["history"]["equity"][-1] == pytest.approx(document["whole"]["total_pnl"])


def test_all_models_are_there_by_name(monitor):
    for name in ("zeta", "alpha"):
        monitor.record_prediction(name, "1", correct=True)
    monitor.record_actual("only-outcomes", "p-1", 1.0)
    assert ["alpha", "zeta"] == [overview.model_id for overview in monitor.get_overview()]


def test_what_was_recorded_long_ago_is_shown_as_it_was(monitor, clock):
    monitor.record_prediction("har", "1", correct=True)
    clock.advance(hours=48)
    monitor.record_prediction("har", "1", correct=False)
    clock.advance(days=400)
    (overview,) = monitor.get_overview(window="7d", steps=24)
    assert (1.0, 0.0) == (overview.history["accuracy"][0], overview.history["accuracy"][-1])
    assert overview.day.predictions_total == 0


def test_steps_are_never_too_many(monitor, clock):
    monitor.record_prediction("har", "1", correct=True)
    clock.advance(days=10_000)
    monitor.record_prediction("har", "1", correct=True)
    (overview,) = monitor.get_overview(window="9999d", steps=10)
    assert len(overview.history) <= 11


@pytest.mark.parametrize("count", [1, 2])
def test_trades_without_money_have_a_win_rate(monitor, count):
    for _ in range(count):
        monitor.record_trade("har", "1", outcome="win")
    (overview,) = monitor.get_overview()
    assert (1.0, True) == (
        overview.history["win_rate"][-1],
        bool(np.isnan(overview.history["total_pnl"][-1])),
    )


def test_nothing_is_written_and_no_threshold_is_looked_at(store, clock):
    threshold = AlertThreshold(
        "accuracy_drop", "accuracy", 0.9, "critical", comparison="below", min_samples=1
    )
    with PerformanceMonitor(store, clock=clock, thresholds=[threshold]) as monitor:
        monitor.record_prediction("har", "1", correct=False)
    watched = FaultyStore(store)
    reading = PerformanceMonitor(watched, clock=clock, thresholds=[threshold])
    (overview,) = reading.get_overview()
    assert () == overview.health.alerts
    assert [] == reading.get_active_alerts(evaluate=False) == reading.get_alert_history(evaluate=False)
    assert {"get", "list"} >= {entry.split()[0] for entry in watched.log}
    (alert,) = reading.get_active_alerts()
    assert (alert,) == reading.get_overview()[0].health.alerts


@pytest.mark.parametrize("steps", [0, 100_001])
def test_how_many_steps_there_may_be(monitor, steps):
    with pytest.raises(InvalidConfigError, match="steps must be 1 to 100,000"):
        monitor.get_overview(steps=steps)


class TestDamage:
    """One model's files hide no other's, if somebody wants to be told."""

    @pytest.fixture
    def local(self, tmp_path, clock):
        store = open_store(tmp_path / "store")
        monitors = [PerformanceMonitor(store, clock=clock) for _ in range(2)]
        for model, monitor in zip(("broken", "whole"), monitors, strict=True):
            monitor.record_predictions(model, "1", correct=[True] * 40)
            monitor.record_predictions(model, "2", correct=[True] * 40)
        monitors[0].close()  # which compacts
        yield store
        monitors[1].close()

    def overviews(self, store, clock):
        told = []
        found = PerformanceMonitor(store, clock=clock).get_overview(
            on_unreadable=lambda *what: told.append(what)
        )
        return {each.model_id: each for each in found}, told

    def test_a_model_without_its_records_is_left_out(self, local, clock):
        for path in local.list("journal"):
            if "/broken/" in path:
                local.delete(path)
        with pytest.raises(StoreError):
            PerformanceMonitor(local, clock=clock).get_overview()
        found, told = self.overviews(local, clock)
        assert ["whole"] == [*found]
        assert ["broken"] == [model for model, _ in told]

    def test_one_without_some_of_them_is_shown_without_these(self, local, clock):
        (path,) = [path for path in local.list("journal/raw") if "/whole/predictions/2/" in path]
        local.put(path, b"mlprblk")
        found, told = self.overviews(local, clock)
        assert 40 == found["whole"].whole.predictions_total
        assert [("whole", True)] == [(model, path in why) for model, why in told]

    def test_one_of_which_nothing_can_be_read_is_told_of(self, local, clock):
        for path in local.list("journal/raw"):
            if "/whole/" in path:
                local.put(path, b"mlprblk")
        found, told = self.overviews(local, clock)
        assert ["broken"] == [*found]
        assert {"whole"} == {model for model, _ in told}

    def test_a_journal_that_nobody_can_read_is_an_error(self, local, clock):
        for path in local.list("journal/ledger"):
            local.put(path, b"{")
        with pytest.raises(StoreError, match="is damaged"):
            self.overviews(local, clock)


def test_alerts_that_are_known_already_are_not_read_again(store, clock):
    with PerformanceMonitor(store, clock=clock) as monitor:
        monitor.record_predictions("har", "1", correct=[True] * 40)
        store.put("alerts/ledger/commits/00000000000000000001.json", b"{")
        assert "healthy" == monitor.get_overview(alerts=())[0].health.status
        with pytest.raises(StoreError, match="alerts/ledger"):
            monitor.get_overview()
