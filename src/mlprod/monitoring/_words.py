"""What a metric is and what it should be, in plain text."""

from typing import Final

from mlprod._html import METRICS

__all__ = ["written"]

_AMOUNT, _ENDLESS = 1e3, 1e15
_PLAIN: Final = str.maketrans({"\N{MINUS SIGN}": "-", "\N{INFINITY}": "inf"})


def written(metric: str, value: float, threshold: float) -> tuple[str, str]:
    """Return a value of a metric and its threshold with their unit; alike only if they are.

    Example:
        >>> written("accuracy", 0.343284, 0.4), written("accuracy", 0.39996, 0.4)
        (('34.3%', '40%'), ('39.996%', '40%'))
        >>> written("p95_latency_ms", 1250.0, 200.0), written("total_pnl", -2500.5, -1000.0)
        (('1,250 ms', '200 ms'), ('-2,500.50', '-1,000'))
    """
    unit = METRICS[metric].unit if metric in METRICS else "plain"
    if unit != "percent":
        end = " ms" if unit == "ms" else ""
        return _number(value) + end, _number(threshold) + end
    shown = _share(metric, value), _share(metric, threshold)
    if shown[0] == shown[1] and value != threshold:
        return f"{100 * value:.6g}%", f"{100 * threshold:.6g}%"
    return shown


def _share(metric: str, value: float) -> str:
    """Return a percentage as everywhere; a whole one without a decimal."""
    return METRICS[metric].shown(value).translate(_PLAIN).replace(".0%", "%")


def _number(number: float) -> str:
    """Return amounts with their thousands, everything else with the digits that matter."""
    is_amount = _AMOUNT <= abs(number) < _ENDLESS
    return f"{number:,.2f}".removesuffix(".00") if is_amount else f"{number:.6g}"
