"""References, and what was found with them: whether all can be read, and which are nobody's."""

import functools
from collections.abc import Mapping
from typing import Any, Final

from mlprod.consistency._foreign import is_ours
from mlprod.consistency._ledger import LedgerReading
from mlprod.consistency._report import Finding, found
from mlprod.consistency._scope import Scope
from mlprod.consistency._survey import Survey
from mlprod.drift._alarms import ALARM, OBSERVER
from mlprod.drift._archive import REPORT, Archive, References, ReferenceSet
from mlprod.drift._files import ROOT, is_dated, name_of, stamp
from mlprod.schema import RecordType
from mlprod.storage import join

__all__ = ["examine"]

_REFERENCES: Final = f"{ROOT}/references"
_RECORDS: Final[Mapping[str, tuple[RecordType[Any], str, str]]] = {
    "reports": (REPORT, "damaged_report", ""),
    "alarms": (ALARM, "damaged_report", ""),
    "observers": (OBSERVER, "damaged_observer", ". The watch begins anew, and replaces it"),
}


def examine(survey: Survey, ledger: LedgerReading[References, ReferenceSet], scope: Scope) -> list[Finding]:
    """Look at the files of drift, listed before the decisions were read."""
    findings: list[Finding] = []
    if ledger.head is not None:
        findings += _standing(survey, ledger, ledger.head.state, scope)
        if ledger.is_whole:
            findings += _orphans(survey, ledger, ledger.head.state, scope)
            findings += _of_nobody(survey, ledger.head.state)
    if survey.is_near or scope.deep:
        results = survey.each(functools.partial(_read_record, survey), _records(survey))
        findings += [result for result in results if isinstance(result, Finding)]
    return findings


def _standing(
    survey: Survey, ledger: LedgerReading[References, ReferenceSet], state: References, scope: Scope
) -> list[Finding]:
    events = list(state.by_subject.values())
    look = functools.partial(_look, survey, Archive(survey, clock=None), scope)
    results = survey.each(look, events)
    findings = [result for result in results if isinstance(result, Finding)]
    lost = [event for event, result in zip(events, results, strict=True) if result is None]
    if lost:  # references are replaced, and their files stay: but look again all the same
        standing = {event.path for event in ledger.again(survey).by_subject.values()}
        findings += [_missing(event, survey.url) for event in lost if event.path in standing]
    return findings


def _look(survey: Survey, archive: Archive, scope: Scope, event: ReferenceSet) -> bool | Finding | None:
    """Return None if the file is not there."""
    check = functools.partial(_check, survey, archive, scope, event)
    return survey.attempt("changed_reference", event.path, check, f". It is {_what(event)}")


def _check(survey: Survey, archive: Archive, scope: Scope, event: ReferenceSet) -> bool:
    if scope.deep:
        archive.load(event)
    else:
        survey.check_size(event.path, event.size)
    return True


def _missing(event: ReferenceSet, url: str) -> Finding:
    return found(
        "missing_reference",
        event.path,
        f"{_what(event)} is missing in {url}: nothing can be compared with it. Restore the file from a "
        "backup, or call set_reference again",
    )


def _what(event: ReferenceSet) -> str:
    return f"the reference of {event.name}" + (f"@{event.version}" if event.version else "")


def _orphans(
    survey: Survey, ledger: LedgerReading[References, ReferenceSet], state: References, scope: Scope
) -> list[Finding]:
    """Return old files that no decision ever named; only where some are in doubt are all decisions read."""
    old = [
        path for path in survey.list(_REFERENCES) if is_dated(path) and name_of(path) <= stamp(scope.horizon)
    ]
    known = {event.path for event in state.by_subject.values()}
    if not known.issuperset(old):
        history = ledger.history(survey)
        if history is None:
            return []
        known |= {event.path for event in history}
    return [
        found(
            "orphan_reference",
            path,
            "a set_reference that never finished left it, and no decision names it. It takes space and harms "
            "nobody; fsck with repair=True removes it",
        )
        for path in old
        if path not in known
    ]


def _of_nobody(survey: Survey, state: References) -> list[Finding]:
    """Return the folders of models that never had a reference."""
    names = {event.name for event in state.by_subject.values()}
    folders = {"/".join(path.split("/")[:3]) for path in _records(survey)}
    return [
        found(
            "orphan_report",
            folder,
            f"these files are about {name_of(folder)}, of which no decision ever set a reference. Restore "
            f"{ROOT}/ledger from a backup; if they came here from another store, delete them",
        )
        for folder in folders
        if name_of(folder) not in names
    ]


def _records(survey: Survey) -> list[str]:
    return [path for kind in _RECORDS for path in survey.list(join(ROOT, kind)) if is_ours(path)]


def _read_record(survey: Survey, path: str) -> Finding | None:
    record, kind, advice = _RECORDS[path.split("/")[1]]

    def read() -> None:
        record.load(survey.get(path), f"{path} in {survey.url}")

    result = survey.attempt(kind, path, read, advice)
    return result if isinstance(result, Finding) else None
