"""Finds which chorale is in which split of Boulanger-Lewandowski, Bengio and Vincent (2012).

    python examples/split_chorales.py Jsb16thSeparated.json

The published files give 382 chorales without names, as four pitches a sixteenth note. This script
matches them with the chorales of `musegen.corpus` and prints the lists that are kept in
`musegen/corpus/chorale_split.py`, with the counts of its docstring.

Two pieces are compared by what stays the same when one is transposed, repeats its phrases, or
holds its fermatas longer: the set of all successions of four different chords, as intervals from
their first note. Their likeness is the part of both sets that both have (Jaccard), from 0 to 1.
Pairs are joined from the most alike down, each piece once.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections import Counter
from pathlib import Path

import numpy as np

from musegen.corpus import chorales

LENGTH = 4  # chords in a succession
MATCH = 0.2  # likeness above which two pieces are the same: the best is under 0.03 or over 0.2
NEAR = 0.4  # likeness above which an unmatched chorale goes with a matched one
SOPRANO_LENGTH = 8  # notes in a succession of a soprano line
SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def chords(score) -> np.ndarray:
    """Returns a score's chords on a grid of sixteenths, (steps, 4), -1 where a voice rests."""
    sixteenth = score.ticks_per_quarter // 4
    grid = np.full((-(-score.end() // sixteenth), 4), -1)
    for voice, track in enumerate(score.tracks):
        notes = track.notes.numpy()
        starts = -(-notes["time"] // sixteenth)
        ends = -(-(notes["time"] + notes["duration"]) // sixteenth)
        for start, end, pitch in zip(starts, ends, notes["pitch"], strict=True):
            grid[start:end, voice] = pitch
    return grid


def successions(grid: np.ndarray, length: int) -> set[bytes]:
    """Returns the successions of different chords of a grid (steps, voices), as intervals."""
    grid = grid[(grid >= 0).any(axis=1)]
    grid = grid[np.append(True, (np.diff(grid, axis=0) != 0).any(axis=1))]
    found = set()
    for first in range(len(grid) - length + 1):
        window = grid[first : first + length]
        found.add(np.where(window >= 0, window - window[window >= 0][0], -99).tobytes())
    return found


def likeness(some: list[set[bytes]], others: list[set[bytes]]) -> np.ndarray:
    """Returns the Jaccard index of each pair of sets, (len(some), len(others))."""
    return np.array([[len(a & b) / max(len(a | b), 1) for b in others] for a in some])


def main() -> None:
    """Matches, and prints the lists and counts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("published", type=Path, help="Jsb16thSeparated.json")
    published = json.loads(parser.parse_args().published.read_text())

    pieces = {p.name.removeprefix("BWV "): chords(p.score) for p in chorales().pieces}
    names = list(pieces)
    sets = [successions(grid, LENGTH) for grid in pieces.values()]
    numbers, grids = [], []
    for split in SPLITS:
        for index, rows in enumerate(published[split]):
            numbers.append((SPLITS[split], index))
            grids.append(np.array(rows, dtype=int))
    alike = likeness([successions(grid, LENGTH) for grid in grids], sets)

    chosen: dict[str, tuple[str, int, float]] = {}
    done = set()
    for flat in np.argsort(-alike, axis=None, kind="stable"):
        row, column = np.unravel_index(flat, alike.shape)
        if alike[row, column] < MATCH:
            break
        if row not in done and names[column] not in chosen:
            done.add(row)
            chosen[names[column]] = (*numbers[row], float(alike[row, column]))
    print(f"matched: {len(chosen)} of {len(grids)}: {Counter(s for s, _, _ in chosen.values())}")
    print(f"  the same throughout: {sum(like == 1 for _, _, like in chosen.values())}")
    likes = [like for _, _, like in chosen.values()]
    print(f"  likeness, lowest and quartiles: {np.quantile(likes, (0, 0.25, 0.5, 0.75)).round(2)}")
    for row in sorted(set(range(len(grids))) - done):
        best = np.argmax(alike[row])
        print(f"  no match: {numbers[row]}, most like {names[best]} ({alike[row, best]:.2f})")

    own = likeness(sets, sets)
    lists: dict[str, list[str]] = {split: [] for split in SPLITS.values()}
    unmatched: dict[str, list[str]] = {split: [] for split in SPLITS.values()}
    for name, row in zip(names, own, strict=True):
        if name in chosen:
            lists[chosen[name][0]].append(name)
            continue
        near = [n for n, value in zip(names, row, strict=True) if value >= NEAR and n in chosen]
        sides = {chosen[n][0] for n in near}
        side = next((s for s in ("test", "validation") if s in sides), "train")
        unmatched[side].append(name)
        if near:
            print(f"  unmatched {name} is nearly {[(n, chosen[n][0]) for n in near]}: {side}")
    for a in range(len(names)):
        for b in range(a):
            sides = [chosen[names[i]][0] for i in (a, b) if names[i] in chosen]
            if own[a, b] >= NEAR and len(set(sides)) == 2:
                print(f"  nearly the same on two sides: {names[b]}, {names[a]} {sides[::-1]}")
    for title, table in (("MATCHED", lists), ("UNMATCHED", unmatched)):
        print(f"\n{title} = {{")
        for split, members in table.items():
            text = textwrap.fill(" ".join(members), 92, break_on_hyphens=False)
            text = textwrap.indent(text, " " * 8)
            print(f'    "{split}": """\n{text}\n    """,' if members else f'    "{split}": "",')
        print("}\n")

    sides = {n: s for t in (lists, unmatched) for s, members in t.items() for n in members}
    lines = [successions(grid[:, :1], SOPRANO_LENGTH) for grid in pieces.values()]
    train = [i for i, n in enumerate(names) if sides[n] == "train"]
    for split in ("validation", "test"):
        held = [i for i, n in enumerate(names) if sides[n] == split]
        best = likeness([lines[i] for i in held], [lines[i] for i in train]).max(axis=1)
        counts = ", ".join(f"{(best >= limit).sum()} at {limit}" for limit in (0.25, 0.5, 0.75, 1))
        print(f"{split} sopranos ({len(held)}) alike to a training one: {counts}")


if __name__ == "__main__":
    main()
