"""Where drift lies in a store: files that are named by their time, so that the names are in its order."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from mlprod.drift._subject import Subject
from mlprod.storage import Store, join

__all__ = ["ROOT", "dated", "dated_path", "is_dated", "name_of", "newest_of_each", "stamp"]

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


def newest_of_each(store: Store, kind: str) -> dict[str, str]:
    """Return the path of the newest file of each model, whatever its version, by the model's name."""
    newest: dict[str, str] = {}
    for path in store.list(join(ROOT, kind)):
        model = path.split("/")[2]
        if is_dated(path) and name_of(path) > name_of(newest.get(model, "")):
            newest[model] = path
    return newest


def name_of(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]
