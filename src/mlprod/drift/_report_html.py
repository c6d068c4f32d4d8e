"""A drift report as HTML: the verdict first, then what it rests on, the gravest first.

No script, nothing fetched, all that users wrote escaped and isolated.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mlprod._html import (
    NOTEBOOK_STYLE,
    PAGE_STYLE,
    STYLE,
    counted,
    isolated,
    scrolling,
    tile,
    time_tag,
)
from mlprod._svg import escaped, number
from mlprod.drift._explained_html import errors_said, explained, found_said, rows_said
from mlprod.drift._parts_html import (
    SHARE,
    calibration_part,
    chance,
    concept_part,
    feature_part,
    ks_said,
    level_said,
    multivariate_part,
    performance_part,
    signed,
)

if TYPE_CHECKING:
    from mlprod.drift._values import DriftReport, Evidence, FeatureDrift, Level, Overall

__all__ = [
    "DRIFT_STYLE",
    "brief",
    "findings",
    "more",
    "notebook",
    "page",
    "row",
    "table",
    "verdict_part",
    "whole",
]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_RANKS: Final[Mapping["Level", int]] = MappingProxyType({"significant": 0, "moderate": 1, "none": 2})
_PLOTTED: Final = 20  # features with a plot, at least
_MOST_PLOTTED: Final = 100  # as a page is to open on a phone
_NOTEBOOK_PLOTTED: Final = 4
_NOTEBOOK_LISTED: Final = 10
_BRIEFLY_PLOTTED: Final = 2
_LISTED: Final = 1_000
_NAMED: Final = 50
DRIFT_STYLE: Final = """
.mlprod-report h4 { font-size: 1em; line-height: 1.25; margin: 0; font-weight: 600 }
.mlprod-report .verdict {
  border: 1px solid rgba(128, 128, 128, .4); border-left: 5px solid rgba(128, 128, 128, .8);
  border-radius: 6px; padding: .7em 1em; margin: .8em 0 0 }
.mlprod-report .verdict.drift { border-left-color: var(--mlprod-worse, #d55e00) }
.mlprod-report .verdict strong { font-size: 1.25em; font-weight: 600 }
.mlprod-report .verdict ul {
  list-style: disc; display: block; margin: .4em 0 .2em; padding: 0 0 0 1.2em }
.mlprod-report .verdict li { border: 0; border-radius: 0; padding: 0; margin: .2em 0 }
.mlprod-report .tag { font-weight: 400; font-size: .87em; opacity: .75 }
.mlprod-report .note { margin: .8em 0; font-size: .87em; opacity: .75 }
.mlprod-report .charts { align-items: start }
.mlprod-report .feature {
  border: 1px solid rgba(128, 128, 128, .4); border-left: 5px solid rgba(128, 128, 128, .8);
  border-radius: 6px; padding: .7em .9em; min-width: 0; max-width: 35em; break-inside: avoid }
.mlprod-report .feature.critical { border-left-color: var(--mlprod-worse, #d55e00) }
.mlprod-report .feature.warning { border-left-color: #e69f00 }
.mlprod-report .feature svg { margin: .6em 0; max-width: 42em }
.mlprod-report .feature table { font-size: .87em }
.mlprod-report table.facts { table-layout: auto }
.mlprod-report table.facts th, .mlprod-report table.facts td {
  text-align: left; white-space: normal; padding: .2em .6em .2em 0 }
.mlprod-report table.facts th { opacity: .75; width: 12em }
.mlprod-report table.single { max-width: 44em }
.mlprod-report .single + .charts { margin-top: 1.2em }
.mlprod-report .wide th:first-child { min-width: 9em; max-width: 24em }
"""
_PHONE: Final = """
@media (max-width: 480px) {
  .mlprod-report table.facts th { width: 9.5em }
  .mlprod-report .feature { padding: .6em .5em }
  .mlprod-report .charts { gap: 1em } }
@media print { .mlprod-report .feature table { font-size: .93em } }
"""


def page(report: "DriftReport") -> str:
    """Return a whole page that needs nothing else."""
    verdict = "drift" if report.overall.drift_detected else "no drift"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escaped(report.model_id)}: {verdict}</title>"
        f"<style>{STYLE}{PAGE_STYLE}{DRIFT_STYLE}{_PHONE}</style></head>"
        f'<body><main class="mlprod-report">{_report(report, 1)}</main></body></html>'
    )


def notebook(report: "DriftReport") -> str:
    """Return the same to stand in a notebook, with fewer plots."""
    return whole(_report(report, 2))


def whole(content: str) -> str:
    """Return parts with their style, to stand in a notebook."""
    style = f"<style>{STYLE}{NOTEBOOK_STYLE}{DRIFT_STYLE}</style>"
    return f'<div class="mlprod-report">{style}{content}</div>'


def brief(report: "DriftReport", level: int) -> str:
    """Return the verdict, and the features with plots of those that have drifted most.

    Args:
        report: the report.
        level: of the heading that this stands below.
    """
    drifted = [one for one in sorted(report.features.values(), key=_severity) if one.drifted]
    features = _drawn(report, drifted[:_BRIEFLY_PLOTTED], level + 1, _NOTEBOOK_LISTED)
    version = "" if report.version is None else f"version {isolated(report.version)}, "
    checked = f'<p class="muted">Checked {time_tag(report.time)}: {version}{rows_said(report)}.</p>'
    about = f'<p class="note">{explained(report)}</p>' if report.features else ""
    return f"{checked}{_verdict(report)}{_tiles(report)}{features}{about}"


def _report(report: "DriftReport", level: int) -> str:
    parts = {
        "Findings": findings(report.overall.evidence, _LISTED if level == 1 else _NOTEBOOK_LISTED),
        "Features": _features(report, level),
        "Features together": multivariate_part(report.multivariate) if report.multivariate else "",
        "Predictions": _predictions(report.predictions, level) if report.predictions else "",
        "Performance": performance_part(report.performance) if report.performance else "",
        "Calibration": calibration_part(report.calibration) if report.calibration else "",
        "Concept": concept_part(report.concept, level) if report.concept else "",
        "Ignored columns": _ignored(report.ignored) if report.ignored else "",
    }
    sections = (
        f"<section><h{level + 1}>{title}</h{level + 1}>{content}</section>"
        for title, content in parts.items()
        if content
    )
    version = "whatever its version" if report.version is None else f"version {isolated(report.version)}"
    return (
        f"<header><h{level}>{isolated(report.model_id)}</h{level}>"
        f"<p>Drift report, {version}: {rows_said(report)}; against reference {isolated(report.reference)}, "
        f"set {time_tag(report.reference_time)}</p></header>"
        f"{_verdict(report)}{_tiles(report)}{''.join(sections)}"
        f"<footer><p>{explained(report)}</p>"
        f"<p>Checked {time_tag(report.time)}.</p></footer>"
    )


# --- the verdict ----------------------------------------------------------------------------------------


def _verdict(report: "DriftReport") -> str:
    look, found = found_said(report)
    nothing = "No drift detected" if look == "healthy" else found.capitalize()
    return verdict_part(report.overall, _and(_drifted(report)), nothing)


def verdict_part(overall: "Overall", found: str = "", nothing: str = "No drift detected") -> str:
    """Return whether anything has drifted, and why.

    Args:
        overall: the verdict.
        found: in what there is drift.
        nothing: how to say that there is none.
    """
    if overall.drift_detected:
        look, said = "verdict drift", f"Drift detected{f' in {found}' if found else ''}"
    else:
        look, said = "verdict", nothing
    reasons = "".join(f"<li>{isolated(reason)}</li>" for reason in overall.reasons)
    listed = f"<ul>{reasons}</ul>" if reasons else ""
    return f'<div class="{look}"><p><strong>{said}</strong></p>{listed}</div>'


def _drifted(report: "DriftReport") -> Iterator[str]:
    """Name what has drifted."""
    drifted = sum(feature.drifted for feature in report.features.values())
    if drifted:
        yield f"{drifted:,} of {counted(len(report.features), 'feature')}"
    parts = {
        "how features go together": report.multivariate,
        "predictions": report.predictions,
        "errors": report.performance,
        "calibration": report.calibration,
        "the series": report.concept,
    }
    yield from (name for name, part in parts.items() if part is not None and part.drifted)


def _tiles(report: "DriftReport") -> str:
    drifted = sum(feature.drifted for feature in report.features.values())
    chance = "that is more than chance" if report.policy == "calibrated" else "of a feature"
    tiles = [
        ("Score", number(report.overall.score), f"the largest PSI {chance}"),
        ("Features drifted", f"{drifted:,}", f"of {len(report.features):,}"),
    ]
    if (predictions := report.predictions) is not None:
        tiles.append(("Predictions", number(predictions.psi), f"PSI, level {level_said(predictions)}"))
    if (performance := report.performance) is not None:
        tiles.append(("Errors", signed(performance.change), errors_said(performance)))
    tiles.append(("Rows", f"{report.rows:,}", "compared with the reference"))
    drawn = (tile(escaped(label), value, escaped(about)) for label, value, about in tiles)
    return f'<dl class="tiles">{"".join(drawn)}</dl>'


def findings(evidence: Sequence["Evidence"], most: int = _NOTEBOOK_LISTED) -> str:
    """Return what was found, the gravest first; nothing if nothing was."""
    if not evidence:
        return ""
    body = "".join(
        row(
            f'{isolated(one.subject)}<br><span class="tag">{isolated(one.test)}</span>',
            *map(escaped, (number(one.effect), number(one.threshold), number(one.detectable))),
            escaped(chance(one.p_value)),
            "yes" if one.calls_for_retraining else "no",
        )
        for one in evidence[:most]
    )
    titles = ("What, and by which test", "Effect", "Counts from", "Detectable", "p", "Retrain")
    return table("Findings", titles, body) + more(len(evidence) - most, "finding")


# --- features -------------------------------------------------------------------------------------------


def _features(report: "DriftReport", level: int) -> str:
    """Return plots of what has drifted, and of the next in line; a table of the others."""
    ordered = sorted(report.features.values(), key=_severity)
    if not ordered:
        return "<p>None were compared.</p>"
    if level == 1:
        plotted = [one for at, one in enumerate(ordered) if one.drifted or at < _PLOTTED][:_MOST_PLOTTED]
        most_listed = _LISTED
    else:
        plotted, most_listed = ordered[:_NOTEBOOK_PLOTTED], _NOTEBOOK_LISTED
    return _drawn(report, plotted, level + 2, most_listed)


def _drawn(report: "DriftReport", plotted: Sequence["FeatureDrift"], level: int, most_listed: int) -> str:
    """Return plots of some features, and a table of the others, the gravest first."""
    names = {feature.name for feature in plotted}
    others = [one for one in sorted(report.features.values(), key=_severity) if one.name not in names]
    charts = "".join(feature_part(feature, level) for feature in plotted)
    listed = _others(others[:most_listed]) + more(len(others) - most_listed, "feature") if others else ""
    return f'<div class="charts">{charts}</div>{listed}'


def _severity(feature: "FeatureDrift") -> tuple[bool, int, float, str]:
    """Return what features are sorted by, the gravest first; of those alike, the unmeasured ones last."""
    psi = -math.inf if math.isnan(feature.psi) else feature.psi
    return not feature.drifted, _RANKS[feature.psi_level], -psi, feature.name


def _others(features: Iterable["FeatureDrift"]) -> str:
    body = "".join(
        row(
            isolated(feature.name),
            "yes" if feature.drifted else "no",
            level_said(feature),
            *map(
                escaped,
                (
                    number(feature.psi),
                    number(feature.psi_lower_bound),
                    number(feature.min_detectable_psi),
                    chance(feature.adjusted_p_value),
                    ks_said(feature),
                    SHARE.shown(feature.reference_missing_rate),
                    SHARE.shown(feature.missing_rate),
                    f"{feature.count:,}",
                ),
            ),
        )
        for feature in features
    )
    titles = (
        *("Feature", "Drift", "Level", "PSI", "At least", "Detectable", "p, adjusted", "KS"),
        *("Missing before", "Missing", "Rows"),
    )
    return f'<p class="note">The others:</p>{table("Other features", titles, body)}'


def _ignored(columns: Sequence[str]) -> str:
    named = ", ".join(map(isolated, columns[:_NAMED]))
    return f"<p>The reference does not have: {named}</p>{more(len(columns) - _NAMED, 'column')}"


def _predictions(found: "FeatureDrift", level: int) -> str:
    return f'<div class="charts">{feature_part(found, level + 2, title="Predictions")}</div>'


# --- markup ---------------------------------------------------------------------------------------------


def table(name: str, titles: Sequence[str], body: str) -> str:
    """Return a table that scrolls where it is wider than the screen, by keyboard too."""
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    drawn = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return scrolling(name, drawn)


def row(name: str, *cells: str) -> str:
    """Return a row with its head; markup."""
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def more(count: int, what: str) -> str:
    """Say how many are not shown; nothing if all are."""
    return f'<p class="note">And {counted(count, f"more {what}")}.</p>' if count > 0 else ""


# --- words ----------------------------------------------------------------------------------------------


def _and(names: Iterable[str]) -> str:
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else last
