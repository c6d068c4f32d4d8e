"""How an experiment stands: warnings, the outcomes that are missing yet, and shares of traffic."""

import json

import numpy as np
import pytest

from mlprod.experiments import ABTestingManager


@pytest.fixture
def manager(store, clock):
    manager = ABTestingManager(store, clock=clock)
    config = {"min_sample_size": 100, "auto_stop_on_degradation": False}
    manager.create_experiment("x", "", "old@1.0.0", "new@1.0.0", config, id="x", check_models=False)
    manager.start_experiment("x")
    return manager


def trade(manager, variant, wins, trades):
    for number in range(trades):
        manager.record_trade("x", variant, pnl=1.0 if number < wins else -1.0)


def predict(manager, variant, count):
    for _ in range(count):
        manager.record_prediction("x", variant, confidence=0.5)


def test_an_experiment_without_records_can_be_looked_at(manager, clock):
    found = manager.analyze("x")
    assert ("x", "running", clock()) == (found.experiment_id, found.status, found.at)
    assert "inconclusive" == found.verdict.winner
    assert (
        "treatment: 0 outcomes of win_rate; 100 of each variant were planned",
        "nothing was recorded of the control",
    ) == found.warnings
    assert found.samples_needed is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_to_look_changes_nothing(manager):
    trade(manager, "control", 50, 100)
    trade(manager, "treatment", 55, 100)
    assert manager.analyze("x").to_dict() == manager.analyze("x").to_dict()
    assert "running" == manager.get_experiment("x").status


def test_enough_outcomes_need_no_warning(manager):
    trade(manager, "control", 50, 100)
    trade(manager, "treatment", 55, 99)
    assert ("treatment: 99 outcomes of win_rate; 100 of each variant were planned",) == manager.analyze(
        "x"
    ).warnings
    trade(manager, "treatment", 0, 1)
    assert () == manager.analyze("x").warnings


def test_how_many_outcomes_are_needed_shrinks_to_none(manager):
    """The width of an interval falls with the root of their number: so many times (width / estimate)^2."""
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 530, 1000)
    found = manager.analyze("x")
    bounds = found.comparisons[0].anytime_difference_interval
    expected = 1000 * (((bounds.high - bounds.low) / 2 / 0.03) ** 2 - 1)
    assert expected == pytest.approx(found.samples_needed, abs=1)
    trade(manager, "treatment", 1000, 1000)
    assert 0 == manager.analyze("x").samples_needed


def test_equal_variants_would_need_for_ever(manager):
    trade(manager, "control", 50, 100)
    trade(manager, "treatment", 50, 100)
    assert manager.analyze("x").samples_needed is None


# --- shares of traffic


def test_shares_are_tested_by_chi_square(manager):
    from scipy.stats import chisquare

    predict(manager, "control", 520)
    predict(manager, "treatment", 480)
    found = manager.analyze("x").srm
    assert chisquare([520, 480]).pvalue == pytest.approx(found.fixed_p_value)
    assert {"control": 520, "treatment": 480} == found.observed
    assert {"control": 500.0, "treatment": 500.0} == found.expected
    assert (False, "predictions") == (found.is_mismatch, found.source)
    assert found.p_value >= found.fixed_p_value


def test_each_phase_has_its_own_shares(manager):
    """500 and 500, then 900 and 100: no mismatch, though neither split explains the sum."""
    predict(manager, "control", 500)
    predict(manager, "treatment", 500)
    manager.set_traffic("x", [0.9, 0.1])
    predict(manager, "control", 900)
    predict(manager, "treatment", 100)
    found = manager.analyze("x").srm
    assert {"control": 1400, "treatment": 600} == found.observed
    assert {"control": 1400.0, "treatment": 600.0} == pytest.approx(found.expected)
    assert (1.0, 1.0, False) == (found.p_value, found.fixed_p_value, found.is_mismatch)


def test_trades_are_no_shares_of_traffic(manager):
    """A model that trades less often is no fault of the assignment: it is told, and not held against it."""
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 250, 500)
    found = manager.analyze("x").srm
    assert ("trades", False) == (found.source, found.is_mismatch)
    assert found.p_value < 0.001


def test_a_variant_without_a_share_is_not_missed(manager):
    manager.set_traffic("x", [1.0, 0.0])
    predict(manager, "control", 500)
    found = manager.analyze("x").srm
    assert (1.0, 1.0) == (found.p_value, found.fixed_p_value)
    assert {"control": 500.0, "treatment": 0.0} == found.expected


@pytest.mark.slow
def test_fair_shares_are_called_unfair_in_one_of_a_thousand(manager):
    """Looked at 50 times each; 2,000 experiments, at a level of 0.001: at most 2 + 2 standard errors."""
    from mlprod.stats import anytime_p_value, log_e_sample_ratio

    rng = np.random.default_rng(0)
    counts = rng.binomial(100, 0.1, (2000, 50)).cumsum(axis=1)
    wrong = 0
    for treatment in counts:
        ever = max(
            log_e_sample_ratio([100 * (look + 1) - int(got), int(got)], [0.9, 0.1])
            for look, got in enumerate(treatment)
        )
        wrong += anytime_p_value(ever) < 0.001
    assert wrong <= 2 + 2 * 2**0.5


def test_tests_of_single_outcomes_read_them(store, clock):
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(1)
    manager = ABTestingManager(store, clock=clock)
    config = {"test": "mann_whitney", "primary_metric": "pnl", "min_sample_size": 50}
    manager.create_experiment("x", "", "old@1.0.0", "new@1.0.0", config, id="x", check_models=False)
    manager.start_experiment("x")
    values = {"control": rng.normal(size=80), "treatment": rng.normal(0.6, 1.0, 90)}
    for variant, profits in values.items():
        for pnl in profits.tolist():
            manager.record_trade("x", variant, pnl=pnl)
    clock.advance(hours=169)
    found = manager.get_experiment("x").conclusion
    expected = mannwhitneyu(values["treatment"], values["control"], method="asymptotic").pvalue
    assert ("mann_whitney", pytest.approx(expected)) == (found.test, found.p_value)
    assert "by a Mann-Whitney test" in found.recommendation
