"""The first tab: what needs a person, how everything does, and the last day against the one before."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mlprod._html import METRICS, counted, isolated, tile
from mlprod._svg import NO_DATA, escaped
from mlprod.dashboard._health import HEALTH_RANK, by_health, health_of, reasons_of
from mlprod.dashboard._needs import Need, Urgency, needs_of
from mlprod.dashboard._snapshot import ModelView, Snapshot
from mlprod.dashboard._tables import Cell, Column, Row, number_cell, sortable, text_cell
from mlprod.dashboard._words import chip, copied, link, nothing_there
from mlprod.monitoring import ModelPerformanceMetrics
from mlprod.monitoring._report import changes_of
from mlprod.monitoring._report_html import changed

__all__ = ["overview_tab"]

_VERBS: Final[dict[Urgency, str]] = {"now": "act on now", "decide": "decide", "look": "have a look at"}
_HOW: Final = {"now": "Act now", "decide": "Decide", "look": "Have a look"}
_FIRST: Final = 12
_COMPARED: Final = ("predictions_total", "accuracy", "error_rate", "total_pnl", "p99_latency_ms")


def overview_tab(snapshot: Snapshot) -> str:
    """Return the content of the tab."""
    needs = needs_of(snapshot)
    return (
        f"<section><h3>What needs a person</h3>{_needs(needs)}</section>"
        f"<section><h3>At a glance</h3>{_tiles(snapshot)}</section>"
        f"<section><h3>Health of every model</h3>{_health(snapshot)}</section>"
    )


def _needs(needs: Sequence[Need]) -> str:
    if not needs:
        return (
            '<p class="calm">Nothing does, as far as anything was recorded and by the '
            "thresholds that are set; money is watched only where one of them names it.</p>"
        )
    first = _listed(needs[:_FIRST])
    rest = needs[_FIRST:]
    if not rest:
        return first
    counts = Counter(need.urgency for need in rest)
    said = ", ".join(f"{counts[urgency]:,} to {verb}" for urgency, verb in _VERBS.items() if counts[urgency])
    return f"{first}<details><summary>And {len(rest):,} more: {said}</summary>{_listed(rest)}</details>"


def _listed(needs: Iterable[Need]) -> str:
    return f'<ul class="needs">{"".join(map(_need, needs))}</ul>'


def _need(need: Need) -> str:
    if need.place:
        tab, _, name = need.place.partition("/")
        subject = link(tab, name, need.subject)
    else:
        subject = f"<strong>{isolated(need.subject)}</strong>"
    return (
        f'<li class="{need.urgency}"><span class="how">{_HOW[need.urgency]}</span>'
        f"<span>{subject} {isolated(need.sentence.rstrip('.'))}."
        f'<span class="sub step">{isolated(need.step)}{_line(need)}</span></span></li>'
    )


def _line(need: Need) -> str:
    return f": {copied(need.line, f'Copy the line for {need.subject}')}" if need.line else "."


# --- at a glance ----------------------------------------------------------------------------------------


def _tiles(snapshot: Snapshot) -> str:
    health = Counter(map(health_of, snapshot.models))
    states = ", ".join(f"{health[state]:,} {state}" for state in HEALTH_RANK if health[state])
    active = [alert for alert in snapshot.alerts if alert.is_active]
    critical = sum(alert.severity == "critical" for alert in active)
    pending = sum(alert.state == "pending" for alert in snapshot.alerts)
    status = Counter(each.experiment.status for each in snapshot.experiments)
    acting = sum(model.production is not None for model in snapshot.models)
    tiles = [
        (
            "Models",
            f"{len(snapshot.models):,}",
            escaped(f"{states}; {acting:,} in production" if states else "none yet"),
        ),
        (
            "Experiments running",
            f"{status['running']:,}",
            escaped(f"of {len(snapshot.experiments):,} in all"),
        ),
        ("Alerts active", f"{len(active):,}", escaped(f"{critical:,} critical; {pending:,} pending")),
        _total(snapshot, "predictions_total", "Predictions, last day"),
        _traded(snapshot, "trades_total", "Trades, last day"),
        _traded(snapshot, "total_pnl", "P&L, last day"),
    ]
    drawn = (tile(escaped(label), value, about) for label, value, about in tiles)
    return f'<dl class="tiles">{"".join(drawn)}</dl>'


def _total(snapshot: Snapshot, name: str, label: str) -> tuple[str, str, str]:
    """Return the sum over all models of the last day, beside that of the day before."""
    metric = METRICS[name]
    overviews = [model.overview for model in snapshot.models if model.overview is not None]
    now = _summed(overview.day for overview in overviews)(name)
    before = _summed(overview.day_before for overview in overviews)(name)
    if math.isnan(now) and math.isnan(before):
        return label, NO_DATA, "no data"
    change = changed(metric, now - before) if not math.isnan(now - before) else "no data the day before"
    return label, metric.shown(now), change


def _traded(snapshot: Snapshot, name: str, label: str) -> tuple[str, str, str]:
    """Return the same of trades, of which experiments may have others."""
    label, value, about = _total(snapshot, name, label)
    counted_ones = (
        '<span class="sub">recorded with the monitor; experiments have their own</span>'
        if snapshot.experiments
        else ""
    )
    return label, value, about + counted_ones


def _summed(many: Iterable[ModelPerformanceMetrics]) -> Callable[[str], float]:
    """Return what sums up a metric; NaN where no model has it."""
    found = list(many)

    def total(name: str) -> float:
        values = [float(getattr(each, name)) for each in found]
        known = [value for value in values if not math.isnan(value)]
        return math.fsum(known) if known else math.nan

    return total


# --- the health of every model --------------------------------------------------------------------------


def _health(snapshot: Snapshot) -> str:
    if not snapshot.models:
        return nothing_there(snapshot, "registry", "There are no models yet.")
    without = (
        '<p class="note">Alerts could not be read: nobody counts as healthy here.</p>'
        if snapshot.is_unread("alerts")
        else ""
    )
    ordered = sorted(snapshot.models, key=by_health)
    columns = [
        Column("Model", "text"),
        Column("Health", "text"),
        Column("Why", "wordy", is_sortable=False),
        *(Column(escaped(METRICS[name].label)) for name in _COMPARED),
    ]
    present = {health_of(model) for model in snapshot.models}
    return without + sortable(
        "health",
        "The last 24 hours of each model, all versions together, and how they differ from the 24 hours "
        "before; health is that of the version in production, if it recorded anything",
        columns,
        map(_row, ordered),
        groups={state: state.capitalize() for state in HEALTH_RANK if state in present},
        group_label="Health",
    )


def _row(model: ModelView) -> Row:
    health = health_of(model)
    overview = model.overview
    reasons = reasons_of(model)
    if overview is None:
        is_unread = "records" in model.unread
        nothing = "what was recorded could not be read" if is_unread else "nothing was recorded"
        why = Cell(_why([nothing, *reasons]))
        figures = [Cell(NO_DATA) for _ in _COMPARED]
    else:
        why = Cell(_why(reasons))
        changes = changes_of(overview.day, overview.day_before)
        figures = [_figure(overview.day, changes[name], name) for name in _COMPARED]
    return Row(
        [
            text_cell(model.name, link("models", model.name)),
            Cell(chip(health, health), f"{HEALTH_RANK[health]}"),
            why,
            *figures,
        ],
        groups=[health],
    )


def _why(reasons: Sequence[str]) -> str:
    if not reasons:
        return NO_DATA
    more = (
        f'<span class="sub">and {counted(len(reasons) - 1, "more reason")}</span>' if len(reasons) > 1 else ""
    )
    return isolated(reasons[0][:1].upper() + reasons[0][1:]) + more


def _figure(metrics: ModelPerformanceMetrics, change: float, name: str) -> Cell:
    metric = METRICS[name]
    value = float(getattr(metrics, name))
    more = "" if math.isnan(change) or change == 0 else f'<span class="sub">{changed(metric, change)}</span>'
    return number_cell(value, metric.shown(value), more)
