"""Line charts over time as inline SVG: no script, no dependency, no network, legible in light and dark.

Not a charting library: one kind of chart, for reports and notebooks.
"""

from mlprod._svg._chart import Series, line_chart
from mlprod._svg._text import MINUS, NO_DATA, escaped, number

__all__ = ["MINUS", "NO_DATA", "Series", "escaped", "line_chart", "number"]
