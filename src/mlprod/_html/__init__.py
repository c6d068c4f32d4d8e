"""How figures look wherever people read them: the names of metrics, how numbers are written, one style."""

from mlprod._html._markup import counted, scrolling, tile, time_tag
from mlprod._html._metrics import GROUPS, METRICS, Metric
from mlprod._html._style import NOTEBOOK_STYLE, PAGE_STYLE, STYLE
from mlprod._text import isolated

__all__ = [
    "GROUPS",
    "METRICS",
    "NOTEBOOK_STYLE",
    "PAGE_STYLE",
    "STYLE",
    "Metric",
    "counted",
    "isolated",
    "scrolling",
    "tile",
    "time_tag",
]
