"""Of files of every kind each command makes something, or says in a line why not."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
from kinds import GOOD, LEAST
from scores import line

import musegen
from musegen.cli import main
from musegen.composition import Composition

pytestmark = pytest.mark.usefixtures("uncompiled")

COMMANDS = {
    "compose": "compose --prompt {} --prompt-bars 4 --notes 3 --seed 1 --out new.mid",
    "harmonise": "harmonise {} --model choir.safetensors --tries 1 --seed 1 --out new.mid",
    "rewrite": "rewrite {} --model choir.safetensors --tries 1 --seed 1 --out new.mid",
    "plot": "plot {} --out new.png",
    "evaluate": "evaluate {} tunes --json new.json",
    "corpus scan": "corpus scan folder",
}
# What is said of each kind that some commands can't use; `no` is said by all others.
LITTLE = {
    "one long note": {"harmonise": "fewer than two notes"},
    "drums alone": {
        "compose": "no notes but those of drums",
        "harmonise": "fewer than two notes",
        "rewrite": "no notes in a voice",
    },
    "no notes": {
        "compose": "no notes",
        "harmonise": "fewer than two notes",
        "rewrite": "no notes",
        "evaluate": "no notes",
    },
    "an empty file": dict.fromkeys([*COMMANDS][:5], "file.mid"),
    "a damaged file": {},
    "no MIDI file": dict.fromkeys([*COMMANDS][:5], "file.mid"),
}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Path:
    """A folder with tiny, untrained models in it, and one with a few tunes."""
    folder = tmp_path_factory.mktemp("pretrained")
    keras.utils.set_random_seed(1)
    sizes = {"units": 8, "pitch_embedding": 4, "duration_embedding": 4}
    model = musegen.AttentionLSTM(copy=False, **sizes)
    musegen.save_checkpoint(model, folder / "bach-chorale-melody.safetensors")
    encoding = musegen.VoicesEncoding(steps_per_quarter=1)
    choir = musegen.VoiceModel(
        encoding, units=4, depth=1, width=4, encoder=2, ranges=[(50, 80)] * 4
    )
    musegen.save_checkpoint(choir, folder / "choir.safetensors")
    (folder / "tunes").mkdir()
    for number in range(12):
        pitches = np.random.default_rng(number).integers(50, 80, 16).tolist()
        musegen.write_midi(line(pitches), folder / "tunes" / f"{number}.mid")
    return folder


@pytest.fixture(scope="module")
def load():
    """Loads each model once, so that its graphs are made once."""
    return functools.cache(musegen.load)


@pytest.fixture(autouse=True)
def _files(place, shipped, load, monkeypatch):
    monkeypatch.setattr(musegen, "load", load)
    monkeypatch.setattr(Composition, "plot", lambda self, path=None, *_: Path(path).touch())
    Path("choir.safetensors").symlink_to(shipped / "choir.safetensors")
    Path("tunes").symlink_to(shipped / "tunes")
    Path("folder").mkdir()


def run(command, capsys):
    """Runs a command on the file; returns its exit code, what it printed and what it said."""
    for name in ("new.mid", "new.png", "new.json"):
        Path(name).unlink(missing_ok=True)
    code = main(COMMANDS[command].format("folder/file.mid").split())
    out, err = capsys.readouterr()
    assert "Traceback" not in err and "\x1b" not in out + err
    return code, out, err


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.filterwarnings("ignore::musegen.midi.MidiWarning")
def test_each_command_makes_something_of_it(kind, capsys):
    Path("folder/file.mid").write_bytes(GOOD[kind]())
    for command in COMMANDS:
        code, out, err = run(command, capsys)
        assert (code, err) == (0, ""), f"{command}: {err}"
        if command == "plot":
            assert Path("new.png").stat().st_size > 1000
        elif command == "evaluate":
            assert "1 piece" in out and Path("new.json").exists()
        elif command == "corpus scan":
            assert "1 piece" in out or "1 file" in out
        else:
            written = musegen.read_midi("new.mid")
            assert written.note_num() > 3
            if command == "harmonise":
                assert len(written.tracks) == 4 and all(track.notes for track in written.tracks)


@pytest.mark.parametrize(
    "words",
    ["melody folder", "voices folder", "musegan folder --tracks guitar bass drums"],
)
@pytest.mark.filterwarnings("ignore::musegen.midi.MidiWarning")
def test_a_folder_of_all_of_them_is_trained_on(words, monkeypatch, capsys):
    def train(model, windows, **_):
        raise RuntimeError("It would train now.")

    for module in ("likelihood", "musegan"):
        monkeypatch.setattr(f"musegen.training.{module}.train", train)
    for name, made in {**GOOD, **LEAST}.items():
        Path(f"folder/{name}.mid").write_bytes(made())
    assert main(f"train {words} --out new.safetensors --units 8".split()) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "It would train now." in err, err
    assert "<Corpus 'folder': " in out and "\x1b" not in out


@pytest.mark.parametrize("kind", LEAST)
@pytest.mark.filterwarnings("ignore::musegen.midi.MidiWarning")
def test_what_can_not_be_used_is_one_line(kind, capsys):
    Path("folder/file.mid").write_bytes(LEAST[kind]())
    for command in COMMANDS:
        code, out, err = run(command, capsys)
        says = LITTLE[kind].get(command)
        if says is None:
            assert (code, err) == (0, ""), f"{command}: {err}"
        else:
            assert (code, err.count("\n")) == (2, 1), f"{command}: {out!r} {err!r}"
            assert says in err, f"{command}: {err!r}"
