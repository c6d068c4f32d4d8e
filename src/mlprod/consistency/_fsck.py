"""`fsck`: looks at everything that a store holds, and mends what can be mended without a guess."""

from mlprod._clock import now
from mlprod._progress import track
from mlprod.consistency import _drift, _journal, _models, _partial, _spool
from mlprod.consistency._foreign import AREAS, foreign
from mlprod.consistency._ledger import read_ledger
from mlprod.consistency._repair import repaired
from mlprod.consistency._report import Finding, FsckReport
from mlprod.consistency._scope import Scope
from mlprod.consistency._survey import Survey
from mlprod.drift._archive import REFERENCES
from mlprod.experiments._state import EXPERIMENTS
from mlprod.models._fold import MODELS
from mlprod.models._inputs import check_grace
from mlprod.monitoring._alert_state import ALERTS
from mlprod.storage import Store, StoreLike, resolve_store
from mlprod.storage.journal._state import JOURNAL
from mlprod.typing import Clock, Progress

__all__ = ["fsck"]


def fsck(
    store: StoreLike | None = None,
    *,
    repair: bool = False,
    deep: bool = False,
    grace_hours: float = 24.0,
    clock: Clock | None = None,
    progress: Progress = None,
) -> FsckReport:
    """Look at everything that a store holds, and say what is wrong with it.

    Any number of processes may read and write meanwhile: what one of them has under way is not a finding.
    Damage never raises, it is a finding. Nothing is written unless `repair` says so, and a store that does
    not exist yet is not made.

    Of what costs a request, there are: five listings; for each of five ledgers the newest two snapshots, the
    decisions since the older one, and one look for a newer decision; the size of each payload of living
    versions, of their examples, and of each reference that stands; each segment that is not compacted yet.
    With `deep` there are all decisions, and a read, instead of the size, of each payload and reference, of
    each block, its summary, and each report, alarm and observer. On a folder, where a look costs next to
    nothing, headers of blocks and these small files are looked at in any case. On a bucket, 16 requests are
    made at once.

    Args:
        store: a URL, a path or a store; None is the default store.
        repair: remove what nobody needs and upload what waits on this machine. Decisions, and whatever they
            name, are never touched, and nothing is done where a newer mlprod has written.
        deep: read everything, payloads one after the other, and compare it with its checksum.
        grace_hours: how old an unfinished write must be to be taken for dead; less than an hour counts as
            one. Files tell their age by the time in their names, which is that of the clock of their
            writer.
        clock: the time; None is the machine's.
        progress: who is told how many files were looked at; see `mlprod.typing.Progress`.

    Returns:
        The report; print it.

    Raises:
        InvalidConfigError: if `grace_hours` is no number from 0 to 1e6.
        StoreError: if the store as a whole cannot be read, or a repair cannot be written.

    Example:
        >>> from mlprod import ModelSerializer
        >>> saved = ModelSerializer("memory://checked").save([1, 2, 3], "numbers")
        >>> report = fsck("memory://checked")
        >>> report.ok, report.findings
        (True, ())
    """
    opened = resolve_store(store)
    scope = Scope(deep=deep, grace=check_grace(grace_hours), now=now(clock), clock=clock)
    with track(progress) as tracker:
        tracker.describe(f"{opened.url}: checking")
        survey = Survey(opened, tracker)
        findings = _examine(survey, opened, scope)
        survey.finish()
    if repair:
        findings = repaired(opened, findings, scope)
    return FsckReport.of(opened.url, findings, files=survey.files, bytes_read=survey.bytes_read, deep=deep)


def _examine(survey: Survey, store: Store, scope: Scope) -> list[Finding]:
    """Look at all areas: first what is there, then what was decided about it."""
    findings = foreign(path for listed in survey.each(survey.list, AREAS) for path in listed)
    survey.begin()
    findings += _partial.examine(store, scope)
    models = read_ledger(survey, MODELS, complete=scope.deep)
    experiments = read_ledger(survey, EXPERIMENTS, complete=scope.deep)
    alerts = read_ledger(survey, ALERTS, complete=scope.deep)
    drift = read_ledger(survey, REFERENCES, complete=scope.deep)
    journal = read_ledger(survey, JOURNAL, complete=scope.deep)
    for ledger in (models, experiments, alerts, drift, journal):
        findings += ledger.findings
    findings += _models.examine(survey, models, scope)
    findings += _drift.examine(survey, drift, scope)
    findings += _journal.examine(survey, journal, scope)
    if experiments.head is not None and experiments.is_whole:
        findings += _journal.of_unknown_experiments(survey, experiments.head.state)
    if _spool.uses_spool(store):
        findings += _spool.examine(survey, store, journal, scope)
    return findings
