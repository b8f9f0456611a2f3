"""The source: nothing in it runs what a file holds, and music21 reads its own files only.

Ruff sees most of that, by the rules `S` and the table of banned names in pyproject.toml; the first
test shows that it does. The rest looks at arguments and methods, of which Ruff has no rule.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "musegen").rglob("*.py"))

BANNED = """
import pickle
import pickle as p
import os, marshal
from pickle import loads as read
from joblib import Memory
from keras.layers import Lambda as L
from os import system
from numpy import *
eval('x')
exec('x')
import builtins as b; b.exec('x')
import keras; keras.layers . Lambda(f)
import keras; keras.models.load_model(path)
import keras as k; k.saving.load_model(path)
import tensorflow as tf; tf.keras.layers.Lambda(f)
import os; os.system('x')
import subprocess; subprocess.run('x', shell=True)
import joblib as j; j.load(path)
import importlib; importlib.reload(name)
import numpy as np; np.fromfile(path)
import urllib.request
import http.client
import ctypes
import tarfile; tarfile.open(path).extractall()
import xml.etree.ElementTree as ET; ET.fromstring(text)
import music21; music21.corpus.parse('bwv1', forceSource=True)
import music21 as m; m.converter.parseURL(path, forceSource=True)
assert allowed
""".strip().splitlines()

ALLOWED = """
'''Never pickle, eval( or exec( what a file holds; Lambda( and load_model( neither.'''
model.compile(optimizer)
import re; re.compile('x')
f(lambda x: x)
import numpy as np; np.load(file, allow_pickle=False)
from music21 import converter; converter.parse(path, forceSource=True)
import json; json.load(file)
""".strip().splitlines()


@pytest.fixture(scope="module")
def flagged(tmp_path_factory):
    """The snippets by whether Ruff, as it is set up here, finds fault with what they do."""
    folder = tmp_path_factory.mktemp("source") / "musegen"
    folder.mkdir()
    for number, code in enumerate(BANNED + ALLOWED):
        (folder / f"{number}.py").write_text(code + "\n")
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*ruff, "--no-cache", "--select", "S,TID251,F403", "--output-format", "json", str(folder)],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    found = {int(Path(row["filename"]).stem) for row in json.loads(done.stdout)}
    return {code: number in found for number, code in enumerate(BANNED + ALLOWED)}


@pytest.mark.parametrize("code", BANNED)
def test_ruff_flags_it(flagged, code):
    assert flagged[code]


@pytest.mark.parametrize("code", ALLOWED)
def test_ruff_lets_it_pass(flagged, code):
    assert not flagged[code]


def faults(source):
    """The calls in a module that are not allowed for their arguments or as methods."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if (
            name in {"compile", "__import__", "breakpoint", "input"}
            or given.get("allow_pickle", "False") != "False"
            or name.endswith((".load_weights", ".to_pickle"))
            or (name.endswith("import_module") and not own_or_named(call.args[0]))
            or (
                name.endswith("converter.parse")
                and [given.get("forceSource"), *map(ast.unparse, call.args)] != ["True", "path"]
            )
        ):
            found.append(f"{call.lineno}: {ast.unparse(call)}")
    return found


def own_or_named(name):
    """Whether an expression can only be a module of musegen, or one that stands there in full."""
    own = ("f'musegen.", "f'{__name__}.")
    return isinstance(name, ast.Constant) or ast.unparse(name).startswith(own)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_call_of_the_source_runs_what_a_file_holds(path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os')",
        "compile('x', 'y', 'exec')",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle = flag)",
        "model.load_weights(path)",
        "importlib.import_module(name)",
        "import_module(f'{name}.musegen')",
        "converter.parse(path)",
        "converter.parse(path, forceSource=False)",
        "music21.converter.parse('http://a.b/c.mid', forceSource=True)",
        "converter.parse(*path, forceSource=True)",
        "converter.parse(path, 'midi', forceSource=True)",
    ],
)
def test_the_faults_of_calls_are_found(code):
    assert len(faults(code)) == 1


def test_what_music21_parses_is_a_file_of_its_own():
    """Both parsers are given to `read_bundled`, which lists music21's folder, and only there."""
    parsers, users = set(), set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and "converter.parse(" in ast.unparse(node):
                assert ast.unparse(node.args) == "path: Path"
                parsers.add(node.name)
            elif isinstance(node, ast.Call) and "parse_" in ast.unparse(node):
                names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
                users |= {(ast.unparse(node.func), name) for name in names if "parse_" in name}
    assert parsers == {"parse_chorale", "parse_tunes"}
    assert users == {("read_bundled", name) for name in parsers}
