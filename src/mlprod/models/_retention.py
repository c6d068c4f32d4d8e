"""Which versions to keep: small policies that combine."""

import heapq
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol, final, runtime_checkable

import attrs

from mlprod._names import shorten
from mlprod.errors import InvalidConfigError
from mlprod.models._semver import parse
from mlprod.models._state import Model
from mlprod.models._values import ModelMetadata

__all__ = [
    "AllOf",
    "AnyOf",
    "BestN",
    "LatestN",
    "OlderThan",
    "RetentionPolicy",
    "check_policy",
    "expendable",
    "ranked",
]


@runtime_checkable
class RetentionPolicy(Protocol):
    """Says which versions of one model to keep; all others may be removed.

    Versions in production or staging, with an alias, or that a rollback would return to are kept
    whatever a policy says.
    """

    def keep(self, versions: Sequence[ModelMetadata], now: datetime) -> set[str]:
        """Return the version numbers to keep.

        Args:
            versions: the versions of one model, oldest first.
            now: the time, UTC.
        """
        ...


def check_policy(policy: object) -> RetentionPolicy:
    """Return the policy; `InvalidConfigError` if it is none, or a class instead of one."""
    if isinstance(policy, type) or not isinstance(policy, RetentionPolicy):
        raise InvalidConfigError(f"{shorten(policy)} is no retention policy; write e.g. LatestN(5)")
    return policy


def _at_least_one(_instance: object, _attribute: object, value: int) -> None:
    if not isinstance(value, int) or value < 1:
        raise InvalidConfigError(
            f"a policy that keeps {value} versions would remove everything; keep at least 1"
        )


def _is_timedelta(_instance: object, _attribute: object, value: timedelta) -> None:
    if not isinstance(value, timedelta):
        raise InvalidConfigError(
            f"the age must be a timedelta, e.g. timedelta(days=30), not {shorten(value)}"
        )


@final
@attrs.frozen
class LatestN:
    """Keep the `n` highest versions.

    Example:
        >>> LatestN(5)
        LatestN(n=5)
    """

    n: int = attrs.field(validator=_at_least_one)

    def keep(self, versions: Sequence[ModelMetadata], now: datetime) -> set[str]:  # noqa: ARG002
        """Return the `n` highest."""
        return set(heapq.nlargest(self.n, (version.version for version in versions), key=parse))


@final
@attrs.frozen
class OlderThan:
    """Remove what is older than `age`; keep what is younger."""

    age: timedelta = attrs.field(validator=_is_timedelta)

    def keep(self, versions: Sequence[ModelMetadata], now: datetime) -> set[str]:
        """Return those saved within the age."""
        return {version.version for version in versions if now - version.created_at <= self.age}


@final
@attrs.frozen
class BestN:
    """Keep the `n` versions that are best by a metric; those without it are not among them."""

    metric: str
    n: int = attrs.field(default=1, validator=_at_least_one)
    maximize: bool = attrs.field(default=True, kw_only=True)

    def keep(self, versions: Sequence[ModelMetadata], now: datetime) -> set[str]:  # noqa: ARG002
        """Return the `n` best."""
        return set(ranked(versions, self.metric, maximize=self.maximize)[: self.n])


@final
@attrs.frozen(init=False)
class AnyOf:
    """Keep what any of the policies keeps.

    Example:
        >>> AnyOf(LatestN(3), BestN("accuracy")).policies
        (LatestN(n=3), BestN(metric='accuracy', n=1, maximize=True))
    """

    policies: tuple[RetentionPolicy, ...]

    def __init__(self, *policies: RetentionPolicy) -> None:
        """Take the policies to combine, at least one."""
        object.__setattr__(self, "policies", _combined(policies))

    def keep(self, versions: Sequence[ModelMetadata], now: datetime) -> set[str]:
        """Return the union."""
        return set[str]().union(*(policy.keep(versions, now) for policy in self.policies))


@final
@attrs.frozen(init=False)
class AllOf:
    """Keep only what all of the policies keep."""

    policies: tuple[RetentionPolicy, ...]

    def __init__(self, *policies: RetentionPolicy) -> None:
        """Take the policies to combine, at least one."""
        object.__setattr__(self, "policies", _combined(policies))

    def keep(self, versions: Sequence[ModelMetadata], now: datetime) -> set[str]:
        """Return the intersection."""
        first, *others = (policy.keep(versions, now) for policy in self.policies)
        return first.intersection(*others)


def expendable(model: Model, policy: RetentionPolicy, now: datetime) -> list[str]:
    """Return the versions that the policy lets go and nothing else needs, oldest first."""
    needed = {*model.aliases.values(), *model.before[-1:]}
    versions = [model.metadata(version) for version in model.living()]
    kept = policy.keep(versions, now)
    return [
        version.version
        for version in versions
        if version.version not in kept
        and version.version not in needed
        and version.stage not in {"production", "staging"}
    ]


def ranked(versions: Sequence[ModelMetadata], metric: str, *, maximize: bool) -> list[str]:
    """Return the versions that have a metric, the best first; of equals, the highest first."""
    sign = 1 if maximize else -1
    scores = {version.version: sign * version.metrics.get(metric, math.nan) for version in versions}
    measured = [version for version, score in scores.items() if not math.isnan(score)]
    return sorted(measured, key=lambda version: (scores[version], parse(version)), reverse=True)


def _combined(policies: tuple[RetentionPolicy, ...]) -> tuple[RetentionPolicy, ...]:
    if not policies:
        raise InvalidConfigError("a combination of no policies says nothing; pass at least one")
    return tuple(map(check_policy, policies))
