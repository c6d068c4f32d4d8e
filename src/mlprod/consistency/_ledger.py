"""Decisions: whether all are there, can be read, follow from each other, and are what snapshots say."""

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar, final

import attrs

from mlprod.consistency._report import Finding, found
from mlprod.consistency._survey import Excerpt, Survey
from mlprod.errors import StoreError
from mlprod.storage import Head, Ledger, LedgerType, join
from mlprod.storage._ledger import COMMIT, SNAPSHOT

__all__ = ["LedgerReading", "gaps", "read_ledger"]

S = TypeVar("S")
E = TypeVar("E")

_NUMBERED = re.compile(r"/([0-9]{20})\.json$")
_MOST_TRIED: Final = 100
_UNREAD: Final = frozenset({"damaged_decision", "unreadable_file", "newer_schema"})


@final
@attrs.frozen(kw_only=True)
class LedgerReading(Generic[S, E]):
    """A ledger, as far as it was read.

    Attributes:
        ledger_type: which one.
        head: the newest state; None if it cannot be told.
        findings: what is wrong.
        files: the decisions that were read, and the snapshot to begin from.
    """

    ledger_type: LedgerType[S, E]
    head: Head[S] | None
    findings: Sequence[Finding]
    files: Mapping[str, bytes]

    @property
    def is_whole(self) -> bool:
        """Whether all decisions are there and follow from each other: what they do not name is nobody's."""
        return self.head is not None and all(finding.repairable for finding in self.findings)

    def ledger(self, survey: Survey) -> Ledger[S, E]:
        """Return the ledger as it was read, without a further look at the store."""
        return Ledger(Excerpt(survey.url, self.files), self.ledger_type)

    def again(self, survey: Survey) -> S:
        """Return the state with what was decided meanwhile."""
        return Ledger(Excerpt(survey.url, self.files, beyond=survey), self.ledger_type).head().state

    def history(self, survey: Survey) -> list[E] | None:
        """Return the events of all decisions; None if any of them cannot be read."""
        last = 0 if self.head is None else self.head.number
        paths = [_path(self.ledger_type.folder, "commits", number) for number in range(1, last + 1)]
        earlier, _ = survey.fetch(path for path in paths if path not in self.files)
        known = {**earlier, **self.files}
        try:
            return [event for path in paths for event in _events(self.ledger_type, path, known[path])]
        except (KeyError, StoreError):
            return None


def read_ledger(survey: Survey, ledger_type: LedgerType[S, E], *, complete: bool) -> LedgerReading[S, E]:
    """Read the decisions since the snapshot before the newest, or all of them.

    Where they contradict a snapshot all are read: only from the beginning can be told which of the two
    is wrong.
    """
    folder = ledger_type.folder
    snapshots, findings = _read_snapshots(survey, ledger_type)
    start = 0 if complete or len(snapshots) < 2 else sorted(snapshots)[-2]  # noqa: PLR2004 - and the newest
    commits, more = _read_commits(survey, ledger_type, start, max(snapshots, default=0))
    findings += more
    contradictions = _contradictions(survey, ledger_type, snapshots, commits, start)
    wrong = {finding.path for finding in contradictions if finding.kind == "wrong_snapshot"}
    newest = max(
        (number for number in snapshots if _path(folder, "snapshots", number) not in wrong), default=0
    )
    view = Excerpt(survey.url, _files(folder, snapshots, commits, newest), beyond=survey)
    head = survey.attempt("contradictory_decision", folder, Ledger(view, ledger_type).head)
    if isinstance(head, Finding):
        contradictions.append(head)
    if start and contradictions:
        return read_ledger(survey, ledger_type, complete=True)
    if _UNREAD.isdisjoint(finding.kind for finding in findings):
        findings += (
            contradictions[:1] if not wrong else [each for each in contradictions if each.path in wrong]
        )
    return LedgerReading(
        ledger_type=ledger_type,
        head=head if isinstance(head, Head) else None,
        findings=_cautious(findings),
        files={**{_path(folder, "commits", number): raw for number, raw in commits.items()}, **view.files},
    )


def gaps(numbers: Iterable[int], last: int) -> list[tuple[int, int]]:
    """Return the first and the last of each run of numbers, from 1 to the last, that are not among these."""
    found_gaps: list[tuple[int, int]] = []
    expected = 1
    for number in (*sorted(set(numbers)), last + 1):
        if number > expected:
            found_gaps.append((expected, number - 1))
        expected = number + 1
    return found_gaps


def _read_snapshots(
    survey: Survey, ledger_type: LedgerType[Any, Any]
) -> tuple[dict[int, bytes], list[Finding]]:
    """Return the snapshots that can be used."""
    listed = _numbered(survey.list(join(ledger_type.folder, "snapshots")))
    raw, unread = survey.fetch(listed.values())
    findings = list(unread)
    usable: dict[int, bytes] = {}
    for number, path in listed.items():
        if path in raw:
            look = functools.partial(_snapshot, survey, ledger_type, path, raw[path])
            result = survey.attempt("damaged_snapshot", path, look, _ADVICE)
            if isinstance(result, Finding):
                findings.append(result)
            else:
                usable[number] = raw[path]
    return usable, findings


def _read_commits(
    survey: Survey, ledger_type: LedgerType[Any, Any], start: int, at_least: int
) -> tuple[dict[int, bytes], list[Finding]]:
    """Return the decisions after a number, and what is wrong with any of them.

    A listing that was made while others decide may leave some out: what it does not show is asked for.
    """
    folder = ledger_type.folder
    listed = _numbered(survey.list(join(folder, "commits")))
    last = max([at_least, *listed])
    doubtful = [
        n for first, end in gaps(listed, last) for n in range(first, min(end, first + _MOST_TRIED) + 1)
    ]
    wanted = {_path(folder, "commits", n): n for n in sorted({*doubtful, *(n for n in listed if n > start)})}
    raw, unread = survey.fetch(wanted)
    here = {n for n in listed if n <= start} | {
        wanted[path] for path in (*raw, *(each.path for each in unread))
    }
    findings = [*unread, *(_missing(survey, folder, first, end) for first, end in gaps(here, last))]
    for path, data in raw.items():
        result = survey.attempt(
            "damaged_decision", path, functools.partial(_check_commit, survey, ledger_type, path, data)
        )
        findings.extend([result] if isinstance(result, Finding) else [])
    return {wanted[path]: data for path, data in raw.items() if wanted[path] > start}, findings


def _contradictions(
    survey: Survey,
    ledger_type: LedgerType[Any, Any],
    snapshots: Mapping[int, bytes],
    commits: Mapping[int, bytes],
    start: int,
) -> list[Finding]:
    """Return the snapshots that are not what the decisions up to them lead to."""
    folder, findings = ledger_type.folder, list[Finding]()
    for number, raw in sorted(snapshots.items()):
        if number <= start:
            continue
        path = _path(folder, "snapshots", number)
        upto = {each: data for each, data in commits.items() if each <= number}
        folded = Excerpt(survey.url, _files(folder, snapshots, upto, start))
        says = Excerpt(survey.url, {path: raw})
        expected = survey.attempt("contradictory_decision", folder, Ledger(folded, ledger_type).head)
        if isinstance(expected, Finding):
            findings.append(expected)
        elif (
            expected is not None
            and expected.number == number  # else decisions are missing
            and _canonical(ledger_type, expected) != _canonical(ledger_type, Ledger(says, ledger_type).head())
        ):
            findings.append(found("wrong_snapshot", path, _WRONG.format(path=path, url=survey.url)))
    return findings


def _cautious(findings: list[Finding]) -> list[Finding]:
    """Keep every snapshot, whatever is wrong with it, where it may be the last trace of a decision."""
    if all(finding.repairable for finding in findings):
        return findings
    return [
        attrs.evolve(finding, repairable=False, detail=f"{finding.detail}{_KEEP * finding.repairable}")
        for finding in findings
    ]


def _files(
    folder: str, snapshots: Mapping[int, bytes], commits: Mapping[int, bytes], start: int
) -> dict[str, bytes]:
    """Return a snapshot (0: none) and the decisions after it, by their paths."""
    base = {_path(folder, "snapshots", start): snapshots[start]} if start else {}
    return base | {_path(folder, "commits", n): raw for n, raw in commits.items() if n > start}


def _canonical(ledger_type: LedgerType[S, Any], head: Head[S]) -> str:
    """Return a state as text: NaN is not equal to itself."""
    return json.dumps([head.time.isoformat(), ledger_type.state.nest(head.state)], sort_keys=True)


def _snapshot(survey: Survey, ledger_type: LedgerType[Any, Any], path: str, raw: bytes) -> None:
    where = f"{path} in {survey.url}"
    snapshot = SNAPSHOT.load(raw, where)
    ledger_type.state.unnest(snapshot.state, where)
    if snapshot.number != _number(path):
        raise StoreError(f"{where} is damaged: it holds the state after decision {snapshot.number}")


def _check_commit(survey: Survey, ledger_type: LedgerType[Any, Any], path: str, raw: bytes) -> None:
    where = f"{path} in {survey.url}"
    commit = COMMIT.load(raw, where)
    if commit.number != _number(path):
        raise StoreError(f"{where} is damaged: it holds decision {commit.number}. Restore it from a backup")
    for event in commit.events:
        ledger_type.events.unnest(event, where)


def _events(ledger_type: LedgerType[Any, E], path: str, raw: bytes) -> Iterator[E]:
    for event in COMMIT.load(raw, path).events:
        yield ledger_type.events.unnest(event, path)


def _missing(survey: Survey, folder: str, first: int, last: int) -> Finding:
    path = _path(folder, "commits", first)
    which = (
        f"decision {first:,} of {folder} is"
        if first == last
        else f"decisions {first:,} to {last:,} of {folder} are"
    )
    return found(
        "missing_decision",
        path,
        f"{which} missing in {survey.url}, though there are later ones or a snapshot of them. Stop whatever "
        f"writes there, so that nobody decides anew under these numbers, and restore {folder}/commits from a "
        "backup",
    )


def _numbered(paths: Iterable[str]) -> dict[int, str]:
    return {_number(path): path for path in paths if _NUMBERED.search(path)}


def _number(path: str) -> int:
    return int(path[-25:-5])


def _path(folder: str, kind: str, number: int) -> str:
    return join(folder, kind, f"{number:020}.json")


_ADVICE: Final = ". A snapshot only saves reading: nothing is lost as long as the decisions are there"
_KEEP: Final = ". Keep it until the decisions are restored: it may be the last trace of them"
_WRONG: Final = (
    "{path} in {url} is whole, and is not what the decisions up to it lead to, which are right: who begins "
    "with it sees a wrong state. Once it is gone, restart what runs on this store"
)
