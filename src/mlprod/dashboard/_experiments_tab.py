"""The third tab: running and past experiments."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mlprod._html import isolated, time_tag
from mlprod._svg import NO_DATA, escaped
from mlprod.dashboard._snapshot import Snapshot
from mlprod.dashboard._tables import Cell, Column, Row, number_cell, sortable, text_cell
from mlprod.dashboard._words import chip, length, lift, link, nothing_there
from mlprod.experiments import ExperimentConclusion, ExperimentOverview
from mlprod.experiments._verdict_words import asked, decisive, limits_said

__all__ = ["experiments_tab", "standing", "time_left"]

_COLUMNS: Final = (
    Column("Experiment", "text"),
    Column("Status", "text"),
    Column("Time left", "text"),
    Column("Verdict", "text"),
    Column("Lift"),
    Column("Metric", "text"),
    Column("Samples"),
    Column("Traffic", "text", is_sortable=False),
    Column("Sample ratio", "text"),
)
_STATUSES: Final = ("running", "paused", "draft", "stopped", "completed")
_LOOKS: Final = {"running": "running", "paused": "warning"}


def experiments_tab(snapshot: Snapshot) -> str:
    """Return the list of experiments."""
    if not snapshot.experiments:
        return nothing_there(snapshot, "experiments", "There are no experiments yet.")
    newest = list(reversed(snapshot.experiments))
    newest.sort(key=lambda each: _STATUSES.index(each.experiment.status))
    present = {each.experiment.status for each in snapshot.experiments}
    return sortable(
        "experiments-table",
        "Every experiment: those that run first",
        _COLUMNS,
        (_row(each, snapshot) for each in newest),
        groups={status: status.capitalize() for status in _STATUSES if status in present},
    )


def standing(each: ExperimentOverview) -> ExperimentConclusion | None:
    """Return what an experiment has shown, or would if it ended now; None before it starts."""
    return each.analysis.verdict if each.analysis is not None else each.experiment.conclusion


def time_left(each: ExperimentOverview, now: datetime) -> str:
    """Say how long an experiment goes on, or when it ended; markup."""
    experiment, ends_at = each.experiment, each.experiment.ends_at()
    if experiment.ended_at is not None:
        return f'ended <span class="sub">{time_tag(experiment.ended_at)}</span>'
    if ends_at is None:
        return "paused" if experiment.paused_at is not None else "not started"
    return "over: ends when looked at" if each.is_due else escaped(length(ends_at - now))


def _row(each: ExperimentOverview, snapshot: Snapshot) -> Row:
    experiment, verdict, now = each.experiment, standing(each), snapshot.at
    name = experiment.name or experiment.id
    ends_at = experiment.ends_at()
    return Row(
        [
            text_cell(name, link("experiments", experiment.id, name)),
            Cell(chip(_LOOKS.get(experiment.status, ""), experiment.status), experiment.status),
            Cell(time_left(each, now), "" if ends_at is None else f"{(ends_at - now).total_seconds():.0f}"),
            _verdict(verdict, is_whole=not snapshot.is_unread("outcomes", experiment.id)),
            _lift(verdict),
            _metric(each, verdict),
            _samples(verdict),
            Cell(escaped(_traffic(each))),
            _ratio(verdict),
        ],
        groups=[experiment.status],
    )


def _verdict(verdict: ExperimentConclusion | None, *, is_whole: bool) -> Cell:
    without = "" if is_whole else '<span class="sub">some outcomes could not be read</span>'
    if verdict is None:
        return Cell(NO_DATA + without)
    chosen = '<span class="sub">chosen by the caller</span>' if verdict.is_chosen else ""
    return text_cell(verdict.winner, isolated(verdict.winner) + chosen + without)


def _lift(verdict: ExperimentConclusion | None) -> Cell:
    """Return the lift with the very limits by which the verdict was reached, and what they are."""
    if verdict is None or math.isnan(verdict.effect_size):
        return Cell(NO_DATA)
    question = "" if verdict.test == "none" else f'<span class="sub asked">{escaped(asked(verdict))}</span>'
    limits = f'<span class="sub">{escaped(limits_said(verdict.interval))}</span>{question}'
    return number_cell(verdict.effect_size, lift(verdict.effect_size), limits)


def _metric(each: ExperimentOverview, verdict: ExperimentConclusion | None) -> Cell:
    """Return what the figures are of: of one that a guardrail has stopped, that guardrail."""
    return text_cell((verdict and verdict.metric) or each.experiment.config.primary_metric)


def _samples(verdict: ExperimentConclusion | None) -> Cell:
    best = None if verdict is None else decisive(verdict)
    if best is None:
        return Cell(NO_DATA)
    return number_cell(
        best.control_samples + best.treatment_samples,
        f"{best.control_samples:,} / {best.treatment_samples:,}",
    )


def _traffic(each: ExperimentOverview) -> str:
    if each.experiment.config.mode == "shadow":
        return "shadow"
    shares: Sequence[float] = each.experiment.split if each.experiment.phases else ()
    return " / ".join(f"{100 * share:.3g}" for share in shares) + "%" if shares else NO_DATA


def _ratio(verdict: ExperimentConclusion | None) -> Cell:
    if verdict is None or not sum(verdict.srm.observed.values()):
        return Cell(NO_DATA)
    if verdict.srm.is_mismatch:
        return Cell(chip("critical", "mismatch"), "0")
    return Cell(isolated("as planned"), "1")
