"""Payloads: whether those of living versions are there and as they were saved, and which are nobody's."""

import functools
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import final

import attrs

from mlprod.consistency._ledger import LedgerReading
from mlprod.consistency._report import Finding, found
from mlprod.consistency._scope import Scope
from mlprod.consistency._survey import Survey
from mlprod.models._cleanup import Cleaner, deleted_in, horizon_of, orphans_in
from mlprod.models._events import Blob, Event
from mlprod.models._fold import MODELS
from mlprod.models._payloads import FOLDER, Payloads
from mlprod.models._state import Registry, Version
from mlprod.storage import Head, Ledger, Store

__all__ = ["examine", "mend"]


def examine(survey: Survey, ledger: LedgerReading[Registry, Event], scope: Scope) -> list[Finding]:
    """Look at the payloads, listed before the decisions were read."""
    if ledger.head is None:
        return []
    files = survey.list(FOLDER)
    findings = list(_unneeded(files, ledger.head, scope)) if ledger.is_whole else []
    owned = list(_owned(ledger.head.state))
    look = functools.partial(_look, survey, scope)
    results = list(map(look, owned)) if scope.deep else survey.each(look, owned)  # one large one at a time
    findings += [result for result in results if isinstance(result, Finding)]
    lost = [each for each, result in zip(owned, results, strict=True) if result is None]
    if lost:  # unless the version was deleted meanwhile
        living = ledger.again(survey).blobs(living=True)
        findings += [_missing(each, survey.url) for each in lost if each.blob.path in living]
    return findings


def mend(store: Store, scope: Scope) -> None:
    """Remove what no version needs, as `ModelSerializer.cleanup` does."""
    cleaner = Cleaner(store=store, ledger=Ledger(store, MODELS, clock=scope.clock), clock=scope.clock)
    cleaner.clean(None, None, grace=scope.grace, dry_run=False)


@final
@attrs.frozen
class _Owned:
    """The bytes of a living version."""

    version: Version
    blob: Blob

    @property
    def what(self) -> str:
        part = "payload" if self.blob == self.version.saved.payload else "examples"
        return f"the {part} of {self.version.id}"


def _owned(registry: Registry) -> Iterator[_Owned]:
    for model in registry.models.values():
        for version in model.living():
            for blob in version.saved.blobs():
                yield _Owned(version, blob)


def _look(survey: Survey, scope: Scope, owned: _Owned) -> bool | Finding | None:
    """Return None if the file is not there."""
    advice = f". It is {owned.what}"
    return survey.attempt("changed_payload", owned.blob.path, lambda: _check(survey, scope, owned), advice)


def _check(survey: Survey, scope: Scope, owned: _Owned) -> bool:
    blob = owned.blob
    if scope.deep:
        is_local = survey.local_path(blob.path) is not None
        Payloads(survey).read(blob, secure=blob.sha256 is not None, mmap=is_local)
        survey.note(blob.size if is_local else 0)
    else:
        survey.check_size(blob.path, blob.size)
    return True


def _missing(owned: _Owned, url: str) -> Finding:
    return found(
        "missing_payload",
        owned.blob.path,
        f"{owned.what} is missing in {url}: it cannot be loaded. Restore {owned.blob.path} from a backup; if "
        "there is none, put another version in its place, delete this one, and save the model again",
    )


def _unneeded(files: Iterable[str], head: Head[Registry], scope: Scope) -> Iterator[Finding]:
    listed = list(files)
    horizon = horizon_of(head, max(scope.now, head.time), scope.grace)
    for path in orphans_in(listed, head.state, horizon):
        yield found(
            "orphan_payload",
            path,
            "a save that never finished left it, and no version refers to it. It takes space and harms "
            "nobody; cleanup(), or fsck with repair=True, removes it",
        )
    recent = _deleted_after(head.state, scope.now - scope.grace)
    for path in deleted_in(listed, head.state):
        if path not in recent:
            yield found(
                "deleted_payload",
                path,
                "its version was deleted, and the file could not be. It takes space and harms nobody; "
                "cleanup(), or fsck with repair=True, removes it",
            )


def _deleted_after(registry: Registry, time: datetime) -> set[str]:
    """Return the payloads of versions that were deleted so recently that this may still be under way."""
    versions = (version for model in registry.models.values() for version in model.versions.values())
    return {
        blob.path
        for version in versions
        if version.deleted_at is not None and version.deleted_at > time
        for blob in version.saved.blobs()
    }
