"""One metric of a treatment against the control: every figure that is shown. Pure."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod.experiments._config import ExperimentConfig
from mlprod.experiments._evidence import Evidence, evidence_of, shown_lifts
from mlprod.experiments._metric import Metric
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import Experiment, MetricComparison
from mlprod.stats import (
    ClusterSums,
    Comparison,
    Estimate,
    Interval,
    anytime_p_value,
    benjamini_hochberg,
    bootstrap,
    holm,
    mann_whitney,
    proportions,
    relative_lift,
    welch,
)

__all__ = ["CORRECTIONS", "IntervalAt", "Samples", "compared", "interval_at"]

Samples: TypeAlias = Callable[[str, int], NDArray[np.float64]]
"""Returns all outcomes of a metric of a variant, shape ``(n,)``."""

IntervalAt: TypeAlias = Callable[[MetricComparison, float, bool], Interval]
"""Returns the interval of the lift of a comparison at a level, for one look (or for any)."""

_RESAMPLES = 2000
_EVERYTHING: Final = Interval(-math.inf, math.inf)

CORRECTIONS: Final[Mapping[str, Callable[[list[float]], NDArray[np.float64]]]] = {
    "holm": holm,
    "bh": benjamini_hochberg,
    "none": np.array,
}


def compared(experiment: Experiment, sums: Sums, samples: Samples) -> tuple[MetricComparison, ...]:
    """Return all metrics of all treatments, the primary one first.

    The p-values of the primary metric are corrected for the number of treatments; those of all other metrics
    together for their number.
    """
    config, names = experiment.config, tuple(experiment.models)
    metrics = dict.fromkeys((*(metric.name for metric in config.guarded), *sorted(sums.metrics())))
    found = [
        _comparison(experiment, evidence, sums, samples, variant)
        for metric in map(config.metric, metrics)
        for variant in range(1, len(names))
        for evidence in [evidence_of(metric, sums, variant, config.planned_outcomes)]
    ]
    primary = [one for one in found if one.metric == config.primary_metric]
    others = [one for one in found if one.metric != config.primary_metric]
    return (*_corrected(primary, config), *_corrected(others, config))


def interval_at(
    experiment: Experiment, sums: Sums, one: MetricComparison, alpha: float, *, is_fixed: bool
) -> Interval:
    """Return the interval of the lift of a comparison at another level, for one look or for any."""
    config, variant = experiment.config, tuple(experiment.models).index(one.variant_id)
    evidence = evidence_of(config.metric(one.metric), sums, variant, config.planned_outcomes)
    if not is_fixed:
        return evidence.lifts(alpha)
    return shown_lifts(evidence.metric, _lift_interval(evidence, sums, variant, one.test, 1 - alpha))


def _corrected(family: Sequence[MetricComparison], config: ExperimentConfig) -> list[MetricComparison]:
    adjusted = CORRECTIONS[config.correction]([one.p_value for one in family])
    return [attrs.evolve(one, adjusted_p_value=float(p)) for one, p in zip(family, adjusted, strict=True)]


def _comparison(
    experiment: Experiment, evidence: Evidence, sums: Sums, samples: Samples, variant: int
) -> MetricComparison:
    metric, config = evidence.metric, experiment.config
    name = tuple(experiment.models)[variant]
    phases = evidence.phases or sums.phases(metric.name)
    counts = [sum(sums.cell(metric.name, number, phase).count for phase in phases) for number in (0, variant)]
    if not evidence.strata:
        return MetricComparison(
            metric=metric.name, variant_id=name, control_samples=counts[0], treatment_samples=counts[1]
        )
    test, found = _tested(experiment, evidence, sums, samples, variant)
    interval = _lift_interval(evidence, sums, variant, test, config.confidence_level)
    anytime = evidence.anytime_interval(config.alpha)
    control, treatment = metric.shown(evidence.control), metric.shown(evidence.treatment)
    bounds = found.interval or _difference(evidence, config.confidence_level).interval
    is_plain = bounds is not None and not metric.is_root
    return MetricComparison(
        metric=metric.name,
        variant_id=name,
        control=control,
        treatment=treatment,
        control_samples=counts[0],
        treatment_samples=counts[1],
        difference=treatment - control,
        difference_interval=bounds if is_plain and bounds else _differences(metric, control, interval),
        anytime_difference_interval=evidence.anytime_difference(config.alpha)
        if is_plain
        else _differences(metric, control, anytime),
        lift=metric.lift(evidence.lift),
        interval=shown_lifts(metric, interval),
        anytime_interval=shown_lifts(metric, anytime),
        p_value=found.p_value,
        anytime_p_value=anytime_p_value(evidence.log_e()),
        test=test,
        is_improvement=_direction(metric, treatment - control, test, found),
        is_adjusted=evidence.is_adjusted,
    )


def _direction(metric: Metric, difference: float, test: str, found: Comparison) -> bool | None:
    """Return whether a difference is on the good side.

    None where there is none, or where ranks say the opposite: a model that mostly wins a little, and
    loses much sometimes, is neither better nor worse.
    """
    ranks = found.effect - 0.5 if test == "mann_whitney" else difference
    if not difference or difference * ranks < 0:
        return None
    return (difference < 0) == metric.is_error


def _tested(
    experiment: Experiment, evidence: Evidence, sums: Sums, samples: Samples, variant: int
) -> tuple[str, Comparison]:
    """Return the name of the test that fits, or was asked for, and what it found."""
    asked, metric, stratum = experiment.config.test, evidence.metric, evidence.strata[0]
    confidence = experiment.config.confidence_level
    is_one_split = sums.phases(metric.name) == list(evidence.phases[:1]) and stratum.pairs is None
    if asked == "mann_whitney" and is_one_split and not evidence.is_clustered:
        return "mann_whitney", mann_whitney(samples(metric.name, 0), samples(metric.name, variant))
    if asked == "bootstrap" and is_one_split:
        return "bootstrap", _bootstrapped(evidence, sums, variant, confidence)
    if len(evidence.strata) == 1 and stratum.is_count and asked in {"auto", "chi_square"}:
        control, treatment = stratum.control, stratum.treatment
        counts = round(control.total), control.count, round(treatment.total), treatment.count
        found = proportions(*counts)
        return "chi_square" if math.isfinite(found.dof) else "boschloo", found
    test = "t_test" if stratum.pairs is None else "paired_t_test"
    return test, _difference(evidence, confidence)


def _difference(evidence: Evidence, confidence: float) -> Comparison:
    return welch(*_contrast(evidence), confidence=confidence)


def _contrast(evidence: Evidence) -> tuple[Estimate, Estimate]:
    """Return two estimates whose difference is that of the strata: a sure zero, and the difference itself."""
    if len(evidence.strata) == 1 and evidence.strata[0].pairs is None:
        stratum = evidence.strata[0]
        return Estimate.of_moments(stratum.control), Estimate.of_moments(stratum.treatment)
    return Estimate(0.0, 0.0, math.inf, 0), evidence.difference()


def _lift_interval(evidence: Evidence, sums: Sums, variant: int, test: str, confidence: float) -> Interval:
    """Return the interval of the relative lift of the mean, for one look."""
    if test == "bootstrap":
        return _bootstrapped(evidence, sums, variant, confidence, relative=True).interval or _EVERYTHING
    if len(evidence.strata) == 1 and evidence.strata[0].pairs is None:
        return relative_lift(*_contrast(evidence), confidence=confidence)
    return evidence.fixed_interval(confidence)


def _bootstrapped(
    evidence: Evidence, sums: Sums, variant: int, confidence: float, *, relative: bool = False
) -> Comparison:
    name = evidence.metric.name
    groups: list[ClusterSums] = [sums.cell(name, number).clusters for number in (0, variant)]
    seed = int.from_bytes(hashlib.sha256(f"{name}:{variant}".encode()).digest()[:4], "little")
    return bootstrap(*groups, seed=seed, resamples=_RESAMPLES, confidence=confidence, relative=relative)


def _differences(metric: Metric, control: float, interval: Interval) -> Interval:
    """Return the interval of the difference of what is shown, from that of the lift of the mean."""
    lifts = shown_lifts(metric, interval)
    return Interval(
        *(limit if math.isinf(limit) else limit * abs(control) for limit in (lifts.low, lifts.high))
    )
