"""The state of all experiments, as it follows from every decision about them."""

from collections.abc import Mapping
from typing import Final, assert_never

import attrs

from mlprod._names import check_name
from mlprod.experiments._config import ExperimentConfig, as_config
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
from mlprod.experiments._ranges import Ranges
from mlprod.experiments._upgrades import state_with_the_figures_they_are_about
from mlprod.experiments._values import CONTROL, Experiment, Phase
from mlprod.schema import RecordType
from mlprod.storage import LedgerType, Stamp

__all__ = ["EXPERIMENTS", "MOST_PHASES", "Experiments", "fold"]

MOST_PHASES: Final = 255
_LONGEST_PAUSE_SECONDS: Final = 3.2e9  # a century


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


def check(state: Experiments) -> None:
    """Raise `ValueError` if what was read as a state is none that decisions lead to."""
    for id_, experiment in state.by_id.items():
        _check(experiment.id == id_, "it is filed under another id")
        check_plan(experiment.id, experiment.models, experiment.config)
        for phase in experiment.phases:
            Ranges(len(experiment.models), phase.ends, phase.owners)
        _check(0 < len(experiment.phases) <= MOST_PHASES, "it has no traffic split, or too many")
        _check(experiment.winner in {None, *experiment.models}, "its winner is none of its variants")
        is_concluded = experiment.conclusion is not None
        _check(
            experiment.is_over == is_concluded, "it has a conclusion, and is not over, or the other way round"
        )
        _check((experiment.status == "draft") == (experiment.started_at is None), "it runs and never began")
        _check(0 <= experiment.paused_seconds < _LONGEST_PAUSE_SECONDS, "it was paused for no such time")


def check_plan(id_: str, models: Mapping[str, str], config: ExperimentConfig) -> None:
    """Raise `ValueError` if no experiment can be drawn up like this."""
    check_name(id_, "an experiment id")
    _check(next(iter(models), None) == CONTROL, "its first variant is not the control")
    as_config(config, len(models))
    _check(config.traffic_split is not None and config.salt is not None, "it has no traffic split or no salt")


def _check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not holds:
        raise ValueError(otherwise)


def _created(event: ExperimentCreated, stamp: Stamp) -> Experiment:
    check_plan(event.id, event.models, event.config)
    Ranges(len(event.models), event.ends, event.owners)
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
            Ranges(len(experiment.models), event.ends, event.owners)
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
            _check(event.winner in {None, *experiment.models}, "its winner is none of its variants")
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
    state=RecordType(
        "experiments.state",
        Experiments,
        version=2,
        upgrades={1: state_with_the_figures_they_are_about},
        check=check,
    ),
    empty=Experiments(),
    fold=fold,
)
