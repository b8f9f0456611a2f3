"""The heads of a model of melodies: a softmax mixed with copying, by hand and by plain Python."""

from __future__ import annotations

import math
from typing import NamedTuple

import keras
import numpy as np
import pytest
from keras import ops

from musegen.models import relations as module
from musegen.models.heads import SymbolHead
from musegen.models.relations import BARS, LEAP, MATCHES, NOTES, Past, relations
from musegen.sampling.loop import _draw, gumbel_of

SYMBOLS, WIDTH = 6, 3


class Piece(NamedTuple):
    """What a head is given, `(batch, time)` each; inputs are `(batch, time, width)`."""

    inputs: np.ndarray
    following: np.ndarray
    token: np.ndarray
    note: np.ndarray
    position: np.ndarray
    bar: np.ndarray

    @property
    def related(self):
        return relations(*self[2:])


def random_piece(seed, batch=3, time=24, tokens=2):
    """Few tokens and places, so that many are equal; ids of symbols and notes beyond the last."""
    random = np.random.default_rng(seed)
    size = batch, time
    ids = (
        random.integers(0, SYMBOLS + 1, size),
        random.integers(0, tokens, size),
        np.where(random.random(size) < 0.2, NOTES, random.integers(0, NOTES, size)),
        random.integers(0, 3, size),
        np.minimum(np.cumsum(random.choice([0, 1, 1, 20], size), axis=1), BARS - 1),
    )
    inputs = random.standard_normal((*size, WIDTH)).astype(np.float32)
    return Piece(inputs, *(values.astype(np.int32) for values in ids))


def head_of(copying=MATCHES, seed=None, hidden=0, **weights):
    """A head whose weights are drawn, or 0; `weights` says otherwise, by name."""
    head = SymbolHead(SYMBOLS, copying=copying, size=2, hidden=hidden, name="head")
    head.build((None, None, WIDTH))
    random = np.random.default_rng(seed)
    for weight in head.weights:
        drawn = random.standard_normal(weight.shape)
        weight.assign(np.zeros(weight.shape) if seed is None else drawn)
    for name, values in weights.items():
        weight = next(one for one in head.weights if one.name == name)
        weight.assign(np.broadcast_to(values, weight.shape))
    return head


def table(size, values):
    """An array of zeros but for `values`, by place."""
    found = np.zeros(size)
    for place, value in values.items():
        found[place] = value
    return found


def whole(head, piece):
    return np.array(head(piece.inputs, piece.following, piece.related))


def by_steps(head, piece, possible=None):
    """The same one position after the other; `possible` is the same for all."""
    batch, time = piece.following.shape
    past, state, maps = (
        Past.initial_state(batch, time),
        head.initial_state(batch, time),
        head.maps(),
    )
    found = []
    for t in range(time):
        past, related = Past.step(
            past, tuple(ops.convert_to_tensor(ids[:, t]) for ids in piece[2:])
        )
        scores, state = head.step(piece.inputs[:, t], state, related, (), possible, maps)
        found.append(np.array(scores))
        state = head.followed(state, ops.convert_to_tensor(piece.following[:, t]), t)
    return np.stack(found, axis=1)


def equal_events(token, t, s, most):
    """How many of the events that end with t equal those that end with s, counted one by one."""
    count = 0
    while count < most and s - count >= 0 and token[t - count] == token[s - count]:
        count += 1
    return count


def plain(head, piece, window, copying=MATCHES):
    """The formula of the module in plain Python: probabilities `(batch, time, symbols)`."""
    w = {weight.name: weight.numpy().astype(np.float64) for weight in head.weights}
    inputs, size = piece.inputs.astype(np.float64), head.size
    batch, time = piece.following.shape
    found = np.zeros((batch, time, SYMBOLS))
    for b in range(batch):
        following, token, note, position, bar = (ids[b].tolist() for ids in piece[1:])
        for t in range(time):
            x = inputs[b, t]
            chances = np.exp(x @ w["kernel"] + w["bias"])
            query, _, sentinel = np.split(x @ w["copy_kernel"] + w["copy_bias"], [size, 2 * size])
            sentinel = math.exp(sentinel.item())
            weights = {}
            for s in range(max(0, t - window), t):
                if following[s] >= SYMBOLS:
                    continue
                key = (inputs[b, s] @ w["copy_kernel"] + w["copy_bias"])[size : 2 * size]
                score = query @ key / math.sqrt(size) + w["distance"][t - s]
                score += w["match"][: equal_events(token, t, s, copying)].sum()
                if note[t] < NOTES and note[s] < NOTES:
                    score += w["leap"][min(max(note[t] - note[s], -LEAP), LEAP) + LEAP]
                bars = bar[t] - bar[s]
                score += w["bars"][bars] + w["same_place"][bars] * (position[t] == position[s])
                weights[s] = math.exp(score)
            total = sentinel + sum(weights.values())
            found[b, t] = sentinel / total * chances / chances.sum()
            for s, weight in weights.items():
                found[b, t, following[s]] += weight / total
    return found


# === By hand ===


def test_copying_by_hand():
    """Attention of 2 to 1: two thirds are copied, and of the softmax a third is left."""
    head = head_of(distance=math.log(2))
    piece = random_piece(0, batch=1, time=2)._replace(following=np.array([[3, 0]], np.int32))
    first, second = np.exp(whole(head, piece))[0]
    assert first == pytest.approx([1 / 6] * 6)
    assert second == pytest.approx([1 / 18, 1 / 18, 1 / 18, 13 / 18, 1 / 18, 1 / 18])


def test_what_followed_several_positions_is_copied_from_all():
    """Two back counts 3, one back 2, the sentinel 1; the softmax 1, 1, 1, 1, 1, 3 of 8."""
    head = head_of(
        distance=table(module.WINDOW + 1, {1: math.log(2), 2: math.log(3)}),
        bias=table(SYMBOLS, {5: math.log(3)}),
    )
    piece = random_piece(0, batch=1, time=3)
    for following, expected in (
        ((1, 4, 0), [1, 25, 1, 1, 17, 3]),  # in parts of 48: 3/6 are 24, 2/6 are 16
        ((4, 4, 0), [1, 1, 1, 1, 41, 3]),
        ((5, 4, 0), [1, 1, 1, 1, 17, 27]),
    ):
        piece = piece._replace(following=np.array([following], np.int32))
        assert np.exp(whole(head, piece))[0, 2] == pytest.approx(np.array(expected) / 48)


RELATED = {  # by term: its table, and how the last of three positions is related to those before
    "match": (table(MATCHES, {0: math.log(2), 1: math.log(3)}), [1, 6]),
    "leap": (table(2 * LEAP + 1, {LEAP - 3: math.log(5), 2 * LEAP: math.log(7)}), [7, 5]),
    "bars": (table(BARS, {1: math.log(2), 63: math.log(3)}), [3, 2]),
    "same_place": (table(BARS, {1: math.log(2), 63: math.log(3)}), [3, 1]),
    "query": (None, [math.exp(2 / math.sqrt(2)), math.exp(-6 / math.sqrt(2))]),
}


@pytest.mark.parametrize("term", RELATED)
@pytest.mark.parametrize("run", [whole, by_steps])
def test_each_term_of_the_score_by_hand(term, run):
    """The last three of four positions; the first was followed by what is not copied."""
    values, parts = RELATED[term]
    weights = {term: values}
    if term == "query":  # the query is (2 x, 0), the keys are (x, 0) of x = 1, -3, 1
        weights = {"copy_kernel": table((3, 5), {(0, 0): 2, (0, 2): 1})}
    inputs = np.zeros((1, 4, WIDTH), np.float32)
    inputs[0, :, 0] = 1, 1, -3, 1
    piece = Piece(
        inputs,
        *np.array(
            [
                [[SYMBOLS, 0, 1, 2]],
                [[1, 3, 1, 1]],  # equal: the last two, and before the third the second is not
                [[NOTES, 20, 63, 60]],  # 40 up is as 24; 3 down
                [[0, 24, 0, 24]],
                [[0, 0, 62, 63]],
            ],
            np.int32,
        ),
    )
    if term == "match":  # with the first's token after the second's, two events are equal
        piece = piece._replace(token=np.array([[5, 3, 5, 5]], np.int32))
        parts = [1, 2]
    copied = np.array(parts) / (sum(parts) + 1)
    found = np.exp(run(head_of(**weights), piece))[0, 3]
    rest = (1 - copied.sum()) / SYMBOLS
    assert found == pytest.approx([rest + copied[0], rest + copied[1], *[rest] * 4], rel=1e-5)


def test_equal_events_are_counted_by_hand():
    token = np.array([[7, 1, 2, 7, 1, 2, 2]], np.int32)
    zeros = np.zeros_like(token)
    found = np.sum(np.array(relations(token, zeros, zeros, zeros).matches), axis=0)[0]
    assert found[3].tolist()[:3] == [1, 0, 0]
    assert found[4].tolist()[:4] == [0, 2, 0, 0]
    assert found[5].tolist()[:5] == [0, 0, 3, 0, 0]
    assert found[6].tolist()[:6] == [0, 0, 1, 0, 0, 1]


# === Whole sequences and steps ===


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("window", [8, 512])
def test_it_is_the_formula_whole_and_step_by_step(seed, window, monkeypatch):
    """The ring of 8 is written three times over by the 24 positions."""
    monkeypatch.setattr(module, "WINDOW", window)
    head, piece = head_of(seed=seed), random_piece(seed + 10)
    expected = plain(head, piece, window)
    for run in (whole, by_steps):
        found = np.exp(run(head, piece))
        np.testing.assert_allclose(found, expected, atol=5e-6)
        np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_equal_events_are_counted_in_the_ring_as_in_the_whole(monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 8)
    for seed, tokens in enumerate((1, 2, 2, 3)):
        piece = random_piece(seed, batch=4, time=40, tokens=tokens)
        counts = np.sum(np.array(piece.related.matches), axis=0)
        past, highest = Past.initial_state(4, 40), 0
        for t in range(40):
            past, related = Past.step(
                past, tuple(ops.convert_to_tensor(ids[:, t]) for ids in piece[2:])
            )
            far, found = np.array(related.distance), np.array(related.counts)
            assert sorted(far[far > 0].tolist()) == list(range(1, min(t, 8) + 1))
            for slot in np.flatnonzero(far):
                s = t - far[slot]
                for b, token in enumerate(piece.token.tolist()):
                    expected = equal_events(token, t, s, MATCHES)
                    assert (found[b, slot], counts[b, t, s]) == (expected, expected)
                    highest = max(highest, expected)
        assert highest > 2


@pytest.mark.parametrize("run", [whole, by_steps])
@pytest.mark.parametrize(("copying", "hidden"), [(0, 0), (0, 5), (MATCHES, 5)])
def test_probabilities_sum_to_1(run, copying, hidden):
    for seed in range(3):
        head = head_of(copying, seed=seed, hidden=hidden)
        found = (
            run(head, random_piece(seed)) if copying else np.array(head(random_piece(seed).inputs))
        )
        np.testing.assert_allclose(np.exp(found).sum(axis=-1), 1, atol=1e-5)


def test_without_copying_it_is_a_softmax():
    head, inputs = head_of(0, seed=1, hidden=5), random_piece(1).inputs
    w = {weight.name: weight.numpy().astype(np.float64) for weight in head.weights}
    x = np.maximum(inputs.astype(np.float64) @ w["hidden_kernel"] + w["hidden_bias"], 0)
    logits = x @ w["kernel"] + w["bias"]
    expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(np.array(head(inputs)), expected, atol=1e-5)
    np.testing.assert_allclose(
        head.step(inputs[:, 3], {}, None, (), None, head.maps())[0], expected[:, 3], atol=1e-5
    )


# === What copying sees ===


def test_it_is_causal():
    head, piece = head_of(seed=5), random_piece(5)
    before = whole(head, piece)
    for t in (0, 7, 22):
        other = random_piece(99)
        mixed = Piece(
            *(np.concatenate([a[:, : t + 1], b[:, t + 1 :]], 1) for a, b in zip(piece, other))
        )
        # What follows t is not known at t.
        following = np.concatenate([piece.following[:, :t], other.following[:, t:]], axis=1)
        after = whole(head, mixed._replace(following=following))
        np.testing.assert_allclose(after[:, : t + 1], before[:, : t + 1], atol=1e-6)
        assert np.abs(after[:, t + 1 :] - before[:, t + 1 :]).max() > 0.01


@pytest.mark.parametrize("run", [whole, by_steps])
def test_what_is_no_symbol_is_never_copied(run):
    head, piece = head_of(seed=6, copy_bias=[0, 0, 0, 0, -9]), random_piece(6)
    none = piece._replace(following=np.full_like(piece.following, SYMBOLS))
    alone = head_of(0, kernel=head.kernel, bias=head.bias)
    np.testing.assert_allclose(run(head, none), np.array(alone(piece.inputs)), atol=1e-5)
    # Where only the first position is followed by a symbol, that is all that is copied.
    only = none.following.copy()
    only[:, 0] = 2
    found, softmax = np.exp(run(head, piece._replace(following=only))), np.exp(alone(piece.inputs))
    assert (np.delete(found, 2, axis=-1) < 1.00001 * np.delete(softmax, 2, axis=-1)).all()
    assert (found[:, 1:, 2] > softmax[:, 1:, 2]).all()


def test_what_cannot_be_has_no_part():
    """Symbols 0 and 5 can be; 1, which followed the second one, is neither drawn nor copied."""
    head = head_of()
    piece = random_piece(0, batch=1, time=3)._replace(following=np.array([[0, 1, 0]], np.int32))
    possible = np.isin(np.arange(SYMBOLS), (0, 5))
    expected = [[1 / 2, 1 / 2], [3 / 4, 1 / 4], [3 / 4, 1 / 4]] @ np.eye(SYMBOLS)[[0, 5]]
    found = np.exp(head(piece.inputs, piece.following, piece.related, (), possible))[0]
    assert found == pytest.approx(expected)
    assert np.exp(by_steps(head, piece, possible))[0] == pytest.approx(found, abs=1e-6)


def test_scores_without_bound_are_still_a_distribution():
    head, piece = head_of(distance=1e6), random_piece(3)
    for run in (whole, by_steps):
        found = np.exp(run(head, piece))
        np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def copied_of(head, piece):
    """How much of symbol 0 is copied from where, if that followed each position."""
    zeros = 0 * piece.following
    return np.array(head.copied(zeros, piece.inputs, zeros, piece.related, (), None))


def test_nothing_is_copied_from_beyond_the_window_or_the_future(monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 5)
    rows = copied_of(head_of(seed=7), random_piece(7))
    t, s = np.indices((24, 24))
    assert ((rows > 0) == ((s < t) & (t - s <= 5))).all()
    assert (rows.sum(axis=-1) < 1).all()


def test_at_first_copying_has_a_small_part():
    """A sentinel of e^3 against one position of e^0, the queries being small."""
    keras.utils.set_random_seed(0)
    head, piece = SymbolHead(SYMBOLS, copying=MATCHES), random_piece(8)
    head.build((None, None, WIDTH))
    piece = piece._replace(inputs=0 * piece.inputs)
    odds = math.exp(-3)
    assert copied_of(head, piece)[:, 1, 0] == pytest.approx(odds / (odds + 1 / 6), rel=1e-5)


def test_only_training_drops():
    keras.utils.set_random_seed(0)
    head = SymbolHead(SYMBOLS, hidden=50, dropout=0.5)
    head.build((None, None, WIDTH))
    inputs = np.ones((2, 4, WIDTH), np.float32)
    np.testing.assert_array_equal(head(inputs), head(inputs, training=False))
    dropped = np.array(head(inputs, training=True))
    assert np.abs(dropped - head(inputs)).max() > 1e-3
    # The same at all steps of a sequence, another in the other one.
    np.testing.assert_allclose(dropped[:, 1:], dropped[:, :-1], atol=1e-6)
    assert np.abs(dropped[0] - dropped[1]).max() > 1e-3


# === Draws from the mixture ===


def draws(logs, count=40_000, temperature=1.0, top_k=None, top_p=None):
    """How often each symbol is drawn."""
    uniform = np.random.default_rng(0).random((count, SYMBOLS), np.float32)
    rows = ops.convert_to_tensor(np.broadcast_to(logs, uniform.shape))
    allowed = ops.ones((1, SYMBOLS), "bool")
    noise = gumbel_of(ops.convert_to_tensor(uniform))
    ids = _draw(rows, allowed, noise, temperature, top_k, top_p)
    return np.bincount(np.array(ids), minlength=SYMBOLS) / count


def test_temperature_and_cuts_apply_to_the_mixture():
    """The softmax has 1, 2, 3, 4, 5, 6 parts of 21; half is copied, and all of that symbol 0."""
    head = head_of(bias=np.log(np.arange(1, 7)))
    piece = random_piece(0, batch=1, time=2)._replace(following=np.zeros((1, 2), np.int32))
    logs = whole(head, piece)[0, 1]
    mixed = np.array([22, 2, 3, 4, 5, 6]) / 42
    assert np.exp(logs) == pytest.approx(mixed)
    assert draws(logs, temperature=0.0).tolist() == [1, 0, 0, 0, 0, 0]
    assert draws(logs, top_k=1).tolist() == [1, 0, 0, 0, 0, 0]
    for found, expected in (
        (draws(logs), mixed),
        (draws(logs, temperature=0.5), mixed**2 / (mixed**2).sum()),
        (draws(logs, top_k=3), np.array([22, 0, 0, 0, 5, 6]) / 33),
        (draws(logs, top_p=0.6), np.array([22, 0, 0, 0, 0, 6]) / 28),
        (
            draws(logs, temperature=2.0, top_k=2),
            np.array([22**0.5, 0, 0, 0, 0, 6**0.5]) / (22**0.5 + 6**0.5),
        ),
    ):
        assert (found[expected == 0] == 0).all()
        assert found == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 40_000))
