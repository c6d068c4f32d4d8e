"""What waits on this machine to be uploaded: segments of processes that died, and marks of others."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import final

import attrs

from mlprod._clock import to_datetime
from mlprod.consistency._ledger import LedgerReading
from mlprod.consistency._report import Finding, found
from mlprod.consistency._scope import Scope
from mlprod.consistency._survey import Survey
from mlprod.storage import Ledger, Store, explained
from mlprod.storage.journal._arrivals import REMEMBERED, Arrivals
from mlprod.storage.journal._files import Files, made_ns
from mlprod.storage.journal._spool import Spooled, spool_for
from mlprod.storage.journal._state import JOURNAL, Compacted, JournalState

__all__ = ["examine", "mend", "uses_spool"]


def uses_spool(store: Store) -> bool:
    """Return whether segments for this store are spooled on this machine."""
    return store.local_path("journal") is None and store.guarantees().durable


@final
@attrs.frozen(kw_only=True)
class Waiting:
    """A segment of a process that died.

    Attributes:
        file: where it lies on this machine.
        path: where it belongs in the store.
        begun: when it was begun, as its name says.
        is_in_doubt: whether it was sent, and the store does not have it, or not any more.
    """

    file: Path
    path: str
    begun: datetime
    is_in_doubt: bool


def examine(
    survey: Survey, store: Store, ledger: LedgerReading[JournalState, Compacted], scope: Scope
) -> list[Finding]:
    """Look at the spool of a store on this machine."""
    with explained("look at the spool", store):
        return list(_found(_spool(store, ledger.ledger(survey)), scope))


def _found(spooled: Spooled, scope: Scope) -> Iterator[Finding]:
    waiting = [_waiting(spooled, path, scope.now) for path in spooled.left_behind()]
    yield from (_expired(each) if each.is_in_doubt else _waits(each) for each in waiting)
    yield from map(_stale, spooled.stale_marks())


def mend(store: Store, findings: Iterable[Finding]) -> None:
    """Upload what waits, as the next start would, but for what may have been counted already."""
    spooled = _spool(store, Ledger(store, JOURNAL))
    in_doubt = {finding.path for finding in findings if finding.kind == "expired_segment"}
    with explained("upload recorded events", store):
        spooled.recover(keep=[path for path in spooled.left_behind() if str(spooled.root / path) in in_doubt])


def _spool(store: Store, ledger: Ledger[JournalState, Compacted]) -> Spooled:
    return Spooled(store, spool_for(store), Arrivals(ledger, Files(store)))


def _waiting(spooled: Spooled, path: str, now: datetime) -> Waiting:
    begun = to_datetime(made_ns(path))
    is_old = now - begun > REMEMBERED  # from then on blocks do not say any more that it is in them
    return Waiting(
        file=spooled.root / path,
        path=path,
        begun=begun,
        is_in_doubt=is_old and spooled.was_sent(path) and not spooled.has_arrived(path),
    )


def _waits(waiting: Waiting) -> Finding:
    return found(
        "waiting_segment",
        str(waiting.file),
        f"a process that died left events here that it recorded from {_minute(waiting.begun)} on; only this "
        "machine counts them. The next monitor or experiment on this store, or fsck with repair=True, "
        "uploads them",
    )


def _expired(waiting: Waiting) -> Finding:
    return found(
        "expired_segment",
        str(waiting.file),
        f"it was begun at {_minute(waiting.begun)} and sent, and no answer came. Whether the store counts "
        f"its events can be told for {REMEMBERED.days} days, and they are over. Compare what it counts "
        "of that time: if they are missing, delete the file of the same name with .sent, and they are "
        "uploaded; if not, delete both",
    )


def _stale(mark: Path) -> Finding:
    return found(
        "stale_mark",
        str(mark),
        "the segment that it says was sent is gone: a crash came between the two deletions. It means "
        "nothing; the next monitor or experiment on this store, or fsck with repair=True, deletes it",
    )


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
