"""What `fsck` returns: findings, the gravest first, and how many of each kind there are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, final

import attrs

from mlprod._value import Value
from mlprod.consistency._kinds import KINDS, Severity

__all__ = ["Finding", "FsckReport", "found"]

_KEPT: Final = 100
_SHOWN: Final = 5
_RANKS: Final = {"error": 0, "warning": 1, "info": 2}


@final
@attrs.frozen(kw_only=True)
class Finding(Value):
    """Something in a store that is not as it should be.

    Attributes:
        kind: what; one of those in the table of "Check a store", such as ``"orphan_payload"``.
        path: where in the store; in the spool, where on this machine.
        severity: ``"error"``: something is lost, or will be; ``"warning"``: something is left over, or
            waits; ``"info"``: it is normal, or none of ours.
        detail: what happened, what it means, and what to do.
        repairable: whether `fsck` with ``repair=True`` mends it.
        repaired: whether it did.
    """

    kind: str
    path: str
    severity: Severity
    detail: str
    repairable: bool
    repaired: bool = False


def found(kind: str, path: str, detail: str) -> Finding:
    """Return a finding; what its kind is like is the same for all of them."""
    known = KINDS[kind]
    return Finding(
        kind=kind, path=path, severity=known.severity, detail=detail, repairable=known.is_repairable
    )


@final
@attrs.frozen(kw_only=True)
class FsckReport(Value):
    """How a store is.

    Attributes:
        store: where it lies.
        ok: whether nothing needs a person: no error and no warning, or all of them were repaired.
        findings: the gravest first, then by kind and path; of each kind at most 100.
        counts: how many there are of each kind, kept or not.
        repaired: how many were repaired.
        files: how many files the store holds.
        bytes_read: how much of them was read; a file that is mapped counts where all of it is looked at.
        deep: whether everything was read.
    """

    store: str
    ok: bool
    findings: tuple[Finding, ...] = attrs.field(repr=False)
    counts: Mapping[str, int]
    repaired: int
    files: int
    bytes_read: int
    deep: bool

    @classmethod
    def of(
        cls, store: str, findings: Iterable[Finding], *, files: int, bytes_read: int, deep: bool
    ) -> "FsckReport":
        """Sort, count and bound what was found."""
        ordered = sorted(findings, key=lambda each: (_RANKS[each.severity], each.kind, each.path))
        return cls(
            store=store,
            ok=all(each.repaired or each.severity == "info" for each in ordered),
            findings=tuple(_kept(ordered)),
            counts=dict(Counter(each.kind for each in ordered)),
            repaired=sum(each.repaired for each in ordered),
            files=files,
            bytes_read=bytes_read,
            deep=deep,
        )

    def __str__(self) -> str:
        """Return it for a person: a line that says whether to worry, then what is wrong, and what to do."""
        looked = "all of them read" if self.deep else f"{self.bytes_read:,} bytes read"
        verdict = "nothing needs you" if self.ok else "LOOK AT THIS"
        mended = f", {self.repaired:,} repaired" if self.repaired else ""
        findings, files = _counted(sum(self.counts.values()), "finding"), _counted(self.files, "file")
        lines = [f"{self.store}: {verdict}; {findings}{mended}; {files}, {looked}"]
        for kind, count in self.counts.items():
            lines.extend(_told(kind, count, [each for each in self.findings if each.kind == kind]))
        return "\n".join(lines)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _kept(ordered: Sequence[Finding]) -> Iterator[Finding]:
    seen = Counter[str]()
    for each in ordered:
        seen[each.kind] += 1
        if seen[each.kind] <= _KEPT:
            yield each


def _told(kind: str, count: int, findings: Sequence[Finding]) -> Iterator[str]:
    yield f"{findings[0].severity}: {kind} ({count:,})"
    for each in findings[:_SHOWN]:
        yield f"  {each.path}{' (repaired)' if each.repaired else ''}"
        yield f"    {each.detail}"
    if count > _SHOWN:
        yield f"  … and {count - _SHOWN:,} more"
