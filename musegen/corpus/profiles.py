"""What is in some music, and what could be learned from it: for whoever has a folder of files.

Of each family of models (`musegen train FAMILY`) it says how many notes there are to learn from,
and the command that would. A family enters in `OFFERS` what makes of pieces an `Offer`. Its figures
are of the pieces of the train split, since a model learns from no others.
"""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from symusic.core import ScoreTick

from musegen._checks import printable, shown
from musegen._timeline import bar_count, meter_stretches
from musegen.corpus.corpus import Corpus
from musegen.corpus.notes_used import NotesUsed, drum_notes
from musegen.encoding.instruments import FAMILIES, family_of
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.encoding.roll import RollTrack, instrument

MOST = 500
"""Pieces that are looked at, of a larger corpus evenly chosen."""

SHOWN = 8
"""Instruments, names and meters that are listed."""

TRACKS = 5
"""Tracks of a command at most, as many as those of the MuseGAN paper."""

FEW_NOTES = 20_000
"""Notes below which a melody model had better begin with what another one has learned."""


@dataclasses.dataclass(frozen=True)
class Offer:
    """What a family of models can learn from some music.

    Attributes:
        used: The notes that it would learn from; None if there is nothing to learn.
        options: What the command has besides the folder and the checkpoint.
        why: Why there is nothing to learn.
    """

    used: NotesUsed | None
    options: tuple[str, ...] = ()
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Profile:
    """What is in some pieces; each count is of pieces and of notes.

    Attributes:
        pieces: Pieces that were looked at.
        corpus_pieces: Pieces of the corpus.
        bars: Bars of each piece, in rising order.
        meters: Pieces by meter, such as "4/4".
        families: `(pieces, notes)` by family of instruments, the commonest first.
        names: Pieces by the names of their tracks, the commonest first.
        offers: What each family of models can learn from them.
    """

    pieces: int
    corpus_pieces: int
    bars: tuple[int, ...]
    meters: dict[str, int]
    families: dict[str, tuple[int, int]]
    names: dict[str, int]
    offers: dict[str, Offer]

    def text(self, folder: str) -> str:
        """Returns the profile, with the commands that train on a folder."""
        sample = f" (of {self.corpus_pieces:,})" if self.corpus_pieces > self.pieces else ""
        middle = self.bars[len(self.bars) // 2]
        notes = sum(count for _, count in self.families.values())
        meters = [f"{meter} in {count:,}" for meter, count in self.meters.items()]
        families = [
            f"{name} {count:,} in {pieces:,}" for name, (pieces, count) in self.families.items()
        ]
        names = [f"{name!r} in {pieces:,}" for name, pieces in self.names.items() if name]
        lines = [
            f"{self.pieces:,} pieces to train on{sample}: {notes:,} notes; {self.bars[0]:,} to "
            f"{self.bars[-1]:,} bars, half of them at most {middle:,}",
            f"  meters, by pieces: {_listed(meters)}",
            f"  notes by instruments: {_listed(families)}",
            f"  names of tracks, by pieces: {_listed(names) or 'none'}",
        ]
        for family, offer in self.offers.items():
            if offer.used is None:
                lines.append(f"musegen train {family}: {offer.why}")
                continue
            words = ["musegen", "train", family, folder, "--out", f"{family}.safetensors"]
            head, *rows = str(offer.used).splitlines()
            lines += [f"musegen train {family}: {head[0].lower()}{head[1:]}", *rows]
            lines.append(f"  {shlex.join([*words, *offer.options])}")
        return "\n".join(map(printable, lines))


def profile(corpus: Corpus) -> Profile:
    """Looks at the pieces of a corpus's train split, at most 500 of them, evenly chosen.

    Args:
        corpus: A corpus with at least one piece to train on.

    Raises:
        ValueError: If it is something else.
    """
    pieces = [piece.score for piece in getattr(corpus, "train", ())]
    if not pieces:
        raise ValueError(f"corpus={shown(corpus)}: give a Corpus with a piece to train on.")
    scores = pieces[:: -(-len(pieces) // MOST)]
    meters: Counter[str] = Counter()
    names: Counter[str] = Counter()
    in_pieces: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    for score in scores:
        sounding = [track for track in score.tracks if len(track.notes)]
        meters.update(f"{top}/{bottom}" for top, bottom in _bars_by_meter(score))
        names.update(dict.fromkeys(track.name.strip() for track in sounding).keys())
        in_pieces.update(dict.fromkeys(map(family_of, sounding)).keys())
        for track in sounding:
            notes[family_of(track)] += len(track.notes)
    return Profile(
        pieces=len(scores),
        corpus_pieces=len(pieces),
        bars=tuple(sorted(map(bar_count, scores))),
        meters=dict(meters.most_common()),
        families={name: (in_pieces[name], count) for name, count in notes.most_common()},
        names=dict(names.most_common()),
        offers={family: offer(scores) for family, offer in OFFERS.items()},
    )


def _melody(scores: Sequence[ScoreTick]) -> Offer:
    """The highest voice of each piece."""
    encoding = PitchDurationEncoding()
    reports = [encoding.encode(score).report for score in scores]
    notes = [[r.notes, r.left_out, drum_notes(s)] for r, s in zip(reports, scores, strict=True)]
    used = NotesUsed.of_lines(encoding.voice, np.array(notes))
    if not used.used:
        return Offer(None, why="nothing to learn, for there are drums alone")
    few = used.used < FEW_NOTES
    return Offer(used, ("--from", "bach-chorale-melody") if few else ())


def _musegan(scores: Sequence[ScoreTick]) -> Offer:
    """Phrases of the tracks that half of the pieces have: by their names, or else instruments."""
    bars: Counter[tuple[int, int]] = Counter()
    for score in scores:
        bars.update(_bars_by_meter(score))
    meter = next((one for one, _ in bars.most_common() if _steps(*one)), None)
    if meter is None:
        return Offer(None, why="no meter whose bars are whole sixteenth notes")
    here = [score for score in scores if meter in _bars_by_meter(score)]
    for tracks in (_names(here), _families(here), _families(here)[:1]):
        for length in (4, 2, 1):
            if not tracks:
                break
            encoding = PianorollEncoding(tuple(tracks), _steps(*meter), meter)
            used = NotesUsed.of_phrases(encoding, length)
            for score in scores:
                used.add_score(score, encoding, length)
            if all(track.used for track in used.tracks.values()):
                options = ["--tracks", *(track.name for track in tracks)]
                options += ["--meter", "{}/{}".format(*meter)] if meter != (4, 4) else []
                options += ["--bars", str(length)] if length != 4 else []
                return Offer(used, tuple(options))
    top, bottom = meter
    return Offer(None, why=f"no bar of {top}/{bottom} in which the commonest instruments sound")


OFFERS: dict[str, Callable[[Sequence[ScoreTick]], Offer]] = {"melody": _melody, "musegan": _musegan}
"""What each family of models can learn from the scores of some pieces."""


def _steps(numerator: int, denominator: int) -> int:
    """Sixteenth notes in a bar; 0 if they don't divide it, or are too many for an encoding."""
    steps, rest = divmod(16 * numerator, denominator)
    return 0 if rest or steps > 192 else steps


def _bars_by_meter(score: ScoreTick) -> Counter[tuple[int, int]]:
    bars: Counter[tuple[int, int]] = Counter()
    for _, count, meter in meter_stretches(score, max(score.end(), 0)):
        bars[meter] += count
    return +bars


def _common(found: Counter[str], pieces: int) -> list[str]:
    """What at least half of the pieces have, the commonest first."""
    return [name for name, count in found.most_common() if count >= math.ceil(pieces / 2)]


def _names(scores: Sequence[ScoreTick]) -> list[RollTrack]:
    """The tracks that half of the pieces have by name: at least two, with half of the notes."""
    found: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    for score in scores:
        pitched = [track for track in score.tracks if len(track.notes) and not track.is_drum]
        found.update(dict.fromkeys(track.name.strip().casefold() for track in pitched).keys())
        for track in score.tracks:
            notes[track.name.strip().casefold()] += len(track.notes)
    names = [name for name in _common(found, len(scores)) if name and name not in FAMILIES]
    # A command takes the words that begin with a dash for options.
    names = [name for name in names if name.isprintable() and not name.startswith("-")][:TRACKS]
    enough = 2 * sum(notes[name] for name in names) >= notes.total()
    return [RollTrack(name) for name in names] if len(names) >= 2 and enough else []


def _families(scores: Sequence[ScoreTick]) -> list[RollTrack]:
    """The instruments that half of the pieces have; at least the commonest."""
    found: Counter[str] = Counter()
    for score in scores:
        here = (family_of(track) for track in score.tracks if len(track.notes))
        found.update(dict.fromkeys(here).keys())
    names = _common(found, len(scores)) or [name for name, _ in found.most_common(1)]
    return [instrument(name) for name in names[:TRACKS]]


def _listed(items: Sequence[str]) -> str:
    more = f", and {len(items) - SHOWN:,} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more
