"""Every store keeps the contract; each has a few things of its own."""

import errno
import os
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlprod.errors import AtomicCreateUnsupportedError, InvalidConfigError, MissingExtraError
from mlprod.storage import FsspecStore, LocalStore, MemoryStore, Store, open_store
from mlprod.storage._renaming import modified
from mlprod.storage._store import _SoleWriter, sole_writer
from mlprod.testing import Fault, FaultyStore, SimulatedCrashError, StoreContract


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore(tmp_path / "store")


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestFaultyStoreWithoutFaults(StoreContract):
    @pytest.fixture
    def store(self):
        return FaultyStore(MemoryStore())


class TestFsspecStoreWithoutAtomicCreate(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return FsspecStore("file", str(tmp_path / "store"), single_writer=True)


class TestS3Store(StoreContract):
    @pytest.fixture
    def store(self, s3_options):
        import s3fs

        bucket = f"bucket-{secrets.token_hex(4)}"
        s3fs.S3FileSystem(**s3_options).mkdir(bucket)
        return open_store(f"s3://{bucket}/prefix", **s3_options)


class TestLocal:
    def test_nothing_is_touched_before_the_first_write(self, tmp_path):
        store = LocalStore(tmp_path / "store")
        assert [] == store.list("models")
        store.guarantees()
        assert not (tmp_path / "store").exists()

    def test_no_temporary_file_is_left_or_listed(self, tmp_path):
        store = LocalStore(tmp_path)
        store.put("a/1", b"x")
        store.create("a/2", b"x")
        with pytest.raises(FileExistsError):
            store.create("a/2", b"y")
        assert ["1", "2"] == sorted(os.listdir(tmp_path / "a"))

    def test_a_writer_killed_half_way_leaves_only_a_temporary_file(self, tmp_path):
        """SIGKILL in the middle of a put: the name is not there, and cleaning up removes the rest."""
        script = (
            "import os, signal, sys\n"
            "from mlprod.storage import LocalStore\n"
            "def pieces():\n"
            "    yield b'half' * 1_000_000\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "LocalStore(sys.argv[1]).put('payloads/big', pieces())\n"
        )
        killed = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
        assert -9 == killed.returncode
        store = LocalStore(tmp_path)
        assert [] == store.list("payloads")
        assert 1 == len(os.listdir(tmp_path / "payloads"))
        assert 0 == store.discard_partial(older_than_seconds=3600)
        time.sleep(0.01)
        assert 1 == store.discard_partial(older_than_seconds=0)
        assert [] == os.listdir(tmp_path / "payloads")

    def test_a_filesystem_without_links_is_refused(self, tmp_path, monkeypatch):
        """Where hard links do not work, creating says so; it never pretends."""

        def no_links(*_args, **_kwargs):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)
        store = LocalStore(tmp_path)
        guarantees = store.guarantees()
        assert (False, False) == (guarantees.atomic_create, guarantees.multi_writer)
        with pytest.raises(AtomicCreateUnsupportedError, match="without hard links"):
            store.create("commits/1.json", b"x")
        assert [] == store.list("commits")

    def test_a_sole_writer_needs_no_links(self, tmp_path, monkeypatch):
        """Where the caller vouches for it; a second create is refused all the same."""

        def no_links(*_args, **_kwargs):
            raise OSError(errno.ENOTSUP, "Operation not supported")

        monkeypatch.setattr(os, "link", no_links)
        store = open_store(tmp_path, single_writer=True)
        store.create("commits/1.json", b"x")
        with pytest.raises(FileExistsError):
            store.create("commits/1.json", b"y")
        assert b"x" == store.get("commits/1.json")
        assert ["1.json"] == os.listdir(tmp_path / "commits")

    @pytest.mark.parametrize("name", [".DS_Store", "1 (copy).json", "Thumbs.db~ü"])
    def test_files_of_others_are_not_shown(self, tmp_path, name):
        """What a file manager leaves in a folder must not make a store unreadable."""
        store = LocalStore(tmp_path)
        store.put("a/1.json", b"x")
        (tmp_path / "a" / name).write_bytes(b"foreign")
        assert ["a/1.json"] == store.list("a")

    def test_it_says_where_it_is(self, tmp_path):
        assert f"LocalStore('{tmp_path}')" == repr(LocalStore(tmp_path))
        assert "MemoryStore('name')" == repr(MemoryStore("name"))

    def test_other_errors_of_linking_pass_through(self, tmp_path, monkeypatch):
        def broken(*_args, **_kwargs):
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "link", broken)
        with pytest.raises(OSError, match="Input/output error"):
            LocalStore(tmp_path).create("commits/1.json", b"x")

    def test_a_temporary_file_that_vanishes_is_no_error(self, tmp_path):
        """Its writer may finish while another process cleans up."""
        store = LocalStore(tmp_path)
        (tmp_path / ".partial-0123456789abcdef").symlink_to("gone")
        assert 0 == store.discard_partial(older_than_seconds=0)

    def test_an_unreadable_folder_is_an_error_not_empty(self, tmp_path):
        """Listing what is not a folder must not look like an empty store."""
        (tmp_path / "models").write_bytes(b"a file where a folder should be")
        with pytest.raises(NotADirectoryError):
            LocalStore(tmp_path).list("models")

    def test_home_is_expanded(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        assert str(tmp_path / "store") == open_store("~/store").url

    def test_a_full_disk_leaves_nothing(self, small_disk):
        """A real filesystem of 1 MiB: the put fails, and neither the file nor a temporary one stays."""
        store = LocalStore(small_disk)
        store.create("commits/1.json", b"before")
        with pytest.raises(OSError, match="No space left"):
            store.put("payloads/big", [b"x" * 65536] * 64)
        assert [] == store.list("payloads")
        assert [] == os.listdir(small_disk / "payloads")
        assert b"before" == store.get("commits/1.json")


@pytest.fixture
def small_disk(tmp_path):
    """Mount a filesystem of 1 MiB, where the tests may."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs Linux and root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def filesystem_of(store):
    """Return the filesystem that a store uses now."""
    with store._connected() as filesystem:
        return filesystem


class TestFsspec:
    def test_without_atomic_create_a_decision_is_refused(self, tmp_path):
        """The caller has to say that nobody else writes."""
        store = FsspecStore("file", str(tmp_path))
        assert not store.guarantees().atomic_create
        with pytest.raises(AtomicCreateUnsupportedError, match="single_writer=True"):
            store.create("commits/1.json", b"x")
        assert [] == store.list("commits")

    def test_an_error_is_not_taken_for_absence(self, tmp_path, monkeypatch):
        """Nothing is overwritten because a look failed."""
        store = FsspecStore("file", str(tmp_path), single_writer=True)
        store.create("commits/1.json", b"first")

        def broken(_path):
            raise PermissionError(errno.EACCES, "not yours to see")

        monkeypatch.setattr(filesystem_of(store), "info", broken)
        with pytest.raises(PermissionError):
            store.create("commits/1.json", b"second")
        assert b"first" == store.get("commits/1.json")

    @pytest.mark.parametrize("kind", ["fsspec", "no links"])
    def test_a_sole_writer_may_have_threads(self, tmp_path, kind, monkeypatch):
        """Of several threads at once one creates, also through stores opened one by one."""

        def no_links(*_args, **_kwargs):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)

        def create(number):
            if kind == "fsspec":
                store = FsspecStore("file", str(tmp_path), single_writer=True)
            else:
                store = LocalStore(tmp_path, single_writer=True)
            try:
                store.create(f"commits/{number // 8}.json", f"{number}".encode())
            except FileExistsError:
                return None
            return number

        with ThreadPoolExecutor(8) as threads:
            winners = [number for number in threads.map(create, range(80)) if number is not None]
        assert 10 == len(winners)
        found = [LocalStore(tmp_path).get(f"commits/{number // 8}.json") for number in winners]
        assert [f"{number}".encode() for number in winners] == found

    def test_a_forked_child_finds_the_lock_free(self):
        """Whichever thread of its parent held it."""
        with sole_writer():
            _SoleWriter.renew()
            assert sole_writer().acquire(blocking=False)
            _SoleWriter.renew()

    def test_the_host_of_a_url_is_kept(self, monkeypatch):
        """Where it belongs: with the connection, not in the paths; and its password is not shown."""
        store = open_store("ftp://anna:secret@example.org:2121/models", single_writer=True)
        assert "ftp://example.org/models" == store.url
        given = {}

        def filesystem(protocol, **options):
            given.update(options, protocol=protocol)

        monkeypatch.setattr("fsspec.filesystem", filesystem)
        filesystem_of(store)
        assert ("ftp", "example.org", 2121, "anna") == tuple(
            given[name] for name in ("protocol", "host", "port", "username")
        )
        assert "/models/a" == store._at("a")

    def test_what_a_crash_left_behind_is_discarded(self, tmp_path):
        """A write goes to a temporary name first, which nobody would ever remove."""
        store = FsspecStore("file", str(tmp_path), single_writer=True)
        store.put("a/file", b"whole")
        for name in (".partial-0123456789abcdef", ".partial-of-somebody-else"):
            (tmp_path / "a" / name).write_bytes(b"half")
        assert 0 == store.discard_partial(older_than_seconds=3600)
        time.sleep(0.01)
        assert 1 == store.discard_partial(older_than_seconds=0)
        assert [".partial-of-somebody-else", "file"] == sorted(os.listdir(tmp_path / "a"))

    @pytest.mark.parametrize(
        ("info", "year"),
        [
            ({"mtime": 1_770_000_000.0}, 2026),
            ({"mtime": datetime(2025, 1, 1, tzinfo=UTC)}, 2025),
            ({"mtime": "20260101000000"}, 9999),
            ({"mtime": datetime(2025, 1, 1)}, 9999),  # noqa: DTZ001 - of which zone?
            ({}, 9999),
        ],
    )
    def test_what_was_written_at_an_unknown_time_stays(self, info, year):
        assert year == modified(info).year

    @pytest.mark.parametrize("times", [1, 4, 5])
    def test_a_folder_that_another_connection_makes(self, tmp_path, monkeypatch, times):
        """It fails as often as the other is faster, and in the end the folder is there."""
        store = FsspecStore("file", str(tmp_path))
        make, failures = filesystem_of(store).makedirs, iter(range(times))

        def overtaken(folder, **options):
            make(folder, **options)
            if next(failures, None) is not None:
                raise OSError("Failure")

        monkeypatch.setattr(filesystem_of(store), "makedirs", overtaken)
        store.put("a/b/file", b"x")
        assert b"x" == store.get("a/b/file")

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "a").write_bytes(b"no folder")
        with pytest.raises(OSError, match=r"File exists|Not a directory"):
            FsspecStore("file", str(tmp_path)).put("a/b/file", b"x")

    def test_a_large_payload_is_streamed(self, tmp_path, monkeypatch):
        """What is too large to hold is written piece by piece, and dropped if the source fails."""
        monkeypatch.setattr("mlprod.storage._remote.HELD_BYTES", 10)
        store = FsspecStore("file", str(tmp_path))
        store.put("payloads/big", [b"0123456789", b"abc", b"def"])
        assert b"0123456789abcdef" == store.get("payloads/big")

        def pieces():
            yield from [b"0123456789", b"abc"]
            raise MemoryError

        with pytest.raises(OSError, match="MemoryError"):
            store.put("payloads/other", pieces())
        assert ["payloads/big"] == store.list("payloads")

    def test_a_stream_to_s3_that_fails_commits_nothing(self, s3_options, monkeypatch):
        """Leaving an fsspec file by an exception would commit the half of it."""
        import s3fs

        monkeypatch.setattr("mlprod.storage._remote.HELD_BYTES", 10)
        bucket = f"bucket-{secrets.token_hex(4)}"
        s3fs.S3FileSystem(**s3_options).mkdir(bucket)
        store = open_store(f"s3://{bucket}/prefix", **s3_options)
        store.put("payloads/big", [b"0123456789", b"abc"])
        assert b"0123456789abc" == store.get("payloads/big")

        def pieces():
            yield b"x" * (6 << 20)
            yield b"y" * (6 << 20)
            raise MemoryError

        with pytest.raises(OSError, match="MemoryError"):
            store.put("payloads/other", pieces())
        assert ["payloads/big"] == store.list("payloads")

    def test_credentials_that_come_later_are_used(self, s3_options, monkeypatch, tmp_path):
        """A token that was renewed in the meantime must not need a new process."""
        s3fs = pytest.importorskip("s3fs")
        s3fs.S3FileSystem(**s3_options).mkdir("bucket-of-anna")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        store = open_store("s3://bucket-of-anna/prefix", endpoint_url=s3_options["endpoint_url"])
        with pytest.raises(PermissionError, match="credentials"):
            store.put("file", b"x")
        (tmp_path / "credentials").write_text(
            "[default]\naws_access_key_id = anna\naws_secret_access_key = secret\n"
        )
        store.put("file", b"x")
        assert b"x" == store.get("file")

    def test_a_forked_child_connects_anew(self, tmp_path, monkeypatch):
        """A child must not talk through its parent's connections."""
        store = FsspecStore("file", str(tmp_path))
        before = filesystem_of(store)
        assert before is filesystem_of(store)
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert before is not filesystem_of(store)

    def test_every_failure_is_an_os_error(self, tmp_path, monkeypatch):
        """Client libraries raise what they like; callers see one kind."""
        store = FsspecStore("file", str(tmp_path))

        def broken(_path):
            raise RuntimeError("connection pool is closed")

        monkeypatch.setattr(filesystem_of(store), "cat_file", broken)
        with pytest.raises(OSError, match="RuntimeError: connection pool is closed"):
            store.get("file")

    @pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), PermissionError()])
    def test_a_folder_that_cannot_be_listed_is_not_empty(self, tmp_path, monkeypatch, error):
        """Of fsspec's own search nobody would hear of it."""
        store = FsspecStore("file", str(tmp_path), single_writer=True)
        store.put("models/a/1", b"x")
        filesystem = type(store._connections[os.getpid()].filesystem)
        listed = filesystem.ls

        def fail(self, path, **options):
            if path.endswith("/a"):
                raise error
            return listed(self, path, **options)

        monkeypatch.setattr(filesystem, "ls", fail)
        with pytest.raises(type(error)):
            store.list("models")

    def test_a_folder_that_is_deleted_meanwhile_is(self, tmp_path, monkeypatch):
        store = FsspecStore("file", str(tmp_path), single_writer=True)
        for path in ("models/a/1", "models/b/1"):
            store.put(path, b"x")
        filesystem = type(store._connections[os.getpid()].filesystem)
        listed = filesystem.ls

        def delete(self, path, **options):
            found = listed(self, path, **options)
            shutil.rmtree(tmp_path / "models" / "a", ignore_errors=True)
            return found

        monkeypatch.setattr(filesystem, "ls", delete)
        assert ["models/b/1"] == store.list("models")

    def test_a_folder_that_is_listed_in_itself_is_looked_at_once(self, tmp_path, monkeypatch):
        """As some web servers do."""
        store = FsspecStore("file", str(tmp_path), single_writer=True)
        store.put("models/a", b"x")
        filesystem = type(store._connections[os.getpid()].filesystem)
        listed = filesystem.ls

        def with_itself(self, path, **options):
            return [{"name": f"{path}/", "type": "directory"}, *listed(self, path, **options)]

        monkeypatch.setattr(filesystem, "ls", with_itself)
        assert ["models/a"] == store.list("models")

    def test_what_is_written_may_come_from_the_same_store(self, tmp_path, monkeypatch):
        """The pieces of a long write are read while it is under way."""
        monkeypatch.setattr("mlprod.storage._remote.HELD_BYTES", 1)
        store = FsspecStore("file", str(tmp_path), single_writer=True)
        store.put("part", b"xyz")
        with ThreadPoolExecutor() as threads:
            store.put("whole", (threads.submit(store.get, "part").result(10) for _ in range(3)))
        assert b"xyzxyzxyz" == store.get("whole")

    def test_secrets_are_not_shown(self):
        store = FsspecStore("s3", "bucket/prefix", storage_options={"secret": "hunter2"})
        assert "FsspecStore('s3://bucket/prefix')" == repr(store)


class TestOpenStore:
    def test_a_store_is_returned_as_it_is(self):
        store = MemoryStore()
        assert store is open_store(store)

    def test_paths_and_file_urls_are_local(self, tmp_path):
        for url in (tmp_path, str(tmp_path), f"file://{tmp_path}", f"local://{tmp_path}"):
            store = open_store(url)
            assert isinstance(store, LocalStore)
            assert str(tmp_path) == store.url

    def test_a_memory_url_names_the_same_files_everywhere(self):
        name = f"memory://{secrets.token_hex(4)}"
        open_store(name).put("a", b"x")
        assert b"x" == open_store(name).get("a")
        assert name == open_store(name).url

    def test_s3_is_promised_atomic(self):
        pytest.importorskip("s3fs")
        store = open_store("s3://bucket/prefix", endpoint_url="http://127.0.0.1:1")
        assert "s3://bucket/prefix" == store.url
        assert store.guarantees().atomic_create

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("", "'' is no store"),
            ("~no-such-user/models", "cannot be opened"),
            ("nosuch://bucket", "no protocol 'nosuch'"),
            ("simplecache::s3://bucket", "chains filesystems"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, url, message):
        with pytest.raises(InvalidConfigError, match=message):
            open_store(url)

    @pytest.mark.parametrize("slip", ["s3//bucket/a", "s3:/bucket/a", "S3:bucket/a", Path("s3://bucket/a")])
    def test_a_mistyped_url_is_no_folder(self, slip, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InvalidConfigError, match="is no URL: write s3:// with both slashes"):
            open_store(slip)
        open_store(f"./{slip}").put("file", b"")
        assert 1 == len(list(tmp_path.rglob("file"))), "whoever means a folder can say so"

    def test_protocols_are_in_small_letters(self):
        with pytest.raises(InvalidConfigError, match="in small letters"):
            open_store("S3://bucket")

    @pytest.mark.parametrize("url", ["folder", "memory://name", MemoryStore()])
    def test_options_that_mean_nothing_are_refused(self, url):
        with pytest.raises(InvalidConfigError, match="takes no storage options, but got: token"):
            open_store(url, token="x")

    @pytest.mark.parametrize(
        ("url", "package"), [("gs://bucket", r"mlprod\[gcs\]"), ("sftp://host/", "paramiko")]
    )
    def test_a_missing_package_is_named(self, url, package, monkeypatch):
        for module in ("gcsfs", "paramiko"):
            monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError, match=package):
            open_store(url)


class TestFaultyStore:
    def test_after_a_crash_nothing_happens_any_more(self):
        """Not even what a ``finally`` would do: the process is dead."""
        inner = MemoryStore()
        store = FaultyStore(inner, at=2, fault=Fault.CRASH_AFTER)
        store.put("a", b"1")
        with pytest.raises(SimulatedCrashError):
            store.put("b", b"2")
        with pytest.raises(SimulatedCrashError):
            store.delete("a")
        assert ["a", "b"] == sorted(inner._files)

    def test_a_lost_answer_did_happen(self):
        inner = MemoryStore()
        with pytest.raises(OSError, match="lost answer"):
            FaultyStore(inner, at=1, fault=Fault.LOST_ANSWER).put("a", b"1")
        assert b"1" == inner.get("a")

    @pytest.mark.parametrize(
        ("fault", "seen"), [(Fault.TORN_LISTING, ["a/1", "a/3"]), (Fault.DELAYED_LISTING, [])]
    )
    def test_listings_may_show_less(self, fault, seen):
        inner = MemoryStore()
        for number in range(1, 4):
            inner.put(f"a/{number}", b"x")
        store: Store = FaultyStore(inner, at=1, fault=fault)
        assert seen == store.list("a")
        assert ["a/1", "a/2", "a/3"] == store.list("a")
