"""Whether a model is fit to act: two levels for each thing that can be wrong."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, final

import attrs

from mlprod._facts._settings import configured
from mlprod._html import counted
from mlprod._names import shorten
from mlprod._value import Value
from mlprod.errors import InvalidConfigError
from mlprod.monitoring._values import Alert, HealthStatus, ModelHealth, ModelPerformanceMetrics
from mlprod.monitoring._words import written

__all__ = ["HealthThresholds", "health_of"]


@final
@attrs.frozen(kw_only=True)
class HealthThresholds(Value):
    """Where a model begins to be degraded, and where it is critical: pairs of both, or None not to look.

    Attributes:
        accuracy: below which accuracy.
        latency_ms: above which 95th percentile of latency, in milliseconds.
        error_rate: above which share of failed predictions.
        drift: above which drift score, the largest of the three.
        min_samples: with fewer predictions than this, accuracy and error rate say nothing.
    """

    accuracy: tuple[float, float] | None = (0.5, 0.4)
    latency_ms: tuple[float, float] | None = (100.0, 200.0)
    error_rate: tuple[float, float] | None = (0.01, 0.05)
    drift: tuple[float, float] | None = (0.1, 0.3)
    min_samples: int = 30

    def __attrs_post_init__(self) -> None:
        """Refuse what is no pair, and levels in the wrong order, which would never be degraded.

        Raises:
            InvalidConfigError: naming the pair.
        """
        for name, sign in (("accuracy", -1), ("latency_ms", 1), ("error_rate", 1), ("drift", 1)):
            levels = getattr(self, name)
            if levels is None:
                continue
            if not isinstance(levels, tuple) or len(levels) != 2:  # noqa: PLR2004 - degraded and critical
                raise InvalidConfigError(f"{name} must be a pair of levels, or None, not {shorten(levels)}")
            degraded, critical = (configured(level, name) for level in levels)
            if not sign * degraded <= sign * critical:
                raise InvalidConfigError(
                    f"{name}={levels}: the first level must be reached before the second"
                )
        configured(self.min_samples, "min_samples")

    @classmethod
    def for_tolerance(cls, accuracy_tolerance: float | None) -> "HealthThresholds":
        """Return the defaults: who may be off by a tolerance should be right more often than who guesses."""
        return cls() if accuracy_tolerance is None else cls(accuracy=(0.80, 0.75))


_LONG_HOURS: Final = 48  # what is longer is said in days
_RANK: Final[dict[HealthStatus, int]] = {"healthy": 0, "degraded": 1, "critical": 2}


def health_of(
    metrics: ModelPerformanceMetrics,
    alerts: Sequence[Alert],
    levels: HealthThresholds,
    checked_at: datetime,
    *,
    last: datetime | None,
) -> ModelHealth:
    """Judge a model by its metrics of the last day, its active alerts, and the time of its last record."""
    silence = _silence(metrics, checked_at, last)
    findings = sorted([*silence, *_findings(metrics, alerts, levels)], key=lambda finding: -_RANK[finding[0]])
    return ModelHealth(
        model_id=metrics.model_id,
        status=findings[0][0] if findings else "healthy",
        reasons=tuple(reason for _, reason in findings),
        metrics=metrics,
        alerts=tuple(alerts),
        checked_at=checked_at,
    )


def _silence(
    metrics: ModelPerformanceMetrics, now: datetime, last: datetime | None
) -> Iterator[tuple[HealthStatus, str]]:
    if metrics.predictions_total or metrics.trades_total:
        return
    if last is None:
        yield "degraded", "it never recorded a prediction or a trade, and counts as degraded until it does"
    else:
        hours = (now - last) // timedelta(hours=1)
        silent = f"{hours // 24:,} days" if hours >= _LONG_HOURS else f"{hours} hours"
        yield "degraded", f"it has been silent for {silent}, and counts as degraded until it records again"


def _findings(
    metrics: ModelPerformanceMetrics, alerts: Sequence[Alert], levels: HealthThresholds
) -> Iterator[tuple[HealthStatus, str]]:
    for alert in alerts:
        yield ("critical" if alert.severity == "critical" else "degraded"), str(alert)
    drift = max((score for score in _drift_scores(metrics) if not math.isnan(score)), default=math.nan)
    known, made = metrics.predictions_known, metrics.predictions_total
    accuracy = levels.accuracy if known >= levels.min_samples else None
    error_rate = levels.error_rate if made >= levels.min_samples else None
    outcomes, predictions = f" over {counted(known, 'outcome')}", f" over {counted(made, 'prediction')}"
    slow = "95th percentile of latency"
    yield from _judged("accuracy", "accuracy", metrics.accuracy, accuracy, sign=-1, over=outcomes)
    yield from _judged(slow, "p95_latency_ms", metrics.p95_latency_ms, levels.latency_ms)
    yield from _judged("error rate", "error_rate", metrics.error_rate, error_rate, over=predictions)
    yield from _judged("drift score", "feature_drift_score", drift, levels.drift)


def _judged(
    what: str,
    metric: str,
    value: float,
    levels: tuple[float, float] | None,
    *,
    sign: int = 1,
    over: str = "",
) -> Iterator[tuple[HealthStatus, str]]:
    if levels is None:
        return
    side = "above" if sign > 0 else "below"
    for status, level in (("critical", levels[1]), ("degraded", levels[0])):
        if sign * value > sign * level:  # never for NaN
            shown, limit = written(metric, value, level)
            yield status, f"{what} is {shown}{over}, {side} {limit}"  # type: ignore[misc]
            return


def _drift_scores(metrics: ModelPerformanceMetrics) -> tuple[float, ...]:
    return metrics.feature_drift_score, metrics.prediction_drift_score, metrics.performance_drift_score
