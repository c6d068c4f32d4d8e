"""What is asked of the system about files."""

import os

import pytest

from mlprod.storage.journal._disk import Unsynced, identity_of, mapped


def test_a_mapped_file_shows_what_is_written_later(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    contents = mapped(path)
    with path.open("r+b") as file:
        file.write(b"beyond")
    assert b"beyond" == bytes(contents)
    path.unlink()
    assert b"beyond" == bytes(contents)


def test_an_empty_file_can_be_mapped(tmp_path):
    (tmp_path / "file").touch()
    assert b"" == bytes(mapped(tmp_path / "file"))


def test_a_mapping_keeps_no_descriptor_once_it_is_let_go(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    before = len(os.listdir("/proc/self/fd"))
    contents = mapped(tmp_path / "file")
    assert before < len(os.listdir("/proc/self/fd"))
    del contents
    assert before == len(os.listdir("/proc/self/fd"))


def test_identity(tmp_path):
    """Another file under the same name is another file."""
    path = tmp_path / "file"
    assert identity_of(path) is None
    path.touch()
    first = identity_of(path)
    assert first == identity_of(path)
    path.rename(tmp_path / "other")
    path.touch()
    assert first == identity_of(tmp_path / "other") != identity_of(path)
    assert identity_of(path / "below") is None


def test_files_are_synced_once(tmp_path, monkeypatch):
    """Those that are gone are passed over, those that fail are kept; a child forgets who held the lock."""
    synced, failing = [], []
    real = os.fsync

    def sync(descriptor):
        if failing:
            raise OSError(5, "Input/output error")
        synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    unsynced = Unsynced()
    unsynced._lock.acquire()
    unsynced.renew()
    (tmp_path / "a").touch()
    for name in ("a", "gone"):
        unsynced.add(tmp_path / name)
    failing.append(True)
    with pytest.raises(OSError, match="Input/output error"):
        unsynced.sync()
    failing.clear()
    unsynced.sync()
    assert len(synced) in {2, 3}
    unsynced.sync()
    assert len(synced) in {2, 3}
