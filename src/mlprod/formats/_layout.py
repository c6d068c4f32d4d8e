"""The safetensors file layout: a length, a JSON header, then the bytes of the tensors.

Reading believes nothing: every number of the header is checked against the bytes that are there
before anything is allocated. Layout: https://huggingface.co/docs/safetensors (format section).
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, final

import attrs
import numpy as np

from mlprod._extras import require
from mlprod.errors import FormatError

__all__ = [
    "METADATA",
    "MOST_DIMENSIONS",
    "Array",
    "Tensor",
    "header",
    "raw_bytes",
    "read_header",
    "tag_of",
    "view",
]

METADATA = "__metadata__"

Array = np.ndarray[Any, np.dtype[Any]]  # numpy.typing takes a millisecond to import

_NATIVE = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "u2", "I16": "i2", "F16": "f2", "U32": "u4",
    "I32": "i4", "F32": "f4", "U64": "u8", "I64": "i8", "F64": "f8", "C64": "c8",
}  # fmt: skip
_NATIVE_TAGS = {np.dtype(code): tag for tag, code in _NATIVE.items()}
_EXTENDED = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}
_EXTENDED_WIDTHS = {"BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_EXTENDED_TAGS = {name: tag for tag, name in _EXTENDED.items()}

_LENGTH_BYTES = 8
_LARGEST_HEADER = 100_000_000  # the limit of the safetensors package
_MOST_TENSORS = 100_000
MOST_DIMENSIONS = 32  # of numpy 1 and other readers; numpy 2 allows 64
_ALIGNMENT = 64


@final
@attrs.frozen
class Tensor:
    """Where a tensor lies in a payload, and how its bytes are to be read."""

    tag: str
    shape: tuple[int, ...]
    start: int
    stop: int


def tag_of(dtype: np.dtype[Any]) -> str | None:
    """Return the layout's name of a dtype, or None if it has none."""
    return _NATIVE_TAGS.get(dtype.newbyteorder("=")) or _EXTENDED_TAGS.get(dtype.name)


def header(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> tuple[bytes, list[Array]]:
    """Return the bytes before the tensors, and the arrays in the order in which their bytes follow.

    The widest dtypes come first and the whole is padded, so that every tensor is aligned when the
    file is mapped into memory.
    """
    if len(arrays) > _MOST_TENSORS:
        raise FormatError(
            f"the model has {len(arrays):,} arrays; at most {_MOST_TENSORS:,} fit one file: stack some"
        )
    ordered = sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize)
    document: dict[str, Any] = {METADATA: dict(metadata)}
    offset = 0
    for name, array in ordered:
        end = offset + array.nbytes
        shape, tag = list(array.shape), tag_of(array.dtype)
        document[name] = {"dtype": tag, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-(_LENGTH_BYTES + len(text)) % _ALIGNMENT)
    if len(text) > _LARGEST_HEADER:
        raise FormatError(
            f"the model's structure takes {len(text):,} bytes; at most {_LARGEST_HEADER:,} fit one file"
        )
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text, [array for _, array in ordered]


def raw_bytes(array: Array) -> memoryview:
    """Return the bytes as the layout wants them, without a copy where they lie that way already."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).reshape(-1).view(np.uint8).data


def read_header(payload: memoryview) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return metadata and tensors of a payload, every offset proven to lie inside it.

    Raises:
        FormatError: if anything is missing, surplus, overlapping or out of range.
    """
    if len(payload) < _LENGTH_BYTES:
        raise _wrong(f"it has {len(payload)} bytes, too few for a header")
    length = int.from_bytes(payload[:_LENGTH_BYTES], "little")
    data_start = _LENGTH_BYTES + length
    if length > _LARGEST_HEADER or data_start > len(payload):
        raise _wrong(f"its header claims {length:,} bytes of {len(payload):,}")
    text = bytes(payload[_LENGTH_BYTES:data_start])
    if text.count(b'"data_offsets"') > 2 * _MOST_TENSORS:  # some of them may be names
        raise _wrong(f"its header claims more than {_MOST_TENSORS:,} tensors")
    try:
        document = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"its header is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise _wrong("its header is not a JSON object")
    metadata = document.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _wrong("its metadata is not a mapping of strings")
    if len(document) > _MOST_TENSORS:
        raise _wrong(f"its header claims more than {_MOST_TENSORS:,} tensors")
    tensors = {name: _tensor(name, entry, data_start) for name, entry in document.items()}
    _check_gapless(tensors.values(), data_start, len(payload))
    return metadata, tensors


def view(tensor: Tensor, payload: memoryview) -> Array:
    """Return the tensor as an array over the payload's own memory."""
    flat = np.frombuffer(payload[tensor.start : tensor.stop], dtype=np.uint8).view(_dtype(tensor.tag))
    try:
        return flat.reshape(tensor.shape)
    except ValueError as error:  # empty, with extents whose product numpy cannot hold
        raise _wrong(f"it has a tensor of the impossible shape {tensor.shape}") from error


def _tensor(name: str, entry: object, data_start: int) -> Tensor:
    match entry:
        case {"dtype": str(tag), "shape": [*shape], "data_offsets": [int(start), int(stop)]}:
            pass
        case _:
            raise _wrong(f"its tensor {name[:80]!r} is not described by dtype, shape and data_offsets")
    if tag not in _NATIVE and tag not in _EXTENDED:
        raise _wrong(f"its tensor {name[:80]!r} has the unknown dtype {tag[:20]!r}")
    if len(shape) > MOST_DIMENSIONS or not all(
        type(extent) is int and 0 <= extent < 1 << 63 for extent in shape
    ):
        raise _wrong(f"its tensor {name[:80]!r} has an impossible shape")
    if not 0 <= start <= stop or stop - start != math.prod(shape) * _width(tag):
        raise _wrong(f"its tensor {name[:80]!r} claims bytes that do not fit its shape")
    return Tensor(tag, tuple(shape), data_start + start, data_start + stop)


def _check_gapless(tensors: Iterable[Tensor], data_start: int, size: int) -> None:
    position = data_start
    for tensor in sorted(tensors, key=lambda tensor: (tensor.start, tensor.stop)):
        if tensor.start != position:
            raise _wrong("its tensors overlap or leave gaps")
        position = tensor.stop
    if position != size:
        raise _wrong(f"its tensors end at byte {position:,} of {size:,}")


def _width(tag: str) -> int:
    return np.dtype(_NATIVE[tag]).itemsize if tag in _NATIVE else _EXTENDED_WIDTHS[tag]


def _dtype(tag: str) -> np.dtype[Any]:
    if tag in _NATIVE:
        return np.dtype(_NATIVE[tag]).newbyteorder("<")
    extended = require("ml_dtypes", extra="ml-dtypes", purpose=f"reading a tensor of the type {tag}")
    dtype: np.dtype[Any] = np.dtype(getattr(extended, _EXTENDED[tag]))
    return dtype


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key[:80]!r} stands twice")
        result[key] = value
    return result


def _wrong(how: str) -> FormatError:
    return FormatError(f"the payload does not follow the safetensors layout: {how}")
