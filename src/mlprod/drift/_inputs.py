"""What may be given to a detector besides a table of features."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, final

import attrs
import numpy as np

from mlprod._brief import Brief
from mlprod._names import shorten
from mlprod.drift._column import Batch, Categories, Column
from mlprod.drift._tables import read_batches
from mlprod.errors import InvalidDataError
from mlprod.stats import Calibration

__all__ = ["DataSource", "RecentData", "read_calibration", "read_column", "read_recent"]


@final
@attrs.frozen(kw_only=True)
class RecentData(Brief):
    """What a data source gives of a symbol; None for what it does not have.

    Attributes:
        features: a table of the features that the model sees.
        series: a series of the world's that should be stationary, such as daily returns, in the order of
            time.
        errors: of recent predictions, or whether each was wrong.
        predictions: recent ones.
    """

    features: object = None
    series: object = None
    errors: object = None
    predictions: object = None


DataSource: TypeAlias = Callable[[str, datetime], "RecentData | object"]
"""From a symbol, and the time since when, to a table of features or `RecentData`."""


def read_column(values: object, name: str) -> Column:
    """Return one column.

    Raises:
        InvalidDataError: if it is none, or has no rows.
    """
    batch: Batch = next(read_batches({name: values}))
    column = batch[name]
    if not len(column if isinstance(column, np.ndarray) else column.codes):
        raise InvalidDataError(f"{name} have no rows")
    return column


def read_recent(predictions: object) -> tuple[object, object]:
    """Return predictions, and their errors where outcomes come with them, else None.

    Args:
        predictions: numbers or classes; or mappings with ``"prediction"`` and perhaps ``"actual"``.

    Raises:
        InvalidDataError: if a mapping has no prediction, or one of another kind than its outcome.
    """
    if not isinstance(predictions, list | tuple) or not any(
        isinstance(item, Mapping) for item in predictions
    ):
        return predictions, None
    answers = [_field(item, "prediction") for item in predictions]
    pairs = [
        (answer, item["actual"])
        for answer, item in zip(answers, predictions, strict=True)
        if item.get("actual") is not None and answer is not None
    ]
    if not pairs:
        return answers, None
    outcomes = [actual for _, actual in pairs]
    given, actual = (
        read_column([answer for answer, _ in pairs], "predictions"),
        read_column(outcomes, "actual"),
    )
    if isinstance(given, np.ndarray) and isinstance(actual, np.ndarray):
        return answers, given - actual
    if isinstance(given, np.ndarray) or isinstance(actual, np.ndarray):
        raise InvalidDataError(
            f"recent_predictions are of another kind than their outcomes, such as {shorten(pairs[0])}: both "
            "must be numbers, or both classes"
        )
    return answers, [answer != actual for answer, actual in pairs]


def read_calibration(confidence: object, correct: object) -> Calibration | None:
    """Return how confidence and outcomes go together; None where neither is given.

    Raises:
        InvalidDataError: if only one is given, confidence is not between 0 and 1, or an outcome is missing.
    """
    if confidence is None and correct is None:
        return None
    if confidence is None or correct is None:
        raise InvalidDataError(
            "confidence= and correct= are given together: one says nothing without the other"
        )
    given, outcomes = read_column(confidence, "confidence"), read_column(correct, "correct")
    if not isinstance(given, np.ndarray) or not ((given >= 0) & (given <= 1)).all():
        raise InvalidDataError(f"confidence must hold numbers from 0 to 1, not {shorten(confidence)}")
    if isinstance(outcomes, Categories):
        numbers = {"false": 0.0, "true": 1.0}
        known = [numbers.get(label, np.nan) for label in outcomes.labels]
        outcomes = np.array([*known, np.nan])[outcomes.codes]
    if not ((outcomes == 0) | (outcomes == 1)).all():
        raise InvalidDataError(
            f"correct must hold booleans, whether each prediction was right, not {shorten(correct)}: leave "
            "out those whose outcome is not known"
        )
    return Calibration.of(given, outcomes == 1)


def _field(item: Any, name: str) -> Any:  # noqa: ANN401 - whatever the caller predicts
    if isinstance(item, Mapping) and name in item:
        return item[name]
    raise InvalidDataError(
        f"recent_predictions mixes mappings with other things, or lacks {name!r} in {shorten(item)}"
    )
