"""A model that follows its reference: when another version is promoted, it is loaded and swapped in."""

import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, final

from mlprod._names import shorten
from mlprod.errors import InvalidConfigError, MLProdError
from mlprod.models._values import ModelMetadata

__all__ = ["ModelHandle"]

_log = logging.getLogger("mlprod.models")


@final
class ModelHandle:
    """The model that a reference means now.

    A poll is one small read. A new version is loaded and verified in full beside the old one and
    swapped in by one assignment; if that fails, the old one stays, `error` says why, and the next
    poll tries again. A forked child looks by itself from its first `refresh` on.

    Attributes:
        model: the loaded model.
        metadata: which version it is.
        error: why the newest version is not in use, or None.
    """

    def __init__(
        self,
        current: Callable[[], ModelMetadata],
        load: Callable[[ModelMetadata], object],
        *,
        interval_seconds: float,
        on_swap: Callable[[ModelMetadata], object] | None = None,
    ) -> None:
        """Load the model now, and look for another one every so many seconds until `close`.

        Args:
            current: looks up what the reference means.
            load: loads a version, verified.
            interval_seconds: pause between two looks.
            on_swap: called with the metadata after each swap, in the polling thread.
        """
        if not isinstance(interval_seconds, int | float) or not 0 < interval_seconds < threading.TIMEOUT_MAX:
            raise InvalidConfigError(
                f"interval_seconds must be a positive number, not {shorten(interval_seconds)}"
            )
        self._current = current
        self._load = load
        self._on_swap = on_swap
        metadata = current()
        self._held: tuple[ModelMetadata, object] = metadata, load(metadata)
        self._error: Exception | None = None
        self._interval_seconds = interval_seconds
        self._closed = threading.Event()
        self._start()

    def _start(self) -> None:
        """Look from now on, in this process."""
        self._process = os.getpid()
        self._refreshing = threading.Lock()
        arguments = weakref.ref(self), self._closed, self._interval_seconds
        threading.Thread(target=_poll, args=arguments, name="mlprod-watch", daemon=True).start()

    @property
    def model(self) -> Any:  # noqa: ANN401 - whatever was saved
        """The loaded model."""
        return self._held[1]

    @property
    def metadata(self) -> ModelMetadata:
        """Which version is loaded."""
        return self._held[0]

    @property
    def error(self) -> Exception | None:
        """Why the newest version is not in use, or None."""
        return self._error

    def refresh(self) -> bool:
        """Look now; return whether another version was swapped in.

        Raises:
            MLProdError: if the look or the load failed; the old version stays in use.
        """
        if self._process != os.getpid():  # forked: the thread stayed behind, and may have held the lock
            self._start()
        with self._refreshing:
            try:
                metadata = self._current()
                is_new = metadata.id != self.metadata.id
                self._held = metadata, self._load(metadata) if is_new else self.model
            except Exception as error:
                self._error = error
                raise
            self._error = None
        if not is_new:
            return False
        _log.info("now using %s", metadata.id)
        if self._on_swap is not None:
            self._on_swap(metadata)
        return True

    def close(self) -> None:
        """Stop looking; the loaded model stays usable."""
        self._closed.set()

    def __enter__(self) -> "ModelHandle":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking."""
        self.close()

    def __repr__(self) -> str:
        """Show which version is loaded."""
        return f"<ModelHandle {self.metadata.id}>"


def _poll(handle: weakref.ref[ModelHandle], closed: threading.Event, interval_seconds: float) -> None:
    """Refresh until closed, or until nobody holds the handle any more."""
    while not closed.wait(interval_seconds):
        watched = handle()
        if watched is None:
            return
        try:
            watched.refresh()
        except MLProdError as error:
            _log.warning("still using %s: %s", watched.metadata.id, error)
        except Exception:  # noqa: BLE001 - a format of the application's own, or on_swap; the thread lives on
            _log.exception("still using %s", watched.metadata.id)
        del watched
