"""What an experiment has shown, and what to do about it. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from mlprod.experiments._comparing import CORRECTIONS, IntervalAt
from mlprod.experiments._config import ExperimentConfig
from mlprod.experiments._stopping import Degradation
from mlprod.experiments._values import (
    CONTROL,
    INCONCLUSIVE,
    Experiment,
    ExperimentConclusion,
    MetricComparison,
    SampleRatio,
    VariantMetrics,
)
from mlprod.experiments._wording import in_words, limit_in_words, p_in_words
from mlprod.stats import Interval

__all__ = ["ANYTIME", "ONE_SIDED", "conclude"]

ANYTIME: Final = "anytime"
ONE_SIDED: Final = "anytime, one-sided"
_TESTS: Final = {
    ANYTIME: "a test that is valid at any look",
    ONE_SIDED: "a one-sided test that is valid at any look",
    "boschloo": "Boschloo's exact test",
    "bootstrap": "the bootstrap",
    "chi_square": "a chi-square test",
    "mann_whitney": "a Mann-Whitney test",
    "none": "no test",
    "paired_t_test": "a paired t-test",
    "t_test": "Welch's t-test",
}


@attrs.frozen
class _Judged:
    """A treatment, and how sure its difference from the control is.

    Attributes:
        comparison: the treatment and the control.
        p_value: corrected for everything else that is judged.
        interval: of the lift: without zero where `p_value` is at most the level.
        test: which test.
        alpha: at what level the interval is, so that it goes with the corrected `p_value`.
        error: the standard error of the lift, as far as the interval tells.
    """

    comparison: MetricComparison
    p_value: float
    interval: Interval
    test: str
    alpha: float
    error: float

    @property
    def is_better(self) -> bool:
        return bool(self.comparison.is_improvement)


def conclude(
    experiment: Experiment,
    variants: Mapping[str, VariantMetrics],
    comparisons: Sequence[MetricComparison],
    srm: SampleRatio,
    *,
    is_planned: bool,
    winner: str | None,
    because: str,
    interval_at: IntervalAt,
    stopped: Degradation | None = None,
) -> ExperimentConclusion:
    """Return the verdict.

    At the end that was planned, with as many outcomes as were planned, the test of the configuration
    decides. At any other moment, which somebody may have chosen because of what they saw, the anytime-valid
    figures do.

    Args:
        experiment: as it stands.
        variants: what was recorded of each.
        comparisons: all metrics of all treatments.
        srm: whether variants got as many units as they should.
        is_planned: whether it ends at the time that was planned before it began.
        winner: who wins by decision of the caller, or of auto-stop; None: by what was recorded.
        because: why it ends.
        interval_at: returns the interval of the lift of a comparison at a level, for one look or for any.
        stopped: what auto-stop found, by which it ends: the figures are those, and nothing else is asked.
    """
    config = experiment.config
    primary = [one for one in comparisons if one.metric == config.primary_metric]
    is_full = all(
        min(one.control_samples, one.treatment_samples) >= config.min_sample_size for one in primary
    )
    if stopped is None:
        judged = _judged(primary, config, interval_at, is_fixed=is_planned and is_full)
    else:
        judged = [_stopped(stopped, comparisons, config.alpha)]
    found, why = _winner(judged, config.alpha, srm)
    if winner is not None:
        why = f"by the figures alone, {why}"
    best = _best(judged, winner or found)
    chosen = winner or found
    impact = _impact(experiment, best.comparison, comparisons)
    is_plain_stop = stopped is not None and stopped.metric == config.primary_metric and len(primary) == 1
    decided = "" if winner is None or is_plain_stop else because
    advice = _recommendation(experiment, chosen, best, srm, decided=decided)
    return ExperimentConclusion(
        winner=chosen,
        confidence=min(max(1 - best.p_value, 0.0), 1.0),
        recommendation=advice + _caution(experiment, chosen, comparisons),
        effect_size=best.comparison.lift,
        expected_lift=_shrunk(best),
        projected_annual_impact=None if impact is None else impact[0],
        projected_annual_interval=None if impact is None else impact[1],
        p_value=best.p_value,
        interval=best.interval,
        test=best.test,
        reason="; ".join(filter(None, (because, why if stopped is None or srm.is_mismatch else ""))),
        variants=variants,
        srm=srm,
        comparisons=tuple(comparisons),
        metric=best.comparison.metric,
        variant_id=best.comparison.variant_id,
        is_chosen=winner is not None and stopped is None,
    )


def _judged(
    primary: Sequence[MetricComparison], config: ExperimentConfig, interval_at: IntervalAt, *, is_fixed: bool
) -> list[_Judged]:
    """Return the treatments, their p-values corrected for each other, and each with the interval that fits.

    A corrected p-value is at most the level where the plain one is at most the level times their ratio: so
    at that level the interval leaves out zero.
    """
    plain = [one.p_value if is_fixed else one.anytime_p_value for one in primary]
    corrected: list[float] = CORRECTIONS[config.correction](plain).tolist()
    judged: list[_Judged] = []
    for one, p_value, adjusted in zip(primary, plain, corrected, strict=True):
        alpha, interval = config.alpha, one.interval if is_fixed else one.anytime_interval
        if 0 < p_value < adjusted:
            alpha *= p_value / adjusted
            interval = interval_at(one, alpha, is_fixed)
        test = one.test if is_fixed else ANYTIME
        judged.append(_Judged(one, adjusted, interval, test, alpha, _error(interval, alpha)))
    return judged


def _stopped(found: Degradation, comparisons: Sequence[MetricComparison], alpha: float) -> _Judged:
    """Return the treatment that auto-stop found to be worse, judged by the very figures that stopped it."""
    one = next(one for one in comparisons if (one.metric, one.variant_id) == (found.metric, found.variant_id))
    alpha /= found.judged
    return _Judged(one, found.p_value, found.bound, ONE_SIDED, alpha, _error(found.limits, 2 * alpha))


def _error(interval: Interval, alpha: float) -> float:
    """Return the standard error of the middle of a two-sided interval; infinite without a limit."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return math.inf
    from scipy.special import ndtri

    return (interval.high - interval.low) / (2 * float(ndtri(1 - alpha / 2)))


def _winner(judged: Sequence[_Judged], alpha: float, srm: SampleRatio) -> tuple[str, str]:
    """Return who wins by what was recorded, and why."""
    if srm.is_mismatch:
        return INCONCLUSIVE, (
            f"variants did not get their shares of the {srm.source} ({p_in_words(srm.p_value)}), so that no "
            "difference between them can be believed"
        )
    sure = [one for one in judged if one.p_value <= alpha]
    better = [one for one in sure if one.is_better]
    if better:
        best = max(better, key=_gain)
        return (
            best.comparison.variant_id,
            f"its {best.comparison.metric} is better ({p_in_words(best.p_value)}, {best.test})",
        )
    worse = [one for one in sure if one.comparison.is_improvement is False]  # not where they are equal
    if judged and len(worse) == len(judged):
        worst = max(worse, key=lambda one: one.p_value)
        found = f"{p_in_words(worst.p_value)}, {worst.test}"
        return CONTROL, f"no treatment has as good a {worst.comparison.metric} ({found})"
    if any(one.comparison.is_improvement is None for one in sure):
        return INCONCLUSIVE, "outcomes tend to one side, their mean does not: see the metric's distribution"
    return INCONCLUSIVE, "no difference is beyond chance"


def _best(judged: Sequence[_Judged], winner: str) -> _Judged:
    """Return the comparison that the figures are about: that of the winner, else of the best treatment."""
    for one in judged:
        if one.comparison.variant_id == winner:
            return one
    return max(judged, key=_gain)


def _gain(one: _Judged) -> float:
    """Return by how much a treatment is better: what sorts them."""
    lift = abs(one.comparison.lift) if not math.isnan(one.comparison.lift) else 0.0
    return lift if one.is_better else -lift


def _shrunk(best: _Judged) -> float:
    """Return the lift to expect: the estimate is the best of what chance offered, so it is drawn to zero.

    By as much as its uncertainty, as in James and Stein (1961) for a single estimate, positive part:
    ``1 - (standard error / estimate)²``.
    """
    lift = best.comparison.lift
    if math.isnan(lift) or not lift:
        return lift
    return lift * max(1 - (best.error / lift) ** 2, 0.0) + 0.0


def _impact(
    experiment: Experiment, best: MetricComparison, comparisons: Sequence[MetricComparison]
) -> tuple[float, Interval] | None:
    """Return what a year with the treatment instead of the control would bring, in money."""
    trades = experiment.config.trades_per_year
    pnl = next(
        (one for one in comparisons if one.metric == "pnl" and one.variant_id == best.variant_id), None
    )
    if trades is None or pnl is None or math.isnan(pnl.difference):
        return None
    bounds = pnl.difference_interval
    return pnl.difference * trades, Interval(bounds.low * trades, bounds.high * trades)


def _recommendation(
    experiment: Experiment, winner: str, best: _Judged, srm: SampleRatio, *, decided: str
) -> str:
    """Return what to do, and the figures behind it.

    Args:
        experiment: as it stands.
        winner: who it is.
        best: the comparison that the figures are about.
        srm: whether variants got as many units as they should.
        decided: why somebody, or auto-stop, chose the winner; empty if what was recorded did.
    """
    if srm.is_mismatch and not decided:
        return (
            "Do not act on this experiment: its variants did not get their shares of the traffic. Find out "
            "why, and run it again."
        )
    name = best.comparison.metric
    if winner == INCONCLUSIVE:
        advice = f"Keep {experiment.models[CONTROL]}: no difference is beyond chance."
    elif decided:
        verb = "Keep" if winner == CONTROL else "Promote"
        advice = f"{verb} {experiment.models[winner]}: {decided.rstrip('.')}."
    elif winner == CONTROL:
        advice = f"Keep {experiment.models[CONTROL]}: no treatment has as good a {name}."
    else:
        advice = f"Promote {experiment.models[winner]}: it has the better {name}."
    if srm.is_mismatch:
        return f"{advice} Its variants did not get their shares of the traffic: do not trust the figures."
    return f"{advice} {_figures(best)}"


def _figures(best: _Judged) -> str:
    one = best.comparison
    if math.isnan(one.difference):
        return f"There are no outcomes of {one.metric} to compare."
    bounds = _limits(best)
    lift = "" if math.isnan(one.lift) else f" ({one.lift:+.1%}{bounds and ', '}{bounds})"
    return (
        f"The {one.metric} of {one.variant_id} is {in_words(one.metric, one.treatment)}, that of the control "
        f"{in_words(one.metric, one.control)}{lift}; {p_in_words(best.p_value)} by {_TESTS[best.test]}, from "
        f"{one.treatment_samples:,} and {one.control_samples:,} outcomes."
    )


def _limits(best: _Judged) -> str:
    """Return the interval in words; empty where it has no limit that says something."""
    has_low, has_high = math.isfinite(best.interval.low), math.isfinite(best.interval.high)
    low, high = limit_in_words(best.interval.low), limit_in_words(best.interval.high)
    level = f"{100 * (1 - best.alpha):.4g}%"
    if best.test == ONE_SIDED and has_low != has_high:
        return f"{level} limit, one-sided: " + (f"at least {low}" if has_low else f"at most {high}")
    return f"{level} interval {low} to {high}" if has_low and has_high else ""


def _caution(experiment: Experiment, winner: str, comparisons: Sequence[MetricComparison]) -> str:
    """Return what the winner is worse at, of what it must not be; empty if nothing."""
    config = experiment.config
    worse = [
        f"{one.metric} ({in_words(one.metric, one.treatment)} against {in_words(one.metric, one.control)})"
        for one in comparisons
        if one.variant_id == winner
        and one.metric in config.guardrail_metrics
        and one.is_improvement is False
        and one.anytime_p_value <= config.alpha
    ]
    return f" But mind its {' and '.join(worse)}: that is worse beyond chance." if worse else ""
