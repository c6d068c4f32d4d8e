"""Two samples of rows compared as a whole: what no column shows on its own."""

import math
from collections.abc import Callable
from typing import TypeAlias, final

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod._value import Value
from mlprod.errors import InvalidConfigError, InvalidDataError

__all__ = ["MultivariateComparison", "multivariate_test"]

_Rows: TypeAlias = NDArray[np.float64]
_Matrix: TypeAlias = NDArray[np.float32]  # halves the time, and statistics are only compared with each other
_Statistic: TypeAlias = Callable[[_Matrix], _Matrix]

_WIDTH = 0.25  # of the kernel, as a share of the mean squared distance: finds dependence better than 1 does
_AT_ONCE = 128  # permutations
_UNDECIDED = 0.01  # above it a p-value need not be known well
_ROUNDING = 1e-5  # relative, of statistics in single precision
_CONSTANT = 1e-9  # a spread relative to size that is no more than rounding
_FEWEST = 2  # rows


@final
@attrs.frozen
class MultivariateComparison(Value):
    """The result of comparing two samples of rows.

    Attributes:
        p_value: the probability of a difference as large as this, or larger, if there is none: twice the
            smaller one of the two below, as two tests were made; 1.0 where the data tell nothing.
        distance: the maximum mean discrepancy of the samples, 0 (alike) to the root of 2 (far apart).
        distance_p_value: that of the distance alone.
        correlation_change: the correlation of the pair in the current sample minus that in the reference,
            -2 to 2; NaN if there is no pair, or one of its columns is constant in a sample.
        correlation_p_value: that of the largest change of all pairs, however many there are.
        pair: the positions of the two columns whose mean product changed most beyond chance; None with
            fewer than two columns.
    """

    p_value: float
    distance: float
    distance_p_value: float
    correlation_change: float
    correlation_p_value: float
    pair: tuple[int, int] | None


def multivariate_test(
    reference: ArrayLike, current: ArrayLike, *, permutations: int = 999, seed: int = 0
) -> MultivariateComparison:
    """Test whether two samples of rows have the same joint distribution.

    Two tests, each against permutations of the rows, so that they are exact whatever the distribution:

    - The maximum mean discrepancy with a Gaussian kernel: Gretton et al., "A kernel two-sample test",
      Journal of Machine Learning Research 13 (2012). It finds changes of any kind that concern many columns.
    - The largest change of the mean product of two columns, over all pairs, each in units of its spread. It
      finds the one correlation of a hundred columns that broke, where distances see nothing.

    Permuting stops as soon as the p-value is certain to be above 0.01; it is valid all the same: Besag and
    Clifford, "Sequential Monte Carlo p-values", Biometrika 78 (1991).

    Time and memory grow with the square of the rows and that of the columns. With 512 rows and 100
    columns each, the products of pairs take 20 MB.

    Args:
        reference: rows that are nearly independent of each other, as neighbours in a time series are not; all
            columns in units that can be compared, for example normal scores; finite; shape ``(n, d)``.
        current: likewise; shape ``(m, d)``. If the scores of both samples were taken from ranks of both
            together, the test is exact; if from ranks within each sample, it is blind to the columns'
            own distributions, and a little conservative.
        permutations: how many; no p-value of the two is below ``1 / (permutations + 1)``.
        seed: makes the permutations reproducible.

    Returns:
        The p-values are 1.0 where a sample has fewer than two rows, or there is no column.

    Raises:
        InvalidDataError: if the samples are no tables with the same columns, or not finite; a ValueError.
        InvalidConfigError: if there are no permutations; it is a ValueError.

    Example:
        >>> rng = np.random.default_rng(7)
        >>> independent = rng.normal(size=(500, 3))
        >>> related = rng.normal(size=(500, 3)) @ [[1.0, 0.0, 0.0], [0.0, 1.0, 0.8], [0.0, 0.0, 0.6]]
        >>> result = multivariate_test(related, independent)
        >>> result.p_value, result.pair, round(result.correlation_change, 1)
        (0.002, (1, 2), -0.8)
    """
    if permutations < 1:
        raise InvalidConfigError(f"permutations must be 1 or more, for example 999, not {permutations}")
    samples = [np.asarray(sample, dtype=np.float64) for sample in (reference, current)]
    shapes = [sample.shape for sample in samples]
    if any(len(shape) != 2 for shape in shapes) or shapes[0][1] != shapes[1][1]:  # noqa: PLR2004 - rows, columns
        raise InvalidDataError(
            f"samples of shapes {shapes[0]} and {shapes[1]} cannot be compared: "
            "both must be tables of shape (rows, columns) with the same columns"
        )
    (n, columns), (m, _) = shapes
    rows = np.concatenate(samples)
    if not np.isfinite(rows).all():
        raise InvalidDataError("a row is not finite: put 0.0, the middle score, where a value is missing")
    if min(n, m) < _FEWEST or not columns:
        return MultivariateComparison(1.0, math.nan, 1.0, math.nan, 1.0, None)
    first = np.arange(n + m) < n
    kernel = _kernel(rows)
    distance = (1 / n + 1 / m) * math.sqrt(max(float(first @ kernel @ first), 0.0))
    single = kernel.astype(np.float32)
    distance_p_value = _p_value(
        lambda groups: ((groups @ single) * groups).sum(axis=1), first, permutations, seed
    )
    if columns == 1:
        return MultivariateComparison(distance_p_value, distance, distance_p_value, math.nan, 1.0, None)
    one, other = np.triu_indices(columns, 1)
    products = _products(rows, one, other)
    correlation_p_value = _p_value(
        lambda groups: np.abs(groups @ products.T).max(axis=1), first, permutations, seed
    )
    most = int(np.abs(products @ first).argmax())
    pair = int(one[most]), int(other[most])
    before, after = (_correlation(sample[:, pair[0]], sample[:, pair[1]]) for sample in samples)
    p_value = min(2 * min(distance_p_value, correlation_p_value), 1.0)
    return MultivariateComparison(
        p_value, distance, distance_p_value, after - before, correlation_p_value, pair
    )


def _kernel(rows: _Rows) -> _Rows:
    """Return the similarity of each two rows, less what either has to all rows; it sums up to zero."""
    centred = rows - rows.mean(axis=0)
    squares = np.square(centred).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * centred @ centred.T, 0.0)
    similar = np.exp(distances / (-_WIDTH * float(distances.mean()) or 1.0))
    means = similar.mean(axis=0)
    centred_kernel: _Rows = similar - means - means[:, None] + means.mean()
    return centred_kernel


def _products(rows: _Rows, one: NDArray[np.intp], other: NDArray[np.intp]) -> _Matrix:
    """Return the product of each pair of columns in each row, with a mean of 0 and one spread for all."""
    spreads = rows.std(axis=0)
    spreads[spreads <= _CONSTANT * np.abs(rows).max(axis=0)] = math.inf
    columns = ((rows - rows.mean(axis=0)) / spreads).T.astype(np.float32)
    products: _Matrix = columns[one] * columns[other]
    sizes = _norms(products)
    products -= products.mean(axis=1, keepdims=True)
    norms = _norms(products)
    norms[norms <= _ROUNDING * sizes] = math.inf
    products /= norms[:, None]
    return products


def _norms(vectors: _Matrix) -> _Matrix:
    norms: _Matrix = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return norms


def _p_value(statistic: _Statistic, first: NDArray[np.bool], permutations: int, seed: int) -> float:
    """Return how seldom a random division of the rows has as large a statistic as the given one."""
    rng = np.random.default_rng(seed)
    observed = float(statistic(first[None].astype(np.float32))[0]) * (1 - _ROUNDING)
    enough = math.ceil(_UNDECIDED * (permutations + 1))
    larger = 0
    for start in range(0, permutations, _AT_ONCE):
        groups = np.tile(first, (min(_AT_ONCE, permutations - start), 1))
        hits = np.flatnonzero(statistic(rng.permuted(groups, axis=1).astype(np.float32)) >= observed)
        if larger + len(hits) >= enough:
            return enough / (start + int(hits[enough - larger - 1]) + 1)
        larger += len(hits)
    return (1 + larger) / (1 + permutations)


def _correlation(x: _Rows, y: _Rows) -> float:
    """Return Pearson's correlation; NaN where a column is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])
