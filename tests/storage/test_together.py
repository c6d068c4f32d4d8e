"""Many operations at once, or one after the other."""

import threading

import pytest

from mlprod.storage import FsspecStore
from mlprod.storage._together import together


@pytest.fixture
def store(tmp_path):
    return FsspecStore("file", str(tmp_path))


def test_results_are_in_order(store):
    assert [str(number) for number in range(40)] == list(together(store, str, range(40)))


@pytest.mark.parametrize("reason", ["can't start new thread", "cannot schedule new futures after shutdown"])
def test_where_no_thread_can_be_started_it_is_done_without(store, monkeypatch, reason):
    """A container may have as many as it is allowed to."""

    def refuse(_thread):
        raise RuntimeError(reason)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert ["0", "1", "2"] == list(together(store, str, range(3)))


def test_another_error_is_raised(store):
    def fail(_argument):
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        list(together(store, fail, range(3)))
