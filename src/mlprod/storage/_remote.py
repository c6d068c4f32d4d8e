"""A store on any filesystem that fsspec reaches."""

import contextlib
import errno
import itertools
import os
import secrets
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, final

from mlprod.errors import AtomicCreateUnsupportedError, MLProdError
from mlprod.storage._store import Guarantees, as_chunks, check_path, is_path, sole_writer
from mlprod.typing import Buffer, Chunks

__all__ = ["FsspecStore"]

_CONDITIONAL_WRITE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"}
_STREAM_FROM_BYTES = 64 << 20
_CONFLICT, _PRECONDITION_FAILED = 409, 412  # HTTP
_CREATE_ATTEMPTS = 5


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
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Name the place; nothing is contacted yet.

        Args:
            protocol: fsspec's name of the filesystem, e.g. ``"s3"``.
            root: the path below which everything lies, e.g. ``"bucket/prefix"``.
            host: to be shown in the URL.
            single_writer: the caller's word that no other process writes to this store.
            storage_options: passed to the filesystem, e.g. ``{"endpoint_url": …}``.
        """
        self._protocol = protocol
        self._root = root.rstrip("/")
        self._host = host
        self._single_writer = single_writer
        # Listings must be fresh. Only the object stores know the option; SFTP would send it to its server.
        fresh = {"use_listings_cache": False} if protocol in _CONDITIONAL_WRITE else {}
        self._options: dict[str, Any] = {**fresh, **(storage_options or {})}
        self._opened: tuple[int, Any] | None = None

    def __repr__(self) -> str:
        """Show where it lies, without the options, which may hold secrets."""
        return f"FsspecStore({self.url!r})"

    @property
    def url(self) -> str:
        """``protocol://root``, or ``protocol://host/root``."""
        return f"{self._protocol}://{self._host}{self._root}"

    @property
    def endpoint(self) -> str:
        """Which service answers, if it is not the one that the protocol is named after."""
        client: Any = self._options.get("client_kwargs") or {}
        return str(self._options.get("endpoint_url") or client.get("endpoint_url", ""))

    def guarantees(self) -> Guarantees:
        """Depends on the filesystem: see `Guarantees.note`."""
        if self._protocol in _CONDITIONAL_WRITE:
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
        with _as_os_errors():
            data: bytes = self._filesystem.cat_file(target)
        return data

    def put(self, path: str, data: Buffer | Chunks) -> None:
        """Write or replace a file."""
        target = self._at(path)
        with _as_os_errors():
            if self._protocol in _CONDITIONAL_WRITE:
                self._write(target, as_chunks(data))
            else:
                self._write_and_rename(target, as_chunks(data))

    def create(self, path: str, data: bytes) -> None:
        """Write a file if there is none."""
        target = self._at(path)
        with _as_os_errors():
            if self._protocol in _CONDITIONAL_WRITE:
                self._create_conditionally(target, data)
            elif not self._single_writer:
                raise AtomicCreateUnsupportedError(
                    f"{self.url} has no atomic create, so two writers could both believe they had won; "
                    "if no other process writes here, say so: open_store(url, single_writer=True)"
                )
            else:
                with sole_writer():
                    if self._is_there(target):
                        raise FileExistsError(path)
                    self._write_and_rename(target, (data,))

    def list(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder."""
        target = self._at(folder)
        with _as_os_errors():
            self._filesystem.invalidate_cache()
            found = self._filesystem.find(target)
        names = (str(name).lstrip("/").removeprefix(f"{self._root.lstrip('/')}/") for name in found)
        return sorted(filter(is_path, names))

    def delete(self, path: str) -> None:
        """Remove a file."""
        target = self._at(path)
        with _as_os_errors(), contextlib.suppress(FileNotFoundError):
            self._filesystem.rm_file(target)

    def size(self, path: str) -> int:
        """Return the number of bytes of a file."""
        target = self._at(path)
        with _as_os_errors():
            return int(self._filesystem.size(target))

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 - part of the protocol
        """Return None: nothing lies on a local disk."""
        return None

    def discard_partial(self, *, older_than_seconds: float) -> int:  # noqa: ARG002
        """Return 0: object stores expire unfinished uploads by their own lifecycle rules."""
        return 0

    @property
    def _filesystem(self) -> Any:  # noqa: ANN401 - fsspec is untyped
        """The filesystem of this process: a forked child must not use its parent's connections."""
        opened, process = self._opened, os.getpid()
        if opened is None or opened[0] != process:
            import fsspec

            opened = process, fsspec.filesystem(self._protocol, **self._options)
            self._opened = opened
        return opened[1]

    def _at(self, path: str) -> str:
        return f"{self._root}/{check_path(path)}"

    def _is_there(self, target: str) -> bool:
        """Look; unlike fsspec's ``exists``, which takes every error for a no."""
        try:
            self._filesystem.info(target)
        except FileNotFoundError:
            return False
        return True

    def _create_conditionally(self, target: str, data: bytes) -> None:
        """Create, taking "conflict, try again" (409) at its word for a few times."""
        attempt = 0
        while True:
            attempt += 1
            try:
                self._filesystem.pipe_file(target, data, mode="create")
            except FileExistsError:
                raise
            except OSError as error:
                status = _http_status(error)
                if status == _PRECONDITION_FAILED:
                    raise FileExistsError(target) from error
                if status != _CONFLICT or attempt == _CREATE_ATTEMPTS:
                    raise
                time.sleep(0.05 * attempt)
            else:
                return

    def _write(self, target: str, chunks: Chunks) -> None:
        """Write in one request if it is small, else as a stream that is abandoned if it fails."""
        held, total, rest = list[Buffer](), 0, iter(chunks)
        while total <= _STREAM_FROM_BYTES and (chunk := next(rest, None)) is not None:
            held.append(chunk)
            total += len(chunk)
        if total <= _STREAM_FROM_BYTES:
            self._filesystem.pipe_file(target, b"".join(held))
            return
        file = self._filesystem.open(target, "wb")
        try:
            for chunk in itertools.chain(held, rest):
                file.write(chunk)
        except BaseException:
            _abandon(file)
            raise
        file.close()

    def _write_and_rename(self, target: str, chunks: Chunks) -> None:
        folder, _, _ = target.rpartition("/")
        temporary = f"{folder}/.partial-{secrets.token_hex(8)}"
        self._filesystem.makedirs(folder, exist_ok=True)
        try:
            self._write(temporary, chunks)
            self._filesystem.mv(temporary, target)
        except BaseException:
            with contextlib.suppress(Exception):
                self._filesystem.rm_file(temporary)
            raise


@contextlib.contextmanager
def _as_os_errors() -> Generator[None]:
    """Let every failure of a backend be an `OSError`, whatever its client library raises."""
    try:
        yield
    except (OSError, MLProdError):
        raise
    except Exception as error:
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error


def _http_status(error: BaseException) -> int | None:
    """Find the HTTP status behind an error, which each client library keeps elsewhere."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
        for status in (
            metadata.get("HTTPStatusCode"),
            getattr(seen, "status_code", None),
            getattr(seen, "code", None),
        ):
            if isinstance(status, int):
                return status
        seen = seen.__cause__
    return None


def _abandon(file: Any) -> None:  # noqa: ANN401 - fsspec is untyped
    """Drop a half-written file: closing it, as leaving its ``with`` would, commits the half."""
    with contextlib.suppress(Exception):
        file.discard()
    with contextlib.suppress(Exception):
        file.closed = True
