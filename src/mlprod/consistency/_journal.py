"""What was recorded: whether all of it can be read, and which files nobody needs any more."""

import functools
from collections.abc import Iterator, Mapping
from typing import Final, final

import attrs

from mlprod.consistency._ledger import LedgerReading
from mlprod.consistency._report import Finding, found
from mlprod.consistency._scope import Scope
from mlprod.consistency._survey import Survey
from mlprod.errors import StoreError
from mlprod.experiments._state import Experiments
from mlprod.storage import Ledger, Store, join
from mlprod.storage.journal._appender import RAW, stream_of
from mlprod.storage.journal._files import SUMMARY, SUMMARY_SUFFIX, Files
from mlprod.storage.journal._journal import BLOCKS
from mlprod.storage.journal._state import JOURNAL, BlockRef, Compacted, JournalState
from mlprod.storage.journal._sweeper import Sweeper

__all__ = ["examine", "mend", "of_unknown_experiments"]

_LEFT_OVER: Final[Mapping[str, str]] = {
    "covered_file": "its records are in blocks, and it was to be deleted. It is not counted",
    "orphan_block": "a compaction that never finished left it. Its records are counted where they came from",
    "orphan_summary": "the file that it sums up is gone. It is not used",
}


def examine(survey: Survey, ledger: LedgerReading[JournalState, Compacted], scope: Scope) -> list[Finding]:
    """Look at the files of the journal, listed before the decisions were read."""
    files = Files(survey)
    if ledger.head is None:
        return []
    state = ledger.head.state
    findings = _blocks(survey, files, ledger, state, scope)
    findings += _raw(survey, files, state, scope)
    if survey.is_near or scope.deep:
        findings += _summaries(survey, state)
    if ledger.is_whole:
        sweeper = Sweeper(ledger.ledger(survey), files)
        findings += map(_left_over, sweeper.aged(scope.horizon))
    return findings


def mend(store: Store, scope: Scope) -> None:
    """Delete what has been nobody's for longer than the grace period."""
    Sweeper(Ledger(store, JOURNAL, clock=scope.clock), Files(store)).sweep_aged(scope.horizon)


def of_unknown_experiments(survey: Survey, experiments: Experiments) -> list[Finding]:
    """Return the folders of records of experiments that nobody drew up."""
    paths = (path for top in (RAW, BLOCKS) for path in survey.list(join(top, "experiments")))
    folders = {"/".join(path.split("/")[:4]) for path in paths}
    return [
        found(
            "unknown_experiment",
            folder,
            f"these are records of the experiment {_last(folder)}, of which no decision knows: nobody can "
            "read them. Restore experiments/ledger from a backup; if they came here from another store, "
            "delete them",
        )
        for folder in folders
        if _last(folder) not in experiments.by_id
    ]


def _blocks(
    survey: Survey,
    files: Files,
    ledger: LedgerReading[JournalState, Compacted],
    state: JournalState,
    scope: Scope,
) -> list[Finding]:
    counting = list(_counted(state))
    listed = frozenset(survey.list(RAW) + survey.list(BLOCKS))
    results = survey.each(functools.partial(_look_at_block, survey, files, scope, listed), counting)
    findings = [result for result in results if isinstance(result, Finding)]
    lost = [each for each, result in zip(counting, results, strict=True) if result is None]
    if lost:  # unless it was merged meanwhile
        standing = {each.ref.path for each in _counted(ledger.again(survey))}
        findings += [_missing(each, survey.url) for each in lost if each.ref.path in standing]
    return findings


@final
@attrs.frozen
class _Counting:
    """A block that counts."""

    stream: str
    ref: BlockRef


def _counted(state: JournalState) -> Iterator[_Counting]:
    for name, stream in state.streams.items():
        for ref in stream.blocks:
            yield _Counting(name, ref)


def _look_at_block(
    survey: Survey, files: Files, scope: Scope, listed: frozenset[str], counting: _Counting
) -> bool | Finding | None:
    """Return None if the file is not there."""
    ref = counting.ref

    def read() -> bool:
        if not (survey.is_near or scope.deep):
            return ref.path in listed or survey.size(ref.path) >= 0
        block = files.block(ref.path)
        if (block.stream, block.rows, block.since, block.until) != (
            counting.stream,
            ref.rows,
            ref.since,
            ref.until,
        ):
            raise StoreError(f"{ref.path} in {survey.url} is whole, and is not the block that was decided on")
        if scope.deep:
            block.verify()
        return True

    advice = f". It holds {ref.rows:,} records of {counting.stream}: restore it from a backup"
    return survey.attempt("damaged_block", ref.path, read, advice)


def _missing(counting: _Counting, url: str) -> Finding:
    return found(
        "missing_block",
        counting.ref.path,
        f"{counting.ref.rows:,} records of {counting.stream} are missing in {url}, and whoever asks for them "
        f"gets an error. Restore {counting.ref.path} from a backup",
    )


def _raw(survey: Survey, files: Files, state: JournalState, scope: Scope) -> list[Finding]:
    suffixes = (".seg", ".col") if survey.is_near or scope.deep else (".seg",)
    uncounted = [
        path
        for path in survey.list(RAW)
        if path.endswith(suffixes) and not state.stream(stream_of(path)).has(path)
    ]
    look = functools.partial(_look_at_raw, survey, files, scope)
    first = survey.each(look, uncounted)
    # What was being written at the first look is whole now, a header or a record.
    results = [look(path) if result else result for path, result in zip(uncounted, first, strict=True)]
    findings = [result for result in results if isinstance(result, Finding)]
    for path, result in zip(uncounted, results, strict=True):
        if isinstance(result, int) and result:
            findings.append(_torn(path, result))
    return findings


def _look_at_raw(survey: Survey, files: Files, scope: Scope, path: str) -> int | Finding | None:
    """Return how many records are torn."""

    def read() -> int:
        opened = files.raw_part(path)
        if path.endswith(".col"):
            if scope.deep:
                files.block(path).verify()
        elif survey.local_path(path) is not None:
            survey.note(survey.size(path))
        return 0 if opened is None else opened[1]

    advice = ". Its records are left out of all figures: restore it from a backup"
    return survey.attempt("damaged_segment", path, read, advice)


def _torn(path: str, count: int) -> Finding:
    return found(
        "torn_records",
        path,
        f"{count:,} records were begun and never finished, as when a process is killed. Nobody was told that "
        "they were recorded, and they are left out: there is nothing to do",
    )


def _summaries(survey: Survey, state: JournalState) -> list[Finding]:
    listed = frozenset(survey.list(RAW) + survey.list(BLOCKS))
    paths = [path for each in _counted(state) if (path := each.ref.path + SUMMARY_SUFFIX) in listed]

    def look(path: str) -> object:
        def read() -> None:
            SUMMARY.load(survey.get(path), f"{path} in {survey.url}")

        advice = ". It only saves reading the block: nothing is lost, and it can be deleted"
        return survey.attempt("damaged_summary", path, read, advice)

    return [result for result in survey.each(look, paths) if isinstance(result, Finding)]


def _left_over(path: str) -> Finding:
    if path.endswith(SUMMARY_SUFFIX):
        kind = "orphan_summary"
    else:
        kind = "covered_file" if path.startswith(f"{RAW}/") else "orphan_block"
    return found(kind, path, f"{_LEFT_OVER[kind]}; compaction, or fsck with repair=True, deletes it in time")


def _last(path: str) -> str:
    return path.rpartition("/")[2]
