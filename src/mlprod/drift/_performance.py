"""Performance drift: whether errors are larger than they were when the model was made."""

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.drift._counts import NumericCounts
from mlprod.drift._feature import Feature
from mlprod.drift._inputs import read_column
from mlprod.drift._settings import Settings
from mlprod.drift._values import PerformanceDrift
from mlprod.errors import InvalidDataError
from mlprod.stats import Estimate, relative_lift, t_quantile, variance_inflation, welch

__all__ = ["compare_errors", "read_errors"]

_Floats: TypeAlias = NDArray[np.float64]

_POWER: Final = 0.8
_LARGEST: Final = 1e100  # whose square a float can hold, too


def read_errors(errors: object) -> tuple[_Floats, str]:
    """Return errors without their sign, and which metric their mean is.

    Args:
        errors: numbers, prediction less outcome; or booleans, whether a prediction was wrong. Missing where
            the outcome is not known yet: those are left out.

    Raises:
        InvalidDataError: unless it is one of these, with at least one outcome.
    """
    column = read_column(errors, "errors")
    if isinstance(column, np.ndarray):
        metric, found = "mae", np.abs(column[~np.isnan(column)])
    elif set(column.labels) <= {"false", "true"}:
        is_wrong = np.array([*(label == "true" for label in column.labels), False])
        metric, found = "error_rate", is_wrong[column.codes[column.codes >= 0]].astype(np.float64)
    else:
        raise InvalidDataError(
            "errors must be numbers (prediction less outcome) or booleans (whether it was wrong), not texts "
            f"such as {shorten(column.labels[0])}"
        )
    if not len(found):
        raise InvalidDataError("there are no errors: none of the outcomes is known")
    beyond = int(np.count_nonzero(found > _LARGEST))
    if beyond:
        raise InvalidDataError(
            f"{beyond:,} of {len(found):,} errors are infinite, or larger than {_LARGEST:.0e}: their mean "
            "says nothing. Find out why, and leave them out"
        )
    return found, metric


def compare_errors(
    reference: Feature, metric: str, current: NumericCounts, *, alpha: float, settings: Settings
) -> PerformanceDrift:
    """Compare errors with those of the reference.

    The interval is Fieller's, as `mlprod.stats.relative_lift` has it, and the p-value that of Welch's test on
    one side, with the numbers of independent errors in place of those of all. Where neither sample varies,
    as from never wrong to always, the p-value is that of a permutation test.
    """
    before = reference.counts
    if not isinstance(before, NumericCounts):  # pragma: no cover - errors are numbers
        raise TypeError
    inflation = variance_inflation(before.serial, current.serial) if settings.is_ordered else 1.0
    old, new = (
        Estimate.of_moments(before.moments, inflation=inflation),
        Estimate.of_moments(current.moments, inflation=inflation),
    )
    change = new.value / old.value - 1 if old.value else (math.inf if new.value else 0.0)
    p_value = _p_value(old, new, before.present / inflation, current.present / inflation)
    enough = change >= settings.performance_threshold
    drifted = enough if settings.policy == "classic" else enough and p_value <= alpha
    return PerformanceDrift(
        drifted=drifted,
        metric=metric,
        reference=old.value,
        current=new.value,
        change=change,
        interval=relative_lift(old, new),
        p_value=p_value,
        threshold=settings.performance_threshold,
        min_detectable_change=_detectable(old, new, alpha),
        count=current.present,
        effective_count=current.present / inflation,
        reference_count=before.present,
    )


def _p_value(old: Estimate, new: Estimate, old_count: float, new_count: float) -> float:
    """Return the probability that errors seem to have grown as much by chance."""
    from scipy.special import gammaln

    test = welch(old, new)
    if test.dof:
        return test.p_value / 2 if test.statistic > 0 else 1 - test.p_value / 2
    if new.value > old.value and math.isfinite(old.variance + new.variance):
        # Neither varies: of all ways to part these errors in two, this is the most extreme.
        ways = gammaln(old_count + new_count + 1) - gammaln(old_count + 1) - gammaln(new_count + 1)
        return math.exp(-ways)
    return 1.0


def _detectable(old: Estimate, new: Estimate, alpha: float) -> float:
    dof = min(old.dof, new.dof)
    if not old.value or dof <= 0:
        return math.inf
    reach = t_quantile(1 - alpha, dof) + t_quantile(_POWER, dof)
    return reach * math.sqrt(old.variance + new.variance) / old.value
