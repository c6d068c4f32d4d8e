"""Machine-learning models in production, with money on the line: stored, versioned, trusted."""

import importlib
from typing import TYPE_CHECKING

from mlprod._defaults import (
    configure,
    get_ab_testing_manager,
    get_active_model,
    get_drift_detector,
    get_model_serializer,
    get_performance_monitor,
    load_model,
    save_model,
)
from mlprod.errors import MLProdError
from mlprod.formats import Trust
from mlprod.models import ModelMetadata, ModelSerializer
from mlprod.storage import open_store

getABTestingManager = get_ab_testing_manager
getActiveModel = get_active_model
getDriftDetector = get_drift_detector
getModelSerializer = get_model_serializer
getPerformanceMonitor = get_performance_monitor
loadModel = load_model
openStore = open_store
saveModel = save_model


if TYPE_CHECKING:
    from mlprod import consistency as consistency
    from mlprod import dashboard as dashboard
    from mlprod import drift as drift
    from mlprod import experiments as experiments
    from mlprod import monitoring as monitoring
    from mlprod import stats as stats
    from mlprod.consistency import fsck
    from mlprod.drift import DriftDetector
    from mlprod.experiments import ABTestingManager, ExperimentConfig
    from mlprod.monitoring import AlertThreshold, PerformanceMonitor

    __version__: str

_PACKAGES = {
    "ABTestingManager": "experiments",
    "AlertThreshold": "monitoring",
    "DriftDetector": "drift",
    "ExperimentConfig": "experiments",
    "PerformanceMonitor": "monitoring",
    "fsck": "consistency",
}
_MODULES = {"consistency", "dashboard", "drift", "experiments", "monitoring", "stats"}


def __getattr__(name: str) -> object:
    """Import what not every program needs when somebody asks for it, so that others start sooner."""
    if name in _MODULES:
        return importlib.import_module(f"mlprod.{name}")
    if name in _PACKAGES:
        return getattr(importlib.import_module(f"mlprod.{_PACKAGES[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - takes longer than a bot's start should

        return version("mlprod")
    raise AttributeError(f"module 'mlprod' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what is there for users, whether it was imported yet or not."""
    return sorted({*__all__, *_MODULES, "__version__", "errors", "formats", "models", "storage", "typing"})


__all__ = [
    "ABTestingManager",
    "AlertThreshold",
    "DriftDetector",
    "ExperimentConfig",
    "MLProdError",
    "ModelMetadata",
    "ModelSerializer",
    "PerformanceMonitor",
    "Trust",
    "configure",
    "dashboard",
    "fsck",
    "getABTestingManager",
    "getActiveModel",
    "getDriftDetector",
    "getModelSerializer",
    "getPerformanceMonitor",
    "get_ab_testing_manager",
    "get_active_model",
    "get_drift_detector",
    "get_model_serializer",
    "get_performance_monitor",
    "loadModel",
    "load_model",
    "openStore",
    "open_store",
    "saveModel",
    "save_model",
]
