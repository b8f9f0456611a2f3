"""What a composer asks of a melody: every piece has it."""

import numpy as np
import pytest
from scores import line
from test_sampling import make

from musegen.encoding.melody import FIRST_PITCH
from musegen.evaluation import notes_each_quarter, notes_of
from musegen.evaluation.keys import keys_of
from musegen.interop import midi_bytes, to_score
from musegen.sampling import writer
from musegen.sampling.asked import density_from, instrument_from, meter_from, range_from
from musegen.sampling.wishes import Wishes

pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(autouse=True)
def _few_candidates(monkeypatch):
    monkeypatch.setattr(writer, "CANDIDATES", 2)


def pitches(piece):
    return np.array([note.pitch for note in piece.score.tracks[0].notes])


@pytest.mark.parametrize("key", ["G minor", "F# major"])
def test_a_key_is_the_one_that_is_found(model, key):
    pieces = model.sample(notes=12, count=3, seed=1, key=key)
    for piece in pieces:
        assert keys_of(notes_of([piece.score]))[0] == {"G minor": 19, "F# major": 6}[key]
        (signature,) = to_score(midi_bytes(piece)).key_signatures
        assert (signature.key, signature.tonality) == {"G minor": (-2, 1), "F# major": (6, 0)}[key]
    assert len({tuple(pitches(piece)) for piece in pieces}) == 3


def test_a_mode_moves_nothing(model):
    plain = {tuple(pitches(one)) for one in model.sample(notes=12, count=40, seed=1)}
    for mode in (0, 1):
        pieces = model.sample(notes=12, count=3, seed=1, mode=("major", "minor")[mode])
        assert all(keys_of(notes_of([piece.score]))[0] // 12 == mode for piece in pieces)
        assert {tuple(pitches(piece)) for piece in pieces} <= plain


@pytest.mark.parametrize("low", [30, 55, 90])
def test_a_range_is_kept_wherever_it_is(model, low):
    for piece in model.sample(notes=30, count=3, seed=1, pitch_range=(low, low + 14)):
        assert pitches(piece).min() >= low
        assert pitches(piece).max() <= low + 14
        assert len(set(pitches(piece))) > 4


@pytest.mark.slow
def test_a_range_far_from_middle_c_is_one_near_it_moved(model):
    near = model.sample(notes=20, seed=4, pitch_range=(55, 72))
    far = model.sample(notes=20, seed=4, pitch_range=(31, 48))
    assert np.array_equal(pitches(near) - 24, pitches(far))
    assert np.array_equal(near.log_likelihoods, far.log_likelihoods)


@pytest.mark.slow
def test_a_key_in_a_range(model):
    piece = model.sample(notes=3, seed=2, key="A minor", pitch_range="C1-C8")
    assert keys_of(notes_of([piece.score]))[0] == 21
    assert 24 <= pitches(piece).min() <= pitches(piece).max() <= 108


def test_a_density_is_that_of_what_is_new(model):
    plain = {tuple(pitches(one)) for one in model.sample(notes=12, count=40, seed=1)}
    pieces = model.sample(notes=12, count=3, seed=1, density=(0.3, 0.5))
    found = notes_each_quarter(notes_of([piece.score for piece in pieces]))
    assert ((found >= 0.3) & (found <= 0.5)).all()
    assert {tuple(pitches(piece)) for piece in pieces} <= plain
    prompt = line([60, 62, 64, 65] * 4, 60)  # eight notes a quarter
    piece = model.sample(notes=8, seed=1, density=(0.2, 0.6), prompt=prompt)
    begins = [note.time for note in piece.score.tracks[0].notes][16:]
    ends = max(note.end for note in piece.score.tracks[0].notes)
    assert len(begins) == 8 and 0.2 <= 8 * 24 / (ends - begins[0]) <= 0.6


def test_a_density_that_no_piece_has_is_one_message(model, monkeypatch):
    monkeypatch.setattr("musegen.sampling.wishes.TRIES", 5)
    with pytest.raises(ValueError, match=r"Of 8 pieces 0 .* They have \d\.\d+ to \d\.\d+ notes"):
        model.sample(notes=4, seed=1, density=23)


def test_a_density_in_a_range_and_a_key(model):
    piece = model.sample(
        notes=6, seed=1, density="0.2-2", key="D minor", pitch_range=(24, 108), instrument=40
    )
    assert keys_of(notes_of([piece.score]))[0] == 14
    assert 0.2 <= notes_each_quarter(notes_of([piece.score]))[0] <= 2
    assert piece.score.tracks[0].program == 40
    assert piece.score.markers[0].text == "musegen: attention-lstm, seed 1"


def test_densities_as_they_are_typed():
    assert density_from("1.2") == density_from(1.2) == pytest.approx((1.08, 1.32))
    assert density_from(" 0.5 - 2 ") == density_from([0.5, np.float32(2)]) == (0.5, 2)
    wrong = (0, -1, 25, "", "2-1", (1,), (1, 2, 3), True, None, np.nan, "x", {}, "1-", "0-1")
    for one in wrong:
        with pytest.raises(ValueError, match=r"density=.*notes a quarter note, above 0"):
            density_from(one)


def test_a_melody_has_one_range(model):
    with pytest.raises(ValueError, match=r"there is no voice 'soprano'; give one for the melody"):
        model.sample(pitch_range="soprano=C4-C5")


def test_a_model_of_absolute_pitches_is_not_moved():
    wishes = Wishes.of("C major", pitches=(60, 80), moves=False)
    assert wishes.octaves == 0
    assert np.flatnonzero(wishes.allowed)[[4, -1]].tolist() == [60 + FIRST_PITCH, 80 + FIRST_PITCH]


def test_an_instrument(model):
    piece = model.sample(notes=4, seed=1, instrument="violin")
    assert to_score(midi_bytes(piece)).tracks[0].program == 40
    assert instrument_from(73) == instrument_from("73") == instrument_from(" FLUTE ") == 73
    for wrong in (128, -1, "fluet", True, None, 2.5, ""):
        with pytest.raises(ValueError, match=r"instrument=.*give a General MIDI name"):
            instrument_from(wrong)
    with pytest.raises(ValueError, match="such as 'Flute'"):
        instrument_from("fluet")


def test_ranges_and_meters_by_name():
    assert range_from("C4-A5") == (60, 81)
    assert range_from(" bb3 - F#5 ") == (58, 78)
    assert range_from((0, 127)) == range_from("C-1-G9") == (0, 127)
    for wrong in ("C4", "C4-F4", "A5-C4", (60, 70), (60, 130), (-1, 50), "", 3, None, ("C4", "C6")):
        with pytest.raises(ValueError, match=r"pitch_range=.*an octave apart"):
            range_from(wrong)
    assert meter_from("6/8") == meter_from((6, 8)) == (6, 8)
    for wrong in ("7/8", "x", (3,), 3, ("3", "4")):
        with pytest.raises(ValueError, match=r"meter=.*choose one of"):
            meter_from(wrong)


def test_what_does_not_go_together(model):
    prompt = model.sample(notes=4, seed=1)
    for name, value in (("key", "C major"), ("mode", "minor")):
        with pytest.raises(ValueError, match=f"{name}=.*the music that is given has its own"):
            model.sample(prompt=prompt, **{name: value})
    with pytest.raises(ValueError, match="mode='minor': the key is C major"):
        model.sample(key="C major", mode="minor")
