"""The source: nothing in it runs what a file holds, and music21 reads its own files only.

Names are looked for as Python has them, in the syntax tree, so that prose doesn't count and
formatting hides nothing; `import a as b` and `from a import b as c` are followed.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "musegen").rglob("*.py"))

# Whatever unpickles, evaluates, loads classes that a file names, or starts a shell.
MODULES = {
    *("pickle", "cPickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "yaml", "imp"),
    *("h5py", "torch", "code", "codeop", "runpy", "pty", "xmlrpc", "ftplib", "telnetlib"),
    *("socket", "urllib", "http", "requests", "httpx", "aiohttp", "webbrowser", "ctypes"),
}
NAMES = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
CALLS = {
    *("Lambda", "load_model", "model_from_json", "load_weights", "deserialize_keras_object"),
    *("enable_unsafe_deserialization", "Memory", "system", "popen", "memmap", "load_library"),
    *("get_file", "extractall", "unpack_archive", "read_pickle", "to_pickle"),
}
DOTTED = {
    *("joblib.load", "joblib.dump", "numpy.fromfile", "os.execv", "os.spawnv", "os.posix_spawn"),
    *("importlib.import_module", "importlib.reload", "tensorflow.saved_model.load"),
}
READS_MUSIC21 = {"parse", "parseFile", "parseData", "parseURL", "freeze", "thaw", "unfreeze"}


class Scan(ast.NodeVisitor):
    """What of a module's syntax tree is not allowed."""

    def __init__(self, source):
        self.found = []
        self.full = {}  # what a name in the module stands for
        self.visit(ast.parse(source))

    def report(self, node, what):
        self.found.append((node.lineno, what))

    def dotted(self, node):
        """The full dotted name of an expression, as far as it has one."""
        if isinstance(node, ast.Name):
            return self.full.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        return ""

    def visit_Import(self, node):
        for alias in node.names:
            root = alias.name.split(".")[0]
            self.full[alias.asname or root] = alias.name if alias.asname else root
            if root in MODULES:
                self.report(node, alias.name)

    def visit_ImportFrom(self, node):
        if (node.module or "").split(".")[0] in MODULES:
            self.report(node, node.module)
        for alias in node.names:
            self.full[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            if alias.name in MODULES or alias.name in CALLS or alias.name == "*":
                self.report(node, alias.name)

    def visit_Name(self, node):
        if node.id in NAMES:
            self.report(node, node.id)

    def visit_Attribute(self, node):
        name = self.dotted(node)
        if node.attr in CALLS or name in DOTTED or name.split(".")[0] == "builtins":
            self.report(node, name)
        self.generic_visit(node)

    def visit_Constant(self, node):
        if isinstance(node.value, str) and node.value in {"__builtins__", "__import__"}:
            self.report(node, node.value)

    def visit_Call(self, node):
        name = self.dotted(node.func)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        for argument in ("allow_pickle", "shell"):
            value = given.get(argument)
            if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
                self.report(node, f"{argument}=")
        if name in ("numpy.load", "np.load") and "allow_pickle" not in given:
            self.report(node, "numpy.load without allow_pickle=False")
        if name.split(".")[-1] == "get_layer_class" or name.endswith("saving.load_model"):
            self.report(node, name)
        if name.startswith("music21.") and name.split(".")[-1] in READS_MUSIC21:
            forced = given.get("forceSource")
            path = node.args[0] if node.args else None
            if name != "music21.converter.parse":
                self.report(node, name)
            elif not (isinstance(forced, ast.Constant) and forced.value is True):
                self.report(node, f"{name} without forceSource=True")
            elif not (isinstance(path, ast.Name) and len(node.args) == 1):
                self.report(node, f"{name} of something else than a path")
        self.generic_visit(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_in_the_source_runs_what_a_file_holds(path):
    assert Scan(path.read_text()).found == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import pickle as p",
        "import os, marshal",
        "from pickle import loads as read",
        "from joblib import Memory",
        "from keras.layers import Lambda as L",
        "from os import system",
        "from numpy import *",
        "eval ( 'x' )",
        "exec('x')",
        "run = eval",
        "__import__('os')",
        "builtins.eval('x')",
        "import builtins as b\nb.exec('x')",
        "globals()['__builtins__']",
        "np.load(file)",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle = flag)",
        "import numpy as n\nn.load(file)",
        "keras.layers . Lambda(f)",
        "keras.models.load_model(path)",
        "os.system('x')",
        "subprocess.run('x', shell=True)",
        "import joblib as j\nj.load(path)",
        "joblib.Memory('x')",
        "importlib.import_module(name)",
        "import urllib.request",
        "from music21 import converter\nconverter.parse(path)",
        "from music21 import converter\nconverter.parse(path, forceSource=False)",
        "from music21 import converter as c\nc.parse('http://a.b/c.mid', forceSource=True)",
        "from music21 import converter\nconverter.parse(*path, forceSource=True)",
        "import music21\nmusic21.corpus.parse('bwv1', forceSource=True)",
        "import music21 as m\nm.converter.parseURL(path, forceSource=True)",
        "from music21.converter import parse\nparse(path)",
    ],
)
def test_the_scan_finds_it(code):
    assert Scan(code).found


@pytest.mark.parametrize(
    "code",
    [
        "'''Never pickle, eval( or exec( what a file holds; Lambda( and load_model( neither.'''",
        "# import pickle",
        "x = 'allow_pickle=True'",
        "np.load(file, allow_pickle=False)",
        "np.save(file, array, allow_pickle=False)",
        "from music21 import converter\nconverter.parse(path, forceSource=True)",
        "model.compile(optimizer)",
        "re.compile('x')",
        "f = lambda x: x",
        "json.load(file)",
    ],
)
def test_the_scan_finds_nothing(code):
    assert Scan(code).found == []


def test_what_music21_parses_is_a_file_of_its_own():
    """Both parsers are called with the files that music21's folder lists, and with nothing else."""
    calls, parsers = [], set()
    for path in FILES:
        tree = ast.parse(path.read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and "converter.parse(" in ast.unparse(
                function
            ):
                (argument,) = function.args.args
                assert (argument.arg, ast.unparse(argument.annotation)) == ("path", "Path")
                parsers.add(function.name)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call):
                names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
                calls += [(ast.unparse(call.func), name) for name in names if "parse_" in name]
    assert parsers == {"parse_chorale", "parse_tunes"}
    assert {function for function, _ in calls} == {"read_bundled"}
