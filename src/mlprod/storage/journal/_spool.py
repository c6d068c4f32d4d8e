"""The spool: where segments for a remote store are written first, on this machine."""

import contextlib
import functools
import hashlib
import logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final, final

from mlprod.storage._store import Store, explained, is_path, join
from mlprod.storage._together import together
from mlprod.storage.journal._appender import RAW
from mlprod.storage.journal._arrivals import Arrivals
from mlprod.storage.journal._disk import mapped
from mlprod.storage.journal._lock import alone
from mlprod.storage.journal._open_segment import FinishedSegment
from mlprod.storage.journal._place import Leaving
from mlprod.typing import Buffer

__all__ = ["Spooled", "spool_for"]

_log = logging.getLogger("mlprod.storage")

SPOOL_VARIABLE: Final = "MLPROD_SPOOL"
_SENT = ".sent"


@final
class Spooled(Leaving):
    """For a remote store: segments are files of a local folder until they are uploaded.

    What a process that died left there is uploaded by the next one that uses the same store on this
    machine. An empty file beside a segment says that it was sent, and perhaps has arrived.
    """

    def __init__(self, store: Store, folder: Path, arrivals: Arrivals) -> None:
        """Name the store, the folder for its segments, and who knows what has arrived."""
        self._store = store
        self._folder = folder
        self._arrivals = arrivals
        self._sent: set[str] = set()
        super().__init__()

    @property
    def root(self) -> Path:
        """The spool."""
        return self._folder

    def renew(self) -> None:
        """Leave the segments of the parent to it."""
        super().renew()
        self._segments.clear()

    def tend(self) -> None:
        """Upload the segments that are full, and those whose files were deleted."""
        for appender in self._living():
            if appender.is_deleted():
                appender.leave()
        super().tend()

    def live(self, prefix: str) -> dict[str, Callable[[], Buffer]]:
        """Return what is in the spool of this machine, whichever process wrote it."""
        below = f"{join(RAW, prefix)}/"
        leaving = list(self._segments.items())
        found: dict[str, Callable[[], Buffer]] = {
            path: functools.partial(mapped, file) for path, file in self._files(prefix)
        }
        found.update({path: segment.contents for path, segment in leaving if path.startswith(below)})
        return {path: read for path, read in found.items() if not self.has_arrived(path)}

    def recover(self, *, keep: Collection[str] = ()) -> int:
        """Upload what processes that died left behind, but for the segments to keep; return how many."""
        recovered = 0
        for path, file in list(self._files("")):
            if path in keep:
                continue
            with alone(file) as descriptor:
                if descriptor is not None and (raw := _readable(file)) is not None:
                    recovered += self._upload(path, raw)
        for marker in self.stale_marks():
            marker.unlink(missing_ok=True)
        return recovered

    def left_behind(self) -> list[str]:
        """Return the segments that nobody writes to any more."""
        found: list[str] = []
        for path, file in list(self._files("")):
            with alone(file) as descriptor:
                found.extend([path] if descriptor is not None else [])
        return found

    def stale_marks(self) -> list[Path]:
        """Return the marks of segments that are gone: deleted, or a crash came between the two deletions."""
        return [
            marker for marker in list(self._folder.rglob(f"*{_SENT}")) if not marker.with_suffix("").exists()
        ]

    def was_sent(self, path: str) -> bool:
        """Return whether a segment was sent before, and has perhaps arrived."""
        return path in self._sent or (self._folder / (path + _SENT)).exists()

    def has_arrived(self, path: str) -> bool:
        """Return whether a segment was sent before, and is in the store now."""
        return self.was_sent(path) and self._arrivals.has(path)

    def _put_each(self, segments: Sequence[FinishedSegment]) -> None:
        """Upload segments at once."""
        for _ in together(self._store, self._put_and_let_go, segments):
            pass

    def _put(self, segment: FinishedSegment) -> None:
        self._upload(segment.path, segment.contents())

    def _upload(self, path: str, raw: bytes) -> bool:
        """Put a segment into the store, unless it holds nothing or is there already; return whether."""
        file = self._folder / path
        marker = file.with_name(file.name + _SENT)
        is_needed = any(raw) and not self.has_arrived(path)
        if is_needed:
            self._sent.add(path)
            with contextlib.suppress(OSError):  # somebody deleted the spool, or the disk is full
                marker.touch()
            with explained("upload recorded events (they are kept on this machine until then)", self._store):
                self._store.put(path, raw)
        file.unlink(missing_ok=True)
        marker.unlink(missing_ok=True)
        self._sent.discard(path)
        return is_needed

    def _files(self, prefix: str) -> Iterator[tuple[str, Path]]:
        for directory, _, names in os.walk(self._folder / (join(RAW, prefix) if prefix else RAW)):
            for name in sorted(names):
                file = Path(directory) / name
                path = file.relative_to(self._folder).as_posix()
                if path.endswith(".seg") and is_path(path):
                    yield path, file


def spool_for(store: Store) -> Path:
    """Return the folder on this machine for the segments of a store.

    Two services may have buckets of one name: what is for one must not be uploaded to the other.
    """
    readable = re.sub(r"[^A-Za-z0-9-]+", "-", store.url).strip("-")[:60]
    identity = " ".join(filter(None, (store.url, getattr(store, "endpoint", ""))))
    name = f"{readable}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    named = os.environ.get(SPOOL_VARIABLE)
    if named:
        return Path(named).expanduser().absolute() / name
    state = os.environ.get("XDG_STATE_HOME")
    folder = Path(state) if state else Path("~/.local/state").expanduser()
    return folder / "mlprod" / "spool" / name


def _readable(file: Path) -> bytes | None:
    """Return a file, None if the disk does not give it: the others must not wait for it."""
    try:
        return file.read_bytes()
    except OSError as error:
        _log.warning("cannot read %s, which stays where it is: %s", file, error)
        return None
