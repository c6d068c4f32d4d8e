"""The state of all experiments, as it follows from every decision about them."""

from collections.abc import Mapping
from typing import Final, assert_never

import attrs

from mlprod.experiments._events import (
    EVENTS,
    ExperimentCreated,
    ExperimentEnded,
    ExperimentEvent,
    ExperimentPaused,
    ExperimentResumed,
    ExperimentStarted,
    TrafficSet,
)
from mlprod.experiments._values import Experiment, Phase
from mlprod.schema import RecordType
from mlprod.storage import LedgerType, Stamp

__all__ = ["EXPERIMENTS", "Experiments", "fold"]


@attrs.frozen(kw_only=True)
class Experiments:
    """All experiments by id, in the order in which they were created."""

    by_id: Mapping[str, Experiment] = attrs.field(factory=dict[str, Experiment])


def fold(state: Experiments, event: ExperimentEvent, stamp: Stamp) -> Experiments:
    """Return the experiments after an event."""
    after = (
        _created(event, stamp)
        if isinstance(event, ExperimentCreated)
        else _changed(state.by_id[event.id], event, stamp)
    )
    return Experiments(by_id={**state.by_id, after.id: after})


def _created(event: ExperimentCreated, stamp: Stamp) -> Experiment:
    phase = Phase(
        since=stamp.time,
        split=event.config.traffic_split or (),
        allocation=event.config.traffic_allocation,
        ends=event.ends,
        owners=event.owners,
    )
    return Experiment(
        id=event.id,
        name=event.name,
        description=event.description,
        status="draft",
        models=event.models,
        config=event.config,
        created_at=stamp.time,
        phases=(phase,),
    )


def _changed(
    experiment: Experiment,
    event: ExperimentStarted | ExperimentPaused | ExperimentResumed | TrafficSet | ExperimentEnded,
    stamp: Stamp,
) -> Experiment:
    match event:
        case ExperimentStarted():
            phase = attrs.evolve(experiment.phases[-1], since=stamp.time)
            return attrs.evolve(experiment, status="running", started_at=stamp.time, phases=(phase,))
        case ExperimentPaused():
            return attrs.evolve(experiment, status="paused", paused_at=stamp.time, reason=event.reason)
        case ExperimentResumed():
            return attrs.evolve(
                experiment,
                status="running",
                paused_at=None,
                paused_seconds=_paused_seconds(experiment, stamp),
                reason="",
            )
        case TrafficSet():
            phase = Phase(
                since=stamp.time,
                split=event.split,
                allocation=event.allocation,
                ends=event.ends,
                owners=event.owners,
                reason=event.reason,
            )
            earlier = () if experiment.status == "draft" else experiment.phases
            return attrs.evolve(experiment, phases=(*earlier, phase))
        case ExperimentEnded():
            return attrs.evolve(
                experiment,
                status="stopped" if event.is_early else "completed",
                ended_at=stamp.time,
                paused_at=None,
                paused_seconds=_paused_seconds(experiment, stamp),
                winner=event.winner,
                reason=event.reason,
                conclusion=event.conclusion,
            )
        case _:
            assert_never(event)


def _paused_seconds(experiment: Experiment, stamp: Stamp) -> float:
    """Return for how long it was paused, with a pause that ends now."""
    if experiment.paused_at is None:
        return experiment.paused_seconds
    return experiment.paused_seconds + (stamp.time - experiment.paused_at).total_seconds()


EXPERIMENTS: Final = LedgerType(
    folder="experiments/ledger",
    events=EVENTS,
    state=RecordType("experiments.state", Experiments),
    empty=Experiments(),
    fold=fold,
)
