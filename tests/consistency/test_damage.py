"""Whatever happens to the files of a store, there is an answer, and a repair removes nothing else."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod import fsck
from mlprod.storage import MemoryStore
from mlprod.testing import FrozenClock
from tests.consistency.history import AREAS, built_in_memory, flipped

DAMAGES = st.tuples(
    st.integers(0, 10**6),
    st.sampled_from(["delete", "cut", "flip", "grow", "exchange"]),
    st.integers(0, 10**6),
)


def damaged(files, path, how, number):
    """Return the contents that a file has then; None: it is gone."""
    data = files[path]
    match how:
        case "delete":
            return None
        case "cut":
            return data[: number % len(data)]
        case "flip":
            return flipped(data, number % len(data))
        case "grow":
            return data + b"\0" * (1 + number % 100)
        case _:
            return files[sorted(files)[number % len(files)]]


def newest_decisions(files):
    """Return the newest decision of each ledger: nothing shows that it ever was, once it is gone."""
    return {max(path for path in files if path.startswith(f"{area}/ledger/commits")) for area in AREAS}


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(DAMAGES, min_size=1, max_size=3), st.booleans())
def test_whatever_happens_to_its_files(damages, deep):
    files, time = built_in_memory(MemoryStore)
    store, hurt = MemoryStore(), dict[str, bytes | None]()
    for place, how, number in damages:
        path = sorted(files)[place % len(files)]
        if how != "delete" or path not in newest_decisions(files):
            hurt[path] = damaged(files, path, how, number)
    for path, data in {**files, **hurt}.items():
        if data is not None:
            store.put(path, data)
    before = all_files(store)
    later = FrozenClock(time + timedelta(days=5))
    report = fsck(store, clock=later, deep=deep, repair=True)
    gone = before - all_files(store)
    assert {path.removesuffix(".sum") for path in gone} <= {path.removesuffix(".sum") for path in hurt}
    assert 0 == fsck(store, clock=later, deep=deep, repair=True).repaired
    if deep and any(data != files[path] and is_vital(path) for path, data in hurt.items()):
        assert not report.ok


def all_files(store):
    return {path for area in AREAS for path in store.list(area)}


def is_vital(path):
    """Return whether every byte of a file is known."""
    return "/ledger/commits/" in path or path.startswith("models/payloads/")
