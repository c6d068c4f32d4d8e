"""Sphinx configuration."""

from typing import Any

project = "mlprod"
author = "The mlprod authors"
copyright = "2026, The mlprod authors"  # noqa: A001 - the name that Sphinx asks for
html_theme = "furo"
html_title = "mlprod"
html_static_path = ["_static"]
html_css_files = ["reading.css"]
pygments_dark_style = "github-dark"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the session `notebook` runs it, and compares what is committed

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
maximum_signature_line_length = 90
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# A reference to a name of our own must resolve. Others cannot: there is no network when the docs are built.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!mlprod\b).*"),
    ("py:.*", r"mlprod\..*\b[AEST]"),  # type variables
]

ABC = "~collections.abc."
JSON = f"bool | int | float | str | {ABC}Sequence[JSON] | {ABC}Mapping[str, JSON] | None"


def setup(app: Any) -> None:  # noqa: ANN401 - typing it would import Sphinx for one name
    """Let signatures say `JSON`, and not what it unfolds to."""
    app.connect("autodoc-process-signature", fold_json)


def fold_json(*event: Any) -> tuple[str | None, str | None]:  # noqa: ANN401 - Sphinx passes seven different things
    """Return a signature, and what is returned, with `JSON` in the place of what it stands for."""
    return folded(event[-2]), folded(event[-1])


def folded(text: str | None) -> str | None:
    """Replace what `JSON` stands for, from the inside out."""
    while text and JSON in text:
        text = text.replace(JSON, "JSON")
    return text
