"""Two versions side by side."""

import math
from collections.abc import Mapping

from mlprod.models._values import MetricComparison, ModelComparison, ModelMetadata
from mlprod.typing import JSON

__all__ = ["compare"]


def compare(a: ModelMetadata, b: ModelMetadata) -> ModelComparison:
    """Return what differs, and by how much."""
    metrics = {
        name: _metric(a.metrics.get(name, math.nan), b.metrics.get(name, math.nan))
        for name in sorted({*a.metrics, *b.metrics})
    }
    return ModelComparison(
        a=a.id,
        b=b.id,
        metrics=metrics,
        config=_config(a.config, b.config),
        sizes=(a.size, b.size),
        same_payload=(a.checksum, a.size) == (b.checksum, b.size),
    )


def _metric(a: float, b: float) -> MetricComparison:
    difference = b - a
    return MetricComparison(a, b, difference, difference / abs(a) if a else math.nan)


def _config(a: Mapping[str, JSON], b: Mapping[str, JSON], path: str = "") -> dict[str, tuple[JSON, JSON]]:
    """Return the entries that differ, those of nested mappings as ``outer.inner``."""
    result: dict[str, tuple[JSON, JSON]] = {}
    for key in sorted({*a, *b}):
        ours, theirs = a.get(key), b.get(key)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            result |= _config(ours, theirs, f"{path}{key}.")
        elif ours != theirs or (key in a) != (key in b):
            result[path + key] = (ours, theirs)
    return result
