"""Measures of drift as plain functions of two samples, for whoever needs no store."""

from typing import Final, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod import stats
from mlprod._value import Value
from mlprod.drift._column import Categories
from mlprod.drift._comparing import homogeneity_of
from mlprod.drift._counts import Counts
from mlprod.drift._feature import Feature
from mlprod.drift._gathering import feature_of
from mlprod.drift._inputs import read_column
from mlprod.errors import InvalidConfigError, InvalidDataError

__all__ = ["TwoSampleTest", "chi_square", "js_divergence", "ks_test", "psi", "wasserstein"]

_Floats: TypeAlias = NDArray[np.float64]

_EXACT: Final = 10_000_000  # pairs of values up to which the exact law is worth its time: a third of a second
_MOST_BINS: Final = 250


@final
@attrs.frozen
class TwoSampleTest(Value):
    """The result of comparing two samples.

    Attributes:
        statistic: of the test.
        p_value: the probability of one as large as this, or larger, if both are of one distribution.
    """

    statistic: float
    p_value: float


def psi(reference: object, current: object, bins: int = 10) -> float:
    """Return the population stability index of two samples.

    Numbers are counted in bins that hold equal shares of the reference; a value that would fill one alone has
    one of its own. Categories have a bin each, missing values one of their own. See
    `mlprod.stats.psi_of_counts`.

    Args:
        reference: numbers, texts, booleans or categories; shape ``(m,)``.
        current: the same kind; shape ``(n,)``.
        bins: how many, for numbers; 2 to 250.

    Returns:
        The index: 0 for the same shares. Below 0.1 is called no drift, from 0.25 on significant drift; but in
        samples of a few hundred rows chance alone exceeds 0.1: `DriftDetector` says what is more than chance.

    Raises:
        InvalidDataError: if a sample has no rows, or they are of different kinds.
        InvalidConfigError: if there cannot be so many bins.

    Example:
        >>> round(psi(range(1, 21), range(4, 24), bins=4), 4)  # 0.15 * log(4)
        0.2079
    """
    feature, counts = _binned(reference, current, bins)
    return stats.psi_of_counts(feature.binned(feature.counts), feature.binned(counts))


def js_divergence(reference: object, current: object, bins: int = 10) -> float:
    """Return the Jensen-Shannon divergence of two samples, in bits, on the bins of `psi`.

    Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37
    (1991). Its root is a distance.

    Args:
        reference: numbers, texts, booleans or categories; shape ``(m,)``.
        current: the same kind; shape ``(n,)``.
        bins: how many, for numbers; 2 to 250.

    Returns:
        0 for the same shares, to 1 for no bin in common.

    Raises:
        InvalidDataError: if a sample has no rows, or they are of different kinds.
        InvalidConfigError: if there cannot be so many bins.

    Example:
        >>> js_divergence(["a", "a"], ["b", "b"])
        1.0
    """
    feature, counts = _binned(reference, current, bins)
    return stats.jensen_shannon(feature.binned(feature.counts), feature.binned(counts)) ** 2


def ks_test(reference: object, current: object) -> TwoSampleTest:
    """Test with the Kolmogorov-Smirnov statistic whether two samples are of one distribution.

    Up to ten million pairs of values, the p-value is exact for continuous distributions and independent
    values; beyond, it is the limit law's. With ties it is an upper bound. Values that resemble those before
    them make it far too small: `DriftDetector` takes that into account.

    Args:
        reference: numbers, missing ones are left out; shape ``(m,)``.
        current: numbers; shape ``(n,)``.

    Raises:
        InvalidDataError: if a sample has no numbers.

    Example:
        >>> result = ks_test(range(1, 21), range(4, 24))
        >>> round(result.statistic, 2), round(result.p_value, 3)
        (0.15, 0.983)
    """
    before, now = _numbers(reference, "reference"), _numbers(current, "current")
    statistic = stats.ks_statistic(before, now)
    if len(before) * len(now) <= _EXACT:
        return TwoSampleTest(statistic, stats.ks_exact_p_value(statistic, len(before), len(now)))
    return TwoSampleTest(statistic, stats.ks_p_value(statistic, len(before), len(now)))


def chi_square(reference: object, current: object) -> TwoSampleTest:
    """Test with Pearson's chi-square whether categories are as frequent in one sample as in the other.

    Categories of which fewer than five rows are expected are taken together; missing values are a category.

    Args:
        reference: texts, booleans or categories; shape ``(m,)``.
        current: the same; shape ``(n,)``.

    Raises:
        InvalidDataError: if a sample has no rows, or holds numbers.

    Example:
        >>> result = chi_square(["buy"] * 60 + ["sell"] * 40, ["buy"] * 40 + ["sell"] * 60)
        >>> round(result.statistic, 2), round(result.p_value, 4)
        (8.0, 0.0047)
    """
    feature, counts = _binned(reference, current, 10)
    if feature.kind == "numeric":
        raise InvalidDataError("chi_square compares categories, not numbers: use ks_test or psi for those")
    m, n = feature.rows, counts.present + counts.missing
    statistic, p_value, _ = homogeneity_of(feature, counts, m, n)
    return TwoSampleTest(statistic, p_value)


def wasserstein(reference: object, current: object) -> float:
    """Return the Wasserstein distance of order 1: how far values have moved, on average.

    See `mlprod.stats.wasserstein`.

    Args:
        reference: finite numbers, missing ones are left out; shape ``(m,)``.
        current: finite numbers; shape ``(n,)``.

    Returns:
        The distance, in the unit of the values.

    Raises:
        InvalidDataError: if a sample has no numbers, or infinite ones.

    Example:
        >>> wasserstein([0.0, 1.0], [5.0, 6.0])
        5.0
    """
    before, now = _numbers(reference, "reference"), _numbers(current, "current")
    if not (np.isfinite(before).all() and np.isfinite(now).all()):
        raise InvalidDataError("a sample holds infinite values: their distance to others says nothing")
    return stats.wasserstein(before, now)


def _binned(reference: object, current: object, bins: int) -> tuple[Feature, Counts]:
    if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= _MOST_BINS:  # noqa: PLR2004
        raise InvalidConfigError(f"bins must be a whole number from 2 to {_MOST_BINS}, not {bins!r}")
    feature = feature_of(read_column(reference, "reference"), bins=bins)
    return feature, feature.measure(feature.accept("current", read_column(current, "current")))


def _numbers(values: object, name: str) -> _Floats:
    column = read_column(values, name)
    if isinstance(column, Categories):
        raise InvalidDataError(
            f"the sample {name!r} holds categories, not numbers: use chi_square or psi for those"
        )
    present = column[~np.isnan(column)]
    if not len(present):
        raise InvalidDataError(f"the sample {name!r} holds no numbers")
    return present
