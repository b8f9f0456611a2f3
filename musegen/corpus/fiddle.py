"""Fiddle tunes, from the corpus of music21: Ryan's Mammoth Collection and O'Neill's 1850.

Both are transcriptions in ABC notation of printed collections of dance tunes and airs (Boston 1883,
Chicago 1903). Repeats are not played out. Of a double stop the highest note is kept, so a tune is
one line.

A part of a tune that ends with a whole bar less its pickup, and begins with that pickup, is right
as it stands. Where bars don't add up so (one in seven tunes: a part without a pickup follows one
with, or a bar is too short), silence is put in, so that every bar begins on a bar line; a bar that
holds more than its meter can't be mended so, and the tune is left out.

The files state a tempo for almost no tune. The pace is one for each meter, at which the dances of
that meter are played (`PACES`).
"""

from __future__ import annotations

import functools
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

from symusic.core import NoteTickList, ScoreTick, TempoTick

from musegen.corpus.bundled import Parsed, Score, read_bundled
from musegen.corpus.corpus import Corpus, ScanRow, Split
from musegen.corpus.duplicates import fingerprint, group, highest_of_each_start, split_by_group
from musegen.interop import from_music21

FIDDLE_PROGRAM = 40
PACES = {(2, 2): 200, (4, 4): 160, (6, 8): 172, (9, 8): 165, (12, 8): 165, (3, 8): 150}
"""Quarters per minute of the dances of a meter."""
OTHER_PACE = 112
METERS = {"2/2", "3/2", "2/4", "3/4", "4/4", "5/4", "6/4", "3/8", "6/8", "9/8", "12/8"}
"""Meters that the collections use; music21 gives what is left of an overfull bar another."""


def fiddle_tunes() -> Corpus:
    """Returns the fiddle tunes of Ryan's Mammoth Collection and O'Neill's 1850.

    The first call reads them with music21, which takes one to three minutes, and keeps the result
    in the user's cache folder; later calls take a fraction of a second.

    Returns:
        About 3,000 pieces named by collection, number and title, each with one track "melody".
        Tunes that are nearly the same stand in one split.
    """
    return read_bundled("fiddle_tunes", ["oneills1850", "ryansMammoth"], parse_tunes, _split)


def _split(scores: list[Score]) -> list[Split]:
    """Returns the split of each tune, settings of one tune standing on one side."""
    return split_by_group(
        [name for name, _ in scores], group([fingerprint(score) for _, score in scores])
    )


def parse_tunes(path: Path) -> list[Parsed]:
    """Reads one ABC file; returns for each tune its row and, if kept, its score."""
    from music21 import converter, stream

    whole: Any = converter.parse(path, forceSource=True)
    parsed: list[Parsed] = []
    for tune in whole.scores if isinstance(whole, stream.Opus) else [whole]:
        title = " ".join((tune.metadata.title or "untitled").split())
        if path.parent.name == "ryansMammoth":
            name = f"Ryan's Mammoth {_places(path.parent)[path.name]}: {title}"
        else:
            name = f"O'Neill {int(tune.metadata.number)}: {title}"
        try:
            _put_bars_on_bar_lines(tune.parts[0])
        except _Overfull as bar:
            parsed.append((ScanRow(name, "a bar holds more than its meter", str(bar)), None))
            continue
        parsed.append((ScanRow(name), _melody(from_music21(tune))))
    return parsed


@functools.cache
def _places(folder: Path) -> dict[str, int]:
    return {name: place for place, name in enumerate(sorted(os.listdir(folder)), start=1)}


def _melody(score: ScoreTick) -> ScoreTick:
    """Keeps the highest note of each start, and sets name, program and pace."""
    track = score.tracks[0]
    notes = track.notes.numpy()
    kept = highest_of_each_start(notes)
    track.notes = NoteTickList.from_numpy(
        *(notes[column][kept] for column in ("time", "duration", "pitch", "velocity"))
    )
    track.name, track.program = "melody", FIDDLE_PROGRAM
    meter = score.time_signatures[0]
    pace = PACES.get((meter.numerator, meter.denominator), OTHER_PACE)
    score.tempos = type(score.tempos)([TempoTick(0, qpm=pace)])
    return score


class _Overfull(Exception):
    """A bar holds more than its meter."""


def _put_bars_on_bar_lines(part: Any) -> None:
    """Moves the measures of a music21 part, so that every whole bar begins on a bar line.

    A short measure follows the one before if both fit into one bar. Else it begins a bar, or, being
    a pickup (less than half a bar, before a measure with which it doesn't fit into one bar), ends
    one.
    """
    measures = [m for m in part.getElementsByClass("Measure") if m.quarterLength]
    lengths = [Fraction(measure.quarterLength) for measure in measures]
    first = measures[0].timeSignature.barDuration.quarterLength
    bar = Fraction(first)
    time = max(bar - lengths[0], Fraction(0))  # a short first measure is a pickup
    silence = time
    bar_line = Fraction(0)  # where the bar begins that `time` is in
    for index, (measure, length) in enumerate(zip(measures, lengths, strict=True)):
        meter = measure.timeSignature
        if meter is not None:
            if meter.ratioString not in METERS or length > meter.barDuration.quarterLength:
                raise _Overfull(f"bar {measure.number}")
            if Fraction(meter.barDuration.quarterLength) != bar:
                if time > bar_line:
                    time = bar_line = bar_line + bar
                bar = Fraction(meter.barDuration.quarterLength)
        if time + length > bar_line + bar:
            time = bar_line = bar_line + bar
        following = lengths[index + 1] if index + 1 < len(lengths) else Fraction(0)
        if index and length < bar / 2 and time + length + following > bar_line + bar:
            time = bar_line + bar - length
        part.setElementOffset(measure, time - silence)
        time += length
        while time >= bar_line + bar:
            bar_line += bar
    part.coreElementsChanged()
