"""The package as a whole: its public names, what an import imports, its signatures, its README."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from documents import documents

import musegen

pytestmark = pytest.mark.usefixtures("uncompiled")

ROOT = Path(__file__).parents[1]
HEAVY = {"tensorflow", "keras", "jax", "music21", "matplotlib", "pretty_midi", "scipy"}


def imported_by(code):
    """The top-level modules that a new Python has imported after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_imports_nothing_that_takes_time():
    assert not imported_by("import musegen") & {*HEAVY, "numpy", "symusic"}
    assert not imported_by("import musegen.composition") & {*HEAVY, "IPython"}


@pytest.mark.parametrize(
    "use",
    [
        *("read_midi", "read_pianoroll_npz", "ReadLimits", "PitchDurationEncoding"),
        *("PianorollEncoding", "corpus", "interop", "load"),
    ],
)
def test_what_needs_no_model_does_not_import_tensorflow(use):
    assert not imported_by(f"import musegen\nmusegen.{use}") & (HEAVY - {"pretty_midi"})


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


def test_the_release_is_named_everywhere():
    version = musegen.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


# === Documentation of arguments ===


def public_members():
    """The public functions, classes and methods of the package and its modules, by name."""
    waiting = {name: getattr(musegen, name) for name in musegen.__all__}
    found = {}
    while waiting:
        name, value = waiting.popitem()
        if inspect.isroutine(value) or inspect.isclass(value):
            found[name] = value
        if inspect.ismodule(value) or inspect.isclass(value):
            members = {inner: getattr(value, inner) for inner in dir(value) if inner[0] != "_"}
            waiting |= {
                f"{name}.{inner}": member
                for inner, member in members.items()
                if getattr(member, "__module__", "").startswith("musegen")
            }
    return found


def undocumented(function):
    """The parameters that are missing from the list in a docstring, if it has one."""
    doc = inspect.cleandoc(function.__doc__ or "")
    return "\nArgs:" in doc and [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("self", "cls")
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and not re.search(rf"^ +{name}(, \w+)*:|^ +(\w+, )+{name}\b.*:", doc, re.MULTILINE)
    ]


def test_a_parameter_without_a_line_is_found():
    def one(there, missing):
        """Does one thing.

        Args:
            there: It is.
        """

    assert undocumented(one) == ["missing"]


def test_every_public_parameter_is_documented():
    members = public_members()
    assert {"evaluate", "AttentionLSTM.fit", "corpus.folder"} <= set(members)
    missing = {name: undocumented(member) for name, member in members.items()}
    assert {name: names for name, names in missing.items() if names} == {}


# === README and CONTRIBUTING, whose blocks tests/test_documents.py tries ===


def test_readme_is_a_page():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_readme_has_the_two_commands():
    begin = "python3 -m venv .venv && . .venv/bin/activate && "
    lines = (ROOT / "README.md").read_text().splitlines()
    assert [line.removeprefix(begin) for line in lines if line.startswith(begin)] == [
        "pip install . && musegen compose",
        'pip install ".[test]" && pytest',
    ]


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_points_at_is_there(document):
    text = document.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    files = re.findall(r"\b(?:musegen|tests|benchmarks|docs|examples)/[\w/]+\.\w+", text)
    made = {"generated", "gallery", "pictures"}  # by the build
    links = [link for link in links if not made & set(Path(link).parts)]
    assert [link for link in links if not (document.parent / link).exists()] == []
    assert [file for file in files if not (ROOT / file).exists()] == []


def blocks(language, document="README.md"):
    """The examples in a language in a document."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def random_tunes(folder, count):
    """Writes random melodies of twenty notes."""
    folder.mkdir()
    random = np.random.default_rng(0)
    encoding = musegen.PitchDurationEncoding()
    for number in range(count):
        pitches = [0, *random.integers(60, 80, 20), 1]
        score = encoding.decode((pitches, [0, *[12] * 20, 0]))
        musegen.write_midi(score, folder / f"{number}.mid")


@pytest.fixture
def contributed(tmp_path, monkeypatch):
    """Imports the example of CONTRIBUTING.md that has some words in it."""
    monkeypatch.syspath_prepend(tmp_path)

    def module(words):
        code = next(code for code in blocks("python", "CONTRIBUTING.md") if words in code)
        name = "".join(filter(str.isalpha, f"contributed {words}"))
        (tmp_path / f"{name}.py").write_text(code)
        return importlib.import_module(name)

    return module


def test_the_network_of_contributing_writes_music(contributed, monkeypatch):
    from musegen.models import MelodyModel
    from musegen.networks import NETWORKS

    monkeypatch.setitem(NETWORKS, "window", None)
    contributed("class Window(Network)")
    assert MelodyModel(network="window", units=4, width=3).sample(notes=6, seed=0).new_notes == 6


def test_the_metric_of_contributing_measures(contributed, tmp_path):
    from musegen.evaluation.notes import notes_of

    random_tunes(tmp_path / "tunes", count=2)
    scores = [musegen.read_midi(path) for path in sorted((tmp_path / "tunes").iterdir())]
    highest = [max(note.pitch for note in score.tracks[0].notes) for score in scores]
    metric = contributed("def highest_pitch(notes: Notes)").highest_pitch
    assert metric(notes_of(scores)).tolist() == highest


def test_the_check_of_contributing_is_asked(contributed, tmp_path, monkeypatch):
    from musegen.diagnosis import CHECKS

    random_tunes(tmp_path / "tunes", count=20)
    corpus = musegen.corpus.folder(tmp_path / "tunes", jobs=1)
    name = "pieces_to_validate_on"
    monkeypatch.setitem(CHECKS, name, None)
    check = getattr(contributed(f"def {name}("), name)
    (finding,) = musegen.diagnose(musegen.AttentionLSTM(units=4), corpus, checks=[name]).findings
    assert (finding.verdict, finding.figures) == ("unsure", {"pieces": len(corpus.validation)})
    assert check(None, corpus, least=1).verdict == "good"
    finding.plot(tmp_path / "finding.png")
    with pytest.raises(ValueError, match="least=0: give a whole number of at least 1"):
        check(None, corpus, least=0)
