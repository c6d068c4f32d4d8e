"""Everything that is known of one model."""

import math
from typing import Final

import numpy as np

from mlprod._html import METRICS, counted, isolated, time_tag
from mlprod._svg import Series, escaped, line_chart, paired_bars
from mlprod.dashboard._health import health_of, reasons_of, stranger_said
from mlprod.dashboard._refitting import is_of_acting, names_said, newer_said, refitting
from mlprod.dashboard._snapshot import ModelView
from mlprod.dashboard._version_history import decisions, versions
from mlprod.dashboard._words import alarm_said, alert_said, chip, copied, link
from mlprod.drift import DriftAlarm
from mlprod.drift._report_html import brief
from mlprod.monitoring import Alert, MetricsHistory, ModelOverview
from mlprod.monitoring._report_html import TimeSpan, charts, compared, judging_said, recorded_span, within

__all__ = ["model_detail"]

_ALERTS: Final = 10
_DRIFT: Final = {
    "feature_drift_score": "Features",
    "prediction_drift_score": "Predictions",
    "performance_drift_score": "Performance",
}
_DAY_SECONDS: Final = 86_400
_UNREAD: Final = "What was recorded about this model could not be read."
_NOTHING: Final = "Nothing was recorded about this model."


def model_detail(model: ModelView, store: str) -> str:
    """Return what stands where the list was.

    Args:
        model: the model.
        store: the address of the store, for lines of code.
    """
    parts = {
        "Alerts": _alerts(model),
        "The last day, against the day before": _day(model),
        "Over time": _over_time(model),
        "Calibration": _calibration(model),
        "Drift": _drift(model, store),
        "Versions": versions(model),
        "Decisions": decisions(model),
    }
    sections = (
        f"<section><h3>{title}</h3>{content}</section>" for title, content in parts.items() if content
    )
    return f"<h2>{isolated(model.name)}</h2>{_head(model)}{''.join(sections)}"


def _head(model: ModelView) -> str:
    health, production = health_of(model), model.production
    if production is not None:
        acting = f"{isolated(production.version)} is in production"
    elif "registry" in model.unread:
        acting = "which version is in production could not be read"
    else:
        acting = stranger_said(model) or "no version is in production"
    lead, judging = f'<p class="lead">{chip(health, health)} · {acting}', ""
    if model.overview is not None:
        lead += f" · recorded from {time_tag(model.overview.first)} to {time_tag(model.overview.last)}"
        judging = judging_said(model.overview.accuracy_tolerance, model.overview.whole)
    said = {stranger_said(model), *map(str, model.alerts)}
    why = "".join(
        f"<li>{isolated(_capital(reason))}</li>" for reason in reasons_of(model) if reason not in said
    )
    return f"{lead}</p>{judging}{f'<ul class=events>{why}</ul>' if why else ''}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _alerts(model: ModelView) -> str:
    if "alerts" in model.unread:
        return "<p>Alerts could not be read.</p>"
    if not (model.alerts or model.pending):
        return ""
    listed = "".join(map(_alert, model.alerts[:_ALERTS]))
    more = len(model.alerts) - _ALERTS
    rest = f'<p class="note">And {more:,} more in the tab Alerts.</p>' if more > 0 else ""
    waiting = "".join(map(_pending, model.pending[:_ALERTS]))
    return f'<ul class="needs">{listed}{waiting}</ul>{rest}'


def _alert(alert: Alert) -> str:
    urgency = "now" if alert.severity == "critical" else "look"
    return (
        f'<li class="{urgency}"><span class="how">{chip(alert.severity, alert.severity)}</span>'
        f"<span>{link('alerts', alert.id, alert.type)}: {_crossed(alert)}; "
        f"{escaped(alert.state)} since {time_tag(alert.since)}.</span></li>"
    )


def _crossed(alert: Alert) -> str:
    return isolated(f"{alert_said(alert)} of {alert.version}")


def _pending(alert: Alert) -> str:
    said = f"{_crossed(alert)}; an alert if that lasts, seen first {time_tag(alert.since)}"
    return (
        f'<li><span class="how">{chip("", "pending")}</span>'
        f"<span>{link('alerts', alert.id, alert.type)}: {said}.</span></li>"
    )


# --- how it does ----------------------------------------------------------------------------------------


def _day(model: ModelView) -> str:
    overview = model.overview
    if overview is None:
        return f"<p>{_UNREAD if 'records' in model.unread else _NOTHING}</p>"
    if not (overview.day.predictions_total or overview.day.trades_total):
        return ""  # that is the first reason of its health
    acted = [of.version or "" for of in overview.day_versions if of.predictions_total or of.trades_total]
    named = f'<p class="muted">Of {isolated(", ".join(acted))} together.</p>' if len(acted) > 1 else ""
    return named + compared(overview.day, overview.day_before, "the day before")


def _over_time(model: ModelView) -> str:
    overview = model.overview
    if overview is None:
        return ""
    span = recorded_span(overview)
    drawn = charts(overview.history, model.alerts, span=span, more=_scores(overview.history, span))
    money = "; money in the currency of its trades" if overview.whole.trades_total else ""
    steps = f"In steps of {_step(overview.history)}, all versions together{money}."
    return f'<p class="muted">{steps}{_added_up(overview)}</p>{drawn}'


def _added_up(overview: ModelOverview) -> str:
    """Say what nobody earned if versions traded side by side; nothing if one alone did."""
    if sum(of.trades_total > 0 for of in overview.versions) < 2:  # noqa: PLR2004 - nothing to add up
        return ""
    return " P&amp;L, equity and drawdown add up the trades of all versions, as if one account had made them."


def _step(history: MetricsHistory) -> str:
    for seconds, unit in ((_DAY_SECONDS, "day"), (3_600, "hour"), (60, "minute")):
        if history.step_seconds >= seconds:
            return counted(round(history.step_seconds / seconds), unit)
    raise AssertionError  # pragma: no cover - a step is a minute at least


def _scores(history: MetricsHistory, span: TimeSpan) -> str:
    kept = within(history, span)
    lines = [
        Series(name, kept[column])
        for column, name in _DRIFT.items()
        if np.count_nonzero(np.isfinite(kept[column])) > 1
    ]
    return line_chart("Drift scores", kept.times, lines, limits=(0, math.inf), span=span) if lines else ""


def _calibration(model: ModelView) -> str:
    if model.overview is None:
        return ""
    bins = model.overview.calibration
    if not bins:
        return "<p>No prediction was recorded with both its confidence and its outcome.</p>"
    labels = [f"{_tenth(confidence)} ({count:,})" for confidence, _, count in bins]
    drawn = paired_bars(
        "Calibration",
        labels,
        [confidence for confidence, _, _ in bins],
        [accuracy for _, accuracy, _ in bins],
        names=("confidence", "accuracy"),
        about="mean confidence and accuracy of predictions by their confidence",
    )
    error = METRICS["calibration_error"].shown(model.overview.whole.calibration_error)
    return (
        f"<p>Confidence is off by {escaped(error)} on average. In brackets: how many predictions.</p>"
        f'<div class="charts">{drawn}</div>'
    )


def _tenth(confidence: float) -> str:
    low = min(9, math.floor(10 * confidence + 1e-9))
    return f"{10 * low}\N{EN DASH}{10 * low + 10}%"


def _drift(model: ModelView, store: str) -> str:
    alarms = "".join(map(_alarm, reversed(model.alarms)))
    listed = f'<ul class="needs">{alarms}</ul>' if alarms else ""
    unread = "<p>Some alarms of drift could not be read.</p>" if "drift alarms" in model.unread else ""
    if model.drift is not None:
        return f"{listed}{unread}{_older(model)}{brief(model.drift, 3)}{_next_step(model, store)}"
    is_unread = "drift reports" in model.unread
    said = (
        "The newest report of drift could not be read."
        if is_unread
        else "This model was never checked for drift."
    )
    return f"{listed}{unread}<p>{said}</p>"


def _older(model: ModelView) -> str:
    """Say that the report is of a version that does not act, if it is."""
    if model.drift is None or model.production is None or is_of_acting(model):
        return ""
    return (
        f'<p class="note">This report is of {isolated(model.drift.version or "")}. '
        f"{isolated(model.production.version)}, which is in production, was not checked.</p>"
    )


def _next_step(model: ModelView, store: str) -> str:
    """Return the lines that replace a model which has drifted by enough, and does act."""
    if model.drift is None or not is_of_acting(model) or "registry" in model.unread:
        return ""
    if not any(found.calls_for_retraining for found in model.drift.overall.evidence):
        return ""
    newer = newer_said(model)
    first = f"<p>{isolated(newer)}.</p>" if newer else ""
    return (
        f"<h4>Next step</h4>{first}<p>Fit the model on recent data. {_replacing(model)} In them, "
        f"{names_said(model)}.</p>"
        f"{copied(refitting(model, store), f'Copy the lines that replace {model.name}')}"
    )


def _replacing(model: ModelView) -> str:
    if not model.versions:
        return "Once the new model acts, and not before, run these lines, which set its reference."
    said = "These lines save it and set the reference of the new version, while the old one keeps its own"
    if model.production is None:
        return f"{said}."
    version = isolated(model.production.version)
    return f"{said}; the last step puts it into production, unless that is no longer {version}."


def _alarm(alarm: DriftAlarm) -> str:
    version = f", version {isolated(alarm.version)}" if alarm.version else ""
    found = f"found {time_tag(alarm.time)} at row {alarm.rows:,}{version}"
    return (
        f'<li class="look"><span class="how">{chip("warning", "alarm")}</span>'
        f"<span>{isolated(alarm_said(alarm))}; {found}.</span></li>"
    )
