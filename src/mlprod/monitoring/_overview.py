"""How many models do, each from a reading of its streams."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, final

import attrs
import numpy as np

from mlprod._clock import to_datetime, to_ns
from mlprod._value import Value
from mlprod.monitoring import _streams
from mlprod.monitoring._aggregate import Rules
from mlprod.monitoring._health import HealthThresholds, health_of
from mlprod.monitoring._metrics import metrics_of
from mlprod.monitoring._reader import ModelReader
from mlprod.monitoring._timeline import edges_of, timeline_of
from mlprod.monitoring._values import Alert, MetricsHistory, ModelHealth, ModelPerformanceMetrics
from mlprod.storage import Store, together
from mlprod.storage.journal import Reading

__all__ = ["ModelOverview", "overviews_of"]

_DAY_NS: Final = 86_400 * 10**9


@final
@attrs.frozen(kw_only=True, eq=False)
class ModelOverview(Value):
    """How one model does.

    Attributes:
        model_id: the model.
        first: the time of its first record, UTC.
        last: that of its last one.
        health: by the last day, and the alerts that were active; of the version that acts alone, if it is
            known and recorded anything in that day.
        day: the metrics of the last 24 hours.
        day_before: those of the 24 hours before.
        whole: those over everything recorded.
        versions: the same of each version, by name.
        day_versions: the metrics of the last 24 hours of each version, by name.
        acted: when each version that ever did last made a prediction or a trade, by name; UTC.
        calibration: of each tenth of confidence that has predictions with a known outcome: mean
            confidence, accuracy, and how many; over everything recorded.
        history: accuracy, error rate, latencies, trades, equity and drift over time.
        accuracy_tolerance: how far a predicted number may be off and still be correct; None: numbers were
            not judged.
    """

    model_id: str
    first: datetime
    last: datetime
    health: ModelHealth
    day: ModelPerformanceMetrics
    day_before: ModelPerformanceMetrics = attrs.field(repr=False)
    whole: ModelPerformanceMetrics = attrs.field(repr=False)
    versions: tuple[ModelPerformanceMetrics, ...] = attrs.field(repr=False)
    day_versions: tuple[ModelPerformanceMetrics, ...] = attrs.field(repr=False)
    acted: Mapping[str, datetime] = attrs.field(repr=False)
    calibration: tuple[tuple[float, float, int], ...] = attrs.field(repr=False)
    history: MetricsHistory = attrs.field(repr=False)
    accuracy_tolerance: float | None = attrs.field(default=None, repr=False)

    def _repr_html_(self) -> str:
        from mlprod.monitoring._values_html import overview_html  # noqa: PLC0415 - which knows this class

        return overview_html(self)


def overviews_of(
    readings: Mapping[str, Reading],
    store: Store,
    rules: Rules,
    levels: HealthThresholds,
    alerts: Sequence[Alert],
    *,
    acting: Mapping[str, str],
    now: datetime,
    window: timedelta,
    steps: int,
) -> list[ModelOverview]:
    """Return the overview of every model that recorded anything, by name."""
    active = defaultdict[str, list[Alert]](list)
    for alert in alerts:
        active[alert.model_id].append(alert)

    def overview(owned: tuple[str, Reading]) -> ModelOverview | None:
        model_id, parts = owned
        reader = ModelReader(parts, model_id, None, rules)
        given = acting.get(model_id)
        return _overview(
            reader, parts, active[model_id], levels, acting=given, now=now, window=window, steps=steps
        )

    found = together(store, overview, sorted(readings.items()))
    return [each for each in found if each is not None]


def _overview(
    reader: ModelReader,
    parts: Reading,
    alerts: Sequence[Alert],
    levels: HealthThresholds,
    *,
    acting: str | None,
    now: datetime,
    window: timedelta,
    steps: int,
) -> ModelOverview | None:
    if reader.first is None or reader.last is None:
        return None
    now_ns = to_ns(now)
    day, whole = metrics_of(reader, since=now_ns - _DAY_NS), metrics_of(reader)
    versions = _per_version(parts, reader, day, whole, now_ns)
    judged = next((each.day for each in versions if each.name == acting and each.has_acted_today), None)
    if judged is not None:
        alerts = [alert for alert in alerts if alert.version == acting]
    last_acted = None if reader.last_acted is None else to_datetime(reader.last_acted)
    calibration = reader.sums().calibration
    edges = edges_of(reader.first, reader.last, now_ns, window=window, steps=steps)
    return ModelOverview(
        model_id=reader.model_id,
        first=to_datetime(reader.first),
        last=to_datetime(reader.last),
        health=health_of(judged or day, alerts, levels, now, last=last_acted),
        day=day,
        day_before=metrics_of(reader, since=now_ns - 2 * _DAY_NS, until=now_ns - _DAY_NS),
        whole=whole,
        versions=tuple(each.whole for each in versions),
        day_versions=tuple(each.day for each in versions),
        acted={each.name: to_datetime(each.last) for each in versions if each.last is not None},
        calibration=tuple(zip(*map(np.ndarray.tolist, calibration.curve()), strict=True)),
        history=timeline_of(reader, edges),
        accuracy_tolerance=reader.rules.accuracy_tolerance,
    )


@attrs.frozen
class _Version:
    """One version: its metrics over everything and the last day, and when it last acted; ns since 1970."""

    name: str
    whole: ModelPerformanceMetrics
    day: ModelPerformanceMetrics
    last: int | None

    @property
    def has_acted_today(self) -> bool:
        return bool(self.day.predictions_total or self.day.trades_total)


def _per_version(
    reading: Reading,
    everything: ModelReader,
    day: ModelPerformanceMetrics,
    whole: ModelPerformanceMetrics,
    now_ns: int,
) -> list[_Version]:
    names = _streams.versions_of(list(reading.parts), whole.model_id)
    if len(names) == 1:
        (name,) = names
        whole, day = attrs.evolve(whole, version=name), attrs.evolve(day, version=name)
        return [_Version(name, whole, day, everything.last_acted)]
    readers = [ModelReader(reading, whole.model_id, name, everything.rules) for name in names]
    return [
        _Version(name, metrics_of(reader), metrics_of(reader, since=now_ns - _DAY_NS), reader.last_acted)
        for name, reader in zip(names, readers, strict=True)
    ]
