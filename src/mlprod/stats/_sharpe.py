"""The difference of two Sharpe ratios of strategies that traded over the same time."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.stats._autocorrelation import block_length, is_constant, long_run_variance
from mlprod.stats._result import Comparison, Interval, check_confidence

__all__ = ["sharpe_difference"]

_Array: TypeAlias = NDArray[np.float64]

_UNBOUNDED = Interval(-math.inf, math.inf)
_FEWEST = 100  # resamples
_SHORTEST = 10  # returns
_ROUNDING = 1e-12  # the standard error that rounding alone gives to equal Sharpe ratios is smaller
_AT_ONCE = 1 << 18  # block sums; 8 MiB


def sharpe_difference(
    returns_a: ArrayLike,
    returns_b: ArrayLike,
    *,
    seed: int,
    resamples: int = 2000,
    block: int | None = None,
    confidence: float = 0.95,
) -> Comparison:
    """Compare the Sharpe ratios, mean over standard deviation, of two series of returns of the same periods.

    Returns may be heavy-tailed, depend on each other within a period, and on earlier ones. The studentised
    circular block bootstrap of Ledoit and Wolf, "Robust performance hypothesis testing with the Sharpe
    ratio", Journal of Empirical Finance 15 (2008): the standard error of the difference is that of
    `long_run_variance` in the data, and that of the blocks in each resample.

    Args:
        returns_a: finite returns of each period; shape ``(n,)``.
        returns_b: those of the other strategy in the same periods; shape ``(n,)``.
        seed: makes the resampling reproducible.
        resamples: how many, 100 or more. The p-value is not below ``1 / (resamples + 1)``.
        block: how many periods in a row are resampled together; by default `block_length` of what each period
            contributes to the difference.
        confidence: of the interval, between 0 and 1.

    Returns:
        The effect is the Sharpe ratio of b minus that of a, per period: times the root of the periods in a
        year it is annual. The p-value is 1.0 and the interval unbounded where there are fewer than 10
        periods, or where a series or the difference does not vary.

    Raises:
        InvalidDataError: if the series differ in length.
        InvalidConfigError: if the options make no sense. Both are a ValueError.

    Example:
        >>> rng = np.random.default_rng(5)
        >>> market = rng.normal(0, 0.01, size=500)
        >>> calm, wild = market + 0.002, market + rng.normal(0, 0.01, size=500)
        >>> result = sharpe_difference(calm, wild, seed=1)
        >>> result.effect < 0, result.p_value < 0.05
        (True, True)
    """
    check_confidence(confidence)
    a, b = np.asarray(returns_a, dtype=np.float64), np.asarray(returns_b, dtype=np.float64)
    if a.shape != b.shape:
        raise InvalidDataError(
            f"both strategies need a return in every period; their shapes are {a.shape} and {b.shape}"
        )
    if resamples < _FEWEST:
        raise InvalidConfigError(f"resamples must be {_FEWEST} or more, not {resamples}")
    if block is not None and not 1 <= block <= max(len(a) // 2, 1):
        raise InvalidConfigError(f"block must be 1 to half of the {len(a)} periods, not {block}")
    if len(a) < _SHORTEST or is_constant(a) or is_constant(b):
        return Comparison(math.nan, 1.0, 0.0, math.inf, _UNBOUNDED)
    # Scaled, as Sharpe ratios have no unit; the squares of small returns would be lost beside them.
    columns = np.column_stack([a / a.std(), b / b.std()])
    columns = np.column_stack([columns, columns**2])
    means = columns.mean(axis=0)
    effect = float(_difference(means))
    influence = (columns - means) @ _gradient(means)
    error = math.sqrt(long_run_variance(influence) / len(a))
    if error <= _ROUNDING:
        return Comparison(effect, 1.0, 0.0, math.inf, _UNBOUNDED)
    block = block or min(max(round(block_length(influence)), 1), len(a) // 2)
    distances = _distances(columns, effect, block, resamples, np.random.default_rng(seed))
    statistic = effect / error
    reached = int((distances >= abs(statistic)).sum())
    rank = math.ceil(
        confidence * (resamples + 1)
    )  # so that the interval excludes 0 where the p-value says so
    half_width = float(np.sort(np.append(distances, math.inf))[rank - 1]) * error
    return Comparison(
        effect,
        (reached + 1) / (resamples + 1),
        statistic,
        math.inf,
        Interval(effect - half_width, effect + half_width),
    )


def _difference(means: _Array) -> _Array:
    """Return the difference of Sharpe ratios, given the means of a, b, a² and b² in the last axis."""
    a, b = (means[..., i] / np.sqrt(means[..., i + 2] - means[..., i] ** 2) for i in (0, 1))
    return np.asarray(b - a)


def _gradient(means: _Array) -> _Array:
    """Return the derivatives of the difference by each mean; of the same shape."""
    variances = means[..., 2:] - means[..., :2] ** 2
    by_mean, by_square = means[..., 2:] / variances**1.5, -means[..., :2] / variances**1.5 / 2
    return np.concatenate([by_mean, by_square], axis=-1) * [-1, 1, -1, 1]


def _distances(
    columns: _Array, effect: float, block: int, resamples: int, rng: np.random.Generator
) -> _Array:
    """Return how many standard errors the difference in each resample is from that in the data."""
    size, blocks = len(columns), len(columns) // block
    cumulated = np.cumsum(np.concatenate([np.zeros((1, 4)), columns, columns[: block - 1]]), axis=0)
    sums = (cumulated[block:] - cumulated[:-block]) / block  # the mean of the block from each period on
    distances = np.empty(resamples)
    step = max(_AT_ONCE // blocks, 1)
    for start in range(0, resamples, step):
        part = distances[start : start + step]
        chosen = sums[rng.integers(size, size=(len(part), blocks))]
        means = chosen.mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):  # few blocks may be all alike
            influence = np.einsum("rbc,rc->rb", chosen - means[:, np.newaxis], _gradient(means))
            errors = np.sqrt((influence**2).mean(axis=1) / blocks)
            part[:] = np.abs(_difference(means) - effect) / errors
    return np.nan_to_num(distances, nan=math.inf, posinf=math.inf)
