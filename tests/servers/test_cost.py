"""How many requests a call costs, counted at the server; docs/guarantees.md has the same table."""

import re
from pathlib import Path

import numpy as np
import pytest

from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor

PAGE = Path(__file__).parents[2] / "docs" / "guarantees.md"


def documented():
    """Return what the page says: the label of each row to the requests on S3, GCS and Azure."""
    section = PAGE.read_text().partition("## What a call costs")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (\d+) \| (\d+) \| (\d+) \|", section, re.MULTILINE)
    return {
        label: dict(zip(("s3", "gcs", "azure"), map(int, counts), strict=True)) for label, *counts in rows
    }


@pytest.fixture
def spool(monkeypatch, tmp_path):
    monkeypatch.setenv("MLPROD_SPOOL", str(tmp_path))


@pytest.fixture
def cost(object_store):
    """Give a way to count the requests of a call."""

    def count(call):
        object_store.proxy.requests.clear()
        call()
        return len(object_store.proxy.requests)

    return count


@pytest.fixture(autouse=True)
def no_background(monkeypatch):
    """Let no thread make requests of its own meanwhile."""
    monkeypatch.setattr("mlprod._keeper.Keeper.start", lambda _self: None)


def costs(object_store, cost):
    """Count each call of the table, on an open object that has been used before unless it says otherwise."""
    store = object_store.new()
    models = ModelSerializer(store)
    weights = {"weights": np.ones(3)}
    yield "the first `save` in a store", cost(lambda: models.save(weights, "a", activate=True))
    yield "`save`", cost(lambda: models.save(weights, "a"))
    yield "`save` with examples", cost(lambda: models.save(weights, "a", examples=([1], [1])))
    yield "`load`, `get_active`", cost(lambda: models.load("a@1.0.0"))
    yield "`set_active`, `promote`, `tag`, …", cost(lambda: models.set_active("a@1.0.1"))
    yield "`list_models`, `get_metadata`, `history`, …", cost(models.list_models)
    with models.watch("a", interval_seconds=1000) as handle:
        yield "a look of `watch`", cost(handle.refresh)

    monitor = PerformanceMonitor(store)
    monitor.record_prediction("a", "1.0.0", correct=True)
    yield (
        "recording a prediction, an outcome or a trade",
        cost(lambda: [monitor.record_prediction("a", "1.0.0", correct=True) for _ in range(1000)]),
    )
    yield "`flush`, for each stream with news", cost(monitor.flush)

    manager = ABTestingManager(store)
    experiment = manager.create_experiment("x", "", "a@1.0.0", "a@1.0.1")
    manager.start_experiment(experiment.id)
    manager.get_variant(experiment.id, "anna")
    yield (
        "`get_variant`",
        cost(lambda: [manager.get_variant(experiment.id, str(unit)) for unit in range(1000)]),
    )
    manager.record_trade(experiment.id, "control", pnl=1.0)
    manager.record_trade(experiment.id, "treatment", pnl=1.0)
    yield (
        "recording in an experiment",
        cost(lambda: [manager.record_trade(experiment.id, "treatment", pnl=1.0) for _ in range(1000)]),
    )
    manager.flush()
    manager.analyze(experiment.id)
    yield "`analyze`, one file of outcomes", cost(lambda: manager.analyze(experiment.id))
    manager.close()
    monitor.close()

    detector = DriftDetector(store)
    rows = {"x": np.arange(500.0)}
    detector.set_reference("a", rows)
    yield "`check`", cost(lambda: detector.check("a", rows))
    detector.observe("a", {"x": 1.0})
    yield "`observe`, a row", cost(lambda: [detector.observe("a", {"x": 1.0}) for _ in range(100)])


@pytest.mark.usefixtures("spool")
def test_a_call_costs_what_the_page_says(object_store, cost):
    found = dict(costs(object_store, cost))
    assert {label: counts[object_store.kind] for label, counts in documented().items()} == found


@pytest.mark.usefixtures("spool")
def test_the_history_costs_nothing(object_store, cost):
    """Nor does the number of versions, to a process that has the models open or opens them."""
    store = object_store.new()
    models = ModelSerializer(store)
    models.save([1], "a")
    few = [cost(lambda: models.save([2], "a")), cost(models.list_models), cost(lambda: models.load("a"))]
    for number in range(130 - models._ledger.head().number):
        models.tag("a", f"tag-{number}")
    many = [cost(lambda: models.save([2], "a")), cost(models.list_models), cost(lambda: models.load("a"))]
    assert few == many
    opening = cost(lambda: ModelSerializer(object_store.at(store.url)).list_models())
    assert opening <= 16, "a listing, a snapshot, and the few decisions after it; twice as many at most"


@pytest.mark.usefixtures("spool")
def test_a_decision_that_writes_a_snapshot(object_store, cost):
    """One of 64 at first, and fewer later: it writes the snapshot and looks for the one to be dropped."""
    models = ModelSerializer(object_store.new())
    models.save([1], "a")
    while models._ledger.head().number < 63:
        models.tag("a", f"tag-{models._ledger.head().number}")
    assert cost(lambda: models.tag("a", "last")) <= 5
