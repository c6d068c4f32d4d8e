"""Who has a file: told by a lock that ends with its process."""

import os
import subprocess
import sys

import pytest

from mlprod.storage.journal._lock import _held, alone, try_lock


def test_one_at_a_time(tmp_path):
    """Also in one process: the lock belongs to the open file."""
    path = tmp_path / "file"
    with alone(path, flags=os.O_CREAT) as first, alone(path) as second:
        assert first is not None
        assert second is None
    with alone(path) as third:
        assert third is not None


def test_a_process_that_is_killed_has_it_no_more(tmp_path):
    path = tmp_path / "file"
    path.touch()
    script = (
        "import os, sys\n"
        "from mlprod.storage.journal._lock import try_lock\n"
        "print(try_lock(os.open(sys.argv[1], os.O_RDWR)), flush=True)\n"
        "sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert "True\n" == other.stdout.readline()
    with alone(path) as descriptor:
        assert descriptor is None
    other.kill()
    other.communicate()
    with alone(path) as descriptor:
        assert descriptor is not None


@pytest.mark.parametrize("how", ["gone", "a folder too few", "deleted by the other"])
def test_a_file_that_is_gone_is_nobodys(tmp_path, how, monkeypatch):
    path = tmp_path / "file"
    if how == "a folder too few":
        (tmp_path / "folder").touch()
        path = tmp_path / "folder" / "file"
    if how == "deleted by the other":
        path.touch()

        def lock(descriptor):
            path.unlink()
            return try_lock(descriptor)

        monkeypatch.setattr("mlprod.storage.journal._lock.try_lock", lock)
    with alone(path) as descriptor:
        assert descriptor is None


def test_a_child_closes_what_it_inherited(tmp_path):
    """Else it would have the lock as long as it lives, without knowing."""
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    before = set(_held.descriptors)
    _held.descriptors.add(descriptor)
    _held.renew()
    assert set() == before == _held.descriptors
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
