"""What `docs/tutorial.md` shows is what the quickstart prints and draws."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
pytestmark = pytest.mark.slow

CHARTS = ("tutorial-drift.svg", "tutorial-equity.svg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder in which the quickstart ran, with what it printed in `printed.txt`."""
    pytest.importorskip("arch")
    folder = tmp_path_factory.mktemp("quickstart")
    environment = {name: value for name, value in os.environ.items() if name != "MLPROD_STORE"}
    environment["PYTHONUTF8"] = "1"
    with (folder / "printed.txt").open("w", encoding="utf-8") as printed:
        command = [sys.executable, ROOT / "examples" / "quickstart.py"]
        subprocess.run(command, cwd=folder, stdout=printed, env=environment, timeout=300, check=True)
    return folder


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
