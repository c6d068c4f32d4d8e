"""How a model is, in a word, and why: what the monitor judged, and what only the registry can tell. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import attrs

from mlprod.dashboard._snapshot import ModelView
from mlprod.models import ModelMetadata

__all__ = [
    "HEALTH_RANK",
    "by_health",
    "health_of",
    "is_ignored",
    "is_still_used",
    "reasons_of",
    "silent_production",
    "stranger_said",
]

HEALTH_RANK: Final = {"critical": 0, "degraded": 1, "healthy": 2, "unknown": 3}
_DAY: Final = timedelta(days=1)
_RESTART: Final = timedelta(minutes=10)  # that bots may take to load what was put into production


def health_of(model: ModelView) -> str:
    """Return how a model is, in a word.

    Nobody is healthy of whom something could not be read, whose figures are not of what acts, or whose name
    may be a typing error.
    """
    if model.overview is None:
        return "unknown"
    status = model.overview.health.status
    is_doubtful = model.unread & {"records", "alerts"} or silent_production(model) or model.resembles
    return "unknown" if status == "healthy" and is_doubtful else status


def by_health(model: ModelView) -> tuple[int, str]:
    """Return by what models are sorted: those in trouble first, then by name."""
    return HEALTH_RANK[health_of(model)], model.name


def reasons_of(model: ModelView) -> list[str]:
    """Return why a model is as it is, the gravest first, other than that nothing was recorded."""
    judged = [] if model.overview is None else model.overview.health.reasons
    return [*judged, *filter(None, (silent_production(model), stranger_said(model)))]


def silent_production(model: ModelView) -> str:
    """Say that others than the version in production recorded: since it was put there, or of late."""
    found = _unheard(model)
    if found is None:
        return ""
    names = [*found.others]
    named = f"{', '.join(names[:-1])} and {names[-1]} were" if len(names) > 1 else f"{names[0]} was"
    when = "in the last 24 hours"
    if found.since is not None:
        when = f"since it was put there at {found.since:%Y-%m-%d %H:%M} UTC"
    return (
        f"nothing of {found.version}, which is in production, was recorded {when}; "
        f"{named}, last at {found.last:%Y-%m-%d %H:%M} UTC"
    )


def is_ignored(model: ModelView) -> bool:
    """Return whether others act although there was time to load what is in production."""
    found = _unheard(model)
    return found is not None and (found.since is None or found.last >= found.since + _RESTART)


def is_still_used(model: ModelView, version: str) -> bool:
    """Return whether a version acts although there was time to load another one, which is in production."""
    production = model.production
    if production is None or production.version == version or model.overview is None:
        return False
    began, last = _began(model, production), model.overview.acted.get(version)
    return began is not None and last is not None and last >= began + _RESTART


@attrs.frozen
class _Unheard:
    """The version in production, of which nothing is heard.

    Attributes:
        version: which.
        since: when it was put there, if it was never heard of since; else for a day.
        others: when other versions last acted.
    """

    version: str
    since: datetime | None
    others: Mapping[str, datetime]

    @property
    def last(self) -> datetime:
        return max(self.others.values())


def _unheard(model: ModelView) -> _Unheard | None:
    production, overview = model.production, model.overview
    if production is None or overview is None or model.unread & {"records", "registry"}:
        return None
    since, last = _began(model, production), overview.acted.get(production.version)
    day = overview.health.checked_at - _DAY
    if since is not None and last is not None and last >= since:
        since = None
    if since is None and last is not None and last >= day:
        return None
    begin = day if since is None else min(day, since + _RESTART)
    others = {name: at for name, at in overview.acted.items() if name != production.version and at >= begin}
    return _Unheard(production.version, since, others) if others else None


def _began(model: ModelView, production: ModelMetadata) -> datetime | None:
    """Return when a version was put into production."""
    return next(
        (
            event.when
            for event in reversed(model.events)
            if event.detail == "production" and event.to == production.version
        ),
        None,
    )


def stranger_said(model: ModelView) -> str:
    """Say that the registry, which knows others, does not know a model; nothing if it does."""
    if not model.is_stranger:
        return ""
    return (
        f"not in the registry: a typing error? There is {model.resembles!r}"
        if model.resembles
        else ("not in the registry")
    )
