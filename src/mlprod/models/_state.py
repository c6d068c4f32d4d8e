"""The state of all models, as it follows from every decision about them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from mlprod.models._events import ModelSaved
from mlprod.models._semver import parse
from mlprod.models._values import ModelEvent, ModelMetadata, Stage

__all__ = ["Activation", "Model", "Registry", "Version"]


@attrs.frozen(kw_only=True)
class Version:
    """One version, living or deleted."""

    saved: ModelSaved
    created_at: datetime
    updated_at: datetime
    tags: tuple[str, ...]
    stage: Stage = "development"
    staged_by: int
    deleted_at: datetime | None = None
    _shown: dict[str, Any] = attrs.field(factory=dict[str, Any], init=False, eq=False, repr=False)

    def shown(self) -> dict[str, Any]:
        """Return copies of the documents, made once: what callers do to them never reaches the state."""
        if not self._shown:
            documents = ("metrics", "config", "environment", "signature")
            copies = {name: _copied(getattr(self.saved, name)) for name in documents}
            self._shown.update(copies)  # all at once: another thread sees none of them, or all
        return self._shown

    @property
    def id(self) -> str:
        """``name@version``."""
        return f"{self.saved.name}@{self.saved.version}"


@attrs.frozen(kw_only=True)
class Activation:
    """From decision `number` on, at `when`, this version was in production (None: no version)."""

    number: int
    when: datetime
    version: str | None


@attrs.frozen(kw_only=True)
class Model:
    """All versions of a model, in the order in which they were saved.

    Attributes:
        versions: by number, the deleted ones too.
        highest: the highest number ever used.
        aliases: which version each alias points to.
        production: the version in production.
        before: what a rollback returns to, the next one last.
        activations: every change of `production`.
        history: every decision, for people.
    """

    versions: Mapping[str, Version] = attrs.field(factory=dict[str, Version])
    highest: str | None = None
    aliases: Mapping[str, str] = attrs.field(factory=dict[str, str])
    production: str | None = None
    before: tuple[str, ...] = ()
    activations: tuple[Activation, ...] = ()
    history: tuple[ModelEvent, ...] = ()

    def living(self) -> list[Version]:
        """Return the versions that are not deleted, oldest first."""
        return [version for version in self.versions.values() if version.deleted_at is None]

    def latest(self) -> Version | None:
        """Return the living version with the highest number."""
        top = self.versions.get(self.highest or "")
        if top is None or top.deleted_at is None:
            return top
        return max(self.living(), key=lambda version: parse(version.saved.version), default=None)

    def holder(self, stage: Stage) -> Version | None:
        """Return the version that entered the stage last and is still there."""
        holders = [version for version in self.living() if version.stage == stage]
        return max(holders, key=lambda version: version.staged_by, default=None)

    def metadata(self, version: Version) -> ModelMetadata:
        """Return what a caller sees of a version."""
        saved = version.saved
        aliases = [alias for alias, to in self.aliases.items() if to == saved.version] if self.aliases else ()
        return ModelMetadata(
            id=version.id,
            name=saved.name,
            version=saved.version,
            created_at=version.created_at,
            updated_at=version.updated_at,
            checksum=saved.payload.checksum,
            size=saved.payload.size,
            format=saved.format,
            tags=version.tags,
            is_active=saved.version == self.production,
            stage=version.stage,
            aliases=tuple(sorted(aliases)),
            parent=saved.parent,
            is_signed=saved.hmac is not None,
            **version.shown(),
        )


@attrs.frozen(kw_only=True)
class Registry:
    """All models, and up to when unfinished payloads were swept."""

    models: Mapping[str, Model] = attrs.field(factory=dict[str, Model])
    swept_before: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def blobs(self, *, living: bool) -> set[str]:
        """Return the paths of all payloads and examples of the living, or of the deleted, versions."""
        versions = (version for model in self.models.values() for version in model.versions.values())
        chosen = (version.saved for version in versions if (version.deleted_at is None) == living)
        return {blob.path for saved in chosen for blob in saved.blobs()}

    def metadata(self, version: Version) -> ModelMetadata:
        """Return what a caller sees of a version."""
        return self.models[version.saved.name].metadata(version)

    def last_activated(self) -> str | None:
        """Return the model that was put into production last, of those that still have a version there."""
        active = {
            name: model.activations[-1].number for name, model in self.models.items() if model.production
        }
        return max(active, key=active.__getitem__, default=None)


def _copied(document: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(document, dict):
        return {key: _copied(item) for key, item in document.items()}
    return [_copied(item) for item in document] if isinstance(document, list) else document
