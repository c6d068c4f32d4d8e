"""`ModelSerializer`: stores, versions, promotes and loads models."""

import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, final, get_args

from mlprod._clock import aware
from mlprod._names import check_name, check_text, known, shorten
from mlprod._progress import track
from mlprod.errors import InvalidConfigError, ModelNotFoundError, StoreError, ValidationFailedError
from mlprod.formats import BinaryFormat, Format, Formats, Trust
from mlprod.models import _decisions as decisions
from mlprod.models._cleanup import Cleaner
from mlprod.models._comparison import compare
from mlprod.models._environment import environment
from mlprod.models._events import Event, VersionDecision
from mlprod.models._examples import Predict, check_examples, shapes
from mlprod.models._fold import MODELS
from mlprod.models._inputs import (
    STAGES,
    check_alias,
    check_aliases,
    check_choice,
    check_config,
    check_grace,
    check_metrics,
    check_reason,
    check_tags,
)
from mlprod.models._payloads import Payloads
from mlprod.models._reading import Reader
from mlprod.models._reference import find_model, genuine, name_of, resolve
from mlprod.models._retention import RetentionPolicy, check_policy, ranked
from mlprod.models._saving import Draft, Saver
from mlprod.models._state import Registry, Version
from mlprod.models._values import (
    Bump,
    CleanupReport,
    ModelComparison,
    ModelEvent,
    ModelMetadata,
    ModelRef,
    Stage,
    ValidationReport,
    Verify,
)
from mlprod.models._watch import ModelHandle
from mlprod.storage import Appended, Ledger, Store, StoreLike, resolve_store
from mlprod.typing import JSON, Clock, Progress

__all__ = ["ModelSerializer"]


@final
class ModelSerializer:
    """Models of one store: saved in versions, promoted through stages, loaded as they were saved.

    Many processes may use one store at once. Every method sees all decisions made before it was
    called, by whomever; a decision is made by exactly one writer, whole, or not at all.

    Example:
        >>> models = ModelSerializer("memory://docs")
        >>> saved = models.save({"weights": [0.5, -1.25]}, "momentum", {"accuracy": 0.72})
        >>> saved.id
        'momentum@1.0.0'
        >>> models.set_active(saved).is_active
        True
        >>> models.load("momentum")
        {'weights': [0.5, -1.25]}
    """

    def __init__(
        self,
        store: StoreLike | None = None,
        *,
        retention: RetentionPolicy | None = None,
        trust: Trust | None = None,
        formats: Iterable[Format] = (),
        clock: Clock | None = None,
    ) -> None:
        """Name the store; nothing is made or read yet.

        Args:
            store: a URL, a path or a store; None is the default store.
            retention: what `save` and `cleanup` keep; None keeps everything.
            trust: what every load through this object may do; its `key` signs what is saved.
            formats: further formats of the application's own.
            clock: the time of decisions; None is the machine's.
        """
        if not isinstance(trust, Trust | None):
            raise InvalidConfigError(f"trust must be a Trust, e.g. Trust(pickle=True), not {shorten(trust)}")
        self._store = resolve_store(store)
        self._ledger = Ledger(self._store, MODELS, clock=clock)
        self._formats = Formats(formats)
        self._retention = None if retention is None else check_policy(retention)
        payloads, granted = Payloads(self._store), trust or Trust()
        self._reader = Reader(payloads, self._formats, granted)
        self._cleaner = Cleaner(store=self._store, ledger=self._ledger, clock=clock)
        self._saver = Saver(
            ledger=self._ledger,
            payloads=payloads,
            retention=self._retention,
            key=granted.key,
            clock=clock,
            where=self._store.url,
        )

    def __repr__(self) -> str:
        """Show where the models lie."""
        return f"ModelSerializer({self._store.url!r})"

    @property
    def store(self) -> Store:
        """Where the models lie."""
        return self._store

    def save(
        self,
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
        """Save a model as a new version.

        Args:
            model: the object; see `format` for what it may be.
            name: 1 to 128 letters, digits, ``. _ -``.
            metrics: numbers that describe how good it is.
            config: how it was made: any JSON-able mapping, up to 1 MiB.
            version: ``"MAJOR.MINOR.PATCH"``; None takes the next one after the highest.
            bump: which part of the version the next one grows: major, minor or patch.
            format: json, binary, onnx, tensorflow, skops, pickle, or a format of your own; None takes
                the safest that can hold the model.
            tags: free labels.
            aliases: names that point to this version from now on.
            parent: the model this one was made from.
            examples: a pair of inputs and the outputs the model gives for them, to be replayed by `validate`.
            signature: the shapes and types of inputs and outputs; None reads them off the examples.
            activate: put it into production in the same decision.
            progress: who is told how many bytes are written; see `mlprod.typing.Progress`.

        Returns:
            The metadata of the new version.

        Raises:
            FormatError: if the format, or no safe format, can hold the model.
            VersionExistsError: if the version was ever used.
            InvalidNameError, InvalidDataError, InvalidConfigError: if an argument cannot be kept.
            ModelNotFoundError: if there is no such parent.
            StoreError: if the store fails. Then nothing is visible of it, unless the answer to the
                very last step was lost for good.
        """
        tracker = track(progress)
        check_name(name, "a model's name")
        check_choice(bump, get_args(Bump), "a part of a version")
        used_format, payload = self._formats.encode(model, format)
        golden = None if examples is None else check_examples(examples)
        examples_payload = None if golden is None else BinaryFormat().encode(golden)
        described = signature if golden is None or signature is not None else shapes(golden)
        draft = Draft(
            name=name,
            version=version,
            bump=bump,
            format=used_format,
            payload=payload,
            examples=examples_payload,
            metrics=check_metrics(metrics),
            config=check_config(config),
            tags=check_tags(tags),
            aliases=check_aliases(aliases),
            parent=parent,
            environment=environment(),
            signature=None if described is None else check_config(described, "signature"),
            activate=activate,
        )
        with tracker:
            appended = self._saver.save(draft, tracker)
        self._cleaner.discard_deleted(appended.events, appended.head.state)
        return self._subject(appended, name)

    def load(
        self,
        ref: ModelRef,
        *,
        verify: Verify = "full",
        mmap: bool = False,
        trust: Trust | None = None,
        progress: Progress = None,
    ) -> Any:  # noqa: ANN401 - whatever was saved
        """Load a model as it was saved.

        Args:
            ref: which one; a bare name means the active version, or the latest if none is active.
            verify: ``"full"`` compares the checksum of every byte; ``"size"`` only the size, so that a
                mapped gigabyte opens in milliseconds.
            mmap: on a local store, map the arrays of a binary model read-only instead of copying them.
            trust: what this load may do, in addition to what this object was made with.
            progress: who is told how many bytes are read; see `mlprod.typing.Progress`.

        Raises:
            ModelNotFoundError: if nothing answers to the reference.
            ChecksumError: if the stored bytes have changed.
            UntrustedModelError: if the model needs a permission, or its signature is missing or wrong.
            FormatError: if the payload does not follow its format.
            StoreError: if the payload is missing or cannot be read.
        """
        check_choice(verify, get_args(Verify), "a way to verify")
        with track(progress) as tracker:
            version, read = self._resolve(ref), self._reader.model
            try:
                return read(version, verify=verify, mmap=mmap, trust=trust, tracker=tracker)
            except StoreError:
                newest = self._resolve(ref)  # says so if the version was deleted meanwhile
                if newest.id == version.id:
                    raise
                return read(newest, verify=verify, mmap=mmap, trust=trust, tracker=tracker)

    def load_bytes(self, ref: ModelRef, *, progress: Progress = None) -> bytes:
        """Return the stored payload, verified; raises as `load` does, and tells `progress` as much."""
        with track(progress) as tracker:
            return bytes(self._reader.payload(self._resolve(ref), tracker=tracker))

    def get_active(self, name: str | None = None, *, progress: Progress = None) -> Any:  # noqa: ANN401 - whatever was saved
        """Load the version in production.

        Args:
            name: the model; None means the one that was activated last.
            progress: as for `load`.

        Raises:
            ModelNotFoundError: if no version is in production; and as `load` does.
        """
        found = self._registry().last_activated() if name is None else name
        if found is None:
            raise ModelNotFoundError(
                f"no model in {self._where} is in production; put one there with set_active"
            )
        return self.load(f"{found}@production", progress=progress)

    def get_metadata(self, ref: ModelRef) -> ModelMetadata:
        """Return everything known about a version; `ModelNotFoundError` if there is none."""
        registry = self._registry()
        return registry.metadata(resolve(registry, ref, self._where))

    def list_models(
        self,
        *,
        name: str | None = None,
        tag: str | None = None,
        stage: Stage | None = None,
        format: str | None = None,  # noqa: A002 - the name of the field
    ) -> list[ModelMetadata]:
        """Return all versions that fit every filter, by name, then oldest first."""
        if stage is not None:
            check_choice(stage, STAGES, "a stage")
        return [
            model.metadata(version)
            for each, model in sorted(self._registry().models.items())
            if name is None or each == name
            for version in model.living()
            if (tag is None or tag in version.tags)
            and (stage is None or version.stage == stage)
            and (format is None or version.saved.format == format)
        ]

    def get_versions(self, ref: ModelRef) -> list[ModelMetadata]:
        """Return all versions of the model that the reference is about, oldest first."""
        model = find_model(self._registry(), name_of(ref), self._where)
        return [model.metadata(version) for version in model.living()]

    def best(self, name: str, metric: str, *, maximize: bool = True) -> ModelMetadata:
        """Return the version with the best value of a metric; of equals, the latest.

        Raises:
            ModelNotFoundError: if no version has the metric (NaN does not count).
        """
        check_text(metric, "a metric's name", limit=256)
        versions = {version.version: version for version in self.get_versions(name)}
        ranking = ranked(tuple(versions.values()), metric, maximize=maximize)
        if not ranking:
            recorded = known({each for version in versions.values() for each in version.metrics}, metric)
            raise ModelNotFoundError(
                f"no version of {name!r} in {self._where} has the metric {metric!r}; {recorded}"
            )
        return versions[ranking[0]]

    def set_active(
        self,
        ref: ModelRef,
        *,
        expected: ModelRef | None = None,
        reason: str = "",
        predict: Predict | None = None,
        trust: Trust | None = None,
    ) -> ModelMetadata:
        """Put a version into production; the same as ``promote(ref, "production", …)``."""
        return self.promote(ref, "production", expected=expected, reason=reason, predict=predict, trust=trust)

    def promote(
        self,
        ref: ModelRef,
        stage: Stage,
        *,
        expected: ModelRef | None = None,
        reason: str = "",
        predict: Predict | None = None,
        trust: Trust | None = None,
    ) -> ModelMetadata:
        """Move a version to a stage.

        Production holds one version: the one that was there is archived. Moving the active version to
        another stage leaves production empty. A version that is there already stays as it is.

        Args:
            ref: which version.
            stage: development, staging, production or archived.
            expected: the version that must hold the stage now, or ``"none"``; of several processes
                that promote with the same expectation one succeeds.
            reason: kept in the history.
            predict: a function of the loaded model and inputs; the version is validated with it first.
            trust: what that validation may do to load the model.

        Raises:
            ConflictError: if `expected` does not hold the stage.
            ValidationFailedError: if `predict` was given and the version does not validate.
            ModelNotFoundError: if nothing answers to the reference.
        """
        check_choice(stage, STAGES, "a stage")
        check_reason(reason)
        if predict is not None:
            report = self.validate(ref, predict=predict, trust=trust)
            if not report.valid:
                raise ValidationFailedError(
                    f"{report.id} was not promoted to {stage}: {'; '.join(report.errors)}"
                )
            ref = report.id
        where = self._where
        return self._decide(
            ref,
            lambda registry: decisions.promote(
                registry, ref, stage, expected=expected, reason=reason, where=where
            ),
        )

    def set_alias(self, ref: ModelRef, alias: str) -> ModelMetadata:
        """Let an alias point to a version, and to no other version of its model."""
        check_alias(alias)
        return self._decide(ref, lambda registry: decisions.alias(registry, ref, alias, self._where))

    def remove_alias(self, name: str, alias: str) -> None:
        """Remove an alias; `ModelNotFoundError` if there is none."""
        check_alias(alias)
        self._ledger.append(lambda head: decisions.remove_alias(head.state, name, alias, self._where))

    def tag(self, ref: ModelRef, *tags: str) -> ModelMetadata:
        """Add tags to a version."""
        checked = check_tags(tags)
        return self._decide(ref, lambda registry: decisions.tag(registry, ref, checked, self._where))

    def untag(self, ref: ModelRef, *tags: str) -> ModelMetadata:
        """Remove tags from a version; those it does not have do not matter."""
        checked = check_tags(tags)
        return self._decide(ref, lambda registry: decisions.untag(registry, ref, checked, self._where))

    def rollback(
        self, name: str, to: ModelRef | None = None, *, expected: ModelRef | None = None, reason: str = ""
    ) -> ModelMetadata:
        """Put an earlier version back into production.

        Args:
            name: the model.
            to: which version; None means the one that was in production before the current one. Rolling
                back again goes one further back in that order.
            expected: the version that must be in production now, unless `to` is there already.
            reason: kept in the history.

        Raises:
            ModelNotFoundError: if there is no earlier version, or no such version.
            ConflictError: if `expected` is not in production; nothing has changed then.
        """
        check_reason(reason)
        return self._decide(
            f"{name}@production",
            lambda registry: decisions.roll_back(
                registry, name, to, expected=expected, reason=reason, where=self._where
            ),
        )

    def history(self, name: str) -> list[ModelEvent]:
        """Return every decision about a model, oldest first."""
        return list(find_model(self._registry(), name, self._where).history)

    def histories(self) -> dict[str, list[ModelEvent]]:
        """Return every decision about every model, by name; as `history`, in one pass."""
        return {name: list(model.history) for name, model in sorted(self._registry().models.items())}

    def active_at(self, name: str, when: datetime) -> ModelMetadata | None:
        """Return the version that was in production at a time, even if it is deleted by now.

        Args:
            name: the model.
            when: a timezone-aware time.

        Returns:
            Its metadata as it is known today; None if no version was in production then.
        """
        moment = aware(when, "the time")
        model = find_model(self._registry(), name, self._where)
        index = bisect.bisect_right(model.activations, moment, key=lambda activation: activation.when)
        version = model.activations[index - 1].version if index else None
        if version is None:
            return None
        return model.metadata(genuine(model.versions[version], name, model, self._where))

    def validate(
        self,
        ref: ModelRef,
        *,
        predict: Predict | None = None,
        trust: Trust | None = None,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        progress: Progress = None,
    ) -> ValidationReport:
        """Check that a version is whole, loads, and still does what it did.

        Args:
            ref: which version.
            predict: a function of the loaded model and the stored inputs; None uses the model's own
                ``predict`` method, if it has one.
            trust: what the load may do.
            rtol: tolerated difference relative to the stored output.
            atol: tolerated absolute difference.
            progress: as for `load`.

        Returns:
            What was checked; nothing that is wrong with the version raises.

        Raises:
            ModelNotFoundError: if nothing answers to the reference.
            StoreError: if the store cannot be reached, which says nothing about the version.
        """
        with track(progress) as tracker:
            return self._reader.validate(
                self._resolve(ref), predict=predict, trust=trust, rtol=rtol, atol=atol, tracker=tracker
            )

    def compare(self, ref_a: ModelRef, ref_b: ModelRef) -> ModelComparison:
        """Return two versions side by side: metrics, differences in config, sizes."""
        return compare(self.get_metadata(ref_a), self.get_metadata(ref_b))

    def delete(self, ref: ModelRef) -> None:
        """Delete a version; its number is never used again, and its history stays.

        Raises:
            ConflictError: if it is in production.
        """
        appended = self._ledger.append(lambda head: decisions.delete(head.state, ref, self._where))
        self._cleaner.discard_deleted(appended.events, appended.head.state)

    def cleanup(
        self,
        name: str | None = None,
        *,
        policy: RetentionPolicy | None = None,
        dry_run: bool = False,
        grace_hours: float = 24.0,
    ) -> CleanupReport:
        """Remove versions that a policy lets go, and what writers that never finished left behind.

        Args:
            name: only this model; None means all.
            policy: what to keep; None means the policy of this object, and without one no version goes.
            dry_run: only say what would be removed.
            grace_hours: how old an unfinished write must be to be taken for dead; with less than the
                longest upload takes, saves that are under way may have to begin again, or fail.

        Returns:
            What was removed. Versions in production or staging, with an alias, or that a rollback would
            return to, never are.
        """
        grace = check_grace(grace_hours)
        policy = self._retention if policy is None else check_policy(policy)
        return self._cleaner.clean(name, policy, grace=grace, dry_run=dry_run)

    def watch(
        self,
        ref: ModelRef,
        *,
        interval_seconds: float = 5.0,
        mmap: bool = False,
        trust: Trust | None = None,
        on_swap: Callable[[ModelMetadata], object] | None = None,
    ) -> ModelHandle:
        """Load a model and follow its reference: what is promoted later is swapped in while you trade.

        Args:
            ref: which model, e.g. ``"name@production"``.
            interval_seconds: pause between two looks, each of which is one small read.
            mmap: as for `load`.
            trust: as for `load`.
            on_swap: called with the new metadata after each swap, in the watching thread.

        Returns:
            A handle; close it when done, or use it in a ``with``.
        """
        return ModelHandle(
            lambda: self.get_metadata(ref),
            lambda found: self.load(found, mmap=mmap, trust=trust, progress=False),
            interval_seconds=interval_seconds,
            on_swap=on_swap,
        )

    loadBytes = load_bytes
    getActive = get_active
    getMetadata = get_metadata
    listModels = list_models
    getVersions = get_versions
    setActive = set_active
    setAlias = set_alias
    removeAlias = remove_alias
    activeAt = active_at

    @property
    def _where(self) -> str:
        return self._store.url

    def _registry(self) -> Registry:
        return self._ledger.head().state

    def _resolve(self, ref: ModelRef) -> Version:
        return resolve(self._registry(), ref, self._where)

    def _decide(self, ref: ModelRef, rule: Callable[[Registry], Sequence[Event]]) -> ModelMetadata:
        """Make a decision and return the version it is about."""
        return self._subject(self._ledger.append(lambda head: rule(head.state)), ref)

    def _subject(self, appended: Appended[Registry, Event], ref: ModelRef) -> ModelMetadata:
        registry, first = appended.head.state, next(iter(appended.events), None)
        if isinstance(first, VersionDecision):
            return registry.metadata(registry.models[first.name].versions[first.version])
        return registry.metadata(resolve(registry, ref, self._where))
