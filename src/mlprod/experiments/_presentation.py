"""Experiments as people see them in a notebook: the verdict first, then what it rests on.

No script, nothing fetched, all that users wrote escaped and isolated.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mlprod._html import NOTEBOOK_STYLE, STYLE, Metric, isolated, scrolling, tile, time_tag
from mlprod._svg import escaped
from mlprod.experiments._forest import forest, shown_metric
from mlprod.experiments._metric import BUILT_IN
from mlprod.experiments._progress import ExperimentOverview
from mlprod.experiments._stopping import worse_in_words
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
from mlprod.experiments._verdict_words import asked, limits_said, percent, sentence, sureness
from mlprod.experiments._wording import p_in_words

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
            f'<p class="muted">{sentence(analysis.stops_if)}</p>' if analysis.stops_if else "",
            _tiles(verdict, analysis.samples_needed),
            _section(
                "Treatments against the control", forest(analysis.comparisons, analysis.variants, verdict)
            ),
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
    return _whole(forest([comparison], {}))


def _experiment(experiment: Experiment, shown: str) -> str:
    description = f"<p>{isolated(experiment.description)}</p>" if experiment.description else ""
    reason = f": {sentence(experiment.reason)}" if experiment.reason else ""
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
            metric = shown_metric(name)
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
    yield _section(
        "Treatments against the control", forest(conclusion.comparisons, conclusion.variants, conclusion)
    )
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
    reason = f'<p class="muted">Why: {sentence(conclusion.reason)}</p>' if conclusion.reason else ""
    before = f'<p class="muted">{when}</p>' if when else ""
    return (
        f'<div class="verdict {look}">{before}<p><strong>{said}</strong></p><p>{_sure(conclusion)}</p>'
        f"<p>{sentence(conclusion.recommendation)}</p>{reason}</div>"
    )


def _sure(conclusion: ExperimentConclusion) -> str:
    """Return how sure a verdict is; of one that the caller chose, that it does not rest on figures."""
    figures = escaped(f"{p_in_words(conclusion.p_value)}, {asked(conclusion)}")
    if conclusion.is_chosen:
        return f'Chosen by the caller <span class="muted">(the figures: {figures})</span>'
    return f'Confidence {escaped(sureness(conclusion.confidence))} <span class="muted">({figures})</span>'


def _tiles(conclusion: ExperimentConclusion, samples_needed: int | None) -> str:
    metric = f": {shown_metric(conclusion.metric).label}" if conclusion.metric else ""
    tiles = [
        (f"Lift{metric}", percent(conclusion.effect_size), limits_said(conclusion.interval)),
        ("Lift to expect", percent(conclusion.expected_lift), "drawn to zero by its uncertainty"),
    ]
    if conclusion.projected_annual_impact is not None:
        bounds = conclusion.projected_annual_interval
        about = f"{_money(bounds.low)} to {_money(bounds.high)}" if bounds else ""
        tiles.append(("In a year", _money(conclusion.projected_annual_impact), about))
    if samples_needed is not None:
        tiles.append(("Still needed", f"{samples_needed:,}", "outcomes of each variant, to show this lift"))
    drawn = (tile(isolated(label), value, escaped(about)) for label, value, about in tiles)
    return f'<dl class="tiles">{"".join(drawn)}</dl>'


def _variants(variants: Mapping[str, VariantMetrics], ratio: SampleRatio, maturity: Maturity | None) -> str:
    """Return what each variant got, and whether that is as it should be."""
    titles = ["Variant", "Model", ratio.source.capitalize(), "Expected"]
    titles += ["Without an outcome"] if maturity else []
    titles += ["P&L"] if ratio.source == "trades" else ["Trades", "P&L"]
    head = "".join(f'<th scope="col">{escaped(title)}</th>' for title in titles)
    body = ""
    for name, of in variants.items():
        cells = [
            f"{ratio.observed.get(name, 0):,}",
            f"{ratio.expected.get(name, 0.0):,.1f}".removesuffix(".0"),
        ]
        cells += [_SHARE.shown(maturity.pending.get(name, math.nan))] if maturity else []
        cells += [] if ratio.source == "trades" else [f"{of.trades:,}"]
        cells += [_MONEY.shown(of.total_pnl)]
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
    rows = [
        (name, isolated(model) + part)
        for (name, model), part in zip(experiment.models.items(), _parts(experiment), strict=True)
    ]
    guarded = ", ".join(config.guardrail_metrics)
    rows.append(("Primary metric", isolated(config.primary_metric)))
    rows += [("Guardrails", isolated(guarded))] if guarded else []
    rows += [
        ("Outcomes planned", f"{config.min_sample_size:,} of each variant"),
        ("Longest", f"{config.max_duration:g} hours"),
        ("Level of confidence", _SHARE.shown(config.confidence_level)),
        ("Test", f"{isolated(config.test)}, corrected by {isolated(config.correction)}"),
    ]
    if config.mode == "split":
        rows.append(("Takes part", f"{_SHARE.shown(config.traffic_allocation)} of units"))
    else:
        rows.append(("Takes part", "whatever is recorded: all models score it, in shadow mode"))
    worse = f"once it is worse: {worse_in_words(config)}"
    rows.append(("Stops a treatment", worse if config.auto_stop_on_degradation else "never"))
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
        why = f": {sentence(phase.reason)}" if phase.reason else ""
        rows.append(("Split changed", f"{time_tag(phase.since)} to {split}{why}"))
    if experiment.is_over:
        rows.append(("Everybody gets", isolated(experiment.winner or CONTROL)))
    body = "".join(f'<tr><th scope="row">{isolated(name)}</th><td>{cell}</td></tr>' for name, cell in rows)
    return f'<table class="facts"><tbody>{body}</tbody></table>'


def _parts(experiment: Experiment) -> Sequence[str]:
    """Return the part that each variant has in an experiment."""
    if experiment.config.mode == "shadow":
        return [", acts" if name == CONTROL else ", beside it" for name in experiment.models]
    shares = experiment.split if experiment.phases else experiment.config.traffic_split
    if not shares:
        return [""] * len(experiment.models)
    return [f", {_SHARE.shown(share)} of units" for share in shares]


def _list(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f'<li class="warning">{sentence(text)}</li>' for text in texts) + "</ul>"


# --- words ----------------------------------------------------------------------------------------------


def _money(value: float) -> str:
    return ("+" if value > 0 else "") + _MONEY.shown(value)
