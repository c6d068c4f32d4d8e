"""How one feature compares with its reference; whether that is drift is judged for all features together."""

import functools
import math

import attrs
import numpy as np

from mlprod.drift._bins import FEWEST, NumericBins
from mlprod.drift._counts import Counts, NumericCounts
from mlprod.drift._feature import MISSING, Feature
from mlprod.drift._settings import Settings
from mlprod.drift._values import FeatureDrift, Level
from mlprod.stats import (
    detectable_psi,
    homogeneity,
    jensen_shannon,
    ks_bounds,
    ks_exact_p_value,
    ks_p_value,
    psi_lower_bound,
    psi_of_counts,
)

__all__ = ["compare", "judge", "level_of"]

_EXACT = 10_000  # pairs of rows up to which the exact law of the KS statistic is worth its time
_SMALLEST_EXPECTED = 5.0  # rows: below, the chi-square law does not hold
_FEW = 400  # pairs of independent rows up to which the limit law would find too much
_ROUNDING = 1e-6  # of a distance in steps of 1 / (m * n)
_TESTS = 2  # PSI and KS: each p-value is one of two


def compare(
    name: str, reference: Feature, current: Counts, *, alpha: float, inflation: float
) -> FeatureDrift:
    """Measure how a feature differs; nothing is judged yet.

    Args:
        name: of the feature.
        reference: its bins and counts.
        current: counts on the same bins.
        alpha: the false-alarm rate that a single test has to keep, for the smallest detectable index.
        inflation: how many rows are worth an independent one.
    """
    before, now = reference.counts, current
    reference_rows, rows = reference.rows, now.present + now.missing
    m, n = reference_rows / inflation, rows / inflation
    binned, reference_binned = reference.binned(now), reference.binned(before)
    psi = psi_of_counts(reference_binned, binned)
    statistic, psi_p_value, dof = homogeneity_of(reference, now, m, n)
    ks_low = ks_high = distance = math.nan
    ks_p = 1.0
    if isinstance(before, NumericCounts) and isinstance(now, NumericCounts):
        slack = reference.rank_error / max(before.present, 1)
        low, high = ks_bounds(before.cells, now.cells)
        ks_low, ks_high = max(low - slack, 0.0), min(high + slack, 1.0)
        ks_p = _ks_p_value(ks_low, before.present, now.present, inflation)
        distance = _moved(reference, before, now)
    return FeatureDrift(
        name=name,
        kind=reference.kind,
        drifted=False,
        psi=psi,
        psi_level="none",
        psi_p_value=psi_p_value,
        psi_lower_bound=psi_lower_bound(statistic, m, n, dof),
        min_detectable_psi=detectable_psi(m, n, dof, alpha=alpha / _TESTS),
        ks_statistic=ks_low,
        ks_upper_bound=ks_high,
        ks_p_value=ks_p if reference.kind == "numeric" else math.nan,
        p_value=min(_TESTS * min(psi_p_value, ks_p), 1.0) if reference.kind == "numeric" else psi_p_value,
        adjusted_p_value=math.nan,
        js_distance=jensen_shannon(reference_binned, binned),
        wasserstein=distance,
        missing_rate=now.missing / rows if rows else math.nan,
        reference_missing_rate=before.missing / reference_rows if reference_rows else math.nan,
        unseen_rate=math.nan if reference.kind == "numeric" else int(now.cells[-1]) / max(now.present, 1),
        count=rows,
        effective_count=n,
        reference_count=reference_rows,
        reference_effective_count=m,
        bins=(*reference.bins.labels(), MISSING),
        shares=tuple((binned / max(rows, 1)).tolist()),
        reference_shares=tuple((reference_binned / max(reference_rows, 1)).tolist()),
    )


def homogeneity_of(reference: Feature, current: Counts, m: float, n: float) -> tuple[float, float, int]:
    """Test whether rows fall into the bins as in the reference.

    Rare categories are taken together, those without a bin among them: which of the rare ones the reference
    happened to see says nothing. Rare are those of which fewer than 5 rows are expected: that follows from
    both samples together, so it favours neither. Where the reference has categories without a bin, rare are
    also those of which so few rows are expected in it that they might as well have none.

    Args:
        reference: bins and counts.
        current: counts on the same bins.
        m: how many independent rows those of the reference are worth.
        n: how many the current rows are worth.

    Returns:
        The statistic and its degrees of freedom as `mlprod.stats.homogeneity`; the p-value is that of the
        statistic, and of what it cannot tell: in a small sample, rows of rare categories or missing ones may
        be far more than expected, while the chi-square law asks that they are pooled with others. Those have
        an exact test of their own, and the smallest p-value counts, times how many there are (Bonferroni).
    """
    before, now = reference.binned(reference.counts), reference.binned(current)
    shares = (m * before / max(before.sum(), 1) + n * now / max(now.sum(), 1)) / max(m + n, 1)
    if reference.kind == "categorical":
        is_rare = shares * min(m, n) < _SMALLEST_EXPECTED
        if before[-2]:
            is_rare |= shares * reference.rows < FEWEST + 3 * math.sqrt(FEWEST)
        is_rare[-2:] = True, False  # other categories, missing values
        before, now, shares = (
            np.concatenate((row[~is_rare][:-1], [row[is_rare].sum(), row[-1]]))
            for row in (before, now, shares)
        )
    statistic, p_value, dof = homogeneity(before, now, reference_size=m, current_size=n)
    p_values = [p_value]
    for place in (-1, -2) if reference.kind == "categorical" else (-1,):
        if 0 < shares[place] * min(m, n) < _SMALLEST_EXPECTED:
            rows = (m * before[place] / before.sum(), n * now[place] / now.sum())
            p_values.append(_binomial_p_value(*map(float, rows), share=n / (m + n)))
    return statistic, min(len(p_values) * min(p_values), 1.0), dof


def _binomial_p_value(before: float, now: float, *, share: float) -> float:
    """Return how likely rows fall so unevenly into two samples, of which the second has this share of all."""
    from scipy.special import betainc

    more = float(betainc(now, before + 1, share)) if now else 1.0
    fewer = float(betainc(before, now + 1, 1 - share)) if before else 1.0
    return min(2 * min(more, fewer), 1.0)


def judge(feature: FeatureDrift, adjusted_p_value: float, settings: Settings) -> FeatureDrift:
    """Say whether a feature has drifted.

    Classic, that is where the index is significant, or the p-value of the KS test is below its threshold.
    Calibrated, it is where the shift is more than chance after correction, and at least moderate.
    """
    level = level_of(feature.psi, settings)
    if settings.policy == "classic":
        drifted = level == "significant" or feature.ks_p_value < settings.drift_threshold
    else:
        level = level if adjusted_p_value <= settings.drift_threshold else "none"
        drifted = level != "none"
    return attrs.evolve(feature, adjusted_p_value=adjusted_p_value, psi_level=level, drifted=drifted)


def level_of(psi: float, settings: Settings) -> Level:
    """Return how large an index is, chance or not."""
    if psi >= settings.psi_threshold:
        return "significant"
    return "moderate" if psi >= settings.psi_moderate else "none"


def _ks_p_value(statistic: float, m: int, n: int, inflation: float) -> float:
    whole = int(m / inflation), int(n / inflation)
    if math.isnan(statistic) or not min(whole):
        return 1.0
    if math.prod(whole) <= (_EXACT if inflation == 1 else _FEW):
        return _exact(int(statistic * math.prod(whole) + _ROUNDING), min(whole), max(whole))
    return ks_p_value(statistic, m / inflation, n / inflation)


@functools.lru_cache(maxsize=1024)
def _exact(reach: int, m: int, n: int) -> float:
    """Return the same for all features of one check: they have the same numbers of rows."""
    if 2 * reach <= m:  # less than half a row
        return 1.0
    return ks_exact_p_value(reach / (m * n), m, n)


def _moved(reference: Feature, before: NumericCounts, now: NumericCounts) -> float:
    """Return the area between the distribution functions, each taken as straight between points."""
    if not isinstance(reference.bins, NumericBins) or not before.present or not now.present:
        return math.nan
    grid = reference.bins.grid
    ends = [end for end in (before.minimum, now.minimum, before.maximum, now.maximum) if math.isfinite(end)]
    if not ends:
        return math.nan
    first, last = min(ends), max(ends)
    counted = np.stack([np.append(0, np.cumsum(counts.cells)) / counts.present for counts in (before, now)])
    gaps = np.abs(counted[0] - counted[1])
    points = np.concatenate(([min(first, *grid[:1])], grid, [max(last, *grid[-1:])]))
    area = 2 * float(((gaps[:-1:2] + gaps[1::2]) / 2 * np.diff(points / 2)).sum())  # halves do not overflow
    if before.moments.count < before.present or now.moments.count < now.present:
        return area
    return max(area, abs(before.moments.mean - now.moments.mean))  # nothing moves by less than the mean
