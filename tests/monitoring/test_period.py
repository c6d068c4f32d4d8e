"""Which stretch of time a report is about."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.monitoring._period import span_of

NOW = datetime(2026, 3, 2, 9, 30, 15, 250, tzinfo=UTC)
PERIODS = ["hourly", "daily", "weekly", "monthly"]


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


class TestWindow:
    @pytest.mark.parametrize(
        ("period", "since", "before"),
        [
            ("hourly", utc(2026, 3, 2, 8, 30, 15, 250), utc(2026, 3, 2, 7, 30, 15, 250)),
            ("daily", utc(2026, 3, 1, 9, 30, 15, 250), utc(2026, 2, 28, 9, 30, 15, 250)),
            ("weekly", utc(2026, 2, 23, 9, 30, 15, 250), utc(2026, 2, 16, 9, 30, 15, 250)),
            ("monthly", utc(2026, 1, 31, 9, 30, 15, 250), utc(2026, 1, 1, 9, 30, 15, 250)),
        ],
    )
    def test_ends_now_and_follows_one_of_the_same_length(self, period, since, before):
        span = span_of(period, NOW)
        assert (since, NOW) == (span.since, span.until)
        assert (before, since) == (span.before().since, span.before().until)
        assert span.step_seconds == span.before().step_seconds

    def test_before_stays_a_window_where_months_happen_to_meet(self):
        span = span_of("monthly", utc(2026, 5, 1))
        assert utc(2026, 4, 1) == span.since
        assert utc(2026, 3, 2) == span.before().since

    def test_now_may_be_told_in_any_timezone(self):
        tokyo = timezone(timedelta(hours=9))
        span = span_of("hourly", datetime(2026, 3, 2, 9, tzinfo=tokyo))
        assert (utc(2026, 3, 1, 23), utc(2026, 3, 2)) == (span.since, span.until)
        assert UTC == span.until.tzinfo


class TestCalendar:
    @pytest.mark.parametrize(
        ("period", "at", "since", "until", "before"),
        [
            ("hourly", utc(2026, 1, 1, 0, 59), utc(2026, 1, 1), utc(2026, 1, 1, 1), utc(2025, 12, 31, 23)),
            ("hourly", date(2026, 3, 2), utc(2026, 3, 2), utc(2026, 3, 2, 1), utc(2026, 3, 1, 23)),
            ("daily", date(2024, 2, 29), utc(2024, 2, 29), utc(2024, 3, 1), utc(2024, 2, 28)),
            ("daily", utc(2023, 3, 1, 23, 59), utc(2023, 3, 1), utc(2023, 3, 2), utc(2023, 2, 28)),
            # 1 January 2021 was the Friday of 2020-W53, 31 December 2024 the Tuesday of 2025-W01.
            ("weekly", date(2021, 1, 1), utc(2020, 12, 28), utc(2021, 1, 4), utc(2020, 12, 21)),
            ("weekly", date(2024, 12, 31), utc(2024, 12, 30), utc(2025, 1, 6), utc(2024, 12, 23)),
            ("weekly", utc(2026, 3, 1, 23, 59, 59), utc(2026, 2, 23), utc(2026, 3, 2), utc(2026, 2, 16)),
            ("weekly", date(2026, 3, 2), utc(2026, 3, 2), utc(2026, 3, 9), utc(2026, 2, 23)),
            ("monthly", date(2024, 2, 10), utc(2024, 2, 1), utc(2024, 3, 1), utc(2024, 1, 1)),
            ("monthly", date(2023, 2, 28), utc(2023, 2, 1), utc(2023, 3, 1), utc(2023, 1, 1)),
            ("monthly", date(2024, 3, 31), utc(2024, 3, 1), utc(2024, 4, 1), utc(2024, 2, 1)),
            ("monthly", date(2026, 4, 30), utc(2026, 4, 1), utc(2026, 5, 1), utc(2026, 3, 1)),
            ("monthly", date(2026, 1, 1), utc(2026, 1, 1), utc(2026, 2, 1), utc(2025, 12, 1)),
            ("monthly", utc(2025, 12, 31, 23), utc(2025, 12, 1), utc(2026, 1, 1), utc(2025, 11, 1)),
        ],
    )
    def test_is_the_period_of_utc_that_holds_the_moment(self, period, at, since, until, before):
        span = span_of(period, NOW, at)
        assert (since, until) == (span.since, span.until)
        assert (before, since) == (span.before().since, span.before().until)

    def test_a_moment_elsewhere_belongs_to_the_day_it_is_in_utc(self):
        new_york = timezone(timedelta(hours=-5))
        assert utc(2026, 3, 1) == span_of("daily", NOW, datetime(2026, 2, 28, 20, tzinfo=new_york)).since

    @given(st.sampled_from(PERIODS), st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)))  # noqa: DTZ001
    def test_holds_its_moment_and_the_one_before_ends_where_it_begins(self, period, naive):
        at = naive.replace(tzinfo=UTC)
        span = span_of(period, NOW, at)
        assert span.since <= at < span.until
        assert span == span_of(period, NOW, span.since)
        assert span.before() == span_of(period, NOW, span.since - timedelta.resolution)


@pytest.mark.parametrize("at", [None, date(2026, 2, 1)])
def test_steps_divide_the_period_into_few_enough_to_read(at):
    for period in PERIODS:
        span = span_of(period, NOW, at)
        steps = (span.until - span.since).total_seconds() / span.step_seconds
        assert steps == int(steps)
        assert 24 <= steps <= 60


class TestRefusals:
    @pytest.mark.parametrize("period", ["yearly", "", "Daily", None, 3])
    def test_an_unknown_period_is_told_the_known_ones(self, period):
        with pytest.raises(InvalidConfigError, match=r"use hourly, daily, weekly, monthly$"):
            span_of(period, NOW)

    @pytest.mark.parametrize(
        ("now", "at", "what"),
        [
            (NOW.replace(tzinfo=None), None, "now 2026"),
            (NOW, NOW.replace(tzinfo=None), "at 2026"),
            (NOW, "2026-03-02", "at must be a datetime"),
        ],
    )
    def test_a_time_without_a_timezone(self, now, at, what):
        with pytest.raises(InvalidDataError, match=what):
            span_of("daily", now, at)

    @pytest.mark.parametrize("period", PERIODS)
    def test_the_ends_of_time(self, period):
        with pytest.raises(InvalidDataError, match="too near the end of time"):
            span_of(period, NOW, utc(9999, 12, 31, 23))
        with pytest.raises(InvalidDataError, match="no time before"):
            span_of(period, NOW, date(1, 1, 1)).before()
        with pytest.raises(InvalidDataError, match="too near the end of time"):
            span_of(period, utc(1, 1, 1))
        with pytest.raises(InvalidDataError, match="no time before"):
            span_of(period, utc(1, 1, 1) + (NOW - span_of(period, NOW).since)).before()
