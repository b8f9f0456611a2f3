"""The site of the documentation: what its build makes of docstrings, links and pages."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def extension(monkeypatch):
    """Imports a module of `docs/_extensions`, and forgets it afterwards."""
    monkeypatch.syspath_prepend(str(ROOT / "docs/_extensions"))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if "_extensions" in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def test_a_page_that_loads_from_elsewhere_is_found(extension):
    loaded = extension("offline").loaded
    for text in (
        '<script src="https://cdn.example/x.js"></script>',
        "<link rel='stylesheet' href='//fonts.example/css'>",
        '<img alt="a" src="http://example/a.png">',
        "@font-face { src: url(https://example/a.woff2) }",
        '@import "https://example/a.css";',
    ):
        assert len(loaded(text)) == 1, text
    for text in (
        '<a href="https://example.org">elsewhere</a>',
        '<script src="_static/x.js?v=1"></script><img src="data:image/png;base64,aaa//bbb">',
        "body { background: url(a.png) }",
    ):
        assert loaded(text) == [], text


def test_links_that_leave_the_site_lead_to_its_pages(extension):
    repository = extension("repository")
    page = ROOT / "docs/howto/server.md"

    def linked(text):
        return repository.linked(text, page, page)

    assert linked("[S](../../SECURITY.md)") == "[S](../generated/security.md)"
    assert linked("[S](../studio.md#keys)") == "[S](../studio.md#keys)"
    assert linked("[S](https://example.org)") == "[S](https://example.org)"
    assert linked("[S](#here)") == "[S](#here)"
    card = "musegen/pretrained/fiddle-tune.md"
    root = ROOT / "README.md"
    made = repository.linked(f"[card]({card})", root, ROOT / "docs/index.md")
    assert made == "[card](generated/cards/fiddle-tune.md)"


def test_the_help_of_every_command_is_on_a_page(extension):
    text = extension("repository").commands()
    for command in ("compose", "harmonise", "rewrite", "train melody", "evaluate", "studio"):
        assert f"\n## musegen {command}\n" in text
    assert "--temperature" in text


def test_tables_and_diagrams_of_docstrings(extension):
    rewritten = extension("markup").rewritten
    text = """Does a thing.

| name | is |
|---|---|
| `a` | one |

It goes so:

    a -> b
      -> c

Args:
    a: The first.

        More of it.
""".splitlines()
    found = "\n".join(rewritten(text))
    assert "|" not in found
    assert ".. list-table::\n   :header-rows: 1\n\n   * - name\n     - is\n   * - `a`" in found
    assert "It goes so:\n\n::\n\n    a -> b\n      -> c\n\nArgs:\n    a: The first." in found
