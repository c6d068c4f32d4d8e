"""What is brought into the stores when the process ends, while their clients can still do their work."""

import atexit
import importlib
import logging
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

__all__ = ["flush_at_exit", "recover_at_exit"]

_log = logging.getLogger("mlprod.storage")


class _Flushable(Protocol):
    @property
    def folder(self) -> Path | None: ...
    def flush_outside(self) -> None: ...


class _Recoverable(Protocol):
    @property
    def root(self) -> Path: ...
    def recover(self) -> int: ...


_flushable: Final[weakref.WeakKeyDictionary[_Flushable, None]] = weakref.WeakKeyDictionary()
_recoverable: Final[dict[Path, _Recoverable]] = {}
_given_up: Final[set[Path | None]] = set()


def flush_at_exit(journal: _Flushable) -> None:
    """Have a journal flushed at exit, if it still lives."""
    _flushable[journal] = None


def recover_at_exit(spool: _Recoverable) -> None:
    """Have a spool emptied at exit, of what journals left there that live no more."""
    _recoverable[spool.root] = spool


def _flush_all() -> None:
    journals = [journal for ref in _flushable.keyrefs() if (journal := ref()) is not None]
    flushing = [(journal.folder, journal.flush_outside) for journal in journals]
    recovering = [(spool.root, spool.recover) for spool in list(_recoverable.values())]
    for folder, work in (*flushing, *recovering):
        if folder in _given_up:
            continue  # each attempt to reach a store that is not there may take minutes
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the others are flushed whatever happens to one
            _given_up.add(folder)
            _log.warning("recorded events stay in the spool until the next start: %s", error)
        except BaseException:
            _given_up.update(folder for folder, _ in (*flushing, *recovering))  # once is enough to interrupt
            raise


def _call_at_exit(work: Callable[[], None]) -> None:
    """Have it called at exit, twice: early, and after the last thread has ended.

    By the time of `atexit` the pools of threads are closed, without which e.g. aiohttp finds no
    server. They are closed by a callback that their module registered when it was imported; what is
    registered later is called before. Children of `multiprocessing` never come to `atexit`, only here.
    """
    importlib.import_module("concurrent.futures.thread")
    register = getattr(threading, "_register_atexit", None)  # private, and the only way
    if register is not None:  # pragma: no branch - an interpreter may lack it
        register(work)
    atexit.register(work)


_call_at_exit(_flush_all)
