"""What the monitor answers with."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._text import in_utc
from mlprod._value import Value, plain
from mlprod.monitoring._words import written

__all__ = [
    "Alert",
    "AlertState",
    "HealthStatus",
    "MetricsHistory",
    "ModelHealth",
    "ModelPerformanceMetrics",
    "Severity",
]

Severity: TypeAlias = Literal["warning", "critical"]
AlertState: TypeAlias = Literal["pending", "firing", "acknowledged", "resolved"]
HealthStatus: TypeAlias = Literal["healthy", "degraded", "critical"]

_NAN = float("nan")


@final
@attrs.frozen(kw_only=True)
class ModelPerformanceMetrics(Value):
    """How a model performed over a stretch of time. What has no data is NaN; counts are then 0.

    Attributes:
        model_id: the model.
        version: the version, or None for all of them together.
        since: the beginning of the stretch, or None for everything recorded.
        until: the end of the stretch, exclusive.
        accuracy: correct predictions over those whose outcome is known.
        predictions_total: all predictions, failed ones and those without an outcome included.
        predictions_known: those whose outcome is known.
        predictions_correct: those known to be correct.
        win_rate: trades with a profit over all trades.
        trades_total: all trades, each id counted once.
        trades_win: those with a profit.
        total_pnl: sum of profit and loss, in money.
        avg_trade_pnl: mean profit and loss of a trade, in money.
        profit_factor: gross profit over gross loss; infinite without a loss.
        sharpe_ratio: mean over standard deviation (ddof 1) of trade P&L, times the root of
            ``trades_per_year`` where that was given.
        max_drawdown: the largest fall from a peak of equity, as a fraction of that peak; needs
            ``initial_capital``.
        max_drawdown_amount: the largest fall from a peak, in money.
        avg_latency_ms: mean latency in milliseconds.
        p50_latency_ms: median latency, within 0.6%.
        p95_latency_ms: 95th percentile, within 0.6%.
        p99_latency_ms: 99th percentile, within 0.6%.
        avg_confidence: mean confidence, 0 to 1.
        high_confidence_accuracy: accuracy of the predictions at or above ``high_confidence``.
        feature_drift_score: the latest one recorded.
        prediction_drift_score: the latest one recorded.
        performance_drift_score: the latest one recorded.
        error_rate: failed predictions over all predictions.
        mae: mean absolute error.
        rmse: root of the mean squared error.
        mape: mean absolute error relative to the actual value, as a fraction; actual zeros are left out.
        directional_accuracy: share of predictions with the sign of the actual value.
        calibration_error: expected calibration error over ten bins of confidence.
        brier_score: mean squared difference of confidence and outcome.
    """

    model_id: str
    version: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    accuracy: float = _NAN
    predictions_total: int = 0
    predictions_known: int = 0
    predictions_correct: int = attrs.field(default=0, repr=False)
    win_rate: float = _NAN
    trades_total: int = 0
    trades_win: int = attrs.field(default=0, repr=False)
    total_pnl: float = _NAN
    avg_trade_pnl: float = _NAN
    profit_factor: float = _NAN
    sharpe_ratio: float = _NAN
    max_drawdown: float = _NAN
    max_drawdown_amount: float = _NAN
    avg_latency_ms: float = attrs.field(default=_NAN, repr=False)
    p50_latency_ms: float = _NAN
    p95_latency_ms: float = attrs.field(default=_NAN, repr=False)
    p99_latency_ms: float = _NAN
    avg_confidence: float = _NAN
    high_confidence_accuracy: float = _NAN
    feature_drift_score: float = _NAN
    prediction_drift_score: float = _NAN
    performance_drift_score: float = _NAN
    error_rate: float = _NAN
    mae: float = _NAN
    rmse: float = _NAN
    mape: float = _NAN
    directional_accuracy: float = _NAN
    calibration_error: float = _NAN
    brier_score: float = _NAN

    def _repr_html_(self) -> str:
        from mlprod.monitoring._values_html import metrics_html  # noqa: PLC0415 - which knows this class

        return metrics_html(self)


@final
@attrs.frozen(kw_only=True, eq=False)
class MetricsHistory(Value):
    """The same metrics over consecutive steps of time, as columns.

    Attributes:
        model_id: the model.
        version: the version, or None for all of them together.
        step_seconds: the length of a step.
        times: the beginning of each step, UTC; shape ``(n,)``, ``datetime64[us]``.
        columns: for every metric of `ModelPerformanceMetrics` an array of shape ``(n,)``; NaN without data.
            In a `ModelOverview` there are those that are drawn.
        equity: cumulated P&L at the end of each step, in money; shape ``(n,)``. It begins with what
            was earned before the first step.
        drawdown: how far equity was below its highest since the beginning of the first step, at its worst
            within each step; in money, 0 or more; shape ``(n,)``.
    """

    model_id: str
    version: str | None
    step_seconds: float
    times: NDArray[np.datetime64]
    columns: Mapping[str, NDArray[np.float64]] = attrs.field(repr=False)
    equity: NDArray[np.float64]
    drawdown: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.times)

    def __getitem__(self, metric: str) -> NDArray[np.float64]:
        """Return the column of one metric."""
        return self.columns[metric]

    def to_dict(self) -> dict[str, Any]:
        """Return columns as lists, ready for `json.dumps`: ISO-8601 UTC times, NaN as None."""
        return {
            "model_id": self.model_id,
            "version": self.version,
            "step_seconds": self.step_seconds,
            "times": [f"{time}Z" for time in self.times.astype("datetime64[us]").astype(str)],
            "equity": plain(self.equity.tolist()),
            "drawdown": plain(self.drawdown.tolist()),
            **{metric: plain(column.tolist()) for metric, column in self.columns.items()},
        }

    toDict = to_dict

    def _repr_html_(self) -> str:
        from mlprod.monitoring._values_html import history_html  # noqa: PLC0415 - which knows this class

        return history_html(self)


@final
@attrs.frozen(kw_only=True)
class Alert(Value):
    """One thing that went wrong, from the first sign of it to its end.

    Attributes:
        id: stable and unique in the store.
        model_id: the model.
        version: the version that misbehaved.
        type: what kind of thing, e.g. ``"accuracy_drop"``.
        metric: the metric that crossed its threshold.
        severity: warning or critical.
        threshold: the value that was crossed.
        comparison: ``"below"`` or ``"above"``: on which side of the threshold it is bad.
        value: the metric when this state was entered.
        samples: how many events the metric was computed from then.
        state: pending, firing, acknowledged or resolved.
        since: when the condition was first seen, UTC.
        fired_at: when it began to fire, if it did.
        acknowledged_at: when somebody acknowledged it.
        acknowledged_by: who did.
        note: what they said.
        resolved_at: when it ended.
        reason: why it is in this state, in a sentence.
    """

    id: str
    model_id: str
    version: str
    type: str
    metric: str
    severity: Severity
    threshold: float
    comparison: Literal["below", "above"]
    value: float
    samples: int
    state: AlertState
    since: datetime
    fired_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    note: str = attrs.field(default="", repr=False)
    resolved_at: datetime | None = None
    reason: str = attrs.field(default="", repr=False)

    @property
    def is_active(self) -> bool:
        """Whether somebody should know: firing or acknowledged, not resolved."""
        return self.state in {"firing", "acknowledged"}

    def __str__(self) -> str:
        """Say it in a line."""
        value, threshold = written(self.metric, self.value, self.threshold)
        return (
            f"{self.severity.upper()} {self.model_id}@{self.version} {self.type}: {self.metric} is "
            f"{value}, {self.comparison} {threshold} ({self.state} since {in_utc(self.since)})"
        )

    def _repr_html_(self) -> str:
        from mlprod.monitoring._values_html import alert_html  # noqa: PLC0415 - which knows this class

        return alert_html(self)


@final
@attrs.frozen(kw_only=True)
class ModelHealth(Value):
    """Whether a model is fit to act.

    Attributes:
        model_id: the model.
        status: healthy, degraded or critical: the worst that any reason calls for.
        reasons: why it is not healthy, the worst first; empty if it is.
        metrics: what it was judged by.
        alerts: the alerts that were active.
        checked_at: when, UTC.
    """

    model_id: str
    status: HealthStatus
    reasons: tuple[str, ...]
    metrics: ModelPerformanceMetrics = attrs.field(repr=False)
    alerts: tuple[Alert, ...]
    checked_at: datetime

    def _repr_html_(self) -> str:
        from mlprod.monitoring._values_html import health_html  # noqa: PLC0415 - which knows this class

        return health_html(self)
