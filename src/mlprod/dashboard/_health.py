"""How a model is, in a word, and why: what the monitor judged, and what only the registry can tell. Pure."""

from datetime import timedelta
from typing import Final

from mlprod.dashboard._snapshot import ModelView
from mlprod.models import ModelMetadata

__all__ = ["HEALTH_RANK", "by_health", "health_of", "reasons_of", "silent_production", "stranger_said"]

HEALTH_RANK: Final = {"critical": 0, "degraded": 1, "healthy": 2, "unknown": 3}
_DAY: Final = timedelta(days=1)


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
    """Say that what was recorded lately is not of the version in production; nothing if it is."""
    production, overview = model.production, model.overview
    if production is None or overview is None or model.unread & {"records", "registry"}:
        return ""
    acting = [of.version or "" for of in overview.day_versions if of.predictions_total or of.trades_total]
    if not acting or production.version in acting:
        return ""
    others = f"{', '.join(acting[:-1])} and {acting[-1]}" if len(acting) > 1 else acting[0]
    return (
        f"nothing of {production.version}, which is in production{_since(model, production)}, was recorded "
        f"in the last 24 hours; the figures are of {others}"
    )


def _since(model: ModelView, production: ModelMetadata) -> str:
    """Say since when a version acts, if there was not yet a day in which it could have recorded."""
    began = next(
        (
            event.when
            for event in reversed(model.events)
            if event.detail == "production" and event.to == production.version
        ),
        None,
    )
    if began is None or model.overview is None or model.overview.health.checked_at - began >= _DAY:
        return ""
    return f" since {began:%Y-%m-%d %H:%M} UTC"


def stranger_said(model: ModelView) -> str:
    """Say that the registry, which knows others, does not know a model; nothing if it does."""
    if not model.is_stranger:
        return ""
    return (
        f"not in the registry: a typing error? There is {model.resembles!r}"
        if model.resembles
        else ("not in the registry")
    )
