"""How models perform in production: recorded at the price of a counter, and never lost."""

from mlprod.monitoring._duration import Duration
from mlprod.monitoring._health import HealthThresholds
from mlprod.monitoring._monitor import PerformanceMonitor
from mlprod.monitoring._overview import ModelOverview
from mlprod.monitoring._period import Period
from mlprod.monitoring._report import PerformanceReport
from mlprod.monitoring._threshold import DEFAULT_THRESHOLDS, AlertThreshold
from mlprod.monitoring._values import (
    Alert,
    AlertState,
    HealthStatus,
    MetricsHistory,
    ModelHealth,
    ModelPerformanceMetrics,
    Severity,
)

__all__ = [
    "DEFAULT_THRESHOLDS",
    "Alert",
    "AlertState",
    "AlertThreshold",
    "Duration",
    "HealthStatus",
    "HealthThresholds",
    "MetricsHistory",
    "ModelHealth",
    "ModelOverview",
    "ModelPerformanceMetrics",
    "PerformanceMonitor",
    "PerformanceReport",
    "Period",
    "Severity",
]
