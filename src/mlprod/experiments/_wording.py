"""How numbers are written in sentences that people read."""

import math
from typing import Final

__all__ = ["in_words", "limit_in_words", "p_in_words"]

_FORMATS: Final = {
    "win_rate": "{:.1%}",
    "accuracy": "{:.1%}",
    "directional_accuracy": "{:.1%}",
    "signal_rate": "{:.1%}",
    "returns": "{:.3%}",
    "mape": "{:.2%}",
}
_SMALLEST_P: Final = 0.0001
_MOST_DECIMALS: Final = 4


def in_words(metric: str, value: float) -> str:
    """Return the value of a metric as people write it.

    Example:
        >>> in_words("win_rate", 0.5234), in_words("pnl", 12.3456)
        ('52.3%', '12.35')
    """
    return _FORMATS.get(metric, "{:.4g}").format(value)


def limit_in_words(lift: float) -> str:
    """Return a limit of the lift as people write it; one that is close to zero still has its sign.

    Example:
        >>> limit_in_words(0.2173), limit_in_words(-0.0063)
        ('+21.7%', '-0.63%')
    """
    per_cent = 100 * lift
    decimals = 1 - math.floor(math.log10(abs(per_cent))) if 0 < abs(per_cent) < 1 else 1
    return f"{per_cent:+.{min(decimals, _MOST_DECIMALS)}f}%"


def p_in_words(p_value: float) -> str:
    """Return a p-value as people write it.

    Example:
        >>> p_in_words(0.0312), p_in_words(1e-20)
        ('p = 0.031', 'p < 0.0001')
    """
    return f"p = {p_value:.2g}" if p_value >= _SMALLEST_P else f"p < {_SMALLEST_P}"
