"""Where does a GAN get stuck? How its first epochs go, and whether it varies and can still learn.

The *diversity* of phrases is how much two of them differ: the share of steps at which a track does
not sound the same pitch, the mean over pairs of phrases. A generator whose diversity is a small
part of that of real music has collapsed: it writes one phrase, or a few, whatever the noise
(Goodfellow 2016, "NIPS 2016 tutorial: Generative adversarial networks", section 5.1.1). The *drift*
is how much the phrases of the same noises change from one epoch to the next.

A *cell* is a track at a step. The generator chooses what is likeliest in it, and learns by the
gradient of the probabilities: by the logits of a category with probability p that is p (1 - p) at
most. Where the logits are far apart p is 0 or 1, in float32 exactly so, and the cell learns nothing
whatever the critic says of it. It is *open* where that gradient is above 0.01.
"""

from __future__ import annotations

import contextlib
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from musegen._checks import Positive, Whole
from musegen.diagnosis.checks import STUCK, NotApplicable, check
from musegen.diagnosis.finding import Finding, Verdict, clauses, finite
from musegen.diagnosis.pictures import Line, Panel, curves, images
from musegen.diagnosis.subject import (
    check_engine,
    check_trained,
    pieces_of,
    roll_windows,
    untrained_copy,
)
from musegen.evaluation.pianoroll import pitch_lines
from musegen.settings import SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEARNING_RATE = 1e-3
"""The size of a step where no other is given."""

LOSS = ("loss", "lipschitz", "penalty_weight", "clip")
"""The settings of a training that say what critic and generator learn from."""

PHRASES = 64
LEAST_STEPS = 8
"""Steps of the generator before which it need not have moved."""
COLLAPSED, NARROW = 0.3, 0.7
"""The parts of real music's diversity below which a generator has collapsed, and is narrow."""
OPEN = 0.01
"""The gradient above which a cell is open."""
VANISHED, FEW = 0.1, 0.3
"""The shares of open cells below which a generator's gradient has vanished, and is about to."""


@check(STUCK, "Do its first epochs go as they should?", needs="critic")
def gan_dynamics(
    model: Any,
    corpus: Any,
    epochs: Annotated[int, Whole(2, 10**5), "Passes over these phrases"] = 8,
    learning_rate: Annotated[float | None, Positive(), "Step size; None means its own"] = None,
    phrases: Annotated[int, Whole(32, 10**6), "How many phrases"] = 256,
    seed: Annotated[int, SEED, "Seed of weights and noises"] = 0,
) -> Finding:
    """Checks that a GAN's first epochs go as they should: nothing explodes, nothing collapses.

    A copy with new weights is trained on the first pieces of the train split that have so many
    phrases, by the loss that the model was trained with.

    Returns:
        The finding: bad if a loss is not finite, the gradient penalty stays above 1 (the critic's
        slope is out of hand, and its estimate means nothing; of R1 that is no fault), the music
        does not move, or its diversity ends below 0.3 of real music's and half of what it was, or
        never was above.
    """
    check_engine()
    from keras.callbacks import LambdaCallback

    from musegen.training import TrainingError

    rate = learning_rate or model.training_record.get("learning_rate", LEARNING_RATE)
    scores = _scores(model, corpus, phrases)
    real = diversity(_real_phrases(model, corpus))
    learner = untrained_copy(model, seed)
    history: dict[str, list[float]] = {}
    written: list[NDArray[Any]] = []  # of the same noises after every epoch

    def watch(epoch: int, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            history.setdefault(name, []).append(float(value))
        written.append(_written_phrases(learner, seed))

    faults: list[str] = []
    settings = {"epochs": epochs, "batch_size": 32, "learning_rate": rate, "seed": seed}
    settings |= {
        name: model.training_record[name] for name in LOSS if name in model.training_record
    }
    try:
        learner.fit(scores, **settings, callbacks=[LambdaCallback(on_epoch_end=watch)], verbose=0)
    except TrainingError as error:
        faults.append("the" + str(error).split(". ")[0][3:] + ": take a smaller learning rate")
    varied = [diversity(lines) for lines in written]
    drift = [float((new != old).mean()) for old, new in pairwise(written)]
    enough = int(learner.generator_optimizer.iterations) >= LEAST_STEPS
    held = settings.get("lipschitz", "gradient_penalty") == "gradient_penalty"
    faults += _faults(history.get("penalty", []) if held else [], varied, drift, real, enough)
    sentence = clauses(faults) or (
        f"In {epochs} epochs the penalty stays near {np.median(history['penalty']):.2f}, an epoch "
        f"changes {np.median(drift):.0%} of the steps, and phrases differ in {varied[-1]:.0%} of "
        f"theirs (real ones in {real:.0%})"
    )
    losses = [Line(name.replace("_", " "), values) for name, values in history.items()]
    moved = Line("drift", drift, range(2, len(varied) + 1), "o-")
    moves = [Line("diversity", varied, style="o-"), moved]
    figures = {
        "learning_rate": rate,
        "history": {name: finite(values) for name, values in history.items()},
        "diversity": varied,
        "drift": drift,
        "real_diversity": real,
    }
    level = (real, "diversity of real phrases")
    panels = Panel("epoch", "loss", losses), Panel("epoch", "share of steps", moves, level)
    verdict: Verdict = "bad" if faults else "good"
    return Finding("gan_dynamics", verdict, f"{sentence}.", figures, partial(curves, *panels))


@check(STUCK, "Do its phrases differ as real ones do?", needs="critic")
def gan_diversity(
    model: Any, corpus: Any, seed: Annotated[int, SEED, "Seed of the noises"] = 0
) -> Finding:
    """Checks that a trained GAN's phrases differ from each other as real phrases do.

    Returns:
        The finding: bad if the diversity of 64 phrases is less than 0.3 of that of 64 real ones,
        unsure if it is less than 0.7.
    """
    check_trained(model)
    lines = {"real": _real_phrases(model, corpus), "written": _written_phrases(model, seed)}
    found = {name: diversity(phrases) for name, phrases in lines.items()}
    share = found["written"] / max(found["real"], 1e-9)
    verdict: Verdict = "bad" if share < COLLAPSED else "unsure" if share < NARROW else "good"
    sentence = f"Two phrases differ in {found['written']:.0%} of their steps, two real ones "
    sentence += f"in {found['real']:.0%}"
    if verdict != "good":
        what = "it has collapsed" if verdict == "bad" else "it is narrow"
        sentence += f": {what}; train longer, with more steps of the critic or a smaller rate"
    panels = {
        f"{name}: differ in {found[name]:.0%}": np.ma.masked_less(phrases[:24, :, 0], 0)  # rests
        for name, phrases in lines.items()
    }
    draw = partial(images, panels, "step", "24 phrases", "pitch of the first track")
    return Finding("gan_diversity", verdict, f"{sentence}.", found, draw)


@check(STUCK, "Does a gradient reach its logits?", needs="critic")
def gan_saturation(
    model: Any, corpus: Any, seed: Annotated[int, SEED, "Seed of the noises"] = 0
) -> Finding:
    """Checks that a GAN's logits are not so far apart that no gradient passes its choices.

    Trained or new, it writes the phrases of 64 noises. The gradient of a cell is the norm, over its
    logits, of the gradient of how far what sounds in it is from what does not, which is on the way
    of every gradient of a critic: with one note at a time it is 1 to 1.5 times the probability of
    all that was not chosen. The margin, in nats, is how far the likeliest logit of a cell is above
    the next; with several notes at a time, how far the logit that is nearest to 0 is from it. Where
    voices lead, only cells in which a note begins count. The corpus is not used.

    Returns:
        The finding: bad if less than 0.1 of the cells have a gradient above 0.01, unsure if less
        than 0.3 have.
    """
    check_engine()
    logits, gradients = _cell_gradients(model, seed)
    margins = _margins(logits, model.encoding)
    if model.leads:  # elsewhere nothing is chosen
        begins = logits[..., -1, :] > 0
        gradients, margins = gradients[begins], margins[begins]
    margins = np.sort(margins.ravel())
    figures = {
        "open": float((gradients > OPEN).mean()),
        "gradient": float(np.median(gradients)),
        "margin": float(np.median(margins)),
    }
    share = figures["open"]
    verdict: Verdict = "bad" if share < VANISHED else "unsure" if share < FEW else "good"
    sentence = f"In {share:.0%} of its cells the gradient at the logits is above {OPEN}, with a "
    sentence += f"median margin of {figures['margin']:.1f} nats"
    if verdict != "good":
        what = "it has vanished" if verdict == "bad" else "it is vanishing"
        sentence += f": {what}, whatever the critic says; train anew with bounded logits or fewer "
        sentence += "epochs, or with a smaller learning rate"
    places = np.linspace(0, 1, 101)
    line = Line("cells", np.quantile(margins, places), places)
    panel = Panel(
        "share of cells", "margin (nats)", [line], (float(np.log(1 / OPEN - 1)), "all else is 1 %")
    )
    return Finding("gan_saturation", verdict, f"{sentence}.", figures, partial(curves, panel))


def _cell_gradients(model: Any, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns logits, and the gradient of each cell, `(phrases, bars, steps, tracks)`."""
    from keras import ops

    from musegen.training.engine import input_gradients

    random = np.random.default_rng(seed)
    noises = {
        name: random.standard_normal((PHRASES, *shape), np.float32)
        for name, shape in model.noise_shapes.items()
    }
    logits = ops.convert_to_tensor(model(noises, training=False))

    def apart(logits: Any, training: bool) -> Any:
        sounds = model.planes_of_written(logits)[:, :, :, : model.encoding.pitches]
        return ops.sum(sounds * ops.stop_gradient(sounds - 0.5))

    gradients = ops.convert_to_numpy(input_gradients(apart, logits))
    return ops.convert_to_numpy(logits), np.linalg.norm(gradients, axis=3)


def _margins(logits: NDArray[Any], encoding: Any) -> NDArray[Any]:
    """Returns how far each cell is from another choice, `(phrases, bars, steps, tracks)`."""
    rows = encoding.pitches + 1  # the pitches, and silence
    first, second = np.moveaxis(-np.sort(-logits[:, :, :, :rows], axis=3)[:, :, :, :2], 3, 0)
    nearest = np.abs(logits[:, :, :, : rows - 1]).min(axis=3)
    return np.where(encoding.monophonic, first - second, nearest)


def _faults(
    penalty: list[float], varied: list[float], drift: list[float], real: float, enough: bool
) -> list[str]:
    """Returns clauses of what is wrong by epoch; `enough` is whether the generator should move."""
    faults = []
    late = float(np.median(penalty[len(penalty) // 2 :] or 0.0))
    if not late < 1:
        faults.append(
            f"the gradient penalty stays at {late:.1f}, so that the critic's estimate means "
            "nothing: take a smaller learning rate"
        )
    if varied and varied[-1] < COLLAPSED * real:
        most = max(varied)
        if varied[-1] < 0.5 * most:
            faults.append(
                f"its phrases differed in {most:.0%} of their steps in epoch "
                f"{varied.index(most) + 1} and in {varied[-1]:.0%} at the end (real ones in "
                f"{real:.0%}): it collapses; take more steps of the critic or a smaller learning "
                "rate"
            )
        elif enough:
            faults.append(
                f"its phrases differ in {varied[-1]:.0%} of their steps (real ones in {real:.0%}), "
                "and never did in more than "
                f"{most:.0%}: see whether the noises are used"
            )
    if enough and drift and max(drift) == 0:
        faults.append("its music does not move: see whether gradients reach the generator")
    return faults


def diversity(lines: NDArray[Any]) -> float:
    """The share of steps at which a track of two phrases differs, the mean over pairs of phrases.

    Takes pitches `(phrases, steps, tracks)` of at least two phrases.
    """
    from scipy.spatial.distance import pdist

    return float(pdist(np.reshape(lines, (len(lines), -1)), "hamming").mean())


def _scores(model: Any, corpus: Any, phrases: int) -> list[Any]:
    """The first pieces of the train split that have so many phrases."""
    scores, count = [], 0
    for piece in pieces_of(corpus, "train"):
        with contextlib.suppress(NotApplicable):  # it has none
            count += roll_windows(model, [piece], 1).phrases
            scores.append(piece.score)
        if count >= phrases:
            break
    return scores


def _real_phrases(model: Any, corpus: Any) -> NDArray[Any]:
    rolls = roll_windows(model, pieces_of(corpus, "train"), PHRASES)[0]
    return pitch_lines(rolls, model.encoding.lowest)


def _written_phrases(model: Any, seed: int) -> NDArray[Any]:
    rolls = np.stack([piece.roll for piece in model.sample(count=PHRASES, seed=seed)])
    return pitch_lines(rolls, model.encoding.lowest)
