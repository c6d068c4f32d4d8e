"""Watching against a reference, without a store: alarms, and states that go on."""

import math

import numpy as np
import pytest

from mlprod.drift import DriftDetector
from mlprod.drift._observer import Observer
from mlprod.drift._watches import AdwinWatch, watch
from mlprod.errors import InvalidDataError


@pytest.fixture
def reference(detector, rng):
    return detector.set_reference("m", {"x": rng.normal(size=2000), "y": rng.normal(size=2000)})


def begun(reference, method="e_detector", run_length=10_000.0, *, is_ordered=False):
    return watch(reference, method=method, run_length=run_length, is_ordered=is_ordered)


@pytest.fixture(params=["e_detector", "adwin"])
def method(request):
    return request.param


def scores(rng, rows, second=0.5):
    """Return scores of two features, the second around another middle."""
    return np.column_stack((rng.random(rows), np.clip(rng.random(rows) + second - 0.5, 0, 1)))


def test_nothing_is_found_where_nothing_changes(reference, rng, method):
    _, rows, change = begun(reference, method).take_all(scores(rng, 2000))
    assert (2000, None) == (rows, change)


def test_the_feature_that_changes_is_named_and_when(reference, rng, method):
    table = np.vstack((scores(rng, 500), scores(rng, 500, 0.8)))
    after, rows, change = begun(reference, method).take_all(table)
    assert 500 < rows < 600
    assert 1 == change.feature
    if method == "e_detector":
        assert rows - 500 == pytest.approx(change.rows_since, abs=25)
        assert ("level up", 10_000.0) == (change.kind, change.threshold)
        assert change.evidence >= change.threshold
        assert begun(reference).states == after.states, "it begins anew"
    else:
        assert ("mean", 0.5) == (change.kind, change.threshold)
        assert 0.5 < change.evidence < 0.9
        assert rows - 500 <= change.rows_since <= rows, "what is left of the window"


def test_the_slack_covers_that_the_reference_is_a_sample(reference):
    """Two features of 2,000 rows, at 99%, on both sides, of level and scale: exp(-6 n slack²) each."""
    expected = math.sqrt(math.log(4 * 2 / 0.01) / (6 * 2000))
    assert [pytest.approx(expected)] * 2 == [state[0][1] for state in begun(reference).states]


def test_rows_and_batches_give_the_same(reference, rng, method):
    table = np.vstack((scores(rng, 300), scores(rng, 200, 0.8)))
    one, found = begun(reference, method), []
    for number, row in enumerate(table.tolist(), 1):
        one, change = one.take(row)
        if change is not None:
            found.append((number, change.feature, change.kind, change.rows_since))
    other, taken, changes = begun(reference, method), 0, []
    while taken < len(table):
        other, rows, change = other.take_all(table[taken:])
        taken += rows
        if change is not None:
            changes.append((taken, change.feature, change.kind, change.rows_since))
    assert found == changes
    assert found


def test_a_state_goes_on_where_it_was_left(reference, rng, method):
    table = np.vstack((scores(rng, 300), scores(rng, 300, 0.8)))
    whole = begun(reference, method).take_all(table)
    early, _, _ = begun(reference, method).take_all(table[:301])
    resumed = begun(reference, method).resumed(early.to_state())
    assert early == resumed
    _, rows, change = resumed.take_all(table[301:])
    assert (whole[1] - 301, whole[2].feature, whole[2].rows_since) == (
        rows,
        change.feature,
        change.rows_since,
    )
    assert pytest.approx(whole[2].evidence) == change.evidence


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"e_detectors": None, "adwin": None},
        {"e_detectors": [], "adwin": []},
        {"e_detectors": [{}, {}], "adwin": [{}, {}]},
        {"e_detectors": [1, 2], "adwin": [1, 2]},
    ],
    ids=range(5),
)
def test_what_is_no_state_is_refused(reference, method, state):
    with pytest.raises(InvalidDataError):
        begun(reference, method).resumed(state)


def test_a_state_of_another_reference_is_refused(detector, reference, rng):
    shorter = detector.set_reference("m", {"x": rng.normal(size=500), "y": rng.normal(size=500)})
    with pytest.raises(
        InvalidDataError, match="its detectors are those of another reference or of other settings"
    ):
        begun(reference).resumed(begun(shorter).to_state())


def test_of_two_windows_that_are_cut_at_once_the_one_farther_from_the_middle_is_named(reference, rng):
    before = np.full((320, 2), 0.5) + rng.normal(scale=0.01, size=(320, 2))
    now = np.tile([0.9, 0.0], (64, 1))
    _, _, change = begun(reference, "adwin").take_all(np.vstack((before, now)))
    assert 1 == change.feature


def test_a_short_reference_tells_nothing_from_chance(detector):
    reference = detector.set_reference("m", {"x": np.arange(3.0)})
    words = "'m' is too short to be watched against: its 3 rows are worth 3 independent ones of feature 'x'"
    with pytest.raises(InvalidDataError, match=words):
        begun(reference)
    assert isinstance(begun(reference, "adwin"), AdwinWatch)


def test_a_column_without_values_can_be_watched(detector, rng):
    """If values come after all, that is a change; and it hides nothing of the others."""
    columns = {"x": rng.normal(size=2000), "gone": np.full(2000, np.nan)}
    reference = detector.set_reference("m", columns)
    for is_ordered in (False, True):
        observer = Observer(reference, begun(reference, is_ordered=is_ordered))
        observer.observe({"x": rng.normal(size=300), "gone": np.full(300, np.nan)})
        assert not observer.has_changes
        observer.observe({"x": rng.normal(size=300), "gone": np.ones(300)})
        ((rows, change), *_) = observer.changes()
        assert 1 == change.feature
        assert 300 < rows < 400


def test_a_lock_that_nobody_releases_is_renewed(reference):
    """As in a child, where the thread that held it does not live."""
    observer = Observer(reference, begun(reference))
    observer._lock.acquire()
    observer.renew()
    observer.observe({"x": 0.0, "y": 0.0})
    assert 1 == observer.progress()[0]


@pytest.mark.slow
def test_false_alarms_are_no_more_often_than_was_asked(reference, rng):
    """The mean of 60 runs to the first one, each broken off after twenty times as long, is at least that."""
    asked, runs = 200.0, []
    for _ in range(60):
        _, rows, _ = begun(reference, run_length=asked).take_all(scores(rng, int(20 * asked)))
        runs.append(rows)
    assert asked <= np.mean(runs)


def test_it_is_built_on_the_values_of_a_detector(store):
    """A month at a row a minute."""
    detector = DriftDetector(store)
    assert 30 * 1440 == detector._observers.run_length
