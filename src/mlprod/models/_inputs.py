"""What callers pass along with a model, checked and made plain."""

import json
import numbers
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, get_args

import numpy as np

from mlprod._names import check_name, check_text, known, shorten
from mlprod.errors import InvalidConfigError, InvalidDataError, InvalidNameError
from mlprod.models._semver import is_version
from mlprod.models._values import Stage

__all__ = [
    "STAGES",
    "check_alias",
    "check_aliases",
    "check_choice",
    "check_config",
    "check_grace",
    "check_metrics",
    "check_reason",
    "check_tags",
]

STAGES: tuple[Stage, ...] = get_args(Stage)

_LONGEST_REASON = 4096
_LONGEST_TAG = 256
_MOST_TAGS = 256
_LONGEST_METRIC_NAME = 256
_LARGEST_CONFIG = 1 << 20
_DEEPEST = 50
_LONGEST_GRACE_HOURS = 1e6


def check_metrics(metrics: Mapping[str, float] | None) -> dict[str, float]:
    """Return the metrics as floats; `InvalidDataError` for what is not a number."""
    result = dict[str, float]()
    for name, value in _mapping(metrics, "metrics").items():
        check_text(name, "a metric's name", limit=_LONGEST_METRIC_NAME)
        number = _number(value)
        if number is None:
            raise InvalidDataError(
                f"the metric {name!r} must be a number, not {shorten(value)}; other facts go to config"
            )
        result[name] = number
    return result


def check_config(config: Mapping[str, Any] | None, what: str = "config") -> dict[str, Any]:
    """Return the mapping as plain JSON data, numpy scalars and tuples made plain."""
    result = {
        _key(key, what): _plain(item, f"{what}[{key!r}]", 1) for key, item in _mapping(config, what).items()
    }
    try:
        size = len(json.dumps(result))
    except ValueError as error:  # an integer of thousands of digits
        raise InvalidDataError(f"{what} cannot be written as JSON: {error}") from error
    if size > _LARGEST_CONFIG:
        raise InvalidDataError(
            f"{what} takes {size:,} bytes; at most {_LARGEST_CONFIG:,} are kept beside a model: put it inside"
        )
    return result


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags without repetitions."""
    result = tuple(
        dict.fromkeys(check_text(tag, "a tag", limit=_LONGEST_TAG) for tag in _several(tags, "tags"))
    )
    if len(result) > _MOST_TAGS:
        raise InvalidDataError(
            f"{len(result):,} tags are too many for one version; at most {_MOST_TAGS} are kept"
        )
    return result


def check_reason(reason: str) -> str:
    """Return the reason of a decision."""
    return check_text(reason, "the reason", limit=_LONGEST_REASON)


def check_aliases(aliases: Iterable[str]) -> tuple[str, ...]:
    """Return the aliases."""
    return tuple(check_alias(alias) for alias in _several(aliases, "aliases"))


def check_alias(alias: str) -> str:
    """Return the alias; `InvalidNameError` if a reference by it would mean something else."""
    if check_name(alias, "an alias") in {"latest", "none", *STAGES} or is_version(alias):
        raise InvalidNameError(
            f"{alias!r} cannot be an alias: it means a stage, a version, the latest version or none"
        )
    return alias


def check_choice(value: str, choices: Iterable[str], what: str) -> None:
    """Raise `InvalidConfigError` naming the choices if the value is none of them."""
    if value not in choices:
        raise InvalidConfigError(f"{shorten(value)} is not {what}; {known(choices, value)}")


def _several(strings: Iterable[str], what: str) -> Iterable[str]:
    if not isinstance(strings, Iterable):
        raise InvalidDataError(f"{what} must be several strings, not {shorten(strings)}")
    if isinstance(strings, str):
        one = shorten(strings)
        raise InvalidDataError(
            f"{what} must be several strings, not the one string {one}: write {what}=[{one}]"
        )
    return strings


def _mapping(value: object, what: str) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidDataError(f"{what} must be a mapping of names to values, not {shorten(value)}")
    return value


def _number(value: Any) -> float | None:  # noqa: ANN401 - a number of any library
    """Return a number as a float; also the 0-d arrays that numpy, JAX and torch call numbers."""
    if getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
        value = value.item()
    try:
        return float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else None
    except OverflowError:
        return None


def _key(key: object, what: str) -> str:
    return check_text(key, f"a key of {what}", limit=_LONGEST_METRIC_NAME)


def _plain(value: object, path: str, depth: int) -> Any:  # noqa: ANN401 - JSON
    if depth > _DEEPEST:
        raise InvalidDataError(f"{path[:80]}… is nested more than {_DEEPEST} deep, or contains itself")
    match value:
        case np.generic():
            return _plain(value.item(), path, depth)
        case str():
            return str.__str__(
                check_text(value, path, limit=_LARGEST_CONFIG)
            )  # an enum's value, not its name
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {
                _key(key, path): _plain(item, f"{path}[{key!r}]", depth + 1) for key, item in value.items()
            }
        case list() | tuple():
            return [_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
        case _:
            raise InvalidDataError(
                f"{path} is a {type(value).__qualname__}, which is not plain data; arrays belong in the model"
            )


def check_grace(hours: object) -> timedelta:
    """Return how old an unfinished write must be to be taken for dead."""
    if not isinstance(hours, int | float) or not 0 <= hours <= _LONGEST_GRACE_HOURS:
        raise InvalidConfigError(f"grace_hours must be a number from 0 to 1e6, not {shorten(hours)}")
    return timedelta(hours=hours)
