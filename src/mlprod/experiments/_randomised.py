"""Experiments without a difference, made of the outcomes of a real one. Pure."""

import math
from collections.abc import Sequence
from typing import Final, Self, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod.experiments._comparing import CORRECTIONS
from mlprod.experiments._evidence import Evidence, Stratum
from mlprod.experiments._stopping import Guard
from mlprod.experiments._values import Experiment
from mlprod.stats import Estimate, Moments, anytime_p_value, chi_square, welch

__all__ = ["MOST_OUTCOMES", "Design"]

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.intp]

MOST_OUTCOMES: Final = 200_000
_LOOKS = 32  # as `Tally` looks: after each outcome, then after each 1/32 more
_SLACK = 1e-9  # relative; what rounding could make of a look that is just enough
_ROUNDING = 1e-10  # relative; squares of deviations that are less were left over by rounding


@final
@attrs.frozen
class Judgement:
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
class Design:
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

    def judged(self, labels: Sequence[NDArray[np.uint8]]) -> Judgement:
        """Return what becomes of the experiment if its outcomes belong to these variants."""
        phases = [
            [_Run.of(part.deviations, np.flatnonzero(own == variant)) for variant in range(self.variants)]
            for part, own in zip(self.parts, labels, strict=True)
        ]
        pairs = [[(runs[0], runs[variant]) for runs in phases] for variant in range(1, self.variants)]
        evidence = [self._evidence(phases) for phases in pairs]
        return Judgement(
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


_SCHEDULE: Final = _schedule(MOST_OUTCOMES)
