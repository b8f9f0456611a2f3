"""Corpora that outgrow a machine: files read a second, and the memory of a training.

    reading    a folder of MIDI files (fiddle tunes, one in twenty damaged) is scanned by 1, 2 and
               4 processes of this machine, and by as many workers of a Dask cluster on it; then
               once more, when all is kept
    splitting  which pieces are nearly the same, of more and more pieces: the turns and phrases of
               tunes, those of each copy hashed anew, so that copies share as little as tunes do
    training   melodies made of tunes, transposed and cut, are written as encoded shards, and the
               beginning of an epoch is trained on them, after one on a thousand: seconds from `fit`
               to the first batch, and how much more memory that takes

A process is started for each figure, so that none has what another left. Memory is the largest
resident set (RSS, pages of mapped files among it) and, at the end, what of it is not of files.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import measure
import numpy as np

PARTS = ("reading", "splitting", "training")
PORT = 28786


def main(argv: Sequence[str] | None = None) -> None:
    parser = measure.documented(__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--files", type=int, default=20_000, help="files to read")
    parser.add_argument("--pieces", type=int, default=1_000_000, help="pieces to train on")
    parser.add_argument("--splits", type=int, nargs="+", default=[5_000, 20_000, 80_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="only see whether it runs")
    parser.add_argument("--one", nargs="+", help="used by this script itself")
    options = parser.parse_args(argv)
    if options.one:
        print(json.dumps(ONE[options.one[0]](*options.one[1:])), flush=True)
        return
    options.kind = "made-up" if options.quick else "fiddle"
    if options.quick:
        options.files, options.pieces, options.splits = 300, 3_000, [300]
    measure.print_conditions(options.seed, turns="one of each, each in a process of its own")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for part in options.parts:
            globals()[f"_print_{part}"](place, options)


def _started(*words: Any, **environment: str) -> dict[str, Any]:
    """Runs a part of this script in a process of its own; returns what it found."""
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, __file__, "--one", *map(str, words)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _tunes(kind: str) -> list[Any]:
    """The scores of fiddle tunes, or of tunes that are made up."""
    import music

    from musegen.corpus import fiddle_tunes

    of = fiddle_tunes() if kind == "fiddle" else music.made_up_tunes(tunes=40, notes=100)
    return [piece.score for piece in of.pieces]


def memory() -> dict[str, float]:
    """The process's memory in MB: the most resident, and now that which is not of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith("kB")}
    return {"most": int(found["VmHWM"]) / 1000, "own": int(found["RssAnon"]) / 1000}


# === Reading ===


def _print_reading(place: Path, options: Any) -> None:
    from musegen.midi import midi_bytes

    tunes = [midi_bytes(score) for score in _tunes(options.kind)]
    for number in range(options.files):
        path = place / "music" / f"{number // 1000:03}" / f"{number:06}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        tune = tunes[number % len(tunes)]
        path.write_bytes(tune[:20] if number % 20 == 7 else tune)
    rows = []
    for workers in (1, 2, 4):
        found = _started("scan", place / "music", workers, "", MUSEGEN_CACHE=f"{place}/p{workers}")
        rows.append(["processes", workers, *_scan_row(found)])
    for workers in (1, 2, 4):
        with _cluster(workers, place) as address:
            cache = f"{place}/c{workers}"
            found = _started("scan", place / "music", workers, address, MUSEGEN_CACHE=cache)
        rows.append(["Dask", workers, *_scan_row(found)])
    found = _started("scan", place / "music", 1, "", MUSEGEN_CACHE=f"{place}/p1")
    rows.append(["all is kept", 1, *_scan_row(found)])
    print(f"\nreading {options.files:,} files\n")
    heads = ["by", "workers", "files/s", "seconds", "CPU seconds here", "most MB here", "kept"]
    measure.print_table(heads, rows)


def _scan_row(found: dict[str, Any]) -> list[str]:
    rate = found["files"] / found["seconds"]
    numbers = [f"{rate:,.0f}", f"{found['seconds']:.1f}", f"{found['cpu']:.1f}"]
    return [*numbers, f"{found['most']:.0f}", f"{found['kept']:,}"]


def _scan(folder: str, jobs: str, cluster: str) -> dict[str, Any]:
    from musegen.corpus import scan

    begun, cpu = time.perf_counter(), time.process_time()
    report = scan(folder, jobs=int(jobs), cluster=cluster or None)
    seconds = time.perf_counter() - begun
    used = {"seconds": seconds, "cpu": time.process_time() - cpu, **memory()}
    return {"files": len(report), "kept": report.kept, **used}


@contextlib.contextmanager
def _cluster(workers: int, place: Path) -> Iterator[str]:
    """A scheduler and workers of one thread each; gives the scheduler's address."""
    from distributed import Client

    address = f"tcp://127.0.0.1:{PORT + workers}"
    commands = (
        ["scheduler", "--host", "127.0.0.1", "--port", str(PORT + workers)],
        ["worker", address, "--nworkers", str(workers), "--nthreads", "1"],
    )
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "DASK_TEMPORARY_DIRECTORY": str(place)}
    started = [
        subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, "-m", "dask", *words, "--no-dashboard"], env=environment, **options
        )
        for words in commands
    ]
    try:
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=180)
        yield address
    finally:
        for process in started[::-1]:
            process.terminate()
            process.wait()


# === Splitting ===


def _print_splitting(place: Path, options: Any) -> None:
    rows = []
    for pieces in options.splits:
        found = _started("split", pieces, options.kind)
        rate = f"{1e6 * found['seconds'] / pieces:,.0f}"
        numbers = [f"{found['seconds']:.1f}", rate, f"{found['most']:,.0f}"]
        rows.append([f"{pieces:,}", f"{found['groups']:,}", *numbers])
    print("\nfinding what is nearly the same\n")
    heads = ["pieces", "groups", "seconds", "microseconds a piece", "most MB"]
    measure.print_table(heads, rows)


def _split(pieces: str, kind: str) -> dict[str, Any]:
    from musegen.corpus.duplicates import Fingerprint, fingerprint, group

    tunes = [fingerprint(score) for score in _tunes(kind)]
    prints = []
    for number in range(int(pieces)):
        copy, tune = divmod(number, len(tunes))
        salt = np.uint64(copy * 0x9E3779B97F4A7C15 % 2**64)
        prints.append(Fingerprint(*(np.sort(part ^ salt) for part in tunes[tune])))
    begun = time.perf_counter()
    groups = group(prints)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "groups": len(set(groups)), **memory()}


# === Training ===


def _print_training(place: Path, options: Any) -> None:
    rows = []
    for pitch in ("absolute", "relative"):
        found = _started("train", place, options.pieces, pitch, options.kind, options.seed)
        numbers = [f"{found[name]:,.0f}" for name in ("megabytes", "before", "most", "own")]
        times = [f"{found['first']:.1f}", f"{found['batch']:.1f}"]
        rows.append([f"{options.pieces:,}", pitch, *numbers, *times])
    print("\ntraining on an epoch's first steps\n")
    heads = [
        "pieces",
        "pitch",
        "MB on disk",
        "most MB of 1,000 pieces",
        "most MB",
        "MB not of files",
    ]
    measure.print_table([*heads, "seconds to the first batch", "ms to make a batch"], rows)


class _Enough(Exception):
    pass


def _train(place: str, pieces: str, pitch: str, kind: str, seed: str) -> dict[str, float]:
    import keras
    import tensorflow as tf

    import musegen
    from musegen.corpus.encoded import encoded
    from musegen.training.melody_windows import MelodyWindows

    tf.config.run_functions_eagerly(True)  # XLA's time and memory are those of any training
    few, _ = simulated(Path(place) / "few", 1_000, kind, int(seed))
    corpus, megabytes = simulated(Path(place) / "many", int(pieces), kind, int(seed))
    plain = {"copy": False, "candidates": False, "duration_after_pitch": False}
    times: list[float] = []
    get = MelodyWindows.__getitem__

    def timed(self: Any, index: int) -> Any:
        batch = get(self, index)
        times.append(time.perf_counter())
        return batch

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 5:
                raise _Enough

    def train(music: Any) -> float:
        """Trains some steps; returns the seconds until the first batch was there."""
        model = musegen.AttentionLSTM(units=16, depth=1, pitch=pitch, **plain)
        begun = time.perf_counter()
        times.clear()
        with contextlib.suppress(_Enough):
            model.fit(music, seed=int(seed), callbacks=[Stop()], verbose=2)
        return times[0] - begun

    MelodyWindows.__getitem__ = timed  # type: ignore[method-assign]
    train(few)
    before = memory()["most"]
    first = train(corpus)
    after = memory()
    MelodyWindows.__getitem__ = get  # type: ignore[method-assign]
    model = musegen.AttentionLSTM(units=16, depth=1, pitch=pitch, **plain)
    pieces_of = encoded(corpus.train, model.encoding)
    windows = MelodyWindows(pieces_of, model, shuffle=True, transpose=6, seed=int(seed))
    begun = time.perf_counter()
    count = min(100, windows.num_batches)
    for index in range(count):
        windows[index]
    batch = 1000 * (time.perf_counter() - begun) / count
    return {"megabytes": megabytes, "before": before, "first": first, "batch": batch, **after}


def simulated(place: Path, pieces: int, kind: str, seed: int) -> tuple[Any, float]:
    """A corpus of so many pieces as a folder has it, with its shards; and their MB.

    The pieces are tunes, cut into 40 events and transposed by -12 to 12 semitones.
    """
    from musegen.corpus.corpus import Corpus
    from musegen.corpus.encoded import FACTS, records_path
    from musegen.corpus.pieces import Pieces
    from musegen.corpus.store import Shards, as_json, shard_bytes, write_shard
    from musegen.encoding import PitchDurationEncoding
    from musegen.encoding.melody import FIRST_PITCH

    encoding, random = PitchDurationEncoding(), np.random.default_rng(seed)
    lines = [encoding.encode(score) for score in _tunes(kind)]
    cuts = [(line, at) for line in lines for at in range(0, len(line) - 40, 40)]
    pitches = np.array([line.pitches[at : at + 40] for line, at in cuts], np.uint8)
    durations = np.array([line.durations[at : at + 40] for line, at in cuts], np.uint8)
    fields = {"tempos": [[0, 500_000]], "meters": [[0, 4, 4]], "pickup": 0, "report": {}}
    size, head, megabytes = 1024, as_json(fields), 0.0
    paths = [place / f"{number:05}.safetensors" for number in range(-(-pieces // size))]
    for number, path in enumerate(paths):
        count = min(size, pieces - size * number)
        chosen, shifts = random.integers(len(cuts), size=count), random.integers(-12, 13, count)
        ids = pitches[chosen]
        moved = np.where(ids >= FIRST_PITCH, ids + shifts[:, None], ids).astype(np.uint8)
        arrays = {"head": np.tile(head, count), "pitches": moved.ravel()}
        arrays["durations"] = durations[chosen].ravel()
        for name in list(arrays):
            each = len(head) if name == "head" else 40
            arrays[f"{name}/ends"] = np.arange(1, count + 1) * each
        for name, (shape, kind_of) in FACTS.items():
            arrays[name] = np.zeros((count, *shape), kind_of)
        arrays["opening"][:] = 4, 4, 0, 500_000
        arrays["notes"][:, 0] = 40
        target = write_shard(records_path(path, encoding), shard_bytes(arrays, {}))
        megabytes += target.stat().st_size / 1e6
    index = np.arange(pieces, dtype=np.int32)
    splits = np.where(index % 100 == 0, 1, 0).astype(np.uint8)
    names = [f"{number // 1000:04}/{number:07}.mid" for number in range(pieces)]
    shards = Shards(paths)
    return Corpus(
        "simulated", Pieces(shards, names, splits, index // size, index % size)
    ), megabytes


ONE = {"scan": _scan, "split": _split, "train": _train}


if __name__ == "__main__":
    main()
