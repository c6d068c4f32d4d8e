"""A verdict in words: what was asked, of which comparison, and the figures that answer just that."""

import math
import re
from typing import Final

from mlprod._html import Metric, isolated
from mlprod._svg import MINUS
from mlprod.experiments._conclusion import ANYTIME, ONE_SIDED
from mlprod.experiments._values import ExperimentConclusion, MetricComparison
from mlprod.stats import Interval

__all__ = ["asked", "decisive", "is_by_one_look", "limits_said", "percent", "sentence", "sureness"]

_SHARE: Final = Metric("Share", "Predictions", "percent")
_SUREST: Final = 0.9999
_HYPHEN: Final = re.compile(r"(?<![\w.-])-(?=\d)")
_QUESTIONS: Final = {
    ANYTIME: "valid at any look, two-sided: is there a difference?",
    ONE_SIDED: "valid at any look, one-sided: is it worse?",
    "boschloo": "Boschloo's exact test",
    "bootstrap": "bootstrap",
    "chi_square": "chi-square test",
    "mann_whitney": "Mann-Whitney test",
    "paired_t_test": "paired t-test",
    "t_test": "Welch's t-test",
}


def is_by_one_look(conclusion: ExperimentConclusion) -> bool:
    """Return whether a verdict is that of the one look that was planned."""
    return conclusion.test not in {ANYTIME, ONE_SIDED, "none"}


def asked(conclusion: ExperimentConclusion) -> str:
    """Return which question the p-value, and the interval, of a verdict answer."""
    question = _QUESTIONS.get(conclusion.test, "nothing to test")
    return f"{question}, two-sided, for the one planned look" if is_by_one_look(conclusion) else question


def decisive(conclusion: ExperimentConclusion) -> MetricComparison | None:
    """Return the comparison that a verdict is about; None if nothing was compared."""
    about = conclusion.metric, conclusion.variant_id
    return next((one for one in conclusion.comparisons if (one.metric, one.variant_id) == about), None)


def limits_said(interval: Interval) -> str:
    """Return an interval of the lift; one that is open at an end as the limit that it has.

    Example:
        >>> limits_said(Interval(0.01, 0.19)), limits_said(Interval(0.017, float("inf")))
        ('+1.0% to +19.0%', 'at least +1.7%')
    """
    has_low, has_high = math.isfinite(interval.low), math.isfinite(interval.high)
    if has_low and not has_high:
        return f"at least {percent(interval.low)}"
    if has_high and not has_low:
        return f"at most {percent(interval.high)}"
    return f"{percent(interval.low)} to {percent(interval.high)}"


def percent(fraction: float) -> str:
    """Return a relative change with its sign."""
    return ("+" if fraction > 0 else "") + _SHARE.shown(fraction)


def sureness(confidence: float) -> str:
    """Return a confidence as far as it means anything.

    Example:
        >>> sureness(0.9604), sureness(0.99999927)
        ('96.0%', 'more than 99.99%')
    """
    return f"more than {100 * _SUREST:g}%" if confidence > _SUREST else _SHARE.shown(confidence)


def sentence(text: str) -> str:
    """Return a sentence as markup, with the minus signs that the figures beside it have."""
    return isolated(_HYPHEN.sub(MINUS, text))
