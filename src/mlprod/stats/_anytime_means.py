"""Evidence about means that may be looked at after every observation."""

import math
from typing import Final

from mlprod.errors import InvalidConfigError
from mlprod.stats._anytime import enough
from mlprod.stats._moments import Moments

__all__ = ["SMALLEST_SAMPLE", "half_width_mean", "information", "log_e_lift", "log_e_mean"]

SMALLEST_SAMPLE: Final = 2
"""Observations that each variant needs for a variance; simulated error rates were no better with 20."""

_ROUNDING = 1e-9


def log_e_mean(difference: float, variance: float, count: int, dof: float, *, planned: float) -> float:
    """Return the evidence that a difference of means is not zero, however often it was looked at.

    It is the natural logarithm of an e-value: that of a normal mixture over the difference in units of its
    standard error, its scale chosen so that the interval is narrowest at `planned` observations. At every
    time, or at a time that the data chose, the chance that it reached ``log(1 / alpha)`` is `alpha` at most,
    if there is no difference. Logarithms of separate phases add.

    For one direction at level alpha, ask for the evidence of two at level 2 alpha and for the sign: the
    e-value of the mixture over one half of the normal distribution is ``2 * Phi(z)`` times that of the
    whole, with ``z = t * sqrt(g / (1 + g))`` for the half on the side of the estimate. Where it matters
    that factor is 2 but for a thousandth.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic
    confidence sequences", arXiv 2103.06476; with the t distribution for unknown variance of Lindon, Ham,
    Tingley and Bojinov, "Anytime-valid linear models and regression adjusted causal inference in randomized
    experiments", arXiv 2210.08589. Like the central limit theorem it is exact in the limit; see
    `log_e_lift` for the variance that keeps the level with skewed data and unequal shares.

    Args:
        difference: the estimate, in any unit.
        variance: of the estimate, in its unit squared, such as ``s1**2 / n1 + s2**2 / n2``.
        count: observations of all variants.
        dof: degrees of freedom of the variance, more than 0; ``math.inf`` if it is known.
        planned: how many observations of all variants the experiment plans for.

    Returns:
        The evidence; 0.0, which is none, if the variance is not positive or NaN.

    Raises:
        InvalidConfigError: if `planned` is not positive.

    Example:
        >>> import math
        >>> evidence = log_e_mean(0.3, 0.005, 10_000, 5_000.0, planned=10_000)
        >>> round(evidence, 2), evidence >= math.log(1 / 0.05)
        (6.9, True)
    """
    if not (variance > 0 and dof > 0):
        return 0.0
    g = information(count, planned)
    squared = difference * difference / variance
    if dof == math.inf:
        return 0.5 * (squared * g / (1 + g) - math.log1p(g))
    squared /= dof
    return 0.5 * ((dof + 1) * (math.log1p(squared) - math.log1p(squared / (1 + g))) - math.log1p(g))


def half_width_mean(variance: float, count: int, dof: float, *, alpha: float, planned: float) -> float:
    """Return half the width of the interval around a difference that holds at all times.

    The interval excludes zero exactly when `log_e_mean` reaches ``log(1 / alpha)``.

    Args:
        variance: of the estimate, in its unit squared.
        count: observations of all variants.
        dof: degrees of freedom of the variance; ``math.inf`` if it is known.
        alpha: the chance that the interval ever misses the difference, such as 0.05.
        planned: how many observations of all variants the experiment plans for.

    Returns:
        In the unit of the difference; infinite where the data cannot bound it.

    Raises:
        InvalidConfigError: if `planned` is not positive, or `alpha` not between 0 and 1.

    Example:
        >>> round(half_width_mean(0.005, 10_000, 5_000.0, alpha=0.05, planned=10_000), 3)
        0.215
    """
    g, needed = information(count, planned), enough(alpha)
    if not (variance > 0 and dof > 0 and g > 0):
        return math.inf
    exponent = math.log1p(g) + 2 * needed
    if dof == math.inf:
        return math.sqrt(variance * exponent * (1 + g) / g)
    grown = math.exp(exponent / (dof + 1))
    if grown >= 1 + g:
        return math.inf
    return math.sqrt(variance * dof * math.expm1(exponent / (dof + 1)) / (1 - grown / (1 + g)))


def log_e_lift(control: Moments, treatment: Moments, lift: float = 0.0, *, planned: float) -> float:
    """Return the evidence that the treatment's mean is not the control's plus `lift` of its size.

    The null hypothesis is ``treatment = control + lift * abs(control)`` of the means, as in Fieller's theorem
    (The Biometrical Journal, 1954): no division, so that it holds for a control near zero, too. With a lift
    of zero it is the evidence of a difference.

    The variance is Welch's, or the pooled one where that is more. With a tenth of the units and skewed
    profits, Welch's alone is too small whenever the rare gains or losses have not come yet: of experiments
    with nothing to find, a one-sided test at 5% stopped 17% (lognormal profits) and 40% (a loss of 30 in one
    trade of fifty), with the pooled one 1%. The price is power where the treatment varies less than the
    control. What remains is a small treatment that is skewed and varies more: with half as much again and
    lognormal profits 9% were stopped.

    Args:
        control: of the control's values, in any unit.
        treatment: of the treatment's values, in the same unit.
        lift: relative to the size of the control's mean; -0.1 is a tenth less.
        planned: how many observations of both variants the experiment plans for.

    Returns:
        The evidence, as `log_e_mean` does; 0.0 if a variant has less than `SMALLEST_SAMPLE` values, or if
        all values of both are equal.

    Raises:
        InvalidConfigError: if `planned` is not positive.

    Example:
        >>> import math
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> control, treatment = Moments.of(rng.normal(1, 2, 9000)), Moments.of(rng.normal(0.7, 2, 1000))
        >>> log_e_lift(control, treatment, planned=10_000) > math.log(20)
        True
        >>> log_e_lift(control, treatment, -0.3, planned=10_000) > math.log(20)
        False
    """
    if min(control.count, treatment.count) < SMALLEST_SAMPLE:
        return 0.0
    of_control = control.total / control.count
    factor = 1 + lift if of_control >= 0 else 1 - lift
    variance, dof = _of_contrast(control, treatment, factor * factor)
    difference = treatment.total / treatment.count - factor * of_control
    return log_e_mean(difference, variance, control.count + treatment.count, dof, planned=planned)


def _of_contrast(control: Moments, treatment: Moments, weight: float) -> tuple[float, float]:
    """Return the variance of a contrast, whose square has this weight of the control's, and its degrees."""
    n_control, n_treatment = control.count, treatment.count
    of_control = weight * control.m2 / ((n_control - 1) * n_control)
    of_treatment = treatment.m2 / ((n_treatment - 1) * n_treatment)
    welch = of_control + of_treatment
    free = n_control + n_treatment - 2
    pooled = (control.m2 + treatment.m2) / free * (weight / n_control + 1 / n_treatment)
    if pooled > welch * (1 + _ROUNDING) or not welch:  # with equal counts they are the same, but for rounding
        return pooled, free
    shares = of_control / welch, of_treatment / welch
    return welch, 1 / (shares[0] * shares[0] / (n_control - 1) + shares[1] * shares[1] / (n_treatment - 1))


def information(count: float, planned: float) -> float:
    """Return the variance of the mixture in units of that of the estimate, after so many observations."""
    if not planned > 0:
        raise InvalidConfigError(f"planned must be a positive number of observations, not {planned}")
    return _BEST_INFORMATION * count / planned


def _best_information() -> float:
    """Return the g at which the interval of level 0.05 is narrowest: g = c + log(1 + g), c = 2 log 20."""
    g = c = 2 * math.log(20)
    for _ in range(50):
        g = c + math.log1p(g)
    return g


_BEST_INFORMATION: Final = _best_information()
