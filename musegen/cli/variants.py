"""Variants of a piece: the names of their files, and what is said of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any


def files_of(
    out: str | None,
    path_of: Callable[[str], Path],
    suffixes: tuple[str, ...],
    part: str,
    count: int,
) -> list[tuple[Path, Path]]:
    """Returns MIDI file and picture of a piece, and of its variants beside it.

    Those of `tune.mid` are `tune-groove-1.mid` and so on; without a name, one is chosen of which
    none is taken, with any of the suffixes. `path_of` makes a path of a name if it can be written
    to.
    """
    if out is not None and not out.lower().endswith((".mid", ".midi")):
        raise ValueError(f"--out {out}: name a MIDI file (.mid).")
    numbered = (f"composition-{number}.mid" for number in itertools.count(2))
    for name in [out] if out else itertools.chain(["composition.mid"], numbered):
        path = path_of(name)
        others = (path.with_stem(f"{path.stem}-{part}-{n}") for n in range(1, count + 1))
        files = [(one, one.with_suffix(".png")) for one in (path, *others)]
        beside = [one.with_suffix(suffix) for one, _ in files for suffix in suffixes]
        if out or not any(one.exists() for one in beside):
            break
    return files


def changes(first: Any, other: Any) -> str:
    """Says which steps of which tracks differ, bars and steps counted from 1."""
    differ = (first.roll != other.roll).any(axis=2)  # (bars, steps, tracks)
    told = []
    for number, track in enumerate(first.encoding.tracks):
        steps = differ[..., number]
        bars = [f"bar {bar + 1}: {_runs(row)}" for bar, row in enumerate(steps) if row.any()]
        if bars:
            share = f"{int(steps.sum())} of {steps.size} steps"
            told.append(f"{track.name} differs in {share} ({'; '.join(bars)})")
    return ", ".join(told) or "nothing differs"


def _runs(changed: Any) -> str:
    """Lists the steps that changed, such as `1-4, 7`."""
    runs: list[list[int]] = []
    for step in (changed.nonzero()[0] + 1).tolist():
        if runs and runs[-1][-1] == step - 1:
            runs[-1][1:] = [step]
        else:
            runs.append([step])
    return ", ".join("-".join(map(str, run)) for run in runs)
