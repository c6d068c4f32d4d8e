"""Experiments as people see them in a notebook: the verdict first, then what it rests on.

No script, nothing fetched, all that users wrote escaped and isolated.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final

from mlprod._html import METRICS, NOTEBOOK_STYLE, STYLE, Metric, isolated, scrolling, tile, time_tag
from mlprod._svg import (
    NO_DATA,
    Better,
    IntervalRow,
    escaped,
    interval_axis,
    interval_key,
    interval_rows,
    interval_scale,
)
from mlprod.experiments._metric import BUILT_IN
from mlprod.experiments._progress import ExperimentOverview
from mlprod.experiments._values import (
    CONTROL,
    INCONCLUSIVE,
    Experiment,
    ExperimentAnalysis,
    ExperimentConclusion,
    Maturity,
    MetricComparison,
    SampleRatio,
    VariantMetrics,
)
from mlprod.experiments._wording import p_in_words
from mlprod.stats import Interval

__all__ = [
    "EXPERIMENT_STYLE",
    "analysis_body",
    "analysis_html",
    "comparison_html",
    "conclusion_body",
    "conclusion_html",
    "experiment_facts",
    "experiment_html",
    "overview_html",
    "variant_html",
]

_WIDTH: Final = 256
_BETWEEN: Final = "\N{EN DASH}"
_SHOWN: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        **{name: METRICS[name] for name in ("win_rate", "accuracy", "directional_accuracy")},
        **{name: METRICS[name] for name in ("mae", "rmse", "mape")},
        "pnl": Metric("P&L of a trade", "Trading", "money"),
        "returns": Metric("Return of a trade", "Trading", "percent"),
        "signal_rate": Metric("Signal rate", "Predictions", "percent"),
        "confidence": Metric("Mean confidence", "Predictions", "percent"),
        "latency_ms": Metric("Mean latency", "Latency", "ms"),
    }
)
_SHARE: Final = Metric("Share", "Predictions", "percent")
_MONEY: Final = Metric("Money", "Trading", "money")
EXPERIMENT_STYLE: Final = """
.mlprod-report .verdict {
  border: 1px solid rgba(128, 128, 128, .4); border-left: 5px solid rgba(128, 128, 128, .8);
  border-radius: 6px; padding: .7em 1em; margin: .8em 0 0 }
.mlprod-report .verdict.better { color: inherit; border-left-color: var(--mlprod-better, #0072b2) }
.mlprod-report .verdict.worse { color: inherit; border-left-color: var(--mlprod-worse, #d55e00) }
.mlprod-report .verdict strong { font-size: 1.25em; font-weight: 600 }
.mlprod-report .wide table, .mlprod-report table.facts { table-layout: auto }
.mlprod-report table.forest tbody tr, .mlprod-report table.variants tbody tr,
.mlprod-report table.facts tbody tr { background: none }
.mlprod-report table.variants th { white-space: nowrap }
.mlprod-report table.forest th, .mlprod-report table.forest td {
  vertical-align: middle; white-space: nowrap; padding-left: .45em; padding-right: .45em }
.mlprod-report table.forest th:first-child { padding-left: 0 }
.mlprod-report table.forest th:last-child, .mlprod-report table.forest td:last-child { padding-right: 0 }
.mlprod-report table.forest td.plot { padding: 0; width: 256px; text-align: left; border-bottom: 0 }
.mlprod-report table.forest thead th:nth-child(2) { text-align: left; font-weight: 400; padding: 0 }
.mlprod-report table.forest tbody th[scope="row"] { padding-left: .8em }
.mlprod-report table.forest tr.metric th, .mlprod-report table.forest tr.metric td {
  border-bottom: 0; padding-top: .9em; vertical-align: bottom }
.mlprod-report table.forest tr.metric th { font-weight: 600 }
.mlprod-report table.forest td.plot + td { padding-left: 1em }
.mlprod-report .check { margin-top: .6em }
.mlprod-report .note { margin-top: .8em; font-size: .87em; opacity: .75 }
.mlprod-report .plot svg { display: block }
.mlprod-report .tag { font-weight: 400; font-size: .87em; opacity: .75 }
.mlprod-report .mlprod-better { color: var(--mlprod-better, #0072b2) }
.mlprod-report .mlprod-worse { color: var(--mlprod-worse, #d55e00) }
.mlprod-report table.facts { width: auto; min-width: min(60%, 30em); margin: 0 }
.mlprod-report table.facts td { text-align: left; white-space: normal }
.mlprod-report table.facts th { white-space: nowrap }
"""


def analysis_html(analysis: ExperimentAnalysis) -> str:
    """Return how an experiment stands."""
    head = (
        f"<header><h2>{isolated(analysis.experiment_id)}</h2>"
        f'<p class="muted">{escaped(analysis.status.capitalize())}; looked at {time_tag(analysis.at)}</p>'
        "</header>"
    )
    return _whole(head, analysis_body(analysis))


def analysis_body(analysis: ExperimentAnalysis) -> str:
    """Return the same without its name and style, to stand in a page."""
    is_over = analysis.status in {"stopped", "completed"}
    verdict = analysis.verdict
    return "".join(
        (
            _verdict(verdict, "" if is_over else "If it ended now"),
            _tiles(verdict, analysis.samples_needed),
            _section("Treatments against the control", _compared(analysis)),
            _section("Variants", _variants(analysis.variants, analysis.srm, analysis.maturity)),
            _section("Mind", _list(analysis.warnings)) if analysis.warnings else "",
        )
    )


def conclusion_html(conclusion: ExperimentConclusion) -> str:
    """Return what an experiment has shown."""
    return _whole(conclusion_body(conclusion))


def conclusion_body(conclusion: ExperimentConclusion) -> str:
    """Return the same without its style, to stand in a page."""
    return "".join(_concluded(conclusion))


def experiment_html(experiment: Experiment) -> str:
    """Return an experiment: how it is run, and what it has shown."""
    ended = conclusion_body(experiment.conclusion) if experiment.conclusion else ""
    return _experiment(experiment, ended)


def overview_html(overview: ExperimentOverview) -> str:
    """Return an experiment, and how it stands."""
    due = "<p>Its time is over: it ends as soon as somebody looks.</p>" if overview.is_due else ""
    if overview.analysis is None:
        return experiment_html(overview.experiment)
    return _experiment(overview.experiment, due + analysis_body(overview.analysis))


def comparison_html(comparison: MetricComparison) -> str:
    """Return one metric of a treatment against the control."""
    return _whole(_forest([comparison], {}))


def _experiment(experiment: Experiment, shown: str) -> str:
    description = f"<p>{isolated(experiment.description)}</p>" if experiment.description else ""
    reason = f": {isolated(experiment.reason)}" if experiment.reason else ""
    head = (
        f"<header><h2>{isolated(experiment.name or experiment.id)}</h2>"
        f'<p class="muted">{isolated(experiment.id)}</p>{description}'
        f"<p><strong>{escaped(experiment.status.capitalize())}</strong>{reason}</p></header>"
    )
    return _whole(head, shown, _section("How it is run", experiment_facts(experiment)))


def variant_html(metrics: VariantMetrics) -> str:
    """Return what was recorded of a variant, as far as there are data."""
    rows = [
        ("Predictions", f"{metrics.predictions:,}", f"{metrics.matured:,} with an outcome"),
        ("Signals", f"{metrics.signals:,}", ""),
        ("Trades", f"{metrics.trades:,}", f"{metrics.wins:,} won"),
        ("P&L", _MONEY.shown(metrics.total_pnl), ""),
    ]
    values = {**{name: float(getattr(metrics, name)) for name in BUILT_IN}, **metrics.custom}
    for name, value in values.items():
        if not math.isnan(value):
            metric = _metric(name)
            rows.append((metric.label, metric.shown(value), f"of {metrics.samples.get(name, 0):,}"))
    body = "".join(
        f'<tr><th scope="row">{isolated(label)}</th><td>{escaped(value)}</td>'
        f'<td class="muted">{escaped(samples)}</td></tr>'
        for label, value, samples in rows
    )
    return _whole(
        f'<header><h2>{isolated(metrics.variant_id)}</h2><p class="muted">{isolated(metrics.model)}</p>'
        f'</header><table class="facts"><tbody>{body}</tbody></table>'
    )


# --- parts ----------------------------------------------------------------------------------------------


def _whole(*parts: str) -> str:
    style = f"<style>{STYLE}{NOTEBOOK_STYLE}{EXPERIMENT_STYLE}</style>"
    return f'<div class="mlprod-report">{style}{"".join(parts)}</div>'


def _section(title: str, content: str) -> str:
    return f"<section><h3>{title}</h3>{content}</section>"


def _concluded(conclusion: ExperimentConclusion) -> Iterator[str]:
    yield _verdict(conclusion, "")
    yield _tiles(conclusion, None)
    yield _section("Treatments against the control", _compared(conclusion))
    yield _section("Variants", _variants(conclusion.variants, conclusion.srm, None))


def _verdict(conclusion: ExperimentConclusion, when: str) -> str:
    winner = conclusion.winner
    if conclusion.srm.is_mismatch:
        look = "worse"
    else:
        look = "better" if winner not in {CONTROL, INCONCLUSIVE} else ""
    if winner == INCONCLUSIVE:
        said = "Inconclusive"
    else:
        said = f"Winner: {isolated(winner)}"
        model = conclusion.variants[winner].model if winner in conclusion.variants else ""
        said += f' <span class="tag nowrap">{isolated(model)}</span>' if model else ""
    sure = _SHARE.shown(conclusion.confidence)
    chance = f"{escaped(p_in_words(conclusion.p_value))}, {isolated(conclusion.test)}"
    reason = f'<p class="muted">Why: {isolated(conclusion.reason)}</p>' if conclusion.reason else ""
    before = f'<p class="muted">{when}</p>' if when else ""
    return (
        f'<div class="verdict {look}">{before}<p><strong>{said}</strong></p>'
        f'<p>Confidence {escaped(sure)} <span class="muted">({chance})</span></p>'
        f"<p>{isolated(conclusion.recommendation)}</p>{reason}</div>"
    )


def _tiles(conclusion: ExperimentConclusion, samples_needed: int | None) -> str:
    primary = f": {_metric(conclusion.comparisons[0].metric).label}" if conclusion.comparisons else ""
    tiles = [
        (f"Lift{primary}", _percent(conclusion.effect_size), _range(conclusion.interval)),
        ("Lift to expect", _percent(conclusion.expected_lift), "drawn to zero by its uncertainty"),
    ]
    if conclusion.projected_annual_impact is not None:
        bounds = conclusion.projected_annual_interval
        about = f"{_money(bounds.low)} to {_money(bounds.high)}" if bounds else ""
        tiles.append(("In a year", _money(conclusion.projected_annual_impact), about))
    if samples_needed is not None:
        tiles.append(("Still needed", f"{samples_needed:,}", "outcomes of each variant, to show this lift"))
    drawn = (tile(isolated(label), value, escaped(about)) for label, value, about in tiles)
    return f'<dl class="tiles">{"".join(drawn)}</dl>'


def _compared(of: ExperimentAnalysis | ExperimentConclusion) -> str:
    """Return what was compared, the primary metric first."""
    primary = of.comparisons[0].metric if of.comparisons else ""
    return _forest(of.comparisons, of.variants, primary=primary)


def _forest(
    comparisons: Sequence[MetricComparison], variants: Mapping[str, VariantMetrics], *, primary: str = ""
) -> str:
    """Return a table in which each metric is a forest plot, with its figures beside."""
    if not comparisons:
        return "<p>Nothing was compared yet.</p>"
    key = interval_key("for one look", "at any time")
    titles = ("Lift", "Control", "Treatment", "p, one look", "p, any time", "Outcomes")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    bodies = "".join(
        _metric_body(name, list(rows), variants, is_primary=name == primary)
        for name, rows in groupby(comparisons, key=lambda one: one.metric)
    )
    table = (
        f'<table class="forest"><thead><tr><th scope="col">Metric</th><th class="plot" scope="col">{key}</th>'
        f"{head}</tr></thead>{bodies}</table>"
    )
    return (
        f"{scrolling('Comparisons', table)}"
        '<p class="note">Bars are intervals of the lift. The thick one holds for one look, when planned; '
        "the thin one whenever, and however often, one looks. A row has a colour where the thin bar leaves "
        "out zero. An arrow says that a bar goes on. In brackets: p corrected for the other comparisons. "
        f"Outcomes: of the control and of the treatment. {NO_DATA} means no data.</p>"
    )


def _metric_body(
    name: str, rows: Sequence[MetricComparison], variants: Mapping[str, VariantMetrics], *, is_primary: bool
) -> str:
    better = _better(name, rows)
    drawn = [
        IntervalRow(
            one.variant_id, 100 * one.lift, _hundredfold(one.interval), _hundredfold(one.anytime_interval)
        )
        for one in rows
    ]
    scale = interval_scale(drawn, width=_WIDTH)
    axis = interval_axis(scale, better=better, width=_WIDTH)
    plots = interval_rows(drawn, scale, better=better, width=_WIDTH)
    tags = (["primary"] if is_primary else []) + ([f"{better} is better"] if better else [])
    body = "".join(_figures(one, plot, variants) for one, plot in zip(rows, plots, strict=True))
    return (
        f'<tbody><tr class="metric"><th scope="rowgroup">{isolated(_metric(name).label)}'
        f'<br><span class="tag">{", ".join(tags)}</span></th><td class="plot">{axis}</td>'
        f'<td colspan="6"></td></tr>{body}</tbody>'
    )


def _figures(one: MetricComparison, plot: str, variants: Mapping[str, VariantMetrics]) -> str:
    metric = _metric(one.metric)
    if one.test == "none":
        chances = [NO_DATA, NO_DATA]
    else:
        fixed, corrected = _chance(one.p_value), _chance(one.adjusted_p_value)
        brackets = f" ({corrected})" if corrected != fixed else ""
        chances = [fixed + brackets, _chance(one.anytime_p_value)]
    cells = (
        _percent(one.lift),
        metric.shown(one.control),
        metric.shown(one.treatment),
        *chances,
        f"{one.control_samples:,} / {one.treatment_samples:,}",
    )
    model = variants[one.variant_id].model if one.variant_id in variants else ""
    return (
        f'<tr><th scope="row" title="{escaped(model)}">{isolated(one.variant_id)}</th>'
        f'<td class="plot">{plot}</td>' + "".join(f"<td>{escaped(cell)}</td>" for cell in cells) + "</tr>"
    )


def _variants(variants: Mapping[str, VariantMetrics], ratio: SampleRatio, maturity: Maturity | None) -> str:
    """Return what each variant got, and whether that is as it should be."""
    titles = ["Variant", "Model", ratio.source.capitalize(), "Expected"]
    titles += ["Without an outcome"] if maturity else []
    titles += ["Trades", "P&L"]
    head = "".join(f'<th scope="col">{escaped(title)}</th>' for title in titles)
    body = ""
    for name, of in variants.items():
        cells = [f"{ratio.observed.get(name, 0):,}", f"{ratio.expected.get(name, 0.0):,.0f}"]
        cells += [_SHARE.shown(maturity.pending.get(name, math.nan))] if maturity else []
        cells += [f"{of.trades:,}", _MONEY.shown(of.total_pnl)]
        body += (
            f'<tr><th scope="row">{isolated(name)}</th><td>{isolated(of.model)}</td>'
            + "".join(f"<td>{escaped(cell)}</td>" for cell in cells)
            + "</tr>"
        )
    table = f'<table class="variants"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    checks = [_ratio_said(ratio)] + ([_maturity_said(maturity)] if maturity else [])
    said = "".join(f'<p class="check">{check}</p>' for check in checks)
    return scrolling("Variants", table) + said


def _ratio_said(ratio: SampleRatio) -> str:
    chances = f"{p_in_words(ratio.p_value)} at any time, {p_in_words(ratio.fixed_p_value)} for one look"
    if ratio.is_mismatch:
        return (
            f'<strong><span class="worse">Sample ratio mismatch</span></strong>: variants did not get their '
            f"shares of the {isolated(ratio.source)}, so that no comparison can be believed "
            f"({escaped(chances)})."
        )
    return f"Sample ratio: nothing is wrong with the shares of {isolated(ratio.source)} ({escaped(chances)})."


def _maturity_said(maturity: Maturity) -> str:
    chance = escaped(p_in_words(maturity.p_value))
    if maturity.is_different:
        return (
            '<strong><span class="worse">Outcomes are missing unevenly</span></strong>: variants differ in '
            f"how many predictions have none yet, and those that are known may mislead ({chance})."
        )
    return f"Outcomes: those that are missing do not tell variants apart ({chance})."


def experiment_facts(experiment: Experiment) -> str:
    """Return how an experiment is run, as a table."""
    config = experiment.config
    shares = experiment.split if experiment.phases else config.traffic_split or ()
    rows = [
        (name, isolated(model) + (f", {_SHARE.shown(shares[at])} of units" if at < len(shares) else ""))
        for at, (name, model) in enumerate(experiment.models.items())
    ]
    guarded = ", ".join(config.guardrail_metrics)
    rows.append(("Primary metric", isolated(config.primary_metric)))
    rows += [("Guardrails", isolated(guarded))] if guarded else []
    rows += [
        ("Outcomes planned", f"{config.min_sample_size:,} of each variant"),
        ("Longest", f"{config.max_duration:g} hours"),
        ("Level of confidence", _SHARE.shown(config.confidence_level)),
        ("Test", f"{isolated(config.test)}, corrected by {isolated(config.correction)}"),
        ("Takes part", f"{_SHARE.shown(config.traffic_allocation)} of units, {isolated(config.mode)}"),
    ]
    times = {
        "Made": experiment.created_at,
        "Started": experiment.started_at,
        "Paused": experiment.paused_at,
        "Ends by itself": experiment.ends_at(),
        "Ended": experiment.ended_at,
    }
    rows += [(what, time_tag(when)) for what, when in times.items() if when]
    for phase in experiment.phases[1:]:
        split = " / ".join(map(_SHARE.shown, phase.split))
        why = f": {isolated(phase.reason)}" if phase.reason else ""
        rows.append(("Split changed", f"{time_tag(phase.since)} to {split}{why}"))
    if experiment.is_over:
        rows.append(("Everybody gets", isolated(experiment.winner or CONTROL)))
    body = "".join(f'<tr><th scope="row">{isolated(name)}</th><td>{cell}</td></tr>' for name, cell in rows)
    return f'<table class="facts"><tbody>{body}</tbody></table>'


def _list(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f'<li class="warning">{isolated(text)}</li>' for text in texts) + "</ul>"


# --- words ----------------------------------------------------------------------------------------------


def _metric(name: str) -> Metric:
    return _SHOWN.get(name) or Metric(name, "Predictions", "plain")


def _better(name: str, rows: Iterable[MetricComparison]) -> Better | None:
    """Return which side is good: known of built-in metrics, and seen from others' data."""
    if name in BUILT_IN:
        return "lower" if BUILT_IN[name].is_error else "higher"
    for one in rows:
        if one.is_improvement is not None:
            return "higher" if (one.treatment > one.control) == one.is_improvement else "lower"
    return None


def _hundredfold(interval: Interval) -> tuple[float, float]:
    return 100 * interval.low, 100 * interval.high


def _percent(fraction: float) -> str:
    return ("+" if fraction > 0 else "") + _SHARE.shown(fraction)


def _money(value: float) -> str:
    return ("+" if value > 0 else "") + _MONEY.shown(value)


def _range(interval: Interval) -> str:
    return f"{_percent(interval.low)} to {_percent(interval.high)}"


def _chance(p_value: float) -> str:
    return p_in_words(p_value).removeprefix("p ").removeprefix("= ")
