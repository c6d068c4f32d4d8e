"""How a model is, where the registry knows more than the monitor."""

import pytest

from mlprod import PerformanceMonitor
from mlprod.dashboard import render
from mlprod.dashboard._health import health_of, reasons_of
from mlprod.dashboard._model_detail import model_detail
from mlprod.dashboard._models_tab import models_tab
from mlprod.dashboard._needs import needs_of
from mlprod.dashboard._overview_tab import overview_tab


@pytest.fixture
def record(store, clock):
    """Give a way to record good predictions."""

    def record(name, version, count=40):
        with PerformanceMonitor(store, clock=clock, thresholds=[]) as monitor:
            monitor.record_predictions(name, version, correct=[True] * count)

    return record


class TestFiguresOfAnotherVersion:
    SAID = (
        "nothing of 1.0.0, which is in production, was recorded since it was put there at "
        "2026-03-02 09:30 UTC; 1.1.0 was, last at 2026-03-04 09:30 UTC"
    )

    @pytest.fixture
    def replaced(self, models, clock, record):
        models.save([1], "har", activate=True)
        models.save([2], "har", bump="minor")
        clock.advance(days=2)
        record("har", "1.1.0")

    @pytest.mark.usefixtures("replaced")
    def test_are_said_to_be_and_are_not_healthy(self, snapshot, tree):
        found = snapshot()
        (har,) = found.models
        assert ("unknown", [self.SAID]) == (health_of(har), reasons_of(har))
        for markup in (overview_tab(found), model_detail(har, found.store)):
            assert f"N{self.SAID[1:]}" in tree(markup).text
        assert [("now", "models/har", f"acts in another version than the registry says: {self.SAID}")] == [
            (need.urgency, need.place, need.sentence) for need in needs_of(found)
        ]

    @pytest.mark.usefixtures("replaced")
    def test_and_of_what_acts_with_others_are_fine(self, snapshot, record):
        record("har", "1.0.0", 1)
        assert "healthy" == health_of(snapshot().models[0])

    @pytest.mark.usefixtures("replaced")
    def test_figures_of_a_day_say_of_which_versions_they_are(self, snapshot, record, tree):
        assert "Of 1" not in tree(model_detail(snapshot().models[0], "")).text
        record("har", "1.0.0")
        assert "Of 1.0.0, 1.1.0 together." in tree(model_detail(snapshot().models[0], "")).text

    @pytest.mark.usefixtures("replaced")
    def test_of_one_that_was_heard_of_once_a_day_counts(self, clock, snapshot, record):
        record("har", "1.0.0")
        clock.advance(hours=23)
        record("har", "1.1.0")
        assert [] == reasons_of(snapshot().models[0])
        clock.advance(hours=2)
        said = (
            "nothing of 1.0.0, which is in production, was recorded in the last 24 hours; "
            "1.1.0 was, last at 2026-03-05 08:30 UTC"
        )
        assert [said] == reasons_of(snapshot().models[0])

    @pytest.mark.usefixtures("replaced")
    def test_soon_after_a_promotion_it_is_known_and_needs_nobody_yet(self, models, clock, snapshot, record):
        models.save([3], "har", activate=True)
        said = (
            "nothing of 1.1.1, which is in production, was recorded since it was put there at "
            "2026-03-04 09:30 UTC; 1.1.0 was, last at 2026-03-04 09:30 UTC"
        )
        (har,) = snapshot().models
        assert ("unknown", [said]) == (health_of(har), reasons_of(har))
        assert [] == needs_of(snapshot())
        clock.advance(minutes=9)
        record("har", "1.1.0", 1)
        assert [] == needs_of(snapshot())
        clock.advance(minutes=1)
        record("har", "1.1.0", 1)
        assert ["now"] == [need.urgency for need in needs_of(snapshot())]

    def test_a_rollback_that_the_bot_has_not_heard_of_is_urgent(self, models, clock, snapshot, record):
        """Although the version that was put back recorded a lot, a few hours ago."""
        models.save([1], "har", activate=True)
        record("har", "1.0.0")
        clock.advance(hours=3)
        models.save([2], "har", activate=True)
        record("har", "1.0.1")
        clock.advance(hours=1)
        models.rollback("har", to="1.0.0")
        clock.advance(minutes=15)
        record("har", "1.0.1", 1)
        (need,) = needs_of(snapshot())
        assert "now" == need.urgency
        assert need.sentence.endswith(
            "nothing of 1.0.0, which is in production, was recorded since it was put there at "
            "2026-03-02 13:30 UTC; 1.0.1 was, last at 2026-03-02 13:45 UTC"
        )

    @pytest.mark.usefixtures("replaced")
    def test_all_versions_that_acted_are_named(self, snapshot, record):
        record("har", "0.9")
        assert "; 0.9 and 1.1.0 were, last at 2026-03-04 09:30 UTC" in reasons_of(snapshot().models[0])[0]

    def test_one_that_is_silent_altogether_is_just_that(self, models, clock, snapshot, record):
        models.save([1], "har", activate=True)
        record("har", "1.0.0")
        clock.advance(days=3)
        assert 1 == len(reasons_of(snapshot().models[0]))


class TestStrangers:
    def test_a_typing_error_is_suspected(self, models, snapshot, record, tree):
        models.save([1], "momentum", activate=True)
        record("momentum", "1.0.0")
        record("momentun", "1.0.0")
        found = snapshot()
        right, wrong = found.models
        said = "not in the registry: a typing error? There is 'momentum'"
        assert ("healthy", []) == (health_of(right), reasons_of(right))
        assert ("unknown", [said]) == (health_of(wrong), reasons_of(wrong))
        assert f"N{said[1:]}" in tree(overview_tab(found)).text
        assert said in tree(model_detail(wrong, found.store)).text
        assert "not in the registry" in tree(models_tab(found)).text
        assert [("models/momentun", f"records and is {said}")] == [
            (need.place, need.sentence) for need in needs_of(found)
        ]

    def test_another_name_is_just_not_in_the_registry(self, models, snapshot, record):
        models.save([1], "momentum")
        record("spread", "1")
        spread = next(model for model in snapshot().models if model.name == "spread")
        assert ("healthy", ["not in the registry"]) == (health_of(spread), reasons_of(spread))

    def test_who_uses_the_monitor_alone_is_told_nothing(self, snapshot, record):
        record("momentum", "1")
        record("momentun", "1")
        assert [("healthy", [])] * 2 == [(health_of(each), reasons_of(each)) for each in snapshot().models]

    def test_a_model_whose_versions_are_all_deleted_is_known(self, models, snapshot, record):
        models.save([1], "other")
        models.delete(models.save([1], "momentum"))
        record("momentum", "1.0.0")
        assert [] == reasons_of(snapshot().models[0])


def test_what_trades_are_counted_is_said_where_experiments_have_others(busy, store, clock):
    assert 2 == render(store, clock=clock).count("recorded with the monitor; experiments have their own")


def test_and_is_not_where_there_is_no_experiment(store, clock, record):
    record("har", "1")
    assert "experiments have their own" not in render(store, clock=clock)


def test_tabs_say_what_they_count(busy, store, clock, tree):
    tabs = render(store, clock=clock).split('aria-label="Parts of the dashboard">')[1].split("</nav>")[0]
    assert "OverviewModels 2 in allA/B Tests 1 runningAlerts 1 active" == tree(tabs).text
