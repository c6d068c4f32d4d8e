"""The binary files of the journal: segments, as they are written and after a crash, and blocks."""

import numpy as np

from fuzz.everything import files
from fuzz.frames import BLOCK, SEGMENT
from fuzz.target import Target
from mlprod.storage.journal._block import Block, encode_block
from mlprod.storage.journal._segment import read_segment
from mlprod.storage.journal._table import Table

__all__ = ["TARGETS"]


def _segment(raw: bytes) -> None:
    segment = read_segment(raw, "file")
    if segment is not None:
        _look_at(segment.table, segment.header.stream)
        read_segment(raw, "file", only_times=True)


def _block(raw: bytes) -> None:
    block = Block(raw, "file")
    _look_at(block.table, block.stream)
    block.sources.tolist()


def _look_at(table: Table, stream: str) -> None:
    """Read every column, by every way."""
    for column in table.layout.columns:
        values = table[column.name]
        table.find(column.name, np.unique(values[:3]))
        if column.type == "text":
            table.text(column.name)
    joined = Table.joined(table.layout, [table, table]).in_time_order()
    if len(joined):
        Block(b"".join(map(bytes, encode_block(stream, joined))), "file")


def _files(suffix: str) -> list[bytes]:
    return [content for path, content in files().items() if path.endswith(suffix)]


TARGETS = (
    Target("segment", _segment, lambda: _files(".seg"), lambda _: SEGMENT),
    Target("block", _block, lambda: _files(".col"), lambda _: BLOCK),
)
