"""Text, numbers and times as people read them, and as markup can hold them."""

import html
import math
import re
from datetime import UTC, datetime
from typing import Final

__all__ = ["MINUS", "NO_DATA", "escaped", "in_utc", "isolated", "number"]

MINUS: Final = "\N{MINUS SIGN}"  # as wide as a plus, and read aloud
NO_DATA: Final = "\N{EN DASH}"

_INFINITE: Final = "\N{INFINITY}"
# What XML cannot hold (controls, surrogates, noncharacters), and what reorders the text around it.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
# Most of what is drawn is numbers and short names, which need no second look.
_PLAIN: Final = re.compile("[ !#-%(-;=?-~]*")


def escaped(text: object) -> str:
    r"""Return text that HTML, XML and quoted attributes show as it is; what would reorder it is spelt out.

    Example:
        >>> escaped("<b> \u202e & \x00")
        '&lt;b&gt; \\u202e &amp; \\x00'
    """
    if isinstance(text, str) and _PLAIN.fullmatch(text):
        return text
    lines = str(text).replace("\r\n", "\n")
    return html.escape(_UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), lines))


def isolated(text: str) -> str:
    """Return users' text: escaped, and unable to reorder what is beside it."""
    return f"<bdi>{escaped(text)}</bdi>"


def number(value: float, digits: int = 4) -> str:
    """Return a number to so many significant digits, with thousands separators; never a false zero.

    Example:
        >>> number(1234567.8), number(0.00012345), number(2e20), number(float("nan")) == NO_DATA
        ('1,234,568', '0.0001234', '2e20', True)
    """
    if math.isnan(value):
        return NO_DATA
    if math.isinf(value):
        return _INFINITE if value > 0 else MINUS + _INFINITE
    short = f"{value or 0.0:,.{digits}g}"
    if "e" not in short:  # most are
        return short.replace("-", MINUS)
    mantissa, _, power = f"{value or 0.0:.{digits - 1}e}".partition("e")
    exponent = int(power)
    is_short = -5 < exponent < 15  # noqa: PLR2004 - what people still read digit by digit
    text = f"{value or 0.0:,.{max(0, digits - 1 - exponent)}f}" if is_short else mantissa
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return (text if is_short else f"{text}e{exponent}").replace("-", MINUS)


def in_utc(time: datetime) -> str:
    """Return a time to the second, in UTC.

    Example:
        >>> in_utc(datetime(2026, 1, 31, 9, 30, 5, 123456, tzinfo=UTC))
        '2026-01-31 09:30:05 UTC'
    """
    at = time.astimezone(UTC)
    return f"{at.date().isoformat()} {at:%H:%M:%S} UTC"
