"""Whatever is decided and recorded in whatever order: an experiment stands as a simple model says."""

import datetime as dt
from collections import Counter

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mlprod.errors import ExperimentStateError
from mlprod.experiments import ABTestingManager
from mlprod.storage import MemoryStore
from mlprod.testing import FrozenClock

START = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
MAX_HOURS = 10
SPLITS = ([0.5, 0.5], [0.75, 0.25], [0.0, 1.0], [1.0, 0.0])
UNITS = [f"unit-{number}" for number in range(20)]


@attrs.define
class Model:
    """What is known of the experiment."""

    status: str = "draft"
    split: list[float] = attrs.Factory(lambda: [0.5, 0.5])
    phases: int = 1
    run_hours: float = 0.0
    winner: str | None = None
    trades: Counter[str] = attrs.Factory(Counter)

    def passes(self, hours):
        if self.status == "running":
            self.run_hours += hours
            if self.run_hours >= MAX_HOURS:
                self.status = "completed"


class Run(RuleBasedStateMachine):
    """Two managers on one store, as in two processes, and one experiment."""

    @initialize()
    def begin(self):
        self.store, self.clock, self.model = MemoryStore(), FrozenClock(START), Model()
        self.managers = [ABTestingManager(self.store, clock=self.clock) for _ in range(2)]
        config = {"max_duration": MAX_HOURS, "auto_stop_on_degradation": False, "salt": "2026"}
        self.managers[0].create_experiment("x", "", "old@1", "new@1", config, id="x", check_models=False)

    def decide(self, who, allowed, decision):
        """Decide, or be refused; return whether it was allowed."""
        if self.model.status in allowed:
            decision(self.managers[who])
            return True
        with pytest.raises(ExperimentStateError):
            decision(self.managers[who])
        return False

    @rule(who=st.integers(0, 1))
    def start(self, who):
        if self.decide(who, {"draft"}, lambda manager: manager.start_experiment("x")):
            self.model.status = "running"

    @rule(who=st.integers(0, 1))
    def pause(self, who):
        if self.decide(who, {"running"}, lambda manager: manager.pause_experiment("x")):
            self.model.status = "paused"

    @rule(who=st.integers(0, 1))
    def resume(self, who):
        if self.decide(who, {"paused"}, lambda manager: manager.resume_experiment("x")):
            self.model.status = "running"

    @rule(who=st.integers(0, 1), split=st.sampled_from(SPLITS))
    def set_traffic(self, who, split):
        allowed = {"draft", "running", "paused"}
        if self.decide(who, allowed, lambda manager: manager.set_traffic("x", split)):
            if split != self.model.split and self.model.status != "draft":
                self.model.phases += 1
            self.model.split = split

    @rule(who=st.integers(0, 1), winner=st.sampled_from([None, "control", "treatment"]))
    def end(self, who, winner):
        if self.decide(who, {"running", "paused"}, lambda manager: manager.end_experiment("x", winner)):
            self.model.status, self.model.winner = "stopped", winner

    @rule(who=st.integers(0, 1), unit=st.sampled_from(UNITS))
    def record(self, who, unit):
        """The manager may not have heard of the last decision: it looks, as its thread does each second."""
        manager = self.managers[who]
        manager._tend()
        variant = manager.get_variant("x", unit)
        manager.record_trade("x", variant.id, pnl=1.0)
        if self.model.status == "running":
            self.model.trades[variant.id] += 1

    @rule(who=st.integers(0, 1), variant=st.sampled_from(["control", "treatment"]))
    def record_by_name(self, who, variant):
        self.managers[who]._tend()
        allowed = {"running", "paused"}
        if self.decide(who, allowed, lambda manager: manager.record_trade("x", variant, pnl=-1.0)):
            self.model.trades[variant] += 1

    @rule(hours=st.sampled_from([0.5, 4.0]))
    def wait(self, hours):
        self.clock.advance(hours=hours)
        self.model.passes(hours)

    @rule(who=st.integers(0, 1))
    def reopen(self, who):
        self.managers[who].close()
        self.managers[who] = ABTestingManager(self.store, clock=self.clock)

    @invariant()
    def it_stands_as_the_model_says(self):
        for manager in self.managers:
            found, model = manager.get_experiment("x"), self.model
            assert model.status == found.status
            assert tuple(model.split) == found.split
            assert model.phases == len(found.phases)
            assert (model.winner, model.status in {"stopped", "completed"}) == (
                found.winner,
                found.conclusion is not None,
            )
            variants = [manager.get_variant("x", unit) for unit in UNITS]
            given = {variant.id for variant in variants}
            assert {model.status == "running"} == {variant.enrolled for variant in variants}
            if model.status != "running":
                assert {model.winner or "control"} == given
            else:
                possible = {"control": model.split[0], "treatment": model.split[1]}
                assert given <= {name for name, share in possible.items() if share}

    def teardown(self):
        if hasattr(self, "managers"):
            for manager in self.managers:
                counted = {name: found.trades for name, found in manager.get_metrics("x").items()}
                assert {name: self.model.trades[name] for name in counted} == counted
                manager.close()


class TestRun(Run.TestCase):
    settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
