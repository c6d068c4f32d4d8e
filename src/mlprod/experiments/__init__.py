"""Experiments: models compared on live traffic, with verdicts that can be believed."""

from mlprod.experiments._audit import Audit
from mlprod.experiments._config import Correction, ExperimentConfig, Mode, TestName
from mlprod.experiments._manager import ABTestingManager
from mlprod.experiments._metric import Metric
from mlprod.experiments._progress import ExperimentOverview, LiftAt
from mlprod.experiments._values import (
    Experiment,
    ExperimentAnalysis,
    ExperimentConclusion,
    ExperimentStatus,
    Maturity,
    MetricComparison,
    Phase,
    SampleRatio,
    Variant,
    VariantMetrics,
)
from mlprod.stats import Interval

__all__ = [
    "ABTestingManager",
    "Audit",
    "Correction",
    "Experiment",
    "ExperimentAnalysis",
    "ExperimentConclusion",
    "ExperimentConfig",
    "ExperimentOverview",
    "ExperimentStatus",
    "Interval",
    "LiftAt",
    "Maturity",
    "Metric",
    "MetricComparison",
    "Mode",
    "Phase",
    "SampleRatio",
    "TestName",
    "Variant",
    "VariantMetrics",
]
