"""How large an experiment must be: the power of its tests, in the terms of its configuration."""

from mlprod.errors import InvalidConfigError
from mlprod.experiments._metric import metric_of
from mlprod.stats import power, sample_size

__all__ = ["planned_power", "planned_sample_size"]


def planned_sample_size(
    metric: str = "win_rate",
    *,
    baseline: float,
    lift: float,
    std: float | None = None,
    target_power: float = 0.8,
    confidence_level: float = 0.95,
    variants: int = 2,
) -> int:
    """Return how many outcomes each variant needs to find a lift: a ``min_sample_size``.

    Args:
        metric: what is compared.
        baseline: its value for the control, as far as that is known.
        lift: the smallest relative change worth finding, e.g. 0.1.
        std: the standard deviation of single outcomes, for metrics that are means.
        target_power: the probability to find it.
        confidence_level: one minus the probability to find something where there is nothing.
        variants: how many there are, the control included.

    Raises:
        InvalidConfigError: if these make no sense.

    Example:
        >>> from mlprod import ABTestingManager
        >>> ABTestingManager.required_sample_size("win_rate", baseline=0.5, lift=0.1)
        1565
    """
    rate, mean = _of_kind(metric, baseline, std)
    return sample_size(
        lift,
        rate=rate,
        mean=mean,
        std=None if rate is not None else std,
        relative=True,
        power=target_power,
        confidence=confidence_level,
        comparisons=_comparisons(variants),
    )[0]


def planned_power(
    metric: str = "win_rate",
    *,
    baseline: float,
    lift: float,
    samples: int,
    std: float | None = None,
    confidence_level: float = 0.95,
    variants: int = 2,
) -> float:
    """Return the probability to find a lift with so many outcomes of each variant.

    Args:
        metric: what is compared.
        baseline: its value for the control, as far as that is known.
        lift: the relative change.
        samples: outcomes of each variant.
        std: the standard deviation of single outcomes, for metrics that are means.
        confidence_level: one minus the probability to find something where there is nothing.
        variants: how many there are, the control included.

    Raises:
        InvalidConfigError: if these make no sense.

    Example:
        >>> from mlprod import ABTestingManager
        >>> round(ABTestingManager.power("win_rate", baseline=0.5, lift=0.1, samples=1565), 2)
        0.8
    """
    rate, mean = _of_kind(metric, baseline, std)
    return power(
        lift,
        samples,
        rate=rate,
        mean=mean,
        std=None if rate is not None else std,
        relative=True,
        confidence=confidence_level,
        comparisons=_comparisons(variants),
    )


def _of_kind(metric: str, baseline: float, std: float | None) -> tuple[float | None, float | None]:
    """Return the rate of the control, or else its mean."""
    if metric_of(metric).kind == "proportion":
        return baseline, None
    if std is None:
        raise InvalidConfigError(f"{metric} is a mean: give std=, the standard deviation of single outcomes")
    return None, baseline


def _comparisons(variants: int) -> int:
    if variants < 2:  # noqa: PLR2004 - control and treatment
        raise InvalidConfigError(f"there are at least two variants, not {variants}")
    return variants - 1
