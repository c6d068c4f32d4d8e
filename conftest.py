"""Every example in the README, the documentation and the docstrings is a test."""

import contextlib
import tempfile
from doctest import ELLIPSIS
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers import myst, rest

_isolation = contextlib.ExitStack()


def enter_empty_folder(_namespace: dict[str, Any]) -> None:
    """Run a document's examples in a new folder, with the default store in `.mlprod` there."""
    import mlprod  # noqa: PLC0415 - a test run without examples need not import it

    folder = _isolation.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    _isolation.enter_context(contextlib.chdir(folder))
    _isolation.enter_context(mlprod.configure(store=Path(folder, ".mlprod")))


def leave_folder(_namespace: dict[str, Any]) -> None:
    """Restore what was there before the document, also after a failed example."""
    _isolation.close()


prompts = myst.PythonCodeBlockParser(doctest_optionflags=ELLIPSIS)
prompts.codeblock_parser = myst.CodeBlockParser("pycon", PythonEvaluator())
documents = Sybil(
    parsers=[myst.PythonCodeBlockParser(doctest_optionflags=ELLIPSIS), prompts, myst.SkipParser()],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    setup=enter_empty_folder,
    teardown=leave_folder,
)
docstrings = Sybil(
    parsers=[rest.DocTestParser(optionflags=ELLIPSIS), rest.SkipParser()],
    path="src",
    pattern="*.py",
    setup=enter_empty_folder,
    teardown=leave_folder,
)
pytest_collect_file = (documents + docstrings).pytest()
