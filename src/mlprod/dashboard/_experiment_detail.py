"""Everything that is known of one experiment."""

import math
from datetime import datetime
from typing import Final

import numpy as np

from mlprod._html import isolated, time_tag
from mlprod._svg import Series, line_chart
from mlprod.dashboard._experiments_tab import time_left
from mlprod.dashboard._snapshot import Snapshot
from mlprod.dashboard._words import chip, metric_of
from mlprod.experiments import ExperimentOverview, LiftAt
from mlprod.experiments._presentation import analysis_body, conclusion_body, experiment_facts

__all__ = ["experiment_detail"]

_FURTHEST: Final = 2.0


def experiment_detail(each: ExperimentOverview, snapshot: Snapshot) -> str:
    """Return what stands where the list was."""
    experiment, now = each.experiment, snapshot.at
    description = f'<p class="lead">{isolated(experiment.description)}</p>' if experiment.description else ""
    reason = f": {isolated(experiment.reason)}" if experiment.reason else ""
    look = "running" if experiment.status == "running" else ""
    return (
        f"<h2>{isolated(experiment.name or experiment.id)}</h2>{description}"
        f'<p class="lead">{chip(look, experiment.status)}{reason} · {_time(each, now)}</p>'
        f"{_unread(snapshot, experiment.id)}{_shown(each)}"
        f"<section><h3>Lift over time</h3>{_progress(each)}</section>"
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


def _progress(each: ExperimentOverview) -> str:
    drawn = "".join(
        _chart(each, name, points)
        for name in each.experiment.models
        if (points := [point for point in each.progress if point.variant_id == name])
    )
    if not drawn:
        return "<p>No outcomes of the primary metric were recorded of both sides.</p>"
    return (
        '<p class="muted">With the interval that holds at every moment: once it has left zero, there is a '
        "difference, however often one looks. A gap is where a limit is too far away to draw.</p>"
        f'<div class="charts">{drawn}</div>'
    )


def _chart(each: ExperimentOverview, name: str, points: list[LiftAt]) -> str:
    times = np.array([point.at.replace(tzinfo=None) for point in points], "datetime64[us]")
    lifts = np.array([point.lift for point in points])
    lows, highs = (np.array([getattr(point.interval, end) for point in points]) for end in ("low", "high"))
    near = np.abs(np.array([*lifts, lows[-1], highs[-1]]))
    reach = _FURTHEST * near[np.isfinite(near)].max(initial=0.0)  # or the first days are all one sees
    lines = [
        Series("lift", 100 * lifts),
        Series("at least", 100 * np.where(lows < -reach, np.nan, lows)),
        Series("at most", 100 * np.where(highs > reach, np.nan, highs)),
    ]
    title = f"Lift of {metric_of(each.experiment.config.primary_metric).label}, {name}"
    return line_chart(
        title,
        times,
        lines,
        unit="%",
        reference=0.0,
        reference_name="no difference",
        limits=(-math.inf, math.inf),
    )
