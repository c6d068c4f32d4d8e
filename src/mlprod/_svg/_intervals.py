"""Estimates with two intervals each, row by row on one scale: a forest plot, to stand in a table."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, TypeAlias, final

import attrs
import numpy as np

from mlprod._svg._axes import Scale
from mlprod._svg._fitting import FONT, extent, fitting
from mlprod._text import MINUS, NO_DATA, escaped, number

__all__ = [
    "Better",
    "IntervalRow",
    "interval_axis",
    "interval_key",
    "interval_rows",
    "interval_scale",
]

Better: TypeAlias = Literal["higher", "lower"]
Limits: TypeAlias = tuple[float, float]
"""Low and high; infinite where there is no limit, NaN where nothing is known."""

_HEIGHT: Final = 30
_MARGIN: Final = 9  # room for an arrow, or half of a dot
_ARROW: Final = 6
_GAP: Final = 8
_FURTHEST: Final = 2.5  # of the spread of all else: where an outer limit becomes an arrow
# The colours of Okabe and Ito that monitoring's charts have: blue and orange differ to every eye.
_COLOURS: Final = {"better": "#0072B2", "worse": "#D55E00", "unsure": "currentColor"}
_WEIGHTS: Final = {"better": 'font-weight="600"', "worse": 'fill-opacity=".75"'}


@final
@attrs.frozen
class IntervalRow:
    """One estimate. What is not finite is not drawn, but an infinite limit is an arrow to the edge.

    Attributes:
        label: what it is the estimate of; read aloud.
        estimate: the dot.
        inner: the thick bar.
        outer: the thin bar; where it leaves out zero, the row has a colour. If it is not known at all, the
            thick bar says so.
    """

    label: str
    estimate: float
    inner: Limits
    outer: Limits

    @property
    def has_data(self) -> bool:
        """Whether anything is known."""
        return any(map(math.isfinite, (self.estimate, *self.inner, *self.outer)))


def interval_scale(rows: Iterable[IntervalRow], *, width: int) -> Scale:
    """Return a scale on which zero and all rows fit, with round ticks; without ticks if there are no data.

    An outer limit further out than 2.5 times the spread of everything else is left to an arrow, so that one
    wide interval does not make all others a dot.
    """
    rows = list(rows)
    if not any(row.has_data for row in rows):
        return Scale(-1, 1, 0, ())
    near = [0.0, *(value for row in rows for value in (row.estimate, *row.inner) if math.isfinite(value))]
    low, high = min(near), max(near)
    outer = [value for row in rows for value in row.outer if math.isfinite(value)]
    if low < high:
        reach = (high / 2 - low / 2) * 2 * _FURTHEST  # the halves may not overflow
        outer = [min(max(value, low - reach), high + reach) for value in outer]
    return Scale.of(np.array([*near, *outer]), (-math.inf, math.inf), rows=max(2, width // 64))


def interval_axis(scale: Scale, *, better: Better | None, unit: str = "%", width: int = 256) -> str:
    """Draw the axis that stands above the rows, the good side of zero named.

    Args:
        scale: of the rows.
        better: which side of zero is good; None if neither is, or it is not known.
        unit: stands behind the numbers.
        width: in pixels, that of the rows.

    Returns:
        An ``<svg>`` element, well-formed XML without a namespace.
    """
    drawn: list[str] = []
    zero = _x(0.0, scale, width)
    if better is not None and scale.ticks:
        sides = ("worse", "better") if better == "higher" else ("better", "worse")
        left, right = f"\N{LEFTWARDS ARROW} {sides[0]}", f"{sides[1]} \N{RIGHTWARDS ARROW}"
        if zero - _GAP >= extent(left):
            drawn.append(_text(zero - _GAP, 12, left, f'text-anchor="end" {_WEIGHTS[sides[0]]}'))
        if width - zero - _GAP >= extent(right):
            drawn.append(_text(zero + _GAP, 12, right, _WEIGHTS[sides[1]]))
    taken: list[Limits] = []
    for fraction, label in sorted(_ticks(scale), key=lambda tick: abs(_place(tick[0], width) - zero)):
        shown = fitting(label + unit, width / 2)
        half = extent(shown) / 2 + 2  # signs are wide
        x = max(half, min(_place(fraction, width), width - half))
        if all(x + half <= begin or end <= x - half for begin, end in taken):
            taken.append((x - half, x + half))
            drawn.append(_text(x, _HEIGHT - 3, shown, 'text-anchor="middle" fill-opacity=".75"'))
    return _svg("mlprod-axis", width, 'aria-hidden="true"', drawn)


def interval_rows(
    rows: Sequence[IntervalRow],
    scale: Scale,
    *,
    better: Better | None,
    unit: str = "%",
    width: int = 256,
) -> list[str]:
    """Draw each row as an ``<svg>`` element; stacked without a gap, they are one chart.

    Args:
        rows: what to draw.
        scale: of all rows that are to be compared.
        better: which side of zero is good; None if neither is, or it is not known.
        unit: stands behind the numbers that are read aloud.
        width: in pixels.

    Returns:
        Well-formed XML without a namespace, one element for each row. Its colour is the CSS ``color`` of
        ``.mlprod-better`` and ``.mlprod-worse``, which a page may set.
    """
    return [_row(row, scale, better, unit, width) for row in rows]


def interval_key(inner: str, outer: str) -> str:
    """Draw what the bars mean."""
    names = [fitting(name, 200) for name in (inner, outer)]
    second = 34 + extent(names[0]) + 12
    thin = 'stroke="currentColor" stroke-width="1.5"'
    drawn = [
        '<path d="M2 11h26" stroke="currentColor" stroke-width="7" stroke-opacity=".4"/>',
        '<circle cx="15" cy="11" r="3.6" fill="currentColor"/>',
        _text(34, 15, names[0]),
        f'<path d="M{second:.1f} 11h26m0 -4v8m-26 0v-8" fill="none" {thin}/>',
        _text(second + 32, 15, names[1]),
    ]
    return _svg("mlprod-key", math.ceil(second + 32 + extent(names[1])), 'aria-hidden="true"', drawn, 22)


def _row(row: IntervalRow, scale: Scale, better: Better | None, unit: str, width: int) -> str:
    told = escaped(_told(row, unit))
    drawn = [f"<title>{told}</title>", *_grid(scale, better, width)]
    if row.has_data:
        drawn.append(f'<g class="mlprod-{_look(row, better)}" color="{_COLOURS[_look(row, better)]}">')
        drawn += _bar(row.outer, scale, width, 'class="mlprod-outer" stroke-width="1.5"', cap=4)
        drawn += _bar(row.inner, scale, width, 'class="mlprod-inner" stroke-width="8" stroke-opacity=".4"')
        if math.isfinite(row.estimate):
            x = _x(row.estimate, scale, width)
            drawn.append(f'<circle cx="{x:.1f}" cy="{_HEIGHT // 2}" r="4" fill="currentColor"/>')
        drawn.append("</g>")
    else:
        drawn.append(_text(width / 2, _HEIGHT / 2 + FONT * 0.36, NO_DATA, 'text-anchor="middle"'))
    drawn.append(
        f'<rect width="{width}" height="{_HEIGHT}" fill-opacity="0"/>'
    )  # all of it can be pointed at
    return _svg("mlprod-row", width, f'role="img" aria-label="{told}"', drawn)


def _grid(scale: Scale, better: Better | None, width: int) -> Iterator[str]:
    if not scale.ticks:
        return
    zero = _x(0.0, scale, width)
    if better is not None:
        begin, end = (zero, width) if better == "higher" else (0, zero)
        yield (
            f'<rect class="mlprod-good" x="{begin:.1f}" width="{end - begin:.1f}" height="{_HEIGHT}" '
            'fill-opacity=".05"/>'
        )
    for fraction, _ in _ticks(scale):
        x = _place(fraction, width)
        yield f'<path d="M{x:.1f} 0v{_HEIGHT}" stroke="currentColor" stroke-opacity=".13"/>'
    yield f'<path class="mlprod-zero" d="M{zero:.1f} 0v{_HEIGHT}" stroke="currentColor" stroke-opacity=".6"/>'


def _bar(limits: Limits, scale: Scale, width: int, attributes: str, cap: int = 0) -> Iterator[str]:
    """Draw a bar, with an arrow to the edge on a side where its limit is beyond it."""
    low, high = limits
    if math.isnan(low) or math.isnan(high) or low > high:
        return
    middle, scaled = _HEIGHT // 2, 10.0**scale.exponent
    slack = (scale.high - scale.low) * 1e-9
    begin, end = _x(low, scale, width), _x(high, scale, width)
    caps, arrows = "", ""
    if low / scaled < scale.low - slack:
        begin = 1 + _ARROW
        arrows += f"M1 {middle}L{begin} {middle - 4}V{middle + 4}Z"
    elif cap:
        caps += f"M{begin:.1f} {middle - cap}v{2 * cap}"
    if high / scaled > scale.high + slack:
        end = width - 1 - _ARROW
        arrows += f"M{width - 1} {middle}L{end} {middle - 4}V{middle + 4}Z"
    elif cap:
        caps += f"M{end:.1f} {middle - cap}v{2 * cap}"
    yield f'<path {attributes} d="M{begin:.1f} {middle}H{end:.1f}{caps}" fill="none" stroke="currentColor"/>'
    if arrows:
        yield f'<path class="mlprod-arrow" d="{arrows}" fill="currentColor"/>'


def _look(row: IntervalRow, better: Better | None) -> str:
    """Return whether it is better or worse for sure: whether zero is outside of the outer interval."""
    low, high = row.inner if all(map(math.isnan, row.outer)) else row.outer
    if better is None or not (low > 0 or high < 0):
        return "unsure"
    return "better" if (low > 0) == (better == "higher") else "worse"


def _told(row: IntervalRow, unit: str) -> str:
    """Describe a row to who cannot see it."""
    if not row.has_data:
        return f"{row.label}: no data"
    bars = "".join(
        f", {name} bar {_signed(low)}{unit} to {_signed(high)}{unit}"
        for name, (low, high) in (("thick", row.inner), ("thin", row.outer))
        if not (math.isnan(low) and math.isnan(high))
    )
    return f"{row.label}: {_signed(row.estimate)}{unit}{bars}"


def _signed(value: float) -> str:
    """Return a number to three digits with its sign."""
    return ("+" if value > 0 else "") + number(value, 3)


def _ticks(scale: Scale) -> Iterator[tuple[float, str]]:
    """Return the ticks, with a sign on each but zero."""
    for fraction, label in scale.ticks:
        is_zero = not label.strip("0.")
        yield fraction, label if label.startswith(MINUS) else "0" if is_zero else f"+{label}"


def _x(value: float, scale: Scale, width: int) -> float:
    return _place(float(scale(np.array([value]))[0]), width)


def _place(fraction: float, width: int) -> float:
    return _MARGIN + fraction * (width - 2 * _MARGIN)


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escaped(text)}</text>'


def _svg(kind: str, width: int, attributes: str, drawn: Iterable[str], height: int = _HEIGHT) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" {attributes} '
        f'fill="currentColor" font-family="system-ui,sans-serif" font-size="{FONT}">{"".join(drawn)}</svg>'
    )
