"""What the explanations show in pictures is what their examples compute."""

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.slow
def test_the_figures_are_those_of_the_examples(tmp_path):
    command = [sys.executable, DOCS / "figures.py", DOCS, tmp_path]
    subprocess.run(command, timeout=120, check=True)
    drawn = {figure.name: figure.read_text(encoding="utf-8") for figure in tmp_path.iterdir()}
    assert {"peeking.svg", "psi.svg"} == drawn.keys()
    for name, figure in drawn.items():
        assert (DOCS / "_static" / name).read_text(encoding="utf-8") == figure
