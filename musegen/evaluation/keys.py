"""Which major or minor key a piece is in, and whether a melody ends on its tonic.

The key is found from how long each pitch class sounds in the whole piece: `musegen.encoding.keys`
has the rule and its source.

On music whose key is stated the one that is found is the same for 90 % of the 2,954 fiddle tunes
and 75 % of the 409 chorale sopranos of `musegen.corpus`; a soprano without its chords is often in
two keys at once, and modal hymn tunes are stated as major or minor. The profiles were counted in
the first and the last eight measures of classical pieces, which is also where the algorithm of
their authors looks; here the whole piece counts, since melodies are short.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.keys import is_tonic, key_distances
from musegen.evaluation.notes import Notes, pitched


def keys_of(notes: Notes) -> NDArray[np.int64]:
    """Returns the key of each piece, `(pieces,)`: the tonic's pitch class, and 12 more if minor.

    So 0 is C major, 7 G major, 12 C minor, 21 A minor; -1 is a piece without a note that has a
    pitch. Of keys that are equally near it is the first.
    """
    distances = _distances(notes)
    return np.where(np.isnan(distances[:, 0]), -1, np.argmin(distances, axis=1))


def ends_on_tonic(notes: Notes) -> NDArray[np.float64]:
    """Returns whether each melody ends on the tonic of its key, in any octave: 1 or 0.

    The key is that of `keys_of`, the last note counting in it; of keys that are equally near, any
    will do. A piece is a melody if never more than one of its notes sounds at a time, drums left
    out; other pieces have nan.
    """
    distances, at = _distances(notes), pitched(notes)
    at = at[np.lexsort((notes.start[at], notes.piece[at]))]
    ends = np.diff(notes.piece[at], append=notes.pieces) > 0
    piece = notes.piece[at][ends]
    found = np.full(notes.pieces, np.nan)
    found[piece] = is_tonic(distances[piece], notes.pitch[at][ends] % 12)
    overlaps = (notes.end[at][:-1] > notes.start[at][1:]) & ~ends[:-1]
    found[notes.piece[at][:-1][overlaps]] = np.nan
    return found


def _distances(notes: Notes) -> NDArray[np.float64]:
    """Measures how far each piece is from each key, `(pieces, 24)`; nan without a pitch."""
    at = pitched(notes)
    cells = notes.piece[at] * 12 + notes.pitch[at] % 12
    sums = np.bincount(cells, (notes.end - notes.start)[at], minlength=notes.pieces * 12)
    return key_distances(sums.reshape(notes.pieces, 12))
