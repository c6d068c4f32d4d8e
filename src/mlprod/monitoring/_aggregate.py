"""What is known about many predictions without looking at them again: sums that can be merged."""

from collections.abc import Iterable, Mapping
from typing import Any, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._facts._flags import CORRECT, ERROR, KNOWN, LABEL, TEXT
from mlprod.stats import Calibration, LatencySketch
from mlprod.storage.journal import Table

__all__ = ["Aggregate", "Rules", "given", "outcomes"]


@final
@attrs.frozen
class Rules:
    """What a monitor was told about how to judge predictions and trades.

    Attributes:
        high_confidence: from which confidence on it counts as high.
        accuracy_tolerance: how far a predicted number may be off and still be correct; None: a number
            that is no class is never judged.
        initial_capital: equity before the first trade.
        trades_per_year: how often the strategy trades, to annualise.
    """

    high_confidence: float = 0.7
    accuracy_tolerance: float | None = None
    initial_capital: float | None = None
    trades_per_year: float | None = None

    @property
    def key(self) -> str:
        """Names sums over predictions: by what they were judged, and the version of the computation."""
        return f"predictions-1:{self.high_confidence!r}:{self.accuracy_tolerance!r}"


_COUNTS = (
    "predictions",
    "errors",
    "known",
    "correct",
    "confident_known",
    "confident_correct",
    "confidence_count",
    "difference_count",
    "relative_count",
    "same_sign",
)
_TOTALS = ("confidence_total", "absolute_total", "squared_total", "relative_total")
_NOTHING = 1e-100  # what is nearer to zero would make a relative error infinite


@final
@attrs.frozen(kw_only=True)
class Aggregate:
    """Sums over predictions; ``+`` is associative, and ``Aggregate()`` its identity.

    Attributes:
        predictions: all of them.
        errors: those that failed.
        known: those whose outcome is known.
        correct: those known to be correct.
        confident_known: those of high confidence whose outcome is known.
        confident_correct: those of high confidence known to be correct.
        confidence_count: those with a confidence.
        confidence_total: sum of the confidences.
        difference_count: those with a predicted and an actual number.
        absolute_total: sum of the absolute differences.
        squared_total: sum of the squared differences.
        same_sign: those whose predicted and actual number have the same sign.
        relative_count: those with an actual number that is not zero.
        relative_total: sum of the absolute differences over the absolute actual numbers.
        latency: distribution of the latencies.
        calibration: confidence against outcome, where both are known.
    """

    predictions: int = 0
    errors: int = 0
    known: int = 0
    correct: int = 0
    confident_known: int = 0
    confident_correct: int = 0
    confidence_count: int = 0
    confidence_total: float = 0.0
    difference_count: int = 0
    absolute_total: float = 0.0
    squared_total: float = 0.0
    same_sign: int = 0
    relative_count: int = 0
    relative_total: float = 0.0
    latency: LatencySketch = attrs.field(factory=LatencySketch)
    calibration: Calibration = attrs.field(factory=Calibration)

    @classmethod
    def of(cls, table: Table, rules: Rules) -> "Aggregate":
        """Sum up predictions."""
        flags: NDArray[np.uint8] = table["flags"]
        is_known, is_correct = outcomes(table, flags, rules)
        sums: dict[str, Any] = {
            "predictions": len(table),
            "errors": int(np.count_nonzero(flags & ERROR)),
            "known": int(np.count_nonzero(is_known)),
            "correct": int(np.count_nonzero(is_correct)),
        }
        confidence = given(table, "confidence")
        if confidence is not None:
            sums |= _confidence(confidence, is_known, is_correct, rules)
        latency = given(table, "latency_ms")
        if latency is not None:
            sums["latency"] = LatencySketch.of(latency[~np.isnan(latency)])
        sums |= _differences(table, flags)
        return cls(**sums)

    def __add__(self, other: "Aggregate") -> "Aggregate":
        """Return the sums over both."""
        return Aggregate.merge((self, other))

    @classmethod
    def merge(cls, many: Iterable["Aggregate"]) -> "Aggregate":
        """Return the sums over all of them."""
        aggregates = tuple(many)
        if len(aggregates) == 1:
            return aggregates[0]
        return cls(
            latency=LatencySketch.merge(aggregate.latency for aggregate in aggregates),
            calibration=Calibration.merge(aggregate.calibration for aggregate in aggregates),
            **{
                name: sum(getattr(aggregate, name) for aggregate in aggregates)
                for name in (*_COUNTS, *_TOTALS)
            },
        )

    def to_state(self) -> dict[str, Any]:
        """Return a JSON-ready form."""
        return {
            "latency": self.latency.to_state(),
            "calibration": self.calibration.to_state(),
            **{name: getattr(self, name) for name in (*_COUNTS, *_TOTALS)},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Aggregate":
        """Read the JSON-ready form; `ValueError` or `LookupError` if it is none."""
        sums: dict[str, Any] = {name: state[name] for name in (*_COUNTS, *_TOTALS)}
        if not all(isinstance(number, int | float) for number in sums.values()):
            raise ValueError("a sum is no number")
        return cls(
            latency=LatencySketch.from_state(state["latency"]),
            calibration=Calibration.from_state(state["calibration"]),
            **sums,
        )


def given(table: Table, name: str) -> NDArray[np.float64] | None:
    """Return a column of numbers, or None if no record has one."""
    values: NDArray[np.float64] | None = table.columns.get(name)
    if values is None or not len(values) or (values.strides == (0,) and bool(np.isnan(values[0]))):
        return None
    return values


def outcomes(
    table: Table, flags: NDArray[np.uint8], rules: Rules
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whose outcome is known, and who was right: as was said, else by the actual value."""
    is_known = (flags & KNOWN) != 0
    is_correct = (flags & (KNOWN | CORRECT)) == KNOWN | CORRECT
    predicted, actual = given(table, "prediction"), given(table, "actual")
    if predicted is None or actual is None:
        return is_known, is_correct
    is_label = (flags & LABEL) != 0
    if rules.accuracy_tolerance is None:
        is_judged, is_right = is_label, predicted == actual
    else:
        is_number = (flags & TEXT) == 0
        is_judged = is_label | is_number
        is_right = np.where(
            is_label, predicted == actual, np.abs(predicted - actual) <= rules.accuracy_tolerance
        )
    is_derived = ~is_known & is_judged & ~np.isnan(predicted) & ~np.isnan(actual)
    return is_known | is_derived, is_correct | (is_derived & is_right)


def _confidence(
    confidence: NDArray[np.float64], is_known: NDArray[np.bool_], is_correct: NDArray[np.bool_], rules: Rules
) -> dict[str, Any]:
    is_given = ~np.isnan(confidence)
    is_confident = confidence >= rules.high_confidence
    is_rated = is_known & is_given
    return {
        "confidence_count": int(np.count_nonzero(is_given)),
        "confidence_total": float(confidence.sum(where=is_given)),
        "confident_known": int(np.count_nonzero(is_confident & is_known)),
        "confident_correct": int(np.count_nonzero(is_confident & is_correct)),
        "calibration": Calibration.of(confidence[is_rated], is_correct[is_rated]),
    }


def _differences(table: Table, flags: NDArray[np.uint8]) -> dict[str, Any]:
    predicted, actual = given(table, "prediction"), given(table, "actual")
    if predicted is None or actual is None:
        return {}
    is_compared = ~np.isnan(predicted) & ~np.isnan(actual) & ((flags & TEXT) == 0)
    predicted, actual = predicted[is_compared], actual[is_compared]
    difference = np.abs(predicted - actual)
    is_relative = np.abs(actual) > _NOTHING
    return {
        "difference_count": len(difference),
        "absolute_total": float(difference.sum()),
        "squared_total": float((difference * difference).sum()),
        "same_sign": int(np.count_nonzero(np.sign(predicted) == np.sign(actual))),
        "relative_count": int(np.count_nonzero(is_relative)),
        "relative_total": float((difference[is_relative] / np.abs(actual[is_relative])).sum()),
    }
