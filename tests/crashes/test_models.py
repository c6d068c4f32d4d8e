"""`ModelSerializer` and `ModelHandle`: the old state or the new, whole; and a retry succeeds."""

import functools
from datetime import UTC, datetime

import attrs
import numpy as np
import pytest

from mlprod import ModelSerializer
from mlprod.errors import MLProdError, StoreError
from mlprod.models import LatestN, ModelHandle
from mlprod.storage import MemoryStore
from mlprod.testing import FaultyStore, FrozenClock, SimulatedCrashError
from tests.crashes.driver import Scene, changes, contents, names_in, public_names, try_mutation, try_reader

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 3, tzinfo=UTC)


def save_and_retire(models):
    return ModelSerializer(models.store, retention=LatestN(1), clock=FrozenClock(NOW)).save([1], "b")


def double(model, inputs):
    return [2 * each for each in inputs]


MUTATIONS = {
    "save": lambda models: models.save(
        {"w": np.ones(3)}, "a", examples=([1], [1]), activate=True, aliases=["new"]
    ),
    "save, the first of its name": lambda models: models.save([1], "new"),
    "save, under a version": lambda models: models.save([1], "a", version="7.0.0"),
    "save, with retention": save_and_retire,
    "promote": lambda models: models.promote("a@1.0.1", "staging"),
    "promote, after a replay": lambda models: models.promote("c@1.0.0", "staging", predict=double),
    "set_active": lambda models: models.set_active("a@1.0.1", expected="1.0.0"),
    "rollback": lambda models: models.rollback("b", to="1.0.0"),
    "rollback, to the one before": lambda models: models.rollback("b"),
    "set_alias": lambda models: models.set_alias("a@1.0.1", "x"),
    "remove_alias": lambda models: models.remove_alias("a", "old"),
    "tag": lambda models: models.tag("a", "x"),
    "untag": lambda models: models.untag("a", "y"),
    "delete": lambda models: models.delete("a@1.0.1"),
    "cleanup": lambda models: models.cleanup(policy=LatestN(1)),
    "cleanup, of one model": lambda models: models.cleanup("b", policy=LatestN(1), grace_hours=0),
}


def followed(models):
    with models.watch("a", interval_seconds=1000) as handle:
        handle.refresh()
        return handle.metadata.to_dict(), handle.model, handle.error


READERS = {
    "load": lambda models: models.load("a@old"),
    "load_bytes": lambda models: models.load_bytes("a@1.0.1"),
    "get_active": lambda models: models.get_active("b"),
    "get_active, of all": lambda models: models.get_active(),
    "get_metadata": lambda models: models.get_metadata("a").to_dict(),
    "list_models": lambda models: [found.to_dict() for found in models.list_models()],
    "get_versions": lambda models: [found.to_dict() for found in models.get_versions("b")],
    "best": lambda models: models.best("c", "accuracy").id,
    "history": lambda models: [event.to_dict() for event in models.history("b")],
    "histories": lambda models: {
        name: [event.to_dict() for event in events] for name, events in models.histories().items()
    },
    "active_at": lambda models: models.active_at("b", NOW).id,
    "validate": lambda models: models.validate("c", predict=double).to_dict(),
    "compare": lambda models: models.compare("b@1.0.0", "b@1.0.2").to_dict(),
    "cleanup, tried only": lambda models: models.cleanup(policy=LatestN(1), dry_run=True).to_dict(),
    "watch": followed,
    "store": lambda models: models.store.url,
}


@functools.cache
def files():
    """Return the files of a store with some history, an orphan, and a snapshot due soon."""
    store, clock = MemoryStore(), FrozenClock(BEGINNING)
    models = ModelSerializer(store, clock=clock)
    models.save([1], "a", activate=True, aliases=["old"], tags=["y"])
    models.save([2], "a")
    for number in range(3):
        models.save([number], "b", activate=True)
    models.save([3], "c", {"accuracy": 0.5}, examples=([1, 2], [2, 4]))
    for number in range(5):
        models.tag("b@1.0.0", f"tag-{number}")
    store.put("models/payloads/a/20250101T000000.000000Z-0123456789abcdef.json", b"[1]")
    return contents(store)


def opened(store):
    return ModelSerializer(store, clock=FrozenClock(NOW))


def seen(store):
    """Return all that a user can see of a store, having loaded every model."""
    models = opened(store)
    versions = []
    for metadata in models.list_models():
        document = metadata.to_dict()
        del document["environment"]
        versions.append((document, repr(models.load(metadata))))
    history = [
        [(event.what, event.from_, event.to, event.detail) for event in models.history(name)]
        for name in sorted({version["name"] for version, _ in versions})
    ]
    return versions, history


def nothing_is_left_over(store):
    """After a cleanup past the grace period, exactly the payloads of the living versions are there."""
    models = ModelSerializer(store, clock=FrozenClock(datetime(2026, 2, 1, tzinfo=UTC)))
    models.cleanup()
    assert sorted(models._registry().blobs(living=True)) == store.list("models/payloads")
    for metadata in models.list_models():
        models.load(metadata)


SCENE = Scene(
    about=ModelSerializer,
    files=files,
    opened=opened,
    seen=seen,
    refusals=(MLProdError,),
    tidy=nothing_is_left_over,
)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_operation_of_a_mutation(mutation, fault, count):
    count(SCENE, try_mutation(SCENE, (MUTATIONS[mutation],), fault))


@pytest.mark.parametrize("reader", READERS)
def test_every_operation_of_a_reader(reader, fault, count):
    count(SCENE, try_reader(SCENE, READERS[reader], fault))


HANDLE = attrs.evolve(SCENE, about=ModelHandle)


def watched(store, inner):
    """Return a handle that has a version before it, while another process has promoted the next one."""
    handle = opened(store).watch("a@production", interval_seconds=1000)
    opened(inner).set_active("a@1.0.1")
    return handle


def test_every_operation_of_a_handle_that_looks(fault, count):
    """It holds the old model or the new one, says so if it could not look, and the next look gets the new."""
    inner = HANDLE.prepared()
    clean = FaultyStore(inner)
    with watched(clean, inner) as handle:
        begun = clean.operations
        assert handle.refresh()
    tried = 0
    for at in HANDLE.operations(clean.log[begun:], fault):
        tried += 1
        inner = HANDLE.prepared()
        store = FaultyStore(inner, at=begun + at, fault=fault)
        with watched(store, inner) as handle:
            before = contents(inner)
            is_dead = False
            try:
                handle.refresh()
            except StoreError as error:
                told = handle.error, handle.metadata.version
                assert (error, "1.0.0") == told  # noqa: PT017 - what was raised is compared with what is held
            except SimulatedCrashError:
                is_dead = True
            assert (handle.metadata.version, handle.model) in (("1.0.0", [1]), ("1.0.1", [2])), store.log
            if not is_dead:
                handle.refresh()
                assert (None, "1.0.1", [2]) == (handle.error, handle.metadata.version, handle.model)
            assert before == contents(inner)
    count(HANDLE, tried)


def test_all_of_them_change_something():
    assert [] == [name for name, step in MUTATIONS.items() if not changes(SCENE, (step,))]


def test_nothing_public_is_left_out():
    assert public_names(ModelSerializer) == names_in(MUTATIONS, READERS)
    assert {"close", "error", "metadata", "model", "refresh"} == public_names(ModelHandle)
