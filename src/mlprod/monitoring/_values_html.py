"""What the monitor answers with, in a notebook: what needs somebody first, then the figures."""

from mlprod._html import GROUPS, METRICS, NOTEBOOK_STYLE, STYLE, counted, isolated, scrolling, time_tag
from mlprod._svg import escaped
from mlprod.monitoring._overview import ModelOverview
from mlprod.monitoring._report_html import (
    alert_list,
    charts,
    compared,
    duration_said,
    has_data,
    recorded_span,
    version_said,
)
from mlprod.monitoring._values import Alert, MetricsHistory, ModelHealth, ModelPerformanceMetrics

__all__ = ["alert_html", "health_html", "history_html", "metrics_html", "overview_html"]

_ALERTS = 5


def metrics_html(metrics: ModelPerformanceMetrics) -> str:
    """Return the metrics that there are data for, with their units."""
    return _whole(_head(metrics.model_id, _stretch(metrics)), _figures(metrics))


def history_html(history: MetricsHistory) -> str:
    """Return the plots of a history."""
    steps = f"{len(history):,} steps of {duration_said(history.step_seconds)}"
    about = f"{version_said(history.version)}, {steps}"
    return _whole(_head(history.model_id, about), charts(history, (), is_page=False))


def alert_html(alert: Alert) -> str:
    """Return an alert, from the first sign of it to its end."""
    return _whole(_head(alert.model_id, f"alert {isolated(alert.id)}"), alert_list([alert]))


def health_html(health: ModelHealth) -> str:
    """Return whether a model is fit to act, why not, and the figures that say so."""
    head = _head(health.model_id, f"checked {time_tag(health.checked_at, seconds=True)}")
    return _whole(head, _judged(health), _figures(health.metrics))


def overview_html(overview: ModelOverview) -> str:
    """Return whether a model is fit to act, its last day beside the one before, and how it did over time."""
    span = recorded_span(overview)
    recorded = f"recorded from {time_tag(overview.first)} to {time_tag(overview.last)}"
    return _whole(
        _head(overview.model_id, recorded),
        _judged(overview.health),
        compared(overview.day, overview.day_before, "the day before"),
        f"<section>{charts(overview.history, overview.health.alerts, span=span, is_page=False)}</section>",
    )


def _whole(*parts: str) -> str:
    return f'<div class="mlprod-report"><style>{STYLE}{NOTEBOOK_STYLE}</style>{"".join(parts)}</div>'


def _head(model_id: str, about: str) -> str:
    return f'<header><h3>{isolated(model_id)}</h3><p class="muted">{about}</p></header>'


def _stretch(metrics: ModelPerformanceMetrics) -> str:
    begin = "the first record" if metrics.since is None else time_tag(metrics.since, seconds=True)
    end = "now" if metrics.until is None else time_tag(metrics.until, seconds=True)
    return f"{version_said(metrics.version)}, from {begin} to {end}"


def _judged(health: ModelHealth) -> str:
    """Return the status in words and, where it is not good, why; alerts say more than the reason they are."""
    told = {str(alert) for alert in health.alerts}
    reasons = "".join(
        f'<li class="{"critical" if health.status == "critical" else "warning"}">{isolated(reason)}</li>'
        for reason in health.reasons
        if reason not in told
    )
    listed = f"<ul>{reasons}</ul>" if reasons else ""
    alerts = alert_list(health.alerts, most=_ALERTS)
    active = (
        f"<section><p>{counted(len(health.alerts), 'active alert')}</p>{alerts}</section>" if alerts else ""
    )
    return f"<section><p><strong>{health.status.capitalize()}</strong></p>{listed}</section>{active}"


def _figures(metrics: ModelPerformanceMetrics) -> str:
    bodies = ""
    for group, names in GROUPS.items():
        rows = "".join(
            f'<tr><th scope="row">{escaped(METRICS[name].label)}</th>'
            f"<td>{escaped(METRICS[name].shown(float(getattr(metrics, name))))}</td></tr>"
            for name in names
            if has_data(metrics, name)
        )
        title = f'<tr><th colspan="2" scope="rowgroup">{group}</th></tr>'
        bodies += f"<tbody>{title}{rows}</tbody>" if rows else ""
    if not bodies:
        return "<p>Nothing was recorded.</p>"
    table = scrolling("Metrics", f'<table class="figures">{bodies}</table>')
    return f"<section>{table}</section>"
