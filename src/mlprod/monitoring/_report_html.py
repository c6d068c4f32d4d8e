"""Reports and histories as HTML: no script, nothing fetched, all that users wrote escaped and isolated."""

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from types import MappingProxyType
from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._html import (
    GROUPS,
    METRICS,
    NOTEBOOK_STYLE,
    PAGE_STYLE,
    STYLE,
    Metric,
    counted,
    isolated,
    scrolling,
    tile,
    time_tag,
)
from mlprod._svg import NO_DATA, Series, escaped, line_chart, number
from mlprod.monitoring._overview import ModelOverview
from mlprod.monitoring._period import Period
from mlprod.monitoring._report import PerformanceReport, changes_of
from mlprod.monitoring._values import Alert, MetricsHistory, ModelPerformanceMetrics

__all__ = [
    "TimeSpan",
    "alert_list",
    "changed",
    "charts",
    "compared",
    "duration_said",
    "fragment",
    "has_data",
    "judging_said",
    "page",
    "recorded_span",
    "version_said",
    "within",
]

Floats: TypeAlias = NDArray[np.float64]
Times: TypeAlias = NDArray[np.datetime64]
TimeSpan: TypeAlias = tuple[np.datetime64, np.datetime64]

_BEFORE: Final[Mapping[Period, str]] = MappingProxyType(
    {
        "hourly": "the hour before",
        "daily": "the day before",
        "weekly": "the week before",
        "monthly": "the month before",
    }
)
_TILES: Final = ("accuracy", "win_rate", "total_pnl", "max_drawdown", "p99_latency_ms", "error_rate")
_VERSION_COLUMNS: Final = (
    "predictions_total",
    "accuracy",
    "error_rate",
    "win_rate",
    "total_pnl",
    "p99_latency_ms",
)
_UP, _DOWN = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}"
_coarse_chart: Final = functools.partial(line_chart, most_points=150, most_strips=30)  # a notebook keeps all
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(report: PerformanceReport) -> str:
    """Return a whole page that needs nothing else."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escaped(report.model_id)}: {report.period} report</title>"
        f"<style>{STYLE}{PAGE_STYLE}</style></head>"
        f'<body><main class="mlprod-report">{_report(report, 1)}</main></body></html>'
    )


def fragment(report: PerformanceReport) -> str:
    """Return the same to stand in a notebook, drawn less finely."""
    return f'<div class="mlprod-report"><style>{STYLE}{NOTEBOOK_STYLE}</style>{_report(report, 2)}</div>'


def _report(report: PerformanceReport, level: int) -> str:
    parts = {
        "Alerts": alert_list(report.alerts) or "<p>None in this period.</p>",
        "Over time": charts(report.history, report.alerts, span=_reported(report), is_page=level == 1),
        "All metrics": _metrics(report),
        "Versions": _versions(report.versions) if len(report.versions) > 1 else "",
    }
    sections = (
        f"<section><h{level + 1}>{title}</h{level + 1}>{content}</section>"
        for title, content in parts.items()
        if content
    )
    so_far = ", so far" if report.generated_at < report.until else ""
    return (
        f"<header><h{level}>{isolated(report.model_id)}</h{level}>"
        f"<p>{report.period.capitalize()} report, {version_said(report.version)}: "
        f"{time_tag(report.since, seconds=True)} to {time_tag(report.until, seconds=True)}{so_far}</p>"
        "</header>"
        f"{compared(report.metrics, report.previous, _BEFORE[report.period])}{''.join(sections)}"
        f"<footer><p>{NO_DATA} means no data. Changes are against {_BEFORE[report.period]}; "
        "that one is better or worse does not say that it is more than chance.</p>"
        f"{judging_said(report.accuracy_tolerance, report.metrics, report.previous)}"
        f"<p>Made {time_tag(report.generated_at, seconds=True)}.</p></footer>"
    )


# --- parts ----------------------------------------------------------------------------------------------


def compared(metrics: ModelPerformanceMetrics, previous: ModelPerformanceMetrics, before: str) -> str:
    """Return the figures that matter most, each beside the same of a period before."""
    changes = changes_of(metrics, previous)

    def shown(name: str) -> str:
        metric, now, change = METRICS[name], _of(metrics, name), changes[name]
        if math.isnan(change):
            said = "no data" if math.isnan(now) else f"no data {before}"
        else:
            said = changed(metric, change)
        return tile(escaped(metric.label), metric.shown(now), said)

    is_amount = math.isnan(metrics.max_drawdown) and not math.isnan(metrics.max_drawdown_amount)
    names = (f"{name}_amount" if is_amount and name == "max_drawdown" else name for name in _TILES)
    return f'<dl class="tiles">{"".join(map(shown, names))}</dl>'


def alert_list(alerts: Iterable[Alert], *, most: int = 1_000) -> str:
    """Return alerts, those that need somebody first; nothing if there are none."""
    ordered = sorted(alerts, key=lambda alert: alert.since, reverse=True)
    ordered.sort(key=lambda alert: (not alert.is_active, alert.severity != "critical"))
    rest = len(ordered) - most
    more = f'<p class="muted">And {counted(rest, "more alert")}.</p>' if rest > 0 else ""
    return f"<ul>{''.join(map(_alert, ordered[:most]))}</ul>{more}" if ordered else ""


def _alert(alert: Alert) -> str:
    metric = METRICS.get(alert.metric) or Metric(alert.metric, "Drift", "plain")
    samples = counted(alert.samples, "sample")
    now, threshold = (escaped(metric.shown(value)) for value in (alert.value, alert.threshold))
    times = {"Seen": alert.since, "fired": alert.fired_at, "resolved": alert.resolved_at}
    crossed = f"{isolated(metric.label)} was {now}, {alert.comparison} {threshold}, over {samples}"
    lines = [
        f"<strong>{alert.severity.capitalize()}, {alert.state}: {isolated(alert.type)}</strong>",
        f"{crossed}; {version_said(alert.version)}.",
        ", ".join(f"{what} {time_tag(when, seconds=True)}" for what, when in times.items() if when) + ".",
    ]
    if alert.acknowledged_at:
        by = f" by {isolated(alert.acknowledged_by)}" if alert.acknowledged_by else ""
        note = f": {isolated(alert.note)}" if alert.note else "."
        lines.append(f"Acknowledged {time_tag(alert.acknowledged_at, seconds=True)}{by}{note}")
    if alert.reason:
        lines.append(f'<span class="muted">{isolated(alert.reason)}</span>')
    look = "resolved" if alert.state == "resolved" else alert.severity
    return f'<li class="{look}">{"".join(f"<p>{line}</p>" for line in lines)}</li>'


def charts(
    history: MetricsHistory,
    alerts: Iterable[Alert],
    *,
    span: TimeSpan | None = None,
    more: str = "",
    is_page: bool = True,
) -> str:
    """Return plots of a history, with the thresholds of alerts; and more plots behind them.

    Args:
        history: what to plot.
        alerts: those that crossed a threshold.
        span: from when to when all plots are; None: from the beginning of the first step to the end of the
            last one.
        more: plots behind them.
        is_page: whether they may be as fine as a page is.
    """
    thresholds = {alert.metric: alert.threshold for alert in alerts}
    draw = line_chart if is_page else _coarse_chart
    kept, ends = (history, _whole(history)) if span is None else (within(history, span), span)
    drawn = "".join(_drawn(kept, thresholds, functools.partial(draw, span=ends), ends)) + more
    return f'<div class="charts">{drawn}</div>' if drawn else "<p>No data to plot.</p>"


def recorded_span(overview: ModelOverview) -> TimeSpan:
    """Return from when to when there are records in the history of a model."""
    first, last = (np.datetime64(end.replace(tzinfo=None), "us") for end in (overview.first, overview.last))
    return max(first, overview.history.times[0]), last


def within(history: MetricsHistory, span: TimeSpan) -> MetricsHistory:
    """Return the steps that begin before a span ends, without those behind it in which nothing can be."""
    count = max(1, int(np.searchsorted(history.times, span[1], "right")))
    return attrs.evolve(
        history,
        times=history.times[:count],
        columns={name: values[:count] for name, values in history.columns.items()},
        equity=history.equity[:count],
        drawdown=history.drawdown[:count],
    )


def _whole(history: MetricsHistory) -> TimeSpan | None:
    return (history.times[0], history.times[-1] + _step(history)) if len(history.times) else None


def _reported(report: PerformanceReport) -> TimeSpan:
    ends = report.since, max(report.since, min(report.until, report.generated_at))
    first, last = (np.datetime64(end.astimezone(UTC).replace(tzinfo=None), "us") for end in ends)
    return first, last


def _step(history: MetricsHistory) -> np.timedelta64:
    return np.timedelta64(round(history.step_seconds * 1e6), "us")


def _drawn(
    history: MetricsHistory, thresholds: Mapping[str, float], draw: Callable[..., str], span: TimeSpan | None
) -> Iterator[str]:
    """Plot what there are data for; where a line crossed the threshold of an alert, with that threshold."""
    times, accuracy, equity = history.times, history["accuracy"], history.equity
    if np.isfinite(accuracy).any():
        level = 100 * thresholds.get("accuracy", math.nan)
        with np.errstate(over="ignore"):  # what is infinite is a gap
            lines = [Series("Accuracy", 100 * accuracy)]
        yield draw("Accuracy", times, lines, unit="%", limits=(0, 100), reference=level)
    if (np.isfinite(equity) & (equity != 0)).any():
        ends, equity, drawdown = _equity(history)
        if span is not None and span[0] == span[1]:  # no time in which it could have grown
            ends, equity, drawdown = ends[-1:], equity[-1:], drawdown[-1:]
        yield draw("Equity", ends, [Series("Equity", equity)])
        most = METRICS["max_drawdown_amount"].shown(history.drawdown.max())
        lines = [Series("Drawdown", drawdown, "area")]
        yield draw(f"Drawdown, at most {most}", ends, lines, limits=(-math.inf, 0))
    latencies = {name: f"{name}_latency_ms" for name in ("p50", "p95", "p99")}
    if any(np.isfinite(history[column]).any() for column in latencies.values()):
        level = next((thresholds[column] for column in latencies.values() if column in thresholds), math.nan)
        lines = [Series(name, history[column]) for name, column in latencies.items()]
        yield draw("Latency", times, lines, unit="ms", limits=(0, math.inf), reference=level)


def _equity(history: MetricsHistory) -> tuple[NDArray[np.datetime64], Floats, Floats]:
    """Return equity and drawdown, in money, at the beginning and at the end of each step."""
    ends = np.concatenate([history.times[:1], history.times + _step(history)])
    with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is a gap
        before = history.equity[:1] - np.nan_to_num(history["total_pnl"][:1])
    equity = np.concatenate([before, history.equity])
    return ends, equity, 0.0 - np.concatenate([[0.0], history.drawdown])


def _metrics(report: PerformanceReport) -> str:
    def row(name: str) -> str:
        metric, change = METRICS[name], report.changes[name]
        shown = [escaped(metric.shown(_of(of, name))) for of in (report.metrics, report.previous)]
        return (
            f'<tr><th scope="row">{escaped(metric.label)}</th><td>{shown[0]}</td><td>{shown[1]}</td>'
            f"<td>{changed(metric, change)}</td></tr>"
        )

    rows: list[str] = []
    for group, names in GROUPS.items():
        rows.append(f'<tbody><tr><th colspan="4" scope="rowgroup">{group}</th></tr>')
        if any(has_data(of, name) for of in (report.metrics, report.previous) for name in names):
            rows.extend(map(row, names))
        else:
            rows.append(f'<tr><th scope="row" class="muted">no data</th>{f"<td>{NO_DATA}</td>" * 3}</tr>')
        rows.append("</tbody>")
    head = "".join(f'<th scope="col">{title}</th>' for title in ("Metric", "Now", "Before", "Change"))
    return scrolling("All metrics", f"<table><thead><tr>{head}</tr></thead>{''.join(rows)}</table>")


def _versions(versions: Iterable[ModelPerformanceMetrics]) -> str:
    labels = ("Version", *(escaped(METRICS[name].label) for name in _VERSION_COLUMNS))
    head = "".join(f'<th scope="col">{label}</th>' for label in labels)
    rows = "".join(
        f'<tr><th scope="row">{isolated(of.version or "unknown")}</th>'
        + "".join(f"<td>{escaped(METRICS[name].shown(_of(of, name)))}</td>" for name in _VERSION_COLUMNS)
        + "</tr>"
        for of in versions
    )
    return scrolling("Versions", f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")


# --- words ----------------------------------------------------------------------------------------------


def _of(metrics: ModelPerformanceMetrics, name: str) -> float:
    return float(getattr(metrics, name))


def has_data(metrics: ModelPerformanceMetrics, name: str) -> bool:
    """Return whether there is a number other than the zero that a count has without data."""
    value = _of(metrics, name)
    return not math.isnan(value) and not (METRICS[name].unit == "count" and value == 0)


def changed(metric: Metric, change: float) -> str:
    """Say a change in numbers and words; the arrow alone is coloured."""
    judged = metric.judged(change)
    if math.isnan(change):
        said = NO_DATA
    elif change == 0:
        said = "unchanged"
    else:
        arrow = f'<span class="{judged}" aria-hidden="true">{_UP if change > 0 else _DOWN}</span>'
        said = f"{arrow} {escaped(metric.shown_change(change))}"
    return f'<span class="nowrap">{said}</span> <span class="judged">{judged}</span>'


def version_said(version: str | None) -> str:
    """Say which version, or that it is all of them."""
    return "all versions" if version is None else f"version {isolated(version)}"


def judging_said(accuracy_tolerance: float | None, *figures: ModelPerformanceMetrics) -> str:
    """Say what counts as correct; nothing if no number was judged."""
    if accuracy_tolerance is None or all(math.isnan(each.mae) for each in figures):
        return ""
    near = f"A number within {escaped(number(accuracy_tolerance))} of the actual one"
    return f'<p class="muted">{near} counts as correct, a class only if it is the same.</p>'


def duration_said(seconds: float) -> str:
    """Say how long a step is, e.g. ``"1 hour"``."""
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length and seconds % length == 0:
            return counted(int(seconds // length), unit)
    return f"{seconds:g} s"
