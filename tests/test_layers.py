"""The layers of the package: no import circles, and no module imports from a floor above its own.

The floors are those of the table in CONTRIBUTING.md. Imports count at any depth of a file, so one
inside a function hides nothing; those for type checkers only don't.
"""

from __future__ import annotations

import ast
import graphlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "musegen").rglob("*.py")
}


def imported(source):
    """The dotted names that a module imports, in full."""
    waiting = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names - {"musegen.__version__"}
        waiting += ast.iter_child_nodes(node)


def graph():
    """By module, the modules of the package that it imports; a package's name is its `__init__`."""
    found = {}
    for module, path in MODULES.items():
        found[module] = set()
        for name in imported(path.read_text()):
            while name and name not in MODULES:
                name = name.rpartition(".")[0]
            found[module] |= {name} - {"", module}
    return found


def floors():
    """The floor of each module or folder below `musegen`; its own is the highest."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    found = {
        name.removesuffix("/"): int(floor)
        for floor, names in rows
        for name in re.findall(r"`(.+?)`", names)
    }
    return {"": max(found.values()), **found}


def below(module):
    """What of a dotted name stands right below `musegen`; an empty text for `musegen` itself."""
    return module.partition(".")[2].partition(".")[0]


def test_the_imports_of_a_module_are_those_that_run():
    source = """
import json
from musegen import __version__
from os import path
if TYPE_CHECKING:
    import musegen.cli
else:
    import musegen.loading
def f():
    if True:
        from musegen.models import registry, MuseGAN
"""
    assert set(imported(source)) == {
        *("json", "os.path", "musegen.loading"),
        *("musegen.models.registry", "musegen.models.MuseGAN"),
    }


def test_the_graph_has_imports_at_the_top_and_in_functions():
    found = graph()
    assert "musegen.midi" in found["musegen.interop.dispatch"]
    assert "musegen.models.registry" in found["musegen.loading"]  # in a function there


def test_no_modules_import_each_other_in_a_circle():
    try:
        graphlib.TopologicalSorter(graph()).prepare()
    except graphlib.CycleError as error:
        raise AssertionError(" -> ".join(error.args[1][::-1])) from None


def test_every_module_has_a_floor():
    assert {below(module) for module in MODULES} == set(floors())


def test_no_module_imports_from_a_higher_floor():
    floor = floors()
    assert [
        f"{module} (floor {floor[below(module)]}) imports {other} ({floor[below(other)]})"
        for module, others in graph().items()
        for other in sorted(others)
        if floor[below(other)] > floor[below(module)]
    ] == []
