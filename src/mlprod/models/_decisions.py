"""The rules: from the state and a wish to the events that make it so, or an error that says why not."""

from collections.abc import Sequence
from datetime import datetime

from mlprod._names import known
from mlprod._value import isoformat
from mlprod.errors import ConflictError, ModelNotFoundError, VersionExistsError
from mlprod.models._events import (
    AliasRemoved,
    AliasSet,
    Event,
    ModelDeleted,
    ModelPromoted,
    ModelRolledBack,
    ModelSaved,
    TagsAdded,
    TagsRemoved,
)
from mlprod.models._fold import fold
from mlprod.models._reference import find_model, resolve
from mlprod.models._retention import RetentionPolicy, expendable
from mlprod.models._semver import FIRST, bumped, parse
from mlprod.models._state import Model, Registry, Version
from mlprod.models._values import Bump, ModelMetadata, ModelRef, Stage
from mlprod.storage import Stamp

__all__ = [
    "NOTHING",
    "alias",
    "delete",
    "next_version",
    "promote",
    "remove_alias",
    "retire",
    "roll_back",
    "save",
    "tag",
    "untag",
]

NOTHING = "none"
"""What to pass as `expected` where no version is to hold the stage yet."""


def next_version(registry: Registry, name: str, version: str | None, bump: Bump) -> str:
    """Return the version to save as.

    Raises:
        InvalidNameError: if the wanted version is not a semantic version.
        VersionExistsError: if it was ever used, even by a version that is deleted now.
    """
    model = registry.models.get(name, Model())
    if version is None:
        return FIRST if model.highest is None else bumped(model.highest, bump)
    parse(version)
    earlier = model.versions.get(version)
    if earlier is not None:
        state = f"deleted at {isoformat(earlier.deleted_at)}" if earlier.deleted_at else "in the store"
        raise VersionExistsError(
            f"{earlier.id} was saved at {isoformat(earlier.created_at)} and is {state}; a version is never "
            f"used twice. The highest so far is {model.highest}"
        )
    return version


def save(
    registry: Registry,
    saved: ModelSaved,
    *,
    aliases: Sequence[str],
    activate: bool,
    retention: RetentionPolicy | None,
    now: datetime,
) -> list[Event]:
    """Return a version's own event, those of its aliases and stage, and those of what it makes expendable."""
    events: list[Event] = [saved]
    events += [AliasSet(name=saved.name, version=saved.version, alias=each) for each in aliases]
    if activate:
        events.append(
            ModelPromoted(
                name=saved.name, version=saved.version, stage="production", reason="saved as active"
            )
        )
    if retention is not None:
        after = registry
        for event in events:
            after = fold(after, event, Stamp(0, now))
        expired = retire(after, [saved.name], retention, now)
        events += [event for event in expired if event.version != saved.version]
    return events


def retire(
    registry: Registry, names: Sequence[str], policy: RetentionPolicy, now: datetime
) -> list[ModelDeleted]:
    """Return the deletion of every version that the policy lets go."""
    return [
        ModelDeleted(name=name, version=version, reason="retention")
        for name in names
        for version in expendable(registry.models[name], policy, now)
    ]


def promote(
    registry: Registry, ref: ModelRef, stage: Stage, *, expected: ModelRef | None, reason: str, where: str
) -> list[Event]:
    """Return the promotion; nothing if the version is there already.

    Raises:
        ConflictError: if `expected` is not the version that holds the stage.
    """
    version = resolve(registry, ref, where)
    model = registry.models[version.saved.name]
    holder = model.holder(stage)
    if version.stage == stage and (holder is version or stage != "production"):
        return []
    if expected is not None and not _is_expected(registry, expected, holder, version.saved.name, where):
        raise _not_expected(f"{version.id} was not promoted", stage, expected, holder, version.saved.name)
    return [ModelPromoted(name=version.saved.name, version=version.saved.version, stage=stage, reason=reason)]


def roll_back(
    registry: Registry, name: str, to: ModelRef | None, *, expected: ModelRef | None, reason: str, where: str
) -> list[Event]:
    """Return the rollback; nothing if the version is in production already.

    Raises:
        ModelNotFoundError: if there is nothing to go back to.
        ConflictError: if `expected` is not the version in production.
    """
    model = find_model(registry, name, where)
    if to is not None:
        target = resolve(registry, _reference_to(name, to), where)
        if target.saved.name != name:
            raise ConflictError(f"cannot roll back {name!r} to {target.id}: that is another model")
        version = target.saved.version
    elif model.before:
        version = model.before[-1]
    else:
        raise ModelNotFoundError(
            f"{name!r} in {where} has no earlier production version to roll back to; name one with to="
        )
    if version == model.production:
        return []
    holder = model.holder("production")
    if expected is not None and not _is_expected(registry, expected, holder, name, where):
        refused = f"{name} was not rolled back to {version}"
        raise _not_expected(refused, "production", expected, holder, name)
    return [ModelRolledBack(name=name, version=version, reason=reason)]


def alias(registry: Registry, ref: ModelRef, name: str, where: str) -> list[Event]:
    """Return the move of an alias; nothing if it is there already."""
    version = resolve(registry, ref, where)
    if registry.models[version.saved.name].aliases.get(name) == version.saved.version:
        return []
    return [AliasSet(name=version.saved.name, version=version.saved.version, alias=name)]


def remove_alias(registry: Registry, name: str, removed: str, where: str) -> list[Event]:
    """Return the removal of an alias; `ModelNotFoundError` if there is none."""
    model = find_model(registry, name, where)
    if removed not in model.aliases:
        raise ModelNotFoundError(
            f"{name!r} has no alias {removed!r} in {where}; {known(model.aliases, removed)}"
        )
    return [AliasRemoved(name=name, alias=removed)]


def tag(registry: Registry, ref: ModelRef, tags: tuple[str, ...], where: str) -> list[Event]:
    """Return the addition of the tags that are new."""
    version = resolve(registry, ref, where)
    new = tuple(each for each in tags if each not in version.tags)
    return [TagsAdded(name=version.saved.name, version=version.saved.version, tags=new)] if new else []


def untag(registry: Registry, ref: ModelRef, tags: tuple[str, ...], where: str) -> list[Event]:
    """Return the removal of the tags that are there."""
    version = resolve(registry, ref, where)
    old = tuple(each for each in tags if each in version.tags)
    return [TagsRemoved(name=version.saved.name, version=version.saved.version, tags=old)] if old else []


def delete(registry: Registry, ref: ModelRef, where: str) -> list[Event]:
    """Return the deletion; `ConflictError` if the version is in production."""
    version = resolve(registry, ref, where)
    if registry.models[version.saved.name].production == version.saved.version:
        raise ConflictError(
            f"{version.id} is in production and is not deleted. Put another version there first (set_active) "
            f"or take this one out of use: promote({version.id!r}, 'archived')"
        )
    return [ModelDeleted(name=version.saved.name, version=version.saved.version)]


def _not_expected(
    refused: str, stage: Stage, expected: ModelRef, holder: Version | None, name: str
) -> ConflictError:
    asked = expected.id if isinstance(expected, ModelMetadata) else expected
    return ConflictError(
        f"{refused}: {stage} was expected to hold {asked}, but now holds "
        f"{holder.id if holder else 'no version'}. See history({name!r}), then decide again"
    )


def _is_expected(
    registry: Registry, expected: ModelRef, holder: Version | None, name: str, where: str
) -> bool:
    if expected == NOTHING or holder is None:
        return expected == NOTHING and holder is None
    try:
        return resolve(registry, _reference_to(name, expected), where) == holder
    except ModelNotFoundError:  # deleted meanwhile, so it does not hold the stage
        return False


def _reference_to(name: str, version: ModelRef) -> ModelRef:
    """Let a bare version, stage or alias mean one of this model."""
    return f"{name}@{version}" if isinstance(version, str) and "@" not in version else version
