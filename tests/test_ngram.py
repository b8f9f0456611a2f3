"""The n-gram: its probabilities, by a second implementation; that it peeks at nothing."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest

from musegen.encoding import Melody, PitchDurationEncoding
from musegen.evaluation.likelihood import event_costs, likelihood
from musegen.evaluation.ngram import NGram
from musegen.evaluation.ngram_models import MelodyNGram, VoicesNGram

ENCODING = PitchDurationEncoding(durations=(6, 12, 24, 36))


def random_melodies(count, seed=0, longest=30):
    """Walks with rests, ties and repeats; the shortest has no event but the end."""
    random = np.random.default_rng(seed)
    melodies = []
    for index in range(count):
        length = 0 if index == 0 else int(random.integers(1, longest))
        pitches = 64 + np.cumsum(random.integers(-2, 3, length))
        other = random.random(length)
        pitches = np.where(other < 0.1, 2, np.where(other < 0.15, 3, pitches))
        durations = random.integers(1, 5, length)
        melodies.append(
            Melody(
                np.array([0, *pitches, 1]),
                np.array([0, *durations, 0]),
                meters=((0, 3, 4),) if index % 3 == 0 else ((0, 4, 4),),
                pickup=int(index % 2) * 24,
            )
        )
    return melodies


def random_voices(count, seed=0, voices=4):
    """Walks of held pitches with rests."""
    random = np.random.default_rng(seed)
    pieces = []
    for _ in range(count):
        steps = int(random.integers(1, 40))
        moves = random.integers(-2, 3, (steps, voices)) * (random.random((steps, voices)) < 0.4)
        pitches = [72, 67, 60, 48][:voices] + np.cumsum(moves, axis=0)
        pieces.append(np.where(random.random((steps, voices)) < 0.05, -1, pitches))
    return pieces


@pytest.fixture(scope="module")
def melody_ngram():
    return MelodyNGram(ENCODING).fit(random_melodies(40), random_melodies(15, seed=1))


@pytest.fixture(scope="module")
def voices_ngram():
    return VoicesNGram().fit(random_voices(20), random_voices(10, seed=1))


def slow_probability(contexts, symbols, train, weights, row, history):
    """By the formula of the module, with dictionaries: one symbol at one row."""
    features, symbol = row
    probability = 1 / symbols
    for context, weight in zip(contexts, weights, strict=True):
        names = context.split()
        rows = history if "piece" in names else train
        followed = Counter(x for f, x in rows if all(f[n] == features[n] for n in names))
        total = sum(followed.values())
        if total:
            often = min(int(math.log2(total)), 13)
            varied = min(math.ceil(math.log2(len(followed))), 4)
            w = weight[1 + 5 * often + varied]
            probability = w * followed[symbol] / total + (1 - w) * probability
    return probability


def test_probabilities_are_those_of_the_formula():
    random = np.random.default_rng(0)
    contexts = ["a", "a b", "piece a"]

    def rows(count):
        return {
            "piece": np.sort(random.integers(0, 5, count)),
            "a": random.integers(0, 3, count),
            "b": random.integers(-2, 4, count),
        }, random.integers(0, 4, count)

    train, validation, test = rows(60), rows(40), rows(50)
    ngram = NGram(contexts, symbols=5).fit(*train, *validation)

    def listed(features, symbols):
        names = list(features)
        values = zip(*(features[name].tolist() for name in names), strict=True)
        return list(zip((dict(zip(names, v, strict=True)) for v in values), symbols, strict=True))

    counted, measured = listed(*train), listed(*test)
    expected = [
        slow_probability(contexts, 5, counted, ngram._weights, row, measured[:index])
        for index, row in enumerate(measured)
    ]
    np.testing.assert_allclose(np.exp(-ngram.costs(*test)), expected, rtol=1e-12)


def test_weights_are_the_likeliest():
    """One context, one bucket: the maximum is found by trying all weights."""
    zeros = np.zeros(8, int)
    train = np.array([0, 0, 0, 0, 0, 1, 1, 1])  # of 8 symbols, 2 different
    validation = np.array([0, 1, 0, 2, 0, 1, 0, 0])
    ngram = NGram(["a"], symbols=4).fit({"a": zeros}, train, {"a": zeros}, validation)
    weights = np.linspace(0, 1, 2001)[:-1]
    share = np.array([5 / 8, 3 / 8, 0, 0])[validation]
    # The fitted weight has half a count for either side, which no other context shares.
    logs = np.log(weights[1:, None] * share + (1 - weights[1:, None]) / 4).sum(axis=1)
    logs += 0.5 * (np.log(weights[1:]) + np.log(1 - weights[1:]))
    best = weights[1:][logs.argmax()]
    fitted = float(ngram._weights[0][1 + 5 * 3 + 1])
    assert fitted == pytest.approx(best, abs=0.02)


def test_it_learns_what_is_certain():
    """A scale up and down by whole notes of one length costs next to nothing."""
    line = np.tile([64, 66, 68, 69, 71, 69, 68, 66], 8)
    melody = Melody(np.array([0, *line, 1]), np.array([0, *np.full(len(line), 3), 0]))
    fitted = MelodyNGram(ENCODING).fit([melody] * 3, [melody] * 3)
    assert likelihood(fitted, [melody]).total < 0.05
    # In another key only the first note is news.
    costs, transposed = fitted.costs([melody, melody.transpose(5)])
    np.testing.assert_allclose(transposed[8:], costs[8:], rtol=1e-12)
    assert transposed[0, 0] > costs[0, 0] + 1


def test_what_a_voice_knows_by_hand():
    """C C D D E over C3 D3 D3 D3 rest; the last step, and the first."""
    piece = np.array([[60, 48], [60, 50], [62, 50], [62, 50], [64, -1]])
    known = VoicesNGram()._features(piece)
    last = {name: values[4].tolist() for name, values in known.items()}
    assert last["voice"] == [0, 1] and last["beat"] == [0, 0]
    assert last["held"] == [2, 3] and last["length1"] == [2, 1] and last["back1"] == [-2, -2]
    # Three C and five D: 3 * 2 + 5 * 3 for G major, 3 * 3 + 5 * 2 for C major.
    assert last["degree"] == [7, 7]
    assert last["now"][0] == last["chord"][0] == 0, "nothing is written before the soprano"
    assert last["now"][1] == 64 - 50 and last["chord"][1] == 1 << (64 - 50) % 12
    assert last["before"] == [0, 0], "D in both"
    assert last["symbol"] == [2 + 1, 0]
    first = {name: values[0].tolist() for name, values in known.items()}
    assert first["degree"] == [-1, -1] and first["length1"] == [0, 0]
    assert first["symbol"] == [0 + 1, (48 - 60) % 128 + 1], "from middle C"


def test_what_a_melody_knows_by_hand():
    """A pickup E, then C, a rest, a tie, and D before the end, in 3/4."""
    melody = Melody(
        np.array([0, 68, 64, 2, 3, 66, 1]),
        np.array([0, 3, 2, 2, 1, 3, 0]),
        meters=((0, 3, 4),),
        pickup=24,
    )
    known = MelodyNGram(ENCODING)._features(melody)
    assert known["kind"].tolist() == [0, 4, 4, 2, 3, 4]
    assert known["note"].tolist() == [1000, 64, 60, 60, 60, 62]
    assert known["new"].tolist() == [4, -4, 1002, 1003, 2, 1001]
    assert known["back1"].tolist() == [1000, 1000, 4, 4, 4, -2]
    assert known["back2"].tolist() == [1000, 1000, 1000, 1000, 1000, 2]
    assert known["length1"].tolist() == [0, 3, 2, 2, 1, 3]
    assert known["length3"].tolist() == [-1, -1, 0, 3, 2, 2]
    assert (known["place"] // 64).tolist() == [48, 0, 12, 24, 30, 54]
    assert known["bar"].tolist() == [0, 1, 1, 1, 1, 1]
    assert known["symbol"].tolist() == [8, 128, 2, 3, 6, 1]


@pytest.mark.parametrize("column", [0, 1])
def test_probabilities_of_all_ids_of_an_event_sum_to_one(melody_ngram, column):
    melody = random_melodies(4, seed=2)[-1]
    ids = ENCODING.pitch_ids if column == 0 else ENCODING.duration_ids
    for event in (1, 2, len(melody) // 2, len(melody) - 1):
        others = []
        for value in range(ids):
            arrays = [melody.pitches.copy(), melody.durations.copy()]
            arrays[column][event] = value
            others.append(Melody(*arrays, meters=melody.meters, pickup=melody.pickup))
        costs = [cost[event - 1, column] for cost in melody_ngram.costs(others)]
        assert np.isfinite(costs).all()
        assert np.exp(-np.array(costs)).sum() == pytest.approx(1, abs=1e-9)


def test_probabilities_of_all_pitches_of_a_voice_sum_to_one(voices_ngram):
    piece = random_voices(3, seed=2)[-1]
    for step in (0, 1, len(piece) // 2, len(piece) - 1):
        for voice in range(4):
            others = np.repeat(piece[None], 129, axis=0)
            others[:, step, voice] = np.arange(-1, 128)
            costs = np.array([cost[step, voice] for cost in voices_ngram.costs(others)])
            assert np.isfinite(costs).all()
            assert np.exp(-costs).sum() == pytest.approx(1, abs=1e-9)


def test_the_future_of_a_melody_changes_no_earlier_cost(melody_ngram):
    for seed, melody in enumerate(random_melodies(5, seed=3)[1:]):
        (costs,) = melody_ngram.costs([melody])
        assert costs.shape == (len(melody) - 1, 2)
        random = np.random.default_rng(seed)
        for cut in range(1, len(melody)):
            pitches, durations = melody.pitches.copy(), melody.durations.copy()
            pitches[cut:] = random.integers(2, 132, len(melody) - cut)
            durations[cut:] = random.integers(0, 5, len(melody) - cut)
            changed = Melody(pitches, durations, meters=melody.meters, pickup=melody.pickup)
            np.testing.assert_array_equal(
                melody_ngram.costs([changed])[0][: cut - 1], costs[: cut - 1]
            )
            # The duration comes after the pitch of its own event.
            pitches[cut] = melody.pitches[cut]
            again = Melody(pitches, durations, meters=melody.meters, pickup=melody.pickup)
            assert melody_ngram.costs([again])[0][cut - 1, 0] == costs[cut - 1, 0]


def test_the_future_of_voices_changes_no_earlier_cost(voices_ngram):
    for piece in random_voices(2, seed=4):
        (costs,) = voices_ngram.costs([piece])
        assert costs.shape == piece.shape
        random = np.random.default_rng(0)
        for cut in range(piece.size):  # in the order of steps, and of voices in a step
            changed = piece.copy().ravel()
            changed[cut:] = random.integers(-1, 128, piece.size - cut)
            (others,) = voices_ngram.costs([changed.reshape(piece.shape)])
            np.testing.assert_array_equal(others.ravel()[:cut], costs.ravel()[:cut])


def test_what_other_pieces_stand_beside_a_piece_changes_nothing(melody_ngram, voices_ngram):
    melodies, voices = random_melodies(6, seed=5), random_voices(5, seed=5)
    for model, pieces in ((melody_ngram, melodies), (voices_ngram, voices)):
        together = model.costs([*pieces, *pieces])
        for piece, costs in zip([*pieces, *pieces], together, strict=True):
            np.testing.assert_array_equal(model.costs([piece])[0], costs)
    nothing = np.zeros((0, voices[0].shape[1]), int)
    costs, empty, others = voices_ngram.costs([voices[0], nothing, voices[1]])
    assert empty.shape == nothing.shape
    np.testing.assert_array_equal(costs, voices_ngram.costs(voices)[0])
    np.testing.assert_array_equal(others, voices_ngram.costs(voices)[1])


def test_voices_transposed_together_cost_the_same_but_for_the_first(voices_ngram):
    """Their first pitches are as far from middle C as they are; ties between keys may fall anew."""
    pieces = [piece for piece in random_voices(12, seed=6) if (piece >= 0).all()][:3]
    assert pieces
    for piece in pieces:
        lower = voices_ngram.costs([piece])[0][1:]
        upper = voices_ngram.costs([piece + 12])[0][1:]
        np.testing.assert_allclose(upper, lower, rtol=1e-12)


def test_the_likelihood_of_a_melody_ngram_is_that_of_its_costs(melody_ngram):
    melodies = random_melodies(7, seed=7)
    costs = np.concatenate(event_costs(melody_ngram, melodies))
    result = likelihood(melody_ngram, melodies)
    assert result.events == len(costs) == sum(len(melody) - 1 for melody in melodies)
    assert (result.pitch, result.duration) == pytest.approx(tuple(costs.mean(axis=0)))


ROWS, SYMBOLS = {"last": np.array([0, 1])}, np.array([1, 2])
NOTHING = Melody(np.array([0]), np.array([0]))
MELODIES, VOICES = random_melodies(3), random_voices(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MelodyNGram(ENCODING).fit([], MELODIES), r"train=\[\]: give .* at least one"),
        (lambda: MelodyNGram(ENCODING).fit(MELODIES, [1]), r"validation=\[1\]: give a list of Mel"),
        (lambda: MelodyNGram(ENCODING).costs(MELODIES), "call its fit"),
        (lambda: VoicesNGram().costs(VOICES), "call its fit"),
        (lambda: VoicesNGram().fit([np.full((3, 2), 128)], VOICES), r"train\[0\] holds 128"),
        (lambda: VoicesNGram().fit([np.zeros((0, 4), int)], VOICES), "are empty"),
        (lambda: MelodyNGram(ENCODING).fit([NOTHING], MELODIES), "are empty"),
        *((lambda c=c: NGram(c, 3), "contexts=") for c in (["last", " "], [], "last")),
        *(
            (lambda r=r: NGram(["last"], 3).fit(r, SYMBOLS, ROWS, SYMBOLS), "train=.*, for last")
            for r in ({}, {"last": np.array([0])}, {"last": SYMBOLS / 2}, {"note": SYMBOLS})
        ),
        *(
            (lambda x=x: NGram(["last"], 3).fit(ROWS, SYMBOLS, ROWS, x), "validated=.*from 0 to 2")
            for x in (SYMBOLS + 1, SYMBOLS - 2, SYMBOLS / 2, SYMBOLS[:, None])
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_benchmark_measures_melodies_and_the_published_file(load, tmp_path, capsys):
    benchmark = load("ngram")
    assert benchmark.main(["chorales", "--quick"])["n-gram"] > 0
    path = tmp_path / "file.json"
    splits = {key: [piece.tolist() for piece in VOICES] for key in ("train", "valid", "test")}
    path.write_text(json.dumps(splits))
    assert benchmark.main(["chorales-file", str(path)])["n-gram"] > 0
    printed = capsys.readouterr().out
    assert "A VOICE" in printed and "made-up tunes" in printed


def test_the_benchmark_splits_essen_by_title(load):
    names = [f"file {n}: {'Title' if n % 2 else 'TITLE'} {n // 4}" for n in range(80)]
    splits = load("ngram").split_by_title([(name, None) for name in names])
    by_title = {(name.partition(": ")[2].casefold(), side) for name, side in zip(names, splits)}
    assert len(by_title) == 20  # titles, each in one split
    assert Counter(splits) == {"train": 64, "validation": 8, "test": 8}
