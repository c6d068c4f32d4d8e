"""Calibration drift: whether a prediction made with 80% confidence is right as often as it was."""

import numpy as np

from mlprod.drift._settings import Settings
from mlprod.drift._values import CalibrationDrift
from mlprod.stats import Calibration

__all__ = ["compare_calibration"]

_FEWEST = 5.0  # predictions in a bin of either sample


def compare_calibration(
    reference: Calibration, current: Calibration, *, alpha: float, settings: Settings
) -> CalibrationDrift:
    """Compare how confidence and accuracy go together.

    In each bin of confidence, the gap between accuracy and mean confidence is compared with that of the
    reference; the squared standardised differences add up to a chi-square with one degree of freedom per bin.
    Predictions are taken as independent.
    """
    from scipy.special import chdtrc

    held = (reference.counts >= _FEWEST) & (current.counts >= _FEWEST)
    m, n = reference.counts[held], current.counts[held]
    before = (reference.corrects[held] - reference.confidences[held]) / m
    now = (current.corrects[held] - current.confidences[held]) / n
    rate = (reference.corrects[held] + current.corrects[held] + 1) / (m + n + 2)  # Laplace: never 0 or 1
    statistic = float(((now - before) ** 2 / (rate * (1 - rate) * (1 / m + 1 / n))).sum())
    dof = int(np.count_nonzero(held))
    p_value = float(chdtrc(dof, statistic)) if dof else 1.0
    enough = current.error - reference.error >= settings.calibration_threshold
    return CalibrationDrift(
        drifted=enough and (settings.policy == "classic" or p_value <= alpha),
        reference_error=reference.error,
        current_error=current.error,
        reference_brier=reference.brier,
        brier=current.brier,
        p_value=p_value,
        threshold=settings.calibration_threshold,
        count=current.count,
        reference_count=reference.count,
    )
