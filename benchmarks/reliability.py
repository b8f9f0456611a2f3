"""What hostile inputs, odd numbers and a sudden end do: all figures of docs/reliability.md.

Each part runs in a process of its own, and each line of the table says how many inputs it tried,
what came of them, the longest that one of them took, the most memory above the start, and how many
failed. A failure is whatever should not be: an error of another kind than musegen's own, a limit
passed, a number that is none, a file lost. They are printed below the table, and the exit code is 1
if there is one.

    python benchmarks/reliability.py                                      # minutes
    python benchmarks/reliability.py --midi 1000000 --log counts.jsonl    # hours
    python benchmarks/reliability.py --midi 0 --checkpoints 0 --kills 0 --interpreters python3.11

0 leaves a part out.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import fuzz_checkpoints
import fuzz_midi
import fuzz_numbers
import kill
import large_midi
import measure
import seeds

SHOWN = 20
"""Failures that are printed at most."""

KILLED = ("melody training", "MuseGAN training", "saving", "composing")
"""Kinds of work that are killed, in turns."""

QUICK = {"midi": 100, "checkpoints": 100, "kills": 1, "ids": 100, "draws": 1_000}


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table; None where there is nothing to say."""

    part: str
    tried: int
    results: str
    failures: Sequence[str]
    seconds: float | None = None
    bytes: int | None = None

    def cells(self) -> list[str]:
        """The line as it is printed."""
        return [
            self.part,
            f"{self.tried:,}",
            self.results,
            "" if self.seconds is None else f"{self.seconds:.3f} s",
            "" if self.bytes is None else f"{self.bytes / 1e6:.0f} MB",
            f"{len(self.failures):,}",
        ]


HEADER = ("part", "tried", "what came of it", "longest", "most memory", "failures")


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Runs the parts, prints the table, and returns its rows."""
    parser = measure.documented(__doc__)
    for name, count, what in (
        ("midi", 20_000, "damaged MIDI files"),
        ("checkpoints", 10_000, "damaged checkpoints"),
        ("kills", 50, "sudden ends"),
        ("ids", 10_000, "arrays of ids, and as many piano rolls"),
        ("draws", 1_000_000, "draws"),
    ):
        parser.add_argument(f"--{name}", type=int, help=f"{what} (default {count})", default=count)
    parser.add_argument(
        "--interpreters",
        nargs="+",
        default=[],
        metavar="PYTHON",
        help="other Pythons, which must write the same music with the same seeds as this one",
    )
    parser.add_argument(
        "--log", metavar="FILE", help="keeps the counts of MIDI files; run again, it goes on there"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a few of each: shows that it runs")
    options = parser.parse_args(argv)
    for interpreter in options.interpreters:
        if shutil.which(interpreter) is None:
            parser.error(f"--interpreters: there is no {interpreter}")
    if options.quick:
        for name, count in QUICK.items():
            setattr(options, name, min(count, getattr(options, name)))

    measure.print_conditions(options.seed)
    print()
    for cells in (HEADER, ["---"] * len(HEADER)):
        print(f"| {' | '.join(cells)} |", flush=True)
    rows = []
    for part, run in _parts(options):
        try:
            row = run()
        except RuntimeError as error:  # a process that ended before its time
            row = Row(part, 0, "", [f"{type(error).__name__}: {error}"])
        print(f"| {' | '.join(row.cells())} |", flush=True)
        rows.append(row)
    for row in rows:
        for failure in row.failures[:SHOWN]:
            print(f"\n{row.part}: {failure}")
    return rows


def _parts(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Row]]]:
    """The parts that were asked for: a name, and what runs it."""
    kills = {kind: len(range(i, options.kills, len(KILLED))) for i, kind in enumerate(KILLED)}
    for part, count, work in (
        ("damaged MIDI files", options.midi, functools.partial(_midi, options.log)),
        ("MIDI files of 10 MB", options.midi and large_midi.SIZE, _large),
        ("damaged checkpoints", options.checkpoints, _checkpoints),
        *((f"{kind}, killed", kills[kind], functools.partial(_kills, kind)) for kind in KILLED),
        ("arrays of ids", options.ids, functools.partial(_numbers, fuzz_numbers.decode_ids)),
        ("piano rolls", options.ids, functools.partial(_numbers, fuzz_numbers.decode_rolls)),
        ("draws", options.draws, functools.partial(_numbers, fuzz_numbers.draws)),
    ):
        if count:
            yield part, functools.partial(work, part, count, options.seed)
    for interpreter in options.interpreters:
        # -V prints such as "Python 3.11.7".
        stated = subprocess.run([interpreter, "-V"], capture_output=True, text=True)  # noqa: S603
        part = f"seeds under {stated.stdout.strip()}"
        yield part, functools.partial(_seeds, part, interpreter, 1 if options.quick else 4)


def _midi(log: str | None, part: str, count: int, seed: int) -> Row:
    found = fuzz_midi.fuzz(count, seed, jobs=len(measure.cores()), log=log)  # in its own processes
    failures = [f"mutant {number} of seed {seed}: {what}" for number, _, what in found.failures]
    return _row(part, found, _scores(found), found.worst_bytes, failures)


def _large(part: str, size: int, seed: int) -> Row:
    found = large_midi.large(size)
    return _row(part, found, _scores(found), found.worst_bytes)


def _scores(found: Any) -> str:
    return f"{found.scores:,} scores, {found.errors:,} `MidiError`"


def _checkpoints(part: str, count: int, seed: int) -> Row:
    found, _ = measure.in_fresh_process(fuzz_checkpoints.fuzz, count, seed)
    results = f"{found.loaded:,} models, {found.errors:,} `CheckpointError`"
    return _row(part, found, results, found.worst_bytes)


def _kills(kind: str, part: str, count: int, seed: int) -> Row:
    found, _ = measure.in_fresh_process(kill.killed, kind, count, seed)
    loaded = f"{found.checkpoints:,} checkpoints loaded, " if found.checkpoints else ""
    results = f"{loaded}{found.files:,} files whole"
    return Row(part, found.kills, results, found.losses)


def _row(
    part: str, found: Any, results: str, most: int, failures: Sequence[str] | None = None
) -> Row:
    failures = found.failures if failures is None else failures
    return Row(part, found.tried, results, failures, found.worst_seconds, most)


def _numbers(work: Callable[[int, int], measure.Found], part: str, count: int, seed: int) -> Row:
    """A part of `fuzz_numbers`; its memory is what it takes beyond one input."""
    _, start = measure.in_fresh_process(work, 1, seed)
    found, most = measure.in_fresh_process(work, count, seed)
    results = "ids that may be drawn" if part == "draws" else "a score each"
    return _row(part, found, results, max(0, most - start))


def _seeds(part: str, interpreter: str, count: int) -> Row:
    """The shipped models' music under another Python, beside that under this one."""
    expected = seeds.hashes(sys.executable, count)
    found = seeds.hashes(interpreter, count)
    failures = [
        f"{piece} is another" for piece, digest in expected.items() if found.get(piece) != digest
    ]
    return Row(part, len(expected), "the same bytes each", failures)


if __name__ == "__main__":
    sys.exit(any(row.failures for row in main()))
