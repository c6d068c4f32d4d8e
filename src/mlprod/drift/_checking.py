"""A check: pure, from a reference and what is new to a report."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod.drift._calibrating import compare_calibration
from mlprod.drift._comparing import compare, judge
from mlprod.drift._concept import compare_halves
from mlprod.drift._counts import Counts, NumericCounts
from mlprod.drift._feature import Feature
from mlprod.drift._performance import compare_errors
from mlprod.drift._profile import Profile
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._settings import Settings
from mlprod.drift._together import compare_rows
from mlprod.drift._values import CheckedData, DriftReport, FeatureDrift, Limits, MultivariateDrift
from mlprod.drift._verdict import overall, severity
from mlprod.stats import (
    Calibration,
    benjamini_hochberg,
    holm,
    variance_inflations,
)

__all__ = ["New", "check"]

_PREDICTIONS: Final = "\0predictions"  # no feature can have this name
_OF_FEATURES: Final = 0.8  # of the false-alarm rate; the rest is for how they go together
_CORRECTIONS: Final = {"bh": benjamini_hochberg, "holm": holm}

_Floats: TypeAlias = NDArray[np.float64]


@final
@attrs.frozen(kw_only=True)
class New:
    """What is compared with a reference; None for what is not.

    Attributes:
        profile: of the features.
        predictions: counts of the predictions.
        errors: counts of the errors without sign.
        calibration: of the confidence.
        series: a series of the world's, in the order of time.
        data: which rows these are.
    """

    profile: Profile | None = None
    predictions: Counts | None = None
    errors: NumericCounts | None = None
    calibration: Calibration | None = None
    series: _Floats | None = None
    data: CheckedData | None = None


def check(reference: ReferenceProfile, new: New, *, settings: Settings, time: datetime) -> DriftReport:
    """Compare, correct, judge.

    The p-values of features and predictions are corrected together, and have four fifths of the false-alarm
    rate; how features go together has the rest. Every kind of question (inputs and outputs, errors,
    confidence, a series) gets its share of the rate, so that the report as a whole keeps to it.
    """
    samples = [new.errors, new.calibration, new.series]
    of_rows = new.profile is not None or new.predictions is not None
    kinds = of_rows + sum(sample is not None for sample in samples)
    if settings.policy == "calibrated":  # the classic thresholds apply as they stand
        settings = attrs.evolve(settings, drift_threshold=settings.drift_threshold / max(kinds, 1))
    alpha = settings.drift_threshold
    features, multivariate = _compare_rows(reference, new, settings)
    predictions = features.pop(_PREDICTIONS, None)
    performance = calibration = concept = None
    if new.errors is not None and reference.errors is not None:
        performance = compare_errors(
            reference.errors, reference.error_metric, new.errors, alpha=alpha, settings=settings
        )
    if new.calibration is not None and reference.calibration is not None:
        calibration = compare_calibration(
            reference.calibration, new.calibration, alpha=alpha, settings=settings
        )
    if new.series is not None:
        concept = compare_halves(new.series, alpha=alpha, settings=settings)
    gravest_first = sorted(features.values(), key=severity)
    return DriftReport(
        model_id=reference.model_id,
        version=reference.version,
        time=time,
        policy=settings.policy,
        reference=reference.id,
        reference_time=reference.created_at,
        rows=0 if new.profile is None else new.profile.rows,
        overall=overall(
            gravest_first,
            multivariate=multivariate,
            predictions=predictions,
            performance=performance,
            calibration=calibration,
            concept=concept,
            settings=settings,
        ),
        features={feature.name: feature for feature in gravest_first},
        multivariate=multivariate,
        predictions=predictions,
        performance=performance,
        calibration=calibration,
        concept=concept,
        ignored=() if new.profile is None else new.profile.ignored,
        data=new.data,
        limits=Limits(
            psi_moderate=settings.psi_moderate, psi_significant=settings.psi_threshold, p_value=alpha
        ),
    )


def _compare_rows(
    reference: ReferenceProfile, new: New, settings: Settings
) -> tuple[dict[str, FeatureDrift], MultivariateDrift | None]:
    """Compare everything that is counted in bins, the predictions under a name that no feature has."""
    pairs: dict[str, tuple[Feature, Counts]] = {}
    if new.profile is not None:
        pairs = {name: (reference.features[name], counts) for name, counts in new.profile.features.items()}
    inflations = _inflations(pairs, settings)
    if new.predictions is not None and reference.predictions is not None:
        answers = reference.predictions, new.predictions
        inflations |= _inflations({_PREDICTIONS: answers}, settings)
        pairs[_PREDICTIONS] = answers
    alpha = settings.drift_threshold * _OF_FEATURES / max(len(pairs), 1)
    measured = {
        name: compare(name, feature, counts, alpha=alpha, inflation=inflations[name])
        for name, (feature, counts) in pairs.items()
    }
    together = None
    if new.profile is not None:
        numeric = [measured[name] for name in reference.numeric]
        together = compare_rows(reference.sample, new.profile.sample, numeric)
    corrected = _CORRECTIONS[settings.correction]([feature.p_value for feature in measured.values()])
    adjusted = corrected if together is None else np.minimum(corrected / _OF_FEATURES, 1.0)
    judged = {
        name: judge(feature, float(p_value), settings)
        for (name, feature), p_value in zip(measured.items(), adjusted, strict=True)
    }
    if together is not None:
        p_value = min(together.p_value / (1 - _OF_FEATURES), 1.0)
        drifted = p_value <= settings.drift_threshold
        together = attrs.evolve(together, adjusted_p_value=p_value, drifted=drifted)
    return judged, together


def _inflations(pairs: Mapping[str, tuple[Feature, Counts]], settings: Settings) -> dict[str, float]:
    if not settings.is_ordered:
        return dict.fromkeys(pairs, 1.0)
    found = variance_inflations(
        [feature.counts.serial for feature, _ in pairs.values()],
        [counts.serial for _, counts in pairs.values()],
    )
    return dict(zip(pairs, found.tolist(), strict=True))
