"""The state of all alerts of a store, as it follows from every decision about them."""

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

import attrs

from mlprod.monitoring._alert_events import (
    ALERT_EVENTS,
    AlertAcknowledged,
    AlertCleared,
    AlertEvent,
    AlertFired,
    AlertOpened,
    AlertResolved,
)
from mlprod.monitoring._values import Alert
from mlprod.schema import RecordType
from mlprod.storage import LedgerType, Stamp

__all__ = ["ALERTS", "KEPT_ALERTS", "Alerts", "Entered", "OpenAlert", "fold"]

KEPT_ALERTS: Final = 1_000
"""How many resolved alerts of each model are kept, and how much news of all of them: the newest.

The commits hold everything for ever.
"""


@attrs.frozen(kw_only=True)
class OpenAlert:
    """An alert that is pending, firing or acknowledged, and the key of its threshold."""

    key: str
    alert: Alert


@attrs.frozen(kw_only=True)
class Entered:
    """By decision `number` an alert began to fire, was acknowledged or resolved; as it then was."""

    number: int
    alert: Alert


@attrs.frozen(kw_only=True)
class Alerts:
    """All alerts.

    Attributes:
        open: by id, in the order in which they were opened.
        resolved: of each model the newest, in the order in which they were resolved.
        entered: the newest changes that somebody may want to be told of, in their order.
    """

    open: Mapping[str, OpenAlert] = attrs.field(factory=dict[str, OpenAlert])
    resolved: Mapping[str, tuple[Alert, ...]] = attrs.field(factory=dict[str, tuple[Alert, ...]])
    entered: tuple[Entered, ...] = ()

    def find(self, alert_id: str) -> Alert | None:
        """Return the alert of that id, open or resolved."""
        if found := self.open.get(alert_id):
            return found.alert
        return next((alert for alert in self.all_resolved() if alert.id == alert_id), None)

    def by_threshold(self) -> dict[tuple[str, str, str], Alert]:
        """Return the open alerts by model, version and key of the threshold."""
        return {
            (each.alert.model_id, each.alert.version, each.key): each.alert for each in self.open.values()
        }

    def all_open(self) -> Iterator[Alert]:
        """Yield the pending, firing and acknowledged alerts."""
        return (each.alert for each in self.open.values())

    def all_resolved(self) -> Iterator[Alert]:
        """Yield the resolved alerts that are kept."""
        return (alert for alerts in self.resolved.values() for alert in alerts)


def fold(alerts: Alerts, event: AlertEvent, stamp: Stamp) -> Alerts:
    """Return the alerts after an event."""
    if isinstance(event, AlertOpened):
        return _kept(alerts, OpenAlert(key=event.key, alert=_begun(event)), stamp)
    known = alerts.open[event.id]
    match event:
        case AlertFired():
            alert = attrs.evolve(
                known.alert,
                state="firing",
                value=event.value,
                samples=event.samples,
                fired_at=event.at,
                reason=event.reason,
            )
            return _kept(alerts, OpenAlert(key=known.key, alert=alert), stamp)
        case AlertAcknowledged():
            alert = attrs.evolve(
                known.alert,
                state="acknowledged",
                acknowledged_at=event.at,
                acknowledged_by=event.by,
                note=event.note,
                reason=f"acknowledged by {event.by}" if event.by else "acknowledged",
            )
            return _kept(alerts, OpenAlert(key=known.key, alert=alert), stamp)
        case AlertCleared():
            return _closed(alerts, event.id)
        case AlertResolved():
            alert = attrs.evolve(
                known.alert,
                state="resolved",
                value=event.value,
                samples=event.samples,
                resolved_at=event.at,
                reason=event.reason,
            )
            earlier = alerts.resolved.get(alert.model_id, ())
            resolved = {**alerts.resolved, alert.model_id: (*earlier, alert)[-KEPT_ALERTS:]}
            return _told(attrs.evolve(_closed(alerts, event.id), resolved=resolved), alert, stamp)
        case _:
            assert_never(event)


def _begun(event: AlertOpened) -> Alert:
    return Alert(
        id=event.id,
        model_id=event.model_id,
        version=event.version,
        type=event.type,
        metric=event.metric,
        severity=event.severity,
        threshold=event.threshold,
        comparison=event.comparison,
        value=event.value,
        samples=event.samples,
        state="pending" if event.fired_at is None else "firing",
        since=event.since,
        fired_at=event.fired_at,
        reason=event.reason,
    )


def _kept(alerts: Alerts, kept: OpenAlert, stamp: Stamp) -> Alerts:
    after = attrs.evolve(alerts, open={**alerts.open, kept.alert.id: kept})
    return after if kept.alert.state == "pending" else _told(after, kept.alert, stamp)


def _closed(alerts: Alerts, alert_id: str) -> Alerts:
    return attrs.evolve(alerts, open={key: kept for key, kept in alerts.open.items() if key != alert_id})


def _told(alerts: Alerts, alert: Alert, stamp: Stamp) -> Alerts:
    entered = (*alerts.entered, Entered(number=stamp.number, alert=alert))
    return attrs.evolve(alerts, entered=entered[-KEPT_ALERTS:])


ALERTS: Final = LedgerType(
    folder="alerts/ledger",
    events=ALERT_EVENTS,
    state=RecordType("alerts.state", Alerts),
    empty=Alerts(),
    fold=fold,
)
