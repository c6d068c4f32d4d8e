"""One experiment in one reading of the journal."""

import numpy as np
import pytest

from mlprod._facts import _compaction
from mlprod.experiments import ABTestingManager
from mlprod.experiments._reader import domain_of
from mlprod.experiments._streams import METRIC, PREDICTION, TRADE, shadow_layout
from mlprod.experiments._sums import SUMS_KEY, Sums
from mlprod.storage.journal import Column, Layout, Table


def begun(store, clock, config=None, treatments="new@1.0.0"):
    manager = ABTestingManager(store, clock=clock)
    manager.create_experiment("x", "", "old@1.0.0", treatments, config, id="x", check_models=False)
    manager.start_experiment("x")
    return manager


def series(manager, metric):
    found = manager._judge.series(manager.get_experiment("x"), metric)
    return list(zip(found.values.tolist(), found.variants.tolist(), found.phases.tolist(), strict=True))


@pytest.mark.parametrize("is_compacted", [False, True])
def test_outcomes_come_one_by_one_in_time_order(store, clock, is_compacted):
    manager = begun(store, clock)
    manager.record_trade("x", "treatment", pnl=1.0, id=1)
    clock.advance(hours=1)
    manager.record_trade("x", "control", pnl=-2.0, id=2)
    manager.record_trade("x", "control", returns=0.5)
    manager.record_trade("x", "control", pnl=7.0, id=1)
    manager.record_prediction("x", "treatment", prediction=1.0, prediction_id="p")
    manager.record_metric("x", "control", "slippage", 3.0)
    manager.set_traffic("x", [0.9, 0.1])
    manager.record_trade("x", "control", pnl=4.0, timestamp=clock())
    manager.record_actual("x", "p", 3.0)
    if is_compacted:
        manager.close()
    assert [(1.0, 1, 0), (-2.0, 0, 0), (4.0, 0, 1)] == series(manager, "pnl")
    assert [(1.0, 1, 0), (0.0, 0, 0), (1.0, 0, 1)] == series(manager, "win_rate")
    assert [(0.5, 0, 0)] == series(manager, "returns")
    assert [(2.0, 1, 0)] == series(manager, "mae")
    assert [(3.0, 0, 0)] == series(manager, "slippage")
    assert [] == series(manager, "latency_ms")


def test_outcomes_of_one_unit_in_the_shadow_follow_each_other(store, clock):
    manager = begun(store, clock, {"mode": "shadow"})
    for number in range(3):
        scores = {"control": {"pnl": float(number)}, "treatment": {"pnl": -float(number)}}
        manager.record_shadow("x", scores)
        clock.advance(seconds=1)
    expected = [
        (sign * number, variant, 0) for number in (0.0, 1.0, 2.0) for variant, sign in ((0, 1), (1, -1))
    ]
    assert expected == series(manager, "pnl")


def test_an_experiment_without_records_has_no_figures(store, clock):
    manager = begun(store, clock)
    assert Sums() == manager._judge.sums(manager.get_experiment("x"))
    for metric in ("pnl", "accuracy", "slippage"):
        assert [] == series(manager, metric)


def test_experiments_do_not_read_each_other(store, clock):
    manager = begun(store, clock)
    for name in ("x-2", "x.trades"):
        manager.create_experiment("y", "", "old@1", "new@1", id=name, check_models=False)
        manager.start_experiment(name)
        manager.record_trade(name, "control", pnl=1.0)
        manager.record_metric(name, "control", "slippage", 1.0)
    assert Sums() == manager._judge.sums(manager.get_experiment("x"))


def test_sums_that_cannot_be_read_are_made_anew(store, clock, monkeypatch):
    """Those of another version, or damaged ones."""
    with begun(store, clock) as manager:
        manager.record_trade("x", "control", pnl=2.0)
        manager.record_prediction("x", "control", confidence=0.5)
        manager.record_metric("x", "control", "slippage", 4.0)
    reader = ABTestingManager(store, clock=clock)

    def refuse(state):
        raise KeyError(state)

    monkeypatch.setattr(Sums, "from_state", refuse)
    found = reader.get_metrics("x")["control"]
    assert (1, 2.0, 0.5, {"slippage": 4.0}) == (found.trades, found.pnl, found.confidence, found.custom)


def test_sums_are_kept_beside_every_kind_of_record(store, clock):
    manager = begun(store, clock)
    experiment = manager.get_experiment("x")
    domain = domain_of(experiment)
    for layout in (METRIC, PREDICTION, TRADE, shadow_layout(2)):
        state = domain.summarize(Table(layout, {"time": np.arange(0)}))
        assert Sums() == Sums.from_state(state[SUMS_KEY])
    other = Layout((Column("value", "float"),))
    assert {} == domain.summarize(Table(other, {"time": np.arange(0)}))


def test_a_trade_counts_once_also_where_a_compaction_makes_several_blocks(store, clock, monkeypatch):
    monkeypatch.setattr(_compaction, "LARGEST_BLOCK_ROWS", 10)
    with begun(store, clock) as manager:
        for number in range(30):
            manager.record_trade("x", "control", pnl=1.0, id=number % 12)
    found = ABTestingManager(store, clock=clock).get_metrics("x")["control"]
    assert (12, 12.0) == (found.trades, found.total_pnl)
