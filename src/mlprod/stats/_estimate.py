"""An estimated mean and how far it can be trusted: what all tests of means start from."""

import math
from typing import Self, final

import attrs
import numpy as np

from mlprod._value import Value
from mlprod.errors import InvalidDataError
from mlprod.stats._clusters import ClusterSums
from mlprod.stats._joint import JointMoments
from mlprod.stats._moments import Moments

__all__ = ["Estimate", "control_variate"]

_ROUNDING = 1e-14  # relative; the spread that rounding alone gives to equal numbers is smaller


@final
@attrs.frozen
class Estimate(Value):
    """An estimate of a mean, a rate or a ratio, and its own variance.

    Attributes:
        value: the estimate; NaN without data.
        variance: of the estimate itself, for a mean s²/n; infinite where the data are too few to tell.
        dof: the degrees of freedom of that variance.
        count: how many outcomes it was made from.

    Example:
        >>> Estimate.of_moments(Moments.of([1.0, 2.0, 6.0]))
        Estimate(value=3.0, variance=2.333..., dof=2, count=3)
    """

    value: float
    variance: float
    dof: float
    count: int

    @property
    def standard_error(self) -> float:
        """The standard deviation of the estimate, in its unit."""
        return math.sqrt(self.variance)

    @classmethod
    def of_moments(cls, moments: Moments, *, inflation: float = 1.0) -> Self:
        """Return the mean of outcomes, with variance s²/n and n - 1 degrees of freedom.

        Args:
            moments: of the outcomes.
            inflation: by how much more their mean varies than that of independent ones, 1 or more: n is that
                much less, as in `variance_inflation`.
        """
        if inflation == 1:
            return cls._of_squares(moments.mean, moments.m2, moments.count)
        worth = moments.count / inflation
        if worth <= 1:
            return cls(moments.mean, math.inf, 0, moments.count)
        return cls(moments.mean, moments.variance() / worth, worth - 1, moments.count)

    @classmethod
    def of_proportion(cls, successes: int, trials: int) -> Self:
        """Return a rate, just as `of_moments` returns the mean of that many ones and zeros.

        So the variance is p(1 - p)/(n - 1), which is unbiased.

        Raises:
            InvalidDataError: unless 0 <= successes <= trials; it is a ValueError.
        """
        if not 0 <= successes <= trials:
            raise InvalidDataError(f"there cannot be {successes} successes in {trials} trials")
        rate = successes / trials if trials else math.nan
        return cls._of_squares(rate, successes * (1 - rate), trials)

    @classmethod
    def of_clusters(cls, sums: ClusterSums) -> Self:
        """Return the mean over all outcomes, where outcomes of one unit depend on each other.

        The mean is a ratio of two sums over buckets of units, so its variance is that of its
        linearisation: Cochran, "Sampling Techniques", 3rd edition (1977), section 9A; as in
        Deng, Lu and Litz, "Trustworthy analysis of online A/B tests", WSDM 2017. There is one degree of
        freedom less than there are buckets with data.
        """
        held = sums.counts > 0
        counts, totals = sums.counts[held], sums.totals[held]
        clusters, count = len(counts), sums.count
        if not clusters:
            return cls(math.nan, math.inf, 0, 0)
        mean = float(totals.sum()) / count
        if clusters == 1:
            return cls(mean, math.inf, 0, count)
        residuals = (totals - mean * counts) / count
        return cls(mean, float(residuals @ residuals) * clusters / (clusters - 1), clusters - 1, count)

    @classmethod
    def ratio_of(cls, moments: JointMoments) -> Self:
        """Return the sum of the outcomes over the sum of the covariates.

        Its variance is that by the delta method. For metrics such as profit per trade where a row is a unit:
        the outcome is its profit, the covariate how many trades it made. Deng, Knoblich and Lu, "Applying the
        delta method in metric analytics", KDD 2018.

        Args:
            moments: one row per independent unit. If the covariates sum to zero, there is no ratio: NaN.
        """
        if not moments.covariate_total:
            return cls(math.nan, math.inf, 0, moments.count)
        ratio = moments.total / moments.covariate_total
        squares = moments.m2 - 2 * ratio * moments.comoment + ratio * ratio * moments.covariate_m2
        mean = moments.covariate_total / moments.count
        return cls._of_squares(ratio, max(squares, 0.0) / mean / mean, moments.count)

    @classmethod
    def _of_squares(cls, value: float, squares: float, count: int) -> Self:
        if count > 1:
            return cls(value, squares / (count - 1) / count, count - 1, count)
        return cls(value, math.inf, 0, count)


def control_variate(control: JointMoments, treatment: JointMoments) -> tuple[Estimate, Estimate]:
    """Return both means with what a covariate explains taken out (CUPED), so that their difference is surer.

    Each mean moves by theta times how far the covariate's mean in its group is from that of both groups, with
    one theta for both groups: the slope within the groups. So the difference is that of the analysis of
    covariance. Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled experiments by
    utilizing pre-experiment data", WSDM 2013.

    Args:
        control: outcome and covariate of the control group.
        treatment: the same of the treatment group. The covariate must be nothing that the treatment
            can change, such as a figure from before the experiment; otherwise the difference is biased.

    Returns:
        The estimates for control and treatment; the plain means where the covariate does not vary.

    Example:
        >>> control = JointMoments.of([1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 3.0, 4.0])
        >>> treatment = JointMoments.of([3.0, 4.0, 5.0, 6.0], [2.0, 3.0, 4.0, 5.0])
        >>> before, after = control_variate(control, treatment)
        >>> round(after.value - before.value, 6), after.variance < 0.01
        (0.6, True)
    """
    theta, middle = _slope(control, treatment), (control + treatment).covariate.mean
    return _adjusted(control, theta, middle), _adjusted(treatment, theta, middle)


def _slope(control: JointMoments, treatment: JointMoments) -> float:
    squares = control.covariate_m2 + treatment.covariate_m2
    totals = np.array([control.covariate_total, treatment.covariate_total])
    noise = _ROUNDING * float(np.abs(totals).sum())
    count = control.count + treatment.count
    return (control.comoment + treatment.comoment) / squares if squares * count > noise * noise else 0.0


def _adjusted(moments: JointMoments, theta: float, middle: float) -> Estimate:
    if not theta or not moments.count:
        return Estimate.of_moments(moments.outcome)
    squares = moments.m2 - 2 * theta * moments.comoment + theta * theta * moments.covariate_m2
    shift = theta * (moments.covariate.mean - middle)
    return Estimate.of_moments(
        Moments(moments.count, moments.total - shift * moments.count, max(squares, 0.0))
    )
