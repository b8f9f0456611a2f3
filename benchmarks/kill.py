"""What is lost when musegen is killed: processes that write are stopped dead (SIGKILL), many times.

    python benchmarks/kill.py --kills 50 --seed 0

Four kinds of work write into a folder that holds files of a user's:

    melody training    AttentionLSTM.fit with a checkpoint; it is started again after every kill
    MuseGAN training   likewise, with its pictures, everything saved after every epoch
    saving             save_checkpoint to one name, again and again
    composing          `musegen compose`, pieces and pictures replacing earlier ones
    writing            (with --only) all other files: MIDI, pictures, piano rolls, kept corpora

A third of the kills come at any time, a third as soon as a temporary file is seen or a little
later, and a third just before or after a file is renamed or flushed to the disk. After each it is
checked that the last complete checkpoint loads, that whatever has a final name is whole, and that
the user's files are unchanged; and at its end, that training which was killed has the weights, bit
for bit, of training that was left alone. Everything else is a loss. Exit code 1 says that there
were some.

The processes are forked from one that has imported TensorFlow and not used it. They run its
operations one by one, since compiling would take most of their time: the models are tiny.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import itertools
import json
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import measure
import music
import numpy as np

EPOCHS = 6
USERS = {"notes.txt": b"mine\n", "song.mid.txt": b"\0" * 999, ".hidden.mid": b"also mine"}

Work = Callable[[Path, Callable[[int], None]], None]
"""Writes files into a folder, and says with a number what is complete."""


@dataclasses.dataclass
class Result:
    """What came of the kills of one kind."""

    kills: int = 0
    files: int = 0
    checkpoints: int = 0
    left_over: int = 0
    losses: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0


def main(argv: Sequence[str] | None = None) -> int:
    """Kills, prints the table, and returns how many losses there were."""
    parser = measure.plain_arguments(__doc__)
    parser.add_argument("--kills", type=int, default=50, help="in all (default %(default)s)")
    parser.add_argument("--only", choices=KINDS, help="one kind of work")
    options = parser.parse_args(argv)
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    kinds = [options.only] if options.only else list(KINDS)[:4]
    results = {}
    for number, kind in enumerate(kinds):
        kills = len(range(number, options.kills, len(kinds)))
        begun = time.perf_counter()
        results[kind] = killed(kind, kills, options.seed)
        results[kind].seconds = time.perf_counter() - begun
    rows = [
        [kind, r.kills, r.checkpoints, r.files, r.left_over, len(r.losses), f"{r.seconds:.0f}"]
        for kind, r in results.items()
    ]
    header = ["kind", "kills", "checkpoints loaded", "files checked"]
    measure.print_table([*header, "temporary files left", "losses", "seconds"], rows)
    losses = [f"{kind}: {loss}" for kind, r in results.items() for loss in r.losses]
    print("\n".join(["", *losses, f"{len(losses)} losses in {sum(row[1] for row in rows)} kills"]))
    return len(losses)


def killed(kind: str, kills: int, seed: int) -> Result:
    """Kills one kind of work so many times; its processes are forked from this one."""
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    _import(with_tensorflow=kind != "writing")
    generator = np.random.default_rng([seed, list(KINDS).index(kind)])
    with tempfile.TemporaryDirectory() as place:
        return KINDS[kind](Path(place), kills, generator)


def _import(with_tensorflow: bool) -> None:
    """Imports what the forked processes need, and uses none of it."""
    names = ["matplotlib.backends.backend_agg", "PIL.Image", "musegen.corpus", "musegen.cli"]
    if with_tensorflow:
        names += ["tensorflow", "musegen.models", "musegen.sampling", "musegen.training"]
    for name in names:
        importlib.import_module(name)


# ------------------------------------------------------------------------------- processes, killed


def _start(work: Work, folder: Path, kill_at: int = 0) -> tuple[int, int]:
    """Forks a process that works; returns its id and the end of a pipe that its numbers come from.

    Args:
        work: What it does.
        folder: Where.
        kill_at: The how manieth flush or renaming of a file it is killed at; 0 is none.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    process = os.fork()
    if process:
        os.close(writer)
        return process, reader
    code = 1
    try:
        errors = os.dup(2)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        if kill_at:
            _kill_oneself(kill_at)
        try:
            if "tensorflow" in sys.modules:
                sys.modules["tensorflow"].config.run_functions_eagerly(True)
            work(folder, lambda number: os.write(writer, b"%d\n" % number) and None)
            code = 0
        except BaseException:  # noqa: BLE001 - it is shown, and the exit code is 1
            os.write(errors, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _kill_oneself(count: int) -> None:
    moments = itertools.count(1)

    def around(call: Callable[..., None]) -> Callable[..., None]:
        def watched(*arguments: Any) -> None:
            for run in (lambda: None, lambda: call(*arguments)):
                run()
                if next(moments) == count:
                    os.kill(os.getpid(), signal.SIGKILL)

        return watched

    os.replace, os.fsync = around(os.replace), around(os.fsync)


def _end(process: int, reader: int) -> tuple[int, list[int]]:
    """Waits for the end of a process; returns its exit code, below 0 if killed, and its numbers."""
    with open(reader) as numbers:
        said = [int(line) for line in numbers]
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), said


def _killed(
    work: Work, folder: Path, generator: np.random.Generator, seconds: float, moments: int
) -> tuple[int, list[int]]:
    """Starts a process and kills it at a random moment; returns what `_end` does.

    Args:
        work: What it does.
        folder: Where.
        generator: Draws the moment.
        seconds: The latest moment, if it is one at any time.
        moments: The last of the flushes, renamings, or temporary files, if it is one of these.
    """
    kind = generator.choice(["any", "temporary", "renaming"])
    if kind == "renaming":
        return _end(*_start(work, folder, kill_at=int(generator.integers(1, 4 * moments + 1))))
    delay, count = generator.uniform(0, seconds), generator.integers(1, moments + 1)
    jitter = generator.choice([0, generator.uniform(0, 0.003)])
    seen = _hidden(folder)
    process, reader = _start(work, folder)
    try:
        begun = time.perf_counter()
        while kind == "any" and time.perf_counter() < begun + delay and not _is_over(process):
            time.sleep(0.001)
        while kind == "temporary" and len(seen) < len(USERS) + count and not _is_over(process):
            if new := _hidden(folder) - seen:
                count -= 1
                seen |= new
                if count <= 0:
                    break
            time.sleep(0.0002)
        time.sleep(jitter)
    finally:
        os.kill(process, signal.SIGKILL)
    return _end(process, reader)


def _is_over(process: int) -> bool:
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _hidden(folder: Path) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.name.startswith(".")}


# ----------------------------------------------------------------------------------------- checks


def _new_folder(folder: Path) -> Path:
    folder.mkdir()
    for name, data in USERS.items():
        (folder / name).write_bytes(data)
    return folder


def _check(folder: Path, result: Result, least: int = 0) -> None:
    """Looks at all files of a folder, and adds what is lost to the result.

    Args:
        folder: The folder.
        result: What the figures are added to.
        least: What the checkpoint's training record must have reached.
    """
    for name, data in USERS.items():
        if not (folder / name).is_file() or (folder / name).read_bytes() != data:
            result.losses.append(f"the user's {name} is not what it was")
    temporary = _hidden(folder) - USERS.keys()
    result.left_over += len(temporary)
    files = [f for f in folder.iterdir() if f.name not in temporary and f.name not in USERS]
    if least and not any(file.suffix == ".safetensors" for file in files):
        result.losses.append("the checkpoint is gone")
    for name in temporary:  # the next run's are told from these by the harness, not by musegen
        (folder / name).unlink()
    # In a process of its own: loading uses TensorFlow.
    report = folder.with_suffix(".report")
    code, _ = _end(*_start(lambda *_: _read_all(files, least, report), folder))
    found = json.loads(report.read_text()) if code == 0 else ["the check itself failed"]
    result.losses += found
    result.files += len(files)
    result.checkpoints += sum(file.suffix == ".safetensors" for file in files)


def _read_all(files: list[Path], least: int, report: Path) -> None:
    faults = []
    for file in files:
        try:
            READERS[file.suffix](file, least)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a loss
            faults.append(f"{file.name}: {type(error).__name__}: {error}")
    report.write_text(json.dumps(faults))


def _load_checkpoint(path: Path, least: int) -> None:
    from musegen.loading import load_checkpoint

    model = load_checkpoint(path)
    reached = model.training_record.get("number", model.training_record.get("epochs_run"))
    if reached is None or reached < least:
        raise ValueError(f"it is of {reached}, and {least} was complete")
    if "number" in model.training_record:  # every weight is the number of the save
        for weight in model.get_weights():
            if (weight != reached).any():
                raise ValueError("its weights are not those of its record")


def _read_picture(path: Path, _: int) -> None:
    import PIL.Image

    with PIL.Image.open(path) as picture:
        picture.load()


def _read_music(path: Path, _: int) -> None:
    import musegen

    if not musegen.read_midi(path).note_num():
        raise ValueError("no notes")


def _read_arrays(path: Path, _: int) -> None:
    with np.load(path) as file:
        for name in file.files:
            file[name]


def _read_scores(path: Path, _: int) -> None:
    from musegen.corpus.store import load_scores

    if load_scores(path) is None:
        raise ValueError("no scores")


def _read_tensors(path: Path, _: int) -> None:
    from musegen.checkpoint import file_tensors

    for tensor in file_tensors(path)[1].values():
        np.array(tensor)


READERS = {
    ".safetensors": _load_checkpoint,
    ".resume": _read_tensors,
    ".mid": _read_music,
    ".png": _read_picture,
    ".npz": _read_arrays,
    ".shard": _read_scores,
    ".json": lambda path, _: json.loads(path.read_text()),
}


# -------------------------------------------------------------------------------- the kinds of work


def _melody_model() -> Any:
    import keras

    import musegen

    keras.utils.set_random_seed(0)
    return musegen.AttentionLSTM(units=8, pitch_embedding=4, duration_embedding=4, attention_size=4)


def _train_melody(folder: Path, say: Callable[[int], None]) -> None:
    model = _melody_model()
    tunes = [model.encoding.encode(p.score) for p in music.made_up_tunes(tunes=3).pieces]
    checkpoint = folder / "model.safetensors"
    model.fit((tunes[:2], tunes[2:]), epochs=EPOCHS, checkpoint=checkpoint, length=64, verbose=0)


def _train_musegan(folder: Path, say: Callable[[int], None]) -> None:
    import keras

    import musegen
    from musegen.training import musegan as training

    training.SECONDS_BETWEEN_SAVES = -1
    encoding = musegen.PianorollEncoding(("melody",), steps=4, lowest=60, pitches=12)
    keras.utils.set_random_seed(0)
    model = musegen.MuseGAN(encoding, bars=1, noise_size=4, units=8)
    scores = [piece.score for piece in music.made_up_tunes(tunes=1).pieces]
    checkpoint = folder / "model.safetensors"
    model.fit(
        scores, epochs=EPOCHS, batch_size=16, critic_steps=2, checkpoint=checkpoint, verbose=0
    )


def _training(work: Work, moments: int) -> Callable[[Path, int, np.random.Generator], Result]:
    def run(place: Path, kills: int, generator: np.random.Generator) -> Result:
        result = Result()
        whole = _new_folder(place / "whole")
        begun = time.perf_counter()
        if _end(*_start(work, whole))[0] != 0:
            result.losses.append("training that was left alone failed")
            return result
        seconds = time.perf_counter() - begun
        _check(whole, result, EPOCHS)
        folders = (_new_folder(place / f"killed-{number}") for number in itertools.count())
        folder, reached = next(folders), 0
        while True:
            if result.kills < kills:
                code, _ = _killed(work, folder, generator, seconds / 2, moments)
            else:
                code, _ = _end(*_start(work, folder))
            _check(folder, result, reached)
            reached = max(reached, _epochs(folder))
            if code == -signal.SIGKILL:
                result.kills += 1
                continue
            if code != 0:
                result.losses.append("training that was killed did not go on")
                return result
            for name in ("model.safetensors", "model.safetensors.resume"):
                if (folder / name).read_bytes() != (whole / name).read_bytes():
                    result.losses.append(f"{name} is not that of training left alone")
            if result.kills == kills:
                return result
            folder, reached = next(folders), 0

    return run


def _epochs(folder: Path) -> int:
    from musegen.checkpoint import CheckpointError, file_tensors

    with contextlib.suppress(CheckpointError):
        return file_tensors(folder / "model.safetensors")[0]["training"]["epochs_run"]
    return 0


def _save(folder: Path, say: Callable[[int], None]) -> None:
    from musegen import save_checkpoint

    model = _melody_model()
    path = folder / "model.safetensors"
    first = 1
    if path.exists():
        from musegen.checkpoint import file_tensors

        first = file_tensors(path)[0]["training"]["number"] + 1
    for number in range(first, first + 200):
        model.set_weights([np.full_like(weight, number) for weight in model.get_weights()])
        model.training_record = {"number": number}
        save_checkpoint(model, path)
        say(number)


def _compose(folder: Path, say: Callable[[int], None]) -> None:
    from musegen.cli import main as musegen

    command = ["compose", "bach-chorale-melody", "--notes", "6", "--count", "2"]
    names = ["--out", str(folder / "tune.mid"), "--attention", str(folder / "map.png")]
    for seed in range(20):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            if musegen([*command, *names, "--seed", str(seed)]) != 0:
                raise RuntimeError(errors.getvalue())
        say(seed)


def _write(folder: Path, say: Callable[[int], None]) -> None:
    import musegen
    from musegen.checkpoint import write_tensors
    from musegen.corpus.store import save_scores
    from musegen.interop import write_pianoroll_npz

    scores = [piece.score for piece in music.made_up_tunes(tunes=3).pieces]
    for number, score in enumerate(itertools.islice(itertools.cycle(scores), 60)):
        musegen.write_midi(score, folder / "tune.mid")
        musegen.plot_pianoroll(score, folder / "tune.png")
        write_pianoroll_npz(score, folder / "tune.npz")
        save_scores(folder / "kept.shard", [("tune", score)], {"number": number})
        write_tensors(folder / "weights.resume", {}, {"w": np.full(100_000, number, np.float32)})
        say(number)


def _again_and_again(
    work: Work, seconds: float, moments: int
) -> Callable[[Path, int, np.random.Generator], Result]:
    def run(place: Path, kills: int, generator: np.random.Generator) -> Result:
        result, complete = Result(), 0
        folder = _new_folder(place / "folder")
        while result.kills < kills:
            code, said = _killed(work, folder, generator, seconds, moments)
            if code == -signal.SIGKILL:
                result.kills += 1
            elif code != 0:
                result.losses.append("it failed")
                return result
            complete = max([complete, *said])
            _check(folder, result, complete if work is _save else 0)
        return result

    return run


KINDS = {
    "melody training": _training(_train_melody, moments=6),
    "MuseGAN training": _training(_train_musegan, moments=8),
    "saving": _again_and_again(_save, seconds=2, moments=40),
    "composing": _again_and_again(_compose, seconds=8, moments=12),
    "writing": _again_and_again(_write, seconds=1.5, moments=20),
}


if __name__ == "__main__":
    sys.exit(main() > 0)
