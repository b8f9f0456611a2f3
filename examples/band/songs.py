"""Songs for a band by rules that are known, so that what a model learned of them can be counted.

    python examples/band/songs.py my-songs
    python examples/band/songs.py --judge band.safetensors

The first writes a folder of MIDI files. The second counts in how many bars that a model has written
each rule holds, and evaluates it against songs that it was not trained on; `docs/howto/band.md`
goes all the way. A song has 16 bars of 4/4 in a major key, four times
the same four chords, one a bar:

    chords   one of six progressions
    drums    one of three patterns; in every fourth bar a fill on the last beat
    bass     the root of the chord, and in one of three patterns its fifth, in one of three rhythms
    guitar   the chord, struck in one of three rhythms
    piano    the chord, held for half a bar, or broken into eighths
    strings  two notes of the chord, held for a bar; silent in the first four bars
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import symusic

import musegen
from musegen.corpus import Corpus, Piece
from musegen.encoding.roll import ONSET, instrument

ENCODING = musegen.PianorollEncoding(
    tracks=tuple(map(instrument, ("drums", "bass", "guitar", "piano", "strings"))),
    lowest=28,  # E1
    pitches=56,
)
MAJOR, TRIAD = (0, 2, 4, 5, 7, 9, 11), (0, 2, 4)  # degrees of the scale, degrees of a chord
PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (0, 4, 3, 4), (1, 4, 0, 5))
"""Roots of four bars, degrees of the scale from 0."""

KICK, SNARE, HAT, OPEN, TOM = 36, 38, 42, 46, 45
STEP = 120  # ticks of a sixteenth
BAR = 16
DRUMS = (
    {KICK: (0, 8), SNARE: (4, 12), HAT: range(0, 16, 2)},
    {KICK: (0, 4, 8, 12), SNARE: (4, 12), OPEN: (2, 6, 10, 14)},
    {KICK: (0, 6, 10), SNARE: (4, 12), HAT: range(0, 16)},
)
FILL = {SNARE: (12, 13), TOM: (14, 15)}
BASS = (  # steps, and the degree above the root
    tuple((step, 0) for step in range(0, 16, 4)),
    tuple((step, 0) for step in range(0, 16, 2)),
    ((0, 0), (6, 0), (8, 4), (14, 4)),
)
GUITAR = ((2, 6, 10, 14), (0, 3, 6, 8, 11, 14), (4, 12))
PROGRAMS = {"bass": 33, "guitar": 25, "piano": 0, "strings": 48}


def song(seed: int) -> symusic.core.ScoreTick:
    """Writes a song."""
    random = np.random.default_rng(seed)
    key, tempo = int(random.integers(12)), int(random.integers(90, 131))
    drums, bass, guitar = (int(random.integers(3)) for _ in range(3))
    broken = bool(random.integers(2))
    notes: dict[str, list[tuple[int, int, int]]] = {name: [] for name in (*PROGRAMS, "drums")}
    degrees = PROGRESSIONS[random.integers(len(PROGRESSIONS))]
    for phrase in range(4):
        for bar, degree in enumerate(degrees):
            first = (4 * phrase + bar) * BAR

            def add(name: str, step: int, pitch: int, steps: int, first: int = first) -> None:
                notes[name].append((first + step, steps, pitch))

            for step, pitch in sorted(drum_bar(drums, bar == 3)):
                add("drums", step, pitch, 1)
            starts = [step for step, _ in BASS[bass]]
            for (step, above), end in zip(BASS[bass], [*starts[1:], BAR], strict=True):
                add("bass", step, pitch_of(key, degree + above, 28), end - step)
            chord = [pitch_of(key, degree + above, 52) for above in TRIAD]
            for step in GUITAR[guitar]:
                for pitch in chord:
                    add("guitar", step, pitch, 2)
            high = sorted(pitch_of(key, degree + above, 60) for above in TRIAD)
            for step in range(0, BAR, 2 if broken else 8):
                for pitch in [high[step // 2 % 3]] if broken else high:
                    add("piano", step, pitch, 2 if broken else 8)
            if phrase:
                for above in TRIAD[:2]:
                    add("strings", 0, pitch_of(key, degree + above, 67), BAR)
    score = symusic.core.ScoreTick(4 * STEP)
    score.tempos.append(symusic.core.TempoTick(0, tempo))
    score.time_signatures.append(symusic.core.TimeSignatureTick(0, 4, 4))
    for name in ("drums", *PROGRAMS):
        track = symusic.core.TrackTick(name, PROGRAMS.get(name, 0), name == "drums")
        for step, steps, pitch in notes[name]:
            track.notes.append(symusic.core.NoteTick(step * STEP, steps * STEP, pitch, 80))
        score.tracks.append(track)
    return score


def pitch_of(key: int, degree: int, lowest: int) -> int:
    """The lowest pitch from some pitch on that is a degree of a major key."""
    return lowest + (key + MAJOR[degree % 7] - lowest) % 12


def drum_bar(pattern: int, fill: bool) -> set[tuple[int, int]]:
    """The steps and pitches of a bar of drums."""
    hits = {(step, pitch) for pitch, steps in DRUMS[pattern].items() for step in steps}
    if fill:
        hits = {one for one in hits if one[0] < 12}
        hits |= {(step, pitch) for pitch, steps in FILL.items() for step in steps}
    return hits


def chords() -> dict[frozenset[int], tuple[int, int]]:
    """The pitch classes of all chords, with their key and degree; the first that has them."""
    found: dict[frozenset[int], tuple[int, int]] = {}
    for key in range(12):
        for degree in {one for roots in PROGRESSIONS for one in roots}:
            classes = frozenset(pitch_of(key, degree + above, 0) % 12 for above in TRIAD)
            found.setdefault(classes, (key, degree))
    return found


def check(rolls: np.ndarray) -> dict[str, float]:
    """Counts in how many bars each rule holds.

    Args:
        rolls: `(phrases, 4, 16, pitches, 5)`, cells as in `ENCODING`.

    Returns:
        By rule, the share of the bars where its track sounds, or of the phrases.
    """
    bars = {frozenset(drum_bar(n, fill)) for n in range(len(DRUMS)) for fill in (False, True)}
    rhythms = {"bass": {frozenset(s for s, _ in one) for one in BASS}}
    rhythms["guitar"] = {frozenset(one) for one in GUITAR}
    triads, found = chords(), {}

    def count(rule: str, holds: bool) -> None:
        found.setdefault(rule, []).append(holds)

    for phrase in rolls:
        roots, fills = [], 0
        for bar in phrase:
            begins = {
                track.name: list(zip(*np.nonzero(bar[..., i] == ONSET)))
                for i, track in enumerate(ENCODING.tracks)
            }
            sounds = {
                track.name: np.flatnonzero((bar[..., i] > 0).any(axis=0)) + ENCODING.lowest
                for i, track in enumerate(ENCODING.tracks)
            }
            hits = frozenset((int(s), int(p) + ENCODING.lowest) for s, p in begins["drums"])
            count("drums: a pattern of the songs", hits in bars)
            fills += (14, TOM) in hits
            for name, known in rhythms.items():
                steps = frozenset(int(step) for step, _ in begins[name])
                count(f"{name}: a rhythm of the songs", steps in known)
            chord = frozenset((sounds["guitar"] % 12).tolist())
            count("guitar: a chord of the songs", chord in triads)
            roots.append(chord)
            first = [p + ENCODING.lowest for s, p in begins["bass"] if s == 0]
            if chord in triads:
                key, degree = triads[chord]
                root = pitch_of(key, degree, 0) % 12
                count("bass: the guitar's root", bool(first) and first[0] % 12 == root)
                for name in ("piano", "strings"):
                    if len(sounds[name]):
                        count(f"{name}: in the guitar's chord", set(sounds[name] % 12) <= chord)
        count("four bars: one fill", fills == 1)
        count("four bars: a progression", is_progression(roots))
    return {rule: float(np.mean(held)) for rule, held in found.items()}


def is_progression(chords_of_bars: list[frozenset[int]]) -> bool:
    """Whether four chords are a progression of the songs, in any key, from any of its bars on."""
    for key in range(12):
        for roots in {one[n:] + one[:n] for one in PROGRESSIONS for n in range(4)}:
            wanted = [
                frozenset(pitch_of(key, degree + above, 0) % 12 for above in TRIAD)
                for degree in roots
            ]
            if wanted == chords_of_bars:
                return True
    return False


def dealt_out(rolls: np.ndarray, seed: int) -> np.ndarray:
    """The phrases with each track taken from another one: what is right without one another."""
    random = np.random.default_rng(seed)
    tracks = [rolls[random.permutation(len(rolls)), ..., i] for i in range(rolls.shape[-1])]
    return np.stack(tracks, axis=-1)


def judge(model: musegen.MuseGAN, count: int, seed: int) -> None:
    """Prints in how many bars each rule holds, and what `musegen.evaluate` measures.

    The songs that are compared with are the next 50 after those that were trained on.
    """
    written = np.stack([piece.roll for piece in model.sample(count=500, seed=seed)])
    songs = [song(number) for number in range(seed, seed + count + 50)]
    real = [ENCODING.encode(score).array.reshape(-1, *written.shape[1:]) for score in songs[count:]]
    columns = [check(written), check(np.concatenate(real)), check(dealt_out(written, seed))]
    print(f"{'bars in which it holds':34}{'written':>9}{'new songs':>11}{'dealt out':>11}")
    for rule in columns[1]:
        print(f"{rule:34}{columns[0][rule]:9.1%}{columns[1][rule]:11.1%}{columns[2][rule]:11.1%}")
    # By name they would all be near-duplicates of each other: the rules are few.
    splits = ["train"] * (count - 10) + ["validation"] * 10 + ["test"] * 50
    pieces = [Piece(f"{n}", split, score) for n, (split, score) in enumerate(zip(splits, songs))]
    print(musegen.evaluate(model, Corpus("songs", tuple(pieces)), seed=seed))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, help="where to write songs")
    parser.add_argument("--count", type=int, default=150, help="songs (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default %(default)s)")
    parser.add_argument("--judge", type=Path, metavar="MODEL", help="the checkpoint to judge")
    options = parser.parse_args()
    if options.count < 11 or options.seed < 0:
        parser.error("give a --count of at least 11, and a --seed of at least 0")
    if options.judge:
        try:
            model = musegen.load(options.judge)
        except ValueError as error:
            parser.error(str(error))
        if getattr(model, "encoding", None) != ENCODING or model.bars != 4:
            parser.error(f"{options.judge}: train one as docs/howto/band.md says")
        judge(model, options.count, options.seed)
    elif options.folder and options.folder.is_file():
        parser.error(f"{options.folder} is a file")
    elif options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        for number in range(options.count):
            path = options.folder / f"song-{number:03}.mid"
            musegen.write_midi(song(options.seed + number), path)
    else:
        parser.error("name a folder for the songs, or a model to --judge")


if __name__ == "__main__":
    main()
