"""Where the page goes."""

import secrets
from pathlib import Path

import pytest

from mlprod import ModelSerializer, PerformanceMonitor, configure, open_store
from mlprod.dashboard import render, write
from mlprod.errors import InvalidConfigError, InvalidDataError, StoreError


def test_to_a_file_of_any_name(store, tmp_path):
    target = tmp_path / "new folder" / "März 2026 (1).html"
    assert str(target) == write(target, store)
    assert target.read_text("utf-8").startswith("<!doctype html>")
    assert ["März 2026 (1).html"] == [file.name for file in target.parent.iterdir()]


def test_the_place_is_absolute(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path / "page.html") == write("page.html", store)
    assert str(tmp_path / "page.html") == write(f"file://{tmp_path}/page.html", store)


def test_what_was_there_is_replaced_whole_or_not_at_all(store, tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    write(target, store, title="Before")

    def fail(_self, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="No space left on device"):
        write(target, store, title="After")
    assert "Before" in target.read_text("utf-8")
    assert [target] == [*tmp_path.iterdir()]


def test_to_a_bucket_as_a_page_that_browsers_open(store, s3_options):
    import s3fs

    bucket = f"bucket-{secrets.token_hex(4)}"
    filesystem = s3fs.S3FileSystem(**s3_options)
    filesystem.mkdir(bucket)
    url = f"s3://{bucket}/reports/page.html"
    assert url == write(url, store, **s3_options)
    assert "text/html" == filesystem.info(url)["ContentType"]
    assert filesystem.cat_file(url).startswith(b"<!doctype html>")


def test_of_a_store_in_a_bucket(s3_options, clock):
    import s3fs

    bucket = f"bucket-{secrets.token_hex(4)}"
    s3fs.S3FileSystem(**s3_options).mkdir(bucket)
    store = open_store(f"s3://{bucket}/models", **s3_options)
    with PerformanceMonitor(store, clock=clock) as monitor:
        for name in ("first", "second"):
            monitor.record_prediction(name, "1", correct=True)
    page = render(store, clock=clock)
    assert all(f'id="models/{name}"' in page for name in ("first", "second"))


@pytest.mark.parametrize("place", ["", "folder/", "a\0b", b"bytes", None])
def test_what_is_no_file(store, place):
    with pytest.raises(InvalidConfigError, match="is no file; pass a path, or a URL"):
        write(place, store)


def test_options_need_a_place_that_takes_them(store, tmp_path):
    with pytest.raises(InvalidConfigError, match="takes no storage options, but got: key"):
        write(tmp_path / "page.html", store, key="x")


@pytest.mark.parametrize("seconds", [0, 0.5, 86_401, float("nan"), True, "60"])
def test_how_often_it_may_refresh(store, seconds):
    with pytest.raises(InvalidConfigError, match="refresh_seconds must be a number from 1 to 86,400, not"):
        render(store, refresh_seconds=seconds)


@pytest.mark.parametrize("title", ["x" * 257, 7])
def test_what_is_no_title(store, title):
    with pytest.raises(InvalidDataError, match="the title"):
        render(store, title=title)


def test_the_default_store_is_that_of_the_process(store, clock):
    ModelSerializer(store, clock=clock).save([1], "configured")
    with configure(store=store, clock=clock):
        page = render()
    assert "#models/configured" in page
    assert 'Made <time class="nowrap" datetime="2026-03-02T09:30:00.000000Z">' in page


def test_a_monitor_may_say_how_to_judge(store, clock):
    """A predicted number is right if it is near enough; how near, only the application knows."""
    with PerformanceMonitor(store, clock=clock, accuracy_tolerance=0.5) as monitor:
        monitor.record_prediction("har", "1.0.0", prediction=1.0, actual=1.2)
        told = render(store, clock=clock, monitor=monitor)
    assert "100.0%" in told
    assert "100.0%" not in render(store, clock=clock)
