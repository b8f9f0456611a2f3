"""Bach's four-part chorales, from the corpus of music21.

409 scores have a soprano, an alto, a tenor and a bass once instruments that double them or play
beside them are left out. They are named by BWV number. Repeats are not played out, and the pace
is 84 quarters per minute, the scores stating none. The split is that of Boulanger-Lewandowski,
Bengio and Vincent, "Modeling Temporal Dependencies in High-Dimensional Sequences" (ICML 2012),
as published figures use it: see `musegen.corpus.chorale_split`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symusic.core import ScoreTick, TempoTick

from musegen._checks import checked_items, shown
from musegen.corpus.bundled import Parsed, Score, read_bundled
from musegen.corpus.chorale_split import CHORALE_SPLIT
from musegen.corpus.corpus import Corpus, CorpusError, ScanRow, Split
from musegen.interop import from_music21

VOICES = ("soprano", "alto", "tenor", "bass")
QUARTERS_A_MINUTE = 84


def chorales(voices: str | Sequence[str] = VOICES) -> Corpus:
    """Returns Bach's four-part chorales.

    The first call reads the scores with music21, which takes up to half a minute, and keeps the
    result in the user's cache folder; later calls take milliseconds.

    Args:
        voices: Which of `"soprano"`, `"alto"`, `"tenor"` and `"bass"` to keep, at least one, each
            once, in order of the tracks; or the name of one.

    Returns:
        409 pieces named by BWV number ("BWV 269"), each with one track per voice, named after it.

    Raises:
        CorpusError: If a voice is unknown or named twice.
    """
    names = [voices] if isinstance(voices, str) else voices
    try:
        names = checked_items("voices", names, str, "names")
    except ValueError:
        names = []
    if not names or len(set(names)) < len(names) or not set(names) <= set(VOICES):
        raise CorpusError(
            f"voices={shown(voices)}: choose one or more of {', '.join(VOICES)}, each once."
        )
    corpus = read_bundled("chorales", ["bach"], parse_chorale, _split)
    for piece in corpus.pieces:
        piece.score.tracks = _in_order(piece.score, names)
    return corpus


def _split(scores: list[Score]) -> list[Split]:
    """Returns the published split of each chorale."""
    return [CHORALE_SPLIT.get(name, "train") for name, _ in scores]


def _in_order(score: ScoreTick, voices: Sequence[str]) -> Any:
    """Returns the tracks of some voices, in order of the voices."""
    tracks = {track.name: track for track in score.tracks}
    return type(score.tracks)([tracks[voice] for voice in voices])


def parse_chorale(path: Path) -> list[Parsed]:
    """Reads one file of music21's folder of Bach; returns its row and, if kept, its score."""
    name = "BWV " + re.sub(r"^bwv", "", path.stem)
    if path.suffix == ".krn":
        return [(ScanRow(path.name, "a second file of a work", f"{name} is there as .mxl"), None)]
    from music21 import converter

    whole: Any = converter.parse(path, forceSource=True)
    found = {}
    for part in list(whole.parts):
        label = str(part.partName or part.id).lower()
        voice = next((v for v in VOICES if label.startswith(v) and v not in found), None)
        if voice is None:
            whole.remove(part)
        else:
            found[voice] = part
            part.partName = voice
    missing = [voice for voice in VOICES if voice not in found]
    if missing:
        return [(ScanRow(path.name, "not in four voices", f"no {' or '.join(missing)}"), None)]
    _mark_short_bars(found["soprano"])
    score = from_music21(whole)
    score.tracks = _in_order(score, VOICES)
    score.tempos = type(score.tempos)([TempoTick(0, qpm=QUARTERS_A_MINUTE)])
    return [(ScanRow(name), score)]


def _mark_short_bars(part: Any) -> None:
    """States the meter of a bar that is shorter than the meter, so that later bars begin right.

    Measures that fill one bar together, as before and after a repeat, are one bar.
    """
    from music21 import meter

    measures = list(part.getElementsByClass("Measure"))
    sign = measures[0].timeSignature
    bar = sign.barDuration.quarterLength
    begin = measures[0].quarterLength if measures[0].quarterLength < bar else 0
    for measure in measures[bool(begin) :]:
        short = measure.offset - begin
        if short and (measure.timeSignature or short + measure.quarterLength > bar):
            part.insert(begin, meter.TimeSignature(f"{int(short)}/4"))
            if not measure.timeSignature:
                part.insert(measure.offset, meter.TimeSignature(sign.ratioString))
            begin = measure.offset
        sign = measure.timeSignature or sign
        bar = sign.barDuration.quarterLength
        while measure.offset + measure.quarterLength >= begin + bar:
            begin += bar
