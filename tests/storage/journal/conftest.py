"""What the tests of the journal share."""

import gc
import shutil
import subprocess

import pytest

from tests.storage.journal.kit import Kit, Remote


@pytest.fixture(scope="session")
def kit():
    return Kit


@pytest.fixture
def spool(tmp_path, monkeypatch):
    """Give the folder in which segments for remote stores are spooled."""
    monkeypatch.setenv("MLPROD_SPOOL", str(tmp_path / "spool"))
    return tmp_path / "spool"


@pytest.fixture
def remote(spool):
    return Remote()


@pytest.fixture
def small_disk(tmp_path):
    """Mount a filesystem of 1 MiB, where the tests may."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs Linux and root")
    yield folder
    gc.collect()
    subprocess.run(["umount", folder], check=True)
