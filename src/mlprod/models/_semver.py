"""Semantic versions, MAJOR.MINOR.PATCH."""

import re
from typing import assert_never

from mlprod._names import shorten
from mlprod.errors import InvalidNameError
from mlprod.models._values import Bump

__all__ = ["FIRST", "bumped", "is_version", "parse"]

FIRST = "1.0.0"

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


def is_version(text: str) -> bool:
    """Return whether the text is a version."""
    return _VERSION.fullmatch(text) is not None


def parse(text: object) -> tuple[int, int, int]:
    """Return the three numbers.

    Raises:
        InvalidNameError: if this is not a semantic version.
    """
    match = _VERSION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidNameError(
            f"{shorten(text)} is not a semantic version; write MAJOR.MINOR.PATCH, e.g. '1.4.0'"
        )
    major, minor, patch = map(int, match.groups())
    return major, minor, patch


def bumped(version: str, part: Bump) -> str:
    """Return the version with one part grown by one and the parts after it zero.

    Raises:
        InvalidNameError: if that part cannot grow any more.
    """
    major, minor, patch = parse(version)
    match part:
        case "major":
            grown = f"{major + 1}.0.0"
        case "minor":
            grown = f"{major}.{minor + 1}.0"
        case "patch":
            grown = f"{major}.{minor}.{patch + 1}"
        case _:
            assert_never(part)
    if not is_version(grown):
        raise InvalidNameError(f"no {part} version follows {version}: it would have ten digits. Set version=")
    return grown
