"""How an experiment is to be run, checked when it is made."""

import math
import numbers
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias, final, get_args

import attrs

from mlprod._facts._settings import configured
from mlprod._names import check_name, known, shorten, snake_case
from mlprod._value import Value
from mlprod.errors import InvalidConfigError, InvalidNameError
from mlprod.experiments._metric import BUILT_IN, Metric, custom_name, metric_of, nearest
from mlprod.experiments._ranges import Ranges

__all__ = ["Correction", "ExperimentConfig", "Mode", "TestName", "as_config", "split_of"]

TestName: TypeAlias = Literal["auto", "chi_square", "t_test", "bootstrap", "mann_whitney"]
Correction: TypeAlias = Literal["holm", "bh", "none"]
Mode: TypeAlias = Literal["split", "shadow"]

_LONGEST_HOURS = 24 * 36525
_MOST_VALUES = 1000
_MOST_SAMPLES = 10**12


@final
@attrs.frozen(kw_only=True)
class ExperimentConfig(Value):
    """How an experiment is run. Everything has a default.

    Attributes:
        max_duration: hours until it ends by itself; time that it is paused does not count.
        min_sample_size: outcomes of the primary metric that each variant needs before a verdict is final.
        primary_metric: what decides.
        auto_stop_on_degradation: whether a treatment that is worse beyond doubt loses its units.
        degradation_threshold: how much worse, relative to the control, it must be for that: 0.1 is 10%.
        traffic_split: the share of each variant, the control's first; equal ones, if None.
        traffic_allocation: the share of units that take part at all.
        confidence_level: of intervals and verdicts; 0.95 means that a difference is seen where there is
            none in at most 5% of experiments.
        test: which test answers at the planned end.
        guardrail_metrics: what must not get worse either.
        correction: how the p-values of several treatments and metrics are corrected together.
        trades_per_year: to project what the winner is worth in a year.
        salt: makes the assignment of this experiment its own; drawn at random if None.
        mode: ``"split"``: each unit gets one variant. ``"shadow"``: the control acts on every unit, and all
            variants are scored on it.
        custom_metrics: names given to `record_metric` that may be primary or guardrail metrics.
        lower_is_better: which of them are errors, costs and the like.
        namespace: experiments in one namespace never share a unit.
        namespace_range: which part of the namespace this experiment takes, e.g. ``(0.0, 0.5)``.
        audience: only units whose context has one of these values take part: ``{"symbol": ["BTCUSDT"]}``.
    """

    max_duration: float = 168.0
    min_sample_size: int = 1000
    primary_metric: str = "win_rate"
    auto_stop_on_degradation: bool = True
    degradation_threshold: float = 0.1
    traffic_split: tuple[float, ...] | None = None
    traffic_allocation: float = 1.0
    confidence_level: float = 0.95
    test: TestName = "auto"
    guardrail_metrics: tuple[str, ...] = ()
    correction: Correction = "holm"
    trades_per_year: float | None = None
    salt: str | None = None
    mode: Mode = "split"
    custom_metrics: tuple[str, ...] = ()
    lower_is_better: tuple[str, ...] = ()
    namespace: str | None = None
    namespace_range: tuple[float, float] = (0.0, 1.0)
    audience: Mapping[str, Any] = attrs.field(factory=dict[str, Any])

    @property
    def primary(self) -> Metric:
        """The primary metric."""
        return self.metric(self.primary_metric)

    @property
    def guarded(self) -> tuple[Metric, ...]:
        """The primary metric and the guardrails: those that stop a treatment."""
        return tuple(map(self.metric, dict.fromkeys((self.primary_metric, *self.guardrail_metrics))))

    @property
    def alpha(self) -> float:
        """One minus the level of confidence."""
        return 1 - self.confidence_level

    @property
    def planned_outcomes(self) -> int:
        """How many outcomes of the control and a treatment there are once both have as many as are planned.

        That is where intervals for any look are narrowest. With a tenth of the traffic it takes longer.
        """
        if self.mode == "shadow" or self.traffic_split is None:
            return self.min_sample_size
        shares = [share for share in self.traffic_split if share > 0]
        return math.ceil(
            self.min_sample_size * max(shares[0] + share for share in shares[1:] or [0.0]) / min(shares)
        )

    def metric(self, name: str) -> Metric:
        """Return what is meant by a name."""
        return metric_of(name, self.lower_is_better)


def as_config(given: ExperimentConfig | Mapping[str, Any] | None, variants: int) -> ExperimentConfig:
    """Return a configuration in which everything was checked, its split and salt filled in.

    Args:
        given: a configuration, or a mapping of its fields in either spelling.
        variants: how many there are, the control included.

    Raises:
        InvalidConfigError: naming what is wrong, and what would be right.
    """
    fields = _fields(given)
    own = (*_texts(fields, "custom_metrics", custom_name), *_texts(fields, "lower_is_better", custom_name))
    checked = {
        name: check(fields[name])
        for name, check in _CHECKS.items()
        if name in fields and fields[name] is not None
    }
    asked = fields.get("primary_metric")
    primary = nearest("win_rate" if asked is None else asked, own)
    guardrails = tuple(dict.fromkeys(_texts(fields, "guardrail_metrics", lambda name: nearest(name, own))))
    config = ExperimentConfig(
        **checked,
        primary_metric=primary,
        guardrail_metrics=guardrails,
        custom_metrics=tuple(dict.fromkeys(own)),
        lower_is_better=_texts(fields, "lower_is_better", custom_name),
        traffic_split=split_of(fields.get("traffic_split"), variants),
    )
    if config.test == "chi_square" and config.primary.kind == "mean":
        raise InvalidConfigError(
            f"chi_square compares shares of yes and no; {primary} is a number: use 't_test', 'bootstrap' or "
            "'mann_whitney'"
        )
    if primary not in BUILT_IN and config.mode == "shadow":
        raise InvalidConfigError(f"in shadow mode only built-in metrics can decide; {primary} is none")
    return attrs.evolve(config, salt=config.salt or secrets.token_hex(8))


def split_of(value: Any, variants: int) -> tuple[float, ...]:  # noqa: ANN401 - whatever users pass
    """Return the share of each variant.

    Raises:
        InvalidConfigError: if there is not one for each, one is negative, or they do not sum to 1.
    """
    if value is None:
        return (1 / variants,) * variants
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise InvalidConfigError(
            f"a traffic split is a sequence of shares, the control's first, not {shorten(value)}"
        )
    shares = tuple(value)
    Ranges.of(shares, variants=variants)
    return tuple(map(float, shares))


def _fields(given: object) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, ExperimentConfig):
        return {name: getattr(given, name) for name in _NAMES}
    if not isinstance(given, Mapping):
        raise InvalidConfigError(
            f"a config is an ExperimentConfig or a mapping of its fields, not {shorten(given)}"
        )
    fields: dict[str, Any] = {}
    for key, value in given.items():
        name = snake_case(key) if isinstance(key, str) else ""
        if name not in _NAMES:
            raise InvalidConfigError(f"a config has no {shorten(key)}; {known(_NAMES, name)}")
        if name in fields:
            raise InvalidConfigError(f"the config gives {name} in two spellings; give it once")
        fields[name] = value
    return fields


def _texts(fields: Mapping[str, Any], key: str, check: Callable[[object], str]) -> tuple[str, ...]:
    value = fields.get(key)
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidConfigError(f"{key} must be several names, e.g. in a tuple, not {shorten(value)}")
    return tuple(map(check, value))


def _number(what: str, *, high: float = math.inf, positive: bool = False) -> Callable[[object], float]:
    return lambda value: configured(value, what, high=high, positive=positive)


def _level(value: object) -> float:
    level = configured(value, "confidence_level", high=1.0)
    if not 0.5 <= level < 1:  # noqa: PLR2004 - below one half nothing is confident
        raise InvalidConfigError(f"confidence_level must be from 0.5 to below 1, e.g. 0.95, not {level:g}")
    return level


def _count(value: object) -> int:
    count = int(value) if isinstance(value, numbers.Integral) and not isinstance(value, bool) else 0
    if not 1 <= count <= _MOST_SAMPLES:
        raise InvalidConfigError(
            f"min_sample_size must be a whole number from 1 to {_MOST_SAMPLES:,}, not {shorten(value)}"
        )
    return count


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidConfigError(f"auto_stop_on_degradation must be True or False, not {shorten(value)}")


def _choice(what: str, choices: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        if isinstance(value, str) and value in choices:
            return str.__str__(value)
        raise InvalidConfigError(f"{shorten(value)} is no {what}; {known(choices, value)}")

    return check


def _name(what: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        try:
            return check_name(value, what)
        except InvalidNameError as error:
            raise InvalidConfigError(str(error)) from None

    return check


def _range(value: object) -> tuple[float, float]:
    pair = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else ()
    ends = [configured(end, "an end of namespace_range", high=1.0) for end in pair]
    if len(ends) != 2 or ends[0] >= ends[1]:  # noqa: PLR2004 - a pair
        raise InvalidConfigError(
            f"namespace_range must be two shares, the lower first, e.g. (0.0, 0.5), not {shorten(value)}"
        )
    return ends[0], ends[1]


def _audience(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidConfigError(f"an audience is a mapping of context keys to values, not {shorten(value)}")
    audience: dict[str, Any] = {}
    for key, allowed in value.items():
        values = [allowed] if isinstance(allowed, str) or not isinstance(allowed, Iterable) else list(allowed)
        if (
            not values
            or len(values) > _MOST_VALUES
            or not all(isinstance(one, str | int | bool) for one in values)
        ):
            raise InvalidConfigError(
                f"audience[{shorten(key)}] must be 1 to {_MOST_VALUES:,} texts, integers or booleans"
            )
        audience[key] = values
    return audience


_NAMES: Final = tuple(field.name for field in attrs.fields(ExperimentConfig))
_CHECKS: Final[Mapping[str, Callable[[object], Any]]] = {
    "max_duration": _number("max_duration (hours)", high=_LONGEST_HOURS, positive=True),
    "min_sample_size": _count,
    "auto_stop_on_degradation": _flag,
    "degradation_threshold": _number("degradation_threshold", high=1.0),
    "traffic_allocation": _number("traffic_allocation", high=1.0),
    "confidence_level": _level,
    "test": _choice("test", get_args(TestName)),
    "correction": _choice("correction", get_args(Correction)),
    "trades_per_year": _number("trades_per_year", positive=True),
    "salt": _name("a salt"),
    "mode": _choice("mode", get_args(Mode)),
    "namespace": _name("a namespace"),
    "namespace_range": _range,
    "audience": _audience,
}
