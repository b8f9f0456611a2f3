"""Where does a GAN get stuck? Its critic's figures, how its music moves, and whether it varies.

The *diversity* of phrases is how much two of them differ: the share of steps at which a track does
not sound the same pitch, the mean over pairs of phrases. A generator whose diversity is a small
part of that of real music has collapsed: it writes one phrase, or a few, whatever the noise
(Goodfellow 2016, "NIPS 2016 tutorial: Generative adversarial networks", section 5.1.1). The *drift*
is how much the phrases of the same noises change from one epoch to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from musegen._checks import checked_int, checked_positive
from musegen.diagnosis.finding import Finding, Verdict, finite, said
from musegen.diagnosis.subject import (
    NotAsked,
    check_engine,
    check_model,
    check_trained,
    new_copy,
    phrases_of,
    pieces_of,
    roll_windows,
)
from musegen.evaluation.pianoroll import pitch_lines
from musegen.models.musegan import MuseGAN
from musegen.plots._figure import COLOURS, GREY, INK, add_curve_axes, new_figure
from musegen.training import TrainingError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

LEARNING_RATE = 1e-3
"""That of `musegen.models.musegan.training.fit`, where no other is given."""

PHRASES = 64
LEAST_STEPS = 8
"""Steps of the generator before which it need not have moved."""
COLLAPSED, NARROW = 0.3, 0.7
"""The parts of real music's diversity below which a generator has collapsed, and is narrow."""


def gan_diversity(model: Any, corpus: Any, seed: int = 0) -> Finding:
    """Asks whether a GAN's phrases differ from each other as real phrases do.

    Args:
        model: A trained `MuseGAN`.
        corpus: A corpus, whose train split has the real phrases.
        seed: Seed of the noises, 0 to 2^32 - 1.

    Returns:
        The finding: bad if the diversity of 64 phrases is less than 0.3 of that of 64 real ones,
        unsure if it is less than 0.7.

    Raises:
        ValueError: If an argument is something else or out of its range, the model is not trained,
            or the corpus has no phrase.
    """
    check_model(model, MuseGAN)
    checked_int("seed", seed, 0, 2**32 - 1)
    check_trained(model)
    real = _real_phrases(model, corpus)
    written = _written_phrases(model, PHRASES, seed)
    diversities = {"written": diversity(written), "real": diversity(real)}
    share = diversities["written"] / max(diversities["real"], 1e-9)
    verdict: Verdict = "bad" if share < COLLAPSED else "unsure" if share < NARROW else "good"
    sentence = f"Two phrases differ in {diversities['written']:.0%} of their steps, two real ones "
    sentence += f"in {diversities['real']:.0%}"
    if verdict != "good":
        what = "it has collapsed" if verdict == "bad" else "it is narrow"
        sentence += f": {what}; train longer, with more steps of the critic or a smaller rate"

    def draw() -> Figure:
        figure = new_figure(8, 3.4)
        lines = {"real": real[:24, :, 0], "written": written[:24, :, 0]}
        lines = {name: np.ma.masked_less(line, 0) for name, line in lines.items()}  # rests
        lowest = min(line.min() for line in lines.values())
        highest = max(line.max() for line in lines.values())
        for place, (name, line) in enumerate(lines.items()):
            axes = figure.add_axes((0.07 + 0.48 * place, 0.15, 0.43, 0.72))
            axes.imshow(
                line, vmin=lowest, vmax=highest, aspect="auto", cmap="viridis", interpolation="none"
            )
            axes.set_title(f"{name}: differ in {diversities[name]:.0%}", fontsize=10)
            axes.set(xlabel="step", yticks=[])
        figure.text(0.02, 0.5, "24 phrases, pitch of the first track", rotation=90, va="center")
        return figure

    return Finding("gan_diversity", verdict, f"{sentence}.", diversities, draw)


def gan_dynamics(
    model: Any,
    corpus: Any,
    epochs: int = 8,
    learning_rate: float | None = None,
    phrases: int = 256,
    seed: int = 0,
) -> Finding:
    """Asks whether a GAN's first epochs go as they should: nothing explodes, nothing collapses.

    Args:
        model: A `MuseGAN`; a copy with new weights is trained.
        corpus: A corpus; the first pieces of its train split that make up so many phrases are
            trained on.
        epochs: Passes over these phrases, 2 to 100,000.
        learning_rate: Step size, above 0. None means the one that the model was trained with, or
            0.001 if it was not.
        phrases: How many phrases, 32 to 1,000,000.
        seed: Seed of weights and noises, 0 to 2^32 - 1.

    Returns:
        The finding: bad if a loss is not finite, the gradient penalty stays above 1 (the critic's
        slope is out of hand, and its estimate means nothing), the music does not move, or its
        diversity ends below 0.3 of real music's and half of what it was, or never was above.

    Raises:
        ValueError: If an argument is something else or out of its range, the corpus has no phrase,
            or Keras does not run on TensorFlow.
    """
    check_model(model, MuseGAN)
    check_engine()
    checked_int("epochs", epochs, 2, 10**5)
    if learning_rate is None:
        learning_rate = model.training_record.get("learning_rate", LEARNING_RATE)
    learning_rate = checked_positive("learning_rate", learning_rate)
    checked_int("phrases", phrases, 32, 10**6)
    checked_int("seed", seed, 0, 2**32 - 1)
    scores = _scores(model, corpus, phrases)
    real = diversity(_real_phrases(model, corpus))
    learner = new_copy(model, seed)
    watch = _Watch(seed)
    faults: list[str] = []
    try:
        history = learner.fit(
            scores,
            epochs=epochs,
            batch_size=32,
            learning_rate=learning_rate,
            seed=seed,
            callbacks=[watch],
            verbose=0,
        ).history
    except TrainingError as error:
        history = watch.history
        faults.append("the" + str(error).split(". ")[0][3:] + ": take a smaller learning rate")
    varied = watch.diversity
    generator_steps = learner.generator_optimizer.iterations
    enough = int(generator_steps) >= LEAST_STEPS
    faults += _faults(history.get("penalty", []), varied, watch.drift, real, enough)
    if faults:
        sentence = said(faults)
    else:
        sentence = (
            f"In {epochs} epochs the penalty stays near {np.median(history['penalty']):.2f}, an "
            f"epoch changes {np.median(watch.drift):.0%} of the steps, and phrases differ in "
            f"{varied[-1]:.0%} of theirs (real ones in {real:.0%})"
        )

    def draw() -> Figure:
        figure = new_figure(8, 6)
        upper = add_curve_axes(figure, (0.09, 0.58, 0.88, 0.35))
        lower = add_curve_axes(figure, (0.09, 0.09, 0.88, 0.35))
        for number, name in enumerate(("wasserstein", "critic_loss", "generator_loss", "penalty")):
            line = history.get(name, [])
            label = "Wasserstein estimate" if name == "wasserstein" else name.replace("_", " ")
            colour = INK if name == "wasserstein" else COLOURS[number]
            upper.plot(range(1, len(line) + 1), line, color=colour, label=label)
        lower.plot(range(1, len(varied) + 1), varied, color=COLOURS[0], label="diversity")
        lower.plot(range(2, len(varied) + 1), watch.drift, color=COLOURS[1], label="drift")
        lower.axhline(real, color=GREY, linestyle=":", label="diversity of real phrases")
        lower.set(ylabel="share of steps", ylim=(0, 1))
        for axes in (upper, lower):
            axes.legend(
                frameon=False, fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1)
            )
        return figure

    return Finding(
        "gan_dynamics",
        "bad" if faults else "good",
        f"{sentence}.",
        {
            "learning_rate": learning_rate,
            "history": {name: finite(values) for name, values in history.items()},
            "diversity": varied,
            "drift": watch.drift,
            "real_diversity": real,
        },
        draw,
    )


def _faults(
    penalty: list[float], varied: list[float], drift: list[float], real: float, enough: bool
) -> list[str]:
    """One clause for each thing that is wrong in the figures of the epochs.

    Args:
        penalty: The gradient penalty of each epoch.
        varied: The diversity after each.
        drift: How far the music moved in each but the first.
        real: The diversity of real phrases.
        enough: Whether the generator took so many steps that it should have moved.
    """
    faults = []
    late = float(np.median(penalty[len(penalty) // 2 :])) if len(penalty) else 0.0
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

    Args:
        lines: `(phrases, steps, tracks)` of pitches, at least two phrases.

    Returns:
        0 (all are the same) to 1.
    """
    ordered = np.sort(np.asarray(lines), axis=0)  # of n equal values, n (n - 1) pairs are equal
    count = len(ordered)
    runs = np.concatenate([np.ones((1, *ordered.shape[1:]), bool), ordered[1:] != ordered[:-1]])
    number = np.cumsum(runs, axis=0).reshape(count, -1) - 1
    places = number + count * np.arange(number.shape[1])
    sizes = np.bincount(places.ravel(), minlength=number.size)
    equal = (sizes * (sizes - 1)).sum() / number.shape[1]
    return float(1 - equal / (count * (count - 1)))


class _Watch(keras.callbacks.Callback):
    """Writes the same phrases after every epoch."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self.history: dict[str, list[float]] = {}
        self.diversity: list[float] = []
        self.drift: list[float] = []
        self._last: Any = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        phrases = _written_phrases(self.model, PHRASES, self.seed)
        self.diversity.append(diversity(phrases))
        if self._last is not None:
            self.drift.append(float((phrases != self._last).mean()))
        self._last = phrases


def _scores(model: MuseGAN, corpus: Any, phrases: int) -> list[Any]:
    """The first pieces of the train split that have so many phrases."""
    scores, count = [], 0
    for piece in pieces_of(corpus, "train"):
        try:
            count += roll_windows(model, [piece], 1).phrases
        except NotAsked:  # it has none
            continue
        scores.append(piece.score)
        if count >= phrases:
            break
    return scores


def _real_phrases(model: MuseGAN, corpus: Any) -> NDArray[Any]:
    return pitch_lines(phrases_of(model, corpus, PHRASES), model.encoding.lowest)


def _written_phrases(model: MuseGAN, count: int, seed: int) -> NDArray[Any]:
    pieces = model.sample(count=count, seed=seed)
    rolls = np.stack([piece.roll for piece in pieces])  # type: ignore[union-attr]
    return pitch_lines(rolls, model.encoding.lowest)
