"""Two layouts, and ways to record, to read and to compact; and a store that is not on this machine."""

import gc

import numpy as np

from mlprod.storage import MemoryStore
from mlprod.storage.journal import Change, Column, Layout, Table, in_time_order


class Kit:
    """Records that hold a number, as time, as value and as id."""

    numbered = Layout((Column("number", "int"), Column("id", "id", is_indexed=True)))
    named = Layout((Column("number", "int"), Column("name", "text"), Column("other", "text")))

    @staticmethod
    def record(journal, numbers, stream="s/a"):
        """Append records one by one."""
        appender = journal.appender(stream, Kit.numbered)
        for number in numbers:
            appender.append(number, number, number)

    @staticmethod
    def table(numbers, times=None):
        """Return records of the numbers, at these times (the numbers themselves, if not given)."""
        given = np.asarray(list(numbers), np.int64)
        at = given if times is None else np.asarray(list(times), np.int64)
        return Table(Kit.numbered, {"time": at, "number": given, "id": given.astype(np.uint64)})

    @staticmethod
    def numbers(journal, stream="s/a", **span):
        """Read all numbers of a stream, in time order."""

        def ask(reading):
            assert {} == reading.damaged
            layout = next((part.load().layout for part in reading.of(stream)), Kit.numbered)
            slices = list(in_time_order(layout, reading.of(stream), **span))
            return [number for table in slices for number in table["number"].tolist()]

        return journal.query(stream, ask)

    @staticmethod
    def compact(journal, prefix="s", *, adopt=False, with_blocks=True, summarize=None):
        """Move everything that is sealed, and all blocks, into one block for each stream."""
        with journal.sealed(prefix) as reading:
            changes = []
            for stream, parts in reading.parts.items():
                raw = [part for part in parts if not part.is_block]
                adopted = [part for part in raw if adopt and part.path.endswith(".col")]
                sources = [part for part in (parts if with_blocks else raw) if part not in adopted]
                if raw:
                    layout = parts[0].load().layout
                    table = Table.joined(layout, [part.load() for part in sources]).in_time_order()
                    tables = [table] if len(table) else []
                    changes.append(Change(stream=stream, sources=sources, adopted=adopted, tables=tables))
            return bool(changes) and journal.replace(changes, summarize)

    @staticmethod
    def die(journal):
        """Let go of a journal as a process does that dies: nothing is flushed, everything is closed."""
        journal._place._segments.clear()
        journal._appenders.clear()
        gc.collect()  # an error before may keep frames in a cycle, and with them the segment and its lock


class Remote:
    """A store that is durable, and not on this machine."""

    def __init__(self, inner=None):
        self.inner = inner or MemoryStore("remote")

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def guarantees(self):
        """As those of a bucket."""
        return type(self.inner.guarantees())(
            atomic_create=True, durable=True, multi_writer=True, note="for tests"
        )
