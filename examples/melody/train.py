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
        "model": {"dropout": 0.3},
        "fit": {"epochs": 200, "batch_size": 16, "patience": 40},
    },
    "fiddle-tune": {
        "program": 40,
        "model": {"attention": "dot", "heads": 4},
        "fit": {"epochs": 70, "batch_size": 32, "patience": 10},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", choices=SETTINGS)
    parser.add_argument("--out", help="the checkpoint to write; default NAME.safetensors")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    bach = arguments.name == "bach-chorale-melody"
    corpus = chorales(voices=("soprano",)) if bach else fiddle_tunes()
    train(arguments.name, corpus, arguments.out, arguments.seed)


def train(name: str, corpus: Corpus, out: str | None, seed: int) -> None:
    settings = SETTINGS[name]
    out = out or f"{name}.safetensors"
    keras.utils.set_random_seed(seed)
    model = musegen.AttentionLSTM(
        encoding=musegen.PitchDurationEncoding(program=settings["program"]),
        name=name,
        **settings["model"],
    )
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
