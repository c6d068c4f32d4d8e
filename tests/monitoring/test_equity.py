"""Equity over steps: exact, however the steps lie about the trades."""

import datetime as dt
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.monitoring._equity import equity_of
from mlprod.monitoring._reader import TradeLog
from mlprod.stats import Drawdown

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
TRADES = st.lists(st.tuples(st.integers(0, 60), st.integers(-100, 100) | st.just(np.nan)), max_size=40).map(
    sorted
)


def log(trades):
    times, pnl = np.array(trades, np.float64).reshape(-1, 2).T
    return TradeLog(times.astype(np.int64), pnl, pnl > 0)


def test_a_fall_that_ends_within_a_later_step_is_whole():
    """From 50 to -25, of which 20 were lost in the first step, and -25 was won back in the second."""
    trades = log([(0, 50.0), (5, -20.0), (10, -55.0), (15, 100.0), (20, -5.0)])
    found = equity_of(trades, np.array([0, 10, 20, 30, 40]))
    assert [30.0, 75.0, 70.0, 70.0] == found["equity"].tolist()
    assert [20.0, 75.0, 5.0, 5.0] == found["drawdown"].tolist()


def test_equity_at_the_beginning_counts_as_a_peak_and_what_was_earned_before_does_not():
    trades = log([(0, 500.0), (5, -300.0), (10, -20.0), (12, np.nan)])
    found = equity_of(trades, np.array([7, 11, 15]))
    assert [180.0, 180.0] == found["equity"].tolist()
    assert [20.0, 20.0] == found["drawdown"].tolist()


@given(TRADES, st.integers(0, 30), st.integers(1, 70), st.integers(1, 5))
def test_the_deepest_is_the_drawdown_of_the_trades_of_all_steps(trades, start, step, count):
    edges = start + step * np.arange(count + 1)
    drawdown = equity_of(log(trades), edges)["drawdown"]
    inside = [pnl for time, pnl in trades if edges[0] <= time < edges[-1] and not np.isnan(pnl)]
    assert (Drawdown.of(inside).amount if inside else 0.0) == drawdown.max()
    assert count == len(drawdown)


@given(TRADES, st.integers(0, 30), st.integers(1, 70), st.integers(1, 5))
def test_each_step_looks_back_to_the_beginning_of_the_first(trades, start, step, count):
    """Trade by trade, in whole numbers."""
    edges = (start + step * np.arange(count + 1)).tolist()
    known = [(time, pnl) for time, pnl in trades if not np.isnan(pnl)]
    expected = []
    peak = equity = sum(pnl for time, pnl in known if time < edges[0])
    for begin, end in itertools.pairwise(edges):
        worst = peak - equity
        for _, pnl in (each for each in known if begin <= each[0] < end):
            equity += pnl
            peak = max(peak, equity)
            worst = max(worst, peak - equity)
        expected.append((equity, worst))
    found = equity_of(log(trades), np.array(edges))
    assert expected == list(zip(found["equity"].tolist(), found["drawdown"].tolist(), strict=True))


@pytest.mark.parametrize("step", ["7m", "1h", "1d"])
def test_histories_and_overviews_say_what_the_metrics_say(monitor, step):
    rng = np.random.default_rng(8)
    for minutes in rng.integers(0, 900, 300).tolist():
        moment = NOW - dt.timedelta(minutes=minutes)
        monitor.record_trade("har", "1", pnl=float(rng.normal()), timestamp=moment)
    expected = pytest.approx(monitor.get_latest_metrics("har").max_drawdown_amount)
    history = monitor.get_metrics_history("har", step=step)
    (overview,) = monitor.get_overview()
    assert expected == history.drawdown.max()
    assert expected == overview.history.drawdown.max()
    assert history.drawdown.tolist() == history.to_dict()["drawdown"]
