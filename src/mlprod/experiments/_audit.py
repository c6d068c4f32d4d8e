"""A certificate: how often this very design is wrong where there is no difference. Pure."""

import math
import numbers
from typing import Final, final

import attrs
import numpy as np

from mlprod._names import shorten
from mlprod._value import Value
from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.experiments._randomised import MOST_OUTCOMES, Design
from mlprod.experiments._reader import Series
from mlprod.experiments._values import Experiment
from mlprod.stats import SMALLEST_SAMPLE, Interval

__all__ = ["Audit", "audit_of"]

_SMALLEST = 2 * SMALLEST_SAMPLE  # outcomes: the fewest in which both variants can have a variance
_FEWEST_REPETITIONS = 100
_Z: Final = 1.959963984540054


def _summary(audit: "Audit") -> str:
    outcomes = f"{audit.outcomes:,} outcomes"
    if audit.outcomes < audit.recorded:
        outcomes = f"the first {audit.outcomes:,} of {audit.recorded:,} outcomes"
    low, high = audit.false_stop_interval.low, audit.false_stop_interval.high
    nominal = audit.nominal_false_stop_rate
    doubt = " More were stopped than promised: do not rely on auto-stop for this metric."
    return (
        f"{audit.repetitions:,} experiments without any difference were made of {outcomes} of "
        f"{audit.metric}: auto-stop would have stopped {audit.false_stop_rate:.1%} of them (95% interval "
        f"{low:.1%} to {high:.1%}, at most {nominal:.1%} are promised), and the verdict at the end would "
        f"have named a winner in {audit.false_positive_rate:.1%}. Stopping at the first p-value below "
        f"{audit.alpha:.2g} would have been wrong in {audit.peeking_false_positive_rate:.1%}."
    ) + (doubt if low > nominal else "")


@final
@attrs.frozen(kw_only=True)
class Audit(Value):
    """How often an experiment like this one is wrong where there is no difference between its variants.

    A/A experiments were made of its own outcomes: variants were drawn anew for them, by the traffic split of
    each phase. So whatever they show is chance, while the outcomes are as heavy-tailed, as skewed and as
    dependent in time as they are.

    Attributes:
        experiment_id: the experiment.
        metric: its primary metric.
        repetitions: how many A/A experiments.
        outcomes: how many outcomes each of them has, the first ones of all that were recorded.
        recorded: how many were recorded.
        looks: how often auto-stop looks in each of them, on average.
        false_stop_rate: the share in which auto-stop would have stopped a treatment.
        false_stop_interval: of that rate, at 95% (Wilson).
        nominal_false_stop_rate: at most so many are promised: all guarded metrics share one minus the level
            of confidence, and this is what the primary metric has of it.
        alpha: one minus the level of confidence: the nominal rate of the figures that follow.
        false_positive_rate: the share in which the anytime-valid verdict, after all outcomes, would have
            named a winner, be it a treatment or the control.
        fixed_false_positive_rate: the same of the test for one look.
        test: which test that is; it stands for those that are slower, too.
        peeking_false_positive_rate: the share in which whoever stops at the first p-value of this test below
            `alpha`, looks as often as auto-stop, and at all phases together, would have stopped. This is why
            one must not.
        summary: all that in plain words.
    """

    experiment_id: str
    metric: str
    repetitions: int
    outcomes: int
    recorded: int
    looks: float
    false_stop_rate: float
    false_stop_interval: Interval
    nominal_false_stop_rate: float
    alpha: float
    false_positive_rate: float
    fixed_false_positive_rate: float
    test: str
    peeking_false_positive_rate: float
    summary: str = attrs.field(init=False, default=attrs.Factory(_summary, takes_self=True), repr=False)


def audit_of(experiment: Experiment, series: Series, *, repetitions: int, seed: int) -> Audit:
    """Return how often an experiment is wrong where there is no difference, by giving its outcomes anew.

    Outcomes keep their order in time. In each repetition every one of them gets a variant at random, by the
    split of its phase, on its own: outcomes of one unit do not stay together. Only the first 200,000
    outcomes are used.

    Auto-stop is judged by `Guard`, as in the experiment itself, each time that `Tally` would look.

    Args:
        experiment: as it stands.
        series: all outcomes of its primary metric.
        repetitions: how many A/A experiments, 100 or more.
        seed: makes it reproducible; 0 or more.

    Raises:
        InvalidConfigError: if there are too few repetitions, if the seed is none, or in shadow mode.
        InvalidDataError: if there are fewer than 4 outcomes.
    """
    _check(experiment, repetitions, seed)
    kept = np.flatnonzero(series.phases < len(experiment.phases))  # a phase may have begun since
    used = kept[:MOST_OUTCOMES]
    if len(used) < _SMALLEST:
        raise InvalidDataError(
            f"{experiment.id} has {len(used)} outcomes of {experiment.config.primary_metric}; an audit takes "
            f"{_SMALLEST} or more: wait for them"
        )
    design = Design.of(experiment, series.values[used], series.phases[used])
    rng = np.random.default_rng(seed)
    found = [design.judged(design.drawn(rng)) for _ in range(repetitions)]
    stopped, won, won_once, peeked = (
        sum(getattr(one, name) for one in found)
        for name in ("is_stopped", "has_winner", "has_winner_once", "is_stopped_by_peeking")
    )
    config = experiment.config
    return Audit(
        experiment_id=experiment.id,
        metric=config.primary_metric,
        repetitions=repetitions,
        outcomes=len(used),
        recorded=len(kept),
        looks=sum(one.looks for one in found) / repetitions,
        false_stop_rate=stopped / repetitions,
        false_stop_interval=_wilson(stopped, repetitions),
        nominal_false_stop_rate=config.alpha / len(config.guarded),
        alpha=config.alpha,
        false_positive_rate=won / repetitions,
        fixed_false_positive_rate=won_once / repetitions,
        test="chi_square" if design.is_count and len(design.parts) == 1 else "t_test",
        peeking_false_positive_rate=peeked / repetitions,
    )


def _check(experiment: Experiment, repetitions: object, seed: object) -> None:
    for what, value, least in (("repetitions", repetitions, _FEWEST_REPETITIONS), ("seed", seed, 0)):
        if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
            raise InvalidConfigError(f"{what} must be a whole number, {least} or more, not {shorten(value)}")
    if experiment.config.mode != "split":
        raise InvalidConfigError(
            f"{experiment.id} runs in {experiment.config.mode} mode; an audit is for experiments whose units "
            "are split between variants"
        )


def _wilson(events: int, trials: int) -> Interval:
    """Return the interval of a rate (Wilson, Journal of the American Statistical Association 22, 1927)."""
    rate, weight = events / trials, _Z * _Z / trials
    middle = rate + weight / 2
    half = math.sqrt(weight * (rate * (1 - rate) + weight / 4))
    low, high = (middle - half) / (1 + weight), (middle + half) / (1 + weight)
    return Interval(low if events else 0.0, high if events < trials else 1.0)
