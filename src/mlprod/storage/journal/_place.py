"""Where segments lie while they are written, and how they get from there into the store."""

import abc
import functools
import logging
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, final

from mlprod.storage._local import LocalStore
from mlprod.storage._store import Store, explained, join
from mlprod.storage.journal._appender import RAW, Appender
from mlprod.storage.journal._disk import Unsynced
from mlprod.storage.journal._forking import renew_in_children
from mlprod.storage.journal._open_segment import FinishedSegment
from mlprod.typing import Buffer

__all__ = ["InPlace", "InProcess", "Leaving", "Place", "in_process"]

_log = logging.getLogger("mlprod.storage")

_SETTLE_SECONDS = 1.0


class Place(Protocol):
    """Where open segments lie."""

    @property
    def root(self) -> Path | None:
        """The folder in which they are files; None: in memory."""
        ...

    def register(self, appender: Appender) -> None:
        """Take care of the segments of an appender."""
        ...

    def leaving(self, segment: FinishedSegment) -> None:
        """Take a segment of which no more slots are handed out; must be quick."""
        ...

    def flush(self) -> None:
        """Bring all records into the store, and make them as durable as it can."""
        ...

    def tend(self) -> None:
        """Do what must not wait for a flush; cheap."""
        ...

    def live(self, prefix: str) -> dict[str, Callable[[], Buffer]]:
        """Return the segments below a stream that may not be in the store yet, and how each is read."""
        ...

    def recover(self) -> int:
        """Bring into the store what processes that died left elsewhere; return how many segments."""
        ...


class Leaving(abc.ABC):
    """Keeps segments that must still be put into the store, until they are."""

    def __init__(self) -> None:
        """Begin with none."""
        self._appenders: weakref.WeakKeyDictionary[Appender, None] = weakref.WeakKeyDictionary()
        self._segments: dict[str, FinishedSegment] = {}
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Forget who held the lock, which is one that a signal handler may take again."""
        self._lock = threading.RLock()

    def register(self, appender: Appender) -> None:
        """Take care of an appender as long as it lives."""
        self._appenders[appender] = None

    def leaving(self, segment: FinishedSegment) -> None:
        """Keep a segment for the next flush."""
        self._segments[segment.path] = segment

    def flush(self) -> None:
        """Put all records into the store; what cannot be put is kept for the next time."""
        for appender in self._living():
            appender.leave()
        self._put_all(patience_seconds=_SETTLE_SECONDS)

    def tend(self) -> None:
        """Put the segments that are full."""
        self._put_all(patience_seconds=0)

    def _living(self) -> list[Appender]:
        """Return all appenders; a list of references is made at once, whatever other threads do."""
        return [appender for ref in self._appenders.keyrefs() if (appender := ref()) is not None]

    def _put_all(self, *, patience_seconds: float) -> None:
        deadline = time.monotonic() + patience_seconds
        with self._lock:
            settled: list[FinishedSegment] = []
            for path, segment in list(self._segments.items()):
                while not segment.is_settled and time.monotonic() < deadline:
                    time.sleep(0.0005)  # a thread took a slot and is about to write its record
                if segment.is_settled:
                    settled.append(segment)
                elif patience_seconds:
                    _log.warning("a thread has not finished its record in %s; it is put later", path)
            self._put_each(settled)

    def _put_each(self, segments: Sequence[FinishedSegment]) -> None:
        """Put segments one after the other."""
        for segment in segments:
            self._put_and_let_go(segment)

    def _put_and_let_go(self, segment: FinishedSegment) -> None:
        self._put(segment)
        self._segments.pop(segment.path, None)

    @abc.abstractmethod
    def _put(self, segment: FinishedSegment) -> None:
        """Put a segment, which nobody holds any more, into the store."""


@final
class InPlace(Leaving):
    """On a local store: segments are files of the store from the beginning.

    Only those leave for it again whose files were deleted while they were written.
    """

    def __init__(self, root: Path) -> None:
        """Name the folder of the store."""
        self._root = root
        self._store = LocalStore(root)
        self._unsynced = Unsynced()
        super().__init__()

    @property
    def root(self) -> Path:
        """The folder of the store."""
        return self._root

    def renew(self) -> None:
        """Leave the segments of the parent to it."""
        super().renew()
        self._segments.clear()

    def leaving(self, segment: FinishedSegment) -> None:
        """Keep it only if its file is gone; else it is sealed when the last thread lets it go."""
        if segment.is_deleted(self._root):
            super().leaving(segment)
        else:
            self._unsynced.add(self._root / segment.path)

    def tend(self) -> None:
        """Save the records of segments whose files were deleted."""
        self._find_deleted()
        super().tend()

    def flush(self) -> None:
        """Have the system write everything to the disk."""
        self._find_deleted()
        self._put_all(patience_seconds=_SETTLE_SECONDS)
        for appender in self._living():
            if path := appender.segment.path:
                self._unsynced.add(self._root / path)
        with explained("sync recorded events", self._store):
            self._unsynced.sync()

    def live(self, prefix: str) -> dict[str, Callable[[], Buffer]]:  # noqa: ARG002 - as the other places do
        """Return nothing: what is written is in the store."""
        return {}

    def recover(self) -> int:
        """Do nothing: it is in the store."""
        return 0

    def _find_deleted(self) -> None:
        for appender in self._living():
            if appender.is_deleted():
                appender.leave()

    def _put(self, segment: FinishedSegment) -> None:
        _log.warning(
            "%s was deleted in %s while it was written; its records are saved again", segment.path, self._root
        )
        with explained("save recorded events", self._store):
            self._store.put(segment.path, segment.contents())


@final
class InProcess(Leaving):
    """For a store that does not outlive the process: segments are plain memory until they are flushed."""

    def __init__(self, store: Store) -> None:
        """Name the store."""
        self._store = weakref.ref(store)
        self._kept: set[Appender] = set()
        super().__init__()

    @property
    def root(self) -> None:
        """None: in memory."""
        return

    def register(self, appender: Appender) -> None:
        """Take care of an appender until it is closed: what is in its segment must not be lost with it."""
        super().register(appender)
        self._kept.add(appender)

    def flush(self) -> None:
        """Put all records into the store."""
        super().flush()
        self._kept.difference_update([appender for appender in self._living() if appender.is_closed])

    def live(self, prefix: str) -> dict[str, Callable[[], Buffer]]:
        """Return the segments in memory."""
        below = f"{join(RAW, prefix)}/"
        open_ones = [appender.segment for appender in self._living()]  # before those that left
        found: dict[str, Callable[[], Buffer]] = {
            segment.path: functools.partial(bytes, segment.buffer) for segment in open_ones
        }
        found.update({path: segment.contents for path, segment in list(self._segments.items())})
        return {path: read for path, read in found.items() if path.startswith(below)}

    def recover(self) -> int:
        """Do nothing: what was in memory is gone."""
        return 0

    def _put(self, segment: FinishedSegment) -> None:
        store = self._store()
        if store is not None:
            with explained("write recorded events", store):
                store.put(segment.path, segment.contents())


_in_process: weakref.WeakKeyDictionary[Store, InProcess] = weakref.WeakKeyDictionary()


def in_process(store: Store) -> InProcess:
    """Return the one place for a store in memory.

    All journals of the process share it, so that each reads at once what the others wrote.
    """
    return _in_process.setdefault(store, InProcess(store))
