"""From a URL, a path or a store to a store."""

import os
from typing import Any, TypeAlias

from mlprod.errors import InvalidConfigError, MissingExtraError
from mlprod.storage._local import LocalStore
from mlprod.storage._memory import MemoryStore
from mlprod.storage._remote import FsspecStore
from mlprod.storage._store import Store

__all__ = ["StoreLike", "open_store"]

StoreLike: TypeAlias = str | os.PathLike[str] | Store
"""A URL such as ``s3://bucket/prefix`` or ``memory://name``, a path, or a store."""

_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
}


def open_store(url: StoreLike, *, single_writer: bool = False, **storage_options: Any) -> Store:  # noqa: ANN401
    """Open a store; nothing is made or contacted before the first use.

    Args:
        url: ``"s3://bucket/prefix"`` or any other URL that fsspec knows, ``"memory://name"``, a path,
            or a store, which is returned as it is.
        single_writer: your word that no other process writes there; needed on backends without an
            atomic create, such as SFTP, or a disk without hard links.
        **storage_options: passed to the fsspec filesystem, e.g. ``endpoint_url=…`` or ``key=…``.

    Returns:
        The store; ask its `guarantees()` what it promises.

    Raises:
        InvalidConfigError: if fsspec knows no such protocol, or options make no sense there.
        MissingExtraError: if the protocol's package is not installed.

    Example:
        >>> store = open_store("memory://example")
        >>> store.create("greeting", b"hello")
        >>> store.get("greeting")
        b'hello'
        >>> store.guarantees().durable
        False
    """
    if not isinstance(url, str | os.PathLike):
        _refuse_options(url.url, storage_options)
        return url
    text = os.fspath(url)
    if not text:
        raise InvalidConfigError(
            "the store's URL is empty; pass a path, or a URL such as 's3://bucket/prefix'"
        )
    protocol, separator, rest = text.partition("://")
    if not separator or protocol in {"file", "local"}:
        _refuse_options(text, storage_options)
        return LocalStore(rest if separator else text, single_writer=single_writer)
    if protocol == "memory":
        _refuse_options(text, storage_options)
        return MemoryStore.named(rest.strip("/"))
    _check_protocol(protocol, text)
    return FsspecStore(protocol, rest, single_writer=single_writer, storage_options=storage_options)


def _refuse_options(url: str, storage_options: dict[str, Any]) -> None:
    if storage_options:
        raise InvalidConfigError(
            f"the store {url} takes no storage options, but got: {', '.join(sorted(storage_options))}"
        )


def _check_protocol(protocol: str, url: str) -> None:
    from fsspec.registry import get_filesystem_class

    if "::" in url:
        raise InvalidConfigError(
            f"{url} chains filesystems; a cache in between would show old decisions. Name the last one alone"
        )
    try:
        get_filesystem_class(protocol)
    except ValueError as error:
        raise InvalidConfigError(
            f"{url}: fsspec knows no protocol {protocol!r}; is it installed, and spelled right?"
        ) from error
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        package = f"'mlprod[{extra}]'" if extra else "the package that fsspec names"
        raise MissingExtraError(f"{url} needs another package: pip install {package} ({error})") from error
