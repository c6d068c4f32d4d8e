"""A certificate: how often this very design is wrong where there is no difference. Pure."""

import math
import numbers
from collections.abc import Sequence
from typing import Final, Self, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod._value import Value
from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.experiments._comparing import CORRECTIONS
from mlprod.experiments._evidence import Evidence, Stratum
from mlprod.experiments._reader import Series
from mlprod.experiments._stopping import Guard
from mlprod.experiments._values import Experiment
from mlprod.stats import SMALLEST_SAMPLE, Estimate, Interval, Moments, anytime_p_value, chi_square, welch

__all__ = ["Audit", "audit_of"]

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.intp]

_SMALLEST = 2 * SMALLEST_SAMPLE  # outcomes: the fewest in which both variants can have a variance
_FEWEST_REPETITIONS = 100
_MOST_OUTCOMES = 200_000
_LOOKS = 32  # as `Tally` looks: after each outcome, then after each 1/32 more
_SLACK = 1e-9  # relative; what rounding could make of a look that is just enough
_ROUNDING = 1e-10  # relative; squares of deviations that are less were left over by rounding
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
    summary: str = attrs.field(init=False, default=attrs.Factory(_summary, takes_self=True))


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
    used = kept[:_MOST_OUTCOMES]
    if len(used) < _SMALLEST:
        raise InvalidDataError(
            f"{experiment.id} has {len(used)} outcomes of {experiment.config.primary_metric}; an audit takes "
            f"{_SMALLEST} or more: wait for them"
        )
    design = _Design.of(experiment, series.values[used], series.phases[used])
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


@final
@attrs.frozen
class _Judgement:
    """What became of one A/A experiment."""

    is_stopped: bool
    has_winner: bool
    has_winner_once: bool
    is_stopped_by_peeking: bool
    looks: int


@final
@attrs.frozen(eq=False)
class _Part:
    """The outcomes of one phase, in time order.

    Attributes:
        deviations: of the outcomes from the centre; shape ``(n,)``.
        ends: where the share of each variant but the last ends, from 0 to 1; shape ``(variants - 1,)``.
    """

    deviations: _Floats
    ends: _Floats

    def drawn(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a variant for each outcome, at random; shape ``(n,)``."""
        where = rng.random(len(self.deviations))
        variants = np.zeros(len(where), np.uint8)
        for end in self.ends:
            variants += where >= end
        return variants


@final
@attrs.frozen(eq=False)
class _Prefix:
    """Sums over the first so many outcomes of a variant, for several numbers of them.

    Attributes:
        count: how many; shape ``(k,)``, or ``()``.
        total: the sum of their deviations.
        squares: the sum of the squares of these.
    """

    count: _Counts
    total: _Floats
    squares: _Floats

    @property
    def mean(self) -> _Floats:
        """The mean deviation."""
        return self.total / self.count

    @property
    def m2(self) -> _Floats:
        """The sum of squared distances from the mean."""
        m2 = self.squares - self.total * self.mean
        return np.where(m2 > _ROUNDING * self.squares, m2, 0.0)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Self:
        return type(self)(self.count[chosen], self.total[chosen], self.squares[chosen])

    def moments(self, centre: float) -> list[Moments]:
        """Return those of the outcomes themselves."""
        totals = self.total + centre * self.count
        return [
            Moments(*row) for row in zip(self.count.tolist(), totals.tolist(), self.m2.tolist(), strict=True)
        ]


@final
@attrs.frozen(eq=False)
class _Run:
    """The outcomes of one variant in one phase.

    Attributes:
        times: the place of each among all outcomes of the phase; shape ``(n,)``.
        totals: the sum of the first k deviations; shape ``(n + 1,)``.
        squares: that of their squares.
    """

    times: _Counts
    totals: _Floats
    squares: _Floats

    @classmethod
    def of(cls, deviations: _Floats, times: _Counts) -> Self:
        own = deviations[times]
        return cls(times, _running(own), _running(own * own))

    @property
    def looks(self) -> _Counts:
        """The times at which auto-stop looks because of this variant."""
        return self.times[_SCHEDULE[: np.searchsorted(_SCHEDULE, len(self.times), side="right")] - 1]

    def until(self, times: _Counts) -> _Prefix:
        """Return the sums at these times."""
        counts = np.searchsorted(self.times, times, side="right")
        return _Prefix(counts, self.totals[counts], self.squares[counts])

    def whole(self) -> _Prefix:
        """Return the sums at the end, shape ``(1,)``."""
        return _Prefix(np.array([len(self.times)]), self.totals[-1:], self.squares[-1:])

    def moments(self, centre: float) -> Moments:
        """Return those of all outcomes."""
        return self.whole().moments(centre)[0]


@final
@attrs.frozen(eq=False)
class _Design:
    """An experiment as far as it can be wrong by chance.

    Attributes:
        guard: the rule of auto-stop.
        alpha: the level of verdicts.
        correction: of p-values for several treatments.
        centre: what deviations are from, so that squares of numbers far from zero do not cancel.
        parts: the outcomes of each phase.
        variants: how many there are.
    """

    guard: Guard
    alpha: float
    correction: str
    centre: float
    parts: Sequence[_Part]
    variants: int

    @classmethod
    def of(cls, experiment: Experiment, values: _Floats, phases: NDArray[np.uint8]) -> Self:
        config, variants = experiment.config, len(experiment.models)
        guard = Guard.of(config.primary, config, variants)
        centre = 0.0 if guard.metric.kind == "proportion" else float(np.median(values))
        parts = [
            _Part(values[phases == number] - centre, np.cumsum(experiment.phases[number].split[:-1]))
            for number in np.unique(phases).tolist()
        ]
        return cls(guard, config.alpha, config.correction, centre, parts, variants)

    @property
    def is_count(self) -> bool:
        """Whether outcomes are yes and no."""
        return self.guard.metric.kind == "proportion"

    def drawn(self, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
        """Return a variant for each outcome of each phase, at random."""
        return [part.drawn(rng) for part in self.parts]

    def judged(self, labels: Sequence[NDArray[np.uint8]]) -> _Judgement:
        """Return what becomes of the experiment if its outcomes belong to these variants."""
        phases = [
            [_Run.of(part.deviations, np.flatnonzero(own == variant)) for variant in range(self.variants)]
            for part, own in zip(self.parts, labels, strict=True)
        ]
        pairs = [[(runs[0], runs[variant]) for runs in phases] for variant in range(1, self.variants)]
        evidence = [self._evidence(phases) for phases in pairs]
        return _Judgement(
            is_stopped=any(self._is_stopped(phases) for phases in pairs),
            has_winner=self._has_winner(evidence, [anytime_p_value(one.log_e()) for one in evidence]),
            has_winner_once=self._has_winner(evidence, [self._p_value(one) for one in evidence]),
            is_stopped_by_peeking=any(self._is_stopped_by_peeking(phases) for phases in pairs),
            looks=sum(len(run.looks) for runs in phases for run in runs),
        )

    def _is_stopped(self, phases: Sequence[tuple[_Run, _Run]]) -> bool:
        """Return whether auto-stop ever stops a treatment: it seems so in its phase, and is so in all."""
        for number, (control, treatment) in enumerate(phases):
            before = self._evidence(phases[:number])
            earlier = before.log_e()
            at_control, at_treatment = _at_looks(control, treatment)
            worth = self._matters(at_control, at_treatment)
            for one, other in zip(
                at_control[worth].moments(self.centre),
                at_treatment[worth].moments(self.centre),
                strict=True,
            ):
                if self.guard.is_worse(one, other, earlier):
                    now = Stratum(one, other, self.is_count)
                    if self.guard.judge(attrs.evolve(before, strata=[*before.strata, now])):
                        return True
        return False

    def _matters(self, control: _Prefix, treatment: _Prefix) -> NDArray[np.bool_]:
        """Return where the loss is large enough for the guard, or nearly: where it has to be asked."""
        loss = (treatment.mean - control.mean) * self.guard.worse
        enough = (self.guard.threshold - _SLACK) * np.abs(control.mean + self.centre)
        return np.greater_equal(loss, enough)

    def _is_stopped_by_peeking(self, phases: Sequence[tuple[_Run, _Run]]) -> bool:
        """Return whether the plain test is ever significant, over all outcomes until then."""
        before: tuple[_Prefix, _Prefix] | None = None
        for control, treatment in phases:
            sums = _at_looks(control, treatment, before)
            test = _chi_square_p if self.is_count else _welch_p
            if (test(*sums) < self.alpha).any():
                return True
            ends = control.whole(), treatment.whole()
            before = ends if before is None else (before[0] + ends[0], before[1] + ends[1])
        return False

    def _evidence(self, phases: Sequence[tuple[_Run, _Run]]) -> Evidence:
        """Return what phases are evidence of at their end."""
        strata = [
            Stratum(control.moments(self.centre), treatment.moments(self.centre), self.is_count)
            for control, treatment in phases
            if len(control.times) and len(treatment.times)
        ]
        return Evidence(self.guard.metric, strata, self.guard.planned)

    def _p_value(self, evidence: Evidence) -> float:
        if not evidence.strata:
            return 1.0
        if self.is_count and len(self.parts) == 1:
            groups = evidence.strata[0].control, evidence.strata[0].treatment
            return chi_square([round(one.total) for one in groups], [one.count for one in groups]).p_value
        return welch(Estimate(0.0, 0.0, math.inf, 0), evidence.difference()).p_value

    def _has_winner(self, evidence: Sequence[Evidence], p_values: list[float]) -> bool:
        """Return whether a treatment is better beyond doubt, or all are worse, as `conclude` has it."""
        is_sure = CORRECTIONS[self.correction](p_values) <= self.alpha
        is_better = [(one.treatment < one.control) == self.guard.metric.is_error for one in evidence]
        return bool((is_sure & is_better).any() or is_sure.all())


def _at_looks(
    control: _Run, treatment: _Run, before: tuple[_Prefix, _Prefix] | None = None
) -> tuple[_Prefix, _Prefix]:
    """Return the sums of both variants at all looks at which both have outcomes."""
    times = np.concatenate([control.looks, treatment.looks])
    both = control.until(times), treatment.until(times)
    if before is not None:
        both = both[0] + before[0], both[1] + before[1]
    held = (both[0].count > 0) & (both[1].count > 0)
    return both[0][held], both[1][held]


def _welch_p(control: _Prefix, treatment: _Prefix) -> _Floats:
    """Return the two-sided p-values of Welch's test, one where there is no variance."""
    from scipy.special import stdtr

    free, other_free = (np.maximum(one.count - 1, 1) for one in (control, treatment))
    of_control = control.m2 / (free * control.count)
    of_treatment = treatment.m2 / (other_free * treatment.count)
    variance = of_control + of_treatment
    has_t = (np.minimum(control.count, treatment.count) > 1) & (variance > 0)
    safe = np.where(has_t, variance, np.inf)
    t = (treatment.mean - control.mean) / np.sqrt(safe)
    parts = (of_control / safe) ** 2 / free + (of_treatment / safe) ** 2 / other_free
    dof = 1 / np.where(has_t, parts, 1.0)
    return np.where(has_t, 2 * stdtr(dof, -np.abs(t)), 1.0)


def _chi_square_p(control: _Prefix, treatment: _Prefix) -> _Floats:
    """Return the p-values of Pearson's chi-square test, one where all or no outcomes are successes."""
    from scipy.special import chdtrc

    total = control.count + treatment.count
    rate = (control.total + treatment.total) / total
    variance = rate * (1 - rate) * (1 / control.count + 1 / treatment.count)
    difference = treatment.mean - control.mean
    statistic = np.where(variance > 0, difference**2 / np.where(variance > 0, variance, 1.0), 0.0)
    p_values: _Floats = chdtrc(1, statistic)
    return p_values


def _running(values: _Floats) -> _Floats:
    """Return the sums of the first 0, 1, 2 and so on."""
    sums = np.zeros(len(values) + 1)
    np.cumsum(values, out=sums[1:])
    return sums


def _schedule(most: int) -> _Counts:
    """Return the numbers of outcomes of a variant at which auto-stop looks."""
    counts = [1]
    while counts[-1] < most:
        counts.append(counts[-1] + 1 + counts[-1] // _LOOKS)
    return np.array(counts)


_SCHEDULE: Final = _schedule(_MOST_OUTCOMES)
