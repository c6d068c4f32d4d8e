"""How the lift of an experiment, and what is known of it, came about over time."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, final

import attrs
import numpy as np

from mlprod._clock import to_datetime
from mlprod._facts._repeats import without_repeats
from mlprod._value import Value
from mlprod.experiments import _streams
from mlprod.experiments._evidence import evidence_of
from mlprod.experiments._measuring import measured_predictions, measured_trades
from mlprod.experiments._metric import Metric
from mlprod.experiments._reader import with_outcomes
from mlprod.experiments._streams import METRIC, PREDICTION, TRADE
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import Experiment, ExperimentAnalysis
from mlprod.stats import Interval
from mlprod.storage.journal import Reading, Table

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
        interval: of the lift, valid at every moment.
        control_samples: outcomes of the control until then.
        treatment_samples: those of the treatment.
    """

    variant_id: str
    at: datetime
    lift: float
    interval: Interval
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

    Args:
        experiment: which.
        reading: of its streams.
        steps: into how many the time from the first to the last outcome is cut.
    """
    metric = experiment.config.metric(experiment.config.primary_metric)
    table = _table(experiment, reading, metric).in_time_order()
    if len(table) < _FEWEST:
        return
    times = table["time"]
    ends = np.linspace(int(times[0]), int(times[-1]), steps + 1).astype(np.int64)[1:]
    ends[-1] = times[-1]
    sums, begin = Sums(), 0
    for end, stop in zip(ends.tolist(), np.searchsorted(times, ends, "right").tolist(), strict=True):
        if stop > begin:
            sums, begin = sums + _sums(experiment, table.take(slice(begin, stop)), metric), stop
            yield from _lifts(experiment, metric, sums, to_datetime(end))


def _lifts(experiment: Experiment, metric: Metric, sums: Sums, at: datetime) -> Iterator[LiftAt]:
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
                control_samples=_count(sums, metric, 0),
                treatment_samples=_count(sums, metric, number),
            )


def _count(sums: Sums, metric: Metric, variant: int) -> int:
    return sum(
        cell.count for (name, _, owner), cell in sums.cells.items() if (name, owner) == (metric.name, variant)
    )


def _table(experiment: Experiment, reading: Reading, metric: Metric) -> Table:
    """Return the records that have the metric, each once, with the outcomes that are known by now."""
    if experiment.config.mode == "shadow":
        layout = _streams.shadow_layout(len(experiment.models))
        return with_outcomes(reading, experiment, layout, _streams.shadows(experiment.id))
    if metric.source == "prediction":
        return with_outcomes(reading, experiment, PREDICTION, _streams.predictions(experiment.id))
    if metric.source == "trade":
        parts = reading.of(_streams.trades(experiment.id))
        trades = Table.joined(TRADE, [part.load() for part in parts]).in_time_order()
        return without_repeats(trades, "trade_id")
    parts = reading.of(_streams.metrics(experiment.id, metric.name))
    return Table.joined(METRIC, [part.load() for part in parts])


def _sums(experiment: Experiment, table: Table, metric: Metric) -> Sums:
    if experiment.config.mode == "shadow":
        return Sums.of_shadows(table, len(experiment.models))
    if metric.source == "custom":
        return Sums.of_metric(table).named(metric.name)
    measured = measured_trades(table) if metric.source == "trade" else measured_predictions(table)
    return Sums.of_measured(table, [(name, values) for name, values in measured if name == metric.name])
