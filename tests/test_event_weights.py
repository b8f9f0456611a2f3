"""How a model of melodies learns: all events weigh alike, and weights are kept as averages."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from contract import random_melodies
from keras import ops
from test_event_graph import make
from test_history import random_lines

from musegen.training.melody_windows import MelodyWindows

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:.*run_functions_eagerly"),
]


@pytest.mark.parametrize("shuffle", [pytest.param(False, marks=pytest.mark.slow), True])
def test_all_events_of_an_epoch_weigh_alike(shuffle):
    """Of windows of very different lengths, the last batch not full."""
    model = make()
    pieces = random_lines(11, seed=9) + random_lines(2, seed=10)
    windows = MelodyWindows(pieces, model, batch_size=3, length=20, shuffle=shuffle)
    count = sum(len(piece) - 1 for piece in pieces)
    assert windows.events == count
    losses, weights = [], []
    for index in range(windows.num_batches):
        inputs, targets, weight = windows[index]
        losses.append(model.compute_loss(inputs, targets, model(inputs), weight).numpy())
        weights.append(weight[weight > 0])
    assert len({len(each) for each in weights}) > 1
    weights = np.concatenate(weights)
    assert len(weights) == count
    np.testing.assert_allclose(weights, windows.num_batches / count, rtol=1e-6)
    assert weights.sum() == pytest.approx(windows.num_batches, rel=1e-5)

    # So the mean loss of an epoch is the mean cost of its events, where each window begins anew.
    cut = 0.0
    for number in range(windows.count):
        window, targets = windows.window(number)
        size = len(targets["pitch"])
        found = model({name: values[None] for name, values in window.items()})
        for name, ids in targets.items():
            cut -= np.array(found[name])[0, np.arange(size), ids].sum(dtype=np.float64)
    assert np.mean(losses) == pytest.approx(cut / count, rel=1e-4)


def test_the_mean_loss_of_whole_pieces_is_the_mean_of_their_costs():
    model, pieces = make(), random_melodies(7, seed=3)
    windows = MelodyWindows(pieces, model, batch_size=2)
    losses = []
    for index in range(windows.num_batches):
        inputs, targets, weight = windows[index]
        losses.append(model.compute_loss(inputs, targets, model(inputs), weight).numpy())
    expected = np.concatenate(model.costs(pieces)).sum(axis=1).mean()
    assert np.mean(losses) == pytest.approx(expected, rel=1e-4)
    assert model.nats["both"].result().numpy() == pytest.approx(expected, rel=1e-4)


def averaging(average):
    """A model that has taken two steps of 1 down; returns it and its weights before."""
    model = make()
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=1.0, use_ema=True, ema_momentum=average)
    )
    weights = model.trainable_variables
    before = [np.array(weight.numpy()) for weight in weights]
    model.optimizer.build(weights)
    return model, weights, before


def test_the_average_of_the_weights_by_hand():
    model, weights, before = averaging(0.5)
    ones = [ops.ones_like(weight) for weight in weights]
    # The average begins with the weights after the first step: -1, then (-1 - 2) / 2 = -1.5, then
    # (-1.5 - 3) / 2 = -2.25.
    for step, average in enumerate((-1, -1.5, -2.25), start=1):
        model.optimizer.apply(ones, weights)
        with model.average_weights():
            for weight, first in zip(weights, before):
                np.testing.assert_allclose(weight.numpy(), first + average, atol=1e-5)
        for weight, first in zip(weights, before):
            np.testing.assert_allclose(weight.numpy(), first - step, atol=1e-5)


def test_the_context_gives_the_weights_back_exactly():
    model, weights, _ = averaging(0.9)
    random = np.random.default_rng(0)
    for _ in range(2):
        model.optimizer.apply([random.standard_normal(weight.shape) for weight in weights], weights)
    kept = [np.array(weight.numpy()) for weight in weights]
    line = random_melodies(1)
    costs = model.costs(line)[0]
    with pytest.raises(RuntimeError, match="within"), model.average_weights():
        assert np.abs(model.costs(line)[0] - costs).max() > 1e-4
        raise RuntimeError("within")
    for weight, value in zip(weights, kept):
        np.testing.assert_array_equal(weight.numpy(), value)
    np.testing.assert_array_equal(model.costs(line)[0], costs)
    assert math.isfinite(costs.sum())
