"""What is read as the state of experiments, or as a decision about one, is one that there can be."""

from datetime import UTC, datetime

import attrs
import pytest

from mlprod.experiments._config import as_config
from mlprod.experiments._events import ExperimentCreated, ExperimentEnded, TrafficSet
from mlprod.experiments._ranges import FULL
from mlprod.experiments._state import Experiments, check, fold
from mlprod.storage import Stamp

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STAMP = Stamp(1, NOW)
CREATED = ExperimentCreated(
    id="e",
    name="",
    description="",
    models={"control": "a@1.0.0", "treatment": "b@1.0.0"},
    config=as_config({"salt": "s"}, 2),
    ends=(FULL // 2, FULL),
    owners=(0, 1),
)
STATE = fold(Experiments(), CREATED, STAMP)
DRAFT = STATE.by_id["e"]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "f"},
        {"models": {"treatment": "a@1.0.0", "control": "b@1.0.0"}},
        {"models": {"control": "a@1.0.0"}},
        {"phases": ()},
        {"phases": DRAFT.phases * 256},
        {"phases": (attrs.evolve(DRAFT.phases[0], owners=(7, 1)),)},
        {"config": attrs.evolve(DRAFT.config, confidence_level=7.0)},
        {"config": attrs.evolve(DRAFT.config, traffic_split=None)},
        {"winner": "nobody"},
        {"status": "completed", "started_at": NOW},
        {"status": "running"},
        {"paused_seconds": float("inf")},
        {"paused_seconds": -1.0},
    ],
    ids=str,
)
def test_a_state_that_no_decisions_lead_to_is_refused(changes):
    """A snapshot with a right checksum may be forged all the same: then the decisions are read."""
    check(STATE)
    with pytest.raises(ValueError, match=r"."):
        check(Experiments(by_id={"e": attrs.evolve(DRAFT, **changes)}))


@pytest.mark.parametrize(
    "event",
    [
        attrs.evolve(CREATED, id="../e"),
        attrs.evolve(CREATED, owners=(0, 2)),
        attrs.evolve(CREATED, models={}),
        attrs.evolve(CREATED, config=attrs.evolve(CREATED.config, salt=None)),
        TrafficSet(id="e", split=(1.0, 0.0), allocation=1.0, ends=(1,), owners=(0,)),
        ExperimentEnded(id="e", is_early=True, winner="nobody", reason="", conclusion=None),
    ],
    ids=["id", "owners", "models", "salt", "traffic", "winner"],
)
def test_a_decision_that_nobody_can_make_is_refused(event):
    """It does not follow from those before it."""
    with pytest.raises(ValueError, match=r"."):
        fold(STATE, event, STAMP)
