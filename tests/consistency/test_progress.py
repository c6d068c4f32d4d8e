"""Progress of `fsck`: files, each once, however often it is looked at."""

import pytest

from mlprod import fsck
from mlprod.errors import StoreError
from mlprod.testing import Fault, FaultyStore
from tests.recorder import Breaking, Recorder


@pytest.mark.parametrize("deep", [False, True])
def test_every_file_is_counted_once(whole, clock, deep):
    recorder = Recorder()
    report = fsck(whole, clock=clock, deep=deep, progress=recorder)
    assert [report.files] == recorder.sizes
    assert recorder.is_complete
    assert () == report.findings


def test_deep_files_are_counted_when_they_were_read(whole, clock):
    """All but those whose name says all that there is to say."""
    recorder = Recorder()
    report = fsck(whole, clock=clock, deep=True, progress=recorder)
    last = recorder.counts[-1] - recorder.counts[-2]
    assert list(range(1, report.files - last + 1)) == recorder.counts[:-1]
    assert last < report.files / 10


def test_what_is_damaged_or_missing_is_counted_too(whole, clock):
    payloads = whole.list("models/payloads")
    whole.put(payloads[0], b"damaged")
    whole.delete(payloads[1])
    recorder = Recorder()
    report = fsck(whole, clock=clock, deep=True, progress=recorder)
    assert {"changed_payload", "missing_payload"} == set(report.counts)
    assert (report.files, True) == (recorder.size, recorder.is_complete)


def test_repairing_changes_no_count(whole, clock, later):
    whole.put("models/payloads/har/20200101T000000.000000Z-0123456789abcdef.json", b"[]")
    recorder = Recorder()
    report = fsck(whole, clock=later, repair=True, progress=recorder)
    assert 1 == report.repaired
    assert (report.files, True) == (recorder.size, recorder.is_complete)


def test_an_empty_store_has_nothing_to_count(store):
    recorder = Recorder()
    assert fsck(store, progress=recorder).ok
    assert ([0], []) == (recorder.sizes, recorder.counts)


def test_a_callback_that_raises_changes_no_finding(whole, clock):
    whole.delete(whole.list("models/payloads")[0])
    breaking = Breaking()
    assert {"missing_payload": 1} == fsck(whole, clock=clock, deep=True, progress=breaking).counts
    assert 1 == breaking.asked


def test_the_bar_names_the_store_and_is_closed(whole, clock, capsys):
    tqdm = pytest.importorskip("tqdm")
    fsck(whole, clock=clock, progress=True)
    captured = capsys.readouterr()
    assert ("", True) == (captured.out, f"{whole.url}: checking: 100%" in captured.err)
    assert "files/s" in captured.err
    with pytest.raises(StoreError):
        fsck(FaultyStore(whole, at=8, fault=Fault.ERROR, repeat=1000), clock=clock, progress=True)
    assert not tqdm.tqdm._instances
