"""`DriftDetector`: references old or new, reports and alarms whole; and a retry succeeds."""

import contextlib
import functools
import logging
import re
from datetime import UTC, datetime

import numpy as np
import pytest

from mlprod.drift import DriftDetector
from mlprod.errors import InvalidDataError, ReferenceNotFoundError, StoreError
from mlprod.monitoring import PerformanceMonitor
from mlprod.storage import MemoryStore
from mlprod.testing import FaultyStore, FrozenClock, SimulatedCrashError
from tests.crashes.driver import Scene, changes, contents, names_in, public_names, try_mutation, try_reader

NOW = datetime(2026, 1, 3, tzinfo=UTC)
DATA = {"x": np.arange(400.0), "side": ["buy", "sell"] * 200}
NEW = {"x": np.arange(300.0) + 7, "side": ["buy", "sell"] * 150}
ROW = {"x": 200.0, "side": "buy"}
ALARMING = {"x": [900.0] * 40, "side": ["buy", "sell"] * 20}
OUTCOMES = {"confidence": [0.25, 0.75] * 30, "correct": [False, True] * 30}


def check_logged(detector):
    """Check; to whom a listing shows nothing, nothing was recorded yet."""
    try:
        detector.check("m")
    except InvalidDataError:
        detector.check("m")


MUTATIONS = {
    "set_reference": (
        lambda detector: detector.set_reference("m", NEW, predictions=NEW["x"], errors=NEW["x"], **OUTCOMES),
    ),
    "set_reference, the first": (lambda detector: detector.set_reference("other", NEW),),
    "check": (lambda detector: detector.check("m", NEW),),
    "check, of what the monitor logged": (check_logged,),
    "comprehensive_drift_check": (
        lambda detector: detector.comprehensive_drift_check(
            model_id="m", data=NEW, recent_predictions=NEW["x"], errors=NEW["x"], **OUTCOMES
        ),
    ),
    "flush": (lambda detector: detector.flush(),),
}
READERS = {
    "get_reference": lambda detector: described(detector, "m"),
    "profile": lambda detector: repr(detector.profile("m", NEW)),
    "check_performance": lambda detector: detector.check_performance("m", NEW["x"]).to_dict(),
    "check_calibration": lambda detector: detector.check_calibration("m", **OUTCOMES).to_dict(),
    "check_concept": lambda detector: detector.check_concept("m", np.sin(np.arange(64.0))).to_dict(),
    "history": lambda detector: [report.to_dict() for report in detector.history("m")],
    "latest_reports": lambda detector: {
        name: report.to_dict() for name, report in detector.latest_reports().items()
    },
    "latest_alarms": lambda detector: {
        name: [alarm.to_dict() for alarm in alarms]
        for name, alarms in detector.latest_alarms(count=3).items()
    },
    "alarms": lambda detector: [alarm.to_dict() for alarm in detector.alarms("m")],
    "should_retrain": lambda detector: [detector.should_retrain(report) for report in detector.history("m")],
    "store": lambda detector: detector.store.url,
}


@functools.cache
def files():
    """Return the files of a store with some history, features that were logged, and a snapshot due soon."""
    store = MemoryStore()
    detector = opened(store)
    for number in range(7):
        name = "m" if number == 6 else f"m{number}"
        detector.set_reference(name, DATA, predictions=DATA["x"], errors=DATA["x"], **OUTCOMES)
    detector.check("m", DATA)
    for _ in range(30):
        detector.observe("m", ROW)
    detector.observe("m", ALARMING)
    detector.flush()
    monitor = PerformanceMonitor(store, clock=FrozenClock(NOW))
    for number in range(20):
        monitor.record_prediction("m", "1", features={"x": float(number), "side": "buy"})
    monitor.flush()
    return contents(store)


def opened(store):
    return DriftDetector(store, clock=FrozenClock(NOW), ordered=False, false_alarm_days=1, rows_per_day=1000)


def described(detector, name):
    """Return a reference without its id, None if there is none."""
    try:
        reference = detector.get_reference(name)
    except ReferenceNotFoundError:
        return None
    return {**reference.to_dict(), "id": "", "sample": reference.sample.rows.tolist()}


def seen(store):
    """Return all that a user can see of a store: references and reports without ids, alarms, rows."""
    detector = opened(store)
    reports = sorted(re.sub(r"reference='\w+'", "", repr(report)) for report in detector.history("m"))
    state = detector._alarms.load(detector._reference("m")[0], "default")
    return (
        [described(detector, name) for name in ("m", "other")],
        reports,
        [alarm.to_dict() for alarm in detector.alarms("m")],
        state.rows,
    )


# A report whose answer was lost is there, though it is said that it could not be written: each check writes
# a report of its own, so that to check again is right, and one report more says nothing that is wrong.
SCENE = Scene(about=DriftDetector, files=files, opened=opened, seen=seen, is_honest=False)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_operation_of_a_mutation(mutation, fault, count):
    count(SCENE, try_mutation(SCENE, MUTATIONS[mutation], fault))


@pytest.mark.parametrize("reader", READERS)
def test_every_operation_of_a_reader(reader, fault, count):
    count(SCENE, try_reader(SCENE, READERS[reader], fault))


def alarmed(detector):
    return detector.observe("m", ALARMING)


def test_every_operation_of_an_alarm(fault, caplog, count):
    """It is returned, or the process has died, or the rows were not looked at; in the end it is stored."""
    caplog.set_level(logging.CRITICAL)
    inner, tried = SCENE.prepared(), 0
    clean = FaultyStore(inner)
    expected = alarmed(opened(clean))
    stored = len(opened(inner).alarms("m"))
    for at in SCENE.operations(clean.log, fault):
        tried += 1
        inner = SCENE.prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        detector, alarm = opened(store), None
        try:
            alarm = alarmed(detector)
        except SimulatedCrashError:
            expected_next = None if len(opened(inner).alarms("m")) == stored else expected.feature
            assert expected_next in {None, alarmed(opened(inner)).feature}, store.log
            continue
        except StoreError:
            alarm = alarmed(detector)  # a retry
        assert expected.feature == alarm.feature, store.log
        detector.flush()
        assert stored == len(opened(inner).alarms("m")), store.log
    count(SCENE, tried)


def rows_observed(detector):
    detector.observe("m", ROW)
    return detector._observers.rows["m"]


def test_every_operation_of_what_is_observed(fault, count):
    """What was observed and not yet written is observed anew by nobody after a crash."""
    clean = FaultyStore(SCENE.prepared())
    detector = opened(clean)
    rows, tried = rows_observed(detector), 0
    detector.flush()
    for at in SCENE.operations(clean.log, fault):
        tried += 1
        inner = SCENE.prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        detector, steps = opened(store), [rows_observed, DriftDetector.flush]
        try:
            while steps:
                with contextlib.suppress(StoreError):
                    steps[0](detector)
                    del steps[0]
        except SimulatedCrashError:
            assert rows_observed(opened(inner)) in {rows, rows + 1}, store.log
        else:
            assert rows + 1 == rows_observed(opened(inner)), store.log
    count(SCENE, tried)


def test_all_of_them_change_something():
    assert ["flush"] == [name for name, steps in MUTATIONS.items() if not changes(SCENE, steps)]


def test_nothing_public_is_left_out():
    assert public_names(DriftDetector) == names_in(MUTATIONS, READERS) | {"observe"}
