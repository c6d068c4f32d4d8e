"""One question about many models, or experiments: damage to the files of one hides no other."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from mlprod.errors import StoreError
from mlprod.storage import join
from mlprod.storage.journal import Journal, Reading

__all__ = ["asked_of_each"]

T = TypeVar("T")


def asked_of_each(
    journal: Journal,
    root: str,
    ask: Callable[[Mapping[str, Reading]], list[T]],
    on_unreadable: Callable[[str, str], object] | None,
) -> list[T]:
    """Ask about all owners from one reading; if that fails, about each of them alone.

    Args:
        journal: which.
        root: the first part of the names of their streams; the second part is the owner.
        ask: returns the answers about the owners of which it is given a reading.
        on_unreadable: told the owner and why, for each file that cannot be read; None: what fails, raises.

    Raises:
        StoreError: if the journal itself cannot be read, or a file, and nobody wants to be told.
    """

    def below(prefix: str) -> list[T]:
        answers, readings = journal.query(prefix, lambda found: (ask(readings := found.by_owner()), readings))
        if on_unreadable is not None:
            for owner, reading in readings.items():
                for why in reading.damaged.values():
                    on_unreadable(owner, why)
        return answers

    try:
        return below(root)
    except StoreError:
        if on_unreadable is None:
            raise
    answers: list[T] = []
    for owner in dict.fromkeys(stream.split("/")[1] for stream in journal.streams(root)):
        try:
            answers += below(join(root, owner))
        except StoreError as error:
            on_unreadable(owner, str(error))
    return answers
