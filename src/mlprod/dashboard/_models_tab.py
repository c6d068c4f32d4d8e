"""The second tab: every model, and what is known of each."""

import math
from typing import Final

from mlprod._html import METRICS
from mlprod._svg import NO_DATA, escaped, number
from mlprod.dashboard._overview_tab import HEALTH_RANK, health_of
from mlprod.dashboard._snapshot import ModelView, Snapshot
from mlprod.dashboard._tables import Cell, Column, Row, number_cell, sortable, text_cell, time_cell
from mlprod.dashboard._words import chip, link, nothing_there

__all__ = ["models_tab"]

_COLUMNS: Final = (
    Column("Model", "text"),
    Column("Health", "text"),
    Column("Active", "text"),
    Column("Versions"),
    Column("Alerts"),
    Column("Predictions"),
    Column("Accuracy"),
    Column("P&amp;L"),
    Column("p99 latency"),
    Column("Drift", "text"),
    Column("Last record"),
)
_RECORDED: Final = ("predictions_total", "accuracy", "total_pnl", "p99_latency_ms")


def models_tab(snapshot: Snapshot) -> str:
    """Return the list of models."""
    if not snapshot.models:
        return nothing_there(snapshot, "registry", "There are no models yet.")
    return sortable(
        "models-table",
        "Every model, with figures over everything recorded",
        _COLUMNS,
        map(_row, snapshot.models),
        groups={"production": "In production", "alerts": "With alerts", "drift": "With drift"},
        group_label="Only",
    )


def _row(model: ModelView) -> Row:
    health, production = health_of(model), model.production
    overview, report = model.overview, model.drift
    recorded = [_recorded(model, name) for name in _RECORDED]
    is_drifting = report is not None and report.overall.drift_detected
    groups = {
        "production": production is not None,
        "alerts": bool(model.alerts),
        "drift": is_drifting or model.unanswered is not None,
    }
    return Row(
        [
            text_cell(model.name, link("models", model.name)),
            Cell(chip(health, health), f"{HEALTH_RANK[health]}"),
            Cell(NO_DATA) if production is None else text_cell(production.version),
            _count(len(model.versions)),
            _count(len(model.alerts)),
            *recorded,
            _drift(model),
            time_cell(None if overview is None else overview.last),
        ],
        groups=[name for name, is_in in groups.items() if is_in],
    )


def _count(count: int) -> Cell:
    return number_cell(count, f"{count:,}" if count else NO_DATA)


def _recorded(model: ModelView, name: str) -> Cell:
    value = math.nan if model.overview is None else float(getattr(model.overview.whole, name))
    return number_cell(value, METRICS[name].shown(value))


def _drift(model: ModelView) -> Cell:
    if model.drift is None:
        return Cell("not readable" if "drift reports" in model.unread else "not checked")
    overall = model.drift.overall
    said = "drift" if overall.drift_detected else "no drift"
    score = f'<span class="sub nowrap">score {escaped(number(overall.score, 3))}</span>'
    look = "warning" if overall.drift_detected else "healthy"
    alarm = '<span class="sub">an alarm since</span>' if model.unanswered else ""
    return Cell(
        chip(look, said) + score + alarm, "" if math.isnan(overall.score) else f"{overall.score:.12g}"
    )
