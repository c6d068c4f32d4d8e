"""Time as the library sees it: timezone-aware UTC, from a clock that can be passed in."""

from datetime import UTC, datetime

from mlprod._names import shorten
from mlprod.errors import InvalidDataError
from mlprod.typing import Clock

__all__ = ["aware", "now", "system_clock"]


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
