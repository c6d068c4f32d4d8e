"""What a remote service answered, wherever its client library keeps it, and what that means here."""

import contextlib
import errno
import socket
from collections.abc import Generator, Iterator, Mapping
from typing import Any, final

import attrs

from mlprod.errors import MLProdError
from mlprod.storage._urls import without_secrets

__all__ = ["as_os_errors", "is_refused_create", "wait_seconds"]

_NOT_FOUND, _CONFLICT, _PRECONDITION_FAILED = 404, 409, 412
_REFUSED = {401, 403}
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504}  # 409: a conflicting write is under way
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
# Of services that say what it is that was not found; where nothing is said, botocore repeats the status.
_SAYS_WHAT_IS_MISSING = {"azure.HttpResponseError", "botocore.ClientError"}
_NOTHING_SAID = {"", "404"}
_NO_TOKEN = {"InvalidToken", "TokenRefreshRequired"}  # which S3 calls a malformed request
_NO_CREDENTIALS = {
    "azure.ClientAuthenticationError",
    "botocore.CredentialRetrievalError",
    "botocore.NoCredentialsError",
    "botocore.PartialCredentialsError",
    "botocore.SSOError",
    "google.DefaultCredentialsError",
    "google.RefreshError",
    "paramiko.AuthenticationException",
}
# What client libraries raise where the connection failed, not the service: package and name of a class.
_NO_ANSWER = {
    "aiohttp.ClientError",
    "azure.DecodeError",
    "azure.ServiceRequestError",
    "azure.ServiceResponseError",
    "botocore.ConnectionError",
    "botocore.HTTPClientError",
    "botocore.IncompleteReadError",
    "botocore.ResponseParserError",
    "builtins.ConnectionError",
    "builtins.EOFError",
    "builtins.TimeoutError",
    "ftplib.error_temp",
    "google.TransportError",
    "paramiko.NoValidConnectionsError",
    "paramiko.SSHException",
    "requests.ConnectionError",
    "requests.Timeout",
    "requests.ChunkedEncodingError",
}
# Kinds of those that will be the same the next time.
_LASTING = {
    "aiohttp.ClientResponseError",
    "aiohttp.InvalidURL",
    "aiohttp.NonHttpUrlClientError",
    "paramiko.BadHostKeyException",
    "paramiko.IncompatiblePeer",
    "ssl.SSLCertVerificationError",
}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN}
_PARAMIKO_LOST = "Socket is closed"
_BUSY = {errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EBUSY)}  # s3fs' words for 503 and 500


@final
@attrs.frozen
class _Answer:
    """What is known of a refusal: the HTTP status, the service's own code, and when to come again."""

    status: int | None = None
    code: str = ""
    retry_after_seconds: float = 0.0


@contextlib.contextmanager
def as_os_errors(place: str) -> Generator[None]:
    """Let every failure be an `OSError` of the kind that it means, whatever the client library raises.

    A bucket that is missing is none of a file: it must not look like a store in which nothing is.
    """
    try:
        yield
    except MLProdError:
        raise
    except Exception as error:
        answer = _answer(error)
        if answer.code in _NO_BUCKET:
            raise no_bucket(place) from error
        if _is_refused(error, answer):
            raise PermissionError(errno.EACCES, f"the service refused: {_words(error)}") from error
        if _is_made_up(error, answer):
            raise ConnectionError(errno.EIO, "something in between, not the service, answered 404") from error
        if isinstance(error, TimeoutError) and not str(error):
            raise TimeoutError(errno.ETIMEDOUT, "there was no answer in time") from error
        if isinstance(error, OSError):
            raise
        raise OSError(errno.EIO, _words(error)) from error


def no_bucket(place: str) -> OSError:
    """Return the error that says that what should hold all files is not there."""
    return OSError(errno.ENXIO, f"there is no bucket or container {place!r}")


def is_refused_create(error: OSError) -> bool:
    """Return whether a conditional write failed because the file is there.

    Azure says so with a 409 and a code; adlfs takes every 409 for that, and names no cause.
    """
    behind = error.__context__  # or what the caller is handling, which may be a 409 of somebody else
    if isinstance(error, FileExistsError) and behind and _is_any(behind, {"azure.HttpResponseError"}):
        answer = _answer(behind)
        return answer.status != _CONFLICT or answer.code == "BlobAlreadyExists"
    return isinstance(error, FileExistsError) or _answer(error).status == _PRECONDITION_FAILED


def wait_seconds(error: OSError) -> float | None:
    """Return how long a failure asks to wait before another attempt; None if no attempt can mend it."""
    if isinstance(error, FileNotFoundError | FileExistsError | PermissionError):
        return None
    answer = _answer(error)
    if answer.status in _PASSING:
        return answer.retry_after_seconds
    if _is_any(error, _LASTING) and not _is_any(error, {"aiohttp.HttpProcessingError"}):  # garbage passes
        return None
    is_unnamed = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
    is_lost = is_unnamed or _is_any(error, _NO_ANSWER) or str(error) == _PARAMIKO_LOST
    return 0.0 if is_lost or error.errno in _UNREACHABLE | _BUSY else None


def _answer(error: BaseException) -> _Answer:
    """Find the answer behind an error, which each client library keeps elsewhere."""
    for each in _chain(error):
        response: Any = getattr(each, "response", None)
        if isinstance(response, dict):  # botocore
            metadata = response.get("ResponseMetadata", {})
            status = metadata.get("HTTPStatusCode")
            code = str(response.get("Error", {}).get("Code", ""))
            headers = metadata.get("HTTPHeaders", {})
        else:
            kept_as = ("status_code", "status", "code")  # of azure, aiohttp and gcsfs
            status = next(filter(None, (getattr(each, name, None) for name in kept_as)), None)
            code = str(getattr(each, "error_code", "") or "").rpartition(".")[2]
            headers = getattr(response, "headers", {})
        if str(status).isdecimal():
            return _Answer(int(str(status)), code, _retry_after_seconds(headers))
    return _Answer()


def _words(error: Exception) -> str:
    """Return what an error says, with its class, in one line; not what it says of URLs that give access."""
    return without_secrets(" ".join(f"{type(error).__name__}: {error}".split()))


def _is_refused(error: Exception, answer: _Answer) -> bool:
    """Return whether credentials are missing or not enough; s3fs says so of some by the class alone."""
    is_told = answer.status in _REFUSED or answer.code in _NO_TOKEN
    is_unnumbered = isinstance(error, PermissionError) and error.errno is None
    return is_told or is_unnumbered or _is_any(error, _NO_CREDENTIALS) or _is_forbidden_on_gcs(error)


def _is_made_up(error: Exception, answer: _Answer) -> bool:
    """Return whether a 404 is that of a proxy or a load balancer, which knows nothing of the file."""
    is_silent = answer.status == _NOT_FOUND and answer.code in _NOTHING_SAID
    return is_silent and _is_any(error, _SAYS_WHAT_IS_MISSING)


def _is_forbidden_on_gcs(error: Exception) -> bool:
    """Return whether gcsfs met a 403, of which it tells in words only."""
    return isinstance(error, OSError) and error.errno is None and str(error).startswith("Forbidden: ")


def _retry_after_seconds(headers: object) -> float:
    """Return what the service asked for in seconds; a date, which it may name instead, is not understood."""
    asked = headers.get("retry-after", "") if isinstance(headers, Mapping) else ""
    return float(asked) if str(asked).isdecimal() else 0.0


def _is_any(error: BaseException, names: set[str]) -> bool:
    """Return whether any error in the chain is of such a class; by name, so that nothing is imported."""
    return any(
        f"{base.__module__.partition('.')[0]}.{base.__name__}" in names
        for each in _chain(error)
        for base in type(each).__mro__
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what it was raised from, nearest first; botocore keeps that by a name of its own.

    Not what was merely being handled at the time (``__context__``), which may be the caller's own affair.
    """
    seen: BaseException | None = error
    for _ in range(20):  # nobody chains more, and a cycle must end
        if seen is None:
            return
        yield seen
        kept: Any = getattr(seen, "kwargs", None)
        inner = kept.get("error") if isinstance(kept, dict) else None
        seen = seen.__cause__ or (inner if isinstance(inner, BaseException) else None)
