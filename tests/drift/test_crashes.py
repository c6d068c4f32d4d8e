"""Whatever goes wrong at whatever operation: the old state or the new, whole; and a retry succeeds."""

import functools
import logging
import re
from datetime import UTC, datetime

import numpy as np
import pytest

from mlprod.drift import DriftDetector
from mlprod.errors import ChecksumError, NewerSchemaError, ReferenceNotFoundError, StoreError
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore, FrozenClock, SimulatedCrashError

NOW = datetime(2026, 1, 3, tzinfo=UTC)
DATA = {"x": np.arange(400.0), "side": ["buy", "sell"] * 200}
NEW = {"x": np.arange(300.0) + 7, "side": ["buy", "sell"] * 150}
ALARMING = {"x": [900.0] * 40, "side": ["buy", "sell"] * 20}

MUTATIONS = {
    "set_reference": lambda detector: detector.set_reference(
        "m", NEW, predictions=NEW["x"], errors=NEW["x"], confidence=[0.5], correct=[True]
    ),
    "first set_reference": lambda detector: detector.set_reference("other", NEW),
    "check": lambda detector: detector.check("m", NEW),
    "comprehensive": lambda detector: detector.comprehensive_drift_check(
        model_id="m", data=NEW, recent_predictions=NEW["x"], errors=NEW["x"]
    ),
}


@pytest.fixture(autouse=True)
def short(monkeypatch, no_pauses):
    """Let snapshots be due often, so that a short history has some."""
    monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 4)


@functools.cache
def files():
    """Return the files of a store with some history, a registered model and a snapshot due soon."""
    store = MemoryStore()
    detector = opened(store)
    for number in range(7):
        detector.set_reference(
            "m" if number == 6 else f"m{number}", DATA, predictions=DATA["x"], errors=DATA["x"]
        )
    detector.check("m", DATA)
    for _ in range(30):
        detector.observe("m", {"x": 200.0, "side": "buy"})
    detector.flush()
    return {path: store.get(path) for path in store.list("drift")}


def prepared():
    """Return a new store with those files."""
    store = MemoryStore()
    for path, data in files().items():
        store.put(path, data)
    return store


def opened(store):
    return DriftDetector(store, clock=FrozenClock(NOW), ordered=False, false_alarm_days=1, rows_per_day=1000)


def seen(store):
    """Return all that a user can see of a store: references without their ids, and reports."""
    detector = opened(store)
    references = []
    for name in ("m", "other"):
        try:
            reference = detector.get_reference(name)
        except ReferenceNotFoundError:
            references.append(None)
        else:
            references.append({**reference.to_dict(), "id": "", "sample": reference.sample.rows.tolist()})
    reports = sorted(re.sub(r"reference='\w+'", "", repr(report)) for report in detector.history("m"))
    return references, reports


def run(mutation, store):
    """Run it in a new "process"; return whether it came back."""
    try:
        MUTATIONS[mutation](opened(store))
    except (SimulatedCrashError, StoreError, ReferenceNotFoundError):  # nothing else may come out
        return False
    return True


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_operation(mutation, fault):
    before = seen(prepared())
    clean = prepared()
    assert run(mutation, clean)
    after = seen(clean)
    assert before != after
    at = 1
    while True:
        inner = prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        succeeded = run(mutation, store)
        if store.operations < at:
            break
        assert seen(inner) in ([after] if succeeded else [before, after]), store.log
        done = seen(inner) == after
        assert run(mutation, inner)
        if not done or "reference" in mutation:  # a report that was written in spite of all is there twice
            assert after == seen(inner), store.log
        at += 1
    assert at > 3


def alarmed(detector):
    return detector.observe("m", ALARMING)


def test_every_operation_of_an_alarm(fault, caplog):
    """It is returned, or the process has died, or the rows were not looked at; in the end it is stored."""
    caplog.set_level(logging.CRITICAL)
    expected = alarmed(opened(prepared()))
    assert expected is not None
    at = 1
    while True:
        inner = prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        detector, alarm, is_dead = opened(store), None, False
        try:
            alarm = alarmed(detector)
        except SimulatedCrashError:
            is_dead = True
        except (StoreError, ReferenceNotFoundError):
            alarm = alarmed(detector)  # a retry
        if store.operations < at:
            break
        if is_dead:
            stored = opened(inner).alarms("m")
            assert stored or expected.feature == alarmed(opened(inner)).feature, store.log
        else:
            assert expected.feature == alarm.feature, store.log
            detector.flush()
            assert 1 == [found.rows for found in opened(inner).alarms("m")].count(alarm.rows), store.log
        at += 1
    assert at > 5


def test_every_operation_of_a_flush(fault):
    at = 1
    while True:
        inner = prepared()
        store = FaultyStore(inner)
        detector = opened(store)
        detector.observe("m", {"x": 200.0, "side": "buy"})
        start = store.operations
        store._faulty, store._fault = range(start + at, start + at + 1), fault
        is_dead = False
        try:
            detector.flush()
        except SimulatedCrashError:
            is_dead = True
        except StoreError:
            detector.flush()
        if store.operations < start + at:
            break
        again = opened(inner)
        again.observe("m", {"x": 200.0, "side": "buy"})
        assert again._observers["m"].rows in ((31, 32) if is_dead else (32,)), store.log
        at += 1
    assert at > 1


def reference_path(store):
    return max(store.list("drift/references/m"))


def test_a_reference_that_is_missing_says_what_to_do():
    store = prepared()
    path = reference_path(store)
    store.delete(path)
    with pytest.raises(StoreError, match=f"the reference {path} in memory:// is missing; set it anew"):
        opened(store).check("m", NEW)
    opened(store).set_reference("m", NEW)
    opened(store).check("m", NEW)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda _: b"",
        lambda raw: bytes([raw[0] ^ 1]) + raw[1:],
    ],
    ids=["shorter", "longer", "empty", "one bit"],
)
def test_a_reference_that_has_changed_is_refused(damage):
    store = prepared()
    path = reference_path(store)
    store.put(path, damage(store.get(path)))
    for call in (
        lambda detector: detector.check("m", NEW),
        lambda detector: detector.get_reference("m"),
        lambda detector: detector.observe("m", ALARMING),
    ):
        with pytest.raises(
            ChecksumError, match=f"{path} in memory:// has changed since it was set; restore it"
        ):
            call(opened(store))
    assert 1 == len(opened(store).history("m")), "as before"
    opened(store).set_reference("m", NEW)
    assert 300 == opened(store).get_reference("m").rows


def test_a_reference_of_a_newer_version_is_refused(monkeypatch):
    store = prepared()
    monkeypatch.setattr("mlprod.drift._encoding._VERSION", 2)
    opened(store).set_reference("m", NEW)
    monkeypatch.undo()
    with pytest.raises(
        NewerSchemaError, match=r"is of version 2; this mlprod reads up to version 1. Upgrade mlprod"
    ):
        opened(store).check("m", NEW)


def test_an_orphan_of_a_crash_changes_nothing():
    """The file was written, and the process died before the decision that it stands."""
    store = prepared()
    before = opened(store).get_reference("m")
    faulty = FaultyStore(store, at=1, fault=Fault.CRASH_AFTER)
    clean = FaultyStore(prepared())
    opened(clean).set_reference("m", NEW)
    put = next(place for place, line in enumerate(clean.log, 1) if line.startswith("put drift/references"))
    faulty._faulty = range(put, put + 1)
    with pytest.raises(SimulatedCrashError):
        opened(faulty).set_reference("m", NEW)
    assert 2 == len(store.list("drift/references/m"))
    assert before.to_dict() == opened(store).get_reference("m").to_dict()
