"""Checks: figures that others compute, too, and verdicts that follow from them."""

import math

import numpy as np
import pytest
from scipy import signal, stats

from mlprod import PerformanceMonitor
from mlprod.drift import DriftDetector

TWENTY = {"x": np.arange(1.0, 21.0)}
LATER = {"x": np.arange(4.0, 24.0)}


def counted(**counts):
    """Return a column with so many rows of each category."""
    return [label for label, count in counts.items() for _ in range(count)]


def test_both_spellings_are_the_same():
    for snake, camel in [
        ("set_reference", "setReference"),
        ("get_reference", "getReference"),
        ("check_performance", "checkPerformance"),
        ("check_calibration", "checkCalibration"),
        ("check_concept", "checkConcept"),
        ("comprehensive_drift_check", "comprehensiveDriftCheck"),
        ("should_retrain", "shouldRetrain"),
    ]:
        assert vars(DriftDetector)[snake] is vars(DriftDetector)[camel]


def test_it_shows_where_it_keeps_things(detector, store):
    assert "DriftDetector('memory://')" == repr(detector)
    assert store is detector.store


@pytest.mark.parametrize(("bins", "expected"), [(4, 0.15 * math.log(4)), (5, 0.15 * math.log(7))])
def test_twenty_numbers_have_the_index_of_the_closed_form(store, clock, bins, expected):
    """The first bin loses three of its rows to the last one, and each share is known."""
    detector = DriftDetector(store, clock=clock, ordered=False, bins=bins)
    detector.set_reference("m", TWENTY)
    found = detector.check("m", LATER).features["x"]
    assert pytest.approx(expected, rel=1e-12) == found.psi
    assert pytest.approx(0.15) == found.ks_statistic == found.ks_upper_bound
    law = stats.ks_2samp(TWENTY["x"], LATER["x"], method="exact")
    assert pytest.approx(law.pvalue, rel=1e-9) == found.ks_p_value
    assert pytest.approx(3.0, rel=0.03) == found.wasserstein  # all have moved by 3; from the grid


def test_a_check_says_what_it_compared(detector, clock):
    reference = detector.set_reference("m", TWENTY)
    clock.advance(hours=1)
    report = detector.check("m", {**LATER, "extra": np.ones(20)})
    assert ("m", None, reference.id) == (report.model_id, report.version, report.reference)
    assert (20, ("extra",), "calibrated") == (report.rows, report.ignored, report.policy)
    assert 3600 == (report.time - report.reference_time).total_seconds()
    assert reference == detector.get_reference("m")


CATEGORIES = {"a": counted(p=500, q=500), "b": counted(p=500, q=500), "c": counted(p=500, q=500)}
SHIFTED = {"a": counted(p=670, q=330), "b": counted(p=540, q=460), "c": counted(p=505, q=495)}


@pytest.fixture(scope="module")
def p_values():
    """Give those of Pearson's test of each of these features."""
    return {
        name: stats.chi2_contingency(
            [[500, 500], [rows.count("p"), rows.count("q")]], correction=False
        ).pvalue
        for name, rows in SHIFTED.items()
    }


def test_benjamini_and_hochberg_correct_for_all_features(detector, p_values):
    detector.set_reference("m", CATEGORIES)
    found = detector.check("m", SHIFTED).features
    assert pytest.approx(p_values) == {name: feature.p_value for name, feature in found.items()}
    expected = dict(zip(p_values, stats.false_discovery_control(list(p_values.values())), strict=True))
    assert pytest.approx(expected) == {name: feature.adjusted_p_value for name, feature in found.items()}


def test_holm_corrects_for_all_features(store, clock, p_values):
    detector = DriftDetector(store, clock=clock, ordered=False, correction="holm")
    detector.set_reference("m", CATEGORIES)
    found = detector.check("m", SHIFTED).features
    expected = {"a": 3 * p_values["a"], "b": 2 * p_values["b"], "c": p_values["c"]}
    assert pytest.approx(expected) == {name: feature.adjusted_p_value for name, feature in found.items()}


def psi(share, reference=0.5):
    return (share - reference) * (math.log(share / reference) - math.log((1 - share) / (1 - reference)))


def test_only_a_shift_that_is_moderate_is_drift(detector):
    """By Pearson's test, 540 of 1,000 against 500 at this size is more than chance, but small: 0.0064."""
    big = {"a": counted(p=50_000, q=50_000)}
    detector.set_reference("m", big)
    small = detector.check("m", {"a": counted(p=54_000, q=46_000)})
    assert small.features["a"].adjusted_p_value < 1e-60
    assert pytest.approx(psi(0.54)) == small.features["a"].psi
    assert ("none", False) == (small.features["a"].psi_level, small.overall.drift_detected)
    assert 0.0 == small.overall.score
    assert not detector.should_retrain(small)


def test_a_moderate_shift_calls_for_a_look_and_not_for_training(detector):
    detector.set_reference("m", CATEGORIES)
    report = detector.check("m", SHIFTED)
    assert report.overall.drift_detected
    assert not detector.should_retrain(report)
    assert ["a", "b", "c"] == list(report.features), "the gravest first"
    assert ["moderate", "none", "none"] == [found.psi_level for found in report.features.values()]
    (evidence,) = report.overall.evidence
    assert ("feature 'a'", "PSI", 0.1) == (evidence.subject, evidence.test, evidence.threshold)
    assert pytest.approx(psi(0.67)) == evidence.effect == report.overall.score
    assert report.features["a"].min_detectable_psi == evidence.detectable
    assert (evidence.sentence,) == report.overall.reasons
    assert "feature 'a' has shifted: PSI 0.12 (moderate, from 0.1)" in evidence.sentence


def test_a_significant_shift_calls_for_training(detector):
    detector.set_reference("m", CATEGORIES)
    report = detector.check("m", {**SHIFTED, "b": counted(p=800, q=200)})
    assert detector.should_retrain(report)
    assert ["feature 'b'", "feature 'a'"] == [found.subject for found in report.overall.evidence]
    assert [True, False] == [found.calls_for_retraining for found in report.overall.evidence]
    assert pytest.approx(psi(0.8)) == report.overall.score


def test_thresholds_are_those_that_were_given(store, clock):
    detector = DriftDetector(store, clock=clock, ordered=False, psi_threshold=0.12, psi_moderate=0.006)
    detector.set_reference("m", CATEGORIES)
    found = detector.check("m", {**SHIFTED, "b": counted(p=560, q=440)}).features
    assert ["significant", "moderate", "none"] == [found[name].psi_level for name in "abc"]


def test_chance_is_drift_under_the_classic_policy_alone(store, clock):
    """6 of 20 against 12 of 20 has a PSI of 0.376 and a p-value of 0.057."""
    few, fewer = {"a": counted(p=6, q=14)}, {"a": counted(p=12, q=8)}
    for policy, expected in (("classic", True), ("calibrated", False)):
        detector = DriftDetector(store, clock=clock, ordered=False, policy=policy)
        detector.set_reference("m", few)
        report = detector.check("m", fewer)
        assert pytest.approx(psi(0.6, 0.3)) == report.features["a"].psi
        expected_p = stats.chi2_contingency([[6, 14], [12, 8]], correction=False).pvalue
        assert pytest.approx(expected_p) == report.features["a"].p_value
        assert expected == report.overall.drift_detected == detector.should_retrain(report)
        assert pytest.approx(psi(0.6, 0.3) if expected else 0.0) == report.overall.score


@pytest.mark.parametrize("shift", [0.12, 0.4])
def test_a_small_p_value_of_the_ks_test_is_drift_under_the_classic_policy(store, clock, shift):
    """Whatever the level of the PSI: it is the seeds' rule that one of both is enough to train anew."""
    x = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    detector = DriftDetector(store, clock=clock, ordered=False, policy="classic")
    detector.set_reference("m", {"x": x})
    report = detector.check("m", {"x": x + shift})
    found = report.features["x"]
    assert pytest.approx(stats.ks_2samp(x, x + shift).statistic, abs=0.003) == found.ks_statistic
    assert found.ks_p_value < 0.05
    assert ("moderate" if shift == 0.4 else "none") == found.psi_level
    assert found.drifted
    assert detector.should_retrain(report)
    (evidence,) = report.overall.evidence
    assert ("KS", 0.05, found.ks_p_value) == (evidence.test, evidence.threshold, evidence.p_value)
    assert report.overall.reasons[0].startswith("feature 'x' has another distribution: KS 0.")


def test_the_classic_policy_says_nothing_of_nothing(store, clock):
    detector = DriftDetector(store, clock=clock, policy="classic")
    detector.set_reference("m", TWENTY)
    report = detector.check("m", TWENTY)
    assert (False, 0.0) == (report.overall.drift_detected, report.overall.score)
    assert () == report.overall.evidence


def test_many_findings_are_told_in_few_words(detector):
    """Twelve features have drifted: ten are named, and the number of the others."""
    names = [f"f{place:02}" for place in range(12)]
    detector.set_reference("m", {name: counted(p=500, q=500) for name in names})
    report = detector.check("m", {name: counted(p=900, q=100) for name in names})
    assert 11 == len(report.overall.reasons)
    assert "and 2 more findings" == report.overall.reasons[-1]
    assert 12 == len(report.overall.evidence)


def test_no_drift_says_what_would_have_been_seen(detector):
    detector.set_reference("m", CATEGORIES)
    report = detector.check("m", CATEGORIES)
    (reason,) = report.overall.reasons
    assert reason.startswith("no shift of consequence beyond chance: the largest PSI is 0 (")
    assert f"one of {report.features['a'].min_detectable_psi:.2g} would have been seen" in reason


def test_too_few_rows_say_that_they_are_too_few(detector):
    detector.set_reference("m", CATEGORIES)
    (reason,) = detector.check("m", {name: ["p", "q"] for name in "abc"}).overall.reasons
    assert "little could be seen: 3 of 3 features have too few independent rows" in reason


def test_independent_rows_are_worth_themselves(detector):
    detector.set_reference("m", TWENTY)
    found = detector.check("m", LATER).features["x"]
    assert (20, 20) == (found.effective_count, found.reference_effective_count)


def test_rows_that_resemble_those_before_are_worth_fewer(store, rng):
    """Of an autoregression with 0.5, (1 + 0.5) / (1 - 0.5) = 3 rows are worth an independent one."""
    x = signal.lfilter([1.0], [1.0, -0.5], rng.normal(size=10_000))
    detector = DriftDetector(store)
    detector.set_reference("m", {"x": x[:8000]})
    found = detector.check("m", {"x": x[8000:]}).features["x"]
    assert pytest.approx(2000 / 3, rel=0.25) == found.effective_count
    assert pytest.approx(8000 / 3, rel=0.25) == found.reference_effective_count


def test_a_broken_correlation_is_found(detector, rng):
    """The margins of both samples are the same normal law."""
    x, noise = rng.normal(size=(2, 2000))
    detector.set_reference(
        "m", {"x": x, "y": 0.9 * x + math.sqrt(1 - 0.81) * noise, "z": rng.normal(size=2000)}
    )
    x, y, z = rng.normal(size=(3, 2000))
    report = detector.check("m", {"x": x, "y": y, "z": z})
    assert not any(feature.drifted for feature in report.features.values())
    assert report.multivariate.drifted
    assert {"x", "y"} == set(report.multivariate.pair)
    assert pytest.approx(-0.9, abs=0.1) == report.multivariate.correlation_change
    assert "features together" == report.overall.evidence[0].subject
    assert report.overall.drift_detected
    assert not detector.should_retrain(report)


def test_predictions_are_compared_with_those_of_the_reference(detector):
    detector.set_reference("m", TWENTY, predictions=counted(buy=500, sell=500))
    report = detector.check("m", TWENTY, predictions=counted(buy=800, sell=200))
    assert pytest.approx(psi(0.8)) == report.predictions.psi
    assert report.predictions.drifted
    assert detector.should_retrain(report)
    assert ["predictions"] == [found.subject for found in report.overall.evidence]
    assert {"x"} == report.features.keys()
    assert pytest.approx({"feature_drift": 0.0, "prediction_drift": psi(0.8)}) == report.scores


def test_scores_go_to_the_monitor_in_one_call(detector, store, clock):
    detector.set_reference(
        "m", CATEGORIES, predictions=counted(buy=500, sell=500), errors=np.tile([1.0, 3.0], 200)
    )
    report = detector.comprehensive_drift_check(
        model_id="m",
        data={**SHIFTED, "b": counted(p=800, q=200)},
        recent_predictions=counted(buy=800, sell=200),
        errors=np.tile([2.0, 4.0], 200),
    )
    with PerformanceMonitor(store, clock=clock) as monitor:
        monitor.record_drift("m", "1.0.0", report.scores)
        found = monitor.get_latest_metrics("m")
        alerts = {alert.metric for alert in monitor.get_active_alerts()}
        assert {"feature_drift_score", "prediction_drift_score"} == alerts
    assert pytest.approx(psi(0.8)) == found.feature_drift_score
    assert pytest.approx(psi(0.8)) == found.prediction_drift_score
    assert pytest.approx(0.5) == found.performance_drift_score  # from a mean of 2 to one of 3


def test_fewer_errors_are_no_drift(detector):
    detector.set_reference("m", TWENTY, errors=np.tile([2.0, 4.0], 200))
    report = detector.comprehensive_drift_check(model_id="m", data=TWENTY, errors=np.tile([1.0, 3.0], 200))
    assert not report.overall.drift_detected
    assert {"feature_drift": 0.0, "performance_drift": 0.0} == report.scores


def test_parts_add_up_to_the_whole(detector, rng):
    x = rng.normal(size=1000)
    detector.set_reference("m", {"x": x})
    whole = detector.profile("m", {"x": x + 0.5})
    parts = detector.profile("m", {"x": x[:300] + 0.5}) + detector.profile("m", {"x": x[300:] + 0.5})
    one, other = detector.check("m", whole).features["x"], detector.check("m", parts).features["x"]
    assert (one.psi, one.ks_statistic, one.shares) == (other.psi, other.ks_statistic, other.shares)
    assert detector.check("m", {"x": x + 0.5}).features["x"].psi == one.psi


def test_an_array_needs_the_names_of_its_columns(detector, rng):
    rows = rng.normal(size=(100, 2))
    detector.set_reference("m", rows, feature_names=["a", "b"])
    assert 100 == detector.profile("m", rows, feature_names=["a", "b"]).rows
    assert {"a", "b"} == detector.check("m", rows, feature_names=["b", "a"]).features.keys()


def test_a_report_is_ready_for_json_and_for_a_notebook(detector):
    detector.set_reference("m", TWENTY)
    report = detector.check("m", LATER)
    assert report.to_dict()["features"]["x"]["ks_statistic"] == pytest.approx(0.15)
    assert "<" in report._repr_html_()
    assert report.to_html().startswith("<!doctype html>")
