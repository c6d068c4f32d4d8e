"""A store that nothing has happened to is not complained about: false alarms are worse than none."""

import pytest

from mlprod import fsck


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("repair", [False, True])
def test_no_findings(whole, clock, later, deep, repair):
    """After saves, deletes, retention, cleanup, compaction, alerts, checks; now, and days later."""
    for moment in (clock, later):
        report = fsck(whole, clock=moment, deep=deep, repair=repair)
        assert () == report.findings, str(report)
        assert (True, {}, 0) == (report.ok, report.counts, report.repaired)
        assert report.files > 60
