"""How a report is made from what the journal holds."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from mlprod._clock import to_ns
from mlprod.monitoring import _streams
from mlprod.monitoring._aggregate import Rules
from mlprod.monitoring._metrics import history_of, metrics_of
from mlprod.monitoring._period import Period, Span
from mlprod.monitoring._reader import ModelReader
from mlprod.monitoring._report import PerformanceReport
from mlprod.monitoring._values import Alert, ModelPerformanceMetrics
from mlprod.storage.journal import Reading

__all__ = ["report_of"]


def report_of(
    reading: Reading,
    model_id: str,
    version: str | None,
    rules: Rules,
    *,
    period: Period,
    span: Span,
    alerts: Sequence[Alert],
    now: datetime,
) -> PerformanceReport:
    """Return the report of one model over a span."""
    reader = ModelReader(reading, model_id, version, rules)
    # What was recorded at this very moment belongs to a period that ends now.
    since, until = to_ns(span.since), to_ns(span.until) + (span.until == now)
    edges = np.append(np.arange(since, until - 1, round(span.step_seconds * 1e9), dtype=np.int64), until)
    return PerformanceReport(
        model_id=model_id,
        version=version,
        period=period,
        since=span.since,
        until=span.until,
        generated_at=now,
        metrics=metrics_of(reader, since=since, until=until),
        previous=metrics_of(reader, since=to_ns(span.before().since), until=since),
        versions=tuple(_per_version(reading, reader, since, until)),
        alerts=tuple(alerts),
        history=history_of(reader, edges),
        accuracy_tolerance=rules.accuracy_tolerance,
    )


def _per_version(
    reading: Reading, reader: ModelReader, since: int, until: int
) -> Iterator[ModelPerformanceMetrics]:
    """Give the metrics of every version that did anything, if all of them were asked for."""
    if reader.version is not None:
        return
    for name in _streams.versions_of(list(reading.parts), reader.model_id):
        one = ModelReader(reading, reader.model_id, name, reader.rules)
        metrics = metrics_of(one, since=since, until=until)
        if metrics.predictions_total or metrics.trades_total:
            yield metrics
