"""ONNX: a graph of standard operators and its weights, which many runtimes execute."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

from mlprod._extras import require
from mlprod.errors import FormatError
from mlprod.formats._trust import Trust
from mlprod.typing import Chunks

__all__ = ["ONNXFormat"]

_DEEPEST = 99  # messages within each other; protobuf writes deeper ones and then cannot read them


@final
class ONNXFormat:
    """The payload is the serialised ``ModelProto`` with all its weights inside.

    A file that keeps weights in files beside it is saved with them pulled in; one that points outside its
    folder is refused. Loading returns an ``onnx.ModelProto`` and reads nothing but the payload.
    """

    name: str = "onnx"
    suffix: str = ".onnx"

    def recognizes(self, model: object) -> bool:
        """An ``onnx.ModelProto``; the path of an ``.onnx`` file, if it is not a plain string."""
        if isinstance(model, os.PathLike):
            return Path(model).suffix == self.suffix
        onnx = sys.modules.get("onnx")
        return onnx is not None and isinstance(model, onnx.ModelProto)

    def encode(self, model: object) -> Chunks:
        """Return the serialised model, given as such, as a ``ModelProto`` or as the path of a file.

        Raises:
            FormatError: if there is no such file, it is not an ONNX model, weights are missing, or
                more than the 2 GiB that protobuf can hold.
            MissingExtraError: if the package onnx is not installed.
        """
        onnx = _package()
        match model:
            case bytes() | bytearray() | memoryview():
                _parse(memoryview(model), onnx)
                return (bytes(model),)
            case str() | os.PathLike():
                proto = _read(os.fspath(model), onnx)
            case onnx.ModelProto():
                proto = model
            case _:
                kind = f"{type(model).__module__}.{type(model).__qualname__}"
                raise FormatError(f"a {kind} is no ONNX model; pass an onnx.ModelProto, its bytes or a path")
        _check(proto, onnx)
        try:
            return (proto.SerializeToString(),)
        except Exception as error:
            raise FormatError(
                f"the ONNX model cannot be serialised: {error}; protobuf holds at most 2 GiB"
            ) from error

    def decode(self, payload: memoryview, *, trust: Trust) -> object:  # noqa: ARG002 - data only
        """Return the ``ModelProto``.

        Raises:
            FormatError: if the payload is not an ONNX model, or refers to weights in other files.
            MissingExtraError: if the package onnx is not installed.
        """
        return _parse(payload, _package())


def _package() -> Any:  # noqa: ANN401 - a module
    return require("onnx", extra="onnx", purpose="the format 'onnx'")


def _read(path: str | bytes, onnx: Any) -> Any:  # noqa: ANN401 - a ModelProto
    try:
        return onnx.load(os.fsdecode(path))
    except Exception as error:
        raise FormatError(f"cannot read the ONNX model {os.fsdecode(path)}: {error}") from error


def _parse(payload: memoryview, onnx: Any) -> Any:  # noqa: ANN401 - a ModelProto
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(payload)
    except Exception as error:
        raise FormatError(f"the payload is not an ONNX model: {error}") from error
    _check(proto, onnx)
    return proto


def _check(proto: Any, onnx: Any) -> None:  # noqa: ANN401 - a ModelProto
    """Refuse what is no model, and what would make a runtime open files that the model names."""
    if not proto.HasField("graph") or not proto.opset_import:
        raise FormatError("the ONNX model has no graph or no opset: it is something else, or cut off")
    for tensor in _tensors(proto, onnx, depth=1):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise FormatError(
                f"the ONNX model keeps its tensor {tensor.name[:80]!r} in another file; save it by its path, "
                "or load it with its weights (as onnx.load does) and save that"
            )


def _tensors(message: Any, onnx: Any, depth: int) -> Iterator[Any]:  # noqa: ANN401 - protobuf messages
    """Yield every tensor there is, not only those of the places where onnx looks for external data."""
    if depth > _DEEPEST:
        refusal = f"the ONNX model is nested more than {_DEEPEST} messages deep, which cannot be read back"
        raise FormatError(refusal)
    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in [value] if hasattr(value, "ListFields") else value:
                yield from _tensors(inner, onnx, depth + 1)
