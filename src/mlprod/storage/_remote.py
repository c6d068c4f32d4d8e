"""A store on any filesystem that fsspec reaches."""

import contextlib
import errno
import itertools
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from pathlib import Path
from typing import Any, Final, TypeVar, final

import attrs

from mlprod.errors import AtomicCreateUnsupportedError
from mlprod.storage._answers import as_os_errors, is_refused_create, no_bucket, wait_seconds
from mlprod.storage._clients import CONDITIONAL_WRITE, TELLS_NO_BUCKET, open_filesystem, write_seconds
from mlprod.storage._renaming import files_below, is_there, partial_before, renamed
from mlprod.storage._retry import RetryPolicy
from mlprod.storage._store import Guarantees, as_chunks, check_path, is_path, sole_writer
from mlprod.storage._urls import without_secrets
from mlprod.typing import Buffer, Chunks

__all__ = ["HELD_BYTES", "PART_BYTES", "FsspecStore"]

T = TypeVar("T")

HELD_BYTES: Final = 64 << 20  # more than this is written while the rest is still being made
PART_BYTES: Final = 16 << 20


@final
class FsspecStore:
    """Files below a path of an fsspec filesystem.

    S3, GCS and Azure create through a conditional write. Other filesystems have no atomic create;
    there, `single_writer` is the caller's word that no other process writes.
    """

    def __init__(
        self,
        protocol: str,
        root: str,
        *,
        host: str = "",
        single_writer: bool = False,
        retry: RetryPolicy | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Name the place; nothing is contacted yet.

        Args:
            protocol: fsspec's name of the filesystem, e.g. ``"s3"``.
            root: the path below which everything lies, e.g. ``"bucket/prefix"``.
            host: to be shown in the URL.
            single_writer: the caller's word that no other process writes to this store.
            retry: when to try again; None is `RetryPolicy()`.
            storage_options: passed to the filesystem, e.g. ``{"endpoint_url": …}``.
        """
        self._protocol = protocol
        self._root = root.rstrip("/")
        self._host = host
        self._single_writer = single_writer
        self._retry = retry or RetryPolicy()
        self._options: dict[str, Any] = dict(storage_options or {})
        self._decides = protocol in CONDITIONAL_WRITE
        self._bucket = self._root.partition("/")[0]
        self._has_seen_bucket = protocol not in TELLS_NO_BUCKET
        self._connections: dict[int, _Connection] = {}

    def __repr__(self) -> str:
        """Show where it lies, without the options, which may hold secrets."""
        return f"FsspecStore({self.url!r})"

    @property
    def url(self) -> str:
        """``protocol://root``, or ``protocol://host/root``, without a query, which may be a signature."""
        root = self._root.removeprefix(f"{self._protocol}://")  # which fsspec leaves before that of HTTP
        return without_secrets(f"{self._protocol}://{self._host}{root}")

    @property
    def endpoint(self) -> str:
        """Which service answers, if it is not the one that the protocol is named after."""
        client: Any = self._options.get("client_kwargs") or {}
        return str(self._options.get("endpoint_url") or client.get("endpoint_url", ""))

    def guarantees(self) -> Guarantees:
        """Depends on the filesystem: see `Guarantees.note`."""
        if self._decides:
            return Guarantees(
                atomic_create=True,
                durable=True,
                multi_writer=True,
                note=f"atomic through the conditional writes of {self._protocol}, durable as the service is",
            )
        note = (
            f"{self._protocol} has no atomic create; right only as long as no other process writes here"
            if self._single_writer
            else f"{self._protocol} has no atomic create; decisions are refused without single_writer=True"
        )
        return Guarantees(atomic_create=False, durable=True, multi_writer=False, note=note)

    def get(self, path: str) -> bytes:
        """Return all bytes of a file."""
        target = self._at(path)
        try:
            data: bytes = self._do(f"read {path}", lambda filesystem: filesystem.cat_file(target))
        except FileNotFoundError:
            self._check_bucket()
            raise
        return data

    def get_parts(self, path: str, size: int) -> Iterator[bytes]:
        """Yield a file that is never replaced in parts of 16 MiB, each tried again by itself.

        Args:
            path: of the file.
            size: how many bytes it has.
        """
        target = self._at(path)
        for start in range(0, size, PART_BYTES):
            stop = min(start + PART_BYTES, size)
            part: bytes = self._do(
                f"read {path} from byte {start:,}",
                methodcaller("cat_file", target, start=start, end=stop),
            )
            if len(part) != stop - start:
                raise OSError(
                    errno.EIO, f"asked for bytes {start:,} to {stop:,} the service sent {len(part):,}", path
                )
            yield part

    def put(self, path: str, data: Buffer | Chunks) -> None:
        """Write or replace a file."""
        target = self._at(path)
        with as_os_errors(self._bucket):
            held, rest = _held(as_chunks(data))
        if rest is None:
            whole = b"".join(held)
            self._do(f"write {path}", lambda fs: self._write(fs, target, whole))
            return
        filesystem = self._retry.call(
            self._open_for_parts, f"write {path} in {self.url}", wait_seconds=wait_seconds
        )
        with as_os_errors(self._bucket):  # what is gone by cannot be sent again
            if self._decides:
                _stream(filesystem, target, itertools.chain(held, rest))
            else:
                renamed(filesystem, target, lambda at: _stream(filesystem, at, itertools.chain(held, rest)))

    def create(self, path: str, data: bytes) -> None:
        """Write a file if there is none.

        If the answer to a write was lost, the next attempt may find that very file, and report one.
        """
        target = self._at(path)
        if self._decides:
            self._do(f"create {path}", lambda fs: _create(fs, target, data, self._patience_seconds(data)))
        elif self._single_writer:
            with sole_writer():
                self._do(f"create {path}", lambda fs: self._write_if_absent(fs, target, data))
        else:
            raise AtomicCreateUnsupportedError(
                f"{self.url} has no atomic create, so two writers could both believe they had won; "
                "if no other process writes here, say so: open_store(url, single_writer=True)"
            )

    def list(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder."""
        target = self._at(folder)
        parent, _, name = target.rpartition("/")

        def find(filesystem: Any) -> Any:  # noqa: ANN401 - fsspec is untyped
            filesystem.invalidate_cache()
            if not self._decides:
                return [info["name"] for info in files_below(filesystem, target)]
            # Without a prefix an empty folder is looked at as a file, too.
            return filesystem.find(parent, prefix=f"{name}/")

        try:
            found = self._do(f"list {folder}", find)
        except FileNotFoundError:  # what is empty is there all the same
            raise no_bucket(self._bucket) from None
        if not found:
            self._check_bucket()
        below = f"{folder}/"
        names = (str(each).lstrip("/").removeprefix(f"{self._root.lstrip('/')}/") for each in found)
        return sorted(path for path in names if path.startswith(below) and is_path(path))

    def delete(self, path: str) -> None:
        """Remove a file."""
        target = self._at(path)
        with contextlib.suppress(FileNotFoundError):
            self._do(f"delete {path}", lambda fs: fs.rm_file(target))

    def size(self, path: str) -> int:
        """Return the number of bytes of a file."""
        target = self._at(path)
        return int(self._do(f"measure {path}", lambda fs: fs.size(target)))

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 - part of the protocol
        """Return None: nothing lies on a local disk."""
        return None

    def discard_partial(self, *, older_than_seconds: float) -> int:
        """Remove temporary files that a crash left behind.

        Object stores have none: they expire unfinished uploads by their own lifecycle rules.
        """
        if self._decides:
            return 0
        deadline = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        stale = self._do("list partial writes", lambda fs: partial_before(fs, self._root, deadline))
        for name in stale:
            self._do(f"delete {name}", methodcaller("rm_file", name))
        return len(stale)

    def _do(self, what: str, operation: Callable[[Any], T]) -> T:
        """Do something with the filesystem, again where that can help; all failures are `OSError`."""

        def attempt() -> T:
            with self._connected() as filesystem:
                return operation(filesystem)

        return self._retry.call(attempt, f"{what} in {self.url}", wait_seconds=wait_seconds)

    @contextlib.contextmanager
    def _connected(self) -> Generator[Any]:
        """Give the filesystem of this process: a forked child must not use its parent's connections."""
        process = os.getpid()
        connection = self._connections.get(process)
        if connection is None:
            with as_os_errors(self._bucket):
                opened = _Connection(open_filesystem(self._protocol, self._options), threading.Lock())
            connection = self._connections.setdefault(process, opened)  # another thread may be faster
        with contextlib.nullcontext() if self._decides else connection.lock:
            try:
                with as_os_errors(self._bucket):
                    yield connection.filesystem
            except OSError as error:
                # An object store keeps a pool of connections, but reads its credentials only once.
                is_lost = wait_seconds(error) is not None
                is_over = isinstance(error, PermissionError) if self._decides else is_lost
                if is_over and self._connections.get(process) is connection:
                    self._connections.pop(process, None)  # unless another thread has replaced it
                raise

    def _open_for_parts(self) -> Any:  # noqa: ANN401 - fsspec is untyped
        """Open a filesystem for one long write alone: the pieces of it may be read from this very store."""
        with as_os_errors(self._bucket):
            return open_filesystem(self._protocol, self._options, tries_again=True)

    def _patience_seconds(self, data: bytes) -> float:
        return write_seconds(self._options, len(data))

    def _at(self, path: str) -> str:
        return f"{self._root}/{check_path(path)}"

    def _check_bucket(self) -> None:
        """Make sure, once, that it is a file that was not found: some clients say as much of a bucket."""
        if self._has_seen_bucket:
            return
        try:
            with contextlib.suppress(PermissionError):  # one may be allowed to read files and nothing else
                self._do(f"look for the bucket {self._bucket}", lambda fs: fs.info(self._bucket))
        except FileNotFoundError:
            raise no_bucket(self._bucket) from None
        self._has_seen_bucket = True

    def _write(self, filesystem: Any, target: str, data: bytes) -> None:  # noqa: ANN401
        if self._decides:
            filesystem.pipe_file(target, data, timeout=self._patience_seconds(data))
        else:
            renamed(filesystem, target, lambda at: filesystem.pipe_file(at, data))

    def _write_if_absent(self, filesystem: Any, target: str, data: bytes) -> None:  # noqa: ANN401
        if is_there(filesystem, target):
            raise FileExistsError(target)
        self._write(filesystem, target, data)


@final
@attrs.frozen
class _Connection:
    """A filesystem, and who uses it if it can do one thing at a time."""

    filesystem: Any
    lock: threading.Lock


def _held(chunks: Chunks) -> tuple[list[Buffer], Iterator[Buffer] | None]:
    """Return the first pieces, and the others if these are too many bytes to be held."""
    held, total, rest = list[Buffer](), 0, iter(chunks)
    while total <= HELD_BYTES:
        chunk = next(rest, None)
        if chunk is None:
            return held, None
        held.append(chunk)
        total += len(chunk)
    return held, rest


def _create(filesystem: Any, target: str, data: bytes, patience_seconds: float) -> None:  # noqa: ANN401
    try:
        filesystem.pipe_file(target, data, mode="create", timeout=patience_seconds)
    except OSError as error:
        if is_refused_create(error):
            raise FileExistsError(target) from error
        if isinstance(error, FileExistsError):  # it is not there: another write is under way
            raise BlockingIOError(errno.EBUSY, f"a conflicting write of {target} is under way") from error
        raise


def _stream(filesystem: Any, target: str, chunks: Chunks) -> None:  # noqa: ANN401
    """Write piece by piece; if the source or the service fails, nothing is there."""
    file = filesystem.open(target, "wb")
    try:
        for chunk in chunks:
            file.write(chunk)
    except BaseException:
        _abandon(file)
        raise
    file.close()


def _abandon(file: Any) -> None:  # noqa: ANN401
    """Drop a half-written file: closing it, as leaving its ``with`` would, commits the half."""
    with contextlib.suppress(Exception):
        file.discard()
    with contextlib.suppress(Exception):
        file.closed = True
