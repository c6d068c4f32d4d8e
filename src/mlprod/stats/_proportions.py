"""Rates compared: counts of successes in trials."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlprod.errors import InvalidDataError
from mlprod.stats._result import Comparison

__all__ = ["boschloo", "chi_square", "proportions"]

_Array: TypeAlias = NDArray[np.float64]

_LARGEST = 500  # trials in a group, for an exact test over all tables
_FEW = 5  # expected successes or failures, below which chi-square is not to be trusted
_GRID = 256
_TIES = 1 + 1e-9  # probabilities that differ by less are equal, but for rounding


def chi_square(successes: Sequence[int], trials: Sequence[int]) -> Comparison:
    """Test whether two or more groups have the same rate: Pearson's chi-square, not corrected for continuity.

    Pearson, Philosophical Magazine 50 (1900). Without Yates' correction, which makes the test too
    timid: Campbell, "Chi-squared and Fisher-Irwin tests of two-by-two tables", Statistics in Medicine 26
    (2007).

    Args:
        successes: how many successes there were in each group, control first.
        trials: of how many trials. Groups without trials are left out.

    Returns:
        The effect is the difference of the last rate and the first. The p-value is 1.0 where fewer than two
        groups have trials, or where all or no trials succeeded.

    Raises:
        InvalidDataError: unless every group has 0 <= successes <= trials; it is a ValueError.

    Example:
        >>> result = chi_square([50, 70], [100, 100])
        >>> round(result.effect, 3), round(result.statistic, 3), round(result.p_value, 4)
        (0.2, 8.333, 0.0039)
    """
    groups = _groups(successes, trials)
    effect = _effect(*groups[0], *groups[-1]) if groups else math.nan
    held = [(won, tried) for won, tried in groups if tried]
    all_won, all_tried = sum(won for won, _ in held), sum(tried for _, tried in held)
    if len(held) < 2 or not 0 < all_won < all_tried:  # noqa: PLR2004 - two groups
        return Comparison(effect, 1.0, 0.0, float(max(len(held) - 1, 0)))
    rate = all_won / all_tried
    statistic = sum((won - tried * rate) ** 2 / tried for won, tried in held) / (rate * (1 - rate))
    from scipy.special import chdtrc

    return Comparison(effect, float(chdtrc(len(held) - 1, statistic)), statistic, float(len(held) - 1))


def boschloo(
    control_successes: int, control_trials: int, treatment_successes: int, treatment_trials: int
) -> Comparison:
    """Test exactly whether two small groups have the same rate.

    The probability of a table at least as extreme by Fisher's exact test, at the common rate
    at which that is most likely; twice the smaller of both sides. Never less powerful than Fisher's test:
    Boschloo, "Raised conditional level of significance for the 2x2-table when testing the equality of two
    probabilities", Statistica Neerlandica 24 (1970).

    Args:
        control_successes: how many trials of the control group succeeded.
        control_trials: how many there were, at most 500.
        treatment_successes: the same of the treatment group.
        treatment_trials: how many there were, at most 500.

    Returns:
        The effect is the difference of the rates, treatment minus control; the statistic is the smaller
        one-sided p-value of Fisher's test.

    Raises:
        InvalidDataError: if there are more successes than trials, or too many trials; it is a ValueError.

    Example:
        >>> round(boschloo(7, 10, 2, 10).p_value, 3)
        0.041
    """
    _groups((control_successes, treatment_successes), (control_trials, treatment_trials))
    if max(control_trials, treatment_trials) > _LARGEST:
        raise InvalidDataError(
            f"boschloo takes at most {_LARGEST} trials in a group, not {control_trials}, {treatment_trials}; "
            "use chi_square or proportions"
        )
    effect = _effect(control_successes, control_trials, treatment_successes, treatment_trials)
    if not control_trials or not treatment_trials:
        return Comparison(effect, 1.0, 0.0, math.inf)
    p_less, less = _one_sided(control_successes, control_trials, treatment_successes, treatment_trials)
    p_more, more = _one_sided(treatment_successes, treatment_trials, control_successes, control_trials)
    return Comparison(effect, min(2 * min(p_less, p_more), 1.0), min(less, more), math.inf)


def proportions(
    control_successes: int, control_trials: int, treatment_successes: int, treatment_trials: int
) -> Comparison:
    """Test whether two groups have the same rate, by the test that fits their size.

    That is `chi_square`; or `boschloo`, where fewer than five successes or failures are to be expected
    in a group; or Fisher's exact test, twice its smaller side, where that is so and more than 500 trials are
    in a group (Fisher, Journal of the Royal Statistical Society 98 (1935)).

    Args:
        control_successes: how many trials of the control group succeeded.
        control_trials: how many there were.
        treatment_successes: the same of the treatment group.
        treatment_trials: how many there were.

    Returns:
        The effect is the difference of the rates, treatment minus control.

    Raises:
        InvalidDataError: if there are more successes than trials; it is a ValueError.

    Example:
        >>> round(proportions(7, 10, 2, 10).p_value, 3), round(proportions(700, 1000, 650, 1000).p_value, 3)
        (0.041, 0.017)
    """
    tables = _groups((control_successes, treatment_successes), (control_trials, treatment_trials))
    successes, trials = control_successes + treatment_successes, control_trials + treatment_trials
    fewest = min(successes, trials - successes) * min(control_trials, treatment_trials)
    if fewest >= _FEW * trials:
        return chi_square((control_successes, treatment_successes), (control_trials, treatment_trials))
    if max(control_trials, treatment_trials) <= _LARGEST:
        return boschloo(control_successes, control_trials, treatment_successes, treatment_trials)
    smaller = min(_fisher(*tables[0], *tables[1]), _fisher(*tables[1], *tables[0]))
    return Comparison(_effect(*tables[0], *tables[1]), min(2 * smaller, 1.0), smaller, math.inf)


def _groups(successes: Sequence[int], trials: Sequence[int]) -> list[tuple[int, int]]:
    if len(successes) != len(trials):
        raise InvalidDataError(f"{len(successes)} groups have successes, but {len(trials)} have trials")
    groups = list(zip(successes, trials, strict=True))
    for won, tried in groups:
        if not 0 <= won <= tried:
            raise InvalidDataError(f"there cannot be {won} successes in {tried} trials")
    return groups


def _effect(control_won: int, control_tried: int, treatment_won: int, treatment_tried: int) -> float:
    if not control_tried or not treatment_tried:
        return math.nan
    return treatment_won / treatment_tried - control_won / control_tried


def _log_choose(n: int, k: NDArray[np.integer]) -> _Array:
    from scipy.special import gammaln

    logs: _Array = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return logs


def _fisher(won: int, tried: int, other_won: int, other_tried: int) -> float:
    """Return the probability of so few successes or fewer in the first group, given those of both."""
    both = won + other_won
    x = np.arange(max(0, both - other_tried), min(both, tried) + 1)
    logs = _log_choose(tried, x) + _log_choose(other_tried, both - x)
    weights = np.exp(logs - logs.max())
    return float(weights[x <= won].sum() / weights.sum())


def _one_sided(won: int, tried: int, other_won: int, other_tried: int) -> tuple[float, float]:
    """Return Boschloo's p-value against a lower rate in the first group, and Fisher's."""
    x, y = np.arange(tried + 1), np.arange(other_tried + 1)
    x_logs, y_logs = _log_choose(tried, x), _log_choose(other_tried, y)
    total = np.arange(tried + other_tried + 1)
    # Fisher's test of every table at once: row x and column x + y, so that a column has the same margins.
    weights = np.zeros((len(x), len(total)))
    columns = x[:, np.newaxis] + y
    logs = x_logs[:, np.newaxis] + y_logs - _log_choose(tried + other_tried, total)[columns]
    np.put_along_axis(weights, columns, np.exp(logs), axis=1)
    fisher = np.take_along_axis(np.cumsum(weights, axis=0), columns, axis=1)
    extreme = (fisher <= fisher[won, other_won] * _TIES).astype(np.float64)

    def probability(angles: _Array) -> _Array:
        log_rate = 2 * np.log(np.sin(angles)[:, np.newaxis])
        log_rest = 2 * np.log(np.cos(angles)[:, np.newaxis])
        left = np.exp(x_logs + x * log_rate + (tried - x) * log_rest)
        right = np.exp(y_logs + y * log_rate + (other_tried - y) * log_rest)
        found: _Array = ((left @ extreme) * right).sum(axis=1)
        return found

    # A rate is sin² of an angle, so that the probability varies equally fast everywhere.
    step = math.pi / 2 / _GRID
    angles = np.linspace(step / 2, math.pi / 2 - step / 2, _GRID)
    found = probability(angles)
    for _ in range(3):
        best = angles[np.argsort(found)[-8:]]
        angles = (best[:, np.newaxis] + np.linspace(-step, step, 17)).ravel().clip(1e-9, math.pi / 2 - 1e-9)
        found, step = probability(angles), step / 8
    return min(float(found.max()), 1.0), min(float(fisher[won, other_won]), 1.0)
