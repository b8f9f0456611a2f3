"""Reading speed: MIDI files turned into ids a second, on one core.

The book's way is music21's `converter.parse`, then `chordify`; musegen's is `read_midi`, then
`PitchDurationEncoding.encode`. Both read the same files, which are written to a temporary folder
first, in turns and in the same order. The files are of three kinds, since music21 takes its time a
note, and musegen most of it a file:

    soprano lines        the chorales' sopranos, one voice
    four-part chorales   chorales whole, from which musegen takes the highest voice
    sets of tunes        eight fiddle tunes in a row, one voice: about as long as a movement of the
                         cello suites that the book reads

Goal: musegen at least 1,000 times the book's way.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import book
import measure
import music
import numpy as np

GOAL = 1_000
FILES = 200
TUNES_A_SET = 8


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measures, prints, and returns the ratios."""
    options = measure.arguments(__doc__, seconds=3).parse_args(argv)

    from musegen import read_midi, write_midi
    from musegen.encoding import PitchDurationEncoding

    encoding = PitchDurationEncoding()
    measure.print_conditions(
        options.seed,
        turns=f"{options.rounds} of {options.seconds:g} s each, on one core",
    )
    measure.use_one_core()
    rows, ratios = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, scores in _scores(options.quick, options.seed).items():
            files = [
                str(write_midi(score, Path(folder) / f"{kind}-{index}.mid"))
                for index, score in enumerate(scores)
            ]
            ways = {
                "book": _way(_book_reader(), files),
                "musegen": _way(lambda path: encoding.encode(read_midi(path)), files),
            }
            rates = measure.alternate(ways, options.seconds, options.rounds)
            ratios[kind] = rates["musegen"] / rates["book"]
            notes = np.mean([score.note_num() for score in scores])
            rows.append(
                [
                    kind,
                    len(files),
                    f"{notes:.0f}",
                    measure.number(rates["book"]),
                    measure.number(rates["musegen"]),
                    f"{ratios[kind]:,.0f}x",
                ]
            )
    measure.print_table(
        ["kind", "files", "notes a file", "book, files/s", "musegen, files/s", "ratio"], rows
    )
    print(f"\nthe goal is {GOAL:,}x")
    return ratios


def _scores(quick: bool, seed: int) -> dict[str, list[Any]]:
    """The music of each kind of file, drawn at random."""
    if quick:
        tunes = [piece.score for piece in music.made_up_tunes(tunes=3).pieces]
        return {"made-up tunes": tunes}
    from musegen.corpus import chorales, fiddle_tunes

    random = np.random.default_rng(seed)

    def drawn(corpus: Any, count: int) -> list[Any]:
        places = random.choice(len(corpus), count, replace=False)
        return [corpus.pieces[place].score for place in places]

    tunes = drawn(fiddle_tunes(), FILES * TUNES_A_SET)
    return {
        "soprano lines": drawn(chorales(voices=("soprano",)), FILES),
        "four-part chorales": drawn(chorales(), FILES),
        "sets of tunes": [
            music.in_a_row(tunes[start : start + TUNES_A_SET])
            for start in range(0, len(tunes), TUNES_A_SET)
        ],
    }


def _book_reader() -> Callable[[str], Any]:
    note_table: dict[str, int] = {}
    duration_table: dict[float, int] = {}
    return lambda path: book.file_to_ids(path, note_table, duration_table)


def _way(read: Callable[[str], Any], files: list[str]) -> Callable[[], float]:
    paths = itertools.cycle(files)

    def one() -> float:
        read(next(paths))
        return 1

    return one


if __name__ == "__main__":
    main()
