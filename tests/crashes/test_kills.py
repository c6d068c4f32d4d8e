"""`kill -9` of real processes, several at once on one folder, at any moment of anything that they do."""

import os
import random
import signal
import traceback
from collections import Counter
from multiprocessing.connection import wait
from pathlib import Path

import pytest
import xxhash

from mlprod.errors import ConflictError, ExperimentStateError, ModelNotFoundError
from mlprod.experiments import ABTestingManager
from mlprod.monitoring import PerformanceMonitor
from mlprod.storage.journal import Journal
from soak.chores import EXPERIMENT, MARKET, MODEL, Chores, prepare
from tests.crashes.test_journal import counting_blocks, sweep

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")

WRITERS = 3
CONFLICTS = (ConflictError, ModelNotFoundError, ExperimentStateError)  # what others did first


def write_until_killed(folder, name, receipts):
    """Do anything in any order, and hand in each receipt as soon as the call has returned."""
    chance = random.Random(name)  # noqa: S311 - reproducible
    try:
        chores = Chores(folder, name)
        while True:
            kind = chance.choices((chores.records, chores.decisions, chores.upkeep), (10, 5, 1))[0]
            try:
                receipts.send(chance.choice(kind)())
            except CONFLICTS:
                receipts.send(("conflict", "", 0))
    except Exception:  # noqa: BLE001 - whatever it is, the test must fail
        receipts.send(("error", traceback.format_exc(), 0))


class Writers:
    """Processes, the pipes through which they hand in receipts, and when each is to die."""

    def __init__(self, folder, processes, chance):
        self._folder, self._processes, self._chance = folder, processes, chance
        self._alive = {}
        self.receipts = []
        self.killed = 0

    def start(self):
        receiving, sending = self._processes.Pipe(duplex=False)
        name = f"w{self.killed + len(self._alive)}"
        process = self._processes.Process(target=write_until_killed, args=(self._folder, name, sending))
        process.start()
        sending.close()
        self._alive[receiving] = [process, int(10 ** self._chance.uniform(0, 1.8))]

    def kill_next(self):
        """Take receipts until one of them has handed in as many as it may; kill that one."""
        while True:
            for pipe in wait(list(self._alive), timeout=60):
                self.receipts.append(pipe.recv())
                assert "error" != self.receipts[-1][0], self.receipts[-1][1]
                self._alive[pipe][1] -= 1
                if not self._alive[pipe][1]:
                    self.kill(pipe)
                    return

    def kill(self, pipe):
        process, _ = self._alive.pop(pipe)
        os.kill(process.pid, signal.SIGKILL)
        self.killed += 1
        while True:
            try:
                self.receipts.append(pipe.recv())
            except EOFError:
                break
        process.join()
        pipe.close()

    def kill_all(self):
        for pipe in list(self._alive):
            self.kill(pipe)


@pytest.mark.slow
def test_what_was_acknowledged_outlives_200_kills(tmp_path, processes):
    """It is there exactly once, whole; beyond that at most what each process was doing when it died."""
    prepare(tmp_path)
    writers = Writers(tmp_path, processes, random.Random(20260302))  # noqa: S311 - reproducible
    for _ in range(WRITERS):
        writers.start()
    for _ in range(200 - WRITERS):
        writers.kill_next()
        writers.start()
    writers.kill_all()
    assert 200 == writers.killed
    told = {}
    for kind, token, number in writers.receipts:
        told.setdefault(kind, []).append((token, number))
    everything_is_there_once(tmp_path, told, writers.killed)
    later = Chores(tmp_path, "later")
    for chore in (*later.records, *later.decisions, *later.upkeep):
        kind, token, number = chore()
        told.setdefault(kind, []).append((token, number))
    later.close()
    everything_is_there_once(tmp_path, told, writers.killed)
    nothing_is_left_over(tmp_path, writers.killed)


def everything_is_there_once(folder, told, killed):
    models_are_there(Chores(folder, "reader"), told)
    facts_are_there(folder, told, killed)
    detector = Chores(folder, "reader").detector
    assert len(told["report"]) <= len(detector.history(MARKET)) <= len(told["report"]) + killed
    references = [path.name for path in folder.glob("drift/references/*/*")]
    for token, _ in told["reference"]:
        assert 1 == sum(token.split()[1] in name for name in references)
    for name in {token.split()[0] for token, _ in told["reference"]}:
        assert 500 == detector.get_reference(name).rows


def models_are_there(reader, told):
    history = reader.models.history(MODEL)
    for what in ("promoted", "rolled_back"):
        reasons = Counter(event.reason for event in history if event.what == what)
        assert [1] * len(told[what]) == [reasons[token] for token, _ in told[what]]
    tags = Counter(event.detail for event in history if event.what == "tagged")
    assert [1] * len(told["tagged"]) == [tags[token] for token, _ in told["tagged"]]
    living = {found.id: reader.models.load(found)["token"] for found in reader.models.get_versions(MODEL)}
    assert len(living) == len(set(living.values()))
    for token, _ in told["saved"]:
        version, content = token.split()
        assert content == living[version]
    assert not living.keys() & {token for token, _ in told["deleted"]}
    found = {one.id: one for one in reader.manager.list_experiments()}
    for token, _ in told["experiment"]:
        assert ("treatment", token) == (found[token].winner, found[token].reason)


def facts_are_there(folder, told, killed):
    """Ids are kept as hashes."""
    monitor, manager = PerformanceMonitor(folder, thresholds=()), ABTestingManager(folder)
    batches = [(f"{token}-{number}", 1) for token, many in told["batch"] for number in range(many)]
    for stream, column, value, known in (
        ("monitoring/bot/predictions", "prediction_id", None, told["prediction"] + batches),
        ("monitoring/bot/trades", "trade_id", "pnl", told["trade"]),
        ("experiments/live/trades", "trade_id", "pnl", told["control trade"] + told["treatment trade"]),
    ):
        rows = recorded(folder, stream, column, value)
        count = Counter(identity for identity, _ in rows)
        assert {1} == set(count.values())
        assert {(xxhash.xxh3_64_intdigest(token.encode()), number) for token, number in known} <= set(rows)
        assert len(rows) <= len(known) + 50 * killed  # a batch at most for each
    known = monitor.get_latest_metrics(MODEL).predictions_known
    assert len(told["outcome"]) <= known <= len(told["outcome"]) + killed
    for name, found in manager.get_metrics(EXPERIMENT).items():
        many = len(told[f"{name} slippage"])
        assert many <= found.samples.get("slippage", 0) <= many + killed
    scores = recorded(folder, "monitoring/bot/drift", "time", None)
    assert len(told["score"]) <= len(scores) <= len(told["score"]) + killed


def recorded(folder, prefix, column, value):
    """Return all records below a prefix, raw ones and those in blocks."""
    journal = PerformanceMonitor(folder)._journal

    def ask(reading):
        assert {} == reading.damaged
        tables = [part.load() for parts in reading.parts.values() for part in parts]
        return [
            pair
            for table in tables
            for pair in zip(
                table[column].tolist(), table[value].tolist() if value else [1] * len(table), strict=True
            )
        ]

    return journal.query(prefix, ask)


def nothing_is_left_over(folder, killed):
    """Nobody writes any more, so that no grace is needed."""
    models = Chores(folder, "reader").models
    models.cleanup(grace_hours=0)
    assert models._registry().blobs(living=True) == set(models.store.list("models/payloads"))
    assert [] == list(Path(folder).rglob(".partial-*"))
    PerformanceMonitor(folder).compact(MODEL)
    manager = ABTestingManager(folder)
    for one in manager.list_experiments():
        manager.compact(one.id)
    journal = Journal(models.store)
    sweep(journal)
    assert counting_blocks(journal) == set(journal._files.listed("journal"))
