"""How an experiment stands: from sums to everything that is said about it. Pure."""

import math
from collections.abc import Iterator
from datetime import datetime

from mlprod.experiments._checking import maturity_of, sample_ratio_of
from mlprod.experiments._comparing import Samples, compared, interval_at
from mlprod.experiments._conclusion import conclude
from mlprod.experiments._metrics import metrics_of
from mlprod.experiments._stopping import Degradation, stops_if
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import (
    Experiment,
    ExperimentAnalysis,
    ExperimentConclusion,
    Maturity,
    MetricComparison,
)
from mlprod.experiments._wording import p_in_words

__all__ = ["analysis_of", "conclusion_of"]

_FEW = 30
_POWER = 0.8


def analysis_of(experiment: Experiment, sums: Sums, samples: Samples, at: datetime) -> ExperimentAnalysis:
    """Return how an experiment stands; one that has ended stands as it was concluded.

    Args:
        experiment: as it stands.
        sums: everything that was recorded.
        samples: gives single outcomes, for tests that need them.
        at: the time.
    """
    verdict = experiment.conclusion or conclusion_of(experiment, sums, samples, is_planned=False)
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
        samples_needed=None if experiment.is_over else _samples_needed(experiment, verdict.comparisons),
        warnings=tuple(_warnings(experiment, verdict, maturity)),
        stops_if=stops_if(experiment),
    )


def conclusion_of(
    experiment: Experiment,
    sums: Sums,
    samples: Samples,
    *,
    is_planned: bool,
    winner: str | None = None,
    because: str = "",
    stopped: Degradation | None = None,
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
        interval_at=lambda one, alpha, is_fixed: interval_at(experiment, sums, one, alpha, is_fixed=is_fixed),
        stopped=stopped,
    )


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
