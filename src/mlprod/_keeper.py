"""Work that must not wait for the next call: a thread that does it, as long as its owner lives."""

import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Final, final

__all__ = ["Keeper"]

_log = logging.getLogger("mlprod")


@final
class Keeper:
    """Calls a method every few seconds in a daemon thread.

    The owner of the method is held weakly: when it is collected, the thread ends. A child made by
    ``fork`` has no such thread until `start` is called there.
    """

    def __init__(self, work: Callable[[], None], *, interval_seconds: float, name: str) -> None:
        """Name the bound method; nothing is started yet."""
        self._work = weakref.WeakMethod(work)
        self._interval: Final = interval_seconds
        self._name: Final = name
        self._stops: dict[int, threading.Event] = {}

    def start(self) -> None:
        """Start the thread, if it does not run in this process already."""
        if os.getpid() in self._stops:
            return
        stop = threading.Event()
        if self._stops.setdefault(os.getpid(), stop) is not stop:
            return  # another thread was faster
        try:
            threading.Thread(
                target=_run, args=(self._work, self._interval, stop), name=self._name, daemon=True
            ).start()
        except RuntimeError as error:  # the interpreter shuts down, or the system has no room for threads
            self._stops.pop(os.getpid(), None)
            _log.warning("no thread %s could be started: %s", self._name, error)

    def stop(self) -> None:
        """End the thread after the work it is doing."""
        stop = self._stops.pop(os.getpid(), None)  # a parent's event may be locked for ever in its child
        if stop is not None:
            stop.set()


def _run(work: "weakref.WeakMethod[Callable[[], None]]", interval: float, stopped: threading.Event) -> None:
    failure = ""
    while not stopped.wait(interval):
        method = work()
        if method is None:
            return
        try:
            method()
            failure = ""
        except Exception as error:  # noqa: BLE001 - the thread must outlive it; it is in the log, once
            if failure != repr(error):
                _log.exception("background work failed; it is tried again every %g seconds", interval)
            failure = repr(error)
        del method
