"""`Observers`: who watches which model, and what of that is in the store already."""

import logging
import secrets
import time
from collections.abc import Callable
from typing import Final, final

import attrs

from mlprod._clock import now
from mlprod.drift._alarms import AlarmBook, DriftAlarm, ObserverState
from mlprod.drift._observer import Observer
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._subject import Subject
from mlprod.drift._watches import Method, Watch, watch
from mlprod.errors import InvalidDataError, MLProdError, StoreError
from mlprod.typing import Clock

__all__ = ["Observers"]

_log = logging.getLogger("mlprod.drift")

_SAVE_EVERY_SECONDS: Final = 30.0


@final
@attrs.define(eq=False)
class _Watched:
    """One model, under every name that it was observed by."""

    subject: Subject
    observer: Observer
    saved_at: float


@final
@attrs.frozen(kw_only=True)
class Observers:
    """Watches models, each against the reference that stands.

    Attributes:
        find: returns what a model id means, and its reference.
        book: keeps states and alarms.
        name: under which the states are kept.
        method: how is watched.
        run_length: how many rows there are between two false alarms, on average.
        is_ordered: whether rows are in the order of time.
        clock: the time of alarms.
    """

    find: Callable[[str], tuple[Subject, ReferenceProfile]]
    book: AlarmBook
    name: str
    method: Method
    run_length: float
    is_ordered: bool
    clock: Clock | None
    _watched: dict[str, _Watched] = attrs.field(init=False, factory=dict[str, _Watched])
    _unwritten: dict[str, DriftAlarm] = attrs.field(init=False, factory=dict[str, DriftAlarm])

    @property
    def rows(self) -> dict[str, int]:
        """How many rows of each model were observed, by the id that it was observed by."""
        return {key: watched.observer.rows for key, watched in list(self._watched.items())}

    def observe(self, key: str, row_or_batch: object) -> DriftAlarm | None:
        """Take a row, or a table; write what is due, or say in the log that it failed.

        Raises:
            ReferenceNotFoundError: if no reference was set.
            InvalidDataError: if a feature is missing or of another kind, or the reference is too short.
            StoreError: if reference and state cannot be read, when a model is observed first.
        """
        watched = self._watched.get(key) or self._open(key)
        try:
            watched.observer.observe(row_or_batch)
        finally:  # an alarm in an early batch is one, whatever is wrong with a later one
            alarm = self._raise_alarms(watched) if watched.observer.has_changes else None
        if time.monotonic() - watched.saved_at >= _SAVE_EVERY_SECONDS:
            self._keep(watched)
            self._renew(key, watched)
        return alarm

    def release(self, model_id: str) -> None:
        """Write how far the watch of a model has come and let go of it: another reference stands."""
        for key, watched in list(self._watched.items()):
            if watched.subject.name == model_id:
                self._keep(watched)
                self._watched.pop(key, None)

    def flush(self) -> None:
        """Write all states, and the alarms that could not be written before.

        Raises:
            StoreError: if the store cannot be written.
        """
        self._write_alarms()
        for watched in list(self._watched.values()):
            self._save(watched)

    def _open(self, key: str) -> _Watched:
        """Begin to observe, or go on where a process before this one was."""
        subject, reference = self.find(key)
        for watched in list(self._watched.values()):  # the same version by another name
            if watched.subject == subject and watched.observer.reference.id == reference.id:
                return self._watched.setdefault(key, watched)
        begun = watch(reference, method=self.method, run_length=self.run_length, is_ordered=self.is_ordered)
        observer = self._resumed(subject, reference, begun) or Observer(reference, begun)
        return self._watched.setdefault(key, _Watched(subject, observer, time.monotonic()))

    def _resumed(self, subject: Subject, reference: ReferenceProfile, begun: Watch) -> Observer | None:
        try:
            state = self.book.load(subject, self.name)
            if state is not None and state.reference == reference.id:
                return Observer(reference, begun.resumed(state.watch), rows=state.rows)
        except InvalidDataError as error:
            _log.warning("the watch of %s begins anew: its state cannot be used: %s", subject, error)
        return None

    def _raise_alarms(self, watched: _Watched) -> DriftAlarm | None:
        """Return the first of what was found; write all of it."""
        subject, features = watched.subject, list(watched.observer.reference.features)
        alarms = [
            DriftAlarm(
                model_id=subject.name,
                version=subject.version,
                time=now(self.clock),
                feature=features[change.feature],
                change=change.kind,
                evidence=change.evidence,
                threshold=change.threshold,
                rows=rows,
                rows_since_change=change.rows_since,
                method=self.method,
            )
            for rows, change in watched.observer.changes()
        ]
        self._unwritten.update((secrets.token_hex(8), alarm) for alarm in alarms)
        self._keep(watched)
        return alarms[0] if alarms else None

    def _keep(self, watched: _Watched) -> None:
        """Write alarms and state, or say in the log that it failed."""
        try:
            self._write_alarms()
            self._save(watched)
        except StoreError as error:
            _log.warning(
                "%d alarms and the state of the watch of %s are not in the store yet: %s",
                len(self._unwritten),
                watched.subject,
                error,
            )

    def _write_alarms(self) -> None:
        for token, alarm in list(self._unwritten.items()):
            self.book.record(alarm, token)
            self._unwritten.pop(token, None)

    def _save(self, watched: _Watched) -> None:
        watched.saved_at = time.monotonic()
        if watched not in list(self._watched.values()):  # another thread has just let go of it
            return
        rows, watch = watched.observer.progress()
        state = ObserverState(reference=watched.observer.reference.id, rows=rows, watch=watch.to_state())
        self.book.save(watched.subject, self.name, state)

    def _renew(self, key: str, watched: _Watched) -> None:
        """Let go of an observer if another reference stands now."""
        try:
            _, reference = self.find(key)
        except MLProdError as error:
            _log.warning("whether %s has another reference now is not known: %s", key, error)
            return
        if reference.id != watched.observer.reference.id:
            for name, each in list(self._watched.items()):
                if each is watched:
                    self._watched.pop(name, None)
