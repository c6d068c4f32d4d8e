"""From sums to metrics: pure arithmetic."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlprod._clock import to_datetime
from mlprod.monitoring._aggregate import Aggregate
from mlprod.monitoring._equity import equity_of
from mlprod.monitoring._reader import BEGINNING, END, ModelReader
from mlprod.monitoring._threshold import METRICS
from mlprod.monitoring._values import MetricsHistory, ModelPerformanceMetrics

__all__ = ["evidence_of", "history_of", "metrics_of"]

_QUANTILES = (0.5, 0.95, 0.99)
_LATENCIES = ("avg_latency_ms", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms")
_MONEY = (
    "total_pnl",
    "avg_trade_pnl",
    "profit_factor",
    "sharpe_ratio",
    "max_drawdown",
    "max_drawdown_amount",
)


def metrics_of(reader: ModelReader, *, since: int = BEGINNING, until: int = END) -> ModelPerformanceMetrics:
    """Return the metrics over a stretch of time; nanoseconds since 1970, UTC."""
    return _metrics(reader, reader.sums(since, until), since, until)


def evidence_of(reader: ModelReader, *, since: int) -> tuple[ModelPerformanceMetrics, Mapping[str, int]]:
    """Return the metrics since a moment, and how many events each of them was computed from."""
    sums = reader.sums(since)
    return _metrics(reader, sums, since, END), _samples(reader, sums, since)


def history_of(reader: ModelReader, edges: NDArray[np.int64]) -> MetricsHistory:
    """Return the metrics of consecutive steps.

    Args:
        reader: the model.
        edges: where the steps begin, and where the last one ends; shape ``(n + 1,)``, ns since 1970, UTC.
    """
    steps = [
        metrics_of(reader, since=since, until=until) for since, until in itertools.pairwise(edges.tolist())
    ]
    return MetricsHistory(
        model_id=reader.model_id,
        version=reader.version,
        step_seconds=float(edges[1] - edges[0]) / 1e9,
        times=edges[:-1].astype("datetime64[ns]").astype("datetime64[us]"),
        columns={name: np.array([getattr(step, name) for step in steps], np.float64) for name in METRICS},
        **equity_of(reader.trades, edges),
    )


def _metrics(reader: ModelReader, sums: Aggregate, since: int, until: int) -> ModelPerformanceMetrics:
    drift: dict[str, Any] = dict(reader.drift(since, until))
    return ModelPerformanceMetrics(
        model_id=reader.model_id,
        version=reader.version,
        since=None if since == BEGINNING else to_datetime(since),
        until=None if until == END else to_datetime(until),
        **_predictions(sums),
        **_trades(reader, since, until),
        **drift,
    )


def _samples(reader: ModelReader, sums: Aggregate, since: int) -> dict[str, int]:
    trades = reader.trades.between(since, END)
    return {
        **dict.fromkeys(METRICS, sums.predictions),
        **dict.fromkeys(("accuracy", "predictions_known", "predictions_correct"), sums.known),
        "high_confidence_accuracy": sums.confident_known,
        "avg_confidence": sums.confidence_count,
        **dict.fromkeys(("calibration_error", "brier_score"), sums.calibration.count),
        **dict.fromkeys(_LATENCIES, sums.latency.count),
        **dict.fromkeys(("mae", "rmse", "directional_accuracy"), sums.difference_count),
        "mape": sums.relative_count,
        **dict.fromkeys(("win_rate", "trades_total", "trades_win"), len(trades)),
        **dict.fromkeys(_MONEY, len(trades.money)),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _predictions(sums: Aggregate) -> dict[str, Any]:
    p50, p95, p99 = sums.latency.quantiles(_QUANTILES).tolist()
    return {
        "accuracy": _ratio(sums.correct, sums.known),
        "predictions_total": sums.predictions,
        "predictions_known": sums.known,
        "predictions_correct": sums.correct,
        "avg_latency_ms": sums.latency.mean,
        "p50_latency_ms": p50,
        "p95_latency_ms": p95,
        "p99_latency_ms": p99,
        "avg_confidence": _ratio(sums.confidence_total, sums.confidence_count),
        "high_confidence_accuracy": _ratio(sums.confident_correct, sums.confident_known),
        "error_rate": _ratio(sums.errors, sums.predictions),
        "mae": _ratio(sums.absolute_total, sums.difference_count),
        "rmse": math.sqrt(_ratio(sums.squared_total, sums.difference_count)),
        "mape": _ratio(sums.relative_total, sums.relative_count),
        "directional_accuracy": _ratio(sums.same_sign, sums.difference_count),
        "calibration_error": sums.calibration.error,
        "brier_score": sums.calibration.brier,
    }


def _trades(reader: ModelReader, since: int, until: int) -> dict[str, Any]:
    """Return what trades earned; a drawdown is measured from the equity at the beginning of the stretch."""
    trades = reader.trades.between(since, until)
    if not len(trades):
        return {}
    won = int(np.count_nonzero(trades.is_won))
    found: dict[str, Any] = {"win_rate": won / len(trades), "trades_total": len(trades), "trades_win": won}
    pnl = trades.money
    if not len(pnl):
        return found
    moments, drawdown = trades.moments(), trades.drawdown()
    gain, loss = float(pnl[pnl > 0].sum()), float(-pnl[pnl < 0].sum())
    # Equal amounts have no spread; rounding must not make a Sharpe ratio of 10^16 out of that.
    spread = moments.std() if float(pnl.min()) != float(pnl.max()) else 0.0
    annual = 1.0 if reader.rules.trades_per_year is None else math.sqrt(reader.rules.trades_per_year)
    found |= {
        "total_pnl": moments.total,
        "avg_trade_pnl": moments.mean,
        "profit_factor": gain / loss if loss else math.inf if gain else math.nan,
        "sharpe_ratio": _ratio(moments.mean, spread) * annual,
        "max_drawdown_amount": drawdown.amount,
    }
    if reader.rules.initial_capital is not None:
        capital = reader.rules.initial_capital + reader.trades.total_before(since)
        found["max_drawdown"] = drawdown.fraction(capital) if capital > 0 else 1.0
    return found
