"""Likelihood: each figure by hand, and the costs of a model by another formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from contract import tiny_lstm

from musegen.encoding import Melody, PitchDurationEncoding
from musegen.evaluation.likelihood import event_costs, likelihood
from musegen.evaluation.ngram_models import MelodyNGram

pytestmark = pytest.mark.usefixtures("uncompiled")

ENCODING = PitchDurationEncoding(durations=(6, 12, 24, 36))


def melody(*events):
    """A melody of (pitch id, duration id) between its start and its end."""
    pitches, durations = zip((0, 0), *events, (1, 0), strict=True)
    return Melody(np.array(pitches), np.array(durations))


def random_melodies(count, seed=0):
    random = np.random.default_rng(seed)
    return [
        melody(*zip(random.integers(2, 132, n), random.integers(1, 5, n), strict=True))
        for n in random.choice([0, 3, 17], count)  # each new length is compiled anew
    ]


@pytest.fixture(scope="module")
def model():
    model = tiny_lstm(encoding=ENCODING)
    for weight in model.weights:  # far from a uniform guess
        weight.assign(2 * weight)
    return model


@pytest.fixture
def fixed_costs(monkeypatch):
    """A model whose costs are told: likelihood() has only to add them up."""
    ngram = MelodyNGram(ENCODING)

    def use(*costs):
        told = [np.array(piece, np.float64).reshape(-1, 2) for piece in costs]
        monkeypatch.setattr(ngram, "costs", lambda melodies: told)
        return ngram

    return use


def test_means_by_hand(fixed_costs):
    first = melody((64, 1), (64, 1), (2, 1), (66, 1), (3, 1), (66, 1), (64, 2))
    second = melody((70, 1))
    told = (
        # The first note, a repeat, a rest, a move over the rest, a tie, a repeat, a move, the end.
        [[3, 1], [1, 0], [1, 1], [4, 2], [0, 0], [1, 1], [2, 3], [0, 0]],
        [[6, 2], [1, 1]],
    )
    result = likelihood(fixed_costs(*told), [first, second])
    assert (result.events, result.pieces) == (10, 2)
    assert result.pitch == pytest.approx((12 + 7) / 10)
    assert result.duration == pytest.approx((8 + 3) / 10)
    assert result.total == pytest.approx(3.0)
    assert result.piece_mean == pytest.approx((20 / 8 + 10 / 2) / 2)
    assert result.moves == 2
    assert (result.moving_pitch, result.moving_duration) == (3.0, 2.5)
    assert result.moving_total == 5.5
    # Sums of 20 and 10 where 3 an event would be 24 and 6: sqrt(2 / 1 * (16 + 16)) / 10.
    assert result.standard_error == pytest.approx(0.8)
    assert str(result).startswith("3.000 nats per event (pitch 1.900, duration 1.100) over 10")


def test_what_there_is_nothing_of_is_nan(fixed_costs):
    result = likelihood(fixed_costs([[1, 1], [1, 1]]), [melody((64, 1))])
    assert math.isnan(result.standard_error)
    assert result.moves == 0 and math.isnan(result.moving_total)
    assert result.piece_mean == 2


def test_the_standard_error_is_that_of_drawing_pieces_again(fixed_costs):
    random = np.random.default_rng(0)
    lengths = random.integers(5, 60, 200)
    told = [random.gamma(2, 1, (n + 1, 2)) + random.random() for n in lengths]
    pieces = [melody(*[(64, 1)] * n) for n in lengths]
    stated = likelihood(fixed_costs(*told), pieces).standard_error
    sums = np.array([costs.sum() for costs in told])
    again = random.integers(0, 200, (4000, 200))
    totals = sums[again].sum(axis=1) / (lengths + 1)[again].sum(axis=1)
    assert stated == pytest.approx(totals.std(), rel=0.1)


def test_costs_of_a_neural_model_are_those_of_its_logits(model):
    """One piece at a time, by another formula, in the order of the pieces."""
    pieces = random_melodies(21)
    costs = event_costs(model, pieces)
    for piece, found in zip(pieces, costs, strict=True):
        inputs, targets = model.event_ids(piece)
        scores = model.predict_on_batch({name: ids[None] for name, ids in inputs.items()})
        assert found.shape == (len(piece) - 1, 2) and found.dtype == np.float64
        for column, name in enumerate(("pitch", "duration")):
            powers = np.exp(scores[name][0].astype(np.float64))
            chosen = powers[np.arange(len(piece) - 1), targets[name]] / powers.sum(axis=-1)
            np.testing.assert_allclose(found[:, column], -np.log(chosen), atol=2e-5)
    flat = np.concatenate(costs)
    result = likelihood(model, pieces)
    assert (result.pitch, result.duration) == pytest.approx(tuple(flat.mean(axis=0)))
    assert result.events == len(flat)


def test_a_piece_without_events_costs_nothing(model):
    start = Melody(np.array([0]), np.array([0]))
    pieces = [start, *random_melodies(2)]
    assert [len(costs) for costs in event_costs(model, pieces)] == [len(p) - 1 for p in pieces]
    result, others = likelihood(model, pieces), likelihood(model, pieces[1:])
    assert result.total == pytest.approx(others.total, abs=1e-6)
    assert result.piece_mean == pytest.approx(others.piece_mean, abs=1e-6)
    with pytest.raises(ValueError, match="no event after a start"):
        likelihood(model, [start])


def test_nothing_to_measure_on_is_refused(model):
    for measure in (likelihood, event_costs):
        with pytest.raises(ValueError, match=r"pieces=\[\]: give .* at least one"):
            measure(model, [])
