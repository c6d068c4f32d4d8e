"""What a store keeps of drift: references, and the report of every check."""

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, final

import attrs
import xxhash

from mlprod._names import known, shorten
from mlprod.drift._encoding import decode, encode
from mlprod.drift._files import ROOT, dated, dated_path, name_of, newest_of_each, read_newest, stamp
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._subject import Subject
from mlprod.drift._values import DriftReport
from mlprod.errors import ChecksumError, ReferenceNotFoundError, StoreError
from mlprod.schema import RecordSet, RecordType
from mlprod.storage import Ledger, LedgerType, Stamp, Store, explained, join, together
from mlprod.typing import Clock

__all__ = ["DECIDED_WITHIN_SECONDS", "REFERENCES", "REPORT", "Archive", "ReferenceSet", "References"]

DECIDED_WITHIN_SECONDS: Final = 3600.0
"""A reference that was written longer ago, and that no decision names by then, is nobody's for ever."""


# A forged record must not make anything but references be read.
_PATH = rf"{ROOT}/references/[A-Za-z0-9_-][A-Za-z0-9._-]*/[A-Za-z0-9_-][A-Za-z0-9._-]*"


@attrs.frozen(kw_only=True)
class ReferenceSet:
    """A reference was set; it takes the place of the one before."""

    name: str
    version: str | None
    id: str
    path: str = attrs.field(validator=attrs.validators.matches_re(_PATH))
    size: int
    checksum: str


@attrs.frozen
class References:
    """The reference of each model and version that stands."""

    by_subject: Mapping[str, ReferenceSet] = attrs.field(factory=dict[str, ReferenceSet])


def _fold(state: References, event: ReferenceSet, _: Stamp) -> References:
    return References({**state.by_subject, str(Subject(event.name, event.version)): event})


REFERENCES: Final = LedgerType(
    folder=f"{ROOT}/ledger",
    events=RecordSet[ReferenceSet]([RecordType("drift.reference_set", ReferenceSet)]),
    state=RecordType("drift.references", References),
    empty=References(),
    fold=_fold,
)


def _check(report: DriftReport) -> None:
    """Raise `ValueError` if a feature has not one share for each bin."""
    concept = None if report.concept is None else report.concept.distribution
    for feature in (*report.features.values(), report.predictions, concept):
        if feature and not len(feature.bins) == len(feature.shares) == len(feature.reference_shares) > 0:
            raise ValueError(f"{shorten(feature.name)} has not one share for each bin")


def _upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """Return a report of version 1 as it is: what version 2 added has defaults."""
    return data


REPORT: Final = RecordType("drift.report", DriftReport, version=2, upgrades={1: _upgraded}, check=_check)


@final
class Archive:
    """The references and reports of one store."""

    def __init__(self, store: Store, *, clock: Clock | None) -> None:
        """Name the store; nothing is read yet."""
        self._store = store
        self._ledger = Ledger(store, REFERENCES, clock=clock)
        self._read: dict[str, ReferenceProfile] = {}

    def save(self, reference: ReferenceProfile) -> None:
        """Write a reference, then decide that it stands."""
        payload = encode(reference)
        name = f"{stamp(reference.created_at)}-{reference.id}.safetensors"
        path = join(ROOT, "references", reference.model_id, name)
        with explained(f"write the reference {path}", self._store):
            self._store.put(path, payload)
        event = ReferenceSet(
            name=reference.model_id,
            version=reference.version,
            id=reference.id,
            path=path,
            size=len(payload),
            checksum=_checksum(payload),
        )
        begun = time.time()

        def decide(_: object) -> list[ReferenceSet]:
            return [] if abs(time.time() - begun) >= DECIDED_WITHIN_SECONDS else [event]

        appended = self._ledger.append(decide)
        if not appended.events:  # it may have been swept as nobody's
            raise StoreError(
                f"the reference of {reference.model_id!r} was not set in {self._store.url}: to write it and "
                "to decide took more than an hour; set it again"
            )
        standing = appended.head.state.by_subject
        self._remember(reference, standing)

    def find(self, subject: Subject) -> ReferenceProfile:
        """Return the reference of a version, else that of the model whatever its version.

        Raises:
            ReferenceNotFoundError: if there is neither.
        """
        standing = self._ledger.head().state.by_subject
        event = standing.get(str(subject)) or standing.get(subject.name)
        if event is None:
            raise ReferenceNotFoundError(
                f"no reference of {str(subject)!r} was set in {self._store.url} "
                f"({known(standing, str(subject))}): "
                f"call set_reference({str(subject)!r}, data) with the data that the model was fitted on"
            )
        found = self._read.get(event.id)
        if found is None:
            found = self.load(event)
            self._remember(found, standing)
        return found

    def _remember(self, reference: ReferenceProfile, standing: Mapping[str, ReferenceSet]) -> None:
        """Keep what was read as long as it stands."""
        ids = {event.id for event in standing.values()}
        self._read = {id_: found for id_, found in self._read.items() if id_ in ids}
        self._read[reference.id] = reference

    def record(self, report: DriftReport) -> None:
        """Write a report."""
        subject = Subject(report.model_id, report.version)
        path = dated_path("reports", subject, report.time, secrets.token_hex(8))
        with explained(f"write the report {path}", self._store):
            self._store.put(path, REPORT.dump(report))

    def reports(self, subject: Subject, since: datetime | None) -> list[DriftReport]:
        """Return the reports of a version, or of all where the subject has none; the oldest first."""
        with explained(f"list the reports of {str(subject)!r}", self._store):
            paths = dated(self._store, "reports", subject)
        first = "" if since is None else stamp(since)
        return list(together(self._store, self._report, [path for path in paths if name_of(path) >= first]))

    def latest(
        self, acting: Mapping[str, str], on_unreadable: Callable[[str, str], object] | None
    ) -> dict[str, DriftReport]:
        """Return the newest report of each model, of the version that acts if it has one; read no other."""
        with explained("list the reports", self._store):
            newest = newest_of_each(self._store, "reports", acting=acting)
        found = read_newest(self._store, self._report, newest, on_unreadable)
        return {model: report for model, (report,) in found.items()}

    def _report(self, path: str) -> DriftReport:
        with explained(f"read the report {path}", self._store):
            return REPORT.load(self._store.get(path), f"{path} in {self._store.url}")

    def load(self, event: ReferenceSet) -> ReferenceProfile:
        """Return the reference that was set.

        Raises:
            ChecksumError: if its file has changed since it was written.
            StoreError: if it is missing, or cannot be read.
        """
        where = f"the reference {event.path} in {self._store.url}"
        with explained(f"read the reference {event.path}", self._store):
            try:
                payload = self._store.get(event.path)
            except FileNotFoundError as error:
                raise StoreError(f"{where} is missing; set it anew") from error
        if len(payload) != event.size or _checksum(payload) != event.checksum:
            raise ChecksumError(
                f"{where} has changed since it was set; restore it from a backup, or set it anew"
            )
        return decode(payload, where)


def _checksum(payload: bytes) -> str:
    return f"xxh3_128:{xxhash.xxh3_128_hexdigest(payload)}"
