"""Sampling: what is drawn follows the model, and is what was asked for."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from scores import line

from musegen.encoding.melody import Melody
from musegen.encoding.pitch_duration import END, FIRST_PITCH, START, PitchDurationEncoding
from musegen.interop import midi_bytes, write_midi
from musegen.midi import read_midi
from musegen.models import AttentionLSTM

pytestmark = pytest.mark.usefixtures("uncompiled")


def make(**options):
    keras.utils.set_random_seed(1)
    sizes = {"units": 16, "pitch_embedding": 8, "duration_embedding": 8, "attention_size": 4}
    model = AttentionLSTM(**{**sizes, "heads": 2, **options})
    # Heads that are far from uniform, and that end a piece every thirty notes or so.
    random = np.random.default_rng(7)
    for name in ("pitch", "duration"):
        model.symbol_heads[name].bias.assign(
            random.normal(0, 1.5, model.symbol_heads[name].bias.shape)
        )
    return model


@pytest.fixture(scope="module")
def model():
    return make()


def log_softmax(logits):
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def forward(model, melody):
    """The model's outputs on a whole melody at once, and what follows each of its positions."""
    inputs, targets = model.event_ids(melody)
    outputs = model({name: values[None] for name, values in inputs.items()})
    return {name: np.array(value)[0] for name, value in outputs.items()}, targets


def test_a_seed_gives_the_same_bytes(compiled):
    model = make()  # which no other test has run otherwise
    first = model.sample(notes=14, seed=7)
    assert midi_bytes(first) == midi_bytes(model.sample(notes=14, seed=7))
    assert first.score.tracks != model.sample(notes=14, seed=8).score.tracks
    several = model.sample(notes=14, seed=7, count=3)
    assert midi_bytes(several[0]) == midi_bytes(first)
    assert len({midi_bytes(piece) for piece in several}) == 3
    drawn = model.sample(notes=8)  # in the loop of 14 notes
    assert midi_bytes(model.sample(notes=8, seed=drawn.seed)) == midi_bytes(drawn)
    agree(model, [first, several[1]])


QUICK = [("state_and_context", "location"), ("context", "dot")]
ALL = itertools.product(("context", "state_and_context"), ("location", "additive", "dot"))
SLOW = [pytest.param(*pair, marks=pytest.mark.slow) for pair in ALL if pair not in QUICK]


@pytest.mark.parametrize(("head", "kind"), [*QUICK, *SLOW])
def test_the_loop_agrees_with_the_model_on_the_whole_piece(kind, head):
    model = make(attention=kind, head=head)
    agree(model, model.sample(notes=30, seed=3, count=2))


def agree(model, pieces):
    """Likelihoods and attention of pieces are those of the model on the whole."""
    for piece in pieces:
        melody = piece.melody
        outputs, targets = forward(model, melody)
        rows = np.arange(len(melody) - 1)
        np.testing.assert_array_equal(targets["duration"], melody.durations[1:])
        for column, name in enumerate(("pitch", "duration")):
            expected = log_softmax(outputs[name])[rows, targets[name]]
            np.testing.assert_allclose(piece.log_likelihoods[:, column], expected, atol=2e-5)
        assert piece.log_likelihood == pytest.approx(piece.log_likelihoods.sum(), rel=1e-5)

        inputs, _ = model.event_ids(melody)
        embedded = [layer(inputs[name][None]) for name, layer in model.embeddings.items()]
        states = ops.concatenate(embedded, axis=-1)
        for lstm in model.network.lstms:
            states = lstm(states)
        expected = np.array(model.network.attend.weights_map(states))[0]
        np.testing.assert_allclose(piece.attention, expected, atol=1e-5)
        np.testing.assert_allclose(piece.attention.sum(axis=-1), 1, atol=1e-5)


def first_draws(model, count, **options):
    pieces = model.sample(notes=1, count=count, seed=11, **options)
    pitches = np.array([piece.melody.pitches[1] for piece in pieces])
    return pitches, np.array([piece.melody.durations[1] for piece in pieces])


def chi_square(draws, probabilities):
    """The statistic, and what it stays under 9,999 times of 10,000 (Wilson and Hilferty 1931)."""
    expected = probabilities * len(draws)
    rare = expected < 5
    counts = np.bincount(draws, minlength=len(expected))
    observed = np.array([*counts[~rare], counts[rare].sum()])
    expected = np.array([*expected[~rare], expected[rare].sum()])
    observed, expected = observed[expected > 0], expected[expected > 0]
    freedom = len(expected) - 1
    limit = freedom * (1 - 2 / (9 * freedom) + 3.719 * (2 / (9 * freedom)) ** 0.5) ** 3
    return ((observed - expected) ** 2 / expected).sum(), limit


def first_chances(model, temperature=1.0, top_k=None):
    """Of a first event, the probability of each pitch and duration, `(pitch ids, duration ids)`.

    Worked out of the logits of the whole model on melodies of one event, one for each pitch.
    """
    encoding = model.encoding
    ids = [
        model.event_ids(Melody(np.array([START, pitch]), np.array([0, 1])))
        for pitch in range(encoding.pitch_ids)
    ]
    inputs = {name: np.stack([one[name] for one, _ in ids]) for name in ids[0][0]}
    symbols = np.array([targets["pitch"][0] for _, targets in ids])
    outputs = {name: np.array(one)[:, 0].astype(float) for name, one in model(inputs).items()}
    pitch, duration = outputs["pitch"][0][symbols], outputs["duration"]
    pitch[[START, END]] = duration[:, 0] = -np.inf
    for logits in (pitch, duration):
        if top_k is not None:
            logits[logits < np.sort(logits)[..., -top_k:][..., :1]] = -np.inf
    pitch, duration = (np.exp(log_softmax(one / temperature)) for one in (pitch, duration))
    return pitch[:, None] * duration


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_model(model, temperature):
    pitches, durations = first_draws(model, 6400, temperature=temperature)
    chances = first_chances(model, temperature)
    for draws, probabilities, never in [
        (pitches, chances.sum(axis=1), [START, END]),
        (durations, chances.sum(axis=0), [0]),
        (pitches * chances.shape[1] + durations, chances.reshape(-1), []),  # together
    ]:
        statistic, limit = chi_square(draws, probabilities)
        assert statistic < limit
        assert not np.isin(draws, never).any()


@pytest.mark.slow
def test_top_k_and_top_p_draw_among_the_likeliest(model):
    chances = first_chances(model).sum(axis=1)
    order = np.argsort(-chances)
    pitches, durations = first_draws(model, 2000, top_k=3)
    assert set(pitches) == set(order[:3])
    for pitch in order[:3]:
        likeliest = np.argsort(-first_chances(model, top_k=3)[pitch])[:3]
        assert set(durations[pitches == pitch]) <= set(likeliest)
    nucleus = order[: np.searchsorted(np.cumsum(chances[order]), 0.6) + 1]
    pitches, _ = first_draws(model, 4000, top_p=0.6)
    assert set(pitches) <= set(nucleus)
    assert set(nucleus[:5]) <= set(pitches)


def test_a_temperature_of_nothing_takes_the_likeliest(model):
    coldest = model.sample(notes=30, temperature=0, seed=1)
    for options in ({"temperature": 1e-6}, {"top_k": 1}, {"top_p": 1e-9}):
        piece = model.sample(notes=30, seed=2, **options)
        assert np.array_equal(piece.melody.pitches, coldest.melody.pitches), options
        assert np.array_equal(piece.melody.durations, coldest.melody.durations), options


@pytest.mark.parametrize(
    "options",
    [{"temperature": 0}, {"temperature": 1e-6}, {"temperature": 100}, {"top_k": 1}, {"top_p": 1}],
)
def test_extremes_give_numbers(model, options):
    piece = model.sample(notes=50, seed=3, **options)
    assert np.isfinite(piece.log_likelihoods).all()
    assert np.isfinite(piece.attention).all()
    assert piece.new_notes == 50


@pytest.mark.parametrize("notes", [1, 17, pytest.param(200, marks=pytest.mark.slow)])
def test_as_many_notes_as_asked_for(model, notes):
    for piece in [model.sample(notes=notes, seed=4), *model.sample(notes=notes, seed=4, count=5)]:
        assert piece.new_notes == notes
        assert len(piece.score.tracks[0].notes) == notes


@pytest.mark.parametrize("meter", [(4, 4), (6, 8), (3, 4)])
def test_as_many_bars_as_asked_for(model, meter):
    bar = meter[0] * 96 // meter[1]
    for piece in model.sample(bars=6, seed=5, count=20, meter=meter):
        steps = model.encoding.steps[piece.melody.durations].sum()
        assert 5 * bar < steps <= 6 * bar
        assert piece.score.end() <= 6 * bar
        signature = piece.score.time_signatures[0]
        assert (signature.numerator, signature.denominator) == meter


@pytest.mark.slow
def test_without_a_length_the_model_ends_the_piece():
    model = make(copy=False)  # an untrained model that copies goes on nearly for ever
    pieces = model.sample(notes=None, seed=6, count=10)
    for piece in pieces:
        assert piece.melody.pitches[-1] == END
        assert (piece.melody.pitches[1:-1] != END).all()
    assert len({len(piece.melody) for piece in pieces}) > 1


@pytest.mark.slow
def test_openings_are_drawn_as_counted(model):
    model = make(openings=[(3, 4, 24, 400_000, 1), (6, 8, 12, 500_000, 3)])
    pieces = model.sample(notes=4, seed=1, count=400)
    meters = [piece.melody.meters[0][1:] for piece in pieces]
    assert set(meters) == {(3, 4), (6, 8)}
    assert meters.count((6, 8)) == pytest.approx(300, abs=35)
    for piece in pieces:
        waltz = piece.melody.meters[0][1:] == (3, 4)
        assert piece.melody.pickup == (24 if waltz else 12)
        assert piece.score.tracks[0].notes[0].time >= (48 if waltz else 60)
        assert piece.score.tempos[0].mspq == (400_000 if waltz else 500_000)
    assert model.sample(notes=4, seed=1, meter=(3, 4)).melody.pickup == 24
    assert model.sample(notes=4, seed=1, tempo=90).score.tempos[0].qpm == pytest.approx(90, 1e-4)


def test_a_prompt_is_kept_whole_and_not_counted(model, tmp_path):
    prompt = PitchDurationEncoding().decode(([0, 64, 66, 2, 68, 1], [0, 12, 12, 8, 12, 0]))
    path = write_midi(prompt, tmp_path / "prompt.mid")
    for music in (prompt, path, path.read_bytes()):
        piece = model.sample(notes=10, seed=2, prompt=music)
        notes = list(piece.score.tracks[0].notes)
        assert notes[:3] == list(prompt.tracks[0].notes)
        assert len(notes) == 13
        assert piece.new_notes == 10
        assert piece.prompt_events == 5
        assert len(piece.log_likelihoods) == len(piece.melody) - 5
        assert piece.attention.shape[1:] == (len(piece.melody) - 5, len(piece.melody) - 1)
    # What follows a prompt has the likelihood of what follows it in the whole piece.
    outputs, targets = forward(model, piece.melody)
    rows = np.arange(4, len(piece.melody) - 1)
    for column, name in enumerate(("pitch", "duration")):
        expected = log_softmax(outputs[name])[rows, targets[name][4:]]
        np.testing.assert_allclose(piece.log_likelihoods[:, column], expected, atol=2e-5)


@pytest.mark.parametrize("drums", [False, True])
def test_a_prompt_has_notes_of_a_pitch(model, drums):
    prompt = line([60, 62] if drums else [])
    for track in prompt.tracks:
        track.is_drum = drums
    what = "no notes but those of drums" if drums else "no notes"
    with pytest.raises(ValueError, match=rf"^prompt has {what}\. Give music with a melody\.$"):
        model.sample(notes=4, prompt=prompt)


def test_a_piece_is_signed(model, monkeypatch):
    monkeypatch.setattr(model, "name", "mine")
    piece = model.sample(notes=4, seed=2)
    assert piece.model == "mine"
    [marker] = read_midi(midi_bytes(piece)).markers
    assert (marker.time, marker.text) == (0, "musegen: mine, seed 2")


def test_a_prompt_that_does_not_fit_is_snapped_and_reported(model):
    prompt = PitchDurationEncoding().decode(([0, 64, 66, 1], [0, 12, 12, 0]))
    prompt = prompt.resample(480)
    prompt.tracks[0].notes[1].time += 3
    coarse = make(encoding=PitchDurationEncoding(durations=(12, 24, 48)))
    piece = coarse.sample(notes=5, seed=1, prompt=prompt)
    assert piece.prompt_report.off_grid == 1
    odd = PitchDurationEncoding().decode(([0, 64, 66, 1], [0, 7, 12, 0]))  # 9 steps, then 24
    piece = coarse.sample(notes=5, seed=1, prompt=odd)
    assert piece.prompt_report.snapped == 1
    assert [n.pitch for n in piece.score.tracks[0].notes][:2] == [60, 62]


def test_bars_after_a_prompt_count_the_bar_it_has_begun(model):
    prompt = PitchDurationEncoding().decode(([0, 64, 66, 1], [0, 12, 12, 0]))  # half a bar
    piece = model.sample(bars=2, seed=3, prompt=prompt)
    assert 96 < model.encoding.steps[piece.melody.durations].sum() <= 2 * 96


def test_the_most_notes_drawn_are_in_the_midi_range(model):
    for piece in model.sample(notes=40, seed=9, count=20, temperature=100):
        pitches = piece.melody.pitches[piece.melody.pitches >= FIRST_PITCH] - FIRST_PITCH
        assert pitches.min() >= 0 and pitches.max() <= 127
