"""Whoever follows a page sees all that its examples need."""

import builtins
import re
import symtable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs").glob("*/*.md"))]


def visible_code(page):
    """Return the code of all examples that a reader sees, prompts and results left out."""
    for example in re.findall(r"^```(?:python|pycon)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        lines = example.splitlines()
        if ">>>" in example:
            lines = [line[4:] for line in lines if line.startswith((">>>", "..."))]
        yield from lines


def scopes(table):
    yield table
    for child in table.get_children():
        yield from scopes(child)


def undefined(code):
    """Return the names that are used and never given a value."""
    module = symtable.symtable(code, "page", "exec")
    known = {name.get_name() for name in module.get_symbols() if name.is_assigned() or name.is_imported()}
    used = {name.get_name() for scope in scopes(module) for name in scope.get_symbols() if name.is_global()}
    return used - known - set(dir(builtins))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_no_example_needs_what_is_hidden(page):
    assert set() == undefined("\n".join(visible_code(page.read_text(encoding="utf-8"))))


def test_a_name_without_a_value_is_found():
    assert {"configure", "store"} == undefined("def use():\n    configure()\n\nuse()\nprint(store)")
