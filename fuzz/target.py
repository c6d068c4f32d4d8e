"""What is fuzzed: a decoder, files that it must read, and how these are put together."""

import functools
from collections.abc import Callable, Iterable
from importlib.util import find_spec

import attrs

from fuzz.frames import Frame
from mlprod.errors import MLProdError

__all__ = ["Target"]


@attrs.frozen
class Target:
    """A decoder and all that is done with what it returns.

    Attributes:
        name: how it is called on the command line, and the folder of its corpus.
        decode: reads a file, and looks at all that it holds.
        seeds: returns valid files, as the library itself writes them.
        frame: returns how such a file is put together; None if it is not made of JSON.
        needs: modules without which it cannot be tried.
        may_import: packages of which it may import modules while it decodes.
        warm_seeds: so many of the seeds do all that is done at the first use; None: all of them.
    """

    name: str
    decode: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    frame: Callable[[bytes], Frame | None] = lambda _: None
    needs: tuple[str, ...] = ()
    may_import: tuple[str, ...] = ()
    warm_seeds: int | None = None

    @property
    def is_available(self) -> bool:
        """Whether the packages that it needs are installed."""
        return all(find_spec(module) is not None for module in self.needs)

    def warm_up(self) -> None:
        """Decode what the library wrote, so that all is imported and generated that is at the first uses."""
        _warm_up(self)

    def files(self) -> tuple[bytes, ...]:
        """Return the valid files, which are written once."""
        return _written(self.seeds)

    def accepts(self, raw: bytes) -> bool:
        """Return whether a file is read; whatever is not an error of the library comes out as it is."""
        try:
            self.decode(raw)
        except MLProdError:
            return False
        return True


@functools.cache
def _written(seeds: Callable[[], Iterable[bytes]]) -> tuple[bytes, ...]:
    return tuple(seeds())


@functools.cache
def _warm_up(target: Target) -> None:
    for _ in range(3):  # cattrs generates some functions again when it has generated others
        for file in target.files()[: target.warm_seeds]:
            if not target.accepts(file):
                raise AssertionError(f"{target.name}: the library refuses what it wrote: {file[:80]!r}")
