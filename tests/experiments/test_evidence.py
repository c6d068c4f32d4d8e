"""Outcomes that depend on each other, and what explains them."""

import numpy as np
import pytest

from mlprod.experiments._comparing import _contrast
from mlprod.experiments._evidence import Evidence, Stratum, evidence_of
from mlprod.experiments._metric import BUILT_IN, metric_of
from mlprod.experiments._streams import TRADE, shadow_layout
from mlprod.experiments._sums import Sums
from mlprod.stats import Estimate, Moments, relative_lift, welch
from mlprod.storage.journal import Table


def traded(pnl, variants, **more):
    rows = {"time": np.arange(len(pnl)), "pnl": np.asarray(pnl), "variant": np.asarray(variants, np.uint8)}
    return Sums.of_trades(Table(TRADE, {**rows, **more}))


def evidence(sums, metric="pnl", planned=2000):
    return evidence_of(metric_of(metric), sums, 1, planned)


def clustered(rng, units, outcomes, phases=1, spread=1.0):
    """Return profits of units that each have a level of their own, without any difference of variants."""
    whose = np.tile(np.repeat(np.arange(2 * units), outcomes), phases)
    pnl = spread * rng.normal(size=2 * units)[whose] + rng.normal(size=len(whose))
    ids = rng.integers(1, 2**63, 2 * units, dtype=np.uint64)
    phase = np.repeat(np.arange(phases), 2 * units * outcomes).astype(np.uint8)
    return traded(pnl, whose >= units, unit_id=ids[whose], phase=phase)


def test_a_few_units_with_many_outcomes_are_few():
    """Exactly: a t-test of the means of units, where every unit has as many outcomes as any other."""
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    levels = rng.normal(size=8)
    pnl = np.repeat(levels, 50) + rng.normal(size=400)
    units = np.repeat(np.arange(1, 9, dtype=np.uint64) << np.uint64(40), 50)
    found = evidence(traded(pnl, np.repeat([0, 1], 200), unit_id=units))
    means = pnl.reshape(8, 50).mean(axis=1)
    peer = ttest_ind(means[4:], means[:4], equal_var=False)
    assert found.is_clustered
    assert pytest.approx(peer.pvalue) == welch(*_contrast(found)).p_value
    assert pytest.approx(peer.df) == found.difference().dof


def test_one_outcome_without_a_unit_and_all_count_by_themselves():
    rng = np.random.default_rng(1)
    units = rng.integers(1, 9, 200).astype(np.uint64)
    assert evidence(traded(rng.normal(size=200), np.arange(200) % 2, unit_id=units)).is_clustered
    units[17] = 0
    assert not evidence(traded(rng.normal(size=200), np.arange(200) % 2, unit_id=units)).is_clustered


def test_a_unit_for_each_outcome_changes_little():
    """256 buckets of 40,000 units: nearly the plain variance, with fewer degrees of freedom."""
    rng = np.random.default_rng(2)
    pnl, variants = rng.exponential(size=40_000), np.arange(40_000) % 2
    plain = evidence(traded(pnl, variants)).difference()
    units = evidence(traded(pnl, variants, unit_id=rng.integers(1, 2**63, 40_000, dtype=np.uint64)))
    assert pytest.approx(plain.value) == units.difference().value
    assert pytest.approx(plain.standard_error, rel=0.15) == units.difference().standard_error
    assert pytest.approx(evidence(traded(pnl, variants)).log_e(), abs=0.5) == units.log_e()


def test_units_are_not_new_ones_in_each_phase():
    """The same outcomes in five phases: five times as many outcomes of as many units are no surer."""
    rng = np.random.default_rng(3)
    pnl, units = rng.normal(size=100), rng.integers(1, 2**63, 100, dtype=np.uint64)
    once = evidence(traded(pnl, np.arange(100) % 2, unit_id=units))
    phases = np.repeat(np.arange(5), 100).astype(np.uint8)
    often = evidence(
        traded(np.tile(pnl, 5), np.tile(np.arange(100) % 2, 5), unit_id=np.tile(units, 5), phase=phases),
        planned=10_000,
    )
    assert (0, 1, 2, 3, 4) == often.phases
    assert pytest.approx(once.difference().standard_error) == often.difference().standard_error
    assert pytest.approx(once.log_e()) == often.log_e()


@pytest.mark.slow
@pytest.mark.parametrize(("units", "outcomes", "phases"), [(4, 50, 1), (12, 20, 1), (60, 4, 1), (60, 3, 4)])
def test_intervals_of_outcomes_that_depend_on_each_other_hold(units, outcomes, phases):
    """Without a difference, 95% of them hold zero; plain ones do not.

    600 repetitions: a standard error of 0.9 points.
    """
    rng = np.random.default_rng(4)
    held = plain = 0
    for _ in range(600):
        sums = clustered(rng, units, outcomes, phases)
        held += 0 in welch(*_contrast(evidence(sums))).interval
        alone = Sums(
            cells={key: _without_units(cell) for key, cell in sums.cells.items()}, counts=sums.counts
        )
        plain += 0 in welch(*_contrast(evidence(alone))).interval
    assert 0.95 == pytest.approx(held / 600, abs=0.025)
    assert plain / 600 < 0.85


def _without_units(cell):
    import attrs

    return attrs.evolve(cell, identified=0)


# --- a control variate


def test_what_explains_an_outcome_makes_differences_surer():
    """With a correlation of 0.8, by a factor of the root of 1 - 0.8^2, which is 0.6."""
    rng = np.random.default_rng(5)
    before = rng.normal(size=4000)
    pnl = 3 + 0.8 * before + 0.6 * rng.normal(size=4000)
    variants = rng.integers(0, 2, 4000)
    plain = evidence(traded(pnl, variants))
    surer = evidence(traded(pnl, variants, covariate=before))
    assert (False, True) == (plain.is_adjusted, surer.is_adjusted)
    assert 0.6 == pytest.approx(
        surer.difference().standard_error / plain.difference().standard_error, rel=0.05
    )
    widths = [one.anytime_interval(0.05).high - one.anytime_interval(0.05).low for one in (plain, surer)]
    assert widths[1] < 0.7 * widths[0]


def test_the_estimate_with_a_control_variate_is_that_of_least_squares():
    """The coefficient of the variant in a regression of the outcome on the variant and the covariate."""
    rng = np.random.default_rng(6)
    before, variants = rng.normal(size=500), rng.integers(0, 2, 500)
    pnl = 1 + 0.3 * variants + 2 * before + rng.normal(size=500)
    design = np.column_stack([np.ones(500), variants, before])
    expected = np.linalg.lstsq(design, pnl)[0][1]
    assert expected == pytest.approx(evidence(traded(pnl, variants, covariate=before)).difference().value)


def test_a_control_variate_shifts_no_estimate_on_average():
    rng = np.random.default_rng(7)
    found = []
    for _ in range(200):
        before, variants = rng.normal(size=200), rng.integers(0, 2, 200)
        pnl = 0.5 * variants + before + 0.5 * rng.normal(size=200)
        found.append(evidence(traded(pnl, variants, covariate=before)).difference().value)
    assert 0.5 == pytest.approx(np.mean(found), abs=4 * np.std(found) / 200**0.5)


def test_a_covariate_that_some_lack_is_not_used():
    rng = np.random.default_rng(8)
    before = rng.normal(size=100)
    before[3] = np.nan
    assert not evidence(traded(rng.normal(size=100), np.arange(100) % 2, covariate=before)).is_adjusted


# --- what is none


def test_nothing_is_no_evidence():
    found = evidence(Sums())
    assert (0.0, ()) == (found.log_e(), found.phases)
    assert np.isnan([found.lift, found.control, found.difference().value]).all()
    assert np.inf == found.anytime_interval(0.05).high == found.anytime_difference(0.05).high


def test_a_lift_over_nothing_is_no_number():
    found = evidence(traded([0.0, 0.0, 1.0, 2.0], [0, 0, 1, 1]))
    assert np.isnan(found.lift)
    assert np.inf == found.anytime_interval(0.05).high


def test_numbers_as_large_as_are_allowed_have_figures():
    found = evidence(traded([1e100, -1e100, 1e99, -1e99], [0, 0, 1, 1]))
    assert 0 < found.difference().standard_error < np.inf
    assert 0.0 == pytest.approx(found.log_e(), abs=1.0)


def test_pairs_of_several_phases():
    """In the shadow phases add up, too."""
    rng = np.random.default_rng(9)
    rows = {"time": np.arange(400), "phase": np.repeat([0, 1], 200).astype(np.uint8)}
    common = rng.normal(size=400)
    rows |= {"pnl_0": common + rng.normal(0, 0.1, 400), "pnl_1": common - 0.05 + rng.normal(0, 0.1, 400)}
    found = evidence(Sums.of_shadows(Table(shadow_layout(2), rows), 2))
    assert (0, 1) == found.phases
    assert BUILT_IN["pnl"] == found.metric
    assert np.mean(rows["pnl_1"] - rows["pnl_0"]) == pytest.approx(found.difference().value)
    assert 400 == found.difference().count


@pytest.mark.parametrize("gain", [0.0, 0.5, -0.5])
def test_the_interval_for_any_look_is_never_inside_the_one_for_one_look(gain):
    """Also where the control's mean may be zero, and a lift be of any size."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        mean = rng.normal(0, 0.05)
        control, treatment = Moments.of(rng.normal(mean, 1, 500)), Moments.of(rng.normal(mean + gain, 1, 500))
        anytime = Evidence(metric_of("pnl"), [Stratum(control, treatment)], 1000).anytime_interval(0.05)
        once = relative_lift(Estimate.of_moments(control), Estimate.of_moments(treatment))
        assert anytime.low <= once.low
        assert once.high <= anytime.high
