"""Trains the two melody models that ship with musegen.

    python examples/melody/train.py bach-chorale-melody --out bach-chorale-melody.safetensors
    python examples/melody/train.py fiddle-tune --out fiddle-tune.safetensors

The best epoch is chosen on the validation split; the test split is read once, at the end. Killed
and started again with the same arguments, it goes on where it was. `musegen evaluate` measures what
comes of it.
"""

import argparse
import time

import keras

import musegen
from musegen.corpus import Corpus, chorales, fiddle_tunes
from musegen.evaluation import likelihood

SETTINGS = {
    "bach-chorale-melody": {
        "program": 0,
        "model": {"dropout": 0.6},
        "fit": {"epochs": 60, "batch_size": 16, "learning_rate": 1e-3, "patience": 20},
    },
    "fiddle-tune": {
        "program": 40,
        "model": {"dropout": 0.3},
        "fit": {"epochs": 32, "batch_size": 32, "learning_rate": 3e-3, "patience": 10},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", choices=SETTINGS)
    parser.add_argument("--out", help="the checkpoint to write; default NAME.safetensors")
    parser.add_argument("--first", help="a checkpoint whose weights to begin with")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    bach = arguments.name == "bach-chorale-melody"
    corpus = chorales(voices=("soprano",)) if bach else fiddle_tunes()
    train(arguments.name, corpus, arguments.out, arguments.seed, arguments.first)


def train(name: str, corpus: Corpus, out: str | None, seed: int, first: str | None) -> None:
    settings = SETTINGS[name]
    out = out or f"{name}.safetensors"
    keras.utils.set_random_seed(seed)
    model = musegen.models.MelodyModel(
        encoding=musegen.PitchDurationEncoding(program=settings["program"]),
        name=name,
        **settings["model"],
    )
    if first is not None:
        model.set_weights(musegen.load_checkpoint(first).get_weights())
    started = time.time()
    model.fit(corpus, checkpoint=out, seed=seed, verbose=2, **settings["fit"])
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
