"""Errors against those of the reference: the figures of scipy where rows are independent."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from mlprod.drift import DriftDetector
from mlprod.errors import InvalidDataError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

DATA = {"x": [1.0]}


@pytest.fixture
def compare(store, clock):
    """Give a way to compare errors; independent ones unless something else is said."""

    def compare(before, now, **options):
        detector = DriftDetector(store, clock=clock, **{"ordered": False, **options})
        detector.set_reference("m", DATA, errors=before)
        return detector.check_performance("m", now)

    return compare


@pytest.fixture
def errors(rng):
    """Give errors, and such as are larger by a half."""
    return rng.normal(size=300), rng.normal(scale=1.5, size=200)


def test_absolute_errors_are_compared_as_by_welch(compare, errors):
    before, now = errors
    found = compare(before, now)
    assert "mae" == found.metric
    assert pytest.approx(np.abs(before).mean()) == found.reference
    assert pytest.approx(np.abs(now).mean()) == found.current
    assert pytest.approx(np.abs(now).mean() / np.abs(before).mean() - 1) == found.change
    law = stats.ttest_ind(np.abs(now), np.abs(before), equal_var=False, alternative="greater")
    assert pytest.approx(law.pvalue) == found.p_value
    assert (True, 200, 200, 300) == (found.drifted, found.count, found.effective_count, found.reference_count)
    assert found.interval.low < 0.5 < found.interval.high


def test_the_ends_of_the_interval_are_growths_that_a_test_just_rejects(compare, errors):
    """Fieller: the reference scaled by such a growth differs from the current errors at exactly 5%."""
    before, now = map(np.abs, errors)
    interval = compare(*errors).interval
    dof = stats.ttest_ind(now, before, equal_var=False).df
    for end in (interval.low, interval.high):
        scaled = (1 + end) * before
        t = (now.mean() - scaled.mean()) / math.sqrt(now.var(ddof=1) / 200 + scaled.var(ddof=1) / 300)
        assert pytest.approx(stats.t.ppf(0.975, dof)) == abs(t)


def test_fewer_errors_have_a_large_p_value(compare, errors):
    now, before = errors
    law = stats.ttest_ind(np.abs(now), np.abs(before), equal_var=False, alternative="greater")
    found = compare(before, now)
    assert pytest.approx(law.pvalue) == found.p_value
    assert not found.drifted


def test_an_error_rate_is_compared_as_the_mean_of_ones_and_zeros(compare):
    before, now = np.arange(400) % 5 == 0, np.arange(400) % 2 == 0
    found = compare(before, now)
    assert ("error_rate", 0.2, 0.5) == (found.metric, found.reference, found.current)
    assert pytest.approx(1.5) == found.change
    law = stats.ttest_ind(now * 1.0, before * 1.0, equal_var=False, alternative="greater")
    assert pytest.approx(law.pvalue) == found.p_value
    assert found.drifted


def test_growth_below_the_threshold_is_no_drift_however_sure(compare):
    before, now = np.tile([0.9, 1.1], 5000), np.tile([1.09, 1.29], 5000)
    for policy in ("calibrated", "classic"):
        found = compare(before, now, policy=policy)
        assert pytest.approx(0.19) == found.change
        assert found.p_value < 1e-100
        assert not found.drifted
        assert compare(before, now, policy=policy, performance_threshold=0.18).drifted


def test_growth_by_chance_is_drift_under_the_classic_policy_alone(compare):
    before, now = [1.0, 3.0, 1.0, 3.0], [1.0, 5.0, 1.0, 5.0]
    found = compare(before, now)
    assert pytest.approx(0.5) == found.change
    assert pytest.approx(stats.ttest_ind(now, before, equal_var=False).pvalue / 2) == found.p_value
    assert 0.05 < found.p_value
    assert not found.drifted
    assert compare(before, now, policy="classic").drifted


@pytest.mark.slow
def test_a_change_of_the_least_detectable_size_is_found_in_four_of_five_cases(compare, rng):
    before = rng.exponential(size=500)
    before /= before.mean()
    least = compare(before, rng.exponential(size=500)).min_detectable_change
    found = [compare(before, rng.exponential(1 + least, size=500)).p_value <= 0.05 for _ in range(100)]
    assert 0.8 == pytest.approx(np.mean(found), abs=0.13)


@pytest.mark.parametrize("count", [3, 5, 200])
def test_from_never_wrong_to_always_is_judged_as_by_fisher(compare, count):
    """Neither sample varies, so that Welch's test says nothing."""
    found = compare([False] * 5, [True] * count)
    law = stats.fisher_exact([[0, count], [5, 0]], alternative="less")
    assert pytest.approx(law.pvalue) == found.p_value
    assert math.inf == found.change == found.min_detectable_change
    assert (law.pvalue <= 0.05) == found.drifted


def test_errors_that_stay_the_same_constant_have_not_drifted(compare):
    found = compare([2.0] * 50, [2.0] * 50)
    assert (False, 0.0, 1.0) == (found.drifted, found.change, found.p_value)


def test_errors_that_were_zero_and_still_are_have_not_drifted(compare):
    found = compare([0.0] * 50, [0.0] * 50)
    assert (False, 0.0, 1.0) == (found.drifted, found.change, found.p_value)


def test_errors_that_were_zero_and_are_no_longer_have_drifted(compare, rng):
    now = rng.normal(size=50)
    found = compare([0.0] * 50, now)
    law = stats.ttest_1samp(np.abs(now), 0, alternative="greater")
    assert (True, math.inf) == (found.drifted, found.change)
    assert pytest.approx(law.pvalue) == found.p_value


def test_a_single_error_is_no_evidence(compare):
    for before, now in (([1.0], [9.0]), ([1.0, 2.0] * 20, [9.0]), ([1.0], [8.0, 9.0] * 20)):
        found = compare(before, now)
        assert (False, 1.0) == (found.drifted, found.p_value)


@pytest.mark.parametrize(
    "errors",
    [
        [1.0, None, -3.0, math.nan],
        (1, None, -3),
        np.array([1.0, -3.0, math.nan], np.float32),
        np.ma.array([1.0, -3.0, 9.0], mask=[False, False, True]),
        pd.Series([1, None, -3], dtype="Int64"),
        pl.Series([1, None, -3]),
    ],
    ids=range(6),
)
def test_outcomes_that_are_not_known_are_left_out(compare, errors):
    found = compare(errors, errors)
    assert ("mae", 2.0, 2) == (found.metric, found.current, found.count)


@pytest.mark.parametrize(
    "errors",
    [
        [True, None, False, math.nan],
        np.array([True, None, False], dtype=object),
        np.ma.array([True, False, True], mask=[False, False, True]),
        pd.Series([True, None, False], dtype="boolean"),
        pl.Series([True, None, False]),
    ],
    ids=range(5),
)
def test_booleans_are_whether_it_was_wrong(compare, errors):
    found = compare(errors, errors)
    assert ("error_rate", 0.5, 2) == (found.metric, found.current, found.count)


def test_infinite_errors_are_refused(compare):
    words = r"3 of 4 errors are infinite, or larger than 1e\+100: their mean says nothing\. Find out why"
    with pytest.raises(InvalidDataError, match=words):
        compare([1.0], [math.inf, -math.inf, 1e200, 1.0])


def test_errors_that_resemble_those_before_are_worth_fewer(compare, rng):
    """Ten in a row are the same: the p-value is no smaller than that of one of each ten."""
    before, now = np.abs(rng.normal(size=200)), np.abs(rng.normal(scale=1.3, size=200))
    found = compare(np.repeat(before, 10), np.repeat(now, 10), ordered=True)
    law = stats.ttest_ind(now, before, equal_var=False, alternative="greater")
    assert found.effective_count < 250
    assert law.pvalue < found.p_value


def test_the_reason_says_how_much(store, clock, errors):
    for policy, chance in (("calibrated", r", p = \d"), ("classic", "")):
        detector = DriftDetector(store, clock=clock, ordered=False, policy=policy)
        detector.set_reference("m", DATA, errors=errors[0])
        report = detector.comprehensive_drift_check(model_id="m", data=DATA, errors=errors[1])
        assert report.performance.drifted
        assert detector.should_retrain(report)
        (evidence,) = report.overall.evidence
        assert ("errors", "mae", 0.2) == (evidence.subject, evidence.test, evidence.threshold)
        assert report.performance.change == evidence.effect
        assert report.performance.min_detectable_change == evidence.detectable
        words = (
            rf".* mean absolute error has grown by \d\d%, from 0\.\d+ to 1\.\d+ \(at least 20% counts{chance}"
        )
        assert re.match(words, evidence.sentence), evidence.sentence
