"""P-values of several tests at once, adjusted so that they can be read like that of one."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod.errors import InvalidDataError

__all__ = ["benjamini_hochberg", "holm"]

_PValues: TypeAlias = NDArray[np.float64]


def holm(p_values: ArrayLike) -> _PValues:
    """Return p-values adjusted so that the chance of even one false finding is bounded.

    Whatever the tests have to do with each other: Holm, "A simple sequentially rejective multiple test
    procedure", Scandinavian Journal of Statistics 6 (1979).

    Args:
        p_values: between 0 and 1; shape ``(m,)``. NaN is a test that was not made: it stays NaN and is not
            counted.

    Returns:
        The adjusted p-values in the same order; shape ``(m,)``.

    Raises:
        InvalidDataError: if one is not between 0 and 1; it is a ValueError.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p, order, made = _ordered(p_values)
    factors = np.arange(made, 0, -1)
    p[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return p


def benjamini_hochberg(p_values: ArrayLike) -> _PValues:
    """Return p-values adjusted so that the expected share of false findings among all findings is bounded.

    For independent or positively dependent tests: Benjamini and Hochberg, "Controlling the false discovery
    rate", Journal of the Royal Statistical Society B 57 (1995).

    Args:
        p_values: between 0 and 1; shape ``(m,)``. NaN is a test that was not made: it stays NaN and is not
            counted.

    Returns:
        The adjusted p-values in the same order; shape ``(m,)``.

    Raises:
        InvalidDataError: if one is not between 0 and 1; it is a ValueError.

    Example:
        >>> benjamini_hochberg([0.01, 0.5, 0.04, 0.03]).round(4).tolist()
        [0.04, 0.5, 0.0533, 0.0533]
    """
    p, order, made = _ordered(p_values)
    factors = made / np.arange(1, made + 1)
    p[order] = np.minimum.accumulate((p[order] * factors)[::-1])[::-1]
    return p


def _ordered(p_values: ArrayLike) -> tuple[_PValues, NDArray[np.intp], int]:
    """Return a copy, where the numbers in it are in ascending order, and how many there are."""
    p = np.array(p_values, dtype=np.float64)
    if ((p < 0) | (p > 1)).any():
        raise InvalidDataError(f"p-values must lie between 0 and 1, not like those of {p.tolist()}")
    made = int(np.isfinite(p).sum())
    return p, np.argsort(p, kind="stable")[:made], made  # NaN sorts last
