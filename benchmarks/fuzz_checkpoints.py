"""Random damage to checkpoints: each mutant is a `CheckpointError`, or loads as a whole model.

Three small files are damaged in turn: a melody model's, a MuseGAN's in half precision, and a
`.resume`. One half of the mutants has changed, doubled and missing bytes, most of them in the
header; the other half has odd values in a header that is well-formed JSON, and the right hash.

Each mutant is watched: its processor time (which other programs don't lengthen), its memory above
the start, and by Python's audit hooks whatever is opened, made, run or connected to. It fails if
it gives another error, a model that isn't whole, takes a second or 100 MB, or opens anything but
the one file.

    python benchmarks/fuzz_checkpoints.py --count 10000 --seed 0
"""

from __future__ import annotations

import ctypes
import dataclasses
import hashlib
import json
import os
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import measure
import numpy as np

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from musegen.checkpoint import NO_HASH, CheckpointError, save_checkpoint
from musegen.loading import load_checkpoint

MOST_SECONDS, MOST_BYTES = 1.0, 100_000_000

# What building a layer looks at in Python itself, and the thread in which a config is tried.
QUIET = {
    *("builtins.id", "code.__new__", "object.__getattr__", "object.__setattr__", "sys._getframe"),
    "sys._getframemodulename",
    "_thread.start_new_thread",
}

ODD: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 7, 1.5, 2**31, 10**18, 10**400, -(10**400), 1e308),
    *(float("nan"), float("inf"), "", "F64", "F16", "x", "é\0", "\ud800", "../x", "/etc/passwd"),
    *([], [1], {}, [[]], {"x": 1}, [0, 8], ["a"] * 70, [10**9], "MuseGAN", "AttentionLSTM"),
)


# --- watching ------------------------------------------------------------------------------------

_watched: tuple[str, list[str]] | None = None
_hooks: list[Callable[..., None]] = []  # added once, since Python never takes one away


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is None or event in QUIET:
        return
    path, seen = _watched
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    if not (event == "open" and str(arguments[0]) == path and not arguments[2] & writes):
        seen.append(f"{event} {str(arguments)[:200]}")


@dataclasses.dataclass
class Outcome:
    """What came of one file: the error's class and message, if any, and what it took."""

    error: str | None
    message: str
    seconds: float
    bytes: int
    events: list[str]


def watch(load: Callable[[Path], Any], path: Path) -> Outcome:
    """Loads a file, and says what that took; on Linux alone the memory is known."""
    global _watched
    if not _hooks:
        _hooks.append(_hook)
        sys.addaudithook(_hook)
    seen: list[str] = []
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)  # what was freed before is no head start
    measure.forget_peak()
    before = measure.memory("VmRSS")
    begin = time.process_time()
    error, message = None, ""
    _watched = str(path), seen
    try:
        load(path)
    except Exception as found:  # noqa: BLE001 - whatever it is, it is counted
        error, message = type(found).__name__, str(found)
    finally:
        _watched = None
    seconds = time.process_time() - begin
    return Outcome(error, message, seconds, max(0, measure.memory("VmHWM") - before), seen)


# --- files to damage -----------------------------------------------------------------------------


@dataclasses.dataclass
class Sample:
    """A good file: its bytes, its suffix, and what loads it."""

    data: bytes
    suffix: str
    load: Callable[[Path], Any] | None = None

    def parts(self) -> tuple[dict[str, Any], bytes]:
        """The header, with the document in it as a dict, and the body."""
        length = struct.unpack("<Q", self.data[:8])[0]
        header = json.loads(self.data[8 : 8 + length])
        header["__metadata__"]["musegen"] = json.loads(header["__metadata__"]["musegen"])
        return header, self.data[8 + length :]


def joined(header: Any, body: bytes = b"") -> bytes:
    """A file of a body and a header: bytes, or JSON values, the document in it a dict or a text.

    Of JSON values it gets the right hash, as whoever means harm would give it.
    """
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    document = metadata.get("musegen") if isinstance(metadata, dict) else None
    if isinstance(document, dict):
        if isinstance(document.get("sha256"), str):
            document = {**document, "sha256": NO_HASH}
        header = {**header, "__metadata__": {**metadata, "musegen": json.dumps(document)}}
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    data = struct.pack("<Q", len(raw)) + raw + body
    return data.replace(NO_HASH.encode(), hashlib.sha256(data).hexdigest().encode(), 1)


def samples(folder: Path) -> dict[str, Sample]:
    """Saves the three files, and loads each once: the first time opens files of TensorFlow's."""
    from musegen.encoding import PianorollEncoding, PitchDurationEncoding
    from musegen.models import AttentionLSTM, MuseGAN
    from musegen.training.resume import ResumeFile

    melody = AttentionLSTM(
        PitchDurationEncoding((12, 24)),
        **{"units": 4, "depth": 1, "pitch_embedding": 1, "duration_embedding": 1},
        attention_size=2,
        openings=[(3, 4, 0, 500_000, 1)],
    )
    encoding = PianorollEncoding(("tune", "bass"), steps=2, meter=(2, 4), lowest=60, pitches=3)
    gan = MuseGAN(encoding, bars=1, noise_size=2, units=4)
    save_checkpoint(melody, folder / "melody.safetensors")
    save_checkpoint(gan, folder / "gan.safetensors", half=True)
    variables = {variable.path: variable for variable in melody.weights}
    settings = {"epochs": 3, "seed": 1}
    values = {name: np.asarray(variable) for name, variable in variables.items()}
    history = {"nats": [3.0, 2.0], "val_nats": [3.5, 2.5]}
    ResumeFile(folder / "run.safetensors", settings).write(melody.get_config(), values, history)

    def load(path: Path) -> None:
        model = load_checkpoint(path)
        _check_finite(model.saved_weights.values())

    def resume(path: Path) -> None:
        run = ResumeFile(path.with_suffix(""), settings)
        history = run.read(melody.get_config(), variables)
        _check_finite(variables.values())
        if {len(column) for column in (history or {}).values()} != {2}:
            raise AssertionError("the history is not that of two epochs")

    files = {
        "AttentionLSTM": ("melody.safetensors", ".safetensors", load),
        "MuseGAN": ("gan.safetensors", ".safetensors", load),
        ".resume": ("run.safetensors.resume", ".safetensors.resume", resume),
    }
    for name, _, loader in files.values():
        loader(folder / name)
    return {
        kind: Sample((folder / name).read_bytes(), suffix, loader)
        for kind, (name, suffix, loader) in files.items()
    }


def _check_finite(variables: Iterable[Any]) -> None:
    if not all(np.isfinite(np.asarray(variable)).all() for variable in variables):
        raise AssertionError("a weight is not finite")


# --- mutants -------------------------------------------------------------------------------------


def mutants(sample: Sample, seed: int) -> Iterator[bytes]:
    """Damaged copies of a file without end, the same ones for the same seed."""
    random = np.random.default_rng(seed)
    header, body = sample.parts()
    places = [place for place in _places(header) if place]
    while True:
        yield _damaged(sample.data, len(sample.data) - len(body), random)
        changed = json.loads(json.dumps(header))
        for _ in range(random.integers(1, 3)):
            _change(changed, places[random.integers(len(places))], random)
        yield joined(changed, body)


def _damaged(data: bytes, length: int, random: np.random.Generator) -> bytes:
    copy = bytearray(data)
    for _ in range(random.integers(1, 4)):
        at = int(random.integers(length if random.random() < 0.95 else len(copy)))
        size = int(random.integers(1, 20))
        kind = random.integers(5)
        if kind == 0:
            copy[at : at + 1] = bytes([random.integers(256)])
        elif kind == 1:
            copy[at : at + 1] = bytes([copy[min(at, len(copy) - 1)] ^ 1 << random.integers(8)])
        elif kind == 2:
            copy[at:at] = copy[at : at + size]
        elif kind == 3:
            del copy[at : at + size]
        elif random.random() < 0.2:
            del copy[at + 1 :]
    return bytes(copy)


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*above, key))


def _change(header: Any, place: tuple[Any, ...], random: np.random.Generator) -> None:
    try:
        for key in place[:-1]:
            header = header[key]
        if random.random() < 0.15:
            del header[place[-1]]
        else:
            header[place[-1]] = ODD[random.integers(len(ODD))]
    except (KeyError, IndexError, TypeError):
        pass  # the place went with an earlier change


# --- the fuzzer ----------------------------------------------------------------------------------


@dataclasses.dataclass
class FuzzResult(measure.Found):
    """What came of the mutants; `failures` says how each that should not be was made."""

    loaded: int = 0
    errors: int = 0


def fuzz(count: int, seed: int, files: dict[str, Sample] | None = None) -> FuzzResult:
    """Loads damaged checkpoints.

    Args:
        count: How many.
        seed: Where they are drawn from.
        files: What to damage; the module's three files if None.

    Returns:
        What came of them.
    """
    result = FuzzResult()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = files or samples(folder)
        streams = {kind: mutants(sample, seed) for kind, sample in files.items()}
        for number in range(count):
            kind = list(files)[number % len(files)]
            path = folder / f"mutant{files[kind].suffix}"
            path.write_bytes(next(streams[kind]))
            before = set(os.listdir(folder))
            outcome = watch(files[kind].load, path)
            result.tried += 1
            result.loaded += outcome.error is None
            result.errors += outcome.error == CheckpointError.__name__
            result.worst_seconds = max(result.worst_seconds, outcome.seconds)
            result.worst_bytes = max(result.worst_bytes, outcome.bytes)
            faults = [*outcome.events, *(set(os.listdir(folder)) - before)]
            if outcome.error not in (None, CheckpointError.__name__):
                faults.append(f"{outcome.error}: {outcome.message[:200]}")
            if outcome.error and str(path) not in outcome.message:
                faults.append(f"the message names no file: {outcome.message[:200]}")
            if outcome.seconds > MOST_SECONDS or outcome.bytes > MOST_BYTES:
                faults.append(f"{outcome.seconds:.2f} s, {outcome.bytes / 1e6:.0f} MB")
            if faults:
                result.failures.append(f"{kind}, seed {seed}, mutant {number}: {faults[:3]}")
    return result


def main() -> int:
    parser = measure.documented(__doc__)
    parser.add_argument("--count", type=int, default=1000, help="mutants (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed (default %(default)s)")
    options = parser.parse_args()
    result = fuzz(options.count, options.seed)
    for label, value in (
        ("mutants tried", f"{result.tried:,}"),
        ("refused", f"{result.errors:,}"),
        ("loaded as whole models", f"{result.loaded:,}"),
        ("worst processor time", f"{result.worst_seconds:.2f} s"),
        ("worst memory above the start", f"{result.worst_bytes / 1e6:.1f} MB"),
        ("failures", f"{len(result.failures):,}"),
    ):
        print(f"{label:<30}{value:>12}")
    for failure in result.failures[:20]:
        print(failure)
    return bool(result.failures)


if __name__ == "__main__":
    sys.exit(main())
