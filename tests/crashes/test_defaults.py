"""The functions of `mlprod` itself, on the process-wide default store."""

import functools
from datetime import UTC, datetime

import pytest

import mlprod
from mlprod import configure, get_active_model, load_model, save_model
from mlprod.errors import VersionExistsError
from mlprod.storage import MemoryStore
from mlprod.testing import FrozenClock
from tests.crashes.driver import Scene, contents, names_in, try_mutation, try_reader

NOW = datetime(2026, 1, 3, tzinfo=UTC)


def on_default(work):
    """Return what does some work where a store is the default."""

    def call(store):
        with configure(store=store, clock=FrozenClock(NOW)):
            return work()

    return call


MUTATIONS = {
    "save_model": lambda: save_model([2], "a", activate=True),
    "save_model, under a version": lambda: save_model([2], "a", version="2.0.0"),
}
READERS = {
    "load_model": lambda: load_model("a@1.0.0"),
    "get_active_model": lambda: get_active_model("a"),
    "get_active_model, of all": get_active_model,
    "get_model_serializer": lambda: repr(mlprod.get_model_serializer()),
    "get_ab_testing_manager": lambda: repr(mlprod.get_ab_testing_manager()),
    "get_performance_monitor": lambda: repr(mlprod.get_performance_monitor()),
    "get_drift_detector": lambda: repr(mlprod.get_drift_detector()),
    "open_store": lambda: mlprod.open_store("memory://another").url,
    "configure": lambda: None,  # as all the others do
}


@functools.cache
def files():
    """Return the files of a store with a model in production."""
    store = MemoryStore()
    on_default(lambda: save_model([1], "a", activate=True))(store)
    return contents(store)


def seen(store):
    return on_default(
        lambda: [
            (found.id, found.is_active, load_model(found))
            for found in mlprod.get_model_serializer().list_models()
        ]
    )(store)


SCENE = Scene(
    about=mlprod, files=files, opened=lambda store: store, seen=seen, refusals=(VersionExistsError,)
)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_operation_of_a_mutation(mutation, fault, count):
    count(SCENE, try_mutation(SCENE, (on_default(MUTATIONS[mutation]),), fault))


@pytest.mark.parametrize("reader", READERS)
def test_every_operation_of_a_reader(reader, fault, count):
    count(SCENE, try_reader(SCENE, on_default(READERS[reader]), fault))


def test_nothing_public_is_left_out():
    functions = {name for name in mlprod.__all__ if name == name.lower() and callable(getattr(mlprod, name))}
    elsewhere = {"fsck"}  # tests/consistency lets every operation of a repair go wrong
    assert functions - elsewhere == names_in(MUTATIONS, READERS)
