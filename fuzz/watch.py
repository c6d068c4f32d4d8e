"""Sees what a decoder does besides decoding: whatever a file says, nothing is imported or run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["Deed", "hook", "watched"]

_EVENTS: Final = frozenset(
    {
        "import", "exec", "pickle.find_class", "marshal.loads", "ctypes.dlopen", "os.system",
        "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "subprocess.Popen",
        "socket.connect",
    }
)  # fmt: skip
_OF_IMPORTS: Final = frozenset({"exec", "marshal.loads"})
_GENERATED: Final = ("attrs generated ", 'file ""')  # by attrs and cattrs, from classes, when first used
_HARMLESS: Final = ("mlprod", "numpy", "scipy", "encodings")  # imported where they are used, at the first use
_seen: list[tuple[str, str]] | None = None


class Deed(AssertionError):  # noqa: N818 - what was done, not what went wrong
    """Something was imported or run while a file was decoded."""


class _Imports:
    """Sees what is imported anew, and leaves the finding to others."""

    def find_spec(self, name: str, *_: object) -> None:
        """Note the name."""
        _note("import", (name,))


def hook() -> None:
    """Let `watched` see everything that is run, too, for the rest of this process.

    Not for a process of tests: a hook stays, and while it looks at one thread that begins to be traced, as
    by coverage, Python 3.11 lets no other thread begin.
    """
    sys.addaudithook(_note)


@contextmanager
def watched(may_import: tuple[str, ...] = ()) -> Iterator[None]:
    """Raise `Deed` if something is imported inside, or run, where `hook` was called."""
    global _seen  # noqa: PLW0603 - what is imported, and hooks, are of the process
    _seen = seen = []
    imports = _Imports()
    sys.meta_path.insert(0, imports)
    try:
        yield
    finally:
        _seen = None
        sys.meta_path.remove(imports)
    allowed = (*_HARMLESS, *may_import)
    strange = [what for event, what in seen if event == "import" and what.partition(".")[0] not in allowed]
    is_importing = any(event == "import" for event, _ in seen) and not strange
    for event, what in seen:
        if event != "import" and not (is_importing and event in _OF_IMPORTS):
            raise Deed(f"{event} {what}")
    if strange:
        raise Deed(f"import {strange[0]}")


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event in _EVENTS:
        what = str(arguments[0])[:200] if arguments else ""
        if not any(mark in what for mark in _GENERATED):
            _seen.append((event, what))
