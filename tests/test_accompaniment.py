"""A track that is given to a MuseGAN: it stays to the note, and the others are written to it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import symusic
from scores import line, meters_of, notes_of, score_of
from test_leading import ENCODING, PITCHES, VOICES, model_of, noises_of

import musegen
from musegen.cli import main
from musegen.encoding.roll import HELD, ONSET
from musegen.encoding.roll_phrases import scale_of_roll, transposed
from musegen.midi import read_midi, write_midi
from musegen.models.musegan.cells import decide, real_planes, rolls_of
from musegen.models.musegan.given import Told, forced, given_cells


def rolls(seed, count=6, bars=2, rests=True):
    """Phrases of the encoding of `test_leading`, of notes of one to three steps, and rests."""
    random = np.random.default_rng(seed)
    found = np.zeros((count, bars * 4, PITCHES, VOICES), np.uint8)
    for phrase, voice in np.ndindex(count, VOICES):
        step = 0
        while step < bars * 4:
            steps = int(random.integers(1, 4))
            if not rests or random.random() < 0.8:
                pitch = random.integers(9, 15)
                found[phrase, step : step + steps, pitch, voice] = HELD
                found[phrase, step, pitch, voice] = ONSET
            step += steps
    return found.reshape(count, bars, 4, PITCHES, VOICES)


def told_of(phrases, which):
    planes = np.array(real_planes(phrases))
    given = np.eye(VOICES, dtype="float32")[which]
    return Told(planes, np.zeros(len(phrases), "float32"), given)


def written(model, noises, told):
    inputs = {name: np.array(x) for name, x in model.inputs_of(noises, told).items()}
    logits = np.array(model.generator(inputs))
    return rolls_of(*map(np.array, decide(logits, ENCODING, held=True)))


# === What the generator is told ===


def test_cells_of_what_is_given_by_hand():
    roll = np.zeros((1, 1, 4, PITCHES, VOICES), np.uint8)
    roll[0, 0, :, 3, 1] = [ONSET, ONSET, 0, 0]  # two notes and a rest
    roll[0, 0, :, 5, 0] = [ONSET, HELD, HELD, HELD]
    cells = np.array(given_cells(told_of(roll, [1])))[0, 0]
    assert not cells[..., [0, 2]].any()
    assert cells[:, 3, 1].tolist() == [1, 1, 0, 0]
    assert cells[:, PITCHES, 1].tolist() == [0, 0, 1, 1]  # silence
    assert cells[:, PITCHES + 1, 1].tolist() == [1, 1, 1, 0]  # it begins, as notes do
    assert cells.sum() == 7


def test_what_is_given_has_scores_of_its_own_and_the_others_have_theirs():
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (6, 2, 4, PITCHES + 2, VOICES)).astype("float32")
    phrases, which = rolls(1), [0, 1, 2, 0, 1, 2]
    told = told_of(phrases, which)
    found = np.array(forced(logits, np.array(given_cells(told))))
    assert np.abs(found - logits).max() < 2000
    sounds, begins = decide(found, ENCODING, held=True)
    again = rolls_of(np.array(sounds), np.array(begins))
    for phrase, track in enumerate(which):
        np.testing.assert_array_equal(again[phrase, ..., track], phrases[phrase, ..., track])
        others = [other for other in range(VOICES) if other != track]
        np.testing.assert_array_equal(found[phrase][..., others], logits[phrase][..., others])


@pytest.mark.parametrize("seed", range(3))
def test_the_given_track_is_written_as_it_is(seed):
    model, phrases = model_of(seed), rolls(seed, count=9)
    which = np.arange(9) % VOICES
    found = model.write(noises_of(model, count=9, seed=seed), 0.0, phrases, which)
    for phrase, track in enumerate(which):
        own = phrases[phrase, ..., track]
        moved = transposed(phrases[phrase], 0, ENCODING)[..., track]
        np.testing.assert_array_equal(own, moved)
        key = scale_of_roll(phrases[phrase], ENCODING, np.eye(VOICES)[track])
        there = transposed(transposed(phrases[phrase], -key, ENCODING), key, ENCODING)
        np.testing.assert_array_equal(found[phrase, ..., track], there[..., track])
        if (there == phrases[phrase]).all():  # no note was put back into the range
            np.testing.assert_array_equal(found[phrase, ..., track], own)


def test_others_hear_what_is_given_and_nothing_else_of_the_phrase():
    model = model_of()
    noises, phrases = noises_of(model, count=6), rolls(1)
    which = [0] * 6
    before = written(model, noises, told_of(phrases, which))
    hidden = phrases.copy()
    hidden[..., 1:] = rolls(2)[..., 1:]
    np.testing.assert_array_equal(written(model, noises, told_of(hidden, which)), before)
    other = phrases.copy()
    other[..., 0] = rolls(2)[..., 0]
    after = written(model, noises, told_of(other, which))
    assert (after[..., 1:] != before[..., 1:]).any(axis=(1, 2, 3)).all()


def test_with_nothing_given_the_layers_that_hear_it_say_nothing():
    model = model_of()
    before = np.array(model(noises_of(model)))
    heard = [layer for layer in model.generator.layers if layer.name.startswith("given_")]
    trained = [weight for layer in heard for weight in layer.weights]
    assert len(trained) == 4
    for weight in trained:
        weight.assign(keras.ops.ones(weight.shape))
    np.testing.assert_array_equal(np.array(model(noises_of(model))), before)


# === Sampling ===


@pytest.fixture(scope="module")
def model():
    made = model_of(1)
    made.ranges = ((67, 78), (60, 74), (55, 68))
    return made


def tune(count=16, begin=0, pitches=None, meter=(4, 4), **more):
    random = np.random.default_rng(5)
    found = random.integers(67, 78, count).tolist() if pitches is None else pitches
    notes = [(begin + 480 * number, 480, pitch) for number, pitch in enumerate(found)]
    return score_of(("lead", notes), resolution=480, meters=[(0, *meter)], **more)


def changing():
    music = tune(14)
    music.time_signatures.append(symusic.TimeSignature(8 * 480, 3, 4))
    return music


def test_velocities_stay_and_what_is_cut_is_said(model):
    notes = [(0, 500, 70, 40), (480, 480, 72, 90), (480, 480, 65, 80), (960, 960, 71, 127)]
    piece = model.sample(given={"a": score_of(("lead", notes), resolution=480)}, seed=0)
    assert [(note.pitch, note.velocity) for note in piece.score.tracks[0].notes] == [
        *((70, 40), (72, 90), (71, 127)),
    ]
    assert piece.remarks == ("Of notes that sound together the highest was taken: 3 of 4.",)
    music = score_of(("lead", [notes[0], notes[1], notes[3]]), resolution=480)
    piece = model.sample(given={"a": music}, seed=0)
    assert piece.remarks == ("Notes that overlap end where the next begins.",)
    assert piece.score.tracks[0].notes[0].duration == piece.score.ticks_per_quarter


@pytest.mark.parametrize("count", [2, 7, 8, 16, 21])
def test_a_tune_of_any_length_stays_and_has_others_to_its_end(model, count):
    music = tune(count, tempos=[(0, 700_000), (480, 400_000)])
    piece = model.sample(given={"A": music}, seed=3)
    first, *others = piece.score.tracks
    scale = piece.score.ticks_per_quarter / 480
    own = [(time * scale, duration * scale, pitch) for time, duration, pitch in notes_of(music)]
    assert notes_of(piece.score, 0) == own
    assert [round(one.mspq) for one in piece.score.tempos] == [700_000, 400_000]
    assert piece.given.name == "a" and len(piece.roll) == -(-count // 4)
    assert len(piece.noise) == -(-len(piece.roll) // 2)
    assert any(len(track.notes) for track in others) and first.name == "a"
    assert piece.score.end() == first.notes[-1].end
    again = model.sample(given={"a": music}, seed=3)
    np.testing.assert_array_equal(again.roll, piece.roll)
    many = model.sample(given={"a": music}, seed=3, count=2)
    np.testing.assert_array_equal(many[0].roll, piece.roll)
    assert many[0].seed == many[1].seed == 3
    requests = [{"seed": 3}, {"given": {"a": music}, "seed": 3}, {"given": {"b": tune(5)}}]
    np.testing.assert_array_equal(model.sample_many(requests)[1].roll, piece.roll)


def test_the_last_phrase_is_whole(model):
    """Of five bars the third phrase hears bars four and five, and is written from bar five on."""
    whole = tune(20)
    piece = model.sample(given={"a": whole}, seed=1)
    encoded = np.asarray(ENCODING.encode(score_of(("a", notes_of(whole)), resolution=480)))
    phrases = np.stack([encoded[0:2], encoded[2:4], encoded[3:5]])
    noises = {
        name: np.stack([getattr(noise, name) for noise in piece.noise])
        for name in model.noise_shapes
    }
    found = model.write(noises, 0.0, phrases, np.zeros(3, int))
    np.testing.assert_array_equal(piece.roll[:4], np.concatenate(found[:2]))
    np.testing.assert_array_equal(piece.roll[4], found[2, 1])


def test_a_pickup_begins_for_all_and_the_bar_line_stays(model):
    music = tune(9, begin=3 * 480)
    piece = model.sample(given={"a": music}, seed=0)
    assert min(note.time for track in piece.score.tracks for note in track.notes) == (
        3 * piece.score.ticks_per_quarter
    )
    late = tune(9, begin=11 * 480)  # two bars of silence before it
    moved = model.sample(given={"a": late}, seed=0)
    bars = 2 * 4 * piece.score.ticks_per_quarter
    for track in range(VOICES):
        expected = [(time + bars, *rest) for time, *rest in notes_of(piece.score, track)]
        assert notes_of(moved.score, track) == expected


def test_a_tune_in_another_octave_is_taken_into_the_range_and_left_where_it_is(model):
    high = tune(8, pitches=[88, 90, 89, 88, 86, 85, 84, 88])
    piece = model.sample(given={"a": high}, seed=0)
    assert [note.pitch for note in piece.score.tracks[0].notes] == [88, 90, 89, 88, 86, 85, 84, 88]
    assert piece.remarks == (
        "The others were written to it 1 octave lower, in the range of a a; the tune stays where "
        "it is.",
    )
    low = model.sample(given={"a": tune(8, pitches=[76, 78, 77, 76, 74, 73, 72, 76])}, seed=0)
    assert [notes_of(low.score, track) for track in (1, 2)] == [
        notes_of(piece.score, track) for track in (1, 2)
    ]


def test_the_meter_is_kept_where_bars_are_as_long(model):
    piece = model.sample(given={"a": tune(meter=(2, 2))}, seed=0)
    assert meters_of(piece.score) == [(0, 2, 2)]
    plain = model.sample(given={"a": tune()}, seed=0)
    np.testing.assert_array_equal(piece.roll, plain.roll)
    assert meters_of(plain.score) == [(0, 4, 4)]


def test_notes_between_the_steps_stay(model):
    music = line([70, 72, 74, 72], [320, 320, 320, 960])
    piece = model.sample(given={"a": music}, seed=0)
    scale = piece.score.ticks_per_quarter / 480
    assert [one[0] for one in notes_of(piece.score, 0)] == [x * scale for x in (0, 320, 640, 960)]
    assert piece.remarks == ("The others keep to a grid of 4 steps a bar.",)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"given": tune()}, "a dict of one track's name"),
        ({"given": {}}, "a dict of one track's name"),
        ({"given": {"a": tune(), "b": tune()}}, "a dict of one track's name"),
        ({"given": {"soprano": tune()}}, "choose among a, b, c"),
        ({"given": {"a": tune(1)}}, "fewer than two notes"),
        ({"given": {"a": tune(meter=(3, 4))}}, "the tune is in 3/4, and musegan writes 4/4"),
        ({"given": {"a": tune(3, pitches=[70, 75, 40])}}, "1 notes of the tune are out of"),
        ({"given": {"a": changing()}}, "the tune changes to 3/4"),
        ({"given": {"a": tune()}, "bars": 4}, "as long as what is given"),
        ({"given": {"a": tune()}, "count": 0}, "count=0"),
    ],
)
def test_what_cannot_be_given(model, settings, says):
    with pytest.raises(ValueError, match=says):
        model.sample(**settings)


def test_a_given_noise_goes_with_no_tune(model):
    with pytest.raises(ValueError, match="leave given out"):
        model.sample(noise=model.noise(seed=0), given={"a": tune()})


def test_no_music_is_no_tune(model):
    with pytest.raises(TypeError, match=r"given\['a'\]"):
        model.sample(given={"a": 3.5})


def test_other_generators_take_no_tune():
    compact = musegen.MuseGAN(ENCODING, bars=1, units=8, noise_size=4)
    with pytest.raises(ValueError, match="generator='leading'"):
        compact.sample(given={"a": tune()})


def test_variants_are_written_to_the_same_tune(model):
    music = tune(8)
    piece = model.sample(given={"a": music}, seed=0)
    again = model.variants(piece, "groove", track="c", count=2, seed=1)
    for one in again:
        assert notes_of(one.score, 0) == notes_of(piece.score, 0)
        np.testing.assert_array_equal(one.roll[..., :2], piece.roll[..., :2])
    assert any((one.roll != piece.roll).any() for one in again)
    other = model.sample(given={"a": music}, seed=2)
    np.testing.assert_array_equal(model.walk(piece, other, 0.0).roll, piece.roll)
    np.testing.assert_array_equal(model.walk(piece, other, 1.0).roll, other.roll)
    with pytest.raises(ValueError, match="written to different tracks"):
        model.walk(piece, model.sample(given={"b": music}, seed=2))


# === The command ===


@pytest.fixture
def place(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    musegen.save_checkpoint(model, "trio.safetensors")
    write_midi(tune(12), "tune.mid")


def test_the_command_writes_to_a_tune(place, capfd, model):
    arguments = "compose trio.safetensors --given tune.mid --track b --seed 4 --out out.mid"
    assert main(arguments.split()) == 0
    out = capfd.readouterr().out
    assert "The b is that of tune.mid." in out
    last = out.splitlines()[-1].split()
    assert {"--given", "tune.mid", "--track", "b", "--seed", "4"} < set(last)
    found = read_midi("out.mid")
    assert [pitch for _, _, pitch in notes_of(found, 1)] == [p for _, _, p in notes_of(tune(12))]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("trio.safetensors --given missing.mid", "missing.mid"),
        ("trio.safetensors --given tune.mid --track d", "--track d: choose among a, b, c"),
        ("trio.safetensors --given tune.mid --track b --vary groove", "Leave --track out"),
        ("trio.safetensors --given tune.mid --knobs a.png", "leave --given out"),
        ("trio.safetensors --given tune.mid --bars 4", "as long as what is given"),
        ("trio.safetensors --given tune.mid --out tune.mid", "would be replaced"),
        ("bach-chorale --given tune.mid", "musegen harmonise"),
        ("fiddle-tune --given tune.mid", "--given is not for fiddle-tune"),
        ("trio.safetensors --track a", "--track a is for --vary or --given"),
    ],
)
def test_what_the_command_refuses(place, capfd, arguments, says):
    try:
        status = main(["compose", *arguments.split()])
    except SystemExit as ended:
        status = ended.code
    err = capfd.readouterr().err
    assert status != 0 and says in err and "Traceback" not in err
