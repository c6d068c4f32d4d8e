"""The second tab: every model, and what is known of each."""

import math
from typing import Final

from mlprod._html import METRICS, counted, isolated
from mlprod._svg import NO_DATA, escaped, number
from mlprod.dashboard._health import HEALTH_RANK, by_health, health_of
from mlprod.dashboard._refitting import is_of_acting
from mlprod.dashboard._snapshot import ModelView, Snapshot
from mlprod.dashboard._tables import Cell, Column, Row, number_cell, sortable, text_cell, time_cell
from mlprod.dashboard._words import chip, link, nothing_there
from mlprod.drift._explained_html import found_said

__all__ = ["models_tab"]

_COLUMNS: Final = (
    Column("Model", "text"),
    Column("Health", "text"),
    Column("Last record", "text"),
    Column("Active", "text"),
    Column("Drift", "text"),
    Column("Alerts"),
    Column("Predictions"),
    Column("Accuracy"),
    Column("P&amp;L"),
    Column("p99 latency"),
)
_RECORDED: Final = ("predictions_total", "accuracy", "total_pnl", "p99_latency_ms")


def models_tab(snapshot: Snapshot) -> str:
    """Return the list of models."""
    if not snapshot.models:
        return nothing_there(snapshot, "registry", "There are no models yet.")
    return sortable(
        "models-table",
        "Every model, those in trouble first, with figures over everything recorded",
        _COLUMNS,
        map(_row, sorted(snapshot.models, key=by_health)),
        groups={"production": "In production", "alerts": "With alerts", "drift": "With drift"},
        group_label="Only",
    )


def _row(model: ModelView) -> Row:
    health, production = health_of(model), model.production
    overview, report = model.overview, model.drift
    recorded = [_recorded(model, name) for name in _RECORDED]
    is_drifting = report is not None and report.overall.drift_detected and is_of_acting(model)
    groups = {
        "production": production is not None,
        "alerts": bool(model.alerts),
        "drift": is_drifting or model.unanswered is not None,
    }
    return Row(
        [
            text_cell(model.name, link("models", model.name)),
            Cell(chip(health, health), f"{HEALTH_RANK[health]}"),
            time_cell(None if overview is None else overview.last),
            _acting(model),
            _drift(model),
            _alerts(model),
            *recorded,
        ],
        groups=[name for name, is_in in groups.items() if is_in],
    )


def _acting(model: ModelView) -> Cell:
    if model.is_stranger:
        return Cell("not in the registry")
    count = len(model.versions)
    saved = f'<span class="sub">{counted(count, "version")}</span>' if count else ""
    if model.production is None:
        return Cell(NO_DATA + saved)
    return text_cell(model.production.version, isolated(model.production.version) + saved)


def _alerts(model: ModelView) -> Cell:
    count = len(model.alerts)
    return number_cell(count, f"{count:,}" if count else NO_DATA)


def _recorded(model: ModelView, name: str) -> Cell:
    value = math.nan if model.overview is None else float(getattr(model.overview.whole, name))
    return number_cell(value, METRICS[name].shown(value))


def _drift(model: ModelView) -> Cell:
    if model.drift is None:
        return Cell("not readable" if "drift reports" in model.unread else "not checked")
    overall = model.drift.overall
    look, said = found_said(model.drift)
    details = [f"score {escaped(number(overall.score, 3))}"]
    if not is_of_acting(model):
        look = ""
        details.append(f"of {isolated(model.drift.version or '')}, which does not act")
    if model.unanswered:
        details.append("an alarm since")
    listed = "".join(f'<span class="sub">{detail}</span>' for detail in details)
    return Cell(chip(look, said) + listed, "" if math.isnan(overall.score) else f"{overall.score:.12g}")
