"""How an experiment stands: from sums to everything that is said about it. Pure."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime

from mlprod.experiments._checking import maturity_of, sample_ratio_of
from mlprod.experiments._comparing import Samples, compared
from mlprod.experiments._conclusion import conclude
from mlprod.experiments._evidence import evidence_of
from mlprod.experiments._metrics import metrics_of
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import (
    Experiment,
    ExperimentAnalysis,
    ExperimentConclusion,
    Maturity,
    MetricComparison,
)
from mlprod.experiments._wording import p_in_words
from mlprod.stats import Interval

__all__ = ["analysis_of", "conclusion_of"]

_FEW = 30
_POWER = 0.8


def analysis_of(experiment: Experiment, sums: Sums, samples: Samples, at: datetime) -> ExperimentAnalysis:
    """Return how an experiment stands.

    Args:
        experiment: as it stands.
        sums: everything that was recorded.
        samples: gives single outcomes, for tests that need them.
        at: the time.
    """
    verdict = conclusion_of(experiment, sums, samples, is_planned=False)
    maturity = maturity_of(experiment, sums)
    return ExperimentAnalysis(
        experiment_id=experiment.id,
        status=experiment.status,
        at=at,
        verdict=verdict,
        variants=verdict.variants,
        comparisons=verdict.comparisons,
        srm=verdict.srm,
        maturity=maturity,
        samples_needed=_samples_needed(experiment, verdict.comparisons),
        warnings=tuple(_warnings(experiment, verdict, maturity)),
    )


def conclusion_of(
    experiment: Experiment,
    sums: Sums,
    samples: Samples,
    *,
    is_planned: bool,
    winner: str | None = None,
    because: str = "",
    is_one_sided: bool = False,
) -> ExperimentConclusion:
    """Return what an experiment has shown; see `conclude`."""
    return conclude(
        experiment,
        metrics_of(experiment, sums),
        compared(experiment, sums, samples),
        sample_ratio_of(experiment, sums),
        is_planned=is_planned,
        winner=winner,
        because=because,
        bounds=_bounds(experiment, sums) if is_one_sided else None,
    )


def _bounds(experiment: Experiment, sums: Sums) -> Mapping[str, Interval]:
    """Return one-sided bounds of the lift of the primary metric: two-sided intervals at twice the level.

    All guarded metrics of all treatments share the level, as in the rule of auto-stop.
    """
    config = experiment.config
    alpha = 2 * config.alpha / (len(config.guarded) * (len(experiment.models) - 1))
    return {
        name: evidence_of(config.primary, sums, variant, config.planned_outcomes).lifts(alpha)
        for variant, name in enumerate(experiment.models)
        if variant
    }


def _samples_needed(experiment: Experiment, comparisons: tuple[MetricComparison, ...]) -> int | None:
    """Return about how many more outcomes each variant needs, if the difference is as large as it seems.

    The width of an interval falls with the root of the number of outcomes. Of several treatments, for the
    best one.
    """
    primary = [one for one in comparisons if one.metric == experiment.config.primary_metric]
    best = max(primary, key=lambda one: abs(one.difference) if one.is_improvement else -abs(one.difference))
    low, high = best.anytime_difference_interval.low, best.anytime_difference_interval.high
    if not best.difference or not math.isfinite(high - low):
        return None
    held = min(best.control_samples, best.treatment_samples)
    ratio = (high - low) / 2 / abs(best.difference)
    return max(math.ceil(held * (ratio * ratio - 1)), 0)


def _warnings(experiment: Experiment, verdict: ExperimentConclusion, maturity: Maturity) -> Iterator[str]:
    config = experiment.config
    if verdict.srm.is_mismatch:
        chance = p_in_words(verdict.srm.p_value)
        yield f"variants did not get their shares of the {verdict.srm.source} ({chance})"
    if maturity.is_different:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in maturity.pending.items())
        yield f"variants differ in how many outcomes are missing: {shares}; those that are known may mislead"
    for one in verdict.comparisons:
        if one.metric != config.primary_metric:
            continue
        fewest = min(one.control_samples, one.treatment_samples)
        if fewest < config.min_sample_size:
            yield (
                f"{one.variant_id}: {fewest:,} outcomes of {one.metric}; "
                f"{config.min_sample_size:,} of each variant were planned"
            )
    for one in verdict.comparisons:
        if (
            one.metric in config.guardrail_metrics
            and one.is_improvement is False
            and one.anytime_p_value < config.alpha
        ):
            yield f"{one.variant_id}: the guardrail {one.metric} is worse ({one.lift:+.1%})"
    if not any(one.control_samples for one in verdict.comparisons):
        yield "nothing was recorded of the control"
