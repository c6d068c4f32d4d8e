"""What watching row by row leaves in a store: the alarms, and how far the watch had come."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, final

import attrs

from mlprod._value import Value
from mlprod.drift._files import ROOT, dated, dated_path, newest_of_each, read_newest
from mlprod.drift._subject import Subject
from mlprod.errors import InvalidDataError, NewerSchemaError, StoreError
from mlprod.schema import RecordType
from mlprod.storage import Store, explained, join, together

__all__ = ["ALARM", "OBSERVER", "AlarmBook", "DriftAlarm", "ObserverState"]


@final
@attrs.frozen(kw_only=True)
class DriftAlarm(Value):
    """The world has changed while it was watched.

    Attributes:
        model_id: the model.
        version: the version that was watched; None if none was named, and the registry knows none.
        time: when it was found, UTC.
        feature: which one has changed, or has changed most.
        change: its values are higher (``"level up"``) or lower (``"level down"``), farther from the middle
            (``"scale up"``) or nearer to it (``"scale down"``); or ``"mean"`` where the method does not tell.
        evidence: how strong the evidence is: an e-value, or for ADWIN the mean rank since the change.
        threshold: from where on it is an alarm.
        rows: how many rows had been observed.
        rows_since_change: how many rows ago the change began, an estimate.
        method: ``"e_detector"`` or ``"adwin"``.
    """

    model_id: str
    version: str | None
    time: datetime
    feature: str
    change: str
    evidence: float
    threshold: float
    rows: int
    rows_since_change: int
    method: str


@attrs.frozen(kw_only=True)
class ObserverState:
    """How far a watch had come.

    Attributes:
        reference: the id of the reference that it watches against.
        rows: how many rows it had seen.
        watch: its detectors.
    """

    reference: str
    rows: int
    watch: Mapping[str, Any]


ALARM: Final = RecordType("drift.alarm", DriftAlarm)
OBSERVER: Final = RecordType("drift.observer", ObserverState)


@final
class AlarmBook:
    """The alarms and observers of one store."""

    def __init__(self, store: Store) -> None:
        """Name the store; nothing is read yet."""
        self._store = store

    def record(self, alarm: DriftAlarm, token: str) -> None:
        """Write an alarm; the same alarm under the same token is written once, however often it is tried."""
        path = dated_path("alarms", Subject(alarm.model_id, alarm.version), alarm.time, token)
        with explained(f"write the alarm {path}", self._store):
            self._store.put(path, ALARM.dump(alarm))

    def alarms(self, subject: Subject) -> list[DriftAlarm]:
        """Return the alarms of a version, or of all where the subject has none; the oldest first."""
        with explained(f"list the alarms of {str(subject)!r}", self._store):
            paths = dated(self._store, "alarms", subject)
        return list(together(self._store, self._alarm, paths))

    def latest(
        self, count: int, on_unreadable: Callable[[str, str], object] | None
    ) -> dict[str, list[DriftAlarm]]:
        """Return the newest alarms of each model, by name; only those are read."""
        with explained("list the alarms", self._store):
            newest = newest_of_each(self._store, "alarms", count)
        return read_newest(self._store, self._alarm, newest, on_unreadable)

    def _alarm(self, path: str) -> DriftAlarm:
        with explained(f"read the alarm {path}", self._store):
            return ALARM.load(self._store.get(path), f"{path} in {self._store.url}")

    def save(self, subject: Subject, observer: str, state: ObserverState) -> None:
        """Write how far a watch has come; the last writer wins."""
        path = _path(subject, observer)
        with explained(f"write the state of the observer {path}", self._store):
            self._store.put(path, OBSERVER.dump(state))

    def load(self, subject: Subject, observer: str) -> ObserverState | None:
        """Return how far a watch had come; None if it never began.

        Raises:
            InvalidDataError: if that is damaged.
        """
        path = _path(subject, observer)
        with explained(f"read the state of the observer {path}", self._store):
            try:
                raw = self._store.get(path)
            except FileNotFoundError:
                return None
        try:
            return OBSERVER.load(raw, f"{path} in {self._store.url}")
        except NewerSchemaError:
            raise
        except StoreError as error:
            raise InvalidDataError(str(error)) from error


def _path(subject: Subject, observer: str) -> str:
    return join(ROOT, "observers", subject.folder, f"{observer}.json")
