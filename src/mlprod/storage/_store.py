"""What a store must do, and what it may promise."""

import contextlib
import errno
import os
import re
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import attrs

from mlprod._value import Value
from mlprod.errors import StoreError
from mlprod.typing import Buffer, Chunks

__all__ = ["Guarantees", "Store", "as_chunks", "check_path", "explained", "is_path", "join", "sole_writer"]

_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._@~+-]*")


@final
@attrs.frozen
class Guarantees(Value):
    """What a store promises.

    Attributes:
        atomic_create: of several writers that create the same path at once exactly one succeeds,
            and nobody ever sees half a file.
        durable: what was written survives the end of the process and, as far as the medium keeps
            what it was asked to sync, the loss of power.
        multi_writer: several processes may decide on this store at the same time.
        note: the same in a sentence, with what limits it.
    """

    atomic_create: bool
    durable: bool
    multi_writer: bool
    note: str


@runtime_checkable
class Store(Protocol):
    """Named bytes under relative paths such as ``models/ledger/commits/1.json``.

    Methods raise `FileNotFoundError` and `FileExistsError` where they say so, and another
    `OSError` when the backend fails. A path or folder is made of letters, digits and
    ``. _ - @ ~ +``, its parts joined by ``/``, none of them starting with a dot.
    """

    @property
    def url(self) -> str:
        """Where the store lies, as a person would write it."""
        ...

    def guarantees(self) -> Guarantees:
        """Say honestly what this backend gives."""
        ...

    def get(self, path: str) -> bytes:
        """Return all bytes of a file; `FileNotFoundError` if there is none."""
        ...

    def put(self, path: str, data: Buffer | Chunks) -> None:
        """Write a file whole, replacing what was there: the last writer wins."""
        ...

    def create(self, path: str, data: bytes) -> None:
        """Write a file whole if there is none; `FileExistsError` if there is one.

        Raises:
            AtomicCreateUnsupportedError: if the backend cannot do this atomically.
        """
        ...

    def list(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder, sorted; none if there is no such folder.

        Files that others put there under names that are no paths here, such as ``.DS_Store``, are not shown.
        """
        ...

    def delete(self, path: str) -> None:
        """Remove a file; it may be gone already."""
        ...

    def size(self, path: str) -> int:
        """Return the number of bytes of a file; `FileNotFoundError` if there is none."""
        ...

    def local_path(self, path: str) -> Path | None:
        """Return where the file lies on a local disk, or None if it does not lie on one."""
        ...

    def discard_partial(self, *, older_than_seconds: float) -> int:
        """Remove what interrupted writes left behind, e.g. temporary files; return how many."""
        ...


def is_path(path: str) -> bool:
    """Return whether every part of a path may be a file or folder name."""
    return all(map(_SEGMENT.fullmatch, path.split("/")))


def check_path(path: str) -> str:
    """Return the path if it is one; `ValueError` if not."""
    if is_path(path):
        return path
    raise ValueError(f"{path!r} is not a path inside a store")


@final
class _SoleWriter:
    lock = threading.Lock()

    @classmethod
    def renew(cls) -> None:
        cls.lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_SoleWriter.renew)  # another thread may have held it


def sole_writer() -> threading.Lock:
    """Return the lock that makes check-and-write atomic among threads, where no other process writes."""
    return _SoleWriter.lock


def join(*parts: str) -> str:
    """Return the path of these parts."""
    return "/".join(parts)


def as_chunks(data: Buffer | Chunks) -> Chunks:
    """Return the data as pieces, whichever way it was given."""
    if isinstance(data, bytes | bytearray | memoryview):
        return (data,)  # pyright: ignore[reportReturnType] - a memoryview is of bytes here
    return data


_REFUSED = "you may not read or write there: fix the permissions or credentials, or choose another store"
_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space and try again",
    errno.EDQUOT: "the disk quota is used up: free some space and try again",
    errno.EROFS: "it is on a read-only filesystem: choose a writable store",
    errno.EACCES: _REFUSED,
    errno.EPERM: _REFUSED,
    errno.ENXIO: "make it, or correct the URL",
}


@contextlib.contextmanager
def explained(action: str, store: Store) -> Generator[None]:
    """Turn the `OSError` of a backend into a `StoreError` that says what was being done, and where."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "check that the store can be reached and try again")
        raise StoreError(f"could not {action} in {store.url}: {error}; {advice}") from error
