"""Which pieces are nearly the same music, and a split in which those stand on one side.

A piece's *fingerprint* is the set of its melodic turns: for every five notes in a row of the upper
line of a track, the four intervals and the ratios of the times from note to note. It stays the
same in another key, at another tempo and under other names of the tracks. Two pieces are nearly
the same if they share a fifth of all turns that either has (Jaccard index); a piece that is nearly
the same as any one of a group belongs to the group. Two transcriptions of one fiddle tune share
more than half as a rule, two settings of it a fifth to a half, and other tunes less than a tenth.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._hashing import hash_rows
from musegen.corpus.corpus import Split

NOTES = 5
"""Notes in a turn."""

SHARED = 1 / 5
"""The part of two pieces' turns that they must share to be nearly the same."""

MOST_TURNS = 512
"""Turns of a piece that are looked at: those of the lowest hash, the same ones in every piece."""

MOST_PIECES = 1000
"""A turn that more groups of equal pieces have tells nothing, and is passed over."""


def highest_of_each_start(notes: Mapping[str, NDArray]) -> NDArray[np.int64]:
    """Returns the places of the highest of the notes that begin together, in order of time."""
    order = np.lexsort((-notes["pitch"].astype(int), notes["time"]))
    return order[np.diff(notes["time"][order], prepend=-1) > 0]


def fingerprint(score: ScoreTick) -> NDArray[np.uint64]:
    """Returns the hashes of a piece's melodic turns; drums are left out.

    Args:
        score: The piece.

    Returns:
        Different hashes, ascending, `MOST_TURNS` at most.
    """
    found = [np.empty(0, np.uint64)]
    for track in score.tracks:
        notes = track.notes.numpy()
        if track.is_drum or len(notes["time"]) < NOTES:
            continue
        order = highest_of_each_start(notes)
        intervals = np.diff(notes["pitch"][order].astype(int))
        times = np.diff(notes["time"][order].astype(int))
        ratios = np.rint(2 * np.log2(times[1:] / times[:-1])).astype(int)
        count = len(intervals) - NOTES + 2
        if count < 1:
            continue
        columns = [intervals[k : k + count] for k in range(NOTES - 1)]
        columns += [ratios[k : k + count] for k in range(NOTES - 2)]
        found.append(hash_rows(columns))
    return np.unique(np.concatenate(found))[:MOST_TURNS]


def group(fingerprints: Sequence[NDArray[np.uint64]]) -> list[int]:
    """Groups pieces that are nearly the same.

    Args:
        fingerprints: One a piece.

    Returns:
        For each piece the index of the first piece of its group. A piece without a melodic turn
        is a group of its own.
    """
    parent = list(range(len(fingerprints)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    def join(a: int, b: int) -> None:
        a, b = sorted((root(a), root(b)))
        parent[b] = a

    # Pieces of equal fingerprints first, so that a folder of copies is no work.
    first: dict[bytes, int] = {}
    for index, turns in enumerate(fingerprints):
        if len(turns):
            join(index, first.setdefault(turns.tobytes(), index))
    kept = np.array(sorted(first.values()), dtype=np.int64)
    if len(kept) > 1:
        sizes = np.array([len(fingerprints[i]) for i in kept])
        owner = np.repeat(np.arange(len(kept)), sizes)
        _, turn, pieces = np.unique(
            np.concatenate([fingerprints[i] for i in kept]),
            return_inverse=True,
            return_counts=True,
        )
        turn = turn.reshape(-1)
        by_turn = owner[np.argsort(turn, kind="stable")]
        starts = np.append(0, np.cumsum(pieces))
        firsts = np.append(0, np.cumsum(sizes))
        for index in range(len(kept)):
            mine = turn[firsts[index] : firsts[index + 1]]
            mine = mine[(pieces[mine] > 1) & (pieces[mine] <= MOST_PIECES)]
            if not len(mine):
                continue
            others = np.concatenate([by_turn[starts[t] : starts[t + 1]] for t in mine])
            shared = np.bincount(others, minlength=len(kept))
            near = shared >= SHARED * (sizes[index] + sizes - shared)
            for other in np.flatnonzero(near[:index]):
                join(int(kept[index]), int(kept[other]))
    return [root(index) for index in range(len(fingerprints))]


def split_by_group(names: Sequence[str], groups: Sequence[int]) -> list[Split]:
    """Splits pieces into 80 % train, 10 % validation and 10 % test, groups staying together.

    Groups are taken in order of a hash of their names, which neither the machine nor the order of
    the pieces changes: the first tenth of the pieces is the test split, the next the validation
    split. A group of more than a tenth of the pieces is for training.

    Args:
        names: The pieces' names, all different.
        groups: The group of each piece.

    Returns:
        The split of each piece. With fewer than three groups all are for training.
    """
    key: dict[int, str] = {}
    for name, number in zip(names, groups, strict=True):
        key[number] = min(name, key.get(number, name))
    sizes = Counter(groups)
    quota = max(1, round(len(names) / 10)) if len(key) >= 3 else 0
    split_of: dict[int, Split] = {}
    left: dict[Split, int] = {"test": quota, "validation": quota}
    for number in sorted(key, key=lambda n: hashlib.sha256(key[n].encode()).digest()):
        size = sizes[number]
        place: Split = next((split for split, free in left.items() if size <= free), "train")
        if place != "train":
            left[place] -= size
        split_of[number] = place
    return [split_of[number] for number in groups]
