"""Training speed: events predicted a second, forward, backward and update.

The book's model predicts one event a window of 32; musegen's AttentionLSTM predicts one at every
position. A turn calls `train_on_batch`, which runs the step that `fit` compiled, batch after batch;
making a batch out of the lines is in the time. Only real events count; the figure in brackets
counts padding too. musegen is measured on the training splits of two corpora: the fiddle tunes,
which are many, so that lines of like length fill a batch, and the sopranos of the chorales, which
are few, so that a third of a batch is padding. The book's windows are all of one size, so that it
takes the same time on either; it is measured on the sopranos.

Goal: musegen at least 40 times the book's way with the book's batches of 32.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import book
import measure
import music
import numpy as np

GOAL = 40


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measures, prints, and returns the ratios."""
    parser = measure.arguments(__doc__, seconds=4)
    parser.add_argument("--batch", type=int, default=64, help="musegen's batch size (default 64)")
    options = parser.parse_args(argv)

    import keras

    from musegen.encoding import PitchDurationEncoding
    from musegen.models import AttentionLSTM
    from musegen.training.melody_windows import MelodyWindows

    keras.utils.set_random_seed(options.seed)
    units = 8 if options.quick else 256
    batch = 4 if options.quick else options.batch
    corpora = [music.sopranos(options.quick), music.fiddle_tunes(options.quick)]
    encoding = PitchDurationEncoding()
    splits = [
        [[encoding.encode(piece.score) for piece in split] for split in (c.train, c.validation)]
        for c in corpora
    ]
    measure.print_conditions(
        options.seed,
        music=", ".join(f"{len(c.train)} lines of {c.name!r}" for c in corpora),
        turns=f"{options.rounds} of {options.seconds:g} s each",
    )
    ways: dict[str, Callable[[], float]] = {
        f"book, batches of {size}": _book_way(splits[0][0], encoding, size, units, options.seed)
        for size in (book.BATCH_SIZE, 8 * book.BATCH_SIZE)
    }
    names, padding = list(ways), {}
    for corpus, (train, validation) in zip(corpora, splits, strict=True):
        model = AttentionLSTM(encoding, units=units)
        # `fit` chooses the optimizer and compiles the step; its result is not used.
        model.fit((train, validation[:8]), epochs=1, batch_size=batch, verbose=0)
        batches = MelodyWindows(train, model, batch, shuffle=True, transpose=6, seed=options.seed)
        for index in range(batches.num_batches):  # each length compiles once
            model.train_on_batch(*batches[index])
        name = f"musegen, batches of {batch}, {corpus.name}"
        weights = [batches[index][2] for index in range(batches.num_batches)]
        padding[name] = sum(w.size for w in weights) / sum(np.sum(w > 0) for w in weights)
        ways[name] = _musegen_way(model, batches)
    rates = measure.alternate(ways, options.seconds, options.rounds)
    first, best = rates[names[0]], max(rates[name] for name in names)
    rows = []
    for name, rate in rates.items():
        shown = measure.number(rate)
        if name in padding:
            shown += f" ({measure.number(rate * padding[name])})"
        rows.append([name, shown, f"{rate / first:.1f}x", f"{rate / best:.1f}x"])
    columns = ["way", "events/s (with padding)", "ratio to the first", "to the book's best"]
    measure.print_table(columns, rows)
    ratio = rates[name] / first
    print(
        f"\n{ratio:.1f} times the book's way, and {rates[name] / best:.1f} times the best of its "
        f"batch sizes; the goal is {GOAL} times the first"
    )
    return {"training": ratio}


def _book_way(
    melodies: list[Any], encoding: Any, batch: int, units: int, seed: int
) -> Callable[[], float]:
    inputs, targets = book.windows(melodies)
    order = np.random.default_rng(seed).permutation(len(targets[0]))
    inputs, targets = [x[order] for x in inputs], [y[order] for y in targets]
    model, _ = book.network(encoding.pitch_ids, encoding.duration_ids, units=units)
    starts = itertools.cycle(range(0, max(1, len(order) - batch + 1), batch))

    def step() -> float:
        part = slice(start := next(starts), start + batch)
        model.train_on_batch([x[part] for x in inputs], [y[part] for y in targets])
        return len(targets[0][part])

    return step


def _musegen_way(model: Any, batches: Any) -> Callable[[], float]:
    indices = itertools.cycle(range(batches.num_batches))

    def step() -> float:
        inputs, targets, weights = batches[next(indices)]
        model.train_on_batch(inputs, targets, weights)
        return float(np.sum(weights > 0))

    return step


if __name__ == "__main__":
    main()
