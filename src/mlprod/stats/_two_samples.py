"""Two means compared: their difference, and the one relative to the other."""

import math

from mlprod.stats._estimate import Estimate
from mlprod.stats._result import Comparison, Interval, check_confidence

__all__ = ["relative_lift", "t_quantile", "t_two_sided", "welch"]

_ROUNDING = 1e-14  # relative; the standard error that rounding alone gives to equal numbers is smaller
_UNBOUNDED = Interval(-math.inf, math.inf)


def welch(control: Estimate, treatment: Estimate, *, confidence: float = 0.95) -> Comparison:
    """Compare two means that need not have the same variance.

    Welch, "The generalization of 'Student's' problem when several different population variances are
    involved", Biometrika 34 (1947); degrees of freedom by Satterthwaite, Biometrics Bulletin 2 (1946).

    Where the data show no variance at all, or are too few to show any, they say nothing of the error: the
    p-value is 1.0 and the interval unbounded.

    Args:
        control: the mean of the control group and its variance.
        treatment: those of the treatment group.
        confidence: of the interval, between 0 and 1.

    Returns:
        The effect is the difference, treatment minus control, in the unit of the means.

    Raises:
        InvalidConfigError: if the confidence is none; it is a ValueError.

    Example:
        >>> control, treatment = Estimate(10.0, 0.04, 99, 100), Estimate(10.5, 0.05, 99, 100)
        >>> result = welch(control, treatment)
        >>> round(result.p_value, 3), round(result.interval.low, 3), round(result.interval.high, 3)
        (0.097, -0.092, 1.092)
    """
    check_confidence(confidence)
    effect = treatment.value - control.value
    dof = _satterthwaite(control, treatment)
    if not dof:
        return Comparison(effect, 1.0, 0.0, 0.0, _UNBOUNDED)
    error = math.sqrt(control.variance + treatment.variance)
    half_width = t_quantile(0.5 + confidence / 2, dof) * error
    return Comparison(
        effect,
        t_two_sided(effect / error, dof),
        effect / error,
        dof,
        Interval(effect - half_width, effect + half_width),
    )


def relative_lift(control: Estimate, treatment: Estimate, *, confidence: float = 0.95) -> Interval:
    """Return an interval for the lift: treatment minus control, over control without its sign.

    Fieller, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16 (1954),
    with the degrees of freedom of `welch`: so it excludes zero exactly if the interval of `welch` does. It
    makes no assumption on the control's mean: where that is not clear of zero, the lift is
    unbounded, on one side if there clearly is a difference and on both if not. The sign is that of the
    difference, also for means below zero and for metrics of which less is better.

    Args:
        control: the mean of the control group and its variance.
        treatment: those of the treatment group.
        confidence: of the interval, between 0 and 1.

    Returns:
        The interval as a fraction: 0.02 is two percent.

    Raises:
        InvalidConfigError: if the confidence is none; it is a ValueError.

    Example:
        >>> lift = relative_lift(Estimate(10.0, 0.04, 99, 100), Estimate(11.0, 0.05, 99, 100))
        >>> round(lift.low, 3), round(lift.high, 3)
        (0.04, 0.164)
    """
    check_confidence(confidence)
    dof = _satterthwaite(control, treatment)
    if not dof:
        return _UNBOUNDED
    # For a control above zero, the interval is where (difference - lift · control)² <= t² · variance of that,
    # which is a · lift² - 2 · b · lift + c <= 0.
    squared_t = t_quantile(0.5 + confidence / 2, dof) ** 2
    difference = treatment.value - control.value
    a = control.value**2 - squared_t * control.variance
    b = difference * control.value + squared_t * control.variance
    c = difference**2 - squared_t * (control.variance + treatment.variance)
    root = math.sqrt(max(b * b - a * c, 0.0))
    if a > 0:
        low, high = (b - root) / a, (b + root) / a
        return Interval(low, high) if control.value > 0 else Interval(-high, -low)
    if c <= 0 or not root:
        return _UNBOUNDED
    nearest = c / (abs(b) + root)  # of both solutions, for a control above zero and for one below
    return Interval(nearest, math.inf) if difference > 0 else Interval(-math.inf, -nearest)


def t_quantile(probability: float, dof: float) -> float:
    """Return the quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(dof, probability))


def t_two_sided(t: float, dof: float) -> float:
    """Return the probability that Student's t is as far from zero as this, or farther."""
    from scipy.special import stdtr

    return 2 * float(stdtr(dof, -abs(t)))


def _satterthwaite(control: Estimate, treatment: Estimate) -> float:
    """Return the degrees of freedom; 0.0 where the variances tell nothing."""
    variance = control.variance + treatment.variance
    noise = _ROUNDING * max(abs(control.value), abs(treatment.value))
    if not noise * noise < variance < math.inf:  # false with NaN
        return 0.0
    share = control.variance / variance
    rest = treatment.variance / variance
    return 1 / (
        (share * share / control.dof if share else 0.0) + (rest * rest / treatment.dof if rest else 0.0)
    )
