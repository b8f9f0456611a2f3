"""What training shows of how it goes: a bar with the time left, or a line an epoch.

On a terminal it is one line that changes, on standard error; elsewhere each epoch is a line of
standard output. The time left is that of all epochs that are left, by how long the last ones took:
a run that stops early, since no epoch was better, takes less.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import keras

LAST = 5
"""Epochs whose mean is what the next ones are expected to take."""


def spoken(seconds: float) -> str:
    """Returns a time as it is told, such as `40 s`, `12 min` or `3.5 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def showing(verbose: Any) -> Iterator[list[keras.callbacks.Callback]]:
    """The callbacks that show training while this is open.

    `verbose` is 0 for none, 1 for a bar, 2 for a line an epoch; `"auto"` the fitting one.
    """
    if verbose == "auto":
        verbose = 1 if sys.stderr.isatty() else 2
    if verbose == 1:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}")
        with Progress(*columns, console=Console(stderr=True)) as bar:
            yield [Bar(bar)]
    else:
        yield [Lines()] if verbose else []


class Lines(keras.callbacks.Callback):
    """Prints a line an epoch: its figures, how long it took, and the time left."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.seconds: list[float] = []
        self.ended = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now = time.monotonic()
        self.seconds.append(now - self.ended)
        self.ended = now
        self.show(epoch, ", ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items()))

    def left(self, epoch: int, share: float = 0.0) -> str:
        """Returns the time left after an epoch and a share of the next; empty if it is unknown."""
        epochs = self.params["epochs"] - epoch - 1 - share
        last = (self.seconds[1:] or self.seconds)[-LAST:]  # in the first one all was compiled
        if not last or epochs <= 0:
            return ""
        return f"at most {spoken(epochs * sum(last) / len(last))} left"

    def show(self, epoch: int, figures: str) -> None:
        """Shows the epoch that has ended."""
        told = [figures, spoken(self.seconds[-1]), self.left(epoch)]
        line = "; ".join(filter(None, told))
        print(f"Epoch {epoch + 1}/{self.params['epochs']}: {line}", flush=True)


class Bar(Lines):
    """Moves a bar of rich's with each step, and shows the figures of the last epoch beside it."""

    def __init__(self, bar: Any) -> None:
        super().__init__()
        self.bar, self.figures = bar, ""

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.task = self.bar.add_task("", total=None, told="")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        self._move(epoch, 0.0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._move(self.epoch, (batch + 1) / (self.params["steps"] or batch + 1))

    def show(self, epoch: int, figures: str) -> None:
        self.figures = figures
        self._move(epoch, 1.0)

    def _move(self, epoch: int, share: float) -> None:
        epochs = self.params["epochs"]
        told = "; ".join(filter(None, [self.left(epoch - 1, share), self.figures]))
        self.bar.update(
            self.task,
            description=f"Epoch {epoch + 1}/{epochs}",
            total=epochs,
            completed=epoch + share,
            told=told,
        )
