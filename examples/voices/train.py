"""Trains the model of four voices that ships with musegen.

    KERAS_BACKEND=jax python examples/voices/train.py --out first.safetensors
    KERAS_BACKEND=jax python examples/voices/train.py --first first.safetensors

The chorales are gone through twice, the second time with a smaller learning rate. The best epoch is
chosen on the validation split, of which nothing is given; the test split is not read. Killed and
started again with the same arguments, it goes on where it was. On one core a pass takes about 45
minutes. `musegen evaluate bach-chorale chorales` measures what comes of it.
"""

import argparse
import time

import keras

import musegen
from musegen.corpus import chorales

FIRST = {"epochs": 36, "learning_rate": 2e-3}
SECOND = {"epochs": 26, "learning_rate": 1.2e-3, "seed": 1}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", default="bach-chorale.safetensors", help="the checkpoint to write")
    parser.add_argument("--first", help="a model whose weights to begin with")
    given = parser.parse_args()

    keras.utils.set_random_seed(0)
    model = musegen.VoiceModel(width=192, dropout=0.4)
    if given.first is not None:
        model.set_weights(musegen.load(given.first).get_weights())
    started = time.time()
    settings = FIRST if given.first is None else SECOND
    model.fit(chorales(), checkpoint=given.out, patience=100, verbose=2, **settings)
    print(f"{(time.time() - started) / 60:.1f} minutes since it was started last")
    print(model.summary_of(model.training_record))


if __name__ == "__main__":
    main()
