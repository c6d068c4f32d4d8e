"""Processes that write to a folder while it is looked at and repaired, again and again."""

import time

import numpy as np
import pytest

from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor, fsck
from mlprod.storage import LocalStore

ROUNDS = 8
OLD = "20250101T000000.000000Z-0123456789abcdef"


def work(folder, number):
    """Save, promote, delete, record, compact, decide and watch, as a busy process does."""
    models = ModelSerializer(folder)
    detector = DriftDetector(folder)
    manager = ABTestingManager(folder)
    rng = np.random.default_rng(number)
    for turn in range(ROUNDS):
        saved = models.save({"w": np.full(2000, turn), "who": number}, "shared", activate=turn % 3 == 0)
        own = models.save([number, turn], f"own-{number}")
        if turn % 4 == 3:
            models.delete(own)
        with PerformanceMonitor(folder) as monitor:
            for _ in range(50):
                monitor.record_trade("shared", "1", pnl=1.0, symbol=f"s{number}")
            monitor.record_predictions("shared", saved.version, correct=True, confidence=rng.uniform(size=20))
            monitor.record_drift(f"own-{number}", "1", feature_drift=0.5 * (turn % 2))
            monitor.get_active_alerts(f"own-{number}")
        manager.record_trade("x", "control", pnl=1.0)
        detector.set_reference(f"own-{number}", {"x": rng.normal(size=200)})
        detector.check(f"own-{number}", {"x": rng.normal(size=200)})
    manager.close()


@pytest.mark.slow
def test_8_processes_write_while_it_is_repaired(tmp_path, processes):
    """What they have under way is never a finding, and nothing of it is lost."""
    store = LocalStore(tmp_path)
    manager = ABTestingManager(store)
    manager.create_experiment("x", "", "a", "b", id="x", check_models=False)
    manager.start_experiment("x")
    manager.close()
    workers = [processes.Process(target=work, args=(tmp_path, number)) for number in range(8)]
    for worker in workers:
        worker.start()
    looks, repaired = 0, []
    deadline = time.monotonic() + 300
    while any(worker.is_alive() for worker in workers):
        assert time.monotonic() < deadline
        store.put(f"models/payloads/shared/{OLD}.json", b"[]")
        store.put(f"drift/references/own-1/{OLD}.safetensors", b"x")
        report = fsck(store, repair=True, deep=looks % 4 == 3)
        assert {"orphan_payload": 1, "orphan_reference": 1} == report.counts, str(report)
        repaired.append(report.repaired)
        looks += 1
    for worker in workers:
        worker.join()
        assert 0 == worker.exitcode
    assert {2} == set(repaired)
    assert looks > 5
    assert () == fsck(store, deep=True).findings
    models = ModelSerializer(store)
    shared = [models.load(version) for version in models.get_versions("shared")]
    assert 8 * ROUNDS == len({(model["who"], int(model["w"][0])) for model in shared})
    for number in range(8):
        kept = [models.load(version) for version in models.get_versions(f"own-{number}")]
        assert [[number, turn] for turn in range(ROUNDS) if turn % 4 != 3] == kept
        assert ROUNDS == len(DriftDetector(store).history(f"own-{number}"))
    metrics = PerformanceMonitor(store).get_latest_metrics("shared")
    assert (8 * ROUNDS * 50, 8 * ROUNDS * 20) == (metrics.trades_total, metrics.predictions_total)
    assert 8 * ROUNDS == ABTestingManager(store).get_metrics("x")["control"].trades
