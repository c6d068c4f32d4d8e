"""The decisions that are stored about alerts. Fields here are a file format: see docs/formats.md."""

from datetime import datetime
from typing import Final, TypeAlias

import attrs

from mlprod.monitoring._threshold import Comparison
from mlprod.monitoring._values import Severity
from mlprod.schema import RecordSet, RecordType

__all__ = [
    "ALERT_EVENTS",
    "AlertAcknowledged",
    "AlertCleared",
    "AlertEvent",
    "AlertFired",
    "AlertOpened",
    "AlertResolved",
]


@attrs.frozen(kw_only=True)
class AlertOpened:
    """A condition was seen for the first time; if `fired_at` is there, the alert fires at once.

    Attributes:
        id: the alert's, unique in the store.
        key: that of the threshold to which the alert belongs.
    """

    id: str
    key: str
    model_id: str
    version: str
    type: str
    metric: str
    severity: Severity
    threshold: float
    comparison: Comparison
    value: float
    samples: int
    since: datetime
    fired_at: datetime | None
    reason: str


@attrs.frozen(kw_only=True)
class AlertFired:
    """A pending alert fires: the condition has lasted."""

    id: str
    value: float
    samples: int
    at: datetime
    reason: str


@attrs.frozen(kw_only=True)
class AlertCleared:
    """A pending alert went away before it fired: there never was an alert."""

    id: str
    at: datetime
    reason: str


@attrs.frozen(kw_only=True)
class AlertResolved:
    """An alert that had fired is over."""

    id: str
    value: float
    samples: int
    at: datetime
    reason: str


@attrs.frozen(kw_only=True)
class AlertAcknowledged:
    """Somebody knows of a firing alert."""

    id: str
    at: datetime
    by: str
    note: str


AlertEvent: TypeAlias = AlertOpened | AlertFired | AlertCleared | AlertResolved | AlertAcknowledged

ALERT_EVENTS: Final[RecordSet[AlertEvent]] = RecordSet(
    (
        RecordType("alert.opened", AlertOpened),
        RecordType("alert.fired", AlertFired),
        RecordType("alert.cleared", AlertCleared),
        RecordType("alert.resolved", AlertResolved),
        RecordType("alert.acknowledged", AlertAcknowledged),
    )
)
