"""How a lift came about is told of a million outcomes without reading them: from sums over stretches."""

import attrs
import pytest

from mlprod import ABTestingManager, open_store
from mlprod.experiments._stretches import LARGE_ROWS
from mlprod.storage.journal._files import SUMMARY
from mlprod.testing import FaultyStore

HALF = LARGE_ROWS // 2
STRETCH = LARGE_ROWS // 32


def trade(manager, number, variant):
    manager.record_trade("x", variant, id=f"{variant}-{number}", pnl=1.0 if number % 3 else -1.0)


def predict(manager, number, variant):
    manager.record_prediction(
        "x", variant, prediction=1.0, actual=number % 5, prediction_id=f"{variant}{number}"
    )


def score(manager, number, variant):
    if variant == "control":
        scores = {"control": {"prediction": 1.0}, "treatment": {"prediction": 2.0}}
        for twice in range(2):
            manager.record_shadow("x", scores, actual=number % 5, prediction_id=2 * number + twice)


def slip(manager, number, variant):
    manager.record_metric("x", variant, "slippage", float(number % 7))


KINDS = {
    "trades": (trade, {}),
    "predictions": (predict, {"primary_metric": "mae"}),
    "shadows": (score, {"primary_metric": "mae", "mode": "shadow"}),
    "metrics of ones own": (slip, {"primary_metric": "slippage", "custom_metrics": ["slippage"]}),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def compacted(request, tmp_path, clock):
    """Record more than anybody should read again, in a folder; it is compacted when the manager is closed."""
    record, config = request.param
    store = open_store(tmp_path / "store")
    with ABTestingManager(store, clock=clock) as manager:
        manager.create_experiment("x", "", "a@1", "b@1", config or None, id="x", check_models=False)
        manager.start_experiment("x")
        for number in range(HALF):
            for variant in ("control", "treatment"):
                record(manager, number, variant)
            if number % 64 == 0:
                clock.advance(minutes=5)
    return store


def progress(store, clock):
    """Return the lift over time as a new process tells it, and the columns of blocks that it reads."""
    watched = FaultyStore(store)
    (overview,) = ABTestingManager(watched, clock=clock).get_overview(steps=4)
    return overview.progress, [entry for entry in watched.log if entry.endswith(".col")]


def summaries(store):
    return [path for path in store.list("journal") if path.endswith(".sum")]


def test_no_record_is_read_and_the_same_is_said(compacted, clock):
    told, read = progress(compacted, clock)
    assert [] == read
    for path in summaries(compacted):
        compacted.delete(path)
    exact, read = progress(compacted, clock)
    assert read
    assert [point.at for point in exact] == [point.at for point in told]
    for point, known in zip(told, exact, strict=True):
        assert 0 <= known.treatment_samples - point.treatment_samples <= STRETCH
        assert 0 <= known.control_samples - point.control_samples <= STRETCH
    assert exact[-1].treatment_samples == told[-1].treatment_samples
    assert exact[-1].lift == pytest.approx(told[-1].lift)
    assert [exact[-1].interval.low, exact[-1].interval.high] == pytest.approx(
        [told[-1].interval.low, told[-1].interval.high]
    )


@pytest.mark.parametrize("compacted", [KINDS["predictions"]], indirect=True)
def test_where_an_outcome_has_arrived_since_the_records_are_read(compacted, clock):
    with ABTestingManager(compacted, clock=clock) as manager:
        manager.record_actual("x", "treatment7", 1000.0)
        told, read = progress(compacted, clock)
    assert read
    assert told[-1].lift == pytest.approx(1000.0 / HALF / 1.2, rel=0.2)


@pytest.mark.parametrize("compacted", [KINDS["trades"]], indirect=True)
@pytest.mark.parametrize("kept", ["[", "[[1,2]]", "[[1,2,{}]]", 7], ids=str)
def test_what_cannot_be_read_only_costs_the_reading(compacted, clock, kept):
    exact, _ = progress(compacted, clock)
    (path,) = summaries(compacted)
    summary = SUMMARY.load(compacted.get(path), path)
    (key,) = [key for key in summary.values if "stretches" in key]
    compacted.put(path, SUMMARY.dump(attrs.evolve(summary, values={**summary.values, key: kept})))
    told, read = progress(compacted, clock)
    assert read
    assert exact[-1].treatment_samples == told[-1].treatment_samples
