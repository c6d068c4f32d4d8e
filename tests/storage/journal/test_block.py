"""What a block holds is read exactly, or refused."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import NewerSchemaError, StoreError
from mlprod.storage.journal import Column, Layout, Table
from mlprod.storage.journal._arrivals import _hash
from mlprod.storage.journal._block import Block, encode_block

VALUES = {
    "float": st.floats(width=64),
    "int": st.integers(-(1 << 63), (1 << 63) - 1),
    "id": st.integers(0, (1 << 64) - 1),
    "flags": st.integers(0, 255),
    "text": st.integers(0, 2),
}
TEXTS = ("", "größer")


@st.composite
def tables(draw):
    """Records in time order, of any layout; columns that are constant, absent or indexed among them."""
    columns = tuple(
        Column(f"c{number}", name, is_indexed=name != "float" and draw(st.booleans()))
        for number, name in enumerate(draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=5)))
    )
    rows = draw(st.integers(1, 12))
    times = sorted(draw(st.lists(VALUES["int"], min_size=rows, max_size=rows)))
    arrays = {"time": np.array(times, np.int64)}
    for column in columns:
        one, many = VALUES[column.type], st.lists(VALUES[column.type], min_size=rows, max_size=rows)
        match draw(st.sampled_from(["absent", "one", "broadcast", "many"])):
            case "one":
                arrays[column.name] = np.array([draw(one)] * rows, column.dtype)
            case "broadcast":
                arrays[column.name] = np.broadcast_to(np.array(draw(one), column.dtype), rows)
            case "many":
                arrays[column.name] = np.array(draw(many), column.dtype)
    return Table(Layout(columns), arrays, TEXTS)


def bits_of(table):
    """Return all columns as bytes, so that every NaN is equal to itself."""
    names = ["time", *(column.name for column in table.layout.columns)]
    return {name: np.ascontiguousarray(table[name]).tobytes() for name in names}


def raw_of(table, sources=None):
    return b"".join(encode_block("s/a", table, sources))


SOME = Table(
    Layout((Column("price", "float"), Column("id", "id", is_indexed=True), Column("name", "text"))),
    {
        "time": np.array([1, 2, 2, 9]),
        "price": np.array([0.5, float("nan"), -1.0, 0.0]),
        "id": np.array([7, 3, 7, 1], np.uint64),
        "name": np.array([1, 0, 2, 1], np.uint32),
    },
    TEXTS,
)
SOURCES = np.array([[1 << 63, 5], [6, 7]], np.uint64)


@given(tables())
def test_every_record_comes_back(table):
    """To the last bit, with the same layout and texts."""
    block = Block(raw_of(table), "file")
    assert ("s/a", len(table), table.layout, TEXTS) == (block.stream, block.rows, block.layout, block.texts)
    assert (table["time"][0], table["time"][-1]) == (block.since, block.until)
    assert bits_of(table) == bits_of(block.table)
    assert len(table) == len(block.table)
    assert [] == block.sources.tolist()


@given(tables(), st.sets(st.integers(0, 9)))
def test_find_is_the_same_with_an_index_and_without(table, wanted):
    """And for a column that the block has not."""
    found = Block(raw_of(table), "file").table
    for column in table.layout.columns:
        if column.type == "float":
            continue
        present = set(table[column.name][::2].tolist())
        values = np.array(sorted(wanted | present), np.uint64 if column.type != "int" else np.int64)
        expected, given_back = table.find(column.name, values), found.find(column.name, values)
        assert sorted(zip(*expected, strict=True)) == sorted(zip(*given_back, strict=True))
    later = Layout((*table.layout.columns, Column("later", "id")))
    widened = Table.joined(later, [found])
    assert [0] * len(table) == widened.find("later", np.array([0], np.uint64))[0].tolist()


def test_a_flipped_bit_is_noticed_or_harmless():
    """Whichever bit it is: what is read is exact, or it is a StoreError."""
    raw = raw_of(SOME, SOURCES)
    expected = bits_of(SOME)
    harmless = 0
    for position in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        try:
            block = Block(bytes(flipped), "file")
            found, sources = bits_of(block.table), block.sources
            order = block.find("id", np.array([1, 3, 7], np.uint64))[1].tolist()
        except StoreError:
            continue
        harmless += 1
        assert expected == found
        assert SOURCES.tolist() == sources.tolist()
        assert [3, 1, 0, 2] == order
    assert harmless < 8 * 64 * 8


def test_a_file_cut_short_anywhere_is_refused_at_once():
    """Before any of its columns is read: it is left out of a reading, which goes on."""
    raw = raw_of(SOME, SOURCES)
    last = len(raw) - 32  # zeros up to a multiple of 64 follow 32 bytes of sources
    for length in range(last):
        with pytest.raises(StoreError, match="file is damaged"):
            Block(raw[:length], "file")
    assert bits_of(SOME) == bits_of(Block(raw[:last], "file").table)


@given(st.binary(max_size=300), st.integers(0, 1000))
def test_garbage_is_refused(garbage, at):
    raw = raw_of(SOME)
    for damaged in (garbage, raw[:at] + garbage + raw[at + len(garbage) :]):
        try:
            found = bits_of(Block(damaged, "file").table)
        except StoreError:
            continue
        assert bits_of(SOME) == found


def forged(**changes):
    """Return a block whose header, with a right checksum, says something else."""
    raw = raw_of(SOME, SOURCES)
    (length,) = struct.unpack_from("<I", raw, 8)
    document = {**json.loads(raw[20 : 20 + length]), **changes}
    body = json.dumps(document).encode()
    head = struct.pack("<8sIQ", b"mlprblk\n", len(body), xxhash.xxh3_64_intdigest(body)) + body
    return head.ljust(-(-len(head) // 64) * 64, b"\0") + raw[-(-(20 + length) // 64) * 64 :]


COLUMNS = [["time", "int", None], ["price", "float", None], ["id", "id", None], ["name", "text", None]]


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 1 << 60},
        {"rows": -4},
        {"rows": "many"},
        {"rows": float("inf")},
        {"columns": [["time", "int", 5]], "rows": 1 << 60, "arrays": {}},
        {"columns": [["time", "int", 5], ["price", "float", 0]], "arrays": {}},
        {"columns": [["time", "float", None], *COLUMNS[1:]]},
        {"columns": [*COLUMNS[:3], ["name", "text", 1 << 32]]},
        {"columns": [*COLUMNS[:3], ["name", "text", -1]]},
        {"columns": [*COLUMNS, ["more", "int", None]]},
        {"columns": [*COLUMNS, ["name", "int", 0]]},
        {"columns": []},
        {"columns": None},
        {"arrays": {"time": [0, 32, 1]}},
        {"arrays": {"time": [-64, 32, 1]}},
        {"arrays": {"time": [0, -32, 1]}},
        {"arrays": {"time": [0, 1 << 60, 1]}},
        {"arrays": []},
        {"arrays": {name: [0, 32, 1] for name in ("time", "price", "id")}},
        {"columns": [[name, kind, 0] for name, kind, _ in COLUMNS], "rows": 1 << 40},
        {"columns": [["", "int", 0], *COLUMNS]},
        {"columns": [*COLUMNS, ["\ud800", "int", 0]]},
        {"columns": [*COLUMNS, [7, "int", 0]]},
        {"columns": [*COLUMNS, ["more", "int", True]]},
        {"columns": [*COLUMNS[1:], COLUMNS[0]]},
        {"stream": 5},
        {"stream": "\ud800"},
        {"rows": True},
        {"since": 1 << 63},
        {"until": 0.5},
        {"texts": 5},
        {"texts": "abc"},
        {"texts": [1]},
        {"version": "1"},
        {"version": 0},
    ],
    ids=str,
)
def test_a_forged_header_is_refused(changes):
    """It may promise what it likes: nothing is allocated for it."""
    with pytest.raises(StoreError, match="file is damaged"):
        Block(forged(**changes), "file")


def test_the_sources_are_pairs():
    raw = raw_of(SOME, SOURCES)
    (length,) = struct.unpack_from("<I", raw, 8)
    arrays = json.loads(raw[20 : 20 + length])["arrays"]
    arrays["~sources"][1] = 24
    with pytest.raises(StoreError, match="contradicts itself"):
        Block(forged(arrays=arrays), "file")


def test_a_deep_header_is_refused():
    body = b"[" * 100_000
    raw = struct.pack("<8sIQ", b"mlprblk\n", len(body), xxhash.xxh3_64_intdigest(body)) + body
    with pytest.raises(StoreError, match="file is damaged"):
        Block(raw, "file")


def test_a_newer_version_is_refused():
    with pytest.raises(
        NewerSchemaError, match="file is a block of version 2; this mlprod reads up to version 1"
    ):
        Block(forged(version=2), "file")


def test_a_constant_column_takes_no_room():
    """A million records of one price: 8 MB for the times, and nothing else."""
    rows = 1_000_000
    table = Table(
        Layout((Column("price", "float"), Column("id", "id", is_indexed=True))),
        {"time": np.arange(rows), "price": np.full(rows, 0.1), "id": np.zeros(rows, np.uint64)},
    )
    assert 8 * rows < len(raw_of(table)) < 8 * rows + 1000
    assert [0.1] == np.unique(Block(raw_of(table), "file").table["price"]).tolist()


def test_a_block_of_equal_records_says_how_many():
    """Where every column is constant, the times are kept all the same."""
    table = Table(Layout((Column("x", "int"),)), {"time": np.full(5, 3), "x": np.full(5, 2)})
    block = Block(raw_of(table), "file")
    assert ([3] * 5, [2] * 5) == (block.table["time"].tolist(), block.table["x"].tolist())


def test_taking_records_reads_all_columns():
    taken = Block(raw_of(SOME), "file").table.take(np.array([2, 0]))
    assert ([2, 1], [-1.0, 0.5]) == (taken["time"].tolist(), taken["price"].tolist())
    assert ["größer", ""] == taken.text("name").tolist()
    assert 4 == len(Block(raw_of(SOME), "file").table.columns)


FIXTURE = Path(__file__).parent / "fixtures" / "v1.col"


def test_the_committed_file_of_version_1_is_read():
    """It means what it meant when it was written, by make_fixtures.py."""
    block = Block(FIXTURE.read_bytes(), "v1.col")
    columns = [
        ("number", "int", False),
        ("price", "float", False),
        ("id", "id", True),
        ("flags", "flags", False),
        ("name", "text", False),
    ]
    assert columns == [(column.name, column.type, column.is_indexed) for column in block.layout.columns]
    assert ("s/a", 3, 99, 101) == (block.stream, block.rows, block.since, block.until)
    table = block.table
    assert [99, 100, 101] == table["time"].tolist()
    assert [7, -1, 8] == table["number"].tolist()
    assert ["nan", "0.5", "2.5"] == [str(price) for price in table["price"].tolist()]
    assert [0, 1 << 63, 5] == table["id"].tolist()
    assert [0, 3, 255] == table["flags"].tolist()
    assert [None, "", "größer"] == table.text("name").tolist()
    path = "journal/raw/s/a/0000000000000001-0000000000000000.seg"
    assert [[_hash(path), 1]] == block.sources.tolist()
    assert [1] == block.find("id", np.array([1 << 63], np.uint64))[1].tolist()


def test_it_is_written_as_committed():
    """A change of what is written takes a new version; it does not happen by accident."""
    block = Block(FIXTURE.read_bytes(), "v1.col")
    assert FIXTURE.read_bytes() == b"".join(encode_block("s/a", block.table, block.sources))


def rewritten(column, values, table=SOME):
    """Return a block one of whose arrays holds something else, with right checksums."""
    raw = raw_of(table, SOURCES)
    (length,) = struct.unpack_from("<I", raw, 8)
    document = json.loads(raw[20 : 20 + length])
    rest = bytearray(raw[-(-(20 + length) // 64) * 64 :])
    start, size, _ = document["arrays"][column]
    rest[start : start + size] = values
    document["arrays"][column][2] = xxhash.xxh3_64_intdigest(bytes(values))
    body = json.dumps(document).encode()
    head = struct.pack("<8sIQ", b"mlprblk\n", len(body), xxhash.xxh3_64_intdigest(body)) + body
    return Block(head.ljust(-(-len(head) // 64) * 64, b"\0") + bytes(rest), "file")


def test_codes_of_texts_that_are_not_there_are_damage():
    """Whoever looked them up would find nothing."""
    block = Block(forged(texts=[]), "file")
    with pytest.raises(
        StoreError, match="file is damaged: its column 'name' names texts that the file does not"
    ):
        block.table.text("name")


@pytest.mark.parametrize("order", ["beyond", "descending", "constant"])
def test_an_order_that_does_not_sort_is_damage(order):
    """It would lead to records that were not asked for, or beyond the end of the file."""
    ids = np.asarray(SOME["id"])
    found = {
        "beyond": np.full(len(ids), len(ids)),
        "descending": np.argsort(ids, kind="stable")[::-1],
        "constant": np.zeros(len(ids)),
    }[order]
    block = rewritten("id~order", found.astype(np.uint32).tobytes())
    with pytest.raises(StoreError, match="file is damaged: the order of its column 'id'"):
        block.find("id", np.unique(ids))


def test_columns_that_share_their_bytes_are_refused():
    """A small file of many of them would take for ever to verify, each being as long as the whole."""
    raw = raw_of(SOME, SOURCES)
    (length,) = struct.unpack_from("<I", raw, 8)
    arrays = json.loads(raw[20 : 20 + length])["arrays"]
    room = len(raw) - -(-(20 + length) // 64) * 64
    with pytest.raises(StoreError, match="its columns overlap"):
        Block(forged(arrays={**arrays, "more": [0, room, 1]}), "file")


def test_an_order_that_has_a_value_end_before_it_begins_is_damage():
    """A search for several values at once uses what it found for the one before."""
    ids = np.array([0, 3, 0, 1, 3, 0], np.uint64)
    table = Table(Layout((Column("id", "id", is_indexed=True),)), {"time": np.arange(6), "id": ids})
    block = rewritten("id~order", np.array([2, 0, 0, 3, 1, 3], np.uint32).tobytes(), table)
    with pytest.raises(StoreError, match="file is damaged: the order of its column 'id' does not sort it"):
        block.find("id", np.array([0, 2], np.uint64))
