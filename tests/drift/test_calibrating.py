"""Whether confidence means what it meant."""

import numpy as np
import pytest
from scipy import stats

from mlprod.drift import DriftDetector

brier_score_loss = pytest.importorskip("sklearn.metrics").brier_score_loss

DATA = {"x": [1.0]}


def outcomes(confidence, rights, count):
    """Return so many predictions with this confidence, of which so many were right."""
    return [confidence] * count, [True] * rights + [False] * (count - rights)


def joined(*parts):
    return [[value for part in parts for value in part[place]] for place in (0, 1)]


@pytest.fixture
def compare(store, clock):
    def compare(before, now, **options):
        detector = DriftDetector(store, clock=clock, **{"ordered": False, **options})
        confidence, correct = before
        detector.set_reference("m", DATA, confidence=confidence, correct=correct)
        return detector.check_calibration("m", *now)

    return compare


BEFORE = joined(outcomes(0.85, 850, 1000), outcomes(0.55, 550, 1000))
NOW = joined(outcomes(0.85, 340, 500), outcomes(0.55, 270, 500))


def test_figures_are_those_of_the_closed_form(compare):
    """The gaps are 0 in the reference, and now 0.85 - 0.68 and 0.55 - 0.54: the mean of 0.17 and 0.01."""
    found = compare(BEFORE, NOW)
    assert pytest.approx(0.0, abs=1e-12) == found.reference_error
    assert pytest.approx(0.09) == found.current_error
    assert (1000, 2000) == (found.count, found.reference_count)
    assert pytest.approx(brier_score_loss(NOW[1], NOW[0])) == found.brier
    assert pytest.approx(brier_score_loss(BEFORE[1], BEFORE[0])) == found.reference_brier


def test_accuracy_at_equal_confidence_is_compared_as_by_pearson(compare):
    """With equal confidence in a bin, gaps differ as the rates do; Laplace's rule moves the rate a little."""
    found = compare(BEFORE, NOW)
    statistic = sum(
        stats.chi2_contingency(table, correction=False).statistic
        for table in ([[850, 150], [340, 160]], [[550, 450], [270, 230]])
    )
    assert pytest.approx(statistic, rel=0.01) == stats.chi2.isf(found.p_value, 2)
    assert found.drifted


def test_growth_below_the_threshold_is_no_drift(compare):
    found = compare(BEFORE, NOW, calibration_threshold=0.1)
    assert found.p_value < 1e-10
    assert not found.drifted


def test_a_better_calibration_is_no_drift(compare):
    found = compare(NOW, BEFORE)
    assert found.p_value < 1e-10
    assert not found.drifted


def test_chance_is_drift_under_the_classic_policy_alone(compare):
    before, now = outcomes(0.85, 17, 20), outcomes(0.85, 15, 20)
    assert pytest.approx(0.1) == compare(before, now).current_error
    assert not compare(before, now).drifted
    assert compare(before, now, policy="classic").drifted


def test_bins_that_one_sample_hardly_has_are_not_compared(compare):
    found = compare(outcomes(0.95, 95, 100), outcomes(0.55, 10, 100))
    assert (1.0, False) == (found.p_value, found.drifted)


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_was_asked(compare, rng):
    """Of 200 tests with nothing to find, 5% are below 0.05, give or take."""
    alarms = 0
    for _ in range(200):
        confidence = rng.random(600)
        correct = rng.random(600) < confidence
        alarms += (
            compare((confidence[:400], correct[:400]), (confidence[400:], correct[400:])).p_value <= 0.05
        )
    assert alarms <= 10 + 3 * np.sqrt(200 * 0.05 * 0.95)


def test_outcomes_may_be_ones_and_zeros(compare):
    confidence, correct = NOW
    assert compare(BEFORE, NOW) == compare(BEFORE, (np.array(confidence), np.array(correct, np.int8)))
    assert compare(BEFORE, NOW) == compare(BEFORE, (confidence, list(map(float, correct))))


def test_it_calls_for_training_and_says_why(store, clock):
    detector = DriftDetector(store, clock=clock, ordered=False)
    detector.set_reference("m", DATA, confidence=BEFORE[0], correct=BEFORE[1])
    report = detector.comprehensive_drift_check(model_id="m", data=DATA, confidence=NOW[0], correct=NOW[1])
    assert detector.should_retrain(report)
    (evidence,) = report.overall.evidence
    assert ("confidence", "expected calibration error", 0.05) == (
        evidence.subject,
        evidence.test,
        evidence.threshold,
    )
    assert pytest.approx(0.09) == evidence.effect
    assert "confidence no longer means what it meant: the calibration error was " in evidence.sentence
    assert " and is 0.09, p = " in evidence.sentence
