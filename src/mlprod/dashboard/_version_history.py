"""The versions of a model, with what was recorded of each, and the decisions about them."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from mlprod._html import METRICS, counted, isolated, time_tag
from mlprod._svg import NO_DATA, escaped, number
from mlprod.dashboard._snapshot import ModelView
from mlprod.dashboard._tables import Cell, Column, Row, number_cell, sortable, text_cell, time_cell
from mlprod.dashboard._words import chip
from mlprod.models import ModelEvent, ModelMetadata
from mlprod.monitoring import ModelOverview, ModelPerformanceMetrics

__all__ = ["decisions", "versions"]

_LISTED: Final = 50


def versions(model: ModelView) -> str:
    recorded = _by_version(model.overview)
    saved = {version.version: version for version in model.versions}
    names = [*reversed(saved), *(name for name in recorded if name not in saved)]
    if not names:
        return ""
    columns = [
        Column("Version", "text"),
        Column("Stage", "text"),
        Column("Saved"),
        Column("Metrics when saved", "wordy", is_sortable=False),
        Column("Size"),
        Column("Predictions"),
        Column("Accuracy"),
        Column("P&amp;L"),
    ]
    is_unread = "registry" in model.unread
    rows = [
        _version(name, saved.get(name), recorded.get(name), is_unread=is_unread) for name in names[:_LISTED]
    ]
    more = len(names) - _LISTED
    rest = f'<p class="note">And {counted(more, "earlier one")}.</p>' if more > 0 else ""
    return sortable(f"versions-{model.name}", "Versions, the newest first", columns, rows) + rest


def _by_version(overview: ModelOverview | None) -> Mapping[str, ModelPerformanceMetrics]:
    return {} if overview is None else {of.version or "": of for of in overview.versions}


def _version(
    name: str,
    saved: ModelMetadata | None,
    recorded: ModelPerformanceMetrics | None,
    *,
    is_unread: bool,
) -> Row:
    figures = _figures(recorded)
    if saved is None:
        unknown = [
            Cell("not known" if is_unread else "not in the registry"),
            Cell(NO_DATA),
            Cell(NO_DATA),
            Cell(NO_DATA),
        ]
        return Row([text_cell(name), *unknown, *figures])
    tags = [*saved.aliases, *saved.tags]
    named = f'<span class="sub">{isolated(", ".join(tags))}</span>' if tags else ""
    return Row(
        [
            Cell(isolated(name) + named, name),
            Cell(chip("running" if saved.is_active else "", saved.stage), saved.stage),
            time_cell(saved.created_at),
            Cell(_metrics(saved.metrics)),
            number_cell(
                saved.size, f"{saved.size:,} B", f'<span class="sub">{isolated(saved.format)}</span>'
            ),
            *figures,
        ]
    )


def _metrics(metrics: Mapping[str, float]) -> str:
    return (
        ", ".join(f"{isolated(name)} {escaped(number(value))}" for name, value in metrics.items()) or NO_DATA
    )


def _figures(recorded: ModelPerformanceMetrics | None) -> list[Cell]:
    """Return predictions, accuracy with the mean error below it, and P&L."""
    if recorded is None:
        return [Cell(NO_DATA)] * 3
    off = f"mean error {METRICS['mae'].shown(recorded.mae)}"
    error = "" if math.isnan(recorded.mae) else f'<span class="sub">{escaped(off)}</span>'
    return [
        _figure(recorded.predictions_total, "predictions_total"),
        _figure(recorded.accuracy, "accuracy", error),
        _figure(recorded.total_pnl, "total_pnl"),
    ]


def _figure(value: float, name: str, more: str = "") -> Cell:
    return number_cell(value, METRICS[name].shown(value), more)


def decisions(model: ModelView) -> str:
    if not model.events:
        is_unread = "registry" in model.unread
        return f"<p>The registry {'could not be read' if is_unread else 'does not know this model'}.</p>"
    more = len(model.events) - _LISTED
    rest = f'<p class="note">And {counted(more, "earlier one")}.</p>' if more > 0 else ""
    return f'<ul class="events">{"".join(_events(model))}</ul>{rest}'


def _events(model: ModelView) -> Iterator[str]:
    for event in list(reversed(model.events))[:_LISTED]:
        yield f"<li>{time_tag(event.when)} {_said(event)}</li>"


def _said(event: ModelEvent) -> str:
    change = " \N{RIGHTWARDS ARROW} ".join(isolated(one) for one in (event.from_, event.to) if one)
    detail = f" {isolated(event.detail)}" if event.detail else ""
    reason = f": {isolated(event.reason)}" if event.reason else ""
    return f"<strong>{escaped(event.what.replace('_', ' '))}</strong>{detail} {change}{reason}"
