"""What a child made by ``fork`` must not share with its parent: locks that a thread held, and open files."""

import os
import weakref
from typing import Final, Protocol

__all__ = ["Renewable", "renew_in_children"]


class Renewable(Protocol):
    """Something that a forked child inherits."""

    def renew(self) -> None:
        """Forget what belongs to the parent; called in the child, where no other thread runs."""
        ...


_living: Final[weakref.WeakSet[Renewable]] = weakref.WeakSet()


def renew_in_children(inherited: Renewable) -> None:
    """Have it renewed in every child of this process, as long as it lives."""
    _living.add(inherited)


def _renew_all() -> None:
    for inherited in list(_living):
        inherited.renew()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_renew_all)
