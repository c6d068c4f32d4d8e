"""An SFTP server falls silent, or goes away: paramiko waits without end if it is not told otherwise."""

import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlprod.storage import RetryPolicy, open_store
from tests.servers.conftest import free_port, sftp_server


@pytest.fixture
def server(running, sftp, tmp_path):
    """Give a server of its own, and a store on it."""
    port = free_port()
    process = running(sftp_server(tmp_path, port), port)
    yield (
        process,
        open_store(
            "sftp://127.0.0.1/store",
            single_writer=True,
            retry=RetryPolicy(attempts=2, first_pause_seconds=0.001),
            **{**sftp.options(), "port": port},
        ),
    )
    process.send_signal(signal.SIGCONT)


def connections(store):
    """Return how many to its server are open: each has a thread."""
    import paramiko

    threads = [each for each in threading.enumerate() if isinstance(each, paramiko.Transport)]
    ports = [thread.getpeername()[1] for thread in threads if thread.is_active()]
    return ports.count(store._options["port"])


def test_a_server_that_falls_silent(server, monkeypatch):
    monkeypatch.setattr("mlprod.storage._clients._SILENCE_SECONDS", 1)
    process, store = server
    store.put("folder/file", b"content")
    process.send_signal(signal.SIGSTOP)
    for use in (lambda: store.put("folder/other", b"content"), lambda: store.get("folder/file")):
        with pytest.raises(OSError, match=r"no answer in time|SSH protocol banner"):
            use()
    process.send_signal(signal.SIGCONT)
    assert b"content" == store.get("folder/file")
    assert 1 == connections(store)


def test_no_connection_is_left_open(server, monkeypatch):
    monkeypatch.setattr("mlprod.storage._remote.HELD_BYTES", 1)
    _, store = server
    with ThreadPoolExecutor(4) as threads:
        assert 4 * [[]] == list(threads.map(store.list, 4 * ["folder"]))
    for _ in range(3):
        store.put("folder/file", iter([b"many", b"pieces"]))
    assert 1 == connections(store)


def test_a_server_that_is_not_there_is_tried_again(server, caplog):
    process, store = server
    process.kill()
    process.wait()
    with pytest.raises(OSError, match="Unable to connect"):
        store.list("folder")
    assert ["(attempt 1"] == re.findall(r"\(attempt \d", caplog.text)
