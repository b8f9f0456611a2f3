"""How pieces in four voices end, at several temperatures, beside the validation split.

    python benchmarks/endings.py bach-chorale --settings 0.6 0.8 --pieces 200

Of each setting pieces are written freely, the model ending them, and measured as the chorales of
the validation split are, by which the defaults of `sample` are chosen. Each figure is one that
`musegen evaluate` has, but of the pieces as they are, not filled up to whole bars:

    key         share of pieces that end in the key of their beginning
    cadences    share of the stops that are authentic cadences
    stops       each 16 quarters
    fifths      parallel ones, per thousand pairs; octaves likewise
    crossing    share of the steps
    scale       scale consistency
    length      mean length of a note, in quarters
    leaps       mean leap of each voice, in semitones
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import measure
import music
import numpy as np

from musegen.evaluation import (
    authentic_cadences,
    general,
    notes_of,
    returns_to_its_key,
    stops,
    voice_leading,
)
from musegen.loading import load

SETTINGS = (0.5, 0.6, 0.7, 0.8, 1.0)
"""Temperatures."""


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Writes, measures and prints, and returns the figures of each row."""
    parser = measure.documented(__doc__)
    parser.add_argument("model", help="a name that `musegen models` lists, or a checkpoint")
    parser.add_argument("--pieces", type=int, default=200, help="pieces of each setting")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", nargs="+", type=float, default=SETTINGS, metavar="X")
    parser.add_argument("--quick", action="store_true", help="made-up tunes, one setting")
    options = parser.parse_args(argv)
    model, corpus = load(options.model), music.chorales(options.quick)
    real = [model.encoding.encode(piece.score) for piece in corpus.validation]
    found = {"real": figures(model.encoding, real)}
    print(f"{'':6}" + "".join(f"{name:>12}" for name in found["real"]))
    show("real", found["real"])
    for temperature in options.settings[: 1 if options.quick else None]:
        asked = {"count": options.pieces, "seed": options.seed, "temperature": temperature}
        written = model.sample(**asked)
        pieces = [piece.music for piece in written]
        found[f"{temperature:g}"] = figures(model.encoding, pieces)
        show(f"{temperature:g}", found[f"{temperature:g}"])
    return found


def figures(encoding: Any, pieces: Sequence[Any]) -> dict[str, float]:
    """Measures pieces in voices."""
    lines, per_quarter = [one.pitches for one in pieces], encoding.steps_per_quarter
    leading, notes = voice_leading(lines), notes_of([encoding.decode(one) for one in pieces])
    leaps = {name: leap(lines, voice) for voice, name in enumerate(encoding.names)}
    return {
        "key %": 100 * returns_to_its_key(lines, per_quarter),
        "cadences %": 100 * authentic_cadences(lines, per_quarter),
        "stops": stops(lines, per_quarter),
        "fifths": leading.parallel_fifths,
        "octaves": leading.parallel_octaves,
        "crossing %": 100 * leading.crossing,
        "scale": float(np.nanmean(general.scale_consistency(notes))),
        "length": float(np.nanmean(general.mean_note_length(notes))),
        **leaps,
    }


def leap(lines: Sequence[Any], voice: int) -> float:
    """Measures the mean size of the steps and leaps of a voice, rests apart."""
    moves = []
    for line in lines:
        pitch = line[:, voice].astype(int)
        there = (pitch[1:] >= 0) & (pitch[:-1] >= 0)
        moves.append(np.abs(np.diff(pitch))[there])
    found = np.concatenate(moves)
    return float(found[found > 0].mean())


def show(name: str, row: dict[str, float]) -> None:
    """Prints a row."""
    print(f"{name:6}" + "".join(f"{value:12.3f}" for value in row.values()), flush=True)


if __name__ == "__main__":
    main()
