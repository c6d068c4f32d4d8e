"""When a treatment is worse beyond doubt: the rule of auto-stop. Pure."""

import math
from collections.abc import Iterator
from typing import final

import attrs

from mlprod.experiments._config import ExperimentConfig
from mlprod.experiments._evidence import Evidence, evidence_of
from mlprod.experiments._metric import Metric
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import Experiment
from mlprod.experiments._wording import in_words, p_in_words
from mlprod.stats import SMALLEST_SAMPLE, Interval, Moments, anytime_p_value, log_e_lift, log_e_proportions

__all__ = ["Degradation", "Guard", "find_degraded", "stops_if", "worse_in_words"]


@final
@attrs.frozen
class Guard:
    """Judges one metric.

    A treatment is worse beyond doubt if the one-sided bound of its lift, valid at whatever moment one looks,
    is on the bad side of zero, and the estimate is at least `threshold` away from zero on that side.

    Attributes:
        metric: the metric.
        worse: 1 if a mean that grows is worse, -1 if one that falls is.
        threshold: how much worse the mean must be, relative to the size of the control's.
        judged: how many metrics of how many treatments share the level.
        needed: how much evidence, as the logarithm of an e-value.
        planned: how many outcomes of both variants are planned for.
    """

    metric: Metric
    worse: int
    threshold: float
    judged: int
    needed: float
    planned: int

    @classmethod
    def of(cls, metric: Metric, config: ExperimentConfig, variants: int) -> "Guard":
        """Return the rule for a metric of an experiment.

        All guarded metrics of all treatments share the level: with several of them, each needs more. One
        direction at a level needs as much as two directions at twice the level.
        """
        judged = len(config.guarded) * (variants - 1)
        relative = config.degradation_threshold
        return cls(
            metric,
            1 if metric.is_error else -1,
            (1 + relative) ** 2 - 1 if metric.is_root else relative,
            judged,
            math.log(judged / (2 * config.alpha)),
            config.planned_outcomes,
        )

    def is_worse(self, control: Moments, treatment: Moments, earlier: float = 0.0) -> bool:
        """Return whether a treatment is worse beyond doubt, by plain running sums; in a microsecond or two.

        Args:
            control: the outcomes of the control in the phase of now.
            treatment: those of the treatment.
            earlier: evidence from the phases before.
        """
        n_control, n_treatment = control.count, treatment.count
        if min(n_control, n_treatment) < SMALLEST_SAMPLE:
            return False
        of_control, of_treatment = control.total / n_control, treatment.total / n_treatment
        if not self._matters(of_control, of_treatment):
            return False
        if self.metric.kind == "proportion":
            won = round(control.total), n_control
            evidence = log_e_proportions(won, (round(treatment.total), n_treatment), planned=self.planned)
            return earlier + evidence >= self.needed
        variance = control.m2 / (n_control * (n_control - 1)) + treatment.m2 / (
            n_treatment * (n_treatment - 1)
        )
        difference = of_treatment - of_control
        if difference * difference < (self.needed - earlier) * variance:
            return False  # no e-value is above exp(t²): there is no need to ask for it
        return earlier + log_e_lift(control, treatment, planned=self.planned) >= self.needed

    def judge(self, evidence: Evidence) -> bool:
        """Return whether a treatment is worse beyond doubt, by everything that was recorded."""
        return self._matters(evidence.control, evidence.treatment) and evidence.log_e() >= self.needed

    def p_value(self, evidence: Evidence) -> float:
        """Return the one-sided p-value, corrected for all that is judged, of a treatment that seems worse."""
        return min(anytime_p_value(evidence.log_e()) / 2 * self.judged, 1.0)

    def limits(self, evidence: Evidence) -> Interval:
        """Return both limits of the lift, each of them one-sided: together they miss at twice the level."""
        return evidence.lifts(math.exp(-self.needed))

    def bound(self, limits: Interval) -> Interval:
        """Return the one-sided interval that leaves out zero where a treatment is worse."""
        return Interval(limits.low, math.inf) if self.worse > 0 else Interval(-math.inf, limits.high)

    def _matters(self, control: float, treatment: float) -> bool:
        """Return whether the loss is large enough; never for NaN."""
        loss = (treatment - control) * self.worse
        return loss > 0 and loss >= self.threshold * abs(control)


@final
@attrs.frozen
class Degradation:
    """A treatment that is worse beyond doubt.

    Attributes:
        variant: its number.
        variant_id: its id.
        metric: what is worse.
        p_value: one-sided, valid at any look, corrected for all that auto-stop looks at.
        limits: of the lift, each one-sided and of the same kind; the one that was crossed is nearest to zero.
        bound: the one-sided interval: all beyond the limit that was crossed.
        judged: how many comparisons share the level.
        reason: what is worse, and how much.
    """

    variant: int
    variant_id: str
    metric: str
    p_value: float
    limits: Interval
    bound: Interval
    judged: int
    reason: str


def stops_if(experiment: Experiment) -> str:
    """Return in words when an experiment that runs stops by itself before its time; empty if it does not."""
    config = experiment.config
    if experiment.status != "running" or not config.auto_stop_on_degradation:
        return ""
    treatments = len(experiment.models) - 1
    judged = len(config.guarded) * treatments
    begins = "It stops by itself once the treatment" if treatments == 1 else "A treatment is withdrawn, and"
    begins += "" if treatments == 1 else " with the last of them it stops by itself, once it"
    together = f", for all {judged} comparisons together" if judged > 1 else ""
    return (
        f"{begins} is worse at its {' or '.join(metric.name for metric in config.guarded)}: "
        f"{worse_in_words(config)} (p = {config.alpha:.3g} at most, one-sided{together})."
    )


def worse_in_words(config: ExperimentConfig) -> str:
    """Return in words how much worse a treatment must be: the estimate, and the limit, each by its own."""
    return (
        f"by {100 * config.degradation_threshold:g}% or more as estimated, and by more than nothing at the "
        "limit that holds at every moment"
    )


def find_degraded(experiment: Experiment, sums: Sums) -> Iterator[Degradation]:
    """Give the treatments that still get units and are worse than the control beyond doubt."""
    names = tuple(experiment.models)
    for variant in range(1, len(names)):
        if not experiment.split[variant]:
            continue
        for metric in experiment.config.guarded:
            guard = Guard.of(metric, experiment.config, len(names))
            evidence = evidence_of(metric, sums, variant, guard.planned)
            if guard.judge(evidence):
                yield _degradation(variant, names[variant], guard, evidence)
                break


def _degradation(variant: int, variant_id: str, guard: Guard, evidence: Evidence) -> Degradation:
    metric, p_value, limits = guard.metric, guard.p_value(evidence), guard.limits(evidence)
    control, treatment = metric.shown(evidence.control), metric.shown(evidence.treatment)
    reason = (
        f"{variant_id} is worse: its {metric.name} is {in_words(metric.name, treatment)}, that of the "
        f"control {in_words(metric.name, control)} ({metric.lift(evidence.lift):+.1%}; one-sided "
        f"{p_in_words(p_value)}, valid at any look)"
    )
    return Degradation(
        variant, variant_id, metric.name, p_value, limits, guard.bound(limits), guard.judged, reason
    )
