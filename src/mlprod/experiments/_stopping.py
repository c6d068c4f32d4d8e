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
from mlprod.stats import SMALLEST_SAMPLE, Moments, anytime_p_value, log_e_lift, log_e_proportions

__all__ = ["Degradation", "Guard", "find_degraded"]


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
        needed: how much evidence, as the logarithm of an e-value.
        planned: how many outcomes of both variants are planned for.
    """

    metric: Metric
    worse: int
    threshold: float
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
        metric: what is worse.
        reason: what is worse, and how much.
    """

    variant: int
    metric: str
    reason: str


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
                yield Degradation(variant, metric.name, _reason(names[variant], evidence))
                break


def _reason(variant: str, evidence: Evidence) -> str:
    metric = evidence.metric
    control, treatment = metric.shown(evidence.control), metric.shown(evidence.treatment)
    p_value = anytime_p_value(evidence.log_e()) / 2
    return (
        f"{variant} is worse: its {metric.name} is {in_words(metric.name, treatment)}, that of the control "
        f"{in_words(metric.name, control)} ({metric.lift(evidence.lift):+.1%}; one-sided "
        f"{p_in_words(p_value)}, valid at any look)"
    )
