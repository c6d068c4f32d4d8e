"""One part of a check as HTML: a feature with both distributions, or what else was compared, in figures."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, assert_never

from mlprod._html import METRICS, Metric, isolated
from mlprod._svg import escaped, number, paired_bars

if TYPE_CHECKING:
    from mlprod.drift._values import (
        CalibrationDrift,
        ConceptDrift,
        FeatureDrift,
        MultivariateDrift,
        PerformanceDrift,
    )
    from mlprod.stats import Interval

__all__ = [
    "SHARE",
    "calibration_part",
    "chance",
    "concept_part",
    "error_metric",
    "feature_part",
    "ks_said",
    "level_said",
    "multivariate_part",
    "performance_part",
    "signed",
]

SHARE: Final = Metric("Share", "Drift", "percent")
_BARS: Final = 12
_SMALLEST_P: Final = 0.0001


def feature_part(
    feature: "FeatureDrift", level: int, names: tuple[str, str] = ("reference", "now"), title: str = ""
) -> str:
    """Return one feature, with both distributions and its figures."""
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
    measured = f"{number(feature.psi)}, level {level_said(feature)}; at least {bound} (95%)"
    yield "PSI", "not measured" if math.isnan(feature.psi) else measured
    yield "Detectable PSI", number(feature.min_detectable_psi)
    p_values = [f"PSI {chance(feature.psi_p_value)}"]
    if feature.kind == "numeric":
        yield "KS", ks_said(feature)
        p_values += [f"KS {chance(feature.ks_p_value)}", f"both {chance(feature.p_value)}"]
    yield "p", ", ".join([*p_values, f"adjusted {chance(feature.adjusted_p_value)}"])
    yield "Jensen-Shannon", number(feature.js_distance)
    if feature.kind == "numeric":
        yield "Wasserstein", number(feature.wasserstein)
    missing, missing_before = feature.missing_rate, feature.reference_missing_rate
    yield "Missing", f"{before} {SHARE.shown(missing_before)}, {now} {SHARE.shown(missing)}"
    if feature.kind == "categorical":
        yield "Without a bin", SHARE.shown(feature.unseen_rate)
    yield f"Rows, {before}", _rows(feature.reference_count, feature.reference_effective_count)
    yield f"Rows, {now}", _rows(feature.count, feature.effective_count)


def multivariate_part(found: "MultivariateDrift") -> str:
    """Return how numeric features go together."""
    said = "Numeric features no longer go" if found.drifted else "No drift was found: numeric features go"
    one, other = map(isolated, found.pair)
    return _part(
        f"{said} together as they did. Most changed is the correlation of {one} and {other}.",
        [
            ("Its change", _plus(found.correlation_change)),
            ("Distance", number(found.distance)),
            ("p", f"{chance(found.p_value)} by permutation, adjusted {chance(found.adjusted_p_value)}"),
            ("Rows compared", f"{found.rows:,} of each sample"),
        ],
    )


def performance_part(found: "PerformanceDrift") -> str:
    """Return how errors compare."""
    metric = error_metric(found)
    return _part(
        "Errors have grown." if found.drifted else "No drift was found in errors.",
        [
            (metric.label, f"{metric.shown(found.current)}; reference {metric.shown(found.reference)}"),
            ("Change", f"{signed(found.change)}; counts from {signed(found.threshold)}"),
            ("95% interval", _range(found.interval)),
            ("p", f"{chance(found.p_value)}, one-sided"),
            ("Detectable", signed(found.min_detectable_change)),
            ("Errors, reference", f"{found.reference_count:,}"),
            ("Errors, now", _rows(found.count, found.effective_count)),
        ],
    )


def calibration_part(found: "CalibrationDrift") -> str:
    """Return how confidence compares."""
    error, brier = METRICS["calibration_error"], METRICS["brier_score"]
    growth = error.shown_change(found.current_error - found.reference_error)
    errors = f"{error.shown(found.current_error)}; reference {error.shown(found.reference_error)}"
    return _part(
        "Confidence does not mean what it did." if found.drifted else "No drift was found in calibration.",
        [
            (error.label, errors),
            ("Change", f"{growth}; counts from {error.shown_change(found.threshold)}"),
            (brier.label, f"{brier.shown(found.brier)}; reference {brier.shown(found.reference_brier)}"),
            ("p", chance(found.p_value)),
            ("Predictions, reference", f"{found.reference_count:,}"),
            ("Predictions, now", f"{found.count:,}"),
        ],
    )


def concept_part(found: "ConceptDrift", level: int) -> str:
    """Return how a series has changed, with both its halves."""
    where = "nowhere" if found.regime_change_at is None else f"from value {found.regime_change_at:,} on"
    early, late = number(found.early_volatility), number(found.late_volatility)
    change = f"{signed(found.volatility_change)}; counts from {signed(found.threshold)}"
    said = "The series has changed." if found.drifted else "No drift was found in the series."
    facts = _part(
        said,
        [
            ("Volatility", f"early {early}, late {late}"),
            ("Ratio", number(found.volatility_ratio)),
            ("Change", change),
            ("95% interval", f"{_range(found.volatility_interval)}, of the mean deviation"),
            ("p of volatility", chance(found.volatility_p_value)),
            ("Regime change", f"{where}; p {chance(found.regime_p_value)}"),
            ("p, adjusted", f"{chance(found.adjusted_p_value)}, the smallest of the three tests"),
            ("Values", _rows(found.count, found.effective_count)),
        ],
    )
    halves = feature_part(found.distribution, level + 2, ("early", "late"), "Early and late values")
    return f'{facts}<div class="charts">{halves}</div>'


# --- markup and words -----------------------------------------------------------------------------------


def _part(said: str, facts: Iterable[tuple[str, str]]) -> str:
    return f"<p>{said}</p>{_facts(facts, 'facts single')}"


def _facts(facts: Iterable[tuple[str, str]], look: str = "facts") -> str:
    body = "".join(
        f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(cell)}</td></tr>' for name, cell in facts
    )
    return f'<table class="{look}"><tbody>{body}</tbody></table>'


def level_said(feature: "FeatureDrift") -> str:
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


def ks_said(feature: "FeatureDrift") -> str:
    """Return the statistic, as a range if the reference leaves it open."""
    low, high = number(feature.ks_statistic), number(feature.ks_upper_bound)
    return low if low == high else f"{low} to {high}"


def _rows(count: int, effective_count: float) -> str:
    return f"{count:,}, worth {number(effective_count)} independent ones"


def error_metric(found: "PerformanceDrift") -> Metric:
    return METRICS.get(found.metric) or Metric(found.metric, "Errors", "plain", "lower")


def signed(fraction: float) -> str:
    return ("+" if fraction > 0 else "") + SHARE.shown(fraction)


def _plus(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)


def _range(interval: "Interval") -> str:
    return f"{signed(interval.low)} to {signed(interval.high)}"


def chance(p_value: float) -> str:
    """Write a p-value to two digits; NaN as an en dash."""
    return f"<{_SMALLEST_P}" if p_value < _SMALLEST_P else number(p_value, 2)
