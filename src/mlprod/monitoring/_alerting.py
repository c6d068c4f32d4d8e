"""How an alert comes, stays and goes: one pure function, after Prometheus' ``rules/alerting.go``."""

import math
from datetime import datetime, timedelta
from typing import Final, final

import attrs

from mlprod._text import in_utc
from mlprod.monitoring._alert_events import (
    AlertCleared,
    AlertEvent,
    AlertFired,
    AlertOpened,
    AlertResolved,
)
from mlprod.monitoring._threshold import AlertThreshold
from mlprod.monitoring._values import Alert
from mlprod.monitoring._words import written

__all__ = ["Reading", "step"]

_SILENCE: Final = timedelta(hours=24)
_WINDOW_OF_EVERYTHING: Final = timedelta(days=7)  # a long weekend without trades ends no alert about drawdown
_CLOCKS_DIFFER_BY: Final = timedelta(minutes=1)


@final
@attrs.frozen
class Reading:
    """What a metric is now.

    Attributes:
        value: the metric, NaN without data.
        samples: how many events it was computed from.
        last_event: the newest event of the model and version, whatever its kind; None if there is none.
    """

    value: float
    samples: int
    last_event: datetime | None


def step(
    alert: Alert | None,
    threshold: AlertThreshold,
    reading: Reading,
    now: datetime,
    *,
    alert_id: str,
    model_id: str,
    version: str,
) -> tuple[AlertEvent, ...]:
    """Return what happens to an alert when its metric is read; mostly nothing.

    ::

        inactive ── bad ──> pending ── bad for for_seconds ──> firing ──> acknowledged (by somebody)
           ^                   │                                  │            │
           └──── good, silent ─┘                                  └────────────┴── good, silent ──> resolved

    A reading without evidence (NaN, or an average of fewer than `min_samples` events) changes nothing.
    Silence is a model and version that recorded nothing for 24 hours and the threshold's window, where
    everything counts as a week: whatever the metric still says of the past, no alert lasts or begins.

    Waiting goes by the clock, not by the number of readings, so that it goes on through those that were
    missed. If the clock stepped back by more than a minute, it begins anew.

    Args:
        alert: the open alert of this threshold, model and version, if there is one.
        threshold: what to judge by.
        reading: the metric.
        now: the time.
        alert_id: the id of an alert that begins now.
        model_id: the model.
        version: the version.
    """
    last_event = reading.last_event or (alert.since if alert else None)
    if last_event is None:
        return ()
    if now - last_event > _SILENCE + (threshold.lookback or _WINDOW_OF_EVERYTHING):
        return _ended(alert, now, f"nothing was recorded since {in_utc(last_event)}")
    if math.isnan(reading.value) or (reading.samples < threshold.min_samples and not threshold.is_fact):
        return ()
    if not threshold.is_bad(reading.value):
        return _ended(alert, now, _said(threshold, reading, "no longer "), reading)
    cleared: tuple[AlertEvent, ...] = ()
    if alert and alert.state == "pending" and alert.since - now > _CLOCKS_DIFFER_BY:
        cleared = _ended(alert, now, "the clock stepped back; the wait begins anew")
        alert = None
    if alert is None:
        opened = AlertOpened(
            id=alert_id,
            key=threshold.key,
            model_id=model_id,
            version=version,
            type=threshold.type,
            metric=threshold.metric,
            severity=threshold.severity,
            threshold=threshold.value,
            comparison=threshold.comparison,
            value=reading.value,
            samples=reading.samples,
            since=now,
            fired_at=None if threshold.for_seconds else now,
            reason=_said(threshold, reading),
        )
        return *cleared, opened
    if alert.state != "pending" or (now - alert.since).total_seconds() < threshold.for_seconds:
        return ()
    reason = f"{_said(threshold, reading)}, as it was at {in_utc(alert.since)}"
    return (AlertFired(id=alert.id, value=reading.value, samples=reading.samples, at=now, reason=reason),)


def _ended(
    alert: Alert | None, now: datetime, reason: str, reading: Reading | None = None
) -> tuple[AlertEvent, ...]:
    """Return the end of an alert, with its last known value if there is no reading."""
    if alert is None:
        return ()
    if alert.fired_at is None:
        return (AlertCleared(id=alert.id, at=now, reason=reason),)
    return (
        AlertResolved(
            id=alert.id,
            value=reading.value if reading else alert.value,
            samples=reading.samples if reading else alert.samples,
            at=max(now, alert.fired_at),  # the clock may have stepped back
            reason=reason,
        ),
    )


def _said(threshold: AlertThreshold, reading: Reading, still: str = "") -> str:
    value, level = written(threshold.metric, reading.value, threshold.value)
    return (
        f"{threshold.metric} is {value}, {still}{threshold.comparison} {level} ({reading.samples:,} events)"
    )
