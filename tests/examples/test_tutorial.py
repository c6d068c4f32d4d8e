"""What `docs/tutorial.md` shows is what the quickstart prints and draws."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlprod import ABTestingManager, PerformanceMonitor

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
pytestmark = pytest.mark.slow

CHARTS = ("tutorial-drift.svg", "tutorial-equity.svg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder in which the quickstart ran, with what it printed in `printed.txt`."""
    pytest.importorskip("arch")
    folder = tmp_path_factory.mktemp("quickstart")
    run(folder, "printed.txt")
    return folder


def run(folder, output):
    environment = {name: value for name, value in os.environ.items() if name != "MLPROD_STORE"}
    environment["PYTHONUTF8"] = "1"
    with (folder / output).open("w", encoding="utf-8") as printed:
        command = [sys.executable, ROOT / "examples" / "quickstart.py"]
        subprocess.run(command, cwd=folder, stdout=printed, env=environment, timeout=300, check=True)


def shown():
    """Return the lines of output on the page."""
    blocks = re.findall(r"^```text\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_each_line_on_the_page_is_printed(folder):
    printed = (folder / "printed.txt").read_text(encoding="utf-8").splitlines()

    def is_printed(line):
        pattern = re.compile(re.escape(line).replace("…", r"\s*\S.*"))
        return any(pattern.fullmatch(each) for each in printed)

    assert [] == [line for line in shown() if not is_printed(line)]


def test_each_chart_is_the_one_that_is_drawn(folder):
    drawn = folder / "drawn"
    subprocess.run([sys.executable, ROOT / "docs" / "charts.py", folder, drawn], timeout=60, check=True)
    for chart in CHARTS:
        assert (ROOT / "docs" / "_static" / chart).read_bytes() == (drawn / chart).read_bytes()


def test_another_run_tells_the_same_story(folder):
    """It goes on with new versions; what is worse is stopped again, and no week counts twice."""
    run(folder, "again.txt")
    first, again = ((folder / name).read_text(encoding="utf-8") for name in ("printed.txt", "again.txt"))
    rows = re.findall(r"@(?:1\.0\.0  2007|1\.1\.0  2013) .* ([\d,]+)$", first, re.MULTILINE)
    assert 2 == len(rows)
    earned = sum(int(row.replace(",", "")) for row in rows)
    assert "sp500-volatility@2.1.0" in again
    with PerformanceMonitor(folder / ".mlprod") as monitor:
        whole = monitor.getMetricsHistory("sp500-volatility", step="36500d").columns["total_pnl"].sum()
    assert earned == pytest.approx(whole, abs=1)
    experiments = ABTestingManager(folder / ".mlprod").listExperiments()
    assert 4 == len({experiment.name for experiment in experiments})
    stopped = [one.reason for one in experiments if one.name.startswith("The last day")]
    assert 2 == len(stopped)
    assert all(reason.startswith("treatment is worse: ") for reason in stopped)
