"""The stretch of time that a report is about, and the one before it to compare with."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, TypeAlias, assert_never, final, get_args

import attrs

from mlprod._clock import aware
from mlprod._names import shorten
from mlprod.errors import InvalidConfigError, InvalidDataError

__all__ = ["Period", "Span", "span_of"]

Period: TypeAlias = Literal["hourly", "daily", "weekly", "monthly"]

_LENGTH: Final[dict[Period, timedelta]] = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
}
_STEP_SECONDS: Final[dict[Period, float]] = {  # 24 to 60 steps: a line, and few enough to hold data each
    "hourly": 60.0,
    "daily": 3_600.0,
    "weekly": 21_600.0,
    "monthly": 86_400.0,
}


@final
@attrs.frozen
class Span:
    """A stretch of time.

    Attributes:
        since: its beginning, UTC.
        until: its end, UTC, exclusive.
        step_seconds: the length of the steps in which its history is best plotted.
        calendar: which period of the calendar it is; None for a window that ends at any moment.
    """

    since: datetime
    until: datetime
    step_seconds: float
    calendar: Period | None = None

    def before(self) -> "Span":
        """Return the span that ends where this one begins: as long, or the calendar's previous period.

        Raises:
            InvalidDataError: if it would begin before the year 1.
        """
        try:
            if self.calendar:
                return span_of(self.calendar, self.since, self.since - timedelta.resolution)
            return attrs.evolve(self, since=self.since - (self.until - self.since), until=self.since)
        except OverflowError as error:
            raise InvalidDataError(f"there is no time before {self.since.isoformat()}") from error


def span_of(period: Period, now: datetime, at: date | None = None) -> Span:
    """Return what a report over the period covers.

    Args:
        period: hourly, daily, weekly or monthly.
        now: the time; aware.
        at: any day or (aware) moment of the calendar period that is meant: the hour, the day, the week
            from Monday or the month in UTC. None for the last 1 hour, 24 hours, 7 days or 30 days.

    Raises:
        InvalidConfigError: if the period is none of the four.
        InvalidDataError: if a time has no timezone, or the period would end after the year 9999.

    Example:
        >>> noon = datetime(2024, 3, 1, 12, tzinfo=UTC)
        >>> february = span_of("monthly", noon, date(2024, 2, 10))
        >>> str(february.until - february.since), str(february.before().since)
        ('29 days, 0:00:00', '2024-01-01 00:00:00+00:00')
    """
    if period not in get_args(Period):
        raise InvalidConfigError(f"the period {shorten(period)} is not known; use {', '.join(_LENGTH)}")
    end, length, step = aware(now, "now"), _LENGTH[period], _STEP_SECONDS[period]
    try:
        if at is None:
            return Span(end - length, end, step)
        since = _beginning(period, _moment(at))
        return Span(since, _following(period, since, length), step, period)
    except OverflowError as error:
        raise InvalidDataError(f"{at or now} is too near the end of time for a {period} report") from error


def _moment(at: date) -> datetime:
    if isinstance(at, date) and not isinstance(at, datetime):
        return datetime.combine(at, time(tzinfo=UTC))
    return aware(at, "at")


def _beginning(period: Period, moment: datetime) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    match period:
        case "hourly":
            return hour
        case "daily":
            return day
        case "weekly":
            return day - timedelta(days=day.weekday())
        case "monthly":
            return day.replace(day=1)
        case _:
            assert_never(period)


def _following(period: Period, since: datetime, length: timedelta) -> datetime:
    if period == "monthly":
        return (since + timedelta(days=31)).replace(day=1)
    return since + length
