"""Machines whose clocks disagree by hours: what docs/storage.md says about clocks."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from mlprod import ModelSerializer
from mlprod.errors import ConflictError, ModelNotFoundError
from soak.chores import MODEL, Chores, prepare
from soak.reckoning import differences, expected_of, found_in

HOURS = (-5, 0, 7)
ROUNDS = 4


def ahead(hours):
    return lambda: datetime.now(UTC) + timedelta(hours=hours)


def do_everything(folder, hours, receipts):
    """Work on a machine whose clock is so far ahead."""
    chores = Chores(folder, f"clock{hours}", ahead(hours))
    for _ in range(ROUNDS):
        for chore in (*chores.records, *chores.decisions, *chores.upkeep):
            try:
                receipts.put(chore())
            except (ConflictError, ModelNotFoundError):  # others were faster
                receipts.put(("conflict", "", 0))
    chores.close()
    receipts.put(None)


def clean_up_again_and_again(folder, stop):
    """On a machine that is days ahead: what is being saved looks as if it had been given up."""
    models = ModelSerializer(folder, clock=ahead(72))
    while not stop.is_set():
        models.cleanup()


@pytest.mark.slow
def test_clocks_that_disagree_lose_nothing_and_decide_nothing(tmp_path, processes):
    prepare(tmp_path)
    receipts, stop = processes.Queue(), processes.Event()
    workers = [processes.Process(target=do_everything, args=(tmp_path, hours, receipts)) for hours in HOURS]
    cleaner = processes.Process(target=clean_up_again_and_again, args=(tmp_path, stop))
    for worker in (*workers, cleaner):
        worker.start()
    done, sums, working = Counter(), Counter(), len(workers)
    while working:
        receipt = receipts.get(timeout=120)
        if receipt is None:
            working -= 1
        else:
            done[receipt[0]] += 1
            sums[receipt[0]] += receipt[2]
    stop.set()
    for worker in (*workers, cleaner):
        worker.join()
        assert 0 == worker.exitcode
    assert [] == differences(expected_of(done, sums), found_in(tmp_path))
    no_decision_is_dated_before_the_one_before_it(ModelSerializer(tmp_path))


def no_decision_is_dated_before_the_one_before_it(models):
    """So that `active_at` says what was in production after the last decision of a moment."""
    history = models.history(MODEL)
    times = [event.when for event in history]
    assert sorted(times) == times
    latest = {event.when: event.to for event in history if event.what in {"promoted", "rolled_back"}}
    for when, version in latest.items():
        assert version == models.active_at(MODEL, when).version


def test_which_version_wins_never_depends_on_a_clock(tmp_path):
    """Of two promotions with one expectation the first stands, though its clock is behind."""
    slow, fast = (ModelSerializer(tmp_path, clock=ahead(hours)) for hours in (-5, 7))
    first, second, third = (fast.save([number], "m") for number in range(3))
    fast.set_active(first)
    slow.set_active(second, expected=first)
    with pytest.raises(ConflictError):
        fast.set_active(third, expected=first)
    assert second.id == slow.get_metadata("m@production").id == fast.get_metadata("m@production").id
    assert fast.history("m")[-1].when == fast.history("m")[-2].when, "dated to the time of the one ahead"
