"""The life of an alert: what each reading does in each state."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.monitoring._alert_events import AlertAcknowledged, AlertCleared, AlertFired, AlertOpened
from mlprod.monitoring._alert_state import Alerts, fold
from mlprod.monitoring._alerting import Reading, step
from mlprod.monitoring._threshold import AlertThreshold
from mlprod.storage import Stamp

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NAN = float("nan")
ACCURACY = AlertThreshold("accuracy_drop", "accuracy", 0.5, "warning", window="1h")
PATIENT = attrs.evolve(ACCURACY, for_seconds=900)
DRAWDOWN = AlertThreshold("drawdown_exceeded", "max_drawdown", 0.2, "critical")


class Watched:
    """One model under one threshold: reads its metric, and remembers every state that the alert entered."""

    def __init__(self, threshold):
        self.threshold = threshold
        self.time = START
        self.alerts = Alerts()
        self.events = []

    def read(self, value, samples=200, *, minutes=0, silent=timedelta(0), last_event=...):
        """Read so much later; return the state the alert is in then, and None if there is none."""
        self.time += timedelta(minutes=minutes)
        last_event = self.time - silent if last_event is ... else last_event
        events = step(
            self.alert,
            self.threshold,
            Reading(value, samples, last_event),
            self.time,
            alert_id=f"a{len(self.events)}",
            model_id="momentum",
            version="1.0.0",
        )
        for event in events:
            self.apply(event)
        return self.alert and self.alert.state

    def acknowledge(self):
        self.apply(AlertAcknowledged(id=self.alert.id, at=self.time, by="anna", note="on it"))

    def apply(self, event):
        self.events.append(event)
        self.alerts = fold(self.alerts, event, Stamp(len(self.events), self.time))

    @property
    def alert(self):
        return next(self.alerts.all_open(), None)

    @property
    def resolved(self):
        return list(self.alerts.all_resolved())

    def in_state(self, state):
        """Bring the alert into a state by bad readings of 0.4."""
        if state != "inactive":
            self.read(0.4)
        if state in {"firing", "acknowledged"}:
            self.read(0.4, minutes=self.threshold.for_seconds / 60)
        if state == "acknowledged":
            self.acknowledge()
        assert (None if state == "inactive" else state) == (self.alert and self.alert.state)
        return self


class TestFiring:
    def test_a_good_reading_is_no_alert(self):
        """At the threshold it is still good."""
        watched = Watched(ACCURACY)
        assert (None, None) == (watched.read(0.6), watched.read(0.5))
        assert [] == watched.events

    def test_it_fires_at_once_unless_told_to_wait(self):
        watched = Watched(ACCURACY)
        assert "firing" == watched.read(0.45)
        assert {
            "id": "a0",
            "model_id": "momentum",
            "version": "1.0.0",
            "type": "accuracy_drop",
            "metric": "accuracy",
            "severity": "warning",
            "threshold": 0.5,
            "comparison": "below",
            "value": 0.45,
            "samples": 200,
            "state": "firing",
            "since": "2026-03-02T09:30:00.000000Z",
            "fired_at": "2026-03-02T09:30:00.000000Z",
            "acknowledged_at": None,
            "acknowledged_by": "",
            "note": "",
            "resolved_at": None,
            "reason": "accuracy is 45%, below 50% (200 events)",
        } == watched.alert.to_dict()

    @pytest.mark.parametrize(
        ("metric", "threshold", "value", "said"),
        [
            ("total_pnl", -5000, -1234567.891, "-1,234,567.89, below -5,000"),
            ("p99_latency_ms", 999.5, 1000, "1,000 ms, above 999.5 ms"),
            ("accuracy", 0.5, 0.49996, "49.996%, below 50%"),
            ("sharpe_ratio", 0.0, -1.25, "-1.25, below 0"),
            ("error_rate", 0.123456, 1 / 3, "33.3%, above 12.3%"),
            ("mape", 1e15, 2.5e300, "2.5e302%, above 1e17%"),
            ("mape", 1, float("inf"), "inf, above 100%"),
        ],
    )
    def test_it_says_what_is_wrong(self, metric, threshold, value, said):
        """Shares as percentages, amounts of money with all that counts, and nothing endless."""
        watched = Watched(AlertThreshold("wrong", metric, threshold, "warning"))
        watched.read(value)
        assert f"{metric} is {said} (200 events)" == watched.alert.reason

    def test_it_waits_until_the_condition_has_lasted(self):
        watched = Watched(PATIENT)
        states = [
            watched.read(0.4),
            watched.read(0.4, minutes=14.999),
            watched.read(0.3, 1234, minutes=0.001),
        ]
        assert ["pending", "pending", "firing"] == states
        assert (START, START + timedelta(minutes=15), 0.3, 1234) == (
            watched.alert.since,
            watched.alert.fired_at,
            watched.alert.value,
            watched.alert.samples,
        )
        assert "accuracy is 30%, below 50% (1,234 events), as it was at 2026-03-02 09:30:00 UTC" == (
            watched.alert.reason
        )

    def test_missed_readings_do_not_begin_the_wait_anew(self):
        """Nobody looked for ten minutes, or for ten hours: it is still since the first time."""
        for minutes, state in ((10, "pending"), (15, "firing"), (600, "firing")):
            watched = Watched(PATIENT).in_state("pending")
            assert state == watched.read(0.4, minutes=minutes)
            assert START == watched.alert.since

    def test_a_good_reading_ends_the_wait(self):
        """It never was an alert; the next bad reading begins anew, under a new id."""
        watched = Watched(PATIENT)
        states = [watched.read(value, minutes=10) for value in (0.4, 0.6, 0.4, 0.4)]
        assert ["pending", None, "pending", "pending"] == states
        assert [AlertOpened, AlertCleared, AlertOpened] == [type(event) for event in watched.events]
        assert [] == watched.resolved
        assert ("a2", START + timedelta(minutes=30)) == (watched.alert.id, watched.alert.since)

    def test_while_it_lasts_nothing_happens(self):
        """Neither to a firing nor to an acknowledged alert, however much worse it gets."""
        for state in ("firing", "acknowledged"):
            watched = Watched(PATIENT).in_state(state)
            before = watched.alert
            assert [state] * 3 == [watched.read(value, minutes=60) for value in (0.4, 0.1, 0.49)]
            assert before == watched.alert

    def test_less_patience_counts_for_what_is_pending_already(self):
        watched = Watched(PATIENT).in_state("pending")
        watched.threshold = ACCURACY
        assert "firing" == watched.read(0.4)

    def test_more_patience_takes_nothing_back(self):
        watched = Watched(ACCURACY).in_state("firing")
        before, watched.threshold = watched.alert, PATIENT
        watched.read(0.4)
        assert before is watched.alert


class TestResolving:
    @pytest.mark.parametrize("state", ["firing", "acknowledged"])
    def test_a_good_reading_resolves(self, state):
        watched = Watched(PATIENT).in_state(state)
        before = watched.alert
        assert watched.read(0.5, 300, minutes=5) is None
        assert [
            attrs.evolve(
                before,
                state="resolved",
                value=0.5,
                samples=300,
                resolved_at=START + timedelta(minutes=20),
                reason="accuracy is 50%, no longer below 50% (300 events)",
            )
        ] == watched.resolved

    def test_a_new_occurrence_is_a_new_alert(self):
        watched = Watched(ACCURACY)
        states = [watched.read(value, minutes=1) for value in (0.4, 0.6, 0.4)]
        assert ["firing", None, "firing"] == states
        assert ("a0", "a2") == (watched.resolved[0].id, watched.alert.id)
        assert watched.alert.acknowledged_at is None

    def test_severities_are_alerts_of_their_own(self):
        """Both fire; the worse one is over first."""
        critical = Watched(attrs.evolve(ACCURACY, value=0.4, severity="critical"))
        warning = Watched(ACCURACY)
        states = [(warning.read(value), critical.read(value)) for value in (0.45, 0.35, 0.45, 0.55)]
        assert [("firing", None), ("firing", "firing"), ("firing", None), (None, None)] == states


class TestNoEvidence:
    @pytest.mark.parametrize("state", ["inactive", "pending", "firing", "acknowledged"])
    @pytest.mark.parametrize(
        ("value", "samples"), [(NAN, 200), (NAN, 0), (0.1, 29), (0.9, 29), (0.1, 0)], ids=str
    )
    def test_it_changes_nothing(self, state, value, samples):
        """No data, or too few of them, are a sign of nothing; also after the wait would be over."""
        watched = Watched(PATIENT).in_state(state)
        before = watched.alert
        watched.read(value, samples, minutes=60)
        assert before is watched.alert

    def test_enough_is_enough(self):
        assert "firing" == Watched(ACCURACY).read(0.4, ACCURACY.min_samples)
        assert "firing" == Watched(attrs.evolve(ACCURACY, min_samples=0)).read(0.4, 0)

    def test_the_wait_goes_on_through_it(self):
        """It neither advances nor begins anew."""
        watched = Watched(PATIENT)
        states = [watched.read(value, minutes=8) for value in (0.4, NAN, NAN, 0.4)]
        assert ["pending", "pending", "pending", "firing"] == states

    @pytest.mark.parametrize(
        ("metric", "value", "bad"), [("max_drawdown", 0.2, 0.3), ("total_pnl", 0, -1), ("trades_total", 9, 3)]
    )
    def test_facts_need_few_samples(self, metric, value, bad):
        """A drawdown of 30% after three trades is one."""
        assert "firing" == Watched(AlertThreshold("fact", metric, value, "critical")).read(bad, 3)

    def test_but_they_need_a_value(self):
        watched = Watched(DRAWDOWN)
        assert [None, "firing", "firing"] == [watched.read(value) for value in (NAN, 0.3, NAN)]


class TestSilence:
    """24 hours and the window of the threshold, here an hour, without any event."""

    @pytest.mark.parametrize("state", ["firing", "acknowledged"])
    @pytest.mark.parametrize(("value", "samples"), [(NAN, 0), (0.4, 5), (0.4, 200)], ids=str)
    def test_it_resolves_an_alert(self, state, value, samples):
        """With the last value that is known."""
        watched = Watched(PATIENT).in_state(state)
        before, last = watched.alert, watched.time
        almost = timedelta(hours=25)
        watched.time += almost
        assert state == watched.read(value, samples, silent=almost)
        watched.time += timedelta.resolution
        assert watched.read(value, samples, silent=almost + timedelta.resolution) is None
        assert [
            attrs.evolve(
                before,
                state="resolved",
                resolved_at=last + almost + timedelta.resolution,
                reason="nothing was recorded since 2026-03-02 09:45:00 UTC",
            )
        ] == watched.resolved

    def test_it_drops_what_is_pending(self):
        watched = Watched(PATIENT).in_state("pending")
        assert watched.read(NAN, 0, minutes=26 * 60, silent=timedelta(hours=26)) is None
        assert [AlertOpened, AlertCleared] == [type(event) for event in watched.events]

    def test_no_alert_begins_in_it(self):
        """Else what it resolves would come back with the next reading."""
        watched = Watched(AlertThreshold("dead_feed", "predictions_total", 10, "critical", window="1h"))
        assert watched.read(0, 0, silent=timedelta(hours=26)) is None
        assert "firing" == watched.read(0, 0, silent=timedelta(hours=25))
        assert [None, None] == [watched.read(0, 0, silent=timedelta(hours=26)) for _ in range(2)]

    def test_over_a_long_weekend_a_drawdown_stays_one(self):
        """Everything recorded counts as a week: eight days altogether."""
        watched = Watched(DRAWDOWN)
        assert ["firing", "firing", None] == [
            watched.read(0.3, 3, silent=timedelta(days=days)) for days in (0, 8, 8.01)
        ]

    def test_who_recorded_nothing_ever_has_no_alert(self):
        watched = Watched(AlertThreshold("dead_feed", "predictions_total", 10, "critical", window="1h"))
        assert watched.read(0, 0, last_event=None) is None

    def test_without_any_event_it_counts_from_the_beginning_of_the_alert(self):
        """As if its data had been removed."""
        watched = Watched(ACCURACY).in_state("firing")
        states = [watched.read(NAN, 0, last_event=None, minutes=minutes) for minutes in (25 * 60, 1)]
        assert ["firing", None] == states


class TestClocks:
    def test_a_small_step_back_only_waits(self):
        """Two processes whose clocks differ a little must not fight over an alert."""
        watched = Watched(PATIENT).in_state("pending")
        before = watched.alert
        assert ["pending", "pending"] == [watched.read(0.4, minutes=-0.5) for _ in range(2)]
        assert before is watched.alert
        assert ["pending", "firing"] == [watched.read(0.4, minutes=minutes) for minutes in (15, 1)]

    def test_a_large_step_back_begins_the_wait_anew(self):
        """Else a clock that was a day ahead would keep the alert from firing for a day."""
        watched = Watched(PATIENT).in_state("pending")
        assert "pending" == watched.read(0.4, minutes=-24 * 60)
        assert [AlertOpened, AlertCleared, AlertOpened] == [type(event) for event in watched.events]
        assert START - timedelta(days=1) == watched.alert.since
        assert ["pending", "firing"] == [watched.read(0.4, minutes=minutes) for minutes in (14, 1)]
        assert 2 == len({event.id for event in watched.events})

    def test_a_step_back_does_not_touch_what_fires(self):
        watched = Watched(PATIENT).in_state("firing")
        assert "firing" == watched.read(0.4, minutes=-24 * 60)

    def test_nothing_is_over_before_it_began(self):
        watched = Watched(PATIENT).in_state("firing")
        fired_at = watched.alert.fired_at
        assert watched.read(0.6, minutes=-60) is None
        assert fired_at == watched.resolved[0].resolved_at

    def test_events_from_the_future_are_no_silence(self):
        assert "firing" == Watched(ACCURACY).read(0.4, silent=timedelta(hours=-48))


@given(
    seconds=st.sampled_from([0, 1, 300, 900]),
    readings=st.lists(
        st.tuples(
            st.integers(-5, 20),  # minutes between readings
            st.sampled_from([0.4, 0.6, NAN]),
            st.sampled_from([0, 29, 30]),
            st.sampled_from([0, 25, 25.01, 30]),  # hours without events
            st.booleans(),  # somebody acknowledges what fires
        ),
        max_size=40,
    ),
)
def test_laws(seconds, readings):
    """What must hold whatever is read and however the clock goes."""
    watched = Watched(attrs.evolve(ACCURACY, for_seconds=seconds))
    evidence = []  # (time, bad) of every reading that says something
    for minutes, value, samples, hours, acknowledges in readings:
        before, count = watched.alert, len(watched.events)
        watched.read(value, samples, minutes=minutes, silent=timedelta(hours=hours))
        is_silent, is_evidence = hours > 25, value == value and samples >= 30  # noqa: PLR0124 - NaN
        evidence.append(
            (watched.time, is_evidence and not is_silent and value < 0.5, is_evidence or is_silent)
        )
        for event in watched.events[count:]:
            if isinstance(event, AlertFired) or getattr(event, "fired_at", None):
                began = getattr(event, "since", before and before.since)
                assert (watched.time - began).total_seconds() >= seconds
                assert evidence[-1][1]
                latest_good = max(
                    (i for i, (_, bad, said) in enumerate(evidence) if said and not bad), default=-1
                )
                assert began in [time for time, bad, _ in evidence[latest_good + 1 :] if bad]
        if before and not watched.alert:
            assert is_silent or (is_evidence and value >= 0.5)
        if before and before.is_active and watched.alert:
            assert before is watched.alert
        if watched.alert and not watched.alert.is_active and evidence[-1][1]:
            waited = watched.time - watched.alert.since
            assert waited.total_seconds() < seconds
            assert waited >= -timedelta(minutes=1)
        if acknowledges and watched.alert and watched.alert.state == "firing":
            watched.acknowledge()
        assert len(list(watched.alerts.all_open())) <= 1
    opened = [event.id for event in watched.events if isinstance(event, AlertOpened)]
    assert len(opened) == len(set(opened))
    for alert in watched.resolved:
        assert alert.since <= alert.fired_at <= alert.resolved_at
