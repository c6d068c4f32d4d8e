"""`AlertBook`: decides on alerts for everybody who shares a store, and knows what is news here."""

import os
import re
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias, final

from mlprod._clock import now
from mlprod._names import check_text, known, shorten
from mlprod.errors import AlertNotFoundError
from mlprod.monitoring._alert_events import AlertAcknowledged, AlertEvent
from mlprod.monitoring._alert_state import ALERTS, KEPT_ALERTS, Alerts, fold
from mlprod.monitoring._alerting import Reading, step
from mlprod.monitoring._threshold import AlertThreshold
from mlprod.monitoring._values import Alert
from mlprod.storage import Head, Ledger, Stamp, Store
from mlprod.typing import Clock

__all__ = ["AlertBook", "Observation"]

Observation: TypeAlias = tuple[str, str, AlertThreshold, Reading]
"""Model, version, threshold, and what its metric is."""

_LONGEST_NAME = 256
_LONGEST_NOTE = 4096


@final
class AlertBook:
    """The alerts of one store, shared by all threads and processes that watch its models.

    Every decision is one commit of a ledger: when two processes see the same condition at once, one
    opens the alert and the other finds it open. Every method sees all decisions made before.

    An alert belongs to a threshold by its `key`. When the threshold is no longer watched, its open
    alerts stay as they are, to be acknowledged, until a process that still has it resolves them.

    Of each model the newest 1,000 resolved alerts are kept; earlier ones remain in the commits.
    """

    def __init__(self, store: Store, *, clock: Clock | None = None) -> None:
        """Name the store; nothing is read yet."""
        self._store = store
        self._clock = clock
        self._ledger = Ledger(store, ALERTS, clock=clock)
        self._told = -1  # up to which decision `changes` has answered; -1 before the first look
        self._process, self._lock = os.getpid(), threading.Lock()

    def __repr__(self) -> str:
        """Show where the alerts lie."""
        return f"AlertBook({self._store.url!r})"

    def observe(self, observations: Sequence[Observation]) -> tuple[Alert, ...]:
        """Take note of what metrics are now, in one decision.

        Where nothing changes, nothing is written: the call costs one small read.

        Args:
            observations: of each model, version and threshold usually one; later ones are judged by what
                earlier ones did.

        Returns:
            The alerts that changed by this call: pending, firing or resolved. A pending one that went away
            is in no state any more, and is not among them.

        Raises:
            StoreError: if the store fails. To observe again is safe: what was decided is found so.
        """
        if not observations:
            return ()
        moment = now(self._clock)
        appended = self._ledger.append(lambda head: _observed(head, observations, moment), head=self._head())
        changed = dict.fromkeys(event.id for event in appended.events)
        return tuple(alert for alert in map(appended.head.state.find, changed) if alert)

    def acknowledge(self, alert_id: str, *, by: str = "", note: str = "") -> Alert:
        """Say that somebody knows of a firing alert; it stays acknowledged until it is resolved.

        An alert that is acknowledged or resolved already is returned as it stands, and so is a pending
        one: nobody was told of it yet, and nobody would be if it could be acknowledged.

        Args:
            alert_id: its id.
            by: who knows, at most 256 characters.
            note: anything else, at most 4,096 characters.

        Returns:
            The alert as it is now.

        Raises:
            AlertNotFoundError: if there is none of that id.
            InvalidDataError: if `by` or `note` is no text, or too long.
            StoreError: if the store fails.
        """
        check_text(by, "by", limit=_LONGEST_NAME)
        check_text(note, "the note", limit=_LONGEST_NOTE)
        moment = now(self._clock)

        def decide(head: Head[Alerts]) -> list[AlertEvent]:
            alert = self._found(head.state, alert_id)
            if alert.state != "firing":
                return []
            at = max(moment, alert.fired_at or moment)  # the clock may have stepped back
            return [AlertAcknowledged(id=alert_id, at=at, by=by, note=note)]

        return self._found(self._ledger.append(decide, head=self._head()).head.state, alert_id)

    def active(self, model_id: str | None = None) -> list[Alert]:
        """Return the firing and acknowledged alerts: critical ones first, then the oldest first."""
        active = _chosen((alert for alert in self._alerts().all_open() if alert.is_active), model_id)
        return sorted(active, key=lambda alert: alert.severity != "critical")

    def pending(self, model_id: str | None = None) -> list[Alert]:
        """Return what will be an alert if it lasts, the oldest first."""
        return _chosen((alert for alert in self._alerts().all_open() if not alert.is_active), model_id)

    def history(self, model_id: str | None = None) -> list[Alert]:
        """Return all alerts that ever fired, active and resolved, the oldest first."""
        alerts = self._alerts()
        active = (alert for alert in alerts.all_open() if alert.is_active)
        return _chosen((*alerts.all_resolved(), *active), model_id)

    def overlapping(self, model_id: str, since: datetime, until: datetime) -> list[Alert]:
        """Return the alerts of a model that fired in a period or were active during it, the oldest first.

        Args:
            model_id: the model.
            since: the beginning of the period.
            until: its end, exclusive.
        """
        return [alert for alert in self.history(model_id) if _overlaps(alert, since, until)]

    def changes(self) -> list[Alert]:
        """Return the alerts that began to fire, were acknowledged or resolved since the last call here.

        It does not matter which process decided so: this is how each process tells its own subscribers,
        once. An alert is in the list once for each state it entered, as it then was, in the order of the
        decisions. What was decided before this book first looked is not news. Who does not ask for so
        long that more than 1,000 changes gather gets the newest of them.
        """
        head = self._head()
        with self._alone():
            told, self._told = self._told, max(self._told, head.number)
        return [entered.alert for entered in head.state.entered if entered.number > told]

    def _head(self) -> Head[Alerts]:
        """Return the newest state; the first one seen is where news begin."""
        head = self._ledger.head()
        if self._told < 0:
            with self._alone():
                if self._told < 0:  # still: another thread may have been first
                    self._told = head.number
        return head

    def _alerts(self) -> Alerts:
        return self._head().state

    def _alone(self) -> threading.Lock:
        """Return the lock; a new one in a forked child, where nobody is left to release the old one."""
        if self._process != os.getpid():
            self._process, self._lock = os.getpid(), threading.Lock()
        return self._lock

    def _found(self, alerts: Alerts, alert_id: str) -> Alert:
        alert = alerts.find(alert_id) if isinstance(alert_id, str) else None
        if alert is None:
            ids = [each.id for each in (*alerts.all_open(), *alerts.all_resolved())]
            raise AlertNotFoundError(
                f"there is no alert {shorten(alert_id)} in {self._store.url}; {known(ids, alert_id)}. "
                f"Only the newest {KEPT_ALERTS:,} resolved ones of each model are kept"
            )
        return alert


def _observed(head: Head[Alerts], observations: Iterable[Observation], now: datetime) -> list[AlertEvent]:
    """Return what follows from the newest state and the observations; ids from the decision it will be."""
    number = head.number + 1
    alerts, open_alerts = head.state, head.state.by_threshold()
    events = list[AlertEvent]()
    for model_id, version, threshold, reading in observations:
        alert = open_alerts.get((model_id, version, threshold.key))
        alert_id = f"a{number}-{len(events)}"
        taken = step(alert, threshold, reading, now, alert_id=alert_id, model_id=model_id, version=version)
        for event in taken:
            alerts = fold(alerts, event, Stamp(number, now))
        if taken:
            events += taken
            open_alerts = alerts.by_threshold()
    return events


def _chosen(alerts: Iterable[Alert], model_id: str | None) -> list[Alert]:
    """Return those of a model (None: all), the oldest first."""
    return sorted((alert for alert in alerts if model_id in {None, alert.model_id}), key=_age)


def _age(alert: Alert) -> tuple[datetime, list[int]]:
    """Return what sorts by time, and what began at the same time by decision."""
    return alert.since, [int(digits) for digits in re.findall("[0-9]+", alert.id)]


def _overlaps(alert: Alert, since: datetime, until: datetime) -> bool:
    """Return whether it fired in the period, or before and was not over when the period began."""
    if alert.fired_at is None or alert.fired_at >= until:
        return False
    return alert.fired_at >= since or alert.resolved_at is None or alert.resolved_at > since
