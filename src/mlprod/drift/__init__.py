"""Whether the world is still the one that a model was made for: profiles, tests, and watching row by row."""

from mlprod.drift._alarms import DriftAlarm
from mlprod.drift._bins import CategoricalBins, NumericBins
from mlprod.drift._counts import CategoricalCounts, NumericCounts
from mlprod.drift._detector import DriftDetector
from mlprod.drift._feature import Feature
from mlprod.drift._functions import TwoSampleTest, chi_square, js_divergence, ks_test, psi, wasserstein
from mlprod.drift._inputs import DataSource, RecentData
from mlprod.drift._profile import Profile
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._sample import RowSample
from mlprod.drift._values import (
    CalibrationDrift,
    CheckedData,
    ConceptDrift,
    DriftReport,
    Evidence,
    FeatureDrift,
    Limits,
    MultivariateDrift,
    Overall,
    PerformanceDrift,
)

__all__ = [
    "CalibrationDrift",
    "CategoricalBins",
    "CategoricalCounts",
    "CheckedData",
    "ConceptDrift",
    "DataSource",
    "DriftAlarm",
    "DriftDetector",
    "DriftReport",
    "Evidence",
    "Feature",
    "FeatureDrift",
    "Limits",
    "MultivariateDrift",
    "NumericBins",
    "NumericCounts",
    "Overall",
    "PerformanceDrift",
    "Profile",
    "RecentData",
    "ReferenceProfile",
    "RowSample",
    "TwoSampleTest",
    "chi_square",
    "js_divergence",
    "ks_test",
    "psi",
    "wasserstein",
]
