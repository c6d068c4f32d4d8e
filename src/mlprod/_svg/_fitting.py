"""How much room text takes in a chart."""

from typing import Final

__all__ = ["FONT", "extent", "fitting"]

FONT: Final = 11

_WIDE_ASCII: Final = "%@mMwW"
_WIDE: Final = frozenset(f"{_WIDE_ASCII}\N{HORIZONTAL ELLIPSIS}")


def extent(text: str, size: int = FONT) -> float:
    """Estimate how wide text is, rather too wide than too narrow."""
    if text.isascii():
        wide = sum(map(text.count, _WIDE_ASCII))
    else:
        wide = sum(character in _WIDE or character > "\u2e7f" for character in text)
    return size * (0.62 * (len(text) - wide) + wide)


def fitting(text: str, width: float, size: int = FONT) -> str:
    """Shorten text that is too wide."""
    shown = text
    while shown and extent(shown, size) > width:
        shown = shown[: min(len(shown) - 1, int(width / size / 0.62))]
    return shown if shown == text else shown[:-1] + "\N{HORIZONTAL ELLIPSIS}"
