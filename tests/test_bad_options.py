"""Wrong options of the `musegen` command: each is one line, and nothing is begun.

The options are those that the parser has. What numbers and words one takes is what the docstring
of the library's argument says that it stands for; of files, whether it is read or written, and
with what suffix.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import argument_specs
import pytest
import symusic

import musegen
from musegen.cli import arguments, commands, main, terminal
from musegen.models.musegan.training import fit as fit_musegan
from musegen.sampling import sample
from musegen.training.melody import fit

# What stands before an option of each command, for it to be the only thing that is wrong.
BEGIN = {
    "compose": ["compose"],
    "train melody": ["train", "melody", "empty", "--out", "new.safetensors"],
    "train musegan": ["train", "musegan", "empty", "--out", "new.safetensors"],
    "models": ["models"],
    "plot": ["plot", "tune.mid"],
    "corpus scan": ["corpus", "scan", "empty"],
    "evaluate": ["evaluate", "empty", "chorales"],
    "diagnose": ["diagnose", "bach-chorale-melody", "empty"],
}
# The functions whose arguments the options of each command are.
STAND_FOR = {
    "compose": [sample],
    "train melody": [musegen.AttentionLSTM, fit],
    "train musegan": [musegen.MuseGAN, fit_musegan],
    "models": [],
    "plot": [],
    "corpus scan": [],
    "evaluate": [musegen.evaluate],
    "diagnose": [musegen.diagnose],
}
SUFFIX = {  # of the files that options name to be written
    ("compose", "attention"): ".png",
    ("compose", "knobs"): ".png",
    ("compose", "out"): ".mid",
    ("diagnose", "out"): ".html",
    ("evaluate", "json"): ".json",
    ("evaluate", "plot"): ".png",
    ("plot", "out"): ".png",
    ("train melody", "out"): ".safetensors",
    ("train musegan", "out"): ".safetensors",
}
WHOLE = ["0", "-1", "1.5", "nan", "many", ""]
OTHERS = {  # options that stand for nothing else: words that they do not take
    "jobs": ["0", "-2", "1.5", "many", ""],
    "max_hours": ["0", "-1", "nan", "inf", "many", ""],
    "tracks": [""],
    "checks": ["many", ""],
    "max_bytes": WHOLE,
    "max_tracks": WHOLE,
    "max_notes": WHOLE,
    "max_bars": WHOLE,
    "min_notes": WHOLE,
}
EDGES = {"jobs": ["-1", "1"], "max_hours": ["0.01"], "tracks": ["high"], "checks": ["duplicates"]}


def leaves(parser, words=()):
    """The commands of a parser that have none below them."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, (*words, name))
    if not below:
        yield " ".join(words), parser


COMMANDS = dict(leaves(arguments.make_parser()))
OPTIONS = [
    (command, action.dest, action.option_strings[0])
    for command, parser in COMMANDS.items()
    for action in parser._actions
    if action.option_strings and action.nargs != 0
]
PLACES = [
    (command, action.dest)
    for command, parser in COMMANDS.items()
    for action in parser._actions
    if not action.option_strings
]


def spec_of(command, name):
    """What the library says of an option's argument, if it says a range or choices."""
    for function in STAND_FOR[command]:
        kind = function if isinstance(function, type) else None
        for spec in argument_specs.specs_of(kind.__init__ if kind else function, kind):
            if spec.name == name and (spec.range or spec.choices):
                return spec
    return None


def wrong_words(command, name):
    """Words that an option does not take."""
    spec = spec_of(command, name)
    if name in OTHERS:
        return OTHERS[name]
    if spec is not None and spec.range:
        words = ["many", "", "nan", "inf", "-inf", "0x10", *map(str, spec.outside())]
        bounded = ["9" * 5000] if spec.range[1] < float("inf") else []
        return [*words, *bounded, *(["1.5"] if "float" not in spec.hint else [])]
    if spec is not None:
        return ["many", "", spec.choices[0].upper(), "x" * 5000]
    if name == "prompt":
        return ["", "missing.mid", "empty", "text.txt", "missing/a.mid", f"{'x' * 5000}.mid"]
    end = SUFFIX[command, name]
    return ["", "new", "new.wav", f"text.txt/new{end}", f"folder{end}", f"{'x' * 5000}{end}"]


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    """A folder with what the commands name, in which nothing may begin."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "cache"))
    Path("text.txt").write_text("no music")
    for name in ("empty", "cache", *(f"folder{suffix}" for suffix in {*SUFFIX.values()})):
        Path(name).mkdir()
    score = symusic.Score(24)
    score.tracks.append(symusic.Track("tune"))
    score.tracks[0].notes.append(symusic.Note(0, 24, 60, 80))
    musegen.write_midi(score, "tune.mid")
    monkeypatch.setattr(commands, "quiet_start", lambda: pytest.fail("It loads TensorFlow."))


def refused(words, capfd):
    """Runs a command that must be refused, and gives the line that says so."""
    before = sorted(Path().rglob("*"))
    try:
        code = main(words)
    except SystemExit as stopped:
        code = stopped.code
    out, err = capfd.readouterr()
    line = err.rstrip("\n")
    assert (code, out, line.count("\n")) == (2, "", 0), f"{words}: {code}, {out!r}, {err!r}"
    assert sorted(path for path in Path().rglob("*") if "cache" not in path.parts) == [
        path for path in before if "cache" not in path.parts
    ]
    return line


def test_every_command_and_option_is_known():
    assert sorted(COMMANDS) == sorted(BEGIN)
    assert {name for _, name in PLACES} == {"model", "corpus", "file", "folder", "subject"}
    assert len(OPTIONS) > 30


@pytest.mark.parametrize(("command", "name", "option"), OPTIONS)
def test_what_an_option_does_not_take_is_one_line(command, name, option, capfd):
    begin = [*BEGIN[command], *(["bach-quartet"] if name == "knobs" else [])]
    for word in wrong_words(command, name):
        line = refused([*begin, f"{option}={word}"], capfd)
        assert option in line or (word and word[:50] in line), f"{option}={word}: {line}"


@pytest.mark.parametrize(("command", "name", "option"), OPTIONS)
def test_what_an_option_takes_is_taken(command, name, option):
    spec = spec_of(command, name)
    words = EDGES.get(name, ["7"])
    if spec is not None:
        words = [str(edge) for edge in spec.edges()] if spec.range else spec.choices
    for word in words:
        arguments.make_parser().parse_args([*BEGIN[command], f"{option}={word}"])


@pytest.mark.parametrize(("command", "name"), PLACES)
def test_what_is_no_file_is_one_line(command, name, capfd):
    for word in ("", "missing", "text.txt", "empty", "folder.mid", "x" * 5000):
        words = list(BEGIN[command])
        number = [other for whose, other in PLACES if whose == command].index(name)
        place = len(command.split()) + number
        words[place : place + 1] = [word]
        line = refused(words, capfd)
        assert name.upper() in line or (word and word[:50] in line), f"{word!r}: {line}"


def test_words_that_no_command_has_are_one_line(capfd):
    for words in ([], ["sing"], ["compose", "--sing"], ["compose", "a", "b"], ["train", "x"]):
        assert refused(words, capfd).endswith("--help)")


def test_heads_that_do_not_divide_the_units_are_one_line(capfd, monkeypatch):
    Path("empty/tune.mid").write_bytes(Path("tune.mid").read_bytes())
    monkeypatch.setattr(commands, "quiet_start", terminal.quiet_start)
    monkeypatch.setattr(musegen.corpus, "folder", lambda path: None)
    line = refused([*BEGIN["train melody"], "--heads", "3"], capfd)
    assert "heads=3: give a number that divides units=256" in line


@pytest.mark.parametrize("engine", ["jax", "nonsense"])
def test_an_engine_that_is_not_there_is_one_line(engine, tmp_path):
    (tmp_path / "jax.py").write_text("raise ImportError('not installed')")
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "musegen", "compose", "--out", "new.mid"],
        env={**os.environ, "KERAS_BACKEND": engine, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"musegen compose: KERAS_BACKEND={engine}: Keras can't start")
    assert done.stderr.count("\n") == 1
    assert not Path("new.mid").exists()
