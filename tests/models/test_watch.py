"""A watched model follows its reference, and never falls back to something worse than it has."""

import gc
import logging
import os
import threading

import pytest

from mlprod import ModelSerializer
from mlprod.errors import ChecksumError, InvalidConfigError, ModelNotFoundError, StoreError
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore

NEVER = 3600.0


@pytest.fixture
def handle(models):
    models.save([1], "a", activate=True)
    with models.watch("a@production", interval_seconds=NEVER) as handle:
        yield handle


class TestRefresh:
    def test_a_promotion_is_swapped_in(self, models, handle):
        assert ([1], "a@1.0.0") == (handle.model, handle.metadata.id)
        models.save([2], "a", activate=True)
        assert [1] == handle.model
        assert handle.refresh()
        assert ([2], "a@1.0.1") == (handle.model, handle.metadata.id)
        assert not handle.refresh()

    def test_metadata_keeps_up(self, models, handle):
        models.tag("a", "x")
        assert not handle.refresh()
        assert ("x",) == handle.metadata.tags

    def test_a_bad_version_is_not_swapped_in(self, models, handle, store, clock):
        """The old one stays, the error is told, and the next look tries again."""
        clock.advance(hours=1)
        models.save([2], "a", activate=True)
        path = store.list("models/payloads")[-1]
        good = store.get(path)
        store.put(path, b"[7]")
        with pytest.raises(ChecksumError):
            handle.refresh()
        assert ([1], "a@1.0.0") == (handle.model, handle.metadata.id)
        assert isinstance(handle.error, ChecksumError)
        store.put(path, good)
        assert handle.refresh()
        assert ([2], None) == (handle.model, handle.error)

    def test_an_empty_stage_keeps_the_old_one(self, models, handle):
        models.promote("a", "archived")
        with pytest.raises(ModelNotFoundError):
            handle.refresh()
        assert [1] == handle.model

    def test_a_look_is_one_small_read(self, clock):
        store = FaultyStore(MemoryStore())
        models = ModelSerializer(store, clock=clock)
        models.save([1], "a")
        with models.watch("a", interval_seconds=NEVER) as handle:
            before = store.operations
            handle.refresh()
            assert ["get models/ledger/commits/00000000000000000002.json"] == store.log[before:]

    def test_a_store_that_is_away_for_a_while(self, clock):
        inner = MemoryStore()
        ModelSerializer(inner, clock=clock).save([1], "a")
        store = FaultyStore(inner, at=6, fault=Fault.ERROR)
        with ModelSerializer(store, clock=clock).watch("a", interval_seconds=NEVER) as handle:
            while store.operations < 5:
                handle.refresh()
            with pytest.raises(StoreError, match="injected error"):
                handle.refresh()
            assert not handle.refresh()
            assert handle.error is None

    def test_it_says_what_it_holds(self, handle):
        assert "<ModelHandle a@1.0.0>" == repr(handle)

    def test_a_forked_child_looks_again(self, models, handle, monkeypatch):
        """From its first refresh on, whatever its parent's thread was doing."""
        handle._refreshing.acquire()
        monkeypatch.setattr(os, "getpid", lambda: -1)
        before = set(threading.enumerate())
        assert not handle.refresh()
        (started,) = set(threading.enumerate()) - before
        assert "mlprod-watch" == started.name
        models.save([2], "a", activate=True)
        assert handle.refresh()

    @pytest.mark.parametrize("interval", ["5", 0, -1, float("nan"), float("inf")])
    def test_an_interval_that_is_none_is_refused(self, models, interval):
        models.save([1], "a")
        with pytest.raises(InvalidConfigError, match="interval_seconds"):
            models.watch("a", interval_seconds=interval)


class TestPolling:
    def test_it_looks_by_itself(self, models):
        """And tells whoever wants to know."""
        models.save([1], "a", activate=True)
        swapped, told = threading.Event(), []

        def note(metadata):
            told.append(metadata.id)
            swapped.set()

        with models.watch("a", interval_seconds=0.001, on_swap=note) as handle:
            models.save([2], "a", activate=True)
            assert swapped.wait(30)
            assert [2] == handle.model
        assert ["a@1.0.1"] == told

    @pytest.mark.parametrize("failure", ["damaged payload", "callback"])
    def test_it_lives_on_after_a_failure(self, models, store, clock, failure, caplog):
        models.save([1], "a", activate=True)
        clock.advance(hours=1)
        swapped = threading.Event()

        def note(metadata):
            if metadata.version == "1.0.2":
                swapped.set()
            elif failure == "callback":
                raise RuntimeError("a bug of the application")

        noted = Noted()
        logging.getLogger("mlprod.models").addHandler(noted)
        try:
            with models.watch("a", interval_seconds=0.001, on_swap=note):
                models.save([2], "a")
                if failure == "damaged payload":
                    store.put(store.list("models/payloads")[-1], b"[7]")
                models.set_active("a@1.0.1")
                assert noted.event.wait(30)
                models.save([3], "a", activate=True)
                assert swapped.wait(30)
        finally:
            logging.getLogger("mlprod.models").removeHandler(noted)
        assert "still using a@" in caplog.text

    def test_a_forgotten_handle_ends_its_thread(self, models):
        models.save([1], "a")
        handle = models.watch("a", interval_seconds=0.001)
        threads = [thread for thread in threading.enumerate() if thread.name == "mlprod-watch"]
        del handle
        gc.collect()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()

    def test_a_closed_handle_keeps_its_model(self, models):
        models.save([1], "a")
        handle = models.watch("a", interval_seconds=0.001)
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "mlprod-watch"]
        handle.close()
        thread.join(30)
        assert not thread.is_alive()
        assert [1] == handle.model


class Noted(logging.Handler):
    """Says when something was logged as a warning."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.event = threading.Event()

    def emit(self, _record):
        self.event.set()
