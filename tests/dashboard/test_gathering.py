"""From a store to a snapshot: everything, once, and nothing is written."""

from mlprod import ModelSerializer
from mlprod.dashboard import render
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore


def contents(store):
    roots = ("models", "journal", "alerts", "experiments", "drift")
    return {path: store.get(path) for root in roots for path in store.list(root)}


def test_everything_is_there(busy, snapshot):
    found = snapshot()
    har, idle = found.models
    assert ("har", "idle") == (har.name, idle.name)
    assert ["1.0.0", "1.1.0"] == [version.version for version in har.versions]
    assert "1.0.0" == har.production.version
    assert {"saved", "promoted", "aliased"} == {event.what for event in har.events}
    assert 72 == har.overview.whole.predictions_total
    assert ("critical", "firing") == (har.alerts[0].severity, har.alerts[0].state)
    assert har.drift.overall.drift_detected
    assert (None, (), None) == (idle.overview, idle.alerts, idle.drift)
    assert ["newer"] == [each.experiment.id for each in found.experiments]
    assert () == found.unread


def test_the_last_day_and_the_one_before(busy, snapshot):
    overview = snapshot().models[0].overview
    assert (24, 24) == (overview.day.predictions_total, overview.day_before.predictions_total)
    assert (16 * 120 - 8 * 150) == overview.day.total_pnl


def test_what_is_resolved_is_no_active_alert(busy, monitor, clock, snapshot):
    for _ in range(800):
        monitor.record_prediction("har", "1.0.0", correct=True)
    clock.advance(minutes=5)
    monitor.get_active_alerts()
    found = snapshot()
    assert ["resolved"] == [alert.state for alert in found.alerts]
    assert () == found.models[0].alerts


def test_nothing_is_written(busy, store, clock):
    """No alert fires and no experiment ends because somebody looks, even where both are due."""
    clock.advance(days=10)
    before = contents(store)
    watched = FaultyStore(store)
    render(watched, clock=clock)
    assert before == contents(store)
    assert {"get", "list"} >= {entry.split()[0] for entry in watched.log}


def test_the_store_is_not_opened_once_for_each_model(store, clock):
    """How often it is listed does not depend on how many models there are."""

    def listings():
        watched = FaultyStore(store)
        render(watched, clock=clock)
        return sum(entry.startswith("list ") for entry in watched.log)

    models = ModelSerializer(store, clock=clock)
    models.save([1], "first")
    few = listings()
    for number in range(20):
        models.save([1], f"model-{number}")
    assert few == listings()


def test_a_store_that_fails_altogether_gives_a_page_that_says_so(clock):
    broken = FaultyStore(MemoryStore(), at=1, fault=Fault.ERROR, repeat=10_000)
    page = render(broken, clock=clock)
    assert "could not be read, so this page does not show it" in page
