"""A drift report in words: which rows it is about, what decides, and what its figures mean."""

from typing import TYPE_CHECKING, assert_never

from mlprod._html import counted, isolated, time_tag
from mlprod._svg import NO_DATA, escaped, number
from mlprod.drift._parts_html import error_metric, signed
from mlprod.drift._values import Limits, blind

if TYPE_CHECKING:
    from mlprod.drift._values import CheckedData, DriftReport, PerformanceDrift

__all__ = ["errors_said", "explained", "found_said", "rows_said"]

_USUAL = Limits(psi_moderate=0.1, psi_significant=0.25, p_value=0.05)
"""Those of a report that does not say."""


def rows_said(report: "DriftReport") -> str:
    """Say how many rows were compared, and which; markup."""
    rows = counted(report.rows, "row")
    return rows if report.data is None else f"{rows} {_which(report.data)}"


def _which(data: "CheckedData") -> str:
    symbol = "" if data.symbol is None else f" of {isolated(data.symbol)}"
    note = f": {isolated(data.note)}" if data.note else ""
    match data.origin:
        case "given":
            return f"{symbol} that were given to the check{note}".lstrip()
        case "fetched":
            return f"{symbol} from the data source{note}".lstrip()
        case "recorded":
            return f"recorded with the monitor{_span(data)}{note}"
        case _:
            assert_never(data.origin)


def _span(data: "CheckedData") -> str:
    if data.since is None or data.until is None:
        return ""
    return f" from {time_tag(data.since)} to {time_tag(data.until)}"


def found_said(report: "DriftReport") -> tuple[str, str]:
    """Return the class of a mark, and in a few words what was found; what could not be seen is not absent."""
    if report.overall.drift_detected:
        return "warning", "drift"
    unseen = blind(report.features.values(), (report.limits or _USUAL).psi_significant)
    if not unseen:
        return "healthy", "no drift"
    return "", "nothing could be seen" if len(unseen) == len(report.features) else "little could be seen"


def errors_said(found: "PerformanceDrift") -> str:
    """Say whether the change of errors is more than chance, with its interval."""
    low, high = found.interval.low, found.interval.high
    if low > 0:
        verdict = "more than chance" if found.drifted else "too little or too unsure to count"
    elif high < 0:
        verdict = "smaller than in the reference"
    else:
        verdict = "within chance"
    return f"{error_metric(found).label.lower()}, {verdict}: {signed(low)} to {signed(high)}"


def explained(report: "DriftReport") -> str:
    """Say what decides, and what the figures of features mean; markup."""
    return (
        f"{escaped(_decides(report))} At least: the true index is more than this, with 95% confidence; it "
        "decides nothing. Detectable: the smallest true index that so many rows would show in four of five "
        "cases; no drift means little where it is large. PSI, the population stability index: how far the "
        "shares of the bins have moved. KS, Kolmogorov-Smirnov: the largest distance of the two distribution "
        "functions, 0 to 1. Rows that resemble the ones before prove less, so they are counted as fewer "
        f"independent ones. {NO_DATA}: not measured."
    )


def _decides(report: "DriftReport") -> str:
    limits = report.limits or _USUAL
    moderate, significant = number(limits.psi_moderate), number(limits.psi_significant)
    chance = number(limits.p_value)
    if report.policy == "classic":
        return (
            f"Drift is a PSI from {significant} on, or a p of KS below {chance}, be it chance or not "
            "(policy classic)."
        )
    known = f"at most {chance}" if report.limits else "small enough"
    return (
        f"Drift is a PSI from {moderate} on (moderate; from {significant}, significant) whose adjusted p is "
        f"{known}; where p is larger, the level is none, as chance alone could do that (policy calibrated)."
    )
