"""Whatever goes wrong at whatever operation: the old state or the new, whole; and a retry succeeds."""

import contextlib
import functools
from datetime import UTC, datetime

import numpy as np
import pytest

from mlprod import ModelSerializer
from mlprod.errors import MLProdError, StoreError
from mlprod.models import LatestN
from mlprod.storage import MemoryStore
from mlprod.testing import FaultyStore, FrozenClock, SimulatedCrashError

MUTATIONS = {
    "save": lambda models: models.save(
        {"w": np.ones(3)}, "a", examples=([1], [1]), activate=True, aliases=["new"]
    ),
    "save with retention": lambda models: ModelSerializer(
        models.store, retention=LatestN(1), clock=FrozenClock()
    ).save([1], "b"),
    "promote": lambda models: models.promote("a@1.0.1", "staging"),
    "set_active": lambda models: models.set_active("a@1.0.1", expected="1.0.0"),
    "rollback": lambda models: models.rollback("b"),
    "set_alias": lambda models: models.set_alias("a@1.0.1", "x"),
    "remove_alias": lambda models: models.remove_alias("a", "old"),
    "tag": lambda models: models.tag("a", "x"),
    "untag": lambda models: models.untag("a", "y"),
    "delete": lambda models: models.delete("a@1.0.1"),
    "cleanup": lambda models: models.cleanup(policy=LatestN(1)),
}


@pytest.fixture(autouse=True)
def short(monkeypatch, no_pauses):
    """Let snapshots be due often, so that a short history has some."""
    monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 4)


@functools.cache
def files():
    """Return the files of a store with some history, an orphan, and a snapshot due soon."""
    store, clock = MemoryStore(), FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
    models = ModelSerializer(store, clock=clock)
    models.save([1], "a", activate=True, aliases=["old"], tags=["y"])
    models.save([2], "a")
    for number in range(3):
        models.save([number], "b", activate=True)
    for number in range(6):
        models.tag("b@1.0.0", f"tag-{number}")
    store.put("models/payloads/a/20250101T000000.000000Z-0123456789abcdef.json", b"[1]")
    return {path: store.get(path) for path in store.list("models")}


def prepared():
    """Return a new store with those files."""
    store = MemoryStore()
    for path, data in files().items():
        store.put(path, data)
    return store


def seen(store):
    """Return all that a user can see of a store, having loaded every model."""
    models = ModelSerializer(store, clock=FrozenClock(datetime(2026, 1, 3, tzinfo=UTC)))
    versions = []
    for metadata in models.list_models():
        document = metadata.to_dict()
        for moving in ("created_at", "updated_at", "environment"):
            del document[moving]
        versions.append((document, repr(models.load(metadata))))
    history = [
        [(event.what, event.from_, event.to, event.detail) for event in models.history(name)]
        for name in sorted({version["name"] for version, _ in versions})
    ]
    return versions, history


def run(mutation, store):
    """Run it in a new "process"; return whether it came back."""
    try:
        MUTATIONS[mutation](ModelSerializer(store, clock=FrozenClock(datetime(2026, 1, 3, tzinfo=UTC))))
    except (SimulatedCrashError, StoreError):  # nothing else may come out
        return False
    return True


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_operation(mutation, fault):
    before = seen(prepared())
    clean = prepared()
    assert run(mutation, clean)
    after = seen(clean)
    at = 1
    while True:
        inner = prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        succeeded = run(mutation, store)
        if store.operations < at:
            break
        found = seen(inner)
        assert found in ([after] if succeeded else [before, after]), store.log
        retried = run_again(mutation, inner, decided=found == after)
        assert retried, store.log
        nothing_is_left_over(inner)
        at += 1
    assert at > 3


def run_again(mutation, store, *, decided):
    """A retry succeeds: where the decision was made already it changes nothing, or is refused as made."""
    with contextlib.suppress(MLProdError):
        MUTATIONS[mutation](ModelSerializer(store, clock=FrozenClock(datetime(2026, 1, 3, tzinfo=UTC))))
        return True
    return decided


def nothing_is_left_over(store):
    """After a cleanup past the grace period, exactly the payloads of the living versions are there."""
    models = ModelSerializer(store, clock=FrozenClock(datetime(2026, 2, 1, tzinfo=UTC)))
    models.cleanup()
    living = models._registry().blobs(living=True)
    assert sorted(living) == store.list("models/payloads")
    for metadata in models.list_models():
        models.load(metadata)
