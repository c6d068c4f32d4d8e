"""What is kept beside a block of predictions: sums over all of it, and over each stretch of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import attrs

from mlprod._facts._compaction import Domain
from mlprod.monitoring import _streams
from mlprod.monitoring._aggregate import Aggregate, Rules
from mlprod.storage import join
from mlprod.storage.journal import Part, Table

__all__ = ["Stretch", "Summary", "domain_of", "summarize"]

STRETCH_ROWS: Final = 1 << 16
_MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@final
@attrs.frozen
class Stretch:
    """Consecutive records of a block."""

    first: int
    stop: int
    since: int
    until: int
    sums: Aggregate


@final
@attrs.frozen
class Summary:
    """The sums over a block.

    Attributes:
        whole: those over all of it.
        rows: how many records it has.
    """

    whole: Aggregate
    rows: int
    _stretches: str

    @classmethod
    def of(cls, part: Part, rules: Rules) -> "Summary | None":
        """Read what was kept by the same rules; None if nothing was, or it cannot be read."""
        kept = part.summary(rules.key)
        try:
            summary = cls(Aggregate.from_state(kept["whole"]), part.rows, kept["stretches"])
        except _MALFORMED:
            return None
        return summary if summary.whole.predictions == part.rows else None

    def stretches(self) -> Sequence[Stretch]:
        """Return the sums over each stretch, in time order; none if they cannot be read."""
        try:
            found = [
                Stretch(int(first), int(stop), int(since), int(until), Aggregate.from_state(state))
                for first, stop, since, until, state in json.loads(self._stretches)
            ]
            ends = [0, *(stretch.stop for stretch in found)]
            is_whole = ends == [*(stretch.first for stretch in found), self.rows]
        except _MALFORMED:
            return []
        return found if is_whole else []


def summarize(table: Table, rules: Rules) -> Mapping[str, Any]:
    """Return what is to be kept beside predictions in time order.

    The stretches are a string inside the JSON, so that who asks for the whole need not parse them.
    """
    times = table["time"]
    stretches: list[tuple[int, int, int, int, Aggregate]] = []
    for first in range(0, len(table), STRETCH_ROWS):
        stop = min(first + STRETCH_ROWS, len(table))
        sums = Aggregate.of(table.take(slice(first, stop)), rules)
        stretches.append((first, stop, int(times[first]), int(times[stop - 1]), sums))
    whole = Aggregate.merge(sums for *_, sums in stretches)
    encoded = [(*where, sums.to_state()) for *where, sums in stretches]
    return {rules.key: {"whole": whole.to_state(), "stretches": json.dumps(encoded, separators=(",", ":"))}}


def domain_of(model_id: str, rules: Rules) -> Domain:
    """Return how the journal of a model is compacted."""
    return Domain(
        prefix=join(_streams.ROOT, model_id),
        actuals=_streams.actuals(model_id),
        predictions=_streams.predictions(model_id, ""),
        layout=_streams.PREDICTION,
        summarize=lambda table: summarize(table, rules) if table.layout == _streams.PREDICTION else {},
    )
