"""Concept drift: whether the later half of a series of the world's behaves like the earlier one."""

import math
from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.drift._bins import NumericBins
from mlprod.drift._comparing import compare, judge
from mlprod.drift._feature import Feature
from mlprod.drift._inputs import read_column
from mlprod.drift._settings import Settings
from mlprod.drift._values import ConceptDrift
from mlprod.errors import InvalidDataError
from mlprod.stats import (
    Estimate,
    Moments,
    SerialSums,
    holm,
    relative_lift,
    variance_inflation,
    welch,
)

__all__ = ["compare_halves", "read_series"]

_Floats: TypeAlias = NDArray[np.float64]

_SHORTEST: Final = 8
_LARGEST: Final = 1e100  # whose square a float can hold, too
_SCORES: Final = 2  # level and scale


def read_series(series: object) -> _Floats:
    """Return a series without what is missing in it.

    Raises:
        InvalidDataError: unless it is at least 8 finite numbers that are not all the same.
    """
    column = read_column(series, "series")
    if not isinstance(column, np.ndarray):
        raise InvalidDataError(f"a series must be numbers in the order of time, not {shorten(series)}")
    found = column[~np.isnan(column)]
    if len(found) < _SHORTEST or (np.abs(found) > _LARGEST).any() or found.min() == found.max():
        raise InvalidDataError(
            f"a series must hold at least {_SHORTEST} finite numbers, up to {_LARGEST:.0e}, that are not all "
            f"the same; this one has {len(found)}: {shorten(found.tolist())}"
        )
    return found


def compare_halves(values: _Floats, *, alpha: float, settings: Settings) -> ConceptDrift:
    """Compare the second half of a series with the first, and look for the moment from which it differs.

    Volatility: Brown and Forsythe, "Robust tests for the equality of variances", Journal of the American
    Statistical Association 69 (1974). The moment of change: the largest cumulative sum of deviations, of
    values and of their distances from the median, which is the supremum of a Brownian bridge if there is
    none: Ploberger and Krämer, "The CUSUM test with OLS residuals", Econometrica 60 (1992). All three with
        the number of independent values in place of that of all.
    """
    half = len(values) // 2
    early, late = values[:half], values[half:]
    bins = NumericBins.of(np.sort(early), count=settings.bins)
    feature = Feature(bins, bins.measure(early))
    counts = bins.measure(late)
    inflation = variance_inflation(feature.counts.serial, counts.serial) if settings.is_ordered else 1.0
    measured = compare("series", feature, counts, alpha=alpha, inflation=inflation)
    volatility = _spread_estimates(early, late, is_ordered=settings.is_ordered)
    spread = welch(*volatility)
    position, regime_p_value = _regime_change(values, bins.limits, is_ordered=settings.is_ordered)
    adjusted = holm([measured.p_value, spread.p_value, regime_p_value])
    distribution = judge(measured, float(adjusted[0]), attrs.evolve(settings, drift_threshold=alpha))
    early_volatility, late_volatility = Moments.of(early).std(), Moments.of(late).std()
    ratio = late_volatility / early_volatility if early_volatility else math.inf
    smallest = float(adjusted.min())
    grown = max(ratio, 1 / ratio if ratio else math.inf) - 1 >= settings.volatility_threshold
    matters = grown or distribution.drifted
    return ConceptDrift(
        drifted=matters if settings.policy == "classic" else matters and smallest <= alpha,
        early_volatility=early_volatility,
        late_volatility=late_volatility,
        volatility_ratio=ratio,
        volatility_change=ratio - 1,
        volatility_interval=relative_lift(*volatility),
        volatility_p_value=spread.p_value,
        distribution=distribution,
        regime_change_at=position if regime_p_value <= alpha else None,
        regime_p_value=regime_p_value,
        adjusted_p_value=smallest,
        threshold=settings.volatility_threshold,
        count=len(values),
        effective_count=measured.effective_count + measured.reference_effective_count,
    )


def _spread_estimates(early: _Floats, late: _Floats, *, is_ordered: bool) -> tuple[Estimate, Estimate]:
    """Return the mean distances from the median of each half."""
    distances = np.abs(early - np.median(early)), np.abs(late - np.median(late))
    inflation = _inflation(*distances) if is_ordered else 1.0
    first, second = (Estimate.of_moments(Moments.of(part), inflation=inflation) for part in distances)
    return first, second


def _regime_change(
    values: _Floats, limits: tuple[float, float, float], *, is_ordered: bool
) -> tuple[int, float]:
    """Return from which position the series differs most from what was before, and the p-value of that."""
    from scipy.special import kolmogorov

    low, centre, high = limits
    level = np.clip(values, low, high) if low < high else np.sign(values - centre)
    scale = np.minimum(np.abs(values - centre), high - low) if low < high else np.abs(level)
    found: list[tuple[float, int]] = []
    for score in (level, scale):
        sums = np.cumsum(score - score.mean())
        position = int(np.abs(sums[:-1]).argmax())
        parts = score[: position + 1], score[position + 1 :]  # in which nothing changes, if that is it
        inflation = _inflation(*parts) if is_ordered else 1.0
        within = sum(float(np.square(part - part.mean()).sum()) for part in parts)
        spread = math.sqrt(max(within, 0.0) * inflation)
        reach = abs(float(sums[position])) / spread if spread else math.inf
        found.append((float(kolmogorov(reach)), position + 1))
    p_value, position = min(found)
    return position, min(_SCORES * p_value, 1.0)


def _inflation(early: _Floats, late: _Floats) -> float:
    low, centre, high = np.quantile(early, [0.05, 0.5, 0.95])
    first, second = (SerialSums.of(part, centre=centre, low=low, high=high) for part in (early, late))
    return variance_inflation(first, second)
