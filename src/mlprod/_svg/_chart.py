"""One kind of chart: lines over time."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._svg._axes import FIRST, LAST, Floats, Moments, Scale, TimeAxis
from mlprod._svg._fitting import FONT, extent, fitting
from mlprod._text import NO_DATA, escaped, number

__all__ = ["Series", "line_chart"]

# The colours of Okabe and Ito that stand out on white and on black; the dashes tell lines apart without them.
_STYLES: Final = (("#0072B2", ""), ("#D55E00", "7 2"), ("#009E73", "3 2"), ("#CC79A7", "9 2 3 2"))
_REFERENCE: Final = 'fill="none" stroke="currentColor" stroke-dasharray="5 3" stroke-width="1.2"'
_MUTED: Final = 'fill-opacity=".75"'
_THIN_SPACE: Final = "\N{NARROW NO-BREAK SPACE}"

_TITLE, _ROW, _GAP = 13, 16, 8
_LEAST_PLOT: Final = 80


@final
@attrs.frozen(eq=False)
class Series:
    """One line of a chart.

    Attributes:
        name: what the legend calls it.
        values: shape ``(n,)``; NaN and infinities are gaps.
        style: a line, or an area between the line and zero.
    """

    name: str
    values: Floats
    style: Literal["line", "area"] = "line"


def line_chart(
    title: str,
    times: NDArray[np.datetime64],
    series: Sequence[Series],
    *,
    unit: str = "",
    reference: float | None = None,
    reference_name: str = "threshold",
    limits: tuple[float, float] = (-math.inf, math.inf),
    span: tuple[np.datetime64, np.datetime64] | None = None,
    width: int = 420,
    height: int = 220,
    most_points: int = 600,
    most_strips: int = 120,
) -> str:
    """Draw lines over time as an ``<svg>`` element that is as wide as what it stands in.

    Args:
        title: stands above the chart and is read aloud.
        times: UTC; shape ``(n,)``, ``datetime64[us]``. What is outside of the years 1 to 9999 is left out.
        series: the lines; their values have shape ``(n,)``.
        unit: stands behind the numbers, e.g. ``"%"`` or ``"ms"``.
        reference: where to draw a horizontal line, in the unit of the values.
        reference_name: what the legend calls that line.
        limits: between what the axis stays, as long as the values do.
        span: where the axis of time begins and ends; a value from outside stands at the end that is nearer.
            None: from the first value to the last.
        width: of the view box.
        height: of the view box; it grows with the legend.
        most_points: a line of more points is thinned to the least and the greatest value of half as many
            columns.
        most_strips: in how many places at most the chart says what is there when it is pointed at.

    Returns:
        Well-formed XML without a namespace, to stand in an HTML page. The colour of a line is the CSS
        ``color`` of ``.mlprod-series-0``, ``-1``, …, which a page may set.
    """
    moments, lines = _clean(times, series)
    if span is None:
        time = TimeAxis.of(moments)
    else:
        ends = np.array(span, "datetime64[us]").astype(np.int64)
        time = TimeAxis.of(np.clip(moments, *ends), ends)
    level = [reference] if reference is not None and math.isfinite(reference) else []
    legend, rows = _legend(title, series, [reference_name for _ in level], width)
    top, bottom = _TITLE + _ROW * rows + 2 * _GAP, 2 * _ROW + 4
    height = max(height, top + _LEAST_PLOT + bottom)

    base = [0.0 for line in series if line.style == "area"]
    scale = Scale.of(np.concatenate([*lines, level, base]), limits, rows=(height - top - bottom) // 26)
    suffix = unit if unit in {"", "%"} else _THIN_SPACE + unit
    ticks = [(fraction, fitting(label + suffix, width // 3)) for fraction, label in scale.ticks]
    left = _GAP + math.ceil(max((extent(label) for _, label in ticks), default=0))
    box = _Box(left, top, width - left - _GAP, height - top - bottom)

    named = list(zip(series, lines, strict=True))
    drawn = [
        f"<title>{escaped(title)}</title>",
        _text(0, _TITLE, fitting(title, width, _TITLE), f'font-size="{_TITLE}" font-weight="600"'),
        *legend,
        *_value_axis(box, ticks),
        *_time_axis(box, time, width),
    ]
    for place, (line, values) in enumerate(named):
        shapes = "".join(
            _shapes(box, *_thinned(time.positions, scale(values), most_points), line.style, scale)
        )
        drawn.append(f"<g {_ink(place)}>{shapes}</g>")
    drawn += [
        f'<path class="mlprod-reference" d="M{box.left} {box.y(y):.1f}h{box.width}" {_REFERENCE}/>'
        for y in scale(np.array(level)).tolist()
    ]
    if not any(np.isfinite(values).any() for values in lines):
        drawn.append(_text(box.x(0.5), box.y(0.5), "no data", f'text-anchor="middle" {_MUTED}'))
    drawn += _strips(box, time, named, suffix, most_strips)
    return (
        f'<svg class="mlprod-chart" viewBox="0 0 {width} {height}" width="100%" role="img" '
        f'aria-label="{escaped(_said(title, time, named, suffix))}" fill="currentColor" '
        f'font-family="system-ui,sans-serif" font-size="{FONT}">{"".join(drawn)}</svg>'
    )


def _clean(times: NDArray[np.datetime64], series: Sequence[Series]) -> tuple[Moments, list[Floats]]:
    """Return the moments in order, and the values at them with infinities as NaN."""
    moments = np.asarray(times).astype("datetime64[us]").astype(np.int64)  # not-a-time is the least integer
    order = np.argsort(moments, kind="stable")
    order = order[(moments[order] >= FIRST) & (moments[order] <= LAST)]
    values = [np.asarray(line.values, dtype=np.float64)[order] for line in series]
    return moments[order], [np.where(np.isfinite(column), column, np.nan) for column in values]


def _thinned(position: Floats, values: Floats, most: int) -> tuple[Floats, Floats]:
    """Keep the ends of a line, and of each column of pixels the least and the greatest value, or the gap."""
    known = np.flatnonzero(np.isfinite(values))
    if len(values) <= most or not len(known):
        return position, values
    columns = (most - 2) // 2
    column = np.minimum((position * columns).astype(np.int64), columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(values)))
    kept = [known[[0, -1]], starts[np.isnan(np.fmin.reduceat(values, starts))]]
    for extreme in (np.fmin, np.fmax):
        found = np.flatnonzero(values == extreme.reduceat(values, starts)[group])
        kept.append(found[np.unique(group[found], return_index=True)[1]])
    chosen = np.unique(np.concatenate(kept))
    return position[chosen], values[chosen]


@attrs.frozen
class _Box:
    """Where the lines are drawn."""

    left: int
    top: int
    width: int
    height: int

    def x(self, fraction: float) -> float:
        return self.left + fraction * self.width

    def y(self, fraction: float) -> float:
        return self.top + (1 - fraction) * self.height


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escaped(text)}</text>'


def _value_axis(box: _Box, ticks: Iterable[tuple[float, str]]) -> Iterator[str]:
    for fraction, label in ticks:
        y = box.y(fraction)
        yield f'<path d="M{box.left} {y:.1f}h{box.width}" stroke="currentColor" stroke-opacity=".18"/>'
        yield _text(box.left - 6, y + FONT * 0.36, label, f'text-anchor="end" {_MUTED}')


def _time_axis(box: _Box, time: TimeAxis, width: int) -> Iterator[str]:
    bottom = box.top + box.height
    free = 0.0
    for position, label in time.ticks(most=max(2, width // 66)):
        x, half = box.x(position), extent(label) / 2
        yield f'<path d="M{x:.1f} {bottom}v4" stroke="currentColor" stroke-opacity=".5"/>'
        middle = max(half, min(x, width - half))
        if middle - half >= free:
            free = middle + half
            yield _text(middle, bottom + _ROW, label, f'text-anchor="middle" {_MUTED}')
    if len(time.moments):
        yield _text(box.x(1), bottom + 2 * _ROW, time.said(), f'text-anchor="end" {_MUTED}')


def _ink(place: int) -> str:
    place %= len(_STYLES)
    colour, dashes = _STYLES[place]
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'class="mlprod-series-{place}" color="{colour}" stroke-width="1.6"{dashed}'


def _shapes(box: _Box, position: Floats, values: Floats, style: str, scale: Scale) -> Iterator[str]:
    """Draw each stretch between gaps as a line, or as a dot if it is a single point."""
    known = np.zeros(len(values) + 2, np.bool_)
    known[1:-1] = np.isfinite(values)
    edges = np.flatnonzero(known[1:] != known[:-1]).reshape(-1, 2)
    base = box.y(float(scale(np.zeros(1))[0]))
    paths: list[str] = []
    areas: list[str] = []
    for begin, end in edges.tolist():
        xs = [f"{box.x(x):.1f}" for x in position[begin:end].tolist()]
        ys = [f"{box.y(y):.1f}" for y in values[begin:end].tolist()]
        if len(xs) == 1:
            yield f'<circle cx="{xs[0]}" cy="{ys[0]}" r="2.2" fill="currentColor"/>'
            continue
        paths.append("M" + " ".join(f"{x},{y}" for x, y in zip(xs, ys, strict=True)))
        areas.append(f"{paths[-1]}V{base:.1f}H{xs[0]}Z")
    if paths and style == "area":
        yield f'<path class="mlprod-area" d="{"".join(areas)}" fill="currentColor" fill-opacity=".25"/>'
    if paths:
        line = 'fill="none" stroke="currentColor" stroke-linejoin="round"'
        yield f'<path class="mlprod-line" d="{"".join(paths)}" {line}/>'


def _strips(
    box: _Box, time: TimeAxis, named: Sequence[tuple[Series, Floats]], suffix: str, most: int
) -> Iterator[str]:
    """Cover the plot with invisible strips that say, when pointed at, what is there."""
    count = len(time.moments)
    if not count:
        return
    if count <= most:
        starts = np.arange(count)
        inner = (time.positions[1:] + time.positions[:-1]) / 2
    else:
        strip = np.minimum((time.positions * most).astype(np.int64), most - 1)
        starts = np.flatnonzero(np.diff(strip, prepend=-1))
        inner = strip[starts[1:]] / most
    ends = np.append(starts[1:], count) - 1
    said = [time.each_said(starts.tolist(), ends.tolist())]
    for line, values in named:
        name, unit = escaped(line.name), escaped(suffix)
        if len(starts) == count:
            said.append([f"{name}: {_ranging(value, value, unit)}" for value in values.tolist()])
            continue
        low, high = (extreme.reduceat(values, starts).tolist() for extreme in (np.fmin, np.fmax))
        said.append([f"{name}: {_ranging(*ends, unit)}" for ends in zip(low, high, strict=True)])
    edges = [0.0, *inner.tolist(), 1.0]
    yield '<g fill-opacity="0" pointer-events="all">'
    for at, lines in enumerate(zip(*said, strict=True)):
        x, width = box.x(edges[at]), (edges[at + 1] - edges[at]) * box.width
        yield (
            f'<rect class="mlprod-hit" x="{x:.1f}" y="{box.top}" width="{width:.1f}" height="{box.height}">'
            f"<title>{chr(10).join(lines)}</title></rect>"
        )
    yield "</g>"


def _ranging(low: float, high: float, unit: str) -> str:
    """Say what a line does in a strip: its value there, or from which to which."""
    if math.isnan(high):
        return NO_DATA
    if low == high:
        return number(high, 5) + unit
    return " to ".join(dict.fromkeys((number(low, 5), number(high, 5)))) + unit


def _legend(
    title: str, series: Sequence[Series], references: Sequence[str], width: int
) -> tuple[list[str], int]:
    """Return the legend, and how many rows it takes: none where the title says it all."""
    names = [line.name for line in series] + list(references)
    if not names or (len(names) == 1 and title.startswith(names[0])):
        return [], 0
    drawn: list[str] = []
    left, row = 0.0, 1
    for place, full in enumerate(names):
        name = fitting(full, width - 24)
        needed = 24 + extent(name)
        if left and left + needed > width:
            left, row = 0.0, row + 1
        y = _TITLE + _ROW * row
        swatch = f'<path d="M{left:.1f} {y - 4}h18" '
        if place < len(series):
            drawn.append(f'<g {_ink(place)}>{swatch}stroke="currentColor"/></g>')
        else:
            drawn.append(f"{swatch}{_REFERENCE}/>")
        drawn.append(_text(left + 23, y, name))
        left += needed + 14
    return drawn, row


def _said(title: str, time: TimeAxis, named: Sequence[tuple[Series, Floats]], suffix: str) -> str:
    """Describe the chart to who cannot see it."""
    parts = [title]
    if len(time.moments):
        parts.append(time.said())
    for line, values in named:
        known = values[np.isfinite(values)]
        if len(known):
            last, low, high = (number(float(of), 5) + suffix for of in (known[-1], known.min(), known.max()))
            parts.append(f"{line.name}: last {last}, lowest {low}, highest {high}")
        else:
            parts.append(f"{line.name}: no data")
    return "; ".join(parts)
