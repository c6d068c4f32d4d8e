"""From evidence to a p-value and to an interval, both of which hold however often they are looked at."""

import functools
import math
from collections.abc import Callable
from typing import TypeAlias

from mlprod.errors import InvalidConfigError
from mlprod.stats._result import Interval

__all__ = ["anytime_p_value", "enough", "interval_of"]

_DOUBLINGS = 64
_HALVINGS = 42  # finer than evidence itself is rounded
_LEAST = -1e6  # evidence may be less; it makes no difference
_MOST_STEPS = 200  # far more than it ever takes

_Point: TypeAlias = tuple[float, float]


def anytime_p_value(log_e: float) -> float:
    """Return the p-value of evidence: 1 / e, and 1 at most.

    Under the null hypothesis the chance that it is ever `alpha` or less is `alpha` at most (Ville).

    Args:
        log_e: the natural logarithm of an e-value.

    Example:
        >>> import math
        >>> round(anytime_p_value(math.log(20)), 3), anytime_p_value(-1.0)
        (0.05, 1.0)
    """
    return math.exp(-log_e) if log_e > 0 else 1.0


def enough(alpha: float) -> float:
    """Return how much evidence is enough at a level: ``log(1 / alpha)``.

    Raises:
        InvalidConfigError: unless `alpha` lies between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise InvalidConfigError(f"alpha must lie between 0 and 1, for example 0.05, not {alpha}")
    return -math.log(alpha)


def interval_of(log_e: Callable[[float], float], estimate: float, scale: float, alpha: float) -> Interval:
    """Return the interval of the hypotheses against which the evidence is too little.

    The interval covers zero exactly when the evidence against zero is less than ``log(1 / alpha)``, so it
    never contradicts the p-value. For several phases, add their evidence against one hypothesis.

    Args:
        log_e: the evidence against a hypothesis, growing with the distance from the estimate.
        estimate: where the evidence is least, or nearly.
        scale: how far to go first, such as the standard error; positive.
        alpha: the chance that the interval ever misses the truth, such as 0.05.

    Returns:
        The interval, infinite where the evidence never suffices. Both ends are the estimate if it suffices
        against that, too: phases that contradict each other.

    Raises:
        InvalidConfigError: unless `alpha` lies between 0 and 1.

    Example:
        >>> import math
        >>> interval = interval_of(lambda mean: (mean - 3) ** 2, 3.0, 0.1, alpha=math.exp(-4))
        >>> round(interval.low, 9), round(interval.high, 9)
        (1.0, 5.0)
    """
    needed, log_e = enough(alpha), functools.cache(log_e)
    least = max(log_e(estimate), _LEAST)
    covers_zero = log_e(0.0) < needed
    if not (covers_zero or least < needed):
        return Interval(estimate, estimate)

    def surplus(point: float) -> float:
        """Return what is beyond enough, bent so that it is a line where the evidence is a parabola."""
        found = log_e(point)
        bend = math.sqrt(max(found - least, 0.0)) + math.sqrt(max(needed - least, 0.0))
        return (found - needed) / bend if 0 < bend < math.inf else found - needed

    step = scale * math.sqrt(2 * max(needed - least, 0.0)) or scale  # right if `scale` is the standard error
    low, high = (min(0.0, estimate), max(0.0, estimate)) if covers_zero else (estimate, estimate)
    beyond = None if covers_zero else 0.0
    return Interval(
        _limit(surplus, low, -step, beyond if estimate > 0 else None),
        _limit(surplus, high, step, beyond if estimate < 0 else None),
    )


def _limit(surplus: Callable[[float], float], inside: float, step: float, outside: float | None) -> float:
    """Return the point, on the side of the step, from which on the evidence is enough."""
    if outside is None:
        for _ in range(_DOUBLINGS):
            outside = inside + step
            if surplus(outside) >= 0:
                break
            step *= 2
        else:
            return math.copysign(math.inf, step)
    return _crossing(surplus, inside, outside)


def _crossing(surplus: Callable[[float], float], inside: float, outside: float) -> float:
    """Return where a surplus begins, from outside, to 2**-42 of the distance.

    Bisection, or inverse quadratic interpolation where the last three points lie so that it can be trusted:
    Chandrupatla, "A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear function
    without using derivatives", Advances in Engineering Software 28 (1997). It takes a third of the steps of
    bisection alone.
    """
    finest = 4 * math.ulp(max(abs(inside), abs(outside)))
    tolerance = max(abs(outside - inside) * 2.0**-_HALVINGS, finest)
    here, other = outside, inside  # the last point, and the nearest one on the other side
    at_here, at_other = surplus(here), surplus(other)
    share = 0.5
    for _ in range(_MOST_STEPS):  # pragma: no branch - it is there long before
        point = here + share * (other - here)
        found = surplus(point)
        if (found >= 0) == (at_here >= 0):
            before, at_before = here, at_here
        else:
            before, at_before = other, at_other
            other, at_other = here, at_here
        here, at_here = point, found
        width = abs(other - here)
        if width <= tolerance:
            break
        least = tolerance / width / 2
        interpolated = _interpolated((here, at_here), (other, at_other), (before, at_before))
        share = min(1 - least, max(least, interpolated))
    return here if at_here >= 0 else other


def _interpolated(here: _Point, other: _Point, before: _Point) -> float:
    """Return how far to go from here to the other side: to the middle, unless a parabola knows better."""
    (x, f), (x_other, f_other), (x_before, f_before) = here, other, before
    if not all(map(math.isfinite, (f, f_other, f_before))) or f_before in {f, f_other}:
        return 0.5
    place = (x - x_other) / (x_before - x_other)
    height = (f - f_other) / (f_before - f_other)
    if not (height * height < place and (1 - height) ** 2 < 1 - place):
        return 0.5
    return f / (f_other - f) * f_before / (f_other - f_before) + (x_before - x) / (x_other - x) * f / (
        f_before - f
    ) * f_other / (f_before - f_other)
