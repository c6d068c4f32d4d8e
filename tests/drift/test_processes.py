"""Several real processes on one folder."""

import os
import signal

import numpy as np
import pytest

from mlprod.drift import DriftDetector

pytestmark = pytest.mark.slow  # processes take a second to start

CHECKS = 15
REFERENCES = 8


def table(shift=0.0):
    return {"x": np.arange(200.0) + shift, "side": ["buy", "sell"] * 100}


def run_all(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert 0 == worker.exitcode


def check_often(folder, process):
    detector = DriftDetector(folder, ordered=False)
    for number in range(CHECKS):
        if number % 2 == process % 2 and number < 2 * REFERENCES:
            detector.set_reference("m", table(process), errors=np.arange(50.0))
        detector.comprehensive_drift_check(model_id="m", data=table(number), errors=np.arange(50.0) + process)


def test_processes_that_check_and_set_references_lose_nothing(tmp_path, processes):
    """All reports are there, each of a reference that stood, and one reference stands, whole."""
    DriftDetector(tmp_path).set_reference("m", table(), errors=np.arange(50.0))
    run_all([processes.Process(target=check_often, args=(tmp_path, process)) for process in range(2)])
    detector = DriftDetector(tmp_path)
    reports = detector.history("m")
    assert 2 * CHECKS == len(reports)
    assert sorted(report.time for report in reports) == [report.time for report in reports]
    stood = {path.name.rpartition("-")[2].partition(".")[0] for path in tmp_path.rglob("*.safetensors")}
    assert {report.reference for report in reports} <= stood
    assert 1 + CHECKS == len(stood)
    reference = detector.get_reference("m")
    assert (200, {"x", "side"}) == (reference.rows, reference.features.keys())
    assert 1 + CHECKS == len(list((tmp_path / "drift/ledger/commits").iterdir()))


def observe_until_alarm(folder, observer):
    detector = DriftDetector(folder, ordered=False, false_alarm_days=1, rows_per_day=1000, observer=observer)
    rng = np.random.default_rng(len(observer))
    for value in (*rng.uniform(0, 200, 200), *np.full(300, 500.0)):
        if detector.observe("m", {"x": value, "side": ("buy", "sell")[int(value) % 2]}):
            return
    os._exit(3)


def test_observers_in_two_processes_each_raise_an_alarm(tmp_path, processes):
    DriftDetector(tmp_path).set_reference(
        "m", {name: np.tile(column, 10) for name, column in table().items()}
    )
    run_all(
        [processes.Process(target=observe_until_alarm, args=(tmp_path, name)) for name in ("one", "another")]
    )
    alarms = DriftDetector(tmp_path).alarms("m")
    assert 2 == len(alarms)
    assert 2 == len(list((tmp_path / "drift/observers/m/any~").iterdir()))


def check_until_killed(folder, queue):
    detector = DriftDetector(folder, ordered=False)
    for number in range(10**9):
        detector.set_reference("m", table(number))
        detector.check("m", table(number))
        queue.put(number)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_what_was_reported_outlives_kill_9(tmp_path, processes):
    queue = processes.Queue()
    worker = processes.Process(target=check_until_killed, args=(tmp_path, queue))
    worker.start()
    while queue.get(timeout=60) < 5:
        pass
    worker.kill()
    worker.join()
    detector = DriftDetector(tmp_path, ordered=False)
    before = len(detector.history("m"))
    assert before >= 6
    assert 200 == detector.get_reference("m").rows
    detector.check("m", table())
    assert before + 1 == len(detector.history("m"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_observes_on_though_a_thread_held_the_lock(tmp_path, unmeasured):
    DriftDetector(tmp_path, ordered=False).set_reference("m", table())
    assert 2 == unmeasured(__file__, "fork_while_locked", tmp_path)


def fork_while_locked(folder):
    """Return how many rows the child has seen, 1 of them before the fork."""
    detector = DriftDetector(folder, ordered=False)
    detector.observe("m", {"x": 1.0, "side": "buy"})
    detector._observers._watched["m"].observer._lock.acquire()
    child = os.fork()
    if not child:
        signal.alarm(10)
        detector.observe("m", {"x": 1.0, "side": "buy"})
        os._exit(detector._observers.rows["m"])
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
