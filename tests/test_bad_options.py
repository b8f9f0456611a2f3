"""Wrong options of the `musegen` command: each is one line, and nothing is begun."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
from contract import COMMANDS, inside, outside
from scores import line

import musegen
from musegen.cli import arguments, commands, main, options
from musegen.networks import NETWORKS
from musegen.settings import settings_of

# What stands before an option of each command, for it to be the only thing that is wrong.
BEGIN = {
    "compose": ["compose"],
    "harmonise": ["harmonise", "tune.mid"],
    "harmonize": ["harmonize", "tune.mid"],
    "rewrite": ["rewrite", "tune.mid"],
    "train melody": ["train", "melody", "empty", "--out", "new.safetensors"],
    "train voices": ["train", "voices", "empty", "--out", "new.safetensors"],
    "train musegan": ["train", "musegan", "empty", "--out", "new.safetensors"],
    "models": ["models"],
    "plot": ["plot", "tune.mid"],
    "studio": ["studio"],
    "corpus scan": ["corpus", "scan", "empty"],
    "evaluate": ["evaluate", "empty", "chorales"],
    "diagnose": ["diagnose", "bach-chorale-melody", "empty"],
}
FILES = {  # options that name a file to be written, with its suffix
    ("compose", "attention"): ".png",
    ("compose", "knobs"): ".png",
    ("compose", "out"): ".mid",
    ("harmonise", "out"): ".mid",
    ("harmonize", "out"): ".mid",
    ("rewrite", "out"): ".mid",
    ("diagnose", "out"): ".html",
    ("evaluate", "json"): ".json",
    ("evaluate", "plot"): ".png",
    ("plot", "out"): ".png",
    ("train melody", "out"): ".safetensors",
    ("train voices", "out"): ".safetensors",
    ("train musegan", "out"): ".safetensors",
}
NO_MUSIC = ["", "missing.mid", "empty", "text.txt", "missing/a.mid", "x" * 5000]
OF_VOICES = {"avoid": ["many", ""], "model": ["", "missing", "bach-quartet"]}
WORDS = {  # the others that are no settings: words that they do not take
    ("compose", "avoid"): ["many", ""],
    **{(c, n): OF_VOICES[n] for c in ("harmonise", "harmonize", "rewrite") for n in OF_VOICES},
    ("rewrite", "bars"): ["many", "", "3-", "-3", "3-4-5"],
    ("compose", "answer_to"): NO_MUSIC,
    ("compose", "given"): NO_MUSIC,
    ("compose", "prompt"): NO_MUSIC,
    ("compose", "track"): ["", " ", "bass"],
    ("compose", "vary"): ["many", "", "Groove"],
    ("compose", "density"): ["0", "25", "2-1", "x", ""],
    ("compose", "instrument"): ["fluet", "128", "", "soprano=fluet", "=3"],
    ("compose", "key"): ["H major", ""],
    ("compose", "meter"): ["7/8", ""],
    ("compose", "pitch_range"): ["C4", "C5-C4", "", "soprano=C4", "=C4-C5"],
    ("compose", "prompt_track"): ["", "9"],
    ("corpus scan", "cluster"): ["", "nowhere", "tcp://", "a b:1", "x" * 5000],
    ("diagnose", "checks"): ["many", ""],
    ("plot", "bars"): ["", "many", "3-2", "-1", "1-", "9", "1-2-3", "9" * 5000],
    ("plot", "tracks"): ["", " ", "many", "9"],
    ("train melody", "from"): ["many", "", "text.txt", "empty", "x" * 5000],
    ("train melody", "network"): ["many", "", "x" * 5000],
    ("train musegan", "meter"): ["", "3", "3/5", "0/4", "x/4", "3/4/4"],
    ("train musegan", "program"): ["", "bass", "bass=", "=3", "bass=128", "bass=x", "harp=3"],
    ("train musegan", "tracks"): ["", " "],
    ("train voices", "network"): ["many", "", "x" * 5000],
    ("train voices", "tracks"): ["", " "],
    ("train musegan", "voice"): ["", "bass", "bass=loud", "=all", "harp=all"],
}
SETTINGS = [
    (command, setting)
    for command, functions in COMMANDS.items()
    for setting in {k: v for f in reversed(functions) for k, v in settings_of(f).items()}.values()
]


def leaves(parser, words=()):
    """The commands of a parser that have none below them."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, (*words, name))
    if not below:
        yield " ".join(words), parser


PARSERS = dict(leaves(arguments.make_parser()))
PLACES = [
    (command, action.dest)
    for command, parser in PARSERS.items()
    for action in parser._actions
    if not action.option_strings
]


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    """A folder with what the commands name, in which nothing may begin."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "cache"))
    Path("text.txt").write_text("no music")
    for name in ("empty", "cache", *(f"folder{suffix}" for suffix in {*FILES.values()})):
        Path(name).mkdir()
    musegen.write_midi(line([60]), "tune.mid")


@pytest.fixture
def any_corpus(monkeypatch):
    """Lets a training take any corpus, so that it comes to its settings."""
    monkeypatch.setattr(commands, "named", lambda *_, **__: "music")


def refused(words, capfd):
    """Runs a command that must be refused, and returns the line that says so."""
    before = sorted(Path().rglob("*"))
    try:
        code = main(words)
    except SystemExit as stopped:
        code = stopped.code
    out, err = capfd.readouterr()
    message = err.rstrip("\n")
    assert (code, out, message.count("\n")) == (2, "", 0), f"{words}: {code}, {out!r}, {err!r}"
    assert sorted(path for path in Path().rglob("*") if "cache" not in path.parts) == [
        path for path in before if "cache" not in path.parts
    ]
    return message


def test_every_option_is_known():
    assert sorted(PARSERS) == sorted(BEGIN) == sorted(COMMANDS)
    assert {name for _, name in PLACES} == {
        *("model", "corpus", "file", "folder", "subject"),
        *("tune", "piece"),
    }
    settings = {(command, setting.name) for command, setting in SETTINGS}
    found = {
        (command, action.dest)
        for command, parser in PARSERS.items()
        for action in parser._actions
        if action.option_strings and action.dest != "help"
    }
    # Names of voices and parts are looked up in the model and the music.
    names = {(c, n) for c in ("harmonise", "harmonize") for n in ("voice", "part")}
    names |= {("rewrite", "voices"), ("evaluate", "given")}
    # What takes no value.
    names |= {(c, "wav") for c in ("compose", "harmonise", "harmonize", "rewrite")}
    assert {*FILES, *WORDS} <= found <= {*FILES, *WORDS, *settings, *names}
    assert len(settings) > 50


def test_settings_of_networks_have_other_names_than_those_of_training():
    for network in NETWORKS.values():
        names = settings_of(musegen.models.MelodyModel) | settings_of(musegen.AttentionLSTM.fit)
        assert not names.keys() & settings_of(network).keys()


@pytest.mark.parametrize(("command", "setting"), SETTINGS)
def test_what_a_setting_does_not_take_is_one_line(command, setting, request, capfd):
    request.getfixturevalue("any_corpus" if command.startswith("train") else "no_tensorflow")
    words = ["many", "", "0x10", "x" * 5000]
    words += [f"{value}" for value in outside(setting) if isinstance(value, (int, float))]
    for word in words:
        option = options.option(setting.name)
        message = refused([*BEGIN[command], f"{option}={word}"], capfd)
        assert message.startswith(f"musegen {command}: argument {option}: ")
        assert f": {setting.range.allowed} (try musegen {command} --help)" in message


@pytest.mark.parametrize(("command", "setting"), SETTINGS)
def test_what_a_setting_takes_is_taken(command, setting):
    parser = options.Parser()
    options.add_settings(parser, [setting])
    for value in inside(setting):
        found = parser.parse_args([f"{options.option(setting.name)}={value}"])
        assert vars(found) == {setting.name: value}


@pytest.mark.parametrize(("command", "name"), [*FILES, *WORDS])
def test_what_an_option_does_not_take_is_one_line(command, name, request, capfd):
    request.getfixturevalue("any_corpus" if name == "network" else "no_tensorflow")
    end = FILES.get((command, name))
    files = ["", "new", "new.txt", f"text.txt/new{end}", f"folder{end}", f"{'x' * 5000}{end}"]
    for word in files if end else WORDS[command, name]:
        message = refused([*BEGIN[command], f"--{name}={word}"], capfd)
        assert f"--{name}" in message or (word and word[:50] in message), message


@pytest.mark.parametrize(("command", "name"), PLACES)
def test_what_is_no_file_is_one_line(command, name, no_tensorflow, capfd):
    for word in ("", "missing", "text.txt", "empty", "folder.mid", "x" * 5000):
        words = list(BEGIN[command])
        number = [other for whose, other in PLACES if whose == command].index(name)
        place = len(command.split()) + number
        words[place : place + 1] = [word]
        message = refused(words, capfd)
        assert name.upper() in message or (word and word[:50] in message), message


def test_words_that_no_command_has_are_one_line(any_corpus, capfd):
    wrong = ([], ["sing"], ["compose", "--sing"], ["compose", "a", "b"], ["train", "x"])
    train = ([*BEGIN["train melody"], *words] for words in (["--sing", "3"], ["b"]))
    for words in (*wrong, *train):
        assert refused(words, capfd).endswith("--help)")


def test_heads_that_do_not_divide_the_units_are_one_line(any_corpus, capfd):
    message = refused([*BEGIN["train melody"], "--heads", "3"], capfd)
    assert message == "musegen train: heads=3: give a number that divides units=256."


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
