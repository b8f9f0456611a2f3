"""A model of voices by its likelihoods: exact, of the past alone, told what is given."""

from __future__ import annotations

import json

import numpy as np
import pytest
from keras import ops
from voices import random_voices, small_model

from musegen.checkpoint import save_checkpoint
from musegen.encoding import Voices
from musegen.encoding import voice_history as vh
from musegen.encoding.given import given
from musegen.loading import load_checkpoint
from musegen.models import VoiceModel
from musegen.models.voice_candidates import VoiceCandidates
from musegen.models.voice_graph import ORDERS
from musegen.networks import GRID_NETWORKS
from musegen.training.voice_windows import VoiceWindows, draw_given

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:.*run_functions_eagerly"),
]


@pytest.fixture(autouse=True)
def little_padding(monkeypatch):
    """Eagerly, each position takes its time."""
    monkeypatch.setattr("musegen.training.voice_windows.LENGTH_STEP", 8)


def predicted(model, pieces, told=None):
    """Log-probabilities of the symbols of pieces of one length, `(piece, step, voice, symbol)`."""
    told = [None] * len(pieces) if told is None else told
    windows = VoiceWindows(pieces, model, len(pieces), 4096, told=told)
    inputs, _ = windows[0]
    found = model(inputs, training=False)
    symbol = ops.convert_to_numpy(found["symbol"]).transpose(1, 2, 0, 3)
    return symbol, ops.convert_to_numpy(found["end"])


GRIDS = [{"network": name} for name in GRID_NETWORKS]


@pytest.mark.parametrize(
    "settings", [{}, {"copy": False}, {"candidates": False}, {"voices": 2}, *GRIDS]
)
def test_probabilities_add_up_to_1(settings):
    model = small_model(**settings)
    music = random_voices(np.random.default_rng(0), 12, model.encoding.voices)
    symbol, end = predicted(model, [music])
    assert np.allclose(np.exp(symbol).sum(-1), 1, atol=1e-5)
    assert np.allclose(np.exp(end).sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [*({"order": order} for order in ORDERS), *({**one, "order": "outer"} for one in GRIDS)],
)
def test_a_voice_sees_steps_before_and_voices_before_it_and_nothing_else(settings):
    model, random = small_model(**settings), np.random.default_rng(1)
    rank = np.argsort(model.written)
    music = random_voices(random, 9)
    changed = []
    for _ in range(40):
        step, voice = int(random.integers(9)), int(random.integers(4))
        pitches, struck = music.pitches.copy(), music.struck.copy()
        pitches[step, voice] = random.integers(40, 80)
        struck[step, voice] = ~struck[step, voice]
        changed.append((step, voice, Voices(pitches, struck)))
    symbol, end = predicted(model, [music, *(one for *_, one in changed)])
    seen = []
    for row, (step, voice, _) in enumerate(changed, start=1):
        differs = np.abs(symbol[row] - symbol[0]).max(-1)[:10] > 1e-5
        later = np.arange(10)[:, None] > step
        after = (np.arange(10)[:, None] == step) & (rank > rank[voice])
        assert not (differs & ~(later | after)).any()
        assert np.abs(end[row] - end[0])[: step + 1].max() < 1e-5
        seen.append(differs[later | after])
        if step < 9:
            assert np.abs(end[row] - end[0])[step + 1].max() > 1e-7
    assert np.concatenate(seen).mean() > 0.95


def test_what_is_given_is_seen_whole_and_what_is_not_never_ahead():
    model, random = small_model(), np.random.default_rng(2)
    music = random_voices(random, 9)
    mask = np.zeros((9, 4), bool)
    mask[:, 0] = mask[6, 2] = True
    pieces, cells = [music], []
    for _ in range(30):
        step, voice = int(random.integers(9)), int(random.integers(4))
        pitches = music.pitches.copy()
        pitches[step, voice] = random.integers(40, 80)
        pieces.append(Voices(pitches, music.struck))
        cells.append((step, voice))
    symbol, _ = predicted(model, pieces, [given(piece, mask) for piece in pieces])
    for row, (step, voice) in enumerate(cells, start=1):
        differs = np.abs(symbol[row] - symbol[0]).max(-1)[:9] > 1e-5
        if mask[step, voice]:
            assert differs[0].any()  # the first step knows of it
        else:
            free = ~mask & (np.arange(9)[:, None] < step)
            assert not (differs & free).any()


def test_costs_are_of_whole_pieces_and_what_is_given_costs_nothing():
    model, random = small_model(), np.random.default_rng(3)
    pieces = [random_voices(random, steps) for steps in (5, 20, 1)]
    together = model.costs(pieces)
    for piece, costs in zip(pieces, together):
        assert costs.shape == piece.pitches.shape
        symbol, end = predicted(model, [piece])
        known = {n: v[:-1] for n, v in vh.histories(piece.pitches, piece.struck).items()}
        own = vh.symbols(known, piece.pitches.astype(int), piece.struck, np)
        by_hand = -np.take_along_axis(symbol[0, : len(piece)], own[..., None], -1)[..., 0]
        assert np.allclose(costs, by_hand, atol=1e-4)
        ends = model.end_costs([piece])[0]
        assert np.isclose(ends[-1], -end[0, len(piece), 1], atol=1e-5)
    mask = random.random(pieces[0].pitches.shape) < 0.5
    costs = model.costs(pieces[:1], [given(pieces[0], mask)])[0]
    assert (costs[mask] == 0).all() and (costs[~mask] > 0).all()


@pytest.mark.slow
def test_the_same_intervals_cost_the_same_in_every_key_but_for_the_range():
    """Of a model that does not look at heights: what depends on them is zero."""
    model = small_model()
    model.judge.range.assign(ops.zeros_like(model.judge.range))
    heights = [*vh.voice_feature_sizes(4).values()]
    table = np.array(model.cell.get_weights()[0])
    table[sum(heights[:-1]) : sum(heights)] = 0
    model.cell.table.assign(table)
    music = random_voices(np.random.default_rng(4), 24, rests=0)
    base, *others = (model.costs([music.transpose(by)])[0] for by in (0, 5, -13))
    for other in others:
        assert np.allclose(base[1:], other[1:], atol=1e-4)


def test_candidates_are_scored_by_what_they_would_be():
    """Against loops over candidates, voices and keys."""
    voices, random = 3, np.random.default_rng(5)
    layer = VoiceCandidates(voices)
    layer.build()
    for weight in layer.trainable_variables:
        weight.assign(random.standard_normal(weight.shape))
    motion, span = layer.get_weights()
    count = 6
    scores = random.standard_normal((count, layer.size)).astype(np.float32)
    voice, center = random.integers(0, voices, count), random.integers(20, 100, count)
    apart, was = random.integers(0, 13, (2, count, voices))
    moves, degrees = random.integers(0, 3, (count, voices)), random.integers(0, 13, (count, 3))
    facts = np.concatenate([apart, was, moves, degrees], axis=1)
    arguments = (one.astype(np.int32) for one in (voice, center, facts))
    found = ops.convert_to_numpy(layer(scores, *arguments))
    for row in range(count):
        for symbol in range(vh.SYMBOLS):
            if symbol == vh.REST:
                assert found[row, symbol] == 0
                continue
            move = 0 if symbol == vh.HOLD else (symbol - vh.FIRST + 64) % 128 - 64
            total = span[voice[row], np.clip(center[row] + move, 0, 127)]
            for other in range(voices):
                if apart[row, other] < 12:
                    interval = (move - apart[row, other]) % 12
                    total += scores[row, 12 * other + interval]
                    pair = voice[row] * voices + other
                    place = pair * 39 + was[row, other] * 3 + moves[row, other]
                    total += motion[place, interval * 3 + np.sign(move) + 1]
            for key in range(3):
                if degrees[row, key] < 12:
                    degree = (degrees[row, key] + move) % 12
                    total += scores[row, 12 * (voices + key) + degree]
            assert np.isclose(found[row, symbol], total, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, *GRIDS])
def test_a_checkpoint_holds_the_model(settings, tmp_path):
    model = small_model(openings=[(4, 4, 4, 500_000, 3)], ranges=[(60, 80)] * 4, **settings)
    assert len(model.saved_weights) == len(model.weights)  # each name stands for one
    save_checkpoint(model, tmp_path / "model.safetensors")
    again = load_checkpoint(tmp_path / "model.safetensors")
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    music = random_voices(np.random.default_rng(6), 8)
    assert np.array_equal(model.costs([music])[0], again.costs([music])[0])


def test_windows_charge_everything_once_and_nothing_that_is_given():
    random, model = np.random.default_rng(8), small_model()
    pieces = [random_voices(random, steps) for steps in (40, 7, 25)]
    windows = VoiceWindows(pieces, model, 2, 16, shuffle=True, seed=3)
    windows.start_epoch(2)
    batches = [windows[i] for i in range(windows.num_batches)]
    cells = sum(np.count_nonzero(targets["cells"]) for _, targets in batches)
    assert cells == windows.events == 4 * (40 + 7 + 25)
    assert sum(np.count_nonzero(targets["ends"]) for _, targets in batches) == 40 + 7 + 25 + 3
    assert sum(int(targets["end"].sum()) for _, targets in batches) == 3
    total = sum(float(targets["cells"].sum()) for _, targets in batches)
    assert np.isclose(total, windows.num_batches)
    windows = VoiceWindows(pieces, model, 2, 64, given=1.0, seed=3)
    for index in range(windows.num_batches):
        inputs, targets = windows[index]
        assert not (targets["cells"][inputs["mask"] > 0]).any()


def test_what_is_given_in_training_is_of_every_kind():
    random = np.random.default_rng(9)
    music = random_voices(random, 24)
    masks = [draw_given(music, random) for _ in range(300)]
    kinds = {
        "nothing": sum(not mask.any() for mask in masks),
        "highest": sum(mask[:, 0].all() and not mask[:, 1:].any() for mask in masks),
        "all but some": sum(mask.any() and mask.mean() > 0.5 for mask in masks),
    }
    assert min(kinds.values()) > 20
    assert not any(mask.all() for mask in masks)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"order": "up"}, "order='up'"),
        ({"network": "encoder-decoder"}, "encoder of its own"),
        ({"width": 0}, "width=0"),
        ({"ranges": [(1, 200)]}, "ranges"),
    ],
)
def test_what_makes_no_model_is_refused_in_a_sentence(settings, words):
    with pytest.raises(ValueError, match=words):
        VoiceModel(**settings)
