"""What happened in a period, to be read by people and by programs."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, final

import attrs

from mlprod._html import METRICS
from mlprod._value import Value, plain
from mlprod.monitoring._period import Period
from mlprod.monitoring._values import Alert, MetricsHistory, ModelPerformanceMetrics

__all__ = ["PerformanceReport", "changes_of"]


@final
@attrs.frozen(kw_only=True, eq=False)
class PerformanceReport(Value):
    """How a model performed over a period, beside the period before.

    Attributes:
        model_id: the model.
        version: the version, or None for all of them together.
        period: hourly, daily, weekly or monthly.
        since: the beginning of the period, UTC.
        until: its end, exclusive.
        generated_at: when the report was made; before `until` the period was not over.
        metrics: of the period.
        previous: of the period before.
        versions: the metrics of the period per version.
        alerts: those of the period.
        history: the period in steps.
        accuracy_tolerance: how far a predicted number may be off and still be correct; None: numbers were
            not judged.
    """

    model_id: str
    version: str | None
    period: Period
    since: datetime
    until: datetime
    generated_at: datetime
    metrics: ModelPerformanceMetrics
    previous: ModelPerformanceMetrics = attrs.field(repr=False)
    versions: tuple[ModelPerformanceMetrics, ...] = attrs.field(repr=False)
    alerts: tuple[Alert, ...]
    history: MetricsHistory = attrs.field(repr=False)
    accuracy_tolerance: float | None = attrs.field(default=None, repr=False)

    @property
    def changes(self) -> Mapping[str, float]:
        """Every metric, now minus before; NaN where either has no data."""
        return changes_of(self.metrics, self.previous)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the changes, ready for `json.dumps`: ISO-8601 UTC times, NaN as None."""
        return {**super().to_dict(), "changes": plain(self.changes)}

    toDict = to_dict

    def to_html(self) -> str:
        """Return one self-contained page: no script, no network, for screens, phones and paper."""
        from mlprod.monitoring._report_html import page  # noqa: PLC0415 - which knows this class

        return page(self)

    toHtml = to_html

    def _repr_html_(self) -> str:
        from mlprod.monitoring._report_html import fragment  # noqa: PLC0415

        return fragment(self)


def changes_of(metrics: ModelPerformanceMetrics, previous: ModelPerformanceMetrics) -> Mapping[str, float]:
    """Return every metric, now minus before; NaN where either has no data."""
    pairs = {name: (getattr(metrics, name), getattr(previous, name)) for name in METRICS}
    return {name: _change(float(now), float(before)) for name, (now, before) in pairs.items()}


def _change(now: float, before: float) -> float:
    """Return the difference, and zero for one that is due to rounding alone."""
    return 0.0 if math.isclose(now, before, rel_tol=1e-12) else now - before
