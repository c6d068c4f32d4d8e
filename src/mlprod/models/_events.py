"""The decisions that are stored about models. Fields here are a file format: see docs/formats.md."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs

from mlprod.models._values import Stage
from mlprod.schema import RecordSet, RecordType

__all__ = [
    "EVENTS",
    "SAVED",
    "AliasRemoved",
    "AliasSet",
    "Blob",
    "Event",
    "ModelDecision",
    "ModelDeleted",
    "ModelPromoted",
    "ModelRolledBack",
    "ModelSaved",
    "PayloadsSwept",
    "TagsAdded",
    "TagsRemoved",
    "VersionDecision",
]


# A forged record must not make a load read, or a cleanup delete, anything but payloads.
_PATH = r"models/payloads/[A-Za-z0-9_-][A-Za-z0-9._-]*/[A-Za-z0-9_-][A-Za-z0-9._-]*"


@attrs.frozen(kw_only=True)
class Blob:
    """Immutable bytes in the store; `sha256` is there if the model was signed."""

    path: str = attrs.field(validator=attrs.validators.matches_re(_PATH))
    size: int
    checksum: str
    sha256: str | None = None


@attrs.frozen(kw_only=True)
class ModelSaved:
    """A new version exists."""

    name: str
    version: str
    format: str
    payload: Blob
    examples: Blob | None
    metrics: Mapping[str, float]
    config: Mapping[str, Any]
    tags: tuple[str, ...]
    parent: str | None
    environment: Mapping[str, Any]
    signature: Mapping[str, Any] | None
    hmac: str | None = None

    def blobs(self) -> tuple[Blob, ...]:
        """Return all the bytes that belong to the version."""
        return (self.payload,) if self.examples is None else (self.payload, self.examples)


@attrs.frozen(kw_only=True)
class ModelPromoted:
    """A version entered a stage; in production it replaces the one that was there."""

    name: str
    version: str
    stage: Stage
    reason: str = ""


@attrs.frozen(kw_only=True)
class ModelRolledBack:
    """An earlier version is in production again."""

    name: str
    version: str
    reason: str = ""


@attrs.frozen(kw_only=True)
class AliasSet:
    """An alias points to this version, and to no other."""

    name: str
    version: str
    alias: str


@attrs.frozen(kw_only=True)
class AliasRemoved:
    """An alias points nowhere."""

    name: str
    alias: str


@attrs.frozen(kw_only=True)
class TagsAdded:
    """A version has more tags."""

    name: str
    version: str
    tags: tuple[str, ...]


@attrs.frozen(kw_only=True)
class TagsRemoved:
    """A version has fewer tags."""

    name: str
    version: str
    tags: tuple[str, ...]


@attrs.frozen(kw_only=True)
class ModelDeleted:
    """A version can no longer be loaded; its history stays, and its number is never used again."""

    name: str
    version: str
    reason: str = ""


@attrs.frozen(kw_only=True)
class PayloadsSwept:
    """Payloads that no version refers to and that were begun up to this time may be gone."""

    before: datetime


VersionDecision: TypeAlias = (
    ModelSaved | ModelPromoted | ModelRolledBack | AliasSet | TagsAdded | TagsRemoved | ModelDeleted
)
ModelDecision: TypeAlias = VersionDecision | AliasRemoved
Event: TypeAlias = ModelDecision | PayloadsSwept

SAVED: Final = RecordType("model.saved", ModelSaved)

EVENTS: Final[RecordSet[Event]] = RecordSet(
    (
        SAVED,
        RecordType("model.promoted", ModelPromoted),
        RecordType("model.rolled_back", ModelRolledBack),
        RecordType("model.alias_set", AliasSet),
        RecordType("model.alias_removed", AliasRemoved),
        RecordType("model.tags_added", TagsAdded),
        RecordType("model.tags_removed", TagsRemoved),
        RecordType("model.deleted", ModelDeleted),
        RecordType("model.payloads_swept", PayloadsSwept),
    )
)
