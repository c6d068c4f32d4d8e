"""What several test modules share."""

import gc
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import settings

from mlprod import ModelSerializer
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FrozenClock

settings.register_profile("untimed", deadline=None)  # how long an example takes says nothing about its truth
settings.register_profile("few", deadline=None, max_examples=15)  # for environments that are not the first
settings.load_profile("untimed")


def pytest_collection_finish():
    """Let tests that collect garbage look at their own alone: ten thousand tests are in memory by now."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    """Say at how many points something was made to go wrong, wherever the tests ran."""
    points = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "crash points":
                points[value[0]] += value[1]
    if points:
        each = ", ".join(f"{name} {count:,}" for name, count in sorted(points.items()))
        terminalreporter.write_line(f"{points.total():,} crash points: {each}")


@pytest.fixture(scope="session")
def processes():
    """Give a way to start processes that have imported already what they all need."""
    context = multiprocessing.get_context("forkserver")
    classes = ["mlprod.drift", "mlprod.experiments", "mlprod.monitoring"]
    context.set_forkserver_preload(
        ["hypothesis.stateful", "mlprod", "mlprod.testing", "pytest", "scipy.special", *classes]
    )
    return context


@pytest.fixture(scope="session")
def unmeasured():
    """Give a way to call a function of a test file, with a folder, in a process that coverage does not watch.

    Coverage has a lock of its own: a thread may hold it while another one forks, and the child waits forever.
    """
    code = "import json, runpy, sys; print(json.dumps(runpy.run_path(sys.argv[1])[sys.argv[2]](sys.argv[3])))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}

    def call(file, function, folder):
        command = [sys.executable, "-c", code, file, function, str(folder)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=120, check=True)
        return json.loads(done.stdout)

    return call


@pytest.fixture
def clock():
    return FrozenClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def models(store, clock):
    return ModelSerializer(store, clock=clock)


@pytest.fixture(params=list(Fault), ids=lambda fault: fault.name)
def fault(request):
    """Give everything that can go wrong, one after the other."""
    return request.param


@pytest.fixture
def no_pauses(monkeypatch):
    """Let a retry not wait."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Start an S3 server on loopback that handles one request at a time.

    Moto checks and writes in two steps; only one request at a time makes its conditional write atomic.
    """
    server_module = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    from werkzeug.serving import make_server

    application = server_module.DomainDispatcherApplication(server_module.create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def s3_options(s3_endpoint):
    """Give the storage options of an account on that server."""
    return {"endpoint_url": s3_endpoint, "key": "test", "secret": "test"}
