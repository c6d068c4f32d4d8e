"""The soak, for a few seconds: `python3 dev.py soak` runs the same for a minute."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.reckoning import differences

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_count_is_exact_after_a_few_seconds(tmp_path):
    command = [sys.executable, "-m", "soak", "--seconds", "3", "--processes", "3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    assert done.stdout.endswith("all counts exact, memory and files flat\n")
    assert [] == list(tmp_path.iterdir())


def test_what_is_missing_is_said():
    assert ["trades: 1 instead of 2,000"] == differences(
        {"trades": 2000, "tags": 3}, {"trades": 1, "tags": 3, "more": 4}
    )
