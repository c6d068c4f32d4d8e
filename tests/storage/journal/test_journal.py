"""What is recorded by anybody is read by everybody, once: before, while and after it is compacted."""

import gc
import logging
import os
import resource
import secrets
import shutil
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mlprod.errors import ClosedError, NewerSchemaError, StoreError
from mlprod.storage import FsspecStore, LocalStore, MemoryStore
from mlprod.storage.journal import (
    Change,
    Column,
    Journal,
    Layout,
    Table,
    _files,
    _place,
    in_time_order,
)
from mlprod.storage.journal._segment import read_segment
from mlprod.storage.journal._state import JOURNAL, BlockRef, Compacted
from mlprod.testing import Fault, FaultyStore


@pytest.fixture(params=["memory", "local", "spool"])
def store(request, tmp_path):
    match request.param:
        case "memory":
            return MemoryStore()
        case "local":
            return LocalStore(tmp_path / "store")
        case "spool":
            return request.getfixturevalue("remote")


@pytest.fixture
def local(tmp_path):
    return LocalStore(tmp_path / "store")


def segments_in(store):
    return [path for path in store.list("journal/raw") if path.endswith(".seg")]


class TestRecordingAndReading:
    def test_an_empty_journal(self, store, kit):
        journal = Journal(store)
        assert ([], []) == (kit.numbers(journal), journal.streams("s"))
        assert [] == store.list("journal")

    def test_two_journals_see_each_others_records_at_once(self, store, kit):
        """In one process, without a flush, on whatever store."""
        ours, theirs = Journal(store), Journal(store)
        for number in range(6):
            kit.record((ours, theirs)[number % 2], [number])
            assert list(range(number + 1)) == kit.numbers(ours) == kit.numbers(theirs)

    def test_many_at_once(self, store, kit):
        """In whatever order they are given; none is fine, too."""
        journal = Journal(store)
        journal.write("s/a", kit.table([3, 1, 2]))
        journal.write("s/a", kit.table([]))
        kit.record(journal, [0])
        assert [0, 1, 2, 3] == kit.numbers(journal)
        assert [1] == kit.numbers(journal, since=1, until=2)
        (part,) = journal.query("s", lambda reading: [part for part in reading.of("s/a") if part.rows == 3])
        assert (1, 3) == (part.since, part.until)

    def test_streams_are_below_a_prefix(self, store, kit):
        """Of names, not of letters."""
        journal = Journal(store)
        for stream in ("s/a", "s/b/c", "sx/a"):
            kit.record(journal, [1], stream)
        journal.write("s/d", kit.table([1]))
        assert ["s/a", "s/b/c", "s/d"] == journal.streams("s")
        assert ["s/b/c"] == journal.streams("s/b") == journal.streams("s/b/c")
        assert {"s/b/c"} == journal.query("s/b", lambda reading: set(reading.parts))
        journal.flush()
        kit.compact(journal)
        assert ["s/a", "s/b/c", "s/d"] == journal.streams("s")

    def test_a_clock_that_steps_back(self, store, kit):
        """Records are read by their times, whatever their order."""
        journal = Journal(store)
        kit.record(journal, [5, 6, 1, 2])
        journal.flush()
        kit.record(journal, [0, 9])
        expected = [0, 1, 2, 5, 6, 9]
        assert expected == kit.numbers(journal)
        journal.close()
        kit.compact(journal)
        assert expected == kit.numbers(journal)

    def test_layouts_of_one_stream_live_side_by_side(self, store, kit):
        """Whoever still holds the appender of the one before goes on."""
        journal = Journal(store)
        narrow = journal.appender("s/a", kit.numbered)
        wide = journal.appender("s/a", kit.named)
        narrow.append(1, 1, 1)
        wide.append(2, 2, "x", None)
        narrow.append(3, 3, 3)
        assert (narrow, wide) == (journal.appender("s/a", kit.numbered), journal.appender("s/a", kit.named))
        assert [1, 2, 3] == kit.numbers(journal)

    def test_threads_get_the_same_appender(self, store, kit):
        journal, found, barrier = Journal(store), [], threading.Barrier(8)

        def ask():
            barrier.wait()
            found.append(journal.appender("s/a", kit.numbered))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 == len(set(found))

    def test_of_two_that_ask_at_once_one_makes_it(self, store, kit):
        """The second waits for the first, and takes what that made."""
        journal = Journal(store)
        made, real = [], journal._lock

        class Late:
            def __enter__(self):
                journal._lock = real
                made.append(journal.appender("s/a", kit.numbered))

            def __exit__(self, *_):
                pass

        journal._lock = Late()
        assert journal.appender("s/a", kit.numbered) is made[0]

    def test_after_closing_nothing_is_recorded(self, store, kit):
        """What was recorded is in the store, and can be read; closing again is fine."""
        journal = Journal(store)
        kit.record(journal, [1])
        appender = journal.appender("s/a", kit.numbered)
        journal.close()
        with pytest.raises(ClosedError, match="nothing was recorded to s/a"):
            appender.append(2, 2, 2)
        with pytest.raises(ClosedError, match="nothing was recorded to s/b"):
            kit.record(journal, [3], "s/b")
        with pytest.raises(ClosedError, match="nothing was recorded to s/a"):
            journal.write("s/a", kit.table([4]))
        journal.close()
        assert [1] == kit.numbers(journal)
        assert 1 == len(segments_in(store))

    def test_who_opens_a_segment_is_told(self, store, kit):
        opened = []
        journal = Journal(store, on_open=lambda: opened.append(1))
        kit.record(journal, range(5))
        assert [1] == opened

    def test_flushing_brings_everything_into_the_store(self, store, kit):
        """Another process would read it there."""
        journal = Journal(store)
        kit.record(journal, range(3000))
        journal.flush()
        journal.flush_outside()
        assert 0 == journal.recover()
        tables = [read_segment(bytes(store.get(path)), path).table for path in segments_in(store)]
        assert list(range(3000)) == sorted(number for table in tables for number in table["number"].tolist())

    def test_a_thread_in_the_middle_of_a_record_is_waited_for_until_the_next_flush(
        self, kit, monkeypatch, caplog
    ):
        """What it is about to write must be in the file that is put into the store."""
        store = MemoryStore()
        journal = Journal(store)
        kit.record(journal, [1])
        segment = journal.appender("s/a", kit.numbered).segment
        offset = next(segment.offsets)
        monkeypatch.setattr(_place, "_SETTLE_SECONDS", 0.01)
        journal.flush()
        assert [] == segments_in(store)
        assert "a thread has not finished its record" in caplog.text
        assert [1] == kit.numbers(journal)
        journal.tend()
        assert [] == segments_in(store)
        kit.numbered.struct.pack_into(segment.buffer, offset, 2, 2, 2, 1)
        journal.tend()
        assert 1 == len(segments_in(store))
        assert [1, 2] == kit.numbers(journal)

    def test_in_memory_nothing_is_lost_with_its_journal(self, kit):
        """One that was never closed, and is gone."""
        store = MemoryStore()
        kit.record(Journal(store), [1])
        gc.collect()
        kit.record(Journal(store), [2])
        assert [1, 2] == kit.numbers(Journal(store))
        Journal(store).flush()
        assert 2 == len(segments_in(store))

    def test_a_store_in_memory_is_not_kept_alive(self, kit):
        store = MemoryStore()
        journal = Journal(store)
        kit.record(journal, [1])
        place = journal._place
        journal.close()
        assert not place._kept
        kit.record(Journal(store), [2])
        del store, journal
        gc.collect()
        place.flush()
        assert place._store() is None

    def test_records_are_read_while_they_are_written(self, local):
        """A reader sees a growing beginning, and never half a record."""
        layout = Layout(tuple(Column(f"c{number}", "int") for number in range(60)))
        appender = Journal(local).appender("s/a", layout)

        def record():
            for number in range(1, 20_001):
                appender.append(number, *[number] * 60)

        thread = threading.Thread(target=record)
        thread.start()
        journal, seen = Journal(local), 0
        while seen < 20_000:
            parts = journal.query("s", lambda reading: reading.of("s/a"))
            table = Table.joined(layout, [part.load() for part in parts]).in_time_order()
            for name in ("time", "c0", "c30", "c59"):
                assert np.array_equal(np.arange(1, len(table) + 1), table[name])
            assert len(table) >= seen
            seen = len(table)
        thread.join()

    def test_a_write_whose_answer_was_lost_was_made(self, kit):
        """It is looked for before it is given up: a retry by the caller would count twice."""
        store = FaultyStore(MemoryStore(), at=1, fault=Fault.LOST_ANSWER)
        journal = Journal(store)
        journal.write("s/a", kit.table([1]))
        assert [1] == kit.numbers(journal)

    def test_a_write_that_was_not_made_may_be_made_again(self, kit):
        """Whether it left something behind or not."""
        store = FaultyStore(MemoryStore(), at=1, fault=Fault.LOST_ANSWER, repeat=2)
        journal = Journal(store)
        with pytest.raises(StoreError, match="could not record events"):
            journal.write("s/a", kit.table([1]))
        journal.write("s/a", kit.table([1]))
        assert [1] == kit.numbers(journal)


class TestDamage:
    def test_a_damaged_file_is_left_out_and_named(self, local, kit, caplog):
        """Once aloud; the others are read."""
        journal = Journal(local)
        for number in range(3):
            journal.write("s/a", kit.table([number]))
            kit.record(Journal(local), [10 + number])
        segment = segments_in(local)[0]
        block = next(path for path in local.list("journal/raw") if path.endswith(".col"))
        local.put(segment, b"mlprseg\n" + local.get(segment)[:50])
        local.put(block, local.get(block)[:-70])
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                reading = journal.query("s", lambda reading: reading)
        assert 4 == sum(part.rows for part in reading.of("s/a"))
        assert sorted([segment, block]) == sorted(reading.damaged)
        assert 2 == caplog.text.count("left out of all figures")
        kit.compact(journal)
        assert {segment, block} <= set(local.list("journal/raw"))

    def test_an_empty_file_is_damaged(self, local, kit):
        """As a loss of power may leave it: a block is; a segment was never begun."""
        journal = Journal(local)
        journal.write("s/a", kit.table([1]))
        (path,) = local.list("journal/raw")
        local.put(path, b"")
        local.put(path.replace(".col", ".seg"), b"")
        reading = journal.query("s", lambda reading: reading)
        assert (1, {}) == (len(reading.damaged), dict(reading.parts))

    def test_a_file_of_another_stream_is_damaged(self, local, kit):
        """Somebody copied it there: its records are not those of that stream."""
        journal = Journal(local)
        kit.record(journal, [1])
        journal.write("s/a", kit.table([2]))
        for path in local.list("journal/raw"):
            local.put(path.replace("s/a", "s/b"), local.get(path))
        reading = journal.query("s", lambda reading: reading)
        assert {"s/a"} == set(reading.parts)
        assert 2 == len(reading.damaged)
        assert all("it holds records of 's/a'" in text for text in reading.damaged.values())

    def test_a_damaged_block_is_an_error(self, local, kit):
        """It was durable: what is missing now must not go unnoticed."""
        journal = Journal(local)
        journal.write("s/a", kit.table(range(100)))
        kit.compact(journal)
        (path,) = local.list("journal/blocks")
        raw = bytearray(local.get(path))
        raw[-1 - 64] ^= 1
        local.put(path, bytes(raw))
        with pytest.raises(StoreError, match="the checksum of its column"):
            kit.numbers(journal)

    def test_torn_records_are_counted(self, local, kit):
        journal = Journal(local)
        kit.record(journal, [1])
        appender = journal.appender("s/a", kit.numbered)
        offset = next(appender.segment.offsets)
        appender.segment.buffer[offset : offset + 8] = b"12345678"
        assert 1 == journal.query("s", lambda reading: reading.torn)
        assert [1] == kit.numbers(journal)

    @pytest.mark.parametrize("kind", ["segment", "block", "ledger"])
    def test_what_a_newer_version_wrote_is_refused(self, local, kit, kind, monkeypatch):
        """Never guessed, and never left out silently."""
        journal = Journal(local)
        match kind:
            case "segment":
                monkeypatch.setattr("mlprod.storage.journal._segment.VERSION", 2)
                kit.record(journal, [1])
            case "block":
                monkeypatch.setattr("mlprod.storage.journal._block.VERSION", 2)
                journal.write("s/a", kit.table([1]))
            case "ledger":
                journal.write("s/a", kit.table([1]))
                kit.compact(journal)
                (path,) = local.list("journal/ledger/commits")
                from mlprod.storage._ledger import COMMIT

                commit = COMMIT.load(local.get(path), path)
                commit.events[0]["version"] = 2
                local.put(path, COMMIT.dump(commit))
        monkeypatch.undo()
        with pytest.raises(NewerSchemaError, match="Upgrade mlprod"):
            kit.numbers(Journal(local))
        journal.close()
        with pytest.raises(NewerSchemaError, match="Upgrade mlprod"):
            kit.compact(Journal(local))

    @pytest.mark.parametrize(
        "path", ["models/payloads/a", "journal/raw/../../secret", "journal/blocks/.hidden", "/etc/passwd", ""]
    )
    def test_a_forged_ledger_names_no_other_files(self, path):
        """What a block is called may be deleted some day."""
        with pytest.raises(ValueError, match="no file of a journal"):
            BlockRef(path=path, rows=1, since=0, until=0)

    def test_a_reader_is_told_what_the_store_says(self, local, kit, monkeypatch):
        """Whatever goes wrong is a StoreError."""
        journal = Journal(local)
        kit.record(journal, [1])

        def broken(*_args):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(_files, "mapped", broken)
        with pytest.raises(StoreError, match=r"could not read the journal of s/a in .*fix the permissions"):
            kit.numbers(journal)


class TestCompaction:
    def test_everything_sealed_becomes_one_block(self, store, kit):
        """What is being written stays, and both are read."""
        for number in range(5):
            journal = Journal(store)
            kit.record(journal, [number])
            journal.write("s/a", kit.table([10 + number]))
            journal.close()
        kit.record(writing := Journal(store), [7])
        journal = Journal(store)
        expected = sorted([*range(5), *range(10, 15), 7])
        assert expected == kit.numbers(journal)
        assert kit.compact(journal)
        assert expected == kit.numbers(journal) == kit.numbers(writing)
        assert 1 == len(store.list("journal/blocks"))
        assert (1 if type(store) is LocalStore else 0) == len(store.list("journal/raw"))
        assert not kit.compact(journal)

    def test_a_segment_is_sealed_when_the_last_thread_lets_it_go(self, local, kit):
        """A thread that was on its way writes its record before."""
        journal = Journal(local)
        kit.record(journal, [1])
        segment = journal.appender("s/a", kit.numbered).segment
        offset = next(segment.offsets)
        list(segment.offsets)
        kit.record(journal, [3])
        assert not kit.compact(journal)
        kit.numbered.struct.pack_into(segment.buffer, offset, 2, 2, 2, 1)
        del segment
        assert kit.compact(journal)
        assert [1, 2, 3] == kit.numbers(journal)
        assert 1 == len(segments_in(local))

    def test_a_large_block_is_adopted_where_it_lies(self, store, kit):
        """And later merged with others; then it is gone, and counted once all the while."""
        journal = Journal(store)
        journal.write("s/a", kit.table(range(10)))
        assert kit.compact(journal, adopt=True, summarize=lambda table: {"rows": len(table)})
        assert ([], 1) == (store.list("journal/blocks"), len(journal._files.listed("journal/raw")))
        (part,) = journal.query("s", lambda reading: reading.of("s/a"))
        assert (True, 10, 10) == (part.is_block, part.rows, part.summary("rows"))
        assert list(range(10)) == kit.numbers(journal)
        journal.write("s/a", kit.table(range(10, 12)))
        assert kit.compact(journal)
        assert list(range(12)) == kit.numbers(Journal(store))
        assert [] == store.list("journal/raw")

    def test_summaries_lie_beside_their_blocks(self, store, kit):
        """A missing or damaged one only means that the records must be read."""
        journal = Journal(store)
        journal.write("s/a", kit.table(range(10)))
        kit.compact(journal, summarize=lambda table: {"sum": int(table["number"].sum())})
        (part,) = journal.query("s", lambda reading: reading.of("s/a"))
        assert (45, None) == (part.summary("sum"), part.summary("other"))
        path = f"{part.path}.sum"
        store.put(path, store.get(path)[:-3])
        assert part.summary("sum") is None
        store.delete(path)
        assert part.summary("sum") is None
        segment = Journal(store)
        kit.record(segment, [99])
        (raw,) = (p for p in segment.query("s", lambda reading: reading.of("s/a")) if not p.is_block)
        assert raw.summary("sum") is None

    def test_a_summary_of_nothing_is_not_written(self, store, kit):
        journal = Journal(store)
        journal.write("s/a", kit.table(range(10)))
        kit.compact(journal, summarize=lambda _: {})
        assert 1 == len(store.list("journal/blocks"))

    def test_of_two_that_compact_the_same_one_wins(self, store, kit):
        """The blocks of the other are deleted, and every record is counted once."""
        ours, theirs = Journal(store), Journal(store)
        ours.write("s/a", kit.table(range(4)))
        reading = ours.query("s", lambda reading: reading)
        change = Change(stream="s/a", sources=reading.of("s/a"), tables=[kit.table(range(4))])
        assert [True, False] == [theirs.replace([change]), ours.replace([change])]
        assert list(range(4)) == kit.numbers(ours)
        assert 1 == len(store.list("journal/blocks"))

    @pytest.mark.parametrize("first", ["sources", "adopted"])
    def test_what_one_adopts_the_other_cannot_merge(self, store, kit, first):
        """Whoever comes first."""
        ours, theirs = Journal(store), Journal(store)
        ours.write("s/a", kit.table(range(4)))
        parts = ours.query("s", lambda reading: reading).of("s/a")
        merged = Change(stream="s/a", sources=parts, tables=[kit.table(range(4))])
        adopted = Change(stream="s/a", adopted=parts)
        changes = [merged, adopted] if first == "sources" else [adopted, merged]
        assert [True, False] == [theirs.replace(changes[:1]), ours.replace(changes[1:])]
        assert list(range(4)) == kit.numbers(ours)

    def test_blocks_are_merged_once(self, store, kit):
        ours, theirs = Journal(store), Journal(store)
        ours.write("s/a", kit.table(range(4)))
        kit.compact(ours)
        parts = ours.query("s", lambda reading: reading).of("s/a")
        merged = Change(stream="s/a", sources=parts, tables=[kit.table(range(4))])
        assert [True, False] == [theirs.replace([merged]), ours.replace([merged])]
        assert list(range(4)) == kit.numbers(ours)

    def test_nothing_to_change_is_nothing_done(self, store):
        assert not Journal(store).replace([])
        assert [] == store.list("journal")

    def test_several_streams_change_together(self, store, kit):
        """In one decision."""
        journal = Journal(store)
        for stream in ("s/a", "s/b"):
            journal.write(
                stream,
                kit.table([1, 2]),
            )
        assert kit.compact(journal)
        assert 1 == len(store.list("journal/ledger/commits"))
        assert [1, 2] == kit.numbers(journal, "s/a") == kit.numbers(journal, "s/b")

    def test_a_reader_that_was_overtaken_reads_again(self, store, kit):
        """Its files were moved into a block before it looked into them."""
        journal, other = Journal(store), Journal(store)
        journal.write("s/a", kit.table(range(4)))
        attempts = []

        def ask(reading):
            attempts.append(1)
            if len(attempts) == 1:
                kit.compact(other)
            return [number for part in reading.of("s/a") for number in part.load()["number"].tolist()]

        assert list(range(4)) == journal.query("s", ask)
        assert 2 == len(attempts)

    @pytest.mark.usefixtures("no_pauses")
    def test_a_reader_among_many_that_compact_has_patience(self, store):
        """Each process that closes compacts, so that files may be gone many times in a row."""
        overtaken = iter(range(10))

        def ask(_reading):
            if next(overtaken, None) is not None:
                raise FileNotFoundError("gone")
            return "read"

        assert "read" == Journal(store).query("s", ask)

    @pytest.mark.usefixtures("no_pauses")
    def test_a_reader_that_is_always_overtaken_gives_up(self, store):
        def ask(_reading):
            raise FileNotFoundError("gone")

        with pytest.raises(StoreError, match="could not read the journal of s"):
            Journal(store).query("s", ask)

    def test_what_is_gone_since_it_was_listed_is_left_out(self, store, kit):
        """Somebody on another machine compacted it, and a listing may be a moment old."""

        class Stale:
            def __getattr__(self, name):
                return getattr(store, name)

            def list(self, folder):
                found = store.list(folder)
                return [f"{folder}/s/a/0.col", *found] if folder == "journal/raw/s" else found

        Journal(store).write("s/a", kit.table(range(4)))
        journal = Journal(Stale())
        with journal.sealed("s") as reading:
            assert [4] == [part.rows for part in reading.of("s/a")]

    def test_a_compaction_that_was_overtaken_is_told(self, store, kit):
        """By somebody on another machine, who deleted what it wants to read."""
        journal = Journal(store)
        journal.write("s/a", kit.table(range(4)))

        def compact():
            with journal.sealed("s") as reading:
                (part,) = reading.of("s/a")
                store.delete(part.path)
                part.load()

        with pytest.raises(StoreError, match="could not compact s"):
            compact()

    def test_on_one_machine_one_compacts_at_a_time(self, local, kit):
        """The others find nothing to do."""
        ours, theirs = Journal(local), Journal(local)
        ours.write("s/a", kit.table(range(4)))
        with ours.sealed("s") as reading:
            assert {"s/a"} == set(reading.parts)
            assert not kit.compact(theirs)
        assert kit.compact(theirs)

    def test_no_more_is_taken_at_once_than_the_limit(self, store, kit):
        for number in range(10):
            journal = Journal(store)
            kit.record(journal, [number])
            journal.close()
        taken = []
        while True:
            with journal.sealed("s", limit_bytes=2) as reading:
                parts = reading.of("s/a")
                raw = [part for part in parts if not part.is_block]
                taken.append(len(raw))
                if not raw:
                    break
                table = Table.joined(kit.numbered, [part.load() for part in parts]).in_time_order()
                assert journal.replace([Change(stream="s/a", sources=parts, tables=[table])])
        assert [*[1] * 10, 0] == taken
        assert list(range(10)) == kit.numbers(journal)

    def test_a_segment_that_was_never_begun_is_deleted(self, local, kit):
        """Its writer died between making the file and its first word."""
        journal = Journal(local)
        kit.record(journal, [1])
        blank = "journal/raw/s/a/0000-0000.seg"
        local.put(blank, bytes(70_000))
        assert [1] == kit.numbers(journal)
        assert not kit.compact(journal)
        assert blank not in local.list("journal/raw")

    def test_a_compaction_that_fails_leaves_no_blocks(self, store, kit):
        """E.g. because the disk is full: each further attempt would fill it more."""
        journal = Journal(store)
        journal.write("s/a", kit.table(range(4)))
        parts = journal.query("s", lambda reading: reading).of("s/a")
        calls = []

        def fail(_table):
            calls.append(1)
            if len(calls) == 2:
                raise StoreError("the disk is full")
            return {"x": 1}

        tables = [kit.table([0, 1]), kit.table([2, 3])]
        with pytest.raises(StoreError, match="the disk is full"):
            journal.replace([Change(stream="s/a", sources=parts, tables=tables)], fail)
        assert [] == store.list("journal/blocks")
        assert list(range(4)) == kit.numbers(journal)

    def test_who_was_asleep_for_an_hour_does_not_decide(self, store, kit, monkeypatch):
        """Somebody may have swept its blocks as nobody's."""
        journal = Journal(store)
        journal.write("s/a", kit.table(range(4)))
        real, moved = time.time, []

        def later():
            return real() + (4000 if moved else 0)

        monkeypatch.setattr(time, "time", later)
        assert not kit.compact(journal, summarize=lambda _: moved.append(1) or {})
        assert [] == store.list("journal/blocks")
        assert list(range(4)) == kit.numbers(journal)

    def test_covered_files_are_forgotten_when_they_are_long_gone(self, clock, kit):
        """So that the state does not grow with every writer that ever lived."""
        store = MemoryStore()
        journal = Journal(store, clock=clock)
        journal.write("s/a", kit.table([1]))
        kit.compact(journal)
        assert 1 == len(journal._ledger.head().state.stream("s/a").covered)
        for hours in (0.5, 1.0):
            clock.advance(hours=hours)
            journal.write("s/a", kit.table([2]))
            kit.compact(journal)
        covered = journal._ledger.head().state.stream("s/a").covered
        assert [datetime(2026, 3, 2, 10, 0, tzinfo=UTC), datetime(2026, 3, 2, 11, 0, tzinfo=UTC)] == sorted(
            covered.values()
        )
        assert [1, 2, 2] == kit.numbers(journal)

    def test_what_was_compacted_has_no_clock_to_fear(self, kit, clock):
        """A compaction an hour back does not bring back what was covered."""
        store = MemoryStore()
        journal = Journal(store, clock=clock)
        journal.write("s/a", kit.table([1]))
        kit.compact(journal)
        clock.advance(hours=-3)
        journal.write("s/a", kit.table([2]))
        kit.compact(journal)
        assert [1, 2] == kit.numbers(Journal(store, clock=clock))

    def test_a_ledger_that_removes_a_block_twice_is_refused(self):
        """Such a decision is never written: it would make the journal unreadable."""
        ref = BlockRef(path="journal/blocks/s/a/1.col", rows=1, since=0, until=0)
        from mlprod.storage import Ledger

        ledger = Ledger(MemoryStore(), JOURNAL)
        ledger.append(lambda _: [Compacted(stream="s/a", added=(ref,))])
        ledger.append(lambda _: [Compacted(stream="s/a", added=(), removed=(ref.path,))])
        with pytest.raises(StoreError, match="a block of s/a was removed twice"):
            ledger.append(lambda _: [Compacted(stream="s/a", added=(), removed=(ref.path,))])

    @pytest.mark.slow
    def test_ten_thousand_dead_writers(self, local, kit):
        """Compacted with few descriptors, they are one block, read by looking at one file."""
        journal = Journal(local)
        kit.record(journal, [0])
        path = segments_in(local)[0]
        journal.close()
        raw = bytearray(local.get(path)[:8192])
        folder = local.local_path(path).parent
        for number in range(1, 10_000):
            kit.numbered.struct.pack_into(raw, 4096, number, number, number, 1)
            (folder / f"{number:016x}-0000000000000000.seg").write_bytes(raw)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        try:
            assert list(range(10_000)) == kit.numbers(journal)
            assert kit.compact(journal)
            assert list(range(10_000)) == kit.numbers(journal)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert [] == local.list("journal/raw")
        assert 1 == len(journal.query("s", lambda reading: reading.of("s/a")))

    @pytest.mark.slow
    def test_a_thousand_small_blocks_are_read_with_few_descriptors(self, local, kit):
        """As `write` leaves them, with all their tables held at once."""
        journal = Journal(local)
        for number in range(1000):
            journal.write("s/a", kit.table([number]))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        try:
            parts = journal.query("s", lambda reading: reading.of("s/a"))
            tables = [part.load() for part in parts]
            assert list(range(1000)) == sorted(int(table["number"][0]) for table in tables)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_journals_that_come_and_go_keep_no_descriptors(self, store, kit):
        """Closed or not."""
        before = None
        for number in range(30):
            journal = Journal(store)
            kit.record(journal, [number])
            journal.write("s/a", kit.table([100 + number]))
            kit.numbers(journal)
            if number % 2:
                journal.close()
            del journal
            if number == 9:
                gc.collect()
                before = len(os.listdir("/proc/self/fd"))
        gc.collect()
        assert before == len(os.listdir("/proc/self/fd"))

    def test_large_files_are_mapped(self, local, kit, monkeypatch):
        """And read as they were when they were looked at, though more is written meanwhile."""
        monkeypatch.setattr(_files, "_MAPPED_FROM_BYTES", 1)
        journal = Journal(local)
        journal.write("s/b", kit.table(range(5)))
        kit.record(journal, range(3))
        parts = journal.query("s", lambda reading: [*reading.of("s/a"), *reading.of("s/b")])
        kit.record(journal, [9])
        assert [[0, 1, 2], [0, 1, 2, 3, 4]] == [part.load()["number"].tolist() for part in parts]
        assert [3, 5] == [part.rows for part in parts]
        assert kit.numbers(journal) == [0, 1, 2, 9]


class TestDeletion:
    def test_a_folder_that_is_deleted_underneath_is_rescued(self, local, kit, caplog):
        """At the next tend; recording goes on meanwhile, and nothing is counted twice."""
        journal = Journal(local)
        kit.record(journal, [1, 2])
        shutil.rmtree(local.local_path("journal"))
        kit.record(journal, [3])
        assert [] == kit.numbers(journal)
        journal.tend()
        assert [1, 2, 3] == kit.numbers(journal)
        assert "its records are saved again" in caplog.text
        kit.record(journal, [4])
        journal.flush()
        assert [1, 2, 3, 4] == kit.numbers(Journal(local))
        journal.close()
        kit.compact(journal)
        assert [1, 2, 3, 4] == kit.numbers(Journal(local))

    @pytest.mark.parametrize("what", ["flush", "close"])
    def test_so_are_segments_that_were_full_by_then(self, local, kit, what):
        """And those of which a thread still holds a slot are rescued when it is done."""
        journal = Journal(local)
        kit.record(journal, range(2000))
        shutil.rmtree(local.local_path("journal"))
        kit.record(journal, range(2000, 3000))
        getattr(journal, what)()
        assert list(range(3000)) == kit.numbers(Journal(local))

    def test_a_rescue_that_fails_is_tried_again(self, local, kit):
        journal = Journal(local)
        kit.record(journal, [1])
        shutil.rmtree(local.local_path("journal"))
        local.local_path("journal").write_bytes(b"in the way")
        for _ in range(2):
            with pytest.raises(StoreError, match="could not save recorded events"):
                journal.tend()
        local.local_path("journal").unlink()
        journal.flush()
        assert [1] == kit.numbers(Journal(local))

    def test_a_forked_child_does_not_rescue_for_its_parent(self, local, kit):
        """Both would count."""
        journal = Journal(local)
        kit.record(journal, [1])
        shutil.rmtree(local.local_path("journal"))
        journal.appender("s/a", kit.numbered).leave()
        assert journal._place._segments
        journal._place.renew()
        assert not journal._place._segments

    def test_a_deleted_file_that_was_flushed_is_no_error(self, local, kit):
        journal = Journal(local)
        journal.write("s/a", kit.table([1]))
        kit.record(journal, range(3000))
        shutil.rmtree(local.local_path("journal"))
        journal.flush()
        assert [] != kit.numbers(journal)

    def test_a_sync_that_fails_is_told_and_tried_again(self, local, kit, monkeypatch):
        journal = Journal(local)
        kit.record(journal, range(3000))
        journal.write("s/b", kit.table([1]))
        synced, fail = [], [True]
        real = os.fsync

        def sync(descriptor):
            if fail:
                raise OSError(5, "Input/output error")
            synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
            real(descriptor)

        monkeypatch.setattr(os, "fsync", sync)
        for _ in range(2):
            with pytest.raises(StoreError, match="Input/output error"):
                journal.flush()
        fail.clear()
        journal.flush()
        expected = {local.local_path(path) for path in local.list("journal/raw")}
        assert expected | {path.parent for path in expected} == set(synced)


def test_what_was_not_recorded_leaves_nothing(tmp_path, kit):
    """A write that fails half way: no file, no temporary one; the next one works."""
    store = LocalStore(tmp_path)
    journal = Journal(store)
    (tmp_path / "journal").write_bytes(b"in the way")
    with pytest.raises(StoreError, match="could not record events"):
        journal.write("s/a", kit.table([1]))
    (tmp_path / "journal").unlink()
    journal.write("s/a", kit.table([2]))
    assert [2] == kit.numbers(journal)
    assert 1 == len([path for path in tmp_path.rglob("*") if path.is_file()])


def test_files_that_cannot_be_deleted_are_not_counted(kit, monkeypatch, caplog):
    store = MemoryStore()
    journal = Journal(store)
    journal.write("s/a", kit.table([1]))

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete", refuse)
        assert kit.compact(journal)
    assert "could not delete" in caplog.text
    assert [1] == kit.numbers(Journal(store))


def test_a_store_without_atomic_create_is_read_and_not_compacted(tmp_path, kit, spool):
    """Nothing is left behind by the attempt."""
    store = FsspecStore("file", str(tmp_path / "plain"))
    journal = Journal(store)
    kit.record(journal, [1])
    journal.flush()
    assert [1] == kit.numbers(Journal(store))
    with pytest.raises(StoreError, match="single_writer=True"):
        kit.compact(journal)
    assert [1] == kit.numbers(Journal(store))


NUMBERED = Layout((Column("number", "int"),))


class Reference(RuleBasedStateMachine):
    """Any interleaving of writers that come and go, readers and compactions: the journal is a sorted list."""

    @initialize(kind=st.sampled_from(["memory", "spool"]))
    def begin(self, kind):
        self.store = MemoryStore() if kind == "memory" else _durable(MemoryStore())
        self.journals = [Journal(self.store) for _ in range(3)]
        self.expected = []
        self.number = 0

    def _next(self, back):
        self.number += 1
        return 10 * self.number - back

    @rule(who=st.integers(0, 2), count=st.integers(1, 4), back=st.integers(0, 40))
    def append(self, who, count, back):
        for _ in range(count):
            time_ns = self._next(back)
            self.journals[who].appender("s/a", NUMBERED).append(time_ns, self.number)
            self.expected.append((time_ns, self.number))

    @rule(who=st.integers(0, 2), count=st.integers(1, 4), back=st.integers(0, 40))
    def write(self, who, count, back):
        rows = [(self._next(back), self.number) for _ in range(count)]
        times, numbers = (np.array(column) for column in zip(*rows, strict=True))
        self.journals[who].write("s/a", Table(NUMBERED, {"time": times, "number": numbers}))
        self.expected.extend(rows)

    @rule(who=st.integers(0, 2))
    def flush(self, who):
        self.journals[who].flush()

    @rule(who=st.integers(0, 2))
    def reopen(self, who):
        self.journals[who].close()
        self.journals[who] = Journal(self.store)

    @rule(who=st.integers(0, 2))
    def recover(self, who):
        self.journals[who].recover()

    @precondition(lambda self: self.expected)
    @rule(who=st.integers(0, 2), adopt=st.booleans())
    def compact(self, who, adopt):
        from_kit = self.journals[who]
        with from_kit.sealed("s") as reading:
            parts = reading.of("s/a")
            adopted = [p for p in parts if adopt and not p.is_block and p.path.endswith(".col")]
            sources = [p for p in parts if p not in adopted]
            table = Table.joined(NUMBERED, [part.load() for part in sources]).in_time_order()
            if any(not part.is_block for part in parts):
                tables = [table] if len(table) else []
                change = Change(stream="s/a", sources=sources, adopted=adopted, tables=tables)
                assert from_kit.replace([change])

    @invariant()
    def everybody_reads_everything_once(self):
        for journal in getattr(self, "journals", []):
            slices = journal.query("s", lambda reading: list(in_time_order(NUMBERED, reading.of("s/a"))))
            found = [
                row for t in slices for row in zip(t["time"].tolist(), t["number"].tolist(), strict=True)
            ]
            assert sorted(self.expected) == sorted(found)
            assert [time for time, _ in sorted(found)] == [time for time, _ in found]


def _durable(inner):
    """Return a store that says of itself that it outlives the process, and has a spool of its own."""

    class Durable:
        url = f"durable://{secrets.token_hex(8)}"

        def __getattr__(self, name):
            return getattr(inner, name)

        def guarantees(self):
            return LocalStore(os.curdir).guarantees()

    return Durable()


@pytest.mark.slow
@pytest.mark.usefixtures("spool")
class TestReference(Reference.TestCase):
    settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
