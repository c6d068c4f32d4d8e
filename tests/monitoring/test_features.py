"""The log of features: what was recorded is read back, whatever came first and whoever recorded it."""

import datetime as dt
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.errors import InvalidDataError, InvalidNameError
from mlprod.storage import MemoryStore

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


def record(monitor, **features):
    """Record features, each at a time of its own."""
    if monitor._clock is not None:
        monitor._clock.advance(seconds=1)
    monitor.record_prediction("har", "1", features=features)


def read(monitor, **options):
    found = monitor.get_features("har", "1", **options)
    return {
        name: [None if is_nan(value) else value for value in column.tolist()]
        for name, column in found.items()
    }


def is_nan(value):
    return isinstance(value, float) and math.isnan(value)


def test_features_are_read_back_in_order_of_time(monitor, clock):
    record(monitor, volume=12_000, spread=np.float32(0.5), regime="calm", weekend=False)
    monitor.record_prediction("har", "1", features={"volume": 1}, timestamp=NOW - dt.timedelta(hours=2))
    clock.advance(hours=1)
    record(monitor, volume=Decimal("3.5"), regime="wild", weekend=np.True_)
    monitor.flush()
    for _ in range(2):
        found = monitor.get_features("har", "1")
        assert ["07:30", "09:30", "10:30"] == [str(time)[11:16] for time in found["time"]]
        assert [1.0, 12_000.0, 3.5] == found["volume"].tolist()
        assert np.float64 == found["spread"].dtype
        assert [None, "calm", "wild"] == found["regime"].tolist()
        assert [None, "false", "true"] == found["weekend"].tolist()
        assert {"time", "volume", "spread", "regime", "weekend"} == found.keys()
        monitor.compact("har")
    assert [12_000.0, 3.5] == read(monitor, window="61m")["volume"]
    assert 3 == monitor.get_latest_metrics("har").predictions_total


def test_those_of_all_versions_are_read_together(monitor, clock):
    for version, volume in (("2", 5.0), ("1", 3.0), ("2", 4.0)):
        clock.advance(seconds=1)
        monitor.record_prediction("har", version, features={"volume": volume})
    assert [5.0, 3.0, 4.0] == monitor.get_features("har")["volume"].tolist()
    assert [5.0, 4.0] == monitor.get_features("har", "2")["volume"].tolist()
    with pytest.raises(InvalidNameError):
        monitor.get_features("har", "../x")


def test_a_feature_may_appear_later_and_be_missing(monitor):
    record(monitor, a=1.0)
    record(monitor, a=None, b="x")
    record(monitor, b=None, c=math.nan, a=2.0)
    record(monitor, c="text after all: NaN is a value that is missing")
    record(monitor)
    found = read(monitor)
    assert [1.0, None, 2.0, None, None] == found["a"]
    assert [None, "x", None, None, None] == found["b"]
    assert [None, None, None, "text after all: NaN is a value that is missing", None] == found["c"]


def test_another_type_is_refused_and_nothing_recorded(monitor):
    record(monitor, a=1.0, b="x")
    for bad in ({"a": "1.0"}, {"b": 5}, {"a": True}):
        with pytest.raises(InvalidDataError, match=r"feature '.' was a (number|text) so far, and is"):
            record(monitor, **bad)
    assert [1.0] == read(monitor)["a"]
    assert 1 == monitor.get_latest_metrics("har").predictions_total


def test_another_type_from_another_process_hides_nothing(store, clock):
    """Who reads sees both."""
    for value in (1.0, "high", None, 2.0):
        with PerformanceMonitor(store, clock=clock) as monitor:
            record(monitor, level=value)
    assert [1.0, "high", None, 2.0] == read(PerformanceMonitor(store, clock=clock))["level"]


def test_unknown_models_have_no_features(monitor):
    assert {"time": []} == read(monitor)


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ([("a", 1.0)], "features must be a mapping of at most 4,096 names to values"),
        ({f"f{i}": 1.0 for i in range(4097)}, "at most 4,096 names"),
        ({"a": math.inf}, "feature 'a' must be a finite number, a text, a boolean or None, not inf"),
        ({"a": 10**400}, "must be a finite number"),
        ({"a": Decimal("sNaN")}, "must be a finite number"),
        ({"a": np.timedelta64(1, "ns")}, "must be a finite number"),
        ({"a": [1.0]}, "must be a finite number"),
        ({"a": np.array(1.0)}, "must be a finite number"),
        ({"a": b"x"}, "must be a finite number"),
        ({1: 1.0}, "the name of a feature must be a string"),
        ({"x" * 201: 1.0}, "the name of a feature has 201 characters"),
        ({"time": 1.0}, "'time' cannot be the name of a feature: 'time' is that of the prediction"),
        ({"": 1.0}, "'' cannot be the name of a feature"),
        ({"a": "x" * 10_000}, "feature 'a' has 10,000 characters; at most 200 are kept"),
    ],
    ids=range(14),
)
def test_what_is_no_feature_is_refused(monitor, features, words):
    with pytest.raises(InvalidDataError, match=words):
        monitor.record_prediction("har", "1", correct=True, features=features)
    assert 0 == monitor.get_latest_metrics("har").predictions_total
    assert {"time": []} == read(monitor)


def test_many_long_texts_are_recorded(monitor):
    """Many kilobytes for one prediction, and others the next time: more than a file has room for at first."""
    for number in range(3):
        record(monitor, **{f"f{i}": f"{i}-{number}".rjust(200, "\U0001f600") for i in range(200)})
    assert [f"199-{number}".rjust(200, "\U0001f600") for number in range(3)] == read(monitor)["f199"]


def test_wide_records_are_read_back(monitor):
    wide = {f"f{i}": float(i) for i in range(4096)}
    record(monitor, **wide)
    assert [4095.0] == read(monitor)["f4095"]


def test_odd_names_stay_apart(monitor):
    names = ["prediction_id", "x~order", "x", "f:x", "~sources", "é", "a b", "Time"]
    record(monitor, **{name: float(i) for i, name in enumerate(names)})
    monitor.flush()
    monitor.compact("har")
    found = read(monitor)
    assert {name: [float(i)] for i, name in enumerate(names)} == {name: found[name] for name in names}


def test_threads_that_bring_new_features_lose_none():
    """Each widens the records for all."""
    with PerformanceMonitor(MemoryStore()) as monitor:
        barrier = threading.Barrier(4)

        def work(thread):
            barrier.wait()
            for number in range(150):
                record(monitor, **{f"t{thread}-{number % 30}": float(number), "common": float(thread)})

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, range(4)))
        found = monitor.get_features("har", "1")
        assert [150, 150, 150, 150] == np.bincount(found["common"].astype(int)).tolist()
        assert 121 + 1 == len(found)
        for thread in range(4):
            mine = found["common"] == thread
            assert sum(range(150)) == sum(np.nansum(found[f"t{thread}-{n}"][mine]) for n in range(30))
            assert np.isnan(found[f"t{thread}-0"][~mine]).all()


def test_a_child_does_not_wait_for_a_thread_of_its_parent(monitor):
    """The lock that a thread held at the moment of the fork is nobody's there."""
    writer = monitor._recorder.features("har", "1")
    assert writer._lock.acquire(blocking=False)
    writer._process = -1  # as if this were a child
    record(monitor, a=1.0)
    assert [1.0] == read(monitor)["a"]


def test_of_two_types_at_once_one_is_refused(monitor):
    """Another thread recorded the feature as text between the look and the record: nothing was recorded."""
    writer = monitor._recorder.features("har", "1")
    checked = writer.check({"a": 1.0})
    record(monitor, a="text")
    with pytest.raises(InvalidDataError, match="feature 'a' was a text so far, and is 1"):
        writer.append(0, 0, checked)
    assert ["text"] == read(monitor)["a"]
