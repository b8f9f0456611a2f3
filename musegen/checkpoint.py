"""One file for a trained model: its weights, and everything that rebuilds it.

A checkpoint is a `.safetensors` file. Its header names every tensor with type, shape and place, and
holds one JSON document under `"musegen"`: the format's version, the model's class and config (the
encoding's within), and a record of the training. Loading rebuilds the model from musegen's own
classes, by a name from a fixed table, and compares the header with the model that results before it
reads a tensor. No code is loaded, whatever the file holds.
"""

from __future__ import annotations

import json
import math
import os
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen._files import atomic_path

if TYPE_CHECKING:
    from musegen.models.melody_model import MelodyModel
    from musegen.models.musegan import MuseGAN

SUFFIX = ".safetensors"
FORMAT = 1
MAX_HEADER_BYTES = 1_000_000
MODELS = ("AttentionLSTM", "MuseGAN")
PRETRAINED = Path(__file__).parent / "pretrained"
_TYPES = {"F32": "<f4", "F16": "<f2", "I32": "<i4", "I64": "<i8", "U32": "<u4"}


class CheckpointError(ValueError):
    """A file is no checkpoint of musegen's, or is damaged, or can't be written."""


def save_checkpoint(
    model: MelodyModel | MuseGAN, path: str | os.PathLike[str], half: bool = False
) -> Path:
    """Saves a model as one `.safetensors` file.

    Args:
        model: The model. Its `training_record`, a dict of JSON values, is saved with it. Of a
            `MuseGAN` the generator is saved.
        path: Where to; it must end in `.safetensors`.
        half: Whether to save weights in half precision: half the size, three decimal digits.

    Returns:
        The path.

    Raises:
        CheckpointError: If the name has another suffix, or the file can't be written; a file that
            was there before is left as it was.
    """
    path = checkpoint_path(path)
    header = {
        "format": FORMAT,
        "class": type(model).__name__,
        "config": model.get_config(),
        "training": model.training_record,
    }
    weights = {variable.path: np.asarray(variable) for variable in model.saved_weights}
    if half:
        with np.errstate(over="ignore"):  # infinite then, and refused as such
            weights = {name: values.astype(np.float16) for name, values in weights.items()}
    write_tensors(path, header, weights)
    return path


def checkpoint_path(path: str | os.PathLike[str]) -> Path:
    """A path that a checkpoint may have, else raises a `CheckpointError`."""
    path = Path(path)
    if path.suffix != SUFFIX:
        raise CheckpointError(f"{path}: name a checkpoint with the suffix {SUFFIX}.")
    return path


def load_checkpoint(path: str | os.PathLike[str]) -> Any:
    """Loads a model that `save_checkpoint` saved.

    Args:
        path: The file.

    Returns:
        The model, with its training record.

    Raises:
        CheckpointError: If the file is missing, damaged, or anything but such a checkpoint.
    """
    path = Path(path)
    header, tensors = file_tensors(path)
    name = header.get("class")
    if header.get("format") != FORMAT or name not in MODELS:
        raise CheckpointError(
            f"{path} holds format {header.get('format')!r}, model {name!r}; this version of "
            f"musegen knows format {FORMAT} and {', '.join(MODELS)}. A newer musegen may load it."
        )
    from musegen import models

    model_class = getattr(models, name)
    try:
        expected = model_class.weight_count(header["config"])
        if expected != sum(tensor.size for tensor in tensors.values()):
            raise ValueError(f"its config describes {expected} weights, its tensors hold others")
        model = model_class.from_config(header["config"])
        if unknown := header["config"].keys() - model.get_config().keys():
            raise ValueError(f"its config has {', '.join(sorted(unknown))}, which no {name} has")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{path} doesn't describe a {name}: {error}.") from None
    weights = {variable.path: variable for variable in model.saved_weights}
    assign_tensors(weights, tensors, str(path))
    record = header.get("training")
    model.training_record = record if isinstance(record, dict) else {}
    return model


def load(name: str | os.PathLike[str]) -> Any:
    """Loads a model that ships with musegen, by its name, or a checkpoint file, by its path.

    Args:
        name: A name that `musegen models` lists, or the path of a `.safetensors` file.

    Returns:
        The model.

    Raises:
        CheckpointError: If there is no such model or file, or the file is no checkpoint.
    """
    shipped = PRETRAINED / f"{name}{SUFFIX}"
    if str(name) in pretrained_names():
        return load_checkpoint(shipped)
    try:
        exists = Path(name).exists()
    except (OSError, ValueError):  # no name that a file could have
        exists = False
    if not exists:
        raise CheckpointError(
            f"{str(name)!r} is neither a file nor a model that ships with musegen; those are "
            f"{', '.join(pretrained_names()) or 'none in this copy'}."
        )
    return load_checkpoint(name)


def pretrained_names() -> list[str]:
    """Names of the models that ship with musegen."""
    return sorted(path.stem for path in PRETRAINED.glob(f"*{SUFFIX}"))


def write_tensors(path: Path, header: dict[str, Any], variables: dict[str, Any]) -> None:
    """Writes variables and a JSON document as one safetensors file, beside and renamed over."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    arrays = {name: np.asarray(variable, order="C") for name, variable in variables.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise CheckpointError(
                f"{path} isn't written: {name!r} holds numbers that aren't finite."
            )
    try:
        document = json.dumps(header, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} isn't written: config and training record must be JSON values ({error})."
        ) from None
    try:
        with atomic_path(path) as temporary:
            save_file(arrays, temporary, metadata={"musegen": document})
    except (OSError, ValueError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path} can't be written: {reason}.") from None


def file_tensors(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The JSON document and the tensors of a file; the tensors are views that read when used.

    Raises:
        CheckpointError: If the file is not well formed.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointError(f"{path} is no file. Name a {SUFFIX} file.")
        size = status.st_size
        with open(path, "rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
            if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
                raise CheckpointError(f"{path} is not a safetensors file, or was cut short.")
            raw = file.read(length)
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path} can't be read: {reason}.") from None
    try:
        table = json.loads(raw, object_pairs_hook=_no_duplicates)
        document = json.loads(
            table.pop("__metadata__")["musegen"], object_pairs_hook=_no_duplicates
        )
        if not isinstance(document, dict):
            raise ValueError("no document")
        places, offset = {}, 0
        for name, entry in sorted(table.items(), key=lambda item: item[1]["data_offsets"]):
            kind = np.dtype(_TYPES[entry["dtype"]])
            shape = tuple(entry["shape"])
            if not all(type(n) is int and 0 <= n < 2**31 for n in shape):
                raise ValueError("shape")
            end = offset + math.prod(shape) * kind.itemsize
            if entry["data_offsets"] != [offset, end]:
                raise ValueError("offsets")
            places[name] = (kind, 8 + length + offset, shape)
            offset = end
        if 8 + length + offset != size:
            raise ValueError("size")
        tensors = {
            name: np.memmap(path, kind, "r", start, shape)
            if math.prod(shape)
            else np.zeros(shape, kind)
            for name, (kind, start, shape) in places.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(
            f"{path} is not a checkpoint of musegen's, or it was damaged: its header makes no "
            "sense. Save it again, or get a fresh copy."
        ) from None
    return document, tensors


def assign_tensors(variables: dict[str, Any], tensors: dict[str, Any], path: str) -> None:
    """Reads tensors into variables, after every name, shape and type has been compared.

    Raises:
        CheckpointError: If anything differs, or a value is not finite.
    """
    for name in {*variables, *tensors}:
        if name not in tensors or name not in variables:
            where = "lacks" if name in variables else "has, but the model does not,"
            raise CheckpointError(f"{path} {where} a tensor named {name!r}.")
        variable, tensor = variables[name], tensors[name]
        expected = (tuple(variable.shape), str(variable.dtype))
        stored = "float32" if tensor.dtype == np.float16 else str(tensor.dtype)
        if (tensor.shape, stored) != expected:
            raise CheckpointError(
                f"{path}: {name!r} is {tensor.dtype} {tensor.shape}; the model needs "
                f"{expected[1]} {expected[0]}."
            )
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise CheckpointError(f"{path}: {name!r} holds numbers that are not finite.")
    for name, variable in variables.items():
        variable.assign(np.array(tensors[name]))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result
