"""What a melody goes on from: which track, which bars; it is read once, in chunks."""

import numpy as np
import pytest
from scores import score_of
from test_sampling import agree, forward, log_softmax, make

from musegen.encoding.pitch_duration import END, START, PitchDurationEncoding
from musegen.sampling import loop, writer
from musegen.sampling.prompt import last_bars, part, tune_track

pytestmark = pytest.mark.usefixtures("uncompiled")
ENCODING = PitchDurationEncoding()


def line(first, count, length=24):
    return [(i * length, length, first + i % 5) for i in range(count)]


@pytest.fixture(scope="module")
def model():
    return make()


def test_the_tune_is_in_the_track_that_is_on_top_most_often():
    score = score_of(("bass", line(40, 8)), ("tune", line(60, 8)), ("fill", line(70, 3)))
    assert tune_track(score) == 1  # the fill is higher, but seldom there
    assert tune_track(score_of(("low", line(40, 4)))) == 0
    assert tune_track(score_of(("empty", []))) is None
    score.tracks[1].is_drum = True
    assert tune_track(score) == 0


def test_a_track_by_name_or_number():
    score = score_of(("bass", line(40, 8)), ("Tune", line(60, 8)))
    for track in ("tune", "Tune ", 2, "2", None):
        one, name = part(score, track)
        assert name == "track 2 (Tune)"
        assert [note.pitch for note in one.tracks[0].notes][:2] == [60, 61]
        assert len(one.tracks) == 1
    assert len(score.tracks) == 2
    for track in (0, 3, "alto", True, 1.0):
        with pytest.raises(ValueError, match=r"prompt_track=.*track 1 \(bass\), track 2 \(Tune\)"):
            part(score, track)


def test_the_last_bars():
    melody = ENCODING.encode(score_of(("tune", line(60, 12))))  # three bars of four quarters
    last = last_bars(melody, 2, ENCODING)
    assert last.pitches.tolist() == [START, *melody.pitches[5:]]
    assert last.durations.tolist() == [0, *melody.durations[5:]]
    assert last.pickup == 0
    assert last_bars(melody, 3, ENCODING) is melody
    # A bar that is begun counts, and a note over the bar line is left out.
    melody = ENCODING.encode(score_of(("tune", [(0, 72, 60), (72, 48, 62), (120, 24, 64)])))
    last = last_bars(melody, 1, ENCODING)
    assert last.pitches.tolist() == [START, 68, END]
    assert last.pickup == 72
    assert ENCODING.places(last)["position"].tolist()[1:] == [24, 48]


def test_a_prompt_is_read_once_in_chunks(model, monkeypatch):
    prompt = ENCODING.decode(([0, *[64, 66, 2, 68, 71] * 20, 1], [0, *[12] * 100, 0]))
    calls = []
    run = loop.run

    def counted(model, state, inputs, top_k):
        calls.append((len(inputs["noise"]), int(inputs["limit"])))
        return run(model, state, inputs, top_k)

    monkeypatch.setattr(loop, "run", counted)
    pieces = model.sample(bars=1, seed=2, prompt=prompt, count=2)
    read = [call for call in calls if call[0] == 1]
    assert read == [(1, 32)] * 3 + [(1, 4)]
    for piece in pieces:
        assert piece.prompt_events == 101
        outputs, targets = forward(model, piece.melody)
        rows = np.arange(100, len(piece.melody) - 1)
        for column, name in enumerate(("pitch", "duration")):
            expected = log_softmax(outputs[name])[rows, targets[name][100:]]
            np.testing.assert_allclose(piece.log_likelihoods[:, column], expected, atol=2e-5)


@pytest.mark.slow
def test_a_piece_outgrows_the_room_of_its_state(model, monkeypatch):
    monkeypatch.setattr(writer, "CANDIDATES", 2)
    make_writer = writer.Writer
    monkeypatch.setattr(
        "musegen.sampling.melody_batches.Writer", lambda *arguments: make_writer(*arguments[:-1], 4)
    )
    grown, grow = [], loop.grown
    monkeypatch.setattr(loop, "grown", lambda *args: grown.append(args[2]) or grow(*args))
    piece = model.sample(bars=12, seed=2, meter=(4, 4))
    assert grown[:1] == [64]
    agree(model, [piece])


def test_what_is_new_alone(model):
    prompt = ENCODING.decode(([0, 64, 66, 1], [0, 12, 12, 0]))
    whole = model.sample(notes=6, seed=3, prompt=prompt)
    new = model.sample(notes=6, seed=3, prompt=prompt, new_only=True)
    notes, all_notes = list(new.score.tracks[0].notes), list(whole.score.tracks[0].notes)
    assert len(notes) == 6
    assert notes == all_notes[2:]  # in the bar in which they were, for the prompt is in it too
    assert new.new_notes == 6
    assert np.array_equal(new.log_likelihoods, whole.log_likelihoods)
    assert new.attention is None


def test_after_a_prompt_a_piece_is_no_longer_than_that(model):
    prompt = ENCODING.decode(([0, *[64] * 80, 1], [0, *[24] * 80, 0]))
    piece = model.sample(notes=None, seed=1, prompt=prompt, prompt_bars=9)
    steps = model.encoding.steps[piece.melody.durations]
    assert piece.melody.pitches[-1] == END
    assert steps[: piece.prompt_events].sum() <= 9 * 96
    assert steps[piece.prompt_events :].sum() <= 9 * 96


@pytest.mark.parametrize("options", [{"prompt_bars": 2}, {"prompt_track": 1}])
def test_what_is_said_of_no_prompt(model, options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}=.*there is none"):
        model.sample(**options)
