"""Write a segment and a block of version 1; run once, before a version 2 is written.

python tests/storage/journal/make_fixtures.py
"""

import struct
from pathlib import Path

from mlprod.storage.journal import Appender, Column, Layout
from mlprod.storage.journal._arrivals import _hash
from mlprod.storage.journal._block import encode_block
from mlprod.storage.journal._segment import read_segment

FIXTURES = Path(__file__).parent / "fixtures"
LAYOUT = Layout(
    (
        Column("number", "int"),
        Column("price", "float"),
        Column("id", "id", is_indexed=True),
        Column("flags", "flags"),
        Column("name", "text"),
    )
)
RECORDS = [(100, -1, 0.5, 1 << 63, 3, ""), (99, 7, float("nan"), 0, 0, None), (101, 8, 2.5, 5, 255, "größer")]


def main():
    """Write both, unless they are there: what was committed stays as it is."""
    import numpy as np

    appender = Appender("s/a", LAYOUT, None, lambda _: None, lambda: None)
    for record in RECORDS:
        appender.append(*record)
    segment = appender.segment
    first = segment.header.first
    raw = bytearray(segment.buffer[: first + 5 * LAYOUT.size])
    raw[first + 3 * LAYOUT.size : first + 3 * LAYOUT.size + 8] = struct.pack("<q", 102)  # begun, not finished
    table = read_segment(bytes(raw), "fixture").table
    ordered = type(table)(LAYOUT, table.columns, table.texts).in_time_order()
    path = "journal/raw/s/a/0000000000000001-0000000000000000.seg"
    block = b"".join(encode_block("s/a", ordered, np.array([[_hash(path), 1]], np.uint64)))
    for name, data in (("v1.seg", bytes(raw)), ("v1.col", block)):
        if not (FIXTURES / name).exists():
            (FIXTURES / name).write_bytes(data)
            print("wrote", FIXTURES / name)


if __name__ == "__main__":
    main()
