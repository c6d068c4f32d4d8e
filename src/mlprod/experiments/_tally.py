"""Running sums beside the journal: what auto-stop looks at as each outcome arrives."""

from collections.abc import Callable, Sequence
from typing import Final, final

from mlprod.experiments._stopping import Guard
from mlprod.stats import Moments

__all__ = ["Tally"]

_PATIENCE = 4  # how much more there must be after a suspicion that was not confirmed: a quarter
_LOOKS = 32  # about so many, while the number of outcomes grows threefold: two that are near tell the same


@final
class Tally:
    """The outcomes of one metric, of every variant, in the phase of now.

    They are those of this process, and of all others as of the last `reset`. Threads may lose a few of each
    other's: what is decided is decided on what was recorded, this only says when to look.

    Attributes:
        add: takes note of an outcome: the number of a variant, and a value.
    """

    __slots__ = ("_counts", "_earlier", "_guard", "_means", "_next", "_squares", "_suspect", "add")

    def __init__(self, guard: Guard, suspect: Callable[[], None]) -> None:
        """Begin without outcomes.

        Args:
            guard: says whether a treatment is worse beyond doubt.
            suspect: called when it seems so.
        """
        self._guard: Final = guard
        self._suspect: Final = suspect
        is_share = guard.metric.kind == "proportion"
        self.add: Final[Callable[[int, float], None]] = self._add_share if is_share else self._add_number
        self.reset([], [])

    def reset(self, now: Sequence[Moments], earlier: Sequence[float]) -> None:
        """Begin anew from what was recorded by all processes.

        Args:
            now: the outcomes of each variant in this phase.
            earlier: the evidence against each variant from the phases before.
        """
        self._counts = [moments.count for moments in now]
        is_share = self._guard.metric.kind == "proportion"
        self._means = [
            moments.total if is_share else moments.total / max(moments.count, 1) for moments in now
        ]
        self._squares = [moments.m2 for moments in now]
        self._earlier = list(earlier)
        self._next = [_after(count) for count in self._counts]

    def _add_share(self, variant: int, value: float) -> None:
        """Count; the means hold the numbers of successes."""
        count = self._counts[variant] = self._counts[variant] + 1
        self._means[variant] += value
        if count >= self._next[variant]:
            self._look(variant)

    def _add_number(self, variant: int, value: float) -> None:
        """Add a number, as by Welford, "Note on a method for calculating corrected sums" (1962)."""
        count = self._counts[variant] = self._counts[variant] + 1
        deviation = value - self._means[variant]
        mean = self._means[variant] = self._means[variant] + deviation / count
        self._squares[variant] += deviation * (value - mean)
        if count >= self._next[variant]:
            self._look(variant)

    def _look(self, variant: int) -> None:
        self._next[variant] = _after(self._counts[variant])
        control = self._moments(0)
        treatments = (variant,) if variant else range(1, len(self._counts))
        for treatment in treatments:
            if self._guard.is_worse(control, self._moments(treatment), self._earlier[treatment]):
                self._next[variant] += self._counts[variant] // _PATIENCE
                self._suspect()
                return

    def _moments(self, variant: int) -> Moments:
        count, held = self._counts[variant], self._means[variant]
        if self._guard.metric.kind == "proportion":
            return Moments(count, held, held * (1 - held / count) if count else 0.0)
        return Moments(count, held * count, max(self._squares[variant], 0.0))


def _after(count: int) -> int:
    return count + 1 + count // _LOOKS
