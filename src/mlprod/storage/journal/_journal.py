"""A journal: streams of facts, recorded by any number of writers that never wait for each other."""

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar, final

import attrs

from mlprod._clock import now
from mlprod.errors import NewerSchemaError, StoreError
from mlprod.storage._ledger import Head, Ledger
from mlprod.storage._store import Store, explained, join
from mlprod.storage._together import together
from mlprod.storage.journal._appender import RAW, Appender, closed, new_name, stream_of
from mlprod.storage.journal._arrivals import Arrivals
from mlprod.storage.journal._exiting import flush_at_exit, recover_at_exit
from mlprod.storage.journal._files import Files, Summarize
from mlprod.storage.journal._forking import renew_in_children
from mlprod.storage.journal._layout import Layout
from mlprod.storage.journal._lock import alone
from mlprod.storage.journal._place import InPlace, Place, in_process
from mlprod.storage.journal._reading import Part, Reading
from mlprod.storage.journal._spool import Spooled, spool_for
from mlprod.storage.journal._state import JOURNAL, BlockRef, Compacted, JournalState
from mlprod.storage.journal._sweeper import GRACE_SECONDS, Sweeper
from mlprod.storage.journal._table import Table
from mlprod.typing import Buffer, Clock

__all__ = ["Change", "Journal"]

T = TypeVar("T")

BLOCKS: Final = "journal/blocks"
_LOCK = ".compacting"  # no path in a store: it is not listed
_ATTEMPTS = 20  # every process that closes compacts: a reader among many may be overtaken often
_LONGEST_PAUSE_SECONDS = 0.25
_REMEMBERED = timedelta(hours=1)


@final
@attrs.frozen(kw_only=True, eq=False)
class Change:
    """What compaction does to one stream.

    Attributes:
        stream: the stream.
        sources: parts whose records are in the tables now.
        adopted: parts that become blocks as they are.
        tables: the new blocks, each in time order.
    """

    stream: str
    sources: Sequence[Part] = ()
    adopted: Sequence[Part] = ()
    tables: Sequence[Table] = ()


@final
class Journal:
    """The streams of one store.

    Safe to share among threads; a child made by ``fork`` begins segments of its own.
    """

    def __init__(
        self, store: Store, *, clock: Clock | None = None, on_open: Callable[[], None] = lambda: None
    ) -> None:
        """Name the store; nothing is read or written yet.

        Args:
            store: where.
            clock: returns the time of compactions.
            on_open: called whenever a segment is opened, in every process that writes.
        """
        self._store = store
        self._clock = clock
        self._on_open = on_open
        self._ledger = Ledger(store, JOURNAL, clock=clock)
        self._files = Files(store)
        self._arrivals = Arrivals(self._ledger, self._files)
        self._sweeper = Sweeper(self._ledger, self._files)
        self._place = _place_for(store, self._arrivals)
        self._is_local = store.local_path(RAW) is not None
        self._appenders: dict[tuple[str, Layout], Appender] = {}
        self._is_closed = False
        self.renew()
        renew_in_children(self)
        flush_at_exit(self)

    def renew(self) -> None:
        """Forget who held the lock, which is one that a signal handler may take again."""
        self._lock = threading.RLock()

    def appender(self, stream: str, layout: Layout) -> Appender:
        """Return the appender of this process to a stream; there is one for each layout."""
        found = self._appenders.get((stream, layout))
        if found is not None:
            return found
        with self._lock:
            found = self._appenders.get((stream, layout))
            if found is None:
                for before in list(self._appenders.values()):
                    if before.stream == stream:
                        before.leave()  # its segment is not likely to be filled any more
                found = Appender(stream, layout, self._place.root, self._place.leaving, self._on_open)
                if self._is_closed:
                    found.close()
                self._place.register(found)
                self._appenders[stream, layout] = found
        return found

    def write(self, stream: str, table: Table) -> None:
        """Record many at once: all of them, or none.

        Like single records they outlive the process when this returns, and the loss of power after `flush`.

        Raises:
            ClosedError: after `close`.
            StoreError: if the store fails; nothing was recorded then.
        """
        if self._is_closed:
            raise closed(stream)
        if len(table):
            path = join(RAW, stream, f"{new_name()}.col")
            self._files.write_recorded(path, stream, table.in_time_order())

    def query(self, prefix: str, ask: Callable[[Reading], T]) -> T:
        """Return the answer to a question about all streams below a prefix, as they stand now.

        Args:
            prefix: a stream, or the first parts of the names of some.
            ask: called again with a fresh reading if compaction removed a file that it wanted.
        """
        with explained(f"read the journal of {prefix}", self._store):
            for attempt in range(_ATTEMPTS - 1):
                with contextlib.suppress(FileNotFoundError):
                    return ask(self._read(prefix))
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE_SECONDS, 0.001 * 2**attempt)))  # noqa: S311
            return ask(self._read(prefix))

    def streams(self, prefix: str) -> list[str]:
        """Return the names of all streams below a prefix, sorted."""
        below = f"{prefix}/"
        paths = (*self._place.live(prefix), *self._files.listed(join(RAW, prefix)))
        raw = {stream_of(path) for path in paths}
        compacted = self._ledger.head().state.streams
        return sorted({name for name in (*raw, *compacted) if name == prefix or name.startswith(below)})

    def flush(self) -> None:
        """Bring everything into the store: uploaded, or synced to the disk."""
        with explained("flush the journal", self._store):
            self._place.flush()
            self._files.sync()

    @property
    def folder(self) -> Path | None:
        """Where segments lie as files; None: in memory."""
        return self._place.root

    def flush_outside(self) -> None:
        """Flush, if records do not lie in the store from the beginning."""
        if not self._is_local:
            self.flush()

    def tend(self) -> None:
        """Do what must not wait for a flush; cheap, to be called every second or so."""
        with explained("tend the journal", self._store):
            self._place.tend()

    def recover(self) -> int:
        """Upload what processes that died left on this machine; return how many segments."""
        with explained("recover recorded events", self._store):
            return self._place.recover()

    def close(self) -> None:
        """Flush, and refuse to record any more."""
        self._is_closed = True
        with self._lock:
            for appender in self._appenders.values():
                appender.close()
        self.flush()

    @contextlib.contextmanager
    def sealed(self, prefix: str, *, limit_bytes: int = 256 << 20) -> Generator[Reading]:
        """Give the parts that nobody writes to any more; none if somebody on this machine compacts them now.

        Args:
            prefix: which streams.
            limit_bytes: about how much of raw files to take at once.

        Raises:
            StoreError: if the store fails, or somebody elsewhere compacted them meanwhile.
        """
        folder = join(RAW, prefix)
        local = self._store.local_path(folder)
        with explained(f"compact {prefix}", self._store), contextlib.ExitStack() as lock:
            if local is not None and lock.enter_context(alone(local / _LOCK, flags=os.O_CREAT)) is None:
                yield Reading({}, 0, {})
                return
            listed = self._files.listed(folder)
            state = self._ledger.head().state
            new = [path for path in listed if not state.stream(stream_of(path)).has(path)]
            paths: list[str] = []
            taken = 0
            for path, size in zip(new, together(self._store, self._files.size, new), strict=True):
                if size is not None and taken < limit_bytes and self._is_sealed(path):
                    paths.append(path)
                    taken += size
            yield self._open(prefix, paths, {}, state)

    def replace(self, changes: Sequence[Change], summarize: Summarize | None = None) -> bool:
        """Let new blocks take the place of the parts they were made from, all at once.

        Returns:
            Whether it was done; False if somebody else compacted some of the parts first.
        """
        begun = time.time()
        written: list[str] = []
        try:
            events = [self._write_blocks(change, summarize, written) for change in changes]
        except FileNotFoundError:  # a part that they are made from
            self._delete(written)
            return False
        except Exception:
            self._delete(written)
            raise

        def decide(head: Head[JournalState]) -> Sequence[Compacted]:
            is_late = abs(time.time() - begun) >= GRACE_SECONDS  # they may have been swept as nobody's
            return () if is_late or not _still_stands(head.state, events) else events

        is_done = bool(self._ledger.append(decide).events)
        replaced = [path for event in events for path in (*event.removed, *event.covered)]
        self._delete(replaced if is_done else written)
        self._sweeper.sweep()
        return is_done

    def _delete(self, paths: Sequence[str]) -> None:
        for _ in together(self._store, self._files.delete, paths):
            pass

    def _read(self, prefix: str) -> Reading:
        """Look at the places in the order in which records move through them, so that none is missed."""
        live = self._place.live(prefix)
        return self._open(prefix, self._files.listed(join(RAW, prefix)), live, self._ledger.head().state)

    def _open(
        self,
        prefix: str,
        paths: Iterable[str],
        live: Mapping[str, Callable[[], Buffer]],
        state: JournalState,
    ) -> Reading:
        below = f"{prefix}/"
        parts: dict[str, list[Part]] = {}
        known: set[str] = set()
        for stream, found in state.streams.items():
            if stream == prefix or stream.startswith(below):
                parts[stream] = [self._files.block_part(ref, stream) for ref in found.blocks]
                known.update(found.covered, (ref.path for ref in found.blocks))

        def read(path: str) -> tuple[Part, int] | StoreError | None:
            try:
                return self._files.raw_part(path, live.get(path))
            except NewerSchemaError:
                raise
            except StoreError as error:
                return error

        torn = 0
        damaged: dict[str, str] = {}
        raw = sorted({*live, *paths} - known)  # by stream, then in the order in which they were begun
        for path, opened in zip(raw, together(self._store, read, raw), strict=True):
            if isinstance(opened, StoreError):
                damaged[path] = self._files.damaged(path, opened)
            elif opened is not None:
                part, torn_here = opened
                torn += torn_here
                parts.setdefault(part.stream, []).append(part)
        return Reading(parts, torn, damaged)

    def _write_blocks(self, change: Change, summarize: Summarize | None, written: list[str]) -> Compacted:
        state = self._ledger.head().state.stream(change.stream)
        sources = None if self._is_local else self._arrivals.sources(change.sources)
        added: list[BlockRef] = []
        for part in change.adopted:
            self._files.summarize(part.path, part.load(), summarize)
            added.append(BlockRef(path=part.path, rows=part.rows, since=part.since, until=part.until))
        for table in change.tables:
            path = join(BLOCKS, change.stream, f"{new_name()}.col")
            written.append(path)
            added.append(self._files.write_block(path, change.stream, table, sources, summarize))
        gone = state.covered.keys() - set(self._files.listed(join(RAW, change.stream)))
        deadline = now(self._clock) - _REMEMBERED
        return Compacted(
            stream=change.stream,
            added=tuple(added),
            removed=tuple(part.path for part in change.sources if part.is_block),
            covered=tuple(part.path for part in change.sources if not part.is_block),
            forgotten=tuple(sorted(path for path in gone if state.covered[path] < deadline)),
        )

    def _is_sealed(self, path: str) -> bool:
        """Return whether nobody writes to a raw file any more; one whose writer never began is deleted."""
        local = self._store.local_path(path)
        if local is None or not path.endswith(".seg"):
            return True
        with alone(local) as descriptor:
            if descriptor is None:
                return False
            with local.open("rb") as file:
                is_begun = any(file.read(8)) or any(file.read())
            if not is_begun:
                local.unlink(missing_ok=True)  # still locked: a writer that is about to begin notices
            return is_begun


def _place_for(store: Store, arrivals: Arrivals) -> Place:
    local = store.local_path(RAW)
    if local is not None:
        return InPlace(local.parent.parent)
    if not store.guarantees().durable:
        return in_process(store)
    place = Spooled(store, spool_for(store), arrivals)
    recover_at_exit(place)
    return place


def _still_stands(state: JournalState, events: Iterable[Compacted]) -> bool:
    """Return whether everything that these events replace, or adopt, is still there and counted as it was."""
    for event in events:
        stream = state.stream(event.stream)
        blocks = {ref.path for ref in stream.blocks}
        raw = {*event.covered, *(ref.path for ref in event.added)}
        if not blocks.issuperset(event.removed) or raw & (blocks | stream.covered.keys()):
            return False
    return True
