"""Writing voices: the same music for the same seed, what is given to the note, rules kept."""

from __future__ import annotations

import numpy as np
import pytest
from symusic.core import NoteTick, ScoreTick, TempoTick, TimeSignatureTick, TrackTick
from voices import random_voices, small_model

from musegen.encoding import Voices, VoicesEncoding
from musegen.encoding import voice_history as vh
from musegen.encoding.given import given, nothing_given
from musegen.encoding.tonic import voices_come_home, voices_keep_their_key
from musegen.evaluation.voice_leading import voice_leading
from musegen.networks import GRID_NETWORKS
from musegen.sampling.harmony import _bars
from musegen.sampling.voice_loop import _tempered

pytestmark = [
    pytest.mark.usefixtures("uncompiled"),
    pytest.mark.filterwarnings("ignore:.*run_functions_eagerly"),
]


@pytest.fixture(autouse=True)
def little_padding(monkeypatch):
    """Each position takes its time."""
    monkeypatch.setattr("musegen.training.voice_windows.LENGTH_STEP", 8)
    monkeypatch.setattr("musegen.sampling.voice_batches.LENGTH_STEP", 8)


@pytest.fixture(scope="module")
def model():
    encoding = VoicesEncoding(steps_per_quarter=1)
    ranges = ((60, 80), (55, 72), (48, 67), (36, 60))
    return small_model(encoding=encoding, order="outer", ranges=ranges)


def tune(*notes, meter=(4, 4), name="tune", resolution=480):
    """A score of one track of `(start, length, pitch)` in quarter notes."""
    score = ScoreTick(resolution)
    score.time_signatures.append(TimeSignatureTick(0, *meter))
    score.tempos.append(TempoTick(0, mspq=600_000))
    track = TrackTick(name, 73, False)
    for start, length, pitch in notes:
        times = (round(one * resolution) for one in (start, length))
        track.notes.append(NoteTick(*times, pitch, 90))
    score.tracks.append(track)
    return score


def notes_of(track):
    return [(note.time, note.duration, note.pitch) for note in track.notes]


def test_the_same_seed_writes_the_same_and_its_likelihood_is_the_models(model):
    piece, again = (model.sample(bars=1, seed=4, temperature=1.0, tries=1) for _ in range(2))
    other = model.sample(bars=1, seed=5, temperature=1.0, tries=1)
    assert piece.music == again.music != other.music
    assert len(piece.music) == 4
    told = given(piece.music, np.zeros(piece.music.pitches.shape, bool))
    costs = model.costs([piece.music], [told])[0]
    assert np.allclose(costs, -piece.log_likelihoods, atol=1e-4)
    assert np.isclose(piece.log_likelihood, -costs.sum(), atol=1e-3)


def test_several_pieces_are_each_that_of_their_number(model):
    pieces = model.sample(bars=1, seed=4, count=3, temperature=1.0, tries=1)
    assert pieces[0].music == model.sample(bars=1, seed=4, temperature=1.0, tries=1).music
    assert len({one.music.pitches.tobytes() for one in pieces}) == 3


@pytest.fixture
def tries(monkeypatch):
    """All tries that are written, each with how likely it is to end there."""
    found = []

    def kept(*arguments):
        written = batch(*arguments)
        found.extend(written)
        return written

    from musegen.sampling import voice_batches

    batch = voice_batches._batch
    monkeypatch.setattr(voice_batches, "_batch", kept)
    return found


def test_of_several_tries_one_is_drawn_as_likely_as_it_ends_there(model, tries):
    """Against the model's own probabilities of the end, with the noise of the draw taken away."""
    piece = model.sample(bars=1, seed=4, temperature=1.0, tries=4)
    assert len(tries) == 4
    for each, close in tries:
        assert np.isclose(close, -model.end_costs([each.music])[0][-1], atol=1e-4)
    assert model.tonic_share is None
    gumbel = np.random.default_rng([4, 0, 4]).gumbel(size=4)
    best = np.argmax([close + noise for (_, close), noise in zip(tries, gumbel)])
    assert piece.music == tries[best][0].music


def test_a_piece_comes_home_if_it_is_to_and_one_of_its_tries_does(model, tries, monkeypatch):
    for share in (0.0, 1.0):
        tries.clear()
        monkeypatch.setattr(model, "tonic_share", share)
        pieces = model.sample(1, seed=6, count=8, temperature=1.0, tries=4)
        home = np.array([voices_come_home(one.music.pitches) for one, _ in tries]).reshape(8, 4)
        both = home.any(axis=1) & ~home.all(axis=1)
        assert both.any()
        for piece, known in zip(pieces, both):
            assert not known or voices_come_home(piece.music.pitches) == share


def test_a_piece_that_ends_itself_is_written_until_it_ends_as_it_is_to(model, tries, monkeypatch):
    monkeypatch.setattr("musegen.sampling.voices.LEAST_BARS", 1)
    monkeypatch.setattr("musegen.sampling.voices.MAX_BARS", 5)
    first = model.sample(seed=6, count=8, temperature=1.0, tries=32)
    assert all(4 <= len(piece.music) < 20 for piece in first)
    # It does not know how often pieces come home: each is the first try that ends.
    assert len(tries) == 8 + sum(len(one.music) == 20 for one, _ in tries)
    for share in (0.0, 1.0):
        tries.clear()
        monkeypatch.setattr(model, "tonic_share", share)
        pieces = model.sample(seed=6, count=8, temperature=1.0, tries=32)
        assert 8 < len(tries) < 8 * 32
        assert all(voices_come_home(piece.music.pitches) == share for piece in pieces)
        for one, other in zip(pieces, first):
            if voices_come_home(other.music.pitches) == share:
                assert one.music == other.music
    assert model.sample(seed=6, temperature=1.0, tries=32).music == pieces[0].music


def test_a_piece_ends_in_the_key_of_its_beginning_if_it_is_to(model, tries, monkeypatch):
    monkeypatch.setattr("musegen.encoding.tonic.KEY", 2)  # quarter notes
    assert model.key_share is None
    for share in (0.0, 1.0):
        tries.clear()
        monkeypatch.setattr(model, "key_share", share)
        pieces = model.sample(2, seed=6, count=8, temperature=1.0, tries=4)
        kept = np.array([voices_keep_their_key(one.music.pitches, 1) for one, _ in tries])
        kept = kept.reshape(8, 4) == share
        both = kept.any(axis=1) & ~kept.all(axis=1)
        assert both.any()
        for piece, some in zip(pieces, kept.any(axis=1)):
            assert not some or voices_keep_their_key(piece.music.pitches, 1) == share
        alone = model.sample(2, seed=6, temperature=1.0, tries=4)
        assert alone.music == pieces[0].music


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 3.0, 1e30])
def test_the_temperature_is_that_of_pitches_and_no_rhythm_changes(temperature):
    random = np.random.default_rng(5)
    scores = np.log(random.dirichlet(np.ones(vh.SYMBOLS), 6)).astype(np.float32)
    allowed = random.random(scores.shape) < 0.5
    allowed[:, vh.FIRST] = True
    found = np.exp(_tempered(scores, allowed, np.full((6, 1), temperature, np.float32)))
    assert np.allclose(found[:, : vh.FIRST], np.exp(scores)[:, : vh.FIRST])
    strikes = allowed & (np.arange(vh.SYMBOLS) >= vh.FIRST)
    chances = np.where(strikes, np.exp(scores.astype(float)), 0)
    struck = chances.sum(axis=1, keepdims=True)
    if temperature:
        expected = np.where(strikes, chances ** (1 / temperature), 0)
    else:
        expected = chances == chances.max(axis=1, keepdims=True)
    expected = struck * expected / expected.sum(axis=1, keepdims=True)
    assert np.allclose(found[:, vh.FIRST :], expected[:, vh.FIRST :], atol=1e-5)


def test_what_was_long_ago_is_copied_from_wherever_it_is_kept(model, monkeypatch):
    """Of many pieces the keys are in several blocks of steps, here of two steps each."""
    with monkeypatch.context() as patched:
        patched.setattr("musegen.models.voice_copying.BLOCK", 2 * model.head.size)
        piece = model.sample(bars=2, seed=4, temperature=1.0, tries=1)
    told = given(piece.music, np.zeros(piece.music.pitches.shape, bool))
    costs = model.costs([piece.music], [told])[0]
    assert np.allclose(costs, -piece.log_likelihoods, atol=1e-4)
    assert piece.music == model.sample(bars=2, seed=4, temperature=1.0, tries=1).music


def test_pieces_that_keep_other_voices_are_written_together_as_alone(model):
    """A voice that is kept throughout is not written, unless one of the others has it written."""
    requests = []
    for seed, voice in ((1, 0), (2, 3), (3, 0)):
        music = random_voices(np.random.default_rng(seed), 6)
        keep = np.zeros(music.pitches.shape, bool)
        keep[:, voice] = True
        requests.append({"given": music, "keep": keep, "seed": seed, "tries": 1})
    together = model.sample_many(requests)
    for request, piece in zip(requests, together, strict=True):
        alone = model.sample(**request)
        assert piece.music == alone.music
        assert np.allclose(piece.log_likelihoods, alone.log_likelihoods, atol=1e-4)
        costs = model.costs([piece.music], [given(request["given"], request["keep"])])[0]
        assert np.allclose(costs, -piece.log_likelihoods, atol=1e-4)


@pytest.mark.parametrize("network", GRID_NETWORKS)
def test_a_network_of_the_grid_writes_as_its_likelihoods_say(network, monkeypatch):
    """What is given among them, and the end, which is judged with all kept and nothing told."""
    from musegen.sampling import voice_batches

    closes, batch = [], voice_batches._batch
    monkeypatch.setattr(
        voice_batches, "_batch", lambda *rest: closes.append(batch(*rest)) or closes[-1]
    )
    encoding = VoicesEncoding(steps_per_quarter=1)
    model = small_model(encoding=encoding, order="outer", network=network)
    random = np.random.default_rng(2)
    music = random_voices(random, 5)
    keep = random.random(music.pitches.shape) < 0.4
    keep[-1] = False
    piece = model.sample(given=music, keep=keep, seed=1, temperature=1.0, tries=2)
    assert np.array_equal(piece.music.pitches[keep], music.pitches[keep])
    costs = model.costs([piece.music], [given(music, keep)])[0]
    assert np.allclose(costs, -piece.log_likelihoods, atol=1e-4) and (costs[~keep] > 0).all()
    assert len(closes[0]) == 2
    for each, close in closes[0]:
        assert np.isclose(close, -model.end_costs([each.music])[0][-1], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("network", GRID_NETWORKS)
def test_a_network_of_the_grid_writes_the_same_compiled(network):
    import tensorflow as tf

    model = small_model(encoding=VoicesEncoding(steps_per_quarter=1), network=network)
    pieces = [model.sample(bars=2, seed=3, temperature=1.0, tries=1)]
    model.sampling_loops.clear()
    tf.config.run_functions_eagerly(False)
    pieces.append(model.sample(bars=2, seed=3, temperature=1.0, tries=1))
    assert pieces[0].music == pieces[1].music
    likelihoods = (piece.log_likelihoods for piece in pieces)
    assert np.allclose(*likelihoods, atol=1e-4)


def test_a_piece_that_ends_itself_ends_as_its_likelihood_says(model, monkeypatch):
    monkeypatch.setattr("musegen.sampling.voices.LEAST_BARS", 1)
    monkeypatch.setattr("musegen.sampling.voices.MAX_BARS", 3)
    pieces = model.sample(seed=1, count=8, temperature=1.0, tries=1)
    lengths = {len(one.music) for one in pieces}
    assert min(lengths) >= 4 and max(lengths) <= 12 and len(lengths) > 1
    costs = model.costs([pieces[0].music], [nothing_given(len(pieces[0].music), 4)])[0]
    assert np.allclose(costs, -pieces[0].log_likelihoods, atol=1e-4)


@pytest.mark.parametrize("seed", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_what_is_given_comes_back_to_the_note(model, seed):
    random = np.random.default_rng(seed)
    music = random_voices(random, 7)
    keep = random.random(music.pitches.shape) < 0.5
    piece = model.sample(given=music, keep=keep, seed=1, temperature=1.0, tries=1)
    assert np.array_equal(piece.music.pitches[keep], music.pitches[keep])
    before = np.vstack([np.ones((1, 4), bool), keep[:-1]])
    known = keep & before  # where a note is given from its beginning, or struck in any case
    assert np.array_equal(piece.music.struck[known], music.struck[known])
    assert (piece.log_likelihoods[keep] == 0).all()
    costs = model.costs([piece.music], [given(music, keep)])[0]
    exact = ~keep
    assert np.allclose(costs[exact], -piece.log_likelihoods[exact], atol=1e-4)


@pytest.mark.slow
def test_rules_are_kept_and_can_be_left_out(model, monkeypatch):
    monkeypatch.setattr("musegen.sampling.voice_loop.LEAST_LEFT", 0.0)
    free = model.sample(bars=4, seed=3, count=6, temperature=1.0, tries=1, avoid=())
    kept = model.sample(bars=4, seed=3, count=6, temperature=1.0, tries=1)
    figures = [voice_leading([one.music.pitches for one in each]) for each in (free, kept)]
    assert figures[0].crossing > 0.02
    assert figures[0].parallel_fifths + figures[0].parallel_octaves > 0
    assert figures[1].crossing == figures[1].parallel_fifths == figures[1].parallel_octaves == 0


def test_a_tune_is_harmonised_and_stays_as_it_is(model):
    score = tune((2, 1, 84), (3, 0.5, 86), (3.5, 0.5, 88), (4, 2, 89), (7.25, 1, 91))
    piece = model.harmonise(score, seed=1, tries=1)
    assert [track.name for track in piece.score.tracks] == ["soprano", "alto", "tenor", "bass"]
    assert notes_of(piece.score.tracks[0]) == notes_of(score.tracks[0])
    assert piece.score.time_signatures[0].numerator == 4
    assert piece.score.tempos[0].mspq == 600_000
    assert piece.music.pickup == 2
    assert any("1 octave lower" in remark for remark in piece.remarks)
    bass = piece.score.tracks[3]
    assert len(bass.notes) and bass.notes[0].time >= 2 * 480


def test_a_tune_after_bars_of_rest_begins_where_it_began(model):
    score = tune((9, 1, 70), (10, 1, 72), (11, 1, 70))
    piece = model.harmonise(score, seed=1, count=2, tries=1)[1]
    assert notes_of(piece.score.tracks[0]) == notes_of(score.tracks[0])
    assert min(note.time for track in piece.score.tracks for note in track.notes) >= 9 * 480


def test_of_several_parts_the_highest_of_the_full_ones_is_the_tune(model):
    score = tune((0, 1, 60), (1, 1, 62), (2, 1, 64), (3, 1, 65), name="low")
    high = tune((0, 1, 70), (1, 1, 72), (2, 1, 74), (3, 1, 75), name="high").tracks[0]
    bell = tune((0, 1, 100), name="bell").tracks[0]
    score.tracks.append(high)
    score.tracks.append(bell)
    assert notes_of(model.harmonise(score, seed=1, tries=1).score.tracks[0]) == notes_of(high)
    chosen = model.harmonise(score, seed=1, tries=1, part=1, voice="tenor")
    assert notes_of(chosen.score.tracks[2]) == notes_of(score.tracks[0])
    with pytest.raises(ValueError, match="1 low, 2 high, 3 bell"):
        model.harmonise(score, part="flute")


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (tune(), "fewer than two notes"),
        (tune((0, 1, 60)), "fewer than two notes"),
        (tune((0, 1, 60), (70_000, 1, 62)), "steps"),
    ],
)
def test_what_is_no_tune_is_refused_in_a_sentence(model, score, words):
    with pytest.raises(ValueError, match=words):
        model.harmonise(score)


def test_bars_are_rewritten_and_the_others_are_not(model):
    music = random_voices(np.random.default_rng(3), 16, rests=0)
    score = model.encoding.decode(music)
    piece = model.rewrite(
        score, voices=["alto", "bass"], bars=(2, 3), seed=1, temperature=1.0, tries=1
    )
    fixed = np.ones((16, 4), bool)
    fixed[4:12, [1, 3]] = False
    assert np.array_equal(piece.music.pitches[fixed], music.pitches[fixed])
    assert (piece.music.pitches != music.pitches)[~fixed].mean() > 0.2
    assert np.array_equal(piece.given, fixed)


def test_bars_are_counted_as_a_notation_program_does(model):
    music = random_voices(np.random.default_rng(4), 11)
    upbeat = Voices(music.pitches, music.struck, meters=((0, 4, 4), (5, 3, 4)), pickup=1)
    assert _bars(model, upbeat, (0, 0)).tolist() == [True] + [False] * 10
    assert np.flatnonzero(_bars(model, upbeat, (1, 1))).tolist() == [1, 2, 3, 4]
    assert np.flatnonzero(_bars(model, upbeat, (2, 3))).tolist() == [5, 6, 7, 8, 9, 10]
    assert np.flatnonzero(_bars(model, music, (1, 1))).tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="from 1 to 3"):
        _bars(model, music, (0, 1))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bars": 0}, "bars=0"),
        ({"avoid": "parallels"}, "avoid="),
        ({"avoid": ["fifths"]}, "avoid="),
        ({"keep": np.ones((2, 4), bool)}, "without music"),
        ({"given": Voices(np.full((2, 4), 60), np.ones((2, 4), bool)), "bars": 2}, "bars=2"),
        ({"given": Voices(np.full((2, 4), 60), np.ones((2, 4), bool))}, "nothing to write"),
        ({"given": Voices(np.full((2, 4), -1), np.ones((2, 4), bool))}, "no notes"),
    ],
)
def test_what_can_not_be_written_is_refused_in_a_sentence(model, settings, words):
    with pytest.raises(ValueError, match=words):
        model.sample(**settings)
