"""Files that no decision knows, left behind by a crash: found, and deleted when they are surely nobody's."""

import logging
import time
from datetime import datetime
from typing import Final, final

from mlprod._clock import to_ns
from mlprod.errors import StoreError
from mlprod.storage._ledger import Ledger
from mlprod.storage.journal._files import SUMMARY_SUFFIX, Files, made_ns
from mlprod.storage.journal._state import Compacted, JournalState

__all__ = ["GRACE_SECONDS", "Sweeper"]

_log = logging.getLogger("mlprod.storage")

GRACE_SECONDS: Final = 3600.0
"""A file must have been nobody's for so long; who has not decided about it by then must not any more."""


@final
class Sweeper:
    """Deletes what it has itself seen to be nobody's for an hour.

    So it needs no clock that agrees with that of the machine that wrote the file.
    """

    def __init__(self, ledger: Ledger[JournalState, Compacted], files: Files) -> None:
        """Name the ledger and the files of the store."""
        self._ledger = ledger
        self._files = files
        self._seen: dict[str, float] = {}
        self._next = float("-inf")

    def sweep(self) -> int:
        """Look for such files, at most once an hour; return how many were deleted."""
        moment = time.monotonic()
        if moment < self._next:
            return 0
        self._next = moment + GRACE_SECONDS
        try:
            orphans, _ = self._look()
        except StoreError as error:
            _log.warning("could not look for files that are nobody's: %s", error)
            return 0
        seen = {path: self._seen.get(path, moment) for path in orphans}
        ripe = [path for path, since in seen.items() if moment - since >= GRACE_SECONDS]
        self._seen = {path: since for path, since in seen.items() if path not in ripe}
        for path in ripe:
            self._files.delete(path)
        return len(ripe)

    def sweep_aged(self, horizon: datetime) -> list[str]:
        """Delete what has been nobody's since a time, which lies an hour back at least; return what it was.

        For those who have not looked for an hour. It believes the clocks of those who wrote the files.
        """
        ripe = self.aged(horizon)
        for path in ripe:
            self._files.delete(path)
        return ripe

    def aged(self, horizon: datetime) -> list[str]:
        """Return what has been nobody's since a time."""
        orphans, state = self._look()
        return [path for path in orphans if _is_aged(path, state, horizon)]

    def _look(self) -> tuple[list[str], JournalState]:
        """Return blocks that do not count, raw files that are in blocks, and summaries of nothing."""
        raw, blocks = self._files.everything("journal/raw"), self._files.everything("journal/blocks")
        head = self._ledger.head()  # read last: what it knows was listed
        state = head.state
        if not self._ledger.ends_with(head):
            return [], state
        streams = state.streams.values()
        counting = {ref.path for stream in streams for ref in stream.blocks}
        covered = {path for stream in streams for path in stream.covered}
        here = {*raw, *blocks}
        orphans = [
            *(path for path in raw if path in covered),
            *(path for path in blocks if path.endswith(".col") and path not in counting),
            *(
                path
                for path in here
                if path.endswith(SUMMARY_SUFFIX) and path.removesuffix(SUMMARY_SUFFIX) not in here
            ),
        ]
        return orphans, state


def _is_aged(path: str, state: JournalState, horizon: datetime) -> bool:
    """Return whether a raw file was covered before a time, or another file begun, as its name says."""
    covered = (stream.covered.get(path) for stream in state.streams.values())
    since = next((when for when in covered if when is not None), None)
    if since is not None:
        return since <= horizon
    begun = made_ns(path)
    return 0 < begun <= to_ns(horizon)
