"""Time as the library sees it: timezone-aware UTC, from a clock that can be passed in."""

from datetime import UTC, datetime, timedelta

from mlprod._names import shorten
from mlprod.errors import InvalidDataError
from mlprod.typing import Clock

__all__ = ["aware", "now", "system_clock", "to_datetime", "to_ns"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime(1800, 1, 1, tzinfo=UTC), datetime(2150, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def system_clock() -> datetime:
    """Return the time of the machine, in UTC."""
    return datetime.now(UTC)


def now(clock: Clock | None) -> datetime:
    """Read the clock (None: the machine's), insisting on an aware time."""
    return aware(clock(), "the clock's answer") if clock else system_clock()


def aware(moment: datetime, what: str) -> datetime:
    """Return the moment in UTC.

    Raises:
        InvalidDataError: if it has no timezone, because guessing one shifts history by hours.
    """
    if not isinstance(moment, datetime):
        raise InvalidDataError(f"{what} must be a datetime with a timezone, not {shorten(moment)}")
    try:
        offset = moment.utcoffset()
    except ValueError:  # of what is no time, such as the NaT of pandas
        offset = None
    if offset is None:
        raise InvalidDataError(
            f"{what} {moment.isoformat()} has no timezone; pass one, e.g. datetime.now(UTC)"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidDataError(f"{what} {moment.isoformat()} is no time in UTC") from error


def to_ns(moment: datetime) -> int:
    """Return nanoseconds since 1970, exactly.

    Raises:
        InvalidDataError: if they, or those a century away, would not fit into 64 bits.
    """
    if not _EARLIEST <= moment < _LATEST:
        raise InvalidDataError(f"{moment.isoformat()} is too far away: times from 1800 to 2149 are known")
    return (moment - _EPOCH) // _MICROSECOND * 1000


def to_datetime(time_ns: int) -> datetime:
    """Return the moment, to the microsecond."""
    return _EPOCH + timedelta(microseconds=time_ns // 1000)
