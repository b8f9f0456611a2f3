"""Keras on the engine that the user has chosen; an ImportError says so where it can't start."""

from __future__ import annotations

import os

try:
    import keras
except (ImportError, ValueError) as error:  # an engine that is not installed, or is not one
    raise ImportError(
        f"KERAS_BACKEND={os.environ.get('KERAS_BACKEND', 'tensorflow')}: Keras can't start this "
        f"engine ({error}). Install it, or set KERAS_BACKEND=tensorflow."
    ) from None

__all__ = ["keras"]
