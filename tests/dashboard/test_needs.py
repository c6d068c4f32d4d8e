"""What needs a person: the most urgent first, each said in words and with where it is."""

import html
from datetime import UTC, datetime

import attrs
import numpy as np
import pytest

from mlprod import AlertThreshold, ModelSerializer, PerformanceMonitor
from mlprod.dashboard import render
from mlprod.dashboard._needs import needs_of
from mlprod.dashboard._snapshot import Unread
from mlprod.errors import ConflictError, ModelNotFoundError

LONG_AGO = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def needs(snapshot):
    """Give a way to ask for urgency, place and the beginning of the sentence."""

    def needs():
        return [(need.urgency, need.place, need.sentence) for need in needs_of(snapshot())]

    return needs


def beginnings(found):
    return [(urgency, place, " ".join(sentence.split()[:4])) for urgency, place, sentence in found]


def test_the_most_urgent_comes_first(busy, needs):
    assert [
        ("now", "alerts/a1-0", "has 1 critical alert"),
        ("decide", "models/har", "has drifted, reason enough"),
        ("look", "models/har", "is critical in 1.0.0:"),
        ("look", "models/idle", "is in production, and"),
    ] == beginnings(needs())


def test_nothing_does_where_there_is_nothing(needs):
    assert [] == needs()


def test_an_acknowledged_alert_is_still_looked_at(busy, monitor, needs):
    monitor.acknowledge_alert(monitor.get_active_alerts()[0].id, by="Ada")
    expected = (
        "is still critical, acknowledged by Ada: Accuracy was 66.7%, below 90.0%, over 72 samples of 1.0.0"
    )
    assert ("look", "alerts/a1-0", expected) in needs()


def test_and_if_nobody_said_who_it_was(busy, monitor, needs):
    monitor.acknowledge_alert(monitor.get_active_alerts()[0].id)
    assert any(sentence.startswith("is still critical, acknowledged: ") for _, _, sentence in needs())


def test_warnings_are_to_be_looked_at(store, clock, needs):
    slow = AlertThreshold("slow", "p99_latency_ms", 1.0, "warning", comparison="above", min_samples=1)
    with PerformanceMonitor(store, clock=clock, thresholds=[slow]) as monitor:
        monitor.record_prediction("ghost", "1", latency_ms=9.0)
        monitor.get_active_alerts()
    assert [("look", "alerts/a1-0", "has 1 warning that")] == beginnings(needs())


@pytest.mark.parametrize(("count", "also"), [(1, ""), (2, "; also b"), (6, "; also b, c, d, and 2 more")])
def test_of_several_alerts_the_first_is_told_and_others_are_named(store, clock, needs, count, also):
    slow = [
        AlertThreshold(name, "p99_latency_ms", 1.0, "warning", comparison="above", min_samples=1)
        for name in "abcdef"[:count]
    ]
    with PerformanceMonitor(store, clock=clock, thresholds=slow) as monitor:
        monitor.record_prediction("ghost", "1", latency_ms=9.0)
        monitor.get_active_alerts()
    ((_, _, sentence),) = needs()
    assert sentence.endswith(f", since 2026-03-02 09:30 UTC{also}")


def test_a_model_in_production_that_fails_without_an_alert_is_urgent(models, store, clock, needs):
    models.save([1], "har", activate=True)
    with PerformanceMonitor(store, clock=clock, thresholds=[]) as monitor:
        monitor.record_predictions("har", "1.0.0", error=[True] * 40)
    assert (
        "now",
        "models/har",
        "is critical in 1.0.0: error rate is 100% over 40 predictions, above 5%",
    ) in needs()


def test_one_that_fell_silent_is_to_be_found_again(models, store, clock, snapshot):
    models.save([1], "har", activate=True)
    with PerformanceMonitor(store, clock=clock, thresholds=[]) as monitor:
        monitor.record_predictions("har", "1.0.0", correct=[True] * 40)
    clock.advance(days=3)
    (need,) = needs_of(snapshot())
    assert need.sentence == "has been silent for 3 days, and counts as degraded until it records again"
    assert need.step == "See whether it still runs: its last record is of 2026-03-02 09:30 UTC"


def test_to_go_back_is_a_step_only_after_one_forward(models, store, clock, snapshot):
    for version in range(2):
        models.save([version], "har", activate=True)
    with PerformanceMonitor(store, clock=clock, thresholds=[]) as monitor:
        monitor.record_predictions("har", "1.0.1", error=[True] * 40)
    need = needs_of(snapshot())[0]
    assert need.step.endswith("if 1.0.1 is to blame, this brings 1.0.0 (of which nothing was recorded) back")
    models.rollback("har")
    assert "" == needs_of(snapshot())[0].line


def test_the_line_that_goes_back_is_complete_and_goes_back_once(tmp_path, clock):
    place = str(tmp_path / "store")
    models = ModelSerializer(place, clock=clock)
    for version in range(3):
        models.save([version], "har", activate=True)
    with PerformanceMonitor(place, clock=clock, thresholds=[]) as monitor:
        monitor.record_predictions("har", "1.0.2", error=[True] * 40)
    page = render(place, clock=clock)
    line = (
        f"import mlprod; mlprod.ModelSerializer({models.store.url!r})"
        ".rollback('har', to='1.0.1', expected='1.0.2', reason=input('Why: '))"
    )
    assert html.escape(line) in page.replace("<wbr>", "")
    for _ in range(2):
        exec(line, {"input": lambda _: "loses money"})  # noqa: S102 - the very line that the page shows
        assert "har@1.0.1" == models.get_metadata("har@production").id
    assert "loses money" == models.history("har")[-1].reason


def test_a_healthy_one_needs_nobody(models, store, clock, needs):
    models.save([1], "har", activate=True)
    with PerformanceMonitor(store, clock=clock, thresholds=[]) as monitor:
        monitor.record_predictions("har", "1.0.0", correct=[True] * 40)
    assert [] == needs()


def test_a_check_without_drift_needs_nobody(detector, needs):
    rng = np.random.default_rng(3)
    detector.set_reference("har", {"x": rng.normal(size=500)})
    detector.check("har", {"x": rng.normal(size=500)})
    assert [] == needs()


class TestGoingBack:
    """A version loses; another was there before."""

    @pytest.fixture
    def recorded(self, store, clock):
        """Record of a version how often it was right, and look at all thresholds."""
        wrong = AlertThreshold("wrong", "accuracy", 0.4, "critical", comparison="below", min_samples=30)

        def recorded(version, correct, pnl=-1.0):
            with PerformanceMonitor(store, clock=clock, thresholds=[wrong]) as monitor:
                monitor.record_predictions(
                    "har", version, correct=[True] * correct + [False] * (100 - correct)
                )
                monitor.record_trade("har", version, pnl=pnl)
                monitor.get_active_alerts()

        return recorded

    @pytest.fixture
    def urgent(self, snapshot):
        return lambda: [need for need in needs_of(snapshot()) if need.urgency == "now"]

    def test_is_told_with_what_both_have_done(self, models, clock, recorded, urgent):
        models.save([1], "har", activate=True)
        recorded("1.0.0", 67, pnl=3600.0)
        clock.advance(hours=1)
        models.save([2], "har", activate=True)
        recorded("1.0.1", 13, pnl=-1200.0)
        (need,) = urgent()
        assert "below 40.0%, over 100 samples of 1.0.1, since 2026-03-02 10:30 UTC" in need.sentence
        minus = "\N{MINUS SIGN}"
        assert need.step.endswith(
            f"if 1.0.1 (accuracy 13.0%, P&L {minus}1,200.00 in all) is to blame, "
            "this brings 1.0.0 (accuracy 67.0%, P&L 3,600.00 in all) back"
        )

    def test_is_told_once(self, models, recorded, snapshot):
        for version in range(2):
            models.save([version], "har", activate=True)
        recorded("1.0.1", 10)
        said = {need.sentence.split(":")[0]: need.line for need in needs_of(snapshot())}
        assert "rollback" in said["has 1 critical alert that nobody has acknowledged"]
        assert "" == said["is critical in 1.0.1"]

    def test_is_not_offered_from_the_good_one_to_the_bad_one(self, models, clock, recorded, snapshot):
        models.save([1], "har", activate=True)
        recorded("1.0.0", 20)
        clock.advance(hours=1)
        models.save([2], "har", activate=True)
        recorded("1.0.1", 80)
        (need,) = needs_of(snapshot())
        assert ("look", "alerts/a1-0") == (need.urgency, need.place)
        assert "over 100 samples of 1.0.0, since 2026-03-02 09:30 UTC" in need.sentence
        assert need.step == (
            "1.0.0 is not in production, and was last recorded at 2026-03-02 09:30 UTC: its alert ends by "
            "itself if that stays so. Acknowledge it"
        )
        assert "acknowledge_alert('a1-0'" in need.line

    def test_is_not_offered_to_what_had_a_critical_alert(self, models, clock, recorded, urgent):
        models.save([1], "har", activate=True)
        recorded("1.0.0", 20)
        clock.advance(hours=1)
        models.save([2], "har", activate=True)
        recorded("1.0.1", 10)
        (need,) = urgent()
        assert "rollback" not in need.line
        assert need.step.endswith(
            "has to stop at once, this takes it out of production: getActiveModel raises then, but a name "
            "alone means the latest version"
        )

    @pytest.mark.parametrize("was", [{"correct": 67, "pnl": -99_200.0}, {"correct": 9, "pnl": 10.0}])
    def test_is_not_offered_to_what_lost_money_or_was_less_accurate(self, models, recorded, urgent, was):
        models.save([1], "har", activate=True)
        with PerformanceMonitor(models.store, thresholds=[]) as unwatched:
            known = [True] * was["correct"] + [False] * (100 - was["correct"])
            unwatched.record_predictions("har", "1.0.0", correct=known, timestamp=LONG_AGO)
            unwatched.record_trade("har", "1.0.0", pnl=was["pnl"], timestamp=LONG_AGO)
        models.save([2], "har", activate=True)
        recorded("1.0.1", 10)
        assert ["archived" in need.line for need in urgent()] == [True]

    def test_is_not_offered_to_what_has_drifted(self, models, recorded, urgent, detector):
        models.save([1], "har", activate=True)
        rng = np.random.default_rng(4)
        detector.set_reference("har", {"x": rng.normal(size=500)})
        detector.check("har", {"x": rng.normal(1, 1, 500)})
        models.save([2], "har", activate=True)
        recorded("1.0.1", 10)
        assert "rollback" not in urgent()[0].line

    def test_is_not_offered_to_what_is_deleted(self, models, recorded, urgent):
        for version in range(2):
            models.save([version], "har", activate=True)
        models.delete("har@1.0.0")
        recorded("1.0.1", 10)
        assert "archived" in urgent()[0].line

    def test_of_the_first_version_is_out_of_production(self, tmp_path, clock):
        place = str(tmp_path / "store")
        models = ModelSerializer(place, clock=clock)
        models.save([1], "har", activate=True)
        with PerformanceMonitor(place, clock=clock, thresholds=[]) as monitor:
            monitor.record_predictions("har", "1.0.0", error=[True] * 40)
        line = (
            f"import mlprod; mlprod.ModelSerializer({models.store.url!r})"
            ".promote('har@1.0.0', 'archived', reason=input('Why: '))"
        )
        assert html.escape(line) in render(place, clock=clock).replace("<wbr>", "")
        exec(line, {"input": lambda _: "loses money"})  # noqa: S102 - the very line that the page shows
        with pytest.raises(ModelNotFoundError):
            models.get_active("har")

    def test_leaves_the_decision_of_a_colleague(self, models, store, recorded, urgent):
        for version in range(2):
            models.save([version], "har", activate=True)
        recorded("1.0.1", 10)
        line = urgent()[0].line.replace(f"{store.url!r}", "STORE")
        models.save([9], "har", activate=True)
        with pytest.raises(ConflictError, match=r"expected to hold 1\.0\.1, but now holds har@1\.0\.2"):
            exec(line, {"input": lambda _: "", "STORE": store})  # noqa: S102 - the line that the page showed

    def test_once_done_leaves_nothing_urgent(self, models, clock, recorded, urgent, monitor):
        for version in range(2):
            models.save([version], "har", activate=True)
        recorded("1.0.1", 10)
        monitor.acknowledge_alert("a1-0", by="Ada")
        models.rollback("har", to="1.0.0")
        clock.advance(minutes=1)
        recorded("1.0.0", 70)
        assert [] == urgent()

    def test_and_what_was_acknowledged_ends_with_its_version(self, models, recorded, monitor, snapshot):
        for version in range(2):
            models.save([version], "har", activate=True)
        recorded("1.0.1", 10)
        monitor.acknowledge_alert("a1-0", by="Ada")
        assert "It ends by itself once the figure is back" in [need.step for need in needs_of(snapshot())]
        models.rollback("har", to="1.0.0")
        steps = [need.step for need in needs_of(snapshot())]
        said = "1.0.1 is not in production, and was last recorded at 2026-03-02 09:30 UTC"
        assert f"{said}: its alert ends by itself if that stays so" in steps

    def test_a_mere_warning_of_a_control_that_goes_on_is_not_urgent(self, models, store, clock, snapshot):
        slow = AlertThreshold("slow", "p99_latency_ms", 1.0, "warning", comparison="above", min_samples=1)
        for version in range(2):
            models.save([version], "har", activate=True)
        clock.advance(minutes=20)
        with PerformanceMonitor(store, clock=clock, thresholds=[slow]) as monitor:
            for version, latency in (("1.0.0", 9.0), ("1.0.1", 0.5)):
                monitor.record_prediction("har", version, latency_ms=latency)
            monitor.get_active_alerts()
        (need,) = needs_of(snapshot())
        assert ("look", "alerts/a1-0") == (need.urgency, need.place)

    def test_an_old_alert_stands_where_records_could_not_be_read(self, models, recorded, snapshot):
        for version in range(2):
            models.save([version], "har", activate=True)
        recorded("1.0.1", 10)
        models.rollback("har", to="1.0.0")
        found = snapshot()
        blind = attrs.evolve(found.models[0], overview=None, unread=frozenset({"records"}))
        (need,) = needs_of(attrs.evolve(found, models=(blind,)))
        said = "1.0.1 is not in production: its alert ends by itself if that stays so. Acknowledge it"
        assert ("look", said) == (need.urgency, need.step)

    def test_one_of_several_bots_that_stays_behind_is_urgent(
        self, models, clock, recorded, snapshot, monitor
    ):
        for version in range(2):
            models.save([version], "har", activate=True)
        recorded("1.0.1", 10)
        models.rollback("har", to="1.0.0")
        clock.advance(minutes=20)
        recorded("1.0.0", 70)
        recorded("1.0.1", 10)
        (need,) = needs_of(snapshot())
        said = (
            "1.0.1 is not in production, and was last recorded at 2026-03-02 09:50 UTC: see which process "
            "has not loaded what is"
        )
        assert ("now", f"{said}. Acknowledge it") == (need.urgency, need.step)
        monitor.acknowledge_alert("a1-0", by="Ada")
        assert said in [need.step for need in needs_of(snapshot())]


class TestDrift:
    def check(self, detector, errors, count=4000):
        rng = np.random.default_rng(4)
        detector.set_reference("har", {"x": rng.normal(size=500)}, errors=rng.normal(0, 1, 4000))
        detector.comprehensive_drift_check(
            model_id="har", data={"x": rng.normal(1, 1, 500)}, errors=rng.normal(0, errors, count), note="May"
        )

    def test_of_which_rows_it_is_and_when_it_was_found(self, detector, needs):
        self.check(detector, errors=2)
        ((urgency, _, sentence),) = needs()
        assert "decide" == urgency
        beginning = "has drifted, reason enough to fit it anew, as the check of 2026-03-02 found (May): "
        assert sentence.startswith(beginning + "the mean absolute error has grown by")

    def test_that_errors_do_not_show_is_to_be_looked_at(self, detector, needs):
        self.check(detector, errors=1)
        ((urgency, _, sentence),) = needs()
        assert "look" == urgency
        assert sentence.startswith(
            "has drifted, though its errors have not grown, as the check of 2026-03-02"
        )
        assert "; mean absolute error, within chance: " in sentence

    def test_that_errors_could_hide_is_to_be_decided(self, detector, needs):
        """With thirty of them nobody can tell whether they have grown by a fifth."""
        self.check(detector, errors=1, count=30)
        ((urgency, _, sentence),) = needs()
        assert "decide" == urgency
        assert "; mean absolute error, within chance: " in sentence

    def test_errors_that_were_not_checked_are_to_be_seen_first(self, detector, snapshot):
        rng = np.random.default_rng(4)
        detector.set_reference("har", {"x": rng.normal(size=500)})
        detector.check("har", {"x": rng.normal(1, 1, 500)})
        (need,) = needs_of(snapshot())
        assert "decide" == need.urgency
        assert need.step.startswith("See first whether its errors have grown, which was not checked. Fit it")

    def test_a_newer_version_is_named_before_it_is_fitted_again(self, models, detector, snapshot):
        models.save([1], "har", activate=True)
        models.save([2], "har", bump="minor")
        self.check(detector, errors=2)
        step = next(need.step for need in needs_of(snapshot()) if need.urgency == "decide")
        assert step.startswith("1.1.0 is newer than 1.0.0, and in development: look at its decisions")
        assert step.endswith("in this order")

    def test_a_version_that_nobody_has_checked_is_named(self, models, detector, snapshot):
        models.save([1], "har", activate=True)
        self.check(detector, errors=1)
        models.save([2], "har", bump="minor", activate=True)
        need = next(need for need in needs_of(snapshot()) if "checked" in need.sentence)
        assert need.sentence == ("was never checked for drift in 1.1.0, which is in production; 1.0.0 was")
        assert "DriftDetector.check('har', …)" in need.step


class TestExperiments:
    @pytest.fixture(autouse=True)
    def begun(self, manager):
        manager.create_experiment("Which?", "", "a@1", "b@1", id="which", check_models=False)
        manager.start_experiment("which")

    def test_one_that_goes_well_needs_nobody(self, needs):
        assert [] == needs()

    def test_one_whose_time_is_over(self, clock, needs):
        clock.advance(days=8)
        assert [("decide", "experiments/which", "has run for as")] == beginnings(needs())

    def test_one_that_is_paused(self, manager, needs):
        manager.pause_experiment("which", reason="holidays")
        assert [
            ("look", "experiments/which", "is paused, so that everybody gets the control (holidays)")
        ] == needs()
        manager.resume_experiment("which")
        manager.pause_experiment("which")
        assert needs()[0][2].endswith("gets the control")

    def test_one_with_a_winner(self, manager, needs):
        for number in range(1500):
            manager.record_trade("which", "control", id=f"c{number}", pnl=1.0 if number % 2 else -1.0)
            manager.record_trade("which", "treatment", id=f"t{number}", pnl=1.0 if number % 5 else -1.0)
        urgency, place, sentence = needs()[0]
        assert ("decide", "experiments/which") == (urgency, place)
        assert sentence.startswith("has a winner, treatment: Promote b@1")

    def test_one_whose_shares_are_wrong_is_urgent(self, manager, needs):
        for number in range(400):
            variant = "treatment" if number % 4 else "control"
            manager.record_prediction("which", variant, correct=number % 2 == 0)
        assert ("now", "experiments/which", "gives its variants other") in beginnings(needs())


def test_many_are_folded(busy, snapshot, store, clock):
    with PerformanceMonitor(store, clock=clock) as monitor:
        for number in range(15):
            monitor.record_predictions(f"m-{number}", "1", correct=[False] * 40)
        monitor.get_active_alerts()
    page = render(store, clock=clock)
    assert "<summary>And 23 more: 4 to act on now, 1 to decide, 18 to have a look at</summary>" in page


def test_what_could_not_be_read_comes_before_everything(busy, snapshot):
    broken = attrs.evolve(snapshot(), unread=(Unread("alerts", "", "the disk is gone"),))
    first = needs_of(broken)[0]
    assert ("now", "Alerts", "") == (first.urgency, first.subject, first.place)
    assert first.sentence.endswith("this page does not show it: the disk is gone")
    assert "mlprod.fsck('memory://" in first.step
