"""The music that the benchmarks measure on: Bach's chorales, fiddle tunes, and made-up music."""

from __future__ import annotations

import dataclasses

import numpy as np
import symusic

import musegen.corpus
from musegen.corpus import Corpus, Piece
from musegen.corpus.bach import VOICES

TICKS = 24


def sopranos(quick: bool) -> Corpus:
    """The sopranos of the chorales in their published split, or a few made-up tunes."""
    return made_up_tunes() if quick else musegen.corpus.chorales(voices=("soprano",))


def chorales(quick: bool) -> Corpus:
    """The chorales in four voices in their published split, or made-up tunes in four octaves."""
    if not quick:
        return musegen.corpus.chorales()
    tunes = made_up_tunes()
    pieces = [dataclasses.replace(one, score=_in_octaves(one.score)) for one in tunes.pieces]
    return Corpus(tunes.name, tuple(pieces))


def fiddle_tunes(quick: bool) -> Corpus:
    """The fiddle tunes, or a few made-up ones."""
    return made_up_tunes() if quick else musegen.corpus.fiddle_tunes()


def made_up_tunes(tunes: int = 12, notes: int = 20, seed: int = 0) -> Corpus:
    """Random walks up and down the scale of C, for trying out a script.

    Args:
        tunes: How many; half are for training, a quarter each for validation and test.
        notes: Notes a tune.
        seed: Seed of the walks.
    """
    random = np.random.default_rng(seed)
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72])
    pieces = []
    for index in range(tunes):
        degrees = np.abs(np.cumsum(random.integers(-2, 3, notes))) % len(scale)
        score = _line(scale[degrees], random.choice([TICKS // 2, TICKS, 2 * TICKS], notes))
        split = ("train", "validation", "train", "test")[index % 4]
        pieces.append(Piece(f"tune {index + 1}", split, score))
    return Corpus("made-up tunes", tuple(pieces))


def in_a_row(scores: list[symusic.Score]) -> symusic.Score:
    """Puts lines one after the other, in the tempo and the meter of the first."""
    pitches, durations = [], []
    for score in scores:
        notes = score.tracks[0].notes.numpy()
        begins = np.append(notes["time"], max(score.end(), notes["time"][-1] + 1))
        pitches.append(notes["pitch"])
        durations.append(np.diff(begins))
    row = _line(np.concatenate(pitches), np.concatenate(durations), scores[0].ticks_per_quarter)
    row.tempos, row.time_signatures = scores[0].tempos, scores[0].time_signatures
    return row


def _in_octaves(score: symusic.Score) -> symusic.Score:
    """A tune, and below it the same one, two and three octaves lower."""
    for voice, name in enumerate(VOICES[1:], start=1):
        track = score.tracks[0].shift_pitch(-12 * voice)
        track.name = name
        score.tracks.append(track)
    score.tracks[0].name = VOICES[0]
    return score


def _line(pitches: np.ndarray, durations: np.ndarray, ticks: int = TICKS) -> symusic.Score:
    score = symusic.Score(ticks)
    score.tempos.append(symusic.Tempo(0, qpm=100))
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    track = symusic.Track("melody", 0, False)
    track.notes = symusic.Note.from_numpy(
        (np.cumsum(durations) - durations).astype(np.int32),
        durations.astype(np.int32),
        pitches.astype(np.int8),
        np.full(len(pitches), 80, np.int8),
        "tick",
    )
    score.tracks.append(track)
    return score
