"""The figures of the packages that people would check them with, on real prices where there are trades."""

import math

import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.storage import MemoryStore

ROWS = 5000


def over(clock, record, **options):
    """Return the metrics over what a function records, half of it compacted."""
    with PerformanceMonitor(MemoryStore(), clock=clock, **options) as monitor:
        record(monitor)
        return monitor.get_latest_metrics("har")


@pytest.fixture(scope="module")
def numbers():
    """Give predicted and actual volatilities: positive, some small."""
    rng = np.random.default_rng(11)
    actual = rng.lognormal(-4, 0.6, ROWS)
    return actual * rng.lognormal(0, 0.3, ROWS), actual


@pytest.mark.parametrize("signed", [False, True])
def test_errors_are_those_of_scikit_learn(clock, numbers, signed):
    """MAE, RMSE and MAPE; scikit-learn's MAPE is a fraction, too, and divides by at least 2.2e-16."""
    sklearn = pytest.importorskip("sklearn.metrics")
    predicted, actual = numbers
    if signed:
        actual = actual - np.median(actual)
    found = over(
        clock, lambda monitor: monitor.record_predictions("har", "1", prediction=predicted, actual=actual)
    )
    for peer, value in [
        (sklearn.mean_absolute_error, found.mae),
        (sklearn.root_mean_squared_error, found.rmse),
        (sklearn.mean_absolute_percentage_error, found.mape),
    ]:
        assert pytest.approx(peer(actual, predicted), rel=1e-9) == value


def test_mape_leaves_out_actual_zeros_which_scikit_learn_divides_by_almost_nothing(clock):
    sklearn = pytest.importorskip("sklearn.metrics")
    predicted, actual = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 4.0])
    found = over(
        clock, lambda monitor: monitor.record_predictions("har", "1", prediction=predicted, actual=actual)
    )
    assert sklearn.mean_absolute_percentage_error(actual[1:], predicted[1:]) == found.mape
    assert sklearn.mean_absolute_percentage_error(actual, predicted) > 1e15


@pytest.mark.parametrize("labels", [[0, 1], [True, False], ["down", "flat", "up"]])
def test_accuracy_is_that_of_scikit_learn(clock, labels):
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(12)
    predicted, actual = rng.choice(labels, ROWS), rng.choice(labels, ROWS)

    def record(monitor):
        monitor.record_predictions("har", "1", prediction=predicted, prediction_id=range(ROWS))
        for identity, value in enumerate(actual.tolist()):
            monitor.record_actual("har", identity, value)

    assert sklearn.accuracy_score(actual, predicted) == over(clock, record).accuracy


def test_brier_score_and_calibration_are_those_of_scikit_learn(clock):
    """The expected calibration error, from the bins of `calibration_curve`, weighted with their sizes."""
    sklearn = pytest.importorskip("sklearn.metrics")
    calibration = pytest.importorskip("sklearn.calibration")
    rng = np.random.default_rng(13)
    confidence = rng.beta(4, 2, ROWS)
    correct = rng.random(ROWS) < confidence**1.3
    found = over(
        clock, lambda monitor: monitor.record_predictions("har", "1", confidence=confidence, correct=correct)
    )
    assert pytest.approx(sklearn.brier_score_loss(correct, confidence), rel=1e-9) == found.brier_score
    share_correct, mean_confidence = calibration.calibration_curve(correct, confidence, n_bins=10)
    sizes = np.histogram(confidence, np.linspace(0, 1, 11))[0]
    expected = np.abs(share_correct - mean_confidence) @ sizes[sizes > 0] / ROWS
    assert pytest.approx(expected, rel=1e-9) == found.calibration_error
    is_high = confidence >= 0.7
    assert pytest.approx(sklearn.accuracy_score(correct[is_high], np.ones(is_high.sum())), rel=1e-9) == (
        found.high_confidence_accuracy
    )


@pytest.fixture(scope="module")
def sp500():
    """Give twenty years of daily returns of the S&P 500."""
    data = pytest.importorskip("arch.data.sp500")
    close = data.load()["Adj Close"].to_numpy()
    return close[1:] / close[:-1] - 1


def test_trades_are_measured_as_by_empyrical(clock, sp500):
    """A day is a trade of all capital; empyrical's Sharpe ratio is annualised by 252 days, with ddof 1.

    It has no profit factor and no win rate: these are their definitions.
    """
    empyrical = pytest.importorskip("empyrical")
    capital = 10_000.0
    equity = capital * np.cumprod(1 + sp500)
    pnl = np.diff(equity, prepend=capital)

    def record(monitor):
        for number, amount in enumerate(pnl.tolist()):
            monitor.record_trade("har", "1", pnl=amount, trade_id=number)
            clock.advance(hours=1)

    found = over(clock, record, initial_capital=capital)
    assert len(sp500) == found.trades_total
    assert pytest.approx(-empyrical.max_drawdown(sp500), rel=1e-9) == found.max_drawdown
    assert pytest.approx(equity[-1] - capital, rel=1e-9) == found.total_pnl
    assert pytest.approx(pnl[pnl > 0].sum() / -pnl[pnl < 0].sum(), rel=1e-9) == found.profit_factor
    assert (sp500 > 0).mean() == found.win_rate


def test_the_sharpe_ratio_is_that_of_empyrical(clock, sp500):
    empyrical = pytest.importorskip("empyrical")

    def record(monitor):
        for amount in sp500.tolist():
            monitor.record_trade("har", "1", pnl=amount)

    found = over(clock, record, trades_per_year=252)
    assert pytest.approx(empyrical.sharpe_ratio(sp500, annualization=252), rel=1e-9) == found.sharpe_ratio
    assert pytest.approx(empyrical.sharpe_ratio(sp500, period="daily"), rel=1e-9) == found.sharpe_ratio


def test_percentiles_are_those_of_numpy_within_their_error(clock):
    latency = np.random.default_rng(14).gamma(2.0, 30.0, ROWS)
    found = over(clock, lambda monitor: monitor.record_predictions("har", "1", latency_ms=latency))
    expected = np.percentile(latency, [50, 95, 99], method="inverted_cdf")
    assert pytest.approx(expected, rel=0.006) == [
        found.p50_latency_ms,
        found.p95_latency_ms,
        found.p99_latency_ms,
    ]
    assert not math.isnan(found.avg_latency_ms)
