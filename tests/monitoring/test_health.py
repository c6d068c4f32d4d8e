"""Whether a model is fit to act, and why not."""

import math

import pytest

from mlprod import PerformanceMonitor
from mlprod.errors import InvalidConfigError
from mlprod.monitoring import HealthThresholds
from mlprod.storage import MemoryStore


def health(clock, record=lambda _: None, **options):
    with PerformanceMonitor(MemoryStore(), clock=clock, **{"thresholds": [], **options}) as monitor:
        record(monitor)
        return monitor.get_model_health("har")


def predictions(count, **fields):
    return lambda monitor: monitor.record_predictions("har", "1", latency_ms=[1.0] * count, **fields)


def test_a_good_model_is_healthy_without_reasons(clock):
    found = health(clock, predictions(100, correct=True))
    assert ("healthy", (), (), clock()) == (found.status, found.reasons, found.alerts, found.checked_at)
    assert (100, "har") == (found.metrics.predictions_total, found.model_id)


def test_who_never_acted_counts_as_degraded(clock):
    """A score of drift is no act."""
    expected = ("it never recorded a prediction or a trade, and counts as degraded until it does",)
    assert ("degraded", expected) == (health(clock).status, health(clock).reasons)
    scored = health(clock, lambda monitor: monitor.record_drift("har", "1", feature_drift=0.01))
    assert ("degraded", expected) == (scored.status, scored.reasons)
    assert "healthy" == health(clock, lambda monitor: monitor.record_trade("har", "1", pnl=1.0)).status


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ({"hours": 24, "seconds": 1}, "24 hours"),
        ({"hours": 47, "minutes": 59}, "47 hours"),
        ({"days": 2}, "2 days"),
        ({"days": 1500, "hours": 13}, "1,500 days"),
    ],
)
def test_who_fell_silent_counts_as_degraded_since_then(clock, gone, said):
    def long_ago(monitor):
        monitor.record_prediction("har", "1", correct=True)
        clock.advance(**gone)
        monitor.record_drift("har", "1", feature_drift=0.01)

    found = health(clock, long_ago)
    expected = (f"it has been silent for {said}, and counts as degraded until it records again",)
    assert ("degraded", expected) == (found.status, found.reasons)


@pytest.mark.parametrize(
    ("count", "wrong", "status", "reason"),
    [
        (100, 50, "healthy", ()),
        (100, 51, "degraded", ("accuracy is 49% over 100 outcomes, below 50%",)),
        (100, 60, "degraded", ("accuracy is 40% over 100 outcomes, below 50%",)),
        (100, 61, "critical", ("accuracy is 39% over 100 outcomes, below 40%",)),
        (30, 30, "critical", ("accuracy is 0% over 30 outcomes, below 40%",)),
        (29, 29, "healthy", ()),  # too few to say
    ],
)
def test_accuracy(clock, count, wrong, status, reason):
    correct = [False] * wrong + [True] * (count - wrong)
    found = health(clock, predictions(count, correct=correct))
    assert (status, reason) == (found.status, found.reasons)


def test_who_has_a_tolerance_should_be_right_more_often(clock):
    """As the second of the formats that users bring along: 80% and 75%."""
    actual = [0.0] * 79 + [9.0] * 21
    record = predictions(100, prediction=[0.0] * 100, actual=actual)
    found = health(clock, record, accuracy_tolerance=0.5)
    assert ("degraded", ("accuracy is 79% over 100 outcomes, below 80%",)) == (found.status, found.reasons)


@pytest.mark.parametrize(
    ("errors", "status"), [(0, "healthy"), (1, "healthy"), (2, "degraded"), (5, "degraded"), (6, "critical")]
)
def test_error_rate(clock, errors, status):
    assert status == health(clock, predictions(100, error=[True] * errors + [False] * (100 - errors))).status


@pytest.mark.parametrize(
    ("latency", "status"), [(100.0, "healthy"), (102.0, "degraded"), (202.0, "critical")]
)
def test_latency(clock, latency, status):
    record = lambda monitor: monitor.record_prediction("har", "1", latency_ms=latency)  # noqa: E731 - a fixture
    assert status == health(clock, record).status


@pytest.mark.parametrize("kind", ["feature_drift", "prediction_drift", "performance_drift"])
@pytest.mark.parametrize(("score", "status"), [(0.1, "healthy"), (0.11, "degraded"), (0.31, "critical")])
def test_drift(clock, kind, score, status):
    """The largest of the three counts."""

    def record(monitor):
        monitor.record_prediction("har", "1", correct=True)
        monitor.record_drift("har", "1", **{kind: score})

    assert status == health(clock, record).status


def test_alerts_are_reasons_and_the_worst_comes_first(clock):
    def record(monitor):
        monitor.record_predictions("har", "1", correct=[False] * 45 + [True] * 55, latency_ms=150.0)
        monitor.record_drift("har", "1", feature_drift=0.35)
        monitor.record_trade("har", "1", pnl=-300.0)

    found = health(clock, record, thresholds=None, initial_capital=1000)
    assert "critical" == found.status
    statuses = ["CRITICAL" in reason or "drift score" in reason for reason in found.reasons]
    assert sorted(statuses, reverse=True) == statuses
    assert {"drawdown_exceeded", "feature_drift"} == {alert.type for alert in found.alerts}
    assert "95th percentile of latency is 150 ms, above 100 ms" in found.reasons


def test_levels_can_be_chosen_or_left_out(clock):
    record = predictions(40, correct=False, error=True)
    nothing = HealthThresholds(accuracy=None, latency_ms=None, error_rate=None, drift=None)
    assert "healthy" == health(clock, record, health=nothing).status
    assert "healthy" == health(clock, record, health=HealthThresholds(min_samples=41)).status
    assert (
        "degraded"
        == health(clock, record, health=HealthThresholds(accuracy=(0.5, 0.0), error_rate=(0.5, 1.0))).status
    )


@pytest.mark.parametrize(
    "levels",
    [
        {"accuracy": (0.4, 0.5)},
        {"latency_ms": (200.0, 100.0)},
        {"error_rate": (0.1, 0.05)},
        {"drift": (math.nan, 0.3)},
        {"drift": (0.1, math.inf)},
        {"accuracy": (0.5,)},
        {"accuracy": (0.5, 0.4, 0.3)},
        {"accuracy": 0.5},
        {"accuracy": "ab"},
        {"accuracy": ("a", "b")},
        {"accuracy": (True, False)},
        {"min_samples": -1},
        {"min_samples": "30"},
    ],
    ids=repr,
)
def test_levels_that_make_no_sense_are_refused(levels):
    with pytest.raises(InvalidConfigError, match=next(iter(levels))):
        HealthThresholds(**levels)
