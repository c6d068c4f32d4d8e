"""From what is recorded to who is told: default thresholds, evidence, subscribers, several monitors."""

import datetime as dt
import logging
import threading

import pytest

from mlprod import PerformanceMonitor
from mlprod.errors import AlertNotFoundError, InvalidConfigError
from mlprod.monitoring import DEFAULT_THRESHOLDS, AlertThreshold
from mlprod.monitoring._threshold import METRICS

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def trading(store, clock):
    """Give a monitor that knows its capital."""
    with PerformanceMonitor(store, clock=clock, initial_capital=1000) as monitor:
        yield monitor


def types(monitor):
    return [(alert.type, alert.severity) for alert in monitor.get_active_alerts()]


def predict(monitor, count, **fields):
    monitor.record_predictions("har", "1", **{"latency_ms": [1.0] * count, **fields})


def trade(monitor, *pnl):
    for amount in pnl:
        monitor.record_trade("har", "1", pnl=amount)


@pytest.mark.parametrize(
    ("record", "alerts"),
    [
        (lambda m: predict(m, 30, correct=[True] * 15 + [False] * 15), []),
        (lambda m: predict(m, 30, correct=[True] * 14 + [False] * 16), [("accuracy_drop", "warning")]),
        (
            lambda m: predict(m, 30, correct=[True] * 11 + [False] * 19),
            [("accuracy_drop", "critical"), ("accuracy_drop", "warning")],
        ),
        (lambda m: predict(m, 29, correct=False), []),
        (lambda m: trade(m, *[1.0] * 12, *[-1.0] * 18), []),
        (lambda m: trade(m, *[1.0] * 11, *[-1.0] * 19), [("win_rate_drop", "warning")]),
        (lambda m: trade(m, *[-1.0] * 29), []),
        (lambda m: predict(m, 30, latency_ms=[990.0] * 30), []),
        (lambda m: predict(m, 30, latency_ms=[1020.0] * 30), [("high_latency", "warning")]),
        (lambda m: predict(m, 29, latency_ms=[1020.0] * 29), []),
        (lambda m: m.record_drift("har", "1", prediction_drift=0.31), [("prediction_drift", "warning")]),
        (lambda m: m.record_drift("har", "1", feature_drift=0.31), [("feature_drift", "warning")]),
        (lambda m: m.record_drift("har", "1", feature_drift=0.3, prediction_drift=0.3), []),
        (lambda m: m.record_drift("har", "1", performance_drift=5.0), []),
        (lambda m: trade(m, -200.0), []),
        (lambda m: trade(m, -200.01), [("drawdown_exceeded", "critical")]),
    ],
    ids=range(16),
)
def test_default_thresholds(trading, record, alerts):
    """Beyond the threshold and not at it; averages of 30 events or more; facts at once."""
    record(trading)
    assert alerts == types(trading)


def test_without_capital_there_is_no_drawdown_to_alert_of(monitor):
    trade(monitor, -1e6)
    assert [] == types(monitor)


def test_what_was_not_given_is_no_evidence(store, clock):
    """A thousand predictions of which one has what a metric needs are one sample of it."""
    metrics = ["mae", "rmse", "mape", "p99_latency_ms", "brier_score", "calibration_error"]
    thresholds = [AlertThreshold("bad", metric, 1e-6, "warning") for metric in metrics]
    thresholds += [
        AlertThreshold("low", metric, 1.0, "warning") for metric in ("avg_confidence", "directional_accuracy")
    ]
    thresholds += [AlertThreshold("low", "high_confidence_accuracy", 0.9, "warning")]
    with PerformanceMonitor(store, clock=clock, thresholds=thresholds) as monitor:
        monitor.record_predictions("har", "1", correct=[True] * 1000)
        full = {"confidence": 0.8, "correct": False, "latency_ms": 5.0, "prediction": 1.0, "actual": -2.0}
        for _ in range(29):
            monitor.record_prediction("har", "1", **full)
        assert [] == types(monitor)
        monitor.record_prediction("har", "1", **full)
        assert {threshold.metric for threshold in thresholds} == {
            a.metric for a in monitor.get_active_alerts()
        }
        assert {30} == {alert.samples for alert in monitor.get_active_alerts()}


def test_every_metric_can_be_watched(store, clock):
    """None of them is unknown to the evidence, and without data none fires."""
    thresholds = [
        AlertThreshold("t", metric, 0.5, "warning", comparison=comparison, min_samples=0)
        for metric in METRICS
        for comparison in ("above",)
    ]
    with PerformanceMonitor(store, clock=clock, thresholds=thresholds) as monitor:
        assert [] == types(monitor)
        monitor.record_prediction("har", "1", latency_ms=0.1)
        assert ["predictions_total"] == [alert.metric for alert in monitor.get_active_alerts()]


def test_each_version_has_alerts_of_its_own(monitor):
    for version, score in (("1", 0.9), ("2", 0.1)):
        monitor.record_drift("har", version, feature_drift=score)
    monitor.record_drift("other", "1", feature_drift=0.9)
    assert [("har", "1"), ("other", "1")] == sorted(
        (a.model_id, a.version) for a in monitor.get_active_alerts()
    )
    assert ["har"] == [alert.model_id for alert in monitor.get_active_alerts("har")]
    assert ["other"] == [alert.model_id for alert in monitor.get_alert_history("other")]
    assert 2 == len(monitor.get_alert_history())


def test_an_alert_lives_until_the_metric_is_good_again(monitor, clock):
    monitor.record_drift("har", "1", feature_drift=0.9)
    (alert,) = monitor.get_active_alerts()
    assert ("firing", 0.9, 0.3) == (alert.state, alert.value, alert.threshold)
    known = monitor.acknowledge_alert(alert.id, by="me", note="looking")
    assert ("acknowledged", "me", "looking") == (known.state, known.acknowledged_by, known.note)
    assert [known] == monitor.get_active_alerts()
    clock.advance(minutes=1)
    monitor.record_drift("har", "1", feature_drift=0.1)
    assert [] == monitor.get_active_alerts()
    assert ["resolved"] == [alert.state for alert in monitor.getAlertHistory("har")]
    with pytest.raises(AlertNotFoundError):
        monitor.acknowledgeAlert("nosuch")


def test_an_alert_outlives_its_process(tmp_path, clock):
    with PerformanceMonitor(tmp_path, clock=clock) as monitor:
        monitor.record_drift("har", "1", feature_drift=0.9)
        (alert,) = monitor.get_active_alerts()
    with PerformanceMonitor(tmp_path, clock=clock) as again:
        assert [alert] == again.get_active_alerts()


def test_two_monitors_share_an_alert_and_tell_their_own(store, clock):
    """Each tells its subscribers once, whichever decided it."""
    with PerformanceMonitor(store, clock=clock) as one, PerformanceMonitor(store, clock=clock) as other:
        told = {"one": [], "other": []}
        one.on_alert(told["one"].append)
        other.onAlert(told["other"].append)
        one.record_drift("har", "1", feature_drift=0.9)
        for _ in range(3):
            assert one.get_active_alerts() == other.get_active_alerts()
        (alert,) = one.get_active_alerts()
        assert {"one": [alert], "other": [alert]} == told
        other.acknowledge_alert(alert.id)
        assert ["acknowledged"] == [alert.state for alert in one.get_active_alerts()]


def test_subscribers_choose_states_and_leave(monitor, clock):
    told = []
    leave = monitor.on_alert(
        lambda alert: told.append(alert.state), states=("firing", "acknowledged", "resolved")
    )
    monitor.record_drift("har", "1", feature_drift=0.9)
    (alert,) = monitor.get_active_alerts()
    monitor.acknowledge_alert(alert.id)
    clock.advance(seconds=1)
    monitor.record_drift("har", "1", feature_drift=0.1)
    monitor.get_active_alerts()
    assert ["firing", "acknowledged", "resolved"] == told
    leave()
    clock.advance(seconds=1)
    monitor.record_drift("har", "1", feature_drift=0.9)
    monitor.get_active_alerts()
    assert 3 == len(told)


def test_what_fired_before_is_no_news_to_who_comes_later(monitor):
    told = []
    monitor.record_drift("har", "1", feature_drift=0.9)
    monitor.get_active_alerts()
    monitor.on_alert(told.append)
    monitor.get_active_alerts()
    assert [] == told


def test_no_subscriber_is_called_from_within_a_record(monitor):
    """They may be slow, and may trade."""
    inside, told = threading.local(), []
    monitor.on_alert(lambda _: told.append(getattr(inside, "is_recording", False)))
    inside.is_recording = True
    monitor.record_drift("har", "1", feature_drift=0.9)
    trade(monitor, *[-1.0] * 40)
    predict(monitor, 40, correct=False)
    for _ in range(40):
        monitor.record_prediction("har", "1", correct=False)
    inside.is_recording = False
    monitor.get_active_alerts()
    assert [False] * 4 == told


def test_a_subscriber_that_fails_is_logged_and_the_others_are_told(monitor, caplog):
    told = []
    monitor.on_alert(lambda _: 1 / 0)
    monitor.on_alert(told.append)
    monitor.record_drift("har", "1", feature_drift=0.9)
    with caplog.at_level(logging.ERROR, "mlprod.monitoring"):
        (alert,) = monitor.get_active_alerts()
    assert [alert] == told
    assert "ZeroDivisionError" in caplog.text


def test_a_subscriber_may_ask_and_record(monitor):
    """It is called when the decision is made, and no lock is held."""
    asked = []

    def stop(alert):
        monitor.record_trade("har", "1", pnl=0.0)
        asked.append(
            (monitor.get_latest_metrics("har").trades_total, len(monitor.get_active_alerts()), alert.type)
        )

    monitor.on_alert(stop)
    monitor.record_drift("har", "1", feature_drift=0.9)
    monitor.get_active_alerts()
    assert [(1, 1, "feature_drift")] == asked


def test_the_background_looks_compacts_and_goes_on(tmp_path, clock):
    """Its work, tick by tick: alerts after 10, a flush after 30, compaction after 60."""
    monitor = PerformanceMonitor(tmp_path, clock=clock)
    monitor._keeper.stop()
    told = []
    monitor.on_alert(told.append)
    monitor._keeper.stop()
    closed = PerformanceMonitor(tmp_path, clock=clock)
    closed.record_prediction("har", "1", correct=True)
    closed._keeper.stop()
    closed._journal.close()
    monitor.record_drift("har", "1", feature_drift=0.9)
    for _ in range(9):
        monitor._tend()
    assert [] == told
    monitor._tend()
    assert ["feature_drift"] == [alert.type for alert in told]
    for _ in range(50):
        monitor._tend()
    assert 1 == len(list(tmp_path.rglob("blocks/**/predictions/**/*.col")))
    assert 1 == len(told)
    monitor.close()


def test_a_compaction_that_fails_is_logged_and_nothing_lost(tmp_path, clock, monkeypatch, caplog):
    def fail(*_):
        raise InvalidConfigError("no")

    monitor = PerformanceMonitor(tmp_path, clock=clock)
    monitor.record_prediction("har", "1", correct=True)
    monkeypatch.setattr("mlprod.monitoring._monitor.compact", fail)
    with caplog.at_level(logging.WARNING, "mlprod.monitoring"):
        monitor.close()
    assert "the journal of har was not compacted: no" in caplog.text
    assert 1 == monitor.get_latest_metrics("har").predictions_total


def test_thresholds_can_be_chosen_in_either_spelling(store, clock):
    thresholds = [
        {"type": "slow", "metric": "p99LatencyMs", "value": 5, "severity": "critical", "minSamples": 1}
    ]
    with PerformanceMonitor(store, clock=clock, thresholds=thresholds) as monitor:
        monitor.record_prediction("har", "1", latency_ms=6.0)
        monitor.record_drift("har", "1", feature_drift=0.9)
        assert [("slow", "critical")] == types(monitor)
    with PerformanceMonitor(store, clock=clock, thresholds=[]) as quiet:
        quiet.record_drift("har", "2", feature_drift=0.9)
        assert ["slow"] == [alert.type for alert in quiet.get_active_alerts()]  # that of the other one
    assert 7 == len(DEFAULT_THRESHOLDS)


def test_a_bad_subscription_is_refused(monitor):
    with pytest.raises(InvalidConfigError, match="must be callable"):
        monitor.on_alert("not a function")
    with pytest.raises(InvalidConfigError, match="nobody is told of the state"):
        monitor.on_alert(print, states=("pending",))
