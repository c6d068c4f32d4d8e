"""Binary: a tree of plain data and numpy arrays, as a file that the safetensors package opens too."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import final

import attrs
import numpy as np

from mlprod.errors import FormatError
from mlprod.formats._layout import Array, header, raw_bytes, read_header, view
from mlprod.formats._tree import assemble, dismantle
from mlprod.formats._trust import Trust
from mlprod.typing import Buffer, Chunks

__all__ = ["BinaryFormat"]

_STRUCTURE = "mlprod.structure"
_CONTAINERS = frozenset({dict, list, tuple, complex})


@final
class BinaryFormat:
    """Arrays are written from where they lie and read without copying.

    A dict of arrays becomes tensors of the same names. Byte order becomes little-endian. A file
    written by the safetensors package, given by its path, is kept as it is and loads as a dict.
    """

    name: str = "binary"
    suffix: str = ".safetensors"

    def recognizes(self, model: object) -> bool:
        """Any container, numpy array or scalar; the path of a ``.safetensors`` file."""
        if isinstance(model, os.PathLike):
            return Path(model).suffix == self.suffix
        return type(model) in _CONTAINERS or isinstance(model, np.ndarray | np.generic)

    def encode(self, model: object) -> Chunks:
        """Return the file; `FormatError` if a part is neither plain data nor an array of a known dtype."""
        if isinstance(model, os.PathLike):
            return _existing(Path(model))
        try:
            tree, arrays = dismantle(model)
            structure = json.dumps(tree, separators=(",", ":"))
        except (ValueError, RecursionError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(f"the model cannot be written: {error}") from error
        return _File(*header(arrays, {_STRUCTURE: structure}))

    def decode(self, payload: memoryview, *, trust: Trust) -> object:  # noqa: ARG002 - data only
        """Return the tree; its arrays are views of the payload."""
        metadata, tensors = read_header(payload)
        if _STRUCTURE not in metadata:
            return {name: view(tensor, payload) for name, tensor in tensors.items()}

        def array(name: str) -> Array:
            tensor = tensors.pop(name, None)  # named again, it could be copied again, and again
            if tensor is None:
                raise FormatError(
                    f"the payload's structure names a tensor {name[:80]!r} that is not in the file, or twice"
                )
            return view(tensor, payload)

        try:
            return assemble(json.loads(metadata[_STRUCTURE]), array)
        except (ValueError, RecursionError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(f"the payload's structure cannot be read: {error}") from error


@final
@attrs.frozen
class _File:
    """The pieces of a file; an array that does not lie as the layout wants is copied when its turn comes."""

    head: bytes
    arrays: list[Array]

    @property
    def nbytes(self) -> int:
        """How many bytes they have, before any is copied."""
        return len(self.head) + sum(array.nbytes for array in self.arrays)

    def __iter__(self) -> Iterator[Buffer]:
        yield self.head
        for array in self.arrays:
            if array.size:
                yield raw_bytes(array)


def _existing(path: Path) -> Chunks:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read the model file {path}: {error}") from error
    read_header(memoryview(content))
    return (content,)
