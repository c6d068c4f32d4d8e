"""What needs a person: the most urgent first, in plain words, each with where it is and what to do. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias, final

import attrs

from mlprod._html import counted
from mlprod.dashboard._alerts_tab import acknowledging
from mlprod.dashboard._going_back import remedy
from mlprod.dashboard._health import is_ignored, is_still_used, silent_production, stranger_said
from mlprod.dashboard._refitting import is_of_acting, newer_said
from mlprod.dashboard._snapshot import UNREAD, ModelView, Part, Snapshot
from mlprod.dashboard._words import alarm_said, alert_said
from mlprod.drift import DriftReport
from mlprod.drift._explained_html import errors_said
from mlprod.experiments import ExperimentOverview
from mlprod.monitoring import Alert

__all__ = ["Need", "Urgency", "needs_of"]

Urgency: TypeAlias = Literal["now", "decide", "look"]

_ORDER: Final[dict[Urgency, int]] = {"now": 0, "decide": 1, "look": 2}
_INCONCLUSIVE: Final = "inconclusive"
_NAMED: Final = 3  # of many alerts


@final
@attrs.frozen
class Need:
    """Something that needs a person.

    Attributes:
        urgency: act now, decide, or have a look.
        subject: what it is about.
        place: where that is on the page, ``"models/har"``; nothing if it is nowhere.
        sentence: what is the matter, to be read after the subject.
        step: what to do next.
        line: the line of Python that does it; nothing if it takes more than one.
    """

    urgency: Urgency
    subject: str
    place: str
    sentence: str
    step: str
    line: str = ""


def needs_of(snapshot: Snapshot) -> list[Need]:
    """Return what needs a person, the most urgent first."""
    found = list(_of_unread(snapshot))
    for model in snapshot.models:
        found += _of_alerts(model, snapshot.store)
    for each in snapshot.experiments:
        found += _of_experiment(each)
    for model in snapshot.models:
        found += _of_health(model, snapshot.store)
        found += _of_drift(model)
    return sorted(found, key=lambda need: _ORDER[need.urgency])


def _of_unread(snapshot: Snapshot) -> Iterator[Need]:
    owners: dict[tuple[Part, str], list[str]] = {}
    for each in snapshot.unread:
        owners.setdefault((each.part, each.why), []).append(each.subject)
    step = f"Run mlprod.fsck({snapshot.store!r}): it says what is damaged, and what to do"
    for (part, why), (subject, *others) in owners.items():
        if not subject:
            said = f"could not be read, so this page does not show it: {why}"
            yield Need("now", UNREAD[part].capitalize(), "", said, step)
            continue
        kind = "experiments" if part == "outcomes" else "models"
        also = f", like {counted(len(others), 'other')}," if others else ""
        said = f"{also} is shown without {_of_one(part)}, which could not be read: {why}".removeprefix(", ")
        yield Need("now", subject, f"{kind}/{subject}", said, step)


def _of_one(part: Part) -> str:
    return {
        "records": "some of what was recorded about it",
        "outcomes": "some of its outcomes",
        "drift reports": "its newest report of drift",
        "drift alarms": "an alarm of drift",
    }.get(part, UNREAD[part])


def _of_alerts(model: ModelView, store: str) -> Iterator[Need]:
    """Give the alerts of a model; those of a version that does not act any more only to be looked at."""
    firing = [alert for alert in model.alerts if alert.state == "firing"]
    critical = [alert for alert in firing if alert.severity == "critical" and _is_live(model, alert)]
    warnings = [alert for alert in firing if alert.severity == "warning" and _is_live(model, alert)]
    past = [alert for alert in firing if not _is_live(model, alert)]
    if critical:
        first = "Acknowledge it in the tab Alerts, so that others know that somebody is on it"
        said = _alerts_said(critical, "critical alert")
        yield Need("now", model.name, _where(critical), said, *remedy(model, first, store))
    if warnings:
        said, line = _alerts_said(warnings, "warning"), acknowledging(warnings[0], store)
        yield Need("look", model.name, _where(warnings), said, "Acknowledge it once you know why", line)
    lingering = [one for one in past if one.severity == "critical" and is_still_used(model, one.version)]
    urgencies: tuple[tuple[Urgency, list[Alert]], ...] = (
        ("now", lingering),
        ("look", [alert for alert in past if alert not in lingering]),
    )
    for urgency, many in urgencies:
        if many:
            said, line = _alerts_said(many, "alert"), acknowledging(many[0], store)
            step = f"{_gone(model, many[0])}. Acknowledge it"
            yield Need(urgency, model.name, _where(many), said, step, line)
    known = [one for one in model.alerts if one.severity == "critical" and one.state == "acknowledged"]
    if known:
        by = f" by {known[0].acknowledged_by}" if known[0].acknowledged_by else ""
        said = f"is still critical, acknowledged{by}: {alert_said(known[0])} of {known[0].version}"
        is_live = _is_live(model, known[0])
        step = "It ends by itself once the figure is back" if is_live else _gone(model, known[0])
        yield Need("look", model.name, _where(known), said, step)


def _gone(model: ModelView, alert: Alert) -> str:
    """Say what becomes of an alert of a version that is not in production."""
    said = f"{alert.version} is not in production"
    if model.overview is not None and alert.version in model.overview.acted:
        said += f", and was last recorded at {model.overview.acted[alert.version]:%Y-%m-%d %H:%M} UTC"
    if is_still_used(model, alert.version):
        return f"{said}: see which process has not loaded what is"
    return f"{said}: its alert ends by itself if that stays so"


def _is_live(model: ModelView, alert: Alert) -> bool:
    """Return whether an alert is about what acts, by the registry or in spite of it."""
    production = model.production
    return production is None or alert.version == production.version or is_ignored(model)


def _where(alerts: Sequence[Alert]) -> str:
    return f"alerts/{alerts[0].id}"


def _alerts_said(alerts: Sequence[Alert], kind: str) -> str:
    first, *others = alerts
    what = f"{alert_said(first)} of {first.version}, since {first.since:%Y-%m-%d %H:%M} UTC"
    named = ", ".join(other.type for other in others[:_NAMED])
    more = f", and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
    also = f"; also {named}{more}" if others else ""
    return f"has {counted(len(alerts), kind)} that nobody has acknowledged: {what}{also}"


def _of_experiment(each: ExperimentOverview) -> Iterator[Need]:
    experiment, analysis = each.experiment, each.analysis
    name, place, id_ = experiment.name or experiment.id, f"experiments/{experiment.id}", experiment.id
    if analysis is not None and analysis.srm.is_mismatch:
        yield Need(
            "now",
            name,
            place,
            "gives its variants other shares than it should: no comparison can be believed",
            "Find out where units get lost, or are recorded twice; then start it anew",
        )
    if each.is_due:
        yield Need(
            "decide",
            name,
            place,
            "has run for as long as was planned; it ends when it is next looked at",
            f"Conclude it with end_experiment({id_!r})",
        )
    elif analysis is not None and analysis.verdict.winner != _INCONCLUSIVE and not analysis.srm.is_mismatch:
        yield Need(
            "decide",
            name,
            place,
            f"has a winner, {analysis.verdict.winner}: {analysis.verdict.recommendation}",
            f"Conclude it with end_experiment({id_!r})",
        )
    elif experiment.status == "paused":
        why = f" ({experiment.reason})" if experiment.reason else ""
        yield Need(
            "look",
            name,
            place,
            f"is paused, so that everybody gets the control{why}",
            f"Go on with resume_experiment({id_!r}), or end it",
        )


def _of_health(model: ModelView, store: str) -> Iterator[Need]:
    """Give what is wrong with a model that acts, other than its alerts."""
    place = f"models/{model.name}"
    if model.resembles:
        yield Need(
            "look",
            model.name,
            place,
            f"records and is {stranger_said(model)}",
            "Look at the name that its predictions are recorded under, or save the model",
        )
    if model.production is None:
        return
    if is_ignored(model):
        yield Need(
            "now",
            model.name,
            place,
            f"acts in another version than the registry says: {silent_production(model)}",
            "See which version its process has loaded, and restart it",
        )
    if model.overview is None:
        if "records" not in model.unread:
            yield Need(
                "look",
                model.name,
                place,
                "is in production, and nothing was ever recorded about it",
                "Record its predictions with PerformanceMonitor, or archive it",
            )
        return
    health = model.overview.health
    told = {str(alert) for alert in health.alerts}
    reasons = [reason for reason in health.reasons if reason not in told]
    if reasons:
        is_just_new = bool(silent_production(model)) and not is_ignored(model)
        is_critical = health.status == "critical" and not told and not is_just_new
        urgency: Urgency = "now" if is_critical else "look"
        day = model.overview.day
        line = ""
        if day.predictions_total or day.trades_total:
            step = "See on its page since when"
            judged = health.metrics.version
            if judged == model.production.version and not told:  # else its alert has said how to go back
                step, line = remedy(model, step, store)
            said = f"is {health.status}{f' in {judged}' if judged else ''}: {reasons[0]}"
        else:
            step = (
                f"See whether it still runs: its last record is of {model.overview.last:%Y-%m-%d %H:%M} UTC"
            )
            said = reasons[0].removeprefix("it ")
        yield Need(urgency, model.name, place, said, step, line)


def _of_drift(model: ModelView) -> Iterator[Need]:
    report, alarm, place = model.drift, model.unanswered, f"models/{model.name}"
    if report is not None and is_of_acting(model):
        yield from _of_report(model, report)
    elif report is not None and model.production is not None:
        yield Need(
            "look",
            model.name,
            place,
            f"was never checked for drift in {model.production.version}, which is in production; "
            f"{report.version} was",
            f"Check it with DriftDetector.check({model.name!r}, …), which says so if it has no reference yet",
        )
    if alarm is not None:
        step = (
            f"Check with DriftDetector.check({model.name!r}, …): it tells what has changed, and answers this"
        )
        yield Need("look", model.name, place, f"has an alarm of drift: {alarm_said(alarm)}", step)


def _of_report(model: ModelView, report: DriftReport) -> Iterator[Need]:
    """Give drift that is reason enough to fit anew; to be looked at if errors have certainly not grown."""
    causes = [found for found in report.overall.evidence if found.calls_for_retraining]
    if not causes:
        return
    rows = f" ({report.data.note})" if report.data is not None and report.data.note else ""
    found = f"as the check of {report.time:%Y-%m-%d} found{rows}: {causes[0].sentence}"
    errors, newer, place = report.performance, newer_said(model), f"models/{model.name}"
    if errors is not None and not errors.drifted:
        found += f"; {errors_said(errors)}"
        if errors.interval.high < errors.threshold and causes[0].subject != "confidence":
            said = f"has drifted, though its errors have not grown, {found}"
            step = "See whether it copes; if outcomes come late, fit it anew with the lines on its page"
            yield Need("look", model.name, place, said, newer or step)
            return
    said = f"has drifted, reason enough to fit it anew, {found}"
    first = "" if errors is not None else "See first whether its errors have grown, which was not checked. "
    lines = (
        f"{first}Fit it on recent data; on its page are the lines that save it, set the reference of the new "
        "version and put it into production, in this order"
    )
    yield Need("decide", model.name, place, said, f"{newer}. {lines}" if newer else lines)
