"""The documents: every block of code runs or can be parsed, and prints what it is said to print.

`tests/documents.py` says how a document tells how its blocks are tried. Docstrings are read, too:
their sessions at the prompt are doctests, which pytest runs by itself, and their commands are
parsed here. The reference has every public name.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import multiprocessing
import re
import shlex
import tomllib
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from documents import (
    ASSIGNED,
    ROOT,
    Block,
    blocks_of,
    documents,
    indented_commands,
    run,
    same,
)
from without_xla import without_xla

import musegen
from musegen.cli.arguments import make_parser
from musegen.cli.options import TrainingParser

pytestmark = pytest.mark.usefixtures("uncompiled")

PAGES = {path.relative_to(ROOT).as_posix(): path for path in documents()}
BLOCKS = {name: blocks_of(path) for name, path in PAGES.items()}

BY_PACKAGE = ("class Window(Network)", "def highest_pitch(", "def pieces_to_validate_on(")
"""Words of the blocks of CONTRIBUTING.md that tests/test_package.py imports and tries."""

LANGUAGES = {"python", "sh", "text", ""}

OTHER_PROGRAMS = {
    ".": "enters an environment",
    "curl": "needs a server",
    "dask": "starts a cluster",
    "pip": "installs",
    "pre-commit": "changes the repository",
    "python3": "makes an environment; .ci/run runs these lines of README.md",
    "ssh": "needs another machine",
    "uvicorn": "serves until it is stopped",
}


# === Blocks ===


def test_a_block_is_found_with_how_and_output(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n\n<!-- slow -->\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n"
        "```sh\nmusegen models  # all\nA=1 python x.py \\\n  --y\n```\n"
    )
    first, second = blocks_of(page)
    assert (first.how, first.code, first.output, first.line) == ("slow", "print(1)\n", "1\n", 5)
    assert first.runs and first.slow and not second.runs
    assert second.commands == [["musegen", "models"], ["A=1", "python", "x.py", "--y"]]


def test_output_is_compared_and_may_be_shortened():
    block = Block("page", 1, "python", "for n in range(4): print(n, 'notes')\n")
    printed = run(block, {})
    assert same("0 notes\n1 notes\n2 notes\n3 notes\n", printed)
    assert same("0 notes\n...\n3 notes\n", printed)
    assert not same("0 notes\n...\n4 notes\n", printed)
    with pytest.raises(AssertionError, match="Expected"):
        run(Block("page", 1, "python", ">>> 1 + 1\n3\n"), {})


@pytest.mark.parametrize("name", PAGES)
def test_each_block_is_of_a_known_kind(name):
    for block in BLOCKS[name]:
        assert block.language in LANGUAGES, f"{name}:{block.line}"
        assert block.output is None or block.runs, f"{name}:{block.line} shows what is not compared"
        if block.how.startswith("names"):
            assert len(block.how) > len("names: for a reason"), f"{name}:{block.line}"


def runnable(slow):
    """The names of documents with blocks that run, of those with slow ones if they are asked."""
    chosen = {
        name: [block for block in found if block.runs and block.code.strip()]
        for name, found in BLOCKS.items()
    }
    if slow:
        return [name for name, found in chosen.items() if any(one.slow for one in found)]
    return [name for name, found in chosen.items() if any(not one.slow for one in found)]


@pytest.fixture
def registries():
    """Forgets what the blocks have registered."""
    from musegen.diagnosis import CHECKS
    from musegen.models.registry import MODELS
    from musegen.networks import GRID_NETWORKS, NETWORKS

    before = [(table, dict(table)) for table in (CHECKS, MODELS, NETWORKS, GRID_NETWORKS)]
    yield
    for table, was in before:
        table.clear()
        table.update(was)


def go_through(name, slow, folder):
    """Runs the blocks of a document in order, as one session."""
    session = {"__name__": "__main__"}
    make_music(folder)
    for block in BLOCKS[name]:
        if not block.runs or (block.slow and not slow) or any(w in block.code for w in BY_PACKAGE):
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*FluidSynth.*")
            warnings.filterwarnings("ignore", ".*(validat|nearly the same).*")
            printed = run(block, session)
        if block.output is not None:
            where = f"{name}:{block.line}"
            assert same(block.output, printed), f"{where} prints\n{printed}\nnot\n{block.output}"


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("name", runnable(slow=False))
def test_blocks_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    go_through(name, False, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", runnable(slow=True))
def test_all_blocks_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What is compiled stays in memory until its process ends: half a gigabyte for each document.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        process.submit(go_through_all, name, tmp_path).result()


def go_through_all(name, folder):
    with without_xla():
        go_through(name, True, folder)


def make_music(folder):
    """Writes what the documents name: folders of tunes and songs, a tune, a piece."""
    random = np.random.default_rng(0)
    encoding = musegen.PitchDurationEncoding()
    for place, count in (("my-midi-files", 30), ("my-tunes", 30)):
        (folder / place).mkdir()
        for number in range(count):
            pitches = [0, *random.integers(60, 80, 20), 1]
            score = encoding.decode((pitches, [0, *[12] * 20, 0]))
            musegen.write_midi(score, folder / place / f"{number}.mid")
    tune = (60, 62, 64, 65, 67, 67, 69, 69, 67, 65, 64, 62, 60)
    score = encoding.decode(([0, *(pitch + 4 for pitch in tune), 1], [0, *[12] * len(tune), 0]))
    for name in ("tune.mid", "mine.mid"):
        musegen.write_midi(score, folder / name)


# === Commands ===


def check_command(words, where):
    """Fails if a command is none of this repository's: by its own parser, or by what it names."""
    while words and ASSIGNED.fullmatch(words[0]):
        words = words[1:]
    for end in ("|", "&&", ">"):
        words = words[: words.index(end)] if end in words else words
    program, *rest = words
    if program == "musegen":
        made = make_parser()
        if rest and rest[0] == "train":
            check_training(rest, made)
        else:
            made.parse_args(rest)
    elif program == "python":
        script = ROOT / rest[0]
        if rest[0] in ("-m", "tune.py"):  # Sphinx, and the script of a tutorial
            return
        assert script.is_file(), f"{where}: {rest[0]}"
        for option in [word for word in rest if word.startswith("--")]:
            assert option in options_of(script), f"{where}: {rest[0]} has no {option}"
    elif program == "pytest":
        for word in rest:
            assert "/" not in word or (ROOT / word).exists(), f"{where}: {word}"
    else:
        assert program in OTHER_PROGRAMS or program in ("ruff", "mypy"), f"{where}: {program}"
        extras = re.findall(r"\.\[(\w+)\]", " ".join(rest))
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert set(extras) <= set(known["optional-dependencies"]), where


def options_of(script):
    """The options that a script, or a module beside it that it imports, names."""
    source = script.read_text()
    beside = [path for path in script.parent.glob("*.py") if f"import {path.stem}\n" in source]
    beside += [path for path in script.parent.glob("*.py") if f"from {path.stem} " in source]
    source += "".join(path.read_text() for path in beside)
    found = set(re.findall(r"[\"'](--[\w-]+)[\"']", source))
    for start in re.findall(r"f[\"'](--(?:[\w-]+-)?)\{", source):  # such as f"--minutes-{corpus}"
        found |= {f"{start}{word}" for word in re.findall(r"[\"'](\w+)[\"']", source)}
    return found


def check_training(words, parser):
    """Parses a `musegen train`, with the settings that its own parser leaves to the model's."""
    from musegen.cli.options import Parser, _trained, add_settings

    found = parser.parse_args(words)
    family = words[1]
    network = getattr(found, "network", None) or (None if family == "musegan" else "attention-lstm")
    _, model, training = _trained(family, network)
    settings = Parser(prog="musegen train")
    add_settings(settings, [*model.values(), *training.values()])
    settings.parse_args(found.settings)
    assert issubclass(TrainingParser, Parser)


def commands():
    """All commands in documents, cards and docstrings, each with where it stands."""
    for name, found in BLOCKS.items():
        for block in found:
            if block.language == "sh":
                for words in block.commands:
                    yield f"{name}:{block.line}", words
        for words in indented_commands(PAGES[name].read_text()):
            yield name, words
    for card in sorted((ROOT / "musegen/pretrained").glob("*.md")):
        for words in indented_commands(card.read_text()):
            yield card.name, words
    for folder in ("musegen", "examples", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                    text = ast.get_docstring(node, clean=False) or ""
                    # In the examples of commands two blanks or more stand before what they do.
                    text = re.sub(r"^( +musegen .*?\S)  +\S.*$", r"\1", text, flags=re.MULTILINE)
                    if path.parent.name == "cli":
                        text = re.sub(r"^ +(musegen )", r"    \1", text, flags=re.MULTILINE)
                    for words in indented_commands(text):
                        yield path.relative_to(ROOT).as_posix(), words


def test_every_command_can_be_parsed():
    tried = 0
    for where, words in commands():
        try:
            check_command(words, where)
        except SystemExit:
            pytest.fail(f"{where}: {shlex.join(words)}")
        tried += 1
    assert tried > 120


# === Blocks that can't run ===


def test_names_of_what_cannot_run_are_there():
    for name, found in BLOCKS.items():
        for block in found:
            if block.language == "python" and not block.runs:
                used = re.findall(r"\bmusegen((?:\.\w+)+)", block.code)
                ast.parse(block.code)
                for path in used:
                    value = musegen
                    for part in path.split(".")[1:]:
                        value = getattr(value, part)
                assert used, f"{name}:{block.line}"


# === The reference ===

PUBLIC = {
    "musegen": "musegen",
    "musegen.corpus": "corpus",
    "musegen.encoding": "encoding",
    "musegen.interop": "interop",
    "musegen.midi": "interop",
    "musegen.models": "models",
    "musegen.models.musegan": "models",
    "musegen.networks": "networks",
    "musegen.evaluation": "evaluation",
    "musegen.diagnosis": "diagnosis",
    "musegen.plots": "plots",
    "musegen.settings": "settings",
}
"""Packages with public names, and their pages in `docs/reference`."""


def public_names(package):
    """The public names of a package: `__all__`, or what it imports for others."""
    module = importlib.import_module(package)
    if hasattr(module, "__all__"):
        return module.__all__
    names = [name for name in vars(module) if name[0] != "_" and name != "annotations"]
    return [name for name in names if not inspect.ismodule(getattr(module, name))]


def described():
    """The objects that the reference describes, by the identity of each, and the names on pages."""
    found = {}
    for path in (ROOT / "docs/reference").glob("*.md"):
        for module, names in re.findall(
            r"^\.\. public:: (\S+)\n\n((?:   \S+\n)+)", path.read_text(), re.MULTILINE
        ):
            for name in names.split():
                found[f"{module}.{name}"] = getattr(importlib.import_module(module), name)
    return found


@pytest.mark.parametrize("package", PUBLIC)
def test_the_reference_has_every_public_name(package):
    objects = described()
    assert len(objects) > 150
    page = (ROOT / "docs/reference" / f"{PUBLIC[package]}.md").read_text()
    for name in public_names(package):
        assert re.search(rf"(?<!\w){name}(?!\w)", page), f"{package}.{name} is not on its page"
        value = getattr(importlib.import_module(package), name)
        if inspect.isclass(value) or inspect.isroutine(value):
            own = getattr(value, "__module__", "").startswith("musegen")
            assert not own or any(value is one for one in objects.values()), f"{package}.{name}"


def test_sections_of_docstrings_stand_apart():
    """Sphinx takes a section that follows a line of text for a part of that text."""
    for name, value in described().items():
        doc = inspect.getdoc(value) or ""
        assert not re.search(r"\S\n(Args|Returns|Raises|Example):\n", doc), name


@pytest.mark.parametrize("path", sorted((ROOT / "examples/gallery").glob("*.py")), ids=str)
def test_the_gallery_has_each_example(path):
    """The site's build runs them; here it is seen that each is listed, and short."""
    order = (ROOT / "docs/_extensions/gallery.py").read_text()
    assert f'"{path.stem}"' in order
    assert len(path.read_text().splitlines()) <= 350
    compile(path.read_text(), str(path), "exec")
