"""What is wrong with a GAN: each fault planted, and not found without it."""

from __future__ import annotations

import numpy as np
import pytest
from test_diagnosis_data import same_arrays
from test_musegan_training import scores, tiny

from musegen.corpus.corpus import Corpus, Piece
from musegen.diagnosis import correctness, gan
from musegen.diagnosis.checks import NotApplicable

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
