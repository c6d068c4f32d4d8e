"""Equity over steps of time, from every trade and not from the ends of steps."""

import numpy as np
from numpy.typing import NDArray

from mlprod.monitoring._reader import TradeLog

__all__ = ["equity_of"]


def equity_of(trades: TradeLog, edges: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return `equity` and `drawdown` of a `MetricsHistory`.

    Args:
        trades: all of them.
        edges: where the steps begin, and where the last one ends; shape ``(n + 1,)``, ns since 1970, UTC.
    """
    cuts = np.searchsorted(trades.times, edges)
    first, stop = cuts[0], cuts[-1]
    before = np.nansum(trades.pnl[:first])
    earned = np.concatenate(([0.0], np.nancumsum(trades.pnl[first:stop])))
    missing = np.maximum.accumulate(earned) - earned
    edge = cuts - first  # where each step begins in what was earned, and is missing
    worst = np.maximum.reduceat(missing, edge[:-1])  # of a step without trades: what is missing all along
    return {"equity": before + earned[edge[1:]], "drawdown": np.maximum(worst, missing[edge[1:]])}
