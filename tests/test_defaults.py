"""The process-wide defaults: one store, one instance, restored when asked."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mlprod
from mlprod import (
    PerformanceMonitor,
    Trust,
    configure,
    getActiveModel,
    getModelSerializer,
    getPerformanceMonitor,
    loadModel,
    saveModel,
)
from mlprod.errors import InvalidConfigError
from mlprod.models import LatestN
from mlprod.storage import LocalStore, MemoryStore, swap_default_store
from mlprod.testing import FrozenClock


@pytest.fixture
def unconfigured(monkeypatch, tmp_path):
    """Be in an empty folder, as a process that has configured nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPROD_STORE", raising=False)
    with configure():
        yield tmp_path


def test_without_a_word_it_is_a_folder_made_at_the_first_write(unconfigured):
    models = getModelSerializer()
    assert [] == models.list_models()
    assert [] == os.listdir(unconfigured)
    saveModel([1], "a")
    assert [".mlprod"] == os.listdir(unconfigured)
    assert [1] == loadModel("a")


def test_the_environment_names_the_store(unconfigured, monkeypatch):
    monkeypatch.setenv("MLPROD_STORE", str(unconfigured / "elsewhere"))
    assert str(unconfigured / "elsewhere") == getModelSerializer().store.url


def test_a_process_that_changes_its_folder_keeps_its_store(unconfigured, monkeypatch):
    saveModel([1], "a")
    (unconfigured / "other").mkdir()
    monkeypatch.chdir(unconfigured / "other")
    assert [1] == loadModel("a")


def test_configure_names_store_and_settings(unconfigured):
    with configure(store=unconfigured / "store", retention=LatestN(1), trust=Trust(key="0123456789abcdef")):
        saveModel([1], "a")
        assert saveModel([2], "a", activate=True).is_signed
        assert ["a@1.0.1"] == [found.id for found in getModelSerializer().list_models()]
        assert [2] == getActiveModel() == getActiveModel("a")
        assert isinstance(mlprod.ModelSerializer().store, LocalStore)
    assert str(unconfigured / ".mlprod") == getModelSerializer().store.url


def test_the_monitor_is_that_of_the_process(unconfigured):
    """On the default store, made at the first write, with the clock of the configuration."""
    assert isinstance(getPerformanceMonitor(), PerformanceMonitor)
    assert 0 == getPerformanceMonitor().getLatestMetrics("har").predictions_total
    assert [] == os.listdir(unconfigured)
    getPerformanceMonitor().recordPrediction("har", "1.0.0", {"correct": True, "latencyMs": 5.3})
    assert [".mlprod"] == os.listdir(unconfigured)
    assert getPerformanceMonitor() is mlprod.get_performance_monitor()
    with PerformanceMonitor(".mlprod") as other:
        assert 1 == other.get_latest_metrics("har").predictions_total
    getPerformanceMonitor().close()
    clock = FrozenClock()
    with configure(store=MemoryStore(), clock=clock):
        getPerformanceMonitor().record_prediction("har", "1.0.0", correct=True)
        clock.advance(hours=2)
        assert 0 == getPerformanceMonitor().get_latest_metrics("har", window="1h").predictions_total
        assert 1 == getPerformanceMonitor().get_latest_metrics("har").predictions_total
        getPerformanceMonitor().close()


def test_configure_restores_what_was_there(unconfigured):
    del unconfigured
    outer, inner = MemoryStore("outer"), MemoryStore("inner")
    with configure(store=outer):
        before = getModelSerializer()
        with configure(store=inner):
            assert inner is getModelSerializer().store
        assert before is getModelSerializer()
    configure(store=outer)
    assert outer is getModelSerializer().store


def test_options_go_to_the_store(unconfigured):
    del unconfigured
    with pytest.raises(InvalidConfigError, match="takes no storage options"):
        configure(store="memory://x", token="x")
    with pytest.raises(InvalidConfigError, match="without store= nothing takes these options: sotre"):
        configure(sotre="s3://bucket")


def test_all_threads_get_the_same_instance(unconfigured):
    del unconfigured
    with ThreadPoolExecutor(16) as threads:
        found = set(threads.map(lambda _: id(getModelSerializer()), range(200)))
    assert 1 == len(found)


def test_the_default_store_can_be_swapped():
    mine = MemoryStore()
    before = swap_default_store(mine)
    assert mine is swap_default_store(before)


CHECK_IMPORT = """
import sys, threading
opened = []
sys.addaudithook(lambda event, args: event == "open" and "w" in str(args[1]) and opened.append(args[0]))
import mlprod
assert threading.active_count() == 1, threading.enumerate()
assert not opened, opened
heavy = {"scipy", "cattrs", "fsspec", "onnx", "sklearn", "s3fs", "pytest"} & set(sys.modules)
assert not heavy, heavy
from mlprod import ModelSerializer
import numpy as np
models = ModelSerializer(sys.argv[1])
models.save({"w": np.ones(3)}, "a", activate=True)
models.load("a")
assert "scipy" not in sys.modules
"""


def test_importing_is_light_and_touches_nothing(tmp_path):
    """No scipy, no extra, no thread, no file; and a first save and load need no scipy either."""
    subprocess.run([sys.executable, "-c", CHECK_IMPORT, tmp_path], check=True, cwd=tmp_path)


CHECK_MONITOR = """
import sys, threading
from mlprod import PerformanceMonitor, AlertThreshold, getPerformanceMonitor
monitor = PerformanceMonitor(sys.argv[1])
assert threading.active_count() == 1, threading.enumerate()
monitor.get_latest_metrics("har")
monitor.record_prediction("har", "1", correct=True)
monitor.record_trade("har", "1", pnl=1.0)
monitor.get_model_health("har")
monitor.close()
heavy = {"scipy", "onnx", "sklearn", "s3fs", "pandas", "pytest"} & set(sys.modules)
assert not heavy, heavy
"""


def test_a_monitor_is_light_too(tmp_path):
    """It needs no scipy, and no thread before it records."""
    subprocess.run([sys.executable, "-c", CHECK_MONITOR, tmp_path / "store"], check=True, cwd=tmp_path)


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert version("mlprod") == mlprod.__version__
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        mlprod.nosuch  # noqa: B018 - that is the point


@pytest.mark.parametrize("name", ["dashboard", "drift", "stats"])
def test_modules_that_are_imported_late_are_there(name):
    code = f"import mlprod; print(mlprod.{name}.__name__, {name!r} in dir(mlprod))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert f"mlprod.{name} True\n" == found


def test_a_star_brings_all_that_the_readme_imports():
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    imported = re.findall(r"^from mlprod import (.+)$", readme, re.MULTILINE)
    code = f"from mlprod import *; {', '.join(imported)}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_dir_shows_what_users_need():
    shown = set(dir(mlprod))
    assert shown >= {*mlprod.__all__, "dashboard", "errors"}
    assert not shown & {"importlib", "TYPE_CHECKING"}
    assert all(hasattr(mlprod, name) for name in shown)


def test_every_public_name_is_documented():
    """The names of ``__all__`` exist, and the reference shows every public module."""
    reference = Path(__file__).parents[1].joinpath("docs", "reference.md").read_text()
    for module in (mlprod, mlprod.models, mlprod.storage, mlprod.formats, mlprod.errors):
        assert len(module.__all__) == len(set(module.__all__))
        assert all(hasattr(module, name) for name in module.__all__)
        assert module.__name__ in reference
