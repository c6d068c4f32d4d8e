"""A segment: the file that one writer fills with records, one after the other.

::

    magic, length and checksum of the header, the header as JSON, zeros up to a full page
    the dictionary: texts in the order of their codes, each as its length plus 1 (16 bits), the
        XXH32 of its UTF-8 (32 bits), and its UTF-8
    records of a fixed size; what was never written is zero

A record ends with its mark, and a text begins with its length, each written last: what a crash cut
short has none. So a file that is being written can be read, if marks are looked at before records.
"""

import json
import struct
from pathlib import Path
from typing import Any, Final, final

import attrs
import numpy as np
import xxhash
from attrs.validators import instance_of
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.errors import InvalidDataError, NewerSchemaError, StoreError
from mlprod.storage.journal._layout import MARK, Column, Layout, layout_of
from mlprod.storage.journal._table import Table
from mlprod.typing import Buffer

__all__ = ["Segment", "SegmentHeader", "encode_text", "read_rest", "read_segment"]

VERSION: Final = 1
_PAGE_BYTES = 4096
_MAGIC = b"mlprseg\n"
_FRAME = struct.Struct("<8sIQ")
_ENTRY = struct.Struct("<HI")
_LONGEST_TEXT_BYTES = 0xFFFE


def _is_size(_instance: object, _attribute: object, size: int) -> None:
    if type(size) is not int or size < 0:
        raise ValueError(f"{shorten(size)} is no size of a dictionary")


@final
@attrs.frozen
class SegmentHeader:
    """What a segment says about itself.

    Attributes:
        stream: to which stream the records belong.
        layout: what they look like.
        dictionary_bytes: the room for texts between the header and the first record.
        encoded: the first bytes of the file.
        dictionary: where the dictionary begins.
        first: where the first record begins.
    """

    stream: str = attrs.field(validator=instance_of(str))
    layout: Layout
    dictionary_bytes: int = attrs.field(validator=_is_size)
    encoded: bytes = attrs.field(init=False, eq=False, repr=False)
    dictionary: int = attrs.field(init=False, eq=False, repr=False)
    first: int = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Work out the first bytes of the file, and what begins where."""
        document = {
            "version": VERSION,
            "stream": self.stream,
            "columns": [[column.name, column.type] for column in self.layout.columns],
            "record_bytes": self.layout.size,
            "dictionary_bytes": self.dictionary_bytes,
        }
        body = json.dumps(document, separators=(",", ":")).encode()
        encoded = _FRAME.pack(_MAGIC, len(body), xxhash.xxh3_64_intdigest(body)) + body
        dictionary = -(-len(encoded) // _PAGE_BYTES) * _PAGE_BYTES
        object.__setattr__(self, "encoded", encoded)
        object.__setattr__(self, "dictionary", dictionary)
        object.__setattr__(self, "first", dictionary + self.dictionary_bytes)

    @classmethod
    def decode(cls, raw: Buffer, where: str) -> "SegmentHeader":
        """Read the first bytes of a file.

        Raises:
            StoreError: if it is no segment, or its header is damaged.
            NewerSchemaError: if a newer version of the library wrote it.
        """
        try:
            magic, length, checksum = _FRAME.unpack_from(raw)
            body = bytes(raw[_FRAME.size : _FRAME.size + length])
            if magic != _MAGIC or checksum != xxhash.xxh3_64_intdigest(body):
                raise ValueError("its header is not whole")  # noqa: TRY301 - one way out
            document = json.loads(body)
            if document["version"] > VERSION:
                raise NewerSchemaError(
                    f"{where} is a segment of version {shorten(document['version'])}; this mlprod reads up "
                    f"to version {VERSION}. Upgrade mlprod in this process to the version that wrote it"
                )
            columns = tuple(Column(name, kind) for name, kind in document["columns"])
            header = cls(document["stream"], layout_of(columns), document["dictionary_bytes"])
            if header.encoded != bytes(raw[: _FRAME.size + length]) or len(raw) < header.first:
                raise ValueError("its header contradicts itself")  # noqa: TRY301 - one way out
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error) as error:
            raise StoreError(f"{where} is damaged: {error!s:.300}") from error
        return header


@final
@attrs.frozen(eq=False)
class Segment:
    """What a segment holds.

    Attributes:
        header: what it says about itself.
        table: its finished records, in the order in which they were written.
        torn: how many records were begun and never finished.
        finished: where in the file the records lie: the first so many, or a mask of all slots.
    """

    header: SegmentHeader
    table: Table
    torn: int
    finished: slice | NDArray[np.bool_]


def read_segment(raw: Buffer, where: str, *, only_times: bool = False) -> Segment | None:
    """Read all finished records of a file; None if its writer never got as far as the header.

    Args:
        raw: the file, which may be mapped, and written to meanwhile.
        where: how to call it in an error message.
        only_times: leave all other columns out, as if they were missing, for `read_rest`; what has texts
            is read whole all the same.

    Raises:
        StoreError: if its header is damaged.
    """
    if not any(raw[: _FRAME.size]) and not np.frombuffer(raw, np.uint8).any():
        return None
    header = SegmentHeader.decode(raw, where)
    layout = header.layout
    whole, rest = divmod(len(raw) - header.first, layout.size)
    rows = np.frombuffer(raw, layout.dtype, whole, header.first)
    is_finished = rows["mark"] == MARK
    count = int(np.count_nonzero(is_finished))
    if not is_finished[:count].all():  # those before may have been finished while these were looked at
        last = int(np.flatnonzero(is_finished)[-1]) + 1
        is_finished[:last] = rows["mark"][:last] == MARK
        count = int(np.count_nonzero(is_finished))
    is_prefix = bool(is_finished[:count].all())
    finished = slice(count) if is_prefix else is_finished
    # As words: numpy does not copy the padding between the fields of records.
    size = layout.size // 8
    words = np.frombuffer(raw, np.uint64, whole * size, header.first).reshape(whole, size)
    # Copied only now: a record whose mark was seen is whole, though others are still being written.
    if only_times and not layout.has_text:
        columns = {"time": np.array(rows["time"][finished])}
    else:
        columns = _columns(layout, np.array(words[finished]).view(layout.dtype).reshape(-1))
    table = Table(layout, columns, _texts(bytes(raw[header.dictionary : header.first])))
    unfinished = slice(count, None) if is_prefix else np.flatnonzero(~is_finished)
    torn = _begun(words[unfinished], rows["mark"][unfinished]) + (rest > 0 and any(raw[-rest:]))
    has_texts = _has_texts(table)
    if not has_texts.all():  # the disk kept the record and lost its text
        return Segment(header, table.take(has_texts), torn + int(np.count_nonzero(~has_texts)), finished)
    return Segment(header, table, torn, finished)


def read_rest(file: Path, header: SegmentHeader, finished: slice | NDArray[np.bool_]) -> Table:
    """Return all columns of the records of which only the times were read, and of no others.

    Their marks were seen before, so that they are whole by now: a plain read will do, which is several
    times as fast as a mapping.
    """
    count = finished.stop if isinstance(finished, slice) else len(finished)
    rows = np.fromfile(file, header.layout.dtype, count, offset=header.first)
    return Table(header.layout, _columns(header.layout, rows[finished]))


def _columns(layout: Layout, rows: NDArray[np.void]) -> dict[str, NDArray[Any]]:
    return {name: rows[name] for name in layout.dtype.names or () if name != "mark"}


def _begun(words: NDArray[np.uint64], marks: NDArray[np.uint8]) -> int:
    """Return how many of the rows are neither empty nor, by now, finished."""
    return int(np.count_nonzero(words.any(axis=1) & (marks != MARK)))


def _texts(region: bytes) -> tuple[str, ...]:
    """Return the texts up to the first that is not whole."""
    texts: list[str] = []
    position = 0
    while position + _ENTRY.size <= len(region):
        length, checksum = _ENTRY.unpack_from(region, position)
        position += _ENTRY.size
        encoded = region[position : position + length - 1]
        if not length or checksum != xxhash.xxh32_intdigest(encoded):
            break
        texts.append(encoded.decode(errors="replace"))
        position += length - 1
    return tuple(texts)


def _has_texts(table: Table) -> NDArray[np.bool_]:
    found = np.ones(len(table), np.bool_)
    for column in table.layout.columns:
        if column.type == "text":
            found &= table[column.name] <= len(table.texts)
    return found


def encode_text(text: str) -> bytes:
    """Return a dictionary entry.

    Raises:
        InvalidDataError: if it is too long for one.
    """
    encoded = text.encode()
    if len(encoded) > _LONGEST_TEXT_BYTES:
        raise InvalidDataError(
            f"a text of {len(encoded):,} bytes is too long: at most {_LONGEST_TEXT_BYTES:,} are kept; "
            "nothing was recorded"
        )
    return _ENTRY.pack(len(encoded) + 1, xxhash.xxh32_intdigest(encoded)) + encoded
