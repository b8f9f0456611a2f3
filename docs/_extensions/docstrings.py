"""Docstrings for Sphinx: plain text with tables of Markdown and diagrams that are indented.

A Markdown table becomes a table, an indented block after a paragraph becomes text that is shown as
it stands, and a class lists the methods that musegen gives it, not those of Keras.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import Any

from docutils import nodes
from markup import rewritten
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("public", Public)
    app.connect("autodoc-process-docstring", process, priority=100)  # before napoleon
    return {"parallel_read_safe": True}


class Public(SphinxDirective):
    """Describes the names of a module that stand in it, after a table of them.

    All stand on one page: with a page for each, most of the time of a build would go into the
    navigation beside them.
    """

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        module = self.arguments[0]
        names = [name for line in self.content for name in line.split()]
        lines = [f".. currentmodule:: {module}", ""]
        if len(names) > 2:
            lines += [".. autosummary::", "   :nosignatures:", "", *(f"   {n}" for n in names), ""]
        for name in names:
            value = getattr(import_module(module), name)
            if inspect.isclass(value):
                lines += [f".. autoclass:: {name}", f"   :members: {own_members(value)}"]
                lines += ["   :show-inheritance:"]
            elif inspect.isroutine(value):
                lines += [f".. autofunction:: {name}"]
            else:
                lines += [f".. autodata:: {name}", "   :no-value:" * isinstance(value, dict)]
            lines += [""]
        return self.parse_text_to_nodes("\n".join(lines))


def own_members(kind: type) -> str:
    """Returns the public members of a class that are defined in musegen, in the order of names."""
    found = set()
    for base in inspect.getmro(kind):
        if base.__module__.startswith("musegen"):
            for member, value in vars(base).items():
                value = getattr(value, "__func__", getattr(value, "fget", value))
                documented = inspect.isroutine(value) or getattr(value, "func", None)
                if member[0] != "_" and documented and inspect.getdoc(value):
                    found.add(member)
    return ", ".join(sorted(found)) or "__doc__"


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrites the lines of a docstring in place."""
    if what == "data" and "\n".join(lines).strip() == (inspect.getdoc(type(obj)) or "").strip():
        lines[:] = stated(name, obj)  # what a dict or a number says of itself
    lines[:] = rewritten(lines)


def stated(name: str, value: Any) -> list[str]:
    """Returns what stands below an assignment in the module that a public name comes from."""
    last = name.rpartition(".")[2]
    for module in [one for one in sys.modules if one.startswith("musegen.")]:
        if getattr(sys.modules[module], last, None) is value:
            docs = ModuleAnalyzer.for_module(module).find_attr_docs()
            if ("", last) in docs:
                return docs["", last]
    raise ValueError(f"{name} has no docstring below its assignment.")
