"""A store as `fsck` looks at it: each area is listed once, and nothing can be written."""

import errno
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn, TypeVar, final

from mlprod._progress import SILENT, Tracker
from mlprod.consistency._report import Finding, found
from mlprod.errors import ChecksumError, MLProdError, NewerSchemaError
from mlprod.storage import Guarantees, Store, explained, together
from mlprod.typing import Buffer, Chunks

__all__ = ["Excerpt", "Survey"]

T = TypeVar("T")
A = TypeVar("A")


class _ReadOnly:
    """What refuses every write."""

    def put(self, path: str, data: Buffer | Chunks) -> None:  # noqa: ARG002
        _refuse(path)

    def create(self, path: str, data: bytes) -> None:  # noqa: ARG002
        _refuse(path)

    def delete(self, path: str) -> None:
        _refuse(path)

    def discard_partial(self, *, older_than_seconds: float) -> int:  # noqa: ARG002
        _refuse("partial writes")


def _refuse(path: str) -> NoReturn:
    raise PermissionError(errno.EPERM, "a store that is only looked at", path)


@final
class Survey(_ReadOnly):
    """Counts what is read.

    Attributes:
        is_near: whether a file costs next to nothing to open: in memory, or on a disk where it can be mapped.
        bytes_read: how much was read.
    """

    def __init__(self, store: Store, tracker: Tracker = SILENT) -> None:
        """Name the store, and what counts the files that were looked at; nothing is read yet."""
        self._store = store
        self._tracker = tracker
        self._waiting: set[str] = set()
        self._listed: dict[str, Sequence[str]] = {}
        self._fetched: dict[str, bytes] = {}
        self._lock = threading.Lock()
        # On a folder, `guarantees` tries hard links out: it would write.
        is_local = store.local_path("models") is not None
        self.is_near: Final = is_local or not store.guarantees().durable
        self.bytes_read = 0

    @property
    def url(self) -> str:
        """Where the store lies."""
        return self._store.url

    @property
    def files(self) -> int:
        """How many files were listed."""
        return sum(map(len, self._listed.values()))

    def guarantees(self) -> Guarantees:
        """Those of the store."""
        return self._store.guarantees()

    def get(self, path: str) -> bytes:
        """Return all bytes of a file."""
        data = self._store.get(path)
        self.note(len(data))
        return data

    def list(self, folder: str) -> list[str]:
        """Return the files below a folder as they were when its area was first listed."""
        area, below, _ = folder.partition("/")
        if area not in self._listed:
            with explained(f"list {area}", self._store):
                self._listed[area] = self._store.list(area)
        return [path for path in self._listed[area] if not below or path.startswith(f"{folder}/")]

    def size(self, path: str) -> int:
        """Return the number of bytes of a file."""
        return self._store.size(path)

    def local_path(self, path: str) -> Path | None:
        """Return where the file lies on a local disk."""
        return self._store.local_path(path)

    def check_size(self, path: str, expected: int) -> None:
        """Raise `ChecksumError` if a file has not as many bytes as were written."""
        size = self.size(path)
        if size != expected:
            raise ChecksumError(
                f"{path} in {self.url} has {size:,} bytes, but {expected:,} were written; restore it from a "
                "backup"
            )

    def begin(self) -> None:
        """Expect a look at each file that is listed by now."""
        if self._tracker.is_watched:
            self._waiting.update(path for listed in self._listed.values() for path in listed)
        self._tracker.begin("files", self.files)

    def finish(self) -> None:
        """Count the files of which a look at the name was enough."""
        self._tracker.count(len(self._waiting))

    def note(self, count: int) -> None:
        """Count bytes that were read another way."""
        with self._lock:
            self.bytes_read += count

    def each(self, look: Callable[[A], T], items: Iterable[A]) -> Sequence[T]:
        """Look at each, many at once where every look waits for a network."""
        return tuple(together(self._store, look, tuple(items)))

    def fetch(self, paths: Iterable[str]) -> tuple[dict[str, bytes], Sequence[Finding]]:
        """Return small files, each read once however often it is asked for.

        Those that are gone meanwhile are left out, and so are those that cannot be read: they are findings.
        """
        wanted = list(paths)
        new = [path for path in wanted if path not in self._fetched]

        def look(path: str) -> bytes | Finding | None:
            return self.attempt("unreadable_file", path, lambda: self.get(path))

        results = dict(zip(new, self.each(look, new), strict=True))
        self._fetched.update({path: data for path, data in results.items() if isinstance(data, bytes)})
        return (
            {path: self._fetched[path] for path in wanted if path in self._fetched},
            [result for result in results.values() if isinstance(result, Finding)],
        )

    def attempt(self, kind: str, path: str, read: Callable[[], T], advice: str = "") -> T | Finding | None:
        """Return what was read; None if it is gone meanwhile; a finding of a kind if it is damaged.

        Raises:
            StoreError: if the store as a whole cannot be read.
        """
        try:
            return read()
        except FileNotFoundError:
            return None
        except NewerSchemaError as error:
            return found("newer_schema", path, str(error))
        except (OSError, MLProdError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if isinstance(cause, FileNotFoundError):
                return None
            if not isinstance(cause, OSError):
                return found(kind, path, f"{error}{advice}")
            self._probe()
            return found(
                "unreadable_file",
                path,
                f"{path} in {self.url} could not be read: {cause}. Check the disk and the permissions of the "
                "file, and run fsck again",
            )
        finally:
            self._count(path)

    def _count(self, path: str) -> None:
        """Count a file once, however often it is looked at."""
        with self._lock:
            is_first = path in self._waiting
            self._waiting.discard(path)
        self._tracker.count(is_first)

    def _probe(self) -> None:
        """See whether anything can be read at all."""
        with explained("read anything", self._store):
            self._store.list("models/ledger/snapshots")


@final
class Excerpt(_ReadOnly):
    """Some files of a store, as if there were no others.

    Attributes:
        files: what was read of it.
    """

    def __init__(self, url: str, files: Mapping[str, bytes], *, beyond: Store | None = None) -> None:
        """Take the files, and where to look for others that are asked for; they are not listed."""
        self._url = url
        self._beyond = beyond
        self.files: Final = dict(files)

    @property
    def url(self) -> str:
        """Where the store lies."""
        return self._url

    def guarantees(self) -> Guarantees:
        """Nothing is promised, as nothing is written."""
        return Guarantees(atomic_create=False, durable=False, multi_writer=False, note="only looked at")

    def get(self, path: str) -> bytes:
        """Return all bytes of a file."""
        if path not in self.files:
            if self._beyond is None:
                raise FileNotFoundError(path)
            self.files[path] = self._beyond.get(path)
        return self.files[path]

    def list(self, folder: str) -> list[str]:
        """Return the files below a folder."""
        return sorted(path for path in self.files if path.startswith(f"{folder}/"))

    def size(self, path: str) -> int:
        """Return the number of bytes of a file."""
        return len(self.get(path))

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002
        """Return None."""
        return None
