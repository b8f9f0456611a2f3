"""What the terminal shows while something takes its time."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def progress(what: str) -> Iterator[None]:
    """Says on a terminal what is being done, for as long as it is."""
    from rich.console import Console

    # A copy of standard error, since `quiet_start` turns the other one away.
    with open(os.dup(2), "w", encoding="utf-8") as screen, Console(file=screen).status(what):
        yield


def _keras() -> Any:
    try:
        from musegen._keras import keras
    except ImportError as error:
        raise ValueError(str(error)) from None
    return keras


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Keeps back what TensorFlow says as it starts, unless starting fails.

    Its libraries write of processors and missing GPUs to standard error before they heed any
    setting, so the file descriptor itself is turned away.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what fails raises an error as well
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            if _keras().backend.backend() == "tensorflow":
                import tensorflow

                tensorflow.config.list_logical_devices()  # looks for GPUs, as the first use would
            yield
        except (KeyboardInterrupt, ValueError):
            raise  # bad input, and no word of TensorFlow's explains it
        except BaseException:
            said.seek(0)
            os.write(screen, said.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)
