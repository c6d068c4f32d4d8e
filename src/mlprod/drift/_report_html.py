"""A drift report as HTML: the verdict first, then what it rests on, the gravest first.

No script, nothing fetched, all that users wrote escaped and isolated.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, assert_never

from mlprod._html import (
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
from mlprod._svg import NO_DATA, escaped, number, paired_bars

if TYPE_CHECKING:
    from mlprod.drift._values import (
        CalibrationDrift,
        ConceptDrift,
        DriftReport,
        Evidence,
        FeatureDrift,
        Level,
        MultivariateDrift,
        PerformanceDrift,
        Policy,
    )
    from mlprod.stats import Interval

__all__ = ["DRIFT_STYLE", "brief", "notebook", "page"]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_RANKS: Final[Mapping["Level", int]] = MappingProxyType({"significant": 0, "moderate": 1, "none": 2})
_SAID: Final[Mapping["Policy", str]] = MappingProxyType(
    {
        "calibrated": "drift is what is large enough and more than chance",
        "classic": "drift is what passes its threshold, be it chance or not",
    }
)
_SHARE: Final = Metric("Share", "Drift", "percent")
_BARS: Final = 12
_PLOTTED: Final = 20  # features with a plot, at least
_MOST_PLOTTED: Final = 100  # as a page is to open on a phone
_NOTEBOOK_PLOTTED: Final = 4
_NOTEBOOK_LISTED: Final = 20
_BRIEFLY_PLOTTED: Final = 2
_LISTED: Final = 1_000
_NAMED: Final = 50
_SMALLEST_P: Final = 0.0001
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
    style = f"<style>{STYLE}{NOTEBOOK_STYLE}{DRIFT_STYLE}</style>"
    return f'<div class="mlprod-report">{style}{_report(report, 2)}</div>'


def brief(report: "DriftReport", level: int) -> str:
    """Return the verdict, and the features with plots of those that have drifted most.

    Args:
        report: the report.
        level: of the heading that this stands below.
    """
    drifted = [one for one in sorted(report.features.values(), key=_severity) if one.drifted]
    features = _drawn(report, drifted[:_BRIEFLY_PLOTTED], level + 1, _NOTEBOOK_LISTED)
    checked = f'<p class="muted">Checked {time_tag(report.time)}: {report.rows:,} rows.</p>'
    return f"{checked}{_verdict(report)}{_tiles(report)}{features}"


def _report(report: "DriftReport", level: int) -> str:
    parts = {
        "Findings": _findings(report.overall.evidence),
        "Features": _features(report, level),
        "Features together": _multivariate(report.multivariate) if report.multivariate else "",
        "Predictions": _predictions(report.predictions, level) if report.predictions else "",
        "Performance": _performance(report.performance) if report.performance else "",
        "Calibration": _calibration(report.calibration) if report.calibration else "",
        "Concept": _concept(report.concept, level) if report.concept else "",
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
        f"<p>Drift report, {version}: {report.rows:,} rows against reference {isolated(report.reference)}, "
        f"set {time_tag(report.reference_time)}</p></header>"
        f"{_verdict(report)}{_tiles(report)}{''.join(sections)}"
        f"<footer><p>{NO_DATA} means not measured. Policy {report.policy}: {_SAID[report.policy]}. "
        "PSI: population stability index, at least so much with 95% confidence. KS: Kolmogorov-Smirnov. "
        "Detectable: the smallest shift that so many rows would show in four of five cases.</p>"
        f"<p>Checked {time_tag(report.time)}.</p></footer>"
    )


# --- the verdict ----------------------------------------------------------------------------------------


def _verdict(report: "DriftReport") -> str:
    overall = report.overall
    found = _and(_drifted(report))
    if overall.drift_detected:
        look, said = "verdict drift", f"Drift detected{f' in {found}' if found else ''}"
    else:
        look, said = "verdict", "No drift detected"
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
        tiles.append(("Predictions", number(predictions.psi), f"PSI, level {_level(predictions)}"))
    if (performance := report.performance) is not None:
        about = _metric(performance).label.lower()
        tiles.append(("Errors", _signed(performance.change), f"change of the {about}"))
    tiles.append(("Rows", f"{report.rows:,}", "compared with the reference"))
    drawn = (tile(escaped(label), value, escaped(about)) for label, value, about in tiles)
    return f'<dl class="tiles">{"".join(drawn)}</dl>'


def _findings(evidence: Sequence["Evidence"]) -> str:
    if not evidence:
        return ""
    body = "".join(
        _row(
            f'{isolated(one.subject)}<br><span class="tag">{isolated(one.test)}</span>',
            *map(escaped, (number(one.effect), number(one.threshold), number(one.detectable))),
            escaped(_chance(one.p_value)),
            "yes" if one.calls_for_retraining else "no",
        )
        for one in evidence[:_LISTED]
    )
    titles = ("What, and by which test", "Effect", "Counts from", "Detectable", "p", "Retrain")
    return _table("Findings", titles, body) + _more(len(evidence) - _LISTED, "finding")


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
    charts = "".join(_feature(feature, level) for feature in plotted)
    listed = _others(others[:most_listed]) + _more(len(others) - most_listed, "feature") if others else ""
    return f'<div class="charts">{charts}</div>{listed}'


def _severity(feature: "FeatureDrift") -> tuple[bool, int, float, str]:
    """Return what features are sorted by, the gravest first; of those alike, the unmeasured ones last."""
    psi = -math.inf if math.isnan(feature.psi) else feature.psi
    return not feature.drifted, _RANKS[feature.psi_level], -psi, feature.name


def _feature(
    feature: "FeatureDrift", level: int, names: tuple[str, str] = ("reference", "now"), title: str = ""
) -> str:
    look, said = _look(feature)
    head = title or isolated(feature.name)
    return (
        f'<article class="feature {look}"><h{level}>{head} '
        f'<span class="tag nowrap">{said}</span></h{level}>'
        f"{paired_bars(title or feature.name, *_bins(feature), names=names)}"
        f"{_facts(_figures(feature, names))}</article>"
    )


def _bins(feature: "FeatureDrift") -> tuple[Sequence[str], Sequence[float], Sequence[float]]:
    """Return what to draw: labels, the shares of the reference, and those of now.

    Of more categories than fit, those with the largest shares, the others together, and the last bin, which
    holds missing values.
    """
    labels, before, now = feature.bins, feature.reference_shares, feature.shares
    if feature.kind == "numeric" or len(labels) <= _BARS:
        return labels, before, now
    ordered = sorted(range(len(labels) - 1), key=lambda at: max(before[at], now[at]), reverse=True)
    shown, rest = sorted(ordered[: _BARS - 2]), ordered[_BARS - 2 :]

    def drawn(shares: Sequence[float]) -> list[float]:
        return [*(shares[at] for at in shown), math.fsum(shares[at] for at in rest), shares[-1]]

    return [*(labels[at] for at in shown), f"{len(rest):,} others", labels[-1]], drawn(before), drawn(now)


def _figures(feature: "FeatureDrift", names: tuple[str, str]) -> Iterator[tuple[str, str]]:
    before, now = names
    bound = number(feature.psi_lower_bound)
    measured = f"{number(feature.psi)}, level {_level(feature)}; at least {bound} (95%)"
    yield "PSI", "not measured" if math.isnan(feature.psi) else measured
    yield "Detectable PSI", number(feature.min_detectable_psi)
    p_values = [f"PSI {_chance(feature.psi_p_value)}"]
    if feature.kind == "numeric":
        yield "KS", _ks(feature)
        p_values += [f"KS {_chance(feature.ks_p_value)}", f"both {_chance(feature.p_value)}"]
    yield "p", ", ".join([*p_values, f"adjusted {_chance(feature.adjusted_p_value)}"])
    yield "Jensen-Shannon", number(feature.js_distance)
    if feature.kind == "numeric":
        yield "Wasserstein", number(feature.wasserstein)
    missing, missing_before = feature.missing_rate, feature.reference_missing_rate
    yield "Missing", f"{before} {_SHARE.shown(missing_before)}, {now} {_SHARE.shown(missing)}"
    if feature.kind == "categorical":
        yield "Without a bin", _SHARE.shown(feature.unseen_rate)
    yield f"Rows, {before}", _rows(feature.reference_count, feature.reference_effective_count)
    yield f"Rows, {now}", _rows(feature.count, feature.effective_count)


def _others(features: Iterable["FeatureDrift"]) -> str:
    body = "".join(
        _row(
            isolated(feature.name),
            "yes" if feature.drifted else "no",
            _level(feature),
            *map(
                escaped,
                (
                    number(feature.psi),
                    number(feature.psi_lower_bound),
                    number(feature.min_detectable_psi),
                    _chance(feature.adjusted_p_value),
                    _ks(feature),
                    _SHARE.shown(feature.reference_missing_rate),
                    _SHARE.shown(feature.missing_rate),
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
    return f'<p class="note">The others:</p>{_table("Other features", titles, body)}'


def _ignored(columns: Sequence[str]) -> str:
    named = ", ".join(map(isolated, columns[:_NAMED]))
    return f"<p>The reference does not have: {named}</p>{_more(len(columns) - _NAMED, 'column')}"


# --- the other parts ------------------------------------------------------------------------------------


def _multivariate(found: "MultivariateDrift") -> str:
    said = "Numeric features no longer go" if found.drifted else "No drift was found: numeric features go"
    one, other = map(isolated, found.pair)
    return _part(
        f"{said} together as they did. Most changed is the correlation of {one} and {other}.",
        [
            ("Its change", _plus(found.correlation_change)),
            ("Distance", number(found.distance)),
            ("p", f"{_chance(found.p_value)} by permutation, adjusted {_chance(found.adjusted_p_value)}"),
            ("Rows compared", f"{found.rows:,} of each sample"),
        ],
    )


def _predictions(found: "FeatureDrift", level: int) -> str:
    return f'<div class="charts">{_feature(found, level + 2, title="Predictions")}</div>'


def _performance(found: "PerformanceDrift") -> str:
    metric = _metric(found)
    return _part(
        "Errors have grown." if found.drifted else "No drift was found in errors.",
        [
            (metric.label, f"{metric.shown(found.current)}; reference {metric.shown(found.reference)}"),
            ("Change", f"{_signed(found.change)}; counts from {_signed(found.threshold)}"),
            ("95% interval", _range(found.interval)),
            ("p", f"{_chance(found.p_value)}, one-sided"),
            ("Detectable", _signed(found.min_detectable_change)),
            ("Errors, reference", f"{found.reference_count:,}"),
            ("Errors, now", _rows(found.count, found.effective_count)),
        ],
    )


def _calibration(found: "CalibrationDrift") -> str:
    error, brier = METRICS["calibration_error"], METRICS["brier_score"]
    growth = error.shown_change(found.current_error - found.reference_error)
    errors = f"{error.shown(found.current_error)}; reference {error.shown(found.reference_error)}"
    return _part(
        "Confidence does not mean what it did." if found.drifted else "No drift was found in calibration.",
        [
            (error.label, errors),
            ("Change", f"{growth}; counts from {error.shown_change(found.threshold)}"),
            (brier.label, f"{brier.shown(found.brier)}; reference {brier.shown(found.reference_brier)}"),
            ("p", _chance(found.p_value)),
            ("Predictions, reference", f"{found.reference_count:,}"),
            ("Predictions, now", f"{found.count:,}"),
        ],
    )


def _concept(found: "ConceptDrift", level: int) -> str:
    where = "nowhere" if found.regime_change_at is None else f"from value {found.regime_change_at:,} on"
    early, late = number(found.early_volatility), number(found.late_volatility)
    change = f"{_signed(found.volatility_change)}; counts from {_signed(found.threshold)}"
    said = "The series has changed." if found.drifted else "No drift was found in the series."
    facts = _part(
        said,
        [
            ("Volatility", f"early {early}, late {late}"),
            ("Ratio", number(found.volatility_ratio)),
            ("Change", change),
            ("95% interval", f"{_range(found.volatility_interval)}, of the mean deviation"),
            ("p of volatility", _chance(found.volatility_p_value)),
            ("Regime change", f"{where}; p {_chance(found.regime_p_value)}"),
            ("p, adjusted", f"{_chance(found.adjusted_p_value)}, the smallest of the three tests"),
            ("Values", _rows(found.count, found.effective_count)),
        ],
    )
    halves = _feature(found.distribution, level + 2, ("early", "late"), "Early and late values")
    return f'{facts}<div class="charts">{halves}</div>'


# --- markup ---------------------------------------------------------------------------------------------


def _part(said: str, facts: Iterable[tuple[str, str]]) -> str:
    return f"<p>{said}</p>{_facts(facts, 'facts single')}"


def _facts(facts: Iterable[tuple[str, str]], look: str = "facts") -> str:
    body = "".join(
        f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(cell)}</td></tr>' for name, cell in facts
    )
    return f'<table class="{look}"><tbody>{body}</tbody></table>'


def _table(name: str, titles: Sequence[str], body: str) -> str:
    """Return a table that scrolls where it is wider than the screen, by keyboard too."""
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return scrolling(name, table)


def _row(name: str, *cells: str) -> str:
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _more(count: int, what: str) -> str:
    return f'<p class="note">And {counted(count, f"more {what}")}.</p>' if count > 0 else ""


# --- words ----------------------------------------------------------------------------------------------


def _level(feature: "FeatureDrift") -> str:
    return "not measured" if math.isnan(feature.psi) else feature.psi_level


def _look(feature: "FeatureDrift") -> tuple[str, str]:
    """Return the class of a feature's frame, and the verdict in words."""
    if not feature.drifted:
        return "", "no drift"
    match feature.psi_level:
        case "significant":
            return "critical", "significant drift"
        case "moderate":
            return "warning", "moderate drift"
        case "none":
            return "warning", "drift"
        case _:
            assert_never(feature.psi_level)


def _ks(feature: "FeatureDrift") -> str:
    """Return the statistic, as a range if the reference leaves it open."""
    low, high = number(feature.ks_statistic), number(feature.ks_upper_bound)
    return low if low == high else f"{low} to {high}"


def _rows(count: int, effective_count: float) -> str:
    return f"{count:,}, worth {number(effective_count)} independent ones"


def _metric(found: "PerformanceDrift") -> Metric:
    return METRICS.get(found.metric) or Metric(found.metric, "Errors", "plain", "lower")


def _signed(fraction: float) -> str:
    return ("+" if fraction > 0 else "") + _SHARE.shown(fraction)


def _plus(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)


def _range(interval: "Interval") -> str:
    return f"{_signed(interval.low)} to {_signed(interval.high)}"


def _chance(p_value: float) -> str:
    """Write a p-value to two digits; NaN as an en dash."""
    return f"<{_SMALLEST_P}" if p_value < _SMALLEST_P else number(p_value, 2)


def _and(names: Iterable[str]) -> str:
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else last
