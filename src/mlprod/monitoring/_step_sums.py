"""What is known of predictions in each of many steps of time: an array for each sum."""

from collections.abc import Sequence
from typing import Self, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._facts._flags import ERROR
from mlprod.monitoring._aggregate import Aggregate, Rules, given, outcomes
from mlprod.stats import LatencySteps
from mlprod.storage.journal import Table

__all__ = ["StepSums"]

Counts: TypeAlias = NDArray[np.int64]


@final
@attrs.frozen(eq=False)
class StepSums:
    """Sums over the predictions of each of n steps.

    Attributes:
        counts: how many predictions there are, how many of them failed, have a known outcome, and are known
            to be correct; shape ``(4, n)``.
        latencies: the distribution of their latencies.
    """

    counts: Counts
    latencies: LatencySteps

    @classmethod
    def none(cls, steps: int) -> Self:
        """Return the sums over nothing."""
        return cls(np.zeros((4, steps), np.int64), LatencySteps.none(steps))

    @classmethod
    def of(cls, table: Table, edges: NDArray[np.int64], rules: Rules) -> Self:
        """Sum up records in time order.

        Args:
            table: the records; those outside of the steps are left out.
            edges: where the steps begin, and where the last one ends; shape ``(n + 1,)``.
            rules: how they are judged.
        """
        steps = len(edges) - 1
        table = table.take(slice(*np.searchsorted(table["time"], (edges[0], edges[-1]))))
        step = np.searchsorted(edges, table["time"], "right") - 1
        flags: NDArray[np.uint8] = table["flags"]
        is_known, is_correct = outcomes(table, flags, rules)
        chosen = (slice(None), (flags & ERROR) != 0, is_known, is_correct)
        latency = given(table, "latency_ms")
        latencies = LatencySteps.none(steps)
        if latency is not None:
            is_timed = ~np.isnan(latency)
            latencies = LatencySteps.of(latency[is_timed], step[is_timed], steps)
        return cls(np.array([np.bincount(step[rows], minlength=steps) for rows in chosen]), latencies)

    @classmethod
    def of_sums(cls, sums: Sequence[tuple[int, Aggregate]], steps: int) -> Self:
        """Put sums into the steps that they belong to."""
        counts = np.zeros((4, steps), np.int64)
        for step, item in sums:
            counts[:, step] += (item.predictions, item.errors, item.known, item.correct)
        return cls(counts, LatencySteps.of_sketches([(step, item.latency) for step, item in sums], steps))

    @classmethod
    def merge(cls, many: Sequence[Self]) -> Self:
        """Return the sums over all of them; one at least."""
        if len(many) == 1:
            return many[0]
        counts: Counts = np.sum([part.counts for part in many], axis=0)
        return cls(counts, LatencySteps.merge([part.latencies for part in many]))
