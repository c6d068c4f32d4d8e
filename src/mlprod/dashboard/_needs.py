"""What needs a person: the most urgent first, in plain words, each with where it is. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias, final

import attrs

from mlprod._html import counted
from mlprod.dashboard._snapshot import ModelView, Snapshot
from mlprod.dashboard._words import alert_said
from mlprod.experiments import ExperimentOverview
from mlprod.monitoring import Alert

__all__ = ["Need", "Urgency", "needs_of"]

Urgency: TypeAlias = Literal["now", "decide", "look"]

_ORDER: Final[dict[Urgency, int]] = {"now": 0, "decide": 1, "look": 2}
_INCONCLUSIVE: Final = "inconclusive"


@final
@attrs.frozen
class Need:
    """Something that needs a person.

    Attributes:
        urgency: act now, decide, or have a look.
        subject: what it is about.
        place: where that is on the page, ``"models/har"``; nothing if it is nowhere.
        sentence: what is the matter, to be read after the subject.
    """

    urgency: Urgency
    subject: str
    place: str
    sentence: str


def needs_of(snapshot: Snapshot) -> list[Need]:
    """Return what needs a person, the most urgent first."""
    found = [*_unread(snapshot)]
    for model in snapshot.models:
        found += _of_alerts(model)
    for each in snapshot.experiments:
        found += _of_experiment(each)
    for model in snapshot.models:
        found += _of_health(model)
        found += _of_drift(model)
    return sorted(found, key=lambda need: _ORDER[need.urgency])


def _unread(snapshot: Snapshot) -> Iterator[Need]:
    for what, error in snapshot.unread.items():
        yield Need("now", what, "", f"could not be read, so this page does not show it: {error}")


def _of_alerts(model: ModelView) -> Iterator[Need]:
    firing = [alert for alert in model.alerts if alert.state == "firing"]
    critical = [alert for alert in firing if alert.severity == "critical"]
    warnings = [alert for alert in firing if alert.severity == "warning"]
    if critical:
        yield Need("now", model.name, _where(critical), _alerts_said(critical, "critical alert"))
    if warnings:
        yield Need("look", model.name, _where(warnings), _alerts_said(warnings, "warning"))
    known = [one for one in model.alerts if one.severity == "critical" and one.state == "acknowledged"]
    if known:
        by = f" by {known[0].acknowledged_by}" if known[0].acknowledged_by else ""
        yield Need(
            "look", model.name, _where(known), f"is still critical, acknowledged{by}: {alert_said(known[0])}"
        )


def _where(alerts: Sequence[Alert]) -> str:
    return f"alerts/{alerts[0].id}"


def _alerts_said(alerts: Sequence[Alert], kind: str) -> str:
    return f"has {counted(len(alerts), kind)} that nobody has acknowledged: {alert_said(alerts[0])}"


def _of_experiment(each: ExperimentOverview) -> Iterator[Need]:
    experiment, analysis = each.experiment, each.analysis
    name, place = experiment.name or experiment.id, f"experiments/{experiment.id}"
    if analysis is not None and analysis.srm.is_mismatch:
        yield Need(
            "now",
            name,
            place,
            "gives its variants other shares than it should: no comparison can be believed",
        )
    if each.is_due:
        yield Need(
            "decide", name, place, "has run for as long as was planned; it ends when it is next looked at"
        )
    elif analysis is not None and analysis.verdict.winner != _INCONCLUSIVE and not analysis.srm.is_mismatch:
        yield Need(
            "decide",
            name,
            place,
            f"has a winner, {analysis.verdict.winner}: {analysis.verdict.recommendation}",
        )
    elif experiment.status == "paused":
        why = f" ({experiment.reason})" if experiment.reason else ""
        yield Need("look", name, place, f"is paused, so that everybody gets the control{why}")


def _of_health(model: ModelView) -> Iterator[Need]:
    """Give what is wrong with a model that acts, other than its alerts."""
    if model.production is None:
        return
    place = f"models/{model.name}"
    if model.overview is None:
        yield Need("look", model.name, place, "is in production, and nothing was ever recorded about it")
        return
    health = model.overview.health
    said = {str(alert) for alert in health.alerts}
    reasons = [reason for reason in health.reasons if reason not in said]
    if reasons:
        is_critical = health.status == "critical" and not said
        yield Need("now" if is_critical else "look", model.name, place, f"is {health.status}: {reasons[0]}")


def _of_drift(model: ModelView) -> Iterator[Need]:
    report = model.drift
    if report is None:
        return
    causes = [one for one in report.overall.evidence if one.calls_for_retraining]
    if causes:
        yield Need(
            "decide",
            model.name,
            f"models/{model.name}",
            f"has drifted, reason enough to fit it anew: {causes[0].sentence}",
        )
