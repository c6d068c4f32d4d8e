"""What is recorded of an experiment, in every spelling, and what is refused: then nothing was recorded."""

import datetime as dt
import math
import uuid
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pytest

from mlprod.errors import (
    ClosedError,
    ExperimentNotFoundError,
    ExperimentStateError,
    InvalidConfigError,
    InvalidDataError,
)
from mlprod.experiments import ABTestingManager
from mlprod.storage import MemoryStore

NAN, INF = math.nan, math.inf
NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
NO_NUMBERS = [NAN, INF, -INF, 1e101, 10**400, True, "0.5", [0.5], np.True_, np.array(0.5), Decimal("NaN"), 1j]
NO_IDS = ["", True, 1.0, b"x", [1], "x" * 257, 10**256, "\ud800", ()]
NO_TEXTS = ["x" * 201, 5, True, b"x", ["x"], "\ud800"]
NO_TIMES = [
    dt.datetime(2026, 3, 2, 9, 30),  # noqa: DTZ001 - that is the point
    NOW + dt.timedelta(minutes=5, microseconds=1),
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    NOW.timestamp(),
    NOW.isoformat(),
    True,
]


def begun(store, clock, config=None, treatments="new@1.0.0", name="x"):
    """Return a manager with an experiment that runs."""
    manager = ABTestingManager(store, clock=clock)
    manager.create_experiment(name, "", "old@1.0.0", treatments, config, id=name, check_models=False)
    manager.start_experiment(name)
    return manager


@pytest.fixture
def manager(store, clock):
    with begun(store, clock) as manager:
        yield manager


@pytest.fixture
def shadow(store, clock):
    with begun(store, clock, {"mode": "shadow"}) as manager:
        yield manager


def metrics(manager, variant="control"):
    return manager.get_metrics("x")[variant]


def assert_nothing(manager):
    for found in manager.get_metrics("x").values():
        assert (0, 0, {}, {}) == (found.predictions, found.trades, found.custom, found.samples)


def refused(**fields):
    return [
        pytest.param(name, value, id=f"{name}-{i}") for name in fields for i, value in enumerate(fields[name])
    ]


# --- predictions


def test_every_field_of_a_prediction_is_counted(manager):
    manager.record_prediction(
        "x",
        "treatment",
        symbol="BTCUSDT",
        direction=np.int64(1),
        confidence=0.75,
        prediction=1.5,
        actual=2.0,
        prediction_id="p-1",
        latency_ms=12.5,
        unit_id="account-7",
        covariate=0.25,
        timestamp=NOW - dt.timedelta(hours=1),
    )
    found = metrics(manager, "treatment")
    assert (1, 1, 1) == (found.predictions, found.matured, found.signals)
    assert (0.75, 12.5, 1.0) == (found.confidence, found.latency_ms, found.signal_rate)
    assert (0.5, 0.5, 0.25) == (found.mae, found.rmse, found.mape)
    assert (1.0, 1.0) == (found.accuracy, found.directional_accuracy)
    assert 0 == metrics(manager).predictions


@pytest.mark.parametrize(
    "event",
    [
        {"latency_ms": 12.5, "prediction_id": "p", "confidence": 0.5, "actual": None},
        {"latencyMs": 12.5, "predictionId": "p", "confidence": 0.5},
        MappingProxyType({"latencyMs": 12.5, "prediction_id": "p", "confidence": 0.5}),
    ],
)
def test_a_prediction_may_be_a_mapping_in_either_spelling(manager, event):
    manager.record_prediction("x", "control", event)
    manager.recordPrediction("x", "control", event)
    found = metrics(manager)
    assert (2, 12.5, 0.5) == (found.predictions, found.latency_ms, found.confidence)
    manager.record_actual("x", "p", 1)
    assert 2 == metrics(manager).matured


@pytest.mark.parametrize("event", [[("confidence", 0.5)], "confidence", 0.5, [], {"confidnce": 0.5}, {5: 1}])
def test_what_is_no_event_is_refused(manager, event):
    for record in (manager.record_prediction, manager.record_trade):
        with pytest.raises(InvalidDataError, match="nothing was recorded"):
            record("x", "control", event)
    assert_nothing(manager)


def test_a_field_given_twice_is_refused_and_an_unknown_one_names_the_nearest(manager):
    with pytest.raises(InvalidDataError, match="confidence was given twice"):
        manager.record_prediction("x", "control", {"confidence": 0.5}, confidence=0.5)
    with pytest.raises(InvalidDataError, match="pnl"):
        manager.record_trade("x", "control", {"pnll": 0.5})
    with pytest.raises(InvalidDataError, match="id was given twice"):
        manager.record_trade("x", "control", {"id": "1", "pnl": 1.0}, id="1")
    assert_nothing(manager)


@pytest.mark.parametrize(
    ("direction", "actual", "signals", "correct"),
    [
        ("LONG", 0.5, 1, 1.0),
        ("long", -0.5, 1, 0.0),
        ("BUY", 0.5, 1, 1.0),
        ("up", 0.5, 1, 1.0),
        (1, 0.0, 1, 0.0),
        ("SHORT", -0.5, 1, 1.0),
        ("sell", 0.5, 1, 0.0),
        ("Down", -0.5, 1, 1.0),
        (-1, 0.0, 1, 0.0),
        ("FLAT", 0.5, 0, NAN),
        ("hold", 0.0, 0, NAN),
        ("neutral", 0.0, 0, NAN),
        ("none", 0.0, 0, NAN),
        (0, 0.0, 0, NAN),
    ],
)
def test_a_direction_is_a_signal_and_is_right_if_the_price_follows(
    manager, direction, actual, signals, correct
):
    manager.record_prediction("x", "control", direction=direction, actual=actual)
    found = metrics(manager)
    assert (signals, float(signals)) == (found.signals, found.signal_rate)
    assert [correct] * 2 == pytest.approx([found.accuracy, found.directional_accuracy], nan_ok=True)
    assert 1 == found.matured


def test_a_text_has_no_sign_that_a_direction_could_follow(manager):
    """Texts are kept as hashes; every hash is a positive number."""
    manager.record_prediction("x", "control", direction="SHORT", actual="DOWN")
    manager.record_prediction("x", "control", direction="LONG", actual="UP")
    found = metrics(manager)
    assert math.isnan(found.accuracy)
    assert math.isnan(found.directional_accuracy)


@pytest.mark.parametrize(
    ("prediction", "actual", "accuracy", "mae"),
    [
        ("up", "up", 1.0, NAN),
        ("up", "down", 0.0, NAN),
        (1, 1, 1.0, 0.0),
        (1, 2, 0.0, 1.0),
        (True, False, 0.0, 1.0),
        (1.0, 1.0, NAN, 0.0),
        (2.0, -2.0, NAN, 4.0),
    ],
)
def test_classes_are_right_or_wrong_and_numbers_are_near_or_far(manager, prediction, actual, accuracy, mae):
    manager.record_prediction("x", "control", prediction=prediction, actual=actual)
    found = metrics(manager)
    assert [accuracy, mae] == pytest.approx([found.accuracy, found.mae], nan_ok=True)


def test_what_the_caller_says_about_being_right_stands(manager):
    manager.record_prediction("x", "control", direction="LONG", actual=-1.0, correct=True)
    manager.record_prediction("x", "control", prediction="up", actual="up", correct=False)
    assert (0.5, 2) == (metrics(manager).accuracy, metrics(manager).matured)


@pytest.mark.parametrize(
    ("field", "value"),
    refused(
        confidence=[*NO_NUMBERS, -0.01, 1.01, 82],
        latency_ms=[*NO_NUMBERS, -0.001],
        covariate=NO_NUMBERS,
        prediction=[NAN, INF, 1e101, [0.5], np.array(0.5), "x" * 201],
        actual=[NAN, INF, 1e101, [0.5], np.array(0.5), "x" * 201],
        prediction_id=NO_IDS,
        unit_id=NO_IDS,
        symbol=NO_TEXTS,
        correct=[1, 0, "yes", NAN, np.int64(1)],
        direction=["LNG", "", 2, -2, True, 1.0, b"LONG", ["LONG"], {}],
        timestamp=NO_TIMES,
    ),
)
def test_a_wrong_field_of_a_prediction_records_nothing(manager, field, value):
    with pytest.raises(InvalidDataError):
        manager.record_prediction("x", "control", **{field: value})
    with pytest.raises(InvalidDataError):
        manager.record_prediction("x", "control", {field: value})
    assert_nothing(manager)


def test_a_text_does_not_compare_with_a_number(manager):
    with pytest.raises(InvalidDataError, match="both be texts"):
        manager.record_prediction("x", "control", prediction="up", actual=1)
    assert_nothing(manager)


# --- trades


def test_every_field_of_a_trade_is_counted(manager):
    manager.record_trade(
        "x",
        "treatment",
        id="t-1",
        symbol="BTCUSDT",
        side="BUY",
        pnl=150.0,
        returns=0.015,
        unit_id=7,
        covariate=-2.0,
        timestamp=NOW - dt.timedelta(days=365),
    )
    found = metrics(manager, "treatment")
    assert (1, 1, 150.0) == (found.trades, found.wins, found.total_pnl)
    assert (1.0, 150.0, 0.015) == (found.win_rate, found.pnl, found.returns)
    assert (0, 0) == (metrics(manager).trades, found.predictions)


@pytest.mark.parametrize(
    ("event", "given"),
    [
        ({"id": "t", "pnl": 2, "unitId": "u", "symbol": "", "side": None}, {}),
        ({"id": "t", "unit_id": "u"}, {"pnl": Decimal(2)}),
        ({}, {"id": "t", "pnl": np.float32(2.0)}),
        (MappingProxyType({"pnl": np.int64(2)}), {"id": "t"}),
    ],
)
def test_a_trade_may_be_a_mapping_in_either_spelling(manager, event, given):
    manager.record_trade("x", "control", event, **given)
    manager.recordTrade("x", "control", event, **given)  # the same id: counted once
    assert (1, 2.0) == (metrics(manager).trades, metrics(manager).total_pnl)


def test_returns_are_enough_and_say_nothing_of_a_win(manager):
    manager.record_trade("x", "control", returns=0.5)
    found = metrics(manager)
    assert (1, 0, 0.0, 0.5) == (found.trades, found.wins, found.total_pnl, found.returns)
    assert math.isnan(found.win_rate)
    assert {"returns": 1} == found.samples


def test_neither_profit_nor_loss_is_no_win(manager):
    for pnl in (0.0, -0.0, 1e-300, -1e-300):
        manager.record_trade("x", "control", pnl=pnl)
    assert (4, 1, 0.25) == (metrics(manager).trades, metrics(manager).wins, metrics(manager).win_rate)


@pytest.mark.parametrize(
    ("field", "value"),
    refused(
        pnl=NO_NUMBERS,
        returns=NO_NUMBERS,
        covariate=NO_NUMBERS,
        id=NO_IDS,
        unit_id=NO_IDS,
        symbol=NO_TEXTS,
        side=NO_TEXTS,
        timestamp=NO_TIMES,
    ),
)
def test_a_wrong_field_of_a_trade_records_nothing(manager, field, value):
    for good in ({}, {"symbol": "S", "side": "BUY"}):
        with pytest.raises(InvalidDataError):
            manager.record_trade("x", "control", **{"pnl": 1.0, **good, field: value})
        with pytest.raises(InvalidDataError):
            manager.record_trade("x", "control", {"pnl": 1.0, **good, field: value})
    assert_nothing(manager)


def test_a_trade_without_a_result_is_refused(manager):
    for record in ({}, {"symbol": "BTCUSDT", "id": "7"}, {"pnl": None}):
        with pytest.raises(InvalidDataError, match="must have a pnl"):
            manager.record_trade("x", "control", **record)
    assert_nothing(manager)


def test_an_id_is_a_text_or_an_integer_or_a_uuid(manager):
    same = uuid.UUID(int=5)
    for identity in (7, "7", np.int64(7), same, str(same)):
        manager.record_trade("x", "control", pnl=1.0, id=identity)
    assert 2 == metrics(manager).trades


def test_trades_without_an_id_are_all_different(manager):
    for _ in range(3):
        manager.record_trade("x", "control", pnl=1.0)
    assert 3 == metrics(manager).trades


def test_more_texts_than_a_segment_has_met(manager):
    """Every new symbol takes the long way once; what was recorded is the same."""
    for number in range(300):
        manager.record_trade("x", "control", pnl=1.0, symbol=f"S{number % 150}", side="BUY")
    assert (300, 300.0) == (metrics(manager).trades, metrics(manager).total_pnl)


def test_a_segment_that_is_full_is_followed_by_another(tmp_path, clock):
    with begun(tmp_path, clock) as manager:
        for number in range(40_000):
            manager.record_trade("x", "control", pnl=1.0, id=number % 39_000)
        assert (39_000, 39_000.0) == (metrics(manager).trades, metrics(manager).total_pnl)


# --- trades count once


def test_a_trade_counts_once_by_its_id_before_and_after_compaction(store, clock):
    """The first one counts, whoever recorded it, and whatever was compacted meanwhile."""
    with begun(store, clock):
        pass
    for number in range(3):
        with ABTestingManager(store, clock=clock) as manager:
            manager.record_trade("x", "control", pnl=1.0 + number, id="same")
            manager.record_trade("x", "control", pnl=10.0, id=f"own-{number}")
            manager.record_trade("x", "control", pnl=9.0, id="same")
            found = metrics(manager)
        clock.advance(minutes=1)
        assert (number + 2, 1.0 + 10.0 * (number + 1)) == (found.trades, found.total_pnl)
        reader = ABTestingManager(store, clock=clock)
        assert found.to_dict() == metrics(reader).to_dict()
        assert not reader.compact("x")


def test_one_id_in_both_variants_is_one_trade(manager):
    manager.record_trade("x", "control", pnl=1.0, id="same")
    manager.record_trade("x", "treatment", pnl=2.0, id="same")
    assert (1, 0) == (metrics(manager).trades, metrics(manager, "treatment").trades)


# --- metrics of the application's own


def test_a_metric_of_ones_own(manager):
    for value in (1, 2.0, Decimal("6.0")):
        manager.record_metric("x", "treatment", "slippage_bps", value, unit_id="u", covariate=1.0)
    manager.recordMetric("x", "control", "fill.ratio", 0.5, timestamp=NOW - dt.timedelta(days=1))
    assert {"slippage_bps": 3.0} == metrics(manager, "treatment").custom
    assert {"slippage_bps": 3} == metrics(manager, "treatment").samples
    assert {"fill.ratio": 0.5} == metrics(manager).custom


@pytest.mark.parametrize("name", ["", "a/b", ".a", "x" * 129, "win_rate", 5, None, "a b", "ü"])
def test_what_can_be_no_name_of_a_metric_is_refused(manager, name):
    with pytest.raises(InvalidConfigError):
        manager.record_metric("x", "control", name, 1.0)
    assert_nothing(manager)


@pytest.mark.parametrize(
    ("field", "value"),
    refused(value=[*NO_NUMBERS, None], unit_id=NO_IDS, covariate=NO_NUMBERS, timestamp=NO_TIMES),
)
def test_a_wrong_field_of_a_metric_records_nothing(manager, field, value):
    with pytest.raises(InvalidDataError):
        manager.record_metric("x", "control", "slippage", **{"value": 1.0, field: value})
    assert_nothing(manager)


# --- outcomes that arrive later


def test_an_outcome_may_come_later_or_before_and_the_latest_stands(manager, clock):
    manager.record_actual("x", "early", 1)
    clock.advance(hours=1)
    manager.record_prediction("x", "control", prediction=1, prediction_id="early")
    manager.record_prediction("x", "control", prediction=1, prediction_id=5)
    assert (2, 1, 1.0) == (metrics(manager).predictions, metrics(manager).matured, metrics(manager).accuracy)
    manager.recordActual("x", "5", 0)
    assert (2, 0.5) == (metrics(manager).matured, metrics(manager).accuracy)
    clock.advance(seconds=1)
    manager.record_actual("x", 5, 1)
    assert (2, 1.0) == (metrics(manager).matured, metrics(manager).accuracy)
    manager.record_actual("x", 5, 0, timestamp=NOW - dt.timedelta(hours=1))
    assert 1.0 == metrics(manager).accuracy


@pytest.mark.parametrize("is_compacted", [False, True])
def test_an_outcome_comes_after_a_restart(store, clock, is_compacted):
    with begun(store, clock) as manager:
        for number in range(4):
            manager.record_prediction(
                "x", ("control", "treatment")[number % 2], prediction=1.0, prediction_id=number
            )
        if not is_compacted:
            manager._keeper.stop()
            manager._journal.close()
    with ABTestingManager(store, clock=clock) as manager:
        assert 0 == metrics(manager).matured
        manager.record_actual("x", 0, 1.5)
        manager.record_actual("x", 3, 3.0)
        assert (1, 0.5) == (metrics(manager).matured, metrics(manager).mae)
    with ABTestingManager(store, clock=clock) as manager:
        assert (1, 0.5) == (metrics(manager).matured, metrics(manager).mae)
        assert (1, 2.0) == (metrics(manager, "treatment").matured, metrics(manager, "treatment").mae)
        manager.record_actual("x", 2, 2.5)
        assert (2, 1.0) == (metrics(manager).matured, metrics(manager).mae)


def test_an_outcome_of_an_unknown_prediction_changes_nothing(manager):
    manager.record_actual("x", "nobody", 1.0)
    assert_nothing(manager)


@pytest.mark.parametrize(
    ("what", "value"), refused(prediction_id=[*NO_IDS, None], actual=[NAN, None, [1], 1e101])
)
def test_a_wrong_outcome_records_nothing(manager, what, value):
    manager.record_prediction("x", "control", prediction=1.0, prediction_id="p")
    with pytest.raises(InvalidDataError):
        manager.record_actual("x", **{"prediction_id": "p", "actual": 1.0, what: value})
    with pytest.raises(InvalidDataError):
        manager.record_actual("x", "p", 1.0, timestamp=NO_TIMES[0])
    assert 0 == metrics(manager).matured


def test_what_has_not_matured_is_no_failure(manager):
    for number in range(10):
        manager.record_prediction("x", "control", prediction=1, prediction_id=number)
    for number in range(4):
        manager.record_actual("x", number, 1)
    found = metrics(manager)
    assert (10, 4, 1.0, 4) == (found.predictions, found.matured, found.accuracy, found.samples["accuracy"])
    maturity = manager.analyze("x").maturity
    assert {"control": 0.6, "treatment": 0.0} == maturity.pending
    assert not maturity.is_different


def test_a_difference_in_missing_outcomes_is_reported(manager):
    """By the chi-square test over what is known: 10 of 100 against 40 of 100, as in the usual tables."""
    from scipy.stats import chi2_contingency

    for variant, known in (("control", 10), ("treatment", 40)):
        for number in range(100):
            identity = f"{variant}-{number}"
            manager.record_prediction("x", variant, prediction=1, prediction_id=identity)
            if number < known:
                manager.record_actual("x", identity, 1)
    analysis = manager.analyze("x")
    expected = chi2_contingency([[10, 90], [40, 60]], correction=False).pvalue
    assert pytest.approx(expected, rel=1e-9) == analysis.maturity.p_value
    assert {"control": 0.9, "treatment": 0.6} == pytest.approx(analysis.maturity.pending)
    assert analysis.maturity.is_different
    assert any("outcomes are missing" in warning for warning in analysis.warnings)


def test_predictions_that_can_have_no_outcome_are_not_awaited(manager):
    for _ in range(5):
        manager.record_prediction("x", "control", latency_ms=1.0)
    assert {"control": 0.0, "treatment": 0.0} == manager.analyze("x").maturity.pending


# --- shadow mode


def test_all_models_are_scored_on_one_unit(shadow):
    scores = {
        "control": {"prediction": 1.0, "confidence": 0.5, "latencyMs": 5.0, "pnl": 2.0, "direction": "LONG"},
        "treatment": {"prediction": 2.5, "latency_ms": 7.0, "pnl": -1.0, "direction": -1, "correct": True},
    }
    shadow.record_shadow("x", scores, actual=2.0, prediction_id="p", symbol="BTCUSDT")
    shadow.recordShadow("x", MappingProxyType(scores), actual=2.0, timestamp=NOW - dt.timedelta(hours=1))
    control, treatment = metrics(shadow), metrics(shadow, "treatment")
    assert (2, 2, 2) == (control.predictions, control.matured, control.signals)
    assert (1.0, 0.5, 5.0, 2.0, 1.0) == (
        control.mae,
        control.confidence,
        control.latency_ms,
        control.pnl,
        control.accuracy,
    )
    assert (0.5, 7.0, -1.0, 1.0, 0.0) == (
        treatment.mae,
        treatment.latency_ms,
        treatment.pnl,
        treatment.accuracy,
        treatment.directional_accuracy,
    )
    assert math.isnan(treatment.confidence)


def test_an_outcome_reaches_all_models_that_were_scored(store, clock):
    with begun(store, clock, {"mode": "shadow"}) as manager:
        manager.record_shadow(
            "x", {"control": {"prediction": "up"}, "treatment": {"prediction": "down"}}, prediction_id=1
        )
    with ABTestingManager(store, clock=clock) as manager:
        assert {"control": 1.0, "treatment": 1.0} == manager.analyze("x").maturity.pending
        manager.record_actual("x", 1, "up")
        assert (1.0, 0.0) == (metrics(manager).accuracy, metrics(manager, "treatment").accuracy)
    manager = ABTestingManager(store, clock=clock)
    assert (1.0, 0.0) == (metrics(manager).accuracy, metrics(manager, "treatment").accuracy)


GOOD = {"control": {"prediction": 1.0}, "treatment": {"prediction": 2.0}}


@pytest.mark.parametrize(
    ("what", "value"),
    refused(
        scores=[
            None,
            {},
            [],
            {"control": {}},
            {**GOOD, "treatment_2": {}},
            {**GOOD, "treatment": 5},
            {**GOOD, "treatment": {"predicted": 1.0}},
            {**GOOD, "control": {"confidence": 1.1}},
            {**GOOD, "control": {"latency_ms": -1}},
            {**GOOD, "control": {"pnl": NAN}},
            {**GOOD, "control": {"direction": "sideways"}},
            {**GOOD, "control": {"correct": 1}},
            {**GOOD, "control": {"prediction": NAN}},
            {**GOOD, "control": {"prediction": "up"}},
        ],
        actual=[NAN, [1], "up"],
        prediction_id=NO_IDS,
        symbol=NO_TEXTS,
        timestamp=NO_TIMES,
    ),
)
def test_a_wrong_score_records_nothing(shadow, what, value):
    with pytest.raises(InvalidDataError):
        shadow.record_shadow("x", **{"scores": GOOD, what: value})
    assert_nothing(shadow)


def test_each_mode_has_its_own_way_to_record(manager, clock):
    with pytest.raises(ExperimentStateError, match="shadow"):
        manager.record_shadow("x", GOOD)
    with begun(MemoryStore(), clock, {"mode": "shadow"}) as shadow:
        with pytest.raises(ExperimentStateError, match="record_shadow"):
            shadow.record_prediction("x", "control", prediction=1.0)
        assert_nothing(shadow)


# --- who may record, and when


def record_all(manager, name, variant):
    return [
        lambda: manager.record_prediction(name, variant, confidence=0.5),
        lambda: manager.record_trade(name, variant, pnl=1.0),
        lambda: manager.record_metric(name, variant, "slippage", 1.0),
    ]


@pytest.mark.parametrize("variant", ["contrl", "", "treatment_2", None, 0, [], b"control"])
def test_an_unknown_variant_is_refused(manager, variant):
    for record in record_all(manager, "x", variant):
        with pytest.raises(ExperimentStateError, match="has no variant"):
            record()
    assert_nothing(manager)


@pytest.mark.parametrize("name", ["y", "", None, 5, []])
def test_an_unknown_experiment_is_refused(manager, name):
    for record in [*record_all(manager, name, "control"), lambda: manager.record_actual(name, 1, 1)]:
        with pytest.raises(ExperimentNotFoundError):
            record()


def test_nothing_is_recorded_before_the_start_or_after_the_end(store, clock):
    manager = ABTestingManager(store, clock=clock)
    manager.create_experiment("x", "", "old@1", "new@1", id="x", check_models=False)
    everything = [*record_all(manager, "x", "control"), lambda: manager.record_actual("x", 1, 1)]
    for record in everything:
        with pytest.raises(ExperimentStateError, match="start it first"):
            record()
    manager.start_experiment("x")
    for record in everything:
        record()
    manager.end_experiment("x")
    for record in everything:
        with pytest.raises(ExperimentStateError, match="cannot be recorded into"):
            record()
    assert (1, 1) == (metrics(manager).trades, metrics(manager).predictions)


def test_during_a_pause_what_was_open_may_be_recorded(manager):
    manager.pause_experiment("x")
    for record in record_all(manager, "x", "treatment"):
        record()
    assert (1, 1) == (metrics(manager, "treatment").trades, metrics(manager, "treatment").predictions)


def test_what_is_recorded_of_a_unit_that_does_not_take_part_is_not_counted(store, clock):
    with begun(store, clock, {"traffic_allocation": 0.0}) as manager:
        variant = manager.get_variant("x", "unit")
        assert (variant.id, variant.enrolled) == ("control", False)
        for given in (variant.id, variant):
            for record in record_all(manager, "x", given):
                record()
        assert_nothing(manager)
        manager.record_trade("x", "control", pnl=1.0)  # a plain text is the variant itself
        manager.record_trade("x", variant.id, pnl=1.0)
        assert 1 == metrics(manager).trades


def test_a_variant_stands_for_its_id(manager):
    variant = next(v for v in manager.get_experiment("x").variants if not v.is_control)
    for record in record_all(manager, "x", variant):
        record()
    assert (1, 1) == (metrics(manager, "treatment").trades, metrics(manager, "treatment").predictions)


def test_nothing_is_recorded_after_close_and_reading_goes_on(manager):
    manager.record_trade("x", "control", pnl=1.0)
    manager.close()
    for record in [*record_all(manager, "x", "control"), lambda: manager.record_actual("x", 1, 1)]:
        with pytest.raises(ClosedError):
            record()
    assert 1 == metrics(manager).trades


# --- times


def times_of(manager):
    stream = "experiments/x/trades"
    parts = manager._journal.query(stream, lambda reading: [part.load() for part in reading.of(stream)])
    times = np.concatenate([part["time"] for part in parts]).astype("datetime64[ns]")
    return [time.astype("datetime64[us]").item().replace(tzinfo=dt.UTC) for time in times]


def test_a_time_may_be_given_in_any_timezone_of_the_past(manager):
    for timestamp in (
        NOW,
        NOW + dt.timedelta(minutes=5),
        dt.datetime(1900, 1, 1, tzinfo=dt.UTC),
        NOW.astimezone(dt.timezone(dt.timedelta(hours=-11))),
    ):
        manager.record_trade("x", "control", pnl=1.0, timestamp=timestamp)
        manager.record_prediction("x", "control", confidence=0.5, timestamp=timestamp)
    series = manager._judge.series(manager.get_experiment("x"), "pnl")
    assert [1.0] * 4 == series.values.tolist()
    assert {dt.datetime(1900, 1, 1, tzinfo=dt.UTC), NOW, NOW + dt.timedelta(minutes=5)} == {
        *times_of(manager)
    }


def test_the_machines_clock_is_used_where_none_is_given(store):
    with begun(store, None) as manager:
        manager.record_trade("x", "control", pnl=1.0)
        (moment,) = times_of(manager)
    assert abs(dt.datetime.now(dt.UTC) - moment) < dt.timedelta(hours=2)


def test_numbers_of_any_size_are_survived(manager):
    """Squares of squares of what is allowed are not finite; figures then are what they can be."""
    for sign in (1.0, -1.0, 0.5):
        for variant in ("control", "treatment"):
            manager.record_trade("x", variant, pnl=sign * 1e100, returns=-sign * 1e100)
            manager.record_prediction("x", variant, prediction=sign * 1e100, actual=-sign * 1e-99)
    assert 3 == metrics(manager).trades
    assert "inconclusive" == manager.analyze("x").verdict.winner
    manager.close()
    assert 3 == metrics(ABTestingManager(manager._store)).trades
