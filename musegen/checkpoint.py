"""One file for a trained model: its weights, and everything that rebuilds it.

A checkpoint is a `.safetensors` file. Its header names every tensor with type, shape and place, and
holds one JSON document under `"musegen"`: the format's version, the model's class and config (the
encoding's within), and a record of the training. It begins with `"sha256"`, the hash of the whole
file, taken with zeros in the hash's place, by which a damaged file is told from a whole one.
Loading (`musegen.loading`) rebuilds the model from musegen's own classes, by a name from a table,
and only after every tensor's name, shape and type was compared with those that the config gives.
The model is then called as its file is, as when it was saved there.

Anybody's file may be loaded. Whatever it holds, no code of it is run, no other file is opened or
made, and no connection is made. A file whose header doesn't fit a model is a `CheckpointError` in
under a second and 100 MB, however large it is: at most 1 MB of header is read, and a tensor only
when all of them fit. One whose header fits takes time and memory in proportion to the file, and the
time to build the model. Links are followed: what counts is the file that they lead to. What the
weights make is not promised: a stranger's model may write anything, and has the hash of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import inspect
import json
import math
import os
import random
import stat
import struct
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from musegen._checks import Flag, checked_name, checked_path, shown
from musegen._files import atomic_path

SUFFIX = ".safetensors"
FORMAT = 2
MAX_HEADER_BYTES = 1_000_000
MAX_LISTS = 100_000  # lists and objects in a header: the largest part of the time to read one
MAX_DEPTH = 32  # of lists and objects within another
MAX_AXES = 8
NO_HASH = "0" * 64  # what stands in the hash's place while it is taken
Shapes: TypeAlias = dict[str, tuple[tuple[int, ...], str]]
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I32": "<i4", "I64": "<i8", "U32": "<u4"}


class CheckpointError(ValueError):
    """A file is no checkpoint of musegen's, or is damaged, or can't be written."""


def save_checkpoint(model: Any, path: str | os.PathLike[str], half: bool = False) -> Path:
    """Saves a model as one `.safetensors` file, and calls the model what the file is called.

    Args:
        model: The model. Its `training_record`, a dict of JSON values, is saved with it. Of a
            `MuseGAN` the generator is saved.
        path: Where to; its suffix is `.safetensors`.
        half: Whether to save weights in half precision: half the size, three decimal digits.

    Returns:
        The path.

    Raises:
        ValueError: If an argument is something else.
        CheckpointError: If the name has another suffix, or the file can't be written; a file that
            was there before is left as it was.
    """
    if not hasattr(model, "saved_weights"):
        raise ValueError(f"model={shown(model)}: give a model of musegen's, such as MuseGAN.")
    path, half = checkpoint_path(path), Flag().check("half", half)
    check_loadable(model)
    name_after(model, path)
    header, weights = model_contents(model)
    if half:
        with np.errstate(over="ignore"):  # infinite then, and refused as such
            weights = {name: values.astype(np.float16) for name, values in weights.items()}
    write_tensors(path, header, weights)
    return path


def name_after(model: Any, path: Path) -> None:
    """Calls a model what its file is called, if that can be a name."""
    with contextlib.suppress(ValueError):
        model.name = checked_name(path.stem)


def model_contents(model: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns what a checkpoint of a model holds: its document, and a copy of the weights."""
    header = {
        "format": FORMAT,
        "class": type(model).__name__,
        "config": model.get_config(),
        "training": model.training_record,
    }
    return header, {name: np.asarray(one).copy() for name, one in model.saved_weights.items()}


def check_loadable(model: Any) -> None:
    """Raises a `CheckpointError` if a checkpoint of this model could not be loaded.

    Its class is to be registered, and its config to rebuild it with weights of the same names.
    """
    kind, name, config = type(model), type(model).__name__, model.get_config()
    if vars(kind).get("registered_name") != name:
        raise CheckpointError(
            f"{name} can't be saved, for its checkpoints would not load: put "
            f"@musegen.models.register before the class, or call musegen.models.register({name})."
        )
    _, *parameters = inspect.signature(kind.__init__).parameters.values()
    named = [one.name for one in parameters if one.kind.name[:3] != "VAR"]
    if lost := [argument for argument in named if argument not in config]:
        raise CheckpointError(
            f"{name} can't be saved, for its argument {lost[0]!r} would be lost: keep it as an "
            f"attribute of that name, and declare it (@musegen.settings.declared) or add it to "
            "what get_config() returns."
        )
    try:
        first, second = _saved_shapes(kind, config, copies=2)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{name} can't be saved, for from_config(get_config()) does not rebuild it: {error}"
        ) from None
    if renamed := sorted(first.keys() ^ second.keys()):
        raise CheckpointError(
            f"{name} can't be saved, for it could not be read: the weight {renamed[0]!r} has "
            "another name in each copy of the model. Give every layer of its network a name."
        )
    if first != _shapes(model.saved_weights):
        raise CheckpointError(
            f"{name} can't be saved, for from_config(get_config()) makes other weights than it "
            "has: add what they depend on to what get_config() returns."
        )


def checkpoint_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """A path that a checkpoint may have, else raises an error that calls it by `name`."""
    path = checked_path(name, path)
    if path.suffix != SUFFIX:
        raise CheckpointError(
            f"{name}={shown(str(path))}: give a checkpoint a name with the suffix {SUFFIX}."
        )
    return path


def check_is_model(path: Path, header: dict[str, Any]) -> None:
    """Raises a `CheckpointError` if what a file says of itself is an unfinished training's."""
    if "class" not in header and {"settings", "epochs"} <= header.keys():
        raise CheckpointError(
            f"{path} is no model, but what an unfinished training goes on from. Name the "
            f"checkpoint beside it, {path.with_suffix('')}, which is there after the first epoch."
        )


def read_model(
    path: Path, models: Mapping[str, Any], header: dict[str, Any], tensors: StoredTensors
) -> Any:
    """Rebuilds the model, of one of the classes, from what `file_tensors` read of a checkpoint."""
    name, config = header.get("class"), header.get("config")
    check_is_model(path, header)
    if header.get("format") != FORMAT or not isinstance(name, str) or name not in models:
        raise CheckpointError(
            f"{path} holds format {shown(header.get('format'))}, model {shown(name)}; this version "
            f"of musegen knows format {FORMAT} and {', '.join(models)}. A newer one may load it; a "
            "class of your own is registered in your script, which is imported first."
        )
    try:
        [expected] = _saved_shapes(models[name], config)
        _compare(expected, tensors, path)
        tensors.check_hash()
        values = {key: tensor.read() for key, tensor in tensors.items()}
        model = models[name].from_config(config)
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise CheckpointError(f"{path} doesn't describe a {name}: {reason:.300}.") from None
    for key, variable in model.saved_weights.items():
        variable.assign(values[key])
    record = header.get("training")
    model.training_record = record if isinstance(record, dict) else {}
    name_after(model, path)
    return model


def _shapes(variables: Mapping[str, Any]) -> Shapes:
    return {name: (tuple(one.shape), str(one.dtype)) for name, one in variables.items()}


def _saved_shapes(model: Any, config: Any, copies: int = 1) -> list[Shapes]:
    """Name, shape and type of every weight of some models of a config, which take no memory.

    In a thread of its own: Keras keeps per thread which variables are still without values, and
    would give these some when the next such scope ends. What Keras draws the seeds of weights from
    is left as it was, so that a run with a checkpoint is the same as one without.
    """
    import keras

    def build() -> Shapes:
        with keras.StatelessScope(initialize_variables=False):
            return _shapes(model.from_config(config).saved_weights)

    state = random.getstate()
    try:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: [build() for _ in range(copies)]).result()
    finally:
        random.setstate(state)


def write_tensors(path: Path, header: dict[str, Any], variables: dict[str, Any]) -> None:
    """Writes variables and a JSON document as one safetensors file, beside and renamed over."""
    from safetensors import SafetensorError
    from safetensors.numpy import save

    arrays = {name: np.asarray(variable, order="C") for name, variable in variables.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise CheckpointError(
                f"{path} isn't written: {name!r} holds numbers that aren't finite."
            )
    try:
        document = json.dumps({"sha256": NO_HASH, **header}, allow_nan=False)
        _parsed(document)  # as it will be read
        size = len(json.dumps(document)) + sum(len(name) + 150 for name in arrays)
        if size > MAX_HEADER_BYTES:
            raise ValueError(f"{size:,} bytes of at most {MAX_HEADER_BYTES:,}")
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path} isn't written: config and training record must be JSON values ({error})."
        ) from None
    try:
        data = save(arrays, metadata={"musegen": document})
        place = data.index(NO_HASH.encode())
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            file.write(data[:place])
            file.write(hashlib.sha256(data).hexdigest().encode())
            file.write(memoryview(data)[place + len(NO_HASH) :])
    except (OSError, ValueError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path} can't be written: {reason}.") from None


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """A tensor in an open file: what the header says of it, and `read`, which gives its values."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    file: BinaryIO

    def read(self) -> np.ndarray:
        """Reads the values; raises a `CheckpointError` if one is not finite."""
        values = np.empty(self.shape, self.dtype)
        try:
            self.file.seek(self.start)
            found = self.file.readinto(values.reshape(-1).view(np.uint8))  # type: ignore[attr-defined]
            if found != values.nbytes:
                raise OSError("it became shorter while it was read")
        except OSError as error:
            raise _unreadable(self.file.name, error) from None
        if not np.isfinite(values).all():
            raise CheckpointError(
                f"{self.file.name}: {self.name!r} holds numbers that are not finite."
            )
        return values


class StoredTensors(dict[str, StoredTensor]):
    """The tensors of a file by name; it stays open as long as this lives."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.file = file
        self.head, self.stated = b"", ""  # what stands before the tensors, and the file's hash
        weakref.finalize(self, file.close)

    def check_hash(self) -> None:
        """Raises a `CheckpointError` if the file's hash, read once more, is not the stated one."""
        found = hashlib.sha256(self.head.replace(self.stated.encode(), NO_HASH.encode(), 1))
        try:
            self.file.seek(len(self.head))
            while part := self.file.read(2**20):
                found.update(part)
        except OSError as error:
            raise _unreadable(self.file.name, error) from None
        if found.hexdigest() != self.stated:
            raise CheckpointError(
                f"{self.file.name} was damaged: its contents have another hash than it states. "
                "Save it again, or get a fresh copy."
            )


def file_tensors(path: Path) -> tuple[dict[str, Any], StoredTensors]:
    """The JSON document and the tensors of a file, of which nothing but the header is read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would be to wait for it
            raise CheckpointError(f"{path} is no file. Name a {SUFFIX} file.")
        file = open(path, "rb")  # noqa: SIM115 - closed with the tensors
        tensors = StoredTensors(file)
        size = os.fstat(file.fileno()).st_size
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise CheckpointError(f"{path} is not a safetensors file, or was cut short.")
        raw = file.read(length)
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        raise _unreadable(path, error) from None
    try:
        table = _parsed(raw.decode())
        document = _parsed(table.pop("__metadata__")["musegen"])
        tensors.head, tensors.stated = prefix + raw, document.pop("sha256")
        if len(tensors.stated) != len(NO_HASH):
            raise ValueError("hash")
        place = 8 + length
        for name, entry in sorted(table.items(), key=lambda item: item[1]["data_offsets"]):
            kind, shape = np.dtype(_TYPES[entry["dtype"]]), tuple(entry["shape"])
            if len(shape) > MAX_AXES or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
                raise ValueError("shape")
            tensors[name] = StoredTensor(name, kind, shape, place, file)
            end = place + math.prod(shape) * kind.itemsize
            if entry["data_offsets"] != [place - 8 - length, end - 8 - length]:
                raise ValueError("offsets")
            place = end
        if place != size:
            raise ValueError("size")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(
            f"{path} is not a checkpoint of musegen's, or it was damaged: its header makes no "
            "sense. Save it again, or get a fresh copy."
        ) from None
    return document, tensors


def assign_tensors(variables: dict[str, Any], tensors: StoredTensors, path: Any) -> None:
    """Reads tensors into variables, after every name, shape and type has been compared.

    Where anything differs, or a value is not finite, no variable is changed.
    """
    _compare(_shapes(variables), tensors, path)
    tensors.check_hash()
    values = {name: tensors[name].read() for name in variables}
    for name, variable in variables.items():
        variable.assign(values[name])


def _compare(expected: Shapes, tensors: StoredTensors, path: Any) -> None:
    """Raises a `CheckpointError` where the tensors are not the expected ones, by shape and type."""
    for name in sorted(expected.keys() ^ tensors.keys()):
        where = "lacks" if name in expected else "has, but the model does not,"
        raise CheckpointError(f"{path} {where} a tensor named {shown(name)}.")
    for name, (shape, kind) in expected.items():
        tensor = tensors[name]
        stored = "float32" if tensor.dtype == np.float16 else str(tensor.dtype)
        if (tensor.shape, stored) != (shape, kind):
            found = f"{tensor.dtype} {tensor.shape}"
            raise CheckpointError(f"{path}: {name!r} is {found}; the model needs {kind} {shape}.")


def _unreadable(path: Any, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}.")


def _parsed(text: str) -> dict[str, Any]:
    """A JSON object in which no key stands twice, numbers are finite, and texts are characters."""
    if text.count("[") + text.count("{") > MAX_LISTS:
        raise ValueError("too many lists and objects")
    document = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=float)
    if not isinstance(document, dict):
        raise ValueError("no object")
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.keys()
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, float) and not math.isfinite(value):
                raise ValueError("a number that is not finite")
            elif isinstance(value, str):
                value.encode()  # JSON can hold halves of a character, which are a ValueError here
        if not inner:
            return document
        level = inner
    raise ValueError("nested too deeply")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result
