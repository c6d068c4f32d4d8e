"""What to do about a version in trouble: the line of Python that goes back, or takes it out. Pure."""

import math

from mlprod._html import METRICS
from mlprod.dashboard._health import silent_production
from mlprod.dashboard._snapshot import ModelView

__all__ = ["remedy"]


def remedy(model: ModelView, first: str, store: str) -> tuple[str, str]:
    """Return what to do about the version in production, and the line that does it; none if others act.

    The line says what it believes to be in production: run later, or twice, it undoes nobody's decision.

    Args:
        model: the model.
        first: what to do before.
        store: the address of the store.
    """
    production = model.production
    last = next((event for event in reversed(model.events) if event.detail == "production"), None)
    if production is None or last is None or silent_production(model):
        return first, ""
    acting, opened = production.version, f"import mlprod; mlprod.ModelSerializer({store!r})"
    blamed = f"{first}; if {acting}{_so_far(model, acting)}"
    to = last.from_
    if last.what != "promoted" or to is None or not _is_sound(model, to):
        taken = f"promote({f'{model.name}@{acting}'!r}, 'archived', reason=input('Why: '))"
        stopped = "has to stop at once, this takes it out of production, and whoever loads it gets an error"
        return f"{blamed} {stopped}", f"{opened}.{taken}"
    back = f"rollback({model.name!r}, to={to!r}, expected={acting!r}, reason=input('Why: '))"
    return f"{blamed} is to blame, this brings {to}{_so_far(model, to)} back", f"{opened}.{back}"


def _is_sound(model: ModelView, version: str) -> bool:
    """Return whether nothing is known to speak against a version: it is there, without alert or drift."""
    if all(version != saved.version for saved in model.versions):
        return False
    report = model.drift
    has_drifted = report is not None and report.version == version and report.overall.drift_detected
    return not has_drifted and not any(
        alert.version == version and alert.severity == "critical" for alert in model.alerts
    )


def _so_far(model: ModelView, version: str) -> str:
    """Say how a version did over everything recorded; nothing where that is not known."""
    known = () if model.overview is None else model.overview.versions
    found = next((of for of in known if of.version == version), None)
    if found is None:
        return ""
    figures = [
        f"{METRICS[name].label.lower() if name == 'accuracy' else METRICS[name].label} "
        f"{METRICS[name].shown(float(getattr(found, name)))}"
        for name in ("accuracy", "total_pnl")
        if not math.isnan(float(getattr(found, name)))
    ]
    return f" ({', '.join(figures)})" if figures else ""
