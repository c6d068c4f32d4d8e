"""Each metric against its closed form, where data is scarce, equal, one-sided or bankrupt."""

import datetime as dt
import math

import attrs
import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.storage import MemoryStore

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
INTEGERS = {"predictions_total", "predictions_known", "predictions_correct", "trades_total", "trades_win"}


def figures(metrics):
    return {name: value for name, value in attrs.asdict(metrics).items() if isinstance(value, float)}


def trading(clock, *pnl, **options):
    """Return the metrics of trades, one a second."""
    with PerformanceMonitor(MemoryStore(), clock=clock, **options) as monitor:
        for amount in pnl:
            clock.advance(seconds=1)
            monitor.record_trade("har", "1", pnl=amount)
        return monitor.get_latest_metrics("har")


def test_without_data_all_is_nan_and_nothing_is_counted(monitor):
    """A model that nobody ever heard of is no error."""
    found = monitor.get_latest_metrics("har").to_dict()
    for name, value in found.items():
        if name == "model_id":
            assert "har" == value
        else:
            assert (0 if name in INTEGERS else None) == value


def test_one_trade(clock):
    found = trading(clock, 250.0, initial_capital=1000)
    assert (1, 1, 1.0, 250.0, 250.0) == (
        found.trades_total,
        found.trades_win,
        found.win_rate,
        found.total_pnl,
        found.avg_trade_pnl,
    )
    assert (math.inf, 0.0, 0.0) == (found.profit_factor, found.max_drawdown, found.max_drawdown_amount)
    assert math.isnan(found.sharpe_ratio)


@pytest.mark.parametrize("amount", [0.1, 1e-9, 1e-170, 5e-324, 1e100, -3.3, 0.0])
def test_equal_amounts_have_no_sharpe_ratio(clock, amount):
    assert math.isnan(trading(clock, *[amount] * 7).sharpe_ratio)


def test_amounts_whose_spread_is_too_small_for_a_number_have_no_sharpe_ratio(clock):
    """Their variance is 0 in floating point."""
    assert math.isnan(trading(clock, 5e-324, 1e-323).sharpe_ratio)
    assert math.isnan(trading(clock, 1e-170, 2e-170).sharpe_ratio)


def test_profit_alone_loss_alone_and_neither(clock):
    assert (math.inf, 0.0) == (
        trading(clock, 1.0, 2.0).profit_factor,
        trading(clock, 1.0, 2.0).max_drawdown_amount,
    )
    assert (0.0, 3.0) == (
        trading(clock, -1.0, -2.0).profit_factor,
        trading(clock, -1.0, -2.0).max_drawdown_amount,
    )
    assert math.isnan(trading(clock, 0.0, 0.0).profit_factor)
    assert 0.0 == trading(clock, 0.0, 0.0).win_rate


def test_a_bankrupt_account_has_lost_everything_and_no_more(clock):
    assert 1.0 == trading(clock, -100.0, initial_capital=100).max_drawdown
    assert 1.0 == trading(clock, -250.0, 500.0, initial_capital=100).max_drawdown
    assert 250.0 == trading(clock, -250.0, 500.0, initial_capital=100).max_drawdown_amount


def test_drawdown_in_a_window_is_from_the_equity_at_its_beginning(clock):
    """1,000 made 500 more before; 150 of 1,500 are 10%. Without capital there is no fraction."""
    with PerformanceMonitor(MemoryStore(), clock=clock, initial_capital=1000) as monitor:
        monitor.record_trade("har", "1", pnl=500.0, timestamp=NOW - dt.timedelta(hours=2))
        monitor.record_trade("har", "1", pnl=-150.0)
        assert 0.1 == monitor.get_latest_metrics("har", window="1h").max_drawdown
        monitor.record_trade("har", "1", pnl=-2000.0, timestamp=NOW - dt.timedelta(hours=3))
        assert 1.0 == monitor.get_latest_metrics("har", window="1h").max_drawdown
    assert math.isnan(trading(clock, -5.0).max_drawdown)


def test_sharpe_ratio_is_annualised_where_asked(clock):
    pnl = [3.0, -1.0, 2.0, 4.0]
    expected = np.mean(pnl) / np.std(pnl, ddof=1)
    assert pytest.approx(expected, rel=1e-12) == trading(clock, *pnl).sharpe_ratio
    assert (
        pytest.approx(expected * 252**0.5, rel=1e-12)
        == trading(clock, *pnl, trades_per_year=252).sharpe_ratio
    )


def test_an_outcome_that_was_said_wins_over_the_money(monitor):
    for outcome, pnl in [
        ("win", -1.0),
        ("loss", 5.0),
        ("breakeven", 0.0),
        (None, 1.0),
        (None, 0.0),
        ("win", None),
    ]:
        monitor.record_trade("har", "1", outcome=outcome, pnl=pnl)
    found = monitor.get_latest_metrics("har")
    assert (6, 3, 0.5) == (found.trades_total, found.trades_win, found.win_rate)
    assert (5.0, 1.0) == (found.total_pnl, found.avg_trade_pnl)  # of the five that have money


def test_outcomes_alone_give_a_win_rate_and_no_money(monitor):
    monitor.record_trade("har", "1", outcome="loss")
    found = monitor.get_latest_metrics("har")
    assert (0.0, 1) == (found.win_rate, found.trades_total)
    assert math.isnan(found.total_pnl)
    assert math.isnan(found.max_drawdown_amount)


def test_versions_apart_and_together(monitor):
    """A trade id is counted once for a model, and for each version that recorded it."""
    for version, correct in (("1", True), ("2", False)):
        monitor.record_prediction("har", version, correct=correct, latency_ms=1.0)
        monitor.record_trade("har", version, pnl=1.0, trade_id="same")
        monitor.record_drift("har", version, feature_drift=0.5 if correct else 0.25)
    found = {version: monitor.get_latest_metrics("har", version) for version in (None, "1", "2", "3")}
    assert [0.5, 1.0, 0.0] == [found[version].accuracy for version in (None, "1", "2")]
    assert [1, 1, 1, 0] == [found[version].trades_total for version in found]
    assert [0.25, 0.5, 0.25] == [found[version].feature_drift_score for version in (None, "1", "2")]
    assert [None, "1", "2", "3"] == [found[version].version for version in found]
    assert 0 == found["3"].predictions_total


@pytest.mark.parametrize(
    "window", ["1h", dt.timedelta(hours=1), 3600, 3600.0, "60m", np.int64(3600)], ids=repr
)
def test_a_window_includes_its_first_moment(monitor, clock, window):
    """Something recorded exactly an hour ago was recorded in the last hour."""
    monitor.record_prediction("har", "1", correct=True)
    monitor.record_trade("har", "1", pnl=1.0)
    monitor.record_drift("har", "1", feature_drift=0.1)
    clock.advance(hours=1)
    found = monitor.get_latest_metrics("har", window=window)
    assert (1, 1, 0.1) == (found.predictions_total, found.trades_total, found.feature_drift_score)
    assert (NOW, None) == (found.since, found.until)
    clock.advance(seconds=1e-6)
    found = monitor.get_latest_metrics("har", window=window)
    assert (0, 0) == (found.predictions_total, found.trades_total)
    assert math.isnan(found.feature_drift_score)


@pytest.mark.parametrize("window", ["", "1", "1y", 0, -1, math.nan, math.inf, True, [], "-1h", "1000000d"])
def test_what_is_no_window_is_refused(monitor, window):
    for ask in (
        lambda: monitor.get_latest_metrics("har", window=window),
        lambda: monitor.get_metrics_history("har", step=window),
        lambda: monitor.get_metrics_history("har", since=window),
        lambda: monitor.get_features("har", "1", window=window),
    ):
        with pytest.raises(ValueError, match="use a number with a unit"):
            ask()


def test_the_latest_drift_score_of_each_kind_counts(monitor, clock):
    monitor.record_drift("har", "1", feature_drift=0.5, prediction_drift=0.4)
    clock.advance(hours=1)
    monitor.record_drift("har", "1", prediction_drift=0.3)
    monitor.record_drift("har", "1", feature_drift=9.0, timestamp=NOW - dt.timedelta(days=1))
    found = monitor.get_latest_metrics("har")
    assert (0.5, 0.3) == (found.feature_drift_score, found.prediction_drift_score)
    assert math.isnan(found.performance_drift_score)
    assert math.isnan(monitor.get_latest_metrics("har", window="30m").feature_drift_score)


def test_percentiles_are_within_their_stated_error(monitor):
    """0.55% of the value of that rank, over 12 orders of magnitude, zeros among them."""
    latency = np.random.default_rng(2).lognormal(1, 6, 20_000)
    latency[:100] = 0.0
    monitor.record_predictions("har", "1", latency_ms=latency)
    found = monitor.get_latest_metrics("har")
    for percent, value in [
        (50, found.p50_latency_ms),
        (95, found.p95_latency_ms),
        (99, found.p99_latency_ms),
    ]:
        assert pytest.approx(np.percentile(latency, percent, method="inverted_cdf"), rel=0.0055) == value
    assert pytest.approx(latency.mean(), rel=1e-12) == found.avg_latency_ms


def test_texts_have_no_errors(clock):
    """They are right or wrong, and neither near nor far, whatever the tolerance."""
    with PerformanceMonitor(MemoryStore(), clock=clock, accuracy_tolerance=1e99) as monitor:
        monitor.record_predictions("har", "1", prediction=["up", "up"], actual=["up", "down"])
        found = monitor.get_latest_metrics("har")
        assert 0.5 == found.accuracy
        for value in (found.mae, found.rmse, found.mape, found.directional_accuracy):
            assert math.isnan(value)


def test_confidence_at_the_threshold_is_high(clock):
    with PerformanceMonitor(MemoryStore(), clock=clock, high_confidence=0.8) as monitor:
        for confidence, correct in [(0.8, True), (0.7999999999, False), (None, False), (0.9, None)]:
            monitor.record_prediction("har", "1", confidence=confidence, correct=correct)
        assert 1.0 == monitor.get_latest_metrics("har").high_confidence_accuracy


def test_hot_and_batch_path_agree_beyond_several_segments(tmp_path, clock):
    """150,000 single predictions fill segments of growing size; none is lost where one ends."""
    rng = np.random.default_rng(3)
    confidence, latency = rng.random(150_000).tolist(), rng.lognormal(3, 1, 150_000).tolist()
    correct = (rng.random(150_000) < 0.55).tolist()
    with (
        PerformanceMonitor(tmp_path / "one", clock=clock) as one,
        PerformanceMonitor(tmp_path / "many", clock=clock) as many,
    ):
        record = one.record_prediction
        for c, is_correct, ms in zip(confidence, correct, latency, strict=True):
            record("har", "1", confidence=c, correct=is_correct, latency_ms=ms)
        many.record_predictions("har", "1", confidence=confidence, correct=correct, latency_ms=latency)
        expected, found = many.get_latest_metrics("har"), one.get_latest_metrics("har")
        assert (150_000, sum(correct)) == (found.predictions_total, found.predictions_correct)
        assert pytest.approx(figures(expected), rel=1e-12, nan_ok=True) == figures(found)
    with PerformanceMonitor(tmp_path / "one", clock=clock) as again:
        found = again.get_latest_metrics("har")
        assert pytest.approx(figures(expected), rel=1e-12, nan_ok=True) == figures(found)
