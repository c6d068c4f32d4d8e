"""What a manager does in the background, called by hand: nothing here waits for a thread."""

import pytest

from mlprod.errors import StoreError
from mlprod.experiments import ABTestingManager, _manager


@pytest.fixture
def running(store, clock):
    manager = ABTestingManager(store, clock=clock)
    manager.create_experiment("x", "", "old", "new", id="x", check_models=False)
    manager.start_experiment("x")
    manager.record_trade("x", "control", pnl=1.0)
    manager._keeper.stop()
    return manager


def test_it_is_shown_with_its_store(running):
    assert f"ABTestingManager({running._store.url!r})" == repr(running)


def test_every_minute_what_was_recorded_is_compacted(running, monkeypatch):
    compacted = []
    monkeypatch.setattr(_manager, "compact", lambda _, domain: compacted.append(domain.prefix))
    for _ in range(59):
        running._tend()
    assert [] == compacted
    running._tend()
    assert ["experiments/x"] == compacted


def test_a_compaction_that_fails_is_logged_and_tried_again(running, monkeypatch, caplog):
    def fail(*_):
        raise StoreError("the bucket is away")

    monkeypatch.setattr(_manager, "compact", fail)
    for _ in range(60):
        running._tend()
    assert "the journal of x was not compacted: the bucket is away" in caplog.text


def test_a_time_that_is_over_is_noticed(running, clock):
    clock.advance(hours=169)
    running._tend()
    assert not running._recorders
    assert "completed" == running.get_experiment("x").status


def test_a_child_begins_anew(running):
    running.get_variant("x", "unit")
    running._standing.renew()
    assert [{}, {}, {}] == [running._routes, running._recorders, running._watchers]
    running.record_trade("x", "control", pnl=1.0)
    assert 2 == running.get_metrics("x")["control"].trades


def test_what_has_ended_is_compacted_while_the_manager_goes_on(tmp_path, clock):
    manager = ABTestingManager(tmp_path, clock=clock)
    manager.create_experiment("x", "", "old", "new", id="x", check_models=False)
    manager.start_experiment("x")
    manager._keeper.stop()
    manager.record_trade("x", "control", pnl=1.0)
    manager.record_prediction("x", "treatment", prediction=1, prediction_id="p")
    manager.record_metric("x", "control", "slippage", 0.5)
    manager.record_actual("x", "p", 1)
    manager.end_experiment("x")
    for _ in range(60):
        manager._tend()
    assert [] == [path for path in manager._store.list("journal/raw") if path.endswith(".seg")]
    found = manager.get_metrics("x")
    assert (1.0, 0.5) == (found["control"].total_pnl, found["control"].custom["slippage"])
    assert 1.0 == found["treatment"].accuracy
