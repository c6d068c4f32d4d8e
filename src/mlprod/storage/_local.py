"""A store in a folder of a local disk: atomic, whole and synced."""

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Generator
from pathlib import Path
from typing import IO, final

from mlprod.errors import AtomicCreateUnsupportedError
from mlprod.storage._store import Guarantees, as_chunks, check_path, is_path, sole_writer
from mlprod.typing import Buffer, Chunks

__all__ = ["LocalStore", "stale_partials"]

_TEMPORARY = ".partial-"
_IS_TEMPORARY = re.compile(r"\.partial-[0-9a-f]{16}(-link)?").fullmatch
_BUFFER_BYTES = 1 << 16  # gathers small pieces; larger ones are written from where they lie
_WRITEBACK_BYTES = 8 << 20
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK}


@final
class LocalStore:
    """Files below a folder, which is made at the first write.

    A file is written under a temporary name in its own folder, synced, and only then linked or
    renamed to its name, so that nobody ever sees half of it.
    """

    def __init__(self, root: str | os.PathLike[str], *, single_writer: bool = False) -> None:
        """Name the folder; nothing is touched yet.

        Args:
            root: the folder; ``~`` is your home.
            single_writer: your word that no other process writes there, for filesystems without hard links.
        """
        self._root = Path(root).expanduser().absolute()
        self._single_writer = single_writer

    def __repr__(self) -> str:
        """Show where it lies."""
        return f"LocalStore({str(self._root)!r})"

    @property
    def url(self) -> str:
        """The absolute path of the folder."""
        return str(self._root)

    def guarantees(self) -> Guarantees:
        """Everything, where hard links work (tried out, if the folder exists)."""
        links = self._links_work()
        note = (
            "atomic through hard links, synced to the disk before a call returns; what the disk itself "
            "loses with the power is lost"
            if links
            else "this filesystem has no hard links, so nothing can be decided here by several writers"
        )
        return Guarantees(atomic_create=links, durable=True, multi_writer=links, note=note)

    def get(self, path: str) -> bytes:
        """Return all bytes of a file."""
        return self._at(path).read_bytes()

    def put(self, path: str, data: Buffer | Chunks) -> None:
        """Write or replace a file."""
        target = self._at(path)
        with self._written(target, as_chunks(data)) as temporary:
            temporary.replace(target)
        _sync_folder(target.parent)

    def create(self, path: str, data: bytes) -> None:
        """Write a file if there is none."""
        target = self._at(path)
        if target.exists():  # spares the loser of a race its syncs; `link` decides
            raise FileExistsError(path)
        with self._written(target, (data,)) as temporary:
            try:
                os.link(temporary, target)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                if not self._single_writer:
                    raise _no_links(self.url) from error
                with sole_writer():
                    if target.exists():
                        raise FileExistsError(path) from error
                    temporary.replace(target)
        _sync_folder(target.parent)

    def list(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder."""
        top = self._at(folder)
        found = (
            (Path(directory) / name).relative_to(self._root).as_posix()
            for directory, _, names in os.walk(top, onerror=_only_if_missing)
            for name in names
        )
        return sorted(filter(is_path, found))

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._at(path).unlink(missing_ok=True)

    def size(self, path: str) -> int:
        """Return the number of bytes of a file."""
        return self._at(path).stat().st_size

    def local_path(self, path: str) -> Path | None:
        """Return the file's own path."""
        return self._at(path)

    def discard_partial(self, *, older_than_seconds: float) -> int:
        """Remove temporary files that a crash left behind."""
        stale = stale_partials(self._root, older_than_seconds=older_than_seconds)
        for file in stale:
            file.unlink(missing_ok=True)
        return len(stale)

    def _at(self, path: str) -> Path:
        return self._root / check_path(path)

    @contextlib.contextmanager
    def _written(self, target: Path, chunks: Chunks) -> Generator[Path]:
        """Give a synced temporary file beside the target, removed on the way out if it is still there."""
        temporary = target.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
        try:
            file = temporary.open("xb", buffering=_BUFFER_BYTES)
        except FileNotFoundError:
            _make_folder(target.parent)
            file = temporary.open("xb", buffering=_BUFFER_BYTES)
        try:
            with file:
                _write(file, chunks)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _links_work(self) -> bool:
        name = f"{_TEMPORARY}{secrets.token_hex(8)}"
        first, second = self._root / name, self._root / f"{name}-link"
        try:
            first.touch()
            os.link(first, second)
        except OSError as error:  # no folder yet, or not ours to write: no evidence against links
            return error.errno not in _NO_LINKS
        finally:
            for file in (first, second):
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)
        return True


def stale_partials(root: Path, *, older_than_seconds: float) -> list[Path]:
    """Return the temporary files below a folder that a crash left behind, sorted."""
    deadline = time.time() - older_than_seconds
    return sorted(
        file
        for directory, _, names in os.walk(root)
        for file in (Path(directory) / name for name in names if _IS_TEMPORARY(name))
        if _modified(file) < deadline
    )


def _no_links(url: str) -> AtomicCreateUnsupportedError:
    return AtomicCreateUnsupportedError(
        f"{url} is on a filesystem without hard links, so two writers could both believe they had won; "
        "choose a folder on another filesystem or, if no other process writes there, say so: "
        "open_store(path, single_writer=True)"
    )


def _write(file: IO[bytes], chunks: Chunks) -> None:
    """Write pieces, and let the disk begin with them while more are made: the sync at the end waits less.

    On Linux the advice that pages are not needed starts their writing. Only clean pages are dropped,
    and these are dirty, so that what was saved stays in the cache.
    """
    begun = written = 0
    for chunk in chunks:
        written += file.write(chunk)
        if written - begun >= _WRITEBACK_BYTES and hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):  # a hint: a filesystem may not know it
                os.posix_fadvise(file.fileno(), begun, written - begun, os.POSIX_FADV_DONTNEED)
            begun = written


def _make_folder(folder: Path) -> None:
    """Make a folder and sync every entry that this adds: a power loss must not drop the path to a file."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for parent in missing:
        _sync_folder(parent.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # pragma: no cover - Windows cannot open folders; NTFS journals its entries
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # its writer finished meanwhile
        return float("inf")


def _only_if_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
