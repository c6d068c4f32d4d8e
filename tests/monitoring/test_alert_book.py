"""The alerts of a store: decided once, whoever sees them, and kept through restarts and faults."""

import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import AlertNotFoundError, InvalidDataError, StoreError
from mlprod.monitoring._alert_book import AlertBook
from mlprod.monitoring._alert_state import ALERTS, Alerts, OpenAlert, fold
from mlprod.monitoring._alerting import Reading
from mlprod.monitoring._threshold import AlertThreshold
from mlprod.storage import Ledger, LocalStore, MemoryStore, Stamp
from mlprod.testing import Fault, FaultyStore, FrozenClock, SimulatedCrashError

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WARNING = AlertThreshold("accuracy_drop", "accuracy", 0.5, "warning", window="1h")
CRITICAL = attrs.evolve(WARNING, value=0.4, severity="critical")
PATIENT = AlertThreshold("high_latency", "p99_latency_ms", 1000, "warning", window="1h", for_seconds=900)


def seen(value, threshold=WARNING, *, model="momentum", version="1.0.0", samples=200, at=START):
    return model, version, threshold, Reading(value, samples, at)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """A retry need not wait in a test."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


@pytest.fixture
def book(store, clock):
    return AlertBook(store, clock=clock)


def test_it_shows_where_the_alerts_lie():
    assert "AlertBook('memory://alerts')" == repr(AlertBook(MemoryStore("alerts")))


class TestObserving:
    def test_what_changes_is_decided_at_once(self, book, store):
        """Two models, three thresholds, one commit; what does not change is not returned."""
        changed = book.observe(
            [
                seen(0.45),
                seen(0.45, CRITICAL),
                seen(1500, PATIENT),
                seen(0.1, model="reversal"),
                seen(0.1, CRITICAL, model="reversal"),
            ]
        )
        assert [
            ("a1-0", "momentum", "warning", "firing"),
            ("a1-1", "momentum", "warning", "pending"),
            ("a1-2", "reversal", "warning", "firing"),
            ("a1-3", "reversal", "critical", "firing"),
        ] == [(alert.id, alert.model_id, alert.severity, alert.state) for alert in changed]
        assert ["alerts/ledger/commits/00000000000000000001.json"] == store.list("alerts")

    def test_where_nothing_changes_one_small_read_is_all(self, clock):
        store = FaultyStore(MemoryStore())
        book = AlertBook(store, clock=clock)
        readings = [seen(0.45), seen(0.9, CRITICAL), seen(1500, PATIENT), seen(float("nan"), version="2.0.0")]
        book.observe(readings)
        before = store.operations
        assert () == book.observe(readings)
        assert ["get alerts/ledger/commits/00000000000000000002.json"] == store.log[before:]

    def test_nothing_observed_asks_the_store_nothing(self):
        store = FaultyStore(MemoryStore())
        assert () == AlertBook(store).observe([])
        assert [] == store.log

    def test_a_life(self, book, clock):
        """Pending, firing, acknowledged, resolved: each call returns what it changed."""
        states = []
        for minutes, value in ((0, 1500), (10, 1600), (10, 1700), (10, 1800), (10, 900), (10, 900)):
            clock.advance(minutes=minutes)
            states.append([(each.state, each.value) for each in book.observe([seen(value, PATIENT)])])
            if states[-1] == [("firing", 1700)]:
                book.acknowledge("a1-0", by="anna")
        assert [[("pending", 1500)], [], [("firing", 1700)], [], [("resolved", 900)], []] == states
        (alert,) = book.history()
        assert (START, START + timedelta(minutes=20), START + timedelta(minutes=40)) == (
            alert.since,
            alert.fired_at,
            alert.resolved_at,
        )
        assert "anna" == alert.acknowledged_by

    def test_a_pending_one_that_goes_away_never_was_an_alert(self, book):
        book.observe([seen(1500, PATIENT)])
        assert ["a1-0"] == [alert.id for alert in book.pending()]
        assert () == book.observe([seen(900, PATIENT)])
        assert [[], [], [], []] == [book.pending(), book.active(), book.history(), book.changes()]

    def test_versions_and_models_have_alerts_of_their_own(self, book):
        book.observe([seen(0.4), seen(0.4, version="2.0.0"), seen(0.4, model="reversal")])
        (resolved,) = book.observe([seen(0.4), seen(0.6, version="2.0.0"), seen(0.4, model="reversal")])
        assert ("momentum", "2.0.0", "resolved") == (resolved.model_id, resolved.version, resolved.state)
        assert ["momentum", "reversal"] == [alert.model_id for alert in book.active()]

    def test_the_same_seen_twice_in_one_call_is_one_alert(self, book):
        """The later reading is judged by what the earlier one did."""
        assert ["firing"] == [alert.state for alert in book.observe([seen(0.4), seen(0.3)])]
        assert ["resolved", "firing"] == [alert.state for alert in book.observe([seen(0.6), seen(0.3)])]
        assert ["a1-0", "a2-1"] == [alert.id for alert in book.history()]

    def test_a_clock_that_stepped_back_begins_the_wait_anew_under_a_new_id(self, book, clock):
        book.observe([seen(1500, PATIENT)])
        clock.advance(hours=-1)
        (alert,) = book.observe([seen(1500, PATIENT)])
        assert ("a2-0", "pending", clock()) == (alert.id, alert.state, alert.since)
        assert [alert] == book.pending()

    def test_an_alert_whose_threshold_is_watched_no_more_stays(self, book):
        """It can be acknowledged, and who still has its threshold resolves it."""
        book.observe([seen(0.45)])
        assert () == book.observe([seen(0.9, attrs.evolve(WARNING, value=0.6))])
        assert "acknowledged" == book.acknowledge("a1-0").state
        assert ["resolved"] == [alert.state for alert in book.observe([seen(0.9)])]


class TestLists:
    @pytest.fixture
    def busy(self, book, clock):
        """Give a book with alerts in all states, opened a minute apart."""
        for observation in (
            seen(0.4),  # a1-0, acknowledged
            seen(0.3, model="reversal"),  # a2-0, resolved
            seen(0.3, CRITICAL, model="reversal"),  # a3-0, firing
            seen(1500, PATIENT),  # a4-0, pending
            seen(0.3, CRITICAL),  # a5-0, firing
            seen(0.4, version="2.0.0"),  # a6-0, firing
            seen(1500, PATIENT, model="reversal"),  # a7-0, pending
        ):
            book.observe([observation])
            clock.advance(minutes=1)
        book.acknowledge("a1-0")
        book.observe([seen(0.6, model="reversal")])
        return book

    def test_the_critical_come_first_then_the_oldest(self, busy):
        assert ["a3-0", "a5-0", "a1-0", "a6-0"] == [alert.id for alert in busy.active()]
        assert ["a5-0", "a1-0", "a6-0"] == [alert.id for alert in busy.active("momentum")]
        assert [] == busy.active("unknown")

    def test_what_is_pending_is_no_alert_yet(self, busy):
        assert ["a4-0", "a7-0"] == [alert.id for alert in busy.pending()]
        assert ["a7-0"] == [alert.id for alert in busy.pending("reversal")]

    def test_the_history_is_all_that_fired_the_oldest_first(self, busy):
        assert ["a1-0", "a2-0", "a3-0", "a5-0", "a6-0"] == [alert.id for alert in busy.history()]
        assert ["a2-0", "a3-0"] == [alert.id for alert in busy.history("reversal")]
        states = {alert.id: alert.state for alert in busy.history("reversal")}
        assert {"a2-0": "resolved", "a3-0": "firing"} == states

    def test_what_began_at_the_same_time_is_in_the_order_of_the_decisions(self, book):
        """As numbers, not as texts."""
        book.observe([seen(0.4, model=f"m{number:02}") for number in range(12)])
        for number in range(12, 21):
            book.observe([seen(0.4, model=f"m{number}")])
        assert [f"m{number:02}" for number in range(21)] == [alert.model_id for alert in book.history()]

    def test_the_oldest_is_the_one_that_began_first(self, book, clock):
        """By the clock, which may have stepped back between two decisions."""
        book.observe([seen(0.4)])
        clock.advance(hours=-1)
        book.observe([seen(0.4, model="reversal")])
        assert ["a2-0", "a1-0"] == [alert.id for alert in book.active()]

    def test_by_period(self, book, clock):
        """Alerts that fired in it, or fired before and were not over when it began."""
        book.observe([seen(0.4)])  # fires at 9:30
        clock.advance(minutes=30)
        book.observe([seen(0.6), seen(0.4, version="2.0.0"), seen(1500, PATIENT)])  # over at 10:00
        clock.advance(minutes=30)
        book.observe([seen(0.4, version="3.0.0"), seen(0.4, model="reversal")])
        book.observe([seen(0.6, version="3.0.0")])  # over as it begins
        at = lambda hour, minute: datetime(2026, 3, 2, hour, minute, tzinfo=UTC)  # noqa: E731

        def versions(since, until):
            return [alert.version for alert in book.overlapping("momentum", since, until)]

        assert [] == versions(at(9, 0), at(9, 30))
        assert ["1.0.0"] == versions(at(9, 30), at(9, 31))
        assert ["1.0.0"] == versions(at(9, 40), at(9, 41))
        assert ["2.0.0"] == versions(at(10, 0), at(10, 30))
        assert ["2.0.0", "3.0.0"] == versions(at(10, 30), at(11, 0))
        assert ["2.0.0"] == versions(at(10, 31), at(11, 0))
        assert ["1.0.0", "2.0.0", "3.0.0"] == versions(at(0, 0), at(23, 0))

    def test_the_newest_resolved_of_each_model_are_kept(self, book, monkeypatch):
        monkeypatch.setattr("mlprod.monitoring._alert_state.KEPT_ALERTS", 3)
        for value in (0.4, 0.6) * 5:
            book.observe([seen(value)])
        book.observe([seen(0.4, model="reversal")])
        book.observe([seen(0.6, model="reversal")])
        assert ["a5-0", "a7-0", "a9-0", "a11-0"] == [alert.id for alert in book.history()]

    def test_a_thousand_are_kept(self):
        """So that the state stays small however long the history."""
        alerts = Alerts()
        book = AlertBook(MemoryStore())
        (opened,) = book.observe([seen(0.4, at=datetime.now(UTC))])
        ended = book._ledger.append(lambda _head: [resolution(opened.id)]).events[0]
        for number in range(1, 1102):
            alerts = attrs.evolve(alerts, open={opened.id: OpenAlert(key=WARNING.key, alert=opened)})
            alerts = fold(alerts, ended, Stamp(number, START))
        assert (1000, 1000, 1101) == (
            len(alerts.resolved["momentum"]),
            len(alerts.entered),
            alerts.entered[-1].number,
        )


def resolution(alert_id):
    from mlprod.monitoring._alert_events import AlertResolved

    return AlertResolved(id=alert_id, value=0.6, samples=200, at=datetime.now(UTC), reason="")


class TestAcknowledging:
    def test_somebody_knows(self, book, clock):
        (firing,) = book.observe([seen(0.45)])
        clock.advance(minutes=5)
        known = book.acknowledge("a1-0", by="anna", note="Kurssturz, ich schaue nach")
        assert (
            attrs.evolve(
                firing,
                state="acknowledged",
                acknowledged_at=START + timedelta(minutes=5),
                acknowledged_by="anna",
                note="Kurssturz, ich schaue nach",
                reason="acknowledged by anna",
            )
            == known
        )
        assert [known] == book.active()

    def test_it_needs_no_name(self, book):
        book.observe([seen(0.45)])
        known = book.acknowledge("a1-0")
        assert ("", "", "acknowledged") == (known.acknowledged_by, known.note, known.reason)

    def test_only_what_fires_can_be_and_only_once(self, book, store):
        """Pending, acknowledged and resolved alerts are returned as they stand; nothing is written."""
        book.observe([seen(0.45), seen(1500, PATIENT), seen(0.1, version="2.0.0")])
        first = book.acknowledge("a1-0", by="anna")
        (resolved,) = book.observe([seen(0.9, version="2.0.0")])
        (pending,) = book.pending()
        files = store.list("alerts")
        assert [first, pending, resolved] == [
            book.acknowledge(alert_id, by="ben") for alert_id in ("a1-0", "a1-1", "a1-2")
        ]
        assert files == store.list("alerts")

    @pytest.mark.parametrize("unknown", ["a1-1", "", "A1-0", None, 1, ["a1-0"]], ids=repr)
    def test_an_unknown_one_is_an_error_that_names_the_nearest(self, book, unknown):
        book.observe([seen(0.45)])
        book.observe([seen(0.9)])
        with pytest.raises(
            AlertNotFoundError, match=r"there is no alert .* in memory://; there are: a1-0"
        ) as info:
            book.acknowledge(unknown)
        assert isinstance(info.value, KeyError)
        assert str(info.value) == str(pickle.loads(pickle.dumps(info.value)))

    def test_where_there_are_none_it_says_so(self, book, store):
        with pytest.raises(AlertNotFoundError, match="there are none yet"):
            book.acknowledge("a1-0")
        assert [] == store.list("alerts")

    @pytest.mark.parametrize(
        "text",
        [{"by": "x" * 257}, {"note": "x" * 4097}, {"by": None}, {"note": 1}, {"note": "\ud800"}],
        ids=repr,
    )
    def test_what_is_no_text_or_too_long_is_refused(self, book, text):
        book.observe([seen(0.45)])
        with pytest.raises(InvalidDataError, match=r"^(by|the note) "):
            book.acknowledge("a1-0", **text)
        assert ["firing"] == [alert.state for alert in book.active()]

    def test_nobody_knows_before_it_fires(self, book, clock):
        """Even if the clock stepped back."""
        book.observe([seen(0.45)])
        clock.advance(hours=-1)
        assert START == book.acknowledge("a1-0").acknowledged_at


class TestNews:
    def test_each_new_state_is_told_once_in_order(self, book, clock):
        """As it then was, also if it is over by the time that somebody asks."""
        book.observe([seen(0.45), seen(1500, PATIENT)])
        assert [("a1-0", "firing", 0.45)] == told(book)
        assert [] == told(book)
        clock.advance(minutes=15)
        book.observe([seen(1600, PATIENT)])
        book.acknowledge("a1-1", by="anna")
        book.observe([seen(0.9), seen(700, PATIENT)])
        assert [
            ("a1-1", "firing", 1600),
            ("a1-1", "acknowledged", 1600),
            ("a1-0", "resolved", 0.9),
            ("a1-1", "resolved", 700),
        ] == told(book)
        assert [] == told(book)

    def test_whoever_decided(self, book, store, clock):
        """Each of two processes tells its own subscribers, and each once."""
        other = AlertBook(store, clock=clock)
        assert ([], []) == (told(book), told(other))
        book.observe([seen(0.45)])
        other.acknowledge("a1-0")
        expected = [("a1-0", "firing", 0.45), ("a1-0", "acknowledged", 0.45)]
        assert (expected, expected) == (told(book), told(other))
        assert ([], []) == (told(book), told(other))

    @pytest.mark.parametrize("look", ["changes", "active", "pending", "history"])
    def test_what_was_decided_before_the_first_look_is_no_news(self, book, store, clock, look):
        book.observe([seen(0.45)])
        late = AlertBook(store, clock=clock)
        getattr(late, look)()
        assert [] == told(late)
        book.observe([seen(0.9)])
        assert [("a1-0", "resolved", 0.9)] == told(late)

    def test_what_is_decided_by_the_first_observation_is_news(self, store, clock):
        """Also to the book that decided it, and nothing older is."""
        AlertBook(store, clock=clock).observe([seen(0.45)])
        book = AlertBook(store, clock=clock)
        book.observe([seen(0.3, CRITICAL)])
        assert [("a2-0", "firing", 0.3)] == told(book)

    def test_a_failed_look_loses_nothing(self, store, clock):
        book = AlertBook(FaultyStore(store, at=4, repeat=10), clock=clock)
        assert [] == told(book)
        AlertBook(store, clock=clock).observe([seen(0.45)])
        news = []
        for _ in range(20):
            try:
                news += told(book)
            except StoreError:
                continue
        assert [("a1-0", "firing", 0.45)] == news

    def test_the_newest_are_kept(self, book, store, clock, monkeypatch):
        """Who does not ask for very long is not told of everything."""
        monkeypatch.setattr("mlprod.monitoring._alert_state.KEPT_ALERTS", 3)
        assert [] == told(book)
        other = AlertBook(store, clock=clock)
        for value in (0.4, 0.6) * 5:
            other.observe([seen(value)])
        assert ["resolved", "firing", "resolved"] == [state for _, state, _ in told(book)]

    def test_among_threads_each_is_told_once(self, store, clock):
        """Whichever thread of the process asks."""
        book = AlertBook(store, clock=clock)
        assert [] == told(book)

        def work(number):
            book.observe([seen(0.4, model=f"m{number}")])
            return told(book)

        with ThreadPoolExecutor(8) as threads:
            news = [each for some in threads.map(work, range(64)) for each in some]
        assert 64 == len(news + told(book))
        assert {alert.id for alert in book.active()} == {alert_id for alert_id, _, _ in news}

    def test_threads_that_look_for_the_first_time_agree_on_what_is_old(self, store, clock):
        """One is overtaken by the other, which looks, decides and tells before the first one goes on."""
        AlertBook(store, clock=clock).observe([seen(0.45)])
        book = AlertBook(store, clock=clock)
        news = []

        def overtake():
            book.observe([seen(0.3, CRITICAL)])
            news.extend(told(book))

        def alone(wait=[overtake], enter=book._alone):  # noqa: B006 - once
            if wait:
                wait.pop()()
            return enter()

        book._alone = alone
        news += told(book)
        news += told(book)
        assert [("a2-0", "firing", 0.3)] == news

    def test_a_forked_child_tells_its_own(self, book, monkeypatch):
        """Even if a thread of its parent was telling just then."""
        assert [] == told(book)
        book.observe([seen(0.45)])
        book._lock.acquire()
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert [("a1-0", "firing", 0.45)] == told(book)
        assert [] == told(book)


def told(book):
    return [(alert.id, alert.state, alert.value) for alert in book.changes()]


class TestSeveralProcesses:
    def test_what_two_see_at_once_is_one_alert(self, store, clock):
        """The one that loses the race finds the alert open, and has changed nothing."""
        winner = AlertBook(store, clock=clock)

        class Slow(MemoryStore):
            def create(self, path, data):
                changed.append(winner.observe([seen(0.45)]))
                store.create(path, data)

            def __getattribute__(self, name):
                return object.__getattribute__(self if name == "create" else store, name)

        changed = []
        changed.append(AlertBook(Slow(), clock=clock).observe([seen(0.4)]))
        assert [["a1-0"], []] == [[alert.id for alert in some] for some in changed]
        assert [("a1-0", 0.45)] == [(alert.id, alert.value) for alert in winner.history()]

    def test_processes_open_each_alert_once(self, tmp_path, processes):
        """4 processes, 25 times 2 alerts that come and go: every change is decided by exactly one."""
        results, together = processes.Queue(), processes.Barrier(4, timeout=60)
        workers = [processes.Process(target=watch, args=(tmp_path, results, together)) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert 0 == worker.exitcode
        changed = [each for _ in workers for each in results.get()]
        book = AlertBook(LocalStore(tmp_path))
        ids = [alert.id for alert in book.history()]
        assert (50, 50) == (len(ids), len(set(ids)))
        assert {"resolved"} == {alert.state for alert in book.history()}
        assert sorted((alert_id, state) for alert_id in ids for state in ("firing", "resolved")) == sorted(
            changed
        )

    def test_all_agree_after_a_restart(self, tmp_path):
        """The state survives, to the last field; also from a snapshot."""
        clock = FrozenClock(START)
        book = AlertBook(LocalStore(tmp_path), clock=clock)
        for number in range(70):
            book.observe(
                [seen(0.4 if number % 2 else 0.6), seen(1000 + number, PATIENT), seen(0.1, CRITICAL)]
            )
            clock.advance(minutes=7)
        again = AlertBook(LocalStore(tmp_path), clock=clock)
        assert LocalStore(tmp_path).list("alerts/ledger/snapshots")
        assert book._ledger.head() == again._ledger.head()
        assert (book.active(), book.history()) == (again.active(), again.history())


def watch(folder, results, together):
    book = AlertBook(LocalStore(folder))
    changed = []
    for _ in range(25):
        for value in (0.3, 0.6):
            together.wait()
            now = datetime.now(UTC)
            changed += book.observe([seen(value, at=now), seen(value, CRITICAL, at=now)])
    results.put([(alert.id, alert.state) for alert in changed])


MUTATIONS = {
    "open": lambda book: book.observe([seen(1500, PATIENT, model="reversal"), seen(0.1, CRITICAL)]),
    "fire": lambda book: book.observe([seen(1500, PATIENT)]),
    "clear": lambda book: book.observe([seen(900, PATIENT)]),
    "resolve": lambda book: book.observe([seen(0.9)]),
    "acknowledge": lambda book: book.acknowledge("a1-0", by="anna", note="on it"),
}
FAULTS = list(Fault)


class TestFaults:
    """Whatever goes wrong at whatever operation: the old state or the new, whole; a retry makes it new."""

    @pytest.fixture(autouse=True)
    def often(self, monkeypatch):
        """Let snapshots be due often, so that a short history has some."""
        monkeypatch.setattr("mlprod.storage._ledger._SMALLEST_INTERVAL", 4)

    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
    @pytest.mark.parametrize("mutation", MUTATIONS)
    def test_every_operation(self, mutation, fault):
        before = state(prepared())
        clean = prepared()
        assert run(mutation, clean)
        after = state(clean)
        assert before != after
        at = 1
        while True:
            inner = prepared()
            store = FaultyStore(inner, at=at, fault=fault)
            succeeded = run(mutation, store)
            if store.operations < at:
                break
            assert state(inner) in ([after] if succeeded else [before, after]), store.log
            assert run(mutation, inner)
            assert after == state(inner), store.log
            at += 1
        assert at > 3


def prepared():
    """Return a store with one alert that fires and one pending; a snapshot is due with the next decision."""
    store, clock = MemoryStore(), FrozenClock(START)
    book = AlertBook(store, clock=clock)
    book.observe([seen(0.4), seen(1200, PATIENT)])
    book.observe([seen(0.4, model="reversal")])
    book.observe([seen(0.6, model="reversal")])
    return store


def later():
    return FrozenClock(START + timedelta(minutes=20))


def run(mutation, store):
    """Run it in a new "process"; return whether it came back."""
    try:
        MUTATIONS[mutation](AlertBook(store, clock=later()))
    except (SimulatedCrashError, StoreError):  # nothing else may come out
        return False
    return True


def state(store):
    return Ledger(store, ALERTS, clock=later()).head().state


@given(
    st.lists(
        st.tuples(
            st.integers(-30, 40),  # minutes
            st.sampled_from(["momentum", "reversal"]),
            st.sampled_from([WARNING, CRITICAL, PATIENT]),
            st.sampled_from([0.3, 0.45, 0.6, 1500.0, float("nan")]),
            st.sampled_from([0, 200]),
            st.sampled_from([0, 26]),  # hours of silence
            st.booleans(),  # acknowledge what is active
        ),
        max_size=25,
    )
)
def test_laws(steps):
    """Ids are unique, what is listed fired, a restart changes nothing, and all news are told once."""
    store, clock = MemoryStore(), FrozenClock(START)
    book, listener = AlertBook(store, clock=clock), AlertBook(store, clock=clock)
    news = told(listener)
    for minutes, model, threshold, value, samples, hours, acknowledges in steps:
        clock.advance(minutes=minutes)
        at = clock() - timedelta(hours=hours)
        book.observe([seen(value, threshold, model=model, samples=samples, at=at)])
        if acknowledges:
            for alert in book.active():
                book.acknowledge(alert.id)
        again = AlertBook(store, clock=clock)
        assert book._ledger.head().state == again._ledger.head().state
        news += told(listener)
    history = book.history()
    alerts = [*history, *book.pending()]
    assert len(alerts) == len({alert.id for alert in alerts})
    slots = [
        (alert.model_id, alert.version, alert.type, alert.severity)
        for alert in (*book.active(), *book.pending())
    ]
    assert len(slots) == len(set(slots))
    assert all(alert.fired_at is not None for alert in history)
    expected = {(alert.id, "firing") for alert in history}
    expected |= {(alert.id, "acknowledged") for alert in history if alert.acknowledged_at}
    expected |= {(alert.id, "resolved") for alert in history if alert.resolved_at}
    assert sorted(expected) == sorted((alert_id, state) for alert_id, state, _ in news)
