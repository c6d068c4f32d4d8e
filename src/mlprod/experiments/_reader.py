"""One experiment in one reading of the journal."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._facts._compaction import Domain
from mlprod._facts._outcomes import Outcomes
from mlprod._facts._repeats import without_repeats
from mlprod.experiments import _streams
from mlprod.experiments._measuring import measured_predictions, measured_shadows, measured_trades
from mlprod.experiments._metric import metric_of
from mlprod.experiments._streams import METRIC, PREDICTION, TRADE
from mlprod.experiments._stretches import stretches_of
from mlprod.experiments._sums import SUMS_KEY, Sums
from mlprod.experiments._values import Experiment
from mlprod.storage.journal import Layout, Part, Reading, Table, gathered

__all__ = ["Series", "SumsReader", "domain_of", "read_series", "with_outcomes"]

_MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@final
class SumsReader:
    """Reads the sums over everything that was recorded in one experiment, by whichever process.

    Blocks never change: what is kept beside them is read once.
    """

    def __init__(self, experiment_id: str, variants: int) -> None:
        """Name the experiment, and say how many variants it has."""
        self._id = experiment_id
        self._variants = variants
        self._known: dict[str, Sums | None] = {}

    def read(self, reading: Reading) -> Sums:
        """Return the sums as of one reading of its streams."""
        sums = Sums.merge(self._all(reading))
        there = {part.path for parts in reading.parts.values() for part in parts}
        self._known = {path: kept for path, kept in self._known.items() if path in there}
        return sums

    def _all(self, reading: Reading) -> Iterator[Sums]:
        outcomes = Outcomes.of(reading.of(_streams.actuals(self._id)))
        predictions = reading.of(_streams.predictions(self._id))
        yield from self._predicted(PREDICTION, predictions, outcomes, Sums.of_predictions)
        shadows = reading.of(_streams.shadows(self._id))
        layout = _streams.shadow_layout(self._variants)
        yield from self._predicted(
            layout, shadows, outcomes, lambda table: Sums.of_shadows(table, self._variants)
        )
        yield from self._traded(reading.of(_streams.trades(self._id)))
        below = _streams.metrics(self._id) + "/"
        for stream, parts in reading.parts.items():
            if stream.startswith(below):
                name = stream.removeprefix(below)
                for part in gathered(METRIC, parts):
                    yield (self._kept(part) or Sums.of_metric(part.table(METRIC))).named(name)

    def _predicted(
        self,
        layout: Layout,
        parts: Iterable[Part],
        outcomes: Outcomes,
        sums_of: Callable[[Table], Sums],
    ) -> Iterator[Sums]:
        for part in gathered(layout, parts):
            kept = self._kept(part)
            if kept is not None and not len(outcomes):
                yield kept
                continue
            table = part.table(layout)
            with_outcomes = outcomes.applied_to(table) if len(outcomes) else table
            yield kept if kept is not None and with_outcomes is table else sums_of(with_outcomes)

    def _traded(self, parts: Iterable[Part]) -> Iterator[Sums]:
        found = list(parts)
        blocks = [part for part in found if part.is_block]
        for part in blocks:  # among them every id is there once
            yield self._kept(part) or Sums.of_trades(part.table(TRADE))
        raw = [part.load() for part in found if not part.is_block]
        if raw:
            recent = Table.joined(TRADE, raw).in_time_order()
            yield Sums.of_trades(without_repeats(recent, "trade_id", blocks))

    def _kept(self, part: Part) -> Sums | None:
        """Return the sums that were kept beside a block; None if there are none, or they cannot be read."""
        if not part.is_block:
            return None
        if part.path not in self._known:
            state = part.summary(SUMS_KEY)
            try:
                self._known[part.path] = None if state is None else Sums.from_state(state)
            except _MALFORMED:
                self._known[part.path] = None
        return self._known[part.path]


@final
@attrs.frozen(eq=False)
class Series:
    """All outcomes of one metric in time order.

    Attributes:
        values: the outcomes; shape ``(n,)``.
        variants: to which variant each belongs.
        phases: in which phase each was recorded.
    """

    values: NDArray[np.float64]
    variants: NDArray[np.uint8]
    phases: NDArray[np.uint8]


def read_series(reading: Reading, experiment: Experiment, metric: str) -> Series:
    """Return all outcomes of a metric, one by one; this reads every record of its kind.

    In shadow mode, the outcomes of all variants of one unit follow each other.
    """
    found = list(_measured(reading, experiment, metric))
    values = np.concatenate([np.empty(0), *(values for _, values, _, _ in found)])
    times, variants, phases = (
        np.concatenate([np.empty(0, np.int64), *(columns[place] for columns in found)]) for place in (0, 2, 3)
    )
    kept = np.flatnonzero(~np.isnan(values))
    order = kept[np.argsort(times[kept], kind="stable")]
    return Series(values[order], variants[order].astype(np.uint8), phases[order].astype(np.uint8))


def domain_of(experiment: Experiment) -> Domain:
    """Return how the journal of an experiment is compacted."""
    is_shadow = experiment.config.mode == "shadow"
    variants = len(experiment.models)
    shadow = _streams.shadow_layout(variants)
    by_layout: dict[Layout, Callable[[Table], Sums]] = {
        shadow: lambda table: Sums.of_shadows(table, variants),
        METRIC: Sums.of_metric,
        PREDICTION: Sums.of_predictions,
        TRADE: Sums.of_trades,
    }

    def summarize(table: Table) -> dict[str, Any]:
        sum_up = by_layout.get(table.layout)
        if sum_up is None:
            return {}
        name = "" if table.layout == METRIC else experiment.config.primary_metric
        return {
            SUMS_KEY: sum_up(table).to_state(),
            **stretches_of(table, lambda part: sum_up(part).only(name)),
        }

    return Domain(
        prefix=_streams.root(experiment.id),
        actuals=_streams.actuals(experiment.id),
        predictions=_streams.shadows(experiment.id) if is_shadow else _streams.predictions(experiment.id),
        layout=shadow if is_shadow else PREDICTION,
        summarize=summarize,
        unique={_streams.trades(experiment.id): "trade_id"},
    )


def _measured(
    reading: Reading, experiment: Experiment, metric: str
) -> Iterator[tuple[NDArray[Any], NDArray[np.float64], NDArray[Any], NDArray[Any]]]:
    """Give times, values, variants and phases of the records that have a metric."""
    source = metric_of(metric).source
    if source == "custom":
        parts = reading.of(_streams.metrics(experiment.id, metric))
        table = Table.joined(METRIC, [part.load() for part in parts])
        yield table["time"], table["value"], table["variant"], table["phase"]
        return
    if source == "trade":
        parts = reading.of(_streams.trades(experiment.id))
        table = Table.joined(TRADE, [part.load() for part in parts]).in_time_order()
        table = without_repeats(table, "trade_id")
        yield table["time"], dict(measured_trades(table))[metric], table["variant"], table["phase"]
    else:
        table = with_outcomes(reading, experiment, PREDICTION, _streams.predictions(experiment.id))
        yield table["time"], dict(measured_predictions(table))[metric], table["variant"], table["phase"]
    layout = _streams.shadow_layout(len(experiment.models))
    shadows = with_outcomes(reading, experiment, layout, _streams.shadows(experiment.id))
    for number in range(len(experiment.models)):
        scores = dict(measured_shadows(shadows, number))
        if metric in scores:
            yield shadows["time"], scores[metric], np.full(len(shadows), number), shadows["phase"]


def with_outcomes(reading: Reading, experiment: Experiment, layout: Layout, stream: str) -> Table:
    """Return the records of a stream, with the outcomes that arrived later."""
    table = Table.joined(layout, [part.load() for part in reading.of(stream)])
    outcomes = Outcomes.of(reading.of(_streams.actuals(experiment.id)))
    return outcomes.applied_to(table) if len(outcomes) and len(table) else table
