"""What a name means: a model that ships with musegen, a checkpoint, a folder of music, a corpus.

Every command and function that is given a name asks here. A name of a model that ships comes before
a path, so that a folder of the same name hides nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from musegen._checks import checked_path, shown
from musegen._files import is_folder
from musegen.checkpoint import SUFFIX, CheckpointError, check_is_model, file_tensors, read_model

PRETRAINED = Path(__file__).parent / "pretrained"
"""The folder of the models that ship, each with its card."""


MUSIC = (".mid", ".midi", ".npz")
"""How the names of files of music end."""


def pretrained_names() -> list[str]:
    """Returns the names of the models that ship with musegen."""
    return sorted(path.stem for path in PRETRAINED.glob(f"*{SUFFIX}"))


def names_a_folder(name: Any) -> bool:
    """Returns whether a name means a folder of music."""
    if not isinstance(name, (str, os.PathLike)) or str(name) in pretrained_names():
        return False
    return is_folder(Path(name))


def names_a_piece(name: Any) -> bool:
    """Returns whether a name means a file of music."""
    if not isinstance(name, (str, os.PathLike)) or str(name) in pretrained_names():
        return False
    return Path(name).suffix.lower() in MUSIC


def model_path(name: str | os.PathLike[str], argument: str = "name") -> Path:
    """Returns the path of the file that a name means; `argument` is what the user calls it."""
    path = checked_path(argument, name)
    if str(name) in pretrained_names():
        return PRETRAINED / f"{name}{SUFFIX}"
    if not os.path.exists(path):  # noqa: PTH110 - False, too, where no file can have such a name
        raise CheckpointError(
            f"{argument}={shown(str(name))} is neither a file nor a model that ships with musegen; "
            f"those are {', '.join(pretrained_names()) or 'missing from this copy'}. Give a name "
            "or a path."
        )
    return path


def model_header(name: str) -> dict[str, Any]:
    """Returns what a model's checkpoint says of it; raises as `load`, without TensorFlow."""
    path = model_path(name)
    header, _ = file_tensors(path)
    check_is_model(path, header)
    return header


def load(name: str | os.PathLike[str]) -> Any:
    """Loads a model that ships with musegen, by its name, or a checkpoint file, by its path.

    Args:
        name: A name that `musegen models` lists, or the path of a `.safetensors` file.

    Returns:
        The model.

    Raises:
        ValueError: If `name` is not a path.
        CheckpointError: If there is no such model or file, or the file is no checkpoint.
    """
    return load_checkpoint(model_path(name))


def load_to_train(name: str) -> Any:
    """Loads a model to train it further; its training record will say what it began from."""
    path = model_path(name)
    model = load_checkpoint(path)
    model.started_from = {"model": str(name), "sha256": file_tensors(path)[1].stated[:16]}
    return model


def load_checkpoint(path: str | os.PathLike[str]) -> Any:
    """Loads a model that `save_checkpoint` saved.

    Args:
        path: The file.

    Returns:
        The model, with its training record.

    Raises:
        ValueError: If `path` is not a path.
        CheckpointError: If the file is missing, damaged, or anything but such a checkpoint.
    """
    path = checked_path("path", path)
    tensors = file_tensors(path)  # a file that is not one is refused before TensorFlow is imported
    from musegen.models.registry import MODELS

    return read_model(path, MODELS, *tensors)


def given_model(argument: str, model: Any) -> Any:
    """Returns a model that is given as itself, by name or by path, else raises a ValueError."""
    from musegen.models.registry import MODELS, is_model

    if isinstance(model, (str, os.PathLike)):
        return load_checkpoint(model_path(model, argument))
    if not is_model(model):
        raise ValueError(
            f"{argument}={shown(model)}: give a model ({' or '.join(MODELS)}), the name of one "
            "that ships with musegen, or the path of a checkpoint."
        )
    return model
