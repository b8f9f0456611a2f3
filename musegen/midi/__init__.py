"""MIDI files in and out: bytes <-> `symusic.Score`, and nothing else touches bytes.

A score holds tracks of notes, and beside them tempo, meter (time signatures), key and markers.
Its time is integer ticks, `score.ticks_per_quarter` of them to the quarter note; a note has a
start and a duration in ticks, a pitch and a velocity of 0 to 127. Without a tempo the pace is 120
quarters per minute, without a meter it is 4/4, as the MIDI standard has it. The first bar begins at
tick 0: a pickup is leading silence in the first bar.

Some rules hold for every score that is read, and again for every file that is written:

* A note of zero length gets one tick, so that a drum hit is not lost.
* Where two notes of one pitch overlap in a track, the first begun is the first ended. (MIDI has
  no way to say which of them a note-off means.)
* A track without a note is left out, as are lyrics, system exclusive messages, and a note that
  the file never ends; the end of a note that did not begin is passed over.
* Of several tempos at one tick the last one counts and is kept; meters and keys likewise. (Of more
  than 23 in a file, symusic may take another one of that tick for the last.)
* Markers at one tick are in the order of their texts (of up to 100,000 markers).
* The sustain pedal stands among the controls, as number 64; `track.pedals` is empty.

Of a damaged file those notes are read that stand clear of the damage, by the rules on top of
`musegen.midi.repair`, with a warning that says what was skipped; where no note is left, an error.
Whatever is in a file of the default `ReadLimits`, reading it takes less than 10 seconds and 500 MB
(on one core of 2026; what is under 100 kB, 1 second and 200 MB): program changes, which could make
a file grow by the thousandfold, are counted before.

So `read_midi(write_midi(score, path)) == score` for every score that `read_midi` returns, and for
every one that keeps to these rules with its events in order of time.
"""

from musegen.midi.limits import ReadLimits
from musegen.midi.reading import read_midi
from musegen.midi.rules import MAX_TEMPO, MAX_TICK, MidiError, MidiWarning
from musegen.midi.writing import midi_bytes, write_midi

__all__ = [
    "MAX_TEMPO",
    "MAX_TICK",
    "MidiError",
    "MidiWarning",
    "ReadLimits",
    "midi_bytes",
    "read_midi",
    "write_midi",
]
