"""Take charts out of the pages that the quickstart wrote: ``python charts.py <from> <to>``."""

import re
import sys
from pathlib import Path

CHARTS = {
    "tutorial-equity.svg": ("sp500-volatility-2008-10.html", "Equity;"),
    "tutorial-drift.svg": ("drift.html", "volatility_22d, share"),
}
PAPER = 'xmlns="http://www.w3.org/2000/svg" style="color:#1f2328;background:#fff"'


def main(written: Path, target: Path) -> None:
    """Write each chart as a file of its own."""
    target.mkdir(exist_ok=True)
    for name, (page, label) in CHARTS.items():
        html = (written / page).read_text(encoding="utf-8")
        chart = next(svg for svg in re.findall(r"<svg .*?</svg>", html, re.DOTALL) if f'"{label}' in svg)
        width, height = re.findall(r'viewBox="0 0 (\d+) (\d+)"', chart)[0]
        alone = chart.replace('width="100%"', f'width="{width}" height="{height}"', 1)
        (target / name).write_text(alone.replace("<svg", f"<svg {PAPER}", 1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
