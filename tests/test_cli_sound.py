"""`--wav`: the sound of a piece beside it, and which synthesizer made it."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from scores import line
from test_cli import files, shipped

from musegen.cli import main
from musegen.midi import read_midi, write_midi

__all__ = ["shipped"]  # a fixture
pytestmark = pytest.mark.usefixtures("place", "uncompiled")


@pytest.fixture
def sines(monkeypatch):
    def missing(self, **options):
        raise ImportError("fluidsynth() was called but pyfluidsynth is not installed.")

    monkeypatch.setattr(pretty_midi.PrettyMIDI, "fluidsynth", missing)


@pytest.fixture
def fluid(monkeypatch):
    """A FluidSynth that plays a beep of a second."""
    beep = np.sin(np.arange(44_100) / 20)
    monkeypatch.setattr(pretty_midi.PrettyMIDI, "fluidsynth", lambda self, fs, normalize: beep)


def seconds(path):
    with wave.open(str(path)) as sound:
        return sound.getnframes() / sound.getframerate()


def test_it_says_that_it_has_plain_tones_and_what_to_install(sines, capfd):
    assert main("compose --notes 4 --seed 1 --wav".split()) == 0
    assert files() == ["composition.mid", "composition.png", "composition.wav"]
    out, err = capfd.readouterr()
    assert (
        "  composition.wav: its sound, plain sine tones; for instruments install FluidSynth and "
        "its module (pip install pyfluidsynth)\n"
    ) in out
    assert "sine" not in err
    assert "musegen compose bach-chorale-melody --wav --notes 4 --seed 1" in out
    assert seconds("composition.wav") >= read_midi("composition.mid").to("second").end() - 0.1


def test_it_says_that_fluidsynth_played(fluid, capfd):
    assert main("compose --notes 4 --seed 1 --out a.mid --wav".split()) == 0
    assert "  a.wav: its sound, played by FluidSynth\n" in capfd.readouterr().out
    assert seconds("a.wav") == 1
    assert main("compose --notes 4 --seed 1 --out b.wav".split()) == 0
    out = capfd.readouterr().out
    assert out.count("b.wav") == 2 and "  b.wav: its sound, played by FluidSynth\n" in out
    assert main("compose --notes 4 --seed 1 --out c.wav --wav".split()) == 0
    assert "c.mid" not in files()


def test_a_sound_that_is_there_is_not_replaced(fluid):
    Path("composition.wav").write_bytes(b"mine")
    assert main("compose --notes 4 --seed 1".split()) == 0
    assert main("compose --notes 4 --seed 1 --wav".split()) == 0
    assert main("compose --notes 4 --seed 1 --wav --count 2".split()) == 0
    assert Path("composition.wav").read_bytes() == b"mine"
    assert {f"composition-{number}.wav" for number in (2, 3, 4)} <= set(files())


def test_a_sound_that_can_not_be_written_is_one_line(fluid, capfd):
    Path("a.wav").mkdir()
    assert main("compose --notes 4 --out a.mid --wav".split()) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "a.wav can't be written" in err
    assert files() == ["a.wav"]


@pytest.mark.parametrize("command", ["harmonise", "rewrite"])
def test_voices_have_it_too(command, fluid, capfd, monkeypatch):
    from studio_models import Choir

    write_midi(line([60, 62, 64, 65]), "tune.mid")
    choir = Choir()
    monkeypatch.setattr("musegen.loading.model_header", lambda _: {"class": "VoiceModel"})
    monkeypatch.setattr("musegen.cli.voices._loaded", lambda _: choir)
    assert main([command, "tune.mid", "--seed", "1", "--wav"]) == 0
    out = capfd.readouterr().out
    assert "  composition.wav: its sound, played by FluidSynth\n" in out
    assert f"musegen {command} tune.mid --wav --seed 1" in out
    assert seconds("composition.wav") == 1
