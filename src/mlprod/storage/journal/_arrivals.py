"""Which segments are in the store already: asked where the answer to an upload was lost."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, final

import numpy as np
import xxhash
from numpy.typing import NDArray

from mlprod.storage._ledger import Ledger
from mlprod.storage._store import join
from mlprod.storage.journal._appender import RAW, stream_of
from mlprod.storage.journal._files import Files, made_ns
from mlprod.storage.journal._reading import Part
from mlprod.storage.journal._state import Compacted, JournalState

__all__ = ["REMEMBERED", "Arrivals"]

REMEMBERED: Final = timedelta(days=7)
"""For so long blocks say which segments are in them."""


@final
class Arrivals:
    """Knows a segment by its path, or by what the blocks that took its records say of it."""

    def __init__(self, ledger: Ledger[JournalState, Compacted], files: Files) -> None:
        """Name the ledger and the files of the store."""
        self._ledger = ledger
        self._files = files

    def has(self, path: str) -> bool:
        """Return whether a segment was put: it lies there, or in a block. Seldom asked: it may read much."""
        stream = stream_of(path)
        if path in self._files.listed(join(RAW, stream)):  # first: from there it goes into a block
            return True
        state = self._ledger.head().state.stream(stream)
        if path in state.covered:
            return True
        wanted = np.uint64(_hash(path))
        return any(bool((self._files.block(ref.path).sources[:, 0] == wanted).any()) for ref in state.blocks)

    def sources(self, parts: Iterable[Part]) -> NDArray[np.uint64]:
        """Return what a block says of the segments in it: hash and time of each, shape ``(n, 2)``."""
        known: list[NDArray[Any]] = [np.empty((0, 2), np.uint64)]
        for part in parts:
            if part.is_block:
                known.append(self._files.block(part.path).sources)
            else:
                known.append(np.array([[_hash(part.path), made_ns(part.path)]], np.uint64))
        together = np.concatenate(known)
        oldest = (datetime.now(UTC) - REMEMBERED).timestamp() * 1e9
        return together[together[:, 1] > np.uint64(oldest)]


def _hash(path: str) -> int:
    return xxhash.xxh3_64_intdigest(path.encode())
