"""Other music in and out: a score <-> MusicXML, pretty_midi, music21 and pypianoroll.

`to_score` is what every function that takes music calls first, `write_midi` among them. A score is
a `symusic.Score` in ticks; the conversions keep the notes (pitch, start, duration, velocity), the
tracks (name, program, drums or not), tempo and meter, and say where a library can't hold one of
them. Bars are aligned to bar lines at time 0, so a pickup is leading silence in the first bar.

All that takes music takes whatever `to_score` takes, and raises as it does: a `TypeError` if it is
no music, a `MidiError` if a file can't be read or written, or a value is out of MIDI's range. What
makes a score of another library's object raises a `ValueError` for anything else.

There is one file for each library, and the library is imported only when music is converted to
or from it. MusicXML and pypianoroll's `.npz` files, such as those of the Lakh Pianoroll Dataset,
are read and written without any.
"""

from __future__ import annotations

from musegen.interop.dispatch import MusicLike, midi_bytes, to_score, write_midi
from musegen.interop.music21 import from_music21, to_music21
from musegen.interop.musicxml import musicxml_bytes, read_musicxml, write_musicxml
from musegen.interop.pianoroll_npz import read_pianoroll_npz, write_pianoroll_npz
from musegen.interop.pretty_midi import from_pretty_midi, to_pretty_midi
from musegen.interop.pypianoroll import from_pypianoroll, to_pypianoroll

__all__ = [
    "MusicLike",
    "from_music21",
    "from_pretty_midi",
    "from_pypianoroll",
    "midi_bytes",
    "musicxml_bytes",
    "read_musicxml",
    "read_pianoroll_npz",
    "to_music21",
    "to_pretty_midi",
    "to_pypianoroll",
    "to_score",
    "write_midi",
    "write_musicxml",
    "write_pianoroll_npz",
]
