"""A bucket, as a real server gives it: looked at by several threads, and repaired."""

import secrets

import pytest

from mlprod import fsck
from mlprod.storage import open_store
from tests.consistency.history import Remote, built_in_memory

ORPHAN = "models/payloads/har/20250101T000000.000000Z-0123456789abcdef.json"


@pytest.fixture
def bucket(s3_options, spool):
    s3fs = pytest.importorskip("s3fs")
    name = f"bucket-{secrets.token_hex(4)}"
    s3fs.S3FileSystem(**s3_options).mkdir(name)
    store = open_store(f"s3://{name}/prefix", **s3_options)
    files, _ = built_in_memory(Remote)
    for path, data in files.items():
        store.put(path, data)
    return store


def test_a_bucket(bucket, later):
    assert () == fsck(bucket, clock=later).findings
    assert () == fsck(bucket, clock=later, deep=True).findings
    damaged = bucket.list("models/ledger/snapshots")[-1]
    lost = bucket.list("journal/blocks/monitoring/har/trades")[0]
    bucket.put(damaged, b"")
    bucket.put(ORPHAN, b"[]")
    bucket.delete(lost)
    expected = [
        ("missing_block", lost, False),
        ("damaged_snapshot", damaged, True),
        ("orphan_payload", ORPHAN, True),
    ]
    report = fsck(bucket, clock=later, repair=True)
    assert expected == [(each.kind, each.path, each.repaired) for each in report.findings]
    assert [expected[0]] == [
        (each.kind, each.path, each.repaired) for each in fsck(bucket, clock=later, repair=True).findings
    ]
