"""Training speed: events predicted a second, forward, backward and update.

Both ways train on the soprano lines of the chorales' training split. The book's model predicts one
event a window of 32; musegen's AttentionLSTM predicts one at every position. A turn calls
`train_on_batch`, which runs the step that `fit` compiled, batch after batch; making a batch out of
the lines is in the time. Only real events count; with padding, as a model without variable lengths
would count, the figure is in brackets.

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

    from musegen.corpus.windows import MelodyWindows
    from musegen.models import AttentionLSTM

    keras.utils.set_random_seed(options.seed)
    units = 8 if options.quick else 256
    batch = 4 if options.quick else options.batch
    model = AttentionLSTM(units=units)
    corpus = music.sopranos(options.quick)
    train = [model.encoding.encode(piece.score) for piece in corpus.train]
    validation = [model.encoding.encode(piece.score) for piece in corpus.validation]
    events = sum(len(melody) - 1 for melody in train)
    measure.print_conditions(
        options.seed,
        music=f"{len(train)} lines of {corpus.name!r}, {events:,} events",
        turns=f"{options.rounds} of {options.seconds:g} s each",
    )

    # `fit` chooses the optimizer and compiles the step; its result is not used.
    model.fit((train, validation), epochs=1, batch_size=batch, seed=options.seed, verbose=0)
    batches = MelodyWindows(
        train, model.encoding, batch, shuffle=True, transpose=6, seed=options.seed
    )
    for index in range(batches.num_batches):  # each length compiles once
        model.train_on_batch(*batches[index])
    weights = [batches[index][2] for index in range(batches.num_batches)]
    padded = sum(w.size for w in weights) / sum(w.sum() for w in weights)

    ways = {
        **{
            f"book, batches of {size}": _book_way(train, model.encoding, size, units, options.seed)
            for size in (book.BATCH_SIZE, 8 * book.BATCH_SIZE)
        },
        f"musegen, batches of {batch}": _musegen_way(model, batches),
    }
    rates = measure.alternate(ways, options.seconds, options.rounds)
    first, *_ = rates.values()
    rows = [[name, measure.number(rate), f"{rate / first:.1f}x"] for name, rate in rates.items()]
    rows[-1][1] += f" ({measure.number(rates[rows[-1][0]] * padded)})"
    measure.print_table(["way", "events/s (with padding)", "ratio"], rows)
    ratio = rates[rows[-1][0]] / first
    print(f"\n{ratio:.1f} times the book's way; the goal is {GOAL}")
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
        return float(weights.sum())

    return step


if __name__ == "__main__":
    main()
