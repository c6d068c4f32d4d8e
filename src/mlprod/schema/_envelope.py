"""The file form of a record: one JSON object that says what it is and proves that it is whole.

``{"kind":"…","version":1,"checksum":"xxh3_64:…","data":…}``

The checksum covers the bytes of `data` exactly as they stand between ``"data":`` and the closing
brace, so that checking it needs no second serialisation.
"""

import json
import re
from typing import Any

import xxhash

from mlprod.errors import StoreError

__all__ = ["dump", "load"]

_DATA = b',"data":'
_SURROGATE = re.compile(rb"\\u[Dd][89A-Fa-f]")


def dump(kind: str, version: int, data: object) -> bytes:
    """Return the file form of a record."""
    body = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    checksum = f"xxh3_64:{xxhash.xxh3_64_hexdigest(body)}"
    head = json.dumps({"kind": kind, "version": version, "checksum": checksum}, separators=(",", ":"))
    return head[:-1].encode() + _DATA + body + b"}"


def load(raw: bytes, where: str) -> tuple[str, int, Any]:
    """Return kind, version and data of a record file.

    Args:
        raw: the whole file.
        where: how to call the file in an error message.

    Raises:
        StoreError: if it is empty, torn, altered or not a record at all.
    """
    if not raw:
        raise _damaged(where, "it is empty")
    try:
        document = json.loads(raw.decode())
        if _SURROGATE.search(raw):  # alone it is no text, and could not be written again
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _damaged(where, f"it is not complete JSON ({error})") from error
    match document:
        case {"kind": str(kind), "version": int(version), "checksum": str(checksum), "data": data}:
            body = raw[raw.find(_DATA) + len(_DATA) : -1]
        case _:
            raise _damaged(where, "it is not an mlprod record")
    if checksum != f"xxh3_64:{xxhash.xxh3_64_hexdigest(body)}":
        raise _damaged(where, "its checksum does not match its contents")
    return kind, version, data


def _damaged(where: str, how: str) -> StoreError:
    return StoreError(
        f"{where} is damaged: {how}. Nothing was guessed; restore this file from a backup or another copy"
    )
