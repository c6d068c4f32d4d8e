"""How often evidence misleads whoever looks at it after every observation, by simulation.

Nominal levels are 5%. With r runs a rate may be 5% plus two standard errors of a rate of 5%.
"""

import math

import numpy as np
import pytest

from mlprod.stats import (
    Moments,
    half_width_mean,
    interval_proportions,
    log_e_labels,
    log_e_lift,
    log_e_proportions,
    log_e_sample_ratio,
)

pytestmark = pytest.mark.slow

LEVEL = 0.05
BOTH, ONE = math.log(1 / LEVEL), math.log(1 / (2 * LEVEL))

DRAWS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "exponential": lambda rng, shape: rng.standard_exponential(shape) - 1,
    "lognormal": lambda rng, shape: np.exp(rng.standard_normal(shape)) - math.exp(0.5),
    "rare losses": lambda rng, shape: np.where(rng.random(shape) < 0.02, -29.0, 1.0) - 0.4,
}
LOOKS = np.arange(1, 5001)
RATES = {
    "0.02": np.full(5000, 0.02),
    "0.3": np.full(5000, 0.3),
    "0.5": np.full(5000, 0.5),
    "0.9": np.full(5000, 0.9),
    "drifting": np.linspace(0.3, 0.7, 5000),
    "waves": 0.5 + 0.4 * np.sin(LOOKS / 100),
}


def largest_rate(runs):
    return LEVEL + 2 * math.sqrt(LEVEL * (1 - LEVEL) / runs)


def fires(evidence, worth_a_look, below):
    """Return in which runs evidence is ever enough for: a difference, one below, one above.

    Args:
        evidence: function of a run and a look.
        worth_a_look: where evidence can be enough; shape ``(runs, looks)``.
        below: whether the estimate is below zero; the same shape.
    """
    fired = np.zeros((3, len(worth_a_look)), dtype=bool)
    for run, look in np.argwhere(worth_a_look).tolist():
        side = 1 if below[run, look] else 2
        if fired[0, run] and fired[side, run]:
            continue
        log_e = evidence(run, look)
        fired[0, run] |= log_e >= BOTH
        fired[side, run] |= log_e >= ONE
    return fired


def looks_at_means(values, treated):
    """Return at every look: the moments of both variants, and Welch's t."""
    sums = [
        np.cumsum(np.where(part, values**power, 0), axis=1)
        for part in (~treated, treated)
        for power in range(3)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        moments = [(n, total, squares - total**2 / n) for n, total, squares in (sums[:3], sums[3:])]
        (n, total, m2), (n2, total2, m22) = moments
        t = (total2 / n2 - total / n) / np.sqrt(m2 / n / (n - 1) + m22 / n2 / (n2 - 1))
    return moments, t


def fires_for_means(values, treated, planned):
    moments, t = looks_at_means(values, treated)

    def evidence(run, look):
        control, treatment = (
            Moments(int(n[run, look]), float(total[run, look]), float(m2[run, look]))
            for n, total, m2 in moments
        )
        return log_e_lift(control, treatment, planned=planned)

    enough = np.minimum(moments[0][0], moments[1][0]) >= 2
    return fires(evidence, enough & (t**2 > 4), t < 0)  # the evidence is less than t**2 / 2, and ONE is 2.3


def looks_at_counts(wins, treated):
    """Return at every look: successes and trials of both variants, and Pearson's chi-square."""
    n, n2 = np.cumsum(~treated, axis=1), np.cumsum(treated, axis=1)
    w, w2 = np.cumsum(wins & ~treated, axis=1), np.cumsum(wins & treated, axis=1)
    both, total = w + w2, n + n2
    margins = np.maximum(1.0 * n * n2 * both * (total - both), 1)
    return (w, n, w2, n2), total * (1.0 * w2 * n - 1.0 * w * n2) ** 2 / margins


def fires_for_counts(wins, treated, planned):
    counts, chi_square = looks_at_counts(wins, treated)
    w, n, w2, n2 = counts

    def evidence(run, look):
        a, b, c, d = (int(count[run, look]) for count in counts)
        return log_e_proportions((a, b), (c, d), planned=planned)

    return fires(evidence, chi_square > 3.5, w2 * n < w * n2)


class TestMeans:
    @pytest.mark.parametrize("share", [0.5, 0.1])
    @pytest.mark.parametrize("draw", DRAWS)
    def test_false_alarms(self, draw, share):
        runs, planned = 600, 1000
        rng = np.random.default_rng(1)
        values = DRAWS[draw](rng, (runs, len(LOOKS)))
        treated = rng.random(values.shape) < share
        rates = fires_for_means(values, treated, planned).mean(axis=1)
        assert (rates <= largest_rate(runs)).all(), rates

    def test_power(self):
        """A tenth of a standard deviation less, seen by a tenth, within 20,000; one-sided.

        The asymptotic confidence sequence of known variance has 0.94.
        """
        runs = 120
        rng = np.random.default_rng(2)
        treated = rng.random((runs, 20_000)) < 0.1
        values = rng.standard_normal(treated.shape) - 0.1 * treated
        power = fires_for_means(values, treated, planned=20_000)[1].mean()
        assert power >= 0.94 - 2 * math.sqrt(0.94 * 0.06 / runs), power

    def test_the_interval_covers_at_all_times(self):
        runs = 600
        rng = np.random.default_rng(3)
        treated = rng.random((runs, len(LOOKS))) < 0.5
        values = rng.standard_t(5, treated.shape) + 0.2 * treated
        moments, _ = looks_at_means(values - 0.2 * treated, treated)
        (n, total, m2), (n2, total2, m22) = moments
        with np.errstate(divide="ignore", invalid="ignore"):
            c, v = m2 / n / (n - 1), m22 / n2 / (n2 - 1)
            dof = (c + v) ** 2 / (c**2 / (n - 1) + v**2 / (n2 - 1))
            error = np.abs(total2 / n2 - total / n)
        missed = np.zeros(runs, dtype=bool)
        for run, look in np.argwhere((np.minimum(n, n2) >= 2) & (error**2 > 4 * (c + v))).tolist():
            width = half_width_mean(
                float(c[run, look] + v[run, look]), look + 1, float(dof[run, look]), alpha=LEVEL, planned=1000
            )
            missed[run] |= error[run, look] > width
        assert missed.mean() <= largest_rate(runs), missed.mean()


class TestProportions:
    @pytest.mark.parametrize("share", [0.5, 0.1])
    @pytest.mark.parametrize("rate", RATES)
    def test_false_alarms(self, rate, share):
        runs, planned = 600, 1000
        rng = np.random.default_rng(4)
        wins = rng.random((runs, len(LOOKS))) < RATES[rate]
        treated = rng.random(wins.shape) < share
        rates = fires_for_counts(wins, treated, planned).mean(axis=1)
        assert (rates <= largest_rate(runs)).all(), rates

    def test_a_treatment_that_trades_half_as_often_and_wins_more_is_never_stopped(self):
        """Of labels alone the design's share makes it a degradation, in every run."""
        runs = 100
        rng = np.random.default_rng(5)
        treated = rng.random((runs, len(LOOKS))) < 1 / 3
        wins = rng.random(treated.shape) < np.where(treated, 0.55, 0.5)
        assert 0 == fires_for_counts(wins, treated, planned=5000)[1].mean()
        by_labels = [
            log_e_labels(int(w), int(w2), 0.5, planned=2500) > ONE
            for w, w2 in zip((wins & ~treated).sum(axis=1), (wins & treated).sum(axis=1), strict=True)
        ]
        assert all(by_labels)

    def test_power_is_that_of_means(self):
        """And labels alone need more than twice the trials at a rate of one half."""
        runs = 80
        rng = np.random.default_rng(6)
        treated = rng.random((runs, 10_000)) < 0.5
        wins = rng.random(treated.shape) < np.where(treated, 0.46, 0.5)
        power = fires_for_counts(wins, treated, planned=10_000)[1].mean()
        of_means = fires_for_means(1.0 * wins, treated, planned=10_000)[1].mean()
        assert power >= of_means - 0.01
        (w, _, w2, _), _ = looks_at_counts(wins, treated)
        worth_a_look = (w2 - w) ** 2 > 4 * (w + w2)
        of_labels = fires(
            lambda run, look: log_e_labels(int(w[run, look]), int(w2[run, look]), 0.5, planned=5000),
            worth_a_look,
            w2 < w,
        )[1].mean()
        assert of_labels < power - 0.15

    @pytest.mark.parametrize(("rate", "lift"), [(0.5, -0.2), (0.1, 0.5), (0.3, 1.0), (0.02, -0.5)])
    def test_the_interval_of_the_lift_covers_at_all_times(self, rate, lift):
        """At every tenth look at which the likelihood does not say so already."""
        runs, share = 200, 0.2
        rng = np.random.default_rng(7)
        treated = rng.random((runs, 4000)) < share
        wins = rng.random(treated.shape) < np.where(treated, rate * (1 + lift), rate)
        counts, _ = looks_at_counts(wins, treated)
        w, n, w2, n2 = counts
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (w2 / n2 - (1 + lift) * w / n) / np.sqrt(
                rate * (1 + lift) * (1 - rate * (1 + lift)) / n2 + (1 + lift) ** 2 * rate * (1 - rate) / n
            )
        missed = np.zeros(runs, dtype=bool)
        for run, look in np.argwhere(z[:, ::10] ** 2 > 5).tolist():
            if not missed[run]:
                a, b, c, d = (int(count[run, 10 * look]) for count in counts)
                missed[run] = lift not in interval_proportions([((a, b), (c, d))], alpha=LEVEL, planned=1000)
        assert missed.mean() <= largest_rate(runs), missed.mean()

    def test_phases_of_a_ramp(self):
        """A tenth, then a half, while the rate falls: the sum of the evidence keeps the level."""
        runs = 300
        rng = np.random.default_rng(8)
        alarms = np.zeros(runs, dtype=bool)
        before = np.zeros(runs)
        for share, rate in ((0.1, 0.6), (0.5, 0.4)):
            treated = rng.random((runs, 1000)) < share
            counts, _ = looks_at_counts(rng.random(treated.shape) < rate, treated)
            for run in range(runs):
                log_e = -math.inf
                for a, b, c, d in zip(*(count[run].tolist() for count in counts), strict=True):
                    log_e = log_e_proportions((a, b), (c, d), planned=1000)
                    alarms[run] |= before[run] + log_e >= BOTH
                before[run] += log_e
        assert alarms.mean() <= largest_rate(runs), alarms.mean()


class TestLabelsAndUnits:
    @pytest.mark.parametrize("share", [0.5, 0.1])
    def test_false_alarms_of_labels(self, share):
        runs = 300
        treated = np.cumsum(np.random.default_rng(9).random((runs, 2000)) < share, axis=1)
        z = (treated - share * LOOKS[:2000]) / np.sqrt(share * (1 - share) * LOOKS[:2000])
        rates = fires(
            lambda run, look: log_e_labels(
                look + 1 - int(treated[run, look]), int(treated[run, look]), share, planned=500
            ),
            np.abs(z) > 1.5,
            z < 0,
        ).mean(axis=1)
        assert rates[0] <= largest_rate(runs), rates

    def test_false_alarms_of_sample_ratios(self):
        runs, shares = 300, [0.8, 0.1, 0.1]
        rng = np.random.default_rng(10)
        units = rng.choice(3, p=shares, size=(runs, 2000))
        counts = [np.cumsum(units == variant, axis=1) for variant in range(3)]
        alarms = [
            any(
                log_e_sample_ratio(at, shares, concentration=100) >= BOTH
                for at in zip(*(count[run, ::2].tolist() for count in counts), strict=True)
            )
            for run in range(runs)
        ]
        assert np.mean(alarms) <= largest_rate(runs)
