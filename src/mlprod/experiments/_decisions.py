"""What may be decided about an experiment, and when: from a state to the events that follow. Pure."""

from collections.abc import Mapping, Sequence

from mlprod._names import known, shorten
from mlprod._value import isoformat
from mlprod.errors import (
    ConflictError,
    ExperimentNotFoundError,
    ExperimentStateError,
    InvalidConfigError,
)
from mlprod.experiments._config import ExperimentConfig, split_of
from mlprod.experiments._events import (
    ExperimentCreated,
    ExperimentEnded,
    ExperimentEvent,
    ExperimentPaused,
    ExperimentResumed,
    ExperimentStarted,
    TrafficSet,
)
from mlprod.experiments._ranges import Ranges
from mlprod.experiments._state import MOST_PHASES, Experiments
from mlprod.experiments._values import Experiment, ExperimentConclusion

__all__ = [
    "create",
    "end",
    "find",
    "pause",
    "require_recording",
    "require_unfinished",
    "resume",
    "set_traffic",
    "start",
]


def find(state: Experiments, experiment_id: object, where: str) -> Experiment:
    """Return an experiment.

    Raises:
        ExperimentNotFoundError: if there is none of that id.
    """
    found = state.by_id.get(experiment_id) if isinstance(experiment_id, str) else None
    if found is None:
        there_are = known(state.by_id, experiment_id)
        raise ExperimentNotFoundError(
            f"there is no experiment {shorten(experiment_id)} in {where}; {there_are}"
        )
    return found


def create(
    state: Experiments,
    experiment_id: str,
    *,
    name: str,
    description: str,
    models: Mapping[str, str],
    config: ExperimentConfig,
) -> list[ExperimentEvent]:
    """Draw up an experiment.

    Raises:
        ConflictError: if there is one of that id.
        InvalidConfigError: if its part of the namespace is taken.
    """
    if experiment_id in state.by_id:
        raise ConflictError(f"there is an experiment {experiment_id!r} already; choose another id")
    _check_namespace(state, config)
    ranges = Ranges.of(config.traffic_split or (), variants=len(models))
    return [
        ExperimentCreated(
            id=experiment_id,
            name=name,
            description=description,
            models=models,
            config=config,
            ends=ranges.ends,
            owners=ranges.owners,
        )
    ]


def start(experiment: Experiment) -> list[ExperimentEvent]:
    """Begin to assign units."""
    _require(experiment, ("draft",), "started")
    return [ExperimentStarted(id=experiment.id)]


def pause(experiment: Experiment, reason: str) -> list[ExperimentEvent]:
    """Give everybody the control for a while."""
    _require(experiment, ("running",), "paused")
    return [ExperimentPaused(id=experiment.id, reason=reason)]


def resume(experiment: Experiment) -> list[ExperimentEvent]:
    """Go on after a pause."""
    _require(experiment, ("paused",), "resumed")
    return [ExperimentResumed(id=experiment.id)]


def set_traffic(
    experiment: Experiment, split: object, allocation: float | None, reason: str
) -> list[ExperimentEvent]:
    """Split the traffic in another way; nothing, if it is split like that already."""
    _require(experiment, ("draft", "running", "paused"), "given another traffic split")
    before = experiment.phases[-1]
    weights = before.split if split is None else split_of(split, len(experiment.models))
    share = before.allocation if allocation is None else allocation
    if (weights, share) == (before.split, before.allocation):
        return []
    if len(experiment.phases) >= MOST_PHASES:
        raise InvalidConfigError(
            f"the traffic of {experiment.id} was split in {MOST_PHASES} ways; end it, and make another one"
        )
    ranges = Ranges(len(weights), before.ends, before.owners).moved_to(weights)
    return [
        TrafficSet(
            id=experiment.id,
            split=weights,
            allocation=share,
            ends=ranges.ends,
            owners=ranges.owners,
            reason=reason,
        )
    ]


def end(
    experiment: Experiment,
    *,
    is_early: bool,
    winner: str | None,
    reason: str,
    conclusion: ExperimentConclusion,
) -> list[ExperimentEvent]:
    """End it."""
    require_unfinished(experiment)
    return [
        ExperimentEnded(
            id=experiment.id, is_early=is_early, winner=winner, reason=reason, conclusion=conclusion
        )
    ]


def require_unfinished(experiment: Experiment) -> None:
    """Insist on an experiment that was started and has not ended.

    Raises:
        ExperimentStateError: if it is otherwise.
    """
    _require(experiment, ("running", "paused"), "ended")


def require_recording(experiment: Experiment) -> None:
    """Insist on an experiment about which something may be recorded.

    Raises:
        ExperimentStateError: if it was not started, or has ended.
    """
    _require(experiment, ("running", "paused"), "recorded into")


def _require(experiment: Experiment, allowed: Sequence[str], done: str) -> None:
    if experiment.status in allowed:
        return
    if experiment.ended_at is not None:
        what = f"was {experiment.status} at {isoformat(experiment.ended_at)}: {experiment.reason}"
    else:
        what = f"is {experiment.status}"
    advice = {"draft": "; start it first", "running": "", "paused": "; resume it first"}
    raise ExperimentStateError(
        f"{experiment.id} cannot be {done}: it {what}{advice.get(experiment.status, '; make another one')}"
    )


def _check_namespace(state: Experiments, config: ExperimentConfig) -> None:
    if config.namespace is None:
        return
    first, stop = config.namespace_range
    for other in state.by_id.values():
        taken = other.config.namespace_range
        shares_it = other.config.namespace == config.namespace and not other.is_over
        if shares_it and first < taken[1] and taken[0] < stop:
            raise InvalidConfigError(
                f"{other.id} has {taken[0]:g} to {taken[1]:g} of the namespace {config.namespace}; choose a "
                "namespace_range that does not overlap, or end it first"
            )
