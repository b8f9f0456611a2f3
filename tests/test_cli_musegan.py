"""The `musegen` command and models of several tracks: what it writes, prints and refuses."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scores import score_of
from test_cli import PNG, files, refuse, train_twice

import musegen
from musegen.cli import main
from musegen.cli.variants import changes
from musegen.encoding.roll import instrument
from musegen.midi import read_midi, write_midi

pytestmark = pytest.mark.usefixtures("place")

RECORD = {"corpus": "chorales", "pieces": 254, "phrases": 2273, "wasserstein": 1.25}
RECORD |= {"epochs": 300, "epochs_run": 120}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Path:
    """A folder with a tiny, untrained MuseGAN in it, and a model of melodies."""
    folder = tmp_path_factory.mktemp("pretrained")
    encoding = musegen.PianorollEncoding(tracks=("high", "low"), steps=4, lowest=60, pitches=5)
    model = musegen.MuseGAN(encoding, bars=1, noise_size=4, units=8, name="duo")
    random = np.random.default_rng(1)
    for variable in model.generator.weights:  # a new one writes the same, whatever the noise
        variable.assign(random.normal(0, 1, variable.shape))
    model.training_record = RECORD
    musegen.save_checkpoint(model, folder / "duo.safetensors")
    melodies = musegen.AttentionLSTM(units=4, pitch_embedding=2, duration_embedding=2)
    musegen.save_checkpoint(melodies, folder / "tunes.safetensors")
    return folder


def duet(low, bars=3):
    """A score of quarter notes in two tracks."""
    tracks = [
        (name, [(480 * i, 480, pitch + (i * low) % 7) for i in range(4 * bars)])
        for name, pitch in (("high", low + 12), ("low", low))
    ]
    return score_of(*tracks, resolution=480, tempos=[(0, 600_000)])


# === compose ===


def test_compose_writes_a_phrase_and_its_picture(shipped, capfd):
    assert main("compose duo --seed 3".split()) == 0
    out, err = capfd.readouterr()
    assert files() == ["composition.mid", "composition.png"]
    assert Path("composition.png").read_bytes().startswith(PNG)
    assert main(["compose", str(shipped / "duo.safetensors"), "--seed", "3"]) == 0
    assert Path("composition-2.mid").read_bytes() == Path("composition.mid").read_bytes()
    piece = musegen.load("duo").sample(seed=3)
    piece.save("sampled.mid")
    assert Path("sampled.mid").read_bytes() == Path("composition.mid").read_bytes()
    assert [track.name for track in read_midi("composition.mid").tracks] == ["high", "low"]
    notes = piece.score.note_num()
    assert notes > 0
    assert out.splitlines()[:2] == [
        "Composed by duo, seed 3.",
        f"  composition.mid: 2 tracks, {notes} notes, 1 bar, 2 s",
    ]
    assert out.splitlines()[-1] == "To compose it again: musegen compose duo --seed 3"
    assert err == ""


def test_the_printed_command_composes_the_same_pieces(capsys):
    assert main("compose duo --bars 3 --count 2".split()) == 0
    again = re.search(r"again: musegen (.*)", capsys.readouterr().out)[1]
    assert again.startswith("compose duo --bars 3 --count 2 --seed ")
    assert main(shlex.split(again)) == 0
    first, other, second = (Path(f"composition-{n}.mid").read_bytes() for n in (1, 2, 3))
    assert first == second
    assert first != other
    seed = int(again.split()[-1])
    assert [len(p.roll) for p in musegen.load("duo").sample(bars=3, count=2, seed=seed)] == [3, 3]


def test_knobs_are_those_of_each_piece(capsys, monkeypatch):
    drawn = []
    draw = musegen.plot_knobs

    def plot_knobs(model, noise=None, path=None, *, seed=7, track=None):
        drawn.append((model.noise(seed=seed) if noise is None else noise, seed))
        return draw(model, noise, path, seed=seed, track=track)

    monkeypatch.setattr(musegen, "plot_knobs", plot_knobs)
    assert main("compose duo --bars 2 --count 2 --seed 5 --out a.mid --knobs k.png".split()) == 0
    assert files() == ["a-1.mid", "a-1.png", "a-2.mid", "a-2.png", "k-1.png", "k-2.png"]
    assert Path("k-2.png").read_bytes().startswith(PNG)
    assert "  k-2.png: what each of its knobs changes\n" in capsys.readouterr().out
    pieces = musegen.load("duo").sample(bars=2, count=2, seed=5)
    assert [seed for _, seed in drawn] == [5, 5]
    for (noise, _), piece in zip(drawn, pieces, strict=True):
        assert np.array_equal(noise.chords, piece.noise[0].chords)
        assert np.array_equal(noise.melody, piece.noise[0].melody)


# === --vary ===


def test_variants_stand_beside_the_phrase_with_what_changed(capsys):
    Path("composition-melody-2.mid").write_text("mine")
    assert main("compose duo --vary melody --track low --count 2 --seed 3".split()) == 0
    out = capsys.readouterr().out
    names = ["composition-2", "composition-2-melody-1", "composition-2-melody-2"]
    written = [f"{name}{end}" for name in names for end in (".mid", ".png")]
    assert files() == sorted([*written, "composition-melody-2.mid"])
    gan = musegen.load("duo")
    piece = gan.sample(seed=3)
    for number, name in enumerate(names):
        noise = piece.noise[0]
        noise = gan.vary(noise, "melody", "low", seed=3 + number) if number else noise
        expected = gan.sample(noise=noise)
        expected.save("expected.mid")
        written, wanted = (musegen.read_midi(f"{one}.mid") for one in (name, "expected"))
        assert written.tracks == wanted.tracks
        differ = (expected.roll != piece.roll).any(axis=2)
        assert not differ[..., 0].any()  # another melody of one track leaves the others
        if number:
            steps = [*re.findall(r"another melody: (.*)", out)][number - 1]
            said = re.match(r"low differs in (\d) of 4 steps \(bar 1: [\d, -]+\)$", steps)
            assert int(said[1] if said else 0) == differ.sum()
            assert said or steps == "nothing differs"
    again = out.splitlines()[-1].removeprefix("To compose it again: ")
    assert again == "musegen compose duo --seed 3 --vary melody --track low --count 2"


def test_variants_of_longer_pieces_share_what_phrases_share():
    assert main("compose duo --bars 3 --vary groove --seed 1 --out a.mid".split()) == 0
    names = ["a", *(f"a-groove-{number}" for number in range(1, 5))]
    assert files() == sorted(f"{name}{end}" for name in names for end in (".mid", ".png"))
    piece = (gan := musegen.load("duo")).sample(bars=3, seed=1)
    for part in ("groove", "chords"):
        [variant] = gan.variants(piece, part, count=1, seed=1)
        drawn = [getattr(noise, part) for noise in variant.noise]
        assert len(variant.roll) == len(drawn) == 3
        assert np.array_equal(drawn[0], getattr(gan.vary(piece.noise[0], part, seed=2), part))
        assert np.array_equal(drawn[0], drawn[1]) == (part == "groove")
        for noise, first in zip(variant.noise, piece.noise, strict=True):
            assert np.array_equal(noise.style, first.style)
            assert np.array_equal(noise.melody, first.melody)


def test_changes_by_hand():
    class Piece:
        encoding = musegen.PianorollEncoding(tracks=("high", "low"), steps=4, pitches=2)

        def __init__(self, *cells):
            self.roll = np.zeros((2, 4, 2, 2), np.uint8)
            for cell in cells:
                self.roll[cell] = 1

    first = Piece((0, 0, 0, 1), (1, 3, 1, 1))
    assert changes(first, first) == "nothing differs"
    other = Piece((0, 1, 0, 1), (0, 3, 1, 1), (1, 3, 0, 1), (1, 0, 0, 0))
    assert changes(first, other) == (
        "high differs in 1 of 8 steps (bar 2: 1), "
        "low differs in 4 of 8 steps (bar 1: 1-2, 4; bar 2: 4)"
    )


# === Bad input ===

BAD = [
    ("compose duo --knobs text.txt/k.png", "can't be written"),
    ("compose duo --out a.mid --knobs a.png", "--knobs a.png is the piano roll's name"),
    ("compose duo --track low", "--track low is for --vary"),
    ("compose duo --vary melody --out text.txt", "--out text.txt: name a MIDI file"),
    ("train musegan missing --out m.safetensors", "corpus='missing': no such folder"),
    ("train musegan folder --out m.safetensors", "no MIDI files"),
    ("train musegan folder --out m.h5", "--out='m.h5': give a checkpoint a name with the suffix"),
    ("train musegan folder --out m.safetensors --tracks a A", "('a', 'A'): give each name once"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
@pytest.mark.usefixtures("no_tensorflow")
def test_bad_input_is_one_line_at_once(words, message, capfd):
    refuse(words, message, capfd)


@pytest.mark.parametrize(
    "option",
    [
        *("notes 4", "temperature 1", "top-k 3", "top-p 0.9", "tempo 90", "prompt roll.mid"),
        *("attention a.png", "knobs k.png", "hold 2", "vary groove", "density 1", "mode minor"),
    ],
)
def test_options_of_other_models_are_one_line(option, capfd):
    write_midi(duet(60), "roll.mid")
    name = option.split()[0]
    model, form = ("tunes", "melodies") if name in ("knobs", "hold", "vary") else ("duo", "phrases")
    if name in ("temperature", "top-k", "top-p"):
        form += ", each decided by its noise alone"
    assert main(f"compose {model} --{option}".split()) == 2
    message = f"--{name} is not for {model}, which writes {form}. Leave it out."
    assert capfd.readouterr() == ("", f"musegen compose: {message}\n")
    assert files() == ["roll.mid"]


# === train ===


@pytest.fixture
def fitted(monkeypatch):
    """What a MuseGAN would be trained on and with, training taking no time."""
    calls = []

    @functools.wraps(musegen.MuseGAN.fit)
    def fit(model, corpus, **options):
        model.training_record = RECORD
        calls.append((model, corpus, options))

    monkeypatch.setattr(musegen.MuseGAN, "fit", fit)
    return calls


def test_chorales_are_trained_on_in_four_voices(fitted, capsys, monkeypatch):
    monkeypatch.setattr("musegen.corpus.named.chorales", lambda: "the chorales")
    words = "train musegan chorales --out q.safetensors --bars 1 --units 4 --epochs 7"
    assert main(f"{words} --critic-steps 2 --learning-rate 0.5 --composition composer".split()) == 0
    [(model, corpus, options)] = fitted
    expected = musegen.PianorollEncoding(lowest=36, pitches=48)
    assert (model.encoding, corpus) == (expected, "the chorales")
    assert (model.bars, model.units, model.composition) == (1, 4, "composer")
    assert options.pop("verbose") == 2
    settings = {"epochs": 7, "critic_steps": 2, "learning_rate": 0.5}
    assert options == {**settings, "checkpoint": Path("q.safetensors")}
    assert capsys.readouterr().out.splitlines() == [
        "the chorales",
        "q.safetensors: trained on 2,273 phrases of 254 pieces of chorales, 120 of 300 epochs",
        "To compose with it: musegen compose q.safetensors",
    ]


def test_a_folder_is_trained_on_in_the_tracks_named(fitted):
    for low in range(50, 56):
        write_midi(duet(low), f"music/{low}.mid")
    words = "train musegan music --out m.safetensors --tracks high bass --bars 1 --units 4"
    assert main(words.split()) == 0
    [(model, corpus, _)] = fitted
    assert corpus.name == "music"
    assert model.encoding == musegen.PianorollEncoding(("high", instrument("bass")))


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (KeyboardInterrupt("It is saved."), 130, "musegen: stopped. It is saved.\n"),
        (musegen.TrainingError("The loss is not finite."), 2, "musegen train: The loss is not"),
        (RuntimeError("A MuseGAN trains on TensorFlow."), 2, "musegen train: A MuseGAN trains"),
        (musegen.CheckpointError("of other\nsettings"), 2, "musegen train: of other settings"),
    ],
)
def test_training_that_stops_says_why(raised, code, message, monkeypatch, capsys):
    def fit(*_, **__):
        raise raised

    monkeypatch.setattr(musegen.MuseGAN, "fit", fit)
    monkeypatch.setattr("musegen.corpus.named.chorales", lambda: "the chorales")
    words = "train musegan chorales --out q.safetensors --bars 1 --units 4"
    assert main(words.split()) == code
    out, err = capsys.readouterr()
    assert out == "the chorales\n"
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.slow
def test_a_trained_musegan_composes_and_is_not_trained_twice(capfd):
    for low in range(50, 56):
        write_midi(duet(low), f"music/{low}.mid")
    again = train_twice("musegan", "--bars 1 --critic-steps 1 --tracks high low", capfd)
    assert {"mine.samples.png", "mine.training.png"} <= set(files())
    assert main([*again, "--bars", "2"]) == 0
    score = read_midi("composition.mid")
    assert [track.name for track in score.tracks] == ["high", "low"]
    assert round(score.tempos[0].qpm) == 100
