"""The ledger: every decision is made exactly once, by exactly one writer, whole or not at all."""

import contextlib
import json
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mlprod.errors import AtomicCreateUnsupportedError, ConflictError, NewerSchemaError, StoreError
from mlprod.schema import RecordSet, RecordType
from mlprod.storage import Ledger, LedgerType, LocalStore, MemoryStore
from mlprod.storage._ledger import _interval
from mlprod.testing import Fault, FaultyStore, FrozenClock, SimulatedCrashError


@attrs.frozen
class Deposited:
    """Money came in."""

    account: str
    amount: int


@attrs.frozen
class Balances:
    """What every account holds, and how often it changed."""

    money: Mapping[str, int] = attrs.field(factory=dict[str, int])
    changes: int = 0


def fold(state, event, _stamp):
    money = {**state.money, event.account: state.money.get(event.account, 0) + event.amount}
    return Balances(money, state.changes + 1)


BANK = LedgerType(
    folder="bank",
    events=RecordSet([RecordType("bank.deposited", Deposited)]),
    state=RecordType("bank.balances", Balances),
    empty=Balances(),
    fold=fold,
)


def deposit(account, amount=1):
    return lambda _head: [Deposited(account, amount)]


def bank(store, clock=None):
    return Ledger(store, BANK, clock=clock)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """A retry need not wait in a test."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


class TestOneWriter:
    def test_an_empty_ledger_is_at_the_beginning(self, store):
        head = bank(store).head()
        assert (0, Balances()) == (head.number, head.state)

    def test_the_state_is_the_fold_of_the_decisions(self, store):
        ledger = bank(store)
        ledger.append(lambda _head: [Deposited("anna", 5), Deposited("ben", 7)])
        appended = ledger.append(deposit("anna", 3))
        assert (2, {"anna": 8, "ben": 7}) == (appended.head.number, appended.head.state.money)
        assert (Deposited("anna", 3),) == appended.events
        assert appended.head == bank(store).head()

    def test_deciding_nothing_writes_nothing(self, store):
        appended = bank(store).append(lambda _head: [])
        assert (0, ()) == (appended.head.number, appended.events)
        assert [] == store.list("bank")

    def test_a_decision_that_is_refused_writes_nothing(self, store):
        def refuse(_head):
            raise ConflictError("no money")

        with pytest.raises(ConflictError, match="no money"):
            bank(store).append(refuse)
        assert [] == store.list("bank")

    def test_time_never_goes_back(self, store, clock):
        """A clock that steps back an hour does not reorder history."""
        ledger = bank(store, clock)
        first = ledger.append(deposit("anna")).head.time
        clock.advance(hours=-1)
        assert first == ledger.append(deposit("anna")).head.time
        clock.advance(hours=2)
        assert datetime(2026, 3, 2, 10, 30, tzinfo=UTC) == ledger.append(deposit("anna")).head.time

    def test_a_head_costs_one_read_when_nothing_happened(self):
        store = FaultyStore(MemoryStore())
        ledger = bank(store)
        ledger.append(deposit("anna"))
        before = store.operations
        ledger.head()
        assert ["get bank/commits/00000000000000000002.json"] == store.log[before:]


class TestManyWriters:
    def test_the_loser_of_a_race_decides_again(self, store):
        """It sees what the winner decided before it decides anew."""
        ours, theirs = bank(store), bank(store)
        seen = []

        def decide(head):
            seen.append(head.state.changes)
            if len(seen) == 1:
                theirs.append(deposit("theirs"))
            return [Deposited("ours", 1)]

        assert {"theirs": 1, "ours": 1} == ours.append(decide).head.state.money
        assert [0, 1] == seen

    def test_a_stale_start_is_noticed(self, store):
        ledger = bank(store)
        stale = ledger.head()
        bank(store).append(deposit("theirs"))
        assert {"theirs": 1, "ours": 1} == ledger.append(deposit("ours"), head=stale).head.state.money

    def test_losing_for_ever_is_an_error(self, store):
        theirs = bank(store)

        def decide(_head):
            theirs.append(deposit("theirs"))
            return [Deposited("ours", 1)]

        with pytest.raises(ConflictError, match="all lost to others"):
            bank(store).append(decide)
        assert "ours" not in theirs.head().state.money

    def test_threads_on_one_ledger(self, store):
        ledger = bank(store)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: ledger.append(deposit(f"t{number % 8}")), range(80)))
        assert {f"t{number}": 10 for number in range(8)} == bank(store).head().state.money

    @pytest.mark.slow
    def test_processes_lose_and_double_nothing(self, tmp_path, processes):
        """8 processes x 100 decisions: 800 decisions, 100 of each."""
        workers = [
            processes.Process(target=deposit_often, args=(tmp_path, f"p{number}", 100)) for number in range(8)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        head = bank(LocalStore(tmp_path)).head()
        assert 800 == head.number
        assert {f"p{number}": 100 for number in range(8)} == head.state.money


def deposit_often(folder, account, count):
    ledger = bank(LocalStore(folder))
    for _ in range(count):
        ledger.append(deposit(account))


class TestFaults:
    def test_a_decision_whose_answer_was_lost_counts_once(self):
        """After an error the file is read back: what was made counts."""
        probe = FaultyStore(MemoryStore())
        bank(probe).append(deposit("anna"))
        at = next(index for index, entry in enumerate(probe.log, 1) if entry.startswith("create"))
        inner = MemoryStore()
        appended = bank(FaultyStore(inner, at=at, fault=Fault.LOST_ANSWER)).append(deposit("anna"))
        assert {"anna": 1} == appended.head.state.money
        assert (1, {"anna": 1}) == (bank(inner).head().number, bank(inner).head().state.money)

    def test_a_store_that_reports_ones_own_decision_as_anothers(self):
        """Its client tried again after a lost answer, and found the file there."""

        class Repeating:
            def __init__(self, inner):
                self._inner = inner

            def __getattr__(self, name):
                return getattr(self._inner, name)

            def create(self, path, data):
                self._inner.create(path, data)
                raise FileExistsError(path)

        inner = MemoryStore()
        appended = bank(Repeating(inner)).append(deposit("anna"))
        assert (1, {"anna": 1}) == (appended.head.number, appended.head.state.money)
        assert (1, {"anna": 1}) == (bank(inner).head().number, bank(inner).head().state.money)

    def test_a_store_that_cannot_decide_is_found_out(self):
        """Whatever it promises: at the first decision of its life, of which nothing stays."""

        class Pretending:
            def __init__(self, inner):
                self._inner = inner

            def __getattr__(self, name):
                return getattr(self._inner, name)

            def create(self, path, data):
                self._inner.put(path, data)

        inner = MemoryStore()
        with pytest.raises(AtomicCreateUnsupportedError, match=r"be created twice.*upgrade it"):
            bank(Pretending(inner)).append(deposit("anna"))
        assert [] == inner.list("bank")

    @pytest.mark.parametrize("fault", [Fault.ERROR, Fault.CONFLICT])
    def test_what_was_not_made_is_told(self, fault):
        """What a store could not mend by itself, a ledger does not repeat: nothing is there."""
        inner = MemoryStore()
        with pytest.raises(StoreError, match=r"could not write decision 1 of bank in memory://: .* injected"):
            bank(FaultyStore(inner, at=3, fault=fault)).append(deposit("anna"))
        assert 0 == bank(inner).head().number

    def test_what_does_not_fold_is_never_written(self, store):
        """A decision that nobody could read would end the ledger for everybody."""

        def fold_known(state, event, _stamp):
            return Balances({"anna": state.money[event.account]})

        strict = attrs.evolve(BANK, fold=fold_known)
        with pytest.raises(
            StoreError, match=r"does not follow from the decisions before it: KeyError\('anna'\)"
        ):
            Ledger(store, strict).append(deposit("anna"))
        assert [] == store.list("bank")

    @pytest.mark.parametrize("fault", [Fault.DISK_FULL, Fault.READ_ONLY])
    def test_a_lasting_fault_is_told_at_once(self, fault):
        advice = {Fault.DISK_FULL: "free some space", Fault.READ_ONLY: "choose a writable store"}[fault]
        inner = MemoryStore()
        store = FaultyStore(inner, at=3, fault=fault)
        with pytest.raises(StoreError, match=advice):
            bank(store).append(deposit("anna"))
        assert 0 == bank(inner).head().number
        assert 1 == sum(entry.startswith("create") for entry in store.log)

    def test_a_fault_that_stays_is_told_in_the_end(self):
        store = FaultyStore(MemoryStore(), at=3, fault=Fault.ERROR, repeat=1000)
        with pytest.raises(StoreError, match="could not read decision 1 of bank in memory://"):
            bank(store).append(deposit("anna"))

    def test_a_create_that_always_fails_is_told_in_the_end(self, monkeypatch):
        store = MemoryStore()

        def fail(_path, _data):
            raise OSError(5, "gone wrong")

        monkeypatch.setattr(store, "create", fail)
        with pytest.raises(
            StoreError, match=r"could not write decision 1 of bank in memory://: .*gone wrong"
        ):
            bank(store).append(deposit("anna"))

    @pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ERROR, Fault.LOST_ANSWER])
    @pytest.mark.parametrize("number", [1, 12])
    def test_at_every_operation_the_old_state_or_the_new(self, fault, number, monkeypatch):
        """Also around the third snapshot, when the first goes; and a retry by a new process succeeds."""
        monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 4)
        at = 1
        while True:
            inner = MemoryStore()
            earlier = bank(inner)
            for _ in range(number - 1):
                earlier.append(deposit("anna"))
            store = FaultyStore(inner, at=at, fault=fault)
            with contextlib.suppress(StoreError, SimulatedCrashError):
                bank(store).append(deposit("anna"))
            if store.operations < at:
                break
            after = bank(inner).head()
            assert after.state.money.get("anna", 0) == after.number
            assert after.number in {number - 1, number}
            assert after.number + 1 == bank(inner).append(deposit("anna")).head.number
            at += 1
        assert at > 3


class TestSnapshots:
    def test_opening_reads_a_snapshot_and_what_came_after(self):
        inner = MemoryStore()
        earlier = bank(inner)
        for _ in range(70):
            earlier.append(deposit("anna"))
        store = FaultyStore(inner)
        assert (70, {"anna": 70}) == (bank(store).head().number, bank(store).head().state.money)
        opening = store.log[: store.log.index("get bank/commits/00000000000000000071.json")]
        assert "list bank/snapshots" == opening[0]
        assert "get bank/snapshots/00000000000000000064.json" == opening[1]
        assert 8 == len(opening)

    def test_only_two_are_kept(self, store):
        ledger = bank(store)
        for _ in range(64 * 4):
            ledger.append(deposit("anna"))
        assert ["0192", "0256"] == [path[-9:-5] for path in store.list("bank/snapshots")]

    def test_the_interval_grows_with_the_history(self):
        """So that snapshots as large as the history cost a bounded number of bytes per decision."""
        assert [64, 64, 64, 128, 256, 16384] == [_interval(n) for n in (1, 64, 8191, 8192, 16384, 1 << 20)]

    @pytest.mark.parametrize("harm", ["damaged", "missing", "newer"])
    def test_a_bad_snapshot_only_costs_time(self, store, harm, caplog):
        ledger = bank(store)
        for _ in range(130):
            ledger.append(deposit("anna"))
        path = store.list("bank/snapshots")[-1]
        match harm:
            case "damaged":
                store.put(path, store.get(path)[:-10])
            case "newer":
                store.put(path, store.get(path).replace(b'"version":1', b'"version":2', 1))
            case "missing":
                store = HiddenFile(store, path)
        with caplog.at_level(logging.WARNING):
            assert {"anna": 130} == bank(store).head().state.money
        assert "cannot use the snapshot" in caplog.text

    def test_other_files_are_no_snapshots(self, store):
        ledger = bank(store)
        for _ in range(70):
            ledger.append(deposit("anna"))
        store.put("bank/snapshots/zzz-notes.txt", b"mine")
        assert {"anna": 70} == bank(store).head().state.money
        for _ in range(64 * 3):
            ledger.append(deposit("anna"))
        assert b"mine" == store.get("bank/snapshots/zzz-notes.txt")

    def test_all_snapshots_may_be_deleted(self, store):
        ledger = bank(store)
        for _ in range(70):
            ledger.append(deposit("anna"))
        for path in store.list("bank/snapshots"):
            store.delete(path)
        assert {"anna": 70} == bank(store).head().state.money

    @pytest.mark.parametrize("fault", [Fault.TORN_LISTING, Fault.DELAYED_LISTING])
    def test_a_listing_that_shows_less_only_costs_time(self, fault):
        inner = MemoryStore()
        earlier = bank(inner)
        for _ in range(200):
            earlier.append(deposit("anna"))
        store = FaultyStore(inner, at=1, fault=fault)
        assert {"anna": 200} == bank(store).head().state.money


class HiddenFile:
    """A store whose listing shows a file that is gone."""

    def __init__(self, inner, hidden):
        self._inner, self._hidden = inner, hidden

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def get(self, path):
        if path == self._hidden:
            raise FileNotFoundError(path)
        return self._inner.get(path)


def pretty(raw):
    """Return a commit as an editor would save it."""
    return json.dumps(json.loads(raw), indent=2).encode()


class TestDamage:
    COMMIT: ClassVar = "bank/commits/00000000000000000002.json"

    @pytest.fixture
    def ledger(self, store):
        for _ in range(3):
            bank(store).append(deposit("anna"))
        return bank(store)

    @pytest.mark.parametrize(
        ("harm", "message"),
        [
            pytest.param(lambda _: b"", "it is empty", id="empty"),
            pytest.param(lambda raw: raw[:40], "it is not complete JSON", id="torn"),
            pytest.param(lambda raw: raw + b"\n", "checksum does not match", id="longer"),
            pytest.param(lambda raw: raw.replace(b"anna", b"annb"), "checksum does not match", id="altered"),
            pytest.param(lambda _: b"[1]", "not an mlprod record", id="foreign"),
            pytest.param(pretty, "checksum does not match", id="pretty"),
            pytest.param(lambda _: b"[" * 100_000, "not complete JSON", id="deep"),
            pytest.param(lambda _: b"\xff\xfe", "not complete JSON", id="binary"),
        ],
    )
    def test_a_damaged_decision_is_named_never_skipped(self, ledger, store, harm, message):
        store.put(self.COMMIT, harm(store.get(self.COMMIT)))
        with pytest.raises(StoreError, match=f"{self.COMMIT} in memory:// is damaged: .*{message}"):
            ledger.head()

    def test_a_decision_under_the_wrong_number_is_noticed(self, ledger, store):
        store.put(self.COMMIT, store.get(self.COMMIT.replace("2.json", "3.json")))
        with pytest.raises(StoreError, match="it holds decision 3 instead of 2"):
            ledger.head()

    def test_a_record_of_a_newer_version_is_refused(self, ledger, store):
        store.put(self.COMMIT, store.get(self.COMMIT).replace(b'"version":1', b'"version":2', 1))
        with pytest.raises(NewerSchemaError, match="Upgrade mlprod"):
            ledger.head()

    @pytest.mark.usefixtures("ledger")
    def test_an_unknown_event_is_refused(self, store):
        other = LedgerType(
            folder="bank",
            events=RecordSet([RecordType("bank.robbed", Deposited)]),
            state=BANK.state,
            empty=BANK.empty,
            fold=fold,
        )
        with pytest.raises(NewerSchemaError, match=r"kind 'bank.deposited', which this mlprod does not know"):
            Ledger(store, other).head()


@settings(max_examples=30, stateful_step_count=30, deadline=None)
class LedgerMachine(RuleBasedStateMachine):
    """Three writers, any fault at any time: what was acknowledged is there, and at most what was tried."""

    def __init__(self):
        super().__init__()
        self.store = MemoryStore()
        self.ledgers = [bank(self.store) for _ in range(3)]
        self.acknowledged = 0
        self.uncertain = 0

    @rule(writer=st.integers(0, 2))
    def append(self, writer):
        self.ledgers[writer].append(deposit("anna"))
        self.acknowledged += 1

    @rule(writer=st.integers(0, 2), at=st.integers(1, 6), fault=st.sampled_from(Fault))
    def append_with_a_fault(self, writer, at, fault):
        self.ledgers[writer] = bank(FaultyStore(self.store, at=at, fault=fault))
        try:
            self.ledgers[writer].append(deposit("anna"))
            self.acknowledged += 1
        except (StoreError, SimulatedCrashError):
            self.uncertain += 1
        self.ledgers[writer] = bank(self.store)

    @invariant()
    def nothing_is_lost_or_doubled(self):
        head = bank(self.store).head()
        assert head.number == head.state.money.get("anna", 0)
        assert self.acknowledged <= head.number <= self.acknowledged + self.uncertain


TestLedgerMachine = pytest.mark.slow(LedgerMachine.TestCase)


def test_a_commit_is_readable_by_anyone(tmp_path):
    """It is one JSON object that says what it is."""
    clock = FrozenClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    bank(LocalStore(tmp_path), clock).append(deposit("anna", 5))
    document = json.loads(Path(tmp_path, "bank/commits/00000000000000000001.json").read_text())
    assert ("ledger.commit", 1) == (document["kind"], document["version"])
    assert "2026-01-02T03:04:05.000000Z" == document["data"]["time"]
    assert [{"kind": "bank.deposited", "version": 1, "data": {"account": "anna", "amount": 5}}] == document[
        "data"
    ]["events"]
