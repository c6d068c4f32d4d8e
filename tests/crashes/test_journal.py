"""`Journal` and `Ledger`: what was acknowledged is there once; and a retry succeeds."""

import functools
import math

import attrs
import pytest

from mlprod.errors import StoreError
from mlprod.schema import RecordSet, RecordType
from mlprod.storage import Ledger, LedgerType, MemoryStore
from mlprod.storage.journal import Journal
from tests.crashes.driver import Scene, changes, contents, names_in, public_names, try_mutation, try_reader
from tests.storage.journal.kit import Kit


def flush(journal):
    journal.flush()


def record(journal):
    Kit.record(journal, range(100, 105))


def fill(journal):
    """Record until a segment is full and leaves."""
    segment = journal.appender("s/b", Kit.numbered).segment
    for number in range(1 << 17):
        Kit.record(journal, [number], "s/b")
        found = journal.appender("s/b", Kit.numbered).segment
        if segment.path and found is not segment:
            return
        segment = found


def leave_behind(journal):
    """Let another process record, and die."""
    other = Journal(getattr(journal._store, "_inner", journal._store))
    record(other)
    die(other)


def compact_elsewhere(journal):
    """Let another process compact."""
    Kit.compact(Journal(getattr(journal._store, "_inner", journal._store)))


def flush_in_spite_of_a_compaction(journal):
    """Flush; if that fails, what has arrived all the same is compacted before it is tried again."""
    try:
        journal.flush()
    except StoreError:
        compact_elsewhere(journal)
        journal.flush()


def compact(journal):
    Kit.compact(journal, summarize=lambda table: {"rows": len(table)})


def sealed(journal):
    with journal.sealed("s") as reading:
        return sorted(part.path for part in reading.of("s/a"))


MUTATIONS = {
    "appender": (record, flush),
    "write": (lambda journal: journal.write("s/a", Kit.table(range(200, 203))), flush),
    "flush": (record, lambda journal: Kit.record(journal, [7], "s/b"), flush),
    "flush, whose answer comes late": (record, flush_in_spite_of_a_compaction),
    "recover, what was compacted": (record, flush, compact_elsewhere, lambda journal: journal.recover()),
    "flush_outside": (record, lambda journal: journal.flush_outside()),
    "tend": (fill, lambda journal: journal.tend(), flush),
    "recover": (leave_behind, lambda journal: journal.recover()),
    "close": (record, lambda journal: journal.close()),
    "replace": (compact,),
    "replace, what was adopted": (lambda journal: Kit.compact(journal, adopt=True),),
}
READERS = {
    "query": Kit.numbers,
    "streams": lambda journal: journal.streams("s"),
    "sealed": sealed,
    "folder": lambda journal: journal.folder is None,
    "renew": lambda journal: journal.renew(),
}


@functools.cache
def files():
    """Return the files of a store with a block, an adopted block, a segment and a raw block."""
    store = MemoryStore()
    journal = Journal(store)
    for first in (0, 10):
        Kit.record(journal, [first])
        journal.write("s/a", Kit.table(range(first + 1, first + 5)))
        journal.flush()
        if not first:
            Kit.compact(journal, adopt=True)
    return contents(store)


def seen(store):
    """Return all numbers in time order, those of one stream and the other."""
    return Kit.numbers(Journal(store)), len(Kit.numbers(Journal(store), "s/b"))


def die(journal):
    Kit.die(journal)
    vars(journal).clear()


def nothing_is_left_over(store):
    """After a compaction, and another one long after it, only the blocks that count are there."""
    journal = Journal(store)
    journal.recover()
    compact(journal)
    sweep(journal)
    assert counting_blocks(journal) == set(journal._files.listed("journal"))


def sweep(journal):
    """Delete what is nobody's: what was seen once goes when it is seen again long after."""
    sweeper = journal._sweeper
    for _ in range(2):
        sweeper._next, sweeper._seen = -math.inf, dict.fromkeys(sweeper._seen, -math.inf)
        sweeper.sweep()


def counting_blocks(journal):
    """Return the paths of all blocks that count."""
    return {ref.path for stream in journal._ledger.head().state.streams.values() for ref in stream.blocks}


SCENE = Scene(about=Journal, files=files, opened=Journal, seen=seen, die=die, tidy=nothing_is_left_over)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_operation_of_a_mutation(mutation, fault, backend, count):
    scene = attrs.evolve(SCENE, **backend)
    count(scene, try_mutation(scene, MUTATIONS[mutation], fault))


@pytest.mark.parametrize("reader", READERS)
def test_every_operation_of_a_reader(reader, fault, count):
    count(SCENE, try_reader(SCENE, READERS[reader], fault))


def test_all_of_them_change_something():
    unchanged = [name for name, steps in MUTATIONS.items() if not changes(SCENE, steps)]
    assert ["replace", "replace, what was adopted"] == unchanged  # records move


def test_nothing_public_is_left_out():
    assert public_names(Journal) == names_in(MUTATIONS, READERS)
    assert {"append", *LEDGER_READERS} == public_names(Ledger)


@attrs.frozen
class Added:
    """A number was added."""

    number: int


@attrs.frozen
class Total:
    """The sum of all numbers."""

    total: int = 0


LEDGER = LedgerType(
    folder="models/ledger",
    events=RecordSet([RecordType("sum.added", Added)]),
    state=RecordType("sum.total", Total),
    empty=Total(),
    fold=lambda state, event, _: Total(state.total + event.number),
)
APPEND = (lambda ledger: ledger.append(lambda _: [Added(7)]),)


def ledger_after(decisions):
    def files():
        store = MemoryStore()
        for number in range(decisions):
            Ledger(store, LEDGER).append(lambda _, number=number: [Added(number)])
        return contents(store)

    return attrs.evolve(
        SCENE,
        about=Ledger,
        files=functools.cache(files),
        opened=lambda store: Ledger(store, LEDGER),
        seen=lambda store: (Ledger(store, LEDGER).head().number, Ledger(store, LEDGER).head().state.total),
        die=lambda _: None,
        tidy=lambda _: None,
    )


LEDGER_READERS = {
    "head": lambda ledger: ledger.head().state.total,
    "ends_with": lambda ledger: ledger.ends_with(ledger.head()),
}
SCENES = {
    decisions: ledger_after(decisions) for decisions in (0, 3, 11)
}  # before the first and third snapshot


@pytest.mark.parametrize("decisions", SCENES)
def test_every_operation_of_an_append(decisions, fault, count):
    count(SCENES[decisions], try_mutation(SCENES[decisions], APPEND, fault))


@pytest.mark.parametrize("decisions", SCENES)
@pytest.mark.parametrize("reader", LEDGER_READERS)
def test_every_operation_of_a_look_at_a_ledger(decisions, reader, fault, count):
    count(SCENES[decisions], try_reader(SCENES[decisions], LEDGER_READERS[reader], fault))
