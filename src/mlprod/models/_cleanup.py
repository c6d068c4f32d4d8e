"""Cleaning up: first the decision what may go, then the deleting of what it lets go."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import final

import attrs

from mlprod._clock import now
from mlprod._names import check_name
from mlprod.errors import StoreError
from mlprod.models import _decisions as decisions
from mlprod.models._events import Event, ModelDeleted, PayloadsSwept
from mlprod.models._fold import fold
from mlprod.models._payloads import FOLDER, begun_at
from mlprod.models._reference import find_model
from mlprod.models._retention import RetentionPolicy
from mlprod.models._state import Registry
from mlprod.models._values import CleanupReport
from mlprod.storage import Head, Ledger, Stamp, Store, explained, join
from mlprod.typing import Clock

__all__ = ["Cleaner", "deleted_in", "horizon_of", "orphans_in"]

_log = logging.getLogger("mlprod.models")


@final
@attrs.frozen(kw_only=True)
class Cleaner:
    """Removes from one store what no version needs."""

    store: Store
    ledger: Ledger[Registry, Event]
    clock: Clock | None

    def clean(
        self, name: str | None, policy: RetentionPolicy | None, *, grace: timedelta, dry_run: bool
    ) -> CleanupReport:
        """Remove versions by the policy, and what writers that never finished left behind.

        The sweep is decided before anything is deleted. A slow writer whose payload is older than the
        grace period learns of the sweep when it comes to decide, and writes its payload again.
        """
        files = self._files(None if name is None else check_name(name, "a model's name"))

        def decide(head: Head[Registry]) -> list[Event]:
            time = max(now(self.clock), head.time)
            events: list[Event] = []
            if policy is not None:
                names = list(head.state.models) if name is None else [name]
                events += decisions.retire(head.state, names, policy, time)
            horizon = horizon_of(head, time, grace)
            if horizon > head.state.swept_before and orphans_in(files, head.state, horizon):
                events.append(PayloadsSwept(before=horizon))
            return events

        head = self.ledger.head()
        if name is not None:
            find_model(head.state, name, self.store.url)
        if dry_run:
            events: Sequence[Event] = decide(head)
            after = head.state
            for event in events:
                after = fold(after, event, Stamp(head.number + 1, head.time))
        else:
            appended = self.ledger.append(decide, head=head)
            events, after = appended.events, appended.head.state
        orphans = orphans_in(files, after, after.swept_before)
        dead = deleted_in(files, after)
        return CleanupReport(
            removed=tuple(
                f"{event.name}@{event.version}" for event in events if isinstance(event, ModelDeleted)
            ),
            orphans=tuple(orphans),
            freed_bytes=self._discard([*orphans, *dead], dry_run=dry_run),
            partial_writes=0 if dry_run else self._discard_partial(grace),
            dry_run=dry_run,
        )

    def discard_deleted(self, events: Iterable[Event], registry: Registry) -> None:
        """Delete the payloads of versions that these events deleted."""
        deleted = [event for event in events if isinstance(event, ModelDeleted)]
        versions = [registry.models[event.name].versions[event.version] for event in deleted]
        needed = _file_names(registry, living=True) if versions else set[str]()
        for blob in (blob for version in versions for blob in version.saved.blobs()):
            if _file_name(blob.path) not in needed:
                self._delete(blob.path)

    def _files(self, name: str | None) -> list[str]:
        with explained("list the payloads", self.store):
            return self.store.list(FOLDER if name is None else join(FOLDER, name))

    def _discard(self, paths: Iterable[str], *, dry_run: bool) -> int:
        """Return the size of what was deleted, or would be; what could not be is left to the next cleanup."""
        freed = 0
        for path in paths:
            try:
                with explained(f"measure the unneeded payload {path}", self.store):
                    size = self._size(path)
            except StoreError as error:
                if dry_run:
                    raise
                _log.warning("%s", error)
                continue
            if dry_run or self._delete(path):
                freed += size
        return freed

    def _size(self, path: str) -> int:
        try:
            return self.store.size(path)
        except FileNotFoundError:  # another cleanup was faster
            return 0

    def _delete(self, path: str) -> bool:
        """Delete, or leave it to the next cleanup: what nobody refers to does no harm; return whether."""
        try:
            self.store.delete(path)
        except OSError as error:
            _log.warning("could not delete the unneeded payload %s, the next cleanup() will: %s", path, error)
            return False
        return True

    def _discard_partial(self, grace: timedelta) -> int:
        """Remove what was never finished; if that fails, what was deleted is told all the same."""
        try:
            return self.store.discard_partial(older_than_seconds=grace.total_seconds())
        except OSError as error:
            _log.warning("could not remove partial writes, the next cleanup() will: %s", error)
            return 0


def horizon_of(head: Head[Registry], time: datetime, grace: timedelta) -> datetime:
    """Return up to when a payload of no version must have been begun to be taken for an orphan."""
    return max(time - grace, head.state.swept_before)


def orphans_in(files: Iterable[str], registry: Registry, horizon: datetime) -> list[str]:
    """Return the payloads that no version ever referred to and that were begun up to the horizon."""
    known = _file_names(registry, living=True) | _file_names(registry, living=False)
    begun = ((path, begun_at(path)) for path in files if _file_name(path) not in known)
    return [path for path, since in begun if since is not None and since <= horizon]


def deleted_in(files: Iterable[str], registry: Registry) -> list[str]:
    """Return the payloads of deleted versions."""
    unneeded = _file_names(registry, living=False) - _file_names(registry, living=True)
    return [path for path in files if _file_name(path) in unneeded]


def _file_name(path: str) -> str:
    """Return the part that no two payloads share, even where `A` and `a` are the same folder."""
    return path.rpartition("/")[2]


def _file_names(registry: Registry, *, living: bool) -> set[str]:
    return {_file_name(path) for path in registry.blobs(living=living)}
