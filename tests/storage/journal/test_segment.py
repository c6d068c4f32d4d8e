"""What a segment file holds is read as it was written, or left out, or refused: never something else."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import InvalidDataError, NewerSchemaError, StoreError
from mlprod.storage.journal import MARK, Appender, Column, Layout
from mlprod.storage.journal._segment import SegmentHeader, encode_text, read_segment

VALUES = {
    "float": st.floats(width=64),
    "int": st.integers(-(1 << 63), (1 << 63) - 1),
    "id": st.integers(0, (1 << 64) - 1),
    "flags": st.integers(0, 255),
    "text": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
}


@st.composite
def recorded(draw):
    """A layout, and records of it."""
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=6))
    record = st.tuples(VALUES["int"], *(VALUES[name] for name in types))
    layout = Layout(tuple(Column(f"c{number}", name) for number, name in enumerate(types)))
    return layout, draw(st.lists(record, max_size=20))


def segment_of(layout, records):
    """Return the bytes of a segment, up to its last record."""
    appender = Appender("s/a", layout, None, lambda _: None, lambda: None)
    for record in records:
        appender.append(*record)
    segment = appender.segment
    return bytes(segment.buffer[: segment.header.first + len(records) * layout.size]), segment.header


def rows_of(segment):
    """Return the records of a segment; a NaN as text, because it is not equal to itself."""
    table = segment.table
    columns = [
        table.text(column.name) if column.type == "text" else table[column.name]
        for column in table.layout.columns
    ]
    return [
        tuple(map(repr, row)) for row in zip(*(c.tolist() for c in (table["time"], *columns)), strict=True)
    ]


def expected_of(records):
    return [tuple(map(repr, record)) for record in records]


SOME = Layout((Column("x", "float"), Column("name", "text")))
RECORDS = [(number, number / 3, ["", "aé", None, "b" * 30][number % 4]) for number in range(7)]


@given(recorded())
def test_every_record_comes_back(drawn):
    """Whatever the layout, in the order in which they were appended, to the last bit."""
    layout, records = drawn
    raw, header = segment_of(layout, records)
    if not records:
        raw = header.encoded.ljust(header.first, b"\0")
    segment = read_segment(raw, "file")
    assert ("s/a", layout, 0) == (segment.header.stream, segment.header.layout, segment.torn)
    assert expected_of(records) == rows_of(segment)
    times = read_segment(raw, "file", only_times=True).table
    assert [record[0] for record in records] == times["time"].tolist()


@pytest.mark.slow
def test_a_file_cut_short_anywhere_gives_the_first_records():
    """Or, cut before the first record, is refused."""
    raw, header = segment_of(SOME, RECORDS)
    for length in range(len(raw)):
        if length < header.first:
            if length == 0 or not any(raw[:length]):
                continue
            with pytest.raises(StoreError, match="file is damaged"):
                read_segment(raw[:length], "file")
            continue
        segment = read_segment(raw[:length], "file")
        whole = (length - header.first) // SOME.size
        assert expected_of(RECORDS[:whole]) == rows_of(segment)
        assert int(any(raw[header.first + whole * SOME.size : length])) == segment.torn
    assert read_segment(b"", "file") is None


def test_a_flipped_bit_harms_at_most_the_record_that_it_is_in():
    """In the header it is noticed; in a text the records that refer to it are left out; no text is wrong."""
    raw, header = segment_of(SOME, RECORDS)
    expected = expected_of(RECORDS)
    used = header.dictionary + sum(len(encode_text(text)) for text in ("", "aé", "b" * 30)) + 8
    positions = [*range(len(header.encoded)), *range(header.dictionary, used), *range(header.first, len(raw))]
    for position in positions:
        for bit in range(8):
            flipped = bytearray(raw)
            flipped[position] ^= 1 << bit
            if position < len(header.encoded):
                with pytest.raises(StoreError, match="file is damaged"):
                    read_segment(bytes(flipped), "file")
                continue
            segment = read_segment(bytes(flipped), "file")
            found = rows_of(segment)
            if position < header.first:
                assert [row for row in expected if row in found] == found
                assert len(RECORDS) == len(found) + segment.torn
            else:
                harmed = (position - header.first) // SOME.size
                others = expected[:harmed] + expected[harmed + 1 :]
                assert others == [row for row in found if row in others]
                assert len(found) - len(others) in {0, 1}


@given(st.binary(max_size=300), st.integers(0, 5000))
def test_garbage_is_refused(garbage, at):
    """Whatever stands in a file, nothing but a StoreError comes out."""
    raw, _ = segment_of(SOME, RECORDS)
    for damaged in (garbage, raw[:at] + garbage + raw[at + len(garbage) :]):
        try:
            segment = read_segment(damaged, "file")
        except StoreError:
            continue
        assert segment is None or all(len(row) == 3 for row in rows_of(segment))


def forged(**changes):
    """Return a segment whose header, with a right checksum, says something else."""
    raw, header = segment_of(SOME, RECORDS)
    document = {**json.loads(header.encoded[20:]), **changes}
    body = json.dumps(document, separators=(",", ":")).encode()
    head = struct.pack("<8sIQ", b"mlprseg\n", len(body), xxhash.xxh3_64_intdigest(body)) + body
    return head + raw[len(head) :]


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"version": "1"},
        {"version": None},
        {"stream": 7},
        {"stream": ["s"]},
        {"columns": [[f"c{number}", "float"] for number in range(9)]},
        {"columns": [["x", "complex"], ["name", "text"]]},
        {"columns": [["x", "float"], ["x", "text"]]},
        {"columns": [["time", "float"]]},
        {"columns": [[1, "float"], ["name", "text"]]},
        {"columns": 5},
        {"record_bytes": 1 << 60},
        {"record_bytes": 0},
        {"dictionary_bytes": 1 << 60},
        {"dictionary_bytes": -4096},
        {"dictionary_bytes": 16384.0},
        {"dictionary_bytes": float("inf")},
        {"more": 1},
    ],
    ids=str,
)
def test_a_forged_header_is_refused(changes):
    """It may promise what it likes: nothing is allocated for it."""
    with pytest.raises(StoreError, match="file is damaged"):
        read_segment(forged(**changes), "file")


def test_a_deep_header_is_refused():
    body = b"[" * 100_000
    raw = struct.pack("<8sIQ", b"mlprseg\n", len(body), xxhash.xxh3_64_intdigest(body)) + body
    with pytest.raises(StoreError, match="file is damaged"):
        read_segment(raw, "file")


def test_a_newer_version_is_refused():
    with pytest.raises(
        NewerSchemaError, match="file is a segment of version 2; this mlprod reads up to version 1"
    ):
        read_segment(forged(version=2), "file")


def test_a_file_whose_header_was_never_written_is_none():
    """Its writer died before, or is about to write it; with a record behind it, the header was lost."""
    assert read_segment(bytes(70_000), "file") is None
    raw, header = segment_of(SOME, RECORDS)
    with pytest.raises(StoreError, match="its header is not whole"):
        read_segment(bytes(header.first) + raw[header.first :], "file")


def test_slots_that_were_never_filled_are_left_out():
    """Wherever they are; one that was begun is counted."""
    raw, header = segment_of(SOME, RECORDS)
    damaged = bytearray(raw)
    damaged[header.first + SOME.size : header.first + 2 * SOME.size] = bytes(SOME.size)
    damaged[header.first + 3 * SOME.size + SOME.struct.size - 1] = 0
    segment = read_segment(bytes(damaged), "file")
    assert expected_of([RECORDS[0], RECORDS[2], *RECORDS[4:]]) == rows_of(segment)
    assert 1 == segment.torn


def test_a_text_that_is_too_long_is_refused():
    """One of the longest is kept."""
    layout = Layout((Column("name", "text"),))
    longest = "é" * 32_767
    raw, _ = segment_of(layout, [(1, longest)])
    assert [longest] == read_segment(raw, "file").table.text("name").tolist()
    with pytest.raises(InvalidDataError, match="a text of 65,535 bytes is too long"):
        segment_of(layout, [(1, longest + "e")])


def test_the_committed_file_of_version_1_is_read():
    """It means what it meant when it was written, by make_fixtures.py."""
    raw = (Path(__file__).parent / "fixtures" / "v1.seg").read_bytes()
    segment = read_segment(raw, "v1.seg")
    columns = [("number", "int"), ("price", "float"), ("id", "id"), ("flags", "flags"), ("name", "text")]
    assert columns == [(column.name, column.type) for column in segment.header.layout.columns]
    assert "s/a" == segment.header.stream
    assert 1 == segment.torn
    expected = [
        (100, -1, 0.5, 1 << 63, 3, ""),
        (99, 7, float("nan"), 0, 0, None),
        (101, 8, 2.5, 5, 255, "größer"),
    ]
    assert expected_of(expected) == rows_of(segment)


def test_it_is_written_as_committed():
    """A change of what is written takes a new version; it does not happen by accident."""
    raw = (Path(__file__).parent / "fixtures" / "v1.seg").read_bytes()
    layout = read_segment(raw, "v1.seg").header.layout
    records = [
        (100, -1, 0.5, 1 << 63, 3, ""),
        (99, 7, float("nan"), 0, 0, None),
        (101, 8, 2.5, 5, 255, "größer"),
    ]
    written, header = segment_of(layout, records)
    begun = struct.pack("<q", 102).ljust(layout.size, b"\0")
    assert raw == (written + begun).ljust(len(raw), b"\0")
    assert header == SegmentHeader.decode(raw, "v1.seg")
    assert MARK == raw[header.first + layout.struct.size - 1]
    assert np.frombuffer(raw, np.uint8)[header.first + 4 * layout.size :].sum() == 0
