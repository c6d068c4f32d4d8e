"""Filesystems that can rename, and nothing more: whole files all the same, and what crashes leave there."""

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from mlprod.storage._answers import wait_seconds

__all__ = ["files_below", "is_there", "modified", "partial_before", "renamed"]

_FOLDER_ATTEMPTS = 5
_TEMPORARY = re.compile(r"/\.partial-[0-9a-f]{16}$")
_NEVER = datetime.max.replace(tzinfo=UTC)


def is_there(filesystem: Any, target: str) -> bool:  # noqa: ANN401
    """Look; unlike fsspec's ``exists``, which takes every error for a no."""
    try:
        filesystem.info(target)
    except FileNotFoundError:
        return False
    return True


def files_below(filesystem: Any, folder: str) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    """Give what is known of all files below a folder; to fsspec's ``find``, every error is an empty one."""
    try:
        entries = filesystem.ls(folder, detail=True)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry["type"] != "directory":
            yield entry
        elif entry["name"].rstrip("/") != folder:  # some list a folder in itself
            yield from files_below(filesystem, entry["name"].rstrip("/"))


def renamed(filesystem: Any, target: str, write: Callable[[str], None]) -> None:  # noqa: ANN401
    """Write under another name first, so that nobody sees half of it."""
    folder, _, _ = target.rpartition("/")
    temporary = f"{folder}/.partial-{secrets.token_hex(8)}"
    _make_folder(filesystem, folder)
    try:
        write(temporary)
        filesystem.mv(temporary, target)
    except BaseException:
        with contextlib.suppress(Exception):
            filesystem.rm_file(temporary)
        raise


def _make_folder(filesystem: Any, folder: str) -> None:  # noqa: ANN401
    """Make a folder and those above it; another connection may be making the same ones."""
    for attempt in range(_FOLDER_ATTEMPTS):
        try:
            filesystem.makedirs(folder, exist_ok=True)
        except OSError as error:
            if wait_seconds(error) is not None:
                raise  # the connection is lost
            if attempt == _FOLDER_ATTEMPTS - 1 and not filesystem.isdir(folder):
                raise
        else:
            return


def partial_before(filesystem: Any, folder: str, deadline: datetime) -> list[str]:  # noqa: ANN401
    """Return the temporary files that nobody has written to since then."""
    found = {info["name"]: info for info in files_below(filesystem, folder)}
    return [name for name, info in found.items() if _TEMPORARY.search(name) and modified(info) < deadline]


def modified(info: Mapping[str, Any]) -> datetime:
    """Return when a file was last written; in the far future if its filesystem does not say."""
    found = info.get("mtime")
    moment = datetime.fromtimestamp(found, UTC) if isinstance(found, int | float) else found
    return moment if isinstance(moment, datetime) and moment.tzinfo else _NEVER
