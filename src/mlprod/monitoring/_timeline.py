"""What is drawn of a model over time, computed column by column for all steps at once."""

from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlprod.monitoring._equity import equity_of
from mlprod.monitoring._reader import ModelReader, TradeLog
from mlprod.monitoring._values import MetricsHistory

__all__ = ["edges_of", "timeline_of"]

_QUANTILES: Final = (0.5, 0.95, 0.99)
_MINUTE, _HOUR, _DAY = 60 * 10**9, 3_600 * 10**9, 86_400 * 10**9
_ROUND: Final = (
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28)),
)


def edges_of(first: int, last: int, now: int, *, window: timedelta, steps: int) -> NDArray[np.int64]:
    """Return where the steps of a timeline begin, at round moments, and where the last one ends.

    Args:
        first: the time of the first record; nanoseconds since 1970, UTC.
        last: that of the last one.
        now: the time.
        window: how far back to look; further where the last record is older than that.
        steps: about how many.
    """
    since = now - round(window.total_seconds() * 1e9)
    begin, end = (max(first, since), max(last, now)) if last >= since else (first, last)
    least = max(1, end - begin) / steps
    step = next((each for each in _ROUND if each >= least), -(-int(least) // _DAY) * _DAY)
    start = begin // step * step
    count = (end - start) // step + 1
    return start + np.arange(count + 1, dtype=np.int64) * step


def timeline_of(reader: ModelReader, edges: NDArray[np.int64]) -> MetricsHistory:
    """Return the metrics that are drawn, of each step; see `history_of` for all of them, one by one.

    Args:
        reader: the model.
        edges: where the steps begin, and where the last one ends; shape ``(n + 1,)``.
    """
    sums = reader.steps(edges)
    predictions, errors, known, correct = sums.counts
    p50, p95, p99 = sums.latencies.quantiles(_QUANTILES)
    return MetricsHistory(
        model_id=reader.model_id,
        version=reader.version,
        step_seconds=float(edges[1] - edges[0]) / 1e9,
        times=edges[:-1].astype("datetime64[ns]").astype("datetime64[us]"),
        columns={
            "predictions_total": predictions.astype(np.float64),
            "accuracy": _shares(correct, known),
            "error_rate": _shares(errors, predictions),
            "p50_latency_ms": p50,
            "p95_latency_ms": p95,
            "p99_latency_ms": p99,
            **_traded(reader.trades, edges),
            **reader.drift_steps(edges),
        },
        **equity_of(reader.trades, edges),
    )


def _shares(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    shares = np.full(len(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _traded(trades: TradeLog, edges: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return what trades earned in each step, and how far equity fell within it."""
    count = len(edges) - 1
    won = np.full(count, np.nan)
    total, fall = won.copy(), won.copy()
    cuts = np.searchsorted(trades.times, edges)
    held = np.diff(cuts)
    alone = np.flatnonzero(held == 1)
    first = cuts[alone]
    won[alone], total[alone] = trades.is_won[first], trades.pnl[first]
    fall[alone] = np.maximum(-trades.pnl[first], 0.0)
    for step in np.flatnonzero(held > 1).tolist():
        rows = slice(cuts[step], cuts[step + 1])
        won[step] = np.count_nonzero(trades.is_won[rows]) / (rows.stop - rows.start)
        pnl = trades.pnl[rows]
        pnl = pnl[~np.isnan(pnl)]
        if len(pnl):
            equity = np.concatenate(([0.0], np.cumsum(pnl)))
            total[step] = equity[-1]
            fall[step] = (np.maximum.accumulate(equity) - equity).max()
    return {"win_rate": won, "total_pnl": total, "max_drawdown_amount": fall}
