"""The fourth tab: active and past alerts, and how to acknowledge each."""

from typing import Final

from mlprod._html import isolated, time_tag
from mlprod._svg import NO_DATA, escaped
from mlprod.dashboard._snapshot import Snapshot
from mlprod.dashboard._tables import Cell, Column, Row, sortable, text_cell, time_cell
from mlprod.dashboard._words import alert_said, chip, copied, link, nothing_there
from mlprod.monitoring import Alert

__all__ = ["acknowledging", "alerts_tab"]

_COLUMNS: Final = (
    Column("Model", "text"),
    Column("Severity", "text"),
    Column("State", "text"),
    Column("What, and how to acknowledge it", "wordy"),
    Column("Since"),
    Column("Resolved"),
    Column("Acknowledged", "text"),
)
_RANK: Final = {"firing": 0, "acknowledged": 1, "pending": 2, "resolved": 3}
_SEVERITY: Final = {"critical": 0, "warning": 1}


def alerts_tab(snapshot: Snapshot) -> str:
    """Return the list of alerts."""
    if not snapshot.alerts:
        return nothing_there(snapshot, "alerts", "No alert has ever fired.")
    newest = sorted(snapshot.alerts, key=lambda alert: alert.since, reverse=True)
    newest.sort(key=lambda alert: (_RANK[alert.state], _SEVERITY[alert.severity]))
    states = {alert.state for alert in snapshot.alerts}
    groups: dict[str, str] = {state: state.capitalize() for state in _RANK if state in states}
    return sortable(
        "alerts-table",
        "Every alert: firing ones first, then acknowledged, pending and resolved ones; "
        "among each, critical ones first, then the newest",
        _COLUMNS,
        (_row(alert, snapshot.store) for alert in newest),
        groups={**groups, "critical": "Critical", "warning": "Warning"},
    )


def acknowledging(alert: Alert, store: str) -> str:
    """Return the line of Python that acknowledges an alert, from wherever it is run; it asks who does."""
    return (
        f"import mlprod; mlprod.PerformanceMonitor({store!r}).acknowledge_alert("
        f'{alert.id!r}, by=input("Your name: "), note=input("Note: "))'
    )


def _row(alert: Alert, store: str) -> Row:
    look = alert.severity if alert.is_active else ""
    return Row(
        [
            text_cell(
                alert.model_id,
                f'{link("models", alert.model_id)}<span class="sub">{isolated(alert.version)}</span>',
            ),
            Cell(chip(look, alert.severity), f"{_SEVERITY[alert.severity]}"),
            Cell(escaped(alert.state), f"{_RANK[alert.state]}"),
            text_cell(
                alert.type,
                f"<strong>{isolated(alert.type)}</strong>"
                f'<span class="sub">{isolated(alert_said(alert))}</span>{_line(alert, store)}',
            ),
            time_cell(alert.since),
            time_cell(alert.resolved_at),
            _acknowledged(alert),
        ],
        groups=[alert.state, alert.severity],
        id=f"alert-{alert.id}",
    )


def _acknowledged(alert: Alert) -> Cell:
    if alert.acknowledged_at is None:
        return Cell(NO_DATA)
    by = isolated(alert.acknowledged_by) if alert.acknowledged_by else "by somebody"
    note = f'<span class="sub">{isolated(alert.note)}</span>' if alert.note else ""
    when = f'<span class="sub">{time_tag(alert.acknowledged_at)}</span>'
    return Cell(f"{by}{when}{note}", alert.acknowledged_by or "-")


def _line(alert: Alert, store: str) -> str:
    if alert.state != "firing":
        return ""
    return copied(acknowledging(alert, store), f"Copy the line that acknowledges {alert.id}")
