"""Sums over the records of an experiment: of whole and parts, of columns and blocks, and of plain numbers."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod.experiments import ABTestingManager
from mlprod.experiments._streams import METRIC, PREDICTION, TRADE, shadow_layout
from mlprod.experiments._sums import Cell, Sums
from mlprod.storage import MemoryStore
from mlprod.storage.journal import Table

HOUR_NS = 3600 * 10**9


def sometimes(rng, values, share=0.8):
    """Return the values, some of them missing."""
    return np.where(rng.random(len(values)) < share, values, np.nan)


def whose(rng, rows):
    return {
        "time": np.sort(rng.integers(0, 5 * HOUR_NS, rows)),
        "variant": rng.integers(0, 3, rows).astype(np.uint8),
        "phase": rng.integers(0, 2, rows).astype(np.uint8),
        "unit_id": np.where(rng.random(rows) < 0.7, rng.integers(1, 9, rows), 0).astype(np.uint64),
        "covariate": sometimes(rng, rng.normal(size=rows)),
    }


def trades(rng, rows):
    pnl = sometimes(rng, rng.integers(-4, 5, rows).astype(float))
    return Table(TRADE, {**whose(rng, rows), "pnl": pnl, "returns": sometimes(rng, rng.normal(size=rows))})


def predictions(rng, rows):
    columns = {
        "confidence": sometimes(rng, rng.random(rows)),
        "prediction": sometimes(rng, rng.normal(size=rows)),
        "actual": sometimes(rng, rng.normal(size=rows)),
        "signal": rng.integers(0, 4, rows).astype(np.uint8),
        "flags": rng.choice(np.array([0, 1, 3, 8], np.uint8), rows),
        "prediction_id": rng.integers(0, 2, rows).astype(np.uint64),
    }
    return Table(PREDICTION, {**whose(rng, rows), **columns})


def shadows(rng, rows):
    columns = {
        "time": np.arange(rows),
        "actual": sometimes(rng, rng.normal(size=rows)),
        "phase": rng.integers(0, 2, rows).astype(np.uint8),
        **{f"prediction_{n}": sometimes(rng, rng.normal(size=rows)) for n in range(3)},
        **{f"pnl_{n}": sometimes(rng, rng.normal(size=rows)) for n in range(3)},
    }
    return Table(shadow_layout(3), columns)


def own(rng, rows):
    return Table(METRIC, {**whose(rng, rows), "value": rng.normal(size=rows)})


MAKERS = [
    (trades, Sums.of_trades),
    (predictions, Sums.of_predictions),
    (shadows, lambda table: Sums.of_shadows(table, 3)),
    (own, lambda table: Sums.of_metric(table).named("slippage")),
]


def flat(value):
    """Return all numbers of a state by where they are; parts that hold nothing are left out."""
    if isinstance(value, dict):
        return {(key, *place): one for key, held in value.items() for place, one in flat(held).items()}
    if isinstance(value, list) and value and isinstance(value[0], list):
        keys = [tuple(part for part in held if isinstance(part, str | int)) for held in value]
        return {
            (key, *place): one
            for key, held in zip(keys, value, strict=True)
            for place, one in flat(held[-1]).items()
        }
    return {(): value}


def assert_same(expected, found):
    """Everything is equal, but for the rounding of sums that were added in another order."""
    ours, theirs = flat(expected.to_state()), flat(found.to_state())
    assert set(ours) == set(theirs)
    for key, value in ours.items():
        np.testing.assert_allclose(theirs[key], value, 1e-9, 1e-9, err_msg=str(key))


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.integers(0, 60), st.lists(st.integers(0, 60), max_size=4))
@pytest.mark.parametrize(("make", "sums_of"), MAKERS)
def test_sums_of_parts_are_those_of_the_whole(make, sums_of, seed, rows, cuts):
    whole = make(np.random.default_rng(seed), rows)
    edges = [0, *sorted(min(cut, rows) for cut in cuts), rows]
    parts = [sums_of(whole.take(slice(*edge))) for edge in itertools.pairwise(edges)]
    assert_same(sums_of(whole), Sums.merge(parts))
    forwards, backwards = Sums(), Sums()
    for part in parts:
        forwards = forwards + part
    for part in reversed(parts):
        backwards = part + backwards
    assert_same(forwards, backwards)


@pytest.mark.parametrize(("make", "sums_of"), MAKERS)
def test_nothing_changes_what_it_is_added_to(make, sums_of):
    sums = sums_of(make(np.random.default_rng(1), 50))
    assert sums.to_state() == (sums + Sums()).to_state() == (Sums() + sums).to_state()
    assert Sums().to_state() == sums_of(make(np.random.default_rng(1), 0)).to_state()
    assert Sums().to_state() == Sums.merge([]).to_state()


@pytest.mark.parametrize(("make", "sums_of"), MAKERS)
def test_a_state_comes_back_from_the_disk_as_it_was(make, sums_of):
    sums = sums_of(make(np.random.default_rng(2), 80))
    assert sums == Sums.from_state(json.loads(json.dumps(sums.to_state())))


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"cells": [], "paired": [], "counts": []},
        {"cells": [["a", 0]], "paired": [], "counts": [], "records": []},
    ],
)
def test_what_is_no_state_is_refused(state):
    with pytest.raises((LookupError, ValueError)):
        Sums.from_state(state)


def test_cells_hold_what_plain_numpy_computes():
    table = trades(np.random.default_rng(3), 2000)
    sums = Sums.of_trades(table)
    assert {"win_rate", "pnl", "returns"} == set(sums.metrics())
    for name, values in [
        ("pnl", table["pnl"]),
        ("returns", table["returns"]),
        ("win_rate", np.where(np.isnan(table["pnl"]), np.nan, table["pnl"] > 0)),
    ]:
        assert [0, 1] == sums.phases(name)
        for phase in (0, 1):
            for variant in (0, 1, 2):
                rows = (table["phase"] == phase) & (table["variant"] == variant) & ~np.isnan(values)
                cell, covariates = sums.cell(name, variant, phase), table["covariate"][rows]
                filled = np.nan_to_num(covariates)
                assert np.count_nonzero(rows) == cell.count == cell.clusters.count
                assert np.count_nonzero(~np.isnan(covariates)) == cell.covered
                assert np.count_nonzero(table["unit_id"][rows]) == cell.identified
                assert np.sum(values[rows]) == pytest.approx(cell.moments.total)
                assert np.sum(values[rows]) == pytest.approx(cell.clusters.total)
                assert np.var(values[rows]) == pytest.approx(cell.moments.m2 / cell.count)
                expected = np.cov(values[rows], filled, ddof=0)[0, 1]
                assert expected == pytest.approx(cell.moments.comoment / cell.count)
    both = sums.cell("pnl", 1)
    assert np.nansum(table["pnl"][table["variant"] == 1]) == pytest.approx(both.moments.total)


def test_counts_are_those_of_numpy():
    table = trades(np.random.default_rng(4), 500)
    sums = Sums.of_trades(table)
    for variant in (0, 1, 2):
        is_mine = table["variant"] == variant
        assert np.count_nonzero(is_mine) == sums.recorded("trades", variant)
        assert np.count_nonzero(is_mine & (table["phase"] == 1)) == sums.recorded("trades", variant, 1)


def test_the_last_phase_and_the_last_variant_have_places_of_their_own():
    rows = {"time": np.arange(3), "value": np.array([1.0, 2.0, 4.0])}
    places = {"phase": np.array([254, 0, 254], np.uint8), "variant": np.array([63, 63, 0], np.uint8)}
    sums = Sums.of_metric(Table(METRIC, {**rows, **places}))
    found = [sums.cell("", variant, phase).moments.total for phase, variant in [(254, 63), (0, 63), (254, 0)]]
    assert [1.0, 2.0, 4.0] == found
    assert Cell() == sums.cell("", 0, 0)


def test_pairs_are_those_of_numpy():
    """In shadow mode: only units of which both have an outcome; the control's is the covariate."""
    table = shadows(np.random.default_rng(5), 400)
    sums = Sums.of_shadows(table, 3)
    for variant in (1, 2):
        for phase in (0, 1):
            mine, control = table[f"pnl_{variant}"], table["pnl_0"]
            rows = ~np.isnan(mine) & ~np.isnan(control) & (table["phase"] == phase)
            pairs = sums.paired["pnl", phase, variant]
            assert np.count_nonzero(rows) == pairs.count
            assert (mine[rows].sum(), control[rows].sum()) == pytest.approx(
                (pairs.total, pairs.covariate_total)
            )
            assert np.cov(mine[rows], control[rows])[0, 1] == pytest.approx(
                pairs.comoment / (pairs.count - 1)
            )
    assert not any(variant == 0 for _, _, variant in sums.paired)
    assert [400] * 3 == [sums.recorded("predictions", variant) for variant in range(3)]


# --- through the whole of the journal


def record(manager, rows, rng):
    """Record rows by the public methods, and return them."""
    found = []
    for number in range(rows):
        variant = ("control", "treatment")[int(rng.integers(2))]
        row = {
            "variant": variant,
            "pnl": float(rng.normal()),
            "returns": float(rng.normal()) / 100,
            "prediction": float(rng.normal()),
            "actual": float(rng.normal()),
            "confidence": float(rng.random()),
            "slippage": float(rng.exponential()),
        }
        manager.record_trade("x", variant, pnl=row["pnl"], returns=row["returns"], id=number % (rows - 5))
        manager.record_prediction(
            "x", variant, prediction=row["prediction"], confidence=row["confidence"], prediction_id=number
        )
        manager.record_metric("x", variant, "slippage", row["slippage"])
        found.append(row)
    for number, row in enumerate(found):
        manager.record_actual("x", number, row["actual"])
    return found


def expected_of(rows, distinct, variant):
    """Return the metrics of a variant as pandas computes them."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows)
    traded = frame.iloc[:distinct][lambda all_: all_.variant == variant]
    mine = frame[frame.variant == variant]
    error = mine.prediction - mine.actual
    return {
        "trades": len(traded),
        "wins": int((traded.pnl > 0).sum()),
        "total_pnl": traded.pnl.sum(),
        "win_rate": (traded.pnl > 0).mean(),
        "pnl": traded.pnl.mean(),
        "returns": traded.returns.mean(),
        "predictions": len(mine),
        "matured": len(mine),
        "confidence": mine.confidence.mean(),
        "mae": error.abs().mean(),
        "rmse": math.sqrt((error**2).mean()),
        "mape": (error.abs() / mine.actual.abs()).mean(),
        "directional_accuracy": (np.sign(mine.prediction) == np.sign(mine.actual)).mean(),
    }


def test_figures_are_those_of_pandas_before_and_after_compaction(clock):
    store, rng = MemoryStore(), np.random.default_rng(6)
    with ABTestingManager(store, clock=clock) as manager:
        manager.create_experiment("x", "", "old@1", "new@1", id="x", check_models=False)
        manager.start_experiment("x")
        rows = record(manager, 400, rng)
        before = manager.get_metrics("x")
    after = ABTestingManager(store, clock=clock).get_metrics("x")
    for variant in ("control", "treatment"):
        expected = expected_of(rows, 395, variant)
        own_mean = np.mean([row["slippage"] for row in rows if row["variant"] == variant])
        for found in (before[variant], after[variant]):
            assert expected == pytest.approx({name: getattr(found, name) for name in expected}, rel=1e-9)
            assert {"slippage": own_mean} == pytest.approx(found.custom, rel=1e-9)


def test_compaction_changes_no_sum(clock, monkeypatch):
    """What several writers left, in any order of compaction; and blocks whose sums are kept are not read."""
    store, rng = MemoryStore(), np.random.default_rng(7)
    manager = ABTestingManager(store, clock=clock)
    manager.create_experiment("x", "", "old@1", "new@1", id="x", check_models=False)
    manager.start_experiment("x")
    for number in range(4):
        clock.advance(minutes=20)
        with ABTestingManager(store, clock=clock) as writer:
            record(writer, 40 + 20 * number, rng)
            expected = writer._judge.sums(manager.get_experiment("x"))
        found = manager._judge.sums(manager.get_experiment("x"))
        assert_same(expected, found)
    monkeypatch.setattr(Sums, "of_predictions", lambda _: pytest.fail("a block was read"))
    monkeypatch.setattr(Sums, "of_trades", lambda _: pytest.fail("a block was read"))
    assert_same(expected, manager._judge.sums(manager.get_experiment("x")))
