"""Which pieces are nearly the same music, and a split in which those stand on one side.

A piece's *fingerprint* is what the upper lines of its tracks are made of, in two ways:

- *Turns*: of every five notes in a row the four intervals, and the ratios of the times from note to
  note. Two pieces are nearly the same if they share a fifth of all turns that either has (Jaccard
  index). Two transcriptions of one fiddle tune share more than half as a rule, two settings of it a
  fifth to a half, and other tunes less than a tenth.
- *Phrases*: of every nine notes in a row the eight intervals, without rhythm, notes that repeat the
  one before counting as one with it. Two pieces are nearly the same if they share a quarter of the
  phrases of the shorter one, and at least 14 (22 notes in a row). So a reel is found in the clog or
  the jig that was made of it, and a tune in a longer one that has it. No chorale and no fiddle tune
  shares so much with any of the others played backwards, in which only what is common to all
  melodies, such as scales, is shared.

Both stay the same in another key, at another tempo and under other names of the tracks. A piece
that is nearly the same as any one of a group belongs to the group.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._hashing import hash_rows
from musegen.corpus.corpus import Split

TURN = 5
"""Notes in a turn."""

SHARED_TURNS = 1 / 5
"""The part of two pieces' turns that they must share to be nearly the same."""

PHRASE = 9
"""Notes in a phrase."""

SHARED_PHRASES = 1 / 4
"""The part of the phrases of the shorter of two pieces that they must share."""

LEAST_PHRASES = 14
"""Phrases that two pieces must share at least."""

MOST_HASHES = 512
"""Turns, and phrases, of a piece that are looked at: those of the lowest hash, in every piece."""

MOST_PIECES = 1000
"""A turn or phrase that more groups of equal pieces have tells nothing, and is passed over."""

ROWS = 256
"""Pieces that are compared with all before them at once."""


class Fingerprint(NamedTuple):
    """The hashes of a piece's turns and of its phrases, ascending, each once."""

    turns: NDArray[np.uint64]
    phrases: NDArray[np.uint64]


def highest_of_each_start(notes: Mapping[str, NDArray]) -> NDArray[np.int64]:
    """Returns the places of the highest of the notes that begin together, in order of time."""
    order = np.lexsort((-notes["pitch"].astype(int), notes["time"]))
    return order[np.diff(notes["time"][order], prepend=-1) > 0]


def fingerprint(score: ScoreTick) -> Fingerprint:
    """Returns the fingerprint of a piece; drums are left out."""
    turns, phrases = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for track in score.tracks:
        if track.is_drum or not track.notes:
            continue
        notes = track.notes.numpy()
        order = highest_of_each_start(notes)
        intervals = np.diff(notes["pitch"][order].astype(int))
        times = np.diff(notes["time"][order].astype(int))
        ratios = np.rint(2 * np.log2(times[1:] / times[:-1])).astype(int)
        turns.append(_in_a_row((intervals, TURN - 1), (ratios, TURN - 2)))
        phrases.append(_in_a_row((intervals[intervals != 0], PHRASE - 1)))
    return Fingerprint(*(np.unique(np.concatenate(p))[:MOST_HASHES] for p in (turns, phrases)))


def _in_a_row(*parts: tuple[NDArray, int]) -> NDArray[np.uint64]:
    """Returns hashes of so many values in a row of each array, from every place on."""
    values, length = parts[0]
    count = max(0, len(values) - length + 1)
    return hash_rows([array[k : k + count] for array, size in parts for k in range(size)])


def group(fingerprints: Sequence[Fingerprint]) -> list[int]:
    """Groups pieces that are nearly the same: returns the index of the first piece of each's group.

    A piece without a turn and without a phrase is a group of its own.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Pieces of equal fingerprints are one, so that a folder of copies is no work.
    first: dict[tuple[bytes, bytes] | int, int] = {}
    keys = [(turns.tobytes(), phrases.tobytes()) for turns, phrases in fingerprints]
    same = [first.setdefault(key if any(key) else i, i) for i, key in enumerate(keys)]
    kept = np.array(list(first.values()), dtype=np.int64)
    unlike = [fingerprints[index] for index in kept]
    row, other = np.concatenate(
        [
            _near([piece.turns for piece in unlike], _same_turns),
            _near([piece.phrases for piece in unlike], _same_phrases),
        ],
        axis=1,
    )
    links = coo_array((np.ones(len(row)), (row, other)), (len(kept), len(kept)))
    _, label = connected_components(links, directed=False)
    _, leader = np.unique(label, return_index=True)  # the first piece of each group
    group_of = dict(zip(kept.tolist(), kept[leader[label]].tolist(), strict=True))
    return [group_of[index] for index in same]


def _same_turns(shared: NDArray, size: NDArray, other: NDArray) -> NDArray[np.bool_]:
    return shared >= SHARED_TURNS * (size + other - shared)


def _same_phrases(shared: NDArray, size: NDArray, other: NDArray) -> NDArray[np.bool_]:
    return shared >= np.maximum(LEAST_PHRASES, SHARED_PHRASES * np.minimum(size, other))


def _near(
    hashes: list[NDArray[np.uint64]], same: Callable[..., NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """Returns pairs of pieces, `(2, pairs)`, for which `same(shared, size, other size)` holds."""
    from scipy.sparse import coo_array, csr_array

    sizes = np.array([len(each) for each in hashes], np.int64)
    _, column, pieces = np.unique(
        np.concatenate([np.empty(0, np.uint64), *hashes]), return_inverse=True, return_counts=True
    )
    telling = (pieces > 1) & (pieces <= MOST_PIECES)
    number, kept = np.cumsum(telling) - 1, telling[column]
    owner = np.repeat(np.arange(len(hashes), dtype=np.int32), sizes)[kept]
    table = csr_array(
        (np.ones(len(owner), np.int32), (owner, number[column[kept]])),
        (len(hashes), int(telling.sum())),
    )
    turned = table.T.tocsr()  # once: to turn a part of it for each block would take n squared
    pairs = [np.zeros((2, 0), np.int64)]
    for begin in range(0, len(hashes), ROWS):  # not all at once, which could take gigabytes
        shared = coo_array(table[begin : begin + ROWS] @ turned)
        row, other = begin + shared.coords[0], shared.coords[1]
        near = same(shared.data, sizes[row], sizes[other])
        pairs.append(np.stack([row[near], other[near]]))
    return np.concatenate(pairs, axis=1)


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
