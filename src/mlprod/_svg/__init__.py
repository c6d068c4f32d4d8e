"""Charts as inline SVG: no script, no dependency, no network, legible in light and dark.

Not a charting library: lines over time, estimates with their intervals, and two distributions side by side,
for reports and notebooks.
"""

from mlprod._svg._chart import Series, line_chart
from mlprod._svg._histogram import paired_bars
from mlprod._svg._intervals import (
    Better,
    IntervalRow,
    interval_axis,
    interval_key,
    interval_rows,
    interval_scale,
)
from mlprod._text import MINUS, NO_DATA, escaped, number

__all__ = [
    "MINUS",
    "NO_DATA",
    "Better",
    "IntervalRow",
    "Series",
    "escaped",
    "interval_axis",
    "interval_key",
    "interval_rows",
    "interval_scale",
    "line_chart",
    "number",
    "paired_bars",
]
