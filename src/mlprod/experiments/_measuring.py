"""From records to the numbers that metrics are made of: pure, column by column."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._facts._flags import CORRECT, KNOWN, LABEL, TEXT
from mlprod.experiments._streams import FLAT, LONG, SHORT
from mlprod.storage.journal import Table

__all__ = [
    "Measured",
    "Prediction",
    "measured_prediction",
    "measured_predictions",
    "measured_shadows",
    "measured_trades",
    "outcome_state",
]

Measured: TypeAlias = tuple[str, NDArray[np.float64]]
"""The name of a metric, and its number in each record; NaN where a record has none."""

_NOTHING = 1e-100  # what is nearer to zero would make a relative error infinite
_LARGEST = 1e150  # of an error that is squared or relative; its own square, and sums of those, are finite


@final
@attrs.frozen
class Prediction:
    """What is known of one prediction; NaN for what is not."""

    predicted: float
    actual: float
    signal: int
    flags: int
    confidence: float
    latency_ms: float


def measured_trades(table: Table) -> Iterator[Measured]:
    """Give the metrics of trades."""
    pnl = table["pnl"]
    yield "win_rate", np.where(np.isnan(pnl), np.nan, pnl > 0)
    yield "pnl", pnl
    yield "returns", table["returns"]


def measured_predictions(table: Table, suffix: str = "") -> Iterator[Measured]:
    """Give the metrics of predictions.

    Args:
        table: predictions, or what all variants said of the same units.
        suffix: of the columns that belong to the variant.
    """
    predicted, actual = table[f"prediction{suffix}"], table["actual"]
    signal, flags = table[f"signal{suffix}"], table[f"flags{suffix}"]
    is_number = ((flags | table["flags"]) & TEXT) == 0
    yield "confidence", table[f"confidence{suffix}"]
    yield "latency_ms", table[f"latency_ms{suffix}"]
    yield "signal_rate", np.where(signal == 0, np.nan, signal != FLAT)
    yield "accuracy", _accuracy(predicted, actual, np.where(is_number, signal, 0), flags)
    yield "directional_accuracy", np.where(is_number, _directional(predicted, actual, signal), np.nan)
    error = np.where(is_number, predicted - actual, np.nan)
    yield "mae", np.abs(error)
    yield "rmse", np.minimum(error * error, _LARGEST)
    scale = np.where(np.abs(actual) > _NOTHING, np.abs(actual), np.nan)
    yield "mape", np.minimum(np.abs(error) / scale, _LARGEST)


def measured_shadows(table: Table, variant: int) -> Iterator[Measured]:
    """Give the metrics of one variant, from what all variants said of the same units."""
    pnl = table[f"pnl_{variant}"]
    yield "win_rate", np.where(np.isnan(pnl), np.nan, pnl > 0)
    yield "pnl", pnl
    yield from measured_predictions(table, f"_{variant}")


def outcome_state(table: Table, suffix: str = "") -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which predictions can have an outcome, and which of them have one."""
    is_known = (table[f"flags{suffix}"] & KNOWN) != 0
    has_actual = ~np.isnan(table["actual"])
    says_something = ~np.isnan(table[f"prediction{suffix}"]) | (table[f"signal{suffix}"] != 0)
    is_awaited = is_known | says_something | (table["prediction_id"] != 0)
    return is_awaited, is_known | (is_awaited & has_actual)


def measured_prediction(metric: str, prediction: Prediction) -> float:
    """Return one metric of one prediction, as `measured_predictions` gives it; NaN if it has none."""
    return _ONE[metric](prediction)


def _accuracy(
    predicted: NDArray[np.float64],
    actual: NDArray[np.float64],
    signal: NDArray[np.uint8],
    flags: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """Return who was right: as was said, else as a class, else by the direction."""
    is_known, is_class = (flags & KNOWN) != 0, (flags & LABEL) != 0
    is_compared = is_class & ~np.isnan(predicted) & ~np.isnan(actual)
    by_direction = _followed(actual, signal)
    found = np.where(is_compared, predicted == actual, np.where(is_class, np.nan, by_direction))
    return np.where(is_known, (flags & CORRECT) != 0, found)


def _directional(
    predicted: NDArray[np.float64], actual: NDArray[np.float64], signal: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return who had the sign of the actual value right: by the direction, else by the predicted value."""
    is_compared = ~np.isnan(predicted) & ~np.isnan(actual)
    by_value = np.where(is_compared, np.sign(predicted) == np.sign(actual), np.nan)
    return np.where(signal == 0, by_value, _followed(actual, signal))


def _followed(actual: NDArray[np.float64], signal: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return whether the actual value went in the direction; a flat one is no direction to be right in."""
    is_right = np.where(signal == LONG, actual > 0, actual < 0)
    return np.where(((signal == LONG) | (signal == SHORT)) & ~np.isnan(actual), is_right, np.nan)


def _one_accuracy(one: Prediction) -> float:
    if one.flags & KNOWN:
        return float(one.flags & CORRECT != 0)
    if one.flags & LABEL:
        return math.nan if math.isnan(one.predicted - one.actual) else float(one.predicted == one.actual)
    return math.nan if one.flags & TEXT else _one_followed(one)


def _one_directional(one: Prediction) -> float:
    if one.flags & TEXT:
        return math.nan
    if one.signal:
        return _one_followed(one)
    is_known = not math.isnan(one.predicted - one.actual)
    return float(_sign(one.predicted) == _sign(one.actual)) if is_known else math.nan


def _one_followed(one: Prediction) -> float:
    if one.signal not in {LONG, SHORT} or math.isnan(one.actual):
        return math.nan
    return float(one.actual > 0 if one.signal == LONG else one.actual < 0)


def _one_error(one: Prediction) -> float:
    return math.nan if one.flags & TEXT else abs(one.predicted - one.actual)


def _one_relative(one: Prediction) -> float:
    size = abs(one.actual)
    return min(_one_error(one) / size, _LARGEST) if size > _NOTHING else math.nan


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


_ONE: Final[Mapping[str, Callable[[Prediction], float]]] = {
    "confidence": lambda one: one.confidence,
    "latency_ms": lambda one: one.latency_ms,
    "signal_rate": lambda one: float(one.signal != FLAT) if one.signal else math.nan,
    "accuracy": _one_accuracy,
    "directional_accuracy": _one_directional,
    "mae": _one_error,
    "rmse": lambda one: min(_one_error(one) ** 2, _LARGEST),
    "mape": _one_relative,
}
