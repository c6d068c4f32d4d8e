"""What once failed, decoded again: corpus/<target>/<name>.bin, each with a sentence in corpus/README.md."""

from pathlib import Path

import pytest

from fuzz.targets import TARGETS
from fuzz.watch import watched

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(CORPUS.glob("*/*.bin"))


@pytest.mark.parametrize(
    ("target", "path"),
    [pytest.param(path.parent.name, path, id=f"{path.parent.name}-{path.stem}") for path in INPUTS],
    indirect=["target"],
)
@pytest.mark.filterwarnings("ignore")
def test_what_once_failed_is_decoded_or_refused(target, path):
    """By an error of the library, and by doing nothing else than to decode."""
    with watched(target.may_import):
        target.accepts(path.read_bytes())


def test_each_input_is_explained():
    """By a sentence that says what it is."""
    words = (CORPUS / "README.md").read_text()
    names = [f"{path.parent.name}/{path.stem}" for path in INPUTS]
    assert [] == [name for name in names if f"- `{name}`: " not in words]
    assert {path.parent.name for path in INPUTS} <= TARGETS.keys()
