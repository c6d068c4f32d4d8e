"""Draw what the explanations compute, by running their examples: ``python figures.py <pages> <to>``."""

import math
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

PLOT_WIDTH, PLOT_HEIGHT = 410, 230
VIEW = (-56, -44, 670, 322)  # x, y, width and height; the plot begins at 0, 0, and the legend is right of it
LEVEL = 0.05
# The colours of Okabe and Ito that stand out on white and on black.
INKS = ("#D55E00", "#0072B2")
END = 'text-anchor="end"'
FAINT, DASHED = 'stroke="currentColor" stroke-opacity=".18"', 'stroke="currentColor" stroke-dasharray="5 3"'


@attrs.frozen
class Line:
    """Shares from 0 to 1 against sizes, and perhaps some of them as dots."""

    name: str
    points: Sequence[tuple[float, float]]
    dots: Sequence[tuple[float, float]] = ()


@attrs.frozen
class Axis:
    """Sizes on a logarithmic axis."""

    name: str
    ticks: Sequence[int]
    first: float
    last: float

    def __call__(self, size: float) -> float:
        """Return where a size lies, from the left of the plot."""
        return PLOT_WIDTH * math.log(size / self.first) / math.log(self.last / self.first)


def main(pages: Path, target: Path) -> None:
    """Run the examples of each page, and draw what came out."""
    for name, draw in {"peeking": draw_peeking, "psi": draw_psi}.items():
        page = (pages / f"{name}.md").read_text(encoding="utf-8")
        computed: dict[str, Any] = {}
        for example in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
            exec(example, computed)  # noqa: S102 - the examples are ours
        (target / f"{name}.svg").write_text(draw(computed) + "\n", encoding="utf-8")


def draw_peeking(computed: dict[str, Any]) -> str:
    """Draw how many experiments without a difference were stopped by then."""
    named = {"t-test, each look at 5%": "peeked", "anytime-valid": "ours"}
    lines = [Line(name, points(computed["n"], computed[shares])) for name, shares in named.items()]
    axis = Axis("trades of each variant", (2, 10, 100, 1_000), 2, 1_000)
    return chart("Stopped by then, though nothing was wrong", lines, axis)


def draw_psi(computed: dict[str, Any]) -> str:
    """Draw how often a threshold fires on nothing: the law as a line, the simulation as dots."""
    axis = Axis("rows of each sample, ten bins", (50, 100, 200, 500, 1_000), 32, 1_000)
    sizes = [32 * (1_000 / 32) ** (step / 75) for step in range(76)]
    lines = [
        Line(
            f"PSI of {limit} or more",
            points(sizes, [computed["chdtrc"](9, limit * size / 2) for size in sizes]),
            points(computed["sizes"], fired),
        )
        for limit, fired in computed["fired"].items()
    ]
    return chart("A threshold fires, though nothing has changed", lines, axis)


def points(sizes: Sequence[float], shares: Sequence[float]) -> list[tuple[float, float]]:
    """Return pairs of plain numbers."""
    return list(zip(map(float, sizes), map(float, shares), strict=True))


def chart(title: str, lines: Sequence[Line], axis: Axis) -> str:
    """Return an SVG."""
    drawn = [f"<title>{title}</title>", text(VIEW[0] + 8, -22, title, 'font-size="14" font-weight="600"')]
    for percent in (0, 25, 50, 75, 100):
        drawn += [rule(percent / 100, FAINT), text(-6, y(percent / 100) + 4, f"{percent}%", END)]
    for tick in axis.ticks:
        drawn.append(f'<path d="M{axis(tick):.1f} {PLOT_HEIGHT}v4" stroke="currentColor"/>')
        drawn.append(text(axis(tick), PLOT_HEIGHT + 17, f"{tick:,}", 'text-anchor="middle"'))
    drawn += [text(PLOT_WIDTH, PLOT_HEIGHT + 36, axis.name, END), rule(LEVEL, DASHED)]
    for line, ink in zip(lines, INKS, strict=True):
        drawn += shapes(line, axis, ink)
    styles = {line.name: f'stroke="{ink}" stroke-width="2"' for line, ink in zip(lines, INKS, strict=True)}
    for row, (name, style) in enumerate({**styles, f"{LEVEL:.0%}": DASHED}.items()):
        drawn.append(f'<path d="M{PLOT_WIDTH + 12} {20 * row + 4}h16" {style}/>')
        drawn.append(text(PLOT_WIDTH + 34, 20 * row + 8, name))
    box = " ".join(map(str, VIEW))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{VIEW[2]}" height="{VIEW[3]}" '
        'style="color:#1f2328;background:#fff" fill="currentColor" font-family="system-ui,sans-serif" '
        f'font-size="12">{"".join(drawn)}</svg>'
    )


def shapes(line: Line, axis: Axis, ink: str) -> Iterator[str]:
    """Draw a line and its dots."""
    path = "M" + " ".join(f"{axis(size):.1f},{y(share):.1f}" for size, share in line.points)
    yield f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="2"/>'
    for size, share in line.dots:
        yield f'<circle cx="{axis(size):.1f}" cy="{y(share):.1f}" r="3.5" fill="{ink}"/>'


def rule(share: float, style: str) -> str:
    """Return a horizontal line through the plot."""
    return f'<path d="M0 {y(share):.1f}h{PLOT_WIDTH}" {style}/>'


def text(x: float, baseline: float, words: str, attributes: str = "") -> str:
    """Return words at a place."""
    return f'<text x="{x:.1f}" y="{baseline:.1f}" {attributes}>{words}</text>'


def y(share: float) -> float:
    """Return how far below the top of the plot a share lies."""
    return PLOT_HEIGHT * (1 - share)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
