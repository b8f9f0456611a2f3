"""Sampling speed: notes written a second.

The book's way calls `predict` twice a note. Most of that is the call, so beside it stand the same
windows through one compiled call a note. musegen's is `model.sample(notes=...)` as a user calls it,
for one piece and for 64 at once: drawing the noise, the compiled loop and the scores are in the
time; only notes count, not rests or ties. The model is `fiddle-tune`, which ships: what new weights
write is mostly rests.

Goals: one piece at least 1,500 times the book's way, 64 pieces at least 10,000 times.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import book
import measure
import numpy as np

PIECES = 64
GOALS = {1: 1_500, PIECES: 10_000}


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measures, prints, and returns the ratios."""
    parser = measure.arguments(__doc__, seconds=4)
    parser.add_argument(
        "--notes", type=int, default=256, help="notes of a piece (default %(default)s)"
    )
    options = parser.parse_args(argv)

    import keras

    import musegen
    from musegen.models import AttentionLSTM

    keras.utils.set_random_seed(options.seed)
    units = 8 if options.quick else 256
    notes = 8 if options.quick else options.notes
    model = AttentionLSTM(units=units) if options.quick else musegen.load("fiddle-tune")
    encoding = model.encoding
    models = book.network(encoding.pitch_ids, encoding.duration_ids, units=units)
    random = np.random.default_rng(options.seed)
    book_notes = 2 if options.quick else 16
    measure.print_conditions(
        options.seed,
        pieces=f"{notes} notes each",
        turns=f"{options.rounds} of {options.seconds:g} s each",
    )

    def book_way(step: Callable[[list[np.ndarray]], Any]) -> Callable[[], float]:
        return lambda: len(book.write(step, book_notes, random)[0])

    ways = {
        "book, predict": book_way(book.predict_each(*models)),
        "book's model, one compiled call": book_way(book.compiled_call(*models)),
        "musegen, 1 piece": _musegen_way(model, notes, 1, options.seed),
        f"musegen, {PIECES} pieces": _musegen_way(model, notes, PIECES, options.seed),
    }
    rates = measure.alternate(ways, options.seconds, options.rounds)
    predict, compiled, one, many = rates.values()
    measure.print_table(
        ["way", "notes/s", "ratio", "to the compiled call"],
        [
            [name, measure.number(rate), f"{rate / predict:,.1f}x", f"{rate / compiled:,.1f}x"]
            for name, rate in rates.items()
        ],
    )
    ratios = {1: one / predict, PIECES: many / predict}
    print()
    for count, ratio in ratios.items():
        what = "piece" if count == 1 else "pieces"
        print(f"{count} {what}: {ratio:,.0f} times the book's way; the goal is {GOALS[count]:,}")
    return {"sampling_1": ratios[1], f"sampling_{PIECES}": ratios[PIECES]}


def _musegen_way(model: Any, notes: int, count: int, seed: int) -> Callable[[], float]:
    seeds = itertools.count(seed)

    def write() -> float:
        pieces = model.sample(notes=notes, count=count, seed=next(seeds))
        return sum(piece.new_notes for piece in (pieces if count > 1 else [pieces]))

    return write


if __name__ == "__main__":
    main()
