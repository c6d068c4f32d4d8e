"""Several real processes that record about one model on one folder."""

import os
import signal

import numpy as np
import pytest

from mlprod import PerformanceMonitor

EVENTS = 20_000


def run_all(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert 0 == worker.exitcode


def record_many(folder, process):
    with PerformanceMonitor(folder) as monitor:
        record = monitor.record_prediction
        for number in range(EVENTS):
            record("har", "1", correct=number % 4 > 0, confidence=0.5, latency_ms=float(number % 100))
        for number in range(100):
            monitor.record_trade("har", "1", pnl=1.0, trade_id=f"{process}-{number}", symbol=f"S{process}")
            monitor.record_trade("har", "1", pnl=1.0, trade_id=f"shared-{number}")


def test_8_processes_lose_and_double_nothing(tmp_path, processes):
    """8 x 20,000 predictions and 8 x 200 trades, of which 100 are the same: exact totals at the end."""
    run_all([processes.Process(target=record_many, args=(tmp_path, process)) for process in range(8)])
    monitor = PerformanceMonitor(tmp_path)
    for _ in range(2):
        found = monitor.get_latest_metrics("har")
        assert (8 * EVENTS, 8 * EVENTS * 3 // 4) == (found.predictions_total, found.predictions_correct)
        assert (900, 900.0) == (found.trades_total, found.total_pnl)
        assert pytest.approx(49.5, rel=1e-12) == found.avg_latency_ms
        assert (
            pytest.approx(np.percentile(np.arange(100), 95, method="inverted_cdf"), rel=0.006)
            == found.p95_latency_ms
        )
        assert 8 * EVENTS == monitor.get_metrics_history("har", step="1h")["predictions_total"].sum()
        monitor.compact("har")


def record_outcomes(folder, identities):
    with PerformanceMonitor(folder) as monitor:
        for identity in identities:
            monitor.record_actual("har", identity, 1)


def test_outcomes_from_another_process_are_joined(tmp_path, processes):
    """While the predicting one is still open, and after it has closed."""
    with PerformanceMonitor(tmp_path) as monitor:
        for identity in range(100):
            monitor.record_prediction("har", "1", prediction=identity % 2, prediction_id=str(identity))
        run_all([processes.Process(target=record_outcomes, args=(tmp_path, range(60)))])
        assert 60 == monitor.get_latest_metrics("har").predictions_known
    run_all([processes.Process(target=record_outcomes, args=(tmp_path, range(60, 100)))])
    found = PerformanceMonitor(tmp_path).get_latest_metrics("har")
    assert (100, 100, 50) == (found.predictions_total, found.predictions_known, found.predictions_correct)


def record_until_killed(folder, ready):
    monitor = PerformanceMonitor(folder)
    for number in range(10**9):
        monitor.record_prediction("har", "1", correct=True)
        monitor.record_trade("har", "1", pnl=1.0, trade_id=number)
        if number == 1000:
            ready.set()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_what_was_recorded_outlives_kill_9(tmp_path, processes):
    ready = processes.Event()
    worker = processes.Process(target=record_until_killed, args=(tmp_path, ready))
    worker.start()
    assert ready.wait(60)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    monitor = PerformanceMonitor(tmp_path)
    found = monitor.get_latest_metrics("har")
    assert found.predictions_total >= 1001
    assert found.predictions_total - found.trades_total in {0, 1}
    assert monitor.compact("har")
    again = monitor.get_latest_metrics("har")
    assert (found.predictions_total, found.total_pnl) == (again.predictions_total, again.total_pnl)


def watch(folder, told, recorded):
    with PerformanceMonitor(folder) as monitor:
        alerts = []
        monitor.on_alert(alerts.append)
        recorded.wait()
        for _ in range(3):
            monitor.get_active_alerts()
        told.put([alert.id for alert in alerts])


def test_every_process_is_told_of_an_alert_once(tmp_path, processes):
    told, recorded = processes.Queue(), processes.Barrier(4)
    workers = [processes.Process(target=watch, args=(tmp_path, told, recorded)) for _ in range(3)]
    with PerformanceMonitor(tmp_path) as monitor:
        for worker in workers:
            worker.start()
        monitor.record_drift("har", "1", feature_drift=0.9)
        recorded.wait()
        answers = [told.get(timeout=60) for _ in workers]
        for worker in workers:
            worker.join()
        (alert,) = monitor.get_active_alerts()
    assert [[alert.id]] * 3 == answers
