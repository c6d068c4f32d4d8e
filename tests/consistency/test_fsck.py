"""The whole of it: writes nothing unless told to, costs what it says, and fails only with the store."""

import os
from pathlib import Path

import pytest

import mlprod
from mlprod import ModelSerializer, configure, fsck
from mlprod.errors import StoreError
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore


class Refusing:
    """A store that nobody may write to."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def put(self, path, _data):
        raise AssertionError(path)

    def create(self, path, _data):
        raise AssertionError(path)

    def delete(self, path):
        raise AssertionError(path)

    def discard_partial(self, *, older_than_seconds):
        raise AssertionError(older_than_seconds)


def entries(folder):
    """Return everything below a folder, with the times of its changes."""
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*")}


@pytest.mark.parametrize("deep", [False, True])
def test_it_writes_nothing(whole, later, deep):
    """Not even where there is everything to mend."""
    newest = whole.list("models/ledger/snapshots")[-1]
    whole.put(newest, b"")
    whole.put("models/payloads/har/20250101T000000.000000Z-0123456789abcdef.json", b"[]")
    before = entries(whole.url)
    report = fsck(Refusing(whole), clock=later, deep=deep)
    assert {"damaged_snapshot": 1, "orphan_payload": 1} == report.counts
    assert before == entries(whole.url)


@pytest.mark.parametrize("repair", [False, True])
def test_a_store_that_is_not_there_is_whole_and_not_made(tmp_path, repair):
    report = fsck(tmp_path / "none", repair=repair, deep=True)
    assert (True, (), 0, 0) == (report.ok, report.findings, report.files, report.bytes_read)
    assert not (tmp_path / "none").exists()


def test_an_empty_folder_stays_empty(tmp_path):
    assert fsck(tmp_path, repair=True).ok
    assert [] == os.listdir(tmp_path)


def test_the_default_store(tmp_path):
    with configure(store=tmp_path / "chosen"):
        ModelSerializer().save([1], "a")
        report = mlprod.fsck()
    assert (str(tmp_path / "chosen"), 2) == (report.store, report.files)


def test_what_it_asks_a_bucket_for(whole, later):
    """What the docstring says, and nothing else: no block is read, nothing is listed twice."""
    watched = FaultyStore(whole)
    fsck(watched, clock=later)
    folders = [line for line in watched.log if line.startswith("list ")]
    assert ["list journal", "list models", "list experiments", "list alerts", "list drift"] == folders
    assert sorted(set(watched.log)) == sorted(watched.log)
    models = ModelSerializer(whole)
    living = models._registry().blobs(living=True)
    assert living == {line[5:] for line in watched.log if line.startswith("size models/")}
    if whole.guarantees().durable:  # and not on this machine, as it looks from here
        read = [line for line in watched.log if "/ledger/" not in line and line.startswith("get ")]
        assert [".seg"] == [line[-4:] for line in read]


def test_what_was_looked_at(whole, later):
    report, deep = fsck(whole, clock=later), fsck(whole, clock=later, deep=True)
    assert (
        sum(len(whole.list(area)) for area in ("models", "alerts", "experiments", "drift", "journal"))
        == report.files
    )
    assert 0 < report.bytes_read < deep.bytes_read
    assert (False, True) == (report.deep, deep.deep)


def test_a_store_that_fails_as_a_whole():
    for at in range(1, 6):
        store = FaultyStore(MemoryStore(), at=at, fault=Fault.ERROR, repeat=1000)
        with pytest.raises(StoreError, match="could not list"):
            fsck(store)


def test_a_store_that_goes_away_meanwhile(whole):
    """Not every file that is left becomes a finding."""
    watched = FaultyStore(whole)
    fsck(watched)
    for at in (7, len(watched.log) // 2, len(watched.log) - 1):
        store = FaultyStore(whole, at=at, fault=Fault.ERROR, repeat=1000)
        with pytest.raises(StoreError, match="could not read anything"):
            fsck(store)
        assert store.operations <= at + 1
