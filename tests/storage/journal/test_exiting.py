"""At exit, everything that can be is brought into its store."""

import pytest

from mlprod.storage import LocalStore, MemoryStore
from mlprod.storage.journal import Journal, _exiting


@pytest.fixture(autouse=True)
def nothing_given_up(monkeypatch):
    """What this module makes unreachable must not be so for others."""
    monkeypatch.setattr(_exiting, "_given_up", set())
    monkeypatch.setattr(_exiting, "_recoverable", {})


def test_journals_that_live_are_flushed(kit, remote, tmp_path):
    """On a local disk there is nothing to do."""
    stores = [MemoryStore(), remote, LocalStore(tmp_path / "store")]
    journals = [Journal(store) for store in stores]
    for journal in journals:
        kit.record(journal, [1])
    _exiting._flush_all()
    assert [1, 1, 1] == [len(store.list("journal/raw")) for store in stores]


def test_what_others_left_is_uploaded(kit, remote):
    """Journals that were never closed, and are no more."""
    kit.record(Journal(remote), [1])
    assert [] == remote.list("journal")
    _exiting._flush_all()
    assert 1 == len(remote.list("journal/raw"))


def test_a_store_that_cannot_be_reached_does_not_hold_up_the_others(kit, remote, monkeypatch, caplog):
    """And is tried once, not once for each journal and again for the spool."""
    away = type(remote)(MemoryStore("away"))
    journals = [Journal(store) for store in (away, away, remote)]
    for journal in journals:
        kit.record(journal, [1])
    attempts = []

    def refuse(path, _data):
        attempts.append(path)
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(away.inner, "put", refuse)
    for _ in range(2):
        _exiting._flush_all()
    assert (1, 1) == (len(attempts), len(remote.list("journal/raw")))
    assert "stay in the spool until the next start: cannot schedule" in caplog.text
    assert [1, 1] == kit.numbers(Journal(away))


def test_who_interrupts_it_need_not_do_so_again(kit, remote, monkeypatch):
    """It is called twice at exit; an impatient Ctrl-C is meant for both."""
    journal = Journal(remote)
    kit.record(journal, [1])
    attempts = []

    def interrupt(path, _data):
        attempts.append(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(remote.inner, "put", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _exiting._flush_all()
    _exiting._flush_all()
    assert 1 == len(attempts)
