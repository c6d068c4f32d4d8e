"""Several real processes that record into one experiment on one folder."""

import os
import signal

import pytest

from mlprod.experiments import ABTestingManager

EVENTS = 5_000


def begin(folder, **config):
    with ABTestingManager(folder) as manager:
        given = {"auto_stop_on_degradation": False, **config}
        manager.create_experiment("x", "", "old@1.0.0", "new@1.0.0", given, id="x", check_models=False)
        manager.start_experiment("x")


def run_all(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert 0 == worker.exitcode


def record_many(folder, process):
    with ABTestingManager(folder) as manager:
        for number in range(EVENTS):
            variant = ("control", "treatment")[number % 2]
            manager.record_trade("x", variant, pnl=1.0 if number % 5 else -1.0, symbol=f"S{process}")
        for number in range(100):
            variant = ("control", "treatment")[number % 2]
            manager.record_trade("x", variant, pnl=100.0, id=f"shared-{number}")
            manager.record_prediction(
                "x", variant, confidence=0.5, prediction=1, prediction_id=f"{process}-{number}"
            )
            manager.record_metric("x", variant, "slippage", float(process))
        for number in range(100):
            manager.record_actual("x", f"{(process + 1) % 4}-{number}", 1)


def test_4_processes_lose_and_double_nothing(tmp_path, processes):
    """4 x 5,000 trades of their own and 100 that all of them record: exact figures, also after compaction."""
    begin(tmp_path)
    run_all([processes.Process(target=record_many, args=(tmp_path, process)) for process in range(4)])
    for _ in range(2):
        manager = ABTestingManager(tmp_path)
        for found in manager.get_metrics("x").values():
            assert (2 * EVENTS + 50, 200) == (found.trades, found.predictions)
            assert (200, 1.0, {"slippage": 1.5}) == (found.matured, found.accuracy, found.custom)
            assert 2 * EVENTS * 4 // 5 + 50 == found.wins
            assert pytest.approx(2 * EVENTS * 0.6 + 5000.0) == found.total_pnl
        manager.compact("x")


def record_until_killed(folder, process, ready, queue):
    manager = ABTestingManager(folder)
    for number in range(10**9):
        variant = ("control", "treatment")[number % 2]
        manager.record_trade("x", variant, pnl=1.0, id=f"{process}-{number}")
        manager.record_trade("x", variant, pnl=1.0, id=f"{process}-{number}")
        if number == 1000:
            queue.put(number)
            ready.wait()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_what_was_recorded_outlives_kill_9_and_counts_once(tmp_path, processes):
    """Two processes are killed while they record, one goes on; what was acknowledged is all there."""
    begin(tmp_path)
    ready, queue = processes.Event(), processes.Queue()
    workers = [
        processes.Process(target=record_until_killed, args=(tmp_path, process, ready, queue))
        for process in range(2)
    ]
    for worker in workers:
        worker.start()
    for _ in workers:
        assert 1000 == queue.get(timeout=60)
    ready.set()
    with ABTestingManager(tmp_path) as manager:
        for number in range(500):
            manager.record_trade("x", "control", pnl=1.0, id=f"mine-{number}")
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
        found = manager.get_metrics("x")
        trades = found["control"].trades + found["treatment"].trades
        assert trades >= 2 * 1001 + 500
        assert trades == sum(one.total_pnl for one in found.values())
        assert 0 <= found["control"].trades - 500 - found["treatment"].trades <= 2
    after = ABTestingManager(tmp_path).get_metrics("x")
    for name in ("control", "treatment"):
        assert found[name].to_dict() == after[name].to_dict()


def lose(folder, variant, pnl):
    with ABTestingManager(folder) as manager:
        for _ in range(150):
            if manager.get_experiment("x").is_over:
                return
            manager.record_trade("x", variant, pnl=pnl)


def test_what_one_process_shows_stops_it_for_all(tmp_path, processes):
    """One process has only seen gains of the control, the other only losses of the treatment."""
    begin(tmp_path, auto_stop_on_degradation=True)
    run_all([processes.Process(target=lose, args=(tmp_path, "control", 1.0))])
    run_all([processes.Process(target=lose, args=(tmp_path, "treatment", -1.0))])
    found = ABTestingManager(tmp_path).get_experiment("x")
    assert ("stopped", "control") == (found.status, found.winner)
    assert found.conclusion.variants["treatment"].trades < 150
