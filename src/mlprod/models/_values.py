"""What callers get back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, final

import attrs

from mlprod._text import in_utc
from mlprod._value import Value
from mlprod.typing import JSON

__all__ = [
    "Bump",
    "Check",
    "CleanupReport",
    "MetricComparison",
    "ModelComparison",
    "ModelEvent",
    "ModelMetadata",
    "ModelRef",
    "Stage",
    "ValidationReport",
    "Verify",
]

Stage: TypeAlias = Literal["development", "staging", "production", "archived"]
Bump: TypeAlias = Literal["major", "minor", "patch"]
Verify: TypeAlias = Literal["full", "size"]


@final
@attrs.frozen(kw_only=True)
class ModelMetadata(Value):
    """Everything known about one version of a model.

    Attributes:
        id: ``"name@version"``.
        name: the model's name.
        version: ``"MAJOR.MINOR.PATCH"``.
        created_at: when it was saved, UTC.
        updated_at: when its stage or tags last changed, UTC.
        checksum: of the payload, ``"xxh3_128:<hex>"``.
        size: of the payload, in bytes.
        format: the name of its format, e.g. ``"binary"``.
        metrics: numbers that describe how good it is, as given to `save`.
        config: how it was made, as given to `save`.
        tags: free labels.
        is_active: whether it is the version in production.
        stage: development, staging, production or archived.
        aliases: names that point to this version.
        parent: the id of the model it was made from, if any.
        environment: Python, platform and library versions at the time of saving.
        signature: the shapes and types of inputs and outputs, as given or read off the examples.
        is_signed: whether it was saved with a key.
    """

    id: str
    name: str = attrs.field(repr=False)
    version: str = attrs.field(repr=False)
    created_at: datetime
    updated_at: datetime = attrs.field(repr=False)
    checksum: str = attrs.field(repr=False)
    size: int = attrs.field(repr=lambda size: f"{size:,} bytes")
    format: str
    metrics: Mapping[str, float] = attrs.field(hash=False)
    config: Mapping[str, JSON] = attrs.field(hash=False, repr=False)
    tags: tuple[str, ...]
    is_active: bool = attrs.field(repr=False)
    stage: Stage
    aliases: tuple[str, ...]
    parent: str | None = attrs.field(repr=False)
    environment: Mapping[str, Any] = attrs.field(hash=False, repr=False)
    signature: Mapping[str, JSON] | None = attrs.field(hash=False, repr=False)
    is_signed: bool = attrs.field(repr=False)


ModelRef: TypeAlias = str | ModelMetadata
"""``"name"``, ``"name@1.4.0"``, ``"name@production"``, ``"name@alias"``, ``"name@latest"``, or metadata."""


@final
@attrs.frozen(kw_only=True)
class ModelEvent(Value):
    """One decision about a model.

    Attributes:
        what: saved, promoted, rolled_back, aliased, unaliased, tagged, untagged or deleted.
        when: UTC; never before the event before it.
        from_: the version that held the stage or alias until then, or the version removed.
        to: the version that is meant from then on.
        detail: the stage, the alias, or the tags.
        reason: as given by whoever decided.
    """

    what: str
    when: datetime
    from_: str | None
    to: str | None
    detail: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """Return the event as a line of a log."""
        change = " -> ".join(version for version in (self.from_, self.to) if version)
        reason = f" ({self.reason})" if self.reason else ""
        return f"{in_utc(self.when)}  {self.what} {self.detail + ' ' if self.detail else ''}{change}{reason}"


@final
@attrs.frozen
class Check(Value):
    """One thing that was checked: True passed, False failed, None could not be tried."""

    name: str
    passed: bool | None
    detail: str = ""


@final
@attrs.frozen
class ValidationReport(Value):
    """What `validate` found.

    Attributes:
        id: the version that was checked.
        valid: True if nothing failed.
        checks: everything that was tried, in order.
        errors: the details of what failed.
    """

    id: str
    valid: bool
    checks: tuple[Check, ...]
    errors: tuple[str, ...]

    @classmethod
    def of(cls, id: str, checks: Iterable[Check]) -> "ValidationReport":  # noqa: A002 - the name of the field
        """Return the report of these checks."""
        done = tuple(checks)
        errors = tuple(f"{check.name}: {check.detail}" for check in done if check.passed is False)
        return cls(id=id, valid=not errors, checks=done, errors=errors)


@final
@attrs.frozen
class MetricComparison(Value):
    """One metric of two versions; NaN where one of them lacks it."""

    a: float
    b: float
    difference: float
    relative: float


@final
@attrs.frozen
class ModelComparison(Value):
    """Two versions side by side.

    Attributes:
        a: the id of the first.
        b: the id of the second.
        metrics: per metric both values, ``b - a`` and that relative to ``|a|``.
        config: the entries that differ, as pairs; None where one lacks the entry.
        sizes: both payload sizes in bytes.
        same_payload: whether the payloads are equal, byte for byte.
    """

    a: str
    b: str
    metrics: Mapping[str, MetricComparison]
    config: Mapping[str, tuple[JSON, JSON]]
    sizes: tuple[int, int]
    same_payload: bool


@final
@attrs.frozen
class CleanupReport(Value):
    """What `cleanup` removed, or would remove in a dry run.

    Attributes:
        removed: ids of the versions that the policy let go.
        orphans: payload files of writers that never finished.
        partial_writes: temporary files of writers that never finished (not counted in a dry run).
        freed_bytes: size of the removed payloads.
        dry_run: whether nothing was touched.
    """

    removed: tuple[str, ...]
    orphans: tuple[str, ...]
    partial_writes: int
    freed_bytes: int
    dry_run: bool
