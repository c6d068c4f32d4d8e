"""How the filesystem of each backend is opened: listings fresh, waits bounded, retries left to us."""

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

from mlprod._extras import require

__all__ = ["CONDITIONAL_WRITE", "TELLS_NO_BUCKET", "open_filesystem", "write_seconds"]

_CONNECT_SECONDS: Final = 5
_SILENCE_SECONDS: Final = 15  # between two pieces of an answer; the whole of it may take as long as it takes
_SLOWEST_BYTES_PER_SECOND: Final = 8 << 10  # sixteen at once share a slow line


def open_filesystem(protocol: str, options: Mapping[str, Any], *, tries_again: bool = False) -> Any:  # noqa: ANN401
    """Return an fsspec filesystem of our own, which shares no settings with those of the caller.

    Args:
        protocol: fsspec's name of it.
        options: the caller's, which win.
        tries_again: let the client library retry by itself: only it can repeat a part of a large upload.
    """
    import fsspec

    if protocol in {"sftp", "ssh"}:
        return _open_sftp(options)
    opened = _OBJECT_STORES.get(protocol)
    if opened is None:
        return fsspec.filesystem(protocol, skip_instance_cache=True, **options)
    return opened({"use_listings_cache": False, "skip_instance_cache": True, **options}, tries_again)


def write_seconds(options: Mapping[str, Any], size: int) -> float:
    """Return how long a write to an object store may take.

    The time-outs of the clients begin when all has been sent, and s3fs waits to be told to send: a server
    that takes nothing would be waited for without end.
    """
    config = options.get("config_kwargs") or {}
    silences = (
        options.get("read_timeout"),
        config.get("read_timeout"),
        getattr(options.get("requests_timeout"), "sock_read", None),
    )
    silence = max(filter(None, silences), default=_SILENCE_SECONDS)
    return float(_CONNECT_SECONDS + silence + size / _SLOWEST_BYTES_PER_SECOND)


def _open_sftp(options: Mapping[str, Any]) -> Any:  # noqa: ANN401
    import fsspec

    waits = {"timeout": _CONNECT_SECONDS}
    waits |= dict.fromkeys(("banner_timeout", "auth_timeout", "channel_timeout"), _SILENCE_SECONDS)
    filesystem: Any = fsspec.filesystem("sftp", skip_instance_cache=True, **{**waits, **options})
    silence = options.get("channel_timeout", _SILENCE_SECONDS)
    filesystem.ftp.get_channel().settimeout(silence)  # else paramiko waits without end
    weakref.finalize(filesystem, filesystem.client.close).atexit = False  # else its thread keeps it open
    return filesystem


def _open_s3(options: dict[str, Any], tries_again: bool) -> Any:  # noqa: ANN401, FBT001
    open_it = require("s3fs", extra="s3", purpose="a store on S3").S3FileSystem
    if tries_again:
        return open_it(**options)
    # With more concurrency, s3fs asks for the size of a file before it reads it: two requests instead of one.
    config = {"retries": {"total_max_attempts": 1}, **options.pop("config_kwargs", {})}
    filesystem = open_it(**{"max_concurrency": 1, **options}, config_kwargs=config)
    filesystem.retries = 1
    return filesystem


def _open_gcs(options: dict[str, Any], tries_again: bool) -> Any:  # noqa: ANN401, FBT001
    # Not the experimental class that `gcsfs` exports: it asks for the kind of each bucket through gRPC, and
    # waits for a minute where nobody answers.
    open_it = require("gcsfs.core", extra="gcs", purpose="a store on GCS").GCSFileSystem
    client_timeout = require("aiohttp", extra="gcs", purpose="a store on GCS").ClientTimeout
    timeout = client_timeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
    filesystem = open_it(**{"requests_timeout": timeout, **options})
    request = getattr(open_it._request, "__wrapped__", None)  # noqa: SLF001 - without its retries
    if not tries_again and request is not None:
        filesystem._request = request.__get__(filesystem)  # noqa: SLF001
    return filesystem


def _open_azure(options: dict[str, Any], tries_again: bool) -> Any:  # noqa: ANN401, FBT001
    open_it = require("adlfs", extra="azure", purpose="a store on Azure").AzureBlobFileSystem
    timeouts = {"connection_timeout": _CONNECT_SECONDS, "read_timeout": _SILENCE_SECONDS}
    filesystem = open_it(**{**timeouts, **options})
    if not tries_again:
        for policy in filesystem.service_client._pipeline._impl_policies:  # noqa: SLF001 - adlfs has no option
            if hasattr(policy, "total_retries"):
                policy.total_retries = 0  # else it waits for 15 seconds before it tries again
    return filesystem


_OBJECT_STORES: Final[Mapping[str, Callable[[dict[str, Any], bool], Any]]] = {
    "s3": _open_s3,
    "s3a": _open_s3,
    "gs": _open_gcs,
    "gcs": _open_gcs,
    "abfs": _open_azure,
    "abfss": _open_azure,
    "az": _open_azure,
}

CONDITIONAL_WRITE: Final = frozenset(_OBJECT_STORES)
"""Protocols whose service decides between two writers."""

TELLS_NO_BUCKET: Final = frozenset({"gs", "gcs", "abfs", "abfss", "az"})
"""Protocols whose client takes a missing bucket for an empty one, or for a missing file."""
