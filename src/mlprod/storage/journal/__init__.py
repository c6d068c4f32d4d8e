"""Facts: typed streams of fixed-size records that outlive ``kill -9``."""

from mlprod.storage.journal._appender import Appender
from mlprod.storage.journal._files import Summarize
from mlprod.storage.journal._forking import renew_in_children
from mlprod.storage.journal._journal import Change, Journal
from mlprod.storage.journal._layout import MARK, Column, ColumnType, Layout
from mlprod.storage.journal._reading import Part, Reading, gathered, in_time_order
from mlprod.storage.journal._table import Table

__all__ = [
    "MARK",
    "Appender",
    "Change",
    "Column",
    "ColumnType",
    "Journal",
    "Layout",
    "Part",
    "Reading",
    "Summarize",
    "Table",
    "gathered",
    "in_time_order",
    "renew_in_children",
]
