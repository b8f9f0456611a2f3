"""Training on several devices, of one machine or of several: each learns from a share of a batch.

Keras does it (`keras.distribution.DataParallel`, on its JAX engine): every device has all weights,
a batch is cut along its examples, and gradients are added up before a step. So a step is the one
that a single process takes on the whole batch, up to rounding. Here stand the three things that
are left to do: a process joins those that were launched with it, takes its rows of each batch, and
leaves the writing of files to the first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import keras

from musegen.training import TrainingError

VARIABLES = tuple(
    f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
)
"""Keras's own environment variables: where process 0 listens, how many there are, which this is."""

HEARTBEAT_SECONDS = 20
"""How long a process may be silent before the others take it as lost."""


def join() -> None:
    """Joins the processes that `VARIABLES` name, and sets Keras to train on all their devices.

    It does nothing where there is one device and no variable is set. It must come before the
    first weight is made.

    Raises:
        RuntimeError: If Keras does not run on JAX, some variables are missing or wrong, or the
            others can't be reached.
    """
    given = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if keras.backend.backend() != "jax":
        if given:
            raise RuntimeError(
                f"{next(iter(given))} is set: several processes train on Keras's JAX engine, not "
                f"on {keras.backend.backend()}. Set KERAS_BACKEND=jax before Python starts."
            )
        return
    import jax

    if given:
        address, count, number = _checked(given)
        if count > 1:
            try:
                jax.distributed.initialize(
                    address,
                    count,
                    number,
                    heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
                    shutdown_timeout_seconds=HEARTBEAT_SECONDS,
                )
            except RuntimeError as error:
                raise RuntimeError(
                    f"Process {number} of {count} can't reach the others at {address} "
                    f"({str(error).splitlines()[0]}). Start them within minutes of each other, and "
                    "see that this address is that of process 0."
                ) from None
    if jax.device_count() > 1:
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(auto_shard_dataset=False)
        )


def _checked(given: dict[str, str]) -> tuple[str, int, int]:
    if missing := [name for name in VARIABLES if name not in given]:
        raise RuntimeError(f"{missing[0]} is not set, but {next(iter(given))} is: set all three.")
    address, *numbers = given.values()
    for name, value in zip(VARIABLES[1:], numbers, strict=True):
        if not value.isdecimal():
            raise RuntimeError(f"{name}={value}: give a whole number.")
    count, number = map(int, numbers)
    if not number < count:
        raise RuntimeError(
            f"{VARIABLES[2]}={number}: give 0 to {count - 1}, as there are {count} processes."
        )
    return address.split(",")[0], count, number


def _place() -> tuple[int, int]:
    """Which process this is, and of how many."""
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is None:
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def writes_files() -> bool:
    """Whether this process is the one that writes checkpoints and prints."""
    return _place()[0] == 0


@contextlib.contextmanager
def together() -> Iterator[None]:
    """A context in which an error of the others' making is a `TrainingError` that says so."""
    try:
        yield
    except Exception as error:
        if _place()[1] == 1 or "jax" not in type(error).__module__:
            raise
        raise TrainingError(
            "Another process of this training was lost. What was saved is there: start all of them "
            "again, as many as you like, and it goes on from that. The last word of JAX was: "
            f"{str(error).strip().splitlines()[0]}"
        ) from None


def wait_for_others(where: str) -> None:
    """Waits until all processes have come to a place of this name."""
    if _place()[1] > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(where)


def of_this_process(windows: Any) -> Any:
    """Returns the batches of which this process learns, each with its share of the rows.

    Args:
        windows: Batches, with `batch_size` rows in each array; None for none.

    Raises:
        ValueError: If the devices can't share the rows evenly.
    """
    distribution = keras.distribution.distribution()
    if windows is None or distribution is None:
        return windows
    devices = distribution.num_model_replicas
    if windows.batch_size % devices:
        raise ValueError(
            f"batch_size={windows.batch_size}: {devices} devices share a batch; give a multiple of "
            f"{devices}."
        )
    number, count = _place()
    return windows if count == 1 else _Rows(windows, number, count)


class _Rows(keras.utils.PyDataset):
    """The rows of one process of some windows."""

    def __init__(self, windows: Any, number: int, count: int) -> None:
        super().__init__()
        self.windows, self.number = windows, number
        self.rows = windows.batch_size // count

    def __getitem__(self, index: int) -> Any:
        rows = slice(self.number * self.rows, (self.number + 1) * self.rows)
        return keras.tree.map_structure(lambda array: array[rows], self.windows[index])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.windows, name)

    @property
    def num_batches(self) -> int:
        return self.windows.num_batches
