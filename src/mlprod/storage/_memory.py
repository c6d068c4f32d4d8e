"""A store in the memory of this process, for tests and experiments."""

from pathlib import Path
from typing import ClassVar, final

from mlprod.storage._store import Guarantees, as_chunks, check_path
from mlprod.typing import Buffer, Chunks

__all__ = ["MemoryStore"]


@final
class MemoryStore:
    """A dictionary of files; gone with the process.

    Every dictionary operation used here is atomic, so threads need no lock, and a child made by
    ``fork`` cannot inherit a held one.
    """

    # As with fsspec's own memory filesystem, a name means the same files in the whole process.
    _named: ClassVar[dict[str, "MemoryStore"]] = {}

    def __init__(self, name: str = "") -> None:
        """Make an empty store that shares its files with no other."""
        self._name = name
        self._files: dict[str, tuple[bytes]] = {}

    @classmethod
    def named(cls, name: str) -> "MemoryStore":
        """Return the store of that name in this process."""
        return cls._named.setdefault(name, cls(name))

    def __repr__(self) -> str:
        """Show where it lies."""
        return f"MemoryStore({self._name!r})"

    @property
    def url(self) -> str:
        """``memory://name``."""
        return f"memory://{self._name}"

    def guarantees(self) -> Guarantees:
        """Atomic among threads; nothing outlives the process."""
        return Guarantees(
            atomic_create=True,
            durable=False,
            multi_writer=False,
            note="atomic among the threads of this process; everything is gone when it ends",
        )

    def get(self, path: str) -> bytes:
        """Return all bytes of a file."""
        try:
            return self._files[check_path(path)][0]
        except KeyError:
            raise FileNotFoundError(path) from None

    def put(self, path: str, data: Buffer | Chunks) -> None:
        """Write or replace a file."""
        self._files[check_path(path)] = (b"".join(as_chunks(data)),)

    def create(self, path: str, data: bytes) -> None:
        """Write a file if there is none."""
        entry = (data,)
        if self._files.setdefault(check_path(path), entry) is not entry:
            raise FileExistsError(path)

    def list(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder."""
        inside = f"{check_path(folder)}/"
        return sorted(path for path in tuple(self._files) if path.startswith(inside))

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._files.pop(check_path(path), None)

    def size(self, path: str) -> int:
        """Return the number of bytes of a file."""
        return len(self.get(path))

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 - part of the protocol
        """Return None: nothing lies on a disk."""
        return None

    def discard_partial(self, *, older_than_seconds: float) -> int:  # noqa: ARG002
        """Return 0: a write is whole or absent."""
        return 0
