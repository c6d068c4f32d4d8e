"""Several real processes on one local folder, and processes that are killed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from mlprod import ModelSerializer
from mlprod.errors import ConflictError, StoreError


def save_often(folder, count):
    models = ModelSerializer(folder)
    for number in range(count):
        models.save([os.getpid(), number], "model")


def promote(folder, version, results):
    try:
        results.put(ModelSerializer(folder).set_active(f"model@{version}", expected="1.0.0").version)
    except ConflictError:
        results.put(None)


def run_all(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert 0 == worker.exitcode


@pytest.mark.slow
def test_8_processes_lose_and_double_no_save(tmp_path, processes):
    """8 x 100 saves of one model: 800 distinct versions, each process' models all there."""
    run_all([processes.Process(target=save_often, args=(tmp_path, 100)) for _ in range(8)])
    models = ModelSerializer(tmp_path)
    versions = models.get_versions("model")
    assert [f"1.0.{number}" for number in range(800)] == [version.version for version in versions]
    loaded = [tuple(models.load(version)) for version in versions]
    assert 800 == len(set(loaded))
    assert {100} == set(Counter(process for process, _ in loaded).values())


def test_of_two_promotions_with_one_expectation_one_wins(tmp_path, processes):
    models = ModelSerializer(tmp_path)
    models.save([0], "model", activate=True)
    for number in range(8):
        models.save([number], "model")
    results = processes.Queue()
    run_all([processes.Process(target=promote, args=(tmp_path, f"1.0.{n}", results)) for n in range(1, 9)])
    winners = [version for version in (results.get() for _ in range(8)) if version]
    assert winners == [models.get_metadata("model").version]


SAVER = """
import sys
import numpy as np
from mlprod import ModelSerializer
models = ModelSerializer(sys.argv[1])
for number in range(1000):
    saved = models.save({"number": number, "weights": np.full(1000, float(number))}, "model", activate=True)
    print(saved.version, flush=True)
"""


@pytest.mark.slow
def test_a_save_that_was_acknowledged_outlives_kill_9(tmp_path):
    """10 writers killed at random moments: every version they had been told of loads, and nothing is torn."""
    chance = random.Random(20260302)  # noqa: S311 - reproducible
    acknowledged = []
    for _ in range(10):
        writer = subprocess.Popen([sys.executable, "-c", SAVER, tmp_path], stdout=subprocess.PIPE, text=True)
        acknowledged.append(writer.stdout.readline().strip())
        time.sleep(chance.uniform(0, 0.05))
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
    models = ModelSerializer(tmp_path)
    found = [metadata.version for metadata in models.get_versions("model")]
    assert set(acknowledged) <= set(found)
    assert len(found) <= len(acknowledged) + 10
    for version in found:
        model = models.load(f"model@{version}")
        assert np.array_equal(np.full(1000, float(model["number"])), model["weights"])
    models.cleanup(grace_hours=0)
    assert models._registry().blobs(living=True) == set(models.store.list("models/payloads"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_goes_on(tmp_path):
    """Parent and child share the store, not their fates."""
    models = ModelSerializer(tmp_path)
    models.save([0], "model")
    child = os.fork()
    if child == 0:
        try:
            models.save([1], "model")
        finally:
            os._exit(0)
    models.save([2], "model")
    os.waitpid(child, 0)
    assert {0, 1, 2} == {models.load(version)[0] for version in models.get_versions("model")}


@pytest.fixture
def read_only_folder(tmp_path):
    """Give a folder in which nothing can be written; for root, who may write anywhere, a read-only disk."""
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        yield tmp_path
        return
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", tmp_path], check=False, capture_output=True
    ).returncode:
        pytest.skip("root in a sandbox may not mount a read-only disk")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_read_only_folder_is_said_to_be_one(read_only_folder):
    with pytest.raises(StoreError, match=r"choose a writable store|fix the permissions"):
        ModelSerializer(read_only_folder).save([1], "a")
    assert [] == ModelSerializer(read_only_folder).list_models()
