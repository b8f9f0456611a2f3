"""What a composer asks of a melody: every piece has it."""

import numpy as np
import pytest
from test_sampling import make

from musegen.encoding.melody import FIRST_PITCH
from musegen.evaluation import notes_of
from musegen.evaluation.keys import keys_of
from musegen.interop import midi_bytes, to_score
from musegen.sampling import writer
from musegen.sampling.wishes import Wishes, instrument_from, meter_from, range_from

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


def test_a_model_of_absolute_pitches_is_not_moved():
    wishes = Wishes.of("C major", None, (60, 80), None, relative=False, given=False)
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
