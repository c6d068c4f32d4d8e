"""A ledger: numbered decisions, each made exactly once, however many writers there are.

Decision number 42 is the file ``commits/00000000000000000042.json``, created only if absent; the
one who creates it has decided, and everybody else reads it and decides anew. State is the fold of
all decisions. Snapshots of the state only save reading: they can be deleted at any time.
"""

import contextlib
import logging
import random
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar, final

import attrs

from mlprod._clock import now
from mlprod.errors import AtomicCreateUnsupportedError, ConflictError, StoreError
from mlprod.schema import RecordSet, RecordType
from mlprod.storage._store import Store, explained, join
from mlprod.storage._together import together
from mlprod.typing import Clock

__all__ = ["Appended", "Head", "Ledger", "LedgerType", "Stamp"]

S = TypeVar("S")
E = TypeVar("E")

_log = logging.getLogger("mlprod.storage")

_ATTEMPTS = 200
_LONGEST_PAUSE_SECONDS = 0.5
_READ_TOGETHER = 16
_SMALLEST_INTERVAL = 64
_SNAPSHOT_NAME = re.compile(r"/snapshots/[0-9]{20}\.json$")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@final
@attrs.frozen
class Stamp:
    """Which decision an event belongs to, and when that was made."""

    number: int
    time: datetime


@final
@attrs.frozen
class LedgerType(Generic[S, E]):
    """What a ledger is about.

    Attributes:
        folder: where it lies in the store.
        events: the records of which a decision is made.
        state: the record of the folded state, for snapshots.
        empty: the state before the first decision.
        fold: the next state, from a state and one event; pure.
    """

    folder: str
    events: RecordSet[E]
    state: RecordType[S]
    empty: S
    fold: Callable[[S, E, Stamp], S]


@final
@attrs.frozen
class Head(Generic[S]):
    """The state after decision `number`, which was made at `time`."""

    number: int
    time: datetime
    state: S


@final
@attrs.frozen
class Appended(Generic[S, E]):
    """What an append did: the events that now stand, and the head right after them."""

    head: Head[S]
    events: tuple[E, ...]


@attrs.frozen
class _Commit:
    number: int
    nonce: str
    time: datetime
    events: tuple[dict[str, Any], ...]


@attrs.frozen
class _Snapshot:
    number: int
    time: datetime
    state: dict[str, Any]


COMMIT: Final = RecordType("ledger.commit", _Commit)
SNAPSHOT: Final = RecordType("ledger.snapshot", _Snapshot)


@final
class Ledger(Generic[S, E]):
    """The decisions of one domain, on one store.

    Safe to share among threads and to inherit through ``fork`` without a lock: the head is an
    immutable value that is replaced whole, and the store decides who wins.
    """

    def __init__(self, store: Store, ledger_type: LedgerType[S, E], *, clock: Clock | None = None) -> None:
        """Name the ledger; nothing is read yet."""
        self._store = store
        self._type = ledger_type
        self._clock = clock
        self._head: Head[S] | None = None

    def head(self) -> Head[S]:
        """Return the newest state: one small read where nothing has happened since the last call."""
        head = self._head or self._open()
        for commit in self._read_after(head.number):
            head = self._next(head, commit)
        self._remember(head)
        return head

    def ends_with(self, head: Head[S]) -> bool:
        """Return whether the store lists no later decision than this one.

        A decision that something in between takes for absent is no reason to delete what it names. Costs a
        listing of all decisions.
        """
        folder = join(self._type.folder, "commits")
        with explained(f"list the decisions of {self._type.folder}", self._store):
            return max(self._store.list(folder), default="") <= self._commit_path(head.number)

    def append(
        self, decide: Callable[[Head[S]], Sequence[E]], *, head: Head[S] | None = None
    ) -> Appended[S, E]:
        """Make one decision.

        Args:
            decide: from the newest state to the events that are to stand; called again with a newer
                state whenever another writer was faster. What it raises ends the attempt with
                nothing written; no events, no decision.
            head: where to start from; saves a read if it is still the newest.

        Raises:
            ConflictError: if others were faster for very many times in a row.
            StoreError: if the store fails; whether the decision was made is known by reading again.
        """
        nonce = secrets.token_hex(16)  # the same for every attempt: whichever arrived is this decision
        head = head or self.head()
        for attempt in range(_ATTEMPTS):
            events = tuple(decide(head))
            if not events:
                return Appended(head, ())
            commit = _Commit(
                head.number + 1,
                nonce,
                max(now(self._clock), head.time),
                tuple(map(self._type.events.nest, events)),
            )
            after = self._next(head, commit)  # what does not fold must never be written
            outcome = self._try(commit)
            if outcome.nonce == nonce:
                return self._appended(after if outcome is commit else self._next(head, outcome), outcome)
            _pause(attempt)
            for standing in self._read_after(head.number):
                head = self._next(head, standing)
            self._remember(head)
        raise ConflictError(
            f"{_ATTEMPTS} attempts to decide on {self._type.folder} in {self._store.url} all lost to others"
        )

    def _try(self, commit: _Commit) -> _Commit:
        """Create the commit; return the one that stands under its number.

        After an error the file is read back: a put whose answer was lost has been made all the same.
        """
        path, data = self._commit_path(commit.number), COMMIT.dump(commit)
        with explained(f"write decision {commit.number} of {self._type.folder}", self._store):
            try:
                self._store.create(path, data)
            except OSError as error:
                standing = self._read(commit.number)
                if standing is not None:
                    return standing
                raise error from None
        if commit.number == 1:
            self._prove(path, data)
        return commit

    def _prove(self, path: str, data: bytes) -> None:
        """Create the very first decision once more: a backend that lets that pass cannot decide anything."""
        try:
            self._store.create(path, data)
        except OSError:  # as it must; of another failure nothing follows
            return
        with contextlib.suppress(OSError):
            self._store.delete(path)
        raise AtomicCreateUnsupportedError(
            f"{self._store.url} let the same file be created twice, so two writers could both believe they "
            "had won; nothing was decided. An S3-compatible server must support If-None-Match on writes: "
            "upgrade it, or choose another store"
        )

    def _appended(self, after: Head[S], commit: _Commit) -> Appended[S, E]:
        self._remember(after)
        if after.number % _interval(after.number) == 0:
            self._snapshot(after)
        return Appended(after, self._events(commit))

    def _next(self, head: Head[S], commit: _Commit) -> Head[S]:
        stamp = Stamp(commit.number, commit.time)
        state = head.state
        try:
            for event in self._events(commit):
                state = self._type.fold(state, event, stamp)
        except (LookupError, TypeError, ValueError) as error:
            where = self._where(self._commit_path(commit.number))
            raise StoreError(f"{where} does not follow from the decisions before it: {error!r}") from error
        return Head(commit.number, commit.time, state)

    def _events(self, commit: _Commit) -> tuple[E, ...]:
        where = self._where(self._commit_path(commit.number))
        return tuple(self._type.events.unnest(event, where) for event in commit.events)

    def _remember(self, head: Head[S]) -> None:
        if self._head is None or self._head.number < head.number:
            self._head = head

    def _read_after(self, number: int) -> Iterator[_Commit]:
        """Give the decisions after a number: first one is looked for, then ever more at once."""
        count = 1
        while True:
            for commit in together(self._store, self._read, range(number + 1, number + 1 + count)):
                if commit is None:
                    return
                yield commit
            number += count
            count = min(2 * count, _READ_TOGETHER)

    def _read(self, number: int) -> _Commit | None:
        path = self._commit_path(number)
        with explained(f"read decision {number} of {self._type.folder}", self._store):
            try:
                raw = self._store.get(path)
            except FileNotFoundError:
                return None
        commit = COMMIT.load(raw, self._where(path))
        if commit.number != number:
            raise StoreError(
                f"{self._where(path)} is damaged: it holds decision {commit.number} instead of {number}"
            )
        return commit

    def _open(self) -> Head[S]:
        """Return the newest snapshot that can be read, else the beginning."""
        for path in reversed(self._snapshots()):
            try:
                snapshot = SNAPSHOT.load(self._store.get(path), self._where(path))
                state = self._type.state.unnest(snapshot.state, self._where(path))
            except (OSError, StoreError) as error:
                _log.warning("cannot use the snapshot %s: %s", self._where(path), error)
            else:
                return Head(snapshot.number, snapshot.time, state)
        return Head(0, _BEGINNING, self._type.empty)

    def _snapshot(self, head: Head[S]) -> None:
        """Write a snapshot and drop all but the one before it; the decision stands even if this fails."""
        snapshot = _Snapshot(head.number, head.time, self._type.state.nest(head.state))
        path = join(self._type.folder, "snapshots", f"{head.number:020}.json")
        try:
            with contextlib.suppress(FileExistsError):
                self._store.create(path, SNAPSHOT.dump(snapshot))
            for old in self._snapshots()[:-2]:
                self._store.delete(old)
        except (OSError, StoreError) as error:
            _log.warning("could not write the snapshot %s: %s", self._where(path), error)

    def _snapshots(self) -> list[str]:
        with explained(f"list the snapshots of {self._type.folder}", self._store):
            found = self._store.list(join(self._type.folder, "snapshots"))
        return [path for path in found if _SNAPSHOT_NAME.search(path)]

    def _commit_path(self, number: int) -> str:
        return join(self._type.folder, "commits", f"{number:020}.json")

    def _where(self, path: str) -> str:
        return f"{path} in {self._store.url}"


def _interval(number: int) -> int:
    """Return how many decisions lie between snapshots around this number.

    It doubles with the history, so that writing snapshots, each as large as the state, costs a
    bounded number of bytes per decision. A function of the number alone: all writers agree.
    """
    return max(_SMALLEST_INTERVAL, 1 << max(0, (number // _SMALLEST_INTERVAL).bit_length() - 1))


def _pause(attempt: int) -> None:
    """Step aside for a random while, longer each time, so that contenders spread out."""
    longest = min(_LONGEST_PAUSE_SECONDS, 0.001 * 2**attempt)
    time.sleep(random.uniform(0, longest))  # noqa: S311 - not a secret
