"""What an experiment compared: a table in which each metric is a forest plot, with its figures beside."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final

import attrs

from mlprod._html import METRICS, Metric, isolated, scrolling
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
from mlprod.experiments._values import ExperimentConclusion, MetricComparison, VariantMetrics
from mlprod.experiments._verdict_words import asked, decisive, is_by_one_look, percent
from mlprod.experiments._wording import p_in_words
from mlprod.stats import Interval

__all__ = ["forest", "shown_metric"]

_WIDTH: Final = 256
_NOT_DRAWN: Final = (math.nan, math.nan)
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


def shown_metric(name: str) -> Metric:
    """Return how people read a metric of an experiment."""
    return _SHOWN.get(name) or Metric(name, "Predictions", "plain")


def forest(
    comparisons: Sequence[MetricComparison],
    variants: Mapping[str, VariantMetrics],
    verdict: ExperimentConclusion | None = None,
) -> str:
    """Return the table, as markup.

    Args:
        comparisons: all rows, those of one metric together.
        variants: what was recorded of each variant.
        verdict: what followed; its row stands first where its figures are not those of the thin bar. None:
            of a comparison by itself.
    """
    if not comparisons:
        return "<p>Nothing was compared yet.</p>"
    primary = "" if verdict is None else comparisons[0].metric
    key = interval_key("for one look", "at any time")
    titles = ("Lift", "Control", "Treatment", "p, one look", "p, any time", "Outcomes")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    bodies = "".join(
        _metric_body(name, _rows(name, list(found), verdict), variants, is_primary=name == primary)
        for name, found in groupby(comparisons, key=lambda one: one.metric)
    )
    table = (
        f'<table class="forest"><thead><tr><th scope="col">Metric</th><th class="plot" scope="col">{key}</th>'
        f"{head}</tr></thead>{bodies}</table>"
    )
    return (
        f"{scrolling('Comparisons', table)}"
        '<p class="note">Bars are intervals of the lift. The thick one holds for one look, when planned; '
        "the thin one whenever, and however often, one looks. Both, and their p-values, are two-sided: they "
        "ask for a difference of either sign. A row has a colour where the thin bar leaves out zero. The "
        "verdict has a row of its own where its figures are others, with the bar by which it was reached. "
        "An arrow says that a bar goes on. In brackets: p corrected for the other comparisons. "
        f"Outcomes: of the control and of the treatment. {NO_DATA} means no data.</p>"
    )


@attrs.frozen
class _Row:
    """A comparison as it is drawn.

    Attributes:
        of: the comparison.
        said: which question it answers, where that has to be said.
        is_verdict: whether it is the verdict's.
        drawn: its bars.
        chances: for one look, and at any time.
    """

    of: MetricComparison
    said: str
    drawn: IntervalRow
    chances: tuple[str, str]
    is_verdict: bool = False


def _rows(name: str, found: Sequence[MetricComparison], verdict: ExperimentConclusion | None) -> list[_Row]:
    first = [] if verdict is None or verdict.metric != name else _of_verdict(verdict)
    return first + [_of_comparison(one, said="two-sided" if first else "") for one in found]


def _of_verdict(verdict: ExperimentConclusion) -> list[_Row]:
    """Return the row of a verdict; none if it is that of its comparison."""
    one = decisive(verdict)
    is_as_shown = one is None or (verdict.p_value, verdict.interval) == (
        one.anytime_p_value,
        one.anytime_interval,
    )
    if one is None or is_as_shown or one.test == "none":
        return []
    bar, chance = _hundredfold(verdict.interval), _chance(verdict.p_value)
    is_fixed = is_by_one_look(verdict)
    drawn = IntervalRow(
        f"verdict on {one.variant_id}",
        100 * one.lift,
        bar if is_fixed else _NOT_DRAWN,
        _NOT_DRAWN if is_fixed else bar,
    )
    return [_Row(one, asked(verdict), drawn, (chance, "") if is_fixed else ("", chance), is_verdict=True)]


def _of_comparison(one: MetricComparison, said: str) -> _Row:
    drawn = IntervalRow(
        one.variant_id, 100 * one.lift, _hundredfold(one.interval), _hundredfold(one.anytime_interval)
    )
    if one.test == "none":
        return _Row(one, said, drawn, (NO_DATA, NO_DATA))
    fixed, corrected = _chance(one.p_value), _chance(one.adjusted_p_value)
    brackets = f" ({corrected})" if corrected != fixed else ""
    return _Row(one, said, drawn, (fixed + brackets, _chance(one.anytime_p_value)))


def _metric_body(
    name: str, rows: Sequence[_Row], variants: Mapping[str, VariantMetrics], *, is_primary: bool
) -> str:
    better = _better(name, [row.of for row in rows])
    drawn = [row.drawn for row in rows]
    scale = interval_scale(drawn, width=_WIDTH)
    axis = interval_axis(scale, better=better, width=_WIDTH)
    plots = interval_rows(drawn, scale, better=better, width=_WIDTH)
    tags = (["primary"] if is_primary else []) + ([f"{better} is better"] if better else [])
    if name == "directional_accuracy" and all(row.of.control == row.of.treatment == 1 for row in rows):
        tags.append("always right")
    body = "".join(_figures(row, plot, variants) for row, plot in zip(rows, plots, strict=True))
    return (
        f'<tbody><tr class="metric"><th scope="rowgroup">{isolated(shown_metric(name).label)}'
        f'<br><span class="tag">{", ".join(tags)}</span></th><td class="plot">{axis}</td>'
        f'<td colspan="6"></td></tr>{body}</tbody>'
    )


def _figures(row: _Row, plot: str, variants: Mapping[str, VariantMetrics]) -> str:
    one, metric = row.of, shown_metric(row.of.metric)
    cells = (
        percent(one.lift),
        metric.shown(one.control),
        metric.shown(one.treatment),
        *row.chances,
        f"{one.control_samples:,} / {one.treatment_samples:,}",
    )
    model = variants[one.variant_id].model if one.variant_id in variants else ""
    name = isolated(one.variant_id)
    tags = "<br>".join(escaped(part) for part in row.said.split(", ") if part)
    name = f"{'Verdict on ' if row.is_verdict else ''}{name}" + (
        f'<br><span class="tag">{tags}</span>' if tags else ""
    )
    return (
        f'<tr><th scope="row" title="{escaped(model)}">{name}</th>'
        f'<td class="plot">{plot}</td>' + "".join(f"<td>{escaped(cell)}</td>" for cell in cells) + "</tr>"
    )


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


def _chance(p_value: float) -> str:
    return p_in_words(p_value).removeprefix("p ").removeprefix("= ")
