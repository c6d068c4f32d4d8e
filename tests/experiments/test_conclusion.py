"""Verdicts, and what they say to a trader."""

import re

import numpy as np
import pytest

from mlprod.experiments import ABTestingManager, Interval
from mlprod.storage import MemoryStore

SENTENCE = re.compile(r"([A-Z][^.]*(?:\.\d[^.]*|\.[^ .][^.]*)*[.] ?)+")


@pytest.fixture
def begun(clock):
    """Give a way to start an experiment; none stops by itself unless asked to."""

    def begin(config=None, treatments="new@1.0.0"):
        given = {"min_sample_size": 100, "auto_stop_on_degradation": False, **(config or {})}
        manager = ABTestingManager(MemoryStore(), clock=clock)
        manager.create_experiment("x", "", "old@1.0.0", treatments, given, id="x", check_models=False)
        manager.start_experiment("x")
        return manager

    return begin


def trade(manager, variant, wins, trades, pnl=1.0):
    for number in range(trades):
        manager.record_trade("x", variant, pnl=pnl if number < wins else -pnl)


def completed(manager, clock):
    clock.advance(hours=169)
    return manager.get_experiment("x").conclusion


def test_a_better_treatment_wins_at_the_planned_end(begun, clock):
    from scipy.stats import chi2_contingency

    manager = begun({"trades_per_year": 1000})
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 560, 1000)
    found = completed(manager, clock)
    p_value = chi2_contingency([[500, 500], [560, 440]], correction=False).pvalue
    assert ("treatment", "chi_square") == (found.winner, found.test)
    assert pytest.approx((p_value, 1 - p_value, 0.12)) == (found.p_value, found.confidence, found.effect_size)
    assert "it ran for the 168 hours that were planned; its win_rate is better (p = 0.0072, chi_square)" == (
        found.reason
    )
    assert (
        "Promote new@1.0.0: it has the better win_rate. The win_rate of treatment is 56.0%, that of the "
        "control 50.0% (+12.0%, 95% interval +3.1% to +21.7%); p = 0.0072 by a chi-square test, from 1,000 "
        "and 1,000 outcomes."
    ) == found.recommendation
    assert "treatment" == manager.get_experiment("x").winner
    assert "completed" == manager.get_experiment("x").status


def test_what_a_year_is_worth_is_the_difference_of_profits_times_its_trades(begun, clock):
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    manager = begun({"trades_per_year": 250, "primary_metric": "pnl", "confidence_level": 0.9})
    control, treatment = rng.normal(1.0, 2.0, 300), rng.normal(1.5, 2.0, 300)
    for pnl in control.tolist():
        manager.record_trade("x", "control", pnl=pnl)
    for pnl in treatment.tolist():
        manager.record_trade("x", "treatment", pnl=pnl)
    found = completed(manager, clock)
    bounds = ttest_ind(treatment, control, equal_var=False).confidence_interval(0.9)
    assert 250 * (treatment.mean() - control.mean()) == pytest.approx(found.projected_annual_impact)
    interval = found.projected_annual_interval
    assert pytest.approx((250 * bounds.low, 250 * bounds.high)) == (interval.low, interval.high)


@pytest.mark.parametrize("config", [{}, {"trades_per_year": 100, "primary_metric": "confidence"}])
def test_without_trades_or_their_number_there_is_no_impact(begun, clock, config):
    manager = begun(config)
    if not config:
        trade(manager, "control", 5, 10)
        trade(manager, "treatment", 5, 10)
    found = completed(manager, clock)
    assert (None, None) == (found.projected_annual_impact, found.projected_annual_interval)


def test_what_to_expect_is_less_than_what_was_seen(begun, clock):
    """The estimate times 1 - (standard error / estimate)^2, the error from the interval: its width by 2 z."""
    from scipy.stats import norm

    for level in (0.9, 0.95, 0.99):
        manager = begun({"confidence_level": level})
        trade(manager, "control", 500, 1000)
        trade(manager, "treatment", 560, 1000)
        found = completed(manager, clock)
        error = (found.interval.high - found.interval.low) / (2 * norm.ppf(0.5 + level / 2))
        assert pytest.approx(0.12 * (1 - (error / 0.12) ** 2)) == found.expected_lift
        assert 0.09 < found.expected_lift < 0.12
        manager.close()


def test_what_is_less_than_its_error_is_expected_to_be_nothing(begun, clock):
    manager = begun()
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 505, 1000)
    found = completed(manager, clock)
    assert ("inconclusive", 0.0) == (found.winner, found.expected_lift)
    assert (
        "Keep old@1.0.0: no difference is beyond chance. The win_rate of treatment is 50.5%, that of the "
        "control 50.0% (+1.0%, 95% interval -7.5% to +10.2%); p = 0.82 by a chi-square test, from 1,000 and "
        "1,000 outcomes."
    ) == found.recommendation
    assert manager.get_experiment("x").winner is None


def test_what_has_no_bounds_is_expected_to_be_nothing(begun, clock):
    manager = begun({"primary_metric": "pnl"})
    manager.record_trade("x", "control", pnl=1.0)
    manager.record_trade("x", "treatment", pnl=2.0)
    found = completed(manager, clock)
    assert (1.0, 0.0, 1.0) == (found.effect_size, found.expected_lift, found.p_value)
    assert (
        "Keep old@1.0.0: no difference is beyond chance. The pnl of treatment is 2, that of the control 1 "
        "(+100.0%); p = 1 by a test that is valid at any look, from 1 and 1 outcomes."
    ) == found.recommendation


def test_the_control_wins_if_the_treatment_is_worse(begun, clock):
    manager = begun()
    trade(manager, "control", 560, 1000)
    trade(manager, "treatment", 500, 1000)
    found = completed(manager, clock)
    assert "control" == found.winner
    assert found.recommendation.startswith(
        "Keep old@1.0.0: no treatment has as good a win_rate. The win_rate"
    )
    assert pytest.approx(-60 / 560) == found.effect_size


def test_an_end_that_somebody_chose_is_judged_by_what_holds_at_any_time(begun):
    """With p = 0.007 by the test for one look, somebody who looks often has seen nothing yet."""
    manager = begun({"min_sample_size": 1000})
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 560, 1000)
    before = manager.analyze("x").verdict
    found = manager.end_experiment("x", reason="the quarter is over")
    assert ("inconclusive", "anytime") == (found.winner, found.test)
    assert (before.winner, before.p_value, before.interval) == (found.winner, found.p_value, found.interval)
    assert found.reason == "the quarter is over; no difference is beyond chance"
    assert "by a test that is valid at any look" in found.recommendation
    assert "stopped" == manager.get_experiment("x").status


def test_fewer_outcomes_than_planned_are_judged_by_what_holds_at_any_time(begun, clock):
    manager = begun({"min_sample_size": 1001})
    trade(manager, "control", 500, 1001)
    trade(manager, "treatment", 560, 1000)
    assert "anytime" == completed(manager, clock).test


def test_a_difference_beyond_doubt_wins_at_any_time(begun):
    manager = begun()
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 700, 1000)
    found = manager.end_experiment("x")
    assert ("treatment", "anytime") == (found.winner, found.test)
    assert "p < 0.0001" in found.recommendation


def test_of_several_treatments_the_best_wins(begun, clock):
    manager = begun(treatments=["a@1.0.0", "b@1.0.0", "c@1.0.0"])
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 600, 1000)
    trade(manager, "treatment_2", 650, 1000)
    trade(manager, "treatment_3", 510, 1000)
    found = completed(manager, clock)
    assert ("treatment_2", 0.3) == (found.winner, pytest.approx(found.effect_size))
    assert found.recommendation.startswith("Promote b@1.0.0: it has the better win_rate.")
    assert set(found.variants) == {"control", "treatment", "treatment_2", "treatment_3"}


def test_the_p_value_of_several_treatments_is_corrected(begun, clock):
    """500 against 545 of 1,000 has p = 0.044 by itself, and 0.088 as one of two."""
    manager = begun(treatments=["a@1.0.0", "b@1.0.0"])
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 545, 1000)
    trade(manager, "treatment_2", 500, 1000)
    found = completed(manager, clock)
    assert ("inconclusive", pytest.approx(0.0877, abs=0.0005)) == (found.winner, found.p_value)


def test_the_control_wins_only_over_all(begun, clock):
    manager = begun(treatments=["a@1.0.0", "b@1.0.0"])
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 300, 1000)
    trade(manager, "treatment_2", 495, 1000)
    assert "inconclusive" == completed(manager, clock).winner


def test_less_is_better_for_errors(begun, clock):
    manager = begun({"primary_metric": "latency_ms", "min_sample_size": 50})
    rng = np.random.default_rng(1)
    for variant, mean in (("control", 20.0), ("treatment", 15.0)):
        for noise in rng.normal(size=60):
            manager.record_prediction("x", variant, latency_ms=mean + float(noise))
    found = completed(manager, clock)
    assert ("treatment", pytest.approx(-0.25, abs=0.03)) == (found.winner, found.effect_size)
    assert "The latency_ms of treatment is 1" in found.recommendation


def test_nothing_is_believed_where_variants_do_not_get_their_shares(begun, clock):
    manager = begun()
    for variant, predictions in (("control", 1000), ("treatment", 700)):
        for _ in range(predictions):
            manager.record_prediction("x", variant, confidence=0.5)
    trade(manager, "control", 300, 1000)
    trade(manager, "treatment", 900, 1000)
    analysis = manager.analyze("x")
    found = completed(manager, clock)
    assert "inconclusive" == analysis.verdict.winner == found.winner
    assert found.srm.is_mismatch
    assert "variants did not get their shares of the predictions" in found.reason
    assert "Do not act on this experiment: its variants did not get their shares" in found.recommendation
    assert any("did not get their shares" in warning for warning in analysis.warnings)


def test_a_winner_that_the_caller_chose_wins_and_the_figures_stay(begun):
    manager = begun()
    trade(manager, "control", 560, 1000)
    trade(manager, "treatment", 500, 1000)
    found = manager.end_experiment("x", "treatment", reason="It is cheaper to run.")
    assert "treatment" == found.winner == manager.get_experiment("x").winner
    assert pytest.approx(-60 / 560) == found.effect_size
    assert found.recommendation.startswith(
        "Promote new@1.0.0: It is cheaper to run. The win_rate of treatment"
    )


def test_a_winner_that_the_caller_chose_without_shares(begun):
    manager = begun()
    for variant, predictions in (("control", 1000), ("treatment", 700)):
        for _ in range(predictions):
            manager.record_prediction("x", variant, confidence=0.5)
    found = manager.end_experiment("x", winner="control")
    assert (
        "Keep old@1.0.0: the caller chose the winner. Its variants did not get their shares of the traffic: "
        "do not trust the figures."
    ) == found.recommendation
    assert "control" == found.winner


@pytest.mark.parametrize(
    ("winner", "expected"),
    [
        (
            None,
            "Keep old@1.0.0: no difference is beyond chance. There are no outcomes of win_rate to compare.",
        ),
        (
            "treatment",
            "Promote new@1.0.0: the caller chose the winner. There are no outcomes of win_rate to compare.",
        ),
    ],
)
def test_an_experiment_of_which_nothing_was_recorded(begun, winner, expected):
    found = begun().end_experiment("x", winner)
    assert (expected, winner or "inconclusive") == (found.recommendation, found.winner)
    assert (1.0, 0.0) == (found.p_value, found.confidence)
    assert np.isnan([found.effect_size, found.expected_lift]).all()
    assert Interval(-np.inf, np.inf) == found.interval


def test_a_winner_that_is_worse_at_a_guardrail_comes_with_a_caution(begun, clock):
    manager = begun({"guardrail_metrics": ["latency_ms", "confidence"]})
    rng = np.random.default_rng(2)
    for variant, latency in (("control", 10.0), ("treatment", 14.0)):
        for noise in rng.normal(size=300):
            manager.record_prediction("x", variant, latency_ms=latency + float(noise), confidence=0.5)
    trade(manager, "control", 500, 1000)
    trade(manager, "treatment", 600, 1000)
    warnings = manager.analyze("x").warnings
    found = completed(manager, clock)
    assert "treatment" == found.winner
    last = found.recommendation.rpartition("outcomes. ")[2]
    assert re.fullmatch(
        r"But mind its latency_ms \(1[34]\.\d+ against \d+\.?\d*\): that is worse beyond chance\.", last
    )
    assert any("the guardrail latency_ms is worse (+4" in warning for warning in warnings)


@pytest.mark.parametrize("counts", [(500, 560), (500, 700), (560, 500), (500, 500), (0, 1000), (0, 0)])
@pytest.mark.parametrize("is_planned", [True, False])
def test_every_recommendation_is_sentences(begun, clock, counts, is_planned):
    manager = begun()
    trade(manager, "control", counts[0], 1000)
    trade(manager, "treatment", counts[1], 1000)
    found = completed(manager, clock) if is_planned else manager.end_experiment("x")
    assert SENTENCE.fullmatch(found.recommendation), found.recommendation
    assert "nan" not in found.recommendation
    assert "inf " not in found.recommendation
    assert 0.0 <= found.confidence <= 1.0


def test_ranks_that_contradict_the_mean_have_no_winner(begun, clock):
    """The treatment mostly wins a little, and loses all of it at times: nobody should act on its ranks."""
    manager = begun({"primary_metric": "pnl", "test": "mann_whitney", "min_sample_size": 50})
    for control, treatment in zip([0.1, -0.1] * 50, [1.0] * 95 + [-100.0] * 5, strict=True):
        manager.record_trade("x", "control", pnl=control)
        manager.record_trade("x", "treatment", pnl=treatment)
    found = completed(manager, clock)
    assert ("inconclusive", "mann_whitney") == (found.winner, found.test)
    assert "tend to one side, their mean does not" in found.reason
