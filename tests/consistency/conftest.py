"""Stores of every kind, empty or with a history, and ways to look at them."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from mlprod import fsck
from mlprod.storage import LocalStore, MemoryStore
from mlprod.testing import FrozenClock
from tests.consistency.history import Remote, built_in_folder, built_in_memory


@pytest.fixture
def spool(tmp_path, monkeypatch):
    """Give the folder in which segments for remote stores are spooled."""
    monkeypatch.setenv("MLPROD_SPOOL", str(tmp_path / "spool"))
    return tmp_path / "spool"


@pytest.fixture
def clock():
    """Give a clock that starts now, as names of records tell the real time."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture(autouse=True)
def short(monkeypatch, no_pauses):
    """Let snapshots be due often, so that a short history has some."""
    monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 4)


@pytest.fixture(params=["folder", "memory", "remote"])
def store(request, tmp_path, spool):
    """Give an empty store of each kind."""
    kinds = {"folder": lambda: LocalStore(tmp_path / "store"), "memory": MemoryStore, "remote": Remote}
    return kinds[request.param]()


@pytest.fixture
def whole(store, clock, tmp_path):
    """Give a store with everything that the four classes write; the clock goes on from there."""
    if isinstance(store, LocalStore):
        folder, time = built_in_folder()
        shutil.copytree(folder, tmp_path / "store")
    else:
        files, time = built_in_memory(type(store))
        for path, data in files.items():
            store.put(path, data)
    clock.advance(seconds=(time - clock()).total_seconds())
    return store


@pytest.fixture
def later(clock):
    """Give a clock that is days later: whatever was begun is past its grace period."""
    return lambda: clock() + timedelta(days=5)


@pytest.fixture
def check(later):
    """Give a way to look at a store, days later, as pairs of kind and path."""

    def check(store, **options):
        report = fsck(store, clock=later, **options)
        return [(finding.kind, finding.path) for finding in report.findings]

    return check
