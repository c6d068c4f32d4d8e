"""ModelSerializer, as its users see it."""

import contextlib
import enum
import json
import math
import os
import platform
import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from mlprod import ModelSerializer, Trust
from mlprod.errors import (
    ChecksumError,
    ConflictError,
    FormatError,
    InvalidConfigError,
    InvalidDataError,
    InvalidNameError,
    ModelNotFoundError,
    StoreError,
    ValidationFailedError,
    VersionExistsError,
)
from mlprod.models import LatestN
from mlprod.models._events import Blob
from mlprod.models._payloads import _read_file
from mlprod.schema import dump as dump_record
from mlprod.schema import load as load_record
from mlprod.storage import LocalStore, MemoryStore
from mlprod.testing import FaultyStore

NAMES_THAT_ARE_NONE = [
    "",
    "a/b",
    "..",
    "../a",
    ".hidden",
    "a b",
    "a\nb",
    "a\0b",
    "ä",
    "a" * 10_000,
    "a@b",
    None,
    7,
]


class TestSave:
    def test_the_metadata_says_everything(self, models):
        saved = models.save(
            {"weights": np.arange(3.0)},
            "momentum",
            {"accuracy": np.float32(0.75), "trades": 12},
            {"depth": np.int64(3), "layers": (1, 2)},
            tags=["lstm", "lstm", "v2"],
            aliases=["candidate"],
        )
        assert ("momentum@1.0.0", "momentum", "1.0.0") == (saved.id, saved.name, saved.version)
        assert datetime(2026, 3, 2, 9, 30, tzinfo=UTC) == saved.created_at == saved.updated_at
        assert ({"accuracy": 0.75, "trades": 12.0}, {"depth": 3, "layers": [1, 2]}) == (
            saved.metrics,
            saved.config,
        )
        assert ("binary", "development", False) == (saved.format, saved.stage, saved.is_active)
        assert (("lstm", "v2"), ("candidate",), None) == (saved.tags, saved.aliases, saved.parent)
        assert platform.python_version() == saved.environment["python"]
        assert np.__version__ == saved.environment["libraries"]["numpy"]
        assert saved == models.get_metadata("momentum")

    def test_the_checksum_is_of_the_payload(self, models):
        xxhash = pytest.importorskip("xxhash")
        saved = models.save([1, 2, 3], "numbers")
        assert b"[1,2,3]" == models.load_bytes("numbers")
        assert (7, f"xxh3_128:{xxhash.xxh3_128_hexdigest(b'[1,2,3]')}") == (saved.size, saved.checksum)

    def test_what_other_libraries_call_numbers_are_metrics(self, models):
        """Also the 0-d arrays that a loss comes in; but no other arrays."""
        saved = models.save([1], "a", {"loss": np.array(0.5), "n": np.int32(3)})
        assert {"loss": 0.5, "n": 3.0} == saved.metrics
        with pytest.raises(InvalidDataError, match="must be a number"):
            models.save([1], "a", {"loss": np.array([0.5])})

    def test_changing_metadata_changes_nothing_else(self, models, store, monkeypatch):
        """Neither what other processes see, nor what a snapshot keeps, nor what a signature covers."""
        monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 2)
        signing = ModelSerializer(store, trust=Trust(key="0123456789abcdef"))
        metadata = signing.save(
            [1], "a", {"loss": 0.5}, {"layers": [1, {"x": 2}]}, signature={"inputs": ["x"]}
        )
        metadata.metrics["loss"] = 9
        metadata.config["layers"][1]["x"] = 9
        metadata.environment["libraries"].clear()
        metadata.signature["inputs"].append("y")
        signing.tag("a", "snapshot")
        assert 1 == len(store.list("models/ledger/snapshots"))
        assert [1] == signing.load("a")
        again = models.get_metadata("a")
        assert ({"loss": 0.5}, {"layers": [1, {"x": 2}]}) == (again.metrics, again.config)
        assert "numpy" in again.environment["libraries"]
        assert {"inputs": ["x"]} == again.signature

    def test_an_array_that_changes_while_it_is_saved(self, tmp_path):
        """Whatever was saved of it can be loaded again."""

        class Training:
            name, suffix = "training", ".bin"

            def recognizes(self, model):
                return isinstance(model, np.ndarray)

            def encode(self, model):
                return (model.data,)

            def decode(self, payload, *, trust):
                del trust
                return np.frombuffer(payload)

        models = ModelSerializer(tmp_path, formats=[Training()])
        weights = np.zeros(1 << 19)
        written = models.store.put

        class Busy:
            def __getattr__(self, name):
                return getattr(LocalStore(tmp_path), name)

            def put(self, path, data):
                def changing():
                    for piece in data:
                        weights[:] += 1
                        yield piece

                written(path, changing())

        models = ModelSerializer(Busy(), formats=[Training()])
        models.save(weights, "a", format="training")
        assert weights.size == models.load("a").size

    def test_metadata_can_be_a_key(self, models):
        saved = models.save([1], "a", {"loss": 0.5}, {"depth": 3})
        assert {saved: 1}[models.get_metadata("a")] == 1

    def test_to_dict_is_ready_for_json(self, models):
        document = models.save([1], "a", {"loss": math.nan, "best": math.inf}).to_dict()
        assert models.get_metadata("a").toDict() == document
        assert document == json.loads(json.dumps(document, allow_nan=False))
        assert {"loss": None, "best": None} == document["metrics"]
        assert "2026-03-02T09:30:00.000000Z" == document["created_at"]

    def test_the_notebook_shows_text_as_text(self, models):
        shown = models.save([1], "a", tags=["<script>alert(1)</script>"])._repr_html_()
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown

    @pytest.mark.parametrize(
        ("bump", "version"), [("patch", "1.0.1"), ("minor", "1.1.0"), ("major", "2.0.0")]
    )
    def test_versions_grow_where_asked(self, models, bump, version):
        models.save([1], "a")
        assert version == models.save([2], "a", bump=bump).version

    def test_the_next_version_follows_the_highest_ever(self, models):
        models.save([1], "a", version="2.3.4")
        models.save([1], "a", version="1.9.9")
        models.delete("a@2.3.4")
        assert "2.3.5" == models.save([1], "a").version

    def test_a_version_that_cannot_grow_is_told(self, models, store):
        """And nothing is written that others could not read."""
        models.save([1], "a", version="1.0.999999999")
        with pytest.raises(InvalidNameError, match=r"no patch version follows 1\.0\.999999999"):
            models.save([2], "a")
        assert 1 == len(store.list("models/ledger/commits"))
        assert "a@1.1.0" == models.save([2], "a", bump="minor").id

    @pytest.mark.parametrize("deleted", [False, True])
    def test_a_version_is_never_used_twice(self, models, deleted):
        models.save([1], "a", version="1.4.0")
        if deleted:
            models.delete("a@1.4.0")
        with pytest.raises(VersionExistsError, match=r"a@1.4.0 was saved at .*highest so far is 1.4.0"):
            models.save([2], "a", version="1.4.0")

    @pytest.mark.parametrize(
        "version", ["1", "1.0", "v1.0.0", "1.0.0-rc1", "01.0.0", "1.0.0.0", "latest", "", 7]
    )
    def test_a_version_that_is_none_is_refused(self, models, version):
        with pytest.raises(InvalidNameError, match="is not a semantic version"):
            models.save([1], "a", version=version)

    @pytest.mark.parametrize("name", NAMES_THAT_ARE_NONE, ids=range(len(NAMES_THAT_ARE_NONE)))
    def test_a_name_that_is_none_is_refused_everywhere(self, models, name):
        with pytest.raises(InvalidNameError):
            models.save([1], name)
        for method in (models.load, models.get_metadata, models.delete, models.set_active):
            with pytest.raises((InvalidNameError, ModelNotFoundError)):
                method(name)
        with pytest.raises(InvalidNameError):
            models.history(name)
        models.save([1], "a")
        with pytest.raises(InvalidNameError):
            models.set_alias("a", name)

    def test_an_error_shows_no_more_than_fits(self, models):
        with pytest.raises(InvalidNameError) as caught:
            models.save([1], "x" * 10_000)
        assert len(str(caught.value)) < 250

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"metrics": {"accuracy": "high"}}, InvalidDataError, "metric 'accuracy' must be a number"),
            ({"metrics": {"ok": True}}, InvalidDataError, "metric 'ok' must be a number, not True"),
            ({"metrics": {1: 2}}, InvalidDataError, "a metric's name must be a string"),
            ({"metrics": [1]}, InvalidDataError, "metrics must be a mapping"),
            ({"config": {"w": np.ones(3)}}, InvalidDataError, "arrays belong in the model"),
            ({"config": {1: 2}}, InvalidDataError, "a key of config must be a string"),
            ({"config": {"a": "x" * (1 << 20)}}, InvalidDataError, "at most 1,048,576"),
            ({"config": {"a": "\ud800"}}, InvalidDataError, "lone surrogate"),
            ({"tags": "lstm"}, InvalidDataError, r"tags=\['lstm'\]"),
            ({"aliases": "champion"}, InvalidDataError, r"aliases=\['champion'\]"),
            ({"tags": ["x" * 257]}, InvalidDataError, "a tag has 257 characters"),
            ({"tags": map(str, range(257))}, InvalidDataError, "257 tags are too many"),
            ({"tags": [1]}, InvalidDataError, "a tag must be a string"),
            ({"bump": "tiny"}, InvalidConfigError, "'tiny' is not a part of a version; there are: major"),
            ({"aliases": ["latest"]}, InvalidNameError, "cannot be an alias"),
            ({"aliases": ["production"]}, InvalidNameError, "cannot be an alias"),
            ({"aliases": ["1.0.0"]}, InvalidNameError, "cannot be an alias"),
            ({"parent": "nobody"}, ModelNotFoundError, "no model 'nobody'"),
            ({"format": "jsn"}, FormatError, "there are: json"),
            ({"examples": [1]}, InvalidDataError, "must be a pair"),
            ({"examples": (1, 2, 3)}, InvalidDataError, "must be a pair"),
            ({"examples": (len, 2)}, FormatError, r"model\['inputs'\]"),
            ({"signature": {"inputs": len}}, InvalidDataError, "signature"),
            ({"metrics": {"loss": 10**400}}, InvalidDataError, "metric 'loss' must be a number"),
            ({"config": {"n": 10**5000}}, InvalidDataError, "config cannot be written as JSON"),
            ({"tags": None}, InvalidDataError, "tags must be several strings, not None"),
            ({"aliases": 5}, InvalidDataError, "aliases must be several strings, not 5"),
            ({"aliases": ["none"]}, InvalidNameError, "cannot be an alias"),
            ({"format": 5}, InvalidConfigError, "5 is no format"),
        ],
        ids=range(29),
    )
    def test_bad_input_is_refused_and_leaves_nothing(self, clock, arguments, error, message):
        store = MemoryStore()
        with pytest.raises(error, match=message):
            ModelSerializer(store, clock=clock).save([1], "a", **arguments)
        assert [] == store.list("models")

    def test_examples_that_contain_themselves_are_refused(self, models):
        examples = []
        examples.append(examples)
        with pytest.raises(FormatError, match="contains itself"):
            models.save([1], "a", examples=(examples, 1))

    def test_an_enum_of_strings_is_its_value(self, models):
        class Side(str, enum.Enum):  # noqa: UP042 - what users of Python 3.10 still have
            BUY = "buy"

        assert {"side": "buy"} == models.save([1], "a", config={"side": Side.BUY}).config

    def test_what_contains_itself_is_refused(self, models):
        config = {}
        config["self"] = config
        with pytest.raises(InvalidDataError, match="contains itself"):
            models.save([1], "a", config=config)

    def test_a_model_that_no_safe_format_holds_is_refused(self, models, store):
        with pytest.raises(FormatError, match="pass format= with one of"):
            models.save(object(), "a")
        assert [] == store.list("models")

    def test_a_payload_that_fails_half_way_leaves_nothing(self, clock, tmp_path):
        """The disk is as it was, and the next save works."""

        class Failing:
            name, suffix = "failing", ".bin"

            def recognizes(self, _model):
                return False

            def encode(self, _model):
                return Pieces()

            def decode(self, payload, *, trust):
                del payload, trust

        class Pieces:
            def __iter__(self):
                yield b"half"
                raise MemoryError("no more")

        models = ModelSerializer(tmp_path, clock=clock)
        with pytest.raises(MemoryError):
            models.save([1], "a", format=Failing())
        assert [] == LocalStore(tmp_path).list("models")
        assert "a@1.0.0" == models.save([1], "a").id

    def test_the_parent_is_resolved(self, models):
        models.save([1], "a")
        models.save([2], "a")
        assert "a@1.0.1" == models.save([3], "b", parent="a@latest").parent

    def test_saving_as_active_is_one_decision(self, models, store):
        saved = models.save([1], "a", activate=True, aliases=["x"])
        assert (True, "production", ("x",)) == (saved.is_active, saved.stage, saved.aliases)
        assert 1 == len(store.list("models/ledger/commits"))


class TestReferences:
    @pytest.fixture(autouse=True)
    def three_versions(self, models):
        for number in range(3):
            models.save([number], "a", bump="minor", aliases=[f"v{number}"])

    def test_every_way_to_refer(self, models):
        models.set_active("a@1.1.0")
        models.promote("a@1.0.0", "staging")
        for ref, expected in {
            "a": "1.1.0",
            "a@1.0.0": "1.0.0",
            "a@production": "1.1.0",
            "a@staging": "1.0.0",
            "a@development": "1.2.0",
            "a@latest": "1.2.0",
            "a@v0": "1.0.0",
            models.get_metadata("a@v2"): "1.2.0",
        }.items():
            assert expected == models.get_metadata(ref).version

    def test_a_bare_name_means_the_latest_where_none_is_active(self, models):
        assert "1.2.0" == models.get_metadata("a").version
        models.delete("a@1.2.0")
        assert "1.1.0" == models.get_metadata("a").version

    @pytest.mark.parametrize(
        ("ref", "message"),
        [
            ("b", "there is no model 'b' in memory://; there are: a"),
            ("a@1.9.0", r"'a' has no version 1.9.0 .* of its versions there are: 1.2.0, 1.1.0, 1.0.0"),
            ("a@production", "no version of 'a' is in production"),
            ("a@v9", r"'a' has no alias 'v9' .* of its aliases there are: v0, v1, v2"),
        ],
    )
    def test_what_is_not_there_names_what_is(self, models, ref, message):
        with pytest.raises(ModelNotFoundError, match=message) as caught:
            models.load(ref)
        assert isinstance(caught.value, KeyError)
        assert "model_not_found" == caught.value.kind

    def test_a_deleted_version_says_when(self, models):
        models.delete("a@1.1.0")
        with pytest.raises(ModelNotFoundError, match=r"a@1.1.0 was deleted at 2026-03-02T09:30"):
            models.load("a@1.1.0")
        with pytest.raises(ModelNotFoundError, match="has no alias 'v1'"):
            models.load("a@v1")

    def test_a_model_without_living_versions(self, models):
        for number in range(3):
            models.delete(f"a@v{number}")
        for ref in ("a", "a@latest"):
            with pytest.raises(ModelNotFoundError, match="every version of 'a' is deleted"):
                models.load(ref)
        assert [] == models.get_versions("a")
        assert "a@1.2.1" == models.save([1], "a").id

    def test_thousands_of_names_fit_an_error(self, models):
        for number in range(50):
            models.save([1], f"model-{number}")
        with pytest.raises(ModelNotFoundError, match=r"there are: model-4\d?, .* and 43 more"):
            models.load("modle-4")


class TestLoad:
    def test_arrays_can_be_changed_and_mapped_ones_cannot(self, tmp_path):
        models = ModelSerializer(tmp_path)
        models.save({"w": np.arange(3.0)}, "a")
        loaded = models.load("a")["w"]
        loaded += 1
        mapped = models.load("a", mmap=True)["w"]
        assert [0.0, 1.0, 2.0] == mapped.tolist()
        assert not mapped.flags.writeable
        assert [0.0, 1.0, 2.0] == models.load("a", mmap=True, verify="size")["w"].tolist()

    def test_a_large_model_comes_back_whole_and_can_be_changed(self, tmp_path):
        """Larger than the pieces in which it is written and read."""
        models = ModelSerializer(tmp_path)
        weights = np.random.default_rng(1).random((3, 500_000))
        models.save({"w": weights, "t": weights.T}, "a")
        loaded = models.load("a")
        assert np.array_equal(weights, loaded["w"])
        assert np.array_equal(weights.T, loaded["t"])
        loaded["w"][0, 0] = 7.0
        assert np.array_equal(weights, models.load("a", mmap=True)["w"])

    def test_mapping_elsewhere_than_on_a_disk_loads(self, models):
        models.save({"w": np.arange(3.0)}, "a")
        assert [0.0, 1.0, 2.0] == models.load("a", mmap=True)["w"].tolist()

    def test_an_unknown_way_to_verify_is_refused(self, models):
        models.save([1], "a")
        with pytest.raises(InvalidConfigError, match="'none' is not a way to verify; there are: full, size"):
            models.load("a", verify="none")

    @pytest.mark.parametrize("where", ["disk", "memory"])
    @pytest.mark.parametrize(
        ("harm", "message"),
        [
            pytest.param(lambda raw: raw[:-1], "bytes, but .* were saved", id="truncated"),
            pytest.param(lambda raw: raw + b"\0", "bytes, but .* were saved", id="extended"),
            pytest.param(lambda raw: raw[:-1] + b"\1", "has changed since it was saved", id="flipped"),
            pytest.param(lambda _: b"", "has 0 bytes", id="emptied"),
        ],
    )
    def test_a_changed_payload_is_noticed(self, tmp_path, where, harm, message):
        store = LocalStore(tmp_path) if where == "disk" else MemoryStore()
        models = ModelSerializer(store)
        models.save({"w": np.arange(3.0)}, "a")
        (path,) = store.list("models/payloads")
        store.put(path, harm(store.get(path)))
        for options in ({}, {"mmap": True}):
            with pytest.raises(ChecksumError, match=message):
                models.load("a", **options)
        with pytest.raises(ChecksumError, match=message):
            models.load_bytes("a")
        report = models.validate("a")
        assert not report.valid
        assert "payload" in report.errors[0]

    def test_two_swapped_payloads_are_noticed(self, models, store):
        models.save([1], "a")
        models.save([2], "b")
        first, second = store.list("models/payloads")
        one, other = store.get(first), store.get(second)
        store.put(first, other)
        store.put(second, one)
        with pytest.raises(ChecksumError):
            models.load("a")

    def test_a_missing_payload_is_named(self, models, store):
        models.save([1], "a")
        (path,) = store.list("models/payloads")
        store.delete(path)
        with pytest.raises(StoreError, match=f"the payload {path} is missing"):
            models.load("a")
        assert not models.validate("a").valid

    def test_a_file_that_shrinks_while_it_is_read(self, tmp_path):
        """A read that ends early is a change of size, not an endless loop."""
        path = tmp_path / "payload"
        path.write_bytes(bytes(3 << 20))
        blob = Blob(path="models/payloads/a/b", size=3 << 20, checksum="")
        with pytest.raises(ChecksumError, match="has 1,048,576 bytes, but 3,145,728 were saved"):
            _read_file(path, blob, lambda _piece: os.truncate(path, 1 << 20))

    def test_a_format_of_the_application_must_be_known(self, store):
        class Upper:
            name, suffix = "upper", ".txt"

            def recognizes(self, model):
                return isinstance(model, bytes)

            def encode(self, model):
                return (model.upper(),)

            def decode(self, payload, *, trust):
                del trust
                return bytes(payload)

        models = ModelSerializer(store, formats=[Upper()])
        assert "upper" == models.save(b"text", "a").format
        assert b"TEXT" == models.load("a")
        assert ["a@1.0.0"] == [found.id for found in models.list_models(format="upper")]
        with pytest.raises(FormatError, match=r"there is no format 'upper'.*formats=\[...\]"):
            ModelSerializer(store).load("a")

    def test_loading_a_known_version_takes_two_reads(self):
        store = FaultyStore(MemoryStore())
        models = ModelSerializer(store)
        models.save([1], "a")
        before = store.operations
        models.load("a@1.0.0")
        assert 2 == store.operations - before

    def test_saving_takes_three_requests(self):
        store = FaultyStore(MemoryStore())
        models = ModelSerializer(store)
        models.save([1], "a")
        before = store.operations
        models.save([1], "a")
        assert ["get", "put", "create"] == [entry.split()[0] for entry in store.log[before:]]

    @pytest.mark.parametrize("ref", ["a", "a@1.0.1"])
    def test_a_version_deleted_while_it_is_loaded(self, ref):
        """A bare name then means the next one; a version that is gone says so."""

        class DeletedMeanwhile:
            """A store in which another process deletes the version just before its payload is read."""

            def __getattr__(self, name):
                return getattr(inner, name)

            def get(self, path):
                if path.startswith("models/payloads"):
                    with contextlib.suppress(ModelNotFoundError):
                        ModelSerializer(inner).delete("a@1.0.1")
                return inner.get(path)

        inner = MemoryStore()
        models = ModelSerializer(inner)
        models.save([1], "a")
        models.save([2], "a")
        slow = ModelSerializer(DeletedMeanwhile())
        if ref == "a":
            assert [1] == slow.load("a")
        else:
            with pytest.raises(ModelNotFoundError, match="was deleted at"):
                slow.load(ref)


class TestListing:
    def test_filters(self, models):
        models.save([1], "b", tags=["x"])
        models.save({"w": np.ones(1)}, "a", tags=["x", "y"])
        models.save([1], "a")
        models.promote("a@1.0.0", "staging")

        def ids(**filters):
            return [found.id for found in models.list_models(**filters)]

        assert ["a@1.0.0", "a@1.0.1", "b@1.0.0"] == ids()
        assert ["a@1.0.0", "a@1.0.1"] == ids(name="a")
        assert ["a@1.0.0", "b@1.0.0"] == ids(tag="x")
        assert ["a@1.0.0"] == ids(stage="staging")
        assert ["a@1.0.1", "b@1.0.0"] == ids(format="json")
        assert [] == ids(name="nobody")
        with pytest.raises(InvalidConfigError, match=r"'prod' is not a stage; there are: .*production"):
            ids(stage="prod")

    def test_versions_are_listed_oldest_first(self, models):
        models.save([1], "a", version="2.0.0")
        models.save([1], "a", version="1.5.0")
        assert ["2.0.0", "1.5.0"] == [found.version for found in models.get_versions("a@2.0.0")]

    def test_the_best_by_a_metric(self, models):
        for accuracy in (0.5, 0.7, math.nan, 0.7, 0.6):
            models.save([1], "a", {"accuracy": accuracy})
        models.save([1], "a")
        assert "a@1.0.3" == models.best("a", "accuracy").id
        assert "a@1.0.0" == models.best("a", "accuracy", maximize=False).id
        with pytest.raises(ModelNotFoundError, match="has the metric 'acuracy'; there are: accuracy"):
            models.best("a", "acuracy")


class TestStages:
    def test_production_holds_one(self, models):
        models.save([1], "a", activate=True)
        models.save([2], "a")
        promoted = models.set_active("a@1.0.1", reason="better")
        assert (True, "production") == (promoted.is_active, promoted.stage)
        before = models.get_metadata("a@1.0.0")
        assert (False, "archived") == (before.is_active, before.stage)
        assert [2] == models.load("a") == models.get_active("a") == models.load("a@production")

    def test_get_active_without_a_name_is_the_last_activated(self, models):
        with pytest.raises(ModelNotFoundError, match=r"no model in memory:// is in production"):
            models.get_active()
        for name in "ab":
            models.save([name], name, activate=True)
        assert ["b"] == models.get_active()
        models.save(["a2"], "a", activate=True)
        assert ["a2"] == models.get_active()
        models.promote("a@production", "archived")
        assert ["b"] == models.get_active()
        with pytest.raises(ModelNotFoundError, match="no version of 'a' is in production"):
            models.get_active("a")
        with pytest.raises(InvalidNameError):
            models.get_active("")

    def test_promoting_to_where_it_is_decides_nothing(self, models, store):
        models.save([1], "a", activate=True)
        models.promote("a", "production", expected="9.9.9", reason="again")
        assert 1 == len(store.list("models/ledger/commits"))

    def test_an_expectation_that_holds(self, models):
        first = models.save([1], "a")
        models.save([2], "a")
        models.set_active(first, expected="none")
        models.set_active("a@1.0.1", expected=first)
        models.set_active("a@1.0.0", expected="1.0.1")
        models.set_active("a@1.0.1", expected="production")
        models.promote("a@1.0.0", "staging", expected="none")
        assert "a@1.0.1" == models.get_metadata("a").id

    @pytest.mark.parametrize("expected", ["none", "1.0.1", "a@1.0.2"])
    def test_an_expectation_that_does_not_hold(self, models, expected):
        for number in range(3):
            models.save([number], "a", activate=number == 0)
        with pytest.raises(ConflictError, match=r"production was expected to hold .* but now holds a@1.0.0"):
            models.set_active("a@1.0.1" if expected != "1.0.1" else "a@1.0.2", expected=expected)
        assert "a@1.0.0" == models.get_metadata("a").id

    def test_an_expectation_that_is_deleted_meanwhile(self, models):
        """Whoever loses a race learns of a conflict, however the race was lost."""
        for number in range(3):
            models.save([number], "a", activate=number < 2)
        models.delete("a@1.0.0")
        with pytest.raises(ConflictError, match=r"expected to hold 1\.0\.0, but now holds a@1\.0\.1"):
            models.set_active("a@1.0.2", expected="1.0.0")

    def test_an_expectation_of_an_empty_stage(self, models):
        models.save([1], "a")
        with pytest.raises(ConflictError, match=r"expected to hold 1\.0\.0, but now holds no version"):
            models.set_active("a", expected="1.0.0")

    @pytest.mark.parametrize("expected", [5, "a/b", ""])
    def test_an_expectation_that_is_none_is_refused(self, models, expected):
        models.save([1], "a", activate=True)
        models.save([2], "a")
        with pytest.raises((InvalidNameError, ConflictError)):
            models.set_active("a@1.0.1", expected=expected)
        models.promote("a@1.0.0", "archived")
        with pytest.raises((InvalidNameError, ConflictError)):
            models.set_active("a@1.0.1", expected=expected)

    def test_an_unknown_stage_is_named(self, models):
        models.save([1], "a")
        with pytest.raises(InvalidConfigError, match="'produciton' is not a stage; there are: production"):
            models.promote("a", "produciton")

    def test_a_reason_has_its_bounds(self, models):
        models.save([1], "a")
        for reason in ("x" * 4097, 7):
            with pytest.raises(InvalidDataError, match="the reason"):
                models.set_active("a", reason=reason)
            with pytest.raises(InvalidDataError, match="the reason"):
                models.rollback("a", reason=reason)

    def test_promotion_can_replay_the_examples(self, models):
        """What does not do what it did is not promoted."""
        models.save({"slope": 2.0}, "a", examples=(np.array([1.0, 2.0]), np.array([2.0, 4.0])))
        with pytest.raises(
            ValidationFailedError, match=r"a@1.0.0 was not promoted to production: .*should be 2.0"
        ):
            models.set_active("a", predict=lambda model, inputs: model["slope"] * inputs + 1)
        assert not models.get_metadata("a").is_active
        assert models.set_active("a", predict=lambda model, inputs: model["slope"] * inputs).is_active

    def test_a_promotion_can_be_trusted_to_load_a_pickle(self, models):
        models.save({1, 2}, "a", format="pickle", examples=([1.0], [2.0]))

        def predict(model, inputs):
            return [len(model) * inputs[0]]

        with pytest.raises(ValidationFailedError, match="this model is a pickle"):
            models.set_active("a", predict=predict)
        assert models.set_active("a", predict=predict, trust=Trust(pickle=True)).is_active


class TestRollback:
    @pytest.fixture(autouse=True)
    def three_in_production(self, models, clock):
        for number in range(3):
            models.save([number], "a", activate=True)
            clock.advance(hours=1)

    def test_each_goes_one_further_back(self, models):
        """Never to the version that was rolled back from."""
        assert "a@1.0.1" == models.rollback("a", reason="losing money").id
        assert "a@1.0.0" == models.rollback("a").id
        with pytest.raises(ModelNotFoundError, match="no earlier production version to roll back to"):
            models.rollback("a")
        assert [0] == models.get_active("a")

    def test_a_promotion_after_it_is_remembered(self, models):
        models.rollback("a")
        models.save([9], "a", activate=True)
        assert "a@1.0.1" == models.rollback("a").id
        assert "a@1.0.0" == models.rollback("a").id

    def test_to_a_version(self, models):
        assert "a@1.0.0" == models.rollback("a", "1.0.0").id
        with pytest.raises(ModelNotFoundError, match="no earlier"):
            models.rollback("a")
        assert "a@1.0.2" == models.rollback("a", to="a@1.0.2").id
        assert "a@1.0.2" == models.rollback("a", to=models.get_metadata("a@1.0.2")).id

    def test_only_of_what_was_expected(self, models):
        """A line that was written before somebody else decided does not undo that decision."""
        models.save([9], "a", activate=True, tags=("hotfix",))
        refused = (
            "a was not rolled back to 1.0.0: production was expected to hold 1.0.2, but now holds a@1.0.3"
        )
        with pytest.raises(ConflictError, match=re.escape(refused)):
            models.rollback("a", "1.0.0", expected="1.0.2")
        with pytest.raises(ConflictError, match=re.escape("a was not rolled back to 1.0.2")):
            models.rollback("a", expected="none")
        assert "a@1.0.3" == models.get_metadata("a@production").id
        for expected in ("1.0.3", "1.0.3"):  # the second time it is where it should be
            assert "a@1.0.0" == models.rollback("a", "1.0.0", expected=expected).id

    def test_to_what_is_not_there(self, models):
        with pytest.raises(ModelNotFoundError, match=r"no version 7\.0\.0"):
            models.rollback("a", "7.0.0")
        with pytest.raises(ModelNotFoundError, match="no model 'b'"):
            models.rollback("b")
        models.save([1], "b")
        with pytest.raises(ConflictError, match=r"cannot roll back 'a' to b@1.0.0: that is another model"):
            models.rollback("a", "b@1.0.0")

    def test_out_of_an_empty_production(self, models):
        """What was taken out of production last is what was there before."""
        models.promote("a", "archived")
        assert "a@1.0.2" == models.rollback("a").id

    def test_out_of_production_and_in_again(self, models):
        """Each step leads to another version than the one in production."""
        models.promote("a", "archived")
        models.set_active("a@1.0.2")
        models.cleanup(policy=LatestN(1))
        assert "a@1.0.1" == models.rollback("a").id

    def test_past_a_version_that_was_there_twice(self, models):
        models.set_active("a@1.0.1")
        models.set_active("a@1.0.0")
        models.delete("a@1.0.2")
        assert ["a@1.0.1", "a@1.0.0"] == [models.rollback("a").id, models.rollback("a").id]

    def test_past_a_deleted_version(self, models):
        models.delete("a@1.0.1")
        assert "a@1.0.0" == models.rollback("a").id


class TestHistory:
    def test_active_at_answers_for_any_time(self, models, clock):
        start = clock()
        models.save([0], "a")
        assert models.active_at("a", start) is None
        for version in ("1.0.1", "1.0.2"):
            clock.advance(hours=1)
            models.save([0], "a", activate=True)
            assert version == models.get_metadata("a").version
        clock.advance(hours=1)
        models.rollback("a")
        clock.advance(hours=1)
        models.promote("a", "archived")
        expected = [None, "1.0.1", "1.0.2", "1.0.1", None, None]
        asked = [models.active_at("a", start + timedelta(hours=hours)) for hours in range(6)]
        assert expected == [found and found.version for found in asked]
        just_before = start + timedelta(hours=2) - timedelta(microseconds=1)
        assert "1.0.1" == models.active_at("a", just_before).version
        elsewhere = (start + timedelta(hours=2)).astimezone(timezone(timedelta(hours=-5)))
        assert "1.0.2" == models.active_at("a", elsewhere).version

    def test_active_at_knows_versions_that_are_deleted_by_now(self, models, clock):
        models.save([0], "a", activate=True)
        then = clock()
        clock.advance(hours=1)
        models.save([1], "a", activate=True)
        models.delete("a@1.0.0")
        assert "a@1.0.0" == models.active_at("a", then).id

    def test_a_time_without_a_zone_is_refused(self, models):
        models.save([0], "a")
        with pytest.raises(InvalidDataError, match="has no timezone"):
            models.active_at("a", datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
        for moment in (None, datetime(2026, 1, 1, tzinfo=UTC).date()):
            with pytest.raises(InvalidDataError, match="must be a datetime"):
                models.active_at("a", moment)
        with pytest.raises(InvalidDataError, match="is no time in UTC"):
            models.active_at("a", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))))

    def test_every_decision_is_told(self, models, clock):
        models.save([0], "a", activate=True)
        clock.advance(hours=1)
        models.save([1], "a", aliases=["new"])
        models.set_alias("a@1.0.0", "new")
        models.remove_alias("a", "new")
        models.tag("a@1.0.1", "x", "y")
        models.untag("a@1.0.1", "x")
        models.promote("a@1.0.1", "staging", reason="trial")
        models.set_active("a@1.0.1", reason="better")
        models.rollback("a", reason="worse")
        models.delete("a@1.0.1")
        told = [
            (event.what, event.from_, event.to, event.detail, event.reason) for event in models.history("a")
        ]
        assert told == [
            ("saved", None, "1.0.0", "", ""),
            ("promoted", None, "1.0.0", "production", "saved as active"),
            ("saved", None, "1.0.1", "", ""),
            ("aliased", None, "1.0.1", "new", ""),
            ("aliased", "1.0.1", "1.0.0", "new", ""),
            ("unaliased", "1.0.0", None, "new", ""),
            ("tagged", None, "1.0.1", "x, y", ""),
            ("untagged", None, "1.0.1", "x", ""),
            ("promoted", None, "1.0.1", "staging", "trial"),
            ("promoted", "1.0.0", "1.0.1", "production", "better"),
            ("rolled_back", "1.0.1", "1.0.0", "production", "worse"),
            ("deleted", "1.0.1", None, "", ""),
        ]
        assert "2026-03-02 10:30:00 UTC  promoted production 1.0.0 -> 1.0.1 (better)" == str(
            models.history("a")[9]
        )
        assert "1.0.0" == models.history("a")[9].to_dict()["from"]

    def test_the_histories_of_all_models_are_those_of_each(self, models):
        assert {} == models.histories()
        for name in ("second", "first"):
            models.save([1], name, activate=True)
        models.delete(models.save([2], "first"))
        found = models.histories()
        assert ["first", "second"] == list(found)
        assert {name: models.history(name) for name in found} == found

    def test_history_keeps_its_order_when_the_clock_steps_back(self, models, clock):
        models.save([0], "a", activate=True)
        clock.advance(hours=-1)
        saved = models.save([1], "a", activate=True)
        assert datetime(2026, 3, 2, 9, 30, tzinfo=UTC) == saved.created_at
        assert "a@1.0.1" == models.active_at("a", saved.created_at).id


class TestTagsAndAliases:
    def test_tags_come_and_go(self, models, clock):
        models.save([1], "a", tags=["x"])
        clock.advance(hours=1)
        tagged = models.tag("a", "y", "x")
        assert (("x", "y"), clock()) == (tagged.tags, tagged.updated_at)
        assert ("y",) == models.untag("a", "x", "never there").tags

    def test_what_changes_nothing_decides_nothing(self, models, store):
        models.save([1], "a", tags=["x"], aliases=["z"])
        models.tag("a", "x")
        models.untag("a", "y")
        models.set_alias("a", "z")
        assert 1 == len(store.list("models/ledger/commits"))

    def test_an_alias_points_to_one_version(self, models):
        models.save([1], "a", aliases=["live"])
        models.save([2], "a")
        assert ("live",) == models.set_alias("a@1.0.1", "live").aliases
        assert () == models.get_metadata("a@1.0.0").aliases
        models.remove_alias("a", "live")
        with pytest.raises(
            ModelNotFoundError, match=r"'a' has no alias 'live' in memory://; there are none yet"
        ):
            models.remove_alias("a", "live")


class TestDelete:
    def test_the_payload_goes_the_record_stays(self, models, store):
        models.save({"w": np.ones(1)}, "a", examples=([1], [1]))
        models.delete("a")
        assert [] == store.list("models/payloads")
        assert "deleted" == models.history("a")[-1].what

    def test_the_active_version_is_not_deleted(self, models):
        models.save([1], "a", activate=True)
        for ref in ("a", "a@1.0.0", "a@production"):
            with pytest.raises(
                ConflictError, match=r"a@1.0.0 is in production .*promote\('a@1.0.0', 'archived'\)"
            ):
                models.delete(ref)
        models.promote("a", "archived")
        models.delete("a")
        assert [] == models.list_models()

    def test_a_payload_that_cannot_be_deleted_is_left_to_cleanup(self, clock, caplog):
        """The decision stands; what nobody refers to does no harm until the next cleanup."""
        inner = MemoryStore()
        models = ModelSerializer(inner, clock=clock)
        models.save([1], "a")
        store = FaultyStore(inner, at=5)
        ModelSerializer(store, clock=clock).delete("a")
        assert store.log[-1].startswith("delete models/payloads/a/")
        assert "the next cleanup() will" in caplog.text
        assert [] == models.list_models()
        assert 1 == len(inner.list("models/payloads"))
        assert (3, ()) == (models.cleanup().freed_bytes, models.cleanup().removed)
        assert [] == inner.list("models/payloads")


class TestForgeries:
    """What somebody who can write to the store may try without a key."""

    @pytest.mark.parametrize(
        "path", ["models/ledger/commits/00000000000000000001.json", "../x", "models/payloads/../x"]
    )
    def test_a_path_that_is_no_payload_is_refused(self, models, store, path):
        """A record must not make a load read, or a delete remove, anything else."""
        models.save([1], "a")
        commit = "models/ledger/commits/00000000000000000001.json"
        kind, version, data = load_record(store.get(commit), commit)
        data["events"][0]["data"]["payload"]["path"] = path
        store.put(commit, dump_record(kind, version, data))
        with pytest.raises(StoreError, match=r"is damaged: its 'model.saved' record"):
            ModelSerializer(store).load("a")

    def test_a_decision_about_what_is_not_there_is_refused(self, models, store):
        models.save([1], "a", activate=True)
        models.tag("a", "x")
        commit = "models/ledger/commits/00000000000000000002.json"
        kind, version, data = load_record(store.get(commit), commit)
        data["events"][0]["data"]["version"] = "7.0.0"
        store.put(commit, dump_record(kind, version, data))
        with pytest.raises(StoreError, match="does not follow from the decisions before it"):
            ModelSerializer(store).load("a")

    def test_a_payload_that_two_versions_claim_outlives_one_of_them(self, models, store):
        models.save([1], "a")
        models.save([1], "b")
        commit = "models/ledger/commits/00000000000000000002.json"
        kind, version, data = load_record(store.get(commit), commit)
        shared = models._registry().models["a"].versions["1.0.0"].saved.payload.path
        data["events"][0]["data"]["payload"]["path"] = shared
        store.put(commit, dump_record(kind, version, data))
        other = ModelSerializer(store)
        other.delete("b")
        other.cleanup()
        assert [1] == other.load("a")


def test_the_camel_case_spellings_are_the_same_functions():
    for camel, snake in {
        "loadBytes": "load_bytes",
        "getActive": "get_active",
        "getMetadata": "get_metadata",
        "listModels": "list_models",
        "getVersions": "get_versions",
        "setActive": "set_active",
        "setAlias": "set_alias",
        "removeAlias": "remove_alias",
        "activeAt": "active_at",
    }.items():
        assert getattr(ModelSerializer, camel) is getattr(ModelSerializer, snake)


def test_every_multi_word_method_has_a_camel_case_spelling():
    for name in vars(ModelSerializer):
        if "_" in name.strip("_") and not name.startswith("_"):
            first, *rest = name.split("_")
            assert hasattr(ModelSerializer, first + "".join(map(str.capitalize, rest)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"trust": True},
        {"retention": LatestN},
        {"retention": 5},
        {"formats": [5]},
        {"store": 5},
        {"store": "a\0b"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_at_once(arguments):
    """Not after the first upload."""
    with pytest.raises(InvalidConfigError):
        ModelSerializer(**arguments)


def test_it_says_where_it_is(tmp_path):
    models = ModelSerializer(tmp_path)
    assert f"ModelSerializer('{tmp_path}')" == repr(models)
    assert str(tmp_path) == models.store.url
