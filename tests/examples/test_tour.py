"""The notebook `docs/notebooks/tour.ipynb`, executed by a real kernel."""

import re
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("arch")

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "tour.ipynb"


def shown(notebook):
    """Return what each cell shows: the captions of tables, the titles of others, and how many charts."""
    pages = [
        "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    return [
        (re.findall(r"<caption>(.*?)</caption>|<h[13]>(.*?)</h[13]>", page), page.count("<svg"))
        for page in pages
    ]


@pytest.fixture(scope="module")
def committed():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    folder = tmp_path_factory.mktemp("tour")
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    assert [] == list(folder.iterdir())  # it says that it leaves nothing behind
    return notebook


def test_every_cell_runs_without_an_error_or_a_warning(executed):
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    assert outputs
    assert {"execute_result", "stream"} == {output.output_type for output in outputs}
    assert {"stdout"} == {output.name for output in outputs if output.output_type == "stream"}


def test_values_show_themselves(executed):
    captions = {name for named, _ in shown(executed) for pair in named for name in pair if name}
    assert {"ModelMetadata", "ValidationReport", "<bdi>volatility</bdi>", "Over time", "Findings"} <= captions
    charts = [count for _, count in shown(executed) if count]
    assert 3 == len(charts)  # the experiment, the report and the drift


def test_what_is_committed_is_what_comes_out(committed, executed):
    assert shown(committed) == shown(executed)
