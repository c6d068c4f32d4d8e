"""Detectors of all features of a model, by one method or another, on scores from 0 to 1."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._scoring import spread_of
from mlprod.errors import InvalidDataError
from mlprod.stats import (
    Adwin,
    EState,
    SerialSums,
    block_for,
    e_advance,
    e_alarm,
    e_from_state,
    e_start,
    e_step,
    e_threshold,
    e_to_state,
    slack_for,
    variance_inflations,
)

__all__ = ["AdwinWatch", "Change", "EWatch", "Method", "Watch", "watch"]

_Floats: TypeAlias = NDArray[np.float64]
Method: TypeAlias = Literal["e_detector", "adwin"]

_NOTHING: Final = 1.05  # an inflation that is no dependence, but the caution that few rows call for
_NO_SLACK: Final = 0.5  # with so much, nothing can be told from chance
_MIDDLE: Final = 0.5  # the mean score while nothing changes


@final
@attrs.frozen(kw_only=True)
class Change:
    """What a watch found.

    Attributes:
        feature: the position of the feature that has changed, or has changed most.
        kind: whether its values are higher (``"level up"``) or lower (``"level down"``), farther from the
            middle (``"scale up"``) or nearer to it (``"scale down"``); or ``"mean"`` where the method does
            not tell.
        evidence: how strong the evidence is: an e-value, or for ADWIN the mean of the scores since the
            change.
        threshold: from where it is an alarm; for ADWIN the mean of the scores without one, 1/2.
        rows_since: how many rows ago the change began, an estimate.
    """

    feature: int
    kind: str
    evidence: float
    threshold: float
    rows_since: int


class Watch(Protocol):
    """What every method does."""

    def take(self, scores: Sequence[float]) -> tuple["Watch", Change | None]:
        """Return the watch after one row, and what it found: then it begins anew."""
        ...

    def take_all(self, scores: _Floats) -> tuple["Watch", int, Change | None]:
        """Return the watch after some rows, up to the first in which it found something, and how many."""
        ...

    def to_state(self) -> dict[str, Any]:
        """Return it ready for `json.dumps`."""
        ...

    def resumed(self, state: Mapping[str, Any]) -> "Watch":
        """Return this watch as it was when `to_state` was called on it.

        Raises:
            InvalidDataError: if that is no such state.
        """
        ...


def watch(
    reference: ReferenceProfile, *, method: Method, run_length: float, is_ordered: bool
) -> "EWatch | AdwinWatch":
    """Return a watch of all features of a reference that has seen nothing yet.

    Args:
        reference: what is usual.
        method: ``"e_detector"`` or ``"adwin"``.
        run_length: rows, on average, to a false alarm at the earliest.
        is_ordered: whether rows may resemble those before them.

    Raises:
        InvalidDataError: if the reference is too short to tell anything.
    """
    if method == "adwin":
        return AdwinWatch((Adwin(),) * len(reference.features))
    features = list(reference.features.values())
    inflations = np.ones(len(features))
    if is_ordered:
        serial = [feature.counts.serial for feature in features]
        found = variance_inflations(serial, [SerialSums()] * len(serial))
        inflations = np.where(np.isfinite(found) & (found > _NOTHING), found, 1.0)  # infinite without a value
    begun: list[EState] = []
    for (name, feature), inflation in zip(reference.features.items(), inflations.tolist(), strict=True):
        slack = slack_for(feature.rows, features=len(features), inflation=inflation)
        if slack >= _NO_SLACK:
            raise InvalidDataError(
                f"the reference of {reference.model_id!r} is too short to be watched against: its "
                f"{feature.rows:,} "
                f"rows are worth {feature.rows / inflation:,.0f} independent ones of feature {name!r}; set "
                "one with more rows"
            )
        begun.append(e_start(slack=slack, spread=min(spread_of(feature), 0.5), block=block_for(inflation)))
    states = tuple(begun)
    return EWatch(states, states, e_threshold(states, run_length))


@final
@attrs.frozen
class EWatch:
    """E-detectors, whose mean is one, too: the false alarms of all features together are bounded.

    Attributes:
        begun: the detectors before any row.
        states: the detectors now.
        threshold: of their mean.
    """

    begun: tuple[EState, ...]
    states: tuple[EState, ...]
    threshold: float

    def take(self, scores: Sequence[float]) -> tuple["EWatch", Change | None]:
        """Take one row."""
        states = tuple(map(e_step, self.states, scores))
        return self._judged(states)

    def take_all(self, scores: _Floats) -> tuple["EWatch", int, Change | None]:
        """Take rows."""
        states, rows = e_advance(self.states, scores, threshold=self.threshold)
        after, change = self._judged(states)
        return after, rows, change

    def to_state(self) -> dict[str, Any]:
        """Return the detectors."""
        return {"e_detectors": [e_to_state(state) for state in self.states]}

    def resumed(self, state: Mapping[str, Any]) -> "EWatch":
        """Take up where `to_state` was called."""
        states = tuple(map(e_from_state, _listed(state, "e_detectors", len(self.begun))))
        if any(now[0] != begun[0] for now, begun in zip(states, self.begun, strict=True)):
            raise InvalidDataError("its detectors are those of another reference or of other settings")
        return attrs.evolve(self, states=states)

    def _judged(self, states: tuple[EState, ...]) -> tuple["EWatch", Change | None]:
        alarm = e_alarm(states, self.threshold)
        if alarm is None:
            return EWatch(self.begun, states, self.threshold), None
        change = Change(
            feature=alarm.feature,
            kind=alarm.component,
            evidence=alarm.e_value,
            threshold=alarm.threshold,
            rows_since=alarm.rows_since_change,
        )
        return EWatch(self.begun, self.begun, self.threshold), change


@final
@attrs.frozen
class AdwinWatch:
    """An adaptive window for each feature; how often it alarms falsely is not bounded over time.

    Attributes:
        windows: one for each feature.
    """

    windows: tuple[Adwin, ...]

    def take(self, scores: Sequence[float]) -> tuple["AdwinWatch", Change | None]:
        """Take one row."""
        stepped = [window.step(score) for window, score in zip(self.windows, scores, strict=True)]
        after = AdwinWatch(tuple(window for window, _ in stepped))
        changed = [place for place, (_, is_cut) in enumerate(stepped) if is_cut]
        if not changed:
            return after, None
        found = max(changed, key=lambda place: abs(after.windows[place].mean - _MIDDLE))
        window = after.windows[found]
        return after, Change(
            feature=found, kind="mean", evidence=window.mean, threshold=_MIDDLE, rows_since=window.count
        )

    def take_all(self, scores: _Floats) -> tuple["AdwinWatch", int, Change | None]:
        """Take rows."""
        now = self
        for rows, row in enumerate(scores.tolist(), 1):
            now, change = now.take(row)
            if change is not None:
                return now, rows, change
        return now, len(scores), None

    def to_state(self) -> dict[str, Any]:
        """Return the windows."""
        return {"adwin": [window.to_state() for window in self.windows]}

    def resumed(self, state: Mapping[str, Any]) -> "AdwinWatch":
        """Take up where `to_state` was called."""
        return AdwinWatch(tuple(map(Adwin.from_state, _listed(state, "adwin", len(self.windows)))))


def _listed(state: Mapping[str, Any], key: str, count: int) -> Sequence[Any]:
    found = state.get(key)
    if isinstance(found, list) and len(found) == count and all(isinstance(item, Mapping) for item in found):
        return found
    raise InvalidDataError(f"it holds no {count} states of {key}")
