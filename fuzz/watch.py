"""Sees what a decoder does besides decoding: whatever a file says, nothing is imported or run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["Deed", "watched"]

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
_is_hooked = False


class Deed(AssertionError):  # noqa: N818 - what was done, not what went wrong
    """Something was imported or run while a file was decoded."""


@contextmanager
def watched(may_import: tuple[str, ...] = ()) -> Iterator[None]:
    """Raise `Deed` if something else is done inside than to decode; such a hook stays, so there is one."""
    global _seen, _is_hooked  # noqa: PLW0603 - hooks are of the process
    if not _is_hooked:
        sys.addaudithook(_note)
        _is_hooked = True
    _seen = seen = []
    try:
        yield
    finally:
        _seen = None
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
