"""Decisions about experiments: the records of their ledger."""

from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs

from mlprod.experiments._config import ExperimentConfig
from mlprod.experiments._upgrades import ended_with_the_figures_it_is_about
from mlprod.experiments._values import ExperimentConclusion
from mlprod.schema import RecordSet, RecordType

__all__ = [
    "EVENTS",
    "ExperimentCreated",
    "ExperimentEnded",
    "ExperimentEvent",
    "ExperimentPaused",
    "ExperimentResumed",
    "ExperimentStarted",
    "TrafficSet",
]


@attrs.frozen(kw_only=True)
class ExperimentCreated:
    """An experiment was drawn up."""

    id: str
    name: str
    description: str
    models: Mapping[str, str]
    config: ExperimentConfig
    ends: tuple[int, ...]
    owners: tuple[int, ...]


@attrs.frozen(kw_only=True)
class ExperimentStarted:
    """From now on units are assigned."""

    id: str


@attrs.frozen(kw_only=True)
class ExperimentPaused:
    """For a while everybody gets the control."""

    id: str
    reason: str = ""


@attrs.frozen(kw_only=True)
class ExperimentResumed:
    """The pause is over."""

    id: str


@attrs.frozen(kw_only=True)
class TrafficSet:
    """From now on the traffic is split like this."""

    id: str
    split: tuple[float, ...]
    allocation: float
    ends: tuple[int, ...]
    owners: tuple[int, ...]
    reason: str = ""


@attrs.frozen(kw_only=True)
class ExperimentEnded:
    """It is over: everybody gets the winner, or the control where there is none."""

    id: str
    is_early: bool
    winner: str | None
    reason: str
    conclusion: ExperimentConclusion


ExperimentEvent: TypeAlias = (
    ExperimentCreated
    | ExperimentStarted
    | ExperimentPaused
    | ExperimentResumed
    | TrafficSet
    | ExperimentEnded
)

EVENTS: Final[RecordSet[ExperimentEvent]] = RecordSet(
    (
        RecordType("experiment.created", ExperimentCreated),
        RecordType("experiment.started", ExperimentStarted),
        RecordType("experiment.paused", ExperimentPaused),
        RecordType("experiment.resumed", ExperimentResumed),
        RecordType("experiment.traffic_set", TrafficSet),
        RecordType(
            "experiment.ended", ExperimentEnded, version=2, upgrades={1: ended_with_the_figures_it_is_about}
        ),
    )
)
