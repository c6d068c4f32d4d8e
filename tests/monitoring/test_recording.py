"""What `record_…` takes one by one, and what it refuses: after an error, nothing was recorded."""

import datetime as dt
import enum
import math
import os
import signal
import threading
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest

from mlprod import PerformanceMonitor
from mlprod.errors import ClosedError, InvalidConfigError, InvalidDataError, InvalidNameError, StoreError
from mlprod.storage import LocalStore, MemoryStore
from mlprod.testing import FrozenClock

NAN, INF = math.nan, math.inf
NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
NO_NUMBERS = [
    NAN,
    INF,
    -INF,
    1e101,
    10**400,
    True,
    "0.5",
    b"0.5",
    [0.5],
    {"a": 1},
    0.5j,
    np.float32("nan"),
    np.float64("inf"),
    np.True_,
    np.array(0.5),
    np.array([0.5, 0.5]),
    np.ma.masked,
    np.timedelta64(5, "ns"),
    np.timedelta64(5, "ms"),
    np.datetime64(5, "ns"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    dt.timedelta(seconds=1),
    object(),
]
NO_IDS = [
    "",
    True,
    1.0,
    NAN,
    b"x",
    [1],
    "x" * 257,
    "x" * 10_000,
    10**256,
    "\ud800",
    np.timedelta64(1, "s"),
    (),
]
NO_TEXTS = ["x" * 201, "x" * 10_000, 5, True, b"x", ["x"], "\ud800"]
NO_TIMES = [
    dt.datetime(2026, 3, 2, 9, 30),  # noqa: DTZ001 - that is the point
    NOW + dt.timedelta(minutes=5, microseconds=1),
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(1799, 12, 31, 23, 59, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, tzinfo=dt.UTC),
    dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=14))),
    NOW.timestamp(),
    NOW.isoformat(),
    NOW.date(),
    np.datetime64("2026-03-02"),
    True,
]


class Outcome(enum.StrEnum):
    WIN = "win"


class Side(str, enum.Enum):  # noqa: UP042 - its str() is not its value
    BUY = "BUY"


class Level(enum.IntEnum):
    HIGH = 7


class Odd(float):
    """A number that compares as one likes, and is another."""

    def __le__(self, other):
        return True

    __ge__ = __le__


def metrics(monitor, **options):
    return monitor.get_latest_metrics("har", **options)


def assert_nothing(monitor):
    found = metrics(monitor)
    assert (0, 0) == (found.predictions_total, found.trades_total)
    assert math.isnan(found.feature_drift_score)
    assert 0 == len(monitor.get_features("har", "1")["time"])


def bad(**fields):
    return [
        pytest.param(name, value, id=f"{name}-{i}") for name in fields for i, value in enumerate(fields[name])
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    bad(
        correct=[1, 0, "yes", NAN, [True], np.array([True, False]), np.int64(1)],
        confidence=[*NO_NUMBERS, -0.01, 1.01, Decimal("1.0001"), -5e-324, 82],
        latency_ms=[*NO_NUMBERS, -0.001, -5e-324, Odd(-1.0), Odd(NAN)],
        prediction=[
            value for value in NO_NUMBERS if value is not True and not isinstance(value, str | np.bool_)
        ],
        actual=[value for value in NO_NUMBERS if value is not True and not isinstance(value, str | np.bool_)],
        prediction_id=NO_IDS,
        error=[1, 0, None, "no", [], np.array([1, 2])],
        features=[[], "x", 5, {"x": INF}, {"x": []}, {"x": "y" * 10_000}, {5: 1.0}, {"time": 1.0}, {"": 1.0}],
        timestamp=NO_TIMES,
    ),
)
def test_a_bad_prediction_is_refused_whole(monitor, field, value):
    """Neither the prediction nor its features were recorded."""
    good = {"correct": True, "confidence": 0.5, "latency_ms": 1.0, "features": {"a": 1.0}}
    with pytest.raises(InvalidDataError):
        monitor.record_prediction("har", "1", **{**good, field: value})
    assert_nothing(monitor)


@pytest.mark.parametrize(
    ("field", "value"),
    bad(
        outcome=["", "Win", "draw", 1, 0, ["win"], np.array(["win", "loss"]), NAN, "x" * 10_000],
        pnl=NO_NUMBERS,
        confidence=[*NO_NUMBERS, -0.1, 1.1],
        trade_id=NO_IDS,
        symbol=NO_TEXTS,
        side=NO_TEXTS,
        timestamp=NO_TIMES,
    ),
)
def test_a_bad_trade_is_refused_whole(monitor, field, value):
    with pytest.raises(InvalidDataError):
        monitor.record_trade("har", "1", **{"pnl": 1.0, field: value})
    assert_nothing(monitor)


@pytest.mark.parametrize(
    ("field", "value"),
    bad(
        feature_drift=[*NO_NUMBERS, -0.1],
        prediction_drift=[*NO_NUMBERS, -0.1],
        performance_drift=[*NO_NUMBERS, -0.1],
        timestamp=NO_TIMES,
    ),
)
def test_a_bad_drift_score_is_refused_whole(monitor, field, value):
    with pytest.raises(InvalidDataError):
        monitor.record_drift("har", "1", **{"feature_drift": 0.1, "prediction_drift": 0.1, field: value})
    assert_nothing(monitor)


@pytest.mark.parametrize(("field", "value"), bad(prediction_id=[*NO_IDS, None], timestamp=NO_TIMES))
def test_a_bad_actual_is_refused(monitor, field, value):
    monitor.record_prediction("har", "1", prediction=1, prediction_id="7")
    with pytest.raises(InvalidDataError):
        monitor.record_actual("har", **{"prediction_id": "7", "actual": 1, field: value})
    assert 0 == metrics(monitor).predictions_known


@pytest.mark.parametrize(
    "value", [None, NAN, INF, [1], np.array([1.0]), np.timedelta64(1, "ns"), "x" * 10_000]
)
def test_an_actual_value_must_be_one(monitor, value):
    monitor.record_prediction("har", "1", prediction=1, prediction_id="7")
    with pytest.raises(InvalidDataError, match="actual"):
        monitor.record_actual("har", "7", value)
    assert 0 == metrics(monitor).predictions_known


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "/etc", "x" * 129, "é", "a b", 5, None, [], ("a",)]
)
def test_what_cannot_be_a_path_is_no_model_and_no_version(store, monitor, name):
    """No name leads out of the store, whatever is recorded or asked."""
    calls = [
        lambda model, version: monitor.record_prediction(model, version, correct=True),
        lambda model, version: monitor.record_predictions(model, version, correct=[True]),
        lambda model, version: monitor.record_trade(model, version, pnl=1.0),
        lambda model, version: monitor.record_drift(model, version, feature_drift=0.1),
    ]
    only_model = [
        lambda model: monitor.record_actual(model, "7", 1),
        monitor.get_features,
        monitor.get_latest_metrics,
        monitor.get_metrics_history,
        monitor.get_model_health,
        monitor.generate_report,
        monitor.compact,
    ]
    for call in calls:
        with pytest.raises(InvalidNameError):
            call(name, "1")
        with pytest.raises(InvalidNameError):
            call("har", name)
    for call in only_model:
        with pytest.raises(InvalidNameError):
            call(name)
    if name is not None:
        for call in (monitor.get_latest_metrics, monitor.get_metrics_history):
            with pytest.raises(InvalidNameError):
                call("har", name)
        with pytest.raises(InvalidNameError):
            monitor.generate_report("har", version=name)
        with pytest.raises(InvalidNameError):
            monitor.get_active_alerts(name)
    monitor.flush()
    assert [] == store.list("journal/raw")


def test_an_error_says_what_was_wrong_with_what(monitor):
    with pytest.raises(
        InvalidDataError, match=r"^confidence must be a number from 0 to 1, not 82; nothing was"
    ):
        monitor.record_prediction("har", "1", confidence=82)
    with pytest.raises(
        InvalidDataError, match=r"^latency_ms must be a finite number that is not negative, at"
    ):
        monitor.record_prediction("har", "1", latency_ms=-1)
    with pytest.raises(
        InvalidDataError, match=r"^a trade needs its pnl, or its outcome; nothing was recorded"
    ):
        monitor.record_trade("har", "1", symbol="EURUSD")
    with pytest.raises(
        InvalidDataError, match=r"^there is no score: give one of feature_drift, prediction_dri"
    ):
        monitor.record_drift("har", "1")
    with pytest.raises(InvalidDataError, match=r"'up' and actual 1 must both be texts, or both numbers"):
        monitor.record_prediction("har", "1", prediction="up", actual=1)


def test_an_unknown_field_names_the_nearest(monitor):
    with pytest.raises(
        InvalidDataError, match="'latncyMs' is no field of this event, there are: latency_ms, "
    ):
        monitor.record_prediction("har", "1", {"latncyMs": 5})
    with pytest.raises(InvalidDataError, match="'tradeID2' is no field of this event, there are: trade_id, "):
        monitor.record_trade("har", "1", {"tradeID2": 5, "pnl": 1.0})
    with pytest.raises(
        InvalidDataError, match="'feature' is no field of this event, there are: feature_drift, "
    ):
        monitor.record_drift("har", "1", {"feature": 0.5})
    with pytest.raises(InvalidDataError, match="5 is no field"):
        monitor.record_prediction("har", "1", {5: 5})
    assert_nothing(monitor)


@pytest.mark.parametrize("event", [[], "correct", 5, [("correct", True)]])
def test_an_event_must_be_a_mapping(monitor, event):
    for record in (monitor.record_prediction, monitor.record_trade, monitor.record_drift):
        with pytest.raises(InvalidDataError, match="an event must be a mapping, not"):
            record("har", "1", event)
    assert_nothing(monitor)


def test_events_come_in_both_spellings(monitor):
    """The events of the JavaScript form, and the same in Python's."""
    monitor.recordPrediction("har", "1", {"correct": True, "confidence": 0.82, "latencyMs": 5.3})
    monitor.record_prediction("har", "1", MappingProxyType({"correct": False, "latency_ms": 5.3}))
    monitor.recordPrediction(
        "har", "1", {"prediction": 1, "predictionId": 7, "error": None, "features": {"a": 1}}
    )
    monitor.recordActual("har", 7, 1)
    monitor.recordTrade("har", "1", {"outcome": "win", "pnl": 250, "confidence": 0.82, "tradeId": "t"})
    monitor.recordTrade("har", "1", {"outcome": "win", "pnl": 250, "trade_id": "t"})
    drift = {"featureDrift": 0.15, "predictionDrift": 0.08, "performance_drift": 0.05}
    monitor.recordDrift("har", "1", drift)
    found = monitor.getLatestMetrics("har")
    assert (3, 3, 2) == (found.predictions_total, found.predictions_known, found.predictions_correct)
    assert (5.3, 0.82) == (pytest.approx(found.avg_latency_ms), found.avg_confidence)
    assert (1, 250.0) == (found.trades_total, found.total_pnl)
    assert (0.15, 0.08, 0.05) == (
        found.feature_drift_score,
        found.prediction_drift_score,
        found.performance_drift_score,
    )
    assert [1.0] == monitor.getFeatures("har", "1")["a"].tolist()


def test_a_field_is_given_once(monitor):
    """Not in both spellings, nor in the event and by name; None is not given."""
    for event, fields in [
        ({"latencyMs": 5, "latency_ms": 5}, {}),
        ({"latencyMs": 5}, {"latency_ms": 6.0}),
        ({"correct": True}, {"correct": True}),
        ({"error": True}, {"error": True}),
    ]:
        with pytest.raises(InvalidDataError, match="was given twice; nothing was recorded"):
            monitor.record_prediction("har", "1", event, **fields)
    with pytest.raises(InvalidDataError, match="pnl was given twice"):
        monitor.record_trade("har", "1", {"pnl": 1.0}, pnl=1.0)
    with pytest.raises(InvalidDataError, match="feature_drift was given twice"):
        monitor.record_drift("har", "1", {"featureDrift": 0.1}, feature_drift=0.1)
    with pytest.raises(InvalidDataError, match="error must be True or False, not ''"):
        monitor.record_prediction("har", "1", {"correct": True}, error="")
    assert_nothing(monitor)
    monitor.record_prediction("har", "1", {"correct": True, "latencyMs": None}, latency_ms=6.0)
    assert 6.0 == metrics(monitor).avg_latency_ms


def test_numbers_come_in_all_their_types(monitor):
    """Numpy scalars, fractions and decimals are numbers, and so are subclasses."""
    for number in (
        np.float32(0.5),
        np.float64(0.5),
        np.float16(0.5),
        Fraction(1, 2),
        Decimal("0.5"),
        Odd(0.5),
    ):
        monitor.record_prediction(
            "har", "1", confidence=number, latency_ms=number, prediction=number, actual=number
        )
        monitor.record_trade("har", "1", pnl=number, confidence=number)
        monitor.record_drift("har", "1", feature_drift=number)
    for number in (1, np.int8(1), np.uint64(1)):
        monitor.record_prediction("har", "1", confidence=number, latency_ms=number)
        monitor.record_trade("har", "1", pnl=number)
    monitor.record_prediction("har", "1", correct=np.True_, error=np.True_)
    found = metrics(monitor)
    assert (10, 9, 6.0, 0.5) == (
        found.predictions_total,
        found.trades_total,
        found.total_pnl,
        found.feature_drift_score,
    )
    assert (1.0, 0.0) == (found.accuracy, found.mae)
    assert (6 / 9, 6 / 9, 0.1) == (found.avg_confidence, found.avg_latency_ms, found.error_rate)


def test_nothing_but_zero_is_fine(monitor):
    """Zero latency, confidence, P&L, prediction and actual; the least number above zero; minus zero."""
    monitor.record_prediction("har", "1", confidence=0.0, latency_ms=0.0, prediction=0.0, actual=0.0)
    monitor.record_prediction("har", "1", confidence=5e-324, latency_ms=-0.0, prediction=1.0, actual=5e-324)
    monitor.record_trade("har", "1", pnl=0)
    monitor.record_drift("har", "1", feature_drift=0)
    found = metrics(monitor)
    assert (0.0, 0.0, 0.0) == (found.avg_latency_ms, found.p50_latency_ms, found.p99_latency_ms)
    assert (0.5, 0.0, 0.0) == (found.mae, found.total_pnl, found.win_rate)
    assert math.isnan(found.mape)  # nothing to be relative to
    assert 0.0 == found.feature_drift_score


def test_the_largest_amounts_are_summed_without_overflow(monitor):
    for sign in (1, -1):
        monitor.record_prediction("har", "1", latency_ms=1e100, prediction=sign * 1e100, actual=-sign * 1e100)
        monitor.record_trade("har", "1", pnl=sign * 1e100)
    found = metrics(monitor)
    assert (2e100, 2e100, 2.0) == (found.mae, found.rmse, found.mape)
    assert (1e100, 0.0, 1e100) == (found.avg_latency_ms, found.total_pnl, found.max_drawdown_amount)
    monitor.flush()
    assert monitor.compact("har")
    assert found.to_dict() == metrics(monitor).to_dict()


def test_enums_are_what_they_stand_for(monitor):
    """Also where their str() says something else."""
    monitor.record_prediction("har", "1", prediction=Side.BUY, actual="BUY", prediction_id=Side.BUY)
    monitor.record_prediction(Side.BUY, Side.BUY, prediction=Level.HIGH, prediction_id=Level.HIGH)
    monitor.record_actual("har", "BUY", Side.BUY)
    monitor.record_actual("BUY", "7", 7)
    monitor.record_trade("har", "1", outcome=Outcome.WIN, side=Side.BUY, symbol=Side.BUY)
    assert (1.0, 1.0) == (metrics(monitor).accuracy, metrics(monitor).win_rate)
    assert 1.0 == monitor.get_latest_metrics("BUY", "BUY").accuracy


def test_ids_are_texts_integers_or_uuids(monitor):
    """An integer is the same as its digits; every id below is another one."""
    identity = uuid.UUID(int=5)
    for given, joined in [
        ("a", "a"),
        (7, "7"),
        (np.int64(8), 8),
        (identity, str(identity)),
        (-1, "-1"),
        (0, "0"),
    ]:
        monitor.record_prediction("har", "1", prediction=1, prediction_id=given)
        monitor.record_actual("har", joined, 1)
    assert 6 == metrics(monitor).predictions_known
    assert 6 == metrics(monitor).predictions_correct


def test_classes_are_equal_or_not_and_numbers_are_near(store, clock):
    """Without a tolerance numbers are not judged; integers from 2**53 on are numbers, not classes."""
    pairs = [(1, 1), (True, True), ("up", "up"), (1, 0), ("up", "down"), (1.0, 1.0), (1.0, 1.05), (1.0, 1.2)]
    pairs += [(2**53, 2**53 + 1), (2**53 - 1, 2**53 - 2)]
    for tolerance, known, correct in [(None, 6, 3), (0.1, 10, 6)]:
        with PerformanceMonitor(MemoryStore(), accuracy_tolerance=tolerance, clock=clock) as monitor:
            for prediction, actual in pairs:
                monitor.record_prediction("har", "1", prediction=prediction, actual=actual)
            found = metrics(monitor)
            assert (10, known, correct) == (
                found.predictions_total,
                found.predictions_known,
                found.predictions_correct,
            )


def test_the_past_is_recorded_where_it_belongs(monitor):
    """In windows and steps of the history; five minutes ahead are a clock that differs."""
    for ago in (
        dt.timedelta(days=400),
        dt.timedelta(days=2),
        dt.timedelta(hours=1),
        -dt.timedelta(minutes=5),
    ):
        monitor.record_prediction("har", "1", correct=True, timestamp=NOW - ago)
        monitor.record_trade("har", "1", pnl=1.0, timestamp=NOW - ago)
        monitor.record_drift("har", "1", feature_drift=ago.days + 2, timestamp=NOW - ago)
    windows = {None: 4, "500d": 4, "3d": 3, "24h": 2, "1m": 1}
    assert windows == {window: metrics(monitor, window=window).predictions_total for window in windows}
    assert windows == {window: metrics(monitor, window=window).trades_total for window in windows}
    assert 1.0 == metrics(monitor).feature_drift_score
    history = monitor.get_metrics_history("har", step="1d")
    assert [1.0, 1.0, 2.0] == history["predictions_total"][history["predictions_total"] > 0].tolist()
    assert 4.0 == history.equity[-1]


def test_a_time_is_one_moment_in_every_zone(monitor):
    zone = dt.timezone(dt.timedelta(hours=14))
    monitor.record_prediction("har", "1", correct=True, timestamp=NOW.astimezone(zone))
    monitor.record_prediction("har", "1", correct=True, timestamp=NOW - dt.timedelta(hours=1, microseconds=1))
    assert 1 == metrics(monitor, window="1h").predictions_total


def test_times_before_1970_are_times(monitor):
    """Also that of an outcome that was known before 1970, or at its first moment."""
    for year in (1800, 1929, 1970):
        moment = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
        monitor.record_prediction("har", "1", prediction=1, prediction_id=year, timestamp=moment)
        monitor.record_actual("har", year, 1, timestamp=moment)
    assert 3 == metrics(monitor).predictions_correct
    assert 3.0 == monitor.get_metrics_history("har", step="3650d")["predictions_total"].sum()


def test_the_clock_may_step_back(monitor, clock):
    for step in (0, -3600, 1800, -7200):
        clock.advance(seconds=step)
        monitor.record_prediction("har", "1", correct=True, prediction_id=step)
        monitor.record_trade("har", "1", pnl=1.0)
    clock.advance(seconds=9000)  # where it began
    monitor.flush()
    for _ in range(2):
        for window, count in {"29m": 1, "31m": 2, "2h": 3, None: 4}.items():
            found = metrics(monitor, window=window)
            assert (count, count) == (found.predictions_total, found.trades_total)
        monitor.compact("har")


def test_a_clock_without_a_zone_or_outside_of_time_is_refused(store):
    for moment in (dt.datetime(2026, 1, 1), dt.datetime(9999, 1, 1, tzinfo=dt.UTC)):  # noqa: DTZ001 - the point
        with PerformanceMonitor(store, clock=lambda moment=moment: moment) as monitor:
            with pytest.raises(InvalidDataError):
                monitor.record_prediction("har", "1", correct=True)
            with pytest.raises(InvalidDataError):
                monitor.record_trade("har", "1", pnl=1.0)
            with pytest.raises(InvalidDataError):
                monitor.record_predictions("har", "1", correct=[True])
    with PerformanceMonitor(store) as monitor:
        assert_nothing(monitor)


def test_after_close_nothing_is_recorded_and_all_is_read(store, clock):
    monitor = PerformanceMonitor(store, clock=clock)
    monitor.record_prediction("har", "1", correct=True, features={"a": 1.0})
    monitor.close()
    monitor.close()
    calls = [
        lambda: monitor.record_prediction("har", "1", correct=True),
        lambda: monitor.record_prediction("har", "1", features={"a": 1.0}),
        lambda: monitor.record_prediction("har", "2", correct=True),
        lambda: monitor.record_predictions("har", "1", correct=[True]),
        lambda: monitor.record_actual("har", "7", 1),
        lambda: monitor.record_trade("har", "1", pnl=1.0),
        lambda: monitor.record_drift("har", "1", feature_drift=0.1),
    ]
    for call in calls:
        with pytest.raises(ClosedError, match="it was closed; make a new instance to go on"):
            call()
    assert (1, 1) == (metrics(monitor).predictions_total, len(monitor.get_features("har", "1")["time"]))
    with PerformanceMonitor(store, clock=clock) as again:
        assert 1 == metrics(again).predictions_total


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_two_monitors_on_one_store_see_each_other(kind, tmp_path, clock):
    """At once, without a flush."""
    store = MemoryStore() if kind == "memory" else LocalStore(tmp_path)
    with PerformanceMonitor(store, clock=clock) as one, PerformanceMonitor(store, clock=clock) as other:
        one.record_prediction("har", "1", prediction=1, prediction_id="7")
        other.record_actual("har", "7", 1)
        one.record_trade("har", "1", pnl=1.0, trade_id="t")
        other.record_trade("har", "1", pnl=1.0, trade_id="t")
        other.record_drift("har", "1", feature_drift=0.5)
        assert metrics(one).to_dict() == metrics(other).to_dict()
        assert (1, 1, 0.5) == (
            metrics(one).predictions_correct,
            metrics(one).trades_total,
            metrics(one).feature_drift_score,
        )


@pytest.mark.slow
def test_threads_lose_and_double_nothing(tmp_path):
    with PerformanceMonitor(tmp_path) as monitor:

        def work(thread):
            for number in range(2000):
                identity = thread * 10_000 + number
                monitor.record_prediction("har", "1", prediction=1, prediction_id=identity, latency_ms=1.0)
                monitor.record_trade("har", "1", pnl=1.0, trade_id=identity, symbol=f"S{number % 50}")

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(work, range(8)))
        found = metrics(monitor)
        assert (16_000, 16_000, 16_000.0) == (found.predictions_total, found.trades_total, found.total_pnl)


def fork_while_recording(folder):
    """Fork while a thread of the parent records; return how much it recorded, and how the children ended."""
    warnings.simplefilter("ignore", DeprecationWarning)  # that threads run is the point
    with PerformanceMonitor(folder) as monitor:
        stop = threading.Event()
        counted = [0]

        def record():
            while not stop.is_set():
                monitor.record_prediction("har", "1", correct=True, features={"a": 1.0})
                counted[0] += 1

        thread = threading.Thread(target=record)
        thread.start()
        children = []
        for _ in range(3):
            child = os.fork()
            if not child:
                signal.alarm(60)  # a deadlock ends, too
                for number in range(500):
                    monitor.record_prediction(
                        "har", "1", correct=True, features={"a": 1.0, f"b{number % 3}": 2.0}
                    )
                    monitor.record_trade("har", "1", pnl=1.0)
                os._exit(0)
            children.append(child)
        statuses = [os.waitpid(child, 0)[1] for child in children]
        stop.set()
        thread.join()
    return counted[0], statuses


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_in_the_middle_of_recording(tmp_path, unmeasured):
    """Parent and children go on with the same monitor while a thread of the parent records."""
    counted, statuses = unmeasured(__file__, "fork_while_recording", tmp_path)
    monitor = PerformanceMonitor(tmp_path)
    assert [0, 0, 0] == statuses
    found = metrics(monitor)
    assert (counted + 1500, 1500) == (found.predictions_total, found.trades_total)
    assert counted + 1500 == len(monitor.get_features("har", "1")["a"])


def test_without_room_nothing_was_recorded(tmp_path, monkeypatch):
    """Neither the prediction nor its features, of which the segment had room."""
    with PerformanceMonitor(tmp_path) as monitor:
        monitor.record_prediction("har", "1", correct=True, features={"a": 1.0})
        segment = monitor._predictions["har", "1"].segment
        rest = len(list(segment.offsets))  # nobody gets one any more
        assert rest
        monkeypatch.setattr("mlprod.storage.journal._appender.map_file", fail)
        with pytest.raises(StoreError, match="nothing was recorded"):
            monitor.record_prediction("har", "1", correct=True, features={"a": 2.0})
        monkeypatch.undo()
        assert (1, [1.0]) == (
            metrics(monitor).predictions_total,
            monitor.get_features("har", "1")["a"].tolist(),
        )


def fail(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("field", "value"),
    bad(
        initial_capital=[0, -1, NAN, INF, True, "1000", [1], 10**400],
        high_confidence=[-0.1, 1.1, NAN, True, "0.7"],
        accuracy_tolerance=[-0.1, NAN, INF, True, "5"],
        trades_per_year=[0, -252, NAN, True, "252"],
        thresholds=["accuracy", 5, [5], [{}], [{"type": "x"}]],
        health=[{}, {"accuracy": (0.5, 0.4)}, 5],
        store=[5],
    ),
)
def test_a_monitor_that_makes_no_sense_is_refused(field, value):
    with pytest.raises(
        (InvalidConfigError, StoreError, TypeError) if field == "store" else InvalidConfigError
    ):
        PerformanceMonitor(**{"store": MemoryStore(), field: value})


def test_it_says_where_it_records():
    assert "PerformanceMonitor('memory://')" == repr(PerformanceMonitor(MemoryStore(), clock=FrozenClock()))


def test_every_method_has_its_camel_case_spelling():
    for name in dir(PerformanceMonitor):
        if "_" in name and not name.startswith("_"):
            first, *rest = name.split("_")
            assert getattr(PerformanceMonitor, name) is getattr(
                PerformanceMonitor, first + "".join(map(str.capitalize, rest))
            )
