"""How the command ends that is told to stop: Ctrl-C and SIGTERM at random moments.

    python benchmarks/stop.py --stops 50 --seed 0
    python benchmarks/stop.py --stops 50 --only harmonise --slower 2

Commands are started, each in a folder of its own, and stopped at a moment from their first to their
last: while they import, load, compile, sample, train, scan. Ctrl-C goes to all processes of the
command, as from a terminal; SIGTERM to the one. After each it is checked that the command

    ended by itself, with the code 130 or 143, and said so in one line
    left no process (ten seconds later: on a busy machine they take a while to hear of it)
    left nothing in the temporary folder, and no hidden file where it wrote or in its cache
    left a checkpoint that loads, if it was training and an epoch had ended

Everything else is a failure, and exit code 1 says that there were some. What is printed besides is
how long it took, which depends on what else the machine does: `--wait` sets what is too long.

Moments are counted from where Python has started: until then, a signal is for Python alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import measure
import music
import numpy as np

TRAINING = "--bars 1 --noise-size 4 --units 8 --tracks melody --out model.safetensors"
COMMANDS = {  # and the latest moment, in seconds on an idle computer of two cores
    "compose": ("compose --count 3", 20.0),
    "compose bach-chorale": ("compose bach-chorale", 20.0),
    "compose bach-quartet": ("compose bach-quartet --knobs knobs.png", 15.0),
    "harmonise": ("harmonise {music}/0.mid", 20.0),
    "rewrite": ("rewrite {music}/0.mid --bars 2-3", 20.0),
    "train melody": ("train melody {music} --units 8 --depth 1 --out model.safetensors", 60.0),
    "train voices": (
        "train voices {music} --units 8 --depth 1 --width 8 --out model.safetensors",
        60.0,
    ),
    "train musegan": (f"train musegan {{music}} {TRAINING}", 40.0),
    "evaluate": ("evaluate bach-quartet {music} --samples 64", 25.0),
    "diagnose": ("diagnose bach-chorale-melody {music}", 40.0),
    "corpus scan": ("corpus scan {music} --jobs 2", 8.0),
    "plot": ("plot {music}/0.mid", 4.0),
    "models": ("models", 1.5),
}
FILES = 300
"""Files of music, of which a scan makes several batches."""

END_SECONDS = 0.5
"""How long a command may take from its last line to its end, in which it may end as if not told."""

LEFT_SECONDS = 10.0
"""How long the processes that read for a command may take to end after it."""

BEGIN = "import os, runpy; os.write({}, b'.'); runpy.run_module('musegen', run_name='__main__')"
MARK = "MUSEGEN_STOPPED_BY"
"""The variable by which the processes of a command are known."""


@dataclasses.dataclass
class Stop:
    """What came of one."""

    kind: str
    signal: int
    after: float
    seconds: float = 0.0
    code: int = 0
    over: bool = False  # before the signal came
    faults: list[str] = dataclasses.field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    """Stops commands, prints the table, and returns how many failures there were."""
    parser = measure.plain_arguments(__doc__)
    parser.add_argument("--stops", type=int, default=50, help="in all (default %(default)s)")
    parser.add_argument("--only", choices=COMMANDS, help="one command")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds that an end may take")
    text = "how many times as long as on an idle computer of two cores commands take here"
    parser.add_argument("--slower", type=float, default=1.0, help=text)
    options = parser.parse_args(argv)
    # What is started in the background may ignore Ctrl-C, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kinds = [options.only] if options.only else list(COMMANDS)
    random = np.random.default_rng(options.seed)
    stops = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_music(place / "music")
        for number in range(options.stops):
            kind = kinds[number % len(kinds)]
            number_of_signal = random.choice([signal.SIGINT, signal.SIGINT, signal.SIGTERM])
            latest = COMMANDS[kind][1] * options.slower
            # As many in the first second as in any other stretch: imports are short.
            after = float(latest ** random.uniform(0, 1) - 1 if latest > 1 else 0)
            stops.append(stop(place / str(number), kind, int(number_of_signal), after))
    rows = []
    for kind in kinds:
        mine = [one for one in stops if one.kind == kind and not one.over]
        times = sorted(one.seconds for one in mine) or [0.0]
        late = sum(one.seconds > options.wait for one in mine)
        middle = times[len(times) // 2]
        faults = sum(bool(one.faults) for one in mine)
        rows.append([kind, len(mine), f"{middle:.2f}", f"{times[-1]:.2f}", late, faults])
    header = ["command", "stopped", "median s", "longest s", f"over {options.wait:g} s", "failures"]
    measure.print_table(header, rows)
    faults = [f"{one.kind} after {one.after:.2f} s: {f}" for one in stops for f in one.faults]
    ended = [one for one in stops if not one.over]
    print("\n".join(["", *faults, f"{len(faults)} failures in {len(ended)} stops"]))
    return len(faults)


def write_music(folder: Path) -> None:
    """Writes the files that are trained on and scanned: a few tunes, many times."""
    import musegen

    folder.mkdir()
    tunes = [piece.score for piece in music.made_up_tunes(tunes=20).pieces]
    for number in range(FILES):
        musegen.write_midi(tunes[number % len(tunes)], folder / f"{number}.mid")


def stop(folder: Path, kind: str, number: int, after: float) -> Stop:
    """Starts a command in a new folder, stops it, and looks at what is left."""
    for name in ("work", "temporary", "cache"):
        (folder / name).mkdir(parents=True)
    work, temporary, cache = folder / "work", folder / "temporary", folder / "cache"
    text, _ = COMMANDS[kind]
    words = text.format(music=folder.parent / "music").split()
    mark = f"{os.getpid()}-{folder.name}"
    found = Stop(kind, number, after)
    with started(words, work, {"TMPDIR": temporary, "MUSEGEN_CACHE": cache, MARK: mark}) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            found.code, found.over = process.wait(after), True
            if found.code:  # it was not doing what it was to be stopped in
                said = (folder / "errors").read_text()
                found.faults.append(f"it ended by itself with the code {found.code}, {said!r}")
            return found
        begun = time.perf_counter()
        os.kill(-process.pid if number == signal.SIGINT else process.pid, number)
        try:
            found.code = process.wait(30)
        except subprocess.TimeoutExpired:
            found.faults.append("did not end in 30 seconds")
            return found
        found.seconds = time.perf_counter() - begun
        while (left := processes(mark)) and time.perf_counter() < begun + LEFT_SECONDS:
            time.sleep(0.1)
        if left:
            found.faults.append(f"processes are left: {left}")
    said = (folder / "errors").read_text()
    # Between its last line and its end, nothing is left to be said.
    found.over = found.code == 0 and found.seconds < END_SECONDS
    if not found.over and found.code not in (128 + number, -number):
        found.faults.append(f"code {found.code}, {said[-300:]!r}")
    elif found.code > 0 and (said.count("\n") != 1 or not said.startswith("musegen: stopped.")):
        found.faults.append(f"it said {said[-300:]!r}")
    if names := [path.name for path in temporary.iterdir() if path.name != "music21"]:
        found.faults.append(f"in the temporary folder: {names}")
    if names := [path.name for path in (*work.rglob(".*"), *cache.rglob(".*"))]:
        found.faults.append(f"hidden files: {names}")
    found.faults += checkpoint_faults(work / "model.safetensors", said)
    return found


@contextlib.contextmanager
def started(
    words: list[str], work: Path, variables: dict[str, object]
) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a command, and goes on when Python has begun to run it; kills what is left of it."""
    reader, writer = os.pipe()
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # `measure` sets it, and a user does not
    with open(work.parent / "errors", "w") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-c", BEGIN.format(writer), *words],
            cwd=work,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=[writer],
            start_new_session=True,
        )
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def processes(mark: str) -> list[str]:
    """The processes of a command, but those that only clear up after it."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (place / "environ").read_bytes().split(b"\0"):
                words = (place / "cmdline").read_text().replace("\0", " ")
                if "resource_tracker" not in words:
                    found.append(words)
    return found


def checkpoint_faults(path: Path, said: str) -> list[str]:
    """What is wrong with the checkpoint of training that was stopped."""
    from musegen.checkpoint import CheckpointError, file_tensors

    if path.exists() != ("is saved after" in said) and "stopped" in said:
        return [f"the checkpoint is {'' if path.exists() else 'not '}there: {said}"]
    if path.exists():
        try:
            file_tensors(path)[1].check_hash()
            file_tensors(path.with_name(f"{path.name}.resume"))[1].check_hash()
        except CheckpointError as error:
            return [str(error)]
    return []


if __name__ == "__main__":
    sys.exit(main() > 0)
