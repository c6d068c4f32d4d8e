"""Compaction changes no figure: not its order, not its moment, not what else is on the disk."""

import datetime as dt
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod import PerformanceMonitor
from mlprod.monitoring._aggregate import Aggregate, Rules
from mlprod.monitoring._streams import PREDICTION
from mlprod.monitoring._summary import Summary, summarize
from mlprod.storage import MemoryStore
from mlprod.storage.journal import Part, Table
from mlprod.testing import FrozenClock

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
SECOND = 10**9


def sealed(store, clock, record, **options):
    """Record with a monitor of its own, which leaves nothing open."""
    monitor = PerformanceMonitor(store, clock=clock, **options)
    record(monitor)
    monitor._keeper.stop()
    monitor._journal.close()


def everything(monitor, **options):
    return monitor.get_latest_metrics("har", **options).to_dict()


@pytest.mark.parametrize("first", [1, 20])
def test_records_of_one_time_keep_their_order(store, clock, first):
    """Of equal times the later record is the later one, also when a large part is merged with a small one."""

    def record(monitor, number, count=1):
        for _ in range(count):
            monitor.record_drift("har", "1", feature_drift=number)
            monitor.record_prediction("har", "1", features={"number": number})
        for pnl in (-10.0 * number, 10.0 * number):
            monitor.record_trade("har", "1", pnl=pnl)
        monitor.record_trade("har", "1", pnl=number, trade_id="same")

    plain = PerformanceMonitor(MemoryStore(), clock=clock, initial_capital=1000)
    with plain, PerformanceMonitor(store, clock=clock, initial_capital=1000) as monitor:
        for number in range(1, 6):
            record(plain, number, first if number == 1 else 1)
            sealed(store, clock, lambda writer, n=number: record(writer, n, first if n == 1 else 1))
            monitor.compact("har")
            assert everything(plain) == everything(monitor)
        assert 5.0 == everything(monitor)["feature_drift_score"]
        assert [1.0] * first + [2.0, 3.0, 4.0, 5.0] == monitor.get_features("har", "1")["number"].tolist()


def test_a_flush_in_between_does_not_change_the_order_either(monitor):
    """What is in memory still is later than what is in the store."""
    for score in (0.1, 0.2, 0.3):
        monitor.record_drift("har", "1", feature_drift=score)
        assert score == monitor.get_latest_metrics("har").feature_drift_score
        monitor.flush()
        assert score == monitor.get_latest_metrics("har").feature_drift_score


def test_a_trade_recorded_twice_is_counted_once_also_after_compaction(store, clock):
    """In two processes, and again when the first record lies in a block; the earliest counts."""
    for number in range(3):
        sealed(
            store, clock, lambda monitor, n=number: monitor.record_trade("har", "1", pnl=1.0 + n, trade_id=7)
        )
        clock.advance(hours=1)
        with PerformanceMonitor(store, clock=clock) as monitor:
            found = everything(monitor)
            assert (1, 1.0) == (found["trades_total"], found["total_pnl"])
            assert 0 == everything(monitor, window="30m")["trades_total"]
            assert monitor.compact("har")
            assert found == everything(monitor)


def test_compaction_twice_does_nothing(store, clock):
    sealed(store, clock, lambda monitor: monitor.record_prediction("har", "1", correct=True))
    monitor = PerformanceMonitor(store, clock=clock)
    assert monitor.compact("har")
    assert not monitor.compact("har")
    assert not monitor.compact("nobody")
    assert 1 == everything(monitor)["predictions_total"]


def test_what_is_still_written_to_is_left_alone(tmp_path, clock):
    with PerformanceMonitor(tmp_path, clock=clock) as monitor:
        monitor.record_prediction("har", "1", correct=True)
        assert not PerformanceMonitor(tmp_path, clock=clock).compact("har")
        monitor.record_prediction("har", "1", correct=True)
        assert 2 == everything(monitor)["predictions_total"]


def test_closing_compacts_and_reopening_reads(tmp_path, clock):
    for number in range(1, 4):
        with PerformanceMonitor(tmp_path, clock=clock) as monitor:
            monitor.record_prediction("har", "1", correct=True)
            assert number == everything(monitor)["predictions_total"]
        assert [] == [path for path in tmp_path.rglob("journal/raw/**/*.seg") if "predictions" in str(path)]


def test_other_rules_than_those_of_the_compaction_judge_the_records(store, clock):
    """Sums that were kept by a monitor with another tolerance are not used."""
    record = {
        "prediction": np.linspace(0.0, 1.0, 11),
        "actual": np.zeros(11),
        "confidence": np.linspace(0, 1, 11),
    }
    sealed(store, clock, lambda monitor: monitor.record_predictions("har", "1", **record))
    PerformanceMonitor(store, clock=clock, accuracy_tolerance=0.05).compact("har")
    for tolerance, correct in ((None, 0), (0.05, 1), (0.55, 6)):
        monitor = PerformanceMonitor(store, clock=clock, accuracy_tolerance=tolerance)
        assert correct == everything(monitor)["predictions_correct"]
    monitor = PerformanceMonitor(store, clock=clock, accuracy_tolerance=0.55, high_confidence=0.5)
    assert 1 / 6 == everything(monitor)["high_confidence_accuracy"]


@pytest.fixture(scope="module")
def three_stretches():
    """Give a store with a compacted block of three stretches, many records sharing one time."""
    store, clock = MemoryStore(), FrozenClock(NOW)
    rng = np.random.default_rng(1)
    seconds = np.sort(rng.integers(0, 20, 150_000))
    columns = {
        "timestamp": np.datetime64("2026-03-02T09:00", "ns") + seconds * np.timedelta64(1, "s"),
        "latency_ms": rng.lognormal(3, 1, 150_000),
        "correct": rng.random(150_000) < 0.7,
    }
    monitor = PerformanceMonitor(store, clock=clock)
    monitor.record_predictions("har", "1", **columns)
    assert monitor.compact("har")
    return monitor, seconds, columns


@pytest.mark.parametrize("ago", [0, 5, 8, 9, 13, 14, 19, 20])
def test_a_window_cuts_stretches_at_the_record(three_stretches, ago):
    """Its first moment belongs to it, wherever a stretch ends among the records of that moment."""
    monitor, seconds, columns = three_stretches
    inside = seconds >= 20 - ago
    found = monitor.get_latest_metrics("har", window=f"{30 * 60 - 20 + ago}s")
    assert (int(inside.sum()), int(columns["correct"][inside].sum())) == (
        found.predictions_total,
        found.predictions_correct,
    )
    if ago:
        assert pytest.approx(columns["latency_ms"][inside].mean(), rel=1e-12) == found.avg_latency_ms


def test_steps_of_a_history_cut_stretches_too(three_stretches):
    monitor, seconds, columns = three_stretches
    history = monitor.get_metrics_history("har", step="1s", since=NOW - dt.timedelta(minutes=30))
    assert np.bincount(seconds).tolist() == history["predictions_total"][:20].tolist()
    assert np.bincount(seconds, columns["correct"]).tolist() == history["predictions_correct"][:20].tolist()
    for step in (8, 9, 10):
        history = monitor.get_metrics_history("har", step=f"{step}s", since=NOW - dt.timedelta(minutes=30))
        expected = np.bincount(seconds // step).tolist()
        assert expected == history["predictions_total"][: len(expected)].tolist()


MALFORMED = [
    None,
    0,
    5,
    "x",
    [],
    {},
    {"whole": None, "stretches": "[]"},
    {"whole": [], "stretches": "[]"},
    {"whole": {}, "stretches": "[]"},
    {"whole": "x", "stretches": "[]"},
    {"stretches": "[]"},
]
CHANGED = [
    {"predictions": 5},
    {"predictions": "10"},
    {"known": None},
    {"known": [1]},
    {"latency": None},
    {"latency": []},
    {"latency": {"count": 1}},
    {"calibration": {"counts": [1]}},
    {"calibration": 5},
    {"confidence_total": "x"},
]
STRETCHES = [
    None,
    5,
    [],
    "",
    "x",
    "{}",
    "[]",
    "[1]",
    "[[1]]",
    "[[0,10,0,0,{}]]",
    "[[0,10,0,0,null]]",
    "[" * 100_000,
    "[[0,1e999,0,0,{}]]",
    '[["x",10,0,0,{}]]',
]


def part_of(table, kept):
    times = table["time"]
    return Part(
        path="p",
        stream="s",
        rows=len(table),
        since=int(times[0]),
        until=int(times[-1]),
        is_block=True,
        load=lambda: table,
        summary=lambda key: kept if key == Rules().key else None,
    )


def ten_predictions():
    return Table(
        PREDICTION,
        {
            "time": np.arange(10) * SECOND,
            "confidence": np.linspace(0, 1, 10),
            "latency_ms": np.ones(10),
            "flags": np.full(10, 3, np.uint8),
        },
    )


@pytest.mark.parametrize("kept", MALFORMED)
def test_a_malformed_summary_is_none(kept):
    assert None is Summary.of(part_of(ten_predictions(), kept), Rules())


@pytest.mark.parametrize("changed", CHANGED)
def test_a_summary_that_contradicts_its_block_is_none(changed):
    (kept,) = summarize(ten_predictions(), Rules()).values()
    assert None is not Summary.of(part_of(ten_predictions(), kept), Rules())
    kept = {**kept, "whole": {**kept["whole"], **changed}}
    assert None is Summary.of(part_of(ten_predictions(), kept), Rules())


@pytest.mark.parametrize("stretches", STRETCHES)
def test_malformed_stretches_are_none(stretches):
    (kept,) = summarize(ten_predictions(), Rules()).values()
    summary = Summary.of(part_of(ten_predictions(), {**kept, "stretches": stretches}), Rules())
    assert [] == summary.stretches()


def test_stretches_with_a_gap_are_none():
    (kept,) = summarize(ten_predictions(), Rules()).values()
    ((first, _, since, until, sums),) = json.loads(kept["stretches"])
    gap = json.dumps([[first, 5, since, until, sums], [6, 10, since, until, sums]])
    assert [] == Summary.of(part_of(ten_predictions(), {**kept, "stretches": gap}), Rules()).stretches()


def test_without_its_summaries_a_store_answers_the_same(tmp_path, clock):
    """They only save reading the records: deleted, or garbage, they change nothing."""
    with PerformanceMonitor(tmp_path, clock=clock) as monitor:
        monitor.record_predictions(
            "har", "1", latency_ms=np.arange(1.0, 1001.0), correct=np.arange(1000) % 3 == 0, confidence=0.8
        )
    monitor = PerformanceMonitor(tmp_path, clock=clock)
    expected = everything(monitor)
    (summary,) = tmp_path.rglob("*.sum")
    for content in (
        b"",
        b"garbage",
        b"{}",
        summary.read_bytes()[:-5],
        summary.read_bytes().replace(b"1000", b"1001"),
    ):
        summary.write_bytes(content)
        assert expected == everything(PerformanceMonitor(tmp_path, clock=clock))
    summary.unlink()
    assert expected == everything(PerformanceMonitor(tmp_path, clock=clock))


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([np.nan, 0.0, 0.3, 0.7, 1.0]),
        st.floats(0, 1e6) | st.just(np.nan),
        st.sampled_from([np.nan, -1.0, 0.0, 1.0, 2.5]),
        st.sampled_from([np.nan, -1.0, 0.0, 1.0, 1e-300, 2.0]),
        st.sampled_from([0, 1, 3, 4, 8, 24]),
    ),
    max_size=30,
)


def aggregate(events, rules):
    columns = np.array(events, np.float64).reshape(-1, 5).T
    names = ("confidence", "latency_ms", "prediction", "actual")
    table = dict(zip(names, columns, strict=False))
    table |= {"time": np.zeros(len(events), np.int64), "flags": columns[4].astype(np.uint8)}
    return Aggregate.of(Table(PREDICTION, table), rules)


def assert_close(expected, actual):
    for name, value in expected.to_state().items():
        if name in {"latency", "calibration"}:
            for key, part in value.items():
                assert pytest.approx(part, rel=1e-12, abs=1e-12) == actual.to_state()[name][key]
        else:
            assert pytest.approx(value, rel=1e-12, abs=1e-12) == actual.to_state()[name]


@given(EVENTS, st.lists(st.integers(0, 30), max_size=4), st.sampled_from([None, 0.5]))
def test_any_split_of_the_events_adds_up_to_the_whole(events, cuts, tolerance):
    """Merging is associative, in any grouping, and the empty aggregate is its identity."""
    rules = Rules(accuracy_tolerance=tolerance)
    ends = sorted({0, len(events), *(min(cut, len(events)) for cut in cuts)})
    pieces = [aggregate(events[start:stop], rules) for start, stop in itertools.pairwise(ends)]
    whole = aggregate(events, rules)
    one_by_one = Aggregate()
    for piece in pieces:
        one_by_one += piece
    assert_close(whole, one_by_one)
    assert_close(whole, Aggregate.merge(reversed(pieces)))
    assert_close(whole, whole + Aggregate())
    assert whole == Aggregate.from_state(json.loads(json.dumps(whole.to_state())))
