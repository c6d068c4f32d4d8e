"""What each decision does to the state."""

import itertools
from collections.abc import Iterable
from typing import Any, Final, assert_never

import attrs

from mlprod._names import check_name
from mlprod.models._events import (
    EVENTS,
    AliasRemoved,
    AliasSet,
    Event,
    ModelDecision,
    ModelDeleted,
    ModelPromoted,
    ModelRolledBack,
    ModelSaved,
    PayloadsSwept,
    TagsAdded,
    TagsRemoved,
)
from mlprod.models._semver import parse
from mlprod.models._state import Activation, Model, Registry, Version
from mlprod.models._values import ModelEvent
from mlprod.schema import RecordType
from mlprod.storage import LedgerType, Stamp

__all__ = ["MODELS", "fold"]


def fold(registry: Registry, event: Event, stamp: Stamp) -> Registry:
    """Return the registry after an event."""
    if isinstance(event, PayloadsSwept):
        return attrs.evolve(registry, swept_before=event.before)
    model = _fold_model(registry.models.get(event.name) or Model(), event, stamp)
    return attrs.evolve(registry, models={**registry.models, event.name: model})


def _fold_model(model: Model, event: ModelDecision, stamp: Stamp) -> Model:
    match event:
        case ModelSaved():
            return _saved(model, event, stamp)
        case ModelPromoted():
            return _promoted(model, event, stamp)
        case ModelRolledBack():
            return _rolled_back(model, event, stamp)
        case AliasSet(alias=alias):
            before = model.aliases.get(alias)
            model = attrs.evolve(model, aliases={**model.aliases, alias: event.version})
            return _noted(model, stamp, "aliased", before, event.version, detail=alias)
        case AliasRemoved(alias=alias):
            before = model.aliases.get(alias)
            model = attrs.evolve(model, aliases={a: to for a, to in model.aliases.items() if a != alias})
            return _noted(model, stamp, "unaliased", before, None, detail=alias)
        case TagsAdded(tags=added):
            tags = tuple(dict.fromkeys((*model.versions[event.version].tags, *added)))
            model = _changed(model, event.version, stamp, tags=tags)
            return _noted(model, stamp, "tagged", None, event.version, detail=", ".join(added))
        case TagsRemoved(tags=removed):
            tags = tuple(tag for tag in model.versions[event.version].tags if tag not in removed)
            model = _changed(model, event.version, stamp, tags=tags)
            return _noted(model, stamp, "untagged", None, event.version, detail=", ".join(removed))
        case ModelDeleted():
            return _deleted(model, event, stamp)
        case _:
            assert_never(event)


def _saved(model: Model, event: ModelSaved, stamp: Stamp) -> Model:
    version = Version(
        saved=event, created_at=stamp.time, updated_at=stamp.time, tags=event.tags, staged_by=stamp.number
    )
    highest = max(event.version, model.highest or event.version, key=parse)
    model = attrs.evolve(model, versions={**model.versions, event.version: version}, highest=highest)
    return _noted(model, stamp, "saved", None, event.version)


def _promoted(model: Model, event: ModelPromoted, stamp: Stamp) -> Model:
    """Enter a stage. Leaving production this way leaves it empty, with the way back remembered."""
    replaced = model.production if event.stage == "production" else None
    if event.stage == "production":
        before = model.before if replaced is None else (*model.before, replaced)
        model = _in_production(model, event.version, stamp, before=before)
    else:
        if event.version == model.production:
            before = _way_back((*model.before, event.version), production=None)
            model = attrs.evolve(_activated(model, None, stamp), production=None, before=before)
        model = _changed(model, event.version, stamp, stage=event.stage, staged_by=stamp.number)
    return _noted(model, stamp, "promoted", replaced, event.version, detail=event.stage, reason=event.reason)


def _rolled_back(model: Model, event: ModelRolledBack, stamp: Stamp) -> Model:
    """Go back to an earlier version and forget the way from there: the next rollback goes further."""
    replaced, before = model.production, model.before
    if event.version in before:
        latest = len(before) - 1 - before[::-1].index(event.version)
        before = before[:latest]
    model = _in_production(model, event.version, stamp, before=before)
    return _noted(
        model, stamp, "rolled_back", replaced, event.version, detail="production", reason=event.reason
    )


def _deleted(model: Model, event: ModelDeleted, stamp: Stamp) -> Model:
    model = attrs.evolve(
        _changed(model, event.version, stamp, deleted_at=stamp.time),
        before=_way_back(
            (version for version in model.before if version != event.version), production=model.production
        ),
        aliases={alias: to for alias, to in model.aliases.items() if to != event.version},
    )
    return _noted(model, stamp, "deleted", event.version, None, reason=event.reason)


def _in_production(model: Model, version: str, stamp: Stamp, *, before: Iterable[str]) -> Model:
    """Put a version into production and archive the one that was there."""
    if model.production is not None:
        model = _changed(model, model.production, stamp, stage="archived", staged_by=stamp.number)
    model = _changed(model, version, stamp, stage="production", staged_by=stamp.number)
    return attrs.evolve(
        _activated(model, version, stamp), production=version, before=_way_back(before, production=version)
    )


def _way_back(versions: Iterable[str], *, production: str | None) -> tuple[str, ...]:
    """Return the versions that rollbacks lead through, so that each leads to another version."""
    steps = [version for version, _ in itertools.groupby(versions)]
    return tuple(steps[:-1] if steps and steps[-1] == production else steps)


def _activated(model: Model, version: str | None, stamp: Stamp) -> Model:
    activation = Activation(number=stamp.number, when=stamp.time, version=version)
    return attrs.evolve(model, activations=(*model.activations, activation))


def _changed(model: Model, version: str, stamp: Stamp, **changes: Any) -> Model:  # noqa: ANN401 - fields
    changed = attrs.evolve(model.versions[version], updated_at=stamp.time, **changes)
    return attrs.evolve(model, versions={**model.versions, version: changed})


def _noted(
    model: Model,
    stamp: Stamp,
    what: str,
    from_: str | None,
    to: str | None,
    *,
    detail: str = "",
    reason: str = "",
) -> Model:
    event = ModelEvent(what=what, when=stamp.time, from_=from_, to=to, detail=detail, reason=reason)
    return attrs.evolve(model, history=(*model.history, event))


def check(registry: Registry) -> None:
    """Raise `ValueError` if what was read as a state is none that decisions lead to."""
    for name, model in registry.models.items():
        check_name(name, "a model's name")
        for version in (*model.versions, *filter(None, (model.highest,))):
            parse(version)
        if model.production is not None and (model.production not in model.versions or not model.activations):
            raise ValueError(f"{name} has a version in production that is unknown, or was never put there")


MODELS: Final = LedgerType(
    folder="models/ledger",
    events=EVENTS,
    state=RecordType("models.state", Registry, check=check),
    empty=Registry(),
    fold=fold,
)
