"""How far work has come: told to a callback of the caller's, to a bar of tqdm, or to nobody."""

import contextlib
import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from operator import methodcaller
from typing import Any, Final, Literal, TypeAlias, final

from mlprod._extras import require
from mlprod._names import shorten
from mlprod.errors import InvalidConfigError, MissingExtraError
from mlprod.typing import Progress, ProgressCallback

__all__ = ["SILENT", "Tracker", "swap_default_progress", "track"]

_log = logging.getLogger("mlprod")

Unit: TypeAlias = Literal["bytes", "files", "partitions", "values"]

_PATIENCE_SECONDS: Final = 0.5  # a notebook shows no bar for what is over sooner
_UNITS: Final[Mapping[Unit, Mapping[str, object]]] = {
    "bytes": {"unit": "B", "unit_scale": True, "unit_divisor": 1024},
    "values": {"unit": " values", "unit_scale": True},
    "files": {"unit": " files"},
    "partitions": {"unit": " partitions"},
}


@final
class _Default:
    """The one piece of state of the process; assigned whole, so that it needs no lock."""

    progress: bool | None = None


def swap_default_progress(progress: bool | None) -> bool | None:  # noqa: FBT001 - it is what is swapped
    """Set what ``progress=None`` means (None: a bar in a notebook) and return what it meant before.

    Raises:
        InvalidConfigError: if it is neither; a callback belongs to one call.
        MissingExtraError: if bars are wanted, and tqdm is not installed.
    """
    if not isinstance(progress, bool | None):
        raise InvalidConfigError(
            f"progress for a whole process must be True, False or None, not {shorten(progress)}; a callback "
            "is passed to the one call that it follows"
        )
    if progress:
        _tqdm()
    before, _Default.progress = _Default.progress, progress
    return before


def track(progress: Progress) -> "Tracker":
    """Return what counts for a caller: nothing has begun, and nothing is shown.

    Args:
        progress: a callback; True: a bar; False: nothing; None: what `configure` said, else a bar in a
            notebook, once the work has gone on for half a second.

    Raises:
        InvalidConfigError: if it is none of these.
        MissingExtraError: if a bar is wanted, and tqdm is not installed.
    """
    wanted = _Default.progress if progress is None else progress
    if wanted is False or (wanted is None and not _is_notebook()):
        return SILENT
    if wanted is None:
        return Tracker(_Bar(patience_seconds=_PATIENCE_SECONDS))
    if wanted is True:
        _tqdm()
        return Tracker(_Bar(patience_seconds=0.0))
    if isinstance(wanted, type) or not isinstance(wanted, ProgressCallback):
        raise InvalidConfigError(
            f"progress must be True, False, None, or a callback such as fsspec.callbacks.TqdmCallback(), "
            f"not {shorten(wanted)}"
        )
    return Tracker(wanted)


@final
class Tracker:
    """Counts towards a total, from any thread. Used in a ``with``, which takes its bar away.

    Showing must not harm what is shown: a display that raises is asked no more, and the work goes on.
    """

    def __init__(self, display: "_Bar | ProgressCallback | None") -> None:
        """Take who is told; None is nobody."""
        self._display = display
        self._count = 0
        self._total: int | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "Tracker":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away; a callback is the caller's to close."""
        if isinstance(self._display, _Bar):
            self._tell(methodcaller("close"))

    @property
    def is_watched(self) -> bool:
        """Whether anybody is told."""
        return self._display is not None

    def describe(self, what: str) -> None:
        """Say what is done, to which object."""
        if isinstance(self._display, _Bar):
            self._display.words["desc"] = what

    def begin(self, unit: Unit, total: int | None) -> None:
        """Say how much there is to be done (None: nobody knows yet).

        If something was counted before, as when an upload had to begin again, the total grows.
        """
        if isinstance(self._display, _Bar):
            self._display.words |= _UNITS[unit]
        self._expect(None if total is None else self._count + total)

    def count(self, amount: int = 1) -> None:
        """Say that so much more is done."""
        if self._display is not None and amount:
            with self._lock:
                self._count += amount
                self._tell(methodcaller("relative_update", amount))

    def finish(self) -> None:
        """Say that this was all, whatever was expected."""
        if self._total != self._count:
            self._expect(self._count)

    def _expect(self, total: int | None) -> None:
        if self._display is not None:
            with self._lock:
                self._total = total
                self._tell(methodcaller("set_size", total))

    def _tell(self, call: Callable[[Any], object]) -> None:
        if self._display is None:  # another thread has just found that it raises
            return
        try:
            call(self._display)
        except Exception as error:  # noqa: BLE001 - the caller's callback, or a closed standard error
            _log.warning("progress is not shown any more: %s raised %r", shorten(self._display), error)
            self._display = None


SILENT: Final = Tracker(None)
"""Tells nobody; shared, as it remembers nothing."""


@final
class _Bar:
    """A bar of tqdm on standard error, made once the work has gone on for a while."""

    def __init__(self, *, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = clock() + patience_seconds
        self.words: dict[str, object] = {}
        self._count = 0
        self._size: int | None = None
        self._shown: Any = None

    def set_size(self, size: int | None) -> None:
        self._size = size
        if self._shown is not None:
            self._shown.total = size
            self._shown.refresh()
        elif self._clock() >= self._due:
            self._show()

    def relative_update(self, amount: int) -> None:
        self._count += amount
        if self._shown is not None:
            self._shown.update(amount)
        elif self._clock() >= self._due and self._count != self._size:
            self._show()

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()

    def _show(self) -> None:
        try:
            tqdm = _tqdm()
        except MissingExtraError:  # only where nobody asked for a bar
            self._due = math.inf
        else:
            file = _Forgiving(sys.stderr)
            self._shown = tqdm(total=self._size, initial=self._count, file=file, **self.words)


@final
class _Forgiving:
    """A file that takes everything: where one raises, tqdm keeps its lock, and other threads wait forever."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401 - it may be none, as in a program without a window
        self._file = file

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - it is asked for its encoding, and for a terminal
        return getattr(self._file, name)

    def write(self, text: str) -> None:
        with contextlib.suppress(Exception):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(Exception):
            self._file.flush()


def _tqdm() -> Any:  # noqa: ANN401 - it is not imported
    return require("tqdm", extra="progress", purpose="a progress bar").tqdm


def _is_notebook() -> bool:
    """Return whether this process is a kernel of Jupyter; nothing is imported to look."""
    find = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return find is not None and hasattr(find(), "kernel")
