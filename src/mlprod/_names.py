"""What users type, checked once at the edge: names that become paths, and free text."""

import difflib
import re
import reprlib
from collections.abc import Iterable

from mlprod.errors import InvalidDataError, InvalidNameError

__all__ = ["check_name", "check_text", "known", "shorten", "snake_case", "splits_pairs", "type_name"]

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_CAPITALS = re.compile("(?<=[a-z0-9])([A-Z]+)")
_SHOWN = 60


def check_name(value: object, what: str) -> str:
    """Return the value if it may become part of a path.

    Raises:
        InvalidNameError: unless it is 1 to 128 letters, digits and ``. _ -`` without a leading dot.
    """
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise InvalidNameError(
        f"{shorten(value)} cannot be {what}: use 1 to 128 letters, digits, '.', '_' or '-', "
        "not starting with a dot"
    )


def check_text(value: object, what: str, *, limit: int) -> str:
    """Return free text if it is a string of at most `limit` characters that UTF-8 can encode.

    Raises:
        InvalidDataError: if it is not.
    """
    if not isinstance(value, str):
        raise InvalidDataError(f"{what} must be a string, not {shorten(value)}")
    if len(value) > limit:
        raise InvalidDataError(
            f"{what} has {len(value):,} characters; at most {limit:,} are kept: {shorten(value)}"
        )
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidDataError(f"{what} is not valid text (it holds a lone surrogate): {shorten(value)}")
    return value


def known(names: Iterable[str], wanted: object) -> str:
    """Say which names exist, the nearest to what was wanted first, for an error message."""
    everything = sorted(names)
    spelled = wanted if isinstance(wanted, str) else shorten(wanted)
    if not everything:
        return "there are none yet"
    nearest = difflib.get_close_matches(spelled[:_SHOWN], everything, n=3, cutoff=0.6)
    shown = [*nearest, *(name for name in everything if name not in nearest)][:8]
    rest = f" and {len(everything) - len(shown):,} more" if len(everything) > len(shown) else ""
    return f"there are: {', '.join(shown)}{rest}"


def shorten(value: object) -> str:
    """Return a printable form that fits a message, whatever was passed."""
    try:
        text = ascii(value[: 2 * _SHOWN]) if isinstance(value, str) else reprlib.repr(value)
    except ValueError:  # an integer of more digits than Python prints
        text = f"<{type_name(value)}>"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def snake_case(name: str) -> str:
    """Return the PEP 8 spelling of a camelCase name: ``latencyMs`` is ``latency_ms``."""
    return _CAPITALS.sub(lambda capitals: f"_{capitals[1]}", name).lower()


def type_name(value: object) -> str:
    """Return the full name of the type of a value."""
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def splits_pairs(value: object) -> bool:
    """Return whether this is text that spells one character as two surrogates: JSON would join them."""
    return isinstance(value, str) and not value.isascii() and _PAIR.search(value) is not None
