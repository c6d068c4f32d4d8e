"""The verdict on all that was compared, and the reasons for it in words."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mlprod.drift._settings import Settings
from mlprod.drift._values import (
    CalibrationDrift,
    ConceptDrift,
    Evidence,
    FeatureDrift,
    MultivariateDrift,
    Overall,
    PerformanceDrift,
    blind,
    counted_psi,
)

__all__ = ["overall", "severity"]

_LEVELS: Final = ("significant", "moderate", "none")
_LONGEST: Final = 10  # reasons that name one feature each


def severity(feature: FeatureDrift) -> tuple[bool, int, float, str]:
    """Return what to sort features by, the gravest first."""
    return not feature.drifted, _LEVELS.index(feature.psi_level), -feature.psi, feature.name


def overall(
    features: Sequence[FeatureDrift],
    *,
    multivariate: MultivariateDrift | None,
    predictions: FeatureDrift | None,
    performance: PerformanceDrift | None,
    calibration: CalibrationDrift | None,
    concept: ConceptDrift | None,
    settings: Settings,
) -> Overall:
    """Say whether anything has drifted, and why; the features sorted by severity."""
    evidence = (
        *_of_performance(performance, settings),
        *_of_calibration(calibration),
        *_of_features(features, predictions, settings),
        *_of_rows(multivariate),
        *_of_concept(concept),
    )
    by_weight = tuple(sorted(evidence, key=lambda found: not found.calls_for_retraining))
    reasons = tuple(found.sentence for found in by_weight)
    if len(reasons) > _LONGEST:
        reasons = (*reasons[:_LONGEST], f"and {len(reasons) - _LONGEST} more findings")
    return Overall(
        drift_detected=bool(evidence),
        reasons=reasons or (_nothing_found(features, settings),),
        score=max((counted_psi(feature, settings.policy) for feature in features), default=0.0),
        evidence=by_weight,
    )


def _of_features(
    features: Iterable[FeatureDrift], predictions: FeatureDrift | None, settings: Settings
) -> Iterator[Evidence]:
    for feature in features:
        if feature.drifted:
            yield _of_feature(f"feature {feature.name!r}", feature, settings)
    if predictions is not None and predictions.drifted:
        yield _of_feature("predictions", predictions, settings)


def _of_feature(subject: str, feature: FeatureDrift, settings: Settings) -> Evidence:
    significant = feature.psi_level == "significant"
    by_index = significant or settings.policy == "calibrated"
    threshold = settings.psi_threshold if significant else settings.psi_moderate
    p_value = feature.adjusted_p_value if settings.policy == "calibrated" else feature.psi_p_value
    who = f"{subject} {'have' if subject == 'predictions' else 'has'}"
    if by_index:
        distance = "" if math.isnan(feature.ks_statistic) else f"KS {feature.ks_statistic:.2g}, "
        sentence = (
            f"{who} shifted: PSI {feature.psi:.3g} ({feature.psi_level}, from {threshold:g}), "
            f"{distance}p = {p_value:.2g}; {feature.count:,} rows are worth "
            f"{feature.effective_count:,.0f} independent ones"
        )
        return Evidence(
            subject=subject,
            test="PSI",
            effect=feature.psi,
            threshold=threshold,
            p_value=p_value,
            detectable=feature.min_detectable_psi,
            calls_for_retraining=significant,
            sentence=sentence,
        )
    return Evidence(
        subject=subject,
        test="KS",
        effect=feature.ks_statistic,
        threshold=settings.drift_threshold,
        p_value=feature.ks_p_value,
        detectable=math.nan,
        calls_for_retraining=True,
        sentence=(
            f"{who} another distribution: KS {feature.ks_statistic:.3g}, p = "
            f"{feature.ks_p_value:.2g} (below {settings.drift_threshold:g})"
        ),
    )


def _of_rows(multivariate: MultivariateDrift | None) -> Iterator[Evidence]:
    if multivariate is not None and multivariate.drifted:
        one, other = multivariate.pair
        yield Evidence(
            subject="features together",
            test="multivariate permutation test",
            effect=multivariate.correlation_change,
            threshold=0.0,
            p_value=multivariate.adjusted_p_value,
            detectable=math.nan,
            calls_for_retraining=False,
            sentence=(
                f"features no longer go together as they did: most of all the correlation of {one!r} and "
                f"{other!r} has changed, by {multivariate.correlation_change:+.2f}, p = "
                f"{multivariate.adjusted_p_value:.2g} on {multivariate.rows:,} rows of each"
            ),
        )


def _of_performance(performance: PerformanceDrift | None, settings: Settings) -> Iterator[Evidence]:
    if performance is not None and performance.drifted:
        name = {"mae": "mean absolute error", "error_rate": "error rate"}[performance.metric]
        chance = "" if settings.policy == "classic" else f", p = {performance.p_value:.2g}"
        yield Evidence(
            subject="errors",
            test=performance.metric,
            effect=performance.change,
            threshold=performance.threshold,
            p_value=performance.p_value,
            detectable=performance.min_detectable_change,
            calls_for_retraining=True,
            sentence=(
                f"the {name} has grown by {performance.change:.0%}, from {performance.reference:.4g} to "
                f"{performance.current:.4g} (at least {performance.threshold:.0%} counts{chance})"
            ),
        )


def _of_calibration(calibration: CalibrationDrift | None) -> Iterator[Evidence]:
    if calibration is not None and calibration.drifted:
        yield Evidence(
            subject="confidence",
            test="expected calibration error",
            effect=calibration.current_error - calibration.reference_error,
            threshold=calibration.threshold,
            p_value=calibration.p_value,
            detectable=math.nan,
            calls_for_retraining=True,
            sentence=(
                f"confidence no longer means what it meant: the calibration error was "
                f"{calibration.reference_error:.3g} and is {calibration.current_error:.3g}, "
                f"p = {calibration.p_value:.2g}"
            ),
        )


def _of_concept(concept: ConceptDrift | None) -> Iterator[Evidence]:
    if concept is not None and concept.drifted:
        where = (
            ""
            if concept.regime_change_at is None
            else f", differently from value {concept.regime_change_at:,} on"
        )
        yield Evidence(
            subject="series",
            test="volatility ratio",
            effect=concept.volatility_change,
            threshold=concept.threshold,
            p_value=concept.adjusted_p_value,
            detectable=math.nan,
            calls_for_retraining=False,
            sentence=(
                f"the series behaves differently{where}: volatility {concept.early_volatility:.4g} in its "
                f"first half, {concept.late_volatility:.4g} in its second "
                f"({concept.volatility_change:+.0%}), p = {concept.adjusted_p_value:.2g}"
            ),
        )


def _nothing_found(features: Sequence[FeatureDrift], settings: Settings) -> str:
    if not features:
        return "nothing was found"
    largest = max(features, key=lambda feature: feature.psi)
    unseen = blind(features, settings.psi_threshold)
    if unseen:
        return (
            f"no shift beyond chance, but little could be seen: {len(unseen)} of {len(features)} features "
            f"have too few independent rows to show a PSI of {settings.psi_threshold:g}; "
            f"the {unseen[0].count:,} of {unseen[0].name!r} are worth {unseen[0].effective_count:,.0f}, "
            f"{_enough_for(unseen[0])}"
        )
    return (
        f"no shift of consequence beyond chance: the largest PSI is {largest.psi:.3g} ({largest.name!r}, "
        f"p = {largest.adjusted_p_value:.2g}); one of {largest.min_detectable_psi:.2g} would have been seen"
    )


def _enough_for(feature: FeatureDrift) -> str:
    if math.isinf(feature.min_detectable_psi):
        return "too few for bins"
    return f"enough for one of {feature.min_detectable_psi:.2g}"
