"""Types that appear in public signatures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias, runtime_checkable

__all__ = ["JSON", "Buffer", "Chunks", "Clock", "Progress", "ProgressCallback"]

JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
"""Whatever `json.dumps` takes: None, booleans, numbers, strings, lists and dicts with string keys."""

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Contiguous bytes."""

Chunks: TypeAlias = Iterable[Buffer]
"""A payload in pieces, in order, so that gigabytes need not be joined in memory."""

Clock: TypeAlias = Callable[[], datetime]
"""Returns the time as a timezone-aware datetime."""


@runtime_checkable
class ProgressCallback(Protocol):
    """Is told how far work has come; every ``fsspec.callbacks.Callback`` is one.

    It may be called from several threads, one at a time. If it raises, that goes to the log, it is called no
    more, and the work goes on.
    """

    def set_size(self, size: int | None, /) -> object:
        """Say how much there is to be done in all; None if nobody knows yet."""
        ...

    def relative_update(self, inc: int, /) -> object:
        """Say that so much more is done."""
        ...


Progress: TypeAlias = bool | ProgressCallback | None
"""Who is told how far work has come.

A callback; True: a bar of tqdm (extra ``progress``) on standard error; False: nobody; None: what `configure`
said, else a bar in a Jupyter notebook where tqdm is installed, once the work has gone on for half a second.
"""
