"""Test likelihood after the same minutes of training: nats per event, pitch and duration together.

The music is the soprano lines of the chorales in their published split, repeated notes kept, as the
model that ships is measured. Each way has the same minutes of wall time on the same cores,
validation and compilation in them; the CPU time is printed beside. The decay of musegen's learning
rate is set for `--epochs`, about as many as fit in on such cores; what is left undone when the time
is up stays undone. Each way keeps its weights of the epoch with the best validation likelihood, and
the test split is looked at once, at the end. Below them stands the n-gram, the floor that a network
must beat; it counts for seconds.

Every event of every piece is charged to both, and the same ones: notes, rests, ties (where a length
takes several note values), and the end. The book's model sees the first events of a piece behind a
padding of starts. Both give probabilities to one table of ids, 132 pitches and 26 durations.

Goal: musegen at most 2.2 nats per event after five minutes on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import book
import measure
import music
import numpy as np

GOAL = 2.2

Nats: TypeAlias = Callable[[list[Any]], tuple[float, float]]
"""From melodies to mean nats of pitch and of duration."""


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Trains both, prints the figures, and returns the test nats per event of each."""
    parser = measure.plain_arguments(__doc__)
    parser.add_argument(
        "--minutes", type=float, default=5, help="wall time for each way (default %(default)s)"
    )
    parser.add_argument("--only", choices=("book", "musegen"), help="train this one alone")
    parser.add_argument("--epochs", type=int, default=200, help="musegen's (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="musegen's (%(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="musegen's (default %(default)s)")
    parser.add_argument("--transpose", type=int, default=6, help="musegen's (default %(default)s)")
    parser.add_argument("--dropout", type=float, default=0.3, help="musegen's (%(default)s)")
    options = parser.parse_args(argv)

    import keras

    from musegen.encoding import PitchDurationEncoding
    from musegen.encoding.melody import FIRST_PITCH, TIE

    keras.utils.set_random_seed(options.seed)
    encoding = PitchDurationEncoding()
    corpus = music.sopranos(options.quick)
    melodies = {
        split: [encoding.encode(piece.score) for piece in getattr(corpus, split)]
        for split in ("train", "validation", "test")
    }
    test = np.concatenate([melody.pitches[1:] for melody in melodies["test"]])
    notes, ties = int((test >= FIRST_PITCH).sum()), int((test == TIE).sum())
    pieces = " + ".join(f"{len(lines)} {split}" for split, lines in melodies.items())
    measure.print_conditions(
        options.seed,
        music=f"{corpus.name!r}: {pieces} pieces; the test has {len(test):,} events, of which "
        f"{notes:,} notes and {ties:,} ties",
        budget=f"{options.minutes:g} minutes of wall time each, on the same cores",
        musegen=f"learning rate {options.learning_rate:g}, batches of {options.batch}, transposed "
        f"by up to {options.transpose}, dropout {options.dropout:g}",
    )
    rows, found = [], {}
    ways = {"book": _train_book, "musegen": _train_musegen, "n-gram": _fit_ngram}
    for name, train in ways.items():
        if options.only not in (None, name) and name != "n-gram":
            continue
        wall, cpu = time.perf_counter(), time.process_time()
        nats, epochs = train(melodies, encoding, options, wall + 60 * options.minutes)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        validation = nats(melodies["validation"])
        pitch, duration = nats(melodies["test"])
        found[name] = pitch + duration
        rows.append(
            [
                name,
                epochs,
                f"{wall / 60:.2f}",
                f"{cpu / 60:.2f}",
                f"{sum(validation):.3f}",
                f"{pitch:.3f}",
                f"{duration:.3f}",
                f"{found[name]:.3f}",
                f"{found[name] * len(test) / notes:.3f}",
            ]
        )
    measure.print_table(
        ["way", "epochs", "wall min", "CPU min", "valid", "pitch", "duration", "TEST", "a note"],
        rows,
    )
    print(
        "\nvalid, pitch, duration, TEST: nats an event; a note: all nats of the test over its "
        f"notes alone\nthe goal for musegen is at most {GOAL}"
    )
    if options.only is None:
        gap = found["book"] - found["musegen"]
        print(f"the book's way is {gap:.3f} nats above: {np.exp(gap):.2f} times as perplexed")
    return found


def _nats(predict: Any, melodies: list[Any]) -> tuple[float, float]:
    """Mean nats of pitch and of duration over all events but the starts."""
    total, events = np.zeros(2), 0
    for probabilities, targets in predict(melodies):
        for index, (rows, ids) in enumerate(zip(probabilities, targets, strict=True)):
            chosen = rows[np.arange(len(ids)), ids].astype(np.float64)
            total[index] -= np.log(np.maximum(chosen, 1e-38)).sum()
        events += len(targets[0])
    if events != sum(len(melody) - 1 for melody in melodies):
        raise RuntimeError("Some events were not charged, or twice.")
    pitch, duration = total / events
    return float(pitch), float(duration)


def _train_book(
    melodies: dict[str, list[Any]], encoding: Any, options: Any, deadline: float
) -> tuple[Nats, int]:
    import keras

    units = 8 if options.quick else 256
    model, _ = book.network(encoding.pitch_ids, encoding.duration_ids, units=units)
    best = keras.callbacks.EarlyStopping(
        "val_loss", patience=10**6, restore_best_weights=True, start_from_epoch=0
    )
    history = model.fit(
        *book.windows(melodies["train"]),
        validation_data=book.windows(melodies["validation"]),
        batch_size=book.BATCH_SIZE,
        validation_batch_size=8 * book.BATCH_SIZE,
        epochs=10**6,
        callbacks=[best, _stop_at(deadline, every_batch=True)],
        verbose=0,
    )

    def predict(lines: list[Any]) -> Any:
        inputs, targets = book.windows(lines)
        yield model.predict(inputs, batch_size=8 * book.BATCH_SIZE, verbose=0), targets

    return partial(_nats, predict), len(history.epoch)


def _train_musegen(
    melodies: dict[str, list[Any]], encoding: Any, options: Any, deadline: float
) -> tuple[Nats, int]:
    from musegen.models import AttentionLSTM
    from musegen.training.melody_windows import MelodyWindows

    units = 8 if options.quick else 256
    model = AttentionLSTM(encoding, units=units, dropout=options.dropout)
    history = model.fit(
        (melodies["train"], melodies["validation"]),
        epochs=options.epochs,
        batch_size=options.batch,
        learning_rate=options.learning_rate,
        transpose=options.transpose,
        patience=10**6,
        seed=options.seed,
        callbacks=[_stop_at(deadline)],
        verbose=0,
    )

    def predict(lines: list[Any]) -> Any:
        longest = max(map(len, lines))
        windows = MelodyWindows(lines, model, batch_size=32, length=longest)
        for index in range(windows.num_batches):
            inputs, targets, weights = windows[index]
            real = weights > 0
            logits = model.predict_on_batch(inputs)
            names = ("pitch", "duration")
            yield (
                [_softmax(logits[name][real]) for name in names],
                [targets[name][real] for name in names],
            )

    return partial(_nats, predict), len(history.epoch)


def _fit_ngram(
    melodies: dict[str, list[Any]], encoding: Any, options: Any, deadline: float
) -> tuple[Nats, int]:
    from musegen.evaluation import MelodyNGram, likelihood

    ngram = MelodyNGram(encoding).fit(melodies["train"], melodies["validation"])

    def nats(lines: list[Any]) -> tuple[float, float]:
        found = likelihood(ngram, lines)
        return found.pitch, found.duration

    return nats, 1


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _stop_at(deadline: float, every_batch: bool = False) -> Any:
    """A callback that ends training when the time is up."""
    import keras

    class StopAt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if every_batch and time.perf_counter() > deadline:
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if time.perf_counter() > deadline:
                self.model.stop_training = True

    return StopAt()


if __name__ == "__main__":
    main()
