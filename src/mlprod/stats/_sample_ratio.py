"""Sample-ratio mismatch: do the variants get the shares of the units that they should?"""

import math
from collections.abc import Sequence

from mlprod.errors import InvalidConfigError, InvalidDataError

__all__ = ["log_e_sample_ratio", "sample_ratio_p_value"]


def log_e_sample_ratio(
    counts: Sequence[int], shares: Sequence[float], *, concentration: float = 1000
) -> float:
    """Return the evidence that units do not come in the shares set for them, however often it was looked at.

    A Dirichlet-multinomial mixture against the shares: Lindon and Malek, "Anytime-valid inference for
    multinomial count data", arXiv 2011.03567. At every time, or at a time that the data chose, the chance
    that it reached ``log(1 / alpha)`` is `alpha` at most; exact in samples of any size. Logarithms of phases
    of a ramp, each with its own shares, add.

    Args:
        counts: units of each variant; shape ``(k,)``.
        shares: that each variant should have, positive, their sum 1; shape ``(k,)``.
        concentration: how near to the shares a mismatch is looked for; an eighth of the number of units at
            which the smallest mismatch can be found.

    Returns:
        The natural logarithm of the e-value.

    Raises:
        InvalidConfigError: if the shares are not positive with a sum of 1, or the concentration is not
            positive.
        InvalidDataError: if there are not as many counts as shares.

    Example:
        >>> import math
        >>> log_e_sample_ratio([5000, 5400], [0.5, 0.5]) > math.log(1 / 0.01)
        True
    """
    _check(counts, shares)
    if not concentration > 0:
        raise InvalidConfigError(f"concentration must be positive, not {concentration}")
    log_e = math.lgamma(concentration) - math.lgamma(sum(counts) + concentration)
    for count, share in zip(counts, shares, strict=True):
        prior = concentration * share
        log_e += math.lgamma(count + prior) - math.lgamma(prior) - count * math.log(share)
    return log_e


def sample_ratio_p_value(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the p-value of Pearson's chi-square test of the shares, for one look at the planned end.

    Args:
        counts: units of each variant; shape ``(k,)``.
        shares: that each variant should have, positive, their sum 1; shape ``(k,)``.

    Returns:
        Between 0 and 1; 1.0 without units, or with one variant.

    Raises:
        InvalidConfigError: if the shares are not positive with a sum of 1.
        InvalidDataError: if there are not as many counts as shares.

    Example:
        >>> round(sample_ratio_p_value([5000, 5400], [0.5, 0.5]), 6)
        8.8e-05
    """
    from scipy.special import chdtrc

    _check(counts, shares)
    total = sum(counts)
    if not total or len(counts) == 1:
        return 1.0
    statistic = sum(
        (count - total * share) ** 2 / (total * share) for count, share in zip(counts, shares, strict=True)
    )
    return float(chdtrc(len(counts) - 1, statistic))


def _check(counts: Sequence[int], shares: Sequence[float]) -> None:
    if len(counts) != len(shares):
        raise InvalidDataError(f"every share needs a count: there are {len(counts)} for {len(shares)} shares")
    if not (shares and min(shares) > 0 and math.isclose(sum(shares), 1.0, rel_tol=1e-9)):
        raise InvalidConfigError(f"shares must be positive and have a sum of 1: {list(shares)}")
