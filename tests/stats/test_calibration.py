"""Confidence against accuracy: the bins and scores of the literature, however predictions were divided."""

import functools
import json
import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.stats import Calibration

RNG = np.random.default_rng(0)

# Multiples of 1/64, so that sums are exact in any order.
predictions = st.lists(st.tuples(st.integers(0, 64).map(lambda part: part / 64), st.booleans()), max_size=30)


def calibrate(predictions):
    confidence, correct = zip(*predictions, strict=True) if predictions else ((), ())
    return Calibration.of(confidence, np.array(correct, dtype=bool))


def random_predictions(size):
    confidence = RNG.beta(4, 2, size=size)
    return confidence, RNG.random(size) < confidence**1.5


class TestBins:
    def test_an_edge_belongs_to_the_bin_above_it(self):
        """The number before it does not, whatever a multiplication by ten makes of it."""
        for k in range(1, 10):
            at, before = Calibration.of([k / 10], [True]), Calibration.of([math.nextafter(k / 10, 0)], [True])
            assert ([k], [k - 1]) == (np.flatnonzero(at.counts), np.flatnonzero(before.counts))

    @pytest.mark.parametrize(
        ("confidence", "k"), [(0.0, 0), (5e-324, 0), (math.nextafter(1, 0), 9), (1.0, 9)]
    )
    def test_the_ends(self, confidence, k):
        assert [k] == np.flatnonzero(Calibration.of([confidence], [False]).counts)

    @given(st.floats(0, 1), st.booleans())
    def test_any_confidence(self, confidence, correct):
        calibration = Calibration.of([confidence], [correct])
        k = sum(confidence >= edge / 10 for edge in range(1, 10))
        expected = np.eye(10)[k]
        assert expected.tolist() == calibration.counts.tolist()
        assert (expected * confidence).tolist() == calibration.confidences.tolist()
        assert (expected * correct).tolist() == calibration.corrects.tolist()
        assert (confidence - correct) ** 2 == calibration.squared_error

    @pytest.mark.parametrize("size", [8191, 8192, 8193, 100_000])
    def test_all_predictions_are_counted(self, size):
        confidence, correct = random_predictions(size)
        calibration = Calibration.of(confidence, correct)
        assert (size, correct.sum()) == (calibration.count, calibration.corrects.sum())
        assert math.isclose(confidence.sum(), calibration.confidences.sum(), rel_tol=1e-13)
        for k, edge in enumerate(np.arange(10) / 10):
            inside = (confidence >= edge) & (confidence < (k + 1) / 10)
            assert inside.sum() == calibration.counts[k]
            assert correct[inside].sum() == calibration.corrects[k]

    def test_columns_of_records_are_read_as_they_are(self):
        """They are neither contiguous nor aligned."""
        records = np.zeros(20_000, dtype=[("correct", "?"), ("confidence", "f8")])
        records["confidence"], records["correct"] = random_predictions(len(records))
        expected = Calibration.of(records["confidence"].copy(), records["correct"].copy())
        assert expected == Calibration.of(records["confidence"], records["correct"])

    @pytest.mark.parametrize("correct", [[], [True], [True] * 3, [[True, False]], [[True], [False]]])
    def test_every_confidence_needs_an_outcome(self, correct):
        with pytest.raises(ValueError, match="every confidence needs an outcome"):
            Calibration.of([0.5, 0.5], correct)


class TestScores:
    def test_an_example(self):
        """Half of those at 0.75 are right, all of those at 0.25: a quarter too many, three too few."""
        calibration = Calibration.of([0.75, 0.75, 0.25, 0.25], [True, False, True, True])
        assert (0.25 * 2 + 0.75 * 2) / 4 == calibration.error
        assert (0.0625 + 3 * 0.5625) / 4 == calibration.brier

    def test_perfect_predictions(self):
        calibration = Calibration.of([1.0, 1.0, 0.0], [True, True, False])
        assert (0.0, 0.0) == (calibration.error, calibration.brier)

    def test_predictions_that_are_sure_and_wrong(self):
        calibration = Calibration.of([1.0, 0.0], [False, True])
        assert (1.0, 1.0) == (calibration.error, calibration.brier)

    def test_the_error_is_that_of_its_definition(self):
        """Naeini, Cooper and Hauskrecht, AAAI 2015: bins weighted by their share of predictions."""
        confidence, correct = random_predictions(10_000)
        bins = np.digitize(confidence, np.arange(1, 10) / 10)
        expected = sum(
            (bins == k).mean() * abs(correct[bins == k].mean() - confidence[bins == k].mean())
            for k in np.unique(bins)
        )
        assert math.isclose(expected, Calibration.of(confidence, correct).error, rel_tol=1e-12)

    def test_without_data_all_is_nan(self):
        calibration = Calibration.of([], [])
        assert Calibration() == calibration
        assert 0 == calibration.count
        assert np.isnan([calibration.error, calibration.brier]).all()
        assert [[], [], []] == [column.tolist() for column in calibration.curve()]


class TestOtherPrograms:
    """Scikit-learn agrees."""

    @pytest.fixture
    def calibration_curve(self):
        return pytest.importorskip("sklearn.calibration").calibration_curve

    def test_the_curve(self, calibration_curve):
        confidence, correct = random_predictions(10_000)
        accuracy, mean_confidence = calibration_curve(correct, confidence, n_bins=10, strategy="uniform")
        actual = Calibration.of(confidence, correct).curve()
        assert np.allclose(mean_confidence, actual[0], rtol=1e-12, atol=0)
        assert np.allclose(accuracy, actual[1], rtol=1e-12, atol=0)
        assert np.histogram(confidence, np.arange(11) / 10)[0].tolist() == actual[2].tolist()

    def test_empty_bins_are_left_out(self, calibration_curve):
        confidence, correct = np.array([0.05, 0.35, 0.38, 1.0]), np.array([False, False, True, True])
        accuracy, mean_confidence = calibration_curve(correct, confidence, n_bins=10, strategy="uniform")
        actual = Calibration.of(confidence, correct).curve()
        assert [1, 2, 1] == actual[2].tolist()
        assert mean_confidence.tolist() == actual[0].tolist()
        assert accuracy.tolist() == actual[1].tolist()

    def test_at_an_edge_scikit_learn_differs(self, calibration_curve):
        """It has 0.5 in the bin below, as the documentation of `Calibration` says."""
        confidence, correct = np.array([0.45, 0.5]), np.array([False, True])
        _, mean_confidence = calibration_curve(correct, confidence, n_bins=10, strategy="uniform")
        assert [0.475] == mean_confidence.tolist()
        assert [0.45, 0.5] == Calibration.of(confidence, correct).curve()[0].tolist()

    def test_the_brier_score(self):
        metrics = pytest.importorskip("sklearn.metrics")
        confidence, correct = random_predictions(10_000)
        expected = metrics.brier_score_loss(correct, confidence)
        assert math.isclose(expected, Calibration.of(confidence, correct).brier, rel_tol=1e-12)


class TestMerge:
    @given(st.lists(predictions, max_size=8))
    def test_any_split_equals_the_whole_exactly(self, parts):
        whole = calibrate([prediction for part in parts for prediction in part])
        assert whole == Calibration.merge(map(calibrate, parts))

    @given(st.lists(predictions, max_size=8))
    def test_merge_equals_a_chain_of_sums(self, parts):
        calibrations = [calibrate(part) for part in parts]
        assert functools.reduce(operator.add, calibrations, Calibration()) == Calibration.merge(calibrations)

    @given(predictions, predictions, predictions)
    def test_the_grouping_and_the_order_do_not_matter(self, a, b, c):
        a, b, c = calibrate(a), calibrate(b), calibrate(c)
        assert (a + b) + c == a + (b + c) == c + (b + a)

    @given(predictions)
    def test_no_predictions_are_the_identity(self, predictions):
        calibration = calibrate(predictions)
        assert calibration == calibration + Calibration() == Calibration() + calibration

    def test_of_none_is_the_identity(self):
        assert Calibration() == Calibration.merge(iter([]))

    def test_a_thousand_parts_of_any_fractions(self):
        """Sums of fractions are rounded, in another order."""
        confidence, correct = random_predictions(50_000)
        whole = Calibration.of(confidence, correct)
        parts = zip(np.split(confidence, 1000), np.split(correct, 1000), strict=True)
        merged = Calibration.merge(Calibration.of(*part) for part in parts)
        assert whole.counts.tolist() == merged.counts.tolist()
        assert whole.corrects.tolist() == merged.corrects.tolist()
        assert math.isclose(whole.error, merged.error, rel_tol=1e-11)
        assert math.isclose(whole.brier, merged.brier, rel_tol=1e-12)


class TestState:
    @given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30))
    def test_it_comes_back_exactly(self, predictions):
        calibration = calibrate(predictions)
        loaded = Calibration.from_state(json.loads(json.dumps(calibration.to_state(), allow_nan=False)))
        assert calibration == loaded
        assert (np.int64, np.int64) == (loaded.counts.dtype, loaded.corrects.dtype)

    @pytest.mark.parametrize(
        "change",
        [
            {"counts": [1] * 9},
            {"corrects": [0] * 11},
            {"confidences": [0.0] * 9},
            {"counts": [[1]] * 10},
            {"counts": [1.0] * 10},
            {"counts": None},
            {"counts": "0123456789"},
            {"counts": [0] * 10},
            {"counts": [-1] * 10},
            {"corrects": [-1] * 10},
            {"corrects": [2] * 10},
            {"confidences": [-0.1] * 10},
            {"confidences": [1.1] * 10},
            {"confidences": [math.nan] * 10},
            {"squared_error": -1.0},
            {"squared_error": 11.0},
            {"squared_error": None},
        ],
        ids=lambda change: repr(change)[:50],
    )
    def test_a_bad_state_is_refused(self, change):
        state = Calibration.of(np.arange(10) / 10, np.ones(10, dtype=bool)).to_state()
        with pytest.raises(ValueError, match="state"):
            Calibration.from_state(state | change)
