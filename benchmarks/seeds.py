"""What the shipped models write with given seeds: the SHA-256 of each piece as a MIDI file.

    python benchmarks/seeds.py

The same lines come out of every Python from 3.11 to 3.13, in any process: `hashes` runs this script
under another one. Another version of TensorFlow, or another kind of processor, may round sums
otherwise, and a draw may then fall otherwise.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measure

ROOT = Path(__file__).parents[1]

PIECES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("bach-chorale-melody", {"notes": 64}),
    ("bach-chorale-melody", {"bars": 8, "temperature": 1.3}),
    ("bach-chorale-melody", {"notes": None, "top_k": 5}),
    ("fiddle-tune", {"bars": 16, "top_p": 0.9}),
    ("fiddle-tune", {"notes": 40, "temperature": 0.5, "top_k": 10}),
    ("bach-quartet", {}),
    ("bach-quartet", {"bars": 10}),
)
"""Models, and options of their `sample`."""


def hashes(interpreter: str, seeds: int, **environment: str) -> dict[str, str]:
    """Writes the pieces in a new process.

    Args:
        interpreter: The Python to start, which must have what musegen needs.
        seeds: How many seeds, from 0.
        **environment: Variables of the process, besides.

    Returns:
        By piece, the SHA-256 of its MIDI file.

    Raises:
        RuntimeError: If the process fails.
    """
    done = subprocess.run(  # noqa: S603 - which Python to start is the caller's choice
        [interpreter, __file__, "--seeds", str(seeds)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **environment,
        },
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{interpreter}: {done.stderr.strip()[-2000:]}")
    return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the pieces, and prints the SHA-256 of each."""
    parser = measure.documented(__doc__)
    parser.add_argument("--seeds", type=int, default=4, help="seeds (default %(default)s)")
    options = parser.parse_args(argv)

    import musegen

    models = {name: musegen.load(name) for name, _ in PIECES}
    for (name, arguments), seed in itertools.product(PIECES, range(options.seeds)):
        data = musegen.interop.midi_bytes(models[name].sample(seed=seed, **arguments))
        stated = "".join(f"{key}={value} " for key, value in arguments.items())
        print(f"{name} {stated}seed={seed} {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
