"""What a notebook shows, drawn by a real Chromium between the styles of JupyterLab and of VS Code."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor, fsck

# What JupyterLab does to every output, as `nbconvert --to html` writes it down.
LAB = """
.jp-RenderedHTMLCommon table { border-collapse: collapse; border: none; color: var(--text); font-size: 13px;
  table-layout: fixed; margin-left: auto; margin-bottom: 1em; margin-right: auto }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th, .jp-RenderedHTMLCommon tr {
  vertical-align: middle; padding: .5em; line-height: normal; white-space: normal; border: none }
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon td, :not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon th,
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon tr { text-align: right }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: var(--page) }
.jp-RenderedHTMLCommon tbody tr:nth-child(even) { background: var(--row) }
.jp-RenderedHTMLCommon p { text-align: left; margin: 0 0 1em }
.jp-OutputArea-output dl { display: block; width: 100%; overflow: hidden; padding: 0; margin: 0 }
.jp-OutputArea-output dt { font-weight: bold; float: left; width: 20%; padding: 0; margin: 0 }
.jp-OutputArea-output dd { float: left; width: 80%; padding: 0; margin: 0 }
"""
COLOURS = {
    "light": "--page: #fff; --text: #1f1f1f; --row: #f5f5f5",
    "dark": "--page: #111; --text: #e0e0e0; --row: #212121",
}
PLACES = {  # how each notebook says which theme is on
    "lab-light": ("light", 'data-jp-theme-light="true"', LAB),
    "lab-dark": ("dark", 'data-jp-theme-light="false"', LAB),
    "code-dark": ("dark", 'class="vscode-dark"', ""),
}


@pytest.fixture(scope="module")
def outputs(small):
    """Give what the store of the page returns, value by value."""
    models, detector = ModelSerializer(small.store), DriftDetector(small.store)
    with PerformanceMonitor(small.store) as monitor, ABTestingManager(small.store) as manager:
        values = [
            models.get_metadata("har@1.0.0"),
            models.compare("har@1.0.0", "har@1.1.0"),
            models.history("har")[-1],
            monitor.get_latest_metrics("har"),
            monitor.get_alert_history(evaluate=False)[0],
            *monitor.get_overview(),
            manager.get_experiment("done"),
            *manager.get_overview(),
            detector.get_reference("har"),
            detector.history("har")[0],
            fsck(small.store),
        ]
    return [value._repr_html_() for value in values]


@pytest.fixture(params=PLACES)
def notebook(request, chromium, outputs):
    """Give a page of all of them, in the notebook and the theme of somebody."""
    theme, attributes, rules = PLACES[request.param]
    style = f":root {{ {COLOURS[theme]} }} {rules} body {{ background: var(--page); color: var(--text) }}"
    cells = "".join(
        f'<div class="jp-OutputArea-output jp-RenderedHTMLCommon"><p class="beside">Beside</p>{output}</div>'
        for output in outputs
    )
    page = chromium.new_page(viewport={"width": 560, "height": 800})
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda asked: said.append(asked.url))
    page.set_content(
        f"<!doctype html><html lang=en><title>Notebook</title><style>{style}</style>"
        f"<body {attributes}><main>{cells}</main>"
    )
    yield page
    assert "undefined" == page.evaluate("typeof hacked")
    assert [] == said
    page.close()


def test_all_text_stands_out_from_what_is_behind_it(notebook):
    found = Axe().run(notebook, options={"runOnly": ["color-contrast", "svg-img-alt", "td-headers-attr"]})
    assert 0 == found.violations_count, found.generate_report()


def test_labels_of_tiles_stand_above_their_figures(notebook):
    overlaps = notebook.evaluate(
        """[...document.querySelectorAll('.tiles > div')].filter(tile => {
            const [label, value] = tile.children;
            return label.getBoundingClientRect().bottom > value.getBoundingClientRect().top + 1 })
            .map(tile => tile.textContent)"""
    )
    assert [] == overlaps


def test_what_is_beside_them_looks_as_before(notebook):
    looks = notebook.evaluate(
        """[document.body, ...document.querySelectorAll('.beside')].map(it => {
            const {color, fontSize, fontFamily, lineHeight} = getComputedStyle(it);
            return [color, fontSize, fontFamily, lineHeight].join() })"""
    )
    assert 1 == len({*looks})


def test_names_of_fields_stand_left_and_close_to_their_values(notebook):
    aligned = notebook.evaluate(
        """[...document.querySelectorAll('.mlprod-value th, .mlprod-value td')]
            .map(it => getComputedStyle(it).textAlign)"""
    )
    assert {"left"} == {*aligned}


def test_nothing_is_wider_than_the_notebook(notebook):
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert 0 == notebook.evaluate(width)
