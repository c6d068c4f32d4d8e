"""A file for others to open, anywhere: on a disk, or wherever fsspec reaches."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from mlprod._names import shorten
from mlprod.errors import InvalidConfigError, StoreError
from mlprod.storage._open import open_store
from mlprod.storage._urls import without_secrets

__all__ = ["publish"]


def publish(place: str | os.PathLike[str], data: bytes, **storage_options: Any) -> str:  # noqa: ANN401
    """Write a file whole, replacing what was there.

    In a bucket it is of the type that its name says, so that a browser opens ``….html`` as a page.

    Args:
        place: a path, or a URL such as ``"s3://bucket/page.html"``.
        data: what to write.
        **storage_options: for the fsspec filesystem.

    Returns:
        The absolute path, or the URL.

    Raises:
        InvalidConfigError: if the place is none, or is a folder.
        StoreError: if it cannot be written.
    """
    text = os.fspath(place) if isinstance(place, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text or text.endswith("/"):
        raise InvalidConfigError(
            f"{shorten(place)} is no file; pass a path, or a URL such as 's3://bucket/a.html'"
        )
    open_store(text, **storage_options)  # says what is wrong with what cannot be opened
    protocol, separator, rest = text.partition("://")
    try:
        if not separator or protocol in {"file", "local"}:
            return _to_disk(Path(rest if separator else text).expanduser().absolute(), data)
        return _to_filesystem(text, data, storage_options)
    except Exception as error:  # client libraries raise what they like
        raise StoreError(
            f"could not write {without_secrets(text)}: {error}; check that it can be reached and written"
        ) from error


def _to_disk(target: Path, data: bytes) -> str:
    temporary = target.with_name(f".partial-{secrets.token_hex(8)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary.write_bytes(data)
        temporary.replace(target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return str(target)


def _to_filesystem(url: str, data: bytes, storage_options: dict[str, Any]) -> str:
    from fsspec.core import url_to_fs

    filesystem, target = url_to_fs(url, **storage_options)
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, target.rpartition("/")[2])
        local.write_bytes(data)
        filesystem.put_file(str(local), target)  # of a file, clients tell the type from its name
    return url
