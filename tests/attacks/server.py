"""A process that loads hostile files one after another, watched; see `conftest.py`.

Reads one JSON request a line and answers with one. It is a process of its own because an audit hook
stays for as long as the process lives, and so that a hang is the end of this process only.
"""

import dataclasses
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import fuzz_checkpoints
import symusic

from musegen.interop import read_pianoroll_npz, write_pianoroll_npz


def main():
    # Whatever libraries print goes elsewhere, and standard input is a pipe that a file may name.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder = Path(tempfile.mkdtemp())
    try:
        files = fuzz_checkpoints.samples(folder)
        loads = {kind: sample.load for kind, sample in files.items()}
        loads[".npz"] = read_pianoroll_npz
        read_pianoroll_npz(write_pianoroll_npz(symusic.Score(24), folder / "first.npz"))
        known = {kind: [sample.data.hex(), sample.suffix] for kind, sample in files.items()}
        print(json.dumps(known), file=answers, flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            if "count" in request:
                answer = fuzz_checkpoints.fuzz(request["count"], request["seed"], files)
            else:
                path = Path(request["path"])
                answer = fuzz_checkpoints.watch(loads[request["kind"]], path)
            print(json.dumps(dataclasses.asdict(answer)), file=answers, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
