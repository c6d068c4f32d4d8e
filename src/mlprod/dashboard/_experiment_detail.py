"""Everything that is known of one experiment."""

from datetime import datetime

from mlprod._html import isolated, time_tag
from mlprod.dashboard._experiments_tab import time_left
from mlprod.dashboard._lift_chart import lift_over_time
from mlprod.dashboard._snapshot import Snapshot
from mlprod.dashboard._words import chip
from mlprod.experiments import ExperimentOverview
from mlprod.experiments._presentation import analysis_body, conclusion_body, experiment_facts
from mlprod.experiments._verdict_words import sentence

__all__ = ["experiment_detail"]


def experiment_detail(each: ExperimentOverview, snapshot: Snapshot) -> str:
    """Return what stands where the list was."""
    experiment, now = each.experiment, snapshot.at
    description = f'<p class="lead">{isolated(experiment.description)}</p>' if experiment.description else ""
    reason = f": {sentence(experiment.reason)}" if experiment.reason else ""
    look = "running" if experiment.status == "running" else ""
    return (
        f"<h2>{isolated(experiment.name or experiment.id)}</h2>{description}"
        f'<p class="lead">{chip(look, experiment.status)}{reason} · {_time(each, now)}</p>'
        f"{_unread(snapshot, experiment.id)}{_shown(each)}"
        f"<section><h3>Lift over time</h3>{lift_over_time(each)}</section>"
        f"<section><h3>How it is run</h3>{experiment_facts(experiment)}</section>"
    )


def _unread(snapshot: Snapshot, id_: str) -> str:
    if not snapshot.is_unread("outcomes", id_):
        return ""
    return '<p class="note">Some of its outcomes could not be read: figures and lift are without them.</p>'


def _time(each: ExperimentOverview, now: datetime) -> str:
    ended_at = each.experiment.ended_at
    return f"ended {time_tag(ended_at)}" if ended_at is not None else f"time left: {time_left(each, now)}"


def _shown(each: ExperimentOverview) -> str:
    if each.analysis is not None:
        return analysis_body(each.analysis)
    if each.experiment.conclusion is not None:
        return conclusion_body(each.experiment.conclusion)
    return "<p>It was not started yet.</p>"
