"""Two distributions over the same bins: a pair of bars for each bin, read from top to bottom."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from mlprod._svg._fitting import FONT, extent, fitting
from mlprod._text import NO_DATA, escaped

__all__ = ["paired_bars"]

_HEAD: Final = 22
_ROW: Final = 20
_BAR: Final = 7
_GAP: Final = 8
_SWATCH: Final = 14
_COLUMN: Final = 44  # a little more than the width of ">99.9%"
_MOST_LABEL: Final = 0.44  # of the width
_LONGEST: Final = 100  # letters of a label, even when read aloud
# The first distribution is hollow, the second solid, so that no colour is needed to tell them apart.
_HOLLOW: Final = (
    'class="mlprod-first" fill="currentColor" fill-opacity=".1" stroke="currentColor" stroke-opacity=".65"'
)
_SOLID: Final = 'class="mlprod-second mlprod-series-0" color="#0072B2" fill="currentColor"'
_SMALLEST: Final = 0.0005  # what would round to 0.0%


def paired_bars(
    title: str,
    labels: Sequence[str],
    first: Sequence[float],
    second: Sequence[float],
    *,
    names: tuple[str, str] = ("reference", "now"),
    about: str = "share of rows in each bin",
    width: int = 360,
) -> str:
    """Draw two distributions as an ``<svg>`` element that is as wide as what it stands in.

    Args:
        title: what the distributions are of; read aloud, not drawn.
        labels: what each bin holds; shape ``(b,)``.
        first: the share of each bin, 0 to 1, NaN where it is not known; shape ``(b,)``. Hollow bars.
        second: the same of the other distribution. Solid bars.
        names: of the two distributions.
        about: what the shares are; read aloud.
        width: of the view box.

    Returns:
        Well-formed XML without a namespace, to stand in an HTML page. The colour of the solid bars is the CSS
        ``color`` of ``.mlprod-series-0``, which a page may set.
    """
    labels = [
        label if len(label) <= _LONGEST else f"{label[:_LONGEST]}\N{HORIZONTAL ELLIPSIS}" for label in labels
    ]
    label_width = min(max(map(extent, labels), default=0.0), _MOST_LABEL * width)
    left = label_width + _GAP
    most = max((share for share in (*first, *second) if math.isfinite(share)), default=0.0)
    scale = (width - 2 * _COLUMN - left - _GAP) / (most or 1.0)
    height = _HEAD + _ROW * len(labels)
    drawn = [
        f"<title>{escaped(title)}</title>",
        *_key(names, width),
        *_rows(labels, (first, second), label_width, width),
        f'<path d="{_bars(first, left, scale, 2)}" {_HOLLOW}/>',
        f'<path d="{_bars(second, left, scale, 3 + _BAR)}" {_SOLID}/>',
        f'<path d="M{left:.1f} {_HEAD}V{height}" stroke="currentColor" stroke-opacity=".4"/>',
    ]
    told = escaped(_told(title, labels, first, second, names, about=about))
    return (
        f'<svg class="mlprod-bars" viewBox="0 0 {width} {height}" width="100%" role="img" '
        f'aria-label="{told}" fill="currentColor" '
        f'font-family="system-ui,sans-serif" font-size="{FONT}">{"".join(drawn)}</svg>'
    )


def _key(names: tuple[str, str], width: int) -> Iterator[str]:
    """Name the distributions, above the columns of their shares."""
    left = width - sum(_SWATCH + extent(name) + _GAP for name in names) + _GAP
    for name, look in zip(names, (_HOLLOW, _SOLID), strict=True):
        yield f'<path d="M{left:.1f} {FONT - _BAR}h{_SWATCH - 4}v{_BAR}h{4 - _SWATCH}z" {look}/>'
        yield _text(left + _SWATCH, FONT, name)
        left += _SWATCH + extent(name) + _GAP


def _rows(
    labels: Sequence[str], shares: tuple[Sequence[float], Sequence[float]], label_width: float, width: int
) -> Iterator[str]:
    for place, (label, first, second) in enumerate(zip(labels, *shares, strict=True)):
        y = _HEAD + _ROW * place + _ROW / 2 + FONT * 0.36
        shown = fitting(label, label_width)
        whole = f"<title>{escaped(label)}</title>" if shown != label else ""
        yield f'<text x="{label_width:.1f}" y="{y:.1f}" text-anchor="end">{whole}{escaped(shown)}</text>'
        yield _text(width - _COLUMN, y, _share(first), 'text-anchor="end" fill-opacity=".75"')
        yield _text(width, y, _share(second), 'text-anchor="end"')


def _bars(shares: Sequence[float], left: float, scale: float, offset: int) -> str:
    """Return the outline of all bars; none where there is nothing, or nothing is known."""
    return "".join(
        f"M{left:.1f} {_HEAD + _ROW * place + offset}h{share * scale:.1f}v{_BAR}H{left:.1f}z"
        for place, share in enumerate(shares)
        if math.isfinite(share) and share > 0
    )


def _share(share: float) -> str:
    """Write a share as a percentage to a tenth; never a zero, or a hundred percent, that is none."""
    if math.isnan(share):
        return NO_DATA
    if 0 < share < _SMALLEST:
        return "<0.1%"
    if 1 - _SMALLEST < share < 1:
        return ">99.9%"
    return f"{100 * share:.1f}%"


def _told(
    title: str,
    labels: Sequence[str],
    first: Sequence[float],
    second: Sequence[float],
    names: tuple[str, str],
    *,
    about: str,
) -> str:
    """Describe the distributions to who cannot see them."""
    bins = "; ".join(
        f"{label}: {_share(one)}, {_share(other)}"
        for label, one, other in zip(labels, first, second, strict=True)
    )
    return f"{title}, {about}, {names[0]} and {names[1]}. {bins}"


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escaped(text)}</text>'
