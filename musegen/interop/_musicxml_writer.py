"""A score -> the bytes of a MusicXML 4.0 document, one part for each track.

What stands in it: names and instruments, clefs, key and time signatures, metronome marks, bars
(the first of which may be a pickup, numbered 0), voices, ties, triplets, accidentals, drums as
unpitched notes. A keyboard or a harp has two staves where its music needs both. Beams are left to
the program that opens it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET  # writes alone
from typing import Any

import numpy as np
from symusic.core import ScoreTick, TrackTick

from musegen._timeline import bars_of
from musegen.interop._engraving import STEPS, VOICES, Chord, Piece, Spans, on_grid, voices_of
from musegen.interop._tracks import DEFAULT_VELOCITY
from musegen.midi import MidiError

DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC '
    '"-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)

FORTE = 90
"""The velocity that MusicXML calls 100 per cent."""

FIFTHS = (0, 7, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)
"""Of each pitch class, where it stands in the row of fifths from C, between Ab and F#."""

KEYBOARDS = (*range(8), *range(16, 24), 46)
"""Programs that have two staves: pianos, organs and accordions, and the harp."""

# The line of a staff on which drums are written, by pitch: step, octave, and a cross for metal.
_DRUM_PLACES = {
    **{35: "F4", 36: "F4", 37: "C5x", 38: "C5", 40: "C5", 41: "A4", 43: "A4", 45: "B4", 47: "D5"},
    **{48: "D5", 50: "E5", 42: "G5x", 44: "D4x", 46: "G5x", 49: "A5x", 57: "A5x", 55: "B5x"},
    **{51: "F5x", 52: "B5x", 53: "F5x", 59: "F5x", 54: "E5x", 56: "E5x", 39: "C5x"},
}
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


def document(score: ScoreTick, title: str | None) -> bytes:
    """Returns the document; raises a `MidiError` for music that has no place in it."""
    notes_end = max((int(t.end()) for t in score.tracks if len(t.notes)), default=0)
    bars = bars_of(score, max(notes_end, 1))
    rows = on_grid(score, bars)
    quarter = score.ticks_per_quarter
    last = max((int(notes[:, 1].max()) for notes in rows if len(notes)), default=0)
    if last * quarter > bars[-1].end * STEPS:  # rounded over the last bar line
        bars = bars_of(score, -(-last * quarter // STEPS))
    exact = np.array([bar.start for bar in bars] + [bars[-1].end]) * STEPS / quarter
    lines = np.rint(exact).astype(int).tolist()
    if np.abs(exact - lines).max() > 1e-6:
        raise MidiError("the given music has bars of 64ths, and notation has meters of up to 1/32.")
    root = ET.Element("score-partwise", version="4.0")
    if title:
        _add(_add(root, "work"), "work-title", title)
    encoding = _add(_add(root, "identification"), "encoding")
    _add(encoding, "software", "musegen")
    _add(encoding, "supports", element="accidental", type="yes")
    _add(encoding, "supports", element="beam", type="no")
    listed = _add(root, "part-list")
    tempos, keys = _tempos(score, lines), _keys(score, lines, rows)
    tracks = list(zip(score.tracks, rows)) or [(TrackTick("", 0, False), np.zeros((0, 4), int))]
    for number, (track, notes) in enumerate(tracks, start=1):
        part = _Part(number, track, notes, quarter)
        part.add_to_list(listed)
        element = _add(root, "part", id=part.id)
        for index, bar in enumerate(bars):
            number_of_bar = {"number": str(bar.number)}
            if bar.number == 0:
                number_of_bar["implicit"] = "yes"
            measure = _add(element, "measure", **number_of_bar)
            part.add_attributes(measure, index == 0, keys.get(index), bar.meter)
            if number == 1:
                for place, tempo in tempos.get(index, []):
                    _add_tempo(measure, place * part.scale, tempo)
            part.add_notes(measure, index, lines, keys)
    ET.indent(root, " ")
    return (DOCTYPE + ET.tostring(root, encoding="unicode") + "\n").encode()


def _add(parent: ET.Element, tag: str, text: Any = None, **attributes: Any) -> ET.Element:
    element = ET.SubElement(
        parent, tag, {k.replace("_", "-"): str(v) for k, v in attributes.items()}
    )
    if text is not None:
        # XML has no control characters, which names in MIDI files may have.
        text = "".join(c if c.isprintable() else " " for c in str(text))
        element.text = text
    return element


def _by_bar(events: Any, lines: list[int], quarter: int) -> list[tuple[int, int, Any]]:
    """Returns each event with its bar and the step in it; what is after the end is left out."""
    found = []
    for event in events:
        step = max(round(event.time * STEPS / quarter), lines[0])
        if step < lines[-1]:
            bar = int(np.searchsorted(lines, step, side="right")) - 1
            found.append((bar, step - lines[bar], event))
    return found


def _tempos(score: ScoreTick, lines: list[int]) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, dict[int, int]] = {}
    for bar, place, event in _by_bar(score.tempos, lines, score.ticks_per_quarter):
        found.setdefault(bar, {})[place] = event.mspq  # of several at one place, the last
    return {bar: sorted(places.items()) for bar, places in found.items()}


def _keys(score: ScoreTick, lines: list[int], rows: list[Any]) -> dict[int, tuple[int, int | None]]:
    """Returns sharps (flats below 0) and mode, 1 for minor, of the bars in which a key begins.

    A key that begins within a bar is written at the next bar line. Without any, the one with most
    of the notes in its scale is chosen, and of those the one with the fewest sharps or flats.
    """
    found: dict[int, tuple[int, int | None]] = {}
    for bar, place, event in _by_bar(score.key_signatures, lines, score.ticks_per_quarter):
        bar += place > 0
        if bar < len(lines) - 1:
            found[bar] = event.key, event.tonality
    if not found:
        weights = np.zeros(12)
        for track, notes in zip(score.tracks, rows):
            if not track.is_drum:
                np.add.at(weights, notes[:, 2] % 12, notes[:, 1] - notes[:, 0])
        scale = np.array([0, 2, 4, 5, 7, 9, 11])
        shares = {f: weights[(scale + 7 * f) % 12].sum() for f in range(-6, 7)}
        found[0] = max(shares, key=lambda f: (round(shares[f], 6), -abs(f))), None
    return found


def _add_tempo(measure: ET.Element, offset: int, tempo: int) -> None:
    """Adds a metronome mark, with as many digits as give the same microseconds when it is read."""
    pace = 6e7 / tempo
    text = next(f"{pace:.{d}f}" for d in range(12) if round(6e7 / float(f"{pace:.{d}f}")) == tempo)
    direction = _add(measure, "direction", placement="above")
    metronome = _add(_add(direction, "direction-type"), "metronome")
    _add(metronome, "beat-unit", "quarter")
    _add(metronome, "per-minute", text)
    if offset:
        _add(direction, "offset", offset)
    _add(direction, "sound", tempo=text)


def spelled(pitch: int, sharps: int) -> tuple[str, int, int]:
    """Returns step, alteration and octave of a pitch, as near to a key as the row of fifths goes.

    The twelve names go from three fifths before the key's tonic to eight after it: in C major, from
    Eb to G#.
    """
    fifth = FIFTHS[pitch % 12]
    fifth += 12 * -(-(sharps - 3 - fifth) // 12)
    step, alter = "FCGDAEB"[(fifth + 1) % 7], (fifth + 1) // 7
    return step, alter, (pitch - alter) // 12 - 1


class _Part:
    """A track as a part: its staves, their clefs and voices."""

    def __init__(self, number: int, track: TrackTick, notes: Any, quarter: int) -> None:
        import pretty_midi

        self.id, self.track = f"P{number}", track
        self.divisions = quarter if quarter % STEPS == 0 else STEPS
        self.scale = self.divisions // STEPS
        self.instrument = (
            "Drums" if track.is_drum else pretty_midi.program_to_instrument_name(track.program)
        )
        self.name = track.name.strip() or self.instrument
        self.drums = sorted(set(notes[:, 2].tolist())) if track.is_drum else []
        pitches = notes[:, 2]
        two = track.program in KEYBOARDS and not track.is_drum and len(pitches) > 0
        two = bool(two and pitches.min() < 55 and pitches.max() > 64)
        staves = [notes[pitches >= 60], notes[pitches < 60]] if two else [notes]
        self.voices: list[list[list[Chord]]] = [voices_of(staff) or [[]] for staff in staves]
        self.clefs = [("G", 2, 0), ("F", 4, 0)] if two else [self._clef(pitches)]
        self.spans: list[list[Spans]] = []

    def _clef(self, pitches: Any) -> tuple[str, int | None, int]:
        if self.track.is_drum:
            return "percussion", None, 0
        mean = float(pitches.mean()) if len(pitches) else 60.0
        program, name = self.track.program, self.name.lower()
        if "tenor" in name or 24 <= program <= 31:
            return ("G", 2, -1) if mean < 68 else ("G", 2, 0)
        if program in (*range(32, 40), 43):
            return "F", 4, -1 if mean < 45 else 0
        return ("G", 2, 0) if mean >= 59 else ("F", 4, 0)

    def add_to_list(self, listed: ET.Element) -> None:
        """Adds the part's name and instruments; each drum is an instrument of its own."""
        part = _add(listed, "score-part", id=self.id)
        _add(part, "part-name", self.name)
        numbers = self.drums or [None]
        for drum in numbers:
            score_instrument = _add(part, "score-instrument", id=self._instrument(drum))
            label = self.instrument if drum is None else f"Drum {drum}"
            _add(score_instrument, "instrument-name", label)
        channel = 10 if self.track.is_drum else (int(self.id[1:]) - 1) % 15 + 1
        channel += not self.track.is_drum and channel >= 10
        for drum in numbers:
            midi = _add(part, "midi-instrument", id=self._instrument(drum))
            _add(midi, "midi-channel", channel)
            _add(midi, "midi-program", self.track.program + 1)
            if drum is not None:
                _add(midi, "midi-unpitched", drum + 1)

    def _instrument(self, drum: int | None) -> str:
        return f"{self.id}-I{1 if drum is None else drum + 1}"

    def add_attributes(
        self,
        measure: ET.Element,
        first: bool,
        key: tuple[int, int | None] | None,
        meter: tuple[int, int] | None,
    ) -> None:
        """Adds what is stated at the beginning of a bar, if anything is."""
        if not (first or key or meter):
            return
        attributes = _add(measure, "attributes")
        if first:
            _add(attributes, "divisions", self.divisions)
        if key and not self.track.is_drum:
            element = _add(attributes, "key")
            _add(element, "fifths", key[0])
            if key[1] is not None:
                _add(element, "mode", "minor" if key[1] else "major")
        if meter:
            element = _add(attributes, "time")
            _add(element, "beats", meter[0])
            _add(element, "beat-type", meter[1])
        if first:
            if len(self.clefs) > 1:
                _add(attributes, "staves", len(self.clefs))
            for number, (sign, line, octaves) in enumerate(self.clefs, start=1):
                which = {"number": number} if len(self.clefs) > 1 else {}
                clef = _add(attributes, "clef", **which)
                _add(clef, "sign", sign)
                if line:
                    _add(clef, "line", line)
                if octaves:
                    _add(clef, "clef-octave-change", octaves)

    def add_notes(
        self, measure: ET.Element, bar: int, lines: list[int], keys: dict[int, Any]
    ) -> None:
        """Adds the notes and rests of a bar, one voice after the other."""
        self.spans = self.spans or [[Spans(v, lines) for v in staff] for staff in self.voices]
        sharps = keys[max((b for b in keys if b <= bar), default=min(keys))][0]
        length = (lines[bar + 1] - lines[bar]) * self.scale
        again = False
        for staff, voices in enumerate(self.spans):
            seen: dict[tuple[str, int], int] = {}
            written: list[tuple[int, Piece, list[ET.Element]]] = []
            for index, spans in enumerate(voices):
                if index and bar not in spans.by_bar:
                    continue
                if again:
                    _add(_add(measure, "backup"), "duration", length)
                again = True
                for piece in spans.pieces(bar):
                    notes = self._add_piece(measure, piece, staff, index, sharps)
                    written.append((index, piece, notes))
            # Accidentals hold for a line of the staff until the bar ends, whatever the voice.
            for _, piece, notes in sorted(written, key=lambda one: (one[1].start, one[0])):
                for sound, note in zip(piece.sounds, notes):
                    if not self.track.is_drum:
                        step, alter, octave = spelled(sound.pitch, sharps)
                        usual = ("FCGDAEB".index(step) < sharps) - ("BEADGCF".index(step) < -sharps)
                        if not sound.before and seen.get((step, octave), usual) != alter:
                            place = list(note).index(next(iter(note.iter("type")))) + 1
                            place += len(note.findall("dot"))
                            mark = ET.Element("accidental")
                            mark.text = _ACCIDENTALS[alter]
                            note.insert(place, mark)
                        seen[step, octave] = alter

    def _add_piece(
        self, measure: ET.Element, piece: Piece, staff: int, voice: int, sharps: int
    ) -> list[ET.Element]:
        """Adds the note or notes, or the rest, of a piece."""
        notes = []
        for number, sound in enumerate(piece.sounds or [None]):
            note = _add(measure, "note")
            notes.append(note)
            cross = False
            if sound is None:
                rest = _add(note, "rest")
                if piece.value is None:
                    rest.set("measure", "yes")
                if voice:
                    note.set("print-object", "no")
            else:
                if sound.velocity != DEFAULT_VELOCITY:
                    note.set("dynamics", f"{100 * sound.velocity / FORTE:.2f}")
                if number:
                    _add(note, "chord")
                cross = self._add_pitch(note, sound.pitch, sharps)
            _add(note, "duration", piece.steps * self.scale)
            there = [] if sound is None else [("stop", sound.before), ("start", sound.after)]
            ties = [kind for kind, tied in there if tied]
            for kind in ties:
                _add(note, "tie", type=kind)
            if sound is not None and self.drums:
                _add(note, "instrument", id=self._instrument(sound.pitch))
            _add(note, "voice", staff * VOICES + voice + 1)
            if piece.value is not None:
                _add(note, "type", piece.value[0])
                for _ in range(piece.value[1]):
                    _add(note, "dot")
            if piece.triplet:
                ratio = _add(note, "time-modification")
                _add(ratio, "actual-notes", 3)
                _add(ratio, "normal-notes", 2)
            if cross:
                _add(note, "notehead", "x")
            if len(self.clefs) > 1:
                _add(note, "staff", staff + 1)
            marks = [("tied", kind) for kind in ties]
            brackets = (("start", piece.opens), ("stop", piece.closes))
            marks += [("tuplet", kind) for kind, drawn in brackets if drawn and number == 0]
            if marks:
                notations = _add(note, "notations")
                for tag, kind in marks:
                    _add(notations, tag, type=kind)
        return notes

    def _add_pitch(self, note: ET.Element, pitch: int, sharps: int) -> bool:
        """Adds a pitch, or the place of a drum; returns whether its head is a cross."""
        if self.track.is_drum:
            place = _DRUM_PLACES.get(pitch, "C5x" if pitch > 53 else "C5")
            drum = _add(note, "unpitched")
            _add(drum, "display-step", place[0])
            _add(drum, "display-octave", place[1])
            return place.endswith("x")
        step, alter, octave = spelled(pitch, sharps)
        element = _add(note, "pitch")
        _add(element, "step", step)
        if alter:
            _add(element, "alter", alter)
        _add(element, "octave", octave)
        return False
