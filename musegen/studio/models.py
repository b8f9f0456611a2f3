"""The models of the studio: those that ship with musegen, and the one that it was started with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from musegen import loading
from musegen._checks import Choice

KINDS = {"MuseGAN": "phrases", "VoiceModel": "voices"}
"""What models of a class write, which is melodies for all others."""

FIRST = "bach-chorale"
"""The model that the page begins with, where it is there."""


class Models:
    """Models by name, each loaded when it is first asked for, and kept.

    Attributes:
        kinds: What each model writes, by its name: `"melodies"`, `"voices"` or `"phrases"`.
        tracks: The names of the tracks that each model writes, where it says so.

    Args:
        kinds: As above.
        tracks: As above.
        load: Loads a model by its name.
    """

    def __init__(
        self, kinds: dict[str, str], tracks: dict[str, list[str]], load: Callable[[str], Any]
    ) -> None:
        self.kinds, self.tracks = kinds, tracks
        self._load = load
        self._loaded: dict[str, Any] = {}

    @classmethod
    def shipped(cls, file: str | None = None) -> Models:
        """Returns the models that ship, and that of a checkpoint, which comes first.

        Raises:
            CheckpointError: If the file is no checkpoint.
        """
        paths = {name: name for name in loading.pretrained_names()}
        if file is not None and file not in paths:
            paths = {_free(Path(file).stem, paths): file, **paths}
        elif file is not None:
            paths = {file: file, **paths}
        elif FIRST in paths:
            paths = {FIRST: FIRST, **paths}
        headers = {name: loading.model_header(path) for name, path in paths.items()}
        kinds = {
            name: KINDS.get(str(header["class"]), "melodies") for name, header in headers.items()
        }
        tracks = {name: _tracks(header) for name, header in headers.items()}
        return cls(kinds, tracks, lambda name: loading.load(paths[name]))

    def is_loaded(self, name: str) -> bool:
        """Returns whether a model has been loaded."""
        return name in self._loaded

    def get(self, name: str) -> Any:
        """Returns a model; raises a ValueError if there is none, or it can't be read."""
        Choice(*self.kinds).check("model", name)
        if name not in self._loaded:
            try:
                self._loaded[name] = self._load(name)
            except (OSError, ValueError):
                raise ValueError(
                    f"{name} can't be loaded, though it could be when the studio was started. "
                    "Start the studio again."
                ) from None
        return self._loaded[name]


def _tracks(header: Any) -> list[str]:
    try:
        return [str(track["name"]) for track in header["config"]["encoding"]["tracks"]]
    except (KeyError, TypeError):  # a model of one line, or a config that loading will refuse
        return []


def _free(name: str, taken: Any) -> str:
    """The name, or, where it is taken, the first that is free with a number behind it."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}-{number}"
    return free
