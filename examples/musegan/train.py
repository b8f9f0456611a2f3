"""Trains the MuseGAN that ships with musegen.

    python examples/musegan/train.py --out bach-quartet.safetensors
    python examples/musegan/train.py --knobs

Killed and started again with the same arguments, it goes on where it was. `--knobs` measures what
each knob of the one that ships changes; `musegen evaluate` measures the rest.
"""

import argparse
import time

import keras

import musegen
from musegen.corpus import Corpus, chorales
from musegen.encoding.roll import ONSET

NAME = "bach-quartet"
ENCODING = musegen.PianorollEncoding(lowest=36, pitches=48)  # C2 to B5, what choirs sing
MODEL = {"bars": 4, "generator": "leading"}
FIT = {
    "epochs": 50,
    "reconstruction": 32,
    "batch_size": 32,
    "critic_steps": 3,
    "transpose": 0,  # phrases are written in C, and as often in each key as the chorales are
}


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
    model.fit(corpus, checkpoint=out, seed=seed, verbose=2, **FIT)
    minutes = (time.time() - started) / 60
    print(f"{minutes:.1f} minutes since it was started last")
    model.training_record = {**model.training_record, "minutes": round(minutes, 1)}
    musegen.save_checkpoint(model, out, half=True)
    print(musegen.evaluate(out, corpus))


def print_knobs(model: musegen.MuseGAN) -> None:
    """Prints the share of each voice's steps that another noise changes, the mean of 64 phrases.

    Of the cells, of the pitches that sound, and of where notes begin.
    """
    names = [track.name for track in model.encoding.tracks]
    noises = [model.noise(seed=seed) for seed in range(64)]
    phrases = model.sample(noise=noises).roll  # in a row
    print("noise, changed".ljust(32) + "".join(f"{name:>9}" for name in names))
    for part in ("style", "chords", "groove", "melody"):
        alone = part in ("groove", "melody")
        again = [
            model.sample(
                noise=[
                    model.vary(noise, part, track=track, seed=seed)
                    for seed, noise in enumerate(noises)
                ]
            ).roll
            for track in (names if alone else [None])
        ]
        for what, changed in CHANGES.items():
            shares = [
                changed(phrases[..., number], again[number if alone else 0][..., number]).mean()
                for number in range(len(names))
            ]
            label = f"{part} of the voice, {what}" if alone else f"{part}, {what}"
            print(label.ljust(32) + "".join(f"{share:>9.2f}" for share in shares))


CHANGES = {
    "cells": lambda first, second: (first != second).any(axis=-1),
    "pitches": lambda first, second: ((first > 0) != (second > 0)).any(axis=-1),
    "onsets": lambda first, second: (first == ONSET).any(axis=-1) != (second == ONSET).any(axis=-1),
}
"""What may change at a step: `(bars, steps, pitches)` each to `(bars, steps)`."""


if __name__ == "__main__":
    main()
