"""When to try again what a remote store refused for a moment: the one place where that is decided."""

import itertools
import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar, final

import attrs

from mlprod._names import shorten
from mlprod._value import Value
from mlprod.errors import InvalidConfigError

__all__ = ["RetryPolicy"]

T = TypeVar("T")

_log = logging.getLogger("mlprod.storage")


def _check(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    lowest = 1 if attribute.name == "attempts" else 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value < float("inf"):
        raise InvalidConfigError(
            f"{attribute.name} of a RetryPolicy must be a number from {lowest} on, not {shorten(value)}"
        )


@final
@attrs.frozen(kw_only=True)
class RetryPolicy(Value):
    """How long, and how often, an operation on a remote store is tried again.

    Only what another attempt can mend is tried again: a lost connection, a time-out, an overloaded
    service. Every operation of a store may be repeated: writes are whole, and who creates a file
    knows its own content again. The pauses double and each is of random length up to that ("full
    jitter"), so that many processes do not come back at once; if the service says how long to wait
    (``Retry-After``), it is waited that long. Every retry is a warning in the log ``mlprod.storage``.

    Attributes:
        attempts: how often at most; 1 never tries again.
        deadline_seconds: no attempt begins later than this after the first.
        first_pause_seconds: the longest first pause.
        longest_pause_seconds: the longest pause of all, unless the service asks for more.

    Source:
        M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.

    Example:
        >>> from mlprod import open_store
        >>> patient = RetryPolicy(attempts=20, deadline_seconds=120)
        >>> store = open_store("ftp://example.org/models", retry=patient, single_writer=True)
    """

    attempts: int = attrs.field(default=10, validator=_check)
    deadline_seconds: float = attrs.field(default=30.0, validator=_check)
    first_pause_seconds: float = attrs.field(default=0.1, validator=_check)
    longest_pause_seconds: float = attrs.field(default=5.0, validator=_check)

    def call(
        self, operation: Callable[[], T], what: str, *, wait_seconds: Callable[[OSError], float | None]
    ) -> T:
        """Return what the operation returns, tried again where that can help.

        Args:
            operation: may be repeated; its failures are `OSError`.
            what: names it in the log.
            wait_seconds: how long a failure asks to wait before another attempt, mostly 0; None if
                none can mend it.

        Raises:
            OSError: that of the last attempt.
        """
        deadline = time.monotonic() + self.deadline_seconds
        for attempt in itertools.count(1):
            try:
                return operation()
            except OSError as error:
                asked = wait_seconds(error)
                if asked is None or attempt >= self.attempts:
                    raise
                pause = max(asked, self._pause_seconds(attempt))
                if time.monotonic() + pause > deadline:
                    raise
                _log.warning(
                    "could not %s (attempt %d, again in %.2f s): %s", what, attempt, pause, str(error)
                )  # as text: a handler may keep what it is given, and an error keeps all that was there
            time.sleep(pause)
        raise AssertionError  # pragma: no cover - the loop ends by returning or raising

    def _pause_seconds(self, attempt: int) -> float:
        longest = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** min(attempt - 1, 60))
        return random.uniform(0, longest)  # noqa: S311 - not a secret
