"""Who still writes to a file: the lock that the system takes back from a process that dies."""

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Final, final

from mlprod.storage.journal._forking import renew_in_children

__all__ = ["alone", "try_lock"]

if sys.platform == "win32":  # pragma: no cover - the locks of Windows
    import msvcrt

    _FAR = 1 << 62

    def try_lock(descriptor: int) -> bool:
        """Lock the open file until its last descriptor is closed; False if another one has it."""
        with contextlib.suppress(OSError):
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            return True
        return False

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock the open file until its last descriptor is closed; False if another one has it."""
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False


@final
class _Held:
    """Descriptors of locks that a forked child inherits, and would hold as long as it lives."""

    def __init__(self) -> None:
        self.descriptors: Final[set[int]] = set()
        renew_in_children(self)

    def renew(self) -> None:
        while self.descriptors:
            os.close(self.descriptors.pop())


_held: Final = _Held()


@contextlib.contextmanager
def alone(path: Path, *, flags: int = 0) -> Generator[int | None]:
    """Lock a file for the time of a block.

    Args:
        path: the file.
        flags: how to open it, e.g. `os.O_CREAT`.

    Yields:
        Its descriptor; None if somebody else has it, it is gone, or this user may not write to it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | flags, 0o666)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        yield None
        return
    _held.descriptors.add(descriptor)
    try:
        yield descriptor if try_lock(descriptor) and path.exists() else None
    finally:
        _held.descriptors.discard(descriptor)
        os.close(descriptor)
