"""The shuffled control: music whose notes are the real ones and whose order is chance.

What a metric gives for it says what the metric makes of music without sense, by a corpus's own
pitches and lengths. A metric that gives the same for both does not look at order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from symusic.core import NoteTickList, ScoreTick

from musegen._checks import checked_items
from musegen.settings import LARGE_SEED, declared


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
