"""The streams of a monitored model, and what their records look like. A file format: see docs/formats.md."""

from typing import Final

from mlprod.storage import join
from mlprod.storage.journal import Column, Layout

__all__ = [
    "DRIFT",
    "PREDICTION",
    "ROOT",
    "TRADE",
    "actuals",
    "drift",
    "features",
    "predictions",
    "trades",
    "versions_of",
]

ROOT: Final = "monitoring"

PREDICTION: Final = Layout(
    (
        Column("confidence", "float"),
        Column("latency_ms", "float"),
        Column("prediction", "float"),
        Column("actual", "float"),
        Column("actual_time", "int"),
        Column("prediction_id", "id", is_indexed=True),
        Column("flags", "flags"),
    )
)
TRADE: Final = Layout(
    (
        Column("pnl", "float"),
        Column("confidence", "float"),
        Column("trade_id", "id"),
        Column("symbol", "text"),
        Column("side", "text"),
        Column("flags", "flags"),
    )
)
DRIFT: Final = Layout(
    (
        Column("feature_drift_score", "float"),
        Column("prediction_drift_score", "float"),
        Column("performance_drift_score", "float"),
    )
)


def predictions(model_id: str, version: str) -> str:
    """Return the name of the stream."""
    return join(ROOT, model_id, "predictions", version)


def actuals(model_id: str) -> str:
    """Return the name of the stream: an outcome names its prediction, not the version that made it."""
    return join(ROOT, model_id, "actuals")


def trades(model_id: str, version: str) -> str:
    """Return the name of the stream."""
    return join(ROOT, model_id, "trades", version)


def drift(model_id: str, version: str) -> str:
    """Return the name of the stream."""
    return join(ROOT, model_id, "drift", version)


def features(model_id: str, version: str | None) -> str:
    """Return the name of the stream, or what those of all versions begin with."""
    return join(ROOT, model_id, "features", *([] if version is None else [version]))


def versions_of(streams: "list[str]", model_id: str) -> list[str]:
    """Return the versions that recorded anything, sorted."""
    below = join(ROOT, model_id)
    names = (
        stream.removeprefix(f"{below}/").split("/") for stream in streams if stream.startswith(f"{below}/")
    )
    return sorted({parts[1] for parts in names if len(parts) == 2})  # noqa: PLR2004 - kind and version
