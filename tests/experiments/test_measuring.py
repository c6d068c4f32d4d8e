"""From records to the numbers that metrics are made of."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod._facts._flags import CORRECT, KNOWN, LABEL, TEXT
from mlprod.experiments._measuring import (
    Prediction,
    measured_prediction,
    measured_predictions,
    measured_shadows,
    measured_trades,
    outcome_state,
)
from mlprod.experiments._metric import BUILT_IN
from mlprod.experiments._streams import FLAT, LONG, PREDICTION, SHORT, TRADE, shadow_layout
from mlprod.storage.journal import Table

NAN = math.nan
values = st.one_of(
    st.just(NAN),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-101, -1e-99, 1e100, -1e100]),
    st.floats(-1e100, 1e100, width=64),
)
predictions = st.lists(
    st.builds(
        Prediction,
        values,
        values,
        st.sampled_from([0, LONG, SHORT, FLAT]),
        st.sampled_from([0, KNOWN, KNOWN | CORRECT, LABEL, LABEL | TEXT, TEXT, LABEL | KNOWN]),
        st.one_of(st.just(NAN), st.floats(0, 1)),
        st.one_of(st.just(NAN), st.floats(0, 1e9)),
    ),
    min_size=1,
    max_size=20,
)


def columns(found, suffix=""):
    return {
        f"prediction{suffix}": np.array([one.predicted for one in found]),
        f"signal{suffix}": np.array([one.signal for one in found], np.uint8),
        f"flags{suffix}": np.array([one.flags for one in found], np.uint8),
        f"confidence{suffix}": np.array([one.confidence for one in found]),
        f"latency_ms{suffix}": np.array([one.latency_ms for one in found]),
    }


def table(found):
    actual = {"time": np.arange(len(found)), "actual": np.array([one.actual for one in found])}
    return Table(PREDICTION, {**actual, **columns(found)})


def shadows(found):
    """Return the same as what the second of two models said."""
    rows = {
        "time": np.arange(len(found)),
        "actual": np.array([one.actual for one in found]),
        "flags": np.zeros(len(found), np.uint8),
    }
    return Table(shadow_layout(2), {**rows, **columns(found, "_1")})


@settings(max_examples=40)
@given(predictions)
def test_one_prediction_is_measured_as_many_are(found):
    for name, measured in measured_predictions(table(found)):
        expected = [measured_prediction(name, one) for one in found]
        np.testing.assert_array_equal(measured, expected, name)


@settings(max_examples=40)
@given(predictions)
def test_what_a_model_says_in_the_shadow_is_measured_in_the_same_way(found):
    shadowed = dict(measured_shadows(shadows(found), 1))
    for name, measured in measured_predictions(table(found)):
        np.testing.assert_array_equal(measured, shadowed[name], name)


@settings(max_examples=40)
@given(predictions)
def test_squares_of_what_is_measured_are_finite(found):
    for _, measured in measured_predictions(table(found)):
        given_ = measured[~np.isnan(measured)]
        assert np.isfinite(given_ * given_).all()


def test_every_built_in_metric_is_measured():
    found = [*measured_predictions(table([])), *measured_trades(Table(TRADE, {"time": np.arange(0)}))]
    assert set(BUILT_IN) == {name for name, _ in found}


def one(predicted=NAN, actual=NAN, signal=0, flags=0):
    return Prediction(predicted, actual, signal, flags, NAN, NAN)


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (one(1.0, 2.0), {"mae": 1, "rmse": 1, "mape": 0.5, "directional_accuracy": 1, "accuracy": NAN}),
        (one(-1.0, 2.0), {"mae": 3, "rmse": 9, "mape": 1.5, "directional_accuracy": 0}),
        (one(0.0, 0.0), {"mae": 0, "mape": NAN, "directional_accuracy": 1}),
        (one(NAN, 2.0, LONG), {"mae": NAN, "accuracy": 1, "signal_rate": 1}),
        (one(-5.0, 2.0, LONG), {"directional_accuracy": 1, "mae": 7, "accuracy": 1}),
        (one(5.0, 2.0, SHORT), {"directional_accuracy": 0, "accuracy": 0}),
        (one(5.0, 2.0, FLAT), {"directional_accuracy": NAN, "accuracy": NAN, "signal_rate": 0}),
        (one(1.0, 1.0, SHORT, LABEL), {"accuracy": 1, "directional_accuracy": 0, "mae": 0}),
        (one(1.0, NAN, LONG, LABEL), {"accuracy": NAN, "mae": NAN}),
        (one(9.0, 9.0, LONG, LABEL | TEXT), {"accuracy": 1, "mae": NAN, "directional_accuracy": NAN}),
        (one(9.0, 8.0, 0, LABEL | TEXT | KNOWN | CORRECT), {"accuracy": 1}),
        (one(NAN, 9.0, LONG, TEXT), {"accuracy": NAN, "directional_accuracy": NAN, "mape": NAN}),
    ],
)
def test_what_follows_from_a_prediction(prediction, expected):
    found = {name: measured_prediction(name, prediction) for name in expected}
    assert expected == pytest.approx(found, nan_ok=True)


@pytest.mark.parametrize(
    ("prediction", "prediction_id", "awaited", "matured"),
    [
        (Prediction(NAN, NAN, 0, 0, 0.5, 3.0), 0, False, False),
        (Prediction(NAN, 2.0, 0, 0, 0.5, 3.0), 0, False, False),
        (Prediction(1.0, NAN, 0, 0, NAN, NAN), 0, True, False),
        (Prediction(1.0, 2.0, 0, 0, NAN, NAN), 0, True, True),
        (Prediction(NAN, NAN, LONG, 0, NAN, NAN), 0, True, False),
        (Prediction(NAN, 2.0, LONG, 0, NAN, NAN), 0, True, True),
        (Prediction(NAN, NAN, 0, KNOWN, NAN, NAN), 0, True, True),
        (Prediction(NAN, NAN, 0, 0, NAN, NAN), 5, True, False),
        (Prediction(NAN, 0.0, 0, 0, NAN, NAN), 5, True, True),
    ],
)
def test_which_predictions_await_an_outcome(prediction, prediction_id, awaited, matured):
    rows = table([prediction])
    rows = Table(PREDICTION, {**rows.columns, "prediction_id": np.array([prediction_id], np.uint64)})
    assert ([awaited], [matured]) == tuple(state.tolist() for state in outcome_state(rows))
