"""How many outcomes a comparison needs, and how surely it finds an effect."""

import math
from collections.abc import Callable

from mlprod.errors import InvalidConfigError
from mlprod.stats._result import check_confidence
from mlprod.stats._two_samples import t_quantile

__all__ = ["power", "sample_size"]

_MOST = 10**12  # outcomes; an effect that needs more is not to be found


def power(
    effect: float,
    count: int,
    *,
    rate: float | None = None,
    mean: float | None = None,
    std: float | None = None,
    relative: bool = False,
    confidence: float = 0.95,
    ratio: float = 1.0,
    comparisons: int = 1,
) -> float:
    """Return the probability that a two-sided test finds an effect, if there is one of this size.

    For rates that of `chi_square`: Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions",
    3rd edition (2003), section 4.2, without continuity correction. For means that of the t-test, by the
    noncentral t distribution: Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd edition
    (1988), section 2.2.

    Args:
        effect: treatment minus control; or, if `relative`, that as a fraction of control.
        count: outcomes of the control group, 2 or more.
        rate: of control, between 0 and 1, if the metric is a rate.
        mean: of control, if the metric is a mean and the effect is relative.
        std: the standard deviation of single outcomes, if the metric is a mean.
        relative: whether the effect is a fraction of control's rate or mean.
        confidence: 1 minus the probability to find an effect where there is none.
        ratio: outcomes of treatment for each one of control.
        comparisons: how many tests share that probability (Bonferroni), e.g. one for each treatment.

    Returns:
        The probability, 0 to 1.

    Raises:
        InvalidConfigError: if the options make no sense; it is a ValueError.

    Example:
        >>> round(power(0.02, 10_000, rate=0.5), 3)
        0.808
        >>> round(power(0.1, 1000, mean=5.0, std=4.0, relative=True), 3)
        0.798
    """
    if count < 2:  # noqa: PLR2004 - a variance takes two
        raise InvalidConfigError(f"count must be 2 or more, not {count}")
    found = _power_function(
        effect,
        rate,
        mean,
        std,
        relative=relative,
        tail=_tail(confidence, comparisons),
        ratio=_positive(ratio, "ratio"),
    )
    return found(float(count))


def sample_size(
    effect: float,
    *,
    rate: float | None = None,
    mean: float | None = None,
    std: float | None = None,
    relative: bool = False,
    power: float = 0.8,
    confidence: float = 0.95,
    ratio: float = 1.0,
    comparisons: int = 1,
) -> tuple[int, int]:
    """Return how many outcomes a test needs to find an effect with a given `power`.

    Args:
        effect: treatment minus control; or, if `relative`, that as a fraction of control. Not zero.
        rate: of control, between 0 and 1, if the metric is a rate.
        mean: of control, if the metric is a mean and the effect is relative.
        std: the standard deviation of single outcomes, if the metric is a mean.
        relative: whether the effect is a fraction of control's rate or mean.
        power: the probability to find the effect.
        confidence: 1 minus the probability to find an effect where there is none.
        ratio: outcomes of treatment for each one of control.
        comparisons: how many tests share that probability (Bonferroni), e.g. one for each treatment.

    Returns:
        The smallest numbers of outcomes of control and of treatment.

    Raises:
        InvalidConfigError: if the options make no sense, or the effect is too small ever to be found; it is a
            ValueError.

    Example:
        >>> sample_size(0.02, rate=0.5)
        (9806, 9806)
        >>> sample_size(0.1, mean=5.0, std=4.0, relative=True, comparisons=2)
        (1218, 1218)
    """
    tail, ratio = _tail(confidence, comparisons), _positive(ratio, "ratio")
    found = _power_function(effect, rate, mean, std, relative=relative, tail=tail, ratio=ratio)
    if not 2 * tail < power < 1:
        raise InvalidConfigError(f"power must lie between {2 * tail:.3g}, that of chance, and 1, not {power}")
    low, high = 1, 2
    while found(high) < power:
        low, high = high, 2 * high
        if high > _MOST:
            raise InvalidConfigError(f"an effect of {effect} takes more than {_MOST:,} outcomes to be found")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) >= power else (middle, high)
    return high, max(math.ceil(high * ratio - 1e-9), 2)


def _power_function(
    effect: float,
    rate: float | None,
    mean: float | None,
    std: float | None,
    *,
    relative: bool,
    tail: float,
    ratio: float,
) -> Callable[[float], float]:
    """Return the power as a function of the number of outcomes of control."""
    if (rate is None) == (std is None):
        raise InvalidConfigError("give rate= for a metric that is a rate, or std= for one that is a mean")
    if relative and rate is None and mean is None:
        raise InvalidConfigError("a relative effect on a mean needs mean=, that of control")
    base = rate if rate is not None else mean
    difference = effect * base if relative and base is not None else effect
    if not math.isfinite(difference):
        raise InvalidConfigError(f"effect must be a finite number, not {effect}")
    if rate is None:
        return lambda count: _of_means(abs(difference) / _positive(std, "std"), count, ratio, tail)
    if not (0 < rate < 1 and 0 <= rate + difference <= 1):
        raise InvalidConfigError(
            f"rates must lie between 0 and 1, not {rate} for control and {rate + difference} for treatment"
        )
    return lambda count: _of_rates(rate, difference, count, ratio, tail)


def _of_rates(rate: float, difference: float, count: float, ratio: float, tail: float) -> float:
    from scipy.special import ndtr, ndtri

    other = rate + difference
    pooled = (rate + ratio * other) / (1 + ratio)
    critical = -float(ndtri(tail)) * math.sqrt(pooled * (1 - pooled) * (1 + 1 / ratio) / count)
    error = math.sqrt((rate * (1 - rate) + other * (1 - other) / ratio) / count)
    return float(ndtr((difference - critical) / error) + ndtr((-difference - critical) / error))


def _of_means(effect: float, count: float, ratio: float, tail: float) -> float:
    from scipy.special import nctdtr

    dof = count * (1 + ratio) - 2
    critical, shift = t_quantile(1 - tail, dof), effect * math.sqrt(count * ratio / (1 + ratio))
    return float(nctdtr(dof, -shift, -critical) + nctdtr(dof, shift, -critical))


def _tail(confidence: float, comparisons: int) -> float:
    if comparisons < 1:
        raise InvalidConfigError(f"comparisons must be 1 or more, not {comparisons}")
    return (1 - check_confidence(confidence)) / 2 / comparisons


def _positive(value: float | None, what: str) -> float:
    if value is None or not 0 < value < math.inf:
        raise InvalidConfigError(f"{what} must be a positive number, not {value}")
    return value
