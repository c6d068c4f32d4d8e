"""Small pieces of markup that every page has: times, tiles, tables that scroll."""

from datetime import UTC, datetime
from typing import Final

from mlprod._text import escaped
from mlprod._value import isoformat

__all__ = ["counted", "scrolling", "tile", "time_tag"]

_LONG: Final = 8  # what is longer does not fit a tile at the size of the others


def time_tag(moment: datetime, *, seconds: bool = False) -> str:
    """Return a time in UTC; with its seconds, if they are wanted and it has some."""
    at = moment.astimezone(UTC)
    shown = f"{at:%H:%M:%S}" if seconds and (at.second or at.microsecond) else f"{at:%H:%M}"
    return f'<time class="nowrap" datetime="{isoformat(at)}">{at.date().isoformat()} {shown} UTC</time>'


def tile(label: str, value: str, about: str) -> str:
    """Return one figure of a list of them.

    Args:
        label: what it is; markup.
        value: as text.
        about: what stands below it; markup.
    """
    size = "value long" if len(value) > _LONG else "value"
    return (
        f'<div><dt>{label}</dt><dd class="{size}">{escaped(value)}</dd><dd class="change">{about}</dd></div>'
    )


def scrolling(name: str, table: str) -> str:
    """Let a table scroll where it is wider than the screen, by keyboard too."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escaped(name)}">{table}</div>'


def counted(count: int, what: str) -> str:
    """Return a number of things, e.g. ``"1 model"`` or ``"2,000 models"``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
