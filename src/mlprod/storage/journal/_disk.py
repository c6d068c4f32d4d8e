"""What is asked of the system about files: to map them, to sync them, whether they are still there."""

import mmap
import os
import threading
from collections import deque
from pathlib import Path
from typing import final

from mlprod.storage.journal._forking import renew_in_children

__all__ = ["Unsynced", "identity_of", "mapped"]


def mapped(path: Path) -> memoryview:
    """Return the contents of a file, read from the disk when they are looked at.

    What is looked at first was there first, also while another process writes: no read of the whole
    file can say that.
    """
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one under the same name; None if it cannot be reached."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@final
class Unsynced:
    """Files that were written, and outlive the process but not yet the loss of power."""

    def __init__(self) -> None:
        """Begin with none."""
        self._paths: deque[Path] = deque()
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Forget who held the lock."""
        self._lock = threading.RLock()

    def add(self, path: Path) -> None:
        """Remember a file."""
        self._paths.append(path)

    def sync(self) -> None:
        """Have the system write all of them to the disk, and wait for it; those that fail are kept."""
        with self._lock:
            while self._paths:
                path = self._paths.popleft()
                try:
                    _sync(path)
                    if os.name != "nt":  # pragma: no branch - NTFS journals its entries
                        _sync(path.parent)
                except BaseException:
                    self._paths.append(path)
                    raise


_FLAGS = os.O_RDWR if os.name == "nt" else os.O_RDONLY  # what the sync of either needs


def _sync(path: Path) -> None:
    """Sync a file or a folder, unless it is gone.

    Not by `mmap.flush`, which does the same and holds up all threads of the process meanwhile.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
