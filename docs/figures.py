"""Draw what the explanations compute, by running their examples: ``python figures.py <pages> <to>``."""

import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 190, 36, 40  # margins; the right one holds the names of the lines
# The colours of Okabe and Ito that stand out on white and on black.
INKS = ("#D55E00", "#0072B2")
OPEN = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -8 {WIDTH + 24} {HEIGHT + 20}" width="{WIDTH + 24}" '
    f'height="{HEIGHT + 20}" style="color:#1f2328;background:#fff" fill="currentColor" '
    'font-family="system-ui,sans-serif" font-size="12">'
)


@attrs.frozen
class Line:
    """A share against a size; the ink is its place among the colours."""

    name: str
    ink: int
    points: Sequence[tuple[float, float]]
    is_dotted: bool = False


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
    lines = [
        Line(name, ink, list(zip(computed["n"].tolist(), computed[share].tolist(), strict=True)))
        for ink, (name, share) in enumerate({"t-test, each look at 5%": "peeked", "anytime-valid": "ours"}.items())
    ]
    title = "Stopped by then, though nothing was wrong"
    return chart(title, lines, "trades of each variant", ticks=(2, 10, 100, 1_000), level=0.05)


def draw_psi(computed: dict[str, Any]) -> str:
    """Draw how often a threshold fires on nothing: the law as a line, the simulation as dots."""
    sizes = [10 ** (1.5 + step / 50) for step in range(76)]
    law = computed["chdtrc"]
    lines = []
    for ink, limit in enumerate(computed["thresholds"]):
        curve = [(size, float(law(9, limit * size / 2))) for size in sizes]
        lines.append(Line(f"PSI of {limit} or more", ink, curve))
        dots = list(zip(computed["sizes"].tolist(), map(float, computed["fired"][limit]), strict=True))
        lines.append(Line("", ink, dots, is_dotted=True))
    title = "A threshold fires, though nothing has changed"
    return chart(title, lines, "rows of each sample, ten bins", ticks=(50, 100, 200, 500, 1_000), level=0.05)


def chart(title: str, lines: Iterable[Line], below: str, *, ticks: Sequence[float], level: float) -> str:
    """Return an SVG of shares from 0 to 1 against sizes on a logarithmic axis."""
    drawn = list(lines)
    sizes = [size for line in drawn for size, _ in line.points]
    low, high = math.log(min(sizes)), math.log(max(sizes))

    def place(size: float, share: float) -> tuple[float, float]:
        x = LEFT + (math.log(size) - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def parts() -> Iterator[str]:
        yield text(0, 14, title, 'font-size="14" font-weight="600"')
        right = WIDTH - RIGHT
        for percent in (0, 25, 50, 75, 100):
            y = place(math.exp(low), percent / 100)[1]
            yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="currentColor" stroke-opacity=".18"/>'
            yield text(LEFT - 6, y + 4, f"{percent}%", 'text-anchor="end"')
        for tick in ticks:
            x, y = place(tick, 0)
            yield f'<path d="M{x:.1f} {y:.1f}v4" stroke="currentColor" stroke-opacity=".5"/>'
            yield text(x, y + 17, f"{tick:,}", 'text-anchor="middle"')
        yield text(right, HEIGHT - 6, below, 'text-anchor="end"')
        y = place(math.exp(low), level)[1]
        yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="currentColor" stroke-dasharray="5 3"/>'
        for row, line in enumerate(line for line in drawn if line.name):
            yield f'<path d="M{right + 12} {TOP + 4 + 20 * row}h16" stroke="{INKS[line.ink]}" stroke-width="2"/>'
            yield text(right + 34, TOP + 8 + 20 * row, line.name)
        rows = sum(bool(line.name) for line in drawn)
        yield (
            f'<path d="M{right + 12} {TOP + 4 + 20 * rows}h16" stroke="currentColor" stroke-dasharray="5 3"/>'
        )
        yield text(right + 34, TOP + 8 + 20 * rows, f"{level:.0%}")
        for line in drawn:
            yield from shapes(line, [place(*point) for point in line.points])

    return f"{OPEN}<title>{title}</title>{''.join(parts())}</svg>"


def shapes(line: Line, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    """Draw a line, or its points as dots."""
    if line.is_dotted:
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{INKS[line.ink]}"/>'
        return
    path = "M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<path d="{path}" fill="none" stroke="{INKS[line.ink]}" stroke-width="2"/>'


def text(x: float, y: float, words: str, attributes: str = "") -> str:
    """Return words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{words}</text>'


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
