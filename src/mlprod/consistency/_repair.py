"""What `fsck` mends, each kind by the rules of the class that it belongs to."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import attrs

from mlprod.consistency import _journal, _models, _partial, _spool
from mlprod.consistency._report import Finding
from mlprod.consistency._scope import Scope
from mlprod.storage import Store, explained

__all__ = ["repaired"]

_DELETED: Final = frozenset({"damaged_snapshot", "wrong_snapshot", "damaged_summary", "orphan_reference"})
_CLEANED: Final = frozenset({"orphan_payload", "deleted_payload"})
_SWEPT: Final = frozenset({"covered_file", "orphan_block", "orphan_summary"})
_UPLOADED: Final = frozenset({"waiting_segment", "stale_mark"})
_ON_THIS_MACHINE: Final = _UPLOADED | {"partial_write"}


def repaired(store: Store, findings: Sequence[Finding], scope: Scope) -> list[Finding]:
    """Mend what can be mended, and return the findings with what became of them.

    Raises:
        StoreError: if the store fails. To repair again is safe.
    """
    if any(finding.kind == "newer_schema" for finding in findings):
        return list(findings)  # who does not know what is there must not remove anything
    mendable = [finding for finding in findings if finding.repairable]
    kinds = {finding.kind for finding in mendable}
    for finding in mendable:
        if finding.kind in _DELETED:  # snapshots first: the others begin with them
            with explained(f"delete {finding.path}", store):
                store.delete(finding.path)
    if kinds & _CLEANED:
        _models.mend(store, scope)
    if kinds & _SWEPT:
        _journal.mend(store, scope)
    if kinds & _UPLOADED:
        _spool.mend(store, findings)
    if "partial_write" in kinds:
        _partial.mend(store, scope)
    left = _left(store, mendable)
    return [
        attrs.evolve(finding, repaired=finding.repairable and finding.path not in left)
        for finding in findings
    ]


def _left(store: Store, mendable: Iterable[Finding]) -> set[str]:
    """Return the files that are still there: what could not be deleted was only said in the log."""
    local = {finding.path for finding in mendable if finding.kind in _ON_THIS_MACHINE}
    areas = {finding.path.partition("/")[0] for finding in mendable if finding.path not in local}
    left = {path for path in local if Path(path).exists()}
    for area in areas:
        with explained(f"list {area}", store):
            left.update(store.list(area))
    return left
