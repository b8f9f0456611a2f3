"""The package as a whole: its public names, how fast it is imported, and what its README says."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import musegen

ROOT = Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "music21", "matplotlib", "pretty_midi", "numpy", "symusic")


def python(code: str) -> str:
    """What a new Python prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_fast_and_imports_nothing_heavy():
    code = (
        "import sys, time\nstart = time.perf_counter()\nimport musegen\n"
        "print(time.perf_counter() - start)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    seconds, heavy = zip(*(python(code).splitlines() for _ in range(3)), strict=True)
    assert set(heavy) == {"[]"}
    assert min(map(float, seconds)) < 0.2


@pytest.mark.parametrize(
    "use",
    [
        "read_midi",
        "read_pianoroll_npz",
        "ReadLimits",
        "PitchDurationEncoding",
        "PianorollEncoding",
        "corpus",
        "interop",
        "load",
    ],
)
def test_what_needs_no_model_does_not_import_tensorflow(use):
    code = (
        f"import sys, musegen\nmusegen.{use}\n"
        "print([name for name in ('tensorflow', 'keras', 'music21', 'matplotlib')"
        " if name in sys.modules])"
    )
    assert python(code) == "[]"


def test_every_public_name_is_there():
    assert len(set(musegen.__all__)) == len(musegen.__all__)
    for name in musegen.__all__:
        assert getattr(musegen, name) is not None
    assert set(musegen.__all__) <= set(dir(musegen))


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "musegen/__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            seen[alias.name] = node.module
    assert set(seen) | {"__version__"} == set(musegen.__all__)
    for name, module in seen.items():
        assert getattr(musegen, name) is getattr(importlib.import_module(module), name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'musegen' has no attribute 'compose_me'"):
        musegen.compose_me  # noqa: B018 - the look-up is what is tested


def test_each_shipped_model_has_a_card():
    folder = ROOT / "musegen/pretrained"
    models = {path.stem for path in folder.glob("*.safetensors")}
    assert models == {path.stem for path in folder.glob("*.md")}


def test_types_are_announced():
    assert (ROOT / "musegen/py.typed").exists()


def test_pytest_is_configured_in_one_place():
    assert "[tool.pytest" not in (ROOT / "pyproject.toml").read_text()


def test_readme_has_the_two_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    begin = "python3 -m venv .venv && . .venv/bin/activate && "
    assert [line.removeprefix(begin) for line in lines if line.startswith(begin)] == [
        "pip install . && musegen compose",
        'pip install ".[test]" && pytest',
    ]


def test_what_readme_points_at_is_there():
    text = (ROOT / "README.md").read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_examples_compile():
    text = (ROOT / "README.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        for node in ast.walk(ast.parse(example)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "musegen":
                assert node.attr in musegen.__all__
