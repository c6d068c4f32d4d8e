"""When an operation is tried again, how long it is waited, and that it ends."""

import logging
import random
import time

import pytest

from mlprod.errors import InvalidConfigError
from mlprod.storage import RetryPolicy


@pytest.fixture
def timeline(monkeypatch):
    """Let sleeping only move the clock; give the pauses that were slept, each as long as it may be."""
    pauses = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(random, "uniform", lambda _shortest, longest: longest)
    return pauses


def failing(times, error=ConnectionResetError):
    """Return an operation that fails so often before it says how often it was tried."""
    calls = []

    def operation():
        calls.append(None)
        if len(calls) <= times:
            raise error("try again")
        return len(calls)

    return operation


def call(policy, operation, wait=0.0):
    return policy.call(operation, "read it", wait_seconds=lambda _error: wait)


class TestRetryPolicy:
    def test_pauses_double_up_to_the_longest(self, timeline):
        policy = RetryPolicy(first_pause_seconds=1, longest_pause_seconds=5, deadline_seconds=100)
        assert 7 == call(policy, failing(6))
        assert [1, 2, 4, 5, 5, 5] == timeline

    def test_pauses_are_of_random_length(self, timeline, monkeypatch):
        asked = []
        monkeypatch.setattr(random, "uniform", lambda *range_: asked.append(range_) or 0.25)
        call(RetryPolicy(first_pause_seconds=1), failing(2))
        assert ([(0, 1), (0, 2)], [0.25, 0.25]) == (asked, timeline)

    def test_the_service_may_ask_for_a_longer_pause(self, timeline):
        assert 2 == call(RetryPolicy(longest_pause_seconds=1), failing(1), wait=7.0)
        assert [7.0] == timeline

    def test_no_attempt_begins_after_the_deadline(self, timeline):
        policy = RetryPolicy(first_pause_seconds=4, longest_pause_seconds=4, deadline_seconds=10)
        with pytest.raises(ConnectionResetError):
            call(policy, failing(100))
        assert [4, 4] == timeline

    def test_a_pause_that_does_not_fit_ends_it_at_once(self, timeline):
        with pytest.raises(ConnectionResetError):
            call(RetryPolicy(deadline_seconds=10), failing(100), wait=60.0)
        assert [] == timeline

    def test_attempts_are_bounded(self, timeline):
        operation = failing(100)
        with pytest.raises(ConnectionResetError):
            call(RetryPolicy(attempts=3), operation)
        assert 2 == len(timeline)

    def test_one_attempt_is_no_retry(self, timeline):
        with pytest.raises(ConnectionResetError):
            call(RetryPolicy(attempts=1), failing(1))
        assert [] == timeline

    def test_what_no_attempt_can_mend_is_told_at_once(self, timeline):
        with pytest.raises(FileNotFoundError):
            call(RetryPolicy(), failing(1, FileNotFoundError), wait=None)
        assert [] == timeline

    def test_a_defect_is_no_failure_of_the_store(self, timeline):
        with pytest.raises(ZeroDivisionError):
            call(RetryPolicy(), failing(1, ZeroDivisionError))
        assert [] == timeline

    @pytest.mark.usefixtures("timeline")
    def test_every_retry_is_in_the_log(self, caplog):
        caplog.set_level(logging.WARNING)
        call(RetryPolicy(first_pause_seconds=1), failing(2))
        assert [
            "could not read it (attempt 1, again in 1.00 s): try again",
            "could not read it (attempt 2, again in 2.00 s): try again",
        ] == [record.getMessage() for record in caplog.records]
        assert all(isinstance(record.args[-1], str) for record in caplog.records), "an error keeps its frames"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("attempts", 0),
            ("attempts", True),
            ("deadline_seconds", -1),
            ("deadline_seconds", float("nan")),
            ("first_pause_seconds", float("inf")),
            ("longest_pause_seconds", "5"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, name, value):
        with pytest.raises(InvalidConfigError, match=f"{name} of a RetryPolicy must be a number from . on"):
            RetryPolicy(**{name: value})
