"""How the lift of an experiment came about, with the limits by which it is judged."""

import math
from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlprod._svg import Series, escaped, line_chart
from mlprod.dashboard._words import metric_of
from mlprod.experiments import ExperimentConclusion, ExperimentOverview, LiftAt
from mlprod.experiments._conclusion import ONE_SIDED
from mlprod.experiments._verdict_words import asked, is_by_one_look, limits_said, sentence

__all__ = ["lift_over_time"]

_Floats: TypeAlias = NDArray[np.float64]

_FURTHEST: Final = 2.0
_GAPS: Final = " A gap is where a limit is too far away to draw."


def lift_over_time(each: ExperimentOverview) -> str:
    """Return a chart for each treatment, and what is to be seen on them."""
    drawn = "".join(
        _chart(each, name, points)
        for name in each.experiment.models
        if (points := [point for point in each.progress if point.variant_id == name])
    )
    if not drawn:
        return "<p>No outcomes of the primary metric were recorded of both sides.</p>"
    return f'<p class="muted">{_caption(each)}{_GAPS}</p><div class="charts">{drawn}</div>'


def _stopped_by(each: ExperimentOverview) -> ExperimentConclusion | None:
    """Return the verdict of auto-stop; None if it is another one, or if there is none."""
    verdict = each.experiment.conclusion
    return verdict if verdict is not None and verdict.test == ONE_SIDED else None


def _caption(each: ExperimentOverview) -> str:
    verdict, stopped = each.experiment.conclusion, _stopped_by(each)
    if stopped is not None and stopped.metric == each.experiment.config.primary_metric:
        return (
            "With the one-sided limit by which auto-stop decides, and which holds at every moment: once it "
            "is on the bad side of zero, the treatment is worse, however often one looks. The dot is "
            f"where it was when that stopped the experiment: {escaped(limits_said(stopped.interval))}."
        )
    caption = (
        "With the two-sided interval that holds at every moment: once it has left zero, there is a "
        "difference, however often one looks."
    )
    if stopped is not None:
        return f"{caption} Not this metric stopped it, but {escaped(metric_of(stopped.metric).label)}."
    if verdict is None:
        said = "" if each.analysis is None else each.analysis.stops_if
        return caption + (f" {sentence(said)}" if said else "")
    if verdict.is_chosen:
        return f"{caption} The caller chose the winner, whatever this says."
    if is_by_one_look(verdict):
        return (
            f"{caption} The verdict is not by this interval but by the one look that was planned: "
            f"{escaped(limits_said(verdict.interval))} ({escaped(asked(verdict))})."
        )
    return f"{caption} The verdict is by what it was at the end: {escaped(limits_said(verdict.interval))}."


def _chart(each: ExperimentOverview, name: str, points: list[LiftAt]) -> str:
    times = np.array([point.at.replace(tzinfo=None) for point in points], "datetime64[us]")
    metric = each.experiment.config.primary_metric
    stopped = _stopped_by(each)
    is_stopped = stopped is not None and stopped.metric == metric
    intervals = [point.stop_interval if is_stopped else point.interval for point in points]
    lifts = np.array([point.lift for point in points])
    lows, highs = (np.array([getattr(interval, end) for interval in intervals]) for end in ("low", "high"))
    near = np.abs(np.array([*lifts, lows[-1], highs[-1]]))
    reach = _FURTHEST * near[np.isfinite(near)].max(initial=0.0)  # or the first days are all one sees
    lines = [Series("lift", 100 * lifts), *_limits(lows, highs, reach)]
    if is_stopped and stopped is not None and stopped.variant_id == name:
        lines.append(Series("stopped here", _last(len(points), stopped)))
    title = f"Lift of {metric_of(metric).label}, {name}"
    return line_chart(
        title,
        times,
        lines,
        unit="%",
        reference=0.0,
        reference_name="no difference",
        limits=(-math.inf, math.inf),
    )


def _limits(lows: _Floats, highs: _Floats, reach: float) -> Iterator[Series]:
    """Give the limits that there are; of a one-sided interval there is one."""
    if np.isfinite(lows).any() or not np.isfinite(highs).any():
        yield Series("at least", 100 * np.where(lows < -reach, np.nan, lows))
    if np.isfinite(highs).any() or not np.isfinite(lows).any():
        yield Series("at most", 100 * np.where(highs > reach, np.nan, highs))


def _last(count: int, stopped: ExperimentConclusion) -> _Floats:
    """Return the limit that was crossed, at the last of so many moments."""
    low, high = stopped.interval.low, stopped.interval.high
    values = np.full(count, np.nan)
    values[-1] = 100 * (low if math.isfinite(low) else high)
    return values
