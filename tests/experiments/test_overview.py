"""How all experiments stand, in one pass, and how their lifts came about."""

import json

import pytest

from mlprod import ABTestingManager, open_store
from mlprod.errors import InvalidConfigError, StoreError
from mlprod.testing import FaultyStore


def trade(manager, clock, name="x", hours=48):
    """Let the treatment win every second trade, the control every third, one an hour."""
    for hour in range(hours):
        for variant, every in (("control", 3), ("treatment", 2)):
            pnl = 1.0 if hour % every == 0 else -1.0
            manager.record_trade(name, variant, id=f"{variant}-{hour}", pnl=pnl)
        clock.advance(hours=1)


def test_the_last_point_is_what_the_analysis_says(manager, begin, clock):
    begin()
    trade(manager, clock)
    (overview,) = manager.get_overview()
    last, now = overview.progress[-1], manager.analyze("x").comparisons[0]
    assert (now.lift, now.anytime_interval) == (last.lift, last.interval)
    assert (48, 48) == (last.control_samples, last.treatment_samples)
    assert manager.analyze("x").verdict.to_dict() == overview.analysis.verdict.to_dict()


def test_every_point_is_what_was_known_then(manager, begin, clock):
    begin()
    trade(manager, clock)
    (overview,) = manager.get_overview(steps=4)
    assert 4 == len(overview.progress)
    assert [12, 24, 36, 48] == [point.treatment_samples for point in overview.progress]
    assert sorted(point.at for point in overview.progress) == [point.at for point in overview.progress]
    (early,) = manager.get_overview(steps=48)
    by_samples = {point.treatment_samples: point for point in early.progress}
    for point in overview.progress:
        assert by_samples[point.treatment_samples].interval == point.interval


def test_a_step_in_which_nothing_happened_has_no_point(manager, begin, clock):
    begin()
    trade(manager, clock, hours=2)
    clock.advance(hours=96)
    trade(manager, clock, hours=1)
    assert 2 == len(manager.get_overview(steps=10)[0].progress)


def test_each_treatment_has_its_points(manager, begin, clock):
    begin(treatments=["b@1", "c@1"])
    trade(manager, clock, hours=4)
    assert {"treatment"} == {point.variant_id for point in manager.get_overview()[0].progress}
    manager.record_trade("x", "treatment_2", id="late", pnl=1.0)
    assert {"treatment", "treatment_2"} == {point.variant_id for point in manager.get_overview()[0].progress}


def test_a_trade_that_was_recorded_twice_counts_once(manager, begin, clock):
    begin()
    for _ in range(2):
        trade(manager, clock, hours=4)
    assert 4 == manager.get_overview()[0].progress[-1].treatment_samples


@pytest.mark.parametrize("mode", ["split", "shadow"])
def test_outcomes_that_arrive_later_count(manager, begin, clock, mode):
    begin({"primary_metric": "mae", "mode": mode})
    for hour in range(6):
        if mode == "shadow":
            scores = {"control": {"prediction": 1.0}, "treatment": {"prediction": float(hour)}}
            manager.record_shadow("x", scores, prediction_id=hour)
        else:
            for variant in ("control", "treatment"):
                manager.record_prediction("x", variant, prediction=float(hour), prediction_id=hour)
        clock.advance(hours=1)
    assert () == manager.get_overview()[0].progress
    for hour in range(6):
        manager.record_actual("x", hour, 2.5 + hour / 10)
    assert 6 == manager.get_overview()[0].progress[-1].treatment_samples


def test_metrics_of_ones_own(manager, begin, clock):
    begin({"primary_metric": "slippage", "custom_metrics": ["slippage"]})
    for hour in range(5):
        for variant in ("control", "treatment"):
            manager.record_metric("x", variant, "slippage", float(hour))
        clock.advance(hours=1)
    assert 5 == manager.get_overview()[0].progress[-1].control_samples


def test_shadows_have_no_trades(manager, begin, clock):
    begin({"mode": "shadow"})  # whose primary metric is the win rate
    manager.record_shadow("x", {"control": {"prediction": 1.0}, "treatment": {"prediction": 2.0}}, actual=1.0)
    assert () == manager.get_overview()[0].progress


def test_one_whose_files_cannot_be_read_hides_no_other(tmp_path, clock):
    store = open_store(tmp_path / "store")
    with ABTestingManager(store, clock=clock) as manager:
        for name in ("whole", "broken"):
            manager.create_experiment(name, "", "a@1", "b@1", id=name, check_models=False)
            manager.start_experiment(name)
            trade(manager, clock, name, hours=4)
    for path in store.list("journal"):
        if "/broken/" in path:
            store.delete(path)
    with pytest.raises(StoreError):
        manager.get_overview()
    told = list[tuple[str, str]]()
    whole, broken = manager.get_overview(on_unreadable=lambda *what: told.append(what))
    assert (4, ()) == (whole.progress[-1].control_samples, broken.progress)
    assert ["broken"] == [name for name, _ in told]
    for path in store.list("journal/ledger"):
        store.put(path, b"{")
    told.clear()
    assert 2 == len(
        ABTestingManager(store, clock=clock).get_overview(on_unreadable=lambda *what: told.append(what))
    )
    assert [""] == [name for name, _ in told]


def test_one_that_was_not_started_has_nothing_to_show(draw, manager):
    draw()
    (overview,) = manager.get_overview()
    assert (None, (), False) == (overview.analysis, overview.progress, overview.is_due)


def test_one_that_has_ended_keeps_its_progress(manager, begin, clock):
    begin()
    trade(manager, clock, hours=10)
    manager.end_experiment("x")
    (overview,) = manager.get_overview()
    assert overview.analysis is None
    assert 10 == overview.progress[-1].control_samples
    assert overview.experiment.conclusion is not None


def test_it_is_ready_for_json(manager, begin, clock):
    begin()
    trade(manager, clock, hours=3)
    document = json.loads(json.dumps(manager.get_overview()[0].to_dict()))
    assert "treatment" == document["progress"][-1]["variant_id"]


def test_nothing_is_decided(store, begin, manager, clock):
    """Also where an experiment is due: it ends when somebody asks about it."""
    begin()
    trade(manager, clock, hours=10)
    clock.advance(days=8)
    watched = FaultyStore(store)
    (overview,) = ABTestingManager(watched, clock=clock).get_overview()
    assert ("running", True) == (overview.experiment.status, overview.is_due)
    assert {"get", "list"} >= {entry.split()[0] for entry in watched.log}
    assert "completed" == manager.get_experiment("x").status


@pytest.mark.parametrize("steps", [0, 10_001])
def test_how_many_steps_there_may_be(manager, steps):
    with pytest.raises(InvalidConfigError, match="steps must be 1 to 10,000"):
        manager.get_overview(steps=steps)
