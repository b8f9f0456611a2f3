"""Every network learns the embedded Reber grammar, the first task of the LSTM paper.

After Hochreiter and Schmidhuber, "Long short-term memory" (1997), section 5.1. A string is `B`, `T`
or `P`, a string of the Reber grammar, the same `T` or `P` again, and `E`: to know the last but one
symbol, a network has to keep the second for the whole string. It has learned the grammar when, at
every position of 500 strings that it has not seen, each symbol that may come next has at least a
tenth of the probability that a uniform choice among them would give it, and no other symbol has.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
from contract import small
from keras import ops

from musegen.networks import NETWORKS, build_network

SYMBOLS = "BTPSXVE"
LONGEST, UNITS, BATCH, RATE = 32, 32, 32, 5e-3
# State -> what may come next, and the state after it; the last symbol leads nowhere.
REBER = {
    0: {"B": 1},
    1: {"T": 2, "P": 3},
    2: {"S": 2, "X": 4},
    3: {"T": 3, "V": 5},
    4: {"X": 3, "S": 6},
    5: {"P": 4, "V": 6},
    6: {"E": None},
}


def embedded(random):
    """A string as ids, and what may follow each of its symbols."""
    outer = random.choice(["T", "P"])
    text, follow = ["B", outer], [{"T", "P"}, {"B"}]
    state = 0
    while state is not None:
        symbol = random.choice(sorted(REBER[state]))
        state = REBER[state][symbol]
        text.append(symbol)
        follow.append({outer} if state is None else set(REBER[state]))
    text += [outer, "E"]
    follow.append({"E"})
    return [SYMBOLS.index(one) for one in text], follow


def strings(count, seed):
    """As many strings of at most `LONGEST` symbols, as `(ids, what may follow)`."""
    random, found = np.random.default_rng(seed), []
    while len(found) < count:
        ids, follow = embedded(random)
        if len(ids) <= LONGEST:
            found.append((tuple(ids), follow))
    return found


def arrays(found):
    """One-hot symbols `(strings, time, 7)`, and the symbols that follow, -1 for padding."""
    inputs = np.zeros((len(found), LONGEST - 1, len(SYMBOLS)), np.float32)
    targets = np.full((len(found), LONGEST - 1), -1)
    for row, (ids, _) in enumerate(found):
        inputs[row, np.arange(len(ids) - 1), ids[:-1]] = 1
        targets[row, : len(ids) - 1] = ids[1:]
    return inputs, targets


class Predictor(keras.Model):
    """A network with a softmax head."""

    def __init__(self, network, settings):
        super().__init__()
        self.network = build_network(network, settings)
        self.head = keras.layers.Dense(len(SYMBOLS))

    def call(self, inputs, training=None):
        return self.head(self.network(inputs, training=training))


def cost(targets, logits):
    known = ops.cast(targets >= 0, "float32")
    costs = keras.losses.sparse_categorical_crossentropy(
        ops.maximum(targets, 0), logits, from_logits=True
    )
    return ops.sum(costs * known) / ops.sum(known)


def is_learned(model, found):
    inputs, _ = arrays(found)
    probabilities = ops.convert_to_numpy(ops.softmax(model.predict(inputs, verbose=0)))
    for row, (_, follow) in zip(probabilities, found, strict=True):
        for given, allowed in zip(row, follow, strict=False):
            likely = {s for s, p in zip(SYMBOLS, given, strict=True) if p >= 0.1 / len(allowed)}
            if likely != allowed:
                return False
    return True


def test_the_grammar_by_hand():
    found = strings(200, seed=0)
    for ids, follow in found:
        text = "".join(SYMBOLS[one] for one in ids)
        assert text[1] == text[-2]
        assert text[0] == text[2] == "B"
        assert text[-1] == text[-3] == "E"
        assert all(after in allowed for after, allowed in zip(text[1:], follow, strict=True))
    assert all("".join(SYMBOLS[one] for one in ids) != "BTBE" for ids, _ in found)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_the_embedded_reber_grammar_is_learned(network):
    """In at most 4,000 steps on 32,000 strings, a minute or two on one core.

    Of 3,200 strings, too few have the two symbols far apart for a network that has weights of its
    own for each distance: WaveNet then learns the long ones by heart.
    """
    keras.utils.set_random_seed(1)
    settings = {name: UNITS if value == 8 else value for name, value in small(network).items()}
    model = Predictor(network, settings)
    known = strings(1000 * BATCH, seed=1)
    seen = {ids for ids, _ in known}
    unseen = [one for one in strings(20_000, seed=2) if one[0] not in seen][:500]
    assert len(unseen) == 500
    inputs, targets = arrays(known)
    model.compile(keras.optimizers.Adam(RATE, global_clipnorm=1.0), loss=cost, jit_compile=True)
    for part in range(20):
        now = slice(part % 5 * 200 * BATCH, (part % 5 + 1) * 200 * BATCH)
        model.fit(inputs[now], targets[now], batch_size=BATCH, verbose=0)
        if is_learned(model, unseen):
            return
    pytest.fail("after 4,000 steps it still gives other symbols than the grammar")
