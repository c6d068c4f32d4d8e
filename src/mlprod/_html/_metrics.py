"""How each metric is called, written and judged, wherever people read it."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, assert_never, final, get_args

import attrs

from mlprod._svg import MINUS, number

__all__ = ["GROUPS", "METRICS", "Better", "Group", "Metric", "Unit"]

Unit: TypeAlias = Literal["percent", "money", "ms", "count", "plain"]
Better: TypeAlias = Literal["higher", "lower"]
Group: TypeAlias = Literal[
    "Predictions", "Errors", "Trading", "Latency", "Confidence and calibration", "Drift"
]

_THIN_SPACE: Final = "\N{NARROW NO-BREAK SPACE}"
_ALL_DIGITS: Final = 10**12


@final
@attrs.frozen
class Metric:
    """How people read one metric.

    Attributes:
        label: its name.
        group: the part of a table in which it stands.
        unit: how numbers are written; a percentage is kept as a fraction.
        better: which way is good; None where neither is.
    """

    label: str
    group: Group
    unit: Unit
    better: Better | None = None

    def shown(self, value: float) -> str:
        r"""Write a value: an en dash for NaN, and never a zero (or a hundred percent) that is none.

        Example:
            >>> METRICS["accuracy"].shown(0.6131), METRICS["error_rate"].shown(0.00012)
            ('61.3%', '0.012%')
            >>> METRICS["total_pnl"].shown(12_345.678), METRICS["p99_latency_ms"].shown(8.25)
            ('12,345.68', '8.25\u202fms')
        """
        if not math.isfinite(value):
            return number(value)
        match self.unit:
            case "percent":
                return _percent(100 * value) + "%"
            case "money":
                return _fixed(value, 2, least=0.005)
            case "ms":
                return number(value) + _THIN_SPACE + "ms"
            case "count":
                return number(value, 15)
            case "plain":
                return number(value)
            case _:
                assert_never(self.unit)

    def shown_change(self, change: float) -> str:
        """Write a difference with its sign; that of percentages in points.

        Example:
            >>> METRICS["accuracy"].shown_change(0.0131), METRICS["trades_total"].shown_change(3)
            ('+1.3 points', '+3')
        """
        if self.unit == "percent" and math.isfinite(change):
            text = _percent(100 * change) + " points"
        else:
            text = self.shown(change)
        return f"+{text}" if change > 0 else text

    def judged(self, change: float) -> Literal["better", "worse", ""]:
        """Say whether a change is for the better; nothing if there is none, or neither way is good."""
        if self.better is None or math.isnan(change) or change == 0:
            return ""
        return "better" if (change > 0) == (self.better == "higher") else "worse"


def _percent(value: float) -> str:
    """Write a percentage to a tenth, or to two digits of its distance from 0 or 100 where that is less."""
    apart = min(distance for distance in (abs(value), abs(100 - abs(value)), 1.0) if distance)
    return _fixed(value, min(10, 1 - math.floor(math.log10(apart))), least=1e-4)


def _fixed(value: float, decimals: int, *, least: float) -> str:
    """Write a number with so many decimals; to a number of digits where that were none, or too many."""
    if value and not least <= abs(value) < _ALL_DIGITS:
        return number(value, 2 if abs(value) < least else 15)
    return f"{value or 0.0:,.{decimals}f}".replace("-", MINUS)


METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        "accuracy": Metric("Accuracy", "Predictions", "percent", "higher"),
        "directional_accuracy": Metric("Directional accuracy", "Predictions", "percent", "higher"),
        "predictions_total": Metric("Predictions", "Predictions", "count"),
        "predictions_known": Metric("With a known outcome", "Predictions", "count"),
        "predictions_correct": Metric("Correct", "Predictions", "count"),
        "error_rate": Metric("Error rate", "Errors", "percent", "lower"),
        "mae": Metric("Mean absolute error", "Errors", "plain", "lower"),
        "rmse": Metric("Root mean squared error", "Errors", "plain", "lower"),
        "mape": Metric("Mean relative error", "Errors", "percent", "lower"),
        "win_rate": Metric("Win rate", "Trading", "percent", "higher"),
        "trades_total": Metric("Trades", "Trading", "count"),
        "trades_win": Metric("Trades won", "Trading", "count"),
        "total_pnl": Metric("P&L", "Trading", "money", "higher"),
        "avg_trade_pnl": Metric("P&L of a trade", "Trading", "money", "higher"),
        "profit_factor": Metric("Profit factor", "Trading", "plain", "higher"),
        "sharpe_ratio": Metric("Sharpe ratio", "Trading", "plain", "higher"),
        "max_drawdown": Metric("Max drawdown", "Trading", "percent", "lower"),
        "max_drawdown_amount": Metric("Max drawdown (amount)", "Trading", "money", "lower"),
        "avg_latency_ms": Metric("Mean latency", "Latency", "ms", "lower"),
        "p50_latency_ms": Metric("p50 latency", "Latency", "ms", "lower"),
        "p95_latency_ms": Metric("p95 latency", "Latency", "ms", "lower"),
        "p99_latency_ms": Metric("p99 latency", "Latency", "ms", "lower"),
        "avg_confidence": Metric("Mean confidence", "Confidence and calibration", "percent"),
        "high_confidence_accuracy": Metric(
            "Accuracy at high confidence", "Confidence and calibration", "percent", "higher"
        ),
        "calibration_error": Metric("Calibration error", "Confidence and calibration", "percent", "lower"),
        "brier_score": Metric("Brier score", "Confidence and calibration", "plain", "lower"),
        "feature_drift_score": Metric("Feature drift", "Drift", "plain", "lower"),
        "prediction_drift_score": Metric("Prediction drift", "Drift", "plain", "lower"),
        "performance_drift_score": Metric("Performance drift", "Drift", "plain", "lower"),
    }
)
"""Every metric of `ModelPerformanceMetrics`, in the order in which people read them."""

GROUPS: Final[Mapping[Group, tuple[str, ...]]] = MappingProxyType(
    {
        group: tuple(name for name, metric in METRICS.items() if metric.group == group)
        for group in get_args(Group)
    }
)
"""The names of the metrics of each group."""
