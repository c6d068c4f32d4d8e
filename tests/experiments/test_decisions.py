"""Which decisions an experiment allows in which state, and what follows from them."""

import datetime as dt

import pytest

from mlprod.errors import (
    ConflictError,
    ExperimentNotFoundError,
    ExperimentStateError,
    InvalidConfigError,
)

STATUSES = ("draft", "running", "paused", "stopped", "completed")

# Every decision in every state: the state that follows, or why it is refused.
TABLE = {
    "start": {
        "draft": "running",
        "running": "x cannot be started: it is running$",
        "paused": "x cannot be started: it is paused; resume it first$",
        "stopped": "x cannot be started: it was stopped at 2026-03-02T11:30:00.000000Z: enough; make another",
        "completed": "x cannot be started: it was completed at 2026-03-09T10:30:00.000000Z: it ran for ",
    },
    "pause": {
        "draft": "x cannot be paused: it is draft; start it first$",
        "running": "paused",
        "paused": "x cannot be paused: it is paused; resume it first$",
        "stopped": "x cannot be paused: it was stopped at .*: enough; make another one$",
        "completed": "x cannot be paused: it was completed at ",
    },
    "resume": {
        "draft": "x cannot be resumed: it is draft; start it first$",
        "running": "x cannot be resumed: it is running$",
        "paused": "running",
        "stopped": "x cannot be resumed: it was stopped at ",
        "completed": "x cannot be resumed: it was completed at ",
    },
    "set_traffic": {
        "draft": "draft",
        "running": "running",
        "paused": "paused",
        "stopped": "x cannot be given another traffic split: it was stopped at ",
        "completed": "x cannot be given another traffic split: it was completed at ",
    },
    "end": {
        "draft": "x cannot be ended: it is draft; start it first$",
        "running": "stopped",
        "paused": "stopped",
        "stopped": "x cannot be ended: it was stopped at .*: enough; make another one$",
        "completed": "x cannot be ended: it was completed at ",
    },
    "record": {
        "draft": "x cannot be recorded into: it is draft; start it first$",
        "running": "running",
        "paused": "paused",
        "stopped": "x cannot be recorded into: it was stopped at ",
        "completed": "x cannot be recorded into: it was completed at ",
    },
    "record an outcome": {
        "draft": "x cannot be recorded into: it is draft; start it first$",
        "running": "running",
        "paused": "paused",
        "stopped": "x cannot be recorded into: it was stopped at ",
        "completed": "x cannot be recorded into: it was completed at ",
    },
}
ACTIONS = {
    "start": lambda manager: manager.start_experiment("x"),
    "pause": lambda manager: manager.pause_experiment("x", reason="news"),
    "resume": lambda manager: manager.resume_experiment("x"),
    "set_traffic": lambda manager: manager.set_traffic("x", [0.25, 0.75]),
    "end": lambda manager: manager.end_experiment("x", reason="enough"),
    "record": lambda manager: manager.record_trade("x", "treatment", pnl=1.0),
    "record an outcome": lambda manager: manager.record_actual("x", "p-1", 1.0),
}


@pytest.fixture
def bring(manager, clock, draw):
    """Give a way to bring an experiment into a state: drawn at 9:30, started at 10:30, the rest at 11:30."""

    def bring(status):
        draw()
        clock.advance(hours=1)
        if status == "draft":
            return
        manager.start_experiment("x")
        clock.advance(hours=1)
        match status:
            case "paused":
                manager.pause_experiment("x")
            case "stopped":
                manager.end_experiment("x", reason="enough")
            case "completed":
                clock.advance(hours=167)
        assert status == manager.get_experiment("x").status

    return bring


def files(store):
    return {path: store.get(path) for folder in ("experiments", "journal") for path in store.list(folder)}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", TABLE)
def test_every_decision_in_every_state(manager, store, bring, action, status):
    """A refused one changes nothing at all in the store."""
    bring(status)
    before = files(store)
    expected = TABLE[action][status]
    if expected in STATUSES:
        ACTIONS[action](manager)
        assert expected == manager.get_experiment("x").status
    else:
        with pytest.raises(ExperimentStateError, match=expected):
            ACTIONS[action](manager)
        assert before == files(store)


class TestTimes:
    def test_each_state_knows_since_when(self, manager, clock, draw):
        times = [clock()]
        draw()

        def later():
            clock.advance(minutes=7)
            times.append(clock())

        later()
        assert (times[0], None, None) == seen(manager.get_experiment("x"))
        manager.start_experiment("x")
        later()
        assert (times[0], times[1], None) == seen(manager.get_experiment("x"))
        manager.pause_experiment("x", reason="news")
        paused = manager.get_experiment("x")
        assert (times[2], 0.0, "news") == (paused.paused_at, paused.paused_seconds, paused.reason)
        later()
        resumed = manager.resume_experiment("x")
        assert (None, 420.0, "") == (resumed.paused_at, resumed.paused_seconds, resumed.reason)
        later()
        manager.pause_experiment("x")
        later()
        manager.end_experiment("x", reason="enough")
        ended = manager.get_experiment("x")
        assert (times[0], times[1], times[5]) == seen(ended)
        assert (None, 840.0, "enough") == (ended.paused_at, ended.paused_seconds, ended.reason)

    def test_an_experiment_runs_for_its_max_duration_without_its_pauses(self, manager, clock, begin):
        begin({"max_duration": 10})
        clock.advance(hours=4)
        manager.pause_experiment("x")
        clock.advance(hours=100)
        assert ("paused", None) == status_and_end(manager)
        manager.resume_experiment("x")
        assert ("running", dt.datetime(2026, 3, 6, 23, 30, tzinfo=dt.UTC)) == status_and_end(manager)
        clock.advance(hours=5, minutes=59, seconds=59)
        assert "running" == manager.get_experiment("x").status
        clock.advance(seconds=1)
        ended = manager.get_experiment("x")
        assert ("completed", clock(), 360_000.0) == (ended.status, ended.ended_at, ended.paused_seconds)
        assert "it ran for the 10 hours that were planned" == ended.reason

    @pytest.mark.parametrize("look", ["get_experiment", "analyze", "list_experiments", "_tend"])
    def test_whoever_looks_first_ends_it(self, manager, clock, begin, look):
        begin({"max_duration": 1})
        manager.get_variant("x", "unit")
        clock.advance(hours=2)
        ask = getattr(manager, look)
        ask() if look in {"list_experiments", "_tend"} else ask("x")
        assert "completed" == manager._book.find("x").status

    @pytest.mark.parametrize("decide", ["pause", "set_traffic", "end"])
    def test_after_its_time_nothing_else_is_decided(self, manager, clock, begin, decide):
        begin({"max_duration": 1})
        clock.advance(hours=2)
        with pytest.raises(ExperimentStateError, match="it was completed at"):
            ACTIONS[decide](manager)
        assert "completed" == manager.get_experiment("x").status

    def test_one_that_never_started_does_not_end(self, manager, clock, draw):
        draw({"max_duration": 1})
        clock.advance(days=1000)
        assert "draft" == manager.get_experiment("x").status

    def test_a_clock_that_goes_back_takes_no_time_back(self, manager, clock, begin):
        begin()
        clock.advance(hours=-3)
        paused = manager.pause_experiment("x")
        assert paused.started_at == paused.paused_at
        clock.advance(hours=-3)
        assert 0.0 == manager.resume_experiment("x").paused_seconds


def seen(experiment):
    return experiment.created_at, experiment.started_at, experiment.ended_at


def status_and_end(manager):
    experiment = manager.get_experiment("x")
    return experiment.status, experiment.ends_at()


class TestCreate:
    def test_an_id_is_used_once(self, manager, draw):
        draw()
        with pytest.raises(ConflictError, match="there is an experiment 'x' already; choose another id"):
            draw({"max_duration": 1})
        assert [168.0] == [found.config.max_duration for found in manager.list_experiments()]

    def test_an_id_of_one_that_has_ended_is_not_used_again(self, manager, begin, draw):
        begin()
        manager.end_experiment("x")
        with pytest.raises(ConflictError):
            draw()

    def test_in_one_namespace_nobody_takes_what_another_has(self, manager, draw):
        draw({"namespace": "exits", "namespace_range": (0.0, 0.5)}, name="first")
        draw({"namespace": "exits", "namespace_range": (0.5, 1.0)}, name="second")
        draw({"namespace": "entries"}, name="third")
        draw(name="fourth")
        with pytest.raises(InvalidConfigError, match=r"first has 0 to 0.5 of the namespace exits; choose"):
            draw({"namespace": "exits", "namespace_range": (0.4, 0.6)}, name="fifth")
        with pytest.raises(ExperimentNotFoundError, match=r"no experiment 'fifth' .* there are: "):
            manager.get_experiment("fifth")

    def test_what_has_ended_leaves_its_part_of_a_namespace(self, manager, begin, draw):
        begin({"namespace": "exits"}, name="first")
        manager.end_experiment("first")
        assert "second" == draw({"namespace": "exits"}, name="second").id


class TestTraffic:
    def test_another_split_is_another_phase(self, manager, clock, begin):
        begin({"traffic_split": [0.9, 0.1]})
        clock.advance(hours=1)
        found = manager.set_traffic("x", [0.5, 0.5], allocation=0.8, reason="it holds")
        first, second = found.phases
        assert ((0.9, 0.1), 1.0, "") == (first.split, first.allocation, first.reason)
        assert ((0.5, 0.5), 0.8, "it holds") == (second.split, second.allocation, second.reason)
        assert (found.started_at, clock()) == (first.since, second.since)
        assert ((0.5, 0.5), (0.9, 0.1)) == (found.split, found.config.traffic_split)

    def test_what_is_not_given_stays(self, manager, begin):
        begin({"traffic_split": [0.9, 0.1], "traffic_allocation": 0.5})
        after = manager.set_traffic("x", allocation=0.6).phases[-1]
        assert ((0.9, 0.1), 0.6) == (after.split, after.allocation)
        after = manager.set_traffic("x", [0.8, 0.2]).phases[-1]
        assert ((0.8, 0.2), 0.6) == (after.split, after.allocation)

    def test_the_same_split_decides_nothing(self, manager, store, begin):
        before = begin({"traffic_split": [0.9, 0.1]})
        files = store.list("experiments")
        assert before == manager.set_traffic("x", [0.9, 0.1], allocation=1.0)
        assert before == manager.set_traffic("x")
        assert files == store.list("experiments")

    def test_before_the_start_a_split_replaces_the_first(self, manager, clock, draw):
        draw()
        manager.set_traffic("x", [0.9, 0.1])
        clock.advance(hours=1)
        (phase,) = manager.start_experiment("x").phases
        assert ((0.9, 0.1), clock()) == (phase.split, phase.since)

    @pytest.mark.parametrize(
        ("split", "allocation"),
        [
            ([0.5, 0.6], None),
            ([-0.5, 1.5], None),
            ([1.0], None),
            ([0.2, 0.3, 0.5], None),
            ("0.5", None),
            ([0.5, float("nan")], None),
            ([0.4, 0.6], -0.1),
            ([0.4, 0.6], 1.1),
            ([0.4, 0.6], float("nan")),
            ([0.4, 0.6], "1"),
        ],
    )
    def test_a_wrong_split_changes_nothing(self, manager, begin, split, allocation):
        before = begin()
        with pytest.raises(InvalidConfigError):
            manager.set_traffic("x", split, allocation=allocation)
        assert before == manager.get_experiment("x")

    def test_there_is_an_end_to_the_number_of_phases(self, manager, begin, monkeypatch):
        monkeypatch.setattr("mlprod.experiments._decisions.MOST_PHASES", 3)
        begin()
        manager.set_traffic("x", [0.4, 0.6])
        manager.set_traffic("x", [0.3, 0.7])
        with pytest.raises(InvalidConfigError, match="split in 3 ways; end it, and make another one"):
            manager.set_traffic("x", [0.2, 0.8])
        assert (0.3, 0.7) == manager.get_experiment("x").split


def test_a_withdrawal_respects_a_split_that_was_decided_meanwhile(manager, begin, monkeypatch):
    """Who judges may know an older split: only the units of the bad treatment go to the control."""
    monkeypatch.setattr(manager, "_suspect", lambda _id: None)
    before = begin({"traffic_split": [0.8, 0.1, 0.1]}, treatments=["bad@1", "good@1"])
    manager.set_traffic("x", [0.4, 0.2, 0.4], reason="ramp")
    for number in range(400):
        for variant, period in (("control", 2), ("treatment", 10), ("treatment_2", 2)):
            manager.record_trade("x", variant, pnl=-1.0 if number % period else 1.0)
    after = manager._judge.settle(before)
    assert (pytest.approx(0.6), 0.0, 0.4) == after.split
    assert "treatment is worse" in after.phases[-1].reason


def test_an_id_of_thousands_of_digits_is_none(manager):
    with pytest.raises(ExperimentNotFoundError):
        manager.get_experiment(10**5000)
