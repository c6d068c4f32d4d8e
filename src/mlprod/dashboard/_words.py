"""How the page says things: links, states, lengths of time, alerts."""

import math
from datetime import timedelta
from typing import Final

from mlprod._html import METRICS, Metric, counted, isolated
from mlprod._svg import NO_DATA, escaped, number
from mlprod.dashboard._snapshot import UNREAD, Part, Snapshot
from mlprod.drift import DriftAlarm
from mlprod.monitoring import Alert

__all__ = [
    "alarm_said",
    "alert_said",
    "chip",
    "copied",
    "length",
    "lift",
    "link",
    "metric_of",
    "nothing_there",
]

_SHARE: Final = Metric("Share", "Drift", "percent")
_CHANGES: Final = {
    "level up": "is higher than in the reference",
    "level down": "is lower than in the reference",
    "scale up": "spreads wider than in the reference",
    "scale down": "spreads less than in the reference",
}
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def link(tab: str, name: str, text: str = "") -> str:
    """Return a link to a model, an experiment or an alert; names need no escapes in a fragment."""
    return f'<a href="#{tab}/{escaped(name)}">{isolated(text or name)}</a>'


def chip(look: str, text: str) -> str:
    """Return a state, with a mark whose form and colour say the same as the word."""
    return f'<span class="chip {look}">{escaped(text)}</span>'


def copied(code: str, label: str) -> str:
    """Return code with a button that copies it, which is called by its label."""
    shown = escaped(code).replace(").ack", ")<wbr>.ack")
    return (
        f'<span class="line"><code>{shown}</code>'
        f'<button type="button" class="copy" aria-label="{escaped(label)}">Copy</button></span>'
    )


def length(span: timedelta) -> str:
    """Say how long something is, in its two largest units.

    Example:
        >>> length(timedelta(days=2, hours=5, minutes=3)), length(timedelta(seconds=20))
        ('2 days 5 hours', 'less than a minute')
    """
    rest = max(0, round(span.total_seconds()))
    said: list[str] = []
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        said.append(counted(count, unit) if count else "")
    first = next((at for at, part in enumerate(said) if part), len(said))
    return " ".join(filter(None, said[first : first + 2])) or "less than a minute"


def lift(value: float) -> str:
    """Write a relative change with its sign."""
    return ("+" if value > 0 else "") + _SHARE.shown(value)


def nothing_there(snapshot: Snapshot, part: Part, said: str) -> str:
    """Say that there is nothing, unless it is not known."""
    is_unread = snapshot.is_unread(part)
    return f"<p>{escaped(f'{UNREAD[part].capitalize()} could not be read.' if is_unread else said)}</p>"


def metric_of(name: str) -> Metric:
    """Return how people read a metric, be it one of the application's own."""
    return METRICS.get(name) or Metric(name, "Predictions", "plain")


def alert_said(alert: Alert) -> str:
    """Say in words what an alert is about.

    Example:
        >>> from datetime import UTC, datetime
        >>> since = datetime(2026, 1, 2, tzinfo=UTC)
        >>> alert_said(Alert(id="a1-0", model_id="har", version="1.0.0", type="accuracy_drop",
        ...     metric="accuracy", severity="warning", threshold=0.5, comparison="below", value=0.41,
        ...     samples=60, state="firing", since=since))
        'Accuracy was 41.0%, below 50.0%, over 60 samples'
    """
    metric = metric_of(alert.metric)
    value = NO_DATA if math.isnan(alert.value) else metric.shown(alert.value)
    return (
        f"{metric.label} was {value}, {alert.comparison} {metric.shown(alert.threshold)}, "
        f"over {counted(alert.samples, 'sample')}"
    )


def alarm_said(alarm: DriftAlarm) -> str:
    """Say in words what an alarm of those who watch row by row is about.

    Example:
        >>> from datetime import UTC, datetime
        >>> alarm_said(DriftAlarm(model_id="har", version="1.0.0", time=datetime(2026, 1, 2, tzinfo=UTC),
        ...     feature="rsi", change="level up", evidence=91_000.0, threshold=43_200.0, rows=5_000,
        ...     rows_since_change=120, method="e_detector"))
        'rsi is higher than in the reference, since about 120 rows before; e-value 91,000, alarm from 43,200'
    """
    what = _CHANGES.get(alarm.change, "has changed in the mean")
    evidence, threshold = number(alarm.evidence, 3), number(alarm.threshold, 3)
    if alarm.method == "adwin":
        strength = f"mean rank {evidence}, {threshold} without a change"
    else:
        strength = f"e-value {evidence}, alarm from {threshold}"
    since = counted(alarm.rows_since_change, "row")
    return f"{alarm.feature} {what}, since about {since} before; {strength}"
