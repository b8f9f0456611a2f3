"""What is wrong with a GAN: each fault planted, and not found without it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from test_diagnosis_data import same_arrays
from test_musegan_training import scores, tiny

import musegen
from musegen.corpus.corpus import Corpus, Piece
from musegen.diagnosis import correctness, gan
from musegen.diagnosis.checks import NotApplicable
from musegen.training import TrainingError

CORPUS = Corpus(
    "random", tuple(Piece(f"{n:02}", "train", score) for n, score in enumerate(scores(20)))
)


def weights_of(model):
    return [weight.copy() for weight in model.generator.get_weights()]


def scale(model, factor):
    """Makes more of the noises, or nothing."""
    for weight in model.generator.weights:
        if len(weight.shape) > 1:
            weight.assign(factor * np.asarray(weight))


def scale_logits(model, factor):
    """Multiplies what the generator writes, as far as the weights of its last layers do it."""
    for layer in model.generator.layers:
        if layer.name.endswith(("_logits", "_classes")):
            for weight in layer.weights:
                weight.assign(factor * np.asarray(weight))


def test_diversity_is_the_share_of_differing_steps_of_all_pairs():
    lines = np.random.default_rng(0).integers(0, 3, (7, 5, 2))
    pairs = [(a, b) for a in range(7) for b in range(7) if a != b]
    by_hand = np.mean([(lines[a] != lines[b]).mean() for a, b in pairs])
    assert gan.diversity(lines) == pytest.approx(by_hand)
    assert gan.diversity(np.ones((4, 8, 2))) == 0
    assert gan.diversity(np.arange(4)[:, None, None] * np.ones((1, 8, 2))) == 1


def test_a_generator_that_heeds_no_noise_has_collapsed():
    model = tiny()
    with pytest.raises(NotApplicable, match="not trained yet"):
        gan.gan_diversity(model, CORPUS)
    scale(model, 8)
    model.training_record = {"learning_rate": 0.001}
    found = gan.gan_diversity(model, CORPUS)
    assert found.verdict == "good", found.sentence
    scale(model, 0)
    before = weights_of(model)
    found = gan.gan_diversity(model, CORPUS)
    assert found.verdict == "bad"
    assert found.figures["written"] == 0
    assert found.figures["real"] > 0.5
    assert "it has collapsed" in found.sentence
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    same_arrays(before, weights_of(model))


def test_logits_that_are_far_apart_let_no_gradient_pass():
    """As a training without bounds leaves them; a new generator's are near each other."""
    model = tiny()
    found = gan.gan_saturation(model, CORPUS)
    assert found.verdict == "good", found.sentence
    assert found.figures["open"] == 1
    assert found.figures["margin"] < 1
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    scale_logits(model, 1000)
    before = weights_of(model)
    found = gan.gan_saturation(model, CORPUS)
    assert found.verdict == "bad"
    assert found.figures["open"] < 0.1
    assert found.figures["margin"] > 20
    assert found.figures["gradient"] < 1e-6
    assert "it has vanished, whatever the critic says" in found.sentence
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    same_arrays(before, weights_of(model))


def test_a_share_of_the_cells_is_open():
    """The same logits, less far apart: between all cells and none."""
    model, shares = tiny(), []
    for factor in (1, 60, 5, 5):
        scale_logits(model, factor)
        found = gan.gan_saturation(model, CORPUS)
        shares.append(found.figures["open"])
        expected = "bad" if shares[-1] < 0.1 else "unsure" if shares[-1] < 0.3 else "good"
        assert found.verdict == expected
    assert shares == sorted(shares, reverse=True)
    assert any(0.05 < share < 0.95 for share in shares)


class Fixed(musegen.MuseGAN):
    """Its generator gives the same logits for all noises."""

    def __init__(self, encoding, logits):
        super().__init__(encoding, bars=1, noise_size=2, units=4)
        self.generator = lambda noises, training: np.broadcast_to(
            logits, (len(noises["style"]), *logits.shape)
        )


def test_gradient_and_margin_of_a_cell_by_hand():
    tracks = (musegen.RollTrack("line"), musegen.RollTrack("organ", voice="all"))
    encoding = musegen.PianorollEncoding(tracks, steps=4, lowest=60, pitches=2)
    logits = np.zeros((1, 4, 4, 2), np.float32)  # rows: two pitches, silence, repeat
    logits[0, :, :3, 0] = [0, 3, 1], [60, 0, 0], [0, 0, 120], [0, 0, 2]
    logits[0, :, :2, 1] = [0.5, -4], [-60, 80], [7, 8], [-3, 9]
    model = Fixed(encoding, logits)
    _, found = gan._cell_gradients(model, 0)
    expected = np.zeros((4, 2))
    for step in range(4):
        # Of a line: the softmax of the pitches and silence, the latter being no plane.
        p = np.exp(logits[0, step, :3, 0].astype(np.float64))
        p /= p.sum()
        signs = np.where(np.arange(3) == p.argmax(), 0.5, -0.5) * [1, 1, 0]
        expected[step, 0] = np.linalg.norm(p * (signs - p @ signs))
        # Of an organ: each pitch by itself.
        q = 1 / (1 + np.exp(-logits[0, step, :2, 1].astype(np.float64)))
        expected[step, 1] = np.linalg.norm(q * (1 - q) / 2)
    np.testing.assert_allclose(found, np.broadcast_to(expected, (64, 1, 4, 2)), atol=1e-6)
    assert (found[..., 2, 0] == 0).all()  # exactly so in float32
    margins = gan._margins(logits[np.newaxis], encoding)
    np.testing.assert_array_equal(margins[0, 0, :, 0], [2, 60, 120, 2])
    np.testing.assert_array_equal(margins[0, 0, :, 1], [0.5, 60, 7, 3])


@pytest.mark.parametrize("networks", ["compact", "book"])
def test_gradients_reach_both_networks_unless_a_layer_is_frozen(networks):
    model = tiny(generator=networks, critic=networks)
    before = weights_of(model)
    found = correctness.gradients_reach(model, CORPUS)
    assert found.verdict == "good", found.sentence
    same_arrays(before, weights_of(model))
    layer = next(layer for layer in model.generator.layers if layer.trainable_variables)
    names = [f"{model.generator.name}/{weight.path}" for weight in layer.trainable_variables]
    layer.trainable = False
    found = correctness.gradients_reach(model, CORPUS)
    assert found.verdict == "bad"
    assert found.figures["without"] == names


SOUND = {
    "penalty": [0.3, 0.1, 0.05, 0.05],
    "varied": [0.2, 0.6, 0.8, 0.8],
    "drift": [0.5, 0.4, 0.3],
    "real": 0.9,
    "enough": True,
}


@pytest.mark.parametrize(
    ("fault", "clause"),
    [
        ({}, None),
        ({"penalty": [0.3, 0.5, 40.0, 60.0]}, "the gradient penalty stays at 50.0"),
        ({"penalty": [0.3, 0.5, np.nan, np.nan]}, "the gradient penalty stays at nan"),
        (
            {"varied": [0.2, 0.7, 0.3, 0.1]},
            "its phrases differed in 70% of their steps in epoch 2 and in 10% at the end "
            "(real ones in 90%): it collapses",
        ),
        ({"varied": [0.0, 0.0, 0.0, 0.0]}, "see whether the noises are used"),
        ({"varied": [0.0, 0.0, 0.0, 0.0], "enough": False}, None),
        ({"drift": [0.0, 0.0, 0.0]}, "its music does not move"),
        ({"drift": [0.0, 0.0, 0.0], "enough": False}, None),
    ],
)
def test_what_of_the_first_epochs_is_sound_and_what_is_not(fault, clause):
    found = gan._faults(**{**SOUND, **fault})
    assert len(found) == (clause is not None)
    assert clause is None or clause in found[0]


@pytest.mark.parametrize("lipschitz", ["gradient_penalty", "r1"])
def test_the_first_epochs_are_those_of_the_models_own_loss(lipschitz, monkeypatch):
    asked = {}

    def fit(scores, callbacks, **settings):
        asked.update(settings)
        for _ in range(2):
            callbacks[0].on_epoch_end(0, {"penalty": 40.0})
        raise TrainingError("The loss is not finite. And so on.")

    learner = SimpleNamespace(fit=fit, generator_optimizer=SimpleNamespace(iterations=1))
    monkeypatch.setattr(gan, "untrained_copy", lambda model, seed: learner)
    monkeypatch.setattr(gan, "_written_phrases", lambda model, seed: np.arange(6).reshape(2, 3, 1))
    model = tiny()
    model.training_record = {"loss": "hinge", "lipschitz": lipschitz, "learning_rate": 0.5}
    found = gan.gan_dynamics(model, CORPUS)
    assert (asked["loss"], asked["lipschitz"]) == ("hinge", lipschitz)
    assert asked["learning_rate"] == 0.5
    assert found.verdict == "bad"
    # Only the gradient penalty says how far the critic's slope is from 1.
    assert ("the gradient penalty stays at 40.0" in found.sentence) == (lipschitz != "r1")


@pytest.mark.slow
def test_the_first_epochs_are_healthy_or_explode():
    found = gan.gan_dynamics(tiny(), CORPUS, epochs=3, phrases=32)
    assert found.verdict == "good", found.sentence
    assert len(found.figures["diversity"]) == 3
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    found = gan.gan_dynamics(tiny(), CORPUS, epochs=3, phrases=64, learning_rate=3.0)
    assert found.verdict == "bad"
    assert "take a smaller learning rate" in found.sentence


def test_a_corpus_without_phrases_is_refused():
    model = tiny(bars=60)
    for check in (gan.gan_dynamics, correctness.gradients_reach):
        with pytest.raises(NotApplicable, match=r"No piece has a phrase of 60 whole bars"):
            check(model, CORPUS)
