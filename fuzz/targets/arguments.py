"""What callers pass: references, names, configs, events and thresholds, out of other people's JSON."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from fuzz.everything import NOW, copied, files
from fuzz.frames import JSON
from fuzz.target import Target
from mlprod import ABTestingManager, AlertThreshold, DriftDetector, ModelSerializer, PerformanceMonitor, Trust
from mlprod.storage import MemoryStore
from mlprod.testing import FrozenClock

__all__ = ["TARGETS"]

_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "models.get_metadata": {"ref": "momentum@production"},
    "models.load": {"ref": "momentum@1.0.1", "verify": "full", "mmap": False},
    "models.list_models": {"name": "momentum", "tag": "a", "stage": "production", "format": "json"},
    "models.save": {
        "model": {"w": [1.0]}, "name": "fuzz", "metrics": {"accuracy": 0.5}, "config": {"a": {"b": [1]}},
        "version": None, "bump": "patch", "format": "json", "tags": ["a"], "aliases": ["b"],
        "parent": "momentum@1.0.0", "examples": None, "signature": {"inputs": {}}, "activate": False,
    },
    "models.promote": {"ref": "momentum@1.0.1", "stage": "staging", "expected": None, "reason": ""},
    "models.rollback": {"name": "momentum", "to": "1.0.1", "reason": ""},
    "models.best": {"name": "momentum", "metric": "accuracy", "maximize": True},
    "monitor.record_prediction": {
        "model_id": "momentum", "version": "1.0.0", "event": {"latencyMs": 5.0}, "correct": True,
        "confidence": 0.5, "prediction": 1.0, "actual": 2.0, "prediction_id": 7, "error": False,
        "features": {"rsi": 1.0, "side": "a"},
    },
    "monitor.record_predictions": {
        "model_id": "momentum", "version": "1.0.0", "confidence": [0.5, 0.4], "prediction": [1.0, 2.0],
        "actual": [1.0, 2.0], "prediction_id": ["a", "b"], "correct": [True, False], "latency_ms": 1.0,
    },
    "monitor.record_actual": {"model_id": "momentum", "prediction_id": 7, "actual": 1.0},
    "monitor.record_trade": {
        "model_id": "momentum", "version": "1.0.0", "event": {"tradeId": "t"}, "outcome": "win", "pnl": 1.0,
        "confidence": 0.5, "symbol": "x", "side": "BUY",
    },
    "monitor.record_drift": {"model_id": "momentum", "version": "1.0.0", "event": {"feature_drift": 0.1}},
    "monitor.get_latest_metrics": {"model_id": "momentum", "version": "1.0.0", "window": "24h"},
    "monitor.get_metrics_history": {"model_id": "momentum", "version": None, "step": "1h"},
    "monitor.generate_report": {"model_id": "momentum", "period": "daily"},
    "monitor.acknowledge_alert": {"alert_id": "a1-0", "by": "x", "note": ""},
    "threshold": {
        "type": "latency", "metric": "p99_latency_ms", "value": 1.0, "severity": "warning",
        "comparison": "above", "window": "1h", "for_seconds": 0, "min_samples": 30,
    },
    "manager.create_experiment": {
        "name": "x", "description": "", "control_model": "momentum@1.0.0", "treatment_model": ["har"],
        "config": {
            "maxDuration": 2.0, "min_sample_size": 10, "primary_metric": "win_rate", "traffic_split": [1, 0],
            "traffic_allocation": 1.0, "confidence_level": 0.9, "test": "auto", "guardrail_metrics": ["pnl"],
            "correction": "holm", "trades_per_year": 2, "salt": "s", "mode": "split", "custom_metrics": ["a"],
            "lower_is_better": ["a"], "namespace": None, "namespace_range": [0, 1], "audience": {"a": ["x"]},
            "degradation_threshold": 0.1, "auto_stop_on_degradation": True,
        },
        "id": None,
    },
    "manager.get_variant": {"id": "running", "unit_id": "u", "context": {"s": "x"}},
    "manager.assign": {"id": "running", "unit_ids": ["a", 1]},
    "manager.record_prediction": {
        "id": "running", "variant_id": "control", "event": {"predictionId": "p"}, "symbol": "x",
        "direction": "long", "confidence": 0.5, "prediction": 1.0, "actual": 1.0, "correct": True,
    },
    "manager.record_actual": {"id": "running", "prediction_id": "control1", "actual": 1.0},
    "manager.record_trade": {"id": "running", "variant_id": "control", "event": {"id": "t", "pnl": 1.0}},
    "manager.record_metric": {"id": "running", "variant_id": "control", "metric": "slippage", "value": 1.0},
    "manager.set_traffic": {"id": "running", "split": [0.5, 0.5], "allocation": 1.0, "reason": ""},
    "detector.check": {"model_id": "har@1.0.0", "data": {"x": [1.0, None, 3.0]}},
    "detector.observe": {"model_id": "har@1.0.0", "row_or_batch": {"x": 1.0}},
    "trust": {"pickle": False, "types": ["a.b"], "key": "0123456789abcdef"},
}  # fmt: skip


@functools.cache
def _callables() -> dict[str, Callable[..., object]]:
    store: MemoryStore = copied(files())
    clock = FrozenClock(NOW)
    objects = {
        "models": ModelSerializer(store, clock=clock),
        "monitor": PerformanceMonitor(store, clock=clock),
        "manager": ABTestingManager(store, clock=clock),
        "detector": DriftDetector(store, clock=clock),
    }
    found: dict[str, Callable[..., object]] = {"threshold": AlertThreshold, "trust": Trust}
    for name in _EXAMPLES:
        owner, _, method = name.partition(".")
        if method:
            found[name] = getattr(objects[owner], method)
    return found


_BY_PLACE: Final = frozenset({"model_id", "version", "id", "variant_id", "metric", "value", "event"})
"""What is passed by its place where an event is passed."""


def _call(raw: bytes) -> None:
    """Call with the arguments of an example, each replaced by whatever the input has instead."""
    try:
        document = json.loads(raw)
        name, given = document["call"], dict(document["with"])
        example = _EXAMPLES[name]
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return
    arguments = {key: given.get(key, value) for key, value in example.items()}
    places = [arguments.pop(key) for key in example if key in _BY_PLACE and "event" in example]
    _callables()[name](*places, **arguments)


def _examples() -> list[bytes]:
    return [json.dumps({"call": name, "with": given}).encode() for name, given in _EXAMPLES.items()]


TARGETS = (Target("arguments", _call, _examples, lambda _: JSON),)
