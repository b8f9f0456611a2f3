"""Trains the two melody models that ship with musegen.

    python examples/melody/train.py fiddle-tune --out first.safetensors
    python examples/melody/train.py fiddle-tune --first first.safetensors --again
    python examples/melody/train.py bach-chorale-melody --first fiddle-tune.safetensors

The tunes are gone through twice, the second time with more dropout. 254 sopranos are so few that a
network does better on them that knows the tunes already.

The best epoch is chosen on the validation split; the test split is read once, at the end. Killed
and started again with the same arguments, it goes on where it was. `musegen evaluate` measures what
comes of it.
"""

import argparse
import time
from typing import Any

import keras

import musegen
from musegen.corpus import Corpus, chorales, fiddle_tunes
from musegen.evaluation import likelihood

SETTINGS: dict[str, dict[str, Any]] = {
    "bach-chorale-melody": {
        "program": 0,
        "dropout": 0.4,
        "fit": {
            "epochs": 40,
            "batch_size": 16,
            "learning_rate": 2e-3,
            "weight_decay": 0.1,
            "average": 0.97,
        },
    },
    "fiddle-tune": {
        "program": 40,
        "dropout": 0.45,
        "fit": {"epochs": 24, "batch_size": 32, "learning_rate": 3e-3},
    },
}

AGAIN = {
    "dropout": 0.5,
    "fit": {"epochs": 16, "batch_size": 32, "learning_rate": 2e-3, "weight_decay": 0.1},
}
"""What takes the place of the settings of the tunes when they are gone through again."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", choices=SETTINGS)
    parser.add_argument("--out", help="the checkpoint to write; default NAME.safetensors")
    parser.add_argument("--first", help="a model whose weights to begin with")
    parser.add_argument("--again", action="store_true", help="train with the settings AGAIN")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    settings = {**SETTINGS[given.name], **(AGAIN if given.again else {})}
    keras.utils.set_random_seed(given.seed)
    model = musegen.models.MelodyModel(
        encoding=musegen.PitchDurationEncoding(program=settings["program"]),
        name=given.name,
        dropout=settings["dropout"],
    )
    if given.first is not None:
        model.set_weights(musegen.load(given.first).get_weights())
    bach = given.name == "bach-chorale-melody"
    corpus = chorales(voices=("soprano",)) if bach else fiddle_tunes()
    train(model, corpus, given.out or f"{given.name}.safetensors", given.seed, settings["fit"])


def train(model: Any, corpus: Corpus, out: str, seed: int, fit: dict[str, Any]) -> None:
    started = time.time()
    model.fit(corpus, checkpoint=out, seed=seed, patience=12, verbose=2, **fit)
    minutes = (time.time() - started) / 60
    print(f"{minutes:.1f} minutes since it was started last")
    test = likelihood(model, corpus.test)
    print(f"test: {test}")
    model.training_record = {
        **model.training_record,
        "test_nats": test.total,
        "test_pitch_nats": test.pitch,
        "test_duration_nats": test.duration,
        "test_events": test.events,
        "minutes": round(minutes, 1),
    }
    musegen.save_checkpoint(model, out)


if __name__ == "__main__":
    main()
