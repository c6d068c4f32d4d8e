"""The streams of an experiment, and what their records look like. A file format: see docs/formats.md."""

import functools
from typing import Final

from mlprod.storage import join
from mlprod.storage.journal import Column, Layout

__all__ = [
    "FLAT",
    "LONG",
    "METRIC",
    "PREDICTION",
    "ROOT",
    "SHORT",
    "TRADE",
    "actuals",
    "metrics",
    "predictions",
    "root",
    "shadow_layout",
    "shadows",
    "trades",
]

ROOT: Final = "experiments"

LONG: Final = 1
SHORT: Final = 2
FLAT: Final = 3
"""What a prediction said to do; 0 where it did not say."""

_WHERE: Final = (Column("variant", "flags"), Column("phase", "flags"))
_OUTCOME: Final = (
    Column("actual", "float"),
    Column("actual_time", "int"),
    Column("prediction_id", "id", is_indexed=True),
)

PREDICTION: Final = Layout(
    (
        Column("confidence", "float"),
        Column("latency_ms", "float"),
        Column("prediction", "float"),
        Column("covariate", "float"),
        *_OUTCOME,
        Column("unit_id", "id"),
        Column("symbol", "text"),
        Column("signal", "flags"),
        Column("flags", "flags"),
        *_WHERE,
    )
)
TRADE: Final = Layout(
    (
        Column("pnl", "float"),
        Column("returns", "float"),
        Column("covariate", "float"),
        Column("trade_id", "id", is_indexed=True),
        Column("unit_id", "id"),
        Column("symbol", "text"),
        Column("side", "text"),
        *_WHERE,
    )
)
METRIC: Final = Layout(
    (Column("value", "float"), Column("covariate", "float"), Column("unit_id", "id"), *_WHERE)
)


@functools.lru_cache(maxsize=64)
def shadow_layout(variants: int) -> Layout:
    """Return the layout of a record that holds what all variants said of one unit."""
    scores = (
        column
        for number in range(variants)
        for column in (
            Column(f"prediction_{number}", "float"),
            Column(f"confidence_{number}", "float"),
            Column(f"latency_ms_{number}", "float"),
            Column(f"pnl_{number}", "float"),
            Column(f"signal_{number}", "flags"),
            Column(f"flags_{number}", "flags"),
        )
    )
    return Layout((*_OUTCOME, Column("symbol", "text"), Column("flags", "flags"), *_WHERE, *scores))


def root(experiment_id: str) -> str:
    """Return what the names of all streams of an experiment begin with."""
    return join(ROOT, experiment_id)


def predictions(experiment_id: str) -> str:
    """Return the name of the stream."""
    return join(root(experiment_id), "predictions")


def shadows(experiment_id: str) -> str:
    """Return the name of the stream."""
    return join(root(experiment_id), "shadows")


def trades(experiment_id: str) -> str:
    """Return the name of the stream."""
    return join(root(experiment_id), "trades")


def actuals(experiment_id: str) -> str:
    """Return the name of the stream: an outcome names its prediction, not the variant that made it."""
    return join(root(experiment_id), "actuals")


def metrics(experiment_id: str, name: str = "") -> str:
    """Return the name of the stream of a metric, or what all of them begin with."""
    return join(root(experiment_id), "metrics", name) if name else join(root(experiment_id), "metrics")
