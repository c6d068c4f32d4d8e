"""Auto-stop: a treatment that is worse beyond doubt loses its units, and no other does."""

import math

import numpy as np
import pytest

from mlprod.errors import StoreError
from mlprod.experiments import ABTestingManager, ExperimentConfig
from mlprod.experiments._metric import metric_of
from mlprod.experiments._stopping import Guard, find_degraded
from mlprod.experiments._tally import Tally
from mlprod.stats import Moments
from mlprod.storage import MemoryStore


@pytest.fixture
def begun(clock):
    def begin(config=None, treatments="new@1.0.0", store=None):
        manager = ABTestingManager(MemoryStore() if store is None else store, clock=clock)
        given = {"min_sample_size": 500, **(config or {})}
        manager.create_experiment("x", "", "old@1.0.0", treatments, given, id="x", check_models=False)
        manager.start_experiment("x")
        return manager

    return begin


def status(manager):
    return manager.get_experiment("x").status


def feed(manager, rates, outcomes, seed=0, variants=("control", "treatment")):
    """Record wins and losses in turn, until the experiment is over; return how many of each variant."""
    rng = np.random.default_rng(seed)
    for number in range(outcomes):
        for variant, rate in zip(variants, rates, strict=True):
            manager.record_trade("x", variant, pnl=1.0 if rng.random() < rate else -1.0)
            if not manager._recorders:  # what led here was recorded; the next call would ask anew
                return number + 1
    return outcomes


def test_a_bad_treatment_is_stopped_within_the_call_that_shows_it(begun):
    """And always at the same one."""
    stopped = set()
    for _ in range(3):
        manager = begun()
        count = feed(manager, (0.55, 0.35), 3000)
        experiment = manager.get_experiment("x")
        found = experiment.conclusion
        assert ("stopped", "control", "control") == (experiment.status, experiment.winner, found.winner)
        assert "old@1.0.0" == manager.get_variant("x", "anybody").model
        stopped.add(count)
        trades = found.variants["control"].trades + found.variants["treatment"].trades
        assert trades in {2 * count, 2 * count - 1}
    assert 1 == len(stopped)
    assert stopped.pop() < 500


def test_the_reason_and_the_figures_of_a_stop_fit_together(begun):
    """The bound excludes zero, the p-value is below the level, and both are one-sided."""
    manager = begun()
    feed(manager, (0.55, 0.35), 3000)
    found = manager.get_experiment("x").conclusion
    treatment, control = found.variants["treatment"], found.variants["control"]
    assert found.p_value <= 0.05
    assert found.interval.high < 0
    assert "anytime, one-sided" == found.test
    assert found.reason.startswith(
        f"treatment is worse: its win_rate is {treatment.win_rate:.1%}, that of the control "
        f"{control.win_rate:.1%} ({treatment.win_rate / control.win_rate - 1:+.1%}; one-sided p = 0.0"
    )
    assert found.recommendation.startswith(
        "Keep old@1.0.0: no treatment has as good a win_rate. The win_rate"
    )
    assert "by a one-sided test that is valid at any look" in found.recommendation


@pytest.mark.parametrize("rates", [(0.5, 0.5), (0.5, 0.6), (0.5, 0.49)])
def test_a_treatment_that_is_not_worse_is_left_alone(begun, rates):
    manager = begun()
    assert 1500 == feed(manager, rates, 1500, seed=1)
    assert "running" == status(manager)


def test_a_loss_below_the_threshold_is_left_alone(begun):
    """A tenth of the rate for certain, but a fifth is what matters here."""
    manager = begun({"degradation_threshold": 0.2, "min_sample_size": 5000})
    feed(manager, (0.6, 0.54), 5000, seed=2)
    assert "running" == status(manager)
    assert manager.analyze("x").verdict.interval.high < 0


def test_auto_stop_can_be_turned_off(begun):
    manager = begun({"auto_stop_on_degradation": False})
    assert 1000 == feed(manager, (0.6, 0.2), 1000)
    manager._look(manager._watchers["x"])
    assert "running" == status(manager)
    assert not manager._watchers["x"].tallies


def test_means_are_guarded_as_well(begun):
    manager = begun({"primary_metric": "pnl"})
    rng = np.random.default_rng(3)
    while manager._recorders or not manager.get_metrics("x")["control"].trades:
        manager.record_trade("x", "treatment", pnl=float(rng.normal(0.3, 2.0)))
        manager.record_trade("x", "control", pnl=float(rng.normal(1.0, 2.0)))
    found = manager.get_experiment("x").conclusion
    assert ("control", "anytime, one-sided") == (found.winner, found.test)
    assert found.variants["control"].trades < 1000


def test_returns_of_a_trade_are_guarded_without_its_profit(begun):
    manager = begun({"primary_metric": "returns"})
    for number in range(1000):
        variant, expected = (("treatment", 0.01), ("control", 0.02))[number % 2]
        manager.record_trade("x", variant, returns=expected + 0.001 * (number % 3))
        if not manager._recorders:
            break
    assert manager.get_experiment("x").reason.startswith("treatment is worse: its returns is 1.")


@pytest.mark.parametrize(
    ("metric", "good", "bad"),
    [
        ("accuracy", {"correct": True}, {"correct": False}),
        ("latency_ms", {"latency_ms": 10.0}, {"latency_ms": 30.0}),
        ("mae", {"prediction": 1.0, "actual": 1.5}, {"prediction": 1.0, "actual": 3.0}),
        ("rmse", {"prediction": 1.0, "actual": 1.5}, {"prediction": 1.0, "actual": 3.0}),
        ("directional_accuracy", {"direction": 1, "actual": 1.0}, {"direction": 1, "actual": -1.0}),
        ("signal_rate", {"direction": 1}, {"direction": 0}),
        ("slippage", 1.0, 2.0),
    ],
)
def test_a_guardrail_stops_a_treatment_and_is_the_reason(begun, metric, good, bad):
    """Whichever kind of record it is computed from. The primary metric is not it."""
    manager = begun({"guardrail_metrics": [metric], "lower_is_better": ["slippage"]})
    rng = np.random.default_rng(4)
    trades = {"control": 0.5, "treatment": 0.5}
    for _ in range(600):
        for variant, usual, rare in (("control", good, bad), ("treatment", bad, good)):
            manager.record_trade("x", variant, pnl=1.0 if rng.random() < trades[variant] else -1.0)
            event = usual if rng.random() < 0.8 else rare
            if metric == "slippage":
                manager.record_metric("x", variant, metric, event)
            else:
                manager.record_prediction("x", variant, event)
            if not manager._recorders:
                break
        if status(manager) != "running":
            break
    experiment = manager.get_experiment("x")
    assert ("stopped", "control") == (experiment.status, experiment.winner)
    assert experiment.reason.startswith(f"treatment is worse: its {metric} is ")
    assert experiment.conclusion.recommendation.startswith(
        f"Keep old@1.0.0: treatment is worse: its {metric} is "
    )


def test_of_several_treatments_one_is_withdrawn_and_the_others_go_on(begun):
    manager = begun(treatments=["a@1.0.0", "b@1.0.0"])
    variants = ("control", "treatment", "treatment_2")
    feed(manager, (0.55, 0.2, 0.56), 1000, variants=variants)
    experiment = manager.get_experiment("x")
    assert ("running", 2) == (experiment.status, len(experiment.phases))
    assert (0.0, pytest.approx(2 / 3)) == (experiment.split[1], experiment.split[0])
    assert experiment.phases[-1].reason.startswith("treatment is worse: its win_rate is ")
    given = {manager.get_variant("x", f"unit-{number}").id for number in range(300)}
    assert {"control", "treatment_2"} == given
    assert 300 == feed(manager, (0.55, 0.56), 300, seed=5, variants=("control", "treatment_2"))
    manager.record_trade("x", "treatment", pnl=-1.0)  # what was open may still be recorded
    assert [] == list(find_degraded(manager.get_experiment("x"), manager._judge.sums(experiment)))
    assert "running" == status(manager)
    feed(manager, (0.55, 0.2), 2000, seed=6, variants=("control", "treatment_2"))
    experiment = manager.get_experiment("x")
    assert ("stopped", "control") == (experiment.status, experiment.winner)
    assert experiment.reason.startswith("treatment_2 is worse")


def test_trades_of_other_processes_count(begun, clock):
    """What this one has seen would not do; the first suspicion, or the next look, sees all."""
    store = MemoryStore()
    manager = begun(store=store)
    feed(manager, (0.55, 0.4), 60, seed=7)
    other = ABTestingManager(store, clock=clock)
    other._judge.settle = lambda experiment: experiment  # it stops nothing by itself
    feed(other, (0.55, 0.4), 400, seed=8)
    assert "running" == status(manager)
    manager._look(manager._watchers["x"])
    assert "stopped" == status(manager)
    assert "stopped" == status(other)


def test_outcomes_that_arrive_later_stop_a_treatment_at_the_next_look(begun):
    manager = begun({"primary_metric": "accuracy"})
    for number in range(300):
        for variant in ("control", "treatment"):
            manager.record_prediction("x", variant, prediction=1, prediction_id=f"{variant}-{number}")
    for number in range(300):
        manager.record_actual("x", f"control-{number}", 1)
        manager.record_actual("x", f"treatment-{number}", number % 2)
    assert "running" == status(manager)
    for _ in range(5):  # every fifth time it looks
        manager._tend()
    assert "stopped" == status(manager)


def test_a_suspicion_that_units_explain_is_dropped(begun):
    """One account that loses often is one bad account: the running sums suspect, the figures do not."""
    manager = begun()
    suspicions = []
    settle = manager._judge.settle
    manager._judge.settle = lambda experiment: suspicions.append(1) or settle(experiment)
    rng = np.random.default_rng(9)
    for number in range(600):
        unit = number % 6
        manager.record_trade(
            "x", "control", pnl=1.0 if rng.random() < (0.9, 0.2)[unit % 2] else -1.0, unit_id=unit
        )
        bad = 0.9 if unit < 2 else 0.15
        manager.record_trade("x", "treatment", pnl=1.0 if rng.random() < bad else -1.0, unit_id=10 + unit)
    assert suspicions
    assert "running" == status(manager)


def test_a_trade_that_is_recorded_again_and_again_stops_nothing(begun):
    manager = begun()
    for number in range(400):
        manager.record_trade("x", "control", pnl=1.0, id=f"c-{number % 3}")
        manager.record_trade("x", "treatment", pnl=-1.0, id=f"t-{number % 3}")
    assert "running" == status(manager)


def test_a_pause_stops_nothing(begun):
    manager = begun()
    manager.pause_experiment("x")
    feed(manager, (0.9, 0.1), 100)
    assert "paused" == status(manager)


def test_a_store_that_fails_while_looking_harms_no_record(begun, caplog):
    manager = begun()

    def fail(_):
        raise StoreError("no disk")

    manager._judge.settle = fail
    feed(manager, (0.9, 0.1), 100)
    assert 100 == manager.get_metrics("x")["treatment"].trades
    assert "could not be judged; it is tried again: no disk" in caplog.text


# --- the rule itself


def guard(metric="win_rate", planned=1000, treatments=1, **config):
    made = ExperimentConfig(primary_metric=metric, min_sample_size=planned // 2, **config)
    return Guard.of(metric_of(metric), made, treatments + 1)


def shares(wins, trades):
    return Moments(trades, float(wins), wins * (1 - wins / trades))


def test_the_rule_is_a_one_sided_bound_and_a_threshold():
    """One direction at a level needs the evidence of two at twice the level: log(1 / (2 * 0.05)) = 2.303."""
    assert pytest.approx(math.log(10)) == guard().needed
    assert pytest.approx(math.log(30)) == guard(treatments=3).needed
    assert pytest.approx(math.log(60)) == guard(treatments=3, guardrail_metrics=("latency_ms",)).needed
    assert guard().is_worse(shares(550, 1000), shares(450, 1000))
    assert not guard().is_worse(shares(450, 1000), shares(550, 1000))
    assert not guard(degradation_threshold=0.2).is_worse(shares(550, 1000), shares(450, 1000))
    assert not guard(degradation_threshold=0.0).is_worse(shares(500, 1000), shares(500, 1000))


@pytest.mark.parametrize("metric", ["win_rate", "pnl", "latency_ms", "rmse"])
def test_too_few_outcomes_are_never_enough(metric):
    for counts in ((0, 0), (0, 100), (100, 0), (1, 100), (100, 1)):
        parts = [Moments.of(np.linspace(0.0, 1.0, count)) if count else Moments() for count in counts]
        assert not guard(metric).is_worse(*parts)
        assert not guard(metric).is_worse(*reversed(parts))


def test_of_errors_more_is_worse_and_roots_are_compared_as_they_are_shown():
    rng = np.random.default_rng(10)
    squares = rng.normal(size=5000) ** 2
    for metric, scale, is_worse in [
        ("mae", 1.3, True),
        ("mae", 0.7, False),
        ("rmse", 1.17, False),  # of squares: 8% of the root
        ("rmse", 1.25, True),  # 12% of the root
    ]:
        found = guard(metric, 10_000).is_worse(Moments.of(squares), Moments.of(scale * squares))
        assert is_worse == found, (metric, scale)


@pytest.mark.parametrize("metric", ["win_rate", "pnl"])
def test_running_sums_agree_with_the_exact_rule(metric):
    """Where nothing else happens: a tally suspects where the rule does, at most a few outcomes later."""
    rng = np.random.default_rng(11)
    for _ in range(4):
        rule, told = guard(metric), []
        tally = Tally(rule, lambda: told.append(1))  # noqa: B023 - called in this turn only
        tally.reset([Moments(), Moments()], [0.0, 0.0])
        values: list[list[float]] = [[], []]
        first = None
        while not told:
            variant = len(values[0]) > len(values[1])
            value = float(rng.random() < 0.55 - 0.12 * variant)
            values[variant].append(value if metric == "win_rate" else value + float(rng.normal()))
            tally.add(int(variant), values[variant][-1])
            if first is None and rule.is_worse(*map(Moments.of, values)):
                first = len(values[0])
        assert rule.is_worse(*map(Moments.of, values))
        assert first is not None
        assert first <= len(values[0]) <= first * 1.5 + 2


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_false_stops_with_continuous_looks_keep_the_level(share):
    """At most 5% + 2 standard errors of 400 experiments without a difference, while their rate drifts.

    Rates wander between 0.35 and 0.65; it looks as 2,000 outcomes arrive, as auto-stop does.
    """
    rng, stopped, planned = np.random.default_rng(12), 0, 2000
    rule = guard(planned=planned, degradation_threshold=0.0)
    for _ in range(400):
        rate = 0.5 + 0.15 * np.sin(rng.uniform(0, 6.28) + np.arange(planned) / rng.uniform(50, 600))
        wins = rng.random(planned) < rate
        is_treated = rng.random(planned) < share
        told = []
        tally = Tally(rule, lambda: told.append(1))  # noqa: B023 - called in this turn only
        tally.reset([Moments(), Moments()], [0.0, 0.0])
        for variant, win in zip(is_treated.tolist(), wins.tolist(), strict=True):
            tally.add(int(variant), win)
            if told:
                stopped += 1
                break
    assert stopped / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)
    assert stopped > 0


def test_of_two_that_end_it_at_once_one_does(begun, clock):
    """The other one, which has read it before, says how it was ended."""
    store = MemoryStore()
    manager = begun(store=store)
    before = manager.get_experiment("x")
    ABTestingManager(store, clock=clock).end_experiment("x", "treatment", reason="enough")
    clock.advance(hours=200)
    found = manager._judge.settle(before)
    assert ("stopped", "treatment", "enough") == (found.status, found.winner, found.reason)


def test_a_stop_is_told_once(begun, caplog):
    """By who stopped it, not by a thread or a process that found the same and came second."""
    manager = begun()
    before = manager.get_experiment("x")
    feed(manager, (0.9, 0.1), 100)
    assert "stopped" == manager._judge.settle(before).status
    assert 1 == caplog.text.count("treatment is worse")
