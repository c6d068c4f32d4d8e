"""Where drift lies in a store: files that are named by their time, so that the names are in its order."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from mlprod.drift._subject import Subject
from mlprod.errors import StoreError
from mlprod.storage import Store, join, together

__all__ = ["ROOT", "dated", "dated_path", "is_dated", "name_of", "newest_of_each", "read_newest", "stamp"]

T = TypeVar("T")

ROOT: Final = "drift"

_DATED = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{16}\.(json|safetensors)")


def stamp(moment: datetime) -> str:
    """Return a time as the beginning of a name."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def dated_path(kind: str, subject: Subject, moment: datetime, token: str) -> str:
    """Return the path of a file of some kind that is about a model; `token` is 16 hexadecimal digits."""
    return join(ROOT, kind, subject.folder, f"{stamp(moment)}-{token}.json")


def is_dated(path: str) -> bool:
    """Return whether a file is named by its time."""
    return _DATED.fullmatch(name_of(path)) is not None


def dated(store: Store, kind: str, subject: Subject) -> Sequence[str]:
    """Return the paths of a version, or of all versions where the subject has none; the oldest first."""
    folder = join(ROOT, kind, subject.name if subject.version is None else subject.folder)
    return sorted((path for path in store.list(folder) if is_dated(path)), key=name_of)


def newest_of_each(
    store: Store, kind: str, count: int = 1, *, acting: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """Return the paths of the newest files of each model, whatever its version; the oldest first.

    Args:
        store: where to look.
        kind: of file.
        count: at most so many of each model.
        acting: of some models, the version whose files come before those of all others.
    """
    versions = acting or {}
    found: dict[str, list[str]] = {}
    for path in store.list(join(ROOT, kind)):
        if is_dated(path):
            found.setdefault(path.split("/")[2], []).append(path)

    def rank(path: str) -> tuple[bool, str]:
        _, _, model, version, name = path.split("/")
        return versions.get(model) == version, name

    return {model: sorted(paths, key=rank)[-count:] for model, paths in found.items()}


def read_newest(
    store: Store,
    read: Callable[[str], T],
    newest: Mapping[str, Sequence[str]],
    on_unreadable: Callable[[str, str], object] | None,
) -> dict[str, list[T]]:
    """Return what the files of each model hold, in their order.

    Args:
        store: where they are.
        read: returns what a file holds.
        newest: the paths of each model.
        on_unreadable: told the model and why, for each file that cannot be read and is left out; None: it
            raises.
    """

    def one(owned: tuple[str, str]) -> tuple[str, T] | None:
        model, path = owned
        try:
            return model, read(path)
        except StoreError as error:
            if on_unreadable is None:
                raise
            on_unreadable(model, str(error))
            return None

    found: dict[str, list[T]] = {}
    for each in together(store, one, [(model, path) for model, paths in newest.items() for path in paths]):
        if each is not None:
            found.setdefault(each[0], []).append(each[1])
    return found


def name_of(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]
