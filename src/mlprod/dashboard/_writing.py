"""`write` and `render`: from a store to a page."""

import os
from typing import Any, Final

from mlprod._defaults import (
    default_clock,
    get_ab_testing_manager,
    get_drift_detector,
    get_model_serializer,
    get_performance_monitor,
)
from mlprod._names import check_text, shorten
from mlprod.dashboard._gathering import gather
from mlprod.dashboard._page import page
from mlprod.drift import DriftDetector
from mlprod.errors import InvalidConfigError
from mlprod.experiments import ABTestingManager
from mlprod.models import ModelSerializer
from mlprod.monitoring import PerformanceMonitor
from mlprod.storage import StoreLike, publish, resolve_store
from mlprod.typing import Clock

__all__ = ["render", "write"]

_TITLE: Final = "Models in production"
_LONGEST_TITLE: Final = 256
_LONGEST_REFRESH: Final = 86_400


def render(
    store: StoreLike | None = None,
    *,
    title: str | None = None,
    refresh_seconds: float | None = None,
    monitor: PerformanceMonitor | None = None,
    clock: Clock | None = None,
) -> str:
    """Return everything in a store as one page of HTML that needs nothing else.

    Nothing is written: no alert fires and no experiment ends because somebody looks.

    Args:
        store: a URL, a path or a store; None is the default store, as the process-wide instances see it.
        title: of the page.
        refresh_seconds: how often the page loads itself anew, a second to a day; None: never.
        monitor: one on the same store that was told how to judge: ``accuracy_tolerance``,
            ``initial_capital`` and so on. None: one that was told nothing.
        clock: the time of the page; None is the machine's.

    Returns:
        The page.

    Raises:
        InvalidConfigError: if `refresh_seconds` is out of its range.
        InvalidDataError: if the title is no text, or too long.

    Example:
        >>> from mlprod import ModelSerializer
        >>> _ = ModelSerializer("memory://rendered").save([0.5], "momentum", activate=True)
        >>> render("memory://rendered", title="Desk 3").count("<h1><bdi>Desk 3</bdi></h1>")
        1
    """
    name = check_text(_TITLE if title is None else title, "the title", limit=_LONGEST_TITLE)
    seconds = _refresh(refresh_seconds)
    if store is None:
        models, manager, detector = get_model_serializer(), get_ab_testing_manager(), get_drift_detector()
        watching = monitor or get_performance_monitor()
        clock = clock or default_clock()
    else:
        opened = resolve_store(store)
        models = ModelSerializer(opened, clock=clock)
        manager = ABTestingManager(opened, clock=clock)
        detector = DriftDetector(opened, clock=clock)
        watching = monitor or PerformanceMonitor(opened, clock=clock)
    snapshot = gather(models, watching, manager, detector, clock=clock)
    return page(snapshot, title=name, refresh_seconds=seconds)


def write(
    path_or_url: str | os.PathLike[str],
    store: StoreLike | None = None,
    *,
    title: str | None = None,
    refresh_seconds: float | None = None,
    monitor: PerformanceMonitor | None = None,
    clock: Clock | None = None,
    **storage_options: Any,  # noqa: ANN401 - whatever the filesystem takes
) -> str:
    """Write the page of a store to a file or a bucket, whole: who opens it never sees half of it.

    Args:
        path_or_url: where, e.g. ``"dashboard.html"`` or ``"s3://bucket/dashboard.html"``; what is there
            is replaced.
        store: as for `render`.
        title: as for `render`.
        refresh_seconds: as for `render`. Write it again, e.g. from a timer, and open pages follow.
        monitor: as for `render`.
        clock: as for `render`.
        **storage_options: for the filesystem of the URL, as for `open_store`.

    Returns:
        The place written: an absolute path, or the URL.

    Raises:
        InvalidConfigError: if `path_or_url` or `refresh_seconds` cannot be.
        InvalidDataError: if the title is no text, or too long.
        StoreError: if it cannot be written; what was there before still is, then.

    Example:
        >>> from mlprod import ModelSerializer
        >>> _ = ModelSerializer("shared/models").save([0.5], "momentum", activate=True)
        >>> place = write("dashboard.html", "shared/models")
        >>> os.path.isabs(place), os.path.basename(place)
        (True, 'dashboard.html')
    """
    rendered = render(store, title=title, refresh_seconds=refresh_seconds, monitor=monitor, clock=clock)
    return publish(path_or_url, rendered.encode(), **storage_options)


def _refresh(seconds: object) -> float | None:
    if seconds is None:
        return None
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not 1 <= seconds <= _LONGEST_REFRESH
    ):
        raise InvalidConfigError(
            f"refresh_seconds must be a number from 1 to {_LONGEST_REFRESH:,}, not {shorten(seconds)}"
        )
    return float(seconds)
