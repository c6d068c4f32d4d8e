"""Evidence about proportions that may be looked at after every observation."""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from mlprod.errors import InvalidConfigError
from mlprod.stats._anytime import interval_of
from mlprod.stats._anytime_means import information
from mlprod.stats._result import Interval

__all__ = ["Trials", "interval_proportions", "log_e_labels", "log_e_proportions"]

Trials: TypeAlias = tuple[int, int]
"""Successes, and trials in all."""

_FAR = 200.0  # a ratio of rates of e^200: whoever can be excluded is, and its square is no overflow


def log_e_proportions(control: Trials, treatment: Trials, *, planned: float) -> float:
    """Return the evidence that two variants succeed at different rates, however often it was looked at.

    It is the natural logarithm of an e-value; what that promises, and how to ask for one direction, stands
    at `log_e_mean`. Logarithms of separate phases add.

    Given the outcomes, trials of the two variants are in any order if nothing distinguishes the variants.
    So the rate may drift with time, and need not be known, nor how many of the trials the treatment
    should have: it may trade less often.

    The e-value is the Bayes factor for dependence in a two by two table (Gunel and Dickey, "Bayes factors
    for independence in contingency tables", Biometrika 61, 1974): beta mixtures of each variant's rate,
    against one of the common rate, symmetric in outcomes and variants. Their centres are the observed rate
    and share; so, like the sequences of `log_e_mean`, it is exact in the limit, where the two agree. Their
    weight makes the interval narrowest at `planned` trials, and is at least one trial in the cell that has
    fewest: rare events are skewed, and one-sided alarms would come too often.

    Args:
        control: its successes and its trials.
        treatment: its successes and its trials.
        planned: how many trials of both variants the experiment plans for.

    Returns:
        The evidence; 0.0 if a variant has no trials.

    Raises:
        InvalidConfigError: if `planned` is not positive.

    Example:
        >>> import math
        >>> log_e_proportions((560, 1000), (480, 1000), planned=2000) > math.log(1 / 0.05)
        True
    """
    (wins_control, n_control), (wins, n) = control, treatment
    share, rate, weight = _centre(wins_control + wins, n_control, n, planned)
    if not (n_control and n):
        return 0.0
    of_treatment, of_control = share * weight, (1 - share) * weight
    return (
        _log_mixture(wins, n - wins, of_treatment * rate, of_treatment * (1 - rate))
        + _log_mixture(wins_control, n_control - wins_control, of_control * rate, of_control * (1 - rate))
        - _log_mixture(
            wins_control + wins, n_control + n - wins_control - wins, weight * rate, weight * (1 - rate)
        )
    )


def interval_proportions(
    phases: Sequence[tuple[Trials, Trials]], *, alpha: float, planned: float
) -> Interval:
    """Return the interval of the relative lift that holds at all times: the ratio of the rates, minus 1.

    It excludes zero exactly when the evidence of `log_e_proportions`, summed over phases, reaches
    ``log(1 / alpha)``. Against another lift the evidence is that of the same mixtures, moved to the rates
    that are most likely with this lift (as in Miettinen and Nurminen, Statistics in Medicine 4, 1985),
    and the likelihood of those in the place of the mixture of the common rate.

    Args:
        phases: successes and trials of the control and of the treatment in each phase of a ramp; one or more.
        alpha: the chance that the interval ever misses the lift, such as 0.05.
        planned: how many trials of both variants the experiment plans for.

    Returns:
        The interval, between -1.0 (the treatment never succeeds) and infinity (the control never does).

    Raises:
        InvalidConfigError: if `planned` is not positive, or `alpha` not between 0 and 1.

    Example:
        >>> interval = interval_proportions([((560, 1000), (480, 1000))], alpha=0.05, planned=2000)
        >>> round(interval.low, 2), round(interval.high, 2)
        (-0.25, -0.02)
    """
    parts = [_against_ratio(control, treatment, planned) for control, treatment in phases]
    above = below = known = 0.25
    for (wins_control, n_control), (wins, n) in phases:
        total = max(n_control + n, 1)
        above += wins * n_control / total
        below += wins_control * n / total
        known += (wins_control + wins) * n_control * n / total**2
    ratio = interval_of(
        lambda log_ratio: sum(part(math.exp(min(max(log_ratio, -_FAR), _FAR))) for part in parts),
        math.log(above / below),  # Mantel and Haenszel's ratio of rates
        1 / math.sqrt(known),
        alpha,
    )
    return Interval(math.expm1(ratio.low), math.expm1(ratio.high))


def log_e_labels(control: int, treatment: int, share: float, *, planned: float) -> float:
    """Return the evidence that rare events do not come to the treatment at its share of trials.

    Only the events are counted, not the trials: fills, errors, large losses. Under the null hypothesis an
    event is the treatment's with a chance of `share`, whatever the rate of events. The e-value is a beta
    mixture over that chance, exact in samples of any size: Lindon and Malek, "Anytime-valid inference for
    multinomial count data", arXiv 2011.03567.

    The share must be known, and be that of the trials. Where trials are counted, `log_e_proportions` is right
    even if the treatment trades less often, and needs fewer: a half of them if half of the trials succeed.

    Args:
        control: events of the control.
        treatment: events of the treatment.
        share: that the treatment has of all trials, between 0 and 1, such as 0.1.
        planned: how many events of both variants the experiment plans for.

    Returns:
        The natural logarithm of the e-value; those of phases with shares of their own add.

    Raises:
        InvalidConfigError: if `planned` is not positive, or the share not between 0 and 1.

    Example:
        >>> import math
        >>> log_e_labels(40, 80, 0.5, planned=100) > math.log(1 / 0.05)
        True
    """
    if not 0 < share < 1:
        raise InvalidConfigError(f"share must be between 0 and 1, not {share}")
    weight = 1 / information(1, planned)
    mixture = _log_mixture(treatment, control, share * weight, (1 - share) * weight)
    return mixture - treatment * math.log(share) - control * math.log1p(-share)


def _against_ratio(control: Trials, treatment: Trials, planned: float) -> Callable[[float], float]:
    """Return the evidence against the treatment's rate being that of the control, times the argument."""
    (wins_control, n_control), (wins, n) = control, treatment
    if not (n_control and n):
        return lambda _: 0.0
    losses_control, losses, total = n_control - wins_control, n - wins, n_control + n
    share, rate, weight = _centre(wins_control + wins, n_control, n, planned)
    successes = rate * (total + 1)
    common = _log_mixture(wins_control + wins, losses_control + losses, weight * rate, weight * (1 - rate))

    def log_likelihood(of_control: float, of_treatment: float) -> float:
        return (
            wins_control * math.log(of_control)
            + losses_control * math.log1p(-of_control)
            + wins * math.log(of_treatment)
            + losses * math.log1p(-of_treatment)
        )

    highest = log_likelihood(rate, rate)

    def log_e(ratio: float) -> float:
        # The likeliest rate of the control solves ratio * (total + 1) * p^2 - linear * p + successes = 0.
        linear = successes + losses_control + 0.25 + ratio * (successes + losses + 0.25)
        root = math.sqrt(max(linear * linear - 4 * ratio * (total + 1) * successes, 0.0))
        of_control = 2 * successes / (linear + root)
        of_treatment = ratio * of_control
        mixtures = _centred(wins, losses, of_treatment, share * weight) + _centred(
            wins_control, losses_control, of_control, (1 - share) * weight
        )
        return mixtures - common - (log_likelihood(of_control, of_treatment) - highest)

    return log_e


def _centre(successes: int, n_control: int, n: int, planned: float) -> tuple[float, float, float]:
    """Return where the mixtures are: the treatment's share, the common rate, and their weight in trials."""
    total = n_control + n + 1.0  # a quarter more in each cell, so that no rate is zero
    share, rate = (n + 0.5) / total, (successes + 0.5) / total
    fewest = min(rate, 1 - rate) * min(share, 1 - share)
    return share, rate, max(1 / information(1, planned), 1 / fewest)


def _centred(wins: int, losses: int, rate: float, weight: float) -> float:
    """Return the mixture of one variant around a rate, with at least one trial of either outcome."""
    return _log_mixture(wins, losses, max(rate * weight, 1.0), max((1 - rate) * weight, 1.0))


def _log_mixture(first: int, second: int, a: float, b: float) -> float:
    """Return the log of the chance of a sequence of events of two kinds, mixed over beta(a, b)."""
    gamma = math.lgamma
    return (
        gamma(first + a)
        - gamma(a)
        + gamma(second + b)
        - gamma(b)
        + gamma(a + b)
        - gamma(first + second + a + b)
    )
