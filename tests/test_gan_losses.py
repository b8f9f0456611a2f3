"""The losses of a GAN and R1: by hand, a second implementation, finite differences, and a step."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from test_musegan_training import SHAPE, Linear, compiled, rolls, same, scores, tiny, values

from musegen.models.musegan import adversarial
from musegen.models.musegan.adversarial import AdversarialModel
from musegen.models.musegan.cells import real_planes
from musegen.training.gan import LIPSCHITZ, LOSSES, r1_penalty, total

pytestmark = pytest.mark.filterwarnings("ignore:.*run_functions_eagerly")


@pytest.mark.parametrize(
    ("loss", "real", "written", "critic", "generator"),
    [
        ("wasserstein", 2, -1, -3, 1),
        ("non_saturating", 0, 0, 2 * np.log(2), np.log(2)),
        # log(1 + e^-2) + log(1 + e^-1), and log(1 + e)
        ("non_saturating", 2, -1, 0.1269280 + 0.3132617, 1.3132617),
        ("least_squares", 1, 0, 0, 0.5),
        ("least_squares", 2, -1, 0.5 + 0.5, 2),
        ("hinge", 2, -1, 0, 1),
        ("hinge", 0.5, 0.25, 0.5 + 1.25, -0.25),
        ("hinge", -2, 3, 3 + 4, -3),
    ],
)
def test_losses_of_two_scores_by_hand(loss, real, written, critic, generator):
    real, written = np.float32([[real]]), np.float32([[written]])
    assert float(LOSSES[loss].critic(real, written)[0, 0]) == pytest.approx(critic, abs=1e-6)
    assert float(LOSSES[loss].generator(written)[0, 0]) == pytest.approx(generator, abs=1e-6)


def of_papers(loss, real, written):
    """The papers' objectives of critic and generator, as they stand there, in NumPy."""

    def chance(score):
        return 1 / (1 + np.exp(-score))

    if loss == "non_saturating":  # the discriminator's is to be made large
        value = np.log(chance(real)).mean() + np.log(1 - chance(written)).mean()
        return -value, -np.log(chance(written)).mean()
    if loss == "least_squares":
        a, b, c = 0, 1, 1
        critic = ((real - b) ** 2).mean() / 2 + ((written - a) ** 2).mean() / 2
        return critic, ((written - c) ** 2).mean() / 2
    if loss == "hinge":
        value = np.minimum(0, -1 + real).mean() + np.minimum(0, -1 - written).mean()
        return -value, -written.mean()
    return written.mean() - real.mean(), -written.mean()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("critics", [1, 3])
def test_losses_are_those_of_the_papers_for_each_critic(loss, critics):
    real, written = np.random.default_rng(0).normal(0, 2, (2, 9, critics))
    expected = np.sum([of_papers(loss, real[:, i], written[:, i]) for i in range(critics)], axis=0)
    found = LOSSES[loss].critic(real, written), LOSSES[loss].generator(written)
    np.testing.assert_allclose([float(total(each)) for each in found], expected, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_far_scores_are_finite(loss):
    for score in (-1e4, 1e4):
        scores = tf.constant([[score]])
        with tf.GradientTape() as tape:
            tape.watch(scores)
            both = total(LOSSES[loss].critic(-scores, scores) + LOSSES[loss].generator(scores))
        assert np.isfinite([float(both), float(tape.gradient(both, scores)[0, 0])]).all()


# --- R1 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_track", [False, True])
def test_r1_of_a_linear_critic(by_track):
    random = np.random.default_rng(1)
    weights = random.standard_normal(SHAPE)
    real = tf.constant(random.random((5, *SHAPE), np.float32))
    penalty = r1_penalty(Linear(weights, by_track), real, by_track)
    # The gradient is the weights; those of three critics are of one track each, and add up.
    assert float(penalty) == pytest.approx((weights**2).sum() / 2, rel=1e-5)


def test_r1_of_a_curved_critic_is_that_of_finite_differences():
    random = np.random.default_rng(2)
    weights = random.standard_normal(SHAPE) / 4
    real = random.random((3, *SHAPE), np.float32)

    def critic(planes, training=False):
        return ops.tanh(ops.sum(ops.square(planes) * weights, axis=(1, 2, 3, 4)))[:, None]

    def score(planes):
        return np.tanh((planes**2 * weights).sum())

    squares = []
    for phrase in real.astype(np.float64):
        slopes = []
        for place in np.ndindex(SHAPE):
            step = np.zeros(SHAPE)
            step[place] = 1e-5
            slopes.append((score(phrase + step) - score(phrase - step)) / 2e-5)
        squares.append(np.square(slopes).sum())
    penalty = r1_penalty(critic, tf.constant(real), by_track=False)
    assert len(set(np.round(squares, 3))) == 3
    assert float(penalty) == pytest.approx(np.mean(squares) / 2, rel=1e-4)


def test_r1_teaches_the_critic():
    """The gradient by the weights of a linear critic is the weights: half of their square."""
    critic = Linear(np.random.default_rng(3).standard_normal(SHAPE))
    with tf.GradientTape() as tape:
        penalty = r1_penalty(critic, tf.zeros((4, *SHAPE)), by_track=False)
    np.testing.assert_allclose(tape.gradient(penalty, critic.weights), critic.weights, rtol=1e-5)


# --- a step --------------------------------------------------------------------------------------


def test_r1_is_taken_at_the_real_phrases_and_weighted(monkeypatch):
    shown = []

    def spy(critic, real, by_track):
        shown.append(np.array(real))
        return ops.convert_to_tensor(0.25)

    monkeypatch.setattr(adversarial, "r1_penalty", spy)
    data = rolls(3)
    logs = compiled(lipschitz="r1", penalty_weight=8.0).train_step(data)
    np.testing.assert_array_equal(shown, [np.array(real_planes(data))])
    assert float(logs["penalty"]) == 0.25
    expected = 8 * 0.25 - float(logs["wasserstein"])
    assert float(logs["critic_loss"]) == pytest.approx(expected, rel=1e-5)


class Points(AdversarialModel):
    """A small GAN of planes of one row, with a critic for each of two tracks or one for both."""

    def __init__(self, by_track):
        super().__init__("points")
        self.by_track, self.noise_shapes, shape = by_track, {"noise": (3,)}, (1, 1, 4, 2)
        noise = keras.Input((3,), name="noise")
        written = keras.layers.Reshape(shape)(keras.layers.Dense(8)(noise))
        self.generator = keras.Model({"noise": noise}, written)
        planes = keras.Input(shape)
        tracks = [planes[..., :1], planes[..., 1:]] if by_track else [planes]
        hidden = [keras.layers.Dense(5, "tanh")(keras.layers.Flatten()(x)) for x in tracks]
        scores = [keras.layers.Dense(1)(x) for x in hidden]
        joined = ops.concatenate(scores, axis=-1) if by_track else scores[0]
        self.critic = keras.Model(planes, joined)
        self.built = True

    def planes_of_real(self, rolls):
        return rolls

    def planes_of_written(self, logits):
        return logits


@pytest.mark.parametrize("by_track", [False, True])
@pytest.mark.parametrize("lipschitz", LIPSCHITZ)
@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_trains_however_the_critic_is_held(loss, lipschitz, by_track):
    keras.utils.set_random_seed(0)
    model = compiled(Points(by_track), critic_steps=1, loss=loss, lipschitz=lipschitz)
    assert model.critic.output_shape == (None, 1 + by_track)
    real = tf.random.stateless_normal((6, 1, 1, 4, 2), (0, 1))
    before = values(model.critic.weights), values(model.generator.weights)
    logs = {name: float(value) for name, value in model.train_step(real).items()}
    assert np.isfinite(list(logs.values())).all()
    assert (logs["penalty"] > 0) == (lipschitz in ("gradient_penalty", "r1"))
    after = values(model.critic.weights), values(model.generator.weights)
    assert not any(same(old, new) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("by_track", [False, True])
def test_a_step_is_that_of_the_loss_and_of_r1(by_track):
    """By plain gradient descent the critic's weights move against the gradient of both."""
    model = compiled(
        Points(by_track),
        kind=keras.optimizers.SGD,
        rate=0.1,
        critic_steps=9,
        loss="least_squares",
        lipschitz="r1",
        penalty_weight=3.0,
    )
    real = tf.random.stateless_normal((6, 1, 1, 4, 2), (0, 1))
    before = values(model.critic.trainable_variables)
    seed = model.seeds.state.numpy()
    written = model.generator(model._noises(6))
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            tape.watch(real)
            scores = model.critic(real)
        slopes = tape.gradient(scores, real)
        loss = tf.reduce_sum(tf.reduce_mean((scores - 1) ** 2 / 2, axis=0))
        loss += tf.reduce_sum(tf.reduce_mean(model.critic(written) ** 2 / 2, axis=0))
        loss += 3 * tf.reduce_sum(slopes**2) / 2 / 6
    gradients = outer.gradient(loss, model.critic.trainable_variables)
    model.seeds.state.assign(seed)
    assert float(model.train_step(real)["critic_loss"]) == pytest.approx(float(loss), rel=1e-5)
    for old, gradient, new in zip(before, gradients, model.critic.trainable_variables, strict=True):
        np.testing.assert_allclose(new, old - 0.1 * gradient, atol=1e-6)


def test_fit_takes_a_loss_and_r1(eagerly):
    options = {"epochs": 1, "batch_size": 16, "critic_steps": 1, "verbose": 0}
    history = tiny(bars=1).fit(scores(2), loss="hinge", lipschitz="r1", **options)
    assert history.model.loss == "hinge"
    assert history.history["penalty"][0] > 0
