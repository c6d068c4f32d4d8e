"""A clock that stands until it is told to move."""

from datetime import UTC, datetime, timedelta
from typing import final

from mlprod._clock import aware
from mlprod._text import in_utc

__all__ = ["FrozenClock"]


@final
class FrozenClock:
    """Pass it as ``clock=``.

    Example:
        >>> clock = FrozenClock(datetime(2026, 1, 2, 9, 30, tzinfo=UTC))
        >>> clock.advance(hours=1)
        >>> clock().isoformat()
        '2026-01-02T10:30:00+00:00'
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        """Start at a timezone-aware time."""
        self._time = aware(start, "the start")

    def __repr__(self) -> str:
        """Show the time at which it stands."""
        return f"FrozenClock({in_utc(self._time)})"

    def __call__(self) -> datetime:
        """Return the time at which it stands."""
        return self._time

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move on; a negative amount steps back, as real clocks do."""
        self._time += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
