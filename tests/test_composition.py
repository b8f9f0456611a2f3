"""A composition: its numbers, its sound, its file, and how a notebook shows it."""

from __future__ import annotations

import dataclasses
import wave

import numpy as np
import pretty_midi
import pytest

from musegen.composition import Composition, MelodyComposition, PianorollComposition
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.pitch_duration import END, REST, START, TIE, Melody, PitchDurationEncoding
from musegen.expression import expressive
from musegen.interop import read_musicxml, to_score
from musegen.midi import MidiError, read_midi

pytestmark = pytest.mark.usefixtures("uncompiled")

ENCODING = PitchDurationEncoding()
IDS = {steps: index for index, steps in enumerate(ENCODING.steps.tolist())}

# A pickup of a quarter, then C4 given, and D4 tied over, a rest and A4 written: two bars of 3/4.
EVENTS = [(START, 0), (64, 24), (66, 48), (TIE, 24), (REST, 24), (73, 48), (END, 0)]


def piece(events=EVENTS, given: int = 2, **changes) -> MelodyComposition:
    pitches, steps = np.array(events, np.int32).T
    melody = Melody(
        pitches.copy(),
        np.array([IDS[length] for length in steps], np.int32),
        tempos=((0, 1_000_000),),
        meters=((0, 3, 4),),
        pickup=24,
    )
    new, width = len(events) - given, len(events) - 1
    fields = {
        "melody": melody,
        "score": ENCODING.decode(melody),
        "prompt_events": given,
        "log_likelihoods": -np.arange(2 * new, dtype=np.float32).reshape(new, 2),
        "maps_of": lambda melody: {"attention": np.tri(width)[None]},
        "seed": 7,
        "model": "a <model>",
        "prompt_report": None,
    }
    return MelodyComposition(**{**fields, **changes})


def test_its_numbers():
    composition = piece()
    assert composition.new_notes == 2
    assert composition.log_likelihood == -sum(range(10))
    assert composition.event_times.tolist() == [48, 48, 72, 120, 144, 168, 216, 216]
    starts = [note.time for note in composition.score.tracks[0].notes]
    assert starts == [48, 72, 168]
    # Nine quarters of a second each, the two of silence before the pickup among them; 45 nats.
    assert repr(composition) == (
        "<Composition by a <model>, seed 7: 2 new notes after 1 given, 2 bars, 9 s, "
        "9.00 nats per event>"
    )
    alone = piece(EVENTS[:1], given=1)
    assert (alone.new_notes, alone.log_likelihood) == (0, 0)
    assert repr(alone) == "<Composition by a <model>, seed 7: 0 new notes, 0 bars, 0 s>"


def test_times_follow_the_encoding_that_the_ids_are_of():
    encoding = PitchDurationEncoding(durations=(6, 12))
    melody = Melody(np.array([0, 64, 66, 1], np.int32), np.array([0, 2, 1, 0], np.int32))
    composition = piece(
        melody=melody,
        score=encoding.decode(melody),
        prompt_events=1,
        log_likelihoods=np.zeros((3, 2), np.float32),
        maps_of=None,
        encoding=encoding,
    )
    assert composition.event_times.tolist() == [0, 0, 12, 18, 18]


def test_fields_that_do_not_fit_are_refused():
    whole = piece()
    for changes, message in (
        ({"prompt_events": 0}, "prompt_events=0: of 7 events, give 1 to 7"),
        ({"prompt_events": 8}, "prompt_events=8: of 7 events, give 1 to 7"),
        ({"log_likelihoods": np.zeros((4, 2))}, r"log_likelihoods .* \(4, 2\): give \(5, 2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(whole, **changes)


def test_maps_are_of_the_new_events_and_computed_once_and_when_asked_for(monkeypatch):
    asked = []

    def maps_of(melody):
        asked.append(melody)
        attention = np.arange(3 * 36).reshape(3, 6, 6)
        return {"attention": attention, "copied": -attention[:2]}

    composition = piece(given=3, maps_of=maps_of)
    assert repr(composition) and composition.summary() and not asked
    rows = np.arange(3 * 36).reshape(3, 6, 6)[:, 2:]  # the first new event is the fourth
    np.testing.assert_array_equal(composition.attention, rows)
    np.testing.assert_array_equal(composition.copied, -rows[:2])
    assert asked == [composition.melody]
    monkeypatch.setattr("musegen.composition.MAX_MAPPED", 6)
    assert composition.attention is not None
    longer = piece(maps_of=maps_of)
    for ask in (lambda: longer.attention, lambda: longer.copied, longer.plot_attention):
        with pytest.raises(
            ValueError, match=r"seed 7.* at most 6 events, this piece has 7\. Write"
        ):
            ask()
    monkeypatch.setattr("musegen.composition.MAX_MAPPED", 7)
    assert longer.attention is not None
    for none in (None, lambda melody: {}):
        without = piece(maps_of=none)
        assert without.attention is None and without.copied is None
    assert len(asked) == 2


# In 3/4, steps of an eighth: a high C5 twice over a held C4, then a bar of rest.
ROLL_ENCODING = PianorollEncoding(("high", "low"), steps=6, meter=(3, 4), lowest=60, pitches=24)
ROLL = np.zeros(ROLL_ENCODING.shape(2), np.uint8)
ROLL[0, :, 12, 0] = [2, 1, 1, 2, 1, 1]
ROLL[0, :, 0, 1] = [2, 1, 1, 1, 1, 1]


def roll_piece(**changes) -> PianorollComposition:
    fields = {
        "score": ROLL_ENCODING.decode(ROLL),
        "seed": 7,
        "model": "a-model",
        "roll": ROLL,
        "encoding": ROLL_ENCODING,
        "noise": (),
    }
    return PianorollComposition(**{**fields, **changes})


def test_a_piece_of_several_tracks(tmp_path):
    composition = roll_piece()
    # Three quarters at 120 a minute sound; the bars are those of the roll, its silence too.
    assert repr(composition) == ("<Composition by a-model, seed 7: 2 tracks, 3 notes, 2 bars, 2 s>")
    assert repr(roll_piece(seed=None)).startswith("<Composition by a-model: 2 tracks")
    figure = composition.plot(tmp_path / "roll.png")
    assert figure.texts[0].get_text() == "a-model, seed 7"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["high", "low"]
    assert roll_piece(seed=None).plot().texts[0].get_text() == "a-model"
    assert read_midi(composition.save(tmp_path / "piece.mid")).note_num() == 3
    again = ROLL_ENCODING.encode(tmp_path / "piece.mid").array
    np.testing.assert_array_equal(again, ROLL[:1])


@pytest.mark.parametrize(
    "roll", [ROLL[..., :1], ROLL[0], ROLL.astype(int), ROLL > 0, ROLL.swapaxes(1, 2)]
)
def test_a_roll_that_is_not_the_encodings_is_refused(roll):
    with pytest.raises(ValueError, match=r"roll is an array .*here \(bars, 6, 24, 2\)"):
        roll_piece(roll=roll)


def test_what_every_model_gives_back_is_a_composition():
    plain = Composition(score=piece().score, seed=None, model="any")
    assert repr(plain) == "<Composition by any: 3 notes, 3 bars, 9 s>"
    for composition in (plain, piece(), roll_piece()):
        assert isinstance(composition, Composition)
        assert '<iframe class="musegen"' in composition._repr_html_()


def test_save_writes_midi(tmp_path):
    composition = piece()
    path = tmp_path / "folder" / "tune.mid"
    assert composition.save(path) == path
    assert read_midi(path) == expressive(composition.score)
    assert composition.save(path, expression=False) == path
    assert read_midi(path) == composition.score
    assert to_score(composition) is composition.score
    with pytest.raises(MidiError, match="can't be written"):
        composition.save(path / "tune.mid")


def test_plots_are_saved(tmp_path):
    composition = piece()
    composition.plot(tmp_path / "roll.png")
    figure = composition.plot_attention(tmp_path / "map.png", head=0)
    assert "head 0" in figure.texts[0].get_text()
    for name in ("roll.png", "map.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def sines(monkeypatch):
    """Sound as it is where there is no FluidSynth."""

    def missing(self, **options):
        raise ImportError("fluidsynth() was called but pyfluidsynth is not installed.")

    monkeypatch.setattr(pretty_midi.PrettyMIDI, "fluidsynth", missing)


def test_audio_sounds_where_the_notes_are(sines):
    samples, rate = piece().audio(8000)
    assert (rate, samples.dtype, samples.ndim) == (8000, np.float32, 1)
    assert np.abs(samples).max() == pytest.approx(0.9)
    loud = [bool(np.abs(samples[s * rate : (s + 1) * rate - 1]).max() > 0.01) for s in range(9)]
    # Quarters of one second: two of silence, C4, D4 for three, a rest, A4 for two.
    assert loud == [False, False, True, True, True, True, False, True, True]
    spectrum = np.abs(np.fft.rfft(samples[7 * rate : 9 * rate]))
    assert spectrum.argmax() / 2 == pytest.approx(440, abs=1)


def test_silence_is_silent(sines):
    samples, _ = piece([(START, 0), (REST, 24), (END, 0)]).audio()
    assert samples.size and not samples.any()


def test_audio_plays_through_fluidsynth_where_it_works(monkeypatch):
    calls = []

    def play(self, fs, normalize):
        calls.append((fs, normalize))
        return np.array([0.0, -3.0, 1.5])

    monkeypatch.setattr(pretty_midi.PrettyMIDI, "fluidsynth", play)
    samples, rate = piece().audio(16_000)
    assert calls == [(16_000, False)] and rate == 16_000
    np.testing.assert_allclose(samples, [0, -0.9, 0.45], rtol=1e-6)


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [
        *((".mid", b"MThd"), (".MIDI", b"MThd"), (".wav", b"RIFF"), (".musicxml", b"<?xml")),
        *((".mxl", b"PK\x03\x04"), (".html", b"<!doctype html>"), (".png", b"\x89PNG")),
        *((".svg", b"<?xml"), (".pdf", b"%PDF"), (".jpg", b"\xff\xd8")),
    ],
)
@pytest.mark.filterwarnings("ignore:.*plain sine tones")
def test_save_writes_what_the_suffix_names(suffix, magic, tmp_path, sines):
    path = tmp_path / "new" / f"piece{suffix}"
    assert piece().save(path) == path
    assert path.read_bytes().startswith(magic)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["piece", "piece.txt", "piece.mp3", ".mid"])
def test_save_says_what_it_takes(name, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.mid, \.wav, \.musicxml, \.mxl, \.html, \.png"):
        piece().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_notation_is_plain_unless_it_is_asked_for(tmp_path):
    composition = piece()
    assert read_musicxml(composition.save(tmp_path / "a.musicxml")).tracks == (
        composition.score.tracks
    )
    played = read_musicxml(composition.save(tmp_path / "b.mxl", expression=True))
    assert played.tracks == expressive(composition.score).tracks
    assert b"a &lt;model&gt;, seed 7" in (tmp_path / "a.musicxml").read_bytes()


def test_a_file_of_sound_breathes_and_says_if_it_has_plain_tones(tmp_path, sines, monkeypatch):
    composition, files = piece(), []
    for number, expression in enumerate((None, True, False)):
        with pytest.warns(
            UserWarning, match=r"\.wav: plain sine tones, for there is no FluidSynth"
        ):
            path = composition.save(tmp_path / f"{number}.wav", expression)
        files.append(path.read_bytes())
    assert files[0] == files[1] != files[2]
    with wave.open(str(tmp_path / "0.wav")) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (1, 44_100)
        assert sound.getnframes() >= 9 * 44_100
    monkeypatch.setattr(
        pretty_midi.PrettyMIDI, "fluidsynth", lambda self, fs, normalize: np.ones(10)
    )
    composition.save(tmp_path / "fluid.wav")  # and no warning
