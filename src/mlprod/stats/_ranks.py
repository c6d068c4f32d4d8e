"""Two groups compared by rank: which of two outcomes is the larger, not by how much."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod.stats._result import Comparison, Interval, check_confidence
from mlprod.stats._two_samples import t_quantile, t_two_sided

__all__ = ["brunner_munzel", "mann_whitney"]

_Sorted: TypeAlias = NDArray[np.float64]


def mann_whitney(control: ArrayLike, treatment: ArrayLike) -> Comparison:
    """Test whether two groups have the same distribution.

    The normal approximation, corrected for ties and continuity: Mann and Whitney, "On a test of whether one
    of two random variables is stochastically larger than the other", Annals of Mathematical Statistics 18
    (1947).

    Args:
        control: outcomes; any numbers but NaN; shape ``(n,)``.
        treatment: outcomes; shape ``(m,)``.

    Returns:
        The effect is the probability that a treatment outcome is larger than a control outcome, ties counted
        half. The p-value is 1.0 where a group is empty or all outcomes are equal.

    Example:
        >>> result = mann_whitney([1.0, 2.0, 3.0, 4.0], [2.5, 5.0, 6.0, 7.0])
        >>> result.effect, round(result.p_value, 3)
        (0.875, 0.112)
    """
    x, y = _sorted(control), _sorted(treatment)
    n, m = float(len(x)), float(len(y))
    if not n or not m:
        return Comparison(math.nan, 1.0, 0.0, math.inf)
    u = float(_below(x, y).sum())
    everything = np.sort(np.concatenate((x, y)))
    starts = np.flatnonzero(np.append(True, everything[1:] != everything[:-1]))
    ties = np.diff(np.append(starts, len(everything))).astype(np.float64)
    size = n + m
    variance = n * m / 12 * (size + 1 - float((ties**3 - ties).sum()) / (size * (size - 1)))
    if len(ties) == 1:
        return Comparison(0.5, 1.0, 0.0, math.inf)
    from scipy.special import ndtr

    excess = u - n * m / 2
    z = math.copysign(max(abs(excess) - 0.5, 0.0), excess) / math.sqrt(variance)
    return Comparison(u / (n * m), 2 * float(ndtr(-abs(z))), z, math.inf)


def brunner_munzel(control: ArrayLike, treatment: ArrayLike, *, confidence: float = 0.95) -> Comparison:
    """Test whether an outcome of either group is as likely to be the larger one, and say how likely.

    Unlike `mann_whitney`, it does not take both groups to be alike in spread and shape. Student's t
    approximation of Brunner and Munzel, "The nonparametric Behrens-Fisher problem", Biometrical Journal 42
    (2000).

    Where all of one group is above all of the other, their variance cannot be estimated: there, outcomes are
    paired, and the sign test of the ``min(n, m)`` pairs gives p-value and interval.

    Args:
        control: outcomes; any numbers but NaN; shape ``(n,)``.
        treatment: outcomes; shape ``(m,)``.
        confidence: of the interval, between 0 and 1.

    Returns:
        The effect is the probability that a treatment outcome is larger than a control outcome, ties counted
        half. The p-value is 1.0 and the interval 0 to 1 where all outcomes are equal or a group has fewer
        than two.

    Raises:
        InvalidConfigError: if the confidence is none; it is a ValueError.

    Example:
        >>> result = brunner_munzel([1.0, 2.0, 3.0, 4.0], [2.5, 5.0, 6.0, 7.0])
        >>> result.effect, round(result.p_value, 3), round(result.interval.low, 3), result.interval.high
        (0.875, 0.05, 0.499, 1.0)
    """
    check_confidence(confidence)
    x, y = _sorted(control), _sorted(treatment)
    n, m = len(x), len(y)
    if not n or not m:
        return Comparison(math.nan, 1.0, 0.0, 0.0, Interval(0.0, 1.0))
    y_above, x_above = _below(x, y) / n, _below(y, x) / m
    effect = float(y_above.mean())
    if effect in {0.0, 1.0}:
        return _separated(effect, min(n, m), confidence)
    of_x, of_y = (float(part.var()) / max(len(part) - 1, 1) for part in (x_above, y_above))
    variance = of_x + of_y
    if min(n, m) < 2 or not variance:  # noqa: PLR2004 - a variance takes two
        return Comparison(effect, 1.0, 0.0, 0.0, Interval(0.0, 1.0))
    dof = 1 / ((of_x / variance) ** 2 / (n - 1) + (of_y / variance) ** 2 / (m - 1))
    error = math.sqrt(variance)
    t, half_width = (effect - 0.5) / error, t_quantile(0.5 + confidence / 2, dof) * error
    interval = Interval(max(effect - half_width, 0.0), min(effect + half_width, 1.0))
    return Comparison(effect, t_two_sided(t, dof), t, dof, interval)


def _separated(effect: float, pairs: int, confidence: float) -> Comparison:
    least = ((1 - confidence) / 2) ** (1 / pairs)
    interval = Interval(least, 1.0) if effect else Interval(0.0, 1 - least)
    return Comparison(effect, min(2 * 0.5**pairs, 1.0), math.copysign(math.inf, effect - 0.5), 0.0, interval)


def _sorted(values: ArrayLike) -> _Sorted:
    return np.sort(np.asarray(values, dtype=np.float64))


def _below(values: _Sorted, others: _Sorted) -> _Sorted:
    """Return how many values are below each of the others, ties counted half."""
    return (np.searchsorted(values, others, "left") + np.searchsorted(values, others, "right")) / 2
