"""What was recorded of a metric of a treatment and of the control, and what that is evidence of."""

import math
from collections.abc import Callable, Sequence
from typing import Final, final

import attrs
import numpy as np

from mlprod.experiments._metric import Metric
from mlprod.experiments._sums import Cell, Sums
from mlprod.stats import (
    ClusterSums,
    Estimate,
    Interval,
    JointMoments,
    Moments,
    control_variate,
    interval_of,
    interval_proportions,
    log_e_lift,
    log_e_mean,
    log_e_proportions,
    t_quantile,
)

__all__ = ["Evidence", "Stratum", "evidence_of", "shown_lifts"]


_EVERYTHING: Final = Interval(-math.inf, math.inf)
_FAR = 1e9  # a lift that is as good as any
_HALVINGS = 60


@final
@attrs.frozen
class Stratum:
    """One phase: within it, shares of traffic do not change, so that nothing but the variants differs.

    Attributes:
        control: the outcomes of the control.
        treatment: those of the treatment. Where outcomes of one unit depend on each other, or a control
            variate was used, they are such that their variance over their number is that of the mean; in
            the first case their number is that of buckets of units.
        is_count: whether they are plain yes and no.
        pairs: in shadow mode, both outcomes of each unit.
    """

    control: Moments
    treatment: Moments
    is_count: bool = False
    pairs: JointMoments | None = None

    @property
    def weight(self) -> float:
        """How much a phase counts: as the harmonic mean of both numbers (Mantel and Haenszel)."""
        return self.control.count * self.treatment.count / (self.control.count + self.treatment.count)

    def contrast(self, factor: float) -> Estimate:
        """Return treatment minus control times a factor."""
        if self.pairs is not None:
            return Estimate.of_moments(_differences(self.pairs, factor))
        control, treatment = Estimate.of_moments(self.control), Estimate.of_moments(self.treatment)
        scaled = attrs.evolve(control, value=factor * control.value, variance=factor**2 * control.variance)
        variance = scaled.variance + treatment.variance
        return Estimate(treatment.value - scaled.value, variance, _dof(scaled, treatment), self.count)

    @property
    def count(self) -> int:
        """How many outcomes, of both; in shadow mode how many pairs."""
        return self.control.count + (0 if self.pairs is not None else self.treatment.count)

    def log_e(self, planned: float, lift: float = 0.0) -> float:
        """Return the evidence against the treatment's mean being that of the control, and a lift more."""
        if self.pairs is not None:
            factor = 1 + math.copysign(lift, lift * self.control.mean)
            return _log_e_pairs(_differences(self.pairs, factor), planned)
        if self.is_count and not lift:
            return log_e_proportions(_trials(self.control), _trials(self.treatment), planned=planned)
        return log_e_lift(self.control, self.treatment, lift, planned=planned)

    def log_e_difference(self, planned: float, difference: float) -> float:
        """Return the evidence against the treatment's mean being that of the control, and so much more."""
        if self.pairs is not None:
            found = _differences(self.pairs, 1.0)
            return _log_e_pairs(_shifted(found, difference), planned)
        return log_e_lift(self.control, _shifted(self.treatment, difference), planned=planned)


@final
@attrs.frozen
class Evidence:
    """All phases of one metric of one treatment.

    Attributes:
        metric: the metric.
        strata: the phases in which both variants have outcomes.
        planned: how many outcomes of both are planned for; of buckets of units, if they are counted so.
        is_adjusted: whether a control variate was used.
        is_clustered: whether outcomes were counted unit by unit; all phases are one stratum then, because
            the same units are in all of them.
        phases: the numbers of the phases in which both variants have outcomes.
    """

    metric: Metric
    strata: Sequence[Stratum]
    planned: float
    is_adjusted: bool = False
    is_clustered: bool = False
    phases: tuple[int, ...] = ()

    @property
    def control(self) -> float:
        """The mean of the control, each phase by its weight; NaN without data."""
        return self._averaged([stratum.control.mean for stratum in self.strata])

    @property
    def treatment(self) -> float:
        """The mean of the treatment, each phase by its weight; NaN without data."""
        return self._averaged([stratum.treatment.mean for stratum in self.strata])

    @property
    def lift(self) -> float:
        """The relative lift of the mean; NaN where the control's is zero."""
        control, treatment = self.control, self.treatment
        return (treatment - control) / abs(control) if control else math.nan

    def difference(self, lift: float = 0.0) -> Estimate:
        """Return treatment minus control, and a relative lift more; each phase by its weight."""
        factor = 1 + math.copysign(lift, lift * self.control)
        parts = [stratum.contrast(factor) for stratum in self.strata]
        if len(parts) == 1:
            return parts[0]
        total = math.fsum(stratum.weight for stratum in self.strata)
        variances = [
            (stratum.weight / total) ** 2 * part.variance
            for stratum, part in zip(self.strata, parts, strict=True)
        ]
        variance = math.fsum(variances) if parts else math.inf
        spread = math.fsum(
            each * each / part.dof for each, part in zip(variances, parts, strict=True) if part.dof
        )
        dof = variance * variance / spread if spread and math.isfinite(variance) else 0.0
        value = self._averaged([part.value for part in parts])
        return Estimate(value, variance, dof, sum(part.count for part in parts))

    def log_e(self) -> float:
        """Return the evidence of any difference, valid at whatever moment one looks."""
        return sum(stratum.log_e(self.planned) for stratum in self.strata)

    def anytime_interval(self, alpha: float) -> Interval:
        """Return the interval of the relative lift of the mean that holds at all times."""
        if not self.strata:
            return _EVERYTHING
        if all(stratum.is_count for stratum in self.strata):
            phases = [(_trials(stratum.control), _trials(stratum.treatment)) for stratum in self.strata]
            return interval_proportions(phases, alpha=alpha, planned=self.planned)
        error, control = self.difference().standard_error, abs(self.control)
        if not (control and math.isfinite(error) and error):
            return _EVERYTHING
        return _of_lifts(
            lambda lift: sum(stratum.log_e(self.planned, lift) for stratum in self.strata),
            self.lift,
            error / control,
            alpha,
        )

    def fixed_interval(self, confidence: float) -> Interval:
        """Return the interval of the relative lift of the mean for one look.

        By Fieller's theorem: the lifts that a t-test of the difference, less that lift, does not reject.
        """
        found, control = self.difference(), abs(self.control)
        if not (control and found.dof and found.standard_error):
            return _EVERYTHING
        critical = t_quantile((1 + confidence) / 2, found.dof) ** 2

        def against(lift: float) -> float:
            left = self.difference(lift)
            return left.value * left.value / left.variance / critical  # 1 or more: rejected

        return _of_lifts(against, self.lift, found.standard_error / control, math.exp(-1))

    def lifts(self, alpha: float) -> Interval:
        """Return the interval of the relative lift of what is shown, that holds at all times."""
        return shown_lifts(self.metric, self.anytime_interval(alpha))

    def anytime_difference(self, alpha: float) -> Interval:
        """Return the interval of the difference that holds at all times."""
        if not self.strata:
            return _EVERYTHING
        if all(stratum.is_count for stratum in self.strata):
            lift = self.anytime_interval(alpha)
            return Interval(_scaled(lift.low, self.control), _scaled(lift.high, self.control))
        found = self.difference()
        if not (math.isfinite(found.standard_error) and found.standard_error):
            return _EVERYTHING
        return interval_of(
            lambda value: sum(stratum.log_e_difference(self.planned, value) for stratum in self.strata),
            found.value,
            found.standard_error,
            alpha,
        )

    def _averaged(self, values: Sequence[float]) -> float:
        weights = [stratum.weight for stratum in self.strata]
        total = math.fsum(weights)
        if not total:
            return math.nan
        return math.fsum(weight * value for weight, value in zip(weights, values, strict=True)) / total


def evidence_of(
    metric: Metric, sums: Sums, variant: int, planned: int, *, before: int | None = None
) -> Evidence:
    """Return what was recorded of a metric of a treatment, and of the control beside it.

    Args:
        metric: the metric.
        sums: of the experiment.
        variant: the number of the treatment.
        planned: how many outcomes of both are planned for.
        before: only phases before this one.
    """
    pairs = {
        phase: moments
        for (name, phase, owner), moments in sums.paired.items()
        if (name, owner) == (metric.name, variant)
    }
    if pairs:
        strata = [Stratum(found.covariate, found.outcome, pairs=found) for found in pairs.values()]
        return Evidence(metric, strata, planned, phases=tuple(pairs))
    cells = {
        phase: (sums.cell(metric.name, 0, phase), sums.cell(metric.name, variant, phase))
        for phase in sums.phases(metric.name)
        if before is None or phase < before
    }
    cells = {phase: pair for phase, pair in cells.items() if pair[0].count and pair[1].count}
    phases = tuple(cells)
    both = [cell for pair in cells.values() for cell in pair]
    if both and all(cell.identified == cell.count for cell in both):
        stratum = _clustered(list(cells.values()))
        units = stratum.count / sum(cell.count for cell in both)
        return Evidence(metric, [stratum], planned * units, is_clustered=True, phases=phases)
    is_adjusted = bool(both) and all(cell.covered == cell.count for cell in both)
    strata = [_stratum(metric, *pair, is_adjusted=is_adjusted) for pair in cells.values()]
    return Evidence(metric, strata, planned, is_adjusted, phases=phases)


def shown_lifts(metric: Metric, interval: Interval) -> Interval:
    """Return the interval of the lift of what is shown, from that of the mean."""
    low, high = interval.low, interval.high
    return Interval(
        low if math.isinf(low) else metric.lift(low), high if math.isinf(high) else metric.lift(high)
    )


def _of_lifts(log_e: Callable[[float], float], lift: float, scale: float, alpha: float) -> Interval:
    """Return the lifts against which the evidence is too little.

    Where the control's mean is not clear of zero, lifts of any size are among them: on one side if there
    clearly is a difference, on both if not. Nor is it clear on which side of zero the control's mean is,
    and a lift of a control on the other side is one of the other sign here.
    """
    enough = -math.log(alpha)
    found = interval_of(log_e, lift, scale, alpha)
    if log_e(_FAR) >= enough:
        return found
    if 0.0 in found:
        return _EVERYTHING
    side = math.copysign(1.0, lift)
    nearest = min(abs(found.low if lift > 0 else found.high), _nearest(log_e, -side, scale, enough))
    return Interval(nearest, math.inf) if lift > 0 else Interval(-math.inf, -nearest)


def _nearest(log_e: Callable[[float], float], side: float, scale: float, enough: float) -> float:
    """Return how far from zero, on one side, the first lift is against which the evidence is too little."""
    inside, outside = 0.0, scale
    while log_e(side * outside) >= enough:
        inside, outside = outside, 2 * outside
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if log_e(side * middle) < enough else (middle, outside)
    return inside


def _stratum(metric: Metric, control: Cell, treatment: Cell, *, is_adjusted: bool) -> Stratum:
    if is_adjusted:
        adjusted = control_variate(control.moments, treatment.moments)
        return Stratum(_as_moments(adjusted[0]), _as_moments(adjusted[1]))
    return Stratum(control.moments.outcome, treatment.moments.outcome, metric.kind == "proportion")


def _clustered(cells: Sequence[tuple[Cell, Cell]]) -> Stratum:
    """Return all phases as one, each by its weight, from the spread of buckets of units.

    A unit is in one bucket in every phase, so that what its outcomes have in common counts once.
    """
    weights = [
        control.count * treatment.count / (control.count + treatment.count) for control, treatment in cells
    ]
    shares = [weight / math.fsum(weights) for weight in weights]
    return Stratum(
        _of_buckets([control.clusters for control, _ in cells], shares),
        _of_buckets([treatment.clusters for _, treatment in cells], shares),
    )


def _of_buckets(phases: Sequence[ClusterSums], shares: Sequence[float]) -> Moments:
    """Return moments of as many numbers as there are buckets with data: their mean is that of all phases."""
    means = [phase.total / phase.count for phase in phases]
    parts = zip(phases, means, shares, strict=True)
    residuals = sum(
        share / phase.count * (phase.totals - mean * phase.counts) for phase, mean, share in parts
    )
    count = int(np.count_nonzero(sum(phase.counts for phase in phases)))
    value = math.fsum(share * mean for share, mean in zip(shares, means, strict=True))
    return Moments(count, value * count, float(np.square(residuals).sum()) * count * count)


def _as_moments(estimate: Estimate) -> Moments:
    """Return moments whose mean has the value and the variance of an estimate."""
    count, variance = estimate.count, estimate.variance
    m2 = variance * count * (count - 1) if math.isfinite(variance) else 0.0
    return Moments(count, estimate.value * count, m2)


def _trials(moments: Moments) -> tuple[int, int]:
    return round(moments.total), moments.count


def _shifted(moments: Moments, difference: float) -> Moments:
    return attrs.evolve(moments, total=moments.total - difference * moments.count)


def _differences(pairs: JointMoments, factor: float) -> Moments:
    """Return the moments of outcome minus covariate times a factor."""
    m2 = pairs.m2 - 2 * factor * pairs.comoment + factor * factor * pairs.covariate_m2
    return Moments(pairs.count, pairs.total - factor * pairs.covariate_total, max(m2, 0.0))


def _log_e_pairs(differences: Moments, planned: float) -> float:
    found = Estimate.of_moments(differences)
    return log_e_mean(found.value, found.variance, found.count, found.dof, planned=planned)


def _dof(control: Estimate, treatment: Estimate) -> float:
    """Return the degrees of freedom of a difference, by Welch and Satterthwaite."""
    variance = control.variance + treatment.variance
    if not (variance > 0 and math.isfinite(variance)):
        return 0.0
    of_control, of_treatment = control.variance / variance, treatment.variance / variance
    return 1 / (of_control * of_control / control.dof + of_treatment * of_treatment / treatment.dof)


def _scaled(limit: float, size: float) -> float:
    return limit if math.isinf(limit) else limit * size
