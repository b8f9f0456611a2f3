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

ROWS = 256
"""Pieces that are compared with all before them at once."""


def highest_of_each_start(notes: Mapping[str, NDArray]) -> NDArray[np.int64]:
    """Returns the places of the highest of the notes that begin together, in order of time."""
    order = np.lexsort((-notes["pitch"].astype(int), notes["time"]))
    return order[np.diff(notes["time"][order], prepend=-1) > 0]


def fingerprint(score: ScoreTick) -> NDArray[np.uint64]:
    """Returns the hashes of a piece's melodic turns without drums, ascending, each once."""
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
    """Groups pieces that are nearly the same: returns the index of the first piece of each's group.

    A piece without a melodic turn is a group of its own.
    """
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import connected_components

    # Pieces of equal fingerprints are one, so that a folder of copies is no work.
    first: dict[bytes | int, int] = {}
    same = [first.setdefault(t.tobytes() or i, i) for i, t in enumerate(fingerprints)]
    kept = np.array(list(first.values()), dtype=np.int64)
    sizes = np.array([len(fingerprints[index]) for index in kept], np.int64)
    turns = np.concatenate([np.empty(0, np.uint64), *(fingerprints[index] for index in kept)])
    _, turn, pieces = np.unique(turns, return_inverse=True, return_counts=True)
    owner, telling = np.repeat(np.arange(len(kept)), sizes), pieces[turn] <= MOST_PIECES
    table = csr_array(
        (np.ones(int(telling.sum()), np.int32), (owner[telling], turn[telling])),
        (len(kept), len(pieces)),
    )
    pairs = [np.zeros((2, 0), np.int64)]
    for begin in range(0, len(kept), ROWS):  # not all at once, which could take gigabytes
        end = begin + ROWS  # each pair once
        shared = coo_array(table[begin:end] @ table[:end].T)
        row, other = begin + shared.coords[0], shared.coords[1]
        near = shared.data >= SHARED * (sizes[row] + sizes[other] - shared.data)
        pairs.append(np.stack([row[near], other[near]]))
    row, other = np.concatenate(pairs, axis=1)
    links = coo_array((np.ones(len(row)), (row, other)), (len(kept), len(kept)))
    _, label = connected_components(links, directed=False)
    _, leader = np.unique(label, return_index=True)  # the first piece of each group
    group_of = dict(zip(kept.tolist(), kept[leader[label]].tolist(), strict=True))
    return [group_of[index] for index in same]


def split_by_group(names: Sequence[str], groups: Sequence[int]) -> list[Split]:
    """Splits pieces into 80 % train, 10 % validation and 10 % test, groups staying together.

    Groups are taken in order of a hash of their names, which neither the machine nor the order of
    the pieces changes: the first tenth of the pieces is the test split, the next the validation
    split. A group of more than a tenth of the pieces is for training, and so are all with fewer
    than three groups.
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
