"""Metrics of one model over any stretch of time, from what its journal holds."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._facts._flags import LOST, WON
from mlprod._facts._outcomes import Outcomes
from mlprod._facts._repeats import without_repeats
from mlprod.monitoring import _streams
from mlprod.monitoring._aggregate import Aggregate, Rules
from mlprod.monitoring._step_sums import StepSums
from mlprod.monitoring._streams import DRIFT, PREDICTION, TRADE
from mlprod.monitoring._summary import STRETCH_ROWS, Stretch, Summary
from mlprod.stats import Drawdown, Moments
from mlprod.storage.journal import Part, Reading, Table, gathered

__all__ = ["ModelReader", "TradeLog"]

BEGINNING: Final = -(1 << 63)
END: Final = (1 << 63) - 1


@final
@attrs.frozen(eq=False)
class TradeLog:
    """All trades in time order, each id once.

    Attributes:
        times: nanoseconds since 1970, UTC; shape ``(n,)``.
        pnl: in money; NaN where it was not given.
        is_won: whether the trade was won; by its P&L where the caller did not say.
    """

    times: NDArray[np.int64]
    pnl: NDArray[np.float64]
    is_won: NDArray[np.bool_]

    @classmethod
    def of(cls, parts: Iterable[Part]) -> "TradeLog":
        """Read trades; of several records of one trade, the earliest counts."""
        everything = Table.joined(TRADE, [part.load() for part in parts]).in_time_order()
        table = without_repeats(everything, "trade_id")
        flags, pnl = table["flags"], table["pnl"]
        is_said = (flags & (WON | LOST)) != 0
        return cls(table["time"], pnl, np.where(is_said, (flags & WON) != 0, pnl > 0))

    def __len__(self) -> int:
        """Return how many."""
        return len(self.times)

    def between(self, since: int, until: int) -> "TradeLog":
        """Return the trades of a stretch of time."""
        rows = slice(*np.searchsorted(self.times, (since, until)))
        return TradeLog(self.times[rows], self.pnl[rows], self.is_won[rows])

    @property
    def money(self) -> NDArray[np.float64]:
        """The P&L of those that have one."""
        return self.pnl[~np.isnan(self.pnl)]

    def total_before(self, moment: int) -> float:
        """Return the P&L of everything earlier."""
        return float(np.nansum(self.pnl[: np.searchsorted(self.times, moment)]))

    def moments(self) -> Moments:
        """Return count, sum and spread of the P&L."""
        return Moments.of(self.money)

    def drawdown(self) -> Drawdown:
        """Return how far equity fell."""
        return Drawdown.of(self.money)


@final
class _PartReader:
    """Sums over any stretch of one part."""

    def __init__(self, part: Part, outcomes: Outcomes, rules: Rules) -> None:
        self._part = part
        self._outcomes = outcomes
        self._rules = rules
        self._table: Table | None = None
        self._summary: Summary | None = None
        self._stretches: Sequence[Stretch] | None = None
        self._is_prepared = False

    def sums(self, since: int, until: int) -> Aggregate | None:
        """Return the sums over the records of a stretch, None if there are none."""
        if self._part.until < since or self._part.since >= until or not self._part.rows:
            return None
        self._prepare()
        if self._summary is not None and since <= self._part.since and self._part.until < until:
            return self._summary.whole
        if self._summary is None or self._part.rows <= STRETCH_ROWS:  # which is a single stretch
            return self._of_records(since, until)
        return self._of_stretches(self._summary, since, until)

    def steps(self, edges: NDArray[np.int64]) -> StepSums:
        """Return the sums over the records of each step; rows are read where a stretch lies in two."""
        since, until = int(edges[0]), int(edges[-1])
        if self._part.until < since or self._part.since >= until or not self._part.rows:
            return StepSums.none(len(edges) - 1)
        self._prepare()
        whole: list[tuple[int, Aggregate]] = []
        rows: list[slice] = []
        stretches: Sequence[Stretch] = ()
        if self._summary is not None and self._part.rows > STRETCH_ROWS:
            stretches = self._stretches_of(self._summary)
        for item in stretches:
            first, last = (int(at) for at in np.searchsorted(edges, (item.since, item.until), "right") - 1)
            if first == last and 0 <= first < len(edges) - 1:
                whole.append((first, item.sums))
            elif item.until >= since and item.since < until:
                rows.append(slice(item.first, item.stop))
        if not stretches:
            rows.append(slice(None))
        parts = [StepSums.of_sums(whole, len(edges) - 1)]
        parts += [StepSums.of(self._records().take(some), edges, self._rules) for some in rows]
        return StepSums.merge(parts)

    def _prepare(self) -> None:
        """Use the summary, unless outcomes have arrived for the records of which it was made."""
        if self._is_prepared:
            return
        self._is_prepared = True
        self._summary = Summary.of(self._part, self._rules)
        if self._summary is None or len(self._outcomes):
            table = self._part.table(PREDICTION)
            with_outcomes = self._outcomes.applied_to(table) if len(self._outcomes) else table
            if with_outcomes is not table:
                self._summary = None
            self._table = with_outcomes.in_time_order()

    def _of_records(self, since: int, until: int) -> Aggregate:
        table = self._records()
        first, stop = np.searchsorted(table["time"], (since, until))
        return Aggregate.of(table.take(slice(first, stop)), self._rules)

    def _records(self) -> Table:
        if self._table is None:
            self._table = self._part.table(PREDICTION).in_time_order()
        return self._table

    def _stretches_of(self, summary: Summary) -> Sequence[Stretch]:
        """Read them once, however many stretches of time are asked about."""
        if self._stretches is None:
            self._stretches = summary.stretches()
        return self._stretches

    def _of_stretches(self, summary: Summary, since: int, until: int) -> Aggregate:
        """Return the sums of the stretches that lie inside, and of the records at both ends."""
        inside = [item for item in self._stretches_of(summary) if since <= item.since and item.until < until]
        if not inside:
            return self._of_records(since, until)
        # Records of the same time as the end of a stretch may lie in the next one: cut by row, not by time.
        table = self._records()
        first, stop = np.searchsorted(table["time"], (since, until))
        before = table.take(slice(first, inside[0].first))
        after = table.take(slice(inside[-1].stop, stop))
        return Aggregate.merge(
            (
                Aggregate.of(before, self._rules),
                *(item.sums for item in inside),
                Aggregate.of(after, self._rules),
            )
        )


@final
class ModelReader:
    """One model in one reading of the journal.

    Attributes:
        model_id: the model.
        version: the version that was chosen, or None for all.
        rules: how its predictions are judged.
        trades: its trades.
        last_acted: the time of the last prediction or trade, None if there is none.
    """

    def __init__(self, reading: Reading, model_id: str, version: str | None, rules: Rules) -> None:
        """Choose the streams of a version, or of all versions."""
        self.model_id: Final = model_id
        self.version: Final = version
        self.rules: Final = rules
        versions = _streams.versions_of(list(reading.parts), model_id) if version is None else [version]
        outcomes = Outcomes.of(reading.of(_streams.actuals(model_id)))
        self._parts = [
            _PartReader(part, outcomes, rules)
            for name in versions
            for part in gathered(PREDICTION, reading.of(_streams.predictions(model_id, name)))
        ]
        acted = _spans(reading, (_streams.predictions, _streams.trades), model_id, versions)
        self.last_acted: Final = max((until for _, until in acted), default=None)
        self._spans = [*acted, *_spans(reading, (_streams.drift,), model_id, versions)]
        self.trades: Final = TradeLog.of(
            part for name in versions for part in reading.of(_streams.trades(model_id, name))
        )
        drift = [part.load() for name in versions for part in reading.of(_streams.drift(model_id, name))]
        self._drift = Table.joined(DRIFT, drift).in_time_order()

    @property
    def first(self) -> int | None:
        """The time of the first record, None if there is none."""
        return min((since for since, _ in self._spans), default=None)

    @property
    def last(self) -> int | None:
        """The time of the last record, None if there is none."""
        return max((until for _, until in self._spans), default=None)

    def sums(self, since: int = BEGINNING, until: int = END) -> Aggregate:
        """Return the sums over the predictions of a stretch of time."""
        found = (part.sums(since, until) for part in self._parts)
        return Aggregate.merge(sums for sums in found if sums is not None)

    def steps(self, edges: NDArray[np.int64]) -> StepSums:
        """Return the sums over the predictions of each step of time, in one pass.

        Args:
            edges: where the steps begin, and where the last one ends; shape ``(n + 1,)``.
        """
        return StepSums.merge([StepSums.none(len(edges) - 1), *(part.steps(edges) for part in self._parts)])

    def drift_steps(self, edges: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Return the latest score of each kind in each step; NaN where there is none."""
        found: dict[str, NDArray[np.float64]] = {}
        step = np.searchsorted(edges, self._drift["time"], "right") - 1
        is_inside = (step >= 0) & (step < len(edges) - 1)
        for column in DRIFT.columns:
            scores = np.full(len(edges) - 1, np.nan)
            given = is_inside & ~np.isnan(self._drift[column.name])
            scores[step[given]] = self._drift[column.name][given]  # of several in a step the last stays
            found[column.name] = scores
        return found

    def drift(self, since: int = BEGINNING, until: int = END) -> dict[str, float]:
        """Return the latest score of each kind in a stretch of time; only those that there are."""
        rows = slice(*np.searchsorted(self._drift["time"], (since, until)))
        scores = {column.name: self._drift[column.name][rows] for column in DRIFT.columns}
        return {
            name: float(given[-1])
            for name, column in scores.items()
            if len(given := column[~np.isnan(column)])
        }


def _spans(
    reading: Reading, kinds: Iterable[Callable[[str, str], str]], model_id: str, versions: Sequence[str]
) -> list[tuple[int, int]]:
    """Return from when to when each part of some kinds of streams is."""
    return [
        (part.since, part.until)
        for kind in kinds
        for name in versions
        for part in reading.of(kind(model_id, name))
        if part.rows
    ]
