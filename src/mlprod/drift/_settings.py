"""What a detector is told: thresholds, and how sure it must be."""

from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, final

import attrs

from mlprod._names import shorten
from mlprod.drift._values import Policy
from mlprod.errors import InvalidConfigError

__all__ = ["Correction", "Settings"]

Correction: TypeAlias = Literal["bh", "holm"]


def _number(low: float, high: float) -> Any:  # noqa: ANN401 - a validator
    def check(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
        if isinstance(value, bool) or not isinstance(value, Real) or not low < value < high:
            raise InvalidConfigError(
                f"{attribute.name} must be a number above {low:g} and below {high:g}, not {shorten(value)}"
            )

    return attrs.field(validator=check)


def _choice(*choices: str) -> Any:  # noqa: ANN401 - a validator
    def check(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
        if value not in choices:
            raise InvalidConfigError(
                f"{attribute.name} must be one of {', '.join(choices)}, not {shorten(value)}"
            )

    return check


@final
@attrs.frozen(kw_only=True)
class Settings:
    """The arguments of `DriftDetector`, checked."""

    drift_threshold: float = _number(0, 1)
    psi_threshold: float = _number(0, 1e9)
    psi_moderate: float = _number(0, 1e9)
    performance_threshold: float = _number(0, 1e9)
    volatility_threshold: float = _number(0, 1e9)
    calibration_threshold: float = _number(0, 1)
    lookback_days: float = _number(0, 36525)
    bins: int = _number(1, 251)
    correction: Correction = attrs.field(validator=_choice("bh", "holm"))
    policy: Policy = attrs.field(validator=_choice("calibrated", "classic"))
    is_ordered: bool = True

    def __attrs_post_init__(self) -> None:
        if self.psi_moderate > self.psi_threshold:
            raise InvalidConfigError(
                f"psi_moderate {self.psi_moderate:g} is above psi_threshold {self.psi_threshold:g}: a "
                "moderate shift cannot be larger than a significant one"
            )
        if not isinstance(self.bins, Integral):
            raise InvalidConfigError(f"bins must be a whole number, not {shorten(self.bins)}")
        if not isinstance(self.is_ordered, bool):
            raise InvalidConfigError(f"ordered must be True or False, not {shorten(self.is_ordered)}")
