"""Trains the two melody models that ship with musegen, and measures them.

    python examples/melody/train.py bach-chorale-melody --out bach-chorale-melody.safetensors
    python examples/melody/train.py fiddle-tune --out fiddle-tune.safetensors

The best epoch is chosen on the validation split; the test split is read once, at the end. Killed
and started again with the same arguments, it goes on where it was.
"""

import argparse
import platform
import time

import keras

import musegen
from musegen.corpus import chorales, fiddle_tunes
from musegen.evaluation import likelihood

SETTINGS = {
    "bach-chorale-melody": {
        "program": 0,
        "model": {"dropout": 0.3},
        "fit": {"epochs": 150, "batch_size": 16, "patience": 30},
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
    parser.add_argument("--out", required=True, help="the checkpoint to write")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    settings = SETTINGS[arguments.name]
    bach = arguments.name == "bach-chorale-melody"
    corpus = chorales(voices=("soprano",)) if bach else fiddle_tunes()
    keras.utils.set_random_seed(arguments.seed)
    model = musegen.AttentionLSTM(
        encoding=musegen.PitchDurationEncoding(program=settings["program"]),
        name=arguments.name,
        **settings["model"],
    )
    started = time.time()
    model.fit(corpus, checkpoint=arguments.out, seed=arguments.seed, verbose=2, **settings["fit"])
    minutes = (time.time() - started) / 60

    test = likelihood(model, corpus.test)
    print(f"validation: {likelihood(model, corpus.validation)}")
    print(f"test: {test}")
    print(f"{minutes:.1f} minutes on {platform.processor() or platform.machine()}")
    model.training_record.update(
        test_nats=test.total,
        test_pitch_nats=test.pitch,
        test_duration_nats=test.duration,
        test_events=test.events,
        minutes=round(minutes, 1),
    )
    musegen.save_checkpoint(model, arguments.out)


if __name__ == "__main__":
    main()
