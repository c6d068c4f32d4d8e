"""Whatever goes wrong at whatever operation of a repair: nothing whole is lost, and another one completes."""

import contextlib
import functools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor, fsck
from mlprod.errors import StoreError
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore, FrozenClock, SimulatedCrashError
from tests.consistency.history import AREAS, Remote

NOW = datetime.now(UTC)
LATER = FrozenClock(NOW + timedelta(days=5))
OLD = "20250101T000000.000000Z-0123456789abcdef"


@functools.cache
def files():
    """Return the files of a store in which something of every kind is left over."""
    store, clock = MemoryStore(), FrozenClock(NOW)
    models = ModelSerializer(store, clock=clock)
    for number in range(4):
        models.save([number], "m", activate=True)
        clock.advance(minutes=1)
    deleted = store.list("models/payloads")[0]
    kept = store.get(deleted)
    models.delete("m@1.0.0")
    with PerformanceMonitor(store, clock=clock) as monitor:
        monitor.record_predictions("m", "1.0.3", correct=True, confidence=np.linspace(0, 1, 50))
        monitor.record_trade("m", "1.0.3", pnl=2.5)
        raw = store.list("journal/raw")[0]
        monitor.compact("m")
    with ABTestingManager(store, clock=clock) as manager:
        manager.create_experiment("x", "", "m", "m@1.0.2", id="x")
        manager.start_experiment("x")
        manager.record_trade("x", "control", pnl=1.0)
    DriftDetector(store, clock=clock).set_reference("m", {"x": np.arange(200.0)})
    snapshot = store.list("models/ledger/snapshots")[-1]
    summary = next(path for path in store.list("journal/blocks/monitoring") if path.endswith(".sum"))
    block = "journal/blocks/monitoring/m/trades/1.0.3/18a0000000000000-0123456789abcdef.col"
    for path, data in {
        deleted: kept,
        raw: b"x",
        snapshot: b"",
        summary: b"{",
        block: b"x",
        f"{block}.sum": b"x",
        block.replace("-01", "-02") + ".sum": b"x",
        f"models/payloads/m/{OLD}.json": b"[]",
        f"drift/references/m/{OLD}.safetensors": b"x",
    }.items():
        store.put(path, data)
    return {path: store.get(path) for area in AREAS for path in store.list(area)}


LEFT_OVER = {
    "covered_file": 1,
    "damaged_snapshot": 1,
    "damaged_summary": 1,
    "deleted_payload": 1,
    "orphan_block": 1,
    "orphan_payload": 1,
    "orphan_reference": 1,
    "orphan_summary": 1,
}


def prepared():
    """Return a new store with those files."""
    store = MemoryStore()
    for path, data in files().items():
        store.put(path, data)
    return store


def seen(store):
    """Return all that the four classes say about what is there."""
    models = ModelSerializer(store)
    monitor = PerformanceMonitor(store, clock=FrozenClock(NOW + timedelta(hours=1)))
    return (
        [(version.to_dict(), models.load(version)) for version in models.list_models()],
        [event.to_dict() for event in models.history("m")],
        monitor.get_latest_metrics("m").to_dict(),
        ABTestingManager(store).get_metrics("x")["control"].to_dict(),
        DriftDetector(store).get_reference("m").to_dict(),
    )


def test_everything_is_repaired_where_nothing_fails():
    store = prepared()
    before = seen(store)
    assert LEFT_OVER == fsck(store, clock=LATER).counts
    report = fsck(store, clock=LATER, repair=True)
    assert (LEFT_OVER, 8, True) == (report.counts, report.repaired, report.ok)
    again = fsck(store, clock=LATER, repair=True)
    assert ((), 0) == (again.findings, again.repaired)
    assert before == seen(store)


@pytest.mark.slow
def test_every_operation(fault):
    before, at = seen(prepared()), 1
    while True:
        inner = prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        with contextlib.suppress(SimulatedCrashError, StoreError):  # nothing else may come out
            fsck(store, clock=LATER, repair=True)
        if store.operations < at:
            break
        fsck(inner, clock=LATER, repair=True)
        assert () == fsck(inner, clock=LATER, repair=True, deep=True).findings, store.log[at - 1]
        assert before == seen(inner), store.log[at - 1]
        at += 1
    assert at > 60


def waiting(clock):
    """Return a remote store for which a process that died left three segments on this machine."""
    store = Remote()
    for number in range(3):
        monitor = PerformanceMonitor(store, clock=clock)
        monitor.record_trade("m", "1", pnl=1.0, trade_id=None)
        monitor.record_trade("m", "1", pnl=float(number))
        monitor._keeper.stop()
        monitor._journal._place._segments.clear()
        monitor._journal._appenders.clear()
    return store


def test_every_operation_of_an_upload(fault, clock, spool):
    """No event is lost, and none is counted twice."""
    at = 1
    while True:
        inner = waiting(clock)
        store = FaultyStore(inner, at=at, fault=fault)
        with contextlib.suppress(SimulatedCrashError, StoreError):
            fsck(store, clock=clock, repair=True)
        fsck(inner, clock=clock, repair=True)
        assert () == fsck(inner, clock=clock).findings
        assert 6 == PerformanceMonitor(inner, clock=clock).get_latest_metrics("m").trades_total
        assert [] == [path for path in spool.rglob("*") if path.is_file()]
        if store.operations < at:
            break
        at += 1
    assert at > 8


def test_what_could_not_be_deleted_is_not_said_to_be_repaired():
    """It was only said in the log; the next repair does it."""
    store = prepared()
    watched = FaultyStore(prepared())
    fsck(watched, clock=LATER, repair=True)
    path = f"models/payloads/m/{OLD}.json"
    at = 1 + watched.log.index(f"delete {path}")
    report = fsck(FaultyStore(store, at=at, fault=Fault.ERROR), clock=LATER, repair=True)
    assert [path] == [finding.path for finding in report.findings if not finding.repaired]
    assert (7, False) == (report.repaired, report.ok)
    assert 1 == fsck(store, clock=LATER, repair=True).repaired
