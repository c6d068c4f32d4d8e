"""What a format must do."""

from typing import Protocol, runtime_checkable

from mlprod.formats._trust import Trust
from mlprod.typing import Chunks

__all__ = ["Format"]


@runtime_checkable
class Format(Protocol):
    """Turns a model into bytes and back."""

    @property
    def name(self) -> str:
        """Stored with every model saved in this format; must never change."""
        ...

    @property
    def suffix(self) -> str:
        """Of payload files, e.g. ``".onnx"``."""
        ...

    def recognizes(self, model: object) -> bool:
        """Say whether this is the kind of object the format is for, by a look that imports nothing."""
        ...

    def encode(self, model: object) -> Chunks:
        """Return the payload in pieces, which may be iterated more than once.

        Raises:
            FormatError: if the format cannot hold the model exactly; the message says which part.
        """
        ...

    def decode(self, payload: memoryview, *, trust: Trust) -> object:
        """Return the model; it may keep views of the payload, and is read-only where that is.

        Raises:
            FormatError: if the payload does not follow the format.
            UntrustedModelError: if loading would run or import what `trust` does not allow.
        """
        ...
