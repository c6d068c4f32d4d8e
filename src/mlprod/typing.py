"""Types that appear in public signatures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

__all__ = ["JSON", "Buffer", "Chunks", "Clock"]

JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
"""Whatever `json.dumps` takes: None, booleans, numbers, strings, lists and dicts with string keys."""

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Contiguous bytes."""

Chunks: TypeAlias = Iterable[Buffer]
"""A payload in pieces, in order, so that gigabytes need not be joined in memory."""

Clock: TypeAlias = Callable[[], datetime]
"""Returns the time as a timezone-aware datetime."""
