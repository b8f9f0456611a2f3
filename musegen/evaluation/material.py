"""The music that an evaluation compares: four sets of it, all in the same form.

The sets are the subject's music, the corpus's test split, that split shuffled (as whole pieces, by
`musegen.evaluation.shuffled`), and the training split. The form is that of the subject: a MuseGAN
writes phrases, and is compared with the phrases of the splits, of which every bar begins one
(`musegen.training.roll_windows`); a model of melodies is compared with the melodies that its
encoding reads in them; music that is given is compared as it is, whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen.corpus.corpus import Corpus, Piece
from musegen.encoding.melody import Melody
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.encoding.roll import VOICES, RollTrack
from musegen.evaluation.lines import Lines
from musegen.evaluation.pianoroll import pitch_lines
from musegen.evaluation.shuffled import shuffled

if TYPE_CHECKING:
    from musegen.models.melody_model import MelodyModel
    from musegen.models.musegan import MuseGAN

PHRASES = 2_000
"""How many phrases of a MuseGAN are measured unless stated."""

BARS = 4
"""Bars of the phrases in which the tracks of given music are measured."""


@dataclasses.dataclass(frozen=True)
class Music:
    """A set of music in the forms in which it is measured; empty, or None, where it is not.

    Attributes:
        scores: As scores.
        rolls: As phrases, `(phrases, bars, steps, pitches, tracks)`.
        lines: As the pitch of each track at each step, `(steps, tracks)` a piece or phrase; of the
            splits that are learned from always whole pieces.
        melodies: As ids.
    """

    scores: list[ScoreTick]
    rolls: NDArray[np.uint8] | None = None
    lines: Lines = ()
    melodies: Sequence[Melody] = ()


@dataclasses.dataclass(frozen=True)
class Material:
    """All that an evaluation measures.

    Attributes:
        form: What one piece is, in the plural.
        subject: The subject's music.
        real: The test split.
        shuffled: The test split, shuffled.
        train: The training split.
        validation: The validation split, as lines or melodies; None if the corpus has none.
        names: The names of the training pieces.
        seed: The seed of what was written and shuffled.
        rolls: The encoding of rolls and lines.
        melodies: The encoding of melodies.
        model: The subject, if it is a model with a likelihood.
        notes: What was left out, and why.
    """

    form: str
    subject: Music
    real: Music
    shuffled: Music
    train: Music
    validation: Music | None
    names: list[str]
    seed: int
    rolls: PianorollEncoding | None = None
    melodies: PitchDurationEncoding | None = None
    model: MelodyModel | None = None
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[Music, Music, Music]:
        """What the columns of the table are: subject, real, shuffled."""
        return self.subject, self.real, self.shuffled

    @property
    def phrases(self) -> bool:
        """Whether a piece is a phrase, of as many bars as all."""
        return self.form.startswith("phrases")


def of_musegan(model: MuseGAN, corpus: Corpus, samples: int | None, seed: int) -> Material:
    """Gives phrases: those that a MuseGAN writes, and those of the splits.

    Raises:
        ValueError: If a split has no phrase of the model's form.
    """
    encoding = model.encoding

    def phrases(name: str, scores: list[ScoreTick]) -> Music:
        try:
            rolls = _phrases(scores, encoding, model.bars)
        except ValueError as error:
            raise ValueError(f"corpus {corpus.name!r}, {name} split: {error}") from None
        scores = [encoding.decode(roll) for roll in rolls]
        return Music(scores, rolls, pitch_lines(rolls, encoding.lowest))

    real = _scores(corpus.test)
    train = phrases("train", _scores(corpus.train))
    composed: Any = model.sample(count=PHRASES if samples is None else samples, seed=seed)
    rolls = np.stack([piece.roll for piece in composed])
    return Material(
        form=f"phrases of {model.bars} {'bar' if model.bars == 1 else 'bars'}",
        subject=Music(
            [piece.score for piece in composed], rolls, pitch_lines(rolls, encoding.lowest)
        ),
        real=phrases("test", real),
        shuffled=phrases("shuffled test", shuffled(real, seed)),
        train=Music(train.scores, lines=_lines(_scores(corpus.train), encoding)),
        validation=_of(corpus.validation, rolls=encoding),
        names=_names(corpus.train),
        seed=seed,
        rolls=encoding,
    )


def of_melody_model(model: MelodyModel, corpus: Corpus, samples: int | None, seed: int) -> Material:
    """Gives melodies: those that a model writes, ending them itself, and those of the splits."""
    encoding = model.encoding
    count = len(corpus.test) if samples is None else samples
    composed: Any = model.sample(notes=None, count=count, seed=seed)
    composed = composed if isinstance(composed, list) else [composed]
    real = _melodies(_scores(corpus.test), encoding, decoded=True)
    return Material(
        form="melodies",
        subject=Music(
            [piece.score for piece in composed], melodies=[piece.melody for piece in composed]
        ),
        real=real,
        shuffled=_melodies(shuffled(real.scores, seed), encoding),
        train=_melodies(_scores(corpus.train), encoding, decoded=True),
        validation=_of(corpus.validation, melodies=encoding),
        names=_names(corpus.train),
        seed=seed,
        melodies=encoding,
        model=model,
    )


def of_scores(scores: list[ScoreTick], corpus: Corpus, seed: int) -> Material:
    """Gives whole pieces, in all forms that the corpus's pieces and the subject's have in common.

    If each piece is a single line, they are melodies as well. If all pieces of the corpus have the
    same number of several tracks, and all of the subject's have as many, they are lines as well,
    and where there are such, phrases of four bars of 4/4. Tracks go by their names if the corpus's
    have the same in all pieces, else in order.
    """
    real, train = _scores(corpus.test), _scores(corpus.train)
    sets = [scores, real, shuffled(real, seed), train]
    music = [Music(each) for each in sets]
    melodies, rolls, notes = None, None, []
    given, tracks = [_tracks(score) for score in scores], [_tracks(s) for s in real + train]
    names = _common_names(tracks)
    if all(len(each) == 1 for each in tracks + given):
        encoding = PitchDurationEncoding()
        lines = [_melodies(each, encoding) for each in sets]
        if _single(lines[0]) and _single(lines[1]):
            melodies, music = encoding, lines
        else:
            notes.append("No figures of melodies and copies: some pieces are not single lines.")
    elif len(names) < 2:
        notes.append(
            "No figures of tracks, voices and copies: the corpus's pieces have not all the same "
            "number of tracks, and two or more."
        )
    elif not _fit(given, names):
        notes.append(
            "No figures of tracks, voices and copies: some of the pieces have not the corpus's "
            f"{len(names)} tracks, {', '.join(names)}."
        )
    else:
        rolls = _roll_encoding(names, sets)
        music = [Music(each, lines=_lines(each, rolls)) for each in sets]
        try:
            phrases = [_phrases(each, rolls, BARS) for each in sets[:3]]
            music[:3] = [dataclasses.replace(m, rolls=r) for m, r in zip(music, phrases)]
        except ValueError as error:
            notes.append(f"No figures of tracks and voice leading: {error}")
    return Material(
        form="pieces",
        subject=music[0],
        real=music[1],
        shuffled=music[2],
        train=music[3],
        validation=_of(corpus.validation, rolls, melodies),
        names=_names(corpus.train),
        seed=seed,
        rolls=rolls,
        melodies=melodies,
        notes=tuple(notes),
    )


def is_one_voice(scores: Sequence[ScoreTick]) -> bool:
    """Says whether no piece has more than one track with notes, drums aside."""
    return all(len(_tracks(score)) <= 1 for score in scores)


def _of(
    pieces: Sequence[Piece],
    rolls: PianorollEncoding | None = None,
    melodies: PitchDurationEncoding | None = None,
) -> Music | None:
    """Gives whole pieces as what n-grams are weighed by; None if there are none."""
    scores = _scores(pieces)
    if scores and melodies is not None:
        return _melodies(scores, melodies)
    if scores and rolls is not None:
        return Music(scores, lines=_lines(scores, rolls))
    return None


def _scores(pieces: Sequence[Piece]) -> list[ScoreTick]:
    return [piece.score for piece in pieces]


def _names(pieces: Sequence[Piece]) -> list[str]:
    return [piece.name for piece in pieces]


def _melodies(
    scores: list[ScoreTick], encoding: PitchDurationEncoding, decoded: bool = False
) -> Music:
    """Reads melodies; `decoded` scores are what the encoding makes of them, one voice on a grid."""
    melodies = [encoding.encode(score) for score in scores]
    if decoded:
        scores = [encoding.decode(melody) for melody in melodies]
    return Music(scores, melodies=melodies)


def _phrases(scores: list[ScoreTick], encoding: PianorollEncoding, bars: int) -> NDArray[np.uint8]:
    from musegen.training.roll_windows import RollWindows

    windows = RollWindows(scores, encoding, bars)
    return np.stack([windows.phrase(number) for number in range(windows.phrases)])


def _lines(scores: list[ScoreTick], encoding: PianorollEncoding) -> list[NDArray[np.int16]]:
    silence = np.zeros((0, len(encoding.tracks)), np.int16)
    rolls = (np.asarray(encoding.encode(score)) for score in scores)
    return [
        pitch_lines(roll[np.newaxis], encoding.lowest)[0] if roll.size else silence
        for roll in rolls
    ]


def _tracks(score: ScoreTick) -> list[str]:
    """The names of the tracks that have notes, drums aside."""
    return [_key(track.name) for track in score.tracks if len(track.notes) and not track.is_drum]


def _key(name: str) -> str:
    return name.strip().casefold()


def _common_names(tracks: list[list[str]]) -> list[str]:
    """What the tracks of some pieces are called: by name if all agree, else by number.

    Empty if the pieces have not all as many.
    """
    first = tracks[0]
    if all(each == first for each in tracks) and all(first) and len(set(first)) == len(first):
        return first
    if all(len(each) == len(first) for each in tracks):
        return [f"track {number}" for number in range(1, len(first) + 1)]
    return []


def _single(music: Music) -> bool:
    """Says whether all pieces are single lines: no note was left out to make them so."""
    return not any(melody.report.left_out for melody in music.melodies)


def _fit(given: list[list[str]], names: list[str]) -> bool:
    """Says whether each of some pieces has tracks of these names, or as many of other names."""
    return all(
        sorted(each) == sorted(names) or (len(each) == len(names) and not set(each) & set(names))
        for each in given
    )


def _roll_encoding(names: list[str], sets: list[list[ScoreTick]]) -> PianorollEncoding:
    """An encoding in sixteenths that keeps all notes; of the voices of a choir, one at a time."""
    voices = {voice.name: voice for voice in VOICES}
    pitches = np.concatenate(
        [
            track.notes.numpy()["pitch"]
            for scores in sets
            for score in scores
            for track in score.tracks
            if not track.is_drum
        ]
    )
    low, high = int(pitches.min()), int(pitches.max())
    tracks = tuple(voices.get(name, RollTrack(name, voice="all")) for name in names)
    return PianorollEncoding(tracks, lowest=low, pitches=high - low + 1)
