"""Temporary files that a crash left behind, and files that are none of ours."""

import os
import time

from mlprod import fsck
from mlprod.storage import LocalStore


def aged(file, hours):
    os.utime(file, (time.time() - 3600 * hours,) * 2)


def test_partial_writes(tmp_path, store, whole):
    """On a folder; elsewhere there are none, or the service takes care of them."""
    if not isinstance(store, LocalStore):
        assert [] == pairs(fsck(store))
        return
    old = tmp_path / "store" / "models" / ".partial-0123456789abcdef"
    young = old.with_name(".partial-fedcba9876543210")
    for file, hours in ((old, 25), (young, 23)):
        file.write_bytes(b"x")
        aged(file, hours)
    assert [("partial_write", str(old), False)] == pairs(fsck(store))
    assert [("partial_write", str(old), True)] == pairs(fsck(store, repair=True))
    assert [] == pairs(fsck(store, repair=True))
    assert (False, True) == (old.exists(), young.exists())
    aged(young, 0.5)
    assert [] == pairs(fsck(store, repair=True, grace_hours=0))
    aged(young, 1.1)
    assert [("partial_write", str(young), True)] == pairs(fsck(store, repair=True, grace_hours=0))


def pairs(report):
    return [(finding.kind, finding.path, finding.repaired) for finding in report.findings]


def test_foreign_files(whole):
    """Nobody reads them, nobody deletes them, and nothing needs a person."""
    names = [
        "models/README.md",
        "models/ledger/commits/1.json",
        "models/ledger/commits/00000000000000000001.json.bak",
        "models/payloads/har/weights.safetensors",
        "experiments/notes.txt",
        "alerts/ledger/readme",
        "drift/references/har/mine.safetensors",
        "drift/reports/har/1.0.0/20260302T090000.000000Z-0123456789abcdef.txt",
        "drift/reports/har/1.0.0/yesterday.json",
        "drift/har.json",
        "journal/blocks/monitoring/har/x.seg",
        "journal/raw/monitoring/har/x.csv",
        "journal/notes",
    ]
    for name in names:
        whole.put(name, b"mine")
    report = fsck(whole, repair=True, deep=True)
    assert ({"foreign_file": len(names)}, True, 0) == (report.counts, report.ok, report.repaired)
    assert sorted(names) == [finding.path for finding in report.findings]
    assert {"info"} == {finding.severity for finding in report.findings}
    assert all(b"mine" == whole.get(name) for name in names)
