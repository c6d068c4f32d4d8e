"""What a comparison of two groups tells."""

from typing import final

import attrs

from mlprod._value import Value
from mlprod.errors import InvalidConfigError

__all__ = ["Comparison", "Interval", "check_confidence"]


@final
@attrs.frozen
class Interval(Value):
    """A confidence interval; infinite on a side that the data do not bound.

    Attributes:
        low: its lower end.
        high: its upper end.
    """

    low: float
    high: float

    def __str__(self) -> str:
        """Say it as people read it, e.g. ``"-0.012 to 0.19"``."""
        return f"{self.low:.4g} to {self.high:.4g}"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@final
@attrs.frozen
class Comparison(Value):
    """The result of a test.

    Attributes:
        effect: what the test estimates, treatment against control; NaN where a group has no data.
        p_value: the two-sided probability of an effect as large as this, or larger, if there is none;
            1.0 where the data tell nothing.
        statistic: the statistic of the test; 0.0 where the data tell nothing.
        dof: its degrees of freedom; infinite for a normal statistic.
        interval: of the effect; None if the test has none.
    """

    effect: float
    p_value: float
    statistic: float
    dof: float
    interval: Interval | None = None


def check_confidence(confidence: float) -> float:
    """Return the confidence if it is one.

    Raises:
        InvalidConfigError: unless it lies between 0 and 1.
    """
    if 0 < confidence < 1:
        return confidence
    raise InvalidConfigError(f"confidence must lie between 0 and 1, for example 0.95, not {confidence}")
