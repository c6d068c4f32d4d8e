"""A series against its own past: volatility, distribution, and the moment of a change."""

import math

import numpy as np
import pytest
from scipy import signal, stats

from mlprod.drift import DriftDetector
from mlprod.errors import InvalidDataError

pd = pytest.importorskip("pandas")


@pytest.fixture
def compare(store):
    def compare(series, **options):
        return DriftDetector(store, **{"ordered": False, **options}).check_concept("m", series)

    return compare


@pytest.fixture
def louder(rng):
    """Give 600 values of which the second half varies twice as much."""
    return np.concatenate((rng.normal(size=300), rng.normal(scale=2.0, size=300)))


def test_volatility_is_compared_as_by_brown_and_forsythe(compare, louder):
    """Their test is the analysis of variance of distances from the median; ours is Welch's, for two."""
    found = compare(louder)
    early, late = louder[:300], louder[300:]
    assert pytest.approx(early.std(ddof=1)) == found.early_volatility
    assert pytest.approx(late.std(ddof=1)) == found.late_volatility
    assert pytest.approx(late.std(ddof=1) / early.std(ddof=1)) == found.volatility_ratio
    assert found.volatility_ratio - 1 == found.volatility_change
    distances = [np.abs(half - np.median(half)) for half in (early, late)]
    assert pytest.approx(stats.ttest_ind(*distances, equal_var=False).pvalue) == found.volatility_p_value
    grown = distances[1].mean() / distances[0].mean() - 1
    assert found.volatility_interval.low < grown < found.volatility_interval.high
    assert (True, 600, 600) == (found.drifted, found.count, found.effective_count)


def test_equal_spreads_have_the_p_value_of_levene(compare, rng):
    """With equal numbers and nearly equal variances, Welch's test is that of the analysis of variance."""
    series = rng.normal(size=2000)
    law = stats.levene(series[:1000], series[1000:], center="median")
    assert pytest.approx(law.pvalue, abs=1e-4) == compare(series).volatility_p_value


def test_three_tests_are_corrected_for_being_three(compare, louder):
    """The smallest of three p-values counts three times by Holm."""
    found = compare(louder)
    smallest = min(found.distribution.p_value, found.volatility_p_value, found.regime_p_value)
    assert pytest.approx(3 * smallest, abs=0.0) == found.adjusted_p_value


def test_the_distribution_of_both_halves_is_compared(compare, louder):
    found = compare(louder).distribution
    law = stats.ks_2samp(louder[:300], louder[300:])
    assert pytest.approx(law.statistic) == found.ks_statistic
    assert ("series", 300, 300) == (found.name, found.count, found.reference_count)


def test_nothing_that_lasts_is_no_drift(compare, rng):
    found = compare(rng.normal(size=600))
    assert (False, None) == (found.drifted, found.regime_change_at)


@pytest.mark.parametrize("at", [150, 300, 450])
def test_the_moment_from_which_the_level_differs_is_found(compare, rng, at):
    series = rng.normal(size=600) + 2.0 * (np.arange(600) >= at)
    found = compare(series)
    assert found.drifted
    assert at == pytest.approx(found.regime_change_at, abs=8)
    assert found.regime_p_value < 1e-10


def test_the_moment_from_which_it_is_more_volatile_is_found(compare, rng):
    series = rng.normal(size=900) * np.where(np.arange(900) >= 600, 3.0, 1.0)
    found = compare(series)
    assert 600 == pytest.approx(found.regime_change_at, abs=15)
    assert found.drifted


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_was_asked(compare, rng):
    """Of 150 series in which nothing changes, at most 5%, give or take."""
    alarms = sum(compare(rng.normal(size=300)).regime_change_at is not None for _ in range(150))
    assert alarms <= 7.5 + 3 * math.sqrt(150 * 0.05 * 0.95)


@pytest.mark.slow
def test_a_series_that_resembles_itself_raises_no_false_alarms(compare, rng):
    """Autoregressions with 0.9, whose level wanders: at most 5%, give or take; most if taken apart."""
    series = [signal.lfilter([1.0], [1.0, -0.9], rng.normal(size=1000))[200:] for _ in range(60)]
    assert sum(compare(one, ordered=True).drifted for one in series) <= 3 + 3 * math.sqrt(60 * 0.05 * 0.95)
    assert sum(compare(one).regime_change_at is not None for one in series) > 30


def test_a_change_too_small_to_matter_is_none_however_sure(compare, rng):
    """Volatility grows by a tenth, which 100,000 values show beyond doubt."""
    series = rng.normal(size=100_000) * np.where(np.arange(100_000) >= 50_000, 1.1, 1.0)
    found = compare(series)
    assert found.volatility_p_value < 1e-20
    assert not found.drifted
    assert compare(series, volatility_threshold=0.08).drifted


def test_calming_down_is_a_change_as_well(compare, louder):
    """Whatever the index of both halves is."""
    found = compare(louder[::-1], psi_moderate=99.0, psi_threshold=100.0)
    assert found.volatility_ratio < 0.6
    assert not found.distribution.drifted
    assert found.drifted


def test_growth_by_chance_is_drift_under_the_classic_policy_alone(compare):
    """Standard deviations of 1.15 and 2.31 of four values each: twice, and no evidence."""
    series = [1.0, -1.0, 1.0, -1.0, 2.0, -2.0, 2.0, -2.0]
    assert 2.0 == compare(series).volatility_ratio
    assert not compare(series, ordered=True).drifted
    assert compare(series, ordered=True, policy="classic").drifted


def test_a_half_that_does_not_move_is_a_change(compare, rng):
    moves = rng.normal(size=100)
    found = compare(np.concatenate((np.zeros(100), moves)))
    assert (True, math.inf, 0.0) == (found.drifted, found.volatility_ratio, found.early_volatility)
    assert 100 == found.regime_change_at
    found = compare(np.concatenate((moves, np.zeros(100))))
    assert (True, 0.0) == (found.drifted, found.volatility_ratio)


@pytest.mark.parametrize(
    ("series", "words"),
    [
        ([1.0] * 50, "at least 8 finite numbers, up to 1e\\+100, that are not all the same; this one has 50"),
        (range(7), "this one has 7"),
        ([math.nan] * 50, "this one has 0"),
        ([*range(20), math.inf], "this one has 21"),
        ([*range(20), 1e200], "this one has 21"),
        (["up", "down"] * 10, "a series must be numbers in the order of time, not"),
        ([True, False] * 10, "a series must be numbers in the order of time, not"),
        ([], "series have no rows"),
        (None, "column 'series' is a single value, None"),
        (np.ones((4, 4)), r"column 'series' is an array of shape \(4, 4\)"),
        (pd.date_range("2026-01-01", periods=9), "column 'series' holds times"),
    ],
    ids=range(11),
)
def test_what_is_no_series_is_refused(compare, series, words):
    with pytest.raises(InvalidDataError, match=words):
        compare(series)


@pytest.mark.parametrize("kind", [list, tuple, pd.Series, lambda series: pd.Series(series, dtype="Float64")])
def test_values_that_are_missing_are_left_out(compare, louder, kind):
    with_gaps = np.insert(louder, [100, 500], math.nan)
    assert repr(compare(louder)) == repr(compare(kind(with_gaps)))


def test_a_report_says_when_and_how(store, louder):
    detector = DriftDetector(store, ordered=False)
    detector.set_reference("m", {"x": [1.0]})
    report = detector.comprehensive_drift_check(model_id="m", data={"x": [1.0]}, series=louder)
    assert not detector.should_retrain(report)
    assert report.overall.drift_detected
    (evidence,) = report.overall.evidence
    assert ("series", "volatility ratio", 0.5) == (evidence.subject, evidence.test, evidence.threshold)
    assert report.concept.volatility_change == evidence.effect
    assert (
        f"the series behaves differently, differently from value {report.concept.regime_change_at:,} on:"
        in (evidence.sentence)
    )


def test_a_change_without_a_moment_is_told_without_one(store):
    detector = DriftDetector(store, policy="classic")
    detector.set_reference("m", {"x": [1.0]})
    series = [1.0, -1.0, 1.0, -1.0, 2.0, -2.0, 2.0, -2.0]
    report = detector.comprehensive_drift_check(model_id="m", data={"x": [1.0]}, series=series)
    assert report.overall.reasons[0].startswith(
        "the series behaves differently: volatility 1.155 in its first half"
    )
