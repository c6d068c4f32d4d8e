"""Batches: every kind of column that numpy, pandas and polars can hold, or an error and nothing recorded."""

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.errors import InvalidDataError, StoreError
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore

NAN, INF = math.nan, math.inf
NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


def metrics(monitor, **options):
    return monitor.get_latest_metrics("har", **options)


def record(monitor, **columns):
    monitor.record_predictions("har", "1", **columns)


@pytest.mark.parametrize(
    "confidence",
    [
        [0.0, 1.0],
        (0, 1),
        np.array([0.0, 1.0], np.float32),
        np.array([0.0, 1.0], np.float16),
        np.array([0.0, 1.0], ">f8"),
        np.array([0.0, 9.0, 1.0, 9.0])[::2],
        np.array([0, 1], np.int8),
        np.array([0, 1], np.uint64),
        np.array([0.0, None, 1.0], object),
        [0.0, None, Decimal(1)],
        np.ma.masked_array([0.0, 9.0, 1.0], mask=[0, 1, 0]),
        np.ma.masked_array([0.0, 1.0], mask=[0, 0]),
    ],
)
def test_numbers_come_in_every_type(monitor, confidence):
    record(monitor, confidence=confidence, latency_ms=confidence)
    assert (0.5, 0.5) == (metrics(monitor).avg_confidence, metrics(monitor).avg_latency_ms)


def test_float32_is_taken_as_it_is(monitor):
    """The nearest float32 to 0.1 is not 0.1, and is not rounded again."""
    record(monitor, prediction=np.array([0.1], np.float32), actual=np.array([0.1]))
    assert abs(float(np.float32(0.1)) - 0.1) == metrics(monitor).mae


@pytest.mark.parametrize(
    ("prediction", "actual", "correct"),
    [
        (np.array([True, False]), np.array([True, True]), 1),
        (np.array([1, 2], np.int8), np.array([1, 3], np.uint64), 1),
        (["up", "down"], ["up", "up"], 1),
        (np.array(["up", "down"], object), np.array(["up", None], object), 1),
        (np.array(["up", "down"], np.dtypes.StringDType()), ["up", "up"], 1),
        ("up", ["up", "down"], 1),
        ([1, 2], 1, 1),
        (True, [True, False], 1),
        ([1, None, 3], [1, 2, None], 1),
        (np.ma.masked_array([1, 2], mask=[0, 1]), [1, 2], 1),
        ([None, "up"], ["up", "up"], 1),
    ],
)
def test_classes_come_in_every_type(monitor, prediction, actual, correct):
    record(monitor, prediction=prediction, actual=actual)
    assert correct == metrics(monitor).predictions_correct


def test_an_actual_nan_is_not_known_yet(monitor):
    for actual in ([1.5, NAN], np.array([1.5, None], object), np.array([1.5, NAN], object), [1.5, None]):
        record(monitor, prediction=[1.0, 2.0], actual=actual)
    assert (8, 0.5) == (metrics(monitor).predictions_total, metrics(monitor).mae)


def test_one_number_that_is_no_class_makes_numbers_of_all(monitor):
    """As in an array, so among objects: numbers are not judged without a tolerance."""
    record(monitor, prediction=[1, None, 2.5], actual=[1, 2, 2.5])
    record(monitor, prediction=[1, 2, 2.5], actual=[1, 2, 2.5])
    record(monitor, prediction=np.array([2**53, 1]), actual=np.array([2**53 + 1, 1]))
    record(monitor, prediction=np.array([-(2**63), 1]), actual=np.array([-(2**63) + 1, 1]))
    record(monitor, prediction=np.array([2**64 - 1], np.uint64), actual=np.array([2**64 - 2], np.uint64))
    assert (11, 0) == (metrics(monitor).predictions_total, metrics(monitor).predictions_known)


def test_single_values_hold_for_all(monitor):
    record(
        monitor,
        correct=[True, False],
        confidence=0.5,
        latency_ms=Decimal(3),
        error=False,
        timestamp=NOW - dt.timedelta(days=2),
    )
    record(monitor, correct=True, confidence=np.array(0.5), timestamp=[NOW, NOW])
    record(monitor, correct=[True], timestamp=np.datetime64("2026-03-01T09:30"))
    assert {None: 5, "3d": 5, "25h": 3, "1h": 2} == {
        window: metrics(monitor, window=window).predictions_total for window in (None, "3d", "25h", "1h")
    }
    assert (0.5, 3.0, 0.8) == (
        metrics(monitor).avg_confidence,
        metrics(monitor).avg_latency_ms,
        metrics(monitor).accuracy,
    )


def test_verdicts_and_failures(monitor):
    record(
        monitor,
        correct=np.array([True, None, np.False_], object),
        error=np.array([True, False, np.True_], object),
    )
    record(monitor, correct=np.array([True]), error=np.array([False]))
    record(monitor, error=True, latency_ms=[1.0])
    found = metrics(monitor)
    assert (5, 3, 2, 0.6) == (
        found.predictions_total,
        found.predictions_known,
        found.predictions_correct,
        found.error_rate,
    )


def test_ids_join_like_single_ones(monitor):
    for ids in (np.array([1, 2]), ["3", "4"], np.array([5, None], object), np.array([6], np.uint8)):
        record(monitor, prediction=1, prediction_id=ids)
    record(monitor, prediction=[1, 1], prediction_id="both")
    for number in range(1, 8):
        monitor.record_actual("har", str(number), 1)
    assert 6 == metrics(monitor).predictions_correct
    monitor.record_actual("har", "both", 1)
    assert 8 == metrics(monitor).predictions_correct


def test_times_come_in_every_unit(monitor):
    """A datetime64 is UTC; other times say their zone."""
    moments = [
        np.array(["2026-03-01"], "datetime64[D]"),
        np.array(["2026-03"], "datetime64[M]"),
        np.array(["2026"], "datetime64[Y]"),
        np.array(["2026-03-01T12:00"], "datetime64[s]"),
        np.array(["2026-03-01T12:00"], "datetime64[ns]"),
        [NOW],
        np.array([NOW - dt.timedelta(days=400)], object),
    ]
    for timestamp in moments:
        record(monitor, correct=[True], timestamp=timestamp)
    counts = monitor.get_metrics_history("har", step="1d")["predictions_total"]
    assert [1.0, 1.0, 4.0, 1.0] == counts[counts > 0].tolist()


def test_a_batch_is_put_in_order_of_time(monitor):
    times = np.datetime64("2026-03-02T09:00", "ns") + np.array([20, 0, 10]) * np.timedelta64(1, "m")
    record(
        monitor, latency_ms=[1.0, 2.0, 3.0], timestamp=times, prediction_id=[1, 2, 3], prediction=[1, 2, 3]
    )
    monitor.record_actual("har", 2, 2)
    assert [2.0, 3.0, 1.0] == monitor.get_metrics_history("har", step="10m")["avg_latency_ms"][:3].tolist()
    assert [1.0, 0.0, 0.0] == monitor.get_metrics_history("har", step="10m")["predictions_correct"][
        :3
    ].tolist()


def test_an_empty_batch_is_nothing(monitor):
    for columns in ({"correct": []}, {"confidence": [], "prediction": np.array([], object), "error": False}):
        record(monitor, **columns)
    record(monitor, timestamp=np.array([], "datetime64[ns]"), latency_ms=np.array([], np.float32))
    assert 0 == metrics(monitor).predictions_total


BAD = {
    "confidence": [
        [0.5, 1.5],
        [0.5, -0.1],
        [0.5, NAN],
        [0.5, INF],
        np.array([0.5, NAN], np.float32),
        [0.5, "x"],
        ["0.5", "0.5"],
        [True, False],
        [0.5, True],
        [0.5, True, None],
        [[0.5, 0.5]],
        [[0.5], [0.5, 0.5]],
        [{}, []],
        [1 + 1j],
        [b"x"],
        np.array([(0.5,)], [("a", "f8")]),
        np.array([1], "timedelta64[ns]"),
        np.array([1], "datetime64[ns]"),
        True,
        "x",
        1.5,
        {"a": 1},
        {0.5},
        range,
    ],
    "latency_ms": [
        [1.0, -1.0],
        [1.0, NAN],
        [1e101],
        [10**400],
        np.array([5], "timedelta64[ms]"),
        np.timedelta64(5, "ns"),
    ],
    "prediction": [
        [1.0, NAN],
        [1.0, INF],
        [1e101],
        [1, "up"],
        [True, "up"],
        np.array([1, "up"], object),
        np.array([[1], {}], object),
        [b"up"],
        [1j],
        np.array([1], "timedelta64[ns]"),
        ["x" * 10_000],
        [None, NAN],
        [10**400],
        np.timedelta64(1, "ns"),
    ],
    "actual": [[1.0, INF], [1e101], [1, "up"], [b"up"], ["x" * 10_000], ["up", "down"]],
    "correct": [[1, 0], ["yes"], [True, "x"], [1.0], [True, 1, None], 1, "True"],
    "error": [[1, 0], [True, None], ["x"], [1.0], 1, np.array([True, 1], object)],
    "prediction_id": [
        [1.5],
        [True],
        [""],
        ["x" * 257],
        [NAN],
        [b"x"],
        [np.timedelta64(1, "s")],
        np.array([1], "M8[ns]"),
        1.5,
    ],
    "timestamp": [
        [1.0],
        [1],
        ["2026-03-01"],
        [NOW.replace(tzinfo=None)],
        [NOW, None],
        [NOW + dt.timedelta(minutes=6)],
        np.array(["NaT"], "datetime64[ns]"),
        np.array(["2026-03-01", "NaT"], "datetime64[D]"),
        np.array(["2026-03-03"], "datetime64[D]"),
        np.array(["0001-01-01"], "datetime64[D]"),
        np.array(["1799-12-31"], "datetime64[D]"),
        np.array(["9999-01-01"], "datetime64[D]"),
        np.array(["2555"], "datetime64[Y]"),  # as nanoseconds, in 64 bits, it would be 1970
        NOW.replace(tzinfo=None),
        np.datetime64("NaT", "s"),
    ],
}


@pytest.mark.parametrize(
    ("name", "column"),
    [pytest.param(name, bad, id=f"{name}-{i}") for name in BAD for i, bad in enumerate(BAD[name])],
)
def test_a_bad_value_anywhere_refuses_all(monitor, name, column):
    rows = np.shape(
        np.empty(1, object) if np.ndim(np.array(column, object)) == 0 else np.array(column, object)
    )[0]
    good = {"latency_ms": np.ones(rows), "prediction": np.ones(rows)}
    with pytest.raises(InvalidDataError):
        record(monitor, **{**good, name: column})
    assert 0 == metrics(monitor).predictions_total


def test_columns_must_fit_together(monitor):
    for columns, words in [
        (
            {"confidence": [0.5], "correct": [True, False]},
            "columns of different lengths: {'confidence': 1, 'cor",
        ),
        ({"confidence": [0.5], "correct": []}, "columns of different lengths"),
        ({"confidence": 0.5}, "without an array it is not known how many predictions there were"),
        ({}, "without an array"),
        ({"confidence": None}, "without an array"),
        ({"confidence": (value for value in [0.5])}, "without an array"),
        (
            {"correct": [True], "confidence": (value for value in [0.5])},
            "confidence must be a number from 0 to 1",
        ),
        ({"latencyMs": [1.0], "latency_ms": [1.0]}, "latency_ms was given twice"),
        ({"latncy": [1.0]}, "'latncy' is no column, there are: latency_ms, "),
        ({"features": [{}]}, "'features' is no column"),
        ({"prediction": ["up"], "actual": [1]}, "must be texts both, or numbers"),
        (
            {"confidence": np.ones((2, 2))},
            r"confidence cannot be an array of shape \(2, 2\) and type float64",
        ),
        (
            {"confidence": [0.5, 7.0, 8.0]},
            r"confidence \(in 2 of 3 rows\) must be a number from 0 to 1, not 7\.0",
        ),
    ]:
        with pytest.raises(InvalidDataError, match=words):
            record(monitor, **columns)
    assert 0 == metrics(monitor).predictions_total


def test_the_columns_are_not_changed_and_not_kept(monitor):
    """Who goes on using an array changes nothing that was recorded."""
    latency = np.array([1.0, 2.0])
    record(monitor, latencyMs=latency)
    assert [1.0, 2.0] == latency.tolist()
    latency[:] = 100.0
    assert 1.5 == metrics(monitor).avg_latency_ms


def test_where_the_store_fails_nothing_was_recorded(clock):
    store = FaultyStore(MemoryStore(), at=1, fault=Fault.DISK_FULL)
    with PerformanceMonitor(store, clock=clock) as monitor:
        with pytest.raises(StoreError):
            record(monitor, correct=[True, False])
        assert 0 == metrics(monitor).predictions_total
        record(monitor, correct=[True, False])
        assert 2 == metrics(monitor).predictions_total


def test_a_million_at_once_are_as_one_by_one(tmp_path, clock):
    """A batch as large as a block is a block, before and after compaction."""
    rng = np.random.default_rng(5)
    confidence, correct = rng.random(1_200_000), rng.random(1_200_000) < 0.6
    with PerformanceMonitor(tmp_path, clock=clock) as monitor:
        record(monitor, confidence=confidence, correct=correct)
        for _ in range(2):
            found = metrics(monitor)
            assert (1_200_000, int(correct.sum())) == (found.predictions_total, found.predictions_correct)
            assert pytest.approx(confidence.mean(), rel=1e-12) == found.avg_confidence
            assert pytest.approx(np.mean((confidence - correct) ** 2), rel=1e-12) == found.brier_score
            monitor.compact("har")


def test_pandas_columns(monitor):
    """Series whatever their index, nullable types, categories and zones; a mask is a value not given."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"c": [0.25, 0.75], "up": [True, False], "p": [1, 2]}, index=[7, 7])
    record(monitor, confidence=frame["c"], correct=frame["up"], prediction=frame["p"], actual=[1, 1])
    record(monitor, confidence=pd.Series([0.5, None], dtype="Float64").dropna(), correct=[True])
    record(monitor, prediction=[1.0, 2.0], actual=pd.Series([1.5, None], dtype="Float64"))
    record(monitor, prediction=pd.Series(["a", "b"], dtype="category"), actual=pd.Series(["a", None]))
    record(monitor, correct=[True], timestamp=pd.Series([pd.Timestamp(NOW).tz_convert("Asia/Tokyo")]))
    found = metrics(monitor)
    assert (8, 0.5, 5, 4) == (
        found.predictions_total,
        found.avg_confidence,
        found.predictions_known,
        found.predictions_correct,
    )
    for bad in (
        {"latency_ms": pd.Series([pd.Timedelta(seconds=1)])},
        {"correct": pd.Series([True, None], dtype="boolean")},
        {"confidence": frame},
        {"correct": [True], "timestamp": [pd.NaT]},
        {"correct": [True], "timestamp": pd.Series([pd.NaT], dtype="datetime64[ns, UTC]")},
    ):
        with pytest.raises(InvalidDataError):
            record(monitor, **bad)
    assert 8 == metrics(monitor).predictions_total


def test_polars_columns(monitor):
    pl = pytest.importorskip("polars")
    record(monitor, confidence=pl.Series([0.25, 0.75]), correct=pl.Series([True, None]))
    record(monitor, prediction=pl.Series(["a", "b"]), actual=pl.Series(["a", None]))
    record(monitor, prediction=pl.Series([1.0, 2.0]), actual=pl.Series([1.5, None]))
    record(monitor, correct=[True], timestamp=pl.Series([NOW]))
    with pytest.raises(InvalidDataError):
        record(monitor, latency_ms=pl.Series([dt.timedelta(seconds=1)]))
    with pytest.raises(InvalidDataError):
        record(monitor, confidence=pl.Series([0.5, None]))
    found = metrics(monitor)
    assert (7, 0.5, 3, 3, 0.5) == (
        found.predictions_total,
        found.avg_confidence,
        found.predictions_known,
        found.predictions_correct,
        found.mae,
    )
