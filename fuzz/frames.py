"""How files are put together around a JSON document, so that a changed document gets a frame that fits.

An attacker can write right checksums, and so can a bug: only behind them it shows what a decoder believes.
"""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any, Final

import attrs
import xxhash

from fuzz.damage import dumps

__all__ = ["BINARY", "BLOCK", "JSON", "RECORD", "SEGMENT", "Frame", "archive"]

_HEAD = struct.Struct("<8sIQ")
_DATA = b',"data":'


@attrs.frozen
class Frame:
    """A way to take a file apart, and to put it together again.

    Attributes:
        split: returns the document in a file, and the bytes around it; `ValueError` or `LookupError` if the
            file is too damaged for that.
        join: returns the file of a document.
    """

    split: Callable[[bytes], tuple[Any, bytes]]
    join: Callable[[Any, bytes], bytes]


def _split_json(raw: bytes) -> tuple[Any, bytes]:
    return json.loads(raw), b""


def _join_json(document: Any, _: bytes) -> bytes:  # noqa: ANN401 - JSON
    return dumps(document)


def _join_record(document: Any, _: bytes) -> bytes:  # noqa: ANN401 - JSON
    if not isinstance(document, dict) or "data" not in document:
        return dumps(document)
    body = dumps(document["data"], ascii_only=False)
    head = {key: value for key, value in document.items() if key not in {"data", "checksum"}}
    head["checksum"] = f"xxh3_64:{xxhash.xxh3_64_hexdigest(body)}"
    return dumps(head)[:-1] + _DATA + body + b"}"


def _split_binary(raw: bytes) -> tuple[Any, bytes]:
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    metadata = header.get("__metadata__", {})
    if "mlprod.structure" in metadata:
        metadata["mlprod.structure"] = json.loads(metadata["mlprod.structure"])
    return header, raw[8 + length :]


def _join_binary(header: Any, rest: bytes) -> bytes:  # noqa: ANN401 - JSON
    if isinstance(header, dict) and isinstance(metadata := header.get("__metadata__"), dict):
        texts = {
            key: value if key != "mlprod.structure" or isinstance(value, str) else dumps(value).decode()
            for key, value in metadata.items()
        }
        header = {**header, "__metadata__": texts}
    text = dumps(header)
    return len(text).to_bytes(8, "little") + text + rest


def _headed(alignment: int) -> Frame:
    """Return the frame of a segment or a block: magic, length and checksum, the header, aligned contents."""

    def split(raw: bytes) -> tuple[Any, bytes]:
        magic, length, _ = _HEAD.unpack_from(raw)
        end = _HEAD.size + length
        return [magic.decode(), json.loads(raw[_HEAD.size : end])], raw[-(-end // alignment) * alignment :]

    def join(document: Any, rest: bytes) -> bytes:  # noqa: ANN401 - JSON
        magic, header = document if isinstance(document, list) and len(document) == 2 else ("", document)  # noqa: PLR2004
        body = dumps(_checked(header, rest))
        head = (
            _HEAD.pack(str(magic).encode(errors="replace"), len(body), xxhash.xxh3_64_intdigest(body)) + body
        )
        return head.ljust(-(-len(head) // alignment) * alignment, b"\0") + rest

    return Frame(split, join)


def _checked(header: Any, rest: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return the header of a block with the checksums that its arrays have."""
    match header:
        case {"arrays": dict(arrays)}:
            found = {}
            for name, entry in arrays.items():
                match entry:
                    case [int(start), int(length), int()] if 0 <= start <= len(rest) and length >= 0:
                        found[name] = [start, length, xxhash.xxh3_64_intdigest(rest[start : start + length])]
                    case _:
                        found[name] = entry
            return {**header, "arrays": found}
        case _:
            return header


def archive(member: str) -> Frame:
    """Return the frame of a ZIP archive with a JSON member among others."""

    def split(raw: bytes) -> tuple[Any, bytes]:
        with zipfile.ZipFile(io.BytesIO(raw)) as file:
            return json.loads(file.read(member)), raw

    def join(document: Any, rest: bytes) -> bytes:  # noqa: ANN401 - JSON
        content = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(rest)) as before, zipfile.ZipFile(content, "w") as after:
            for name in before.namelist():
                after.writestr(name, dumps(document) if name == member else before.read(name))
        return content.getvalue()

    return Frame(split, join)


JSON: Final = Frame(_split_json, _join_json)
RECORD: Final = Frame(_split_json, _join_record)
BINARY: Final = Frame(_split_binary, _join_binary)
SEGMENT: Final = _headed(4096)
BLOCK: Final = _headed(64)
