"""Progress of saving, loading and validating: bytes, never ahead of what was done, and all in the end."""

import os
import secrets
import threading

import numpy as np
import pytest

from mlprod import ModelSerializer, Trust, open_store
from mlprod.errors import ChecksumError, StoreError
from mlprod.storage import FsspecStore, LocalStore, MemoryStore
from mlprod.testing import Fault, FaultyStore, FrozenClock
from tests.recorder import Breaking, Recorder

MIB = 1 << 20
WEIGHTS = {"a": np.arange(3 * MIB / 8), "b": np.ones((256, 256), order="F"), "c": np.empty(0), "d": ["text"]}
EXAMPLES = ([[1.0]], [2.0])


@pytest.fixture(params=["folder", "memory", "remote"])
def models(request, tmp_path):
    kinds = {
        "folder": lambda: LocalStore(tmp_path / "store"),
        "memory": MemoryStore,
        "remote": lambda: FsspecStore("file", str(tmp_path / "store"), single_writer=True),
    }
    return ModelSerializer(kinds[request.param]())


class InPieces:
    """A format whose payload is made while it is written: nobody knows how large it will be."""

    name = "pieces"
    suffix = ".bin"

    def recognizes(self, model):
        return isinstance(model, range)

    def encode(self, model):
        return Pieces(model)

    def decode(self, payload, *, trust):  # noqa: ARG002
        return len(payload)


class Pieces:
    def __init__(self, lengths):
        self._lengths = lengths

    def __iter__(self):
        return (bytes(length) for length in self._lengths)


def test_every_byte_of_a_save_is_counted(models):
    recorder = Recorder()
    saved = models.save(WEIGHTS, "momentum", progress=recorder)
    assert [saved.size] == recorder.sizes
    assert recorder.is_complete


def test_the_steps_of_a_large_payload_are_small(tmp_path):
    recorder = Recorder()
    ModelSerializer(tmp_path).save(WEIGHTS, "momentum", progress=recorder)
    assert max(np.diff([0, *recorder.counts])) <= MIB


def test_examples_are_counted_too(models):
    saving, validating = Recorder(), Recorder()
    models.save(WEIGHTS, "momentum", examples=EXAMPLES, progress=saving)
    report = models.validate("momentum", predict=lambda _, __: [2.0], progress=validating)
    assert report.valid
    stored = sum(models.store.size(path) for path in models.store.list("models/payloads"))
    assert stored == saving.size == validating.size
    assert saving.is_complete
    assert validating.is_complete


SIGNED = {"trust": Trust(key="0123456789abcdef")}
UNVERIFIED = {"verify": "size"}


@pytest.mark.parametrize(
    "how", [{}, UNVERIFIED, {"mmap": True}, {"mmap": True, **UNVERIFIED}, SIGNED, {"mmap": True, **SIGNED}]
)
def test_every_byte_of_a_load_is_counted(tmp_path, how):
    models, recorder = ModelSerializer(tmp_path, trust=how.get("trust")), Recorder()
    saved = models.save(WEIGHTS, "momentum")
    loaded = models.load("momentum", **how, progress=recorder)
    assert np.array_equal(WEIGHTS["a"], loaded["a"])
    assert [saved.size] == recorder.sizes
    assert recorder.is_complete


def test_each_way_to_read_counts(models):
    saved = models.save(WEIGHTS, "momentum", activate=True)
    for read in (models.load, models.load_bytes, models.get_active, models.validate):
        recorder = Recorder()
        read("momentum", progress=recorder)
        assert (saved.size, True) == (recorder.size, recorder.is_complete)


def test_a_size_that_nobody_knows_before_is_told_in_the_end(tmp_path):
    models, recorder = ModelSerializer(tmp_path, formats=[InPieces()]), Recorder()
    models.save(range(1000, 3000, 500), "zeros", format="pieces", progress=recorder)
    assert ([None, 7000], [1000, 2500, 4500, 7000]) == (recorder.sizes, recorder.counts)


def test_on_a_disk_nothing_is_counted_before_it_is_written(tmp_path):
    """But for what is on its way through a buffer."""
    behind = []

    def look(count):
        sizes = [file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()]
        behind.append(count - max(sizes, default=0))

    ModelSerializer(tmp_path).save(WEIGHTS, "momentum", progress=Recorder(look))
    assert max(behind) <= 1 << 16


def test_what_a_remote_store_holds_is_counted_when_it_is_written(tmp_path, monkeypatch):
    """A payload that fits one request has one step; of a larger one, some is still in memory."""
    monkeypatch.setattr("mlprod.storage._remote.HELD_BYTES", MIB)
    monkeypatch.setattr("mlprod.models._payloads.HELD_BYTES", MIB)
    models = ModelSerializer(FsspecStore("file", str(tmp_path), single_writer=True))
    ahead = []

    def look(count):
        ahead.append(count > max((file.stat().st_size for file in tmp_path.rglob("*")), default=0))

    recorder = Recorder(look)
    models.save(WEIGHTS, "momentum", progress=recorder)
    assert recorder.is_complete
    assert len(recorder.counts) > 2
    assert not any(ahead)
    small = Recorder(look)
    saved = models.save(np.arange(1000.0), "small", progress=small)
    assert [saved.size] == small.counts


def test_a_large_payload_of_a_bucket_is_read_in_parts(s3_options, monkeypatch):
    import s3fs

    bucket = f"bucket-{secrets.token_hex(4)}"
    s3fs.S3FileSystem(**s3_options).mkdir(bucket)
    monkeypatch.setattr("mlprod.storage._remote.PART_BYTES", MIB)
    monkeypatch.setattr("mlprod.models._payloads.PART_BYTES", MIB)
    models = ModelSerializer(open_store(f"s3://{bucket}/prefix", **s3_options))
    saved, recorder = models.save(WEIGHTS, "momentum"), Recorder()
    loaded = models.load("momentum", progress=recorder)
    assert all(np.array_equal(WEIGHTS[name], loaded[name]) for name in "abc")
    loaded["a"][0] = 7.0  # as writable as ever
    assert [MIB, 2 * MIB, 3 * MIB, saved.size] == recorder.counts
    assert recorder.is_complete
    assert models.load_bytes("momentum") == models.load_bytes("momentum", progress=Recorder())


class TestInParts:
    @pytest.fixture
    def models(self, tmp_path, monkeypatch):
        monkeypatch.setattr("mlprod.storage._remote.PART_BYTES", MIB)
        monkeypatch.setattr("mlprod.models._payloads.PART_BYTES", MIB)
        models = ModelSerializer(FsspecStore("file", str(tmp_path), single_writer=True))
        models.save(WEIGHTS, "momentum")
        return models

    @pytest.fixture
    def payload(self, models, tmp_path):
        return tmp_path / models.store.list("models/payloads")[0]

    def test_a_changed_byte_is_found(self, models, payload):
        with payload.open("r+b") as file:
            file.seek(2 * MIB)
            file.write(b"x")
        with pytest.raises(ChecksumError, match="has changed since it was saved"):
            models.load("momentum", progress=Recorder())

    @pytest.mark.parametrize("change", [-1, 1])
    def test_another_length_is_found(self, models, payload, change):
        os.truncate(payload, payload.stat().st_size + change)
        recorder = Recorder()
        with pytest.raises(ChecksumError, match="were saved"):
            models.load("momentum", progress=recorder)
        assert [] == recorder.counts

    def test_a_missing_one_is_found(self, models, payload):
        payload.unlink()
        with pytest.raises(StoreError, match="is missing"):
            models.load("momentum", progress=Recorder())

    def test_a_service_that_sends_too_little_is_found(self, models, payload):
        def truncate(count):
            os.truncate(payload, count)

        with pytest.raises(StoreError, match=r"asked for bytes 1,048,576 to 2,097,152 the service sent 0"):
            models.load("momentum", progress=Recorder(truncate))


def test_damage_leaves_the_count_where_it_was_found(tmp_path):
    models, recorder = ModelSerializer(tmp_path), Recorder()
    models.save(WEIGHTS, "momentum", examples=EXAMPLES)
    payload = max(tmp_path.rglob("*.safetensors"), key=lambda file: file.stat().st_size)
    os.truncate(payload, MIB)
    report = models.validate("momentum", progress=recorder)
    assert (False, []) == (report.valid, recorder.counts)


class TestFailing:
    def test_a_callback_that_raises_harms_nothing(self, models):
        breaking = [Breaking() for _ in range(4)]
        saved = models.save(WEIGHTS, "momentum", examples=EXAMPLES, activate=True, progress=breaking[0])
        assert np.array_equal(WEIGHTS["a"], models.load("momentum", progress=breaking[1])["a"])
        assert saved.size == len(models.load_bytes("momentum", progress=breaking[2]))
        assert models.validate("momentum", progress=breaking[3]).valid
        assert [1, 1, 1, 1] == [each.asked for each in breaking]
        assert ["momentum@1.0.0"] == [version.id for version in models.list_models()]

    def test_an_interrupt_while_it_is_written_leaves_nothing_to_see(self, models):
        def interrupt(_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            models.save(WEIGHTS, "momentum", progress=Recorder(interrupt))
        assert [] == models.list_models()
        assert "momentum@1.0.0" == models.save(WEIGHTS, "momentum").id

    def test_a_store_that_fails_closes_the_bar(self, capsys):
        tqdm = pytest.importorskip("tqdm")
        store = FaultyStore(MemoryStore(), at=3, fault=Fault.ERROR)
        with pytest.raises(StoreError, match="could not write the payload") as failure:
            ModelSerializer(store).save(WEIGHTS, "momentum", progress=True)
        assert not tqdm.tqdm._instances
        assert failure.tb  # until here it holds whatever would close itself once nobody needs it any more
        assert "momentum@1.0.0: saving:   0%" in capsys.readouterr().err


def test_an_upload_that_begins_again_is_counted_again(tmp_path):
    """A cleanup took the payload for one that nobody will ever refer to."""
    clock = FrozenClock()
    models = ModelSerializer(tmp_path, clock=clock)
    models.store.put("models/payloads/other/20260101T000000.000000Z-0123456789abcdef.json", b"[]")
    swept = []

    def sweep(_):
        if not swept:
            swept.append(True)
            clock.advance(hours=2)
            ModelSerializer(tmp_path, clock=clock).cleanup(grace_hours=1)

    recorder = Recorder(sweep)
    saved = models.save([1, 2, 3], "numbers", progress=recorder)
    assert [saved.size, 2 * saved.size] == recorder.sizes
    assert recorder.is_complete


def test_each_thread_has_a_count_of_its_own(models):
    recorders = [Recorder() for _ in range(4)]
    threads = [
        threading.Thread(target=models.save, args=(WEIGHTS, f"m{number}"), kwargs={"progress": recorder})
        for number, recorder in enumerate(recorders)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(recorder.is_complete for recorder in recorders)


def test_watching_shows_nothing(capsys):
    """Its thread loads while somebody works at something else."""
    from mlprod import configure

    pytest.importorskip("tqdm")
    models = ModelSerializer(MemoryStore())
    models.save([1], "numbers")
    with configure(progress=True), models.watch("numbers") as handle:
        assert [1] == handle.model
    assert "" == capsys.readouterr().err
