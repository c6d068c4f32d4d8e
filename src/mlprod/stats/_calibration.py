"""Whether confidence can be believed: predictions made with 80% should be right in 80% of cases."""

import math
from collections.abc import Iterable
from typing import Any, Self, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod._brief import Brief
from mlprod.errors import InvalidDataError
from mlprod.stats._state import State, check, integers, number, numbers
from mlprod.typing import JSON

__all__ = ["Calibration"]

_Counts: TypeAlias = NDArray[np.int64]
_Sums: TypeAlias = NDArray[np.float64]

_BINS = 10
_EDGES = np.arange(_BINS + 1) / _BINS
_SAME = attrs.cmp_using(eq=np.array_equal)
_CHUNK = 1 << 13  # predictions at a time: 64 KiB, so that temporary arrays stay in the cache


def _counts() -> _Counts:
    return np.zeros(_BINS, np.int64)


@final
@attrs.frozen
class Calibration(Brief):
    """How confidence compares with accuracy, in ten bins of equal width.

    Bin ``k`` holds the confidence from ``k / 10`` up to, and without, ``(k + 1) / 10``; the last one holds
    1.0, too. (scikit-learn's ``calibration_curve`` counts a confidence exactly at an edge in the lower bin,
    and its edges are those of ``numpy.linspace``, so that 0.3 is below the edge 0.30000000000000004.)
    ``Calibration()`` is that of no predictions, the identity of ``+``.

    Attributes:
        counts: how many predictions are in each bin; shape ``(10,)``.
        confidences: the sum of their confidence; shape ``(10,)``.
        corrects: how many of them were correct; shape ``(10,)``.
        squared_error: the sum over all of the squared difference of confidence and outcome, 1 or 0.

    Example:
        >>> calibration = Calibration.of([0.95, 0.85, 0.65, 0.65], [True, True, True, False])
        >>> round(calibration.error, 3), round(calibration.brier, 4)
        (0.125, 0.1425)
    """

    counts: _Counts = attrs.field(factory=_counts, eq=_SAME)
    confidences: _Sums = attrs.field(factory=lambda: np.zeros(_BINS), eq=_SAME)
    corrects: _Counts = attrs.field(factory=_counts, eq=_SAME)
    squared_error: float = 0.0

    @classmethod
    def of(cls, confidence: ArrayLike, correct: ArrayLike) -> Self:
        """Return the calibration of predictions whose outcome is known.

        Args:
            confidence: the probability with which each was thought to be right, 0 to 1; shape ``(n,)``.
            correct: whether it was; booleans, shape ``(n,)``.

        Raises:
            InvalidDataError: if their shapes differ; it is a ValueError.
        """
        confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.bool)
        if confidence.shape != correct.shape:
            raise InvalidDataError(
                f"every confidence needs an outcome; their shapes are {confidence.shape} and {correct.shape}"
            )
        # One more bin, for 1.0.
        counts, confidences = np.zeros(2 * (_BINS + 1), np.int64), np.zeros(_BINS + 1)
        squared_error = 0.0
        for start in range(0, len(confidence), _CHUNK):
            part, outcome = confidence[start : start + _CHUNK], correct[start : start + _CHUNK]
            bins = (part * _BINS).astype(np.int64)
            bins -= part < _EDGES[bins]  # the product may be rounded up to an edge
            confidences += np.bincount(bins, weights=part, minlength=len(confidences))
            counts += np.bincount(bins + outcome * (_BINS + 1), minlength=len(counts))
            squared_error += float(np.square(part - outcome).sum())
        wrong, right = _fold(counts.reshape(2, -1))
        return cls(wrong + right, _fold(confidences), right, squared_error)

    @classmethod
    def merge(cls, values: Iterable[Self]) -> Self:
        """Return the sum of many, at once."""
        parts: list[Self] = [cls(), *values]
        return cls(
            np.sum([part.counts for part in parts], axis=0),
            np.sum([part.confidences for part in parts], axis=0),
            np.sum([part.corrects for part in parts], axis=0),
            sum(part.squared_error for part in parts),
        )

    def __add__(self, other: Self) -> Self:
        return self.merge((self, other))

    @property
    def count(self) -> int:
        """How many predictions."""
        return int(self.counts.sum())

    @property
    def error(self) -> float:
        """The expected calibration error, 0 to 1; NaN without data.

        This is the mean over all predictions of the difference of accuracy and mean confidence in
        their bin: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using
        Bayesian binning", AAAI 2015.
        """
        return float(np.abs(self.corrects - self.confidences).sum()) / self.count if self.count else math.nan

    @property
    def brier(self) -> float:
        """The mean squared difference of confidence and outcome, 0 to 1; NaN without data.

        Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
        (1950), in its form for two outcomes, which is half of the original.
        """
        return self.squared_error / self.count if self.count else math.nan

    def curve(self) -> tuple[_Sums, _Sums, _Counts]:
        """Return mean confidence, accuracy and count of the bins that are not empty; shape ``(b,)`` each."""
        held = self.counts > 0
        counts = self.counts[held]
        return self.confidences[held] / counts, self.corrects[held] / counts, counts

    def to_state(self) -> dict[str, JSON]:
        """Return what `from_state` takes, ready for `json.dumps`."""
        return {
            "counts": self.counts.tolist(),
            "confidences": self.confidences.tolist(),
            "corrects": self.corrects.tolist(),
            "squared_error": self.squared_error,
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return what `to_state` was called on, exactly.

        Raises:
            InvalidDataError: if this is no such state; it is a ValueError.
        """
        counts, corrects = integers(state, "counts"), integers(state, "corrects")
        confidences, squared_error = numbers(state, "confidences"), number(state, "squared_error")
        check(len(counts) == len(corrects) == len(confidences) == _BINS, "it has not ten bins")
        check(np.all((corrects >= 0) & (corrects <= counts)), "more were correct than there were")
        check(np.all((confidences >= 0) & (confidences <= counts)), "its confidence is not between 0 and 1")
        check(0 <= squared_error <= counts.sum(), "its squared error is not between 0 and 1")
        return cls(counts, confidences, corrects, squared_error)


def _fold(sums: NDArray[Any]) -> NDArray[Any]:
    """Add the bin of 1.0 to the one before."""
    sums[..., -2] += sums[..., -1]
    return sums[..., :-1]
