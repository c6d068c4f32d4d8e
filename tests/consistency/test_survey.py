"""What a store is looked at through: nothing can be written, and everything is counted once."""

import pytest

from mlprod.consistency._survey import Excerpt, Survey
from mlprod.storage import MemoryStore, Store


@pytest.fixture(params=["survey", "excerpt"])
def view(request):
    inner = MemoryStore()
    inner.put("models/a", b"abc")
    views = {"survey": lambda: Survey(inner), "excerpt": lambda: Excerpt("memory://", {"models/a": b"abc"})}
    return views[request.param]()


WRITES = {
    "put": lambda view: view.put("models/b", b""),
    "create": lambda view: view.create("models/b", b""),
    "delete": lambda view: view.delete("models/a"),
    "discard_partial": lambda view: view.discard_partial(older_than_seconds=0),
}


@pytest.mark.parametrize("write", WRITES)
def test_every_write_is_refused(view, write):
    with pytest.raises(PermissionError, match="a store that is only looked at"):
        WRITES[write](view)
    assert b"abc" == view.get("models/a")


def test_it_is_a_store(view):
    """With one file, in memory, that promises nothing that outlives it."""
    assert isinstance(view, Store)
    assert ("memory://", False) == (view.url, view.guarantees().durable)
    assert (["models/a"], 3, None) == (
        view.list("models"),
        view.size("models/a"),
        view.local_path("models/a"),
    )
    with pytest.raises(FileNotFoundError):
        view.get("models/b")


def test_a_file_is_fetched_once():
    inner = MemoryStore()
    inner.put("models/a", b"abc")
    survey = Survey(inner)
    for _ in range(2):
        assert ({"models/a": b"abc"}, []) == survey.fetch(["models/a", "models/gone"])
    assert 3 == survey.bytes_read


def test_what_lies_beyond_an_excerpt_is_read_when_it_is_asked_for():
    inner = MemoryStore()
    inner.put("models/b", b"b")
    excerpt = Excerpt("memory://", {"models/a": b"a"}, beyond=inner)
    assert ["models/a"] == excerpt.list("models")
    assert b"b" == excerpt.get("models/b")
    inner.delete("models/b")
    assert b"b" == excerpt.get("models/b")
