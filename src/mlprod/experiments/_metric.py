"""Metrics of an experiment: what kind of number each is, and which side is good."""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias, final

import attrs

from mlprod._names import check_name, known, shorten, snake_case
from mlprod.errors import InvalidConfigError, InvalidNameError

__all__ = ["BUILT_IN", "Kind", "Metric", "Source", "custom_name", "metric_of", "nearest"]

Kind: TypeAlias = Literal["proportion", "mean"]
Source: TypeAlias = Literal["prediction", "trade", "custom"]


@final
@attrs.frozen
class Metric:
    """A number that an experiment compares.

    Attributes:
        name: what it is called.
        kind: a share of yes among yes and no, or a mean of numbers.
        source: from which records it is computed.
        is_error: whether lower is better.
        is_root: whether the mean that is compared is that of squares, and its root is what is shown.
    """

    name: str
    kind: Kind
    source: Source
    is_error: bool = False
    is_root: bool = False

    def lift(self, mean_lift: float) -> float:
        """Return the relative change of what is shown, from that of the mean."""
        return max(1 + mean_lift, 0.0) ** 0.5 - 1 if self.is_root else mean_lift

    def shown(self, mean: float) -> float:
        """Return what is shown for a mean."""
        return mean**0.5 if self.is_root else mean


BUILT_IN: Final = {
    metric.name: metric
    for metric in (
        Metric("win_rate", "proportion", "trade"),
        Metric("pnl", "mean", "trade"),
        Metric("returns", "mean", "trade"),
        Metric("accuracy", "proportion", "prediction"),
        Metric("directional_accuracy", "proportion", "prediction"),
        Metric("signal_rate", "proportion", "prediction"),
        Metric("confidence", "mean", "prediction"),
        Metric("latency_ms", "mean", "prediction", is_error=True),
        Metric("mae", "mean", "prediction", is_error=True),
        Metric("rmse", "mean", "prediction", is_error=True, is_root=True),
        Metric("mape", "mean", "prediction", is_error=True),
    )
}
"""The metrics that follow from predictions and trades, by name."""


def metric_of(name: str, lower_is_better: Iterable[str] = ()) -> Metric:
    """Return a built-in metric, or one of the application's own.

    Args:
        name: its name.
        lower_is_better: which of the application's own are errors, costs and the like.
    """
    return BUILT_IN.get(name) or Metric(name, "mean", "custom", is_error=name in lower_is_better)


def nearest(value: object, custom: Iterable[str] = ()) -> str:
    """Return the name of a metric, in whichever case it is written.

    Args:
        value: a name.
        custom: names of the application's own metrics.

    Raises:
        InvalidConfigError: if there is no such metric; it names the nearest.
    """
    own = tuple(custom)
    if isinstance(value, str) and value in own:
        return value
    if isinstance(value, str) and snake_case(value) in BUILT_IN:
        return snake_case(value)
    there_are = known((*BUILT_IN, *own), value)
    raise InvalidConfigError(f"{shorten(value)} is no metric; {there_are}. Name your own in custom_metrics")


def custom_name(value: object) -> str:
    """Return the name of a metric of the application's own.

    Raises:
        InvalidConfigError: if it cannot be one, or is one of the built-in ones.
    """
    try:
        name = check_name(value, "the name of a metric")
    except InvalidNameError as error:
        raise InvalidConfigError(str(error)) from None
    if name in BUILT_IN:
        raise InvalidConfigError(f"{name} is computed from predictions or trades; choose another name")
    return name
