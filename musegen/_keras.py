"""Keras on the engine that the user has chosen, started without a word of the engine's own.

TensorFlow's libraries write of processors and missing GPUs to standard error as they start, some of
it before they heed any setting. So the file descriptor itself is turned away while they are
imported, and their log shows nothing after that: what fails raises an error as well. Python's own
warnings still come. `TF_CPP_MIN_LOG_LEVEL=0` shows everything; another level is left as it is set.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back what native code writes to standard error, unless starting fails."""
    if os.environ.setdefault(LEVEL, "3") == "0" or "tensorflow" in sys.modules:
        yield
        return
    try:
        screen = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    with contextlib.ExitStack() as stack:
        said = stack.enter_context(tempfile.TemporaryFile())
        sys.stderr.flush()
        os.dup2(said.fileno(), 2)
        with os.fdopen(screen, "w", encoding="utf-8", errors="backslashreplace") as python:
            if sys.stderr is sys.__stderr__:  # else it is a notebook's, say, and not the descriptor
                stack.enter_context(contextlib.redirect_stderr(python))
            try:
                yield
            except Exception:
                said.seek(0)
                os.write(screen, said.read())
                raise
            finally:
                python.flush()
                os.dup2(screen, 2)


with _quiet():
    try:
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.list_physical_devices()  # looks for a GPU now, not at the first operation
    except (ImportError, ValueError) as error:  # an engine that is not installed, or is not one
        raise ImportError(
            f"KERAS_BACKEND={os.environ.get('KERAS_BACKEND', 'tensorflow')}: Keras can't start "
            f"this engine ({error}). Install it, or set KERAS_BACKEND=tensorflow."
        ) from None

__all__ = ["keras"]
