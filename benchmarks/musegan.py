"""MuseGAN: the chapter's step of training, its memory and its way to MIDI files, against musegen's.

Three ways, on phrases of 2 bars of 16 steps, 84 pitches and 4 tracks: the chapter's MuseGAN in
plain Keras (`book_musegan.py`), musegen's with the chapter's networks, and musegen as it is. In one
run, in turns:

- Seconds a step of training: five steps of the critic and one of the generator, on batches of 64
  random phrases; picking them is in the time. The ratio is the median of those of the rounds. "On
  JAX" musegen's steps are those of Keras's JAX engine, in processes of their own that take turns.
- Peak memory of a new process that does two such steps, TensorFlow and all. The chapter compiles
  the six as functions of their own; as one function they take more memory.
- Phrases a second as MIDI files: the chapter's, one at a time, against `sample(count=64)` and
  `save`. An untrained network of the chapter's writes three times the notes that music has, and
  music21 takes its time a note, so its files get the notes of a chorale's phrase after `predict`.
  musegen writes its own; by default a new one has about as many. Notes a file are in brackets.

`--minutes` trains the chapter's networks and musegen's default for so long each, compilation in it,
and measures 1,000 phrases of both; no figure is of a picked phrase or epoch. Both learn from all
phrases of the chorales' train split, transposed by up to 6: musegen anew every epoch, the chapter's
in four transpositions each. Row 83, which sounds in the chapter's files, counts as the rest that
it stands for. musegen's epochs are as many as fit in by the measured step. The share of tonal
distance is that of the way from the training data, 0, to the same with voices of different bars put
together, 1.

The tables are those of `docs/benchmarks.md`. Goals, on one of the engines: at least 2
times the chapter's steps with its networks and 8 times by default; at most half its memory; at
least 50 times its files.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import book_musegan
import measure
import numpy as np
from book_musegan import CRITIC_STEPS, BookMuseGAN

BARS = 2
PHRASES = 1_000
FILES = 64
TRANSPOSE = 6
NETWORKS = {"musegen, the book's networks": "book", "musegen": "compact"}
WAYS = ("the book's", *NETWORKS)
GOALS = {
    "seconds a step": "2x, 8x",
    "GB at most": "at most 0.5x",
    "MIDI files a second": "50x",
}


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measures, prints, and returns the ratios."""
    parser = measure.arguments(__doc__, seconds=4)
    parser.add_argument("--minutes", type=float, help="train two ways for so long each")
    options = parser.parse_args(argv)

    import keras
    import tensorflow as tf

    from musegen.corpus import chorales
    from musegen.models.musegan.generator import begin_at
    from musegen.training.musegan import opening_logits
    from musegen.training.roll_windows import RollWindows

    tf.config.run_functions_eagerly(options.quick)  # compiling takes longer than tiny networks do
    keras.utils.set_random_seed(options.seed)
    size = _size(options.quick)
    scores = [piece.score for piece in chorales().train[: 4 if options.quick else None]]
    windows = RollWindows(
        scores, _encoding(size), BARS, shuffle=True, transpose=TRANSPOSE, seed=options.seed
    )
    real = np.stack([windows.phrase(number) for number in range(windows.phrases)])
    measure.print_conditions(
        options.seed,
        music=f"{windows.phrases:,} phrases of {len(scores)} chorales",
        turns=f"{options.rounds} of {options.seconds:g} s each",
    )
    models = {name: _musegen(kind, size) for name, kind in NETWORKS.items()}
    # As `fit` begins: writes about as many notes as there are in music.
    begin_at(models["musegen"].generator, windows.encoding, opening_logits(windows))
    book = _WritesChorales(_rows(real), tracks=size["tracks"], narrow=size["narrow"])
    seconds, rounds = options.seconds, options.rounds

    with tempfile.TemporaryDirectory() as folder:
        ways = {WAYS[0]: _book_files(book, Path(folder, WAYS[0]))}
        ways |= {name: _files(model, Path(folder, name)) for name, model in models.items()}
        files = [measure.alternate(ways, seconds, 1) for _ in range(rounds)]
        notes = {name: f" ({_notes(Path(folder, name)):.0f} notes)" for name in WAYS}
    ways = {WAYS[0]: _book_step(book, size), **{n: _step(m, size) for n, m in models.items()}}
    with _on_jax(size) as on_jax:
        steps = [measure.alternate({**ways, **on_jax}, seconds, 1) for _ in range(rounds)]
    peaks = _peaks(size)
    one_function = f" (one function: {measure.number(peaks.pop('one function'))})"
    ratios, rows = {}, []
    for (what, goal), turns, more in zip(
        GOALS.items(), (steps, [peaks], files), ({}, {WAYS[0]: one_function}, notes), strict=True
    ):
        row = [what]
        for name in WAYS:
            value = statistics.median(turn[name] for turn in turns)
            row.append(measure.number(1 / value if turns is steps else value) + more.get(name, ""))
            if name != WAYS[0]:
                ratio = statistics.median(turn[name] / turn[WAYS[0]] for turn in turns)
                row.append(f"{measure.number(ratio)}x")
                ratios[f"{what}, {name}"] = ratio
        rows.append([*row, goal])
        if turns is steps and on_jax:
            row = [f"{what}, on JAX", "", *["", ""] * (len(NETWORKS) - len(on_jax))]
            for name in on_jax:
                rate = statistics.median(turn[name] for turn in turns)
                ratio = statistics.median(turn[name] / turn[WAYS[0]] for turn in turns)
                row += [measure.number(1 / rate), f"{measure.number(ratio)}x"]
                ratios[f"{what}, {name}"] = ratio
            rows.append([*row, goal])
    _print_markdown(["what", WAYS[0], WAYS[1], "ratio", WAYS[2], "ratio", "goal"], rows)
    if options.minutes:
        step_rate = statistics.median(turn["musegen"] for turn in steps)
        batches = -(-windows.phrases // size["batch"])
        epochs = max(1, int(0.9 * 60 * options.minutes * step_rate * CRITIC_STEPS / batches))
        _quality(scores, windows, real, size, epochs, options)
    return ratios


def musegen_steps(kind: str, size: dict[str, int]) -> None:
    """Does steps of training, for `measure.in_fresh_process`."""
    step = _step(_musegen(kind, size), size)
    for _ in range(size["steps"]):
        step()


class _WritesChorales(BookMuseGAN):
    """Runs the network, and then writes phrases of its training data."""

    def __init__(self, rows: np.ndarray, **options: Any) -> None:
        super().__init__(**options)
        self.rows = rows

    def phrases(self, count: int, seed: int) -> np.ndarray:
        super().phrases(count, seed)
        return self.rows[np.random.default_rng(seed).integers(0, len(self.rows), count)]


def _size(quick: bool) -> dict[str, int]:
    """Tracks, phrases a batch, sizes of the networks, and steps of which memory is measured."""
    if quick:
        return {"tracks": 2, "batch": 4, "narrow": 32, "units": 8, "steps": 0}
    return {"tracks": 4, "batch": book_musegan.BATCH_SIZE, "narrow": 1, "units": 384, "steps": 2}


def _encoding(size: dict[str, int]) -> Any:
    from musegen.encoding import PianorollEncoding
    from musegen.encoding.roll import VOICES

    return PianorollEncoding(
        VOICES[: size["tracks"]], lowest=0
    )  # rows are MIDI pitches, as in the chapter


def _musegen(kind: str, size: dict[str, int]) -> Any:
    import keras

    from musegen.models import MuseGAN

    model = MuseGAN(_encoding(size), BARS, units=size["units"], generator=kind, critic=kind)
    model.compile(
        *(keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9) for _ in range(2)),
        critic_steps=CRITIC_STEPS,
    )
    return model


def _rows(rolls: np.ndarray) -> np.ndarray:
    """The row that sounds at every step, `(phrases, bars, steps, tracks)`; a rest is the last."""
    sounds = rolls > 0
    return np.where(sounds.any(axis=3), sounds.argmax(axis=3), book_musegan.PITCHES - 1)


def _book_step(book: BookMuseGAN, size: dict[str, int]) -> Callable[[], float]:
    random = np.random.default_rng(0)
    shape = (256, BARS, book_musegan.STEPS, book.tracks)
    windows = book_musegan.one_hot(random.integers(0, book_musegan.PITCHES, shape))
    seeds = itertools.count()
    return lambda: len(book.fit(windows, steps=1, batch_size=size["batch"], seed=next(seeds)))


def _step(model: Any, size: dict[str, int]) -> Callable[[], float]:
    random = np.random.default_rng(0)
    shape = (256, *model.encoding.shape(BARS)[:2], len(model.encoding.tracks))
    rows = random.integers(0, model.encoding.pitches, shape)
    rolls = (book_musegan.one_hot(rows) > 0).astype(np.uint8)

    def step() -> float:
        for _ in range(CRITIC_STEPS):  # the generator's step comes with the last
            model.train_on_batch(rolls[random.integers(0, len(rolls), size["batch"])])
        return 1

    return step


@contextlib.contextmanager
def _on_jax(size: dict[str, int]) -> Iterator[dict[str, Callable[[], float]]]:
    """Starts a process on JAX for each of musegen's ways, if it is there; yields their steps."""
    ways: dict[str, Callable[[], float]] = {}
    if importlib.util.find_spec("jax") is None:
        yield ways
        return
    processes = []
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "jax"  # for those that are started here
    for name, kind in list(NETWORKS.items())[-1 if size["narrow"] > 1 else 0 :]:
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=step_when_told, args=(there, kind, size), daemon=True)
        process.start()
        processes.append(process)

        def step(here: Any = here) -> float:
            here.send(True)
            return float(here.recv())

        ways[f"{name}, on JAX"] = step
    os.environ.pop("KERAS_BACKEND")
    if before is not None:
        os.environ["KERAS_BACKEND"] = before
    yield ways
    for process in processes:
        process.kill()
        process.join()


def step_when_told(there: Any, kind: str, size: dict[str, int]) -> None:
    """Takes a step of training for each word from the other end, for ever."""
    step = _step(_musegen(kind, size), size)
    while there.recv():
        there.send(step())


def _peaks(size: dict[str, int]) -> dict[str, float]:
    """The most memory that each way holds, in GB (1e9 bytes)."""
    book = book_musegan.seconds_a_step
    works = {
        WAYS[0]: (book, size["steps"], False, size["batch"], size["narrow"]),
        "one function": (book, size["steps"], True, size["batch"], size["narrow"]),
        **{name: (musegen_steps, kind, size) for name, kind in NETWORKS.items()},
    }
    return {name: measure.in_fresh_process(*work)[1] / 1e9 for name, work in works.items()}


def _book_files(book: BookMuseGAN, folder: Path) -> Callable[[], float]:
    folder.mkdir()
    seeds = itertools.count()

    def write() -> float:
        seed = next(seeds)
        book.compose_one(folder / f"{seed % FILES}.mid", seed)
        return 1

    return write


def _files(model: Any, folder: Path) -> Callable[[], float]:
    folder.mkdir()
    seeds = itertools.count()

    def write() -> float:
        for number, phrase in enumerate(model.sample(count=FILES, seed=next(seeds))):
            phrase.save(folder / f"{number}.mid")
        return FILES

    return write


def _notes(folder: Path) -> float:
    """How many notes a file of the folder has, on average."""
    from musegen import read_midi

    return statistics.mean(read_midi(path).note_num() for path in folder.glob("*.mid"))


def _quality(
    scores: list[Any],
    windows: Any,
    real: np.ndarray,
    size: dict[str, int],
    epochs: int,
    options: Any,
) -> None:
    """Trains two ways for the same minutes, and prints the figures of what they write."""
    import keras

    from musegen import evaluation

    class StopInTime(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if time.perf_counter() > until:
                self.model.stop_training = True

    count = 20 if options.quick else PHRASES
    keras.utils.set_random_seed(options.seed)
    rows = []
    for epoch in range(1 if options.quick else 4):
        windows.start_epoch(epoch)
        rows += [_rows(windows[index]) for index in range(windows.num_batches)]
    one_hot = book_musegan.one_hot(np.concatenate(rows))
    book = BookMuseGAN(tracks=size["tracks"], narrow=size["narrow"])
    steps = book.fit(one_hot, minutes=options.minutes, batch_size=size["batch"], seed=options.seed)
    written = book_musegan.one_hot(book.phrases(count, options.seed)) > 0
    written[:, :, :, -1] = False

    started = time.perf_counter()
    until = started + 60 * options.minutes
    model = _musegen(NETWORKS["musegen"], size)
    history = model.fit(
        scores,
        epochs=epochs,
        batch_size=size["batch"],
        critic_steps=CRITIC_STEPS,
        transpose=TRANSPOSE,
        seed=options.seed,
        callbacks=[StopInTime()],
        verbose=0,
    )
    minutes = (time.perf_counter() - started) / 60
    done = len(history.epoch) * -(-windows.phrases // size["batch"]) // CRITIC_STEPS
    phrases = model.sample(count=count, seed=options.seed)
    sets = [real, written, np.stack([phrase.roll for phrase in phrases])]
    figures = {
        "pitch classes a bar": (lambda rolls: evaluation.pitch_classes_per_bar(rolls, 0), 2),
        "notes a bar": (evaluation.notes_per_bar, 2),
        "notes of 2 steps or more": (evaluation.qualified_note_share, 3),
    }
    table = [["steps", "", f"{len(steps):,}", f"{done:,}"]]
    for label, (figure, digits) in figures.items():
        values = [figure(rolls) for rolls in sets]
        table.append([label, *(", ".join(f"{x:.{digits}f}" for x in four) for four in values)])
    distances = [evaluation.tonal_distance(rolls, 0) for rolls in sets]
    table.append(["tonal distance", *(f"{distance:.3f}" for distance in distances)])
    zero, one = distances[0], evaluation.tonal_distance(real, 0, shuffle=0)
    shares = [(distance - zero) / (one - zero) for distance in distances]
    table.append(["its share", *(f"{share:.2f}" for share in shares)])
    _print_markdown(
        [f"after {options.minutes:g} minutes", "training data", WAYS[0], "musegen"], table
    )
    print(f"\nmusegen's {len(history.epoch)} of {epochs} epochs took {minutes:.2f} minutes")


def _print_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print()
    for row in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
