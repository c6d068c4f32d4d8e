"""When a metric is bad: thresholds, checked when they are made."""

import math
import numbers
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias, final, get_args

import attrs

from mlprod._names import check_name, known, shorten
from mlprod._value import Value
from mlprod.errors import InvalidConfigError, InvalidNameError
from mlprod.monitoring._duration import Duration, as_duration, duration_text
from mlprod.monitoring._values import ModelPerformanceMetrics, Severity

__all__ = ["DEFAULT_THRESHOLDS", "METRICS", "AlertThreshold", "Comparison", "as_thresholds"]

Comparison: TypeAlias = Literal["below", "above"]

METRICS: Final = tuple(
    field.name for field in attrs.fields(ModelPerformanceMetrics) if field.type in {int, float}
)
"""What a threshold can be about: the numbers of `ModelPerformanceMetrics`."""

_COUNTS = {"predictions_total", "predictions_known", "predictions_correct", "trades_total", "trades_win"}
_DRAWDOWNS = {"max_drawdown", "max_drawdown_amount"}
_DRIFT = {"feature_drift_score", "prediction_drift_score", "performance_drift_score"}
_FACTS = {"total_pnl", *_COUNTS, *_DRAWDOWNS, *_DRIFT}
_THE_MORE_THE_BETTER = {
    "accuracy",
    "avg_confidence",
    "avg_trade_pnl",
    "directional_accuracy",
    "high_confidence_accuracy",
    "profit_factor",
    "sharpe_ratio",
    "total_pnl",
    "win_rate",
    *_COUNTS,
}
_ALL = "all"
_DAY = timedelta(days=1)


@final
@attrs.frozen(init=False)
class AlertThreshold(Value):
    """Where a metric begins to be bad, and how bad that is.

    Attributes:
        type: what kind of thing goes wrong, e.g. ``"accuracy_drop"``; a name of your choice.
        metric: a number of `ModelPerformanceMetrics`.
        value: it is bad beyond this; at this it is not.
        severity: ``"warning"`` or ``"critical"``.
        comparison: ``"below"`` or ``"above"``: on which side it is bad.
        window: how far back the metric looks, e.g. ``"24h"``, or ``"all"``; None is the last 24 hours,
            for drawdowns everything recorded.
        for_seconds: how long it must have been bad before the alert fires.
        min_samples: fewer events than this are no evidence, neither of good nor of bad. Facts, as opposed
            to averages, are not held back: drawdowns, drift scores, the total of P&L, and counts.

    Example:
        >>> slow = AlertThreshold("slow", "p99LatencyMs", 250, "warning", window="60m", for_seconds=300)
        >>> slow.metric, slow.comparison, slow.window
        ('p99_latency_ms', 'above', '1h')
        >>> slow.is_bad(250.0), slow.is_bad(251.0), slow.is_bad(float("nan"))
        (False, True, False)
        >>> AlertThreshold("losing", "totalPnl", -5000, "critical").comparison
        'below'
        >>> AlertThreshold("slow", "latency", 250, "warning")
        Traceback (most recent call last):
            ...
        mlprod.errors.InvalidConfigError: 'latency' is no metric; there are: p99_latency_ms, ...
    """

    type: str
    metric: str
    value: float
    severity: Severity
    comparison: Comparison
    window: str | None
    for_seconds: float
    min_samples: int

    def __init__(
        self,
        type: str,  # noqa: A002 - the word of the format that users bring along
        metric: str,
        value: float,
        severity: Severity,
        *,
        comparison: Comparison | None = None,
        window: Duration | None = None,
        for_seconds: float = 0,
        min_samples: int = 30,
    ) -> None:
        """Check everything.

        Args:
            type: a name of your choice.
            metric: a number of `ModelPerformanceMetrics`, also in camelCase.
            value: a finite number, in the unit of the metric.
            severity: ``"warning"`` or ``"critical"``.
            comparison: None picks what is bad for the metric: below for accuracies, rates of success,
                profits, confidence and counts, above for everything else.
            window: text such as ``"15m"`` or ``"7d"``, a `timedelta`, seconds, or ``"all"``.
            for_seconds: 0 fires at once.
            min_samples: a number of events.

        Raises:
            InvalidConfigError: naming what is wrong, and what would be right.
        """
        known_metric = _metric(metric)
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]  # attrs makes it
            type=_type(type),
            metric=known_metric,
            value=_value(value, known_metric),
            severity=_choice(severity, get_args(Severity), "a severity"),
            comparison=_comparison(known_metric, comparison),
            window=_window(window),
            for_seconds=_seconds(for_seconds),
            min_samples=_count(min_samples),
        )

    @property
    def key(self) -> str:
        """What an open alert is recognised by: thresholds of one key are the same threshold."""
        window = self.window or (_ALL if self.metric in _DRAWDOWNS else duration_text(_DAY))
        return f"{self.type}:{self.metric}:{self.comparison}:{self.value!r}:{self.severity}:{window}"

    @property
    def lookback(self) -> timedelta | None:
        """How far back the metric looks; None is everything recorded."""
        if self.window is None:
            return None if self.metric in _DRAWDOWNS else _DAY
        return None if self.window == _ALL else as_duration(self.window, "window")

    @property
    def is_fact(self) -> bool:
        """Whether the metric is a fact rather than an average, which few samples would make doubtful."""
        return self.metric in _FACTS

    def is_bad(self, value: float) -> bool:
        """Return whether a value is beyond the threshold; NaN never is."""
        return value < self.value if self.comparison == "below" else value > self.value

    isBad = is_bad


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


_SPELLED = {
    spelling: name
    for name in METRICS
    for spelling in (name, _camel(name), _camel(name).replace("Pnl", "PnL"))
}
_FIELDS = {
    spelling: field.name
    for field in attrs.fields(AlertThreshold)
    for spelling in (field.name, _camel(field.name))
}
_REQUIRED = ("type", "metric", "value", "severity")


def _type(value: object) -> str:
    try:
        return str.__str__(check_name(value, "the type of a threshold"))  # an enum's value, not its name
    except InvalidNameError as error:
        raise InvalidConfigError(str(error)) from None


def _metric(value: object) -> str:
    name = _SPELLED.get(value) if isinstance(value, str) else None
    if name is None:
        raise InvalidConfigError(f"{shorten(value)} is no metric; {known(METRICS, value)}")
    return name


def _value(value: object, metric: str) -> float:
    number = _finite(value)
    if number is None:
        raise InvalidConfigError(f"the threshold of {metric} must be a finite number, not {shorten(value)}")
    return number


def _comparison(metric: str, asked: object) -> Comparison:
    """Return on which side a metric is bad."""
    if asked is None:
        return "below" if metric in _THE_MORE_THE_BETTER else "above"
    comparison: Comparison = _choice(asked, get_args(Comparison), "a comparison")
    return comparison


def _window(value: object) -> str | None:
    """Return the window in one spelling, so that what is equal compares equal."""
    if value is None:
        return None
    return _ALL if isinstance(value, str) and value == _ALL else duration_text(as_duration(value, "a window"))


def _choice(value: object, choices: tuple[Any, ...], what: str) -> Any:  # noqa: ANN401 - one of the choices
    if isinstance(value, str) and value in choices:
        return str.__str__(value)
    raise InvalidConfigError(f"{shorten(value)} is not {what}; {known(choices, value)}")


def _seconds(value: object) -> float:
    seconds = _finite(value)
    if seconds is None or seconds < 0:
        raise InvalidConfigError(f"for_seconds must be a finite number, 0 or more, not {shorten(value)}")
    return seconds


def _count(value: object) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 0:
        raise InvalidConfigError(f"min_samples must be a whole number, 0 or more, not {shorten(value)}")
    return int(value)


def _finite(value: object) -> float | None:
    """Return a finite number as a float, and None for everything else."""
    if not isinstance(value, numbers.Real | Decimal) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):  # an integer of hundreds of digits, a signalling NaN
        return None
    return number + 0.0 if math.isfinite(number) else None  # -0.0 + 0.0 is 0.0


DEFAULT_THRESHOLDS: Final = (
    AlertThreshold("accuracy_drop", "accuracy", 0.5, "warning"),
    AlertThreshold("accuracy_drop", "accuracy", 0.4, "critical"),
    AlertThreshold("win_rate_drop", "win_rate", 0.4, "warning"),
    AlertThreshold("high_latency", "p99_latency_ms", 1000, "warning"),
    AlertThreshold("prediction_drift", "prediction_drift_score", 0.3, "warning"),
    AlertThreshold("drawdown_exceeded", "max_drawdown", 0.2, "critical"),
    AlertThreshold("feature_drift", "feature_drift_score", 0.3, "warning"),
)
"""What is watched unless something else is asked for."""


def as_thresholds(thresholds: Iterable[AlertThreshold | Mapping[str, Any]]) -> tuple[AlertThreshold, ...]:
    """Return the thresholds, made from mappings where they are not made yet.

    Args:
        thresholds: each an `AlertThreshold`, or a mapping of its fields in either spelling.

    Raises:
        InvalidConfigError: if one is wrong, or two are the same.
    """
    if isinstance(thresholds, str | Mapping | AlertThreshold) or not isinstance(thresholds, Iterable):
        raise InvalidConfigError(f"thresholds must be several, e.g. in a list, not {shorten(thresholds)}")
    by_key = dict[str, AlertThreshold]()
    for each in thresholds:
        threshold = each if isinstance(each, AlertThreshold) else _from_mapping(each)
        if threshold.key in by_key:
            raise InvalidConfigError(
                f"there are two thresholds {threshold.key}; one alert cannot belong to both. Drop one of them"
            )
        by_key[threshold.key] = threshold
    return tuple(by_key.values())


def _from_mapping(given: object) -> AlertThreshold:
    if not isinstance(given, Mapping):
        raise InvalidConfigError(
            f"a threshold is an AlertThreshold or a mapping of its fields, not {shorten(given)}"
        )
    fields = dict[str, Any]()
    for key, value in given.items():
        name = _FIELDS.get(key) if isinstance(key, str) else None
        if name is None:
            raise InvalidConfigError(
                f"a threshold has no {shorten(key)}; {known(set(_FIELDS.values()), key)}"
            )
        if name in fields:
            raise InvalidConfigError(f"a threshold gives {name} in two spellings; give it once")
        fields[name] = value
    if missing := [name for name in _REQUIRED if name not in fields]:
        raise InvalidConfigError(f"the threshold {shorten(dict(given))} lacks {', '.join(missing)}")
    return AlertThreshold(**fields)
