"""Which blocks count: the decisions of compaction. Fields are a file format: see docs/formats.md."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import attrs

from mlprod.schema import RecordSet, RecordType
from mlprod.storage._ledger import LedgerType, Stamp
from mlprod.storage._store import is_path

__all__ = ["JOURNAL", "BlockRef", "Compacted", "JournalState", "StreamState"]

_RAW = "journal/raw/"
_BLOCKS = "journal/blocks/"


def _is_ours(_instance: object, _attribute: object, path: str) -> None:
    """Refuse every other path: nothing else may ever be deleted."""
    if not path.startswith((_RAW, _BLOCKS)) or not is_path(path):
        raise ValueError(f"{path!r} is no file of a journal")


@attrs.frozen(kw_only=True)
class BlockRef:
    """A block that counts.

    Attributes:
        path: where it lies.
        rows: how many records it holds.
        since: the time of its first record, nanoseconds since 1970, UTC.
        until: the time of its last record.
    """

    path: str = attrs.field(validator=_is_ours)
    rows: int
    since: int
    until: int


@attrs.frozen(kw_only=True)
class Compacted:
    """The records of some files are in other files now.

    Attributes:
        stream: of which stream.
        added: the blocks that count from now on.
        removed: paths of the blocks that no longer do.
        covered: paths of the raw files whose records are in the added blocks.
        forgotten: paths of raw files that were covered long ago, and are gone.
    """

    stream: str
    added: tuple[BlockRef, ...]
    removed: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class StreamState:
    """One stream: its blocks, and the segments that must not be counted again, since when."""

    blocks: tuple[BlockRef, ...] = ()
    covered: Mapping[str, datetime] = attrs.field(factory=dict[str, datetime])

    def has(self, path: str) -> bool:
        """Return whether a raw file is counted through the blocks already, or is one of them."""
        return path in self.covered or any(block.path == path for block in self.blocks)


@attrs.frozen(kw_only=True)
class JournalState:
    """All streams that were ever compacted."""

    streams: Mapping[str, StreamState] = attrs.field(factory=dict[str, StreamState])

    def stream(self, name: str) -> StreamState:
        """Return the state of a stream."""
        return self.streams.get(name) or StreamState()


def _fold(state: JournalState, event: Compacted, stamp: Stamp) -> JournalState:
    before = state.stream(event.stream)
    removed, forgotten = set(event.removed), set(event.forgotten)
    if not removed <= {block.path for block in before.blocks}:
        raise ValueError(f"a block of {event.stream} was removed twice")
    kept = tuple(block for block in before.blocks if block.path not in removed)
    remembered = {path: when for path, when in before.covered.items() if path not in forgotten}
    # A block that was adopted lies among the raw files: until it is deleted, it must not be taken for one.
    covered = (*event.covered, *(path for path in event.removed if path.startswith(_RAW)))
    after = StreamState(
        blocks=(*kept, *event.added), covered={**remembered, **dict.fromkeys(covered, stamp.time)}
    )
    return JournalState(streams={**state.streams, event.stream: after})


JOURNAL: Final = LedgerType(
    folder="journal/ledger",
    events=RecordSet[Compacted]([RecordType("journal.compacted", Compacted)]),
    state=RecordType("journal.state", JournalState),
    empty=JournalState(),
    fold=_fold,
)
