"""Trains the MuseGAN that ships with musegen.

    python examples/musegan/train.py --out bach-quartet.safetensors
    python examples/musegan/train.py --knobs

Killed and started again with the same arguments, it goes on where it was. `--knobs` measures what
each knob of the one that ships changes; `musegen evaluate` measures the rest.
"""

import argparse
import time
from collections.abc import Sequence

import keras
import numpy as np

import musegen
from musegen.corpus import Corpus, Piece, chorales
from musegen.evaluation import notes_per_bar, qualified_note_share
from musegen.training.roll_windows import RollWindows

NAME = "bach-quartet"
ENCODING = musegen.PianorollEncoding(lowest=36, pitches=48)  # C2 to B5, what choirs sing
MODEL = {"bars": 4}
FIT = {"epochs": 450, "batch_size": 32, "critic_steps": 3}
EPOCHS_RUN = 199
HOLDS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)
# Training leaves some knobs nearly without effect. What a voice hears of its groove and its melody
# is multiplied by these, from soprano to bass, so that each changes some sixth of a voice's steps.
GROOVE_GAINS = (3.0, 8.0, 6.0, 2.0)
MELODY_GAINS = (1.5, 4.0, 3.0, 1.0)
PHRASES = 500
SEED = 2027  # of the phrases by which `hold` is chosen


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", default=f"{NAME}.safetensors", help="the checkpoint to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--knobs", action="store_true", help="measure what each knob changes")
    arguments = parser.parse_args()
    if arguments.knobs:
        print_knobs(musegen.load(NAME))
        return
    train(chorales(), arguments.out, arguments.seed)


def train(corpus: Corpus, out: str, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    model = musegen.MuseGAN(ENCODING, name=NAME, **MODEL)
    started = time.time()
    model.fit(corpus, checkpoint=out, seed=seed, verbose=2, callbacks=[StopAfter()], **FIT)
    minutes = (time.time() - started) / 60
    print(f"{minutes:.1f} minutes since it was started last")
    model.training_record = {**model.training_record, "minutes": round(minutes, 1)}
    turn_up_knobs(model)
    model.hold = best_hold(model, corpus)
    musegen.save_checkpoint(model, out, half=True)
    print(musegen.evaluate(out, corpus))


class StopAfter(keras.callbacks.Callback):
    """Ends training before the learning rate has fallen all the way: it was good enough by then."""

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.model.stop_training = epoch + 1 >= EPOCHS_RUN


def turn_up_knobs(model: musegen.MuseGAN) -> None:
    """Multiplies the weights by which each voice's drawing network sees its groove and melody."""
    for number, gains in enumerate(zip(GROOVE_GAINS, MELODY_GAINS, strict=True), 1):
        kernel = model.generator.get_layer(f"track_{number}_bar").kernel
        kernel.assign(kernel * np.repeat(gains, model.noise_size)[:, np.newaxis])


def best_hold(model: musegen.MuseGAN, corpus: Corpus) -> float:
    """The hold whose music is nearest to the validation split in its notes' number and length."""
    real = real_rolls(model, corpus.validation)
    measures = (notes_per_bar, qualified_note_share)
    distances = {}
    for hold in HOLDS:
        pieces = model.sample(count=PHRASES, seed=SEED, hold=hold)
        rolls = np.stack([piece.roll for piece in pieces])
        off = [np.abs(measure(rolls) / measure(real) - 1).mean() for measure in measures]
        distances[hold] = float(np.mean(off))
        print(f"hold {hold}: {distances[hold]:.1%} off the validation split")
    return min(distances, key=distances.__getitem__)


def print_knobs(model: musegen.MuseGAN) -> None:
    """Prints the share of each voice's steps that another noise changes, the mean of 64 phrases."""
    names = [track.name for track in model.encoding.tracks]
    noises = [model.noise(seed=seed) for seed in range(64)]
    phrases = model.sample(noise=noises).roll > 0  # in a row
    print("noise".ljust(22) + "".join(f"{name:>9}" for name in names))
    for part in ("style", "chords", "groove", "melody"):
        alone = part in ("groove", "melody")
        shares = []
        for number, name in enumerate(names):
            varied = [
                model.vary(noise, part, track=name if alone else None, seed=seed)
                for seed, noise in enumerate(noises)
            ]
            changed = (model.sample(noise=varied).roll > 0) != phrases
            shares.append(changed[..., number].any(axis=-1).mean())
        label = f"{part} of the voice" if alone else part
        print(label.ljust(22) + "".join(f"{share:>9.2f}" for share in shares))


def real_rolls(model: musegen.MuseGAN, pieces: Sequence[Piece]) -> np.ndarray:
    """All phrases of some pieces, `(phrases, bars, steps, pitches, tracks)`."""
    windows = RollWindows([piece.score for piece in pieces], model.encoding, model.bars)
    return np.stack([windows.phrase(number) for number in range(windows.phrases)])


if __name__ == "__main__":
    main()
