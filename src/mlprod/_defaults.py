"""The process-wide defaults, and the functions that use them."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

import attrs

from mlprod._progress import swap_default_progress
from mlprod.errors import InvalidConfigError
from mlprod.formats import Format, Trust
from mlprod.models import Bump, ModelMetadata, ModelRef, ModelSerializer, RetentionPolicy, Verify
from mlprod.storage import Store, StoreLike, open_store, swap_default_store
from mlprod.typing import JSON, Clock, Progress

if TYPE_CHECKING:
    from mlprod.drift import DriftDetector
    from mlprod.experiments import ABTestingManager
    from mlprod.monitoring import PerformanceMonitor

__all__ = [
    "Configuration",
    "configure",
    "default_clock",
    "get_ab_testing_manager",
    "get_active_model",
    "get_drift_detector",
    "get_model_serializer",
    "get_performance_monitor",
    "load_model",
    "save_model",
]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class _Settings:
    """What the process-wide instances are made with, and the instances made so far."""

    store: Store | None = None
    trust: Trust | None = None
    retention: RetentionPolicy | None = None
    clock: Clock | None = None
    instances: dict[type[Any], Any] = attrs.field(factory=dict[type[Any], Any], eq=False)


@final
class _Process:
    """The one piece of state; replaced whole, so that threads and forked children need no lock."""

    settings: _Settings = _Settings()


@final
class Configuration:
    """What `configure` did; leaving its ``with`` block restores what was there before."""

    def __init__(self, before: tuple[_Settings, Store | None, bool | None]) -> None:
        """Remember what to restore."""
        self._before: Final = before

    def __enter__(self) -> "Configuration":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Restore what was there before."""
        _Process.settings, store, progress = self._before
        swap_default_store(store)
        swap_default_progress(progress)


def configure(
    store: StoreLike | None = None,
    *,
    trust: Trust | None = None,
    retention: RetentionPolicy | None = None,
    clock: Clock | None = None,
    progress: bool | None = None,
    **storage_options: Any,  # noqa: ANN401 - whatever the filesystem takes
) -> Configuration:
    """Set the defaults of this process; everything not given goes back to its own default.

    Args:
        store: a URL, a path or a store; None means the environment variable ``MLPROD_STORE``, else the
            folder ``.mlprod`` under the current directory at the first use.
        trust: for the process-wide `ModelSerializer`.
        retention: for the process-wide `ModelSerializer`.
        clock: for the process-wide instances.
        progress: what ``progress=None`` means wherever it is taken: True: a bar; False: nothing; None: a
            bar in a notebook. See `mlprod.typing.Progress`.
        **storage_options: for `open_store`.

    Returns:
        A context manager that restores what was there before; it need not be used.

    Example:
        >>> with configure(store="memory://configured"):
        ...     save_model([1, 2, 3], "numbers").id
        'numbers@1.0.0'
    """
    if store is None and storage_options:
        raise InvalidConfigError(
            f"without store= nothing takes these options: {', '.join(sorted(storage_options))}"
        )
    opened = None if store is None else open_store(store, **storage_options)
    shown_before = swap_default_progress(progress)
    before = _Process.settings, swap_default_store(opened), shown_before
    _Process.settings = _Settings(store=opened, trust=trust, retention=retention, clock=clock)
    return Configuration(before)


def default_clock() -> Clock | None:
    """Return the clock of the process-wide instances; None is the machine's."""
    return _Process.settings.clock


def get_model_serializer() -> ModelSerializer:
    """Return the process-wide `ModelSerializer`, on the default store."""
    return _instance(
        ModelSerializer,
        lambda settings: ModelSerializer(
            settings.store, trust=settings.trust, retention=settings.retention, clock=settings.clock
        ),
    )


def get_performance_monitor() -> "PerformanceMonitor":
    """Return the process-wide `PerformanceMonitor`, on the default store."""
    from mlprod.monitoring import PerformanceMonitor  # noqa: PLC0415 - not every program needs it

    return _instance(
        PerformanceMonitor, lambda settings: PerformanceMonitor(settings.store, clock=settings.clock)
    )


def get_ab_testing_manager() -> "ABTestingManager":
    """Return the process-wide `ABTestingManager`, on the default store."""
    from mlprod.experiments import ABTestingManager  # noqa: PLC0415 - not every program needs it

    return _instance(
        ABTestingManager, lambda settings: ABTestingManager(settings.store, clock=settings.clock)
    )


def get_drift_detector() -> "DriftDetector":
    """Return the process-wide `DriftDetector`, on the default store."""
    from mlprod.drift import DriftDetector  # noqa: PLC0415 - not every program needs it

    return _instance(DriftDetector, lambda settings: DriftDetector(settings.store, clock=settings.clock))


def _instance(kind: type[T], make: Callable[[_Settings], T]) -> T:
    settings = _Process.settings
    found = settings.instances.get(kind)
    if found is None:
        found = settings.instances.setdefault(kind, make(settings))  # atomic: all threads get the same
    instance: T = found
    return instance


def save_model(
    model: object,
    name: str,
    metrics: Mapping[str, float] | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    version: str | None = None,
    bump: Bump = "patch",
    format: str | Format | None = None,  # noqa: A002 - the word users look for
    tags: Iterable[str] = (),
    aliases: Iterable[str] = (),
    parent: ModelRef | None = None,
    examples: tuple[Any, Any] | None = None,
    signature: Mapping[str, JSON] | None = None,
    activate: bool = False,
    progress: Progress = None,
) -> ModelMetadata:
    """Save a model in the default store as a new version, as `ModelSerializer.save` does.

    Args:
        model: anything that a format can hold.
        name: the model's name: letters, digits, ``.``, ``_`` and ``-``.
        metrics: finite numbers or NaN by name, e.g. ``{"accuracy": 0.61}``.
        config: how it was made, as JSON.
        version: ``"MAJOR.MINOR.PATCH"``, or None for the next free one.
        bump: which part of the highest version grows: ``"major"``, ``"minor"`` or ``"patch"``.
        format: its name or a format; None chooses the safest that can hold the model.
        tags: words to find it by.
        aliases: names such as ``"v3.1"`` that point at this version.
        parent: the version that this one was made from.
        examples: a pair of inputs and the outputs the model gives for them, for `ModelSerializer.validate`.
        signature: the shapes and types of inputs and outputs; None reads them off the examples.
        activate: put it into production in the same decision.
        progress: who is told how many bytes are written.

    Returns:
        The metadata of the new version; its ``id`` is ``"name@1.0.0"``.

    Raises:
        MLProdError: as `ModelSerializer.save` tells; nothing is visible of the model then.

    Example:
        >>> import mlprod
        >>> saved = mlprod.save_model({"weights": [0.5, -1.25]}, "momentum", {"accuracy": 0.61})
        >>> saved.id, saved.format
        ('momentum@1.0.0', 'json')
    """
    return get_model_serializer().save(
        model,
        name,
        metrics,
        config,
        version=version,
        bump=bump,
        format=format,
        tags=tags,
        aliases=aliases,
        parent=parent,
        examples=examples,
        signature=signature,
        activate=activate,
        progress=progress,
    )


def load_model(
    ref: ModelRef,
    *,
    verify: Verify = "full",
    mmap: bool = False,
    trust: Trust | None = None,
    progress: Progress = None,
) -> Any:  # noqa: ANN401 - whatever was saved
    """Load a model from the default store as it was saved, as `ModelSerializer.load` does.

    Args:
        ref: ``"name"``, ``"name@1.4.0"``, ``"name@production"``, ``"name@alias"``, ``"name@latest"``, or a
            `ModelMetadata`. A bare name is the version in production, or the latest if none is.
        verify: ``"full"`` checks every byte against its checksum; ``"size"`` the size only.
        mmap: on a local store, map the arrays of a binary model read-only instead of copying them.
        trust: what this load may do, e.g. ``Trust(pickle=True)``.
        progress: who is told how many bytes are read.

    Raises:
        ModelNotFoundError: if nothing answers to the reference.
        MLProdError: as `ModelSerializer.load` tells.

    Example:
        >>> import mlprod
        >>> saved = mlprod.save_model({"weights": [0.5, -1.25]}, "momentum")
        >>> mlprod.load_model("momentum@1.0.0")
        {'weights': [0.5, -1.25]}
    """
    return get_model_serializer().load(ref, verify=verify, mmap=mmap, trust=trust, progress=progress)


def get_active_model(name: str | None = None, *, progress: Progress = None) -> Any:  # noqa: ANN401 - whatever was saved
    """Load the version in production from the default store, as `ModelSerializer.get_active` does.

    Args:
        name: the model; None means the one that was activated last.
        progress: who is told how many bytes are read.

    Raises:
        ModelNotFoundError: if no version is in production.
        MLProdError: as `ModelSerializer.load` tells.

    Example:
        >>> import mlprod
        >>> saved = mlprod.save_model({"weights": [0.5, -1.25]}, "momentum", activate=True)
        >>> mlprod.get_active_model("momentum")
        {'weights': [0.5, -1.25]}
    """
    return get_model_serializer().get_active(name, progress=progress)
