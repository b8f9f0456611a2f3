"""The layers of MuseGAN, as matrix products.

A strided convolution is a matrix product of patches. Written so it has gradients of any order on
every engine, and takes a fraction of the time of the library's convolutions on a CPU, where the
gradient of a gradient of a strided convolution is slow. The product is always of two matrices: one
of many axes by a matrix is computed as many small products.

Axes are `(batch, bars, steps, pitches, channels)` throughout, or without the pitches where they
are gone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

SLOPE = 0.2  # of a leaky ReLU below 0


def leaky_relu(x: Any) -> Any:
    """`x` above 0, a fifth of it below."""
    return ops.leaky_relu(x, negative_slope=SLOPE)


def product(x: Any, matrix: Any) -> Any:
    """`x` `(..., channels)` times `(channels, filters)`, as one matrix product."""
    flat = ops.matmul(ops.reshape(x, (-1, x.shape[-1])), matrix)
    return ops.reshape(flat, (-1, *x.shape[1:-1], matrix.shape[-1]))


def every_bar(noise: Any, bars: int) -> Any:
    """The same vector in every bar: `(batch, size)` to `(batch, bars, size)`."""
    return ops.repeat(noise[:, None], bars, axis=1)


def beside(x: Any) -> Any:
    """Each place `(batch, places, channels)` with those beside it: three times the channels."""
    before = ops.pad(x[:, :-1], ((0, 0), (1, 0), (0, 0)))
    after = ops.pad(x[:, 1:], ((0, 0), (0, 1), (0, 0)))
    return ops.concatenate([before, x, after], axis=-1)


def prime_factors(number: int) -> list[int]:
    """The prime factors of a number, ascending; none of 1."""
    factors, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors


@keras.saving.register_keras_serializable("musegen")
class Linear(keras.layers.Dense):
    """`keras.layers.Dense` without an activation, as one matrix product whatever the axes."""

    def call(self, inputs: Any, training: Any = None) -> Any:
        return product(inputs, self.kernel) + self.bias


class Filters(keras.layers.Layer):
    """A layer of a kernel and a bias, whose config has `filters`, the channels that come out."""

    arguments: tuple[str, ...] = ("filters",)

    def add_weights(self, shape: Sequence[int], initializer: Any = "he_normal") -> None:
        """Makes a kernel `(*shape, filters)` and the bias."""
        shape = (*shape, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in self.arguments}}


@keras.saving.register_keras_serializable("musegen")
class PatchConv3D(Filters):
    """A convolution over bars, steps and pitches: `keras.layers.Conv3D` as a matrix product.

    Args:
        filters: Channels that come out.
        kernel_size: Bars, steps and pitches that a patch has.
        strides: From one patch to the next.
        padding: `"valid"`, or `"same"` as TensorFlow pads.
    """

    arguments = ("filters", "kernel_size", "strides", "padding")

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, int, int],
        strides: tuple[int, int, int],
        padding: str = "valid",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.padding = filters, padding
        self.kernel_size, self.strides = tuple(kernel_size), tuple(strides)

    def build(self, input_shape: Any) -> None:
        self.add_weights((*self.kernel_size, input_shape[-1]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *self._counts(input_shape), self.filters)

    def _counts(self, shape: Any) -> list[int]:
        """How many patches there are along each axis."""
        sizes = list(zip(shape[1:4], self.kernel_size, self.strides, strict=True))
        if self.padding == "same":
            return [-(-size // stride) for size, _, stride in sizes]
        return [(size - kernel) // stride + 1 for size, kernel, stride in sizes]

    def call(self, x: Any) -> Any:
        counts = self._counts(x.shape)
        patch_axes, place = [], 1  # where the axes within a patch come to stand
        for count, kernel, stride in zip(counts, self.kernel_size, self.strides, strict=True):
            x = _patches(x, place, count, kernel, stride, self.padding)
            place += 1
            if kernel > 1:
                patch_axes.append(place)
                place += 1
        rest = [axis for axis in range(len(x.shape)) if axis not in patch_axes]
        order = [*rest[:-1], *patch_axes, rest[-1]]
        long = [axis for axis in order if axis == 0 or x.shape[axis] > 1]
        if long != sorted(long):  # else a reshape is enough
            x = ops.transpose(x, order)
        x = ops.reshape(x, (-1, *counts, math.prod(self.kernel.shape[:-1])))
        return product(x, ops.reshape(self.kernel, (-1, self.filters))) + self.bias


def _patches(x: Any, axis: int, count: int, kernel: int, stride: int, padding: str) -> Any:
    """Cuts an axis into `count` patches, an axis of `kernel` places after it if that is over 1."""
    needed = (count - 1) * stride + kernel
    missing = needed - x.shape[axis]
    if padding == "same" and missing > 0:
        widths = [(0, 0)] * len(x.shape)
        widths[axis] = (missing // 2, missing - missing // 2)
        x = ops.pad(x, widths)

    def taken(first: int, last: int, step: int) -> Any:
        return x[(slice(None),) * axis + (slice(first, last, step),)]

    if kernel == 1:
        return taken(0, needed, stride) if stride > 1 or missing < 0 else x
    if kernel % stride:
        last = (count - 1) * stride + 1
        return ops.stack([taken(i, last + i, stride) for i in range(kernel)], axis=axis + 1)
    # In blocks of a stride, of which a patch has several.
    inside, blocks = kernel // stride, count - 1 + kernel // stride
    x = taken(0, needed, 1) if missing < 0 else x
    x = ops.reshape(x, (-1, *x.shape[1:axis], blocks, stride, *x.shape[axis + 1 :]))
    if inside > 1:
        x = ops.concatenate([taken(i, count + i, 1) for i in range(inside)], axis=axis + 1)
    return x


@keras.saving.register_keras_serializable("musegen")
class PitchClassConv(Filters):
    """A convolution around the circle of the twelve pitch classes.

    `(batch, bars, steps, 12, channels)` to `(batch, bars, steps, 12, filters)`: place `r` sees the
    pitch classes from `r` on, so that what a filter knows of intervals it knows in every key.

    Args:
        filters: Channels that come out.
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: Any) -> None:
        self.add_weights((12, input_shape[-1]))

    def call(self, x: Any) -> Any:
        # (12 heard, channels, 12 roots, filters): one matrix for all roots.
        roots = [ops.roll(self.kernel, root, axis=0) for root in range(12)]
        matrix = ops.reshape(ops.stack(roots, axis=2), (12 * x.shape[-1], 12 * self.filters))
        flat = ops.reshape(x, (-1, *x.shape[1:3], 12 * x.shape[-1]))
        return ops.reshape(product(flat, matrix), (-1, *x.shape[1:4], self.filters)) + self.bias


@keras.saving.register_keras_serializable("musegen")
class Upsample(Filters):
    """A transposed convolution along one axis whose stride is its kernel, so that nothing overlaps.

    Args:
        filters: Channels that come out.
        factor: By how much the axis grows.
        axis: Which axis, from 1.
    """

    arguments = ("filters", "factor", "axis")

    def __init__(self, filters: int, factor: int, axis: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.factor, self.axis = filters, factor, axis

    def build(self, input_shape: Any) -> None:
        # Given its fan-in: Keras would count the factor as part of it.
        deviation = math.sqrt(2 / input_shape[-1])
        initializer = keras.initializers.TruncatedNormal(stddev=deviation / 0.88)
        self.add_weights((input_shape[-1], self.factor), initializer)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = [*input_shape[:-1], self.filters]
        shape[self.axis] *= self.factor
        return tuple(shape)

    def call(self, x: Any) -> Any:
        shape = x.shape
        x = product(x, ops.reshape(self.kernel, (shape[-1], self.factor * self.filters)))
        x = ops.reshape(x, (-1, *shape[1:-1], self.factor, self.filters))
        # The factor's axis goes next to the one that grows.
        x = ops.moveaxis(x, -2, self.axis + 1) if self.axis < len(shape) - 2 else x
        return ops.reshape(x, (-1, *self.compute_output_shape(shape)[1:])) + self.bias
