"""URLs as they may be shown: what gives access stays out of messages, logs and notebooks."""

import re

__all__ = ["has_password", "without_secrets"]

_PASSWORD = re.compile(r"((?:^|//)[^/?#@:\s]*):[^/?#\s]*@")
_QUERY = re.compile(r"(?<=[^\s?])\?[^#\s\"'?]+")


def without_secrets(text: str) -> str:
    """Return a URL, or a text with URLs, without passwords, and without queries, which may be signatures.

    Example:
        >>> without_secrets("is sftp://bot:hunter2@example.org/models?token=abc down?")
        'is sftp://bot:…@example.org/models?… down?'
    """
    return _QUERY.sub("?…", _PASSWORD.sub(r"\1:…@", text))


def has_password(url: str) -> bool:
    """Return whether a URL, or what follows its protocol, holds a user's name and password."""
    return _PASSWORD.search(url) is not None
