"""From a URL, a path or a store to a store."""

import os
import re
from typing import Any, Final, TypeAlias, TypeGuard

from mlprod._names import shorten
from mlprod.errors import InvalidConfigError, MissingExtraError
from mlprod.storage._local import LocalStore
from mlprod.storage._memory import MemoryStore
from mlprod.storage._remote import FsspecStore
from mlprod.storage._retry import RetryPolicy
from mlprod.storage._store import Store
from mlprod.storage._urls import has_password, without_secrets

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

_SLIP: Final = re.compile(
    r"(s3a?|gs|gcs|az|abfss?|file|local|memory|sftp|ssh|ftp|https?)(:/?|//)(?!/)", re.IGNORECASE
)
"""A URL with too little behind its protocol; a `Path` makes one of a URL, too. No folder is called so."""


def open_store(
    url: StoreLike,
    *,
    single_writer: bool = False,
    retry: RetryPolicy | None = None,
    **storage_options: Any,  # noqa: ANN401 - whatever the filesystem takes
) -> Store:
    """Open a store; nothing is made or contacted before the first use.

    Args:
        url: ``"s3://bucket/prefix"`` or any other URL that fsspec knows, ``"memory://name"``, a path,
            or a store, which is returned as it is.
        single_writer: your word that no other process writes there; needed on backends without an
            atomic create, such as SFTP, or a disk without hard links.
        retry: when a remote store tries again what failed for a moment; None is `RetryPolicy()`, which
            goes on for half a minute. A folder and memory never do.
        **storage_options: passed to the fsspec filesystem, e.g. ``endpoint_url=…`` or ``key=…``.

    Returns:
        The store; ask its `guarantees()` what it promises.

    Raises:
        InvalidConfigError: if fsspec knows no such protocol, a URL is mistyped as ``s3:/bucket`` or
            ``s3//bucket``, or options make no sense there.
        MissingExtraError: if the protocol's package is not installed.

    Example:
        >>> store = open_store("memory://example")
        >>> store.create("greeting", b"hello")
        >>> store.get("greeting")
        b'hello'
        >>> store.guarantees().durable
        False
    """
    if _is_store(url):
        _refuse_options(url.url, storage_options)
        return url
    text = os.fspath(url) if isinstance(url, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidConfigError(
            f"{shorten(url)} is no store; pass a path, or a URL such as 's3://bucket/prefix'"
        )
    if slip := _SLIP.match(text):
        raise InvalidConfigError(
            f"{without_secrets(text)} is no URL: write {slip[1].lower()}:// with both slashes, as a string "
            f"(a Path keeps one of them); a folder of that name is './{without_secrets(text)}'"
        )
    protocol, separator, rest = text.partition("://")
    if not separator or protocol in {"file", "local"}:
        _refuse_options(text, storage_options)
        try:
            return LocalStore(rest if separator else text, single_writer=single_writer)
        except RuntimeError as error:  # ~nobody
            raise InvalidConfigError(f"the path {shorten(text)} cannot be opened: {error}") from error
    if protocol == "memory":
        _refuse_options(text, storage_options)
        return MemoryStore.named(rest.strip("/"))
    filesystem = _filesystem_class(protocol, text)
    from_url = filesystem._get_kwargs_from_urls(text)  # noqa: SLF001 - fsspec's way for subclasses and callers
    root = filesystem._strip_protocol(text)  # noqa: SLF001
    if has_password(root):  # it would be taken for a part of the name, and be shown with it
        raise InvalidConfigError(
            f"{without_secrets(text)} holds a password, which {protocol} does not take from a URL: pass "
            "credentials as options, or as the service's own settings"
        )
    return FsspecStore(
        protocol,
        root,
        host=str(from_url.get("host", "")),
        single_writer=single_writer,
        retry=retry,
        storage_options={**from_url, **storage_options},
    )


def _is_store(value: object) -> TypeGuard[Store]:
    """Look for the methods as a caller would: `isinstance` is blind to a store that passes calls on."""
    return all(hasattr(value, name) for name in ("url", "get", "put", "create", "list", "delete", "size"))


def _refuse_options(url: str, storage_options: dict[str, Any]) -> None:
    if storage_options:
        raise InvalidConfigError(
            f"the store {url} takes no storage options, but got: {', '.join(sorted(storage_options))}"
        )


def _filesystem_class(protocol: str, url: str) -> Any:  # noqa: ANN401 - fsspec is untyped
    from fsspec.registry import get_filesystem_class

    if "::" in url:
        raise InvalidConfigError(
            f"{without_secrets(url)} chains filesystems; a cache in between would show old decisions. Name "
            "the last one alone"
        )
    try:
        return get_filesystem_class(protocol)
    except ValueError as error:
        raise InvalidConfigError(
            f"{without_secrets(url)}: fsspec knows no protocol {protocol!r}; is it installed, and spelled "
            "right, in small letters?"
        ) from error
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        package = f"'mlprod[{extra}]'" if extra else "the package that fsspec names"
        raise MissingExtraError(
            f"{without_secrets(url)} needs another package: pip install {package} ({error})"
        ) from error
