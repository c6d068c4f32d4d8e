"""The bootstrap of a difference of two means, from sums over buckets of units."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod.errors import InvalidConfigError
from mlprod.stats._clusters import ClusterSums
from mlprod.stats._result import Comparison, Interval, check_confidence

__all__ = ["bootstrap", "bootstrap_means"]

_Array: TypeAlias = NDArray[np.float64]

_UNBOUNDED = Interval(-math.inf, math.inf)
_FEWEST = 100  # resamples
_ROUNDING = 1e-14  # relative; the spread that rounding alone gives to equal numbers is smaller
_AT_ONCE = 2000  # resamples; 4 MiB


def bootstrap(
    control: ClusterSums,
    treatment: ClusterSums,
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
    relative: bool = False,
) -> Comparison:
    """Compare two means by resampling whole buckets of units, whatever the distribution of the outcomes.

    The interval is bias-corrected and accelerated (BCa), the acceleration by a jackknife over buckets: Efron,
    "Better bootstrap confidence intervals", Journal of the American Statistical Association 82 (1987). Where
    it is undefined it is that of percentiles. The p-value is the level at which the interval would end at
    zero.

    Args:
        control: sums of the control group.
        treatment: sums of the treatment group.
        seed: makes the resampling reproducible.
        resamples: how many, 100 or more. The p-value is never below ``1 / (resamples + 1)``.
        confidence: of the interval, between 0 and 1.
        relative: whether to return the lift, the difference as a fraction of control's mean without its sign.

    Returns:
        The effect is the difference of the means, treatment minus control, or the lift. The p-value is 1.0
        and the interval unbounded where a group has fewer than two buckets with data, or no variance is seen.
        The interval of a lift is unbounded, too, where control's mean is not clear of zero.

    Raises:
        InvalidConfigError: if confidence or resamples make no sense; it is a ValueError.

    Example:
        >>> rng = np.random.default_rng(7)
        >>> control = ClusterSums.of_rows(rng.exponential(1.0, size=5000), seed=1)
        >>> treatment = ClusterSums.of_rows(rng.exponential(1.2, size=5000), seed=2)
        >>> lift = bootstrap(control, treatment, seed=3, relative=True)
        >>> lift.p_value < 0.01, 0.1 < lift.interval.low < lift.interval.high < 0.3
        (True, True)
    """
    check_confidence(confidence)
    if resamples < _FEWEST:
        raise InvalidConfigError(f"resamples must be {_FEWEST} or more, not {resamples}")
    rng = np.random.default_rng(seed)
    groups = [_held(control), _held(treatment)]
    if not all(len(counts) for counts, _ in groups):
        return Comparison(math.nan, 1.0, 0.0, 0.0, _UNBOUNDED)
    base, other = (float(totals.sum() / counts.sum()) for counts, totals in groups)
    effect = float(_effect(base, other, relative))
    if min(len(counts) for counts, _ in groups) < 2:  # noqa: PLR2004 - a variance takes two
        return Comparison(effect, 1.0, 0.0, 0.0, _UNBOUNDED)
    bases, others = (_resampled(counts, totals, resamples, rng) for counts, totals in groups)
    noise = _ROUNDING * max(abs(base), abs(other))
    if np.ptp(bases) <= noise and np.ptp(others) <= noise:
        return Comparison(effect, 1.0, 0.0, 0.0, _UNBOUNDED)
    is_clear = 2 * float((bases * base <= 0).mean()) <= 1 - confidence
    as_lift = relative and is_clear
    value, found = float(_effect(base, other, as_lift)), _effect(bases, others, as_lift)
    bias, acceleration = _bias_and_acceleration(
        found,
        value,
        _effect(_without_one(*groups[0]), other, as_lift),
        _effect(base, _without_one(*groups[1]), as_lift),
    )
    interval = _interval(found, confidence, bias, acceleration) if as_lift == relative else _UNBOUNDED
    return Comparison(
        effect, _p_value(found, bias, acceleration), value / float(found.std()), math.inf, interval
    )


def bootstrap_means(
    control: ArrayLike,
    treatment: ArrayLike,
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
    relative: bool = False,
) -> Comparison:
    """Compare the means of outcomes that do not depend on each other: `bootstrap` of `ClusterSums.of_rows`.

    Args:
        control: finite outcomes; shape ``(n,)``.
        treatment: finite outcomes; shape ``(m,)``.
        seed: makes it reproducible.
        resamples: how many, 100 or more.
        confidence: of the interval, between 0 and 1.
        relative: whether to return the lift.

    Raises:
        InvalidConfigError: if confidence or resamples make no sense; it is a ValueError.

    Example:
        >>> bootstrap_means([1.0, 2.0, 3.0], [11.0, 12.0, 13.0, 14.0], seed=1).effect
        10.5
    """
    return bootstrap(
        ClusterSums.of_rows(control, seed),
        ClusterSums.of_rows(treatment, seed + 1),
        seed=seed + 2,
        resamples=resamples,
        confidence=confidence,
        relative=relative,
    )


def _held(sums: ClusterSums) -> tuple[_Array, _Array]:
    held = sums.counts > 0
    return sums.counts[held].astype(np.float64), sums.totals[held]


def _resampled(counts: _Array, totals: _Array, resamples: int, rng: np.random.Generator) -> _Array:
    """Return the means of samples of as many buckets, with replacement; shape ``(resamples,)``."""
    means = np.empty(resamples)
    for start in range(0, resamples, _AT_ONCE):
        part = means[start : start + _AT_ONCE]
        chosen = rng.integers(len(counts), size=(len(part), len(counts)), dtype=np.uint16)
        part[:] = totals[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
    return means


def _without_one(counts: _Array, totals: _Array) -> _Array:
    """Return the means of all buckets but one, for each one."""
    means: _Array = (totals.sum() - totals) / (counts.sum() - counts)
    return means


def _effect(base: _Array | float, other: _Array | float, relative: bool) -> _Array:  # noqa: FBT001 - private
    difference = np.asarray(other - base)
    with np.errstate(divide="ignore", invalid="ignore"):  # a mean of zero has no lift
        return difference / np.abs(base) if relative else difference


def _bias_and_acceleration(found: _Array, value: float, *left_out: _Array) -> tuple[float, float]:
    """Return what corrects the percentiles; 0.0 both where that is undefined."""
    from scipy.special import ndtri

    bias = float(ndtri(_share_below(found, value)))
    deviations = [(means.mean() - means) * (len(means) - 1) / len(means) for means in left_out]
    squares = sum(float((part**2).sum()) for part in deviations)
    if not math.isfinite(bias) or not squares:
        return 0.0, 0.0
    return bias, sum(float((part**3).sum()) for part in deviations) / squares**1.5 / 6


def _interval(found: _Array, confidence: float, bias: float, acceleration: float) -> Interval:
    from scipy.special import ndtr, ndtri

    levels = np.array([0.5 - confidence / 2, 0.5 + confidence / 2])
    shifted = bias + ndtri(levels)
    slowed = 1 - acceleration * shifted
    if (slowed > 0).all():
        levels = ndtr(bias + shifted / slowed)
    low, high = np.quantile(found, levels)
    return Interval(float(low), float(high))


def _p_value(found: _Array, bias: float, acceleration: float) -> float:
    from scipy.special import ndtr, ndtri

    least = 1 / (len(found) + 1)
    share = min(max(_share_below(found, 0.0), least), 1 - least)
    shifted = float(ndtri(share)) - bias
    slowed = 1 + acceleration * shifted
    if slowed > 0:
        share = float(ndtr(shifted / slowed - bias))
    return min(max(2 * min(share, 1 - share), least), 1.0)


def _share_below(found: _Array, value: float) -> float:
    return float((found < value).mean() + (found <= value).mean()) / 2
