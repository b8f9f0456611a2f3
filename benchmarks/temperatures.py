"""What temperature and top-p do to melodies: 200 pieces at each, beside the validation split.

    python benchmarks/temperatures.py fiddle-tune fiddle-tunes
    python benchmarks/temperatures.py mine.safetensors chorales

Of each setting the figures of `musegen evaluate` that the defaults of `sample` are chosen by: each
is to be within a tenth of that of real music, and no more is to be copied from the training split
than real music has in common with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import measure
import music
import numpy as np

from musegen.evaluation import (
    copied_note_shares,
    general,
    keys,
    melody_notes,
    notes_of,
    pitch_range,
)
from musegen.loading import load

SETTINGS = [(1.0, 1.0), (0.9, 1.0), (0.8, 1.0), (1.0, 0.95), (1.0, 0.9), (0.9, 0.95)]
"""Pairs of temperature and top-p."""

MEASURES = {
    "scale": general.scale_consistency,
    "tonic": keys.ends_on_tonic,
    "leap": general.mean_melodic_leap,
    "length": general.mean_note_length,
    "repeat 1": lambda notes: general.repetition(notes, 1),
    "repeat 2": lambda notes: general.repetition(notes, 2),
    "repeat 4": lambda notes: general.repetition(notes, 4),
    "range": pitch_range,
    "pitch": lambda notes: notes.pitch,
}

COPIED = (8, 12)
"""Notes of the windows that may stand in the training split."""


def main(argv: Sequence[str] | None = None) -> dict[str, list[float]]:
    """Writes, measures and prints, and returns the figures of each row."""
    parser = measure.documented(__doc__)
    parser.add_argument("model", help="a name that `musegen models` lists, or a checkpoint")
    parser.add_argument("corpus", choices=("chorales", "fiddle-tunes"))
    parser.add_argument("--pieces", type=int, default=200, help="pieces of each setting")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--settings", nargs="+", help="temperature and top-p with a slash, such as 0.9/0.95"
    )
    parser.add_argument("--quick", action="store_true", help="made-up tunes, two settings")
    options = parser.parse_args(argv)
    settings = SETTINGS[:2] if options.quick else SETTINGS
    if options.settings:
        settings = [tuple(map(float, one.split("/"))) for one in options.settings]
    of = music.sopranos if options.corpus == "chorales" else music.fiddle_tunes
    corpus, model = of(options.quick), load(options.model)
    training, real = (
        [model.encoding.encode(piece.score) for piece in part]
        for part in (corpus.train, corpus.validation)
    )
    learned = [melody_notes(one, model.encoding) for one in training]
    found = {"real": figures(model, real, learned)}
    names = [*MEASURES, "pieces", *(f"copied {notes} %" for notes in COPIED)]
    print(f"{'':12}" + "".join(f"{name:>12}" for name in names))
    print(f"{'real':12}" + "".join(f"{value:12.3f}" for value in found["real"]), flush=True)
    for temperature, top_p in settings:
        written = model.sample(
            notes=None,
            count=options.pieces,
            seed=options.seed,
            temperature=temperature,
            top_p=top_p,
        )
        row = f"{temperature:g}/{top_p:g}"
        found[row] = figures(model, [piece.melody for piece in written], learned)
        print(f"{row:12}" + "".join(f"{value:12.3f}" for value in found[row]), flush=True)
    return found


def figures(model: Any, melodies: list[Any], learned: list[Any]) -> list[float]:
    """Returns the mean of each measure, the number of pieces, and the shares copied in %."""
    notes = notes_of([model.encoding.decode(melody) for melody in melodies])
    means = [float(np.nanmean(of(notes))) for of in MEASURES.values()]
    lines = [melody_notes(one, model.encoding) for one in melodies]
    shares = copied_note_shares(lines, learned, COPIED).shares
    return [*means, len(melodies), *(100 * share for share in shares)]


if __name__ == "__main__":
    main()
