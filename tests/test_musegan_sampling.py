"""Sampling of a MuseGAN: the same seed, the same music; a knob turns what it says and no more."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from contract import tiny_gan

from musegen.composition import PianorollComposition
from musegen.encoding import PianorollEncoding
from musegen.encoding.pianoroll import RollTrack
from musegen.midi import read_midi
from musegen.models.musegan import Noise, interpolate
from musegen.models.musegan.cells import decide, rolls_of
from musegen.sampling.noise import NAMES

ENCODING = PianorollEncoding(
    (RollTrack("high"), RollTrack("middle"), RollTrack("bass", voice="lowest")),
    steps=4,
    lowest=48,
    pitches=20,
)
SHAPES = {
    "hybrid": {"style": (4,), "groove": (3, 4), "chords": (4,), "melody": (3, 4)},
    "jamming": dict.fromkeys(NAMES, (3, 4)),
    "composer": {"style": (4,), "groove": (1, 4), "chords": (4,), "melody": (1, 4)},
}


def model_of(composition):
    options = {"units": 32, "tempo": 600_000, "name": "trio"}
    model = tiny_gan(encoding=ENCODING, composition=composition, **options)
    random = np.random.default_rng(1)
    for weight in model.generator.weights:
        weight.assign(random.normal(0, 0.4, weight.shape))
    return model


@pytest.fixture(scope="module")
def models():
    """An untrained model of each kind, with weights that make its phrases differ."""
    return {composition: model_of(composition) for composition in SHAPES}


@pytest.fixture(scope="module")
def gan(models):
    return models["hybrid"]


def equal(first, second):
    return [np.array_equal(getattr(first, name), getattr(second, name)) for name in NAMES]


# --- noise ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("composition", SHAPES)
def test_noise_has_the_shapes_of_the_model(composition, models):
    noise = models[composition].noise(seed=7)
    assert {name: getattr(noise, name).shape for name in NAMES} == SHAPES[composition]
    assert all(getattr(noise, name).dtype == np.float32 for name in NAMES)
    assert all(equal(noise, models[composition].noise(seed=7)))
    assert not any(equal(noise, models[composition].noise(seed=8)))
    assert not any(equal(models[composition].noise(), models[composition].noise()))
    assert repr(noise).startswith(f"<Noise: style {SHAPES[composition]['style']}, groove (")


def test_noise_is_standard_normal(gan):
    noises = [gan.noise(seed=seed) for seed in range(400)]
    for name in NAMES:
        values = np.stack([getattr(noise, name) for noise in noises])
        assert abs(values.mean()) < 0.08
        assert values.std() == pytest.approx(1, abs=0.05)
    # The four are independent of each other.
    vectors = [np.concatenate([getattr(n, name).ravel() for name in NAMES]) for n in noises]
    vectors = np.stack(vectors)
    correlations = np.corrcoef(vectors.T) - np.eye(vectors.shape[1])
    assert np.abs(correlations).max() < 0.25


def test_replacing_parts(gan):
    noise = gan.noise(seed=7)
    kept = {name: getattr(noise, name).copy() for name in NAMES}
    new = noise.replace(chords=np.arange(4), melody=np.ones((3, 4)))
    assert equal(noise, new) == [True, True, False, False]
    assert new.chords.tolist() == [0, 1, 2, 3]
    assert new.chords.dtype == np.float32
    assert all(np.array_equal(getattr(noise, name), kept[name]) for name in NAMES)
    assert all(equal(noise, noise.replace()))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"chord": np.zeros(4)}, "chord is no noise: choose among style, groove, chords, melody."),
        ({"chords": np.zeros(5)}, "chords has the shape (5,): give (4,)."),
        ({"groove": np.zeros(4)}, "groove has the shape (4,): give (3, 4)."),
        ({"style": [1, 2, np.nan, 0]}, "give finite numbers"),
        ({"style": [1, 2, np.inf, 0]}, "give finite numbers"),
        *(({"style": one}, "give finite numbers") for one in ([1e300] * 4, "loud", None, [], 3)),
        *(({"melody": x}, "give finite numbers") for x in ([[1], [1, 2]], np.zeros((1, 3, 4)))),
    ],
)
def test_parts_that_are_none(gan, parts, message):
    with pytest.raises(ValueError) as caught:
        gan.noise(seed=7).replace(**parts)
    assert message in str(caught.value)


# --- interpolation -------------------------------------------------------------------------------


def test_a_quarter_turn_by_hand():
    first = Noise([1, 0], [[2, 0]], [1, 0], [[1, 1]])
    last = Noise([0, 1], [[0, 4]], [3, 0], [[2, 2]])
    walk = interpolate(first, last, 4)
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    np.testing.assert_allclose(walk[1].style, [cosine, sine], rtol=1e-6)
    np.testing.assert_allclose(walk[2].style, [sine, cosine], rtol=1e-6)
    length = 2 + 2 / 3
    np.testing.assert_allclose(walk[1].groove, [[length * cosine, length * sine]], rtol=1e-6)
    np.testing.assert_allclose(walk[1].chords, [1 + 2 / 3, 0], atol=1e-6)  # one direction
    np.testing.assert_allclose(walk[2].melody, [[5 / 3, 5 / 3]], rtol=1e-6)


@pytest.mark.parametrize("composition", SHAPES)
def test_interpolation_turns_every_vector_evenly(composition, models):
    first, last = (models[composition].noise(seed=seed) for seed in (1, 2))
    walk = interpolate(first, last, 7)
    assert len(walk) == 7
    assert all(equal(walk[0], first))
    assert all(equal(walk[-1], last))
    for name in NAMES:
        vectors = np.stack([getattr(noise, name) for noise in walk]).astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=-1)
        even = np.linspace(lengths[0], lengths[-1], 7)
        np.testing.assert_allclose(lengths, even, rtol=1e-5)
        units = vectors / lengths[..., None]
        angles = np.arccos(np.clip((units[1:] * units[:-1]).sum(-1), -1, 1))
        np.testing.assert_allclose(angles, angles[:1].repeat(6, 0), rtol=1e-3)
        whole = np.arccos((units[0] * units[-1]).sum(-1))
        np.testing.assert_allclose(angles.sum(0), whole, rtol=1e-3)  # and the shorter way round


def test_interpolation_at_its_limits(gan):
    first = gan.noise(seed=1)
    assert all(all(equal(noise, first)) for noise in interpolate(first, first, 2))
    for noise in interpolate(first, first, 5):
        for name in NAMES:
            np.testing.assert_allclose(getattr(noise, name), getattr(first, name), rtol=1e-5)
    opposite = Noise(**{name: -getattr(first, name) for name in NAMES})
    silent = Noise(**{name: 0 * getattr(first, name) for name in NAMES})
    for last in (opposite, silent):
        walk = interpolate(first, last, 3)
        assert all(np.isfinite(getattr(walk[1], name)).all() for name in NAMES)


def test_a_walk_is_between_noises_of_one_kind(gan, models):
    with pytest.raises(ValueError, match=r"style has the shape \(3, 4\), and .* \(4,\)"):
        interpolate(gan.noise(seed=1), models["jamming"].noise(seed=1), 3)
    with pytest.raises(ValueError, match="last='noise': give what"):
        interpolate(gan.noise(seed=1), "noise", 3)


# --- sampling ------------------------------------------------------------------------------------


def test_what_a_sample_is(gan, tmp_path):
    piece = gan.sample(seed=7)
    assert isinstance(piece, PianorollComposition)
    assert piece.roll.shape == ENCODING.shape(2)
    assert (piece.seed, piece.model, piece.encoding) == (7, "trio", ENCODING)
    assert [track.name for track in piece.score.tracks] == ["high", "middle", "bass"]
    assert [tempo.mspq for tempo in piece.score.tempos] == [600_000]
    assert len(piece.noise) == 1
    assert all(equal(piece.noise[0], gan.noise(seed=7)))
    read = np.asarray(ENCODING.encode(read_midi(piece.save(tmp_path / "a.mid"))))
    np.testing.assert_array_equal(read, piece.roll[: len(read)])


def test_a_sample_is_what_the_generator_draws(gan):
    noise = gan.noise(seed=7)
    logits = gan({name: getattr(noise, name)[None] for name in NAMES})
    sounds, repeats = (np.asarray(part) for part in decide(logits, ENCODING))
    np.testing.assert_array_equal(gan.sample(noise=noise).roll, rolls_of(sounds, repeats)[0])


@pytest.mark.parametrize("composition", SHAPES)
def test_the_same_seed_writes_the_same(composition, models):
    gan = models[composition]
    first = gan.sample(seed=7).roll
    np.testing.assert_array_equal(gan.sample(seed=7).roll, first)
    np.testing.assert_array_equal(gan.sample(noise=gan.noise(seed=7)).roll, first)
    three = gan.sample(count=3, seed=7)
    assert [type(piece) for piece in three] == [PianorollComposition] * 3
    np.testing.assert_array_equal(three[0].roll, first)
    np.testing.assert_array_equal(gan.sample(count=1, seed=7)[0].roll, first)
    np.testing.assert_array_equal(gan.sample(bars=2, seed=7).roll, first)
    assert not np.array_equal(gan.sample(seed=8).roll, first)
    assert len({piece.roll.tobytes() for piece in three}) == 3


def test_more_than_a_batch(gan):
    many = gan.sample(count=130, seed=7)
    assert len({piece.roll.tobytes() for piece in many}) > 120
    for number, piece in enumerate(gan.sample(count=70, seed=7)):
        np.testing.assert_array_equal(piece.roll, many[number].roll)
    for piece in (many[1], many[63], many[64], many[129]):
        np.testing.assert_array_equal(gan.sample(noise=piece.noise).roll, piece.roll)


def test_without_a_seed_it_is_drawn_and_told(gan):
    first, second = gan.sample(), gan.sample()
    assert first.seed != second.seed
    np.testing.assert_array_equal(gan.sample(seed=first.seed).roll, first.roll)


@pytest.mark.parametrize("bars", [1, 2, 3, 7, 16])
def test_phrases_chain_to_pieces(gan, bars):
    piece = gan.sample(bars=bars, seed=7)
    assert piece.roll.shape == ENCODING.shape(bars)
    assert len(piece.noise) == -(-bars // 2)
    for noise in piece.noise[1:]:
        assert equal(noise, piece.noise[0]) == [True, True, False, False]
    assert len({noise.chords.tobytes() for noise in piece.noise}) == len(piece.noise)
    np.testing.assert_array_equal(piece.roll[:2], gan.sample(seed=7).roll[:bars])
    for number, noise in enumerate(piece.noise):
        phrase = gan.sample(noise=noise).roll
        found = piece.roll[2 * number : 2 * number + 2]
        np.testing.assert_array_equal(found, phrase[: len(found)])
    np.testing.assert_array_equal(gan.sample(noise=piece.noise).roll[:bars], piece.roll)
    # A longer piece begins as a shorter one does.
    np.testing.assert_array_equal(gan.sample(bars=16, seed=7).roll[:bars], piece.roll)


def test_several_pieces_of_several_phrases(gan):
    pieces = gan.sample(count=3, bars=5, seed=7)
    assert [piece.roll.shape[0] for piece in pieces] == [5] * 3
    np.testing.assert_array_equal(pieces[0].roll, gan.sample(bars=5, seed=7).roll)
    for piece in pieces:
        np.testing.assert_array_equal(gan.sample(noise=piece.noise).roll[:5], piece.roll)


def test_hold_is_the_models_own_unless_it_is_given(gan):
    noise = gan.noise(seed=1)
    rolls = {hold: gan.sample(noise=noise, hold=hold).roll for hold in (None, 0, 1000)}
    np.testing.assert_array_equal(rolls[None], rolls[0])
    gan.hold = 1000
    try:
        np.testing.assert_array_equal(gan.sample(noise=noise).roll, rolls[1000])
    finally:
        gan.hold = 0.0
    alone = [number for number, track in enumerate(gan.encoding.tracks) if track.monophonic]
    held = (rolls[1000] > 0).reshape(-1, *rolls[1000].shape[2:])[..., alone]
    assert (held == held[0]).all()  # one note a track, or none


def test_phrases_from_noises_in_a_row(gan):
    noises = [gan.noise(seed=seed) for seed in (1, 2, 3)]
    piece = gan.sample(noise=noises)
    assert piece.seed is None
    expected = np.concatenate([gan.sample(noise=noise).roll for noise in noises])
    np.testing.assert_array_equal(piece.roll, expected)
    np.testing.assert_array_equal(gan.sample(noise=iter(noises)).roll, expected)


@pytest.mark.parametrize("other", [{"count": 2}, {"bars": 2}, {"seed": 7}])
def test_a_given_noise_says_all(gan, other):
    name = next(iter(other))
    with pytest.raises(ValueError, match=rf"^{name}=.*leave {name} out\.$"):
        gan.sample(noise=gan.noise(seed=7), **other)


def test_a_noise_of_another_model_is_refused(gan, models):
    other = models["jamming"].noise(seed=7)
    message = r"noise.style has the shape \(3, 4\), and trio needs \(4,\)\. Draw it with"
    with pytest.raises(ValueError, match=message):
        gan.sample(noise=other)
    with pytest.raises(ValueError, match=message):
        gan.sample(noise=[gan.noise(seed=1), other])
    with pytest.raises(ValueError, match=message):
        gan.vary(other, "style")


# --- knobs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("composition", SHAPES)
@pytest.mark.parametrize("part", NAMES)
def test_a_knob_turns_one_noise(composition, part, models):
    gan = models[composition]
    noise = gan.noise(seed=7)
    kept = {name: getattr(noise, name).copy() for name in NAMES}
    new = gan.vary(noise, part, seed=8)
    assert equal(noise, new) == [name != part for name in NAMES]
    assert (getattr(new, part) != kept[part]).all()
    assert all(np.array_equal(getattr(noise, name), kept[name]) for name in NAMES)
    assert all(equal(new, gan.vary(noise, part, seed=8)))
    assert not all(equal(new, gan.vary(noise, part, seed=9)))
    assert not all(equal(gan.vary(noise, part), gan.vary(noise, part)))


@pytest.mark.parametrize("part", ["groove", "melody"])
@pytest.mark.parametrize("track", ["high", "middle", "bass"])
def test_a_knob_of_one_track_turns_that_track(part, track, gan):
    noise = gan.noise(seed=7)
    new = gan.vary(noise, part, track=track, seed=8)
    assert equal(noise, new) == [name != part for name in NAMES]
    place = ["high", "middle", "bass"].index(track)
    others = [other for other in range(3) if other != place]
    before, after = getattr(noise, part), getattr(new, part)
    np.testing.assert_array_equal(after[others], before[others])
    assert (after[place] != before[place]).all()
    turned = [gan.vary(noise, part, track=track, seed=seed) for seed in range(6)]
    first, *rolls = [gan.sample(noise=one).roll for one in (noise, *turned)]
    assert all(np.array_equal(first[..., others], roll[..., others]) for roll in rolls)
    assert not all(np.array_equal(first[..., place], roll[..., place]) for roll in rolls)


@pytest.mark.parametrize("part", ["style", "chords"])
def test_shared_knobs_turn_all_tracks(part, gan):
    noise = gan.noise(seed=7)
    changed = np.zeros(3, bool)
    for seed in range(8):
        rolls = [gan.sample(noise=one).roll for one in (noise, gan.vary(noise, part, seed=seed))]
        changed |= (rolls[0] != rolls[1]).any(axis=(0, 1, 2))
    assert changed.all()


@pytest.mark.parametrize("seed", [7, 8])
def test_a_knob_turned_with_any_seed_draws_what_is_new(seed, gan):
    """No draw comes twice: not that of the phrase itself, nor that of another knob."""
    noise = gan.noise(seed=7)
    for part in NAMES:
        noise = gan.vary(noise, part, seed=seed)
    both = itertools.product((noise, gan.noise(seed=7)), NAMES)
    vectors = [row for one, name in both for row in np.atleast_2d(getattr(one, name))]
    assert len({vector.tobytes() for vector in vectors}) == len(vectors) == 16


def test_each_track_that_jams_has_all_knobs(models):
    gan = models["jamming"]
    noise = gan.noise(seed=7)
    for part in NAMES:
        new = gan.vary(noise, part, track="middle", seed=8)
        np.testing.assert_array_equal(getattr(new, part)[[0, 2]], getattr(noise, part)[[0, 2]])
        rolls = [gan.sample(noise=one).roll for one in (noise, new)]
        np.testing.assert_array_equal(rolls[0][..., [0, 2]], rolls[1][..., [0, 2]])


@pytest.mark.parametrize(
    ("composition", "part", "track", "message"),
    [
        ("hybrid", "groove", "kazoo", "track='kazoo': choose one of 'high', 'middle', 'bass'."),
        ("hybrid", "style", "bass", "track='bass': in this model, all tracks share one style"),
        ("hybrid", "chords", "bass", "track='bass': in this model, all tracks share one chords"),
        ("composer", "groove", "bass", "track='bass': in this model, all tracks share one groove"),
        ("composer", "style", "bass", "track='bass': in this model, all tracks share one style"),
    ],
)
def test_knobs_that_are_none(models, composition, part, track, message):
    gan = models[composition]
    with pytest.raises(ValueError) as caught:
        gan.vary(gan.noise(seed=7), part, track=track, seed=8)
    assert str(caught.value).startswith(message)


# --- walks ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ends(gan):
    return [gan.sample(bars=4, seed=seed) for seed in (7, 8)]


def test_a_walk_begins_and_ends_at_its_pieces(gan, ends):
    assert len(ends[0].noise) == 2
    for share, end in zip((0, 1), ends):
        found = gan.walk(*ends, share)
        np.testing.assert_array_equal(found.roll, end.roll)
        assert all(all(equal(a, b)) for a, b in zip(found.noise, end.noise))
        assert found.seed is None


def test_half_the_way_is_that_of_interpolate(gan, ends):
    found = gan.walk(*ends)
    for phrase in range(2):
        middle = interpolate(ends[0].noise[phrase], ends[1].noise[phrase], 3)[1]
        assert all(equal(found.noise[phrase], middle))
    rolls = np.concatenate([gan.sample(noise=noise).roll for noise in found.noise])
    np.testing.assert_array_equal(found.roll, rolls)


def test_noises_and_tracks_walk_alone(gan, ends):
    found = gan.walk(*ends, {"chords": 1, "melody": {"bass": 0.5, "high": 1}})
    for first, last, noise in zip(ends[0].noise, ends[1].noise, found.noise):
        assert equal(first, noise) == [True, True, False, False]
        np.testing.assert_array_equal(noise.chords, last.chords)
        np.testing.assert_array_equal(noise.melody[:2], [last.melody[0], first.melody[1]])
        middle = interpolate(first, last, 3)[1].melody[2]
        np.testing.assert_array_equal(noise.melody[2], middle)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (1.5, "share=1.5: give a number from 0 to 1."),
        ({"beat": 1}, "share='beat': choose one of 'style', 'groove', 'chords', 'melody'."),
        ({"style": -1}, "share of style=-1: give a number from 0 to 1."),
        ({"groove": {"bass": "x"}}, "share of groove of bass='x': give a number from 0 to 1."),
        ({"groove": {"kazoo": 1}}, "share of groove='kazoo': choose one of 'high', "),
        ({"style": {"bass": 1}}, "share of style={'bass': 1}: in this model, all tracks share one"),
    ],
)
def test_shares_that_are_none(gan, ends, share, message):
    with pytest.raises(ValueError) as caught:
        gan.walk(*ends, share)
    assert str(caught.value).startswith(message)


def test_pieces_of_another_length_or_model_are_refused(gan, ends, models):
    with pytest.raises(ValueError, match=r"last has 1 phrases, and first has 2\. Give pieces of"):
        gan.walk(ends[0], gan.sample(seed=1))
    with pytest.raises(ValueError, match=r"noise\.style has the shape"):
        models["jamming"].walk(*ends)
