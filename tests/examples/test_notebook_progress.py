"""Bars in a real kernel of Jupyter: for what takes a while, and for nothing else."""

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("tqdm")

SETUP = """
import sys, time
from mlprod import ModelSerializer, configure

class Slow:
    '''Payloads of 8 MiB that take a second to be made.'''
    name, suffix = "slow", ".bin"
    def recognizes(self, model):
        return False
    def encode(self, model):
        return Pieces()
    def decode(self, payload, *, trust):
        return len(payload)

class Pieces:
    nbytes = 8 << 20
    def __iter__(self):
        begun = time.monotonic()
        for piece in range(1, 9):
            while time.monotonic() < begun + piece / 8:
                pass
            yield bytes(1 << 20)

models = ModelSerializer("store", formats=[Slow()])
"""
CELLS = {
    "setup": SETUP,
    "small": 'models.save([1.0], "small"); models.load("small"); assert "tqdm" not in sys.modules',
    "large": 'models.save(None, "large", format="slow")',
    "false": 'models.save(None, "large", format="slow", progress=False)',
    "configured": 'with configure(progress=False):\n    models.save(None, "large", format="slow")',
    "asked": 'models.load("small", progress=True)',
}


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    """Give what each cell wrote to standard output and to standard error."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS.values()])
    resources = {"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    return {
        name: {
            stream: "".join(output.text for output in cell.outputs if output.get("name") == stream)
            for stream in ("stdout", "stderr")
        }
        for name, cell in zip(CELLS, notebook.cells, strict=True)
    }


def test_a_large_model_shows_a_bar_until_it_is_done(streams):
    assert "large@1.0.0: saving:" in streams["large"]["stderr"]
    assert "0.00/8.00M" not in streams["large"]["stderr"]  # not before half a second is over
    assert "large@1.0.0: saving: 100%" in streams["large"]["stderr"]
    assert "8.00M/8.00M" in streams["large"]["stderr"]


@pytest.mark.parametrize("name", ["small", "false", "configured"])
def test_what_is_small_or_unwanted_shows_nothing(streams, name):
    assert "" == streams[name]["stderr"]


def test_what_was_asked_for_shows_however_small(streams):
    assert "small@1.0.0: loading: 100%" in streams["asked"]["stderr"]


def test_standard_output_stays_clean(streams):
    assert {""} == {written["stdout"] for written in streams.values()}
