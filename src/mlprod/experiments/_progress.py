"""How the lift of an experiment, and what is known of it, came about over time."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._clock import to_datetime
from mlprod._facts._outcomes import Outcomes
from mlprod._facts._repeats import without_repeats
from mlprod._value import Value
from mlprod.experiments import _streams
from mlprod.experiments._evidence import evidence_of
from mlprod.experiments._measuring import measured_predictions, measured_trades
from mlprod.experiments._metric import Metric
from mlprod.experiments._stopping import Guard
from mlprod.experiments._streams import METRIC, PREDICTION, TRADE
from mlprod.experiments._stretches import Stretch, stretches_in
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import Experiment, ExperimentAnalysis
from mlprod.stats import Interval
from mlprod.storage.journal import Layout, Part, Reading, Table

__all__ = ["ExperimentOverview", "LiftAt", "progress_of"]

_FEWEST: Final = 2


@final
@attrs.frozen(kw_only=True)
class LiftAt(Value):
    """What was known of one treatment at one moment.

    Attributes:
        variant_id: the treatment.
        at: the moment, UTC.
        lift: of the primary metric, relative to the control's.
        interval: of the lift, two-sided, valid at every moment.
        stop_interval: of the lift, one-sided, valid at every moment: the one by which auto-stop decides. Once
            it leaves out zero, the treatment is worse.
        control_samples: outcomes of the control until then.
        treatment_samples: those of the treatment.
    """

    variant_id: str
    at: datetime
    lift: float
    interval: Interval
    stop_interval: Interval
    control_samples: int
    treatment_samples: int


@final
@attrs.frozen(kw_only=True)
class ExperimentOverview(Value):
    """How one experiment stands.

    Attributes:
        experiment: as it was decided last.
        analysis: of one that was started and has not ended; an ended one has its conclusion.
        progress: the lift of the primary metric over time, of each treatment; empty without outcomes.
        is_due: whether its time is over, and nobody has looked at it since: then it will end.
    """

    experiment: Experiment
    analysis: ExperimentAnalysis | None
    progress: tuple[LiftAt, ...]
    is_due: bool

    def _repr_html_(self) -> str:
        from mlprod.experiments._presentation import overview_html  # noqa: PLC0415 - which knows this class

        return overview_html(self)


def progress_of(experiment: Experiment, reading: Reading, *, steps: int) -> Iterator[LiftAt]:
    """Give the lift at the end of each step of time in which there were outcomes.

    Of large blocks, the sums over stretches are used and no record is read: a stretch counts at the end of
    the step in which its last outcome lies.

    Args:
        experiment: which.
        reading: of its streams.
        steps: into how many the time from the first to the last outcome is cut.
    """
    metric = experiment.config.metric(experiment.config.primary_metric)
    recorded = _recorded(experiment, reading, metric)
    table, times = recorded.table, recorded.table["time"]
    moments = np.concatenate([times[[0, -1]] if len(times) else times, recorded.spans])
    if recorded.rows < _FEWEST:
        return
    ends = np.linspace(int(moments.min()), int(moments.max()), steps + 1).astype(np.int64)[1:]
    ends[-1] = moments.max()
    sums, begin, waiting = Sums(), 0, sorted(recorded.stretches, key=lambda each: -each.until)
    for end, stop in zip(ends.tolist(), np.searchsorted(times, ends, "right").tolist(), strict=True):
        new = [_sums(experiment, table.take(slice(begin, stop)), metric)] if stop > begin else []
        while waiting and waiting[-1].until <= end:
            found = waiting.pop().sums
            new.append(found.named(metric.name) if metric.source == "custom" else found)
        if new:
            sums, begin = Sums.merge([sums, *new]), stop
            yield from _lifts(experiment, metric, sums, to_datetime(end))


def _lifts(experiment: Experiment, metric: Metric, sums: Sums, at: datetime) -> Iterator[LiftAt]:
    guard = Guard.of(metric, experiment.config, len(experiment.models))
    for number, name in enumerate(experiment.models):
        if not number:
            continue
        evidence = evidence_of(metric, sums, number, experiment.config.planned_outcomes)
        if evidence.strata:
            yield LiftAt(
                variant_id=name,
                at=at,
                lift=metric.lift(evidence.lift),
                interval=evidence.lifts(experiment.config.alpha),
                stop_interval=guard.bound(guard.limits(evidence)),
                control_samples=_count(sums, metric, 0),
                treatment_samples=_count(sums, metric, number),
            )


def _count(sums: Sums, metric: Metric, variant: int) -> int:
    return sum(
        cell.count for (name, _, owner), cell in sums.cells.items() if (name, owner) == (metric.name, variant)
    )


@attrs.frozen(eq=False)
class _Recorded:
    """What an experiment recorded of a metric: the sums over stretches of large blocks, and all the rest.

    Attributes:
        stretches: of the blocks that have them.
        spans: when these blocks begin and end; nanoseconds since 1970, UTC; shape ``(2 * blocks,)``.
        table: all other records in time order, each once, with the outcomes that are known by now.
        rows: how many records there are in all.
    """

    stretches: Sequence[Stretch]
    spans: NDArray[np.int64]
    table: Table
    rows: int


def _recorded(experiment: Experiment, reading: Reading, metric: Metric) -> _Recorded:
    layout, stream = _where(experiment, metric)
    outcomes = Outcomes.of(reading.of(_streams.actuals(experiment.id)))
    summed: list[Part] = []
    stretches: list[Stretch] = []
    rest: list[Table] = []
    for part in reading.of(stream):
        found = stretches_in(part)
        if found and len(outcomes):
            records = part.table(layout)
            found = found if outcomes.applied_to(records) is records else ()
        if found:
            summed.append(part)
            stretches += found
        else:
            rest.append(part.load())
    table = Table.joined(layout, rest)
    if layout == TRADE:
        table = without_repeats(table.in_time_order(), "trade_id", summed)
    elif len(outcomes) and len(table):
        table = outcomes.applied_to(table)
    spans = np.array([moment for part in summed for moment in (part.since, part.until)], np.int64)
    return _Recorded(stretches, spans, table.in_time_order(), len(table) + sum(part.rows for part in summed))


def _where(experiment: Experiment, metric: Metric) -> tuple[Layout, str]:
    """Return what records of a metric look like, and in which stream they are."""
    if experiment.config.mode == "shadow":
        return _streams.shadow_layout(len(experiment.models)), _streams.shadows(experiment.id)
    if metric.source == "prediction":
        return PREDICTION, _streams.predictions(experiment.id)
    if metric.source == "trade":
        return TRADE, _streams.trades(experiment.id)
    return METRIC, _streams.metrics(experiment.id, metric.name)


def _sums(experiment: Experiment, table: Table, metric: Metric) -> Sums:
    if experiment.config.mode == "shadow":
        return Sums.of_shadows(table, len(experiment.models))
    if metric.source == "custom":
        return Sums.of_metric(table).named(metric.name)
    measured = measured_trades(table) if metric.source == "trade" else measured_predictions(table)
    return Sums.of_measured(table, [(name, values) for name, values in measured if name == metric.name])
