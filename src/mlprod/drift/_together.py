"""Whether numeric features still go together as they did, whatever each does on its own."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlprod.drift._sample import RowSample
from mlprod.drift._values import FeatureDrift, MultivariateDrift
from mlprod.stats import multivariate_test

__all__ = ["compare_rows"]

_Floats: TypeAlias = NDArray[np.float64]

_FEWEST: Final = 20  # rows of either sample
_CELLS: Final = 25_600  # rows times features: more features are compared on fewer rows
_FEWEST_OF_MANY: Final = 128  # rows, however many features
_MOST_FEATURES: Final = 200  # the first ones, of which there are 19,900 pairs
_APART: Final = 4  # for each independent row that the rows are worth, one in so many is compared


def compare_rows(
    reference: RowSample, current: RowSample, features: Sequence[FeatureDrift]
) -> MultivariateDrift | None:
    """Compare samples of rows by the ranks within each; nothing is judged yet.

    Rows that depend on each other are thinned until few of them do: the test takes them as independent.

    Args:
        reference: of the reference.
        current: of the data.
        features: how the numeric features compare, in the order of the columns.

    Returns:
        None with fewer than two features, or too few rows. Of more than 200 features, the first 200 are
        compared.
    """
    if len(features) < 2:  # noqa: PLR2004 - one has nothing to go together with
        return None
    features = features[:_MOST_FEATURES]
    worth = min(feature.effective_count / feature.count for feature in features)
    share = 1.0 if worth == 1 else worth / _APART
    most = min(max(_CELLS // len(features), _FEWEST_OF_MANY), len(reference), len(current))
    first = min(most, int(share * features[0].reference_count))
    second = min(most, int(share * features[0].count))
    if min(first, second) < _FEWEST:
        return None
    columns = len(features)
    found = multivariate_test(
        _scores(reference.rows[:first, :columns]), _scores(current.rows[:second, :columns])
    )
    one, other = found.pair or (0, 0)
    return MultivariateDrift(
        drifted=False,
        p_value=found.p_value,
        adjusted_p_value=found.p_value,
        distance=found.distance,
        pair=(features[one].name, features[other].name),
        correlation_change=found.correlation_change,
        rows=min(first, second),
    )


def _scores(rows: _Floats) -> _Floats:
    """Return the normal scores of the ranks within each column; missing values are in the middle."""
    from scipy.special import ndtri

    scores = np.zeros_like(rows)
    for column, found in zip(rows.T, scores.T, strict=True):
        present = ~np.isnan(column)
        values = column[present]
        ordered = np.sort(values)
        twice = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
        found[present] = ndtri(twice / (2 * max(len(values), 1)))
    return scores
