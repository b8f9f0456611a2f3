"""Which major or minor key a piece is in, what is off its scale, and whether it ends on the tonic.

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
from musegen.evaluation.notes import Notes, divided, pitched

# Of a minor key the degrees of all its scales: natural, harmonic and melodic.
MAJOR_SCALE = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11))
_MINOR = np.isin(np.arange(12), (0, 2, 3, 5, 7, 8, 9, 10, 11))
_SCALES = np.array(
    [np.roll(scale, tonic) for scale in (MAJOR_SCALE, _MINOR) for tonic in range(12)]
)


def keys_of(notes: Notes) -> NDArray[np.int64]:
    """Returns the key of each piece, `(pieces,)`: the tonic's pitch class, and 12 more if minor.

    So 0 is C major, 7 G major, 12 C minor, 21 A minor; -1 is a piece without a note that has a
    pitch. Of keys that are equally near it is the first.
    """
    distances = _distances(notes)
    return np.where(np.isnan(distances[:, 0]), -1, np.argmin(distances, axis=1))


def off_scale(notes: Notes) -> NDArray[np.float64]:
    """Measures the share of the notes of each piece, 0 to 1, that are off the scale of its key.

    The key is that of `keys_of`, one for the whole piece, so that music which goes to another key
    is off the scale there. The scale has the seven notes of a major key, and of a minor key nine,
    the sixth and the seventh being low or high (natural, harmonic and melodic minor). Notes count
    once, however long they are; drums do not.
    """
    keys, at = keys_of(notes), pitched(notes)
    off = ~_SCALES[keys[notes.piece[at]], notes.pitch[at] % 12]
    counts = np.bincount(notes.piece[at], minlength=notes.pieces)
    return divided(np.bincount(notes.piece[at], off, minlength=notes.pieces), counts)


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
