"""The verdict on all findings together: what is gravest first, and how sure the report is as a whole."""

import numpy as np
import pytest
from scipy import stats

from mlprod.drift import DriftDetector
from mlprod.drift._checking import New, check


@pytest.fixture
def everything(store, clock, rng):
    """Give a report in which everything has drifted."""
    detector = DriftDetector(store, clock=clock, ordered=False)
    x, noise = rng.normal(size=(2, 1000))
    correct = rng.random(1000) < 0.8
    detector.set_reference(
        "m",
        {"x": x, "y": 0.95 * x + 0.3 * noise},
        predictions=x,
        errors=noise,
        confidence=np.full(1000, 0.8),
        correct=correct,
    )
    return detector, detector.comprehensive_drift_check(
        model_id="m",
        data={"x": x + 0.4, "y": noise},
        recent_predictions=x + 2,
        errors=noise * 2,
        series=np.concatenate((x, 3 * noise)),
        confidence=np.full(1000, 0.8),
        correct=~correct,
    )


def test_what_calls_for_training_comes_first(everything):
    detector, report = everything
    assert detector.should_retrain(report)
    found = [(evidence.subject, evidence.calls_for_retraining) for evidence in report.overall.evidence]
    assert [
        ("errors", True),
        ("confidence", True),
        ("predictions", True),
        ("feature 'x'", False),
        ("series", False),
    ] == [subject for subject in found if subject[0] != "features together"]
    assert tuple(evidence.sentence for evidence in report.overall.evidence) == report.overall.reasons


def test_all_of_it_is_in_the_report(everything):
    _, report = everything
    parts = [report.features["x"], report.predictions, report.performance]
    assert all(part.drifted for part in [*parts, report.calibration, report.concept])
    assert not report.features["y"].drifted
    assert pytest.approx(-0.95, abs=0.05) == report.multivariate.correlation_change


def test_a_broken_correlation_is_found_among_all_questions(everything):
    _, report = everything
    assert report.multivariate.drifted
    assert {"feature_drift", "prediction_drift", "performance_drift"} == report.scores.keys()


def test_every_kind_of_question_has_its_share_of_the_false_alarms(store):
    """A p-value of 0.031 is drift where errors are all that was asked about, and not among four questions."""
    detector = DriftDetector(store, ordered=False)
    before, now = np.tile([1.0, 3.0], 20), np.tile([1.0, 4.15], 20)
    correct = [True] * 8 + [False] * 2
    detector.set_reference("m", {"x": before}, errors=before, confidence=[0.8] * 10, correct=correct)
    law = stats.ttest_ind(now, before, equal_var=False, alternative="greater")
    assert 0.0125 < law.pvalue < 0.05
    assert detector.check_performance("m", now).drifted
    report = detector.comprehensive_drift_check(
        model_id="m",
        data={"x": before},
        errors=now,
        confidence=[0.8] * 10,
        correct=correct,
        series=np.arange(40.0) % 5,
    )
    assert pytest.approx(law.pvalue) == report.performance.p_value
    assert (False, False) == (report.performance.drifted, report.overall.drift_detected)


def test_a_report_need_not_be_on_features(detector, clock):
    """Nothing but errors was compared, and nothing at all."""
    reference = detector.set_reference("m", {"x": [1.0, 2.0]}, errors=np.tile([1.0, 3.0], 20))
    errors = reference.errors.bins.measure(np.tile([2.0, 4.0], 20))
    report = check(reference, New(errors=errors), settings=detector._settings, time=clock())
    assert (0, {}, 0.0, True) == (
        report.rows,
        report.features,
        report.overall.score,
        report.performance.drifted,
    )
    nothing = check(reference, New(), settings=detector._settings, time=clock())
    assert (False, ("nothing was found",)) == (nothing.overall.drift_detected, nothing.overall.reasons)


def test_the_classic_policy_shares_nothing(store):
    """The seeds' thresholds as they stand: a p-value of 0.035 is below 0.05, whatever else was asked."""
    x = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    detector = DriftDetector(store, ordered=False, policy="classic")
    detector.set_reference("m", {"x": x}, errors=x)
    report = detector.comprehensive_drift_check(model_id="m", data={"x": x + 0.16}, errors=x)
    assert 0.025 < report.features["x"].ks_p_value < 0.05
    assert report.features["x"].drifted


def test_infinite_growth_of_errors_is_no_score(store):
    """A monitor takes finite scores only."""
    detector = DriftDetector(store, ordered=False)
    detector.set_reference("m", {"x": [1.0, 2.0]}, errors=np.zeros(50))
    report = detector.comprehensive_drift_check(model_id="m", data={"x": [1.0, 2.0]}, errors=np.arange(50.0))
    assert report.performance.drifted
    assert {"feature_drift"} == report.scores.keys()


@pytest.mark.slow
def test_a_report_on_everything_raises_no_more_false_alarms_than_was_asked(store, rng):
    """Of 200 comprehensive checks with nothing to find, at most 5%, give or take two standard errors."""
    detector = DriftDetector(store, ordered=False)
    alarms = 0
    for _ in range(200):
        x, errors, series = rng.normal(size=(3, 2, 200))
        confidence = rng.random((2, 200))
        correct = rng.random((2, 200)) < confidence
        detector.set_reference(
            "m", {"x": x[0]}, errors=errors[0], confidence=confidence[0], correct=correct[0]
        )
        report = detector.comprehensive_drift_check(
            model_id="m",
            data={"x": x[1]},
            errors=errors[1],
            series=series.ravel(),
            confidence=confidence[1],
            correct=correct[1],
        )
        alarms += report.overall.drift_detected
    assert alarms <= 10 + 2 * np.sqrt(200 * 0.05 * 0.95)
