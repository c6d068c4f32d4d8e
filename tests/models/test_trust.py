"""Signed models: a holder of the key saved exactly this."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import attrs
import numpy as np
import pytest
import xxhash

from mlprod import ModelSerializer, Trust
from mlprod.errors import InvalidConfigError, StoreError, UntrustedModelError
from mlprod.models._events import SAVED
from mlprod.models._payloads import Payloads
from mlprod.storage._ledger import COMMIT, SNAPSHOT

KEY = Trust(key="correct horse battery staple")
OTHER = Trust(key="incorrect horse battery staple")


@pytest.fixture
def signed(store, clock):
    return ModelSerializer(store, trust=KEY, clock=clock)


def change_commit(store, number, change):
    """Rewrite a decision as somebody who can write to the store would: with a right checksum."""
    path = f"models/ledger/commits/{number:020}.json"
    commit = COMMIT.load(store.get(path), path)
    events = tuple(change(event) for event in commit.events)
    store.put(path, COMMIT.dump(attrs.evolve(commit, events=events)))


def change_saved(store, number, **changes):
    def change(event):
        return SAVED.nest(attrs.evolve(SAVED.unnest(event, "test"), **changes))

    change_commit(store, number, change)


def test_what_is_signed_loads_with_the_key(signed, store):
    saved = signed.save(
        {"w": np.ones(3)}, "a", {"accuracy": 0.1}, {"x": [1, {"y": 2.5}]}, examples=([1], [2])
    )
    assert saved.is_signed
    for models, trust in ((signed, None), (ModelSerializer(store), KEY), (ModelSerializer(store), None)):
        assert [1.0, 1.0, 1.0] == models.load("a", trust=trust)["w"].tolist()
    assert signed.validate("a", predict=lambda _model, _inputs: [2]).valid


def test_the_signature_is_the_one_the_docs_describe(signed, store):
    """HMAC-SHA256 over canonical JSON, computed here from the stored file alone."""
    signed.save([1], "a", {"accuracy": 0.1}, {"depth": 3}, tags=["x"])
    commit = json.loads(store.get("models/ledger/commits/00000000000000000001.json"))
    record = commit["data"]["events"][0]["data"]
    scheme, _, signature = record.pop("hmac").partition(":")
    covered = json.dumps({"scheme": scheme, **record}, sort_keys=True, separators=(",", ":"))
    assert "hmac-sha256-1" == scheme
    assert hmac.new(KEY.key, covered.encode(), hashlib.sha256).hexdigest() == signature
    assert hashlib.sha256(b"[1]").hexdigest() == record["payload"]["sha256"]


@pytest.mark.parametrize("at", ["another number", "another name"])
def test_a_forged_snapshot_cannot_swap_signed_models(store, signed, clock, monkeypatch, at):
    """A signed record that is filed as another version is noticed."""
    monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 2)
    signed.save(["long"], "long", activate=True)
    other = signed.save(["short"], "short" if at == "another name" else "long", activate=True)
    (path,) = store.list("models/ledger/snapshots")
    snapshot = SNAPSHOT.load(store.get(path), path)
    models = snapshot.state["data"]["models"]
    models["long"]["versions"]["1.0.0"] = models[other.name]["versions"][other.version]
    models["long"]["production"] = "1.0.0"
    store.put(path, SNAPSHOT.dump(snapshot))
    reopened = ModelSerializer(store, trust=KEY, clock=clock)
    with pytest.raises(StoreError, match=r"file .* as another version"):
        reopened.load("long@1.0.0")
    if at == "another name":
        with pytest.raises(StoreError, match=r"file .* as another version"):
            reopened.active_at("long", clock())


def test_an_unsigned_model_is_refused_where_a_key_is_asked(store, signed):
    ModelSerializer(store).save([1], "a")
    for load in (signed.load, signed.load_bytes, signed.watch):
        with pytest.raises(UntrustedModelError, match=r"a@1.0.0 is not signed"):
            load("a")
    report = signed.validate("a")
    assert not report.valid
    assert "signature: a@1.0.0 is not signed" in report.errors[0]


def test_a_model_signed_with_another_key_is_refused(store, signed):
    ModelSerializer(store, trust=OTHER).save([1], "a")
    with pytest.raises(UntrustedModelError, match="not of the caller's key"):
        signed.load("a")


def test_a_permission_of_one_load_does_not_drop_the_key(store, signed):
    ModelSerializer(store).save([1], "a")
    with pytest.raises(UntrustedModelError, match="is not signed"):
        signed.load("a", trust=Trust(pickle=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "9.0.0"},
        {"format": "pickle"},
        {"metrics": {"accuracy": 1.0}},
        {"config": {"depth": 1}},
        {"tags": ("good",)},
        {"parent": "b@1.0.0"},
        {"hmac": None},
        {"hmac": "00" * 32},
    ],
    ids=str,
)
def test_changed_metadata_is_refused(store, signed, changes):
    """Somebody with write access cannot make a model look other than it was saved."""
    signed.save([1], "a", {"accuracy": 0.5})
    change_saved(store, 1, **changes)
    with pytest.raises(UntrustedModelError):
        ModelSerializer(store, trust=KEY).load("a")


def test_a_replaced_payload_is_refused_though_its_checksum_fits(store, signed):
    """The checksum finds accidents; only the signature finds an attacker who computes it anew."""
    signed.save([1], "a")
    (path,) = store.list("models/payloads")
    record = SAVED.unnest(
        COMMIT.load(store.get("models/ledger/commits/00000000000000000001.json"), "").events[0], ""
    )
    forged = b"[6]"
    store.put(path, forged)
    blob = attrs.evolve(record.payload, checksum=f"xxh3_128:{xxhash.xxh3_128_hexdigest(forged)}")
    change_saved(store, 1, payload=blob)
    assert [6] == ModelSerializer(store).load("a")
    with pytest.raises(UntrustedModelError, match="not of the caller's key"):
        ModelSerializer(store, trust=KEY).load("a")


def test_the_hash_that_was_signed_is_compared_too(store):
    """Even a payload that collides with the checksum, which is no cryptographic one, is refused."""
    payloads = Payloads(store)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    good = payloads.write("a", begun, ".json", [b"[1]"], secure=True)
    forged = payloads.write("a", begun, ".json", [b"[6]"], secure=True)
    colliding = attrs.evolve(forged, sha256=good.sha256)
    with pytest.raises(UntrustedModelError, match="is not the one that was signed"):
        payloads.read(colliding, secure=True)


def test_a_signature_needs_every_byte(signed):
    signed.save([1], "a")
    with pytest.raises(InvalidConfigError, match="a key needs verify='full'"):
        signed.load("a", verify="size")


def test_a_pickle_can_be_asked_for_by_name_and_trusted_by_the_caller(models):
    models.save({1, 2}, "a", format="pickle")
    with pytest.raises(UntrustedModelError, match=r"trust=Trust\(pickle=True\)"):
        models.load("a")
    report = models.validate("a")
    assert "loads" in report.errors[0]
    assert {1, 2} == models.load("a", trust=Trust(pickle=True))
    assert models.validate("a", trust=Trust(pickle=True)).valid


def test_the_key_stays_out_of_the_store(tmp_path):
    ModelSerializer(tmp_path, trust=KEY).save([1], "a")
    assert all(KEY.key not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("types", [0.5, 7, object()], ids=["number", "integer", "object"])
def test_types_are_names(types):
    """Whatever cannot be walked through is none."""
    with pytest.raises(InvalidConfigError, match="types must be names such as"):
        Trust(types=types)


def test_a_key_of_half_characters_is_refused_without_showing_it():
    """Python's own words would hold the whole of it."""
    with pytest.raises(InvalidConfigError, match="a key given as text must be valid text") as caught:
        Trust(key="secret" * 4 + "\ud800")
    assert "secretsecret" not in str(caught.value)
