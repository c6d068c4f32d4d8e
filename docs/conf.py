"""Sphinx configuration."""

project = "mlprod"
author = "The mlprod authors"
copyright = "2026, The mlprod authors"  # noqa: A001 - the name that Sphinx asks for
html_theme = "furo"
html_title = "mlprod"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# A reference to a name of our own must resolve. Others cannot: there is no network when the docs are built.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!mlprod\b).*"),
    ("py:.*", r"mlprod\..*\b[AEST]"),  # type variables
]
