"""A store that fails on purpose, at the operation you name."""

import enum
import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, final

from mlprod.storage import Guarantees, Store
from mlprod.typing import Buffer, Chunks

__all__ = ["Fault", "FaultyStore", "SimulatedCrashError"]

T = TypeVar("T")


class SimulatedCrashError(BaseException):
    """The process "died" here; no `Exception`, because no handler runs in a dead process."""


@final
class Fault(enum.Enum):
    """What goes wrong."""

    CRASH_BEFORE = "the process dies before the operation"
    CRASH_AFTER = "the process dies after the operation"
    ERROR = "the operation fails and is not done"
    LOST_ANSWER = "the operation is done, but reported as failed"
    CONFLICT = "the backend answers 409: not done, try again"
    DISK_FULL = "the operation fails for lack of space"
    READ_ONLY = "the operation fails because nothing may be written"
    TORN_LISTING = "a listing shows only every other file"
    DELAYED_LISTING = "a listing shows nothing yet"


_ERRORS = {
    Fault.ERROR: (errno.EIO, "injected error"),
    Fault.CONFLICT: (errno.EIO, "injected 409 ConditionalRequestConflict"),
    Fault.DISK_FULL: (errno.ENOSPC, "No space left on device"),
    Fault.READ_ONLY: (errno.EROFS, "Read-only file system"),
}


@final
class FaultyStore:
    """A store in front of another one that lets its k-th operation go wrong.

    Attributes:
        operations: how many operations were asked for so far.
        log: what they were, as ``"create models/ledger/commits/….json"``.

    Example:
        >>> from mlprod.storage import MemoryStore
        >>> store = FaultyStore(MemoryStore(), at=2, fault=Fault.ERROR)
        >>> store.put("first", b"1")
        >>> store.put("second", b"2")
        Traceback (most recent call last):
            ...
        OSError: [Errno 5] injected error: put second
        >>> store.put("third", b"3")
        >>> store.list("models"), store.operations
        ([], 4)
    """

    def __init__(self, inner: Store, *, at: int = 0, fault: Fault = Fault.ERROR, repeat: int = 1) -> None:
        """Let operation `at` (from 1; 0: none) and the `repeat - 1` after it go wrong."""
        self._inner = inner
        self._fault = fault
        self._faulty = range(at, at + repeat) if at else range(0)
        self._crashed = False
        self.log: list[str] = []

    def __repr__(self) -> str:
        """Show which store is behind."""
        return f"FaultyStore({self._inner!r})"

    @property
    def operations(self) -> int:
        """How many operations were asked for so far."""
        return len(self.log)

    @property
    def url(self) -> str:
        """That of the store behind."""
        return self._inner.url

    def guarantees(self) -> Guarantees:
        """Those of the store behind."""
        return self._inner.guarantees()

    def get(self, path: str) -> bytes:
        """Pass on, or fail."""
        return self._do(f"get {path}", lambda: self._inner.get(path))

    def put(self, path: str, data: Buffer | Chunks) -> None:
        """Pass on, or fail."""
        self._do(f"put {path}", lambda: self._inner.put(path, data))

    def create(self, path: str, data: bytes) -> None:
        """Pass on, or fail."""
        self._do(f"create {path}", lambda: self._inner.create(path, data))

    def list(self, folder: str) -> list[str]:
        """Pass on, fail, or show less than there is."""
        found = self._do(f"list {folder}", lambda: self._inner.list(folder))
        match self._fault if self.operations in self._faulty else None:
            case Fault.TORN_LISTING:
                return found[::2]
            case Fault.DELAYED_LISTING:
                return []
            case _:
                return found

    def delete(self, path: str) -> None:
        """Pass on, or fail."""
        self._do(f"delete {path}", lambda: self._inner.delete(path))

    def size(self, path: str) -> int:
        """Pass on, or fail."""
        return self._do(f"size {path}", lambda: self._inner.size(path))

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 - part of the protocol
        """Return None, so that every byte passes through here."""
        return None

    def discard_partial(self, *, older_than_seconds: float) -> int:
        """Pass on, or fail."""
        return self._do(
            "discard_partial", lambda: self._inner.discard_partial(older_than_seconds=older_than_seconds)
        )

    def _do(self, what: str, operation: Callable[[], T]) -> T:
        if self._crashed:
            raise SimulatedCrashError(what)
        self.log.append(what)
        if self.operations not in self._faulty:
            return operation()
        if self._fault in _ERRORS:
            number, text = _ERRORS[self._fault]
            raise OSError(number, f"{text}: {what}")
        self._crashed = self._fault in {Fault.CRASH_BEFORE, Fault.CRASH_AFTER}
        if self._fault is Fault.CRASH_BEFORE:
            raise SimulatedCrashError(what)
        result = operation()
        if self._fault is Fault.CRASH_AFTER:
            raise SimulatedCrashError(what)
        if self._fault is Fault.LOST_ANSWER:
            raise OSError(errno.ETIMEDOUT, f"injected lost answer: {what}")
        return result
