"""What gives access to a store is never shown: not by it, nor by what works on it, nor by what goes wrong."""

import importlib.util
import logging
import traceback

import pytest

from mlprod import (
    ABTestingManager,
    DriftDetector,
    ModelSerializer,
    PerformanceMonitor,
    Trust,
    errors,
    open_store,
)
from mlprod.storage import FsspecStore, RetryPolicy, publish
from mlprod.storage._urls import without_secrets

KEY = "correct-horse-battery"
NOBODY = "127.0.0.1:1"  # refuses every connection
ONCE = RetryPolicy(attempts=2, first_pause_seconds=0.001)
has_s3 = pytest.mark.skipif(importlib.util.find_spec("s3fs") is None, reason="needs s3fs")

STORES = [
    pytest.param((f"ftp://bot:{KEY}@{NOBODY}/models", {}), id="in the URL"),
    pytest.param((f"ftp://{NOBODY}/models", {"username": "bot", "password": KEY}), id="as an option"),
    pytest.param(
        (
            "s3://bucket/prefix",
            {"key": "bot", "secret": KEY, "token": KEY, "endpoint_url": f"http://{NOBODY}"},
        ),
        id="of S3",
        marks=has_s3,
    ),
    pytest.param(
        ("s3://bucket/prefix", {"anon": True, "endpoint_url": f"http://bot:{KEY}@{NOBODY}"}),
        id="in the endpoint",
        marks=has_s3,
    ),
]


@pytest.fixture(params=STORES)
def remote(request):
    url, options = request.param
    return open_store(url, retry=ONCE, single_writer=True, **options)


def fails(call):
    """Return what the error of a call says, and those of mlprod that it came from, in a traceback, too."""
    with pytest.raises((OSError, errors.MLProdError)) as caught:
        call()
    told, error = "", caught.value
    while error is not None:
        if type(error).__module__.partition(".")[0] in {
            "builtins",
            "mlprod",
        }:  # not those of a client library
            told += "".join(traceback.format_exception_only(error)) + repr(error)
        error = error.__cause__
    return told


def test_neither_a_store_nor_what_works_on_it_shows_them(remote):
    for kind in (ModelSerializer, ABTestingManager, PerformanceMonitor, DriftDetector):
        assert repr(kind(remote)) == f"{kind.__name__}({remote.url!r})"
    shown = [repr(remote), str(remote), remote.url, repr(remote.guarantees())]
    assert [] == [each for each in shown if KEY in each]


def test_no_error_and_no_line_of_the_log_shows_them(remote, caplog):
    caplog.set_level(logging.DEBUG, logger="mlprod")
    models = ModelSerializer(remote)
    for call in (lambda: remote.get("a"), models.list_models, lambda: models.save([1], "a")):
        assert KEY not in fails(call)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("mlprod")]
    assert any("again in" in line for line in lines)
    assert [] == [line for line in lines if KEY in line]


@pytest.mark.parametrize(
    "url",
    [
        f"nothing://bot:{KEY}@host/models",
        f"simplecache::ftp://bot:{KEY}@host/models",
        f"smb://bot:{KEY}@host/models",  # needs a package that no extra brings
        pytest.param(f"s3://bot:{KEY}@bucket/models", marks=has_s3),  # which takes none from a URL
    ],
)
def test_a_url_that_cannot_be_opened_is_named_without_them(url):
    told = fails(lambda: open_store(url))
    assert KEY not in told
    assert "bot:…@" in told


def test_what_cannot_be_published_is_named_without_them():
    told = fails(lambda: publish(f"ftp://bot:{KEY}@{NOBODY}/page.html", b"page"))
    assert f"could not write ftp://bot:…@{NOBODY}/page.html" in told
    assert KEY not in told


def test_a_query_is_not_shown_as_it_may_be_a_signature():
    store = FsspecStore("https", f"https://host/models?sig={KEY}")
    assert "https://host/models?…" == store.url


def test_a_key_to_sign_with_is_not_shown():
    trust = Trust(key=KEY)
    assert KEY not in f"{trust} {trust!r} {ModelSerializer('memory://')!r}"


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/prefix",
        "abfs://container@account.dfs.core.windows.net/models",
        "sftp://bot@example.org/a:b@c",
        "/srv/models",
    ],
)
def test_a_url_without_them_stays_as_it_is(url):
    assert url == without_secrets(url)
