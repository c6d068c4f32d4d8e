"""Shadow mode: all models score the same units, so that what is common to them cancels."""

import numpy as np
import pytest

from mlprod.errors import ExperimentStateError
from mlprod.experiments import ABTestingManager
from mlprod.experiments._evidence import Evidence, Stratum
from mlprod.experiments._metric import metric_of
from mlprod.stats import JointMoments
from mlprod.storage import MemoryStore


def begun(clock, config=None, treatments="new@1.0.0"):
    manager = ABTestingManager(MemoryStore(), clock=clock)
    given = {"mode": "shadow", "primary_metric": "pnl", "min_sample_size": 100, **(config or {})}
    manager.create_experiment("x", "", "old@1.0.0", treatments, given, id="x", check_models=False)
    manager.start_experiment("x")
    return manager


def market(seed, rows, gain=0.1):
    """Return the profits of two models: what the market did, and a little of each."""
    rng = np.random.default_rng(seed)
    common = rng.normal(1.0, 2.0, rows)
    return common + rng.normal(0, 0.3, rows), common + gain + rng.normal(0, 0.3, rows)


def score(manager, control, treatment):
    for one, other in zip(control.tolist(), treatment.tolist(), strict=True):
        manager.record_shadow("x", {"control": {"pnl": one}, "treatment": {"pnl": other}})


def comparison(manager, metric="pnl", variant="treatment"):
    return next(
        one for one in manager.analyze("x").comparisons if (one.metric, one.variant_id) == (metric, variant)
    )


def test_the_comparison_is_the_paired_t_test(clock):
    from scipy.stats import ttest_rel

    control, treatment = market(0, 250)
    manager = begun(clock)
    score(manager, control, treatment)
    peer = ttest_rel(treatment, control)
    bounds = peer.confidence_interval(0.95)
    for _ in range(2):
        found = comparison(manager)
        assert ("paired_t_test", pytest.approx(peer.pvalue, rel=1e-6)) == (found.test, found.p_value)
        assert pytest.approx((bounds.low, bounds.high)) == (
            found.difference_interval.low, found.difference_interval.high
        )  # fmt: skip
        assert pytest.approx((control.mean(), treatment.mean())) == (found.control, found.treatment)
        assert (250, 250) == (found.control_samples, found.treatment_samples)
        manager.close()  # and again from what was compacted


def test_wins_are_compared_in_pairs_as_well(clock):
    from scipy.stats import ttest_rel

    control, treatment = market(1, 300)
    manager = begun(clock, {"primary_metric": "win_rate"})
    score(manager, control, treatment)
    expected = ttest_rel((treatment > 0).astype(float), (control > 0).astype(float)).pvalue
    assert expected == pytest.approx(comparison(manager, "win_rate").p_value, rel=1e-6)


def test_only_units_that_both_have_an_outcome_of_are_compared(clock):
    manager = begun(clock)
    score(manager, *market(2, 50))
    before = comparison(manager)
    for number in range(10):
        manager.record_shadow("x", {"control": {"pnl": 100.0 + number}, "treatment": {}})
    after = comparison(manager)
    assert (before.p_value, before.difference) == (after.p_value, after.difference)
    assert before.control == after.control


def test_far_fewer_units_are_needed_than_if_each_had_one_model(clock):
    """The very same market: pairs see the gain in 300 units, halves of it do not in 3,000."""
    control, treatment = market(3, 3000)
    shadow = begun(clock)
    score(shadow, control[:300], treatment[:300])
    assert comparison(shadow).anytime_p_value < 0.01
    split = begun(clock, {"mode": "split"})
    for number in range(3000):
        variant = ("control", "treatment")[number % 2]
        split.record_trade("x", variant, pnl=float((control, treatment)[number % 2][number]))
    assert comparison(split).anytime_p_value > 0.05
    assert shadow.analyze("x").verdict.winner == "treatment"


def test_the_control_acts_on_every_unit(clock):
    manager = begun(clock)
    variant = manager.get_variant("x", "anybody")
    assert (True, "old@1.0.0") == (variant.is_control, variant.model)
    assert {-1} == set(manager.assign("x", ["a", "b", "c"]).tolist())


def test_a_bad_model_in_the_shadow_is_stopped_at_the_next_look(clock):
    manager = begun(clock)
    score(manager, *market(4, 400, gain=-0.5))
    assert "running" == manager.get_experiment("x").status
    manager._look(manager._watchers["x"])
    found = manager.get_experiment("x")
    assert ("stopped", "control") == (found.status, found.winner)
    assert found.reason.startswith("treatment is worse: its pnl is")


def test_of_several_models_each_is_paired_with_the_control(clock):
    from scipy.stats import ttest_rel

    control, first = market(5, 200)
    _, second = market(6, 200)
    manager = begun(clock, treatments=["a@1.0.0", "b@1.0.0"])
    for row in zip(control.tolist(), first.tolist(), second.tolist(), strict=True):
        scores = {
            name: {"pnl": pnl} for name, pnl in zip(("control", "treatment", "treatment_2"), row, strict=True)
        }
        manager.record_shadow("x", scores)
    for name, values in (("treatment", first), ("treatment_2", second)):
        expected = ttest_rel(values, control).pvalue
        assert expected == pytest.approx(comparison(manager, "pnl", name).p_value, rel=1e-6)


def test_shares_of_traffic_are_none_of_its_concern(clock):
    manager = begun(clock, {"traffic_split": [0.9, 0.1]})
    score(manager, *market(7, 100))
    found = manager.analyze("x").srm
    assert (1.0, 1.0, False) == (found.p_value, found.fixed_p_value, found.is_mismatch)


def test_the_interval_of_a_paired_lift_is_fiellers():
    """Its ends are the lifts that a paired t-test does not reject, by the thinnest margin."""
    rng = np.random.default_rng(5)
    control = rng.normal(0.3, 1.0, 200)
    treatment = control + rng.normal(0.1, 0.5, 200)
    pairs = JointMoments.of(treatment, control)
    evidence = Evidence(metric_of("pnl"), [Stratum(pairs.covariate, pairs.outcome, pairs=pairs)], 1000)
    interval = evidence.fixed_interval(0.95)
    from scipy.stats import ttest_rel

    for lift in (interval.low, interval.high):
        assert 0.05 == pytest.approx(ttest_rel(treatment, (1 + lift) * control).pvalue)
    assert interval.low < evidence.lift < interval.high


def test_a_control_that_may_be_zero_leaves_it_open():
    rng = np.random.default_rng(6)
    control = rng.normal(0.0, 1.0, 50)
    pairs = JointMoments.of(control + 0.1, control)
    evidence = Evidence(metric_of("pnl"), [Stratum(pairs.covariate, pairs.outcome, pairs=pairs)], 1000)
    interval = evidence.fixed_interval(0.95)
    assert np.isinf([interval.low, interval.high]).any()


def test_trades_are_refused(clock):
    with begun(clock) as manager, pytest.raises(ExperimentStateError, match="use record_shadow"):
        manager.record_trade("x", "control", pnl=1.0)
