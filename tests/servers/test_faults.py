"""What goes wrong between a client and a real server, and what is there afterwards."""

import itertools
import logging
import re
import socket
import time

import pytest

from mlprod import ModelSerializer
from mlprod.errors import AtomicCreateUnsupportedError, StoreError
from mlprod.storage import RetryPolicy
from tests.servers.conftest import free_port
from tests.servers.proxy import Ignored, LostAnswer, Reset, Slow, Status

# aiohttp warns those who pass it more than a mebibyte at once, which is gcsfs' and Azure's choice.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

READ = {
    "s3": r"GET /[^?]*file$",
    "gcs": r"GET .*file\?alt=media|GET .*download.*file",
    "azure": r"GET .*file",
}
CREATE = {"s3": "PUT ", "gcs": "POST ", "azure": "PUT "}
COMMIT = {"s3": "PUT .*commits", "gcs": "POST .*ifGenerationMatch=0", "azure": "PUT .*commits"}
LIST = {"s3": "GET .*list-type", "gcs": r"GET .*/o\?", "azure": "GET .*comp=list"}
PASSING = [
    Status(500),
    Status(502),
    Status(503, {"Retry-After": "0"}),
    Status(504),
    Status(429),
    LostAnswer(),
]


@pytest.fixture
def store(object_store):
    return object_store.new()


class TestPassingFaults:
    """What is over in a moment is mended, and told in the log."""

    @pytest.mark.parametrize("fault", [*PASSING, Reset()], ids=str)
    def test_of_reading(self, object_store, store, fault, caplog):
        store.put("folder/file", b"content" * 1000)
        object_store.proxy.fail(READ[object_store.kind], fault, times=2)
        assert b"content" * 1000 == store.get("folder/file")
        told = [record.getMessage() for record in caplog.records if record.name == "mlprod.storage"]
        attempts = [int(re.search(r"read folder/file in .* \(attempt (\d)", line)[1]) for line in told]
        # A connection that breaks is mended once by aiohttp, and half a body by the client of Azure.
        assert attempts == [1, 2] or (not isinstance(fault, Status) and attempts in ([], [1]))

    @pytest.mark.parametrize("fault", PASSING, ids=str)
    def test_of_writing(self, object_store, store, fault):
        object_store.proxy.fail(CREATE[object_store.kind], fault, times=2)
        store.put("folder/file", b"content")
        assert b"content" == store.get("folder/file")

    @pytest.mark.parametrize("fault", PASSING, ids=str)
    def test_of_deleting(self, object_store, store, fault):
        store.put("folder/file", b"content")
        object_store.proxy.fail("DELETE ", fault, times=2)
        store.delete("folder/file")
        assert [] == store.list("folder")

    @pytest.mark.parametrize("fault", [*PASSING, Reset()], ids=str)
    def test_of_listing(self, object_store, store, fault):
        store.put("folder/file", b"content")
        object_store.proxy.fail(LIST[object_store.kind], fault, times=2)
        assert ["folder/file"] == store.list("folder")

    @pytest.mark.parametrize("fault", [*PASSING, Status(409)], ids=str)
    @pytest.mark.parametrize("times", [1, 3])
    def test_of_deciding(self, object_store, store, fault, times):
        """Whether the decision was made before the answer was lost, or not: it is made once.

        After a lost answer the next attempt meets its own decision, which the service refuses as there
        already (412): the writer knows it again.
        """
        models = ModelSerializer(store)
        models.save([1], "model")
        object_store.proxy.fail(COMMIT[object_store.kind], fault, times)
        models.set_active("model", reason="once")
        fresh = ModelSerializer(object_store.at(store.url))
        assert ["saved", "promoted"] == [event.what for event in fresh.history("model")]

    @pytest.mark.parametrize("object_store", ["s3", "azure"], indirect=True)  # gcsfs hides what was asked
    def test_the_service_is_given_the_time_it_asks_for(self, object_store, store):
        store.put("folder/file", b"content")
        object_store.proxy.fail(READ[object_store.kind], Status(503, {"Retry-After": "1"}))
        begun = time.monotonic()
        store.get("folder/file")
        assert time.monotonic() - begun >= 1


class TestLastingFaults:
    """What does not pass is an error that says what to do, in bounded time; nothing is half done."""

    @pytest.mark.parametrize("fault", [*PASSING, Status(409)], ids=str)
    def test_a_decision_that_cannot_be_made(self, object_store, store, fault):
        models = ModelSerializer(store)
        models.save([1], "model")
        few = object_store.at(store.url, retry=RetryPolicy(attempts=3, first_pause_seconds=0.001))
        object_store.proxy.fail(COMMIT[object_store.kind], fault, times=1000)
        before = len(object_store.proxy.requests)
        # If answers are lost, the decision is made and read back all the same.
        if isinstance(fault, LostAnswer):
            ModelSerializer(few).set_active("model")
        else:
            with pytest.raises(StoreError, match=r"could not write decision 2 of models/ledger in .*; check"):
                ModelSerializer(few).set_active("model")
        tried = [
            line
            for line in object_store.proxy.requests[before:]
            if line.startswith(CREATE[object_store.kind])
        ]
        # aiohttp, below the clients, repeats at once what was lost with a connection that was used before.
        assert len(tried) in ((3, 6) if isinstance(fault, LostAnswer) else (3,)), "no retries but ours"
        object_store.proxy.reset()
        active = [model.is_active for model in ModelSerializer(object_store.at(store.url)).list_models()]
        assert [isinstance(fault, LostAnswer)] == active

    @pytest.mark.parametrize("status", [401, 403])
    def test_credentials_that_are_refused(self, object_store, store, status):
        """Told at once, with no retry; and not taken for an empty store."""
        ModelSerializer(store).save([1], "model")
        object_store.proxy.fail(".", Status(status), times=1000)
        for use in (
            lambda models: models.load("model"),
            lambda models: models.list_models(),
            lambda models: models.save([2], "model"),
        ):
            before = len(object_store.proxy.requests)
            with pytest.raises(StoreError, match="fix the permissions or credentials"):
                use(ModelSerializer(object_store.at(store.url)))
            assert len(object_store.proxy.requests) - before <= 3

    def test_a_bucket_that_is_missing(self, object_store):
        """It is not an empty store: a typing error must not look like one."""
        url = object_store.make().replace("-", "-no-", 1)
        for use in (
            lambda models: models.list_models(),
            lambda models: models.get_metadata("model"),
            lambda models: models.save([1], "model"),
        ):
            with pytest.raises(
                StoreError, match=r"there is no bucket or container .*make it, or correct the URL"
            ):
                use(ModelSerializer(object_store.at(url)))
        for look in (lambda store: store.list("models"), lambda store: store.get("models/file")):
            with pytest.raises(OSError, match=r"there is no bucket or container"):
                look(object_store.at(url))

    def test_a_server_that_is_not_there(self, object_store, store):
        options = object_store.options()
        for name, value in options.items():
            options[name] = value.replace(object_store.proxy.url, f"http://127.0.0.1:{free_port()}")
        few = RetryPolicy(attempts=3, first_pause_seconds=0.001)
        begun = time.monotonic()
        with pytest.raises(StoreError, match="check that the store can be reached and try again"):
            ModelSerializer(object_store.at(store.url, retry=few, **options)).list_models()
        assert time.monotonic() - begun < 10

    def test_a_server_that_does_not_answer(self, object_store, store, monkeypatch):
        """It is waited for as long as the client is told to, not for ever."""
        monkeypatch.setattr("mlprod.storage._clients._SILENCE_SECONDS", 1)
        impatient = {"config_kwargs": {"read_timeout": 1}} if object_store.kind == "s3" else {}
        few = object_store.at(
            store.url, retry=RetryPolicy(attempts=2, first_pause_seconds=0.001), **impatient
        )
        few.put("folder/file", b"content")
        object_store.proxy.fail(".", Slow(4), times=2)
        begun = time.monotonic()
        with pytest.raises(OSError, match=r"time|Timeout|answer"):
            few.get("folder/file")
        assert time.monotonic() - begun < 4

    def test_a_server_that_takes_nothing(self, object_store, monkeypatch):
        """It accepts the connection and reads no more: the time-outs of the clients begin later."""
        monkeypatch.setattr("mlprod.storage._clients._SILENCE_SECONDS", 1)
        monkeypatch.setattr("mlprod.storage._clients._CONNECT_SECONDS", 1)
        monkeypatch.setattr("mlprod.storage._clients._SLOWEST_BYTES_PER_SECOND", 32 << 20)
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            options = {
                name: value.replace(object_store.proxy.url, f"http://127.0.0.1:{deaf.getsockname()[1]}")
                for name, value in object_store.options().items()
            }
            once = RetryPolicy(attempts=1)
            store = object_store.at(object_store.make(), retry=once, **options)
            for write in (store.put, store.create):
                begun = time.monotonic()
                with pytest.raises(OSError, match=r"there was no answer in time|Timeout"):
                    write("folder/file", bytes(16 << 20))
                assert time.monotonic() - begun < 10

    def test_a_listing_that_is_slow_is_waited_for(self, object_store, store):
        store.put("folder/file", b"content")
        object_store.proxy.fail(LIST[object_store.kind], Slow(1.5))
        assert ["folder/file"] == store.list("folder")


@pytest.mark.parametrize("object_store", ["s3", "azure"], indirect=True)  # gcsfs hides who answered
class TestSomethingInBetween:
    """A load balancer or a proxy answers in place of the service."""

    def test_what_it_does_not_find_is_not_absent(self, object_store, store):
        store.put("folder/file", b"content")
        object_store.proxy.fail(READ[object_store.kind], Status(404, body=b"<p>no backend</p>"), times=2)
        assert b"content" == store.get("folder/file")

    def test_no_decision_is_overlooked(self, object_store, store):
        models = ModelSerializer(store)
        models.save([1], "model")
        object_store.proxy.fail("GET .*commits", Status(404), times=2)
        assert 1 == len(ModelSerializer(object_store.at(store.url)).list_models())


@pytest.mark.parametrize("object_store", ["s3", "gcs"], indirect=True)  # adlfs hides it
def test_a_listing_that_is_not_found_is_not_empty(object_store, store):
    store.put("folder/file", b"content")
    assert [] == store.list("other")
    object_store.proxy.fail(LIST[object_store.kind], Status(404), times=1000)
    with pytest.raises(OSError, match=r"answered 404|there is no bucket"):
        store.list("folder")


@pytest.mark.parametrize(
    ("object_store", "condition"),
    [("s3", "If-None-Match"), ("gcs", "ifGenerationMatch")],
    indirect=["object_store"],
)
def test_a_server_that_ignores_conditions_is_found_out(object_store, condition):
    """As older S3-compatible servers and some emulators do; that of Azure checks what was signed."""
    store = object_store.new()
    object_store.proxy.fail(".", Ignored(condition), times=1000)
    with pytest.raises(AtomicCreateUnsupportedError, match="let the same file be created twice"):
        ModelSerializer(store).save([1], "model")
    assert [] == store.list("models/ledger")


class TestLargePayloads:
    """What is too large to be held goes out in parts."""

    def test_the_client_repeats_a_part(self, object_store, monkeypatch):
        monkeypatch.setattr("mlprod.storage._remote.HELD_BYTES", 1 << 20)
        store = object_store.new()
        pieces = [bytes([number]) * (1 << 20) for number in range(12)]
        object_store.proxy.fail(CREATE[object_store.kind], Status(503), times=1)
        store.put("payloads/big", iter(pieces))
        assert b"".join(pieces) == store.get("payloads/big")

    def test_a_source_that_fails_commits_nothing(self, object_store, monkeypatch):
        monkeypatch.setattr("mlprod.storage._remote.HELD_BYTES", 1 << 20)
        store = object_store.new()

        def pieces():
            yield from itertools.repeat(bytes(6 << 20), 2)
            raise MemoryError

        with pytest.raises(OSError, match="MemoryError"):
            store.put("payloads/big", pieces())
        assert [] == store.list("payloads")


def test_the_log_is_quiet_when_nothing_fails(object_store, store, caplog):
    caplog.set_level(logging.WARNING)
    ModelSerializer(store).save([1], "model", activate=True)
    assert [1] == ModelSerializer(object_store.at(store.url)).get_active()
    assert [] == caplog.records
