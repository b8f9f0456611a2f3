"""What the terminal shows while something takes its time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def progress(what: str) -> Iterator[None]:
    """Says on a terminal what is being done, for as long as it is."""
    from rich.console import Console

    # A copy of standard error, which is turned away while TensorFlow is imported.
    with open(os.dup(2), "w", encoding="utf-8") as screen, Console(file=screen).status(what):
        yield


def _keras() -> Any:
    try:
        from musegen._keras import keras
    except ImportError as error:
        raise ValueError(str(error)) from None
    return keras


@contextlib.contextmanager
def starting(what: str) -> Iterator[None]:
    """As `progress`, of what needs Keras; a ValueError says why Keras can't start."""
    with progress(what):
        _keras()
        yield
