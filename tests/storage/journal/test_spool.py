"""The spool: on this machine's disk first, then in the remote store, and never twice."""

import gc
import os
import secrets
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from mlprod.errors import StoreError
from mlprod.storage import FsspecStore, MemoryStore, RetryPolicy, open_store
from mlprod.storage.journal import Change, Column, Journal, Layout, Table, _arrivals
from mlprod.storage.journal._place import InProcess
from mlprod.storage.journal._spool import spool_for
from mlprod.testing import Fault, FaultyStore


def spooled(spool):
    """Return the names of all files in the spool."""
    return sorted(path.name for path in spool.rglob("*") if path.is_file()) if spool.exists() else []


class TestUploading:
    def test_records_are_on_this_machine_until_they_are_flushed(self, remote, spool, kit):
        journal = Journal(remote)
        kit.record(journal, [1])
        assert ([], 1) == (remote.list("journal"), len(spooled(spool)))
        journal.tend()
        assert [] == remote.list("journal")
        journal.flush()
        assert (1, []) == (len(remote.list("journal")), spooled(spool))
        assert [1] == kit.numbers(journal)

    def test_full_segments_are_uploaded_before(self, remote, spool, kit):
        journal = Journal(remote)
        kit.record(journal, range(3000))
        assert 2 == len(spooled(spool))
        journal.tend()
        assert (1, 1) == (len(remote.list("journal/raw")), len(spooled(spool)))
        assert list(range(3000)) == kit.numbers(journal)

    def test_an_upload_that_fails_is_tried_again(self, remote, spool, kit):
        """The records stay where they are, and are read there."""
        store = FaultyStore(remote, at=1, fault=Fault.ERROR, repeat=2)
        journal = Journal(store)
        kit.record(journal, [1])
        with pytest.raises(StoreError, match=r"could not upload recorded events \(they are kept on this"):
            journal.flush()
        with pytest.raises(StoreError, match="could not list journal/raw/s/a"):
            journal.flush()  # it was sent: did it arrive?
        assert ([1], 2) == (kit.numbers(Journal(remote)), len(spooled(spool)))
        journal.flush()
        assert (1, []) == (len(remote.list("journal")), spooled(spool))
        assert [1] == kit.numbers(journal)

    def test_what_is_written_at_once_goes_to_the_store_at_once(self, remote, spool, kit):
        journal = Journal(remote)
        journal.write("s/a", kit.table([1]))
        assert (1, []) == (len(remote.list("journal/raw")), spooled(spool))

    def test_an_empty_segment_is_not_uploaded(self, remote, spool, kit):
        """One whose writer died before its first word."""
        journal = Journal(remote)
        kit.record(journal, [1])
        (file,) = spool.rglob("*.seg")
        blank = file.with_name("blank.seg")
        blank.write_bytes(bytes(70_000))
        assert [1] == kit.numbers(journal)
        assert 0 == journal.recover()
        assert not blank.exists()


class TestRecovery:
    def test_what_a_dead_process_left_is_read_and_uploaded_by_the_next(self, remote, spool, kit):
        """It is not lost meanwhile; and what a living one writes is left alone."""
        dead, living = Journal(remote), Journal(remote)
        kit.record(dead, range(3000))
        kit.record(living, [3000])
        kit.die(dead)
        assert list(range(3001)) == kit.numbers(Journal(remote))
        assert ["s/a"] == Journal(remote).streams("s")
        assert 2 == Journal(remote).recover()
        assert (2, 1) == (len(remote.list("journal/raw")), len(spooled(spool)))
        assert 0 == Journal(remote).recover()
        assert list(range(3001)) == kit.numbers(living)

    @pytest.mark.parametrize("where", ["as it is", "in a block", "in a merged block", "forgotten"])
    def test_an_upload_whose_answer_was_lost_is_not_counted_twice(self, remote, spool, kit, where, clock):
        """Wherever it has gone since; read or uploaded again, by its own process or, that dead, another."""
        for is_dead in (False, True):
            store = FaultyStore(remote, at=1, fault=Fault.LOST_ANSWER)
            journal, other = Journal(store), Journal(remote, clock=clock)
            kit.record(journal, [1])
            with pytest.raises(StoreError):
                journal.flush()
            assert ["seg", "sent"] == [name.rpartition(".")[2] for name in spooled(spool)]
            if where != "as it is":
                assert kit.compact(other)
            if where in {"in a merged block", "forgotten"}:
                clock.advance(hours=2)
                other.write("s/a", kit.table([9]))
                assert kit.compact(other)
            if where == "forgotten":
                clock.advance(hours=2)
                other.write("s/a", kit.table([9]))
                assert kit.compact(other)
                raw = [
                    path for path in other._ledger.head().state.stream("s/a").covered if path.endswith("seg")
                ]
                assert [] == raw
            expected = kit.numbers(other)
            assert 1 == expected.count(1)
            assert expected == kit.numbers(journal)
            if is_dead:
                kit.die(journal)
                assert 0 == other.recover()
            else:
                journal.flush()
            assert [] == spooled(spool)
            assert expected == kit.numbers(Journal(remote))
            for path in remote.list("journal"):
                remote.delete(path)

    def test_one_that_did_not_arrive_is_uploaded(self, remote, spool, kit):
        """Also if it was sent: nobody has it."""
        journal = Journal(FaultyStore(remote, at=1, fault=Fault.CONFLICT))
        kit.record(journal, [1])
        with pytest.raises(StoreError):
            journal.flush()
        kit.die(journal)
        other = Journal(remote)
        assert [1] == kit.numbers(other)
        assert 1 == other.recover()
        assert ([1], []) == (kit.numbers(Journal(remote)), spooled(spool))

    def test_a_block_remembers_for_a_week_what_went_into_it(self, remote, kit, monkeypatch):
        """Through every merge; then it would only grow."""
        journal = Journal(remote)
        for number in range(3):
            kit.record(journal, [number])
            journal.flush()
            kit.compact(journal)
        (path,) = (path for path in remote.list("journal/blocks") if path.endswith(".col"))
        assert (3, 2) == journal._files.block(path).sources.shape
        monkeypatch.setattr(_arrivals, "REMEMBERED", timedelta(0))
        journal.write("s/a", kit.table([3]))
        kit.compact(journal)
        (path,) = (path for path in remote.list("journal/blocks") if path.endswith(".col"))
        assert (0, 2) == journal._files.block(path).sources.shape

    def test_a_name_that_is_none_of_ours_was_never_sent(self, remote, kit):
        """A segment that somebody put there under another name is compacted like the others."""
        journal = Journal(remote)
        kit.record(journal, [1])
        journal.flush()
        (path,) = remote.list("journal/raw")
        remote.put("journal/raw/s/a/saved.seg", remote.get(path))
        remote.delete(path)
        assert kit.compact(journal)
        assert [1] == kit.numbers(journal)

    def test_other_files_in_the_spool_are_left_alone(self, remote, spool, kit):
        """What is no name in a store, and what another user owns."""
        journal = Journal(remote)
        kit.record(journal, [1])
        (file,) = spool.rglob("*.seg")
        for name in ("copy of it (1).seg", ".hidden.seg", "notes.txt"):
            file.with_name(name).write_bytes(b"x")
        (file.parent / "folder.seg").mkdir()
        assert [1] == kit.numbers(journal)
        assert 0 == journal.recover()
        assert 4 == len(spooled(spool))

    def test_one_that_belongs_to_another_user_is_left_to_them(self, remote, kit, monkeypatch):
        dead = Journal(remote)
        kit.record(dead, [1])
        kit.die(dead)
        real = os.open

        def refuse(path, *args):
            if str(path).endswith(".seg"):
                raise PermissionError(13, "Permission denied")
            return real(path, *args)

        monkeypatch.setattr(os, "open", refuse)
        assert 0 == Journal(remote).recover()

    def test_one_that_the_disk_does_not_give_holds_up_no_others(
        self, remote, spool, kit, monkeypatch, caplog
    ):
        dead = Journal(remote)
        kit.record(dead, [1])
        kit.die(dead)
        (bad,) = spool.rglob("*.seg")
        kit.record(dead := Journal(remote), [2])
        kit.die(dead)
        real = Path.read_bytes

        def read(path):
            if path == bad:
                raise OSError(5, "Input/output error")
            return real(path)

        monkeypatch.setattr(Path, "read_bytes", read)
        assert (1, [bad.name]) == (Journal(remote).recover(), spooled(spool))
        assert "cannot read" in caplog.text

    def test_a_mark_without_its_segment_is_cleared_away(self, remote, spool, kit):
        journal = Journal(remote)
        kit.record(journal, [1])
        (file,) = spool.rglob("*.seg")
        file.with_name("gone.seg.sent").touch()
        journal.recover()
        assert [file.name] == spooled(spool)

    def test_two_that_recover_at_once_upload_once(self, remote, kit, monkeypatch):
        """While one uploads, the other finds it taken."""
        dead = Journal(remote)
        kit.record(dead, [1])
        kit.die(dead)
        counts, puts = [], []
        real = remote.inner.put

        def put(path, data):
            puts.append(path)
            counts.append(Journal(remote).recover())
            real(path, data)

        monkeypatch.setattr(remote.inner, "put", put)
        counts.append(Journal(remote).recover())
        assert ([0, 1], 1) == (counts, len(puts))


class TestDeletedSpool:
    def test_its_records_are_uploaded_at_the_next_tend(self, remote, spool, kit):
        """From memory, where they still are; recording goes on."""
        journal = Journal(remote)
        kit.record(journal, range(3000))
        shutil.rmtree(spool)
        kit.record(journal, [3000])
        assert len(kit.numbers(journal)) >= 2048
        journal.tend()
        assert list(range(3001)) == kit.numbers(Journal(remote))
        kit.record(journal, [3001])
        journal.close()
        assert list(range(3002)) == kit.numbers(Journal(remote))
        assert [] == spooled(spool)

    def test_a_lost_answer_is_remembered_without_it(self, remote, spool, kit):
        """In memory: the marks were deleted, too."""
        journal = Journal(FaultyStore(remote, at=1, fault=Fault.LOST_ANSWER))
        kit.record(journal, [1])
        shutil.rmtree(spool)
        with pytest.raises(StoreError):
            journal.flush()
        other = Journal(remote)
        kit.compact(other)
        assert [1] == kit.numbers(journal) == kit.numbers(other)
        journal.flush()
        assert ([], [1]) == (remote.list("journal/raw"), kit.numbers(other))

    def test_a_child_leaves_the_segments_of_its_parent_to_it(self, remote, kit):
        journal = Journal(remote)
        kit.record(journal, [1])
        journal.appender("s/a", kit.numbered).leave()
        journal._place.renew()
        assert {} == journal._place._segments


class TestWhere:
    def test_the_folder_can_be_chosen(self, monkeypatch, tmp_path):
        """Each store has its own in it, named so that a person recognises it."""
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("MLPROD_SPOOL", raising=False)
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        store = MemoryStore("a bucket/ä")
        name = spool_for(store).name
        assert name.startswith("memory-a-bucket-")
        assert name != spool_for(MemoryStore("a bucket/ö")).name
        assert tmp_path / ".local/state/mlprod/spool" / name == spool_for(store)
        monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
        assert Path("/var/state/mlprod/spool") / name == spool_for(store)
        monkeypatch.setenv("MLPROD_SPOOL", "~/mine")
        assert tmp_path / "mine" / name == spool_for(store)

    def test_a_spool_that_cannot_be_written_is_told(self, remote, spool, kit):
        """And which variable names another."""
        spool.write_bytes(b"in the way")
        with pytest.raises(StoreError, match="MLPROD_SPOOL names another spool"):
            kit.record(Journal(remote), [1])

    def test_a_store_in_memory_needs_none(self, spool, kit):
        journal = Journal(MemoryStore())
        kit.record(journal, [1])
        assert isinstance(journal._place, InProcess)
        assert [] == spooled(spool)


RECORDER = """
import sys
from mlprod.storage import open_store
from mlprod.storage.journal import Column, Journal, Layout
url, endpoint, how = sys.argv[1:]
store = open_store(url, endpoint_url=endpoint, key="test", secret="test")
journal = Journal(store)
appender = journal.appender("s/a", Layout((Column("number", "int"), Column("id", "id", is_indexed=True))))
for number in range(5000):
    appender.append(number, number, number)
print("recorded", flush=True)
if how == "killed":
    sys.stdin.read()
"""


@pytest.mark.usefixtures("spool")
class TestS3:
    """Against a real server."""

    @pytest.fixture
    def url(self, s3_options):
        import s3fs

        bucket = f"bucket-{secrets.token_hex(4)}"
        s3fs.S3FileSystem(**s3_options).mkdir(bucket)
        return f"s3://{bucket}/prefix"

    @pytest.fixture
    def store(self, url, s3_options):
        return open_store(url, **s3_options)

    def test_a_whole_life(self, store, spool, kit):
        """Recorded, flushed, compacted, and read by another journal all the while."""
        journal, reader = Journal(store), Journal(store)
        kit.record(journal, range(10))
        assert list(range(10)) == kit.numbers(reader)
        journal.flush()
        assert (list(range(10)), []) == (kit.numbers(reader), spooled(spool))
        journal.write("s/a", kit.table(range(10, 20)))
        assert kit.compact(reader)
        assert list(range(20)) == kit.numbers(journal)
        assert [] == store.list("journal/raw")
        kit.record(journal, [20])
        journal.close()
        assert list(range(21)) == kit.numbers(reader)

    @pytest.mark.parametrize("how", ["exits", "killed"])
    def test_a_process_that_ends(self, url, s3_options, kit, how):
        """At exit it uploads what it recorded; killed, it leaves that to the next."""
        store = open_store(url, **s3_options)
        arguments = [sys.executable, "-c", RECORDER, url, s3_options["endpoint_url"], how]
        recorder = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert "recorded\n" == recorder.stdout.readline()
        if how == "killed":
            recorder.kill()
        recorder.communicate()
        assert (0 if how == "exits" else -9) == recorder.returncode
        journal = Journal(store)
        assert list(range(5000)) == kit.numbers(journal)
        assert (0 if how == "exits" else 2) == journal.recover()
        assert 2 == len(store.list("journal/raw"))
        assert list(range(5000)) == kit.numbers(Journal(store))

    @pytest.mark.slow
    def test_a_server_that_cannot_be_reached(self, url, s3_options, store, kit):
        """Recording goes on, and flushing says that nothing is lost. Another service is not given it."""
        once = RetryPolicy(attempts=1)
        nowhere = open_store(url, retry=once, **{**s3_options, "endpoint_url": "http://127.0.0.1:9"})
        journal = Journal(nowhere)
        kit.record(journal, [1])
        with pytest.raises(StoreError, match="they are kept on this machine until then"):
            journal.flush()
        kit.record(journal, [2])
        kit.die(journal)
        gc.collect()  # errors refer to each other, and to all that was there
        assert ([], 0) == (kit.numbers(Journal(store)), Journal(store).recover())
        assert spool_for(nowhere) != spool_for(store)
        spool_for(nowhere).rename(spool_for(store))
        assert [1, 2] == kit.numbers(Journal(store))
        assert 2 == Journal(store).recover()
        assert [1, 2] == kit.numbers(Journal(store))

    def test_an_error_that_is_remembered_holds_nothing_back(self, store, kit):
        """Whoever keeps an error keeps the frames it came through: a notebook, a crash reporter, a cycle."""
        journal = Journal(store)
        kit.record(journal, [1])
        segment = journal.appender("s/a", kit.numbered).segment
        with pytest.raises(ValueError, match="OpenSegment") as remembered:
            raise ValueError(segment)
        del segment
        journal.flush()
        assert 1 == len(store.list("journal/raw"))
        assert remembered.traceback

    def test_an_endpoint_is_one_wherever_it_is_given(self, url, s3_options, store):
        endpoint = s3_options["endpoint_url"]
        other = open_store(url, client_kwargs={"endpoint_url": endpoint})
        assert endpoint == store.endpoint == other.endpoint
        assert spool_for(store) == spool_for(other)
        assert open_store(url).endpoint == ""


def test_a_change_of_a_part_that_is_gone_is_not_made(remote, kit):
    """Somebody elsewhere compacted it: its block cannot even be asked for its sources."""
    journal = Journal(remote)
    journal.write("s/a", kit.table([1]))
    kit.compact(journal)
    (part,) = journal.query("s", lambda reading: reading.of("s/a"))
    remote.delete(part.path)
    tables = [Table(kit.numbered, {name: np.array([1]) for name in ("time", "number", "id")})]
    assert not journal.replace([Change(stream="s/a", sources=[part], tables=tables)])


def test_a_child_of_multiprocessing_uploads_at_its_end(tmp_path, spool, processes, kit):
    """Though it runs none of the functions that are registered for the exit, and its journal is no more."""
    store = FsspecStore("file", str(tmp_path / "store"), single_writer=True)
    child = processes.Process(target=record_and_forget, args=(tmp_path / "store", spool))
    child.start()
    child.join()
    assert (0, 1, []) == (child.exitcode, len(store.list("journal/raw")), spooled(spool))
    assert [0, 1] == kit.numbers(Journal(store))


def record_and_forget(folder, spool):
    os.environ["MLPROD_SPOOL"] = str(spool)
    journal = Journal(FsspecStore("file", str(folder), single_writer=True))
    layout = Layout((Column("number", "int"), Column("id", "id")))
    for number in range(2):
        journal.appender("s/a", layout).append(number, number, number)
