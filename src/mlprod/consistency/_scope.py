"""How thoroughly, and as of when, a store is looked at."""

from datetime import datetime, timedelta
from typing import Final, final

import attrs

from mlprod.drift._archive import DECIDED_WITHIN_SECONDS
from mlprod.storage.journal._sweeper import GRACE_SECONDS
from mlprod.typing import Clock

__all__ = ["Scope"]

_LEAST: Final = timedelta(seconds=max(GRACE_SECONDS, DECIDED_WITHIN_SECONDS))


def _long_enough(grace: timedelta) -> timedelta:
    return max(grace, _LEAST)


@final
@attrs.frozen(kw_only=True)
class Scope:
    """What the parts of `fsck` have in common.

    Attributes:
        deep: whether everything is read.
        grace: how old an unfinished write must be to be taken for dead: no less than the time for which a
            writer may still decide.
        now: the time.
        clock: what tells the time where something is decided.
    """

    deep: bool
    grace: timedelta = attrs.field(converter=_long_enough)
    now: datetime
    clock: Clock | None

    @property
    def horizon(self) -> datetime:
        """Up to when a file that no decision names must have been begun to be nobody's for ever."""
        return self.now - self.grace
