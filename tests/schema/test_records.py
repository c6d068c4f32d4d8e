"""Every record that was ever written stays readable, and what is not a record is never taken for one."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import MLProdError, NewerSchemaError, StoreError
from mlprod.experiments import (
    Experiment,
    ExperimentConclusion,
    ExperimentConfig,
    Interval,
    MetricComparison,
    Phase,
    SampleRatio,
    VariantMetrics,
)
from mlprod.experiments._events import EVENTS as EXPERIMENT_EVENTS
from mlprod.experiments._events import (
    ExperimentCreated,
    ExperimentEnded,
    ExperimentPaused,
    ExperimentResumed,
    ExperimentStarted,
    TrafficSet,
)
from mlprod.experiments._state import EXPERIMENTS, Experiments
from mlprod.models import ModelEvent
from mlprod.models._events import (
    EVENTS,
    AliasRemoved,
    AliasSet,
    Blob,
    ModelDeleted,
    ModelPromoted,
    ModelRolledBack,
    ModelSaved,
    PayloadsSwept,
    TagsAdded,
    TagsRemoved,
)
from mlprod.models._fold import MODELS
from mlprod.models._state import Activation, Model, Registry, Version
from mlprod.monitoring._alert_events import (
    ALERT_EVENTS,
    AlertAcknowledged,
    AlertCleared,
    AlertFired,
    AlertOpened,
    AlertResolved,
)
from mlprod.monitoring._alert_state import ALERTS, Alerts, Entered, OpenAlert
from mlprod.monitoring._values import Alert
from mlprod.schema import RecordSet, RecordType, dump, load
from mlprod.storage._ledger import COMMIT, SNAPSHOT, _Commit, _Snapshot
from mlprod.storage.journal._files import SUMMARY, _Summary
from mlprod.storage.journal._state import JOURNAL, BlockRef, Compacted, JournalState, StreamState

FIXTURES = Path(__file__).parent / "fixtures"
TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

SAVED = ModelSaved(
    name="momentum",
    version="1.2.0",
    format="binary",
    payload=Blob(
        path="models/payloads/momentum/20260102T030405.000000Z-0123456789abcdef.safetensors",
        size=1024,
        checksum="xxh3_128:00112233445566778899aabbccddeeff",
        sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    examples=Blob(
        path="models/payloads/momentum/20260102T030405.000000Z-fedcba9876543210.examples.safetensors",
        size=99,
        checksum="xxh3_128:ffeeddccbbaa99887766554433221100",
    ),
    metrics={"accuracy": 0.1 + 0.2, "loss": float("inf")},
    config={"depth": 3, "layers": [1, 2], "näme": "ü", "none": None},
    tags=("a", "b"),
    parent="momentum@1.1.0",
    environment={"python": "3.11.7", "libraries": {"numpy": "2.0.0"}},
    signature={"inputs": {"dtype": "float64", "shape": [None, 3]}},
    hmac="ab" * 32,
)

LATER = datetime(2026, 1, 2, 3, 9, 5, tzinfo=UTC)
PENDING = Alert(
    id="a7-0",
    model_id="momentum",
    version="1.2.0",
    type="high_latency",
    metric="p99_latency_ms",
    severity="warning",
    threshold=1000.0,
    comparison="above",
    value=1234.5,
    samples=200,
    state="pending",
    since=TIME,
    reason="p99_latency_ms is 1234, above 1000 (200 events)",
)
FIRING = attrs.evolve(PENDING, id="a6-1", severity="critical", state="firing", fired_at=TIME)
ENDED = attrs.evolve(
    FIRING,
    state="resolved",
    value=0.1 + 0.2,
    acknowledged_at=LATER,
    acknowledged_by="ännchen",
    note="on it",
    resolved_at=LATER,
)

BLOCK = BlockRef(
    path="journal/blocks/monitoring/momentum/trades/1.2.0/18ea000000000002-fedcba9876543210.col",
    rows=1_000_000,
    since=-1,
    until=1_767_323_045_678_901_234,
)

CONFIG = ExperimentConfig(
    max_duration=72.5,
    min_sample_size=500,
    primary_metric="pnl",
    auto_stop_on_degradation=False,
    degradation_threshold=0.05,
    traffic_split=(0.75, 0.25),
    traffic_allocation=0.5,
    confidence_level=0.99,
    test="t_test",
    guardrail_metrics=("latency_ms", "slippage"),
    correction="bh",
    trades_per_year=252.0,
    salt="0123456789abcdef",
    mode="split",
    custom_metrics=("slippage",),
    lower_is_better=("slippage",),
    namespace="exits",
    namespace_range=(0.0, 0.5),
    audience={"symbol": ["BTCUSDT", "näme"], "tier": [1, True]},
)
MODELS_OF_VARIANTS = {"control": "har@1.0.0", "treatment": "momentum@1.2.0"}
PHASE = Phase(
    since=TIME, split=(0.75, 0.25), allocation=0.5, ends=(3_221_225_472, 4_294_967_296), owners=(0, 1)
)
RAMPED = Phase(
    since=LATER,
    split=(0.5, 0.5),
    allocation=1.0,
    ends=(2_147_483_648, 4_294_967_296),
    owners=(0, 1),
    reason="it holds",
)
NUMBERS_OF_VARIANT = VariantMetrics(
    variant_id="treatment",
    model="momentum@1.2.0",
    predictions=40,
    matured=30,
    signals=20,
    trades=10,
    wins=6,
    total_pnl=-1.5,
    win_rate=0.6,
    pnl=-0.15,
    returns=-0.015,
    accuracy=0.1 + 0.2,
    directional_accuracy=0.55,
    signal_rate=0.5,
    confidence=0.625,
    latency_ms=12.5,
    mae=0.25,
    rmse=0.5,
    mape=0.125,
    custom={"slippage": 0.75},
    samples={"pnl": 10, "slippage": 3},
)
COMPARISON = MetricComparison(
    metric="pnl",
    variant_id="treatment",
    control=0.5,
    treatment=-0.15,
    control_samples=30,
    treatment_samples=10,
    difference=-0.65,
    difference_interval=Interval(-1.5, 0.2),
    anytime_difference_interval=Interval(-float("inf"), float("inf")),
    lift=-1.3,
    interval=Interval(-3.0, 0.4),
    anytime_interval=Interval(-float("inf"), 1.5),
    p_value=0.13,
    adjusted_p_value=0.26,
    anytime_p_value=1.0,
    test="t_test",
    is_improvement=False,
    is_adjusted=True,
)
CONCLUSION = ExperimentConclusion(
    winner="control",
    confidence=0.74,
    recommendation="Keep har@1.0.0.",
    effect_size=-1.3,
    expected_lift=-0.5,
    projected_annual_impact=-163.8,
    projected_annual_interval=Interval(-378.0, 50.4),
    p_value=0.26,
    interval=Interval(-3.0, 0.4),
    test="t_test",
    reason="the caller chose the winner",
    variants={"treatment": NUMBERS_OF_VARIANT},
    srm=SampleRatio(
        observed={"control": 30, "treatment": 10},
        expected={"control": 30.0, "treatment": 10.0},
        p_value=1.0,
        fixed_p_value=0.9,
        is_mismatch=False,
        source="predictions",
    ),
    comparisons=(COMPARISON,),
    metric="pnl",
    variant_id="treatment",
)
WITHOUT_MONEY = attrs.evolve(
    CONCLUSION, winner="inconclusive", projected_annual_impact=None, projected_annual_interval=None
)
ENDED_EXPERIMENT = Experiment(
    id="momentum-vs-har",
    name="Momentum against HAR",
    description="is it ünique?",
    status="stopped",
    models=MODELS_OF_VARIANTS,
    config=CONFIG,
    created_at=TIME,
    started_at=TIME,
    ended_at=LATER,
    paused_seconds=12.25,
    phases=(PHASE, RAMPED),
    winner="control",
    reason="it costs too much",
    conclusion=CONCLUSION,
)
PAUSED_EXPERIMENT = Experiment(
    id="another",
    name="",
    description="",
    status="paused",
    models=MODELS_OF_VARIANTS,
    config=ExperimentConfig(salt="fedcba9876543210", traffic_split=(0.5, 0.5)),
    created_at=TIME,
    started_at=TIME,
    paused_at=LATER,
    phases=(RAMPED,),
    reason="news",
)

# What each record of version 1 must mean, written by hand; the files were made by make_fixtures.py.
EXPECTED: dict[str, Any] = {
    "model.saved": SAVED,
    "model.promoted": ModelPromoted(name="momentum", version="1.2.0", stage="production", reason="better"),
    "model.rolled_back": ModelRolledBack(name="momentum", version="1.1.0", reason="worse"),
    "model.alias_set": AliasSet(name="momentum", version="1.2.0", alias="v1.2"),
    "model.alias_removed": AliasRemoved(name="momentum", alias="v1.2"),
    "model.tags_added": TagsAdded(name="momentum", version="1.2.0", tags=("x", "y z")),
    "model.tags_removed": TagsRemoved(name="momentum", version="1.2.0", tags=("x",)),
    "model.deleted": ModelDeleted(name="momentum", version="1.0.0", reason="retention"),
    "model.payloads_swept": PayloadsSwept(before=TIME),
    "models.state": Registry(
        models={
            "momentum": Model(
                versions={
                    "1.2.0": Version(
                        saved=SAVED,
                        created_at=TIME,
                        updated_at=TIME,
                        tags=("a",),
                        stage="production",
                        staged_by=7,
                        deleted_at=TIME,
                    )
                },
                highest="1.2.0",
                aliases={"v1.2": "1.2.0"},
                production="1.2.0",
                before=("1.0.0", "1.1.0"),
                activations=(Activation(number=7, when=TIME, version="1.2.0"),),
                history=(
                    ModelEvent(
                        what="promoted",
                        when=TIME,
                        from_=None,
                        to="1.2.0",
                        detail="production",
                        reason="better",
                    ),
                ),
            )
        },
        swept_before=TIME,
    ),
    "alert.opened": AlertOpened(
        id="a7-0",
        key="high_latency:p99_latency_ms:above:1000.0:warning:1d",
        model_id="momentum",
        version="1.2.0",
        type="high_latency",
        metric="p99_latency_ms",
        severity="warning",
        threshold=1000.0,
        comparison="above",
        value=1234.5,
        samples=200,
        since=TIME,
        fired_at=None,
        reason="p99_latency_ms is 1234, above 1000 (200 events)",
    ),
    "alert.fired": AlertFired(id="a7-0", value=float("inf"), samples=210, at=LATER, reason="it lasts"),
    "alert.cleared": AlertCleared(id="a7-0", at=LATER, reason="it went away"),
    "alert.resolved": AlertResolved(id="a7-0", value=0.1 + 0.2, samples=0, at=LATER, reason="it is over"),
    "alert.acknowledged": AlertAcknowledged(id="a7-0", at=LATER, by="ännchen", note="on it"),
    "alerts.state": Alerts(
        open={
            "a6-1": OpenAlert(key="high_latency:p99_latency_ms:above:1000.0:critical:1d", alert=FIRING),
            "a7-0": OpenAlert(key="high_latency:p99_latency_ms:above:1000.0:warning:1d", alert=PENDING),
        },
        resolved={"momentum": (ENDED,)},
        entered=(Entered(number=6, alert=FIRING), Entered(number=9, alert=ENDED)),
    ),
    "experiment.created": ExperimentCreated(
        id="momentum-vs-har",
        name="Momentum against HAR",
        description="is it ünique?",
        models=MODELS_OF_VARIANTS,
        config=CONFIG,
        ends=(3_221_225_472, 4_294_967_296),
        owners=(0, 1),
    ),
    "experiment.started": ExperimentStarted(id="momentum-vs-har"),
    "experiment.paused": ExperimentPaused(id="momentum-vs-har", reason="news"),
    "experiment.resumed": ExperimentResumed(id="momentum-vs-har"),
    "experiment.traffic_set": TrafficSet(
        id="momentum-vs-har",
        split=(0.5, 0.5),
        allocation=1.0,
        ends=(2_147_483_648, 4_294_967_296),
        owners=(0, 1),
        reason="it holds",
    ),
    "experiment.ended": ExperimentEnded(
        id="momentum-vs-har",
        is_early=True,
        winner=None,
        reason="it costs too much",
        conclusion=WITHOUT_MONEY,
    ),
    "experiments.state": Experiments(
        by_id={"momentum-vs-har": ENDED_EXPERIMENT, "another": PAUSED_EXPERIMENT}
    ),
    "journal.compacted": Compacted(
        stream="monitoring/momentum/trades/1.2.0",
        added=(BLOCK,),
        removed=("journal/blocks/monitoring/momentum/trades/1.2.0/18ea000000000000-0123456789abcdef.col",),
        covered=("journal/raw/monitoring/momentum/trades/1.2.0/18ea000000000001-0123456789abcdef.seg",),
        forgotten=("journal/raw/monitoring/momentum/trades/1.2.0/18e9000000000000-0123456789abcdef.col",),
    ),
    "journal.state": JournalState(
        streams={
            "monitoring/momentum/trades/1.2.0": StreamState(
                blocks=(BLOCK,),
                covered={
                    "journal/raw/monitoring/momentum/trades/1.2.0/18ea000000000001-0123456789abcdef.seg": TIME
                },
            ),
            "monitoring/momentum/actuals": StreamState(),
        }
    ),
    "journal.summary": _Summary(values={"any key": {"whole": [1, 0.5, None], "stretches": "[]"}}),
    "ledger.commit": _Commit(
        number=42,
        nonce="0123456789abcdef0123456789abcdef",
        time=TIME,
        events=(
            {"kind": "model.alias_removed", "version": 1, "data": {"name": "momentum", "alias": "v1.2"}},
        ),
    ),
    "ledger.snapshot": _Snapshot(
        number=64, time=TIME, state={"kind": "models.state", "version": 1, "data": {"models": {}}}
    ),
}

TYPES = {
    record.kind: record
    for record in (
        *EVENTS.types,
        MODELS.state,
        *ALERT_EVENTS.types,
        ALERTS.state,
        *EXPERIMENT_EVENTS.types,
        EXPERIMENTS.state,
        *JOURNAL.events.types,
        JOURNAL.state,
        SUMMARY,
        COMMIT,
        SNAPSHOT,
    )
}


def test_every_record_has_an_expectation():
    """A new kind of record needs a fixture of its first version."""
    assert sorted(TYPES) == sorted(EXPECTED)


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_every_version_ever_written_is_read(kind):
    """The committed files of every version mean what they meant when they were written."""
    record = TYPES[kind]
    for version in range(1, record.version + 1):
        path = FIXTURES / f"v{version}" / f"{kind}.json"
        assert EXPECTED[kind] == record.load(path.read_bytes(), str(path))


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_the_newest_version_is_written_as_committed(kind):
    """A change of what is written takes a new version; it does not happen by accident."""
    record = TYPES[kind]
    assert (FIXTURES / f"v{record.version}" / f"{kind}.json").read_bytes() == record.dump(EXPECTED[kind])


@attrs.frozen
class Trade:
    """The third version of a record: the amount got a currency, then the price a unit."""

    amount: float
    currency: str
    cents: int


def with_currency(data):
    return {**data, "currency": "EUR"}


def with_cents(data):
    return {"amount": data["amount"], "currency": data["currency"], "cents": round(100 * data["price"])}


TRADE = RecordType("trade", Trade, version=3, upgrades={1: with_currency, 2: with_cents})


class TestUpgrades:
    def test_old_records_are_brought_up_to_date(self):
        """Step by step, from whatever version they are."""
        expected = Trade(2.0, "EUR", 150)
        assert expected == TRADE.load(dump("trade", 1, {"amount": 2.0, "price": 1.5}), "file")
        assert expected == TRADE.load(
            dump("trade", 2, {"amount": 2.0, "price": 1.5, "currency": "EUR"}), "file"
        )
        assert expected == TRADE.load(TRADE.dump(expected), "file")

    def test_a_newer_record_is_refused(self):
        with pytest.raises(
            NewerSchemaError, match=r"file is a 'trade' record of version 4; .* up to version 3"
        ):
            TRADE.load(dump("trade", 4, {}), "file")

    @pytest.mark.parametrize(
        "raw",
        [
            dump("trade", 0, {}),
            dump("trade", 3, {"amount": 1.0}),
            dump("trade", 3, {"amount": "x", "currency": "EUR", "cents": 1}),
            dump("trade", 3, {"amount": 1.0, "currency": "EUR", "cents": 1, "more": 1}),
            dump("trade", 3, [1]),
            dump("train", 3, {}),
        ],
        ids=["no such version", "a field short", "a wrong value", "a field more", "a list", "another kind"],
    )
    def test_what_does_not_fit_is_damaged(self, raw):
        with pytest.raises(StoreError, match="file is damaged"):
            TRADE.load(raw, "file")

    def test_what_is_not_a_nested_record_is_damaged(self):
        for document in (None, [], {"kind": 1}, {"kind": "trade"}):
            with pytest.raises(StoreError, match="file is damaged"):
                TRADE.unnest(document, "file")
            with pytest.raises(StoreError, match="file is damaged"):
                RecordSet[Trade]([TRADE]).unnest(document, "file")


class TestEnvelope:
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(st.characters(exclude_categories=["Cs"])),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
            ),
        )
    )
    def test_data_comes_back_as_it_was(self, data):
        """Whatever JSON can hold, to the last bit, NaN included."""
        kind, version, loaded = load(dump("kind", 7, data), "file")
        assert ("kind", 7, repr(data)) == (kind, version, repr(loaded))

    def test_it_is_plain_json(self):
        raw = dump("kind", 1, {"a": [1, "ü"]})
        document = json.loads(raw)
        assert ["kind", "version", "checksum", "data"] == list(document)
        assert re.fullmatch("xxh3_64:[0-9a-f]{16}", document["checksum"])
        assert {"a": [1, "ü"]} == document["data"]

    def test_every_changed_bit_is_noticed(self):
        """No single flipped bit passes for the record that was written."""
        raw = dump("kind", 1, {"amount": 1.5, "text": "data"})
        for position in range(8 * len(raw)):
            flipped = bytearray(raw)
            flipped[position // 8] ^= 1 << position % 8
            try:
                kind, version, data = load(bytes(flipped), "file")
            except StoreError:
                continue
            assert {"amount": 1.5, "text": "data"} == data
            assert (kind, version) != ("kind", 1)

    @given(st.binary(max_size=200))
    def test_garbage_raises_nothing_else(self, raw):
        with pytest.raises(MLProdError):
            load(raw, "file")


def test_mappings_are_plain_after_loading():
    """What was loaded can be compared and dumped again."""
    assert isinstance(
        TYPES["model.saved"].load((FIXTURES / "v1/model.saved.json").read_bytes(), "f").config, Mapping
    )


PAYLOAD = json.loads((FIXTURES / "v1" / "model.saved.json").read_bytes())["data"]["payload"]


class TestNothingIsGuessed:
    """By itself the converter would turn whatever it finds into what is asked for."""

    @pytest.mark.parametrize(
        "change",
        [
            {"name": 7},
            {"name": None},
            {"name": ["a"]},
            {"tags": "abc"},
            {"tags": {"a": 1}},
            {"tags": [1]},
            {"payload": {**PAYLOAD, "size": "7"}},
            {"payload": {**PAYLOAD, "size": 7.0}},
            {"payload": {**PAYLOAD, "size": True}},
            {"payload": {**PAYLOAD, "size": 1 << 63}},
            {"metrics": {"accuracy": "0.5"}},
            {"metrics": {"accuracy": False}},
            {"metrics": {"accuracy": 10**400}},
            {"config": [["a", 1]]},
        ],
        ids=str,
    )
    def test_a_value_of_another_type_is_refused(self, change):
        """It is damage, and not a number as a text, a text as its letters, or a flag as a number."""
        data = json.loads((FIXTURES / "v1" / "model.saved.json").read_bytes())["data"]
        with pytest.raises(StoreError, match="file is damaged: its 'model"):
            TYPES["model.saved"].load(dump("model.saved", 1, {**data, **change}), "file")

    @pytest.mark.parametrize("flag", [1, 0, "true", None])
    def test_a_flag_is_a_flag(self, flag):
        """And no number."""
        data = json.loads((FIXTURES / "v1" / "experiment.ended.json").read_bytes())["data"]
        with pytest.raises(StoreError, match="stands where true or false should"):
            TYPES["experiment.ended"].load(dump("experiment.ended", 1, {**data, "is_early": flag}), "file")

    @pytest.mark.parametrize(
        "time", [7, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-01-01T00:00:00", "now"]
    )
    def test_what_is_no_time_of_a_record_is_refused(self, time):
        """Other types, no timezone, and times to which no duration can be added."""
        with pytest.raises(StoreError, match="file is damaged"):
            TYPES["model.payloads_swept"].load(dump("model.payloads_swept", 1, {"before": time}), "file")

    @pytest.mark.parametrize("version", [True, 0, -1, -(10**400)], ids=["true", "0", "-1", "huge"])
    def test_what_is_no_version_is_refused(self, version):
        """Also what Python takes for a number."""
        with pytest.raises(StoreError, match="file is damaged: there is no version"):
            TYPES["model.alias_removed"].load(
                dump("model.alias_removed", version, {"name": "a", "alias": "b"}), "file"
            )

    @pytest.mark.parametrize("half", [b"\\ud800", b"\xed\xa0\x80"], ids=["spelled", "encoded"])
    def test_half_a_character_is_refused(self, half):
        """It is no text: it could neither be written again nor shown."""
        body = b'{"name":"' + half + b'","alias":"a"}'
        checksum = f"xxh3_64:{xxhash.xxh3_64_hexdigest(body)}".encode()
        raw = (
            b'{"kind":"model.alias_removed","version":1,"checksum":"' + checksum + b'","data":' + body + b"}"
        )
        with pytest.raises(StoreError, match="file is damaged: it is not complete JSON"):
            TYPES["model.alias_removed"].load(raw, "file")

    def test_a_pair_of_halves_is_a_character(self):
        """As other writers of JSON spell it."""
        body = b'{"name":"\\ud83d\\ude00","alias":"a"}'
        checksum = f"xxh3_64:{xxhash.xxh3_64_hexdigest(body)}".encode()
        raw = (
            b'{"kind":"model.alias_removed","version":1,"checksum":"' + checksum + b'","data":' + body + b"}"
        )
        assert "\N{GRINNING FACE}" == TYPES["model.alias_removed"].load(raw, "file").name

    @pytest.mark.parametrize(("depth", "is_read"), [(256, True), (257, False), (600, False)])
    def test_a_document_is_nested_only_so_deep(self, depth, is_read):
        """What is read can be walked through by whoever gets it."""
        config: dict[str, Any] = {}
        for _ in range(depth - 1):
            config = {"a": config}
        data = json.loads((FIXTURES / "v1" / "model.saved.json").read_bytes())["data"]
        raw = dump("model.saved", 1, {**data, "config": config})
        if is_read:
            assert config == TYPES["model.saved"].load(raw, "file").config
        else:
            with pytest.raises(StoreError, match="nested more than 256 deep"):
                TYPES["model.saved"].load(raw, "file")

    def test_a_text_of_a_class_of_its_own_becomes_a_text(self):
        """Before a decision is written it is read once, as it is in memory."""

        class Own(str):
            __slots__ = ()

        document = {"kind": "model.alias_removed", "version": 1, "data": {"name": Own("a"), "alias": "b"}}
        assert str is type(TYPES["model.alias_removed"].unnest(document, "memory").name)

    def test_a_long_kind_does_not_fill_the_message(self):
        """It is shortened, and what cannot be printed is spelled."""
        with pytest.raises(NewerSchemaError) as caught:
            EVENTS.unnest({"kind": "\0" * 10_000}, "file")
        assert len(str(caught.value)) < 400
