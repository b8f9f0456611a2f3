"""Damaged MIDI files by the thousand: what `read_midi` makes of them, and what comes after it.

A mutant is one of the files in tests/midi, or a good file, that was damaged in one to four places:
bits flipped, bytes put in, taken out or repeated, two files spliced, a number replaced by one at
the edge of its range, the end cut off. Mutant `i` of a seed is the same on every machine with the
same tests/midi. Of each:

* Reading gives a score or a `MidiError`, and nothing else, in at most `SECONDS` of work and
  `MEGABYTES` above what the process had before.
* A score encodes with both encodings (or they say in a `ValueError` why not), decodes, and writes.
* What is written has no note that hangs or has no length, one end of track a track, drums on
  channel 10 and nothing else there, and reads again equal.
* mido and pretty_midi open a share of what is written, and music21 some.

Mutants run in processes of their own, so that one that crashes or hangs is named and counted.

    python benchmarks/fuzz_midi.py --count 20000 --seed 0 --jobs 2
    python benchmarks/fuzz_midi.py --count 1000000 --log counts.jsonl    # goes on where it stopped
"""

from __future__ import annotations

import collections
import dataclasses
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measure

ROOT = Path(__file__).parents[1]

SECONDS = 2.0
"""Seconds of work that reading a mutant may take."""

MEGABYTES = 200.0
"""Memory above the start that reading a mutant may take."""

HANG = 60.0
"""Seconds after which a process that makes no progress is ended."""

BATCH = 100
"""Mutants whose counts a process gives at a time."""

CHUNK = 10_000
"""Mutants for which a process is started."""

EDGES = (0, 1, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0x90, 0xC0, 0xF0, 0xF7, 0xF8, 0xFE, 0xFF)


@dataclasses.dataclass
class FuzzResult(measure.Found):
    """What became of the mutants; a failure is the mutant's number, its bytes in hex, and why.

    Attributes:
        scores: Those that gave a score.
        errors: Those that gave a `MidiError`.
        warned: Scores that came with a `MidiWarning`.
        opened: Written files that mido and pretty_midi opened.
        opened_music21: Written files that music21 opened.
    """

    scores: int = 0
    errors: int = 0
    warned: int = 0
    opened: int = 0
    opened_music21: int = 0

    def add(self, other: FuzzResult) -> None:
        """Adds the counts of further mutants."""
        for field in dataclasses.fields(self):
            mine, its = getattr(self, field.name), getattr(other, field.name)
            worst = field.name.startswith("worst")
            setattr(self, field.name, max(mine, its) if worst else mine + its)


def fuzz(
    count: int,
    seed: int = 0,
    full_share: float = 1 / 50,
    jobs: int = 1,
    log: str | os.PathLike[str] | None = None,
) -> FuzzResult:
    """Tries so many mutants.

    Args:
        count: How many mutants.
        seed: Which ones.
        full_share: Share of the written files that mido and pretty_midi open; a fortieth of it is
            opened by music21 as well.
        jobs: Processes at a time.
        log: A file that gets a line of counts for every `CHUNK` of mutants; what stands in it
            already is not tried again. None keeps none.

    Returns:
        The counts.
    """
    settings = {"seed": seed, "full_share": full_share}
    done = {}
    if log is not None and Path(log).exists():
        for line in Path(log).read_text().splitlines():
            row = json.loads(line)
            if {key: row[key] for key in settings} == settings:
                done[row["first"], row["last"]] = FuzzResult(**row["result"])
    chunks = [(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
    total = FuzzResult()
    with ThreadPoolExecutor(jobs) as pool:
        left = [chunk for chunk in chunks if chunk not in done]
        found = pool.map(lambda chunk: _guarded(*chunk, **settings), left)
        for (first, last), result in zip(left, found, strict=True):
            done[first, last] = result
            if log is not None:
                row = {**settings, "first": first, "last": last}
                with open(log, "a") as file:
                    file.write(json.dumps({**row, "result": dataclasses.asdict(result)}) + "\n")
    for chunk in chunks:
        total.add(done[chunk])
    return total


def _guarded(first: int, last: int, seed: int, full_share: float) -> FuzzResult:
    """Tries the mutants from `first` to before `last` in a process that may crash or hang."""
    total = FuzzResult()
    while first < last:
        with tempfile.TemporaryDirectory() as folder:
            progress, output = Path(folder) / "progress", Path(folder) / "output"
            progress.write_text(str(first))
            arguments = [first, last, seed, full_share, progress]
            with open(output, "wb") as stream:
                worker = subprocess.Popen(  # noqa: S603 - this file, with numbers
                    [sys.executable, __file__, "--worker", *map(str, arguments)],
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
                state, since, what = "", time.monotonic(), ""
                while worker.poll() is None:
                    time.sleep(0.05)
                    if progress.read_text() != state:
                        state, since = progress.read_text(), time.monotonic()
                    elif time.monotonic() - since > HANG:
                        worker.kill()
                        worker.wait()
                        what = f"no end after {HANG:g} seconds"
            lines = output.read_text(errors="replace").splitlines()
            results = [json.loads(line) for line in lines if line.startswith('{"tried"')]
            for result in results:
                total.add(FuzzResult(**result))
            if worker.returncode == 0:
                return total
            at = int(progress.read_text() or first)
            what = what or f"the process ended with {worker.returncode}: {lines[-1:]}"
            total.add(FuzzResult(tried=1, failures=[(at, mutant(seed, at).hex(), what)]))
            # What the batch found before it is lost with it, and tried again without it.
            first += sum(result["tried"] for result in results)
            if first < at:
                total.add(_guarded(first, at, seed, full_share))
            first = at + 1
    return total


def _work(first: int, last: int, seed: int, full_share: float, progress: str) -> None:
    """What a process does: a line of counts for each batch."""
    with open(progress, "r+b", buffering=0) as place:
        for start in range(first, last, BATCH):
            result = FuzzResult()
            for index in range(start, min(start + BATCH, last)):
                os.pwrite(place.fileno(), b"%-20d" % index, 0)
                try_one(index, seed, full_share, result)
            print(json.dumps(dataclasses.asdict(result)), flush=True)


def try_one(index: int, seed: int, full_share: float, result: FuzzResult) -> None:
    """Tries one mutant and counts what became of it."""
    from musegen.midi import MidiError, MidiWarning, read_midi

    data = mutant(seed, index)
    result.tried += 1
    before = measure.memory("VmRSS")
    measure.forget_peak()
    start = time.process_time()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            score = read_midi(data)
    except MidiError as error:
        score = None
        result.errors += 1
        if not str(error).startswith("the given bytes: ") or len(str(error)) > 2000:
            result.failures.append((index, data.hex(), f"unclear message: {error}"))
    except BaseException as error:  # noqa: BLE001 - what must not be
        result.failures.append((index, data.hex(), f"reading: {error!r}"))
        return
    seconds = time.process_time() - start
    result.worst_seconds = max(result.worst_seconds, seconds)
    taken = max(measure.memory("VmHWM") - before, 0)
    result.worst_bytes = max(result.worst_bytes, taken)
    if taken > MEGABYTES * 1e6:
        result.failures.append((index, data.hex(), f"reading took {taken / 1e6:.0f} MB"))
    if seconds > SECONDS:
        result.failures.append((index, data.hex(), f"reading took {seconds:.2f} s"))
    if score is None:
        return
    result.scores += 1
    result.warned += bool(caught)
    draw = random.Random(f"share {seed} {index}").random()  # noqa: S311 - no secret
    try:
        if any(warning.category is not MidiWarning for warning in caught):
            raise Broken(f"a warning of another kind: {caught[0].message}")
        written = _used(score)
        if draw < full_share:
            result.opened += _open_elsewhere(written, score)
        if draw < full_share / 40:
            _open_in_music21(written)
            result.opened_music21 += 1
    except Exception as error:  # noqa: BLE001 - whatever breaks is what is looked for
        result.failures.append((index, data.hex(), f"{type(error).__name__}: {error}"))


class Broken(Exception):
    """A rule that a mutant broke."""


def _used(score: Any) -> bytes:
    """Encodes, decodes, writes and reads a score, giving the file."""
    import numpy as np

    from musegen.encoding import PianorollEncoding, PitchDurationEncoding
    from musegen.midi import midi_bytes, read_midi

    for encoding in (PitchDurationEncoding(), PianorollEncoding()):
        try:
            encoded = encoding.encode(score)
        except ValueError as error:
            if "Take fewer bars" not in str(error):
                raise Broken(f"{type(encoding).__name__}: {error}") from None
            continue
        decoded = encoding.decode(encoded)
        check_written(midi_bytes(decoded), decoded)
    for track in score.tracks:
        notes = track.notes.numpy()
        if not (len(notes["time"]) and notes["duration"].min() > 0 and notes["velocity"].min() > 0):
            raise Broken("a track without notes, or a note without length or velocity")
        if not (np.diff(notes["time"]) >= 0).all():
            raise Broken("notes out of order")
    written = midi_bytes(score)
    check_written(written, score)
    if read_midi(written) != score:
        raise Broken("what is written reads otherwise")
    return written


def check_written(data: bytes, score: Any) -> None:
    """Holds a written file to its rules, by the MIDI standard alone.

    Raises:
        Broken: It breaks one.
    """
    found = list(tracks_of(data))
    kinds = collections.Counter()
    for events in found:
        ends = [event for event in events if event[1] == 0xFF and event[2][0] == 0x2F]
        if len(ends) != 1 or events[-1] != ends[0]:
            raise Broken("not one end of track at the end of a track")
        sounding: dict[tuple[int, int], list[int]] = collections.defaultdict(list)
        channels = set()
        notes = 0
        for tick, status, body in events:
            if status >= 0xF0:
                continue
            if max(body) > 127:
                raise Broken("a data byte above 127")
            channels.add(status & 15)
            key = (status & 15, body[0])
            if status >> 4 == 9 and body[1]:
                sounding[key].append(tick)
                notes += 1
            elif status >> 4 in (8, 9) and not (sounding[key] and sounding[key].pop(0) < tick):
                raise Broken("a note of no length, or ended before it is begun")
        if any(sounding.values()):
            raise Broken("a note that hangs")
        if len(channels) > 1:
            raise Broken("a track in two channels")
        if notes:
            kinds[9 in channels, notes] += 1
    expected = collections.Counter(
        (track.is_drum, len(track.notes)) for track in score.tracks if len(track.notes)
    )
    if kinds != expected:
        raise Broken(f"tracks of drums (or not) and notes {dict(kinds)}, not {dict(expected)}")


def tracks_of(data: bytes) -> Iterator[list[tuple[int, int, bytes]]]:
    """Reads a sound MIDI file: for each track its events as (tick, status, bytes that follow)."""
    if data[:8] != b"MThd\0\0\0\6" or data[8:10] != b"\0\1":
        raise Broken("no header of format 1")
    position = 14
    for _ in range(int.from_bytes(data[10:12], "big")):
        if data[position : position + 4] != b"MTrk":
            raise Broken("no track where one should be")
        end = position + 8 + int.from_bytes(data[position + 4 : position + 8], "big")
        position, tick, status, events = position + 8, 0, 0, []
        while position < end:
            wait, position = _number(data, position)
            tick += wait
            if data[position] > 127:
                status, position = data[position], position + 1
            if status == 0xFF:
                length, after = _number(data, position + 1)
                stop = after + length
            elif status in (0xF0, 0xF7):
                length, after = _number(data, position)
                stop = after + length
            else:
                stop = position + (1 if 0xC0 <= status < 0xE0 else 2)
            events.append((tick, status, data[position:stop]))
            position = stop
        if position != end:
            raise Broken("a track that is longer than it says")
        yield events
    if position != len(data):
        raise Broken("bytes after the last track")


def _number(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    while True:
        value = value << 7 | data[position] & 127
        position += 1
        if data[position - 1] < 128:
            return value, position


def _open_elsewhere(data: bytes, score: Any) -> int:
    """Opens a file in mido and in pretty_midi (which takes memory for every tick)."""
    import mido
    import pretty_midi

    file = mido.MidiFile(file=io.BytesIO(data))
    count = sum(message.type == "note_on" for track in file.tracks for message in track)
    if count < score.note_num():
        raise Broken(f"mido finds {count} of {score.note_num()} notes")
    if score.end() > 1_000_000:
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = pretty_midi.PrettyMIDI(io.BytesIO(data))
    count = sum(len(instrument.notes) for instrument in other.instruments)
    if count != score.note_num():
        raise Broken(f"pretty_midi finds {count} of {score.note_num()} notes")
    return 1


def _open_in_music21(data: bytes) -> None:
    import music21

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.mid"
        path.write_bytes(data)
        music21.converter.parse(path, format="midi", forceSource=True)


# The mutants.


def hex_file(path: Path) -> bytes:
    """Returns the bytes of a file of hex with comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return bytes.fromhex("".join(line.split("#")[0] for line in lines))


def good_files() -> list[bytes]:
    """Files that have no fault: by musegen, by mido and by pretty_midi, the same every time."""
    import mido
    import pretty_midi
    import symusic

    from musegen.midi import midi_bytes

    draw = random.Random(0)  # noqa: S311 - no secret
    files = []
    for tracks, notes in ((1, 8), (2, 20), (5, 12), (18, 3), (1, 60)):
        score = symusic.Score(draw.choice([24, 96, 480]))
        score.tempos.append(symusic.Tempo(0, mspq=500_000))
        score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
        score.time_signatures.append(symusic.TimeSignature(384, 3, 8))
        score.key_signatures.append(symusic.KeySignature(0, -2, 1))
        score.markers.append(symusic.TextMeta(96, "Trio"))
        for index in range(tracks):
            track = symusic.Track(f"Stimme {index} \u00fc", index, index == 1)
            track.controls.append(symusic.ControlChange(0, 7, 100))
            track.pitch_bends.append(symusic.PitchBend(12, -500))
            for place in range(notes):
                length = draw.choice([3, 12, 24, 200])
                pitch = draw.randrange(30, 100)
                track.notes.append(symusic.Note(24 * place, length, pitch, 1 + place))
            score.tracks.append(track)
        files.append(midi_bytes(score))
    other = mido.MidiFile(type=0, ticks_per_beat=96)
    track = mido.MidiTrack()
    other.tracks.append(track)
    track.append(mido.MetaMessage("lyrics", text="la"))
    track.append(mido.Message("sysex", data=(126, 127, 9, 1)))
    for place in range(30):
        channel = (0, 9, 3)[place % 3]
        track.append(mido.Message("program_change", channel=channel, program=place))
        track.append(mido.Message("note_on", channel=channel, note=60 + place, velocity=64))
        track.append(mido.Message("control_change", channel=channel, control=64, value=place))
        off = mido.Message("note_off", channel=channel, note=60 + place, time=200)
        track.append(off)
    stream = io.BytesIO()
    other.save(file=stream)
    files.append(stream.getvalue())
    pretty = pretty_midi.PrettyMIDI(initial_tempo=90)
    for program in (0, 40):
        instrument = pretty_midi.Instrument(program)
        for place in range(25):
            start = place * 0.21
            instrument.notes.append(pretty_midi.Note(80, 50 + place % 7, start, start + 0.3))
        pretty.instruments.append(instrument)
    stream = io.BytesIO()
    pretty.write(stream)
    return [*files, stream.getvalue()]


_ORIGINALS: list[bytes] = []


def mutant(seed: int, index: int) -> bytes:
    """Returns mutant `index` of a seed."""
    if not _ORIGINALS:
        paths = sorted((ROOT / "tests" / "midi").glob("*.hex"))
        edges = [data for data in map(hex_file, paths) if len(data) > 14]
        good = good_files()
        _ORIGINALS.extend(edges + good * (2 * len(edges) // len(good)))  # two thirds are good
    draw = random.Random((seed << 40) + index)  # noqa: S311 - no secret
    data = bytearray(draw.choice(_ORIGINALS))
    for _ in range(draw.choice([1, 1, 1, 2, 2, 3, 4])):
        draw.choice(_DAMAGES)(draw, data)
    return bytes(data[:20_000])


def _place(draw: random.Random, data: bytearray) -> int:
    """A place that is seldom in the header: there, little is left to be read."""
    return draw.randrange(14 if len(data) > 14 and draw.random() < 0.95 else 0, len(data) + 1)


def _slice(draw: random.Random, data: bytearray) -> tuple[int, int]:
    start = _place(draw, data)
    return start, min(start + draw.choice([1, 1, 2, 3, 4, 7, 20, 100]), len(data))


def _flip(draw: random.Random, data: bytearray) -> None:
    for _ in range(draw.choice([1, 1, 2, 5])):
        place = _place(draw, data)
        data[place : place + 1] = bytes(
            byte ^ 1 << draw.randrange(8) for byte in data[place : place + 1]
        )


def _overwrite(draw: random.Random, data: bytearray) -> None:
    start, stop = _slice(draw, data)
    data[start:stop] = bytes(draw.choice(EDGES) for _ in range(stop - start))


def _insert(draw: random.Random, data: bytearray) -> None:
    start, stop = _slice(draw, data)
    edges = [draw.choice(EDGES) for _ in range(stop - start)]
    data[start:start] = bytes(edges) if draw.random() < 0.5 else draw.randbytes(stop - start)


def _delete(draw: random.Random, data: bytearray) -> None:
    start, stop = _slice(draw, data)
    del data[start:stop]


def _repeat(draw: random.Random, data: bytearray) -> None:
    start, stop = _slice(draw, data)
    data[start:start] = data[start:stop] * draw.choice([1, 1, 2, 50])


def _splice(draw: random.Random, data: bytearray) -> None:
    other = draw.choice(_ORIGINALS)
    data[_place(draw, data) :] = other[draw.randrange(len(other)) :]


def _cut(draw: random.Random, data: bytearray) -> None:
    del data[_place(draw, data) :]


def _renumber(draw: random.Random, data: bytearray) -> None:
    """A length of a chunk, or a time or length within a track, becomes one at an edge."""
    chunk = [place for place in range(len(data) - 8) if data[place : place + 4] == b"MTrk"]
    if chunk and draw.random() < 0.4:
        place = draw.choice(chunk) + 4
        length = int.from_bytes(data[place : place + 4], "big")
        near = min(max(length + draw.choice([-9, -4, -1, 1, 4, 8, 30]), 0), 0xFFFFFFFF)
        value = draw.choice([0, near, near, 0x7FFFFFFF, 0xFFFFFFFF])
        data[place : place + 4] = value.to_bytes(4, "big")
    elif len(data) > 14:
        place = draw.randrange(14, len(data))
        edges = ["00", "7f", "8100", "ff7f", "818000", "ffff7f", "81808000", "ffffff7f"]
        longer = ["8080808000", "8180808000", "ffffffff7f", "80" * 19 + "00", "ff" * 20]
        data[place : place + draw.choice([0, 1])] = bytes.fromhex(draw.choice(edges + longer))


_DAMAGES = (
    _flip,
    _flip,
    _overwrite,
    _insert,
    _delete,
    _repeat,
    _splice,
    _cut,
    _renumber,
    _renumber,
)


def main() -> int:
    """Tries mutants and prints what became of them."""
    parser = measure.documented(__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--log", help="a file for the counts, from which to go on")
    options = parser.parse_args()
    start = time.perf_counter()
    found = fuzz(options.count, options.seed, jobs=options.jobs, log=options.log)
    print(f"{found.tried:,} mutants of seed {options.seed}, {time.perf_counter() - start:,.0f} s")
    for what, count in (
        ("gave a score", found.scores),
        ("  of these with a warning", found.warned),
        ("  written, and opened by mido and pretty_midi", found.opened),
        ("  written, and opened by music21", found.opened_music21),
        ("gave a MidiError", found.errors),
        ("broke a rule", len(found.failures)),
    ):
        print(f"{count:>12,}  {what}")
    print(f"{found.worst_seconds:>12.3f}  seconds for the slowest to read")
    print(f"{found.worst_bytes / 1e6:>12.1f}  MB above the start, at most")
    for index, data, what in found.failures[:20]:
        print(f"mutant {index}: {what}\n    {data[:400]}")
    return 1 if found.failures else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        begin, until, number, share, path = sys.argv[2:]
        _work(int(begin), int(until), int(number), float(share), path)
    else:
        sys.exit(main())
