"""What waits on this machine for a store that is elsewhere."""

from datetime import timedelta
from pathlib import Path

import pytest

from mlprod import PerformanceMonitor, fsck
from mlprod.storage.journal._arrivals import Arrivals
from tests.consistency.history import Remote


@pytest.fixture
def store(spool):
    return Remote()


def dead(store, clock, count=3):
    """Let a process record, and die: nothing is uploaded, and its locks are gone."""
    monitor = PerformanceMonitor(store, clock=clock)
    for _ in range(count):
        monitor.record_trade("har", "1.0.0", pnl=1.0)
    monitor._keeper.stop()
    monitor._journal._place._segments.clear()
    monitor._journal._appenders.clear()


def trades(store, clock):
    monitor = PerformanceMonitor(store, clock=clock)
    monitor._keeper.stop()
    return monitor.get_latest_metrics("har").trades_total


def found(store, clock, **options):
    return [
        (finding.kind, Path(finding.path).suffix) for finding in fsck(store, clock=clock, **options).findings
    ]


def test_what_a_living_process_writes_is_no_finding(store, clock):
    monitor = PerformanceMonitor(store, clock=clock)
    monitor.record_trade("har", "1.0.0", pnl=1.0)
    assert [] == found(store, clock) == found(store, clock, repair=True)
    assert [] == store.list("journal")
    monitor.close()


def test_what_a_dead_process_left_is_uploaded(store, clock, spool):
    dead(store, clock)
    (file,) = spool.rglob("*.seg")
    report = fsck(store, clock=clock)
    assert [("waiting_segment", str(file), "warning", False)] == [
        (each.kind, each.path, each.severity, each.repaired) for each in report.findings
    ]
    assert [] == store.list("journal")
    assert "uploads them" in report.findings[0].detail
    assert [("waiting_segment", ".seg")] == found(store, clock, repair=True)
    assert [] == found(store, clock, repair=True)
    assert ([], 3) == (list(spool.rglob("*.seg*")), trades(store, clock))


def test_one_that_waited_for_weeks_and_was_never_sent_is_uploaded(store, clock, spool):
    dead(store, clock)
    clock.advance(days=30)
    assert [("waiting_segment", ".seg")] == found(store, clock, repair=True)
    assert ([], 3) == (found(store, clock), trades(store, clock))


@pytest.mark.parametrize("days", [1, 30])
def test_one_that_was_sent_and_has_arrived_is_not_sent_again(store, clock, spool, days):
    """Whether it lies there, or in a block by now."""
    dead(store, clock)
    (file,) = spool.rglob("*.seg")
    path = file.relative_to(next(spool.iterdir())).as_posix()
    file.with_name(f"{file.name}.sent").touch()
    store.put(path, file.read_bytes())
    clock.advance(days=days)
    assert [("waiting_segment", ".seg")] == found(store, clock)
    PerformanceMonitor(store, clock=clock).compact("har")
    assert [("waiting_segment", ".seg")] == found(store, clock, repair=True)
    assert ([], []) == (found(store, clock), list(spool.rglob("*.seg*")))
    assert 3 == trades(store, clock)


def test_one_that_was_sent_too_long_ago_to_tell_is_left_alone(store, clock, spool):
    """It is not counted twice, and not lost: a person decides."""
    dead(store, clock)
    (file,) = spool.rglob("*.seg")
    mark = file.with_name(f"{file.name}.sent")
    mark.touch()
    dead(store, clock)
    clock.advance(days=6.9)
    assert [("waiting_segment", ".seg")] * 2 == found(store, clock)
    clock.advance(days=0.2)
    expected = [("expired_segment", ".seg"), ("waiting_segment", ".seg")]
    assert expected == found(store, clock) == found(store, clock, repair=True)
    report = fsck(store, clock=clock, repair=True)
    assert [("expired_segment", str(file), False)] == [
        (each.kind, each.path, each.repairable) for each in report.findings
    ]
    assert not report.ok
    assert "delete the file of the same name with .sent" in report.findings[0].detail
    mark.unlink()
    assert [("waiting_segment", ".seg")] == found(store, clock, repair=True)
    assert 6 == trades(store, clock)


def test_a_mark_of_nothing_is_removed(store, clock, spool):
    dead(store, clock)
    (file,) = spool.rglob("*.seg")
    file.rename(file.with_suffix(".seg.sent"))
    assert [("stale_mark", ".sent")] == found(store, clock)
    assert fsck(store, clock=clock).ok
    assert [("stale_mark", ".sent")] == found(store, clock, repair=True)
    assert ([], []) == (found(store, clock), list(spool.rglob("*.sent")))


def test_the_spool_of_another_store_is_not_looked_at(store, clock, spool):
    dead(store, clock)
    other = Remote()
    other.url = "memory://another"
    assert [] == found(other, clock, repair=True)
    assert 1 == len(list(spool.rglob("*.seg")))


def test_blocks_are_asked_only_about_what_was_sent_long_ago(store, clock, monkeypatch):
    """That may read much."""
    monkeypatch.setattr(Arrivals, "has", None)
    dead(store, clock)
    assert [("waiting_segment", ".seg")] == found(store, lambda: clock() + timedelta(days=30))
