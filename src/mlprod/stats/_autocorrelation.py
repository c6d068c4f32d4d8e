"""What depends on earlier values: how much less a series tells, and how long its memory is."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["block_length", "is_constant", "long_run_variance"]

_Array: TypeAlias = NDArray[np.float64]

_SHORTEST = 10  # values
_ROUNDING = 1e-12  # relative; the spread that rounding alone gives to equal values is smaller


def long_run_variance(values: ArrayLike) -> float:
    """Return the variance of the mean of a stationary series, times its length.

    That is the sum of all autocovariances, weighted by the quadratic spectral kernel; its bandwidth is the
    one best for a first-order autoregression: Andrews, "Heteroskedasticity and autocorrelation consistent
    covariance matrix estimation", Econometrica 59 (1991).

    Args:
        values: finite numbers in the order of time; shape ``(n,)``.

    Returns:
        The variance, 0 or more, in the unit of the values squared; NaN without values.

    Example:
        >>> long_run_variance(np.tile([1.0, -1.0], 50)) < 0.1  # they take turns: the mean hardly varies
        True
    """
    centred = np.asarray(values, dtype=np.float64)
    if not len(centred):
        return math.nan
    covariances = _autocovariances(centred - centred.mean(), len(centred) - 1)
    variance, first = float(covariances[0]), float(covariances[1]) if len(covariances) > 1 else 0.0
    if not variance:
        return 0.0
    rho = max(min(first / variance, 0.97), -0.97)
    bandwidth = 1.3221 * (4 * rho**2 / (1 - rho) ** 4 * len(centred)) ** 0.2
    if not bandwidth:
        return variance
    return max(variance + 2 * float(_quadratic_spectral(len(covariances), bandwidth) @ covariances[1:]), 0.0)


def block_length(values: ArrayLike) -> float:
    """Return how long the blocks of a circular block bootstrap of a series should be on average.

    Politis and White, "Automatic block-length selection for the dependent bootstrap", Econometric Reviews 23
    (2004), with the correction by Patton, Politis and White, Econometric Reviews 28 (2009).

    Args:
        values: finite numbers in the order of time; shape ``(n,)``.

    Returns:
        The length in periods, 1.0 or more, not rounded.

    Example:
        >>> steps = np.random.default_rng(1).normal(size=1000)
        >>> block_length(steps) < block_length(np.convolve(steps, np.ones(5)))
        True
    """
    centred = np.asarray(values, dtype=np.float64)
    size = len(centred)
    if size < _SHORTEST or is_constant(centred):
        return 1.0
    centred = centred - centred.mean()
    # Autocorrelation counts as gone from the first of this many lags in a row at which it is small.
    run = max(5, math.ceil(math.log10(size)))
    most = min(math.ceil(math.sqrt(size)) + run, size - 1)
    covariances = _autocovariances(centred, most)
    small = np.abs(covariances[1:] / covariances[0]) < 2 * math.sqrt(math.log10(size) / size)
    runs = np.flatnonzero(np.convolve(small, np.ones(run), "valid") == run)
    width = min(2 * (int(runs[0]) + 1), most) if len(runs) else most
    lags = np.arange(1, width + 1)
    weights = np.minimum(1.0, 2 * (1 - lags / width))  # flat-top
    spectrum = float(covariances[0] + 2 * weights @ covariances[1 : width + 1])
    slope = float(2 * (weights * lags) @ covariances[1 : width + 1])
    longest = math.ceil(min(3 * math.sqrt(size), size / 3))
    length = (1.5 * (slope / spectrum) ** 2 * size) ** (1 / 3) if spectrum else float(longest)
    return float(min(max(length, 1.0), longest))


def is_constant(values: NDArray[np.float64]) -> bool:
    """Return whether all values are equal but for rounding; shape ``(n,)``, not empty."""
    return float(np.ptp(values)) <= _ROUNDING * float(np.abs(values).max())


def _autocovariances(centred: _Array, most: int) -> _Array:
    """Return those at lags 0 to `most`; shape ``(most + 1,)``."""
    size = 1 << (2 * len(centred)).bit_length()
    transformed = np.fft.rfft(centred, size)
    found: _Array = np.fft.irfft(transformed * transformed.conj(), size)[: most + 1] / len(centred)
    return found


def _quadratic_spectral(count: int, bandwidth: float) -> _Array:
    """Return the kernel's weights of lags 1 to `count` - 1."""
    x = 6 * np.pi / 5 * np.arange(1, count) / bandwidth
    weights: _Array = 3 / x**2 * (np.sin(x) / x - np.cos(x))
    return weights
