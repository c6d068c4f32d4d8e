"""What was seen row by row, and what will be an alert if it lasts."""

import pytest

from mlprod import AlertThreshold, DriftDetector, PerformanceMonitor
from mlprod.dashboard._alerts_tab import alerts_tab
from mlprod.dashboard._model_detail import model_detail
from mlprod.dashboard._models_tab import models_tab
from mlprod.dashboard._needs import needs_of
from mlprod.dashboard._overview_tab import overview_tab

HIGHER = {"rsi": [140.0] * 60, "side": ["buy", "sell"] * 30}
NEW = {"rsi": [50.0, 61.0] * 100, "side": ["buy", "sell"] * 100}


@pytest.fixture
def alarm(busy, detector):
    """Give the alarm of a feature that is far higher than it used to be."""
    return detector.observe("har", HIGHER)


def of_alarms(found):
    return [need for need in needs_of(found) if "alarm of drift" in need.sentence]


class TestAlarms:
    @pytest.mark.usefixtures("alarm")
    def test_one_needs_a_person_in_words_and_figures(self, snapshot):
        (need,) = of_alarms(snapshot())
        assert ("look", "har", "models/har") == (need.urgency, need.subject, need.place)
        assert need.sentence.startswith("has an alarm of drift: rsi is higher than in the reference, since")
        assert need.sentence.endswith("alarm from 43,200")  # 30 days of 1,440 rows
        assert "check('har'" in need.step

    def test_the_page_of_the_model_says_since_when(self, alarm, snapshot, tree):
        said = tree(model_detail(snapshot().models[0], "memory://")).text
        assert f"found 2026-03-05 09:30 UTC at row {alarm.rows}, version 1.0.0" in said
        assert "an alarm since" in models_tab(snapshot())

    @pytest.mark.usefixtures("alarm")
    def test_a_check_after_it_answers_it(self, detector, clock, snapshot):
        clock.advance(minutes=1)
        detector.check("har", NEW)
        assert [] == of_alarms(snapshot())
        assert "an alarm since" not in models_tab(snapshot())

    @pytest.mark.usefixtures("alarm")
    def test_one_of_a_version_that_acts_no_more_needs_nobody(self, models, snapshot):
        models.set_active("har@1.1.0")
        assert [] == of_alarms(snapshot())

    def test_one_of_a_model_that_the_registry_does_not_know_does(self, detector, snapshot):
        detector.set_reference("ghost", {"x": [1.0, 5.0, 2.0, 4.0, 3.0] * 400})
        assert detector.observe("ghost", {"x": [5000.0] * 200}).version is None
        assert ["ghost"] == [need.subject for need in of_alarms(snapshot())]

    @pytest.mark.usefixtures("busy")
    def test_another_method_says_what_it_has(self, store, clock, snapshot):
        watching = DriftDetector(store, clock=clock, method="adwin")
        usual = {"rsi": [40.0, 50.0, 60.0] * 200, "side": ["buy", "sell"] * 300}
        watching.observe("har", usual)
        assert watching.observe("har", {"rsi": [140.0] * 400, "side": ["buy", "sell"] * 200}) is not None
        assert "0.5 without a change" in of_alarms(snapshot())[0].sentence


class TestPending:
    @pytest.fixture
    def waiting(self, models, store, clock, snapshot):
        """Give a model that is slow, but not yet for an hour."""
        models.save([1], "har", activate=True)
        slow = AlertThreshold(
            "slow", "p99_latency_ms", 20.0, "critical", comparison="above", for_seconds=3600, min_samples=1
        )
        with PerformanceMonitor(store, clock=clock, thresholds=[slow]) as monitor:
            monitor.record_prediction("har", "1.0.0", latency_ms=90.0)
            monitor.get_active_alerts()
        return snapshot()

    def test_it_is_listed_as_what_it_is(self, waiting, tree):
        said = tree(alerts_tab(waiting)).text
        assert "pending" in said
        assert "p99 latency was 90 ms, above 20 ms, over 1 sample" in said
        assert "acknowledge_alert" not in said

    def test_the_model_says_that_it_may_become_one(self, waiting, tree):
        said = tree(model_detail(waiting.models[0], "memory://")).text
        assert "an alert if that lasts, seen first 2026-03-02 09:30 UTC" in said

    def test_it_wakes_nobody(self, waiting, tree):
        assert [] == [need for need in needs_of(waiting) if need.place.startswith("alerts/")]
        assert "0 critical; 1 pending" in tree(overview_tab(waiting)).text
