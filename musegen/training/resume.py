"""The file beside a checkpoint from which an interrupted training goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from musegen._checks import shown
from musegen.checkpoint import (
    CheckpointError,
    assign_tensors,
    checkpoint_path,
    file_tensors,
    write_tensors,
)
from musegen.training.parallel import writes_files

HISTORY = "history/"
"""How the names of the tensors begin that hold the history: float64, one value an epoch."""

SHOWN = 4
"""Settings that a message shows at most."""


class _Absent:
    def __repr__(self) -> str:
        return "not known"


_ABSENT = _Absent()


class ResumeFile:
    """The file beside a checkpoint, if there is one, from which a run of equal settings goes on."""

    def __init__(self, checkpoint: str | Path | None, settings: dict[str, Any]) -> None:
        self.checkpoint = None if checkpoint is None else checkpoint_path(checkpoint, "checkpoint")
        self.path = Path(f"{checkpoint}.resume")
        self.settings = settings

    def read(
        self, config: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, list[float]] | None:
        """Takes up an interrupted run: assigns the variables, and returns the history so far.

        The history is by name one value per epoch; None if there is no run to go on with. If the
        checkpoint or the file belongs to another run, or is damaged, it is a `CheckpointError`.
        """
        if self.checkpoint is None:
            return None
        if not self.path.exists():
            if self.checkpoint.exists():
                raise CheckpointError(
                    f"{self.checkpoint} exists, but not the {self.path.name} that training "
                    "could go on from. Choose another name, or move the file away."
                )
            return None
        header, tensors = file_tensors(self.path)
        there = (header.get("settings"), header.get("model"))
        if other := _differences(there, (self.settings, config)):
            if header.get("epochs") == 0 and not self.checkpoint.exists():
                return None  # it was stopped in its first epoch: there is nothing to lose
            raise CheckpointError(
                f"{self.path} belongs to training with other settings: {other}. Train with the "
                "same ones to go on, or move it and the checkpoint away to start anew."
            )
        columns = {name: tensors.pop(name) for name in [*tensors] if name.startswith(HISTORY)}
        epochs = header.get("epochs")
        kinds = {(column.dtype.name, column.shape) for column in columns.values()}
        if list(kinds or {("float64", (0,))}) != [("float64", (epochs,))]:
            raise CheckpointError(
                f"{self.path} was damaged: its history is not one of {epochs!r} epochs. Move it "
                "and the checkpoint away to start anew."
            )
        assign_tensors(variables, tensors, str(self.path))
        return {
            name.removeprefix(HISTORY): column.read().tolist() for name, column in columns.items()
        }

    def write(
        self, config: dict[str, Any], variables: dict[str, Any], history: dict[str, list[float]]
    ) -> None:
        """Writes what `read` reads, in the process that writes files."""
        if self.checkpoint is not None and writes_files():
            epochs = len(next(iter(history.values()), ()))
            header = {"settings": self.settings, "model": config, "epochs": epochs}
            columns = {HISTORY + name: np.array(column) for name, column in history.items()}
            write_tensors(self.path, header, {**variables, **columns})


def _differences(there: tuple[Any, Any], here: tuple[dict[str, Any], dict[str, Any]]) -> str:
    """Says which settings and arguments have another value in a file than here, if any has.

    The name, which is that of the file, is none of them.
    """
    found = []
    for values, ours in zip(there, here, strict=True):
        values = values if isinstance(values, dict) else {}
        for name in [*ours, *(values.keys() - ours.keys())]:
            if name != "name" and values.get(name, _ABSENT) != ours.get(name, _ABSENT):
                texts = [shown(one.get(name, _ABSENT)) for one in (values, ours)]
                found.append(f"{name} is {texts[0]} there, {texts[1]} here")
    more = f", and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more
