"""Everything that the library does, on every kind of server: by several stores, threads and processes."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest

from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor, fsck
from mlprod.errors import AtomicCreateUnsupportedError, ConflictError, StoreError
from mlprod.storage import open_store
from mlprod.testing import FrozenClock

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def spool(monkeypatch, tmp_path):
    monkeypatch.setenv("MLPROD_SPOOL", str(tmp_path))
    return tmp_path


class TestModels:
    def test_the_life_of_a_model(self, backend):
        store = backend.new()
        models = ModelSerializer(store)
        weights = np.arange(100_000.0)
        first = models.save({"weights": weights}, "model", {"accuracy": 0.6}, activate=True)
        second = models.save({"weights": weights * 2}, "model", examples=([1.0], [2.0]), aliases=["best"])
        models.set_active(second, expected=first, reason="better")
        models.rollback("model", reason="worse")
        other = ModelSerializer(backend.at(store.url))
        assert np.array_equal(weights, other.get_active("model")["weights"])
        assert np.array_equal(weights * 2, other.load("model@best")["weights"])
        history = [event.what for event in other.history("model")]
        assert ["saved", "promoted", "saved", "aliased", "promoted", "rolled_back"] == history
        with pytest.raises(ConflictError):
            other.set_active(second, expected=second)
        other.delete("model@best")
        assert ["model@1.0.0"] == [each.id for each in models.list_models()]
        assert 1 == len(store.list("models/payloads"))

    def test_a_watcher_sees_a_promotion(self, backend):
        store = backend.new()
        models = ModelSerializer(store)
        models.save([1], "model", activate=True)
        with ModelSerializer(backend.at(store.url)).watch("model", interval_seconds=1000) as handle:
            models.save([2], "model", activate=True)
            assert handle.refresh()
            assert [2] == handle.model

    def test_a_long_history_is_read_whole(self, backend):
        """Over a snapshot, and decisions that are read at once."""
        store = backend.new()
        models = ModelSerializer(store)
        models.save([1], "model")
        for number in range(100):
            models.tag("model", f"tag-{number}")
        fresh = ModelSerializer(backend.at(store.url))
        assert {f"tag-{number}" for number in range(100)} == set(fresh.get_metadata("model").tags)
        assert 101 == len(fresh.history("model"))


class TestMonitoring:
    def test_what_is_recorded_is_read_elsewhere(self, backend):
        store = backend.new()
        with PerformanceMonitor(store, clock=FrozenClock(NOW)) as monitor:
            for number in range(50):
                monitor.record_prediction("m", "1.0.0", prediction="up", confidence=0.5, prediction_id=number)
                monitor.record_actual("m", number, ("up", "down")[number % 2])
                monitor.record_trade("m", "1.0.0", pnl=1.0, trade_id=f"t-{number}")
        reader = PerformanceMonitor(backend.at(store.url), clock=FrozenClock(NOW))
        metrics = reader.get_latest_metrics("m")
        assert (50, 50, 0.5, 50.0) == (
            metrics.predictions_total,
            metrics.trades_total,
            metrics.accuracy,
            metrics.total_pnl,
        )

    def test_many_writers_are_compacted(self, backend):
        store = backend.new()
        for _ in range(5):
            with PerformanceMonitor(backend.at(store.url), clock=FrozenClock(NOW)) as monitor:
                for _ in range(20):
                    monitor.record_prediction("m", "1.0.0", correct=True)
        monitor = PerformanceMonitor(store, clock=FrozenClock(NOW))
        while monitor.compact("m"):
            pass
        assert [] == [path for path in store.list("journal/raw") if path.endswith(".seg")]
        fresh = PerformanceMonitor(backend.at(store.url), clock=FrozenClock(NOW))
        assert 100 == fresh.get_latest_metrics("m").predictions_total


class TestExperiments:
    def test_the_life_of_an_experiment(self, backend):
        store = backend.new()
        models = ModelSerializer(store)
        for _ in range(2):
            models.save([1], "model")
        with ABTestingManager(store) as manager:
            config = {"min_sample_size": 50, "auto_stop_on_degradation": False}
            one = manager.create_experiment("x", "", "model@1.0.0", "model@1.0.1", config)
            manager.start_experiment(one.id)
            for number in range(200):
                variant = manager.get_variant(one.id, f"unit-{number}")
                won = number % 10 < (3 if variant.is_control else 9)
                manager.record_trade(one.id, variant.id, id=f"t-{number}", pnl=1.0 if won else -1.0)
        elsewhere = ABTestingManager(backend.at(store.url))
        sizes = {name: found.trades for name, found in elsewhere.get_metrics(one.id).items()}
        assert 200 == sum(sizes.values())
        assert "treatment" == elsewhere.end_experiment(one.id).winner
        assert "treatment" == ABTestingManager(backend.at(store.url)).get_variant(one.id, "anyone").id


class TestDrift:
    def test_the_life_of_a_reference(self, backend):
        store = backend.new()
        generator = np.random.default_rng(7)
        detector = DriftDetector(store, ordered=False)
        detector.set_reference("m", {"x": generator.normal(0, 1, 2000)})
        elsewhere = DriftDetector(backend.at(store.url), ordered=False)
        assert not elsewhere.check("m", {"x": generator.normal(0, 1, 500)}).overall.drift_detected
        assert elsewhere.check("m", {"x": generator.normal(1, 1, 500)}).overall.drift_detected
        assert [False, True] == [report.overall.drift_detected for report in detector.history("m")]
        for _ in range(100):
            elsewhere.observe("m", {"x": 4.0})
        elsewhere.flush()
        assert 1 <= len(DriftDetector(backend.at(store.url)).alarms("m"))


def test_a_store_is_checked_and_mended(backend):
    """What a crash left behind is found and removed, and nothing else."""
    store = backend.new()
    models = ModelSerializer(store)
    models.save([1], "model", activate=True)
    DriftDetector(store).set_reference("model", {"x": np.arange(300.0)})
    with PerformanceMonitor(store) as monitor:
        monitor.record_prediction("model", "1.0.0", correct=True)
    assert () == fsck(store, deep=True).findings
    store.put("models/payloads/model/20250101T000000.000000Z-0123456789abcdef.json", b"[1]")
    assert {"orphan_payload": 1} == fsck(store).counts
    assert fsck(store, repair=True).ok
    assert () == fsck(backend.at(store.url), deep=True).findings
    assert [1] == models.get_active("model")


def test_a_bucket_that_is_missing_is_no_healthy_store(object_store):
    with pytest.raises(StoreError, match="there is no bucket or container"):
        fsck(object_store.at(object_store.make().replace("-", "-no-", 1)))


def test_a_backend_that_cannot_decide_says_so(sftp):
    """SFTP reads and replaces; a decision needs the word of the caller."""
    url = sftp.make()
    careful = open_store(url, **sftp.options())
    assert not careful.guarantees().multi_writer
    with pytest.raises(AtomicCreateUnsupportedError, match="single_writer=True"):
        ModelSerializer(careful).save([1], "model")
    ModelSerializer(sftp.at(url)).save([1], "model")
    assert [1] == ModelSerializer(careful).load("model")


def test_what_a_crash_left_on_sftp_is_discarded(sftp):
    store = sftp.new()
    store.put("folder/file", b"whole")
    with store._connected() as filesystem:
        filesystem.pipe_file(store._at("folder/file")[:-4] + ".partial-0123456789abcdef", b"half")
    assert 0 == store.discard_partial(older_than_seconds=3600)
    assert 1 == store.discard_partial(older_than_seconds=-60)  # its clock counts seconds
    assert ["folder/file"] == store.list("folder")


def test_many_connections_make_the_same_folders(sftp):
    """SFTP tells that a folder was made meanwhile in words of each server's own."""
    url = sftp.make()
    stores = [sftp.at(url) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: stores[number].put(f"a/b/c/d/e/{number}", b"x"), range(8)))
    assert 8 == len(stores[0].list("a"))


def test_a_lost_connection_is_made_anew(sftp):
    """An SFTP session that ended is no reason to fail."""
    store = sftp.new()
    store.put("folder/file", b"content")
    with store._connected() as filesystem:
        filesystem.ftp.sock.get_transport().close()
    assert b"content" == store.get("folder/file")


def save_often(url, options, number, count):
    models = ModelSerializer(open_store(url, **options))
    return [models.save([number, each], "model").version for each in range(count)]


class TestConcurrency:
    """Who decides between writers is the service. Moto cannot be asked two things at once; the others can."""

    def test_8_processes_lose_and_double_nothing(self, object_store):
        url = object_store.make()
        context = multiprocessing.get_context("spawn")  # a fork would inherit the threads of the clients
        with context.Pool(8) as pool:
            jobs = [(url, object_store.options(), number, 10) for number in range(8)]
            versions = [version for done in pool.starmap(save_often, jobs) for version in done]
        assert 80 == len(set(versions))
        models = ModelSerializer(object_store.at(url))
        loaded = {tuple(models.load(each)) for each in models.get_versions("model")}
        assert {(number, each) for number in range(8) for each in range(10)} == loaded

    def test_of_many_promotions_with_one_expectation_one_wins(self, object_store):
        store = object_store.new()
        models = ModelSerializer(store)
        models.save([0], "model", activate=True)
        for number in range(1, 9):
            models.save([number], "model")

        def promote(number):
            mine = ModelSerializer(object_store.at(store.url))
            try:
                return mine.set_active(f"model@1.0.{number}", expected="1.0.0").version
            except ConflictError:
                return None

        with ThreadPoolExecutor(8) as threads:
            winners = [version for version in threads.map(promote, range(1, 9)) if version]
        assert winners == [models.get_metadata("model").version]
