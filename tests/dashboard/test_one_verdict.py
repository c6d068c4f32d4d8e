"""Once an experiment is over, everything that shows it tells one verdict, with the figures behind it."""

import html
import math
import re

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from mlprod.dashboard._experiment_detail import experiment_detail
from mlprod.dashboard._experiments_tab import experiments_tab
from mlprod.stats import anytime_p_value, interval_proportions, log_e_proportions

INF = math.inf
MINUS = "\N{MINUS SIGN}"
ONE_SIDED = "valid at any look, one-sided: is it worse?"
TWO_SIDED = "valid at any look, two-sided: is there a difference?"
UNSURE = ("Inconclusive", "no difference is beyond chance")
UNFINISHED = ("If it ended now", "Still needed", "It stops by itself once")


@pytest.fixture
def begin(manager):
    """Give a way to start an experiment about the win rate, with an even split and no other surprise."""

    def begin(treatments="new@1", **config):
        given = {"min_sample_size": 500, **config}
        manager.create_experiment("x", "", "old@1", treatments, given, id="x", check_models=False)
        manager.start_experiment("x")

    return begin


@pytest.fixture
def views(manager, snapshot):
    """Give the text of every page that shows the experiment; drawings as they are read aloud."""

    def views():
        found = snapshot()
        (overview,) = found.experiments
        shown = {
            "analyze": manager.analyze("x")._repr_html_(),
            "experiment": manager.get_experiment("x")._repr_html_(),
            "conclusion": manager.get_experiment("x").conclusion._repr_html_(),
            "overview": overview._repr_html_(),
            "list": experiments_tab(found),
            "detail": experiment_detail(overview, found),
        }
        return {name: text(source) for name, source in shown.items()}

    return views


def text(source):
    """Return what a page says in one line, without its style and the unseen titles of charts."""
    source = re.sub(r"<style>.*?</style>", "", source, flags=re.DOTALL)
    source = re.sub(r'<svg class="mlprod-row"[^>]*aria-label="([^"]*)".*?</svg>', r" [\1] ", source)
    source = re.sub("</t[dh]>", " | ", source)
    return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]*>", "", source)))


def trade(manager, clock, rates, most=2000, seed=0):
    """Let variants win at these rates, in turn and a minute each, until the experiment is over."""
    rng = np.random.default_rng(seed)
    variants = [variant.id for variant in manager.get_experiment("x").variants]
    for _ in range(most):
        for variant, rate in zip(variants, rates, strict=True):
            manager.record_trade("x", variant, pnl=1.0 if rng.random() < rate else -1.0)
            if manager.get_experiment("x").is_over:
                return
        clock.advance(minutes=1)


def counts(manager):
    """Return wins and trades, those of the control first."""
    return [(found.wins, found.trades) for found in manager.get_metrics("x").values()]


def require_one_verdict(manager, verdict):
    """Insist that whatever returns a verdict returns this one."""
    (overview,) = manager.get_overview()
    analysis = manager.analyze("x")
    told = [analysis.verdict, manager.list_experiments()[0].conclusion, overview.experiment.conclusion]
    assert [verdict.to_dict()] * 3 == [each.to_dict() for each in told]
    assert (verdict.comparisons, verdict.variants) == (analysis.comparisons, analysis.variants)
    assert (None, "") == (analysis.samples_needed, analysis.stops_if)
    assert repr(verdict) == repr(analysis.verdict)


def require_told(pages, *, winner, figures, limits, never=UNFINISHED):
    """Insist that every page tells the verdict with its figures, and nothing that contradicts it."""
    for name, said in pages.items():
        assert limits in said, name
        assert not [each for each in never if each in said], name
        if name != "list":
            assert (f"Winner: {winner}" if winner != "inconclusive" else "Inconclusive") in said, name
            assert f"Confidence {figures})" in said, name
    assert f"| {winner} |" in pages["list"]


def test_one_that_auto_stop_ended_is_told_by_the_side_that_it_looked_at(begin, manager, clock, views):
    """At the level at which one side is enough, both are not: the two-sided interval has zero in it."""
    begin()
    trade(manager, clock, (0.55, 0.35))
    verdict = manager.get_experiment("x").conclusion
    control, treatment = counts(manager)
    p_value = anytime_p_value(log_e_proportions(control, treatment, planned=1000)) / 2
    crossed = interval_proportions([(control, treatment)], alpha=0.1, planned=1000).high
    assert ("control", "anytime, one-sided", "win_rate", "treatment") == (
        verdict.winner,
        verdict.test,
        verdict.metric,
        verdict.variant_id,
    )
    assert pytest.approx((p_value, 1 - p_value, crossed)) == (
        verdict.p_value,
        verdict.confidence,
        verdict.interval.high,
    )
    assert -INF == verdict.interval.low
    assert crossed < 0 < interval_proportions([(control, treatment)], alpha=0.05, planned=1000).high
    require_one_verdict(manager, verdict)
    shown = views()
    require_told(
        shown,
        winner="control",
        figures=f"{1 - p_value:.1%} (p = {p_value:.2g}, {ONE_SIDED}",
        limits=f"at most {MINUS}{-crossed:.2%}",
        never=(*UNSURE, *UNFINISHED),
    )
    lift = f"{100 * verdict.effect_size:.3g}".replace("-", MINUS)
    bound = f"{100 * crossed:.3g}".replace("-", MINUS)
    row = f"[verdict on treatment: {lift}%, thin bar {MINUS}\N{INFINITY}% to {bound}%]"
    assert f"Verdict on treatmentvalid at any lookone-sided: is it worse? | {row}" in shown["detail"]
    assert "| treatmenttwo-sided |" in shown["detail"]


def test_a_stop_is_where_its_limit_leaves_zero_on_the_chart(begin, manager, clock, views):
    begin()
    trade(manager, clock, (0.55, 0.35))
    verdict = manager.get_experiment("x").conclusion
    (overview,) = manager.get_overview(steps=8)
    assert verdict.interval == overview.progress[-1].stop_interval
    assert all(point.stop_interval.high >= 0 for point in overview.progress[:-1])
    said = views()["detail"]
    assert f"when that stopped the experiment: at most {MINUS}{-verdict.interval.high:.2%}." in said
    assert "two-sided interval that holds at every moment" not in said
    assert "stopped here" in said
    assert "at least" not in said


def test_one_that_a_guardrail_stopped_is_told_by_that_guardrail(begin, manager, clock, views):
    """The primary metric has no difference at all, and both share the level: each is asked at half of it."""
    begin(guardrail_metrics=["accuracy"])
    rng = np.random.default_rng(3)
    while not manager.get_experiment("x").is_over:
        for variant, rate in (("control", 0.8), ("treatment", 0.5)):
            if not manager.get_experiment("x").is_over:
                manager.record_trade("x", variant, pnl=1.0 if rng.random() < 0.5 else -1.0)
                manager.record_prediction("x", variant, correct=bool(rng.random() < rate))
        clock.advance(minutes=1)
    verdict = manager.get_experiment("x").conclusion
    one = next(each for each in verdict.comparisons if each.metric == "accuracy")
    assert ("control", "accuracy") == (verdict.winner, verdict.metric)
    assert pytest.approx((one.anytime_p_value, one.lift)) == (verdict.p_value, verdict.effect_size)
    assert verdict.p_value <= 0.05
    assert verdict.interval.high < 0
    assert f"one-sided p = {verdict.p_value:.2g}, valid at any look" in verdict.reason
    require_one_verdict(manager, verdict)
    shown = views()
    require_told(
        shown,
        winner="control",
        figures=f"{verdict.confidence:.1%} (p = {verdict.p_value:.2g}, {ONE_SIDED}",
        limits=f"at most {MINUS}{-verdict.interval.high:.1%}",
        never=(*UNSURE, *UNFINISHED),
    )
    assert "| accuracy |" in shown["list"]
    assert "Not this metric stopped it, but Accuracy." in shown["detail"]


def test_the_last_of_several_treatments_is_the_one_that_the_verdict_is_about(begin, manager, clock):
    """Not the first, though that is less bad: it had been withdrawn for its accuracy."""
    begin(treatments=["a@1", "b@1"], guardrail_metrics=["accuracy"])
    rng = np.random.default_rng(4)
    for rates in ({"treatment": 0.2}, {}):
        for _ in range(300):
            for variant in ("control", "treatment", "treatment_2"):
                if not manager.get_experiment("x").is_over:
                    is_right = bool(rng.random() < rates.get(variant, 0.8))
                    manager.record_prediction("x", variant, correct=is_right)
    assert 0.0 == manager.get_experiment("x").split[1]
    trade(manager, clock, (0.6, 0.9, 0.2))
    verdict = manager.get_experiment("x").conclusion
    assert ("control", "treatment_2", "win_rate") == (verdict.winner, verdict.variant_id, verdict.metric)
    assert verdict.interval.high < 0
    assert "better" not in verdict.reason
    assert verdict.recommendation.startswith("Keep old@1: treatment_2 is worse: its win_rate is ")


@pytest.mark.parametrize(
    ("wins", "winner"), [((500, 700), "treatment"), ((500, 540), "inconclusive"), ((700, 500), "control")]
)
def test_one_that_the_caller_ended_is_told_by_what_holds_at_any_look(
    begin, manager, clock, views, *, wins, winner
):
    begin(auto_stop_on_degradation=False)
    for variant, count in zip(("control", "treatment"), wins, strict=True):
        for number in range(1000):
            manager.record_trade("x", variant, pnl=1.0 if number < count else -1.0)
            clock.advance(seconds=10)
    verdict = manager.end_experiment("x")
    pair = [(count, 1000) for count in wins]
    p_value = anytime_p_value(log_e_proportions(*pair, planned=1000))
    interval = interval_proportions([tuple(pair)], alpha=0.05, planned=1000)
    assert (winner, pytest.approx(p_value)) == (verdict.winner, verdict.p_value)
    assert pytest.approx((interval.low, interval.high)) == (verdict.interval.low, verdict.interval.high)
    require_one_verdict(manager, verdict)
    sure = "more than 99.99% (p < 0.0001" if p_value < 1e-4 else f"{1 - p_value:.1%} (p = {p_value:.2g}"
    limits = " to ".join(f"{end:+.1%}".replace("-", MINUS) for end in (interval.low, interval.high))
    shown = views()
    require_told(shown, winner=winner, figures=f"{sure}, {TWO_SIDED}", limits=limits)
    assert ("Verdict on" in shown["detail"]) is False  # the thin bar is the verdict's
    assert f"The verdict is by what it was at the end: {limits}." in shown["detail"]


def test_one_that_ran_to_its_end_is_told_by_the_test_that_was_planned(begin, manager, clock, views):
    """Its interval leaves out zero, the one that holds at any look does not."""
    begin()
    for variant, count in (("control", 500), ("treatment", 550)):
        for number in range(1000):
            manager.record_trade("x", variant, pnl=1.0 if number < count else -1.0)
            clock.advance(seconds=10)
    clock.advance(hours=169)
    verdict = manager.get_experiment("x").conclusion
    p_value = chi2_contingency([[500, 500], [550, 450]], correction=False).pvalue
    assert ("treatment", "chi_square") == (verdict.winner, verdict.test)
    assert pytest.approx(p_value) == verdict.p_value
    assert verdict.interval == verdict.comparisons[0].interval
    assert verdict.interval.low > 0 > verdict.comparisons[0].anytime_interval.low
    require_one_verdict(manager, verdict)
    shown = views()
    limits = f"{verdict.interval.low:+.1%} to {verdict.interval.high:+.1%}"
    require_told(
        shown,
        winner="treatment",
        figures=f"{1 - p_value:.1%} (p = {p_value:.2g}, chi-square test, two-sided, for the one planned look",
        limits=limits,
        never=(*UNSURE, *UNFINISHED),
    )
    assert f"but by the one look that was planned: {limits}" in shown["detail"]
    assert re.search(r"\[verdict on treatment: \+10%, thick bar \+[\d.]+% to \+[\d.]+%\]", shown["detail"])


def test_of_several_treatments_the_interval_is_corrected_as_the_p_value_is(begin, manager, clock, views):
    """With p = 0.044 and 0.088 as one of two it is no verdict: the interval at half of the level has zero."""
    begin(treatments=["a@1", "b@1"])
    for variant, count in (("control", 500), ("treatment", 545), ("treatment_2", 500)):
        for number in range(1000):
            manager.record_trade("x", variant, pnl=1.0 if number < count else -1.0)
            clock.advance(seconds=10)
    clock.advance(hours=169)
    verdict = manager.get_experiment("x").conclusion
    one = verdict.comparisons[0]
    assert ("inconclusive", pytest.approx(2 * one.p_value)) == (verdict.winner, verdict.p_value)
    assert verdict.interval.low < 0 < one.interval.low
    assert "97.5% interval" in verdict.recommendation
    require_told(
        views(),
        winner="inconclusive",
        figures=f"{1 - verdict.p_value:.1%} (p = {verdict.p_value:.2g}, chi-square test, two-sided, for the "
        "one planned look",
        limits=f"{MINUS}{-verdict.interval.low:.2%} to {verdict.interval.high:+.1%}",
    )
    require_one_verdict(manager, verdict)


@pytest.mark.parametrize("is_by_caller", [True, False])
def test_one_in_shadow_mode_is_told_alike(begin, manager, clock, views, is_by_caller):
    begin(mode="shadow", primary_metric="mae", min_sample_size=100)
    rng = np.random.default_rng(5)
    spread = 1.0 if is_by_caller else 4.0
    while not manager.get_experiment("x").is_over and len(manager._watchers) < 2:
        for _ in range(100):
            outcome = float(rng.normal())
            scores = {
                "control": {"prediction": outcome + float(rng.normal(0, 2))},
                "treatment": {"prediction": outcome + float(rng.normal(0, spread))},
            }
            manager.record_shadow("x", scores, actual=outcome)
            clock.advance(minutes=1)
        if is_by_caller:
            manager.end_experiment("x")
        else:
            manager._judge.settle(manager.get_experiment("x"))
    verdict = manager.get_experiment("x").conclusion
    require_one_verdict(manager, verdict)
    one, shown = verdict.comparisons[0], views()
    assert "old@1, acts" in shown["detail"]
    assert "new@1, beside it" in shown["detail"]
    assert "of units" not in shown["detail"]
    if is_by_caller:
        assert ("treatment", one.anytime_interval) == (verdict.winner, verdict.interval)
    else:
        assert ("control", INF) == (verdict.winner, verdict.interval.high)
        assert one.anytime_interval.low < verdict.interval.low
        assert pytest.approx(one.anytime_p_value / 2) == verdict.p_value
        limits = f"at least +{verdict.interval.low:.1%}"
        assert not [name for name, said in shown.items() if limits not in said]


def test_a_winner_that_the_caller_chose_is_said_to_be_chosen(begin, manager, clock, views):
    begin()
    trade(manager, clock, (0.5, 0.5), most=20)
    verdict = manager.end_experiment("x", "treatment", reason="It is cheaper.")
    require_one_verdict(manager, verdict)
    assert "It is cheaper.; by the figures alone, no difference is beyond chance" == verdict.reason
    for name, said in views().items():
        expected = "chosen by the caller" if name == "list" else "Chosen by the caller (the figures: p ="
        assert expected in said
        assert "Confidence " not in said


def test_one_that_runs_says_what_would_stop_it(begin, manager, clock, snapshot):
    begin(guardrail_metrics=["latency_ms"], degradation_threshold=0.2, confidence_level=0.9)
    trade(manager, clock, (0.5, 0.5), most=20)
    expected = (
        "It stops by itself once the treatment is worse at its win_rate or latency_ms: by 20% or more as "
        "estimated, and by more than nothing at the limit that holds at every moment (p = 0.1 at most, "
        "one-sided, for all 2 comparisons together)."
    )
    found = snapshot()
    (overview,) = found.experiments
    assert expected == manager.analyze("x").stops_if == overview.analysis.stops_if
    assert expected in text(manager.analyze("x")._repr_html_())
    assert 2 == text(experiment_detail(overview, found)).count(expected)  # of the figures, and of the chart


def test_with_several_treatments_it_stops_with_the_last(begin, manager):
    begin(treatments=["a@1", "b@1"])
    assert manager.analyze("x").stops_if.startswith(
        "A treatment is withdrawn, and with the last of them it stops by itself, once it is worse at its "
    )


@pytest.mark.parametrize("is_paused", [True, False])
def test_one_that_is_paused_or_may_go_on_has_nothing_that_stops_it(begin, manager, is_paused):
    begin(auto_stop_on_degradation=is_paused)
    if is_paused:
        manager.pause_experiment("x")
    assert "" == manager.analyze("x").stops_if
