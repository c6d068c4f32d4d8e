"""What to do about a version in trouble: the line of Python that goes back, or takes it out. Pure."""

import math

from mlprod._html import METRICS
from mlprod.dashboard._health import silent_production
from mlprod.dashboard._snapshot import ModelView
from mlprod.monitoring import ModelPerformanceMetrics

__all__ = ["remedy"]


def remedy(model: ModelView, first: str, store: str) -> tuple[str, str]:
    """Return what to do about the version in production, and the line that does it; none if others act.

    The line says what it believes to be in production: run twice, or after somebody has put another version
    there, it changes nothing.

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
    if last.what != "promoted" or to is None or not _is_sound(model, to, instead_of=acting):
        taken = f"promote({f'{model.name}@{acting}'!r}, 'archived', reason=input('Why: '))"
        stopped = (
            "has to stop at once, this takes it out of production: getActiveModel raises then, "
            "but a name alone means the latest version"
        )
        return f"{blamed} {stopped}", f"{opened}.{taken}"
    back = f"rollback({model.name!r}, to={to!r}, expected={acting!r}, reason=input('Why: '))"
    return f"{blamed} is to blame, this brings {to}{_so_far(model, to)} back", f"{opened}.{back}"


def _is_sound(model: ModelView, version: str, *, instead_of: str) -> bool:
    """Return whether nothing known speaks against a version: it is there, and neither lost nor drifted."""
    if all(version != saved.version for saved in model.versions):
        return False
    report = model.drift
    if report is not None and report.version == version and report.overall.drift_detected:
        return False
    if any(alert.version == version and alert.severity == "critical" for alert in model.alerts):
        return False
    was, now = _figures(model, version), _figures(model, instead_of)
    return was is None or not (was.total_pnl < 0 or (now is not None and was.accuracy < now.accuracy))


def _so_far(model: ModelView, version: str) -> str:
    """Say how a version did over everything recorded."""
    found = _figures(model, version)
    if found is None:
        return " (of which nothing was recorded)"
    figures = [
        f"{name} {METRICS[metric].shown(value)}"
        for name, metric, value in (
            ("accuracy", "accuracy", found.accuracy),
            ("P&L", "total_pnl", found.total_pnl),
        )
        if not math.isnan(value)
    ]
    return f" ({', '.join(figures)} in all)" if figures else ""


def _figures(model: ModelView, version: str) -> ModelPerformanceMetrics | None:
    known = () if model.overview is None else model.overview.versions
    return next((of for of in known if of.version == version), None)
