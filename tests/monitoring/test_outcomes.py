"""Outcomes that arrive later: in any order, corrected, after a restart, after compaction."""

import datetime as dt
import itertools
import math

import pytest

from mlprod import PerformanceMonitor

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


def sealed(store, clock, record):
    """Record with a monitor of its own, which leaves nothing open."""
    monitor = PerformanceMonitor(store, clock=clock)
    record(monitor)
    monitor._keeper.stop()
    monitor._journal.close()


def counts(monitor, version=None):
    found = monitor.get_latest_metrics("har", version)
    return found.predictions_total, found.predictions_known, found.predictions_correct


def predict(monitor, version="1", **fields):
    monitor.record_prediction("har", version, **{"prediction": "up", "prediction_id": 7, **fields})


STEPS = {
    "prediction": predict,
    "actual": lambda monitor: monitor.record_actual("har", "7", "up"),
    "correction": lambda monitor: monitor.record_actual(
        "har", 7, "down", timestamp=NOW + dt.timedelta(seconds=1)
    ),
}


@pytest.mark.parametrize("order", list(itertools.permutations(STEPS)), ids="-".join)
@pytest.mark.parametrize("compacted", range(8), ids="{:03b}".format)
def test_every_order_and_every_compaction_give_the_same(store, clock, order, compacted):
    """A prediction, its outcome and the correction of that, each in a process of its own."""
    for number, name in enumerate(order):
        sealed(store, clock, STEPS[name])
        if compacted >> number & 1:
            PerformanceMonitor(store, clock=clock).compact("har")
    with PerformanceMonitor(store, clock=clock) as monitor:
        assert (1, 1, 0) == counts(monitor)
        monitor.compact("har")
        assert (1, 1, 0) == counts(monitor)
        monitor.record_actual("har", 7, "up", timestamp=NOW)  # older than the correction
        assert (1, 1, 0) == counts(monitor)
        monitor.record_actual("har", 7, "up", timestamp=NOW + dt.timedelta(seconds=2))
        assert (1, 1, 1) == counts(monitor)


def test_of_one_moment_the_last_one_recorded_stands(monitor):
    """Prices of one close, corrected: the same time twice."""
    predict(monitor)
    for actual in ("down", "up", "down", "up"):
        monitor.record_actual("har", 7, actual, timestamp=NOW)
    assert (1, 1, 1) == counts(monitor)


def test_an_actual_whose_prediction_never_came_is_kept_and_counts_for_nothing(store, clock):
    sealed(store, clock, STEPS["actual"])
    with PerformanceMonitor(store, clock=clock) as monitor:
        for _ in range(3):
            assert (0, 0, 0) == counts(monitor)
            monitor.compact("har")
        assert math.isnan(monitor.get_latest_metrics("har").accuracy)
        predict(monitor)
        assert (1, 1, 1) == counts(monitor)


def test_an_outcome_goes_to_the_predictions_of_all_versions(monitor):
    """Of models side by side, and of one that was asked twice."""
    for version in ("1", "1", "2"):
        predict(monitor, version)
    monitor.record_actual("har", 7, "up")
    assert (3, 3, 3) == counts(monitor)
    assert [(2, 2, 2), (1, 1, 1)] == [counts(monitor, version) for version in ("1", "2")]


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_an_outcome_waits_for_predictions_in_files_still_written_to(kind, store, tmp_path, clock):
    """It must not leave with the prediction of the champion while that of the challenger is not sealed."""
    store = store if kind == "memory" else tmp_path
    with PerformanceMonitor(store, clock=clock) as challenger:
        predict(challenger, "2")
        sealed(store, clock, predict)
        sealed(store, clock, STEPS["actual"])
        for _ in range(3):
            assert [(1, 1, 1), (1, 1, 1)] == [counts(challenger, version) for version in ("1", "2")]
            challenger.compact("har")
    with PerformanceMonitor(store, clock=clock) as monitor:
        for _ in range(2):
            assert (2, 2, 2) == counts(monitor)
            monitor.compact("har")


def test_an_outcome_given_with_the_prediction_can_be_corrected(monitor):
    predict(monitor, actual="down")
    assert (1, 1, 0) == counts(monitor)
    monitor.record_actual("har", 7, "up")
    assert (1, 1, 1) == counts(monitor)


def test_an_older_outcome_does_not_replace_the_one_given_with_the_prediction(monitor):
    """One by one, and in a batch, where one that is not known yet is replaced by any."""
    predict(monitor, actual="down")
    monitor.record_predictions("har", "2", prediction="up", actual=["down", None], prediction_id=[7, 8])
    for identity in (7, 8):
        monitor.record_actual("har", identity, "up", timestamp=NOW - dt.timedelta(seconds=1))
    assert [(1, 1, 0), (2, 2, 1)] == [counts(monitor, version) for version in ("1", "2")]


@pytest.mark.parametrize("actual", ["up", 1, 1.0])
def test_an_outcome_of_what_was_not_predicted_counts_for_nothing(monitor, actual):
    predict(monitor, prediction=None, actual=actual)
    monitor.record_predictions("har", "1", actual=[actual, actual])
    assert (3, 0, 0) == counts(monitor)
    assert math.isnan(monitor.get_latest_metrics("har").mae)


def test_what_the_caller_said_stands(monitor):
    """`correct` wins over what follows from prediction and actual."""
    predict(monitor, correct=True)
    predict(monitor, "2", correct=False, prediction="down")
    monitor.record_actual("har", 7, "down")
    assert [(1, 1, 1), (1, 1, 0)] == [counts(monitor, version) for version in ("1", "2")]


def test_an_outcome_of_another_kind_tells_nothing(store, clock):
    """A number for a text, before and after compaction, and what came earlier does not return."""
    sealed(store, clock, predict)
    sealed(store, clock, lambda monitor: monitor.record_actual("har", 7, 1.0))
    with PerformanceMonitor(store, clock=clock) as monitor:
        for _ in range(3):
            assert (1, 0, 0) == counts(monitor)
            monitor.compact("har")
            monitor.record_actual("har", 7, "up", timestamp=NOW - dt.timedelta(seconds=1))
        monitor.record_actual("har", 7, "up", timestamp=NOW + dt.timedelta(seconds=1))
        assert (1, 1, 1) == counts(monitor)


def test_ids_of_several_models_are_not_mixed(monitor):
    predict(monitor)
    monitor.record_prediction("other", "1", prediction="up", prediction_id=7)
    monitor.record_actual("other", 7, "up")
    assert (1, 0, 0) == counts(monitor)
    assert 1 == monitor.get_latest_metrics("other").predictions_known


def test_predictions_without_an_id_get_no_outcome(monitor):
    predict(monitor, prediction_id=None)
    monitor.record_actual("har", 0, "up")
    assert (1, 0, 0) == counts(monitor)


def test_of_a_block_only_the_stretches_in_question_are_not_read_again(tmp_path, clock):
    """An outcome for one of 200,000 compacted predictions changes exactly that one."""
    with PerformanceMonitor(tmp_path, clock=clock) as monitor:
        monitor.record_predictions("har", "1", prediction=[1] * 200_000, prediction_id=range(200_000))
        assert monitor.compact("har")
        monitor.record_actual("har", 150_000, 1)
        monitor.record_actual("har", 3, 0)
        assert (200_000, 2, 1) == counts(monitor)
    with PerformanceMonitor(tmp_path, clock=clock) as monitor:
        monitor.compact("har")
        assert (200_000, 2, 1) == counts(monitor)
