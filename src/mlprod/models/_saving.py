"""Saving: first the payload, which nobody refers to; then the decision that makes it a version."""

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, final

import attrs

from mlprod._clock import now
from mlprod._progress import Tracker
from mlprod.errors import StoreError
from mlprod.formats import BinaryFormat, Format
from mlprod.models import _decisions as decisions
from mlprod.models._events import Blob, Event, ModelSaved
from mlprod.models._payloads import Payloads, size_of
from mlprod.models._reference import resolve
from mlprod.models._retention import RetentionPolicy
from mlprod.models._signing import signed
from mlprod.models._state import Registry
from mlprod.models._values import Bump, ModelRef
from mlprod.storage import Appended, Head, Ledger
from mlprod.typing import Chunks, Clock

__all__ = ["Draft", "Saver"]

_UPLOADS = 3


@final
@attrs.frozen(kw_only=True)
class Draft:
    """A version before it has a number: everything checked at the edge, and the payload encoded."""

    name: str
    version: str | None
    bump: Bump
    format: Format
    payload: Chunks
    examples: Chunks | None
    metrics: Mapping[str, float]
    config: Mapping[str, Any]
    tags: tuple[str, ...]
    aliases: tuple[str, ...]
    parent: ModelRef | None
    environment: Mapping[str, Any]
    signature: Mapping[str, Any] | None
    activate: bool

    @property
    def size(self) -> int | None:
        """How many bytes it has; None if that shows only when they are written."""
        sizes = [size_of(chunks) for chunks in (self.payload, self.examples or ())]
        return None if None in sizes else sum(filter(None, sizes))


@final
@attrs.frozen(kw_only=True)
class Saver:
    """Makes versions out of drafts, in one store."""

    ledger: Ledger[Registry, Event]
    payloads: Payloads
    retention: RetentionPolicy | None
    key: bytes | None
    clock: Clock | None
    where: str

    def save(self, draft: Draft, tracker: Tracker) -> Appended[Registry, Event]:
        """Write the payload, then decide.

        A decision finds out whether a cleanup may have taken the payload for an orphan, because the
        upload took longer than the grace period; then the payload is written again.
        """
        for _ in range(_UPLOADS):
            head = self.ledger.head()
            planned = self._record(draft, head.state, (_NOT_WRITTEN, None))  # refuses before it is written
            if tracker.is_watched:
                tracker.describe(f"{draft.name}@{planned.version}: saving")
                tracker.begin("bytes", draft.size)
            begun = max(now(self.clock), head.time, head.state.swept_before + timedelta(microseconds=1))
            decide = functools.partial(self._decide, draft, begun, self._write(draft, begun, tracker))
            tracker.finish()
            appended = self.ledger.append(decide, head=head)
            if appended.events:
                return appended
        raise StoreError(
            f"{draft.name} was not saved to {self.where}: each of {_UPLOADS} uploads took longer than the "
            "grace period of cleanup(); is the clock of this machine, or of the one that cleans up, far off?"
        )

    def _write(self, draft: Draft, begun: datetime, tracker: Tracker) -> tuple[Blob, Blob | None]:
        write = functools.partial(
            self.payloads.write, draft.name, begun, secure=self.key is not None, tracker=tracker
        )
        payload = write(draft.format.suffix, draft.payload)
        if draft.examples is None:
            return payload, None
        return payload, write(f".examples{BinaryFormat.suffix}", draft.examples)

    def _decide(
        self, draft: Draft, begun: datetime, blobs: tuple[Blob, Blob | None], head: Head[Registry]
    ) -> Sequence[Event]:
        """Return the events, or none if the payload may be gone."""
        if begun <= head.state.swept_before:
            return ()
        return decisions.save(
            head.state,
            self._record(draft, head.state, blobs),
            aliases=draft.aliases,
            activate=draft.activate,
            retention=self.retention,
            now=max(now(self.clock), head.time),
        )

    def _record(self, draft: Draft, registry: Registry, blobs: tuple[Blob, Blob | None]) -> ModelSaved:
        parent = None if draft.parent is None else resolve(registry, draft.parent, self.where).id
        saved = ModelSaved(
            name=draft.name,
            version=decisions.next_version(registry, draft.name, draft.version, draft.bump),
            format=draft.format.name,
            payload=blobs[0],
            examples=blobs[1],
            metrics=draft.metrics,
            config=draft.config,
            tags=draft.tags,
            parent=parent,
            environment=draft.environment,
            signature=draft.signature,
        )
        return saved if self.key is None else signed(saved, self.key)


_NOT_WRITTEN = Blob(path="models/payloads/not/written", size=0, checksum="")
