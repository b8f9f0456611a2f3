"""The music that an evaluation compares: four sets of it, all in the same form.

The sets are the subject's music, the corpus's test split, that split shuffled as whole pieces, and
the training split. The form is that of the subject: of a model the form that it writes, melodies as
its encoding reads them, or phrases, of which every bar of a piece begins one
(`musegen.training.roll_windows`); music that is given is compared as it is, whole. `FORMS` has the
function that makes the material for each form.

The shuffled control is music whose notes are the real ones and whose order is chance. What a metric
gives for it says what the metric makes of music without sense, by a corpus's own pitches and
lengths. A metric that gives the same for both does not look at order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import NoteTickList, ScoreTick

from musegen._checks import checked_items
from musegen.corpus.corpus import Corpus, Split
from musegen.encoding.melody import Melody
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.encoding.roll import ONSET, VOICES, RollTrack
from musegen.evaluation.lines import Lines
from musegen.evaluation.pianoroll import pitch_lines
from musegen.sampling.tunes import LEAST_NOTES
from musegen.settings import LARGE_SEED, declared

PHRASES = 2_000
"""How many phrases of a model are measured unless stated."""

PIECES = 200
"""How many pieces of a model of voices are measured unless stated."""

BARS = 4
"""Bars of the phrases in which the tracks of given music are measured."""


@dataclasses.dataclass(frozen=True)
class Music:
    """A set of music in the forms in which it is measured; empty where it is not.

    Rolls are phrases, `(phrases, bars, steps, pitches, tracks)`; lines are `(steps, tracks)` for
    each piece or phrase, of the splits that are learned from always whole pieces.
    """

    scores: list[ScoreTick]
    rolls: NDArray[np.uint8] = dataclasses.field(default_factory=lambda: np.zeros(0, np.uint8))
    lines: Lines = ()
    melodies: Sequence[Melody] = ()


@dataclasses.dataclass(frozen=True)
class Material:
    """All that an evaluation measures."""

    columns: tuple[Music, Music, Music]  # the subject's music, the test split, and that shuffled
    train: Music
    validation: Music  # as lines or melodies
    bars: int = 0  # how many a piece has, where pieces are phrases
    rolls: PianorollEncoding | None = None  # the encoding of rolls and lines
    melodies: PitchDurationEncoding | None = None  # the encoding of melodies
    model: Any = None  # the subject, if it is a model with a likelihood
    notes: tuple[str, ...] = ()  # what was left out, and why


def of_phrases(
    model: Any, corpus: Corpus, samples: int | None, seed: int, given: str | None = None
) -> Material:
    """Returns phrases: those that a model writes, and those of the splits, which must have some.

    Where a track is given, the model writes the others to that of each phrase of the test split.
    """
    encoding = model.encoding

    def music(rolls: NDArray[np.uint8]) -> Music:
        scores = [encoding.decode(roll) for roll in rolls]
        return Music(scores, rolls, pitch_lines(rolls, encoding.lowest))

    def phrases(name: str, scores: list[ScoreTick]) -> Music:
        try:
            return music(_phrases(scores, encoding, model.bars))
        except ValueError as error:
            raise ValueError(f"corpus {corpus.name!r}, {name} split: {error}") from None

    real, whole = _scores(corpus, "test"), _scores(corpus, "train")
    train, test = phrases("train", whole), phrases("test", real)
    if given is None:
        written = model.sample(count=PHRASES if samples is None else samples, seed=seed)
    else:
        given_to = _alone(test.rolls, encoding, given)[:samples]
        written = model.sample_many(
            [{"given": {given: one}, "seed": seed + n} for n, one in enumerate(given_to)]
        )
    return Material(
        columns=(
            music(np.stack([piece.roll for piece in written])),
            test,
            phrases("shuffled test", shuffled(real, seed)),
        ),
        train=Music(train.scores, lines=_of_lines(whole, encoding).lines),
        validation=_of_lines(_scores(corpus, "validation"), encoding),
        bars=model.bars,
        rolls=encoding,
    )


def of_melodies(model: Any, corpus: Corpus, samples: int | None, seed: int) -> Material:
    """Returns melodies: those that a model writes, ending them itself, and those of the splits."""
    encoding = model.encoding
    count = len(corpus.test) if samples is None else samples
    written = model.sample(notes=None, count=count, seed=seed)
    written = written if isinstance(written, list) else [written]
    # Of the splits what the encoding reads: one voice on its grid.
    test, train = (_of_melodies(_scores(corpus, split), encoding) for split in ("test", "train"))
    real = [encoding.decode(melody) for melody in test.melodies]
    learned = [encoding.decode(melody) for melody in train.melodies]
    return Material(
        columns=(
            Music([one.score for one in written], melodies=[one.melody for one in written]),
            Music(real, melodies=test.melodies),
            _of_melodies(shuffled(real, seed), encoding),
        ),
        train=Music(learned, melodies=train.melodies),
        validation=_of_melodies(_scores(corpus, "validation"), encoding),
        melodies=encoding,
        model=model if "likelihood" in model.abilities else None,
    )


def of_pieces(scores: list[ScoreTick], corpus: Corpus, samples: int | None, seed: int) -> Material:
    """Returns whole pieces, in all forms that the corpus's and the subject's have in common.

    If each piece is a single line, they are melodies as well. If all pieces of the corpus have the
    same number of several tracks, and all of the subject's have as many, they are lines as well,
    and where there are such, phrases of four bars of 4/4. Tracks go by their names if the corpus's
    have the same in all pieces, else in order. They can't be sampled.
    """
    if samples is not None:
        raise ValueError(f"samples={samples}: given music is measured whole. Leave it out.")
    real, train = _scores(corpus, "test"), _scores(corpus, "train")
    sets = [scores, real, shuffled(real, seed), train, _scores(corpus, "validation")]
    music = [Music(each) for each in sets]
    melodies, rolls, notes = None, None, []
    given, tracks = [_tracks(score) for score in scores], [_tracks(s) for s in real + train]
    names = _common_names(tracks)
    if all(len(each) == 1 for each in tracks + given):
        encoding = PitchDurationEncoding()
        lines = [_of_melodies(each, encoding) for each in sets]
        if any(melody.report.left_out for each in lines[:2] for melody in each.melodies):
            notes.append("No figures of melodies and copies: some pieces are not single lines.")
        else:
            melodies, music = encoding, lines
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
        music = [_of_lines(each, rolls) for each in sets]
        try:
            phrases = [_phrases(each, rolls, BARS) for each in sets[:3]]
            music[:3] = [dataclasses.replace(m, rolls=r) for m, r in zip(music, phrases)]
        except ValueError as error:
            notes.append(f"No figures of tracks and voice leading: {error}")
    return Material(
        columns=(music[0], music[1], music[2]),
        train=music[3],
        validation=music[4],
        rolls=rolls,
        melodies=melodies,
        notes=tuple(notes),
    )


def of_voices(
    model: Any, corpus: Corpus, samples: int | None, seed: int, given: str | None = None
) -> Material:
    """Returns whole pieces in several voices: those that a model writes, and those of the splits.

    The model ends its pieces itself; where a voice is given, it writes the others to that of each
    piece of the test split instead.
    """
    if given is None:
        written = model.sample(count=PIECES if samples is None else samples, seed=seed)
        written = written if isinstance(written, list) else [written]
    else:
        number = _number(given, model.encoding.names)
        written = []
        for score in _scores(corpus, "test")[:samples]:
            music = model.encoding.encode(score)
            keep = np.zeros(music.pitches.shape, bool)
            keep[:, number] = True
            written.append(model.sample(given=music, keep=keep, seed=seed + len(written)))
    material = of_pieces([one.score for one in written], corpus, None, seed)
    return dataclasses.replace(material, model=model)


FORMS: dict[str, Callable[[Any, Corpus, int | None, int], Material]] = {
    "melodies": of_melodies,
    "phrases": of_phrases,
    "pieces": of_pieces,
    "voices": of_voices,
}
"""How material is made, by what a model `writes`, or "pieces" for given scores:
`(model or scores, corpus, samples, seed)`."""


def is_one_voice(scores: Sequence[ScoreTick]) -> bool:
    """Returns whether no piece has more than one track with notes, drums aside."""
    return all(len(_tracks(score)) <= 1 for score in scores)


def _scores(corpus: Corpus, split: Split) -> list[ScoreTick]:
    return [piece.score for piece in getattr(corpus, split)]


def _alone(rolls: NDArray[np.uint8], encoding: PianorollEncoding, track: str) -> list[ScoreTick]:
    """One track of each phrase in which it has a tune, by itself."""
    number = _number(track, [one.name for one in encoding.tracks])
    own = np.where(np.arange(len(encoding.tracks)) == number, rolls, 0).astype(np.uint8)
    tunes = own[(own == ONSET).sum(axis=(1, 2, 3, 4)) >= LEAST_NOTES]
    if not len(tunes):
        raise ValueError(f"given={track!r}: no phrase of the test split has a tune in it.")
    return [encoding.decode(tune) for tune in tunes]


def _number(given: str, names: Sequence[str]) -> int:
    """The number of the track that is given."""
    if given not in names:
        raise ValueError(f"given={given!r}: choose among {', '.join(names)}.")
    return names.index(given)


def _of_melodies(scores: list[ScoreTick], encoding: PitchDurationEncoding) -> Music:
    return Music(scores, melodies=[encoding.encode(score) for score in scores])


def _phrases(scores: list[ScoreTick], encoding: PianorollEncoding, bars: int) -> NDArray[np.uint8]:
    from musegen.training.roll_windows import RollWindows

    windows = RollWindows(scores, encoding, bars)
    return np.stack([windows.phrase(number) for number in range(windows.phrases)])


def _of_lines(scores: list[ScoreTick], encoding: PianorollEncoding) -> Music:
    silence = np.zeros((0, len(encoding.tracks)), np.int16)
    rolls = (np.asarray(encoding.encode(score)) for score in scores)
    lines = [pitch_lines(r[np.newaxis], encoding.lowest)[0] if r.size else silence for r in rolls]
    return Music(scores, lines=lines)


def _tracks(score: ScoreTick) -> list[str]:
    """The names of the tracks that have notes, drums aside, without regard to case."""
    tracks = [track for track in score.tracks if len(track.notes) and not track.is_drum]
    return [track.name.strip().casefold() for track in tracks]


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


def _fit(given: list[list[str]], names: list[str]) -> bool:
    """Returns whether each of some pieces has tracks of these names, or as many of other names."""
    return all(
        sorted(each) == sorted(names) or (len(each) == len(names) and not set(each) & set(names))
        for each in given
    )


def _roll_encoding(names: list[str], sets: list[list[ScoreTick]]) -> PianorollEncoding:
    """An encoding in sixteenths that keeps all notes; of the voices of a choir, one at a time."""
    voices = {voice.name: voice for voice in VOICES}
    tracks = [track for scores in sets for score in scores for track in score.tracks]
    pitches = [track.notes.numpy()["pitch"] for track in tracks if not track.is_drum]
    low, high = int(np.concatenate(pitches).min()), int(np.concatenate(pitches).max())
    kept = tuple(voices.get(name, RollTrack(name, voice="all")) for name in names)
    return PianorollEncoding(kept, lowest=low, pitches=high - low + 1)


@declared
def shuffled(
    scores: Sequence[ScoreTick], seed: Annotated[int, LARGE_SEED, "Seed of the orders"] = 0
) -> list[ScoreTick]:
    """Puts the notes of each track in a random order, each track by itself.

    The notes of a track that begin at one tick are a chord, and stay together. A chord takes its
    time with it: that from its start to the next chord's, for the last one to the end of the
    track's last note. The chords with their times are put in a random order, all orders being
    equally likely, and follow each other from where the first one began.

    So every track keeps its notes, with pitch, duration and velocity, its chords, and its times
    between onsets, and loses their order; the tracks lose their agreement. Of the metrics of a
    piece, those of its pitches alone stay as they are. A track of one voice sounds for as long as
    before: it ends where it ended, or earlier by the rest that comes last. Where notes sound on
    below later ones, they may end later, and two of one pitch may overlap. Tempo, meter and
    controls stay where they are.

    Args:
        scores: The pieces, at least one; they are not changed.

    Returns:
        As many pieces. The same seed, score and place in `scores` give the same order.
    """
    scores = checked_items("scores", scores, ScoreTick, "a list of symusic.Score in ticks")
    return [_shuffled(score, [seed, index]) for index, score in enumerate(scores)]


def _shuffled(score: ScoreTick, seed: list[int]) -> ScoreTick:
    """Shuffles one piece."""
    score = score.copy()
    for number, track in enumerate(score.tracks):
        notes = track.notes.numpy()
        if not len(notes["time"]):
            continue
        time = notes["time"].astype(np.int64)
        starts, chord = np.unique(time, return_inverse=True)
        slots = np.diff(starts, append=(time + notes["duration"]).max())
        order = np.random.default_rng([*seed, number]).permutation(len(starts))
        moved = np.empty(len(starts), np.int64)
        moved[order] = starts[0] + np.cumsum(slots[order]) - slots[order]
        time = moved[chord]
        by_time = np.argsort(time, kind="stable")
        track.notes = NoteTickList.from_numpy(
            time[by_time].astype(np.int32),
            *(notes[name][by_time] for name in ("duration", "pitch", "velocity")),
        )
    return score
