"""Many operations that do not depend on each other: at once, where each of them waits for a network."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from mlprod.storage._remote import FsspecStore
from mlprod.storage._store import Store

__all__ = ["together"]

A = TypeVar("A")
T = TypeVar("T")

_AT_ONCE: Final = 16


def together(store: Store, operation: Callable[[A], T], arguments: Sequence[A]) -> Iterable[T]:
    """Give what the operation returns for each argument, in their order; the first failure is raised.

    On a folder or in memory nothing is waited for: one is done when it is asked for, after the other.
    """
    if len(arguments) < 2 or not isinstance(store, FsspecStore):  # noqa: PLR2004 - nothing to do at once
        return map(operation, arguments)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most programs need none

    try:
        with ThreadPoolExecutor(min(len(arguments), _AT_ONCE), thread_name_prefix="mlprod") as threads:
            return list(threads.map(operation, arguments))
    except RuntimeError as error:
        if "shutdown" not in str(error) and "start new thread" not in str(error):
            raise
        return map(operation, arguments)  # the interpreter is about to end, or there are as many as may be
