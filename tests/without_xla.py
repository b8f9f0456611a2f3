"""TensorFlow's graphs as they stand: of a few steps, XLA would take most of the time."""

from __future__ import annotations

import contextlib


@contextlib.contextmanager
def without_xla():
    """Lets `tf.function` compile nothing, for as long as this is open."""
    import tensorflow as tf

    function = tf.function

    def graph(*args, jit_compile=None, **options):
        return function(*args, **options)

    tf.function = graph
    # To rewrite graphs takes time, too; and a new axis of what was stacked would be lost.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.function = function
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
