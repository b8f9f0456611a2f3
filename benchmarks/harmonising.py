"""Harmonising many tunes: 64 at once beside one after the other.

    python benchmarks/harmonising.py

The tunes are the first 16 bars of sopranos of the chorales' test split, in 4/4. One after the other
is `model.sample(given=..., keep=...)` for each, as `musegen harmonise` does; at once is one call of
`model.sample_many`. Both write the same music, with the defaults: each harmonisation is written
`tries` times, of which one is drawn, so that one alone is a batch already; `--tries 1` writes each
once.

Goal: 64 at once at least 20 times as fast a piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import measure
import music
import numpy as np

from musegen.encoding.voices import Voices

AT_ONCE, BARS, GOAL = 64, 16, 20


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measures, prints, and returns pieces a second of both ways, and their ratio."""
    parser = measure.arguments(__doc__, seconds=20)
    parser.add_argument("--tries", type=int, default=8, help="(default %(default)s)")
    options = parser.parse_args(argv)

    import musegen

    model = musegen.load("bach-chorale")
    at_once, bars = (2, 1) if options.quick else (AT_ONCE, BARS)
    tunes = itertools.cycle(sopranos(model, bars, options.quick))
    requests = [
        {"given": tune, "keep": keep, "seed": seed, "tries": options.tries}
        for seed, (tune, keep) in zip(range(at_once), tunes)
    ]
    measure.print_conditions(options.seed, pieces=f"{bars} bars each, {options.tries} tries")
    turn = itertools.cycle(requests)

    def alone() -> float:
        model.sample(**next(turn))
        return 1

    def together() -> float:
        return len(model.sample_many(requests))

    ways = {"one after the other": alone, f"{at_once} at once": together}
    rates = measure.alternate(ways, options.seconds, options.rounds)
    one, many = rates.values()
    for name, rate in rates.items():
        print(f"{name:20} {rate:8.3f} pieces a second, {1 / rate:8.3f} s a piece")
    print(f"{many / one:.1f} times as fast; goal {GOAL}")
    return {**rates, "ratio": many / one}


def sopranos(model: Any, bars: int, quick: bool) -> list[tuple[Voices, np.ndarray]]:
    """Returns the sopranos of the test split that have so many bars, cut to them, as they are kept.

    All are in 4/4, so that they are equally long and nothing is compiled in between.
    """
    found = []
    for piece in music.chorales(quick).test:
        whole = model.encoding.encode(piece.score)
        steps = bars * model.encoding.bar_steps((4, 4))
        if len(whole) >= steps and [meter[1:] for meter in whole.meters] == [(4, 4)]:
            keep = np.zeros((steps, model.encoding.voices), bool)
            keep[:, 0] = True
            pitches = np.where(keep, whole.pitches[:steps], -1)
            struck = whole.struck[:steps] & keep
            tempos = whole.tempos[:1]
            found.append((Voices(pitches, struck, tempos, whole.meters, whole.pickup), keep))
    return found


if __name__ == "__main__":
    main()
