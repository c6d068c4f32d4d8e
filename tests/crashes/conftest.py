"""What the crash suite shares: no waiting, frequent snapshots, and a count of what was tried."""

import pytest

from mlprod._keeper import Keeper
from tests.storage.journal.kit import Remote

pytest.register_assert_rewrite("tests.crashes.driver")


@pytest.fixture(autouse=True)
def short(monkeypatch, no_pauses):
    """Let snapshots be due often, so that a short history has some, and nothing be done behind one's back."""
    monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 4)
    monkeypatch.setattr(Keeper, "start", lambda _: None)  # what its thread does is in the tables


@pytest.fixture
def count(request):
    """Give a way to say how many points were tried; `pytest_terminal_summary` adds them up."""

    def count(scene, points):
        request.node.user_properties.append(("crash points", [scene.about.__name__, points]))

    return count


@pytest.fixture(params=["memory", "spool"])
def backend(request, tmp_path, monkeypatch):
    """Give a way to make the store behind the faults, and whether it outlives a process.

    One is in memory, as its processes are; the other is a bucket, and what is not there yet is in a spool.
    """
    folder = tmp_path / "spool"
    monkeypatch.setenv("MLPROD_SPOOL", str(folder))

    def bucket():
        for segment in folder.rglob("*.seg*"):
            segment.unlink()
        return Remote()

    return {"backend": bucket, "outlives": True} if request.param == "spool" else {"outlives": False}
