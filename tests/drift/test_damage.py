"""References that are missing, damaged, of a newer version, or of a writer that died."""

import functools
from datetime import UTC, datetime

import numpy as np
import pytest

from mlprod.drift import DriftDetector
from mlprod.errors import ChecksumError, NewerSchemaError, StoreError
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore, FrozenClock, SimulatedCrashError

NOW = datetime(2026, 1, 3, tzinfo=UTC)
DATA = {"x": np.arange(400.0), "side": ["buy", "sell"] * 200}
NEW = {"x": np.arange(300.0) + 7, "side": ["buy", "sell"] * 150}
ALARMING = {"x": [900.0] * 40, "side": ["buy", "sell"] * 20}


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
