"""Figures of one metric against the control: those of scipy, and closed forms."""

import datetime as dt
import math

import numpy as np
import pytest

from mlprod.experiments._comparing import compared
from mlprod.experiments._config import as_config
from mlprod.experiments._streams import METRIC, PREDICTION, TRADE
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import Experiment, Phase, variant_ids
from mlprod.storage.journal import Table

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
_NAN = math.nan


def experiment(config=None, variants=2, phases=1):
    made = as_config(config or {}, variants)
    phase = Phase(since=NOW, split=made.traffic_split, allocation=1.0, ends=(), owners=())
    return Experiment(
        id="x",
        name="x",
        description="",
        status="running",
        models={name: f"{name}@1" for name in variant_ids(variants)},
        config=made,
        created_at=NOW,
        started_at=NOW,
        phases=(phase,) * phases,
    )


def columns(variants, phases=0, units=0, covariates=_NAN):
    rows = len(variants)
    return {
        "time": np.arange(rows),
        "variant": np.asarray(variants, np.uint8),
        "phase": np.broadcast_to(np.asarray(phases, np.uint8), rows),
        "unit_id": np.broadcast_to(np.asarray(units, np.uint64), rows),
        "covariate": np.broadcast_to(np.asarray(covariates, np.float64), rows),
    }


def traded(pnl, variants, **where):
    return Sums.of_trades(Table(TRADE, {**columns(variants, **where), "pnl": np.asarray(pnl, np.float64)}))


def groups(*values):
    """Return the outcomes of several variants as one column, and whose each is."""
    whose = np.concatenate([np.full(len(one), number) for number, one in enumerate(values)])
    return np.concatenate(values), whose


def won(*counts):
    """Return P&L of 1 and -1: wins and trades of each variant."""
    return groups(*(np.where(np.arange(trades) < wins, 1.0, -1.0) for wins, trades in counts))


def figures(sums, values=None, whose=None, variants=2, **config):
    """Return all comparisons by metric and variant."""

    def samples(_, variant):
        return values[whose == variant]

    found = compared(experiment(config, variants), sums, samples)
    return {(one.metric, one.variant_id): one for one in found}


# --- tests


def test_rates_are_compared_by_the_chi_square_test():
    from scipy.stats import chi2_contingency

    found = figures(traded(*won((520, 1000), (570, 1010))))["win_rate", "treatment"]
    expected = chi2_contingency([[520, 480], [570, 440]], correction=False).pvalue
    assert ("chi_square", pytest.approx(expected, rel=1e-9)) == (found.test, found.p_value)
    assert (0.52, 570 / 1010) == (found.control, found.treatment)
    assert (1000, 1010) == (found.control_samples, found.treatment_samples)
    assert pytest.approx(570 / 1010 - 0.52) == found.difference
    assert pytest.approx((570 / 1010) / 0.52 - 1) == found.lift
    assert found.is_improvement


def test_rates_of_few_are_compared_by_boschlos_test():
    from scipy.stats import boschloo_exact

    found = figures(traded(*won((1, 12), (7, 14))))["win_rate", "treatment"]
    expected = boschloo_exact([[1, 7], [11, 7]]).pvalue
    assert "boschloo" == found.test
    assert expected == pytest.approx(found.p_value, rel=1e-3)


def two_groups(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(10.0, 2.0, 300), rng.normal(10.5, 3.0, 200)


def test_means_are_compared_by_welchs_test():
    from scipy.stats import ttest_ind

    control, treatment = two_groups()
    found = figures(traded(*groups(control, treatment)))["pnl", "treatment"]
    peer = ttest_ind(treatment, control, equal_var=False)
    bounds = peer.confidence_interval(0.95)
    assert ("t_test", pytest.approx(peer.pvalue, rel=1e-9)) == (found.test, found.p_value)
    assert pytest.approx((bounds.low, bounds.high)) == (
        found.difference_interval.low, found.difference_interval.high
    )  # fmt: skip
    assert pytest.approx((treatment.mean() - control.mean()) / control.mean()) == found.lift


def test_the_level_of_confidence_is_that_of_the_intervals():
    from scipy.stats import ttest_ind

    control, treatment = two_groups()
    found = figures(traded(*groups(control, treatment)), confidence_level=0.8)["pnl", "treatment"]
    bounds = ttest_ind(treatment, control, equal_var=False).confidence_interval(0.8)
    assert pytest.approx((bounds.low, bounds.high)) == (
        found.difference_interval.low, found.difference_interval.high
    )  # fmt: skip


def test_the_interval_of_the_lift_is_that_of_fieller():
    """Its ends are the lifts at which a t-test of treatment against (1 + lift) times control has p = 0.05."""
    from scipy.stats import t

    control, treatment = two_groups()
    found = figures(traded(*groups(control, treatment)))["pnl", "treatment"]
    of_control, of_treatment = control.var(ddof=1) / 300, treatment.var(ddof=1) / 200
    dof = (of_control + of_treatment) ** 2 / (of_control**2 / 299 + of_treatment**2 / 199)
    for lift in (found.interval.low, found.interval.high):
        error = math.sqrt(of_treatment + (1 + lift) ** 2 * of_control)
        z = (treatment.mean() - (1 + lift) * control.mean()) / error
        assert pytest.approx(0.05) == 2 * t.sf(abs(z), dof)


def test_mann_whitney_if_asked():
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(1)
    values, whose = groups(rng.integers(-3, 4, 150).astype(float), rng.integers(-2, 5, 120).astype(float))
    found = figures(traded(values, whose), values, whose, test="mann_whitney", primary_metric="pnl")
    expected = mannwhitneyu(values[whose == 1], values[whose == 0], method="asymptotic").pvalue
    one = found["pnl", "treatment"]
    assert ("mann_whitney", pytest.approx(expected, rel=1e-9)) == (one.test, one.p_value)


def test_the_bootstrap_is_that_of_scipy_and_reproducible():
    from scipy.stats import bootstrap

    rng = np.random.default_rng(2)
    control, treatment = rng.exponential(2.0, 250), rng.exponential(2.6, 250)
    sums = traded(*groups(control, treatment), units=np.arange(500) * 2**40 + 12345)
    one, again = (figures(sums, test="bootstrap", primary_metric="pnl")["pnl", "treatment"] for _ in range(2))
    assert one == again
    peer = bootstrap(
        (treatment, control), lambda x, y, axis: x.mean(axis) - y.mean(axis), random_state=3, method="BCa",
        vectorized=True, n_resamples=5000,
    ).confidence_interval  # fmt: skip
    width = peer.high - peer.low
    assert "bootstrap" == one.test
    assert pytest.approx((peer.low, peer.high), abs=0.12 * width) == (
        one.difference_interval.low, one.difference_interval.high
    )  # fmt: skip


@pytest.mark.parametrize("test", ["mann_whitney", "chi_square"])
def test_a_test_that_knows_no_units_gives_way_to_one_that_does(test):
    rng = np.random.default_rng(7)
    pnl, variants = rng.normal(size=400), np.arange(400) % 2
    sums = traded(pnl, variants, units=1 + np.arange(400) % 40)
    metric = "win_rate" if test == "chi_square" else "pnl"
    found = figures(sums, pnl, variants, test=test, primary_metric=metric)
    assert "t_test" == found[metric, "treatment"].test


def test_without_units_each_outcome_is_one_to_the_bootstrap():
    """Its interval is about that of Welch's test, for many outcomes that are nearly normal."""
    sums = traded(*groups(*two_groups()))
    plain = figures(sums, primary_metric="pnl")["pnl", "treatment"].difference_interval
    found = figures(sums, primary_metric="pnl", test="bootstrap")["pnl", "treatment"].difference_interval
    width = plain.high - plain.low
    assert (plain.low, plain.high) == pytest.approx((found.low, found.high), abs=0.15 * width)


@pytest.mark.parametrize("test", ["mann_whitney", "bootstrap", "chi_square"])
def test_a_test_that_knows_no_phases_gives_way_to_one_that_does(test):
    """Pooling phases of different splits would compare different times."""
    rng = np.random.default_rng(3)
    variants, phases = rng.integers(0, 2, 400), np.repeat([0, 1], 200)
    sums = traded(rng.normal(size=400), variants, phases=phases)
    metric = "win_rate" if test == "chi_square" else "pnl"
    assert "t_test" == figures(sums, test=test, primary_metric=metric)[metric, "treatment"].test


def test_one_phase_without_the_treatment_is_no_comparison():
    """Only what was recorded while both had units counts, also in the numbers of samples."""
    values = np.array([1.0, 2.0, 3.0, 1.0, 3.0, 5.0, 100.0, 200.0])
    sums = traded(values, [0, 0, 0, 1, 1, 1, 0, 0], phases=[0, 0, 0, 0, 0, 0, 1, 1])
    alone = traded(values[:6], [0, 0, 0, 1, 1, 1])
    assert figures(alone)["pnl", "treatment"] == figures(sums)["pnl", "treatment"]


# --- metrics


def predicted(errors, variants, **where):
    rows = {
        "prediction": np.asarray(errors, np.float64),
        "actual": np.zeros(len(errors)),
        **columns(variants, **where),
    }
    return Sums.of_predictions(Table(PREDICTION, rows))


def test_rmse_is_compared_by_squares_and_shown_as_a_root():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(4)
    control, treatment = rng.normal(0, 2.0, 400), rng.normal(0, 1.7, 400)
    found = figures(predicted(*groups(control, treatment)), primary_metric="rmse")["rmse", "treatment"]
    roots = math.sqrt((control**2).mean()), math.sqrt((treatment**2).mean())
    assert pytest.approx(roots) == (found.control, found.treatment)
    assert pytest.approx(roots[1] / roots[0] - 1) == found.lift
    assert pytest.approx(roots[1] - roots[0]) == found.difference
    peer = ttest_ind(treatment**2, control**2, equal_var=False)
    assert pytest.approx(peer.pvalue, rel=1e-9) == found.p_value
    assert (found.p_value < 0.05) == (0 not in found.interval)
    assert pytest.approx(found.interval.low * roots[0]) == found.difference_interval.low
    squares = figures(predicted(*groups(control, treatment)), primary_metric="mae")
    assert found.is_improvement is squares["mae", "treatment"].is_improvement is True


def test_lower_is_better_for_errors_and_what_is_named_so():
    rows = {"value": np.array([1.0, 2.0, 3.0, 2.0, 3.0, 4.0]), **columns([0, 0, 0, 1, 1, 1])}
    sums = Sums.of_metric(Table(METRIC, rows)).named("slippage")
    assert figures(sums, custom_metrics=["slippage"])["slippage", "treatment"].is_improvement
    assert not figures(sums, lower_is_better=["slippage"])["slippage", "treatment"].is_improvement
    latency = Table(PREDICTION, {"latency_ms": rows["value"], **columns([0, 0, 0, 1, 1, 1])})
    assert not figures(Sums.of_predictions(latency))["latency_ms", "treatment"].is_improvement


def test_the_lift_of_losses_is_relative_to_their_size():
    found = figures(traded([-10.0, -11.0, -9.0, -5.0, -6.0, -4.0], [0, 0, 0, 1, 1, 1]))["pnl", "treatment"]
    assert (0.5, True) == (pytest.approx(found.lift), found.is_improvement)
    assert found.interval.low < 0.5 < found.interval.high


def test_without_outcomes_of_both_there_is_nothing_to_say():
    found = figures(traded([1.0, 2.0], [0, 0]))["win_rate", "treatment"]
    assert ("none", 1.0, 1.0, 2, 0) == (
        found.test, found.p_value, found.anytime_p_value, found.control_samples, found.treatment_samples
    )  # fmt: skip
    assert math.isnan(found.difference)
    assert found.is_improvement is None
    assert {("win_rate", "treatment")} == set(figures(Sums()))


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3])
def test_equal_outcomes_tell_nothing(value):
    """Also where sums of them differ in their last digit."""
    found = figures(traded(np.full(100, value), [0] * 47 + [1] * 53))["pnl", "treatment"]
    assert (1.0, 1.0) == (found.p_value, found.anytime_p_value)
    assert (-math.inf, math.inf) == (found.anytime_interval.low, found.anytime_interval.high)


@pytest.mark.parametrize("counts", [(1, 1), (1, 5), (5, 1)])
def test_a_single_outcome_has_no_variance(counts):
    rng = np.random.default_rng(5)
    sums = traded(*groups(rng.normal(size=counts[0]), rng.normal(size=counts[1])))
    found = figures(sums)["pnl", "treatment"]
    assert (1.0, 1.0) == (found.p_value, found.anytime_p_value)


# --- several treatments and metrics


def test_treatments_are_corrected_together_and_other_metrics_by_themselves():
    """Holm's step-down by hand: of three treatments, then of all comparisons of other metrics."""
    counts = [(500, 1000), (530, 1000), (560, 1000), (505, 1000)]
    found = figures(traded(*won(*counts)), variants=4)
    names = ["treatment", "treatment_2", "treatment_3"]
    for family in (["win_rate"], ["pnl"]):
        raw = {(metric, name): found[metric, name].p_value for metric in family for name in names}
        running = 0.0
        for place, key in enumerate(sorted(raw, key=raw.__getitem__)):
            running = min(max(running, (len(raw) - place) * raw[key]), 1.0)
            assert pytest.approx(running) == found[key].adjusted_p_value
    plain = figures(traded(*won(*counts)), variants=4, correction="none")
    assert all(one.p_value == one.adjusted_p_value for one in plain.values())


def test_benjamini_and_hochberg_if_asked():
    from scipy.stats import false_discovery_control

    counts = [(500, 1000), (530, 1000), (560, 1000), (505, 1000)]
    found = figures(traded(*won(*counts)), variants=4, correction="bh")
    names = ["treatment", "treatment_2", "treatment_3"]
    expected = false_discovery_control([found["win_rate", name].p_value for name in names])
    assert pytest.approx(expected) == [found["win_rate", name].adjusted_p_value for name in names]


def test_the_primary_metric_comes_first_then_guardrails_then_others():
    sums = traded([1.0, 2.0, -1.0, 2.0], [0, 0, 1, 1])
    found = figures(sums, primary_metric="pnl", guardrail_metrics=["latency_ms"])
    assert ["pnl", "latency_ms", "win_rate"] == [metric for metric, _ in found]


# --- anytime-valid figures


def test_anytime_intervals_exclude_none_exactly_if_the_p_value_is_below_the_level():
    for treatment in (500, 520, 540, 560, 580, 600):
        found = figures(traded(*won((500, 1000), (treatment, 1000))))["win_rate", "treatment"]
        for interval in (found.anytime_interval, found.anytime_difference_interval):
            assert (found.anytime_p_value <= 0.05) == (0 not in interval)
        assert found.anytime_p_value >= found.p_value


def test_anytime_intervals_of_means_exclude_none_exactly_if_the_p_value_is_below_the_level():
    rng = np.random.default_rng(6)
    noise = rng.normal(size=2000)
    for shift in (0.0, 0.1, 0.15, 0.2, -0.3):
        values = noise + np.repeat([5.0, 5.0 + shift], 1000)
        found = figures(traded(values, np.repeat([0, 1], 1000)))["pnl", "treatment"]
        for interval in (found.anytime_interval, found.anytime_difference_interval):
            assert (found.anytime_p_value <= 0.05) == (0 not in interval)
            assert interval.low < interval.high
        assert found.anytime_interval.low < found.interval.low < found.lift < found.interval.high


# --- phases


def ramp(seed, lift=0.0):
    """Rates rise from 0.3 to 0.6 while the share of the treatment rises from a tenth to nine tenths."""
    rng = np.random.default_rng(seed)
    phases = np.repeat([0, 1], 4000)
    variants = (rng.random(8000) < np.where(phases, 0.9, 0.1)).astype(int)
    rates = np.where(phases, 0.6, 0.3) * (1 + lift * variants)
    return np.where(rng.random(8000) < rates, 1.0, -1.0), variants, phases


def test_a_ramp_while_rates_rise_does_not_lie():
    """Simpson's paradox: pooled, the treatment always wins with p below 1e-70. Ours errs in 5%."""
    from scipy.stats import chi2_contingency

    wrong = dict.fromkeys(
        [(metric, kind) for metric in ("win_rate", "pnl") for kind in ("once", "anytime")], 0
    )
    for seed in range(60):
        pnl, variants, phases = ramp(seed)
        table = [[np.sum((pnl > 0) & (variants == n)), np.sum((pnl < 0) & (variants == n))] for n in (0, 1)]
        assert chi2_contingency(table, correction=False).pvalue < 1e-70
        found = figures(traded(pnl, variants, phases=phases))
        for metric in ("win_rate", "pnl"):
            one = found[metric, "treatment"]
            wrong[metric, "once"] += one.p_value <= 0.05
            wrong[metric, "anytime"] += one.anytime_p_value <= 0.05
            assert (one.anytime_p_value <= 0.05) == (0 not in one.anytime_interval)
    assert all(count <= 3 + 2 * math.sqrt(60 * 0.05 * 0.95) for count in wrong.values())
    assert wrong["win_rate", "once"] > 0


def test_a_ramp_against_a_true_gain_does_not_hide_it():
    pnl, variants, phases = ramp(1, lift=0.25)
    found = figures(traded(pnl, variants, phases=1 - phases))["win_rate", "treatment"]
    assert pytest.approx(0.25, abs=0.08) == found.lift
    assert found.p_value < 0.001
    assert found.anytime_p_value < 0.001
    assert 0.25 in found.anytime_interval


def test_phases_are_weighted_as_by_mantel_and_haenszel():
    """The estimate is the weighted sum of the differences in each phase, its variance that of such a sum."""
    pnl, variants, phases = ramp(2)
    found = figures(traded(pnl, variants, phases=phases))["pnl", "treatment"]
    weights, differences, variances = [], [], []
    for phase in (0, 1):
        control, treatment = (pnl[(phases == phase) & (variants == n)] for n in (0, 1))
        weights.append(len(control) * len(treatment) / (len(control) + len(treatment)))
        differences.append(treatment.mean() - control.mean())
        variances.append(treatment.var(ddof=1) / len(treatment) + control.var(ddof=1) / len(control))
    shares = np.array(weights) / sum(weights)
    assert pytest.approx(shares @ differences) == found.difference
    error = math.sqrt(shares**2 @ variances)
    width = found.difference_interval.high - found.difference_interval.low
    assert pytest.approx(2 * 1.96 * error, rel=0.002) == width
