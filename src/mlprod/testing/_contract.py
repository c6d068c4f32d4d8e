"""What every store must do, as tests: for ours, and for those who bring a filesystem of their own."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlprod.models import ModelSerializer
from mlprod.storage import Guarantees, Store
from mlprod.typing import Buffer

__all__ = ["StoreContract"]

_RACERS = 8
_RACES = 10


class StoreContract:
    """Derive from this in a pytest module and override the fixture ``store``.

    Example::

        class TestMyStore(StoreContract):
            @pytest.fixture
            def store(self, tmp_path):
                return MyStore(tmp_path)
    """

    @pytest.fixture
    def store(self) -> Store:
        """Return an empty store of the kind under test."""
        pytest.fail(
            "override the fixture `store`"
        )  # pragma: no cover - nobody but a beginner's mistake gets here

    def test_what_was_put_is_got(self, store: Store) -> None:
        """Bytes come back as they were given, the empty ones too."""
        for data in (b"hello", b"", bytes(range(256)) * 1000):
            store.put("folder/file.bin", data)
            assert data == store.get("folder/file.bin")
            assert len(data) == store.size("folder/file.bin")

    def test_put_takes_pieces(self, store: Store) -> None:
        """A payload may come in pieces of any kind of buffer."""
        pieces: list[Buffer] = [b"one ", bytearray(b"two "), memoryview(b"three")]
        store.put("pieces", iter(pieces))
        assert store.get("pieces") == b"one two three"

    def test_put_replaces(self, store: Store) -> None:
        """The last writer wins, whole."""
        store.put("file", b"a longer first version")
        store.put("file", b"second")
        assert store.get("file") == b"second"

    def test_a_put_that_fails_half_way_leaves_nothing(self, store: Store) -> None:
        """Where the source of the bytes fails, the old file stays and no other appears."""

        def pieces() -> Iterator[bytes]:
            yield b"half"
            raise MemoryError

        store.put("old", b"old")
        for path in ("new", "old"):
            with pytest.raises((MemoryError, OSError)):
                store.put(path, pieces())
        assert store.get("old") == b"old"
        with pytest.raises(FileNotFoundError):
            store.get("new")

    def test_what_is_not_there(self, store: Store) -> None:
        """Reading what is missing says so; deleting it and listing it do not mind."""
        with pytest.raises(FileNotFoundError):
            store.get("no/such/file")
        with pytest.raises(FileNotFoundError):
            store.size("no/such/file")
        store.delete("no/such/file")
        assert store.list("no/such") == []

    def test_delete(self, store: Store) -> None:
        """What is deleted is gone, and can be written again."""
        store.put("file", b"1")
        store.delete("file")
        with pytest.raises(FileNotFoundError):
            store.get("file")
        store.put("file", b"2")
        assert store.get("file") == b"2"

    def test_list_is_sorted_and_deep(self, store: Store) -> None:
        """A listing shows every file below a folder, and none beside it."""
        for path in ("a/2", "a/10", "a/b/c/3", "ab/4", "5"):
            store.put(path, b"x")
        assert store.list("a") == ["a/10", "a/2", "a/b/c/3"]
        assert store.list("a/b") == ["a/b/c/3"]

    def test_list_is_fresh(self, store: Store) -> None:
        """A listing shows what was written and deleted since the last one."""
        store.put("a/1", b"x")
        assert store.list("a") == ["a/1"]
        store.put("a/2", b"x")
        store.delete("a/1")
        assert store.list("a") == ["a/2"]

    @pytest.mark.parametrize(
        "path", ["", "/a", "a//b", "../a", "a/../b", "a/.b", "a\\b", "a\0b", "a/", "a b"]
    )
    def test_other_paths_are_refused(self, store: Store, path: str) -> None:
        """No path leads out of the store or means something else on another backend."""
        for use in (store.get, store.size, store.delete, store.list):
            with pytest.raises(ValueError, match="not a path inside a store"):
                use(path)
        with pytest.raises(ValueError, match="not a path inside a store"):
            store.put(path, b"x")
        with pytest.raises(ValueError, match="not a path inside a store"):
            store.create(path, b"x")

    def test_guarantees_are_said(self, store: Store) -> None:
        """A store says what it promises, also in words."""
        guarantees = store.guarantees()
        assert isinstance(guarantees, Guarantees)
        assert guarantees.note
        assert guarantees.atomic_create or not guarantees.multi_writer

    def test_create_once(self, store: Store) -> None:
        """The first creates; the second is told, and changes nothing."""
        store.create("commits/1.json", b"first")
        with pytest.raises(FileExistsError):
            store.create("commits/1.json", b"second")
        assert store.get("commits/1.json") == b"first"

    def test_create_has_one_winner(self, store: Store) -> None:
        """Of several writers at once exactly one creates, and its bytes stand.

        A store that says that it has no atomic create meets one writer at a time.
        """
        count = _RACERS if store.guarantees().atomic_create else 1
        for race in range(_RACES):
            path, barrier = f"races/{race}", threading.Barrier(count)

            def run(racer: int, path: str = path, barrier: threading.Barrier = barrier) -> bytes | None:
                data = f"racer {racer}".encode() * 1000
                barrier.wait()
                try:
                    store.create(path, data)
                except FileExistsError:
                    return None
                return data

            with ThreadPoolExecutor(count) as racers:
                winners = [data for data in racers.map(run, range(count)) if data is not None]
            assert [store.get(path)] == winners

    def test_local_paths_are_true(self, store: Store) -> None:
        """A store that says where a file lies on disk says it right."""
        store.put("file", b"content")
        path = store.local_path("file")
        assert path is None or path.read_bytes() == b"content"

    def test_partial_writes_can_be_discarded(self, store: Store) -> None:
        """Discarding what interrupted writes left behind touches nothing whole."""
        store.put("file", b"content")
        assert store.discard_partial(older_than_seconds=0) == 0
        assert store.get("file") == b"content"

    def test_models_work_on_it(self, store: Store) -> None:
        """The registry of models runs on it: save, promote, load, roll back."""
        models = ModelSerializer(store)
        for weight in (1.0, 2.0):
            models.save({"weight": weight}, "model", activate=True)
        assert ModelSerializer(store).load("model") == {"weight": 2.0}
        assert models.rollback("model").id == "model@1.0.0"
        assert ModelSerializer(store).get_active() == {"weight": 1.0}
