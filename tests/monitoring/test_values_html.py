"""What the monitor answers with, as a notebook shows it."""

import re

import pytest

from mlprod import AlertThreshold
from mlprod.monitoring import PerformanceMonitor


@pytest.fixture
def monitor(store, clock):
    """Watch two things, of which one goes wrong at once."""
    thresholds = [
        AlertThreshold("accuracy_drop", "accuracy", 0.9, "critical", min_samples=2),
        *(AlertThreshold(f"slow_{at}", "p99_latency_ms", at, "warning", min_samples=2) for at in range(1, 8)),
    ]
    with PerformanceMonitor(store, clock=clock, thresholds=thresholds) as monitor:
        yield monitor


@pytest.fixture
def recorded(monitor):
    """Record what is neither right nor fast, and drifts."""
    for at in range(40):
        monitor.record_prediction("har", "1.0.0", correct=at % 4 > 0, latency_ms=8.25)
        monitor.record_trade("har", "1.0.0", pnl=12_345.678)
    monitor.record_drift("har", "1.0.0", feature_drift=0.4)
    monitor.get_active_alerts()
    return monitor


def words(value):
    """Return what is shown, a line for each element."""
    source = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", value._repr_html_(), flags=re.DOTALL)
    return [
        line
        for line in re.sub(r"</?bdi>|</?time[^>]*>", "", source).replace("<", ">").split(">")[::2]
        if line
    ]


def figures(value):
    """Return the figures by name."""
    cells = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', value._repr_html_())
    return dict(cells)


def test_metrics_are_those_with_data_in_their_units(recorded):
    found = recorded.get_latest_metrics("har", "1.0.0")
    shown = figures(found)
    assert ("75.0%", "8.25\u202fms", "493,827.12") == tuple(
        shown[name] for name in ("Accuracy", "Mean latency", "P&amp;L")
    )
    assert not {"Mean absolute error", "Mean confidence", "Sharpe ratio"} & shown.keys()
    assert ["har", "version 1.0.0, from the first record to now"] == words(found)[:2]


def test_metrics_of_a_window_say_which(recorded):
    found = recorded.get_latest_metrics("har", window="24h")
    assert "all versions, from 2026-03-01 09:30 UTC to now" == words(found)[1]


def test_without_data_there_is_a_sentence(monitor):
    assert ["har", "all versions, from the first record to now", "Nothing was recorded."] == words(
        monitor.get_latest_metrics("har")
    )


def test_health_says_first_what_is_wrong_and_each_thing_once(recorded):
    health = recorded.get_model_health("har")
    shown = words(health)
    assert ["har", "checked 2026-03-02 09:30 UTC", "Critical", "drift score is 0.4, above 0.3"] == shown[:4]
    assert "8 active alerts" == shown[4]
    assert "Critical, firing: accuracy_drop" == shown[5]
    assert 5 == sum("firing" in line for line in shown)
    assert "And 3 more alerts." in shown
    assert "75.0%" == figures(health)["Accuracy"]


def test_good_health_is_a_word(monitor):
    for _ in range(40):
        monitor.record_prediction("har", "1.0.0", correct=True)
    assert "Healthy" == words(monitor.get_model_health("har"))[2]


def test_an_alert_has_its_id_with_which_it_is_acknowledged(recorded):
    (alert,) = [each for each in recorded.get_active_alerts() if each.type == "accuracy_drop"]
    shown = words(alert)
    assert ["har", f"alert {alert.id}", "Critical, firing: accuracy_drop"] == shown[:3]
    assert "Accuracy was 75.0%, below 90.0%, over 40 samples; version 1.0.0." in shown


def test_an_overview_has_health_the_last_day_and_plots(recorded, clock):
    clock.advance(hours=30)
    recorded.record_prediction("har", "1.0.0", correct=True, latency_ms=1.0)
    (overview,) = recorded.get_overview()
    shown = words(overview)
    assert "recorded from 2026-03-02 09:30 UTC to 2026-03-03 15:30 UTC" == shown[1]
    assert "100.0%" in shown
    titles = re.findall(r'<svg class="mlprod-chart"[^>]*><title>(.*?)</title>', overview._repr_html_())
    assert ["Accuracy", "Equity", "Drawdown, at most 0.00", "Latency"] == titles


def test_long_histories_are_drawn_less_finely_in_a_notebook(monitor, clock):
    for _ in range(100):
        monitor.record_prediction("har", "1.0.0", correct=True)
        clock.advance(hours=1)
    assert 30 == monitor.get_metrics_history("har", step="1h")._repr_html_().count('class="mlprod-hit"')
