"""What a person and a program read of it."""

import json
from pathlib import Path

import attrs
import pytest

from mlprod.consistency import Finding, FsckReport
from mlprod.consistency._kinds import KINDS
from mlprod.consistency._report import found

DOCS = Path(__file__).parents[2] / "docs" / "fsck.md"


def report(*findings, deep=False):
    return FsckReport.of("/srv/models", findings, files=1234, bytes_read=56789, deep=deep)


def repaired(finding):
    return attrs.evolve(finding, repaired=True)


def test_the_gravest_comes_first_then_by_kind_and_path():
    findings = [
        found("foreign_file", "a", ""),
        found("orphan_payload", "z", ""),
        found("covered_file", "y", ""),
        found("orphan_payload", "b", ""),
        found("missing_block", "c", ""),
    ]
    assert ["c", "y", "b", "z", "a"] == [finding.path for finding in report(*findings).findings]


@pytest.mark.parametrize(
    ("findings", "ok"),
    [
        ([], True),
        ([found("torn_records", "a", "")], True),
        ([found("orphan_payload", "a", "")], False),
        ([repaired(found("orphan_payload", "a", ""))], True),
        ([repaired(found("orphan_payload", "a", "")), found("missing_block", "b", "")], False),
    ],
)
def test_whether_it_needs_a_person(findings, ok):
    """What is normal does not, nor what was mended."""
    assert ok == report(*findings).ok


def test_ten_thousand_findings_do_not_make_it_useless():
    """Of each kind a hundred are kept, and all are counted: a rare one is not lost among many."""
    many = [found("orphan_payload", f"{number:05}", "left over") for number in range(10_000)]
    whole = report(*many, found("missing_block", "b", "lost"), found("foreign_file", "f", "not ours"))
    assert {"missing_block": 1, "orphan_payload": 10_000, "foreign_file": 1} == whole.counts
    assert [100, 1, 1] == [
        sum(finding.kind == kind for finding in whole.findings)
        for kind in ("orphan_payload", "missing_block", "foreign_file")
    ]
    assert len(str(whole)) < 2000
    assert len(json.dumps(whole.to_dict())) < 50_000
    assert "… and 9,995 more" in str(whole)
    assert not whole.ok


def test_what_a_person_reads():
    text = str(
        report(
            found("missing_block", "journal/blocks/a.col", "5 records are missing. Restore it from a backup"),
            repaired(found("orphan_payload", "models/payloads/m/a.json", "no version refers to it")),
        )
    )
    assert text.splitlines() == [
        "/srv/models: LOOK AT THIS; 2 findings, 1 repaired; 1,234 files, 56,789 bytes read",
        "error: missing_block (1)",
        "  journal/blocks/a.col",
        "    5 records are missing. Restore it from a backup",
        "warning: orphan_payload (1)",
        "  models/payloads/m/a.json (repaired)",
        "    no version refers to it",
    ]


def test_what_a_person_reads_of_a_store_that_is_whole():
    assert "/srv/models: nothing needs you; 0 findings; 1,234 files, all of them read" == str(
        report(deep=True)
    )


def test_a_notebook_shows_a_table():
    html = report(found("orphan_payload", "<script>", "x"))._repr_html_()
    assert "FsckReport" in html
    assert "<script>" not in html


def test_what_a_program_reads():
    document = json.loads(json.dumps(report(found("orphan_payload", "a", "b")).to_dict()))
    assert ("/srv/models", False, {"orphan_payload": 1}) == (
        document["store"],
        document["ok"],
        document["counts"],
    )
    assert [{"kind": "orphan_payload", "path": "a", "severity": "warning", "detail": "b"}] == [
        {name: finding[name] for name in ("kind", "path", "severity", "detail")}
        for finding in document["findings"]
    ]


def test_values_do_not_change():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        found("orphan_payload", "a", "b").repaired = True
    assert Finding(kind="orphan_payload", path="a", severity="warning", detail="b", repairable=True) == found(
        "orphan_payload", "a", "b"
    )


def test_every_kind_is_in_the_docs():
    """With how much it matters, and whether it is repaired."""
    rows = [line.split("|")[1:-1] for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    listed = {cells[0].strip(" `"): (cells[1].strip(), cells[-1].strip() != "nothing") for cells in rows}
    assert {name: (kind.severity, kind.is_repairable) for name, kind in KINDS.items()} == listed
