"""Models: saved in versions, promoted through stages, loaded as they were saved."""

from mlprod.models._examples import Predict
from mlprod.models._retention import AllOf, AnyOf, BestN, LatestN, OlderThan, RetentionPolicy
from mlprod.models._serializer import ModelSerializer
from mlprod.models._values import (
    Bump,
    Check,
    CleanupReport,
    MetricComparison,
    ModelComparison,
    ModelEvent,
    ModelMetadata,
    ModelRef,
    Stage,
    ValidationReport,
    Verify,
)
from mlprod.models._watch import ModelHandle

__all__ = [
    "AllOf",
    "AnyOf",
    "BestN",
    "Bump",
    "Check",
    "CleanupReport",
    "LatestN",
    "MetricComparison",
    "ModelComparison",
    "ModelEvent",
    "ModelHandle",
    "ModelMetadata",
    "ModelRef",
    "ModelSerializer",
    "OlderThan",
    "Predict",
    "RetentionPolicy",
    "Stage",
    "ValidationReport",
    "Verify",
]
