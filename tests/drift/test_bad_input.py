"""Whatever is given: a message that says what to do, or a sound report; and nothing half done."""

import datetime as dt
import math

import numpy as np
import pytest
from scipy import stats

from mlprod.drift import DriftDetector
from mlprod.errors import InvalidDataError

pd = pytest.importorskip("pandas")

ROWS = 400


@pytest.fixture
def data(rng):
    return {"x": rng.normal(size=ROWS), "side": rng.choice(["buy", "sell"], ROWS), "n": np.arange(ROWS) % 7}


@pytest.fixture
def standing(detector, data):
    """Give a detector with a reference of those data."""
    detector.set_reference(
        "m", data, predictions=data["x"], errors=data["x"], confidence=[0.5] * 9, correct=[1] * 9
    )
    return detector


def without(data, name):
    return {key: column for key, column in data.items() if key != name}


BAD_TABLES = {
    "text for numbers": (
        lambda data: {**data, "x": ["a"] * ROWS},
        "feature 'x' is numeric in the reference and holds categories now, such as 'a': turn it into",
    ),
    "booleans for numbers": (lambda data: {**data, "x": [True] * ROWS}, "such as 'true'"),
    "numbers for text": (
        lambda data: {**data, "side": np.ones(ROWS)},
        "feature 'side' is categorical in the reference and holds numbers now: turn them into texts, or set",
    ),
    "missing": (
        lambda data: without(data, "x"),
        "the data lack 1 of the 3 features of the reference of 'm': x; there are: n, side. Nothing was",
    ),
    "no rows": (
        lambda data: {name: column[:0] for name, column in data.items()},
        "the data for 'm' have no rows",
    ),
    "no columns": (lambda _: {}, "a table without columns"),
    "no columns of an array": (lambda _: np.empty((5, 0)), "an array of 0 columns without names"),
    "one name twice": (
        lambda _: pd.DataFrame(np.ones((3, 2)), columns=["x", "x"]),
        "more than one column is named 'x': rename or drop all but one",
    ),
    "dates": (lambda data: {**data, "n": [dt.date(2026, 1, 1)] * ROWS}, r"column 'n' holds times \(date\)"),
    "times": (
        lambda data: {**data, "n": np.zeros(ROWS, "M8[s]")},
        r"column 'n' holds times \(datetime64\[s\]\)",
    ),
    "mixed": (
        lambda data: {**data, "n": [1, "a"] * (ROWS // 2)},
        "column 'n' mixes int, str: make all of its",
    ),
    "objects": (lambda data: {**data, "n": [object()] * ROWS}, "column 'n' holds object"),
    "lists": (lambda data: {**data, "n": [[1]] * ROWS}, "column 'n' holds list"),
    "lengths": (
        lambda data: {**data, "n": [1.0]},
        r"columns of different lengths \('x' has 400, 'n' has 1 rows\)",
    ),
    "a number": (lambda _: 5, r"5 \(int\) is no table"),
    "a text": (lambda _: "x", r"'x' \(str\) is no table"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_a_table_that_cannot_be_compared_is_refused_and_leaves_no_report(standing, data, store, kind):
    table, words = BAD_TABLES[kind]
    with pytest.raises(InvalidDataError, match=words):
        standing.check("m", table(data))
    with pytest.raises(InvalidDataError, match=words):
        standing.profile("m", table(data))
    assert [] == store.list("drift/reports")


@pytest.mark.parametrize(
    "kind", ["no columns", "one name twice", "dates", "mixed", "objects", "lengths", "a number"]
)
def test_a_table_that_is_no_reference_is_refused_and_the_one_before_stands(standing, data, store, kind):
    before, files = standing.get_reference("m"), store.list("drift")
    table, words = BAD_TABLES[kind]
    with pytest.raises(InvalidDataError, match=words):
        standing.set_reference("m", table(data))
    assert (before, files) == (standing.get_reference("m"), store.list("drift"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"predictions": []}, "predictions have no rows"),
        ({"predictions": [dt.date(2026, 1, 1)]}, "column 'predictions' holds times"),
        ({"errors": []}, "errors have no rows"),
        ({"errors": [None, math.nan]}, "there are no errors: none of the outcomes is known"),
        ({"errors": [math.inf, 1.0]}, "1 of 2 errors are infinite, or larger than"),
        ({"errors": ["wrong"]}, "errors must be numbers .* or booleans .*, not texts such as 'wrong'"),
        ({"errors": 0.5}, "column 'errors' is a single value"),
        ({"errors": [[1.0], [1.0, 2.0]]}, "column 'errors' holds list"),
        ({"confidence": [0.5]}, "confidence= and correct= are given together"),
        ({"correct": [True]}, "confidence= and correct= are given together"),
        ({"confidence": [1.5], "correct": [True]}, r"confidence must hold numbers from 0 to 1, not \[1.5\]"),
        ({"confidence": [math.nan], "correct": [True]}, "confidence must hold numbers from 0 to 1"),
        ({"confidence": ["high"], "correct": [True]}, "confidence must hold numbers from 0 to 1"),
        ({"confidence": 0.5, "correct": True}, "column 'confidence' is a single value"),
        ({"confidence": [], "correct": []}, "confidence have no rows"),
        ({"confidence": [0.5], "correct": ["no"]}, "correct must hold booleans"),
        (
            {"confidence": [0.5], "correct": [None]},
            "correct must hold booleans.*leave out those whose outcome",
        ),
        ({"confidence": [0.5], "correct": [2]}, "correct must hold booleans"),
        ({"confidence": [0.5], "correct": [True, False]}, "every confidence needs an outcome"),
        ({"feature_names": ["x"]}, "feature_names are for a 2-D array"),
    ],
)
def test_what_goes_with_a_reference_is_checked_before_it_is_set(standing, data, store, options, words):
    before, files = standing.get_reference("m"), store.list("drift")
    with pytest.raises(InvalidDataError, match=words):
        standing.set_reference("m", data, **options)
    assert (before, files) == (standing.get_reference("m"), store.list("drift"))


def test_what_the_reference_lacks_cannot_be_compared(detector, data, store):
    detector.set_reference("m", data)
    words = "'m' was set without {}, so that there is nothing to compare with: set it anew, with {}="
    for call, what in [
        (lambda: detector.check("m", data, predictions=[1.0]), "predictions"),
        (lambda: detector.check_performance("m", [1.0]), "errors"),
        (lambda: detector.check_calibration("m", [0.5], [True]), "confidence"),
        (lambda: detector.comprehensive_drift_check(model_id="m", data=data, errors=[1.0]), "errors"),
        (
            lambda: detector.comprehensive_drift_check(
                model_id="m", data=data, confidence=[0.5], correct=[True]
            ),
            "confidence",
        ),
    ]:
        with pytest.raises(InvalidDataError, match=words.format(what, what)):
            call()
    assert [] == store.list("drift/reports")


def test_predictions_of_another_kind_are_refused(standing, data, store):
    with pytest.raises(InvalidDataError, match="feature 'predictions' is numeric in the reference"):
        standing.check("m", data, predictions=["buy"])
    assert [] == store.list("drift/reports")


def test_numbers_are_not_compared_with_whether_it_was_wrong(standing):
    with pytest.raises(
        InvalidDataError, match="errors of the reference of 'm' are of the kind 'mae', these of the"
    ):
        standing.check_performance("m", [True, False])


def test_calibration_needs_both(standing):
    for confidence, correct in ((None, None), ([0.5], None), (None, [True])):
        with pytest.raises(InvalidDataError, match="confidence"):
            standing.check_calibration("m", confidence, correct)


def test_a_profile_on_other_bins_is_refused(standing, data):
    profile = standing.profile("m", data)
    standing.set_reference("m", data)
    with pytest.raises(
        InvalidDataError, match=r"the profile was made on the bins of another reference .*make it again"
    ):
        standing.check("m", profile)
    with pytest.raises(InvalidDataError, match="profiles on the bins of different references"):
        profile + standing.profile("m", data)


def test_a_profile_of_nothing_is_refused(standing):
    nothing = standing.get_reference("m").measure(iter(()))
    with pytest.raises(InvalidDataError, match="the profile of 'm' has no rows; nothing was compared"):
        standing.check("m", nothing)


def test_columns_that_the_reference_does_not_have_are_named(standing, data):
    assert ("day", "id") == standing.check("m", {**data, "day": data["n"], "id": data["n"]}).ignored


def test_what_is_ignored_may_hold_anything(standing, data):
    assert ("day",) == standing.check("m", {**data, "day": [dt.date(2026, 1, 1)] * ROWS}).ignored


def test_a_column_that_is_all_missing_is_drift(standing, data):
    found = standing.check("m", {**data, "x": [None] * ROWS}).features["x"]
    assert (1.0, 0.0) == (found.missing_rate, found.reference_missing_rate)
    assert (1.0, 0.0) == (found.shares[-1], found.reference_shares[-1])
    assert "significant" == found.psi_level
    assert math.isnan(found.wasserstein)


def test_a_column_that_was_all_missing_and_still_is_has_not_drifted(detector, data):
    gone = {**data, "x": np.full(ROWS, math.nan)}
    detector.set_reference("m", gone)
    found = detector.check("m", gone).features["x"]
    assert (0.0, "none", 1.0) == (found.psi, found.psi_level, found.missing_rate)
    assert detector.check("m", data).features["x"].drifted, "and now it has values"


@pytest.mark.parametrize("is_ordered", [False, True])
def test_a_column_without_values_hides_nothing_of_the_others(store, rng, is_ordered):
    """It tells nothing of how rows depend on each other."""
    detector = DriftDetector(store, ordered=is_ordered)
    x, y = rng.normal(size=(2, 4000))
    gone = {"gone": np.full(2000, math.nan), "lost": np.full(2000, math.nan)}
    detector.set_reference("m", {"x": x[:2000], "y": y[:2000], **gone})
    report = detector.check("m", {"x": x[2000:] + 1, "y": y[2000:], **gone})
    assert report.features["x"].drifted
    assert not report.features["y"].drifted


def test_a_constant_that_stays_has_not_drifted_and_one_that_moves_has(detector):
    detector.set_reference("m", {"x": np.full(ROWS, 3.0)})
    same = detector.check("m", {"x": np.full(ROWS, 3.0)}).features["x"]
    assert (0.0, 0.0, False) == (same.psi, same.ks_statistic, same.drifted)
    moved = detector.check("m", {"x": np.full(ROWS, 4.0)}).features["x"]
    assert (1.0, True) == (moved.ks_statistic, moved.drifted)


def test_a_single_row_is_no_evidence(standing, data):
    report = standing.check("m", {name: column[:1] for name, column in data.items()})
    assert (1, False) == (report.rows, report.overall.drift_detected)
    assert "too few independent rows" in report.overall.reasons[0]


@pytest.mark.parametrize("is_ordered", [False, True])
@pytest.mark.parametrize(("before", "now"), [(1, 1), (2, 1), (1, 3), (2, 2)])
def test_a_few_rows_against_a_few_are_no_evidence(store, is_ordered, before, now):
    """Of 2 and 2 rows, a third of all orders parts them."""
    detector = DriftDetector(store, ordered=is_ordered)
    detector.set_reference("m", {"x": np.arange(before) / 1.0})
    assert not detector.check("m", {"x": np.arange(now) + 100.0}).overall.drift_detected


def test_infinities_are_values_beyond_all_others(standing, data):
    high = np.where(np.arange(ROWS) < ROWS // 2, math.inf, data["x"])
    found = standing.check("m", {**data, "x": high}).features["x"]
    beyond = np.append(np.full(ROWS // 2, 99.0), data["x"][ROWS // 2 :])
    assert pytest.approx(stats.ks_2samp(data["x"], beyond).statistic) == found.ks_statistic
    assert 0.0 == found.missing_rate
    assert math.isfinite(found.psi)
    assert math.isfinite(found.wasserstein)


def test_an_infinite_reference_is_one(detector):
    for value in (math.inf, -math.inf):
        detector.set_reference("m", {"x": np.full(ROWS, value)})
        assert not detector.check("m", {"x": np.full(ROWS, value)}).overall.drift_detected


def test_unseen_categories_share_a_bin(standing, data):
    found = standing.check("m", {**data, "side": ["short", "cover"] * (ROWS // 2)}).features["side"]
    assert (1.0, 1.0, "significant") == (found.unseen_rate, found.shares[-2], found.psi_level)


def test_objects_of_numbers_are_numbers(standing, data):
    as_objects = {**data, "x": np.array([*data["x"][:-1], None], dtype=object)}
    found = standing.check("m", as_objects).features["x"]
    assert (1 / ROWS, False) == (found.missing_rate, found.drifted)


def test_a_check_without_data_needs_features_that_were_recorded(standing, store):
    words = (
        r"no features of 'm' were recorded in the last 30 days: give data=, or record them with "
        r"record_prediction\(…, features=…\)"
    )
    with pytest.raises(InvalidDataError, match=words):
        standing.check("m")
    assert [] == store.list("drift/reports")


def test_many_categories_take_no_more_than_a_hundred_bins(detector):
    ids = [f"{number}" for number in range(20_000)]
    detector.set_reference("m", {"id": ids})
    found = detector.check("m", {"id": ids}).features["id"]
    assert len(found.bins) <= 100 + 2
    assert not found.drifted
