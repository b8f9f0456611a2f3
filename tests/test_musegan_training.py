"""Training a MuseGAN: losses by hand, what a step changes, where it begins, what it leaves."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import DUO as ENCODING
from contract import random_duos as scores
from contract import tiny_gan as tiny
from keras import ops

from musegen.encoding import PianorollEncoding
from musegen.encoding.pianoroll import HELD, ONSET, RollTrack
from musegen.loading import load_checkpoint
from musegen.models.musegan import adversarial
from musegen.models.musegan.cells import real_planes, written_planes
from musegen.models.musegan.generator import begin_at
from musegen.training import TrainingError
from musegen.training.gan import LOSSES, clip_weights, critic_scores, gradient_penalty, total
from musegen.training.musegan import opening_logits
from musegen.training.roll_windows import RollWindows

pytestmark = pytest.mark.filterwarnings("ignore:.*run_functions_eagerly")

OPTIONS = {"epochs": 4, "batch_size": 8, "critic_steps": 2, "seed": 3, "verbose": 0}


def rolls(count, seed=0):
    return RollWindows(scores(count, seed, bars=2), ENCODING, 2, count)[0]


def compiled(model=None, critic_steps=2, kind=keras.optimizers.Adam, rate=1e-3, **options):
    model = model or tiny()
    optimizers = (kind(rate, name=f"{name}_optimizer") for name in ("generator", "critic"))
    model.compile(*optimizers, critic_steps=critic_steps, **options)
    return model


def values(variables):
    return [variable.numpy() for variable in variables]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


# --- the penalty ---------------------------------------------------------------------------------

SHAPE = (2, 4, 8, 3)  # bars, steps, rows, tracks


class Linear:
    """A critic whose score is a weighted sum of the planes, and which keeps what it was shown."""

    def __init__(self, weights, by_track=False):
        self.weights = tf.Variable(weights, dtype=tf.float32)
        self.axes = (1, 2, 3) if by_track else (1, 2, 3, 4)
        self.shown = []

    def __call__(self, planes, training=False):
        self.shown.append(np.array(planes))
        scores = ops.sum(planes * self.weights, axis=self.axes)
        return scores if len(scores.shape) == 2 else scores[:, None]


@pytest.mark.parametrize("batch", [1, 3, 64])
@pytest.mark.parametrize("size", [0.01, 0.3, 4.0])
def test_the_penalty_of_a_linear_critic(batch, size):
    random = np.random.default_rng(batch)
    weights = size * random.standard_normal(SHAPE)
    real, written = random.random((2, batch, *SHAPE), np.float32)
    shares = random.random(batch, np.float32)
    penalty = gradient_penalty(Linear(weights), real, written, shares, by_track=False)
    # The gradient is the weights wherever it is taken, and its norm is over all of them.
    expected = (np.sqrt((weights**2).sum()) - 1) ** 2
    assert float(penalty) == pytest.approx(expected, rel=1e-4)


def test_the_penalty_of_a_critic_a_track():
    random = np.random.default_rng(0)
    weights = random.standard_normal(SHAPE) * [0.02, 0.1, 1]
    real, written = random.random((2, 5, *SHAPE), np.float32)
    critic = Linear(weights, by_track=True)
    penalty = gradient_penalty(critic, real, written, random.random(5, np.float32), by_track=True)
    slopes = [np.sqrt((weights[..., track] ** 2).sum()) for track in range(3)]
    assert float(penalty) == pytest.approx(sum((slope - 1) ** 2 for slope in slopes), rel=1e-4)


def test_the_penalty_differs_where_slopes_differ():
    """Of the critic `sum(x^2) / 2` the gradient is `x` itself: each phrase has its own slope."""

    def critic(planes, training=False):
        return ops.sum(ops.square(planes), axis=(1, 2, 3, 4))[:, None] / 2

    random = np.random.default_rng(1)
    real, written = random.standard_normal((2, 6, *SHAPE)).astype(np.float32)
    shares = random.random(6, np.float32)
    points = real + shares.reshape(-1, 1, 1, 1, 1) * (written - real)
    slopes = np.sqrt((points**2).sum((1, 2, 3, 4)))
    penalty = gradient_penalty(critic, real, written, shares, by_track=False)
    assert float(penalty) == pytest.approx(((slopes - 1) ** 2).mean(), rel=1e-4)


def test_points_lie_on_the_segment():
    critic = Linear(np.ones(SHAPE))
    random = np.random.default_rng(2)
    real, written = random.random((2, 5, *SHAPE), np.float32)
    shares = np.array([0, 0.25, 0.5, 0.75, 1], np.float32)
    gradient_penalty(critic, real, written, shares, by_track=False)
    (points,) = critic.shown
    for share, point, one, other in zip(shares, points, real, written, strict=True):
        np.testing.assert_allclose(point, (1 - share) * one + share * other, atol=1e-6)
    np.testing.assert_array_equal(points[0], real[0])


def test_a_flat_critic_has_finite_gradients():
    critic = Linear(np.zeros(SHAPE))
    real, written = np.random.default_rng(3).random((2, 4, *SHAPE), np.float32)
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(critic, real, written, np.full(4, 0.5, np.float32), False)
    assert float(penalty) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(tape.gradient(penalty, critic.weights)).all()


def test_losses_by_hand():
    random = np.random.default_rng(4)
    weights = random.standard_normal(SHAPE)
    real, written = random.random((2, 7, *SHAPE), np.float32)
    expected = (weights * (real.mean(0) - written.mean(0))).sum()
    of_written = -(weights * written.mean(0)).sum()
    for by_track in (False, True):
        loss = LOSSES["wasserstein"]
        scores = critic_scores(Linear(weights, by_track), real, written)
        assert float(total(loss.critic(*scores))) == pytest.approx(-expected, rel=1e-3)
        assert float(total(loss.generator(scores[1]))) == pytest.approx(of_written, rel=1e-3)


def test_clipped_weights():
    variable = keras.Variable(np.array([-2, -0.1, 0, 0.05, 3], np.float32))
    clip_weights([variable], 0.1)
    np.testing.assert_array_equal(variable, np.array([-0.1, -0.1, 0, 0.05, 0.1], np.float32))


# --- one step ------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_shares_are_uniform_and_planes_are_whole_numbers(batch, monkeypatch):
    seen = []

    def spy(critic, real, written, shares, by_track):
        seen.append((np.array(real), np.array(written), np.array(shares)))
        return gradient_penalty(critic, real, written, shares, by_track)

    monkeypatch.setattr(adversarial, "gradient_penalty", spy)
    model = compiled(critic_steps=100)
    data = rolls(batch)
    for _ in range(2):
        logs = model.train_step(data)
        assert all(np.isfinite(float(value)) for value in logs.values())
    for real, written, shares in seen:
        np.testing.assert_array_equal(real, np.array(real_planes(data)))
        assert written.shape == real.shape
        assert set(np.unique(written)) <= {0.0, 1.0}
        assert shares.shape == (batch,)
        assert (shares >= 0).all()
        assert (shares <= 1).all()
    assert not np.array_equal(seen[0][1], seen[1][1])  # drawn anew
    assert not np.array_equal(seen[0][2], seen[1][2])
    if batch == 64:
        quarters = np.histogram(np.concatenate([shares for *_, shares in seen]), 4, (0, 1))[0]
        assert (quarters > 16).all()  # of 128 in all


def test_the_generator_moves_at_every_few_steps_and_its_average_after_it():
    model = compiled(critic_steps=3, average=0.9)
    data = rolls(4)
    states = [values(model.generator.weights)]
    critics = [values(model.critic.weights)]
    assert same(values(model.averages), states[0])
    for _ in range(7):
        model.train_step(data)
        states.append(values(model.generator.weights))
        critics.append(values(model.critic.weights))
    moved = [not same(a, b) for a, b in itertools.pairwise(states)]
    assert moved == [False, False, True, False, False, True, False]
    assert not any(same(a, b) for a, b in itertools.pairwise(critics))
    for index, average in enumerate(values(model.averages)):
        first, second, third = (states[at][index] for at in (0, 3, 6))
        once = 0.9 * first + 0.1 * second
        np.testing.assert_allclose(average, 0.9 * once + 0.1 * third, atol=1e-6)


def test_each_step_moves_in_its_own_interest():
    """With plain gradient descent, each network's loss falls if nothing else changes."""
    clipping = {"lipschitz": "weight_clipping", "clip": 10.0}
    model = compiled(kind=keras.optimizers.SGD, rate=1e-4, **clipping)
    data = rolls(16)
    written = written_planes(model.generator(model._noises(256)), ENCODING)

    def distance():
        return float(ops.mean(model.critic(real_planes(data))) - ops.mean(model.critic(written)))

    before = distance()
    model.train_step(data)
    assert distance() > before  # the critic tells them apart better
    critic_step = values(model.generator.weights)
    model.train_step(data)
    assert not same(values(model.generator.weights), critic_step)
    assert float(model.get_metrics_result()["wasserstein"]) != 0


def test_clipping_holds_all_weights():
    model = compiled(rate=0.1, lipschitz="weight_clipping", clip=0.02)
    assert max(np.abs(weight).max() for weight in values(model.critic.weights)) > 0.02
    data = rolls(4)
    for _ in range(3):
        logs = model.train_step(data)
        largest = max(np.abs(weight).max() for weight in values(model.critic.weights))
        assert largest == pytest.approx(0.02)
        assert float(logs["penalty"]) == 0
    assert max(np.abs(weight).max() for weight in values(model.generator.weights)) > 0.02


def test_a_critic_a_track_learns_from_its_own_track_alone():
    """What the other track is in the data makes no difference to a track that jams."""
    data = rolls(4)
    other = data.copy()
    other[..., 1] = rolls(4, seed=9)[..., 1]
    weights = []
    for one in (data, other):
        model = compiled(model=tiny(composition="jamming"), critic_steps=1)
        model.train_step(one)
        weights.append([values(network.weights) for network in (model.critic, model.generator)])
    for one, other in zip(*weights, strict=True):
        equal = [np.array_equal(a, b) for a, b in zip(one, other, strict=True)]
        # All of the first track's, none of the second's but the bias of its score, whose gradient
        # is 0: it raises all scores alike.
        assert sum(equal) - len(equal) // 2 in (0, 1)


def test_optimizers_are_built_when_compiled():
    model = compiled()
    assert model.generator_optimizer.built
    assert model.critic_optimizer.built
    assert len(model.critic_optimizer.variables) > 2 * len(model.critic.weights)


# --- where a generator begins --------------------------------------------------------------------


def test_opening_logits_are_frequencies():
    encoding = PianorollEncoding(
        (RollTrack("line"), RollTrack("organ", voice="all")), steps=4, lowest=60, pitches=3
    )
    cells = np.zeros((1, 4, 3, 2), np.uint8)
    # Of four steps one is silent, three sound; one of two that sound on strikes again.
    cells[0, :, 0, 0] = [0, ONSET, ONSET, HELD]
    cells[0, :, 1, 1] = [ONSET, HELD, HELD, HELD]
    cells[0, 2:, 2, 1] = [ONSET, ONSET]
    logits = opening_logits(RollWindows([encoding.decode(cells)] * 3, encoding, 1, 2))
    assert logits.shape == (5, 2)
    rare = np.log(1e-4)
    line = [np.log(0.75), rare, rare, np.log(0.25), 0]  # a half strikes again: logit 0
    np.testing.assert_allclose(logits[:, 0], line, rtol=1e-5, atol=1e-6)
    low, high = np.log(1e-4 / (1 - 1e-4)), np.log((1 - 1e-4) / 1e-4)
    organ = [low, high, 0, rare, np.log(0.25 / 0.75)]
    np.testing.assert_allclose(logits[:, 1], organ, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("composition", ["hybrid", "jamming", "composer"])
@pytest.mark.parametrize("tracks", [1, 11])
def test_every_track_begins_at_its_own_logits(composition, tracks):
    encoding = PianorollEncoding([f"t{i}" for i in range(tracks)], steps=4, lowest=60, pitches=2)
    model = tiny(encoding=encoding, composition=composition, bars=1)
    for weight in model.generator.weights:
        weight.assign(np.zeros(weight.shape))
    logits = np.random.default_rng(0).standard_normal((4, tracks)).astype(np.float32)
    begin_at(model.generator, encoding, logits)
    found = np.array(model.generator(model._noises(1)))
    np.testing.assert_array_equal(found, np.broadcast_to(logits, (1, 1, 4, 4, tracks)))


# --- fit -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run left alone, its model, its history, and its checkpoint."""
    path = tmp_path_factory.mktemp("finished") / "a.safetensors"
    model = tiny()
    history = model.fit(scores(), checkpoint=path, **OPTIONS)
    return model, history, path


def test_what_a_finished_run_leaves(finished):
    model, history, path = finished
    phrases = RollWindows(scores(), ENCODING, 2).phrases
    batches = -(-phrases // 8)
    assert phrases == 20
    assert set(history.history) == {"wasserstein", "penalty", "critic_loss", "generator_loss"}
    assert all(len(column) == 4 for column in history.history.values())
    assert np.isfinite(list(history.history.values())).all()
    loss = 10 * np.array(history.history["penalty"]) - history.history["wasserstein"]
    np.testing.assert_allclose(history.history["critic_loss"], loss, rtol=1e-4, atol=1e-4)
    assert int(model.critic_optimizer.iterations) == 4 * batches
    assert int(model.generator_optimizer.iterations) == 4 * batches // 2
    assert same(values(model.generator.weights), values(model.averages))
    assert model.tempo == 500_000
    record = load_checkpoint(path).training_record
    assert record == model.training_record
    assert record["epochs_run"] == record["epochs"] == 4
    assert record["wasserstein"] == history.history["wasserstein"][-1]
    names = ["a.safetensors", "a.safetensors.resume", "a.samples.png", "a.training.png"]
    assert sorted(file.name for file in path.parent.iterdir()) == names
    for name in names[2:]:
        picture = (path.parent / name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5000


@pytest.mark.slow
def test_the_average_is_what_samples(finished):
    model, _, path = finished
    first = model.sample(seed=7).roll
    np.testing.assert_array_equal(load_checkpoint(path).sample(seed=7).roll, first)


def test_a_picture_that_can_not_be_written_stops_training_which_goes_on(
    tmp_path, monkeypatch, eagerly
):
    options = {**OPTIONS, "epochs": 1}
    (tmp_path / "a.training.png").mkdir()
    with pytest.raises(OSError, match=r"a\.training\.png.*can't be written \(Is a directory\)"):
        tiny().fit(scores(1), checkpoint=tmp_path / "a.safetensors", **options)
    (tmp_path / "a.training.png").rmdir()
    model = tiny(seed=99)
    model.fit(scores(1), checkpoint=tmp_path / "a.safetensors", **options)  # only saved: it is done
    assert load_checkpoint(tmp_path / "a.safetensors").training_record == model.training_record
    assert (tmp_path / "a.training.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_real_music_scores_above_written():
    """A toy corpus of one chord: after some steps, the critic tells it from what is written."""
    cells = np.zeros(ENCODING.shape(4), np.uint8)
    cells[:, 0, 2, 0] = cells[:, 0, 5, 1] = ONSET
    cells[:, 1:, 2, 0] = cells[:, 1:, 5, 1] = HELD
    score = ENCODING.decode(cells)
    model = tiny(units=16)
    options = {"critic_steps": 20, "batch_size": 16, "transpose": 0, "verbose": 0, "seed": 1}
    history = model.fit([score] * 20, epochs=10, **options)
    assert history.history["wasserstein"][-1] > 0.3
    assert history.history["wasserstein"][-1] > history.history["wasserstein"][0]
    written = written_planes(model.generator(model._noises(64)), ENCODING)
    real = real_planes(rolls(64) * 0 + cells[:2])
    score_of_real, score_of_written = (np.array(model.critic(p)) for p in (real, written))
    assert score_of_real.min() > score_of_written.mean()


@pytest.mark.parametrize("critic_steps", [1, 5])
def test_a_loss_that_is_not_finite_stops_training(critic_steps, tmp_path, eagerly):
    model = tiny()
    path = tmp_path / "a.safetensors"
    options = {**OPTIONS, "critic_steps": critic_steps, "learning_rate": 1e30, "epochs": 20}
    with pytest.raises(TrainingError, match=r"learning_rate below 1e\+30"):
        model.fit(scores(), checkpoint=path, **options)
    assert all(np.isfinite(weight).all() for weight in values(model.generator.weights))
    assert all(np.isfinite(weight).all() for weight in values(model.critic.weights))


def test_a_trained_model_goes_on_from_what_it_has_learned(finished, monkeypatch):
    """A second training does not begin with the frequencies of pitches again."""
    model = load_checkpoint(finished[2])
    before = values(model.generator.weights)
    monkeypatch.setattr(keras.Model, "fit", lambda *args, **kwargs: None)
    model.fit(scores(seed=8), **OPTIONS)
    assert same(values(model.generator.weights), before)


@pytest.mark.parametrize("networks", [{"generator": "book"}, {"critic": "book"}])
def test_the_chapters_networks_train(networks, eagerly):
    model = tiny(bars=1, **networks)
    before = values(model.generator.weights)
    options = {**OPTIONS, "epochs": 1, "critic_steps": 1, "batch_size": 16}
    history = model.fit(scores(2), **options)
    assert np.isfinite(list(history.history.values())).all()
    assert not same(before, values(model.generator.weights))
    assert model.sample(seed=1).roll.shape == ENCODING.shape(1)


def test_music_without_a_phrase_is_refused(finished):
    model = finished[0]
    with pytest.raises(ValueError, match="No piece has a phrase of 2 whole bars of 4/4"):
        model.fit(scores(2, bars=1), verbose=0)


def test_a_corpus_is_its_train_split(monkeypatch):
    import types

    pieces = [types.SimpleNamespace(score=score) for score in scores(3)]
    for piece, tempo in zip(pieces, (400_000, 700_000, 650_000), strict=True):
        piece.score.tempos[0].mspq = tempo
    corpus = types.SimpleNamespace(name="three tunes", train=pieces, validation=None)
    model = tiny()
    monkeypatch.setattr(keras.Model, "fit", lambda *args, **kwargs: None)
    model.fit(corpus, **OPTIONS)
    assert model.training_record["corpus"] == "three tunes"
    assert model.training_record["pieces"] == 3
    assert model.training_record["phrases"] == 12
    assert model.tempo == 650_000
