"""From a value to its mid-rank in the reference: the score that is watched, whatever the feature is."""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.drift._bins import CategoricalBins, NumericBins
from mlprod.drift._column import Categories, Column
from mlprod.drift._feature import Feature
from mlprod.errors import InvalidDataError

__all__ = ["Score", "score_of", "scores_of", "spread_of"]

_Floats: TypeAlias = NDArray[np.float64]

Score: TypeAlias = Callable[[Any], float]
"""Returns the mid-rank of one value, from 0 to 1."""

_TEXTS: Final = {True: "true", False: "false"}


def score_of(name: str, feature: Feature) -> Score:
    """Return how one value of a feature is scored; None and NaN are missing.

    The score raises `InvalidDataError` for what the feature cannot be.
    """
    ranks: list[float] = feature.mid_ranks().tolist()
    if isinstance(feature.bins, CategoricalBins):
        return _of_category(name, dict(zip(feature.bins.categories, ranks, strict=False)), ranks)
    return _of_number(name, feature.bins.grid.tolist(), ranks)


def scores_of(feature: Feature, column: Column) -> _Floats:
    """Return the scores of a column that the feature has accepted; shape ``(n,)``."""
    ranks = feature.mid_ranks()
    match feature.bins, column:
        case NumericBins() as bins, np.ndarray():
            found: _Floats = ranks[bins.places(column)]
            return np.where(np.isnan(column), ranks[-1], found)
        case CategoricalBins() as bins, Categories():
            own = dict(zip(bins.categories, ranks.tolist(), strict=False))
            scores = [own.get(label, ranks[-2]) for label in column.labels]
            return np.append(scores, ranks[-1])[column.codes]
        case _:  # pragma: no cover - the feature has accepted the column
            raise TypeError


def spread_of(feature: Feature) -> float:
    """Return the mean of ``abs(2 * score - 1)`` over the reference itself: 0.5 without ties."""
    counts = np.append(feature.counts.cells, feature.counts.missing)
    return float(np.abs(2 * feature.mid_ranks() - 1) @ counts) / max(feature.rows, 1)


def _of_number(name: str, grid: list[float], ranks: list[float]) -> Score:
    missing = ranks[-1]
    points = [*grid, math.inf]  # what is beyond all others has a place, too
    cells = [*ranks[:-1], ranks[-2]]

    def score(value: Any) -> float:  # noqa: ANN401 - whatever a row holds
        try:
            place = bisect_left(points, value)
            if value == value:  # noqa: PLR0124 - false for NaN
                is_point: bool = points[place] == value
                return cells[place + place + is_point]
        except (TypeError, ValueError) as error:
            if value is None:
                return missing
            raise _wrong_kind(name, value, "a number") from error
        return missing

    return score


def _of_category(name: str, own: dict[str, float], ranks: list[float]) -> Score:
    other, missing = ranks[-2], ranks[-1]

    def score(value: Any) -> float:  # noqa: ANN401 - whatever a row holds
        if value.__class__ is str:
            return own.get(value, other)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return missing
        if isinstance(value, bool | np.bool_):
            return own.get(_TEXTS[bool(value)], other)
        if isinstance(value, str):
            return own.get(str(value), other)
        raise _wrong_kind(name, value, "a text or a boolean")

    return score


def _wrong_kind(name: str, value: object, expected: str) -> InvalidDataError:
    return InvalidDataError(
        f"feature {shorten(name)} is {expected} in the reference, and {shorten(value)} now; the row was not "
        "observed"
    )
