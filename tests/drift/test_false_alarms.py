"""How often a check finds drift where there is none, and where there is some: by simulation."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import ks_2samp

from mlprod.drift._checking import New, check
from mlprod.drift._measuring import gather, measure
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._settings import Settings

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SETTINGS = Settings(
    drift_threshold=0.05,
    psi_threshold=0.25,
    psi_moderate=0.1,
    performance_threshold=0.2,
    volatility_threshold=0.5,
    calibration_threshold=0.05,
    lookback_days=30,
    bins=10,
    correction="bh",
    policy="calibrated",
)


def independent(rng, rows, features):
    return rng.normal(size=(rows, features))


def autoregression(rng, rows, features):
    """AR(0.9), begun long before."""
    return lfilter([1.0], [1.0, -0.9], rng.normal(size=(rows + 200, features)), axis=0)[200:]


def garch(rng, rows, features, alpha=0.1, beta=0.88):
    """GARCH(1, 1) as persistent as the daily returns of an index."""
    shocks = rng.normal(size=(rows + 300, features))
    found, variance = np.empty_like(shocks), np.ones(features)
    for time, shock in enumerate(shocks):
        found[time] = shock * np.sqrt(variance)
        variance = 1 - alpha - beta + alpha * found[time] ** 2 + beta * variance
    return found[300:]


def reference_of(table):
    features, rows, sample = gather(table, bins=10)
    return ReferenceProfile(
        model_id="m", version=None, id="r", created_at=NOW, rows=rows, features=features, sample=sample
    )


def table_of(columns):
    return {f"f{place}": np.ascontiguousarray(column) for place, column in enumerate(columns.T)}


def report_on(reference, current):
    reference = reference_of(table_of(reference))
    profile = measure(reference, table_of(current))
    return check(reference, New(profile=profile), settings=SETTINGS, time=NOW)


def reports(null, m, n, features, *, runs):
    """Return the reports of checks in which reference and current are of one process."""
    rng = np.random.default_rng([m, n, features])
    before, now = null(rng, m, features * runs), null(rng, n, features * runs)
    families = np.split(np.arange(features * runs), runs)
    return [report_on(before[:, family], now[:, family]) for family in families]


def at_most(rate, runs):
    """Return the rate and two standard errors."""
    return rate + 2 * math.sqrt(rate * (1 - rate) / runs)


@pytest.mark.slow
class TestFalseAlarms:
    @pytest.mark.parametrize("null", [independent, autoregression, garch])
    @pytest.mark.parametrize(
        ("m", "n", "features", "runs"),
        [
            (50, 50, 1, 500),
            (500, 50, 10, 200),
            (200, 200, 10, 200),
            (2000, 1000, 5, 200),
            (500, 500, 100, 20),
        ],
    )
    def test_of_a_check_are_at_most_five_percent(self, null, m, n, features, runs):
        alarms = [report.overall.drift_detected for report in reports(null, m, n, features, runs=runs)]
        assert np.mean(alarms) <= at_most(0.05, runs)

    @pytest.mark.parametrize("null", [independent, autoregression])
    @pytest.mark.parametrize(("rows", "runs"), [(100_000, 60), (1_000_000, 8)])
    def test_p_values_hold_for_very_many_rows_too(self, null, rows, runs):
        """There any shift of consequence is certain: it is the p-value that must not be too small."""
        found = [report.features["f0"].adjusted_p_value for report in reports(null, rows, rows, 1, runs=runs)]
        assert np.mean(np.array(found) <= 0.05) <= at_most(0.05, runs)

    def test_a_nominal_test_that_takes_rows_as_independent_would_not_hold(self):
        """The 76% of a Kolmogorov-Smirnov test on AR(0.9) are why all this is done."""
        rng = np.random.default_rng(3)
        p_values = [ks_2samp(*autoregression(rng, 500, 2).T).pvalue for _ in range(200)]
        assert np.mean(np.array(p_values) < 0.05) > 0.6


@pytest.mark.slow
class TestPower:
    @pytest.mark.parametrize(("rows", "shift"), [(200, 0.5), (1000, 0.35)])
    def test_is_near_that_of_the_classical_test_where_that_is_valid(self, rows, shift):
        """Independent rows, one feature."""
        rng = np.random.default_rng(4)
        runs = 200
        ours, classical = 0, 0
        for _ in range(runs):
            before, now = rng.normal(size=(rows, 1)), rng.normal(shift, size=(rows, 1))
            ours += report_on(before, now).features["f0"].adjusted_p_value <= 0.05
            classical += ks_2samp(before[:, 0], now[:, 0]).pvalue <= 0.05
        assert ours / runs >= classical / runs - 0.08

    def test_a_correlation_that_broke_is_found_though_every_margin_is_as_it_was(self):
        rng = np.random.default_rng(5)
        found = 0
        for _ in range(20):
            before, now = rng.normal(size=(2, 1000, 6))
            before[:, 1] = 0.8 * before[:, 0] + 0.6 * before[:, 1]
            report = report_on(before, now)
            found += report.multivariate.drifted and report.multivariate.pair == ("f0", "f1")
            assert not any(feature.drifted for feature in report.features.values())
        assert found == 20

    def test_a_shift_of_one_deviation_is_found_in_dependent_rows(self):
        rng = np.random.default_rng(6)
        deviation = 1 / math.sqrt(1 - 0.81)
        found = [
            report_on(autoregression(rng, 2000, 1), autoregression(rng, 1000, 1) + deviation)
            for _ in range(50)
        ]
        assert np.mean([report.overall.drift_detected for report in found]) > 0.9
