"""Who subscribed is told, once for each alert, whatever the others do."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import attrs
import pytest

from mlprod.errors import InvalidConfigError
from mlprod.monitoring._subscribers import Subscribers
from mlprod.monitoring._values import Alert

FIRING = Alert(
    id="a1-0",
    model_id="momentum",
    version="1.0.0",
    type="accuracy_drop",
    metric="accuracy",
    severity="critical",
    threshold=0.4,
    comparison="below",
    value=0.31,
    samples=200,
    state="firing",
    since=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
)
ACKNOWLEDGED = attrs.evolve(FIRING, state="acknowledged")
RESOLVED = attrs.evolve(FIRING, state="resolved")
OTHER = attrs.evolve(FIRING, id="a2-0")


@pytest.fixture
def subscribers():
    return Subscribers()


class TestTelling:
    def test_who_subscribed_is_told_of_what_fires(self, subscribers):
        told = []
        subscribers.add(told.append)
        subscribers.notify([FIRING, ACKNOWLEDGED, RESOLVED, OTHER])
        assert [FIRING, OTHER] == told

    def test_of_other_states_who_wants_to(self, subscribers):
        ends, everything = [], []
        subscribers.add(ends.append, states=["resolved"])
        subscribers.add(everything.append, states=("firing", "acknowledged", "resolved"))
        subscribers.notify([FIRING, ACKNOWLEDGED, RESOLVED])
        assert ([RESOLVED], [FIRING, ACKNOWLEDGED, RESOLVED]) == (ends, everything)

    def test_alert_by_alert_in_the_order_of_subscription(self, subscribers):
        told = []
        for name in "abc":
            subscribers.add(lambda alert, name=name: told.append((alert.id, name)))
        subscribers.notify([FIRING, OTHER])
        assert [(alert, name) for alert in ("a1-0", "a2-0") for name in "abc"] == told

    def test_nobody_need_listen(self, subscribers):
        subscribers.notify([FIRING])

    def test_who_fails_is_logged_and_keeps_nobody_from_being_told(self, subscribers, caplog):
        def fail(_alert):
            raise ZeroDivisionError("no pager")

        told = []
        subscribers.add(fail)
        subscribers.add(told.append)
        with caplog.at_level(logging.ERROR, "mlprod.monitoring"):
            subscribers.notify([FIRING, OTHER])
        assert [FIRING, OTHER] == told
        assert ["mlprod.monitoring"] * 2 == [record.name for record in caplog.records]
        assert "a subscriber failed on the alert a1-0 (CRITICAL momentum@1.0.0 accuracy_drop" in caplog.text
        assert "ZeroDivisionError: no pager" in caplog.text

    def test_what_ends_the_process_does(self, subscribers):
        def interrupt(_alert):
            raise KeyboardInterrupt

        subscribers.add(interrupt)
        with pytest.raises(KeyboardInterrupt):
            subscribers.notify([FIRING])


class TestLeaving:
    def test_who_left_is_told_no_more(self, subscribers):
        """To leave twice does nothing, and does not make another one leave."""
        told, others = [], []
        leave = subscribers.add(told.append)
        subscribers.add(others.append)
        leave()
        leave()
        subscribers.notify([FIRING])
        assert ([], [FIRING]) == (told, others)

    def test_the_same_callback_twice_is_two_subscriptions(self, subscribers):
        told = []
        leave = subscribers.add(told.append)
        subscribers.add(told.append)
        subscribers.notify([FIRING])
        leave()
        subscribers.notify([OTHER])
        assert [FIRING, FIRING, OTHER] == told

    def test_one_can_leave_while_being_told(self, subscribers):
        told = []

        def once(alert):
            told.append(alert)
            leave()

        leave = subscribers.add(once)
        subscribers.notify([FIRING, OTHER])
        assert [FIRING] == told

    def test_who_is_removed_meanwhile_is_not_told(self, subscribers):
        told = []
        subscribers.add(lambda _alert: leave())
        leave = subscribers.add(told.append)
        subscribers.notify([FIRING])
        assert [] == told

    def test_who_comes_meanwhile_is_told_from_the_next_time_on(self, subscribers):
        told = []
        leave = subscribers.add(lambda _alert: subscribers.add(told.append))
        subscribers.notify([FIRING])
        leave()
        assert [] == told
        subscribers.notify([OTHER])
        assert [OTHER] == told

    def test_who_is_told_may_tell(self, subscribers):
        """No lock is held while a callback runs."""
        told = []
        subscribers.add(told.append, states=["resolved"])
        subscribers.add(lambda _alert: subscribers.notify([RESOLVED]))
        subscribers.notify([FIRING])
        assert [RESOLVED] == told


class TestThreads:
    def test_all_who_stay_are_told_whoever_comes_and_goes(self, subscribers):
        told, count = [], threading.Lock()

        def stay(alert):
            with count:
                told.append(alert)

        subscribers.add(stay)

        def work(number):
            leave = subscribers.add(lambda _alert: None)
            subscribers.notify([FIRING])
            leave()
            return number

        with ThreadPoolExecutor(8) as threads:
            assert list(range(400)) == list(threads.map(work, range(400)))
        assert 400 == len(told)
        assert 1 == len(subscribers._subscriptions)


class TestChecks:
    @pytest.mark.parametrize("callback", [None, "print", 1])
    def test_a_subscriber_is_callable(self, subscribers, callback):
        with pytest.raises(InvalidConfigError, match="must be callable with an alert"):
            subscribers.add(callback)

    @pytest.mark.parametrize("states", ["firing", None, 1])
    def test_states_are_several(self, subscribers, states):
        with pytest.raises(InvalidConfigError, match="states must be several"):
            subscribers.add(print, states=states)

    @pytest.mark.parametrize("state", ["pending", "fireing", "", None, []], ids=repr)
    def test_nobody_waits_for_what_never_comes(self, subscribers, state):
        with pytest.raises(InvalidConfigError, match=r"nobody is told of .*; there are: .*firing"):
            subscribers.add(print, states=["firing", state])
        assert {} == subscribers._subscriptions
